//! `roadlab measure`: compares how long the sides of an exercise take for the same question.

use serde_json::{Value, json};

use crate::app::{MeasureReport, find_exercise};
use crate::commands::Context;
use crate::commands::measure_output::{explanation, report_lines};
use crate::event::ratios;
use crate::exit::Exit;
use crate::lab::{Exercise, Lab};
use crate::report::{self, output, sanitize};
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
    for report in reports {
        output(&context.paint.bold(&sanitize(&report.question)));
        for line in report_lines(context, lab, exercise, report) {
            output(&line);
        }
        output("");
    }
    for line in explanation(context, reports) {
        output(&line);
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
