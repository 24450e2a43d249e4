//! Whether the published ports of a container lead to it on this machine.
//!
//! A lab's `start` deletes data at 127.0.0.1, so that must be the lab's own service. An engine in another network
//! namespace or behind a forwarded socket publishes ports where this program cannot connect, and another server may
//! listen at the same port of this machine. So nothing may listen there before a container starts, and something must
//! listen while it runs: then it is the engine, by whatever means (docker-proxy, rootlesskit, Docker Desktop, conmon),
//! and nothing else can listen there as long as the container runs.

use std::time::Duration;

use bollard::models::PortMap;

use super::{Docker, convert, errors};
use crate::engine::{EngineError, ErrorKind, Inspect, Result, is_port_free};
use crate::text;
use crate::text::Text;

/// How often ports are checked after a start. An engine in a virtual machine opens them on this machine with a delay.
const ATTEMPTS: u32 = 40;
const INTERVAL: Duration = Duration::from_millis(50);

impl Docker {
    /// Fails with [`ErrorKind::PortTaken`] if a port of this machine is in use.
    pub(super) async fn require_free_ports(&self, ports: &[u16], operation: &Text) -> Result<()> {
        for port in ports {
            if !is_port_free(*port).await {
                let error = errors::port_taken(operation, *port, text!("another program"));
                return Err(self.name_port_user(operation, *port, error).await);
            }
        }
        Ok(())
    }

    /// Waits until all ports of a started container are open on this machine; fails with [`ErrorKind::PortsNotLocal`].
    pub(super) async fn require_local_ports(
        &self,
        container: &str,
        ports: &[u16],
        operation: &Text,
    ) -> Result<()> {
        let mut attempts = 0;
        while let Some(port) = first_free(ports).await {
            // A container that has ended has released its ports.
            if !self.inspect(container).await?.running {
                break;
            }
            attempts += 1;
            if attempts > ATTEMPTS {
                return Err(EngineError::new(
                    ErrorKind::PortsNotLocal,
                    text!(
                        "Docker publishes port {port} in another network namespace or on another machine",
                        port
                    ),
                )
                .during(operation)
                .help(text!(
                    "run roadlab there, or use an engine of this machine (`roadlab engine status`)"
                )));
            }
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(())
    }
}

async fn first_free(ports: &[u16]) -> Option<u16> {
    for port in ports {
        if is_port_free(*port).await {
            return Some(*port);
        }
    }
    None
}

/// Returns the TCP ports of this machine that a container publishes.
pub(super) fn local_ports(bindings: PortMap) -> Vec<u16> {
    let tcp = bindings
        .into_iter()
        .filter(|(port, _)| port.ends_with("/tcp"));
    let bindings = tcp.flat_map(|(_, bindings)| bindings.unwrap_or_default());
    let local = bindings.filter(|binding| convert::reachable(binding.host_ip.as_deref()));
    let ports = local.filter_map(|binding| binding.host_port?.parse().ok());
    // A port that the engine chooses is not known before the start.
    ports.filter(|port| *port != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::PortBinding;

    #[test]
    fn only_tcp_ports_on_a_local_address_are_checked() {
        let binding = |ip: &str, port: &str| {
            Some(vec![PortBinding {
                host_ip: Some(ip.into()),
                host_port: Some(port.into()),
            }])
        };
        let bindings = PortMap::from([
            ("6379/tcp".into(), binding("127.0.0.1", "20001")),
            ("53/udp".into(), binding("127.0.0.1", "20002")),
            ("80/tcp".into(), binding("192.0.2.7", "20003")),
            ("81/tcp".into(), binding("127.0.0.1", "0")),
            ("82/tcp".into(), None),
        ]);
        assert_eq!(local_ports(bindings), [20001]);
    }
}
