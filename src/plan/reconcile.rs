//! The plan that brings a lab up: observed and lab are compared by name, and the differences become operations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::lab::{Condition, Lab, Mount, Network, Service, ServiceName};
use crate::plan::connections::{address_numbers, connections, leave_cut_network};
use crate::plan::disks::{free_continued, free_disks};
use crate::plan::identity::{IdentityMatch, compare_identity, identity_label};
use crate::plan::{
    AddressNumbers, ContainerSpec, HostPorts, NetworkSpec, Observed, ObservedContainer,
    ObservedNetwork, Operation, Placement, Plan, PlanWarning, Reason, RunLabels, Running, Stage,
    Subnet, VolumeSpec,
};

/// The desired state of a lab, apart from its lab file.
#[derive(Debug, Clone, Copy)]
pub struct Desired<'a> {
    pub run_labels: &'a RunLabels,
    /// The image of each service that has one. An optional service without an image is left out.
    pub images: &'a BTreeMap<ServiceName, ServiceImage>,
    /// The digests of the lab's files that services mount. A service whose files could not be read is left out.
    pub mounted: &'a BTreeMap<ServiceName, String>,
    pub workspace: Option<&'a Path>,
}

impl<'a> Desired<'a> {
    /// Returns what the container of a service is created from, apart from the lab file; `None` without an image, or if the
    /// service needs `--trust` and that was not granted.
    fn placement(&self, service: &Service) -> Option<Placement<'a>> {
        if service.is_withheld() {
            return None;
        }
        Some(Placement {
            run_labels: self.run_labels,
            image: &self.images.get(&service.name)?.id,
            workspace: self.workspace,
        })
    }
}

/// The image that a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceImage {
    pub id: String,
    /// The name that people know it by.
    pub name: String,
}

/// The differences between a lab and what was observed.
#[derive(Debug)]
pub struct Changes<'a> {
    lab: &'a Lab,
    desired: Desired<'a>,
    observed: &'a Observed,
    services: Vec<(&'a Service, ServiceChange<'a>)>,
    /// Networks of the lab that have to be created, by their name in the lab.
    missing_networks: BTreeSet<&'a String>,
}

/// What has to be done about the container of a service.
#[derive(Debug, Clone, Copy)]
enum ServiceChange<'a> {
    Create {
        replaces: Option<&'a ObservedContainer>,
    },
    Keep {
        container: &'a ObservedContainer,
        identity: IdentityMatch,
    },
}

/// There are fewer free address ranges than networks to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFreeSubnet;

/// Compares a lab with what was observed.
pub fn reconcile<'a>(lab: &'a Lab, desired: Desired<'a>, observed: &'a Observed) -> Changes<'a> {
    let change = |service: &'a Service| {
        let placement = desired.placement(service)?;
        let change = match observed.container(&service.name) {
            None => ServiceChange::Create { replaces: None },
            Some(container) => {
                let label = container.run_labels.digest.as_deref();
                let mounted = container.run_labels.mounted.as_ref();
                let mounted = mounted.zip(desired.mounted.get(&service.name));
                match compare_identity(label, service, &placement) {
                    // A container keeps the file that it mounted, also after another one has taken its name.
                    IdentityMatch::Same if mounted.is_some_and(|(before, now)| before != now) => {
                        ServiceChange::Create {
                            replaces: Some(container),
                        }
                    }
                    IdentityMatch::Different => ServiceChange::Create {
                        replaces: Some(container),
                    },
                    identity => ServiceChange::Keep {
                        container,
                        identity,
                    },
                }
            }
        };
        Some((service, change))
    };
    let services: Vec<_> = lab.services.values().filter_map(change).collect();
    let used: BTreeSet<&String> = services
        .iter()
        .flat_map(|(service, _)| service.networks.keys())
        .collect();
    let matches = |network: &&String| {
        let name = desired.run_labels.name(network);
        let internal = is_internal(lab, network);
        let mut networks = observed.networks.iter();
        networks.any(|known| known.name == name && known.internal == internal)
    };
    let missing_networks = used.into_iter().filter(|one| !matches(one)).collect();
    Changes {
        lab,
        desired,
        observed,
        services,
        missing_networks,
    }
}

fn is_internal(lab: &Lab, network: &String) -> bool {
    lab.networks.get(network) == Some(&Network::Internal)
}

impl Changes<'_> {
    /// Whether a container has to be created, for which host ports are needed.
    pub fn creates_containers(&self) -> bool {
        let create = |change: &ServiceChange<'_>| matches!(change, ServiceChange::Create { .. });
        self.services.iter().any(|(_, change)| create(change))
    }

    /// Whether a network has to be created, for which an address range is needed.
    pub fn creates_networks(&self) -> bool {
        !self.missing_networks.is_empty()
    }

    /// Makes the plan. `taken` are the address ranges in use. Performing the plan and planning again gives an empty plan.
    pub fn plan(&self, ports: &HostPorts, taken: &[Subnet]) -> Result<Plan, NoFreeSubnet> {
        let numbers = address_numbers(self.lab, self.desired.run_labels, self.observed);
        let mut remove = self.orphan_containers();
        let mut create = Stage::new();
        let mut connect = Stage::new();
        let mut start = BTreeMap::new();
        let mut wait = BTreeSet::new();
        let mut kept = Vec::new();
        for (service, change) in &self.services {
            match change {
                ServiceChange::Create { replaces } => {
                    let reason = match replaces {
                        Some(container) => {
                            remove.push(remove_container(container, Reason::Changed));
                            Reason::Changed
                        }
                        None => Reason::Missing,
                    };
                    create.extend(self.create_container(service, ports, &numbers, reason));
                    start.insert(&service.name, (None, reason));
                }
                ServiceChange::Keep { container, .. } => {
                    kept.push((*service, *container));
                    remove.extend(free_disks(service, container));
                    remove.extend(leave_cut_network(container, &service.name));
                    let operations = self.connections(service, container, &numbers);
                    if container.running == Running::Yes && !operations.is_empty() {
                        wait.insert(&service.name);
                    }
                    connect.extend(operations);
                    if is_to_start(self.lab, service, container) {
                        let existing = (Some(container.id.clone()), Reason::Stopped);
                        start.insert(&service.name, existing);
                    }
                }
            }
        }
        create.extend(connect);
        let mut provide = self.create_networks(taken)?;
        provide.extend(self.create_volumes());
        let mut stages = vec![remove, self.remove_networks(), provide, create];
        let services: Vec<&Service> = self.services.iter().map(|(service, _)| *service).collect();
        let starts = start_in_order(self.lab, &services, &start, &wait);
        stages.extend(free_continued(starts, &kept));
        Ok(Plan {
            warnings: self.warnings(),
            ..Plan::new(stages)
        })
    }

    fn orphan_containers(&self) -> Stage {
        let belongs = |container: &ObservedContainer| {
            let service = container.run_labels.service.as_ref();
            self.services
                .iter()
                .any(|(known, _)| service == Some(&known.name))
        };
        let containers = self.observed.containers.iter();
        containers
            .filter(|container| !belongs(container))
            .map(|container| remove_container(container, Reason::Orphan))
            .collect()
    }

    fn create_container(
        &self,
        service: &Service,
        ports: &HostPorts,
        numbers: &AddressNumbers,
        reason: Reason,
    ) -> Option<Operation> {
        let placement = self.desired.placement(service)?;
        let image = &self.desired.images.get(&service.name)?.name;
        let digest = identity_label(service, &placement);
        let run_labels = RunLabels {
            mounted: self.desired.mounted.get(&service.name).cloned(),
            ..placement.run_labels.of_service(&service.name, digest)
        };
        let placement = Placement {
            run_labels: &run_labels,
            ..placement
        };
        Some(Operation::CreateContainer {
            service: service.name.clone(),
            image: image.clone(),
            spec: Box::new(ContainerSpec::new(service, &placement, ports, numbers)),
            reason,
        })
    }

    /// The networks that a container which stays has lost, or that are created again.
    fn connections(
        &self,
        service: &Service,
        container: &ObservedContainer,
        numbers: &AddressNumbers,
    ) -> Stage {
        let run_labels = self.desired.run_labels;
        let created = self.missing_networks.iter();
        let created: BTreeSet<String> = created.map(|network| run_labels.name(network)).collect();
        let kept = self.observed.networks.iter();
        let kept: Vec<&ObservedNetwork> = kept
            .filter(|network| !created.contains(&network.name))
            .collect();
        connections(service, container, run_labels, &kept, numbers)
    }

    /// Networks that no service of the lab uses, and those that are to be created with another access to the outside.
    fn remove_networks(&self) -> Stage {
        let services = self.lab.services.values();
        let used: BTreeSet<String> = services
            .flat_map(|service| service.networks.keys())
            .map(|network| self.desired.run_labels.name(network))
            .collect();
        let replaced: BTreeSet<String> = self
            .missing_networks
            .iter()
            .map(|network| self.desired.run_labels.name(network))
            .collect();
        let networks = self.observed.networks.iter();
        networks
            .filter_map(|network| {
                let reason = match used.contains(&network.name) {
                    false => Reason::Orphan,
                    true if replaced.contains(&network.name) => Reason::Changed,
                    true => return None,
                };
                Some(Operation::RemoveNetwork {
                    id: network.id.clone(),
                    name: network.name.clone(),
                    reason,
                })
            })
            .collect()
    }

    fn create_networks(&self, taken: &[Subnet]) -> Result<Stage, NoFreeSubnet> {
        let run_labels = self.desired.run_labels;
        let count = self.missing_networks.len();
        let free = Subnet::free(taken, seed(run_labels), count);
        if free.len() < count {
            return Err(NoFreeSubnet);
        }
        let create = |(network, subnet): (&&String, Subnet)| {
            Operation::CreateNetwork(NetworkSpec {
                name: run_labels.name(network),
                subnet,
                internal: is_internal(self.lab, network),
                labels: run_labels.labels(),
            })
        };
        Ok(self.missing_networks.iter().zip(free).map(create).collect())
    }

    fn create_volumes(&self) -> Stage {
        let services = self.services.iter().map(|(service, _)| *service);
        let wanted: BTreeSet<String> = services.flat_map(|one| self.volumes_of(one)).collect();
        let exists = |name: &String| self.observed.volumes.iter().any(|one| one.name == *name);
        let missing = wanted.into_iter().filter(|name| !exists(name));
        let labels = self.desired.run_labels.labels();
        missing
            .map(|name| {
                Operation::CreateVolume(VolumeSpec {
                    name,
                    labels: labels.clone(),
                })
            })
            .collect()
    }

    /// The full names of the volumes that a service mounts.
    fn volumes_of(&self, service: &Service) -> impl Iterator<Item = String> {
        let mounts = service.mounts.iter();
        mounts.filter_map(|mount| match mount {
            Mount::Volume { name, .. } => Some(self.desired.run_labels.name(name)),
            Mount::Bind { .. } | Mount::Workspace { .. } => None,
        })
    }

    fn warnings(&self) -> Vec<PlanWarning> {
        let services = self.lab.services.values();
        let mounted: BTreeSet<String> = services.flat_map(|one| self.volumes_of(one)).collect();
        let volumes = self.observed.volumes.iter();
        let unused = volumes.filter(|volume| !mounted.contains(&volume.name));
        let unused = unused.map(|volume| PlanWarning::UnusedVolume {
            name: volume.name.clone(),
        });
        let unknown = self.services.iter().filter_map(|(service, change)| {
            let ServiceChange::Keep { identity, .. } = change else {
                return None;
            };
            (*identity == IdentityMatch::UnknownVersion).then(|| PlanWarning::UnknownIdentity {
                service: service.name.clone(),
            })
        });
        unused.chain(unknown).collect()
    }
}

/// Starts services in the order of their dependencies. A stage waits only for what the next one depends on, the last
/// stage for every service that was started or that got a network back.
pub(super) fn start_in_order(
    lab: &Lab,
    services: &[&Service],
    start: &BTreeMap<&ServiceName, (Option<String>, Reason)>,
    reconnected: &BTreeSet<&ServiceName>,
) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut started: BTreeSet<&ServiceName> = services
        .iter()
        .map(|service| &service.name)
        .filter(|name| !start.contains_key(name))
        .collect();
    let mut waited: Vec<(&ServiceName, Condition)> = Vec::new();
    while started.len() < services.len() {
        let is_ready = |service: &&&Service| {
            let is_started = |name: &ServiceName| {
                started.contains(name) || !services.iter().any(|one| one.name == *name)
            };
            !started.contains(&service.name) && service.depends_on.keys().all(is_started)
        };
        let next: Vec<&Service> = services.iter().filter(is_ready).copied().collect();
        // The loader refuses circular dependencies.
        if next.is_empty() {
            break;
        }
        let mut waits = Stage::new();
        for (name, condition) in next.iter().flat_map(|service| &service.depends_on) {
            let wait = (name, *condition);
            if *condition != Condition::Started
                && start.contains_key(name)
                && !waited.contains(&wait)
            {
                waited.push(wait);
                waits.push(Operation::Wait {
                    service: name.clone(),
                    condition: *condition,
                });
            }
        }
        stages.push(waits);
        let starts = next.iter().filter_map(|service| {
            let (id, reason) = start.get(&service.name)?;
            Some(Operation::StartContainer {
                service: service.name.clone(),
                id: id.clone(),
                reason: *reason,
            })
        });
        stages.push(starts.collect());
        started.extend(next.iter().map(|service| &service.name));
    }
    let last: BTreeSet<&ServiceName> = start.keys().chain(reconnected).copied().collect();
    let last = last.into_iter().map(|name| match completes(lab, name) {
        true => (name, Condition::Completed),
        false => (name, Condition::Healthy),
    });
    let last = last.filter(|wait| !waited.contains(wait));
    let last = last.map(|(name, condition)| Operation::Wait {
        service: name.clone(),
        condition,
    });
    stages.push(last.collect());
    stages
}

/// Returns where the search for free address ranges begins, which differs between runs that start at the same moment.
pub(super) fn seed(run_labels: &RunLabels) -> u32 {
    run_labels.run.short().bytes().fold(0, |seed: u32, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    })
}

fn remove_container(container: &ObservedContainer, reason: Reason) -> Operation {
    Operation::RemoveContainer {
        id: container.id.clone(),
        name: container.name.clone(),
        reason,
    }
}

/// Whether a container that exists has to be started or continued.
pub(super) fn is_to_start(lab: &Lab, service: &Service, container: &ObservedContainer) -> bool {
    match container.running {
        Running::Yes => false,
        Running::Paused => true,
        Running::No => !completes(lab, &service.name),
    }
}

/// Whether another service waits for this one to complete, so that having ended is its normal state.
pub fn completes(lab: &Lab, name: &ServiceName) -> bool {
    lab.services
        .values()
        .any(|service| service.depends_on.get(name) == Some(&Condition::Completed))
}
