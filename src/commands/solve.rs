//! `roadlab solve`: plays the solution of an exercise, after those it builds on.

use serde_json::json;

use crate::commands::{Context, exercise};
use crate::exit::Exit;
use crate::lab::{Exercise, Task};
use crate::report::{self, output, t};
use crate::runner::{self, Failure, check_exercises};
use crate::store::SolvedBy;

pub(crate) async fn solve(context: &Context, name: &str, one: &str) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let exercise = exercise(&lab, one)?;
    let engine = context.existing_engine().await?;
    let _lock = context.lock(&engine, &lab.id).await?;
    let emit = |event| context.emit(event);
    let runner = context.runner(&engine, &lab, &emit);
    let mut live = context.live(&runner).await?;
    let mut progress = context.progress(&lab.id)?;
    // What is solved already is not played again: a learner's own work stays.
    let needs = lab.prerequisites(&exercise.id);
    let judged = check_exercises(&runner, &live, &needs, &|id| {
        progress.answers.get(id).cloned()
    })
    .await;
    let open = needs
        .into_iter()
        .zip(&judged)
        .filter(|(_, judged)| !judged.passed())
        .map(|(need, _)| need);
    let played: Vec<&Exercise> = open.chain([exercise]).collect();
    runner::solve(&runner, &mut live, &played).await?;
    for exercise in &played {
        progress.finish(&exercise.id, SolvedBy::Solution);
        if let Task::Quiz(quiz) = &exercise.task {
            progress
                .answers
                .insert(exercise.id.clone(), quiz.answer.clone());
        }
    }
    progress.write()?;
    context.reporter.finish();
    let names: Vec<&str> = played.iter().map(|exercise| exercise.id.as_str()).collect();
    if context.global.json {
        report::document(&json!({ "lab": lab.id.as_str(), "solved": names }));
        return Ok(Exit::Success);
    }
    for exercise in played {
        let text = t!("learn.played", exercise = exercise.id);
        output(&context.paint.good(&text));
        match &exercise.task {
            Task::Practical { solution, .. } => {
                solution.iter().for_each(|step| {
                    output(&format!("  {}", report::sanitize(&step.act.to_string())))
                });
            }
            Task::Quiz(quiz) => {
                let answer = t!("learn.the_answer", choice = report::sanitize(&quiz.answer));
                output(&format!("  {answer}"));
            }
        }
    }
    Ok(Exit::Success)
}
