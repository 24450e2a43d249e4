//! Waits until a service is ready: until it answers in its own protocol, probed every few milliseconds.

use std::time::{Duration, Instant};

use crate::diagnosis::ProbeFailure;
use crate::engine::{ContainerState, Engine, EngineError, ErrorKind, Health, clock};
use crate::event::Event;
use crate::lab::{Condition, Service, ServiceName};
use crate::probe::{ProbeError, ProbeMode, probe};
use crate::runner::diagnostics::{FailedWait, not_ready};
use crate::runner::failure::removed_externally;
use crate::runner::{Failure, Live, Runner};
use crate::text;

/// The time between two probes, at first and at most.
const PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The longest time for one probe while waiting, so that a slow one does not delay the next.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the container is inspected while the service is probed, because it may have exited.
const INSPECT_INTERVAL: Duration = Duration::from_millis(300);

/// How often the wait is reported.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// What one round of probes found.
pub(super) enum ProbeResult {
    Ready,
    NotReady {
        /// What the probe saw, for people.
        last: String,
        /// How the probe failed.
        failure: ProbeFailure,
    },
}

/// Waits until a service has reached a condition, at most its `ready_within`.
///
/// Fails with [`Failure::NotReady`] when the time is over or the container exited, and with [`Failure::Engine`] when the
/// container is gone or the engine does not answer.
pub(super) async fn wait<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    name: &ServiceName,
    condition: Condition,
) -> Result<(), Failure> {
    if condition == Condition::Started {
        return Ok(());
    }
    let Some(service) = runner.lab.services.get(name) else {
        return Ok(());
    };
    let Some(container) = live.observed.container(name) else {
        let missing = EngineError::new(ErrorKind::NotFound, text!("no such container"));
        return Err(removed_externally(
            text!("cannot wait for `{name}`", name),
            missing,
        ));
    };
    let begun = clock::now();
    let deadline = begun + service.interface.ready_within;
    let mut waiting = Waiting {
        begun,
        attempts: 0,
        last: text!("not probed yet").localized(),
        failure: ProbeFailure::Other,
        pause: PAUSE,
    };
    let mut inspected = Instant::now();
    let mut reported = inspected;
    loop {
        waiting.attempts += 1;
        let ready = match condition {
            Condition::Started | Condition::Completed => false,
            Condition::Healthy => {
                waiting.record(probe_service(runner, live, service, deadline).await)
            }
        };
        let depends_on_engine = condition == Condition::Completed
            || (service.interface.ready.is_empty() && service.healthcheck.is_some());
        if ready && !depends_on_engine {
            break;
        }
        if depends_on_engine || inspected.elapsed() > INSPECT_INTERVAL {
            inspected = Instant::now();
            let state = runner.engine.inspect(&container.id).await;
            let state = state.map_err(|error| {
                let context = text!("cannot inspect the container of `{name}`", name);
                match error.kind {
                    ErrorKind::NotFound => removed_externally(context, error),
                    _ => Failure::engine(context)(error),
                }
            })?;
            match progress(&state, condition, service, &mut waiting.last) {
                Progress::Reached => break,
                Progress::Impossible => {
                    return Err(not_ready(runner, service, &container.id, waiting.ended()).await);
                }
                Progress::NotYet => {}
            }
        }
        if clock::now() > deadline {
            return Err(not_ready(runner, service, &container.id, waiting.ended()).await);
        }
        if reported.elapsed() > REPORT_INTERVAL {
            reported = Instant::now();
            let (attempts, last) = (waiting.attempts, waiting.last.clone());
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

struct Waiting {
    begun: Instant,
    attempts: u32,
    last: String,
    failure: ProbeFailure,
    pause: Duration,
}

impl Waiting {
    /// Keeps what a probe saw; returns whether the service is ready.
    fn record(&mut self, result: ProbeResult) -> bool {
        match result {
            ProbeResult::Ready => true,
            ProbeResult::NotReady { last, failure } => {
                (self.last, self.failure) = (last, failure);
                false
            }
        }
    }

    fn ended(self) -> FailedWait {
        FailedWait {
            time: clock::since(self.begun),
            attempts: self.attempts,
            last: self.last,
            failure: self.failure,
        }
    }
}

/// Runs the `ready` steps of a service once each, until one of them does not hold.
pub(super) async fn probe_service<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    service: &Service,
    deadline: Instant,
) -> ProbeResult {
    let target = live.target(runner);
    for step in &service.interface.ready {
        // A probe that starts just before the deadline gets this little time beyond it.
        let left = deadline
            .saturating_duration_since(clock::now())
            .max(LONGEST_PAUSE);
        let timeout = step.timeout.min(PROBE_TIMEOUT).min(left);
        let last = match probe(
            &step.act,
            ProbeMode::of_check(step),
            &target,
            &live.connections,
            timeout,
        )
        .await
        {
            Ok(actual) => match step.expect.evaluate(&actual) {
                Ok(()) => continue,
                Err(mismatch) => text!(
                    "{step}: expected {expected}, got {actual}",
                    step = step.act,
                    expected = mismatch.expected,
                    actual = mismatch.actual
                )
                .localized(),
            },
            Err(error) => {
                return ProbeResult::NotReady {
                    last: error.to_string(),
                    failure: match error {
                        ProbeError::Refused { .. } => ProbeFailure::Refused,
                        ProbeError::AccessDenied { .. } => ProbeFailure::AccessDenied,
                        _ => ProbeFailure::Other,
                    },
                };
            }
        };
        return ProbeResult::NotReady {
            last,
            failure: ProbeFailure::Other,
        };
    }
    ProbeResult::Ready
}

/// Whether a condition is reached.
enum Progress {
    Reached,
    NotYet,
    /// It never will be, because the container exited or its health check failed.
    Impossible,
}

/// Derives from a container's state whether a condition is reached. `last` becomes what was seen.
fn progress(
    state: &ContainerState,
    condition: Condition,
    service: &Service,
    last: &mut String,
) -> Progress {
    let ended = !state.running && state.status != "created" && state.status != "restarting";
    match condition {
        Condition::Started => Progress::Reached,
        Condition::Completed => {
            *last = text!(
                "{status} (exit code {code})",
                status = state.status,
                code = state.exit_code
            )
            .localized();
            match (ended, state.exit_code) {
                (false, _) => Progress::NotYet,
                (true, 0) => Progress::Reached,
                (true, _) => Progress::Impossible,
            }
        }
        Condition::Healthy if ended => Progress::Impossible,
        Condition::Healthy => match &state.health {
            Some(_) if !service.interface.ready.is_empty() => Progress::NotYet,
            Some(Health::Healthy) => Progress::Reached,
            Some(Health::Unhealthy(output)) => {
                *last = text!("health check failed: {output}", output = output.trim()).localized();
                Progress::Impossible
            }
            Some(Health::Starting) | None => Progress::NotYet,
        },
    }
}
