//! The plan that brings a lab up: from what there is to what the lab wants.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::lab::{Condition, Lab, Network, Service, ServiceName};
use crate::plan::digest::digest;
use crate::plan::{
    Cause, ContainerSpec, HostPorts, NetworkSpec, Observed, Operation, Placement, Plan, RunLabels,
    Running, Stage, Subnet, VolumeSpec,
};

/// Everything beside the lab file that the plan depends on.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub run_labels: RunLabels,
    /// The image of each service that can run; an optional service without one is left out.
    pub images: &'a BTreeMap<ServiceName, ServiceImage>,
    pub ports: HostPorts,
    /// A free range for each network of the lab that may have to be made.
    pub subnets: Vec<Subnet>,
    pub workspace: Option<&'a Path>,
}

/// The image that a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceImage {
    pub id: String,
    /// What it is called, for people.
    pub name: String,
}

/// Makes the plan. Doing it and planning again gives an empty plan.
pub fn up(lab: &Lab, wanted: &Wanted<'_>, observed: &Observed) -> Plan {
    let services: Vec<&Service> = lab
        .services
        .values()
        .filter(|s| wanted.images.contains_key(&s.name))
        .collect();
    let mut remove: Stage = observed
        .containers
        .iter()
        .filter(|container| {
            !services
                .iter()
                .any(|s| container.run_labels.service.as_ref() == Some(&s.name))
        })
        .map(|container| Operation::RemoveContainer {
            id: container.id.clone(),
            name: container.name.clone(),
            cause: Cause::Orphan,
        })
        .collect();
    let mut create = Stage::new();
    let mut start = BTreeMap::new();
    for service in &services {
        let image = &wanted.images[&service.name];
        let place = Placement {
            run_labels: &wanted.run_labels,
            image: &image.id,
            workspace: wanted.workspace,
        };
        let digest = digest(service, &place);
        let cause = match observed.container(&service.name) {
            None => Cause::Missing,
            Some(found) if found.run_labels.digest.as_deref() != Some(digest.as_str()) => {
                remove.push(Operation::RemoveContainer {
                    id: found.id.clone(),
                    name: found.name.clone(),
                    cause: Cause::Changed,
                });
                Cause::Changed
            }
            Some(found) => {
                if found.running != Running::Yes && !completes(lab, &service.name) {
                    start.insert(&service.name, (Some(found.id.clone()), Cause::Stopped));
                }
                continue;
            }
        };
        let run_labels = wanted.run_labels.of_service(&service.name, digest);
        let place = Placement {
            run_labels: &run_labels,
            ..place
        };
        let spec = Box::new(ContainerSpec::new(service, &place, &wanted.ports));
        create.push(Operation::CreateContainer {
            service: service.name.clone(),
            spec,
            cause,
        });
        start.insert(&service.name, (None, cause));
    }
    let mut stages = vec![
        remove,
        networks_and_volumes(lab, wanted, observed, &services),
        create,
    ];
    stages.extend(order(lab, &services, &start));
    Plan::new(stages)
}

/// Networks and volumes that are missing.
fn networks_and_volumes(
    lab: &Lab,
    wanted: &Wanted<'_>,
    observed: &Observed,
    services: &[&Service],
) -> Stage {
    let labels = wanted.run_labels.labels();
    let used: BTreeSet<&String> = services
        .iter()
        .flat_map(|service| service.networks.keys())
        .collect();
    let missing = used
        .into_iter()
        .map(|network| (network, wanted.run_labels.name(network)));
    let missing =
        missing.filter(|(_, name)| !observed.networks.iter().any(|known| known.name == *name));
    let networks = missing
        .zip(&wanted.subnets)
        .map(|((network, name), subnet)| {
            Operation::CreateNetwork(NetworkSpec {
                name,
                subnet: *subnet,
                internal: lab.networks.get(network) == Some(&Network::Internal),
                labels: labels.clone(),
            })
        });
    let volumes: BTreeSet<String> = services
        .iter()
        .flat_map(|service| &service.mounts)
        .filter_map(|mount| match mount {
            crate::lab::Mount::Volume { name, .. } => Some(wanted.run_labels.name(name)),
            crate::lab::Mount::Bind { .. } | crate::lab::Mount::Workspace { .. } => None,
        })
        .filter(|name| !observed.volumes.iter().any(|known| known.name == *name))
        .collect();
    let volumes = volumes.into_iter().map(|name| {
        Operation::CreateVolume(VolumeSpec {
            name,
            labels: labels.clone(),
        })
    });
    networks.chain(volumes).collect()
}

/// Starts in dependency order; each wave waits only for what the next ones depend on, the last wave for everything.
fn order(
    lab: &Lab,
    services: &[&Service],
    start: &BTreeMap<&ServiceName, (Option<String>, Cause)>,
) -> Vec<Stage> {
    if start.is_empty() {
        return Vec::new();
    }
    let mut stages = Vec::new();
    let mut started: BTreeSet<&ServiceName> = services
        .iter()
        .map(|s| &s.name)
        .filter(|name| !start.contains_key(name))
        .collect();
    let mut waited: BTreeSet<(&ServiceName, u8)> = BTreeSet::new();
    while started.len() < services.len() {
        let ready = |service: &&&Service| {
            let there = |name: &ServiceName| {
                started.contains(name) || !services.iter().any(|s| s.name == *name)
            };
            !started.contains(&service.name) && service.depends_on.keys().all(there)
        };
        let wave: Vec<&Service> = services.iter().filter(ready).copied().collect();
        // A circle is a problem of the lab file; the loader never lets one through.
        if wave.is_empty() {
            break;
        }
        let waits: Stage = wave
            .iter()
            .flat_map(|service| &service.depends_on)
            .filter(|(name, condition)| {
                **condition != Condition::Started && start.contains_key(name)
            })
            .filter(|(name, condition)| waited.insert((name, **condition as u8)))
            .map(|(name, condition)| Operation::Wait {
                service: name.clone(),
                condition: *condition,
            })
            .collect();
        stages.push(waits);
        stages.push(
            wave.iter()
                .filter_map(|service| {
                    let (id, cause) = start.get(&service.name)?;
                    Some(Operation::StartContainer {
                        service: service.name.clone(),
                        id: id.clone(),
                        cause: *cause,
                    })
                })
                .collect(),
        );
        started.extend(wave.iter().map(|service| &service.name));
    }
    stages.push(
        start
            .keys()
            .map(|name| {
                (
                    *name,
                    if completes(lab, name) {
                        Condition::Completed
                    } else {
                        Condition::Healthy
                    },
                )
            })
            .filter(|(name, condition)| !waited.contains(&(*name, *condition as u8)))
            .map(|(name, condition)| Operation::Wait {
                service: name.clone(),
                condition,
            })
            .collect(),
    );
    stages
}

/// A one-shot: some service waits for it to end well, so being stopped is its normal state.
pub fn completes(lab: &Lab, name: &ServiceName) -> bool {
    lab.services
        .values()
        .any(|service| service.depends_on.get(name) == Some(&Condition::Completed))
}
