//! `roadlab answer`: answers a quiz.

use serde_json::json;

use crate::commands::{Context, exercise};
use crate::exit::Exit;
use crate::lab::{Addresses, Task, render};
use crate::problem::{Problem, suggestion};
use crate::report::{self, markdown, output, t};
use crate::runner::{Failure, judge_quiz};
use crate::store::SolvedBy;
use crate::text;

pub(crate) fn answer(
    context: &Context,
    name: &str,
    one: &str,
    choice: &str,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let exercise = exercise(&lab, one)?;
    let Task::Quiz(quiz) = &exercise.task else {
        let what = format!(
            "`{}` is not a quiz: do it, then `roadlab check {} {}`",
            exercise.id, lab.id, exercise.id
        );
        return Err(Failure::Usage(what));
    };
    if !quiz.choices.iter().any(|known| known == choice) {
        let problem = Problem::new(text!("no such choice: `{choice}`", choice));
        let help = suggestion(choice, quiz.choices.iter().map(String::as_str));
        return Err(Failure::Problems(vec![problem.help(help)]));
    }
    let verdict = judge_quiz(quiz, Some(choice));
    let mut progress = context.progress(&lab.id)?;
    progress
        .answers
        .insert(exercise.id.clone(), choice.to_owned());
    if verdict.passed() {
        progress.finish(&exercise.id, SolvedBy::Learner);
    }
    progress.write()?;
    let section = lab.section(&exercise.id, &context.lang);
    let text = match verdict.passed() {
        true => section.after.as_ref(),
        false => verdict
            .hint()
            .and_then(|name| section.named_hints.get(name)),
    };
    let fill =
        |text: &str| render(text, &lab, &Addresses::new()).unwrap_or_else(|_| text.to_owned());
    let text = text.map(|text| fill(&text.markdown));
    if context.global.json {
        report::document(
            &json!({ "exercise": exercise.id.as_str(), "choice": choice, "right": verdict.passed(), "text": text }),
        );
    } else {
        match verdict.passed() {
            true => output(&context.paint.good(&t!("session.right", choice = choice))),
            false => output(&context.paint.bad(&t!("session.wrong", choice = choice))),
        }
        if let Some(text) = text {
            output(&markdown(&text, context.width(), context.paint));
        }
    }
    Ok(if verdict.passed() {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}
