//! Runs steps: `start`, `health`, solutions and wrong answers. A step whose value does not match is a failure with both values.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::{Engine, clock};
use crate::event::{Event, Outcome, StartPart};
use crate::expect::{Actual, ValueNames, ValuePath, Words};
use crate::lab::{Capture, Condition, Restart, Step, StepKind};
use crate::probe::{ProbeError, ProbeMode, StepMode};
use crate::runner::container::{container_id, grace};
use crate::runner::fault::apply_fault;
use crate::runner::ready::wait;
use crate::runner::unavailable::probe_service;
use crate::runner::{Failure, Live, Runner};
use crate::store::Workspace;
use crate::text::Text;
use crate::{localized, text};

/// The captured values of earlier steps, by name.
pub(crate) type Captures = BTreeMap<String, String>;

/// The pause between two probes of a step with `within`: the first one, and the longest.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The result of one step.
#[derive(Debug, Clone)]
pub(crate) struct StepResult {
    /// Without the hint, which only a check has.
    pub(crate) outcome: Outcome,
    /// What the probe returned.
    pub(crate) actual: Option<Actual>,
    /// Why it returned nothing.
    pub(crate) error: Option<ProbeError>,
    /// How long the result was as expected before it no longer was, if it had to be for a while.
    pub(crate) held: Option<Duration>,
}

impl StepResult {
    /// Returns whether there is nothing to wait for, since a paused service does not answer until it continues.
    pub(super) fn is_of_paused_service(&self) -> bool {
        matches!(self.error, Some(ProbeError::Paused { .. }))
    }
}

/// Why a step did not pass.
pub(crate) struct StepProblem {
    pub(crate) reason: Text,
    /// The reason in words for a learner, without JSONPath, regular expressions and JSON.
    pub(crate) words: Text,
    /// Whether another session holds a lock that the step waited for.
    pub(crate) locked: bool,
}

/// Runs steps in order, each in its mode, and stops at the first that does not pass. `what` names the steps in the failure.
pub(crate) async fn run_steps<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    steps: &[Step],
    mode: StepMode,
    what: &str,
) -> Result<(), Failure> {
    let mut captures = Captures::new();
    let mut ended = Ok(());
    for step in steps {
        let begun = Instant::now();
        let played = play_step(runner, live, step, mode(step), &mut captures).await;
        runner.emit(Event::StartPartFinished {
            part: StartPart::Step,
            step: Some(step.act.to_string()),
            micros: begun.elapsed().as_micros() as u64,
        });
        if let Some(problem) = played? {
            let text = text!(
                "{what}: `{step}` ({place}): {reason}",
                what,
                step = step.act,
                place = step.place,
                reason = problem.words
            );
            ended = Err(match problem.locked {
                true => Failure::StepLocked(text),
                false => Failure::Step(text),
            });
            break;
        }
    }
    live.end_sql_sessions().await;
    ended
}

/// Runs one step and keeps what it captures. Returns why it did not pass.
pub(crate) async fn play_step<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    step: &Step,
    mode: ProbeMode,
    captures: &mut Captures,
) -> Result<Option<StepProblem>, Failure> {
    runner.emit(Event::Step {
        step: step.act.to_string(),
    });
    if let StepKind::Restart(restart) = &step.act {
        restart_service(runner, live, restart).await?;
        return Ok(None);
    }
    if let StepKind::Fault(fault) = &step.act {
        apply_fault(runner, live, fault).await?;
        return Ok(None);
    }
    // A program may do what an open session is in the way of, such as copy a database.
    if let StepKind::Exec(_) | StepKind::Client(_) = &step.act {
        live.end_sql_sessions().await;
    }
    let result = run_step(runner, live, step, mode, captures).await;
    if let Some(workspace) = live.workspace.as_ref().filter(|_| result.actual.is_some()) {
        Workspace::record_written(workspace, step)?;
    }
    let locked = matches!(result.error, Some(ProbeError::Locked(_)));
    let words = match (&result.outcome, &result.actual) {
        (Outcome::Fail { .. }, Some(actual)) => {
            let words = step.expect.words(actual, &ValueNames::default());
            // What holds at last, but not for as long as it must, has none.
            (words != Words::default()).then(|| Text::verbatim(words.sentence()))
        }
        (Outcome::Pass, _) => {
            let path = step
                .capture
                .as_ref()
                .and_then(|capture| capture.path.as_ref());
            let path = path.and_then(ValuePath::words);
            path.map(|path| text!("the response does not contain `{path}`", path))
        }
        _ => None,
    };
    let reason = match result.outcome {
        Outcome::Pass => match capture(step.capture.as_ref(), result.actual.as_ref(), captures) {
            Ok(()) => return Ok(None),
            Err(reason) => reason,
        },
        Outcome::Fail {
            expected, actual, ..
        } => text!("expected {expected}, got {actual}", expected, actual),
        Outcome::ProbeError { reason } => {
            runner.check_engine().await?;
            Text::verbatim(reason)
        }
    };
    Ok(Some(StepProblem {
        words: words.unwrap_or_else(|| reason.clone()),
        reason,
        locked,
    }))
}

/// Probes once, or until the step passes and at most for the time that it allows, and then for as long as it must hold.
pub(crate) async fn run_step<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    step: &Step,
    mode: ProbeMode,
    captures: &Captures,
) -> StepResult {
    let deadline = step.within.map(|within| clock::now() + within);
    let mut pause = PAUSE;
    loop {
        let mut result = run_step_once(runner, live, step, mode, captures).await;
        if let Some(time) = step.holds_for.filter(|_| result.outcome.passed()) {
            result = hold(time, || run_step_once(runner, live, step, mode, captures)).await;
        }
        if result.outcome.passed()
            || result.is_of_paused_service()
            || deadline.is_none_or(|deadline| clock::now() + pause > deadline)
        {
            return result;
        }
        // Without its engine a service does not come back within the time of a step.
        if result.actual.is_none() && runner.check_engine().await.is_err() {
            return result;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Probes for a time, until the step does not pass.
async fn hold<F: Future<Output = StepResult>>(time: Duration, probe: impl Fn() -> F) -> StepResult {
    let begun = clock::now();
    loop {
        let held = clock::since(begun);
        tokio::time::sleep(LONGEST_PAUSE.min(time.saturating_sub(held))).await;
        let result = probe().await;
        if !result.outcome.passed() {
            return not_held(result, time, held);
        }
        if clock::since(begun) >= time {
            return result;
        }
    }
}

/// Describes a result that was as expected at first.
pub(super) fn not_held(result: StepResult, time: Duration, held: Duration) -> StepResult {
    let outcome = match result.outcome {
        Outcome::Fail {
            expected,
            actual,
            hint,
        } => Outcome::Fail {
            expected: localized!(
                "{expected}, for {time} s",
                expected,
                time = time.as_secs_f64()
            ),
            actual: localized!(
                "{actual}, after {time} s",
                actual,
                time = format!("{:.1}", held.as_secs_f64())
            ),
            hint,
        },
        outcome @ (Outcome::Pass | Outcome::ProbeError { .. }) => outcome,
    };
    StepResult {
        outcome,
        held: Some(held),
        ..result
    }
}

/// Probes once.
pub(crate) async fn run_step_once<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    step: &Step,
    mode: ProbeMode,
    captures: &Captures,
) -> StepResult {
    let act = step.act.with_captures(captures);
    let probed = probe_service(runner, live, &act, mode, step.timeout).await;
    evaluate(step, probed)
}

pub(super) fn evaluate(step: &Step, actual: Result<Actual, ProbeError>) -> StepResult {
    match actual {
        Err(error) => StepResult {
            outcome: Outcome::ProbeError {
                reason: error.to_string(),
            },
            actual: None,
            error: Some(error),
            held: None,
        },
        Ok(actual) => StepResult {
            outcome: match step.expect.evaluate(&actual) {
                Ok(()) => Outcome::Pass,
                Err(mismatch) => Outcome::Fail {
                    expected: mismatch.expected.localized(),
                    actual: mismatch.actual.localized(),
                    hint: None,
                },
            },
            actual: Some(actual),
            error: None,
            held: None,
        },
    }
}

/// Keeps the value that a step captures.
///
/// # Errors
/// There is no such value.
pub(crate) fn capture(
    capture: Option<&Capture>,
    actual: Option<&Actual>,
    captures: &mut Captures,
) -> Result<(), Text> {
    let Some((capture, actual)) = capture.zip(actual) else {
        return Ok(());
    };
    let value = match &capture.path {
        Some(path) => path.select(&actual.value),
        None => Some(actual.value.clone()),
    };
    let text = match value.unwrap_or_default() {
        Value::Null => None,
        // What a path selects that can select several values.
        Value::Array(items) if items.is_empty() && capture.path.is_some() => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let path = capture.path.as_ref();
    let path = path.map_or_else(|| "$".to_owned(), ToString::to_string);
    let text = text.ok_or_else(|| {
        text!(
            "nothing to capture as `{name}`: `{path}` selects nothing in {actual}",
            name = capture.name,
            path,
            actual = actual.text()
        )
    })?;
    captures.insert(capture.name.clone(), text);
    Ok(())
}

/// Restarts a service and waits until it is healthy. Observes the lab again afterwards, since the host port may change.
pub(crate) async fn restart_service<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    restart: &Restart,
) -> Result<(), Failure> {
    let service = &restart.service;
    let id = container_id(runner, live, service)?;
    let grace = grace(runner.lab, service, restart.how);
    let context = || localized!("cannot restart `{service}`", service);
    live.connections.forget(service).await;
    runner
        .engine
        .stop(&id, grace)
        .await
        .map_err(Failure::engine(crate::text::Text::verbatim(context())))?;
    runner
        .engine
        .start(&id)
        .await
        .map_err(Failure::engine(crate::text::Text::verbatim(context())))?;
    *live = Live::new(runner.lab, runner.observe().await?, live.workspace.take());
    wait(runner, live, service, Condition::Healthy).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Captures `token` and returns it, or why there is none.
    fn captured(path: Option<&str>, value: Value) -> Result<String, String> {
        let path = path.map(|path| ValuePath::parse(path).unwrap());
        let name = "token".to_owned();
        let mut captures = Captures::new();
        let actual = Actual::value(value);
        capture(Some(&Capture { name, path }), Some(&actual), &mut captures)
            .map(|()| captures.remove("token").unwrap())
            .map_err(|why| why.localized())
    }

    #[test]
    fn a_value_is_captured_as_text() {
        let of = |path, value| captured(path, value).unwrap();
        assert_eq!(of(Some("$.a"), json!({"a": "x"})), "x");
        assert_eq!(of(Some("$.a"), json!({"a": 0})), "0");
        assert_eq!(of(Some("$.a"), json!({"a": ""})), "");
        assert_eq!(of(None, json!([])), "[]");
        assert_eq!(of(Some("$.a[*]"), json!({"a": [1, 2]})), "[1,2]");
    }

    #[test]
    fn a_path_that_selects_nothing_fails() {
        for (path, value) in [
            (Some("$.a"), json!({"b": 1})),
            (Some("$.a"), json!({"a": null})),
            (Some("$.a[*]"), json!({"a": []})),
            (None, json!(null)),
        ] {
            assert!(captured(path, value).is_err(), "{path:?}");
        }
        assert_eq!(
            captured(Some("$.access_token"), json!({"detail": "no"})).unwrap_err(),
            "nothing to capture as `token`: `$.access_token` selects nothing in {\"detail\":\"no\"}"
        );
    }
}
