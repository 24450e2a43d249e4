//! `roadlab answer`: answers a quiz.

use serde_json::json;

use crate::app::find_exercise;
use crate::commands::{Context, next_output};
use crate::exit::Exit;
use crate::lab::{Lab, Task};
use crate::localized;
use crate::problem::code_list;
use crate::report::{self, markdown, output};
use crate::runner::Failure;
use crate::text;
use crate::text::Text;

pub(crate) async fn answer(
    context: &Context,
    name: &str,
    exercise: Option<&str>,
    choice: Option<&str>,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let Some(exercise) = exercise else {
        return Err(Failure::Usage(quizzes_of(context, &lab)));
    };
    let exercise = find_exercise(&lab, exercise)?;
    let choice = match (choice, &exercise.task) {
        (None, Task::Quiz(quiz)) => {
            let lab = context.app.lab_argument(&lab.id);
            return Err(Failure::Usage(text!(
                "choose one of {choices}: `{answer}`; `{show}` shows the question",
                choices = code_list(&quiz.choices),
                answer = format!("roadlab answer {lab} {} CHOICE", exercise.id),
                show = format!("roadlab show {lab} {}", exercise.id)
            )));
        }
        // What is no quiz is refused whatever the choice.
        (choice, _) => choice.unwrap_or_default(),
    };
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
        if answer.correct
            && let Some(next) = next_output::after_last(context, &lab)
        {
            output(&format!("\n{}", paint.good(&next)));
        }
    }
    match answer.correct {
        true => Ok(Exit::Success),
        false => Ok(Exit::CheckFailed),
    }
}

/// Returns which quizzes a lab has, and how one is answered.
fn quizzes_of(context: &Context, lab: &Lab) -> Text {
    let quizzes = lab.exercises.iter();
    let quizzes = quizzes.filter(|one| matches!(one.task, Task::Quiz(_)));
    let names: Vec<&str> = quizzes.map(|quiz| quiz.id.as_str()).collect();
    match names.is_empty() {
        true => text!("`{lab}` has no quiz", lab = lab.id),
        false => text!(
            "name a quiz: {quizzes}; `{command}` answers one",
            quizzes = code_list(&names),
            command = format!(
                "roadlab answer {} QUIZ CHOICE",
                context.app.lab_argument(&lab.id)
            )
        ),
    }
}
