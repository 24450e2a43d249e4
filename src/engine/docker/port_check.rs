//! Whether the ports of a container arrive on this machine.
//!
//! A lab's `start` wipes what it finds at 127.0.0.1, so that must be the lab's own service. An engine in another network
//! namespace or behind a forwarded socket publishes ports where we cannot see them, and a stranger's server may listen at the
//! same port here. So nobody may listen there before a container starts, and somebody must while it runs: then it is the
//! engine who does, whatever it does that with (docker-proxy, rootlesskit, Docker Desktop, conmon), and as long as the
//! container runs nobody else can.

use std::time::Duration;

use bollard::models::PortMap;
use bollard::query_parameters::InspectContainerOptions;

use super::{Docker, LOOK, convert, names};
use crate::engine::{EngineError, ErrorKind, Result, is_port_free};

/// How often, and how long apart, it is looked whether ports are open here.
const LOOKS: u32 = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

impl Docker {
    /// Starts a container whose ports are free here, and lead to it afterwards.
    pub(super) async fn start_here(&self, container: &str) -> Result<()> {
        let what = format!("start container `{container}`");
        let named = names::resource(container)?;
        // The engine answers this when it has let go of what the container had when it ran before.
        let answer = self
            .client
            .ask(|client| client.inspect_container(named, None::<InspectContainerOptions>))
            .of_any_state();
        let answer = self.call(&what, LOOK, answer).await?;
        let bindings = answer.host_config.and_then(|config| config.port_bindings);
        let ports = wanted(bindings.unwrap_or_default());
        let runs = answer.state.and_then(|state| state.running) == Some(true);
        if runs {
            return Ok(());
        }
        if let Some(port) = ports.iter().find(|port| !is_port_free(**port)) {
            let error = EngineError::new(
                ErrorKind::PortTaken,
                format!(
                    "cannot {what}: port {port} is used by another program; stop it or take another port"
                ),
            );
            return Err(self.name_the_other(&what, *port, error).await);
        }
        self.start_container(container).await?;
        let mut looks = 0;
        while let Some(port) = ports.iter().find(|port| is_port_free(**port)) {
            // One that has ended already let go of its ports.
            if !self.look_at_container(container).await?.running {
                break;
            }
            looks += 1;
            if looks > LOOKS {
                let what = format!(
                    "port {port} of this engine does not arrive here: it publishes ports in another network namespace or on \
                     another machine; run roadlab there, or use an engine of this machine (`roadlab engine status`)"
                );
                return Err(EngineError::new(ErrorKind::PortsNotLocal, what));
            }
            // An engine in a virtual machine may need a moment to open them here.
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }
}

/// The TCP ports of this machine that a container is to be reached at.
fn wanted(bindings: PortMap) -> Vec<u16> {
    let tcp = bindings
        .into_iter()
        .filter(|(port, _)| port.ends_with("/tcp"));
    let bindings = tcp.flat_map(|(_, bindings)| bindings.unwrap_or_default());
    let here = bindings.filter(|binding| convert::reachable(binding.host_ip.as_deref()));
    let ports = here.filter_map(|binding| binding.host_port?.parse().ok());
    // Where the engine may choose, nothing is known before.
    ports.filter(|port| *port != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::PortBinding;

    #[test]
    fn only_ports_that_are_dialled_here_must_arrive_here() {
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
        assert_eq!(wanted(bindings), [20001]);
    }
}
