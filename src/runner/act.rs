//! Plays steps: `start`, solutions, wrong answers. A step that must hold and does not is told with what was seen.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::engine::{Engine, clock};
use crate::event::Event;
use crate::expect::{Actual, Mismatch};
use crate::lab::{Capture, Condition, Restart, RestartMode, Step, StepKind};
use crate::probe::{ProbeError, probe};
use crate::runner::ready::wait;
use crate::runner::{Failure, Live, Runner};

/// Values kept for later steps, by name.
pub(crate) type Captures = BTreeMap<String, String>;

/// How long a service may take to stop before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Between two looks of a step with `within`, at first and at most.
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// What came of one step.
#[derive(Debug, Clone)]
pub(crate) enum StepOutcome {
    Holds(Actual),
    Differs(Actual, Mismatch),
    ProbeError(ProbeError),
}

/// Plays steps in order; the first that does not hold ends it. `what` names them in the failure.
pub(crate) async fn play<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    steps: &[Step],
    what: &str,
) -> Result<(), Failure> {
    let mut captures = Captures::new();
    for step in steps {
        runner.emit(Event::Step {
            step: step.act.to_string(),
        });
        if let StepKind::Restart(restart) = &step.act {
            restart_service(runner, live, restart).await?;
            continue;
        }
        match step_outcome(runner, live, step, &captures).await {
            StepOutcome::Holds(actual) => capture(step.capture.as_ref(), &actual, &mut captures),
            StepOutcome::Differs(_, difference) => {
                let [expected, actual] =
                    [&difference.expected, &difference.actual].map(|text| text.localized());
                return Err(failed(
                    what,
                    step,
                    &format!("expected {expected}, saw {actual}"),
                ));
            }
            StepOutcome::ProbeError(reason) => {
                runner.check_engine().await?;
                return Err(failed(what, step, &reason.to_string()));
            }
        }
    }
    Ok(())
}

fn failed(what: &str, step: &Step, reason: &str) -> Failure {
    Failure::Step(format!("{what}: `{}` ({}): {reason}", step.act, step.place))
}

/// Looks once, or again and again for as long as the step says.
pub(crate) async fn step_outcome<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    step: &Step,
    captures: &Captures,
) -> StepOutcome {
    let act = step.act.with_captures(captures);
    let target = live.target(runner);
    let deadline = step.within.map(|within| clock::now() + within);
    let mut pause = PAUSE;
    loop {
        let outcome = evaluate(step, probe(&act, &target, step.timeout).await);
        if matches!(outcome, StepOutcome::Holds(_))
            || deadline.is_none_or(|deadline| clock::now() + pause > deadline)
        {
            return outcome;
        }
        // What went with its engine does not come back within a step's time.
        if matches!(outcome, StepOutcome::ProbeError(_)) && runner.check_engine().await.is_err() {
            return outcome;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn evaluate(step: &Step, seen: Result<Actual, ProbeError>) -> StepOutcome {
    match seen {
        Err(unseen) => StepOutcome::ProbeError(unseen),
        Ok(actual) => match step.expect.evaluate(&actual) {
            Ok(()) => StepOutcome::Holds(actual),
            Err(difference) => StepOutcome::Differs(actual, difference),
        },
    }
}

/// Keeps what a step saw.
pub(crate) fn capture(capture: Option<&Capture>, actual: &Actual, captures: &mut Captures) {
    let Some(capture) = capture else { return };
    let value = match &capture.path {
        Some(path) => path.select(&actual.value).unwrap_or(Value::Null),
        None => actual.value.clone(),
    };
    let text = match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    captures.insert(capture.name.clone(), text);
}

/// Stops or kills a service, starts it again, and waits until it answers. Its port may move, so all is observed anew.
pub(crate) async fn restart_service<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    restart: &Restart,
) -> Result<(), Failure> {
    let service = &restart.service;
    let found = live
        .observed
        .container(service)
        .map(|container| container.id.clone());
    let Some(id) = found else {
        return Err(Failure::Environment(format!(
            "service `{service}` has no container: `roadlab up {}`",
            runner.lab.id
        )));
    };
    let grace = match restart.how {
        RestartMode::Stop => Some(GRACE),
        RestartMode::Kill => None,
    };
    let context = || format!("cannot restart `{service}`");
    live.connections.forget(service).await;
    runner
        .engine
        .stop(&id, grace)
        .await
        .map_err(Failure::engine(context()))?;
    runner
        .engine
        .start(&id)
        .await
        .map_err(Failure::engine(context()))?;
    *live = Live::new(runner.lab, runner.observe().await?, live.workspace.take());
    wait(runner, live, service, Condition::Healthy).await
}
