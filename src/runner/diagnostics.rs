//! Gathers what explains why a service did not become ready.

use std::time::Duration;

use futures_util::future::join3;

use crate::diagnosis::{Evidence, KILLED, ProbeFailure, likely_cause, parse_listening_sockets};
use crate::engine::{self, ContainerState, Engine, Exec, clock};
use crate::event::{ContainerStatus, NotReady};
use crate::lab::{Service, StepKind};
use crate::runner::{Failure, Runner};
use crate::text;

/// How many lines of the log are shown.
const LOG_LINES: u32 = 20;

/// The deadline of each call. It passes only where the engine hangs: on a busy machine a call may take seconds, and without an
/// answer the user would see no reason.
const DIAGNOSTIC_TIMEOUT: Duration = Duration::from_secs(10);

/// How often, and with which pause, a killed container is inspected again.
const LATE_INSPECTIONS: u32 = 10;
const LATE_INSPECTION_PAUSE: Duration = Duration::from_millis(50);

/// A wait that did not succeed.
pub(crate) struct FailedWait {
    pub time: Duration,
    pub attempts: u32,
    /// What the last probe saw.
    pub last: String,
    /// How the last probe failed.
    pub failure: ProbeFailure,
}

/// Inspects the container, its log and its listening sockets, and derives the likely cause.
pub(crate) async fn not_ready<E: Engine>(
    runner: &Runner<'_, E>,
    service: &Service,
    container: &str,
    waited: FailedWait,
) -> Failure {
    let engine = runner.engine;
    let sockets = Exec {
        run: ["cat", "/proc/net/tcp", "/proc/net/tcp6"]
            .map(str::to_owned)
            .into(),
        user: None,
        workdir: None,
        env: Vec::new(),
    };
    let (state, log, tables) = join3(
        within_deadline(state(engine, container)),
        within_deadline(engine.logs(container, LOG_LINES)),
        within_deadline(engine.exec(container, &sockets, DIAGNOSTIC_TIMEOUT)),
    )
    .await;
    let log: Vec<String> = log.unwrap_or_default().lines().map(str::to_owned).collect();
    // Not every image contains `cat`.
    let sockets = tables
        .filter(|output| output.stdout.contains("local_address"))
        .map(|output| parse_listening_sockets(&output.stdout));
    let end = state.map(|state| ContainerStatus {
        // Between two starts by its restart policy, no process exists.
        running: state.running && state.status != "restarting",
        exit_code: state.exit_code,
        out_of_memory: state.out_of_memory,
        error: state.error,
    });
    let evidence = Evidence {
        last: &waited.last,
        failure: waited.failure,
        error: end.as_ref().map_or("", |end| &end.error),
        log: &log,
        out_of_memory: end.as_ref().is_some_and(|end| end.out_of_memory),
        has_memory_limit: service.limits.memory.is_some(),
        exit: end
            .as_ref()
            .filter(|end| !end.running)
            .map(|end| end.exit_code),
        port: port(service),
        listening: sockets.as_deref(),
    };
    let cause = likely_cause(&evidence);
    let probe: Vec<String> = service
        .interface
        .ready
        .iter()
        .map(|step| step.act.to_string())
        .collect();
    Failure::NotReady(Box::new(NotReady {
        lab: runner.lab.id.to_string(),
        argument: runner.name(),
        service: service.name.to_string(),
        waited: waited.time,
        probe: match probe.is_empty() {
            true => text!("state of the container").localized(),
            false => probe.join(", "),
        },
        attempts: waited.attempts,
        last: waited.last,
        container: end,
        memory_limit: service.limits.memory,
        log,
        cause,
    }))
}

/// Returns the state of a container. The engine may learn a little later than the exit that the kernel killed the container
/// because it ran out of memory.
async fn state<E: Engine>(engine: &E, container: &str) -> engine::Result<ContainerState> {
    let mut state = engine.inspect(container).await?;
    for _ in 0..LATE_INSPECTIONS {
        if state.running || state.exit_code != KILLED || state.out_of_memory {
            break;
        }
        tokio::time::sleep(LATE_INSPECTION_PAUSE).await;
        state = engine.inspect(container).await?;
    }
    Ok(state)
}

async fn within_deadline<T, E>(call: impl Future<Output = Result<T, E>>) -> Option<T> {
    let result = clock::timeout(DIAGNOSTIC_TIMEOUT, call).await;
    result.ok()?.ok()
}

/// Returns the container port that the first probe connects to, if it connects to one.
fn port(service: &Service) -> Option<u16> {
    let named = match &service.interface.ready.first()?.act {
        StepKind::Http(probe) => probe.port,
        StepKind::Tcp(probe) => probe.port,
        StepKind::Redis(_) | StepKind::Sql(_) | StepKind::Mongo(_) | StepKind::Amqp(_) => None,
        StepKind::Exec(_)
        | StepKind::Log(_)
        | StepKind::File(_)
        | StepKind::Ratio(_)
        | StepKind::Restart(_)
        | StepKind::Fault(_)
        | StepKind::Client(_) => {
            return None;
        }
    };
    named.or_else(|| service.ports.first().map(|port| port.container))
}
