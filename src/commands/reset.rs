//! `roadlab reset`: back to the start, or to where one exercise begins.

use std::time::Instant;

use serde_json::json;

use crate::commands::up::get_images;
use crate::commands::{Context, exercise};
use crate::exit::Exit;
use crate::lab::{Exercise, Task};
use crate::plan::Scope;
use crate::report::{self, duration, output, t};
use crate::runner::{self, Expiry, Failure, OnFailure, SweepMode, Up, teardown};
use crate::store::{Journal, Lifetime, SolvedBy};

pub(crate) async fn reset(
    context: &Context,
    name: &str,
    to: Option<&str>,
    hard: bool,
) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let lab = context.lab(name)?;
    let before: Vec<&Exercise> = match to {
        None => Vec::new(),
        Some(to) => {
            let to = exercise(&lab, to)?;
            lab.exercises
                .iter()
                .take_while(|exercise| exercise.id != to.id)
                .collect()
        }
    };
    let engine = context.existing_engine().await?;
    let _lock = context.lock(&engine, &lab.id).await?;
    let emit = |event| context.emit(event);
    let runner = context.runner(&engine, &lab, &emit);
    let workspace = context.workspace(&lab);
    let mut live = context.live(&runner).await?;
    if hard {
        // Images first: a lab that cannot be made again is not removed.
        let images = get_images(context, &runner).await?;
        let known = Journal::find(context.watch.folder(), &lab.id, &context.instance);
        known.iter().for_each(|journal| context.watch.end(journal));
        let scope = Scope::instance(&context.owner, &lab.id, &context.instance);
        teardown(&engine, &scope, SweepMode::Once, &emit).await?;
        known
            .iter()
            .for_each(|journal| context.watch.forget(&journal.run));
        if let Some(workspace) = &workspace {
            workspace.restore()?;
        }
        let up = Up {
            images: &images,
            workspace: workspace.as_ref(),
            life: Lifetime::Persistent,
            on_failure: OnFailure::TearDown,
            ends: match known.and_then(|journal| journal.until) {
                Some(until) => Expiry::At(until),
                None => Expiry::Unchanged,
            },
            watch: &context.watch,
        };
        live = runner::up(&runner, &up).await?.live;
    } else {
        runner::reset(&runner, &mut live, workspace.as_ref()).await?;
    }
    let available = |exercise: &&&Exercise| {
        exercise
            .needs_service
            .iter()
            .all(|name| live.addresses.contains_key(name))
    };
    let played: Vec<&Exercise> = before.iter().filter(available).copied().collect();
    runner::solve(&runner, &mut live, &played).await?;
    let mut progress = context.progress(&lab.id)?;
    progress.restart(
        &before
            .iter()
            .map(|exercise| &exercise.id)
            .collect::<Vec<_>>(),
    );
    for exercise in &played {
        progress.finish(&exercise.id, SolvedBy::Solution);
        if let Task::Quiz(quiz) = &exercise.task {
            progress
                .answers
                .entry(exercise.id.clone())
                .or_insert_with(|| quiz.answer.clone());
        }
    }
    progress.write()?;
    context.reporter.finish();
    let millis = begun.elapsed().as_millis() as u64;
    if context.global.json {
        report::document(
            &json!({ "lab": lab.id.as_str(), "hard": hard, "played": played.len(), "millis": millis }),
        );
        return Ok(Exit::Success);
    }
    let time = duration(millis);
    let text = match to {
        Some(to) => t!(
            "learn.at_exercise",
            lab = lab.id,
            exercise = to,
            time = time,
            count = played.len()
        ),
        None => t!("learn.at_start", lab = lab.id, time = time),
    };
    output(&text);
    Ok(Exit::Success)
}
