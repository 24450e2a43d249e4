//! Ready means ready: the first protocol-level answer, looked for every few milliseconds.

use std::time::{Duration, Instant};

use crate::engine::{ContainerState, Engine, EngineError, ErrorKind, Health, clock};
use crate::event::Event;
use crate::lab::{Condition, Service, ServiceName};
use crate::plan::ProbeFailure;
use crate::probe::{ProbeError, probe};
use crate::runner::execute::removed_externally;
use crate::runner::stuck::{Waited, not_ready};
use crate::runner::{Failure, Live, Runner};

/// Between two looks, at first and at most.
const PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// One look while waiting may not hold up the next ones.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// How often the container itself is looked at meanwhile: it may have ended.
const INSPECT_INTERVAL: Duration = Duration::from_millis(300);

/// How often the reporter is told that we still wait.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// Waits until a service has reached a condition, or says why it never will.
pub(crate) async fn wait<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    name: &ServiceName,
    condition: Condition,
) -> Result<(), Failure> {
    let Some(service) = runner.lab.services.get(name) else {
        return Ok(());
    };
    let Some(container) = live.observed.container(name) else {
        let gone = EngineError::new(ErrorKind::NotFound, "its container is gone");
        return Err(removed_externally(
            &format!("cannot wait for `{name}`"),
            gone,
        ));
    };
    let begun = clock::now();
    let mut waiting = Waiting {
        begun,
        attempts: 0,
        last: LastProbe::default(),
        pause: PAUSE,
    };
    let mut inspected = Instant::now();
    let mut told = inspected;
    loop {
        waiting.attempts += 1;
        let answered = match condition {
            Condition::Started => return Ok(()),
            Condition::Completed => false,
            Condition::Healthy => {
                let deadline = begun + service.interface.ready_within;
                answers(runner, live, service, deadline, &mut waiting.last).await
            }
        };
        let asks_engine = condition == Condition::Completed
            || (service.interface.ready.is_empty() && service.healthcheck.is_some());
        if answered && !asks_engine {
            break;
        }
        if asks_engine || inspected.elapsed() > INSPECT_INTERVAL {
            inspected = Instant::now();
            let state = runner.engine.inspect(&container.id).await;
            let state = state.map_err(|error| {
                let what = format!("cannot look at `{name}`");
                match error.kind {
                    ErrorKind::NotFound => removed_externally(&what, error),
                    _ => Failure::engine(what)(error),
                }
            })?;
            match verdict(&state, condition, service, &mut waiting.last) {
                Some(true) => break,
                Some(false) => {
                    return Err(not_ready(runner, service, &container.id, waiting.ended()).await);
                }
                None => {}
            }
        }
        if clock::since(begun) > service.interface.ready_within {
            return Err(not_ready(runner, service, &container.id, waiting.ended()).await);
        }
        if told.elapsed() > REPORT_INTERVAL {
            told = Instant::now();
            let (attempts, last) = (waiting.attempts, waiting.last.text.clone());
            runner.emit(Event::Waiting {
                service: name.to_string(),
                attempts,
                last,
            });
        }
        tokio::time::sleep(waiting.pause).await;
        waiting.pause = (waiting.pause * 5 / 4).min(LONGEST_PAUSE);
    }
    runner.emit(Event::Ready {
        service: name.to_string(),
        millis: clock::since(begun).as_millis() as u64,
    });
    Ok(())
}

/// What the last probe of a service reported.
#[derive(Default)]
pub(crate) struct LastProbe {
    pub(crate) text: String,
    pub(crate) failure: ProbeFailure,
}

struct Waiting {
    begun: Instant,
    attempts: u32,
    last: LastProbe,
    pause: Duration,
}

impl Waiting {
    fn ended(self) -> Waited {
        Waited {
            time: clock::since(self.begun),
            attempts: self.attempts,
            last: self.last,
        }
    }
}

/// Whether all of a service's `ready` steps hold now; `last` is what was seen if they do not.
pub(super) async fn answers<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    service: &Service,
    deadline: Instant,
    last: &mut LastProbe,
) -> bool {
    let target = live.target(runner);
    for step in &service.interface.ready {
        // The last look must not put the deadline off by much.
        let left = deadline
            .saturating_duration_since(clock::now())
            .max(LONGEST_PAUSE);
        match probe(
            &step.act,
            &target,
            &live.connections,
            step.timeout.min(LOOK).min(left),
        )
        .await
        {
            Ok(actual) => {
                if let Err(difference) = step.expect.evaluate(&actual) {
                    last.text = format!(
                        "{}: expected {}, saw {}",
                        step.act, difference.expected, difference.actual
                    );
                    last.failure = ProbeFailure::Other;
                    return false;
                }
            }
            Err(error) => {
                last.failure = match error {
                    ProbeError::Refused { .. } => ProbeFailure::Refused,
                    ProbeError::AccessDenied { .. } => ProbeFailure::AccessDenied,
                    _ => ProbeFailure::Other,
                };
                last.text = error.to_string();
                return false;
            }
        }
    }
    true
}

/// What a container's state says of a condition: reached, never to be reached, or not yet.
fn verdict(
    state: &ContainerState,
    condition: Condition,
    service: &Service,
    last: &mut LastProbe,
) -> Option<bool> {
    let ended = !state.running && state.status != "created" && state.status != "restarting";
    match condition {
        Condition::Started => Some(true),
        Condition::Completed => {
            last.text = format!("{} (exit code {})", state.status, state.exit_code);
            ended.then_some(state.exit_code == 0)
        }
        Condition::Healthy if ended => Some(false),
        Condition::Healthy => match &state.health {
            Some(_) if !service.interface.ready.is_empty() => None,
            Some(Health::Healthy) => Some(true),
            Some(Health::Unhealthy(output)) => {
                last.text = format!("health check failed: {}", output.trim());
                Some(false)
            }
            Some(Health::Starting) => None,
            None => None,
        },
    }
}
