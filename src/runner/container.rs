//! The container of a service.

use std::time::Duration;

use crate::engine::Engine;
use crate::lab::{Lab, RestartMode, ServiceName};
use crate::runner::{Failure, Live, Runner};
use crate::text;

/// The time that a service gets to stop before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Returns the id of the container of a service.
pub(super) fn container_id<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    service: &ServiceName,
) -> Result<String, Failure> {
    match live.observed.container(service) {
        Some(container) => Ok(container.id.clone()),
        None => Err(Failure::Environment(text!(
            "service `{service}` has no container: start it with `{command}`",
            service,
            command = runner.up_command()
        ))),
    }
}

/// Returns how long a service may take to stop before it is killed; `None` kills it at once.
pub(super) fn grace(lab: &Lab, service: &ServiceName, how: RestartMode) -> Option<Duration> {
    match how {
        RestartMode::Stop => {
            let service = lab.services.get(service);
            let own = service.and_then(|service| service.stop_grace_period);
            Some(own.unwrap_or(GRACE))
        }
        RestartMode::Kill => None,
    }
}
