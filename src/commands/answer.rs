//! `roadlab answer`: answers a quiz.

use serde_json::json;

use crate::app::find_exercise;
use crate::commands::Context;
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, markdown, output};
use crate::runner::Failure;

pub(crate) async fn answer(
    context: &Context,
    name: &str,
    exercise: &str,
    choice: &str,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let exercise = find_exercise(&lab, exercise)?;
    let addresses = context.app.addresses(&lab).await;
    let answer = context.app.answer(&lab, exercise, choice, &addresses)?;
    let choice = &answer.choice;
    if context.global.json {
        report::document(&json!({
            "exercise": exercise.id.as_str(),
            "choice": choice,
            "right": answer.correct,
            "text": answer.text,
        }));
    } else {
        let paint = context.paint;
        output(&match answer.correct {
            true => paint.good(&localized!("{choice} is correct", choice)),
            false => paint.bad(&localized!("{choice} is not correct", choice)),
        });
        if let Some(text) = &answer.text {
            output("");
            output(&markdown(text, context.width(), paint));
        }
    }
    match answer.correct {
        true => Ok(Exit::Success),
        false => Ok(Exit::CheckFailed),
    }
}
