//! A wait that failed: gathers what helps to see why, in little time.

use std::time::Duration;

use futures_util::future::join3;

use crate::engine::{self, ContainerState, Engine, Exec, clock};
use crate::event::{ContainerStatus, NotReady};
use crate::lab::{Service, StepKind};
use crate::plan::{Evidence, likely_cause, parse_listening_sockets};
use crate::runner::ready::LastProbe;
use crate::runner::{Failure, Runner};

/// The lines of a log that a failure shows.
const LOG_LINES: u32 = 20;

/// Each of the last questions; who waited long enough does not wait for this too.
const DIAGNOSTIC_TIMEOUT: Duration = Duration::from_secs(2);

/// 128 + SIGKILL.
const KILLED: i64 = 137;
/// How often, and after how long, a killed container is looked at again.
const LATE_PROBES: u32 = 10;
const LATE: Duration = Duration::from_millis(50);

/// What a wait came to.
pub(crate) struct Waited {
    pub time: Duration,
    pub attempts: u32,
    pub last: LastProbe,
}

/// Asks the container's state, its log, and who listens in it.
pub(crate) async fn not_ready<E: Engine>(
    runner: &Runner<'_, E>,
    service: &Service,
    container: &str,
    waited: Waited,
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
        soon(state(engine, container)),
        soon(engine.logs(container, LOG_LINES)),
        soon(engine.exec(container, &sockets, DIAGNOSTIC_TIMEOUT)),
    )
    .await;
    let log: Vec<String> = log.unwrap_or_default().lines().map(str::to_owned).collect();
    // An image without `cat` says nothing of its ports.
    let sockets = tables
        .filter(|output| output.stdout.contains("local_address"))
        .map(|output| parse_listening_sockets(&output.stdout));
    let end = state.map(|state| ContainerStatus {
        running: state.running,
        exit_code: state.exit_code,
        out_of_memory: state.out_of_memory,
        error: state.error,
    });
    let evidence = Evidence {
        last: &waited.last.text,
        failure: waited.last.failure,
        error: end.as_ref().map_or("", |end| &end.error),
        log: &log,
        out_of_memory: end.as_ref().is_some_and(|end| end.out_of_memory),
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
        service: service.name.to_string(),
        waited: waited.time,
        probe: match probe.is_empty() {
            true => "its container's state".to_owned(),
            false => probe.join(", then "),
        },
        attempts: waited.attempts,
        last: waited.last.text,
        container: end,
        memory_limit: service.limits.memory,
        log,
        cause,
    }))
}

/// The container's state. That a killed one ran out of memory is told by another way than that it ended, and may come later.
async fn state<E: Engine>(engine: &E, container: &str) -> engine::Result<ContainerState> {
    let mut state = engine.inspect(container).await?;
    for _ in 0..LATE_PROBES {
        if state.running || state.exit_code != KILLED || state.out_of_memory {
            break;
        }
        tokio::time::sleep(LATE).await;
        state = engine.inspect(container).await?;
    }
    Ok(state)
}

async fn soon<T, E>(question: impl Future<Output = Result<T, E>>) -> Option<T> {
    let answer = clock::timeout(DIAGNOSTIC_TIMEOUT, question).await;
    answer.ok()?.ok()
}

/// The container port that the first probe calls, if it calls one.
fn port(service: &Service) -> Option<u16> {
    let named = match &service.interface.ready.first()?.act {
        StepKind::Http(probe) => probe.port,
        StepKind::Tcp(probe) => probe.port,
        StepKind::Redis(_) | StepKind::Sql(_) | StepKind::Mongo(_) | StepKind::Amqp(_) => None,
        StepKind::Exec(_) | StepKind::Log(_) | StepKind::File(_) | StepKind::Restart(_) => {
            return None;
        }
    };
    named.or_else(|| service.ports.first().map(|port| port.container))
}
