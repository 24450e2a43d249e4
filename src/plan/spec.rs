//! Networks, volumes and containers to create: the create calls as data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lab::{
    Access, Gpus, Healthcheck, Limits, Mount, Protocol, PublishAddress, RestartPolicy, Service,
    ServiceName,
};
use crate::plan::ports::published_ports;
use crate::plan::{HostPort, HostPorts, RunLabels, Subnet};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    pub name: String,
    pub subnet: Subnet,
    /// Whether the network has no access to the outside.
    pub internal: bool,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

/// A container's place on a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAttachment {
    /// The full name of the network.
    pub network: String,
    /// The names that the container has there.
    pub aliases: Vec<String>,
    /// The number of its address in the network's range; `None` lets the engine choose one.
    pub number: Option<u32>,
}

/// The number of the address of each service, by the name of the network in the lab and the service.
///
/// Engines give a container that starts the lowest free address. Without a number of its own, a service that is stopped or cut
/// off could find its address taken by another one that started meanwhile.
pub type AddressNumbers = BTreeMap<(String, ServiceName), u32>;

/// A container to create.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerSpec {
    pub name: String,
    /// The id or name of a local image.
    pub image: String,
    pub entrypoint: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    pub environment: BTreeMap<String, String>,
    pub ports: Vec<PortSpec>,
    pub mounts: Vec<MountSpec>,
    pub tmpfs: BTreeMap<String, String>,
    pub networks: Vec<NetworkAttachment>,
    pub hostname: String,
    pub domainname: Option<String>,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    pub init: bool,
    pub read_only: bool,
    pub limits: Limits,
    pub ulimits: BTreeMap<String, (i64, i64)>,
    /// In addition to the capabilities that every service has.
    pub cap_add: Vec<String>,
    pub sysctls: BTreeMap<String, String>,
    pub extra_hosts: BTreeMap<String, String>,
    pub gpus: Gpus,
    pub stop_signal: Option<String>,
    pub stop_grace_period: Option<Duration>,
    pub restart: RestartPolicy,
    pub stdin_open: bool,
    /// Of the capabilities that every service has, those that this one has not.
    pub cap_drop: Vec<String>,
    pub healthcheck: Option<Healthcheck>,
    pub labels: BTreeMap<String, String>,
}

/// A container port and a host port that it is published on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortSpec {
    pub container: u16,
    pub protocol: Protocol,
    pub host: HostPort,
    pub publish: PublishAddress,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSpec {
    Bind {
        source: PathBuf,
        target: String,
        access: Access,
    },
    /// A volume by its full name, with its labels, because the engine creates the volume if it is missing.
    Volume {
        name: String,
        target: String,
        access: Access,
        labels: BTreeMap<String, String>,
    },
}

/// What the container of a service is created from, apart from the lab file.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'a> {
    pub run_labels: &'a RunLabels,
    /// The id or name of a local image.
    pub image: &'a str,
    pub workspace: Option<&'a Path>,
}

impl NetworkAttachment {
    /// Describes the place of a service on a network of the lab, under its own name and the aliases of the lab file.
    pub(super) fn new(
        service: &Service,
        network: &str,
        run_labels: &RunLabels,
        numbers: &AddressNumbers,
    ) -> Self {
        let mut aliases = vec![service.name.to_string()];
        aliases.extend(service.networks.get(network).into_iter().flatten().cloned());
        Self {
            network: run_labels.name(network),
            aliases,
            number: numbers
                .get(&(network.to_owned(), service.name.clone()))
                .copied(),
        }
    }
}

impl ContainerSpec {
    /// Describes the container of a service. `ports` has its host ports, `numbers` those of its addresses.
    pub fn new(
        service: &Service,
        place: &Placement<'_>,
        ports: &HostPorts,
        numbers: &AddressNumbers,
    ) -> Self {
        let run_labels = place.run_labels;
        let mut labels = service.labels.clone();
        labels.extend(run_labels.labels());
        let networks = service.networks.keys();
        let networks =
            networks.map(|network| NetworkAttachment::new(service, network, run_labels, numbers));
        Self {
            name: run_labels.name(service.name.as_str()),
            image: place.image.to_owned(),
            entrypoint: service.entrypoint.clone(),
            command: service.command.clone(),
            environment: service.environment.clone(),
            ports: published_ports(service)
                .map(|(key, port)| PortSpec {
                    container: port.container,
                    protocol: port.protocol,
                    host: ports.get(&key),
                    publish: port.publish,
                })
                .collect(),
            mounts: service
                .mounts
                .iter()
                .map(|m| mount(m, run_labels, place.workspace))
                .collect(),
            tmpfs: service.tmpfs.clone(),
            networks: networks.collect(),
            hostname: service
                .hostname
                .clone()
                .unwrap_or_else(|| service.name.to_string()),
            domainname: service.domainname.clone(),
            user: service.user.clone(),
            working_dir: service.working_dir.clone(),
            init: service.init,
            read_only: service.read_only,
            limits: service.limits,
            ulimits: service.ulimits.clone(),
            cap_add: service.cap_add.clone(),
            sysctls: service.sysctls.clone(),
            extra_hosts: service.extra_hosts.clone(),
            gpus: service.gpus,
            stop_signal: service.stop_signal.clone(),
            stop_grace_period: service.stop_grace_period,
            restart: service.restart,
            stdin_open: service.stdin_open,
            cap_drop: service.cap_drop.clone(),
            healthcheck: service.healthcheck.clone(),
            labels,
        }
    }
}

fn mount(mount: &Mount, run_labels: &RunLabels, workspace: Option<&Path>) -> MountSpec {
    match mount {
        Mount::Bind {
            source,
            target,
            access,
        } => MountSpec::Bind {
            source: source.clone(),
            target: target.clone(),
            access: *access,
        },
        Mount::Volume {
            name,
            target,
            access,
        } => {
            let whole_lab = RunLabels {
                service: None,
                digest: None,
                mounted: None,
                ..run_labels.clone()
            };
            MountSpec::Volume {
                name: run_labels.name(name),
                target: target.clone(),
                access: *access,
                labels: whole_lab.labels(),
            }
        }
        Mount::Workspace {
            below,
            target,
            access,
        } => MountSpec::Bind {
            source: workspace.unwrap_or(Path::new("")).join(below),
            target: target.clone(),
            access: *access,
        },
    }
}
