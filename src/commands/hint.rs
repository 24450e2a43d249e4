//! `roadlab hint`: the hint for what the checks find, and the next of the ordered hints.

use serde_json::json;

use crate::app::find_exercise;
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
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let named = exercise;
    let exercise = match named {
        Some(name) => find_exercise(&lab, name)?,
        None => context.app.present_exercise(&lab)?,
    };
    let hint = context.app.hint(&lab, exercise).await?;
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
    match &hint.ordered {
        Some(ordered) => {
            let title = localized!(
                "Hint {number} of {all}",
                number = ordered.number,
                all = ordered.of
            );
            output(&paint.warn(&title));
            output(&markdown(&ordered.markdown, width, paint));
            if ordered.repeated {
                let solve = format!(
                    "roadlab solve {} {}",
                    context.app.lab_argument(&lab.id),
                    exercise.id
                );
                output("");
                output(&paint.dim(&localized!(
                    "there is no further hint; `{command}` shows and plays the solution",
                    command = solve
                )));
            }
        }
        None if hint.conditional.is_none() && !matches!(exercise.task, Task::Quiz(_)) => {
            output(&localized!("this exercise has no hint"));
        }
        None => {}
    }
    if let Task::Quiz(quiz) = &exercise.task {
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
