//! Measurements in words: a table of the sides, or why there is none.

use crate::app::MeasureReport;
use crate::commands::Context;
use crate::event::SideTimes;
use crate::lab::{Exercise, Lab};
use crate::localized;
use crate::report::{measured, sanitize, wrap};
use crate::runner::MeasureOutcome;

/// Returns the lines of a measurement below its question.
pub(crate) fn report_lines(
    context: &Context,
    lab: &Lab,
    exercise: &Exercise,
    report: &MeasureReport,
) -> Vec<String> {
    let paint = context.paint;
    let side = |id: &str| sanitize(&context.app.side_name(lab, exercise, id));
    match &report.outcome {
        MeasureOutcome::Measured(sides) => {
            let name = |times: &SideTimes| side(times.id.as_str());
            let lines = measured(sides, &name, paint).into_iter();
            lines.map(|line| format!("  {line}")).collect()
        }
        MeasureOutcome::Failed { side: id, reason } => {
            let reason = sanitize(&reason.localized());
            let name = side(id.as_str());
            let line = localized!("no answer from {name}: {reason}", name, reason);
            vec![format!("  {}", paint.bad(&line))]
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
            let place = match at.place.as_str() {
                "" => String::new(),
                place => format!("{place}: "),
            };
            vec![
                format!("  {}", paint.bad(&line)),
                sanitize(&format!("    {place}{} ≠ {}", at.first, at.second)),
            ]
        }
    }
}

/// Returns what the times of these measurements mean; nothing if there are none.
pub(crate) fn explanation(context: &Context, reports: &[MeasureReport]) -> Vec<String> {
    let rounds = reports.iter().filter_map(|report| match &report.outcome {
        MeasureOutcome::Measured(sides) => sides.iter().map(SideTimes::rounds).max(),
        MeasureOutcome::Failed { .. } | MeasureOutcome::Different { .. } => None,
    });
    let Some(rounds) = rounds.max() else {
        return Vec::new();
    };
    let text = localized!(
        "Times are shown where all sides gave the same result. They ran in turn, {rounds} times each, after some rounds that do not count. The times depend on this machine and what else it does; the ratio says more.",
        rounds
    );
    let lines = wrap(&text, 0, context.width()).into_iter();
    lines.map(|line| context.paint.dim(&line)).collect()
}
