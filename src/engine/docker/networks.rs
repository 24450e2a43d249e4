//! Networks: created under names that are free, removed with the containers disconnected that are still on them.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{NetworkConnectRequest, NetworkDisconnectRequest};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder};

use super::containers::ignore_not_found;
use super::{Docker, READ_TIMEOUT, WRITE_TIMEOUT, convert, names};
use crate::engine::{EngineError, ErrorKind, Networks, Result};
use crate::plan::{NetworkAttachment, NetworkSpec, Subnet};
use crate::text;

/// How often containers are disconnected before a removal fails, if others connect them again.
const DISCONNECT_ATTEMPTS: usize = 3;

impl Networks for Docker {
    async fn create_network(&self, spec: &NetworkSpec) -> Result<String> {
        let name = names::resource(&spec.name)?;
        let operation = text!(
            "create network `{name}` ({subnet})",
            name,
            subnet = spec.subnet
        );
        // Older engines allow two networks with one name.
        let filters = HashMap::from([("name", vec![name])]);
        let options = ListNetworksOptionsBuilder::default()
            .filters(&filters)
            .build();
        let existing = self.list_networks(Some(options)).await?;
        if existing
            .iter()
            .any(|network| network.name.as_deref() == Some(name))
        {
            return Err(EngineError::new(
                ErrorKind::NameTaken,
                text!("a network of this name exists and was not created by roadlab"),
            )
            .during(&operation)
            .help(text!(
                "inspect it with `docker network inspect {name}`",
                name
            )));
        }
        let created = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.create_network(convert::network(spec))
            })
            .await?;
        Ok(created.id)
    }

    async fn connect_network(&self, container: &str, attachment: &NetworkAttachment) -> Result<()> {
        let operation = text!(
            "connect container `{container}` to network `{network}`",
            container,
            network = attachment.network
        );
        let network = names::resource(&attachment.network)?;
        let address = self.address(attachment).await?;
        let request = NetworkConnectRequest {
            container: names::resource(container)?.to_owned(),
            endpoint_config: Some(convert::attachment(attachment, address)),
        };
        let connected = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.connect_network(network, request)
            })
            .await;
        match connected {
            // The engine reports that the endpoint already exists.
            Err(error) if error.kind == ErrorKind::NameTaken => Ok(()),
            result => result,
        }
    }

    async fn disconnect_network(&self, container: &str, network: &str) -> Result<()> {
        let operation = text!(
            "disconnect container `{container}` from network `{network}`",
            container,
            network
        );
        let network = names::resource(network)?;
        let request = NetworkDisconnectRequest {
            container: names::resource(container)?.to_owned(),
            force: Some(true),
        };
        let disconnected = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.disconnect_network(network, request)
            })
            .await;
        ignore_not_found(disconnected)
    }

    async fn remove_network(&self, network: &str) -> Result<Vec<String>> {
        let operation = text!("remove network `{network}`", network);
        let network = names::resource(network)?;
        let mut disconnected = Vec::new();
        // Podman removes a network by its id although containers use it, and those cannot be started again.
        if self.is_podman().await? {
            disconnected.extend(self.disconnect_all(network).await?);
        }
        let mut attempts = 0;
        loop {
            let removed = self
                .call(&operation, WRITE_TIMEOUT, |client| {
                    client.remove_network(network)
                })
                .await;
            match ignore_not_found(removed) {
                Err(error) if error.kind == ErrorKind::Busy && attempts < DISCONNECT_ATTEMPTS => {
                    attempts += 1;
                    disconnected.extend(self.disconnect_all(network).await?);
                }
                result => return result.map(|()| disconnected),
            }
        }
    }
}

impl Docker {
    /// Returns the address of a container on a network; `None` leaves the choice to the engine.
    pub(super) async fn address(&self, attachment: &NetworkAttachment) -> Result<Option<Ipv4Addr>> {
        let Some(number) = attachment.number else {
            return Ok(None);
        };
        let operation = text!("inspect network `{network}`", network = attachment.network);
        let network = names::resource(&attachment.network)?;
        let answer = self
            .call(&operation, READ_TIMEOUT, |client| {
                client.inspect_network(network, None::<InspectNetworkOptions>)
            })
            .await?;
        let ranges = answer.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let mut ranges = ranges.into_iter().filter_map(|range| range.subnet);
        let range = ranges.find_map(|range| Subnet::parse(&range));
        Ok(range.and_then(|range| range.address(number)))
    }

    /// Disconnects every container from a network and returns their names.
    async fn disconnect_all(&self, network: &str) -> Result<Vec<String>> {
        let containers = match self.containers_on(network).await {
            Err(error) => return ignore_not_found(Err(error)).map(|()| Vec::new()),
            Ok(containers) => containers,
        };
        let mut names = Vec::new();
        for (container, name) in containers {
            self.disconnect_network(&container, network).await?;
            names.push(name);
        }
        Ok(names)
    }
}
