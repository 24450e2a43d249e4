//! The health of a service at this moment, by its own protocol where the lab defines how to probe it.

use crate::engine::{ContainerState, Engine, Health, clock};
use crate::lab::ServiceName;
use crate::runner::ready::{PROBE_TIMEOUT, ProbeResult, probe_service};
use crate::runner::{Live, Runner};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceHealth {
    Healthy,
    /// With what the probe or the health check reported.
    Unhealthy(String),
    /// The service does not run, or there is neither a probe nor a health check.
    Unknown,
}

/// Probes a service once, by its `ready` steps. A service without them is as healthy as the engine reports.
pub async fn health<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    name: &ServiceName,
    state: &ContainerState,
) -> ServiceHealth {
    if !state.running || state.paused {
        return ServiceHealth::Unknown;
    }
    let service = runner.lab.services.get(name);
    if let Some(service) = service.filter(|service| !service.interface.ready.is_empty()) {
        let deadline = clock::now() + PROBE_TIMEOUT;
        return match probe_service(runner, live, service, deadline).await {
            ProbeResult::Ready => ServiceHealth::Healthy,
            ProbeResult::NotReady { last, .. } => ServiceHealth::Unhealthy(last),
        };
    }
    health_of_engine(state)
}

/// Returns the result of the engine's own health check.
pub fn health_of_engine(state: &ContainerState) -> ServiceHealth {
    match &state.health {
        Some(Health::Healthy) => ServiceHealth::Healthy,
        Some(Health::Starting) => ServiceHealth::Unhealthy("starting".to_owned()),
        Some(Health::Unhealthy(output)) => ServiceHealth::Unhealthy(output.trim().to_owned()),
        None => ServiceHealth::Unknown,
    }
}
