//! How a service is at this moment, by its own protocol where the catalogue says how to ask it.

use crate::engine::{ContainerState, Engine, Health, clock};
use crate::lab::ServiceName;
use crate::runner::ready::{LOOK, LastProbe, answers};
use crate::runner::{Live, Runner};

/// What can be said of a service's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceHealth {
    Healthy,
    /// With what was seen instead.
    Unhealthy(String),
    /// It does not run, or nobody says how to ask it.
    Unknown,
}

/// Asks a service once, by its `ready` steps; a service without them is as well as the engine says.
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
        let mut last = LastProbe::default();
        return match answers(runner, live, service, clock::now() + LOOK, &mut last).await {
            true => ServiceHealth::Healthy,
            false => ServiceHealth::Unhealthy(last.text),
        };
    }
    health_of_engine(state)
}

/// What the engine's own health check says.
pub fn health_of_engine(state: &ContainerState) -> ServiceHealth {
    match &state.health {
        Some(Health::Healthy) => ServiceHealth::Healthy,
        Some(Health::Starting) => ServiceHealth::Unhealthy("starting".to_owned()),
        Some(Health::Unhealthy(output)) => ServiceHealth::Unhealthy(output.trim().to_owned()),
        None => ServiceHealth::Unknown,
    }
}
