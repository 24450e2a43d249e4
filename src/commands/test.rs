//! `roadlab test`: labs prove themselves, each in a fresh instance of its own that is removed at the end.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use crate::commands::Context;
use crate::commands::check::save_junit;
use crate::commands::up::get_images;
use crate::engine::Engine;
use crate::event::Phase;
use crate::exit::Exit;
use crate::lab::{Instance, Lab};
use crate::plan::Scope;
use crate::report::{self, JunitCase, duration, output, plural};
use crate::runner::{
    self, Expiry, Failure, OnFailure, Proof, Runner, SweepMode, Up, prove, teardown,
};
use crate::store::{Lifetime, Workspace};

pub(crate) async fn test(
    context: &Context,
    names: &[String],
    junit: Option<&Path>,
) -> Result<Exit, Failure> {
    let labs = names
        .iter()
        .map(|name| context.lab(name))
        .collect::<Result<Vec<_>, _>>()?;
    let engine = context.engine().await?;
    let mut cases = Vec::new();
    let mut sound = true;
    for lab in &labs {
        let begun = Instant::now();
        let (proof, ready, unavailable) = test_one(context, &engine, lab).await?;
        let millis = begun.elapsed().as_millis() as u64;
        sound &= proof.problems.is_empty();
        cases.extend(cases_of(lab, &proof));
        say(context, lab, &proof, ready, millis, &unavailable);
    }
    context.reporter.finish();
    if let Some(path) = junit {
        save_junit(path, "roadlab test", &cases)?;
    }
    Ok(if sound {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}

/// Proves one lab; returns how long it took to be ready, in milliseconds, and what was left out.
async fn test_one<E: Engine>(
    context: &Context,
    engine: &E,
    lab: &Lab,
) -> Result<(Proof, u64, Vec<String>), Failure> {
    let instance = Instance::new(&format!("test-{}", std::process::id()))
        .map_err(crate::commands::bad_name("instance"))?;
    let emit = |event| context.emit(event);
    let runner = Runner {
        instance: &instance,
        ..context.runner(engine, lab, &emit)
    };
    let images = get_images(context, &runner).await?;
    let folder = tempfile::tempdir().map_err(|error| {
        Failure::Environment(crate::text::Text::verbatim(format!(
            "no temporary folder: {error}"
        )))
    })?;
    let workspace = lab
        .workspace
        .as_deref()
        .map(|original| Workspace::below(folder.path(), &lab.id, &instance, original));
    let up = Up {
        images: &images,
        workspace: workspace.as_ref(),
        life: Lifetime::Process,
        on_failure: OnFailure::TearDown,
        ends: Expiry::Unchanged,
        watch: &context.watch,
    };
    let begun = Instant::now();
    let done = runner::up(&runner, &up).await?;
    let mut live = done.live;
    let ready = begun.elapsed().as_millis() as u64;
    let proved = prove(&runner, &mut live, workspace.as_ref()).await;
    let scope = Scope::instance(&context.owner, &lab.id, &instance);
    teardown(engine, &scope, SweepMode::Once, &emit).await?;
    context.watch.forget(&done.journal.run);
    let left_out = images.unavailable.keys().map(ToString::to_string).collect();
    Ok((proved?, ready, left_out))
}

fn say(context: &Context, lab: &Lab, proof: &Proof, ready: u64, millis: u64, left_out: &[String]) {
    let mut resets = proof.resets.clone();
    resets.sort_unstable();
    let reset = resets.get(resets.len() / 2).copied().unwrap_or(0);
    let skipped: Vec<&str> = {
        let needs = |exercise: &&crate::lab::Exercise| {
            exercise
                .needs_service
                .iter()
                .any(|name| left_out.contains(&name.to_string()))
        };
        lab.exercises
            .iter()
            .filter(needs)
            .map(|exercise| exercise.id.as_str())
            .collect()
    };
    if context.global.json {
        report::line(&json!({
            "event": "tested", "lab": lab.id.as_str(), "sound": proof.problems.is_empty(), "exercises": proof.exercises,
            "checks": proof.checks, "wrong_answers": proof.wrong_answers, "not_run": skipped,
            "ready_millis": ready, "reset_millis": reset, "resets": resets.len(), "millis": millis,
            "problems": proof.problems.iter().map(|(exercise, phase, problem)| {
                json!({ "exercise": exercise, "phase": phase, "problem": problem })
            }).collect::<Vec<_>>(),
        }));
        return;
    }
    context.reporter.finish();
    let word = match proof.problems.len() {
        0 => context.paint.good("is sound"),
        count => context
            .paint
            .bad(&format!("has {}", plural(count, "problem"))),
    };
    output(&format!(
        "{} {word}: {}, {}, {}; ready after {}, reset in {}, all in {}",
        context.paint.bold(lab.id.as_str()),
        plural(proof.exercises, "exercise"),
        plural(proof.checks, "check"),
        plural(proof.wrong_answers, "wrong answer"),
        duration(ready),
        duration(reset),
        duration(millis)
    ));
    for (exercise, phase, problem) in &proof.problems {
        output(&format!(
            "  {exercise}, {}: {}",
            phase.name(),
            report::sanitize(problem)
        ));
    }
    if !skipped.is_empty() {
        output(&context.paint.warn(&format!(
            "  not run, their service is not available: {}",
            skipped.join(", ")
        )));
    }
}

fn cases_of(lab: &Lab, proof: &Proof) -> Vec<JunitCase> {
    let phases = [
        Phase::Start,
        Phase::Wrong,
        Phase::Solution,
        Phase::SolutionAgain,
        Phase::Reset,
    ];
    let mut cases = Vec::new();
    for exercise in &lab.exercises {
        let quiz = matches!(exercise.task, crate::lab::Task::Quiz(_));
        let phases: &[Phase] = if quiz { &[Phase::Quiz] } else { &phases };
        for phase in phases {
            let found = proof
                .problems
                .iter()
                .find(|(id, at, _)| id == exercise.id.as_str() && at == phase);
            cases.push(JunitCase {
                suite: format!("{}.{}", lab.id, exercise.id),
                name: phase.name().to_owned(),
                problem: found.map(|(_, _, problem)| problem.clone()),
            });
        }
    }
    cases
}
