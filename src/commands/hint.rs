//! `roadlab hint`: the hint that fits what the checks see, and the next of the ordered ones.

use serde_json::json;

use crate::commands::check::conditional_hint;
use crate::commands::{Context, exercise};
use crate::exit::Exit;
use crate::lab::{Addresses, render};
use crate::report::{self, markdown, output, t};
use crate::runner::{Failure, check_exercises};

pub(crate) async fn hint(context: &Context, name: &str, one: &str) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let exercise = exercise(&lab, one)?;
    let section = lab.section(&exercise.id, &context.lang);
    let mut progress = context.progress(&lab.id)?;
    let mut addresses = Addresses::new();
    let mut seen = None;
    // A hint can be read without an engine, too; then it is only the ordered one.
    let emit = |event| context.emit(event);
    if let Ok(engine) = context.existing_engine().await {
        let runner = context.runner(&engine, &lab, &emit);
        if let Ok(live) = context.live(&runner).await {
            let judged = check_exercises(&runner, &live, &[exercise], &|id| {
                progress.answers.get(id).cloned()
            })
            .await;
            seen = judged
                .first()
                .and_then(|judged| conditional_hint(&lab, &live, judged, &context.lang));
            addresses = live.addresses;
        }
    }
    let shown = progress
        .hints
        .get(&exercise.id)
        .copied()
        .unwrap_or(0)
        .min(section.hints.len());
    let at = shown.min(section.hints.len().saturating_sub(1));
    let fill = |text: &str| render(text, &lab, &addresses).unwrap_or_else(|_| text.to_owned());
    let ordered = section.hints.get(at).map(|hint| fill(&hint.markdown));
    progress
        .hints
        .insert(exercise.id.clone(), (at + 1).min(section.hints.len()));
    progress.write()?;
    context.reporter.finish();
    if context.global.json {
        report::document(
            &json!({ "lab": lab.id.as_str(), "exercise": exercise.id.as_str(), "seen": seen,
            "hint": ordered, "number": at + 1, "of": section.hints.len() }),
        );
        return Ok(Exit::Success);
    }
    let width = context.width();
    if let Some(seen) = &seen {
        output(&context.paint.warn(&t!("learn.seen")));
        output(&markdown(seen, width, context.paint));
        output("");
    }
    match ordered {
        Some(text) => {
            let title = t!(
                "session.hint_of",
                number = at + 1,
                all = section.hints.len()
            );
            output(&context.paint.warn(&title));
            output(&markdown(&text, width, context.paint));
        }
        None if seen.is_none() => output(&t!("session.no_hint")),
        None => {}
    }
    Ok(Exit::Success)
}
