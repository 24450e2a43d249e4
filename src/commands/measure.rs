//! `roadlab measure`: compares how long the sides of an exercise take for the same question.

use serde_json::{Value, json};

use crate::app::{MeasureReport, find_exercise};
use crate::commands::Context;
use crate::event::{SideTimes, ratios};
use crate::exit::Exit;
use crate::lab::{Exercise, Lab};
use crate::localized;
use crate::report::{self, measured, output, sanitize, wrap};
use crate::runner::{Failure, MeasureOutcome};

pub(crate) async fn measure(
    context: &Context,
    name: &str,
    exercise: Option<&str>,
    rounds: usize,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let exercise = exercise.map(|name| find_exercise(&lab, name)).transpose()?;
    let exercise = context.app.measured_exercise(&lab, exercise)?;
    let engine = context.app.existing_engine().await?;
    let running = context.app.running(&engine, &lab).await?;
    let reports = running.measure(exercise, rounds).await;
    context.reporter.finish();
    match context.global.json {
        true => report::document(&document(&lab, exercise, &reports)),
        false => show(context, &lab, exercise, &reports),
    }
    let complete = |report: &MeasureReport| matches!(report.outcome, MeasureOutcome::Measured(_));
    Ok(match reports.iter().all(complete) {
        true => Exit::Success,
        false => Exit::CheckFailed,
    })
}

fn show(context: &Context, lab: &Lab, exercise: &Exercise, reports: &[MeasureReport]) {
    let paint = context.paint;
    let side = |id: &str| sanitize(&context.app.side_name(lab, exercise, id));
    let mut rounds = None;
    for report in reports {
        output(&paint.bold(&sanitize(&report.question)));
        match &report.outcome {
            MeasureOutcome::Measured(sides) => {
                let name = |times: &SideTimes| side(times.id.as_str());
                for line in measured(sides, &name, paint) {
                    output(&format!("  {line}"));
                }
                rounds = rounds.max(sides.iter().map(SideTimes::rounds).max());
            }
            MeasureOutcome::Failed { side: id, reason } => {
                let reason = sanitize(&reason.localized());
                let name = side(id.as_str());
                let line = localized!("no answer from {name}: {reason}", name, reason);
                output(&format!("  {}", paint.bad(&line)));
            }
            MeasureOutcome::Different { first, second, at } => {
                let line = match first == second {
                    true => localized!(
                        "not measured: the result of {side} changed meanwhile",
                        side = side(first.as_str())
                    ),
                    false => localized!(
                        "not measured: {first} and {second} give different results",
                        first = side(first.as_str()),
                        second = side(second.as_str())
                    ),
                };
                output(&format!("  {}", paint.bad(&line)));
                let place = match at.place.as_str() {
                    "" => String::new(),
                    place => format!("{place}: "),
                };
                output(&sanitize(&format!(
                    "    {place}{} ≠ {}",
                    at.first, at.second
                )));
            }
        }
        output("");
    }
    if let Some(rounds) = rounds {
        let text = localized!(
            "Times are shown where all sides gave the same result. They ran in turn, {rounds} times each, after some rounds that do not count. The times depend on this machine and what else it does; the ratio says more.",
            rounds
        );
        for line in wrap(&text, 0, context.width()) {
            output(&paint.dim(&line));
        }
    }
}

fn document(lab: &Lab, exercise: &Exercise, reports: &[MeasureReport]) -> Value {
    let measurements = reports.iter().map(|report| {
        let mut document = json!({ "id": report.id, "question": report.question });
        let result = match &report.outcome {
            MeasureOutcome::Measured(sides) => {
                let sides = sides.iter().zip(ratios(sides));
                let sides = sides.map(|(side, ratio)| {
                    json!({
                        "id": side.id.as_str(),
                        "rounds": side.rounds(),
                        "median_micros": side.median().as_micros() as u64,
                        "p95_micros": side.p95().as_micros() as u64,
                        "ratio": ratio,
                        "read": side.touched.map(|(count, _)| count),
                        "unit": side.touched.map(|(_, unit)| unit.name()),
                    })
                });
                json!({ "result": "measured", "sides": sides.collect::<Vec<_>>() })
            }
            MeasureOutcome::Failed { side, reason } => json!({
                "result": "failed",
                "side": side.as_str(),
                "reason": reason.localized(),
            }),
            MeasureOutcome::Different { first, second, at } => json!({
                "result": "different",
                "first": first.as_str(),
                "second": second.as_str(),
                "place": at.place,
                "first_value": at.first,
                "second_value": at.second,
            }),
        };
        if let (Value::Object(document), Value::Object(result)) = (&mut document, result) {
            document.extend(result);
        }
        document
    });
    json!({
        "lab": lab.id.as_str(),
        "exercise": exercise.id.as_str(),
        "measurements": measurements.collect::<Vec<_>>(),
    })
}
