//! Probes the checks of an exercise once, without comparing what they see with anything.

use std::cell::RefCell;

use futures_util::stream::{self, StreamExt};

use crate::engine::Engine;
use crate::event::Outcome;
use crate::expect::Actual;
use crate::lab::{Check, Exercise, StepKind};
use crate::localized;
use crate::probe::ProbeMode;
use crate::runner::act::{Captures, StepResult, capture, evaluate, run_step_once};
use crate::runner::measure::measure_ratio;
use crate::runner::{Live, Runner};

/// Returns what the checks of an exercise see now, without waiting for any.
pub(super) async fn probe_once<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercise: &Exercise,
) -> Vec<Option<Actual>> {
    let captures = RefCell::new(Captures::new());
    let mut results = probe_all(runner, live, exercise.checks(), &captures).await;
    measure_last(runner, live, exercise, &mut results).await;
    results.into_iter().map(|result| result.actual).collect()
}

/// The most probes of one exercise at the same time.
const PARALLEL: usize = 8;

/// Probes every check once: in order if one captures a value, which the next may use, and otherwise at the same time. Ratios
/// are not measured.
pub(super) async fn probe_all<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    checks: &[Check],
    captures: &RefCell<Captures>,
) -> Vec<StepResult> {
    let parallel = match checks.iter().any(|check| check.step.capture.is_some()) {
        true => 1,
        false => PARALLEL,
    };
    let probes = checks.iter().map(async |check| match &check.step.act {
        StepKind::Ratio(_) => not_measured(check),
        _ => probe_check(runner, live, check, captures).await,
    });
    stream::iter(probes).buffered(parallel).collect().await
}

/// Measures the ratios of an exercise, once all its other checks pass: before that, the times say nothing about its solution.
pub(super) async fn measure_last<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercise: &Exercise,
    results: &mut [StepResult],
) {
    let checks = exercise.checks();
    let mut others = checks.iter().zip(&*results);
    let others_pass = others.all(|(check, result)| {
        matches!(check.step.act, StepKind::Ratio(_)) || result.outcome.passed()
    });
    for (check, result) in checks.iter().zip(results) {
        if let StepKind::Ratio(ratio) = &check.step.act {
            *result = match others_pass {
                true => {
                    let measured = measure_ratio(runner, live, &exercise.measure, ratio).await;
                    evaluate(&check.step, measured)
                }
                false => not_measured(check),
            };
        }
    }
}

/// Returns the result of a ratio that is not measured yet.
fn not_measured(check: &Check) -> StepResult {
    StepResult {
        outcome: Outcome::Fail {
            expected: check.step.expect.text().localized(),
            actual: localized!("not measured before the other checks pass"),
            hint: None,
        },
        actual: None,
        error: None,
        held: None,
    }
}

/// Probes a check once and keeps what it captures.
pub(super) async fn probe_check<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    check: &Check,
    captures: &RefCell<Captures>,
) -> StepResult {
    let before = captures.borrow().clone();
    let mode = ProbeMode::of_check(&check.step);
    let result = run_step_once(runner, live, &check.step, mode, &before).await;
    let (step, actual) = (&check.step, result.actual.as_ref());
    let captured = capture(step.capture.as_ref(), actual, &mut captures.borrow_mut());
    match captured {
        // A step that does not pass says why.
        Err(why) if result.outcome.passed() => StepResult {
            outcome: Outcome::ProbeError {
                reason: why.localized(),
            },
            ..result
        },
        Ok(()) | Err(_) => result,
    }
}
