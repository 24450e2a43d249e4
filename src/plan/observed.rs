//! The containers, networks and volumes of this user on the engine, at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::lab::{Protocol, RunId, Service, ServiceName};
use crate::plan::RunLabels;
use crate::plan::ports::first_bindings;

/// A snapshot. A plan depends on one snapshot, without further calls to the engine.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    pub containers: Vec<ObservedContainer>,
    pub networks: Vec<ObservedNetwork>,
    pub volumes: Vec<ObservedVolume>,
}

#[derive(Debug, Clone)]
pub struct ObservedContainer {
    pub id: String,
    pub name: String,
    pub run_labels: RunLabels,
    pub running: Running,
    /// The engine's description: `Up 3 minutes`, `Exited (137) 2 seconds ago`.
    pub state: String,
    /// Empty unless the container runs.
    pub ports: PublishedPorts,
    /// The networks that the container is connected to, by name, each with the network's id. The id is empty until the
    /// container starts; some releases of Podman repeat the name instead.
    pub networks: BTreeMap<String, String>,
    /// The addresses that the container has or was promised, by the name of the network.
    pub addresses: BTreeMap<String, Ipv4Addr>,
    /// Seconds since 1970.
    pub created: i64,
    /// The file systems in memory that a fault filled, by their paths. Known of a running service once its disks were observed.
    pub full_disks: Vec<String>,
}

/// Whether a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    Yes,
    /// Created, exited or dead.
    No,
    Paused,
}

/// A container port and one host port of 127.0.0.1 that it is published on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedPort {
    pub container: u16,
    pub protocol: Protocol,
    pub host: u16,
}

/// All bindings of a container, in the order of their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishedPorts(BTreeSet<PublishedPort>);

#[derive(Debug, Clone)]
pub struct ObservedNetwork {
    pub id: String,
    pub name: String,
    pub run_labels: RunLabels,
    /// Whether the network has no access to the outside.
    pub internal: bool,
}

#[derive(Debug, Clone)]
pub struct ObservedVolume {
    pub name: String,
    pub run_labels: RunLabels,
}

impl Observed {
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }

    /// Returns the container of a service.
    pub fn container(&self, service: &ServiceName) -> Option<&ObservedContainer> {
        self.containers
            .iter()
            .find(|container| container.run_labels.service.as_ref() == Some(service))
    }

    /// Returns the runs of everything in the snapshot.
    pub fn runs(&self) -> BTreeSet<&RunId> {
        self.labels().map(|labels| &labels.run).collect()
    }

    /// Returns the labels of everything in the snapshot.
    pub fn labels(&self) -> impl Iterator<Item = &RunLabels> {
        let containers = self.containers.iter().map(|one| &one.run_labels);
        let networks = self.networks.iter().map(|one| &one.run_labels);
        let volumes = self.volumes.iter().map(|one| &one.run_labels);
        containers.chain(networks).chain(volumes)
    }
}

impl ObservedContainer {
    /// Whether the container is connected to this very network. After a network was removed and created again, a container
    /// that does not run still refers to the old one.
    pub fn is_connected(&self, network: &ObservedNetwork) -> bool {
        self.networks
            .get(&network.name)
            .is_some_and(|id| id.is_empty() || *id == network.id || *id == network.name)
    }
}

impl PublishedPorts {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn insert(&mut self, port: PublishedPort) {
        self.0.insert(port);
    }

    pub fn iter(&self) -> impl Iterator<Item = PublishedPort> {
        self.0.iter().copied()
    }

    /// Returns every host port in use.
    pub fn hosts(&self) -> impl Iterator<Item = u16> {
        self.iter().map(|port| port.host)
    }

    /// Returns the lowest host port of a TCP port of the container, or of a UDP port if there is no other.
    pub fn host_of(&self, container: u16) -> Option<u16> {
        self.iter()
            .find(|port| port.container == container)
            .map(|port| port.host)
    }

    /// Returns the host port of each container port: the binding that the lab file lists first, TCP before UDP. Ports that
    /// the lab file does not list follow with their lowest host port.
    pub fn by_container_port(&self, service: &Service) -> BTreeMap<u16, u16> {
        let mut bindings = first_bindings(service, |key, port| {
            let published = |published: &PublishedPort| {
                (published.container, published.protocol) == (key.container, key.protocol)
                    && port.host.is_none_or(|host| host == published.host)
            };
            self.iter().find(published).map(|published| published.host)
        });
        for port in self.iter() {
            bindings.entry(port.container).or_insert(port.host);
        }
        bindings
    }
}

impl FromIterator<PublishedPort> for PublishedPorts {
    fn from_iter<T: IntoIterator<Item = PublishedPort>>(ports: T) -> Self {
        Self(ports.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::lab;

    #[test]
    fn the_address_of_a_service_is_the_first_binding_of_the_lab_file() {
        let lab = lab(
            "services:\n  redis: { image: 'redis:8.0', mem_limit: 64m, ports: ['8081:80', '8080:80', '53/udp', '53/tcp'] }\n",
        );
        let port = |container, protocol, host| PublishedPort {
            container,
            protocol,
            host,
        };
        let published: PublishedPorts = [
            port(80, Protocol::Tcp, 8080),
            port(80, Protocol::Tcp, 8081),
            port(53, Protocol::Udp, 20_001),
            port(53, Protocol::Tcp, 20_002),
            port(99, Protocol::Tcp, 20_003),
        ]
        .into_iter()
        .collect();
        let service = lab.services.values().next().unwrap();
        assert_eq!(
            published.by_container_port(service),
            BTreeMap::from([(53, 20_002), (80, 8081), (99, 20_003)])
        );
    }
}
