//! `roadlab test`: proves labs, each in a fresh instance of its own that is removed at the end.

use std::path::Path;

use serde_json::json;

use crate::app::ProofReport;
use crate::commands::{Context, junit};
use crate::event::Phase;
use crate::exit::Exit;
use crate::lab::{Lab, Task};
use crate::report::{self, JunitCase, duration, output, sanitize};
use crate::runner::Failure;
use crate::{localized, text_plural};

/// The phases of the proof of a practical exercise.
const PHASES: [Phase; 5] = [
    Phase::Start,
    Phase::WrongAnswer,
    Phase::Solution,
    Phase::SolutionAgain,
    Phase::Reset,
];

pub(crate) async fn test(
    context: &Context,
    names: &[String],
    junit: Option<&Path>,
) -> Result<Exit, Failure> {
    let labs = context.open_all(names)?;
    let engine = context.engine().await?;
    let mut cases = Vec::new();
    let mut exit = Exit::Success;
    for lab in &labs {
        let report = context.prove(&engine, lab).await?;
        if !report.proof.problems.is_empty() {
            exit = Exit::CheckFailed;
        }
        cases.extend(junit_cases(lab, &report));
        show(context, lab, &report);
    }
    context.reporter.finish();
    if let Some(path) = junit {
        junit::save(path, "roadlab test", &cases)?;
    }
    Ok(exit)
}

fn show(context: &Context, lab: &Lab, report: &ProofReport) {
    let proof = &report.proof;
    let mut resets = proof.resets.clone();
    resets.sort_unstable();
    let reset = resets.get(resets.len() / 2).copied().unwrap_or(0);
    let not_run = report.not_run.iter().map(|exercise| exercise.as_str());
    let not_run: Vec<&str> = not_run.collect();
    if context.global.json {
        let problems = proof.problems.iter().map(|problem| {
            json!({
                "exercise": problem.exercise.as_str(),
                "phase": problem.phase,
                "problem": problem.reason,
            })
        });
        report::line(&json!({
            "event": "tested",
            "lab": lab.id.as_str(),
            "sound": proof.problems.is_empty(),
            "exercises": proof.exercises,
            "checks": proof.checks,
            "wrong_answers": proof.wrong_answers,
            "not_run": not_run,
            "ready_millis": report.ready_millis,
            "reset_millis": reset,
            "resets": resets.len(),
            "millis": report.millis,
            "problems": problems.collect::<Vec<_>>(),
        }));
        return;
    }
    context.reporter.finish();
    let paint = context.paint;
    let id = &lab.id;
    let verdict = match proof.problems.len() {
        0 => paint.good(&localized!("{lab} passes its test", lab = id)),
        count => paint.bad(
            &text_plural!(
                "{lab} has {count} problem",
                "{lab} has {count} problems",
                count,
                lab = id
            )
            .localized(),
        ),
    };
    let figures = localized!(
        "{exercises}, {checks}, {wrong_answers}; ready after {ready}, reset in {reset}, all in {time}",
        exercises = text_plural!(
            "{count} exercise",
            "{count} exercises",
            count = proof.exercises
        ),
        checks = text_plural!("{count} check", "{count} checks", count = proof.checks),
        wrong_answers = text_plural!(
            "{count} wrong answer",
            "{count} wrong answers",
            count = proof.wrong_answers
        ),
        ready = duration(report.ready_millis),
        reset = duration(reset),
        time = duration(report.millis)
    );
    output(&format!("{verdict}: {figures}"));
    for problem in &proof.problems {
        output(&format!(
            "  {}, {}: {}",
            problem.exercise,
            problem.phase.name(),
            sanitize(&problem.reason)
        ));
    }
    if !not_run.is_empty() {
        let text = localized!(
            "not run, since a service is unavailable: {exercises}",
            exercises = not_run.join(", ")
        );
        output(&paint.warn(&format!("  {text}")));
    }
}

fn junit_cases(lab: &Lab, report: &ProofReport) -> Vec<JunitCase> {
    let mut cases = Vec::new();
    for exercise in &lab.exercises {
        let phases: &[Phase] = match exercise.task {
            Task::Quiz(_) => &[Phase::Quiz],
            Task::Practical { .. } => &PHASES,
        };
        for phase in phases {
            let mut problems = report.proof.problems.iter();
            let found =
                problems.find(|problem| problem.exercise == exercise.id && problem.phase == *phase);
            cases.push(JunitCase {
                suite: format!("{}.{}", lab.id, exercise.id),
                name: phase.name().to_owned(),
                problem: found.map(|problem| problem.reason.clone()),
            });
        }
    }
    cases
}
