//! `roadlab solve`: runs the solution of an exercise, after those it builds on.

use serde_json::json;

use crate::app::find_exercise;
use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::Task;
use crate::localized;
use crate::report::{self, output, sanitize};
use crate::runner::Failure;

pub(crate) async fn solve(context: &Context, name: &str, exercise: &str) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let exercise = find_exercise(&lab, exercise)?;
    let engine = context.existing_engine().await?;
    let solved = context.solve(&engine, &lab, exercise).await?;
    context.reporter.finish();
    if context.global.json {
        let names = solved.iter().map(|exercise| exercise.id.as_str());
        let names: Vec<&str> = names.collect();
        report::document(&json!({ "lab": lab.id.as_str(), "solved": names }));
        return Ok(Exit::Success);
    }
    for exercise in solved {
        let text = localized!("ran the solution of {exercise}", exercise = exercise.id);
        output(&context.paint.good(&text));
        match &exercise.task {
            Task::Practical { solution, .. } => {
                let steps = solution.iter().map(|step| step.act.to_string());
                steps.for_each(|step| output(&format!("  {}", sanitize(&step))));
            }
            Task::Quiz(quiz) => {
                let choice = sanitize(&quiz.answer);
                let answer = localized!("the answer is {choice}", choice);
                output(&format!("  {answer}"));
            }
        }
    }
    Ok(Exit::Success)
}
