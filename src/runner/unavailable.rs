//! Probes of services that may be paused or stopped: a probe without an answer is explained by the state of the container.

use std::time::Duration;

use crate::engine::{ContainerState, Engine};
use crate::expect::Actual;
use crate::lab::{ServiceName, StepKind};
use crate::plan::completes;
use crate::probe::{ProbeError, ProbeMode, probe};
use crate::runner::{Live, Runner};

/// How long a probe may wait for its answer before the container is inspected, and the time between two inspections.
const PATIENCE: Duration = Duration::from_millis(250);
const INTERVAL: Duration = Duration::from_secs(1);

/// Probes a service. A paused service does not answer, which ends the probe at once.
pub(super) async fn probe_service<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    step: &StepKind,
    mode: ProbeMode,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let target = live.target(runner);
    let probing = probe(step, mode, &target, &live.connections, timeout);
    let service = step.service();
    let container = service.and_then(|service| live.observed.container(service));
    let Some((service, container)) = service.zip(container) else {
        return probing.await;
    };
    let result = match needs_answer(step) {
        false => probing.await,
        true => tokio::select! {
            biased;
            result = probing => result,
            () = until_paused(runner.engine, &container.id) => Err(ProbeError::Paused {
                service: service.clone(),
                heal: None,
            }),
        },
    };
    match result {
        Err(error) if may_be_unavailable(&error) => {
            let state = runner.engine.inspect(&container.id).await;
            let found = state
                .ok()
                .and_then(|state| unavailable(runner, service, &state));
            Err(found.unwrap_or(error))
        }
        result => result,
    }
}

/// Whether a step waits until the server answers. Silence is a value of `tcp`, and the engine answers for the others.
fn needs_answer(step: &StepKind) -> bool {
    match step {
        StepKind::Redis(_)
        | StepKind::Http(_)
        | StepKind::Sql(_)
        | StepKind::Mongo(_)
        | StepKind::Amqp(_) => true,
        StepKind::Exec(_)
        | StepKind::Client(_)
        | StepKind::Tcp(_)
        | StepKind::Log(_)
        | StepKind::File(_)
        | StepKind::Restart(_)
        | StepKind::Fault(_) => false,
    }
}

/// Waits until a container is found to be paused. What was observed before may not hold any more, in either direction.
async fn until_paused<E: Engine>(engine: &E, container: &str) {
    tokio::time::sleep(PATIENCE).await;
    loop {
        if engine
            .inspect(container)
            .await
            .is_ok_and(|state| state.paused)
        {
            return;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Whether an error is what a paused or stopped service looks like.
fn may_be_unavailable(error: &ProbeError) -> bool {
    match error {
        ProbeError::Refused { .. }
        | ProbeError::Unreachable { .. }
        | ProbeError::NotRunning { .. }
        | ProbeError::Paused { .. }
        | ProbeError::NoAnswer(_)
        | ProbeError::Timeout(_) => true,
        ProbeError::Removed { .. }
        | ProbeError::ContainerExited { .. }
        | ProbeError::AccessDenied { .. }
        | ProbeError::NoProgram(_)
        | ProbeError::InvalidStep(_)
        | ProbeError::TooLarge
        | ProbeError::Engine(_)
        | ProbeError::Locked(_) => false,
    }
}

/// Returns why a service cannot answer and how to repair that, if its container is paused or does not run.
fn unavailable<E: Engine>(
    runner: &Runner<'_, E>,
    service: &ServiceName,
    state: &ContainerState,
) -> Option<ProbeError> {
    let service = service.clone();
    let heal = Some(runner.heal_command(&service));
    if state.paused {
        return Some(ProbeError::Paused { service, heal });
    }
    // One that ends again and again starts by itself, and one that does its work once is not started by `heal`.
    let stopped = !state.running && state.status != "restarting";
    let heal = heal.filter(|_| !completes(runner.lab, &service));
    stopped.then_some(ProbeError::NotRunning { service, heal })
}
