//! What exactly is to be created: the create calls as data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::lab::{Access, Gpus, Healthcheck, Limits, Mount, Protocol, PublishAddress, Service};
use crate::plan::{HostPorts, RunLabels, Subnet};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    pub name: String,
    pub subnet: Subnet,
    /// Without a way out.
    pub internal: bool,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

/// A container to create.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerSpec {
    pub name: String,
    /// An image id or name that is present.
    pub image: String,
    pub entrypoint: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    pub environment: BTreeMap<String, String>,
    pub ports: Vec<PortSpec>,
    pub mounts: Vec<MountSpec>,
    pub tmpfs: BTreeMap<String, String>,
    /// Networks by name, each with the names the container answers to there.
    pub networks: Vec<(String, Vec<String>)>,
    pub hostname: String,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    pub init: bool,
    pub read_only: bool,
    pub limits: Limits,
    pub ulimits: BTreeMap<String, (i64, i64)>,
    /// Beyond those every service has.
    pub cap_add: Vec<String>,
    pub sysctls: BTreeMap<String, String>,
    pub extra_hosts: BTreeMap<String, String>,
    pub gpus: Gpus,
    pub stop_signal: Option<String>,
    pub healthcheck: Option<Healthcheck>,
    pub labels: BTreeMap<String, String>,
}

/// A container port and the host port it is published on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortSpec {
    pub container: u16,
    pub protocol: Protocol,
    /// 0 lets the engine choose.
    pub host: u16,
    pub publish: PublishAddress,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSpec {
    Bind {
        source: PathBuf,
        target: String,
        access: Access,
    },
    /// A volume by its full name; its labels, because the engine makes it if it is missing.
    Volume {
        name: String,
        target: String,
        labels: BTreeMap<String, String>,
    },
}

/// Where a service's container is placed: everything that is not in the lab file.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'a> {
    pub run_labels: &'a RunLabels,
    /// An image id or name that is present.
    pub image: &'a str,
    pub workspace: Option<&'a Path>,
}

impl ContainerSpec {
    /// The container of a service. `ports` has a host port for each container port.
    pub fn new(service: &Service, place: &Placement<'_>, ports: &HostPorts) -> Self {
        let run_labels = place.run_labels;
        let mut labels = service.labels.clone();
        labels.extend(run_labels.labels());
        let networks = service.networks.iter().map(|(network, aliases)| {
            let mut names = vec![service.name.to_string()];
            names.extend(aliases.iter().cloned());
            (run_labels.name(network), names)
        });
        Self {
            name: run_labels.name(service.name.as_str()),
            image: place.image.to_owned(),
            entrypoint: service.entrypoint.clone(),
            command: service.command.clone(),
            environment: service.environment.clone(),
            ports: service
                .ports
                .iter()
                .map(|port| PortSpec {
                    container: port.container,
                    protocol: port.protocol,
                    host: ports.get(&service.name, port.container),
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
        Mount::Volume { name, target } => {
            let whole_lab = RunLabels {
                service: None,
                digest: None,
                ..run_labels.clone()
            };
            MountSpec::Volume {
                name: run_labels.name(name),
                target: target.clone(),
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
