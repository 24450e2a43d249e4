//! What exists on the engine: roadlab's resources, and the ports and address ranges that others use.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerSummary, ContainerSummaryStateEnum, EndpointSettings, Network, PortSummary,
    PortSummaryTypeEnum, Volume,
};
use bollard::query_parameters::{
    InspectNetworkOptions, ListContainersOptions, ListContainersOptionsBuilder,
    ListNetworksOptions, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};
use futures_util::future::try_join3;

use super::podman::any_state;
use super::{Docker, READ_TIMEOUT, convert, names};
use crate::engine::{Inventory, Result};
use crate::lab::Protocol;
use crate::plan::{
    Observed, ObservedContainer, ObservedNetwork, ObservedVolume, PublishedPort, PublishedPorts,
    RunLabels, Running, Scope, Subnet,
};
use crate::text;

impl Inventory for Docker {
    async fn observe(&self, scope: &Scope) -> Result<Observed> {
        let filters = HashMap::from([("label", scope.filters())]);
        let containers = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let networks = ListNetworksOptionsBuilder::default()
            .filters(&filters)
            .build();
        let volumes = ListVolumesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let (containers, networks, volumes) = try_join3(
            self.list_containers(Some(containers)),
            self.list_networks(Some(networks)),
            async {
                self.call(&text!("list volumes"), READ_TIMEOUT, |client| {
                    client.list_volumes(Some(volumes))
                })
                .await
            },
        )
        .await?;
        let volumes = volumes.volumes.unwrap_or_default();
        let mut observed = Observed {
            containers: containers.into_iter().filter_map(container).collect(),
            networks: networks.into_iter().filter_map(network).collect(),
            volumes: volumes.into_iter().filter_map(volume).collect(),
        };
        observed
            .containers
            .retain(|one| scope.holds(&one.run_labels));
        observed.networks.retain(|one| scope.holds(&one.run_labels));
        observed.volumes.retain(|one| scope.holds(&one.run_labels));
        Ok(observed)
    }

    async fn subnets(&self) -> Result<Vec<Subnet>> {
        let networks = self.list_networks(None).await?;
        let ranges = networks
            .into_iter()
            .filter_map(|network| network.ipam?.config)
            .flatten();
        Ok(ranges
            .filter_map(|range| Subnet::parse(&range.subnet?))
            .collect())
    }

    async fn published_ports(&self) -> Result<BTreeMap<u16, String>> {
        let containers = self.list_containers(None).await?;
        let published = containers.into_iter().flat_map(|container| {
            let name = first_name(&container).unwrap_or_default().to_owned();
            let ports = container.ports.unwrap_or_default();
            ports
                .into_iter()
                .filter_map(move |port| Some((port.public_port?, name.clone())))
        });
        Ok(published.collect())
    }
}

impl Docker {
    async fn list_containers(
        &self,
        options: Option<ListContainersOptions>,
    ) -> Result<Vec<ContainerSummary>> {
        self.call(&text!("list containers"), READ_TIMEOUT, |client| {
            any_state(client.list_containers(options))
        })
        .await
    }

    /// Returns the name of a container that was created from an image, by roadlab or not.
    pub(super) async fn user_of_image(&self, image: &str) -> Result<Option<String>> {
        let filters = HashMap::from([("ancestor", vec![image])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let containers = self.list_containers(Some(options)).await?;
        let names = containers.iter().filter_map(first_name);
        Ok(names.map(str::to_owned).next())
    }

    pub(super) async fn list_networks(
        &self,
        options: Option<ListNetworksOptions>,
    ) -> Result<Vec<Network>> {
        self.call(&text!("list networks"), READ_TIMEOUT, |client| {
            client.list_networks(options)
        })
        .await
    }

    /// Returns the ids and names of the containers that are connected to a network.
    pub(super) async fn containers_on(&self, network: &str) -> Result<Vec<(String, String)>> {
        let operation = text!("inspect network `{network}`", network);
        let network = names::resource(network)?;
        let answer = self
            .call(&operation, READ_TIMEOUT, |client| {
                client.inspect_network(network, None::<InspectNetworkOptions>)
            })
            .await?;
        let containers = answer.containers.unwrap_or_default().into_iter();
        let named = containers.map(|(id, endpoint)| {
            let name = endpoint.name.filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| id.clone());
            (id, name)
        });
        Ok(named.collect())
    }

    /// Returns the names of the containers that use a volume, running or not.
    pub(super) async fn containers_with(&self, volume: &str) -> Result<Vec<String>> {
        let filters = HashMap::from([("volume", vec![volume])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let users = self.list_containers(Some(options)).await?;
        Ok(users
            .iter()
            .filter_map(first_name)
            .map(str::to_owned)
            .collect())
    }
}

fn first_name(container: &ContainerSummary) -> Option<&str> {
    let name = container.names.as_deref()?.first()?;
    Some(name.trim_start_matches('/'))
}

fn container(found: ContainerSummary) -> Option<ObservedContainer> {
    let name = first_name(&found)?.to_owned();
    let run_labels = RunLabels::read(&name, &found.labels?.into_iter().collect())?;
    let running = match found.state {
        Some(ContainerSummaryStateEnum::RUNNING) => Running::Yes,
        Some(ContainerSummaryStateEnum::PAUSED) => Running::Paused,
        _ => Running::No,
    };
    let networks = found
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    Some(ObservedContainer {
        id: found.id?,
        name,
        run_labels,
        running,
        state: found.status.unwrap_or_default(),
        // An engine that was killed still reports the ports of its former containers; another program may have them now.
        ports: match running {
            Running::Yes | Running::Paused => ports(found.ports.unwrap_or_default()),
            Running::No => PublishedPorts::default(),
        },
        addresses: networks
            .iter()
            .filter_map(|(name, endpoint)| Some((name.clone(), address(endpoint)?)))
            .collect(),
        networks: networks
            .into_iter()
            .map(|(name, endpoint)| (name, endpoint.network_id.unwrap_or_default()))
            .collect(),
        created: found.created.unwrap_or_default(),
        full_disks: Vec::new(),
    })
}

/// Returns the address that a container has on a network, or the one that it was promised while it does not run.
fn address(endpoint: &EndpointSettings) -> Option<Ipv4Addr> {
    let parse = |text: &str| text.parse().ok();
    let has = endpoint.ip_address.as_deref().and_then(parse);
    let promised = endpoint.ipam_config.as_ref();
    has.or_else(|| promised?.ipv4_address.as_deref().and_then(parse))
}

/// Returns the ports that are published on an address which 127.0.0.1 reaches.
fn ports(found: Vec<PortSummary>) -> PublishedPorts {
    let ports = found.into_iter();
    ports
        .filter(|port| convert::reachable(port.ip.as_deref()))
        .filter_map(|port| {
            Some(PublishedPort {
                container: port.private_port,
                protocol: match port.typ? {
                    PortSummaryTypeEnum::TCP => Protocol::Tcp,
                    PortSummaryTypeEnum::UDP => Protocol::Udp,
                    PortSummaryTypeEnum::SCTP | PortSummaryTypeEnum::EMPTY => return None,
                },
                host: port.public_port?,
            })
        })
        .collect()
}

fn network(found: Network) -> Option<ObservedNetwork> {
    let name = found.name?;
    let run_labels = RunLabels::read(&name, &found.labels?.into_iter().collect())?;
    Some(ObservedNetwork {
        id: found.id?,
        name,
        run_labels,
        internal: found.internal.unwrap_or_default(),
    })
}

fn volume(found: Volume) -> Option<ObservedVolume> {
    let run_labels = RunLabels::read(&found.name, &found.labels.into_iter().collect())?;
    Some(ObservedVolume {
        name: found.name,
        run_labels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Instance, LabId, RunId};

    fn run_labels() -> RunLabels {
        RunLabels {
            run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
            owner: "abc".into(),
            service: None,
            digest: None,
            mounted: None,
        }
    }

    fn summary(name: &str) -> ContainerSummary {
        let port = |private_port, public_port, ip: &str, typ| PortSummary {
            ip: Some(ip.into()),
            private_port,
            public_port,
            typ: Some(typ),
        };
        ContainerSummary {
            id: Some("0a1b".into()),
            names: Some(vec![format!("/{name}")]),
            labels: Some(convert::labels(&run_labels().labels())),
            state: Some(ContainerSummaryStateEnum::RUNNING),
            created: Some(7),
            ports: Some(vec![
                port(53, Some(20001), "127.0.0.1", PortSummaryTypeEnum::TCP),
                port(53, Some(20002), "127.0.0.1", PortSummaryTypeEnum::UDP),
                port(80, Some(20003), "0.0.0.0", PortSummaryTypeEnum::TCP),
                port(81, Some(20004), "192.0.2.7", PortSummaryTypeEnum::TCP),
                port(82, None, "", PortSummaryTypeEnum::TCP),
            ]),
            ..Default::default()
        }
    }

    #[test]
    fn container_of_roadlab_has_the_ports_reachable_on_this_machine() {
        let found = container(summary(&run_labels().name("redis"))).unwrap();
        assert_eq!(found.name, "roadlab-redis-z7a9bc-redis");
        assert_eq!(
            (found.run_labels, found.running, found.created),
            (run_labels(), Running::Yes, 7)
        );
        let port = |container, protocol, host| PublishedPort {
            container,
            protocol,
            host,
        };
        assert_eq!(
            found.ports.iter().collect::<Vec<_>>(),
            [
                port(53, Protocol::Tcp, 20001),
                port(53, Protocol::Udp, 20002),
                port(80, Protocol::Tcp, 20003)
            ]
        );

        let mut stopped = summary(&run_labels().name("redis"));
        stopped.state = Some(ContainerSummaryStateEnum::EXITED);
        assert!(container(stopped).unwrap().ports.is_empty());
    }

    #[test]
    fn labels_without_the_name_are_not_enough() {
        assert!(container(summary("other")).is_none());
        let unlabelled = Network {
            name: Some(run_labels().name("default")),
            id: Some("0a".into()),
            ..Default::default()
        };
        assert!(network(unlabelled).is_none());
        let misnamed = Volume {
            name: "data".into(),
            labels: convert::labels(&run_labels().labels()),
            ..Default::default()
        };
        assert!(volume(misnamed).is_none());
    }
}
