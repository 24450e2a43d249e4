//! The addresses of services. Ports are always published on 127.0.0.1, which is what probes connect to; `localhost` may be
//! resolved to another address.

use crate::lab::{Presence, ServiceAddress, ServiceName};
use crate::probe::error::ProbeError;
use crate::probe::target::Target;
use crate::text;

/// Returns the address of a service that has a container.
pub(super) fn address<'a, E>(
    target: &Target<'a, E>,
    service: &ServiceName,
) -> Result<&'a ServiceAddress, ProbeError> {
    let address = target.addresses.get(service);
    address.ok_or_else(|| {
        let declared = target.lab.services.get(service);
        // A lab that is up has a container of every service that may not be left out.
        match declared.is_some_and(|service| service.interface.presence == Presence::Required) {
            true => ProbeError::Removed {
                service: service.clone(),
                up: target.up.clone(),
            },
            false => not_running(service),
        }
    })
}

/// Returns the address of a service that runs. One that publishes ports has them only while it runs.
fn running<'a, E>(
    target: &Target<'a, E>,
    service: &ServiceName,
) -> Result<&'a ServiceAddress, ProbeError> {
    let address = address(target, service)?;
    match address.first.is_some() && address.ports.is_empty() {
        true => Err(not_running(service)),
        false => Ok(address),
    }
}

fn not_running(service: &ServiceName) -> ProbeError {
    ProbeError::NotRunning {
        service: service.clone(),
        heal: None,
    }
}

/// Returns the host port of a container port, or of the service's first one.
pub(super) fn port<E>(
    target: &Target<'_, E>,
    service: &ServiceName,
    container: Option<u16>,
) -> Result<u16, ProbeError> {
    let address = running(target, service)?;
    address.port(container).ok_or_else(|| {
        ProbeError::InvalidStep(match container {
            Some(port) => text!("`{service}` does not publish port {port}", service, port),
            None => text!("`{service}` publishes no port", service),
        })
    })
}

/// Returns the port in a service's url if it is one of the service's own, else the service's first one.
pub(super) fn url_port<E>(
    target: &Target<'_, E>,
    service: &ServiceName,
    named: Option<u16>,
) -> Result<u16, ProbeError> {
    let address = address(target, service)?;
    let own = named.filter(|named| address.ports.values().any(|port| port == named));
    own.map_or_else(|| port(target, service, None), Ok)
}

/// Returns the service's url, which `sql`, `mongo` and `amqp` steps connect with.
pub(super) fn url<'a, E>(
    target: &Target<'a, E>,
    service: &ServiceName,
) -> Result<&'a str, ProbeError> {
    let url = running(target, service)?.url.as_deref();
    url.ok_or_else(|| {
        ProbeError::InvalidStep(text!(
            "`{service}` has no url; add `url` to its `x-roadlab`",
            service
        ))
    })
}
