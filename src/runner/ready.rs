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
use crate::text::Text;

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

/// Waits until a service has reached a condition, at most its [`Service::longest_start`].
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
    let deadline = begun + service.longest_start();
    let mut waiting = Waiting {
        begun,
        attempts: 0,
        last: before_first_result(service).localized(),
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
        // Without `ready`, only the engine knows: by a health check of the file or the image, or by whether it still runs.
        let depends_on_engine =
            condition == Condition::Completed || service.interface.ready.is_empty();
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
            let rule = Rule {
                condition,
                probed: !service.interface.ready.is_empty(),
                needed_healthy: is_needed_healthy(runner, name),
                settled: clock::since(begun) > SETTLING_TIME,
            };
            if let Some(why) = crash_loop(&state) {
                waiting.last = why.localized();
                return Err(not_ready(runner, service, &container.id, waiting.ended()).await);
            }
            match progress(&state, rule, &mut waiting.last) {
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

/// Says why there is no result yet.
fn before_first_result(service: &Service) -> Text {
    match service.first_health_check() {
        None => text!("not probed yet"),
        Some(first) => text!(
            "no result yet: the engine runs the health check for the first time after {seconds} s",
            seconds = first.as_secs_f64()
        ),
    }
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
                // The service's own words: causes are found by them.
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

/// What a container's state is compared with.
#[derive(Debug, Clone, Copy)]
struct Rule {
    condition: Condition,
    /// Whether the service has `ready` steps, which decide then.
    probed: bool,
    /// Whether another service depends on its health.
    needed_healthy: bool,
    /// Whether it has run for so long that a wrong command would have ended.
    settled: bool,
}

/// How long a service that nothing checks must run to count as started.
const SETTLING_TIME: Duration = Duration::from_millis(500);

fn is_needed_healthy<E: Engine>(runner: &Runner<'_, E>, name: &ServiceName) -> bool {
    let mut services = runner.lab.services.values();
    services.any(|service| service.depends_on.get(name) == Some(&Condition::Healthy))
}

/// How often a program may end while its service starts: often enough for one that waits for another service.
const MAX_RESTARTS: u64 = 3;

/// Returns why a service that the engine starts again and again will not become ready.
fn crash_loop(state: &ContainerState) -> Option<Text> {
    (state.restarts >= MAX_RESTARTS).then(|| {
        text!(
            "its program ended {count} times and was started again by `restart` (exit code {code})",
            count = state.restarts,
            code = state.exit_code
        )
    })
}

/// Derives from a container's state whether a condition is reached. `last` becomes what was seen.
fn progress(state: &ContainerState, rule: Rule, last: &mut String) -> Progress {
    let ended = !state.running && state.status != "created" && state.status != "restarting";
    let seen = || {
        text!(
            "{status} (exit code {code})",
            status = state.status,
            code = state.exit_code
        )
        .localized()
    };
    match rule.condition {
        Condition::Started => Progress::Reached,
        Condition::Completed => {
            *last = seen();
            match (ended, state.exit_code) {
                (false, _) => Progress::NotYet,
                (true, 0) => Progress::Reached,
                (true, _) => Progress::Impossible,
            }
        }
        // A program that did its work is no service that others could wait for.
        Condition::Healthy if ended && !rule.probed && state.exit_code == 0 => {
            match rule.needed_healthy {
                true => {
                    *last = seen();
                    Progress::Impossible
                }
                false => Progress::Reached,
            }
        }
        Condition::Healthy if ended => {
            if !rule.probed {
                *last = seen();
            }
            Progress::Impossible
        }
        Condition::Healthy if rule.probed => Progress::NotYet,
        Condition::Healthy => match &state.health {
            Some(Health::Healthy) => Progress::Reached,
            Some(Health::Unhealthy(output)) => {
                *last = text!("health check failed: {output}", output = output.trim()).localized();
                Progress::Impossible
            }
            Some(Health::Starting) => Progress::NotYet,
            None if rule.needed_healthy => {
                *last = text!(
                    "nothing says when it is healthy: add `ready` to its `x-roadlab`, or a `healthcheck`"
                )
                .localized();
                Progress::Impossible
            }
            None if state.running && rule.settled => Progress::Reached,
            None => {
                *last = seen();
                Progress::NotYet
            }
        },
    }
}

/// Fails if a service without `ready` steps has ended with an error since it was started.
pub(super) async fn check_not_failed<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
) -> Result<(), Failure> {
    for service in runner.lab.services.values() {
        let container = live.observed.container(&service.name);
        let Some(container) = container.filter(|_| service.interface.ready.is_empty()) else {
            continue;
        };
        let state = runner.engine.inspect(&container.id).await;
        let context = text!(
            "cannot inspect the container of `{name}`",
            name = service.name
        );
        let state = state.map_err(Failure::engine(context))?;
        let ended = !state.running && state.status == "exited";
        if ended && state.exit_code != 0 {
            let wait = FailedWait {
                time: Duration::ZERO,
                attempts: 1,
                last: text!(
                    "{status} (exit code {code})",
                    status = state.status,
                    code = state.exit_code
                )
                .localized(),
                failure: ProbeFailure::Other,
            };
            return Err(not_ready(runner, service, &container.id, wait).await);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str, code: i64, health: Option<Health>) -> ContainerState {
        ContainerState {
            running: status == "running",
            status: status.to_owned(),
            exit_code: code,
            health,
            ..ContainerState::default()
        }
    }

    #[track_caller]
    fn check(state: &ContainerState, needed_healthy: bool, settled: bool, expected: &str) {
        let rule = Rule {
            condition: Condition::Healthy,
            probed: false,
            needed_healthy,
            settled,
        };
        let reached = match progress(state, rule, &mut String::new()) {
            Progress::Reached => "reached",
            Progress::NotYet => "not yet",
            Progress::Impossible => "impossible",
        };
        assert_eq!(reached, expected, "{state:?}");
    }

    #[test]
    fn a_service_without_ready_steps_is_judged_by_its_container() {
        check(&state("exited", 3, None), false, true, "impossible");
        check(&state("exited", 0, None), false, false, "reached");
        check(&state("running", 0, None), false, false, "not yet");
        check(&state("running", 0, None), false, true, "reached");
        check(&state("restarting", 1, None), false, true, "not yet");
        let health = |health: Health| state("running", 0, Some(health));
        check(&health(Health::Starting), false, true, "not yet");
        check(&health(Health::Healthy), true, false, "reached");
        check(
            &health(Health::Unhealthy(String::new())),
            false,
            true,
            "impossible",
        );
    }

    #[test]
    fn the_third_restart_is_a_crash_loop() {
        let restarted = |restarts| ContainerState {
            restarts,
            ..state("restarting", 7, None)
        };
        assert!(crash_loop(&restarted(2)).is_none());
        assert_eq!(
            crash_loop(&restarted(3)).unwrap().localized(),
            "its program ended 3 times and was started again by `restart` (exit code 7)"
        );
    }

    #[test]
    fn the_health_of_a_service_without_a_health_check_cannot_be_waited_for() {
        check(&state("running", 0, None), true, true, "impossible");
        check(&state("exited", 0, None), true, true, "impossible");
    }
}
