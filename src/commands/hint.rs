//! `roadlab hint`: the hint for what the checks find, and the next of the ordered hints, or those that were shown before.

use serde_json::json;

use crate::app::{WhichHints, find_exercise};
use crate::commands::{Context, quiz_output};
use crate::exit::Exit;
use crate::lab::Task;
use crate::localized;
use crate::report::{self, error, markdown, output, sanitize};
use crate::runner::Failure;

pub(crate) async fn hint(
    context: &Context,
    name: &str,
    exercise: Option<&str>,
    which: WhichHints,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let named = exercise;
    let exercise = match named {
        Some(name) => find_exercise(&lab, name)?,
        None => context.app.present_exercise(&lab)?,
    };
    let hint = context.app.hint(&lab, exercise, which).await?;
    context.reporter.finish();
    let not_checked = hint.not_checked.as_ref().map(ToString::to_string);
    if context.global.json {
        let ordered = hint.ordered.as_ref();
        report::document(&json!({
            "lab": lab.id.as_str(),
            "exercise": exercise.id.as_str(),
            "seen": hint.conditional,
            "hint": ordered.map(|hint| &hint.markdown),
            "number": ordered.map_or(1, |hint| hint.number),
            "of": ordered.map_or(0, |hint| hint.of),
            "repeated": ordered.is_some_and(|hint| hint.repeated),
            "shown": hint.shown.iter().map(|hint| &hint.markdown).collect::<Vec<_>>(),
            "answered": hint.answered,
            "not_checked": not_checked,
        }));
        return Ok(Exit::Success);
    }
    if let Some(reason) = &not_checked {
        let reason = sanitize(reason);
        error(&localized!("the checks did not run: {reason}", reason));
    }
    let (paint, width) = (context.paint, context.width());
    if named.is_none() {
        let title = sanitize(&lab.section(&exercise.id, &context.app.lang).title);
        output(&format!("{}  {title}", paint.bold(exercise.id.as_str())));
        output("");
    }
    if let Some(text) = &hint.conditional {
        let title = match exercise.task {
            Task::Practical { .. } => localized!("About the first failed check"),
            Task::Quiz(_) => localized!("About your answer"),
        };
        output(&paint.warn(&title));
        output(&markdown(text, width, paint));
        output("");
    }
    let ordered = match which {
        WhichHints::Next => hint.ordered.as_slice(),
        WhichHints::Again => hint.shown.as_slice(),
    };
    for (at, one) in ordered.iter().enumerate() {
        if at > 0 {
            output("");
        }
        let title = localized!("Hint {number} of {all}", number = one.number, all = one.of);
        output(&paint.warn(&title));
        output(&markdown(&one.markdown, width, paint));
    }
    let command = |verb: &str| {
        let lab = context.app.lab_argument(&lab.id);
        format!("roadlab {verb} {lab} {}", exercise.id)
    };
    let last = ordered.last();
    let earlier = last.filter(|last| last.number > 1 && which == WhichHints::Next);
    let earlier = earlier.map(|_| {
        let command = format!("{} --again", command("hint"));
        localized!("`{command}` shows the hints before this one", command)
    });
    let no_further = last.filter(|last| last.repeated && last.number == last.of);
    let no_further = no_further.map(|_| {
        localized!(
            "there is no further hint; `{command}` shows and plays the solution",
            command = command("solve")
        )
    });
    if earlier.is_some() || no_further.is_some() {
        output("");
    }
    for line in earlier.iter().chain(&no_further) {
        output(&paint.dim(line));
    }
    if last.is_none() && hint.conditional.is_none() && !matches!(exercise.task, Task::Quiz(_)) {
        output(&match which {
            WhichHints::Next => localized!("this exercise has no hint"),
            WhichHints::Again => localized!("no hint of this exercise was shown yet"),
        });
    }
    if let Some(choice) = &hint.answered {
        output(&localized!(
            "this quiz is answered: `{choice}` is correct",
            choice
        ));
        output(&quiz_output::how_to_read(&context.app, &lab, exercise));
    } else if let Task::Quiz(quiz) = &exercise.task {
        if hint.conditional.is_none() && hint.ordered.is_none() {
            output(&localized!(
                "a quiz has no hint before it is answered; a wrong choice says why it is wrong"
            ));
        }
        output(&quiz_output::how_to_read(&context.app, &lab, exercise));
        output(&quiz_output::how_to_answer(
            &context.app,
            &lab,
            exercise,
            quiz,
        ));
    }
    Ok(Exit::Success)
}
