//! Services that are cut off from their peers, and the repair of what is broken in a running lab.
//!
//! A service that is cut off moves from the networks of the lab to a network of its own. There its ports stay published, so that
//! probes, its clients and its web interface still reach it. Afterwards it has its names and its address again. What was seen
//! with Docker 20.10:
//!
//! - The published ports follow the container to whichever network it has, at the same host port, also over a restart.
//! - Its peers cannot resolve its names and get no answer from its address, nor it from theirs: Docker drops what is sent from
//!   one bridge to another. Connections that are open stay open and silent, and continue when the service is connected again,
//!   which is how a network that is interrupted behaves. A second network for everybody would not do: peers would find each
//!   other there, or programs that listen on the address of their host name would choose the wrong one.
//! - While a container does not have its address, Docker gives it to the next one that starts, and then refuses to connect the
//!   first (`Address already in use`). Every service therefore has an address of its own, see [`AddressNumbers`].

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::{Lab, Network, Presence, Service, ServiceName};
use crate::plan::connections::{
    address_numbers, connections, cut_network, leave_cut_network, service_of_cut_network,
};
use crate::plan::disks::{free_continued, free_disks};
use crate::plan::reconcile::{is_to_start, seed, start_in_order};
use crate::plan::{
    NetworkAttachment, NetworkSpec, NoFreeSubnet, Observed, Operation, Plan, Reason, RunLabels,
    Running, Stage, Subnet,
};

/// Cuts a service off from its peers; the plan is empty if it has no container or is cut off already. `taken` are the address
/// ranges in use.
pub fn cut(
    lab: &Lab,
    service: &ServiceName,
    observed: &Observed,
    taken: &[Subnet],
) -> Result<Plan, NoFreeSubnet> {
    let Some((service, container)) = lab.services.get(service).zip(observed.container(service))
    else {
        return Ok(Plan::default());
    };
    let run_labels = of_run(&container.run_labels);
    let own = cut_network(&run_labels, &service.name);
    let create = match observed.networks.iter().any(|network| network.name == own) {
        true => None,
        false => {
            let free = Subnet::free(taken, seed(&run_labels), 1);
            let mut networks = service.networks.keys();
            let internal = |network| lab.networks.get(network) == Some(&Network::Internal);
            Some(Operation::CreateNetwork(NetworkSpec {
                name: own.clone(),
                subnet: free.first().copied().ok_or(NoFreeSubnet)?,
                internal: networks.all(internal),
                labels: run_labels.labels(),
            }))
        }
    };
    let connect = (!container.networks.contains_key(&own)).then(|| Operation::ConnectNetwork {
        service: service.name.clone(),
        container: container.id.clone(),
        attachment: NetworkAttachment {
            network: own.clone(),
            aliases: Vec::new(),
            number: None,
        },
    });
    let networks = container.networks.keys().filter(|network| **network != own);
    let disconnect = networks.map(|network| Operation::DisconnectNetwork {
        service: service.name.clone(),
        container: container.id.clone(),
        network: network.clone(),
    });
    // Connected before it is disconnected: a container without a network has no published ports.
    Ok(Plan::new([
        create.into_iter().collect(),
        connect.into_iter().collect(),
        disconnect.collect::<Stage>(),
    ]))
}

/// What is repaired of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Its connections to the networks of the lab.
    Networks,
    /// Its connections, its disks, and whether it runs.
    Everything,
}

/// Repairs services that exist: they are connected again, their disks are freed, and they are started if they are stopped or
/// paused. The plan is empty if there is nothing to repair.
pub fn repair(lab: &Lab, services: &[&ServiceName], repair: Repair, observed: &Observed) -> Plan {
    let (mut connect, mut leave, mut remove) = (Stage::new(), Stage::new(), Stage::new());
    let (mut free, mut paused) = (Stage::new(), Vec::new());
    let mut start = BTreeMap::new();
    let mut reconnected = BTreeSet::new();
    let found = services.iter().filter_map(|name| {
        let service = lab.services.get(*name)?;
        Some((service, observed.container(&service.name)?))
    });
    for (service, container) in found {
        let run_labels = of_run(&container.run_labels);
        let numbers = address_numbers(lab, &run_labels, observed);
        let networks: Vec<_> = observed.networks.iter().collect();
        let mut lost = connections(service, container, &run_labels, &networks, &numbers);
        // What was removed by hand has to be created first, see `missing`.
        lost.retain(|operation| match operation {
            Operation::ConnectNetwork { attachment, .. } => networks
                .iter()
                .any(|network| network.name == attachment.network),
            _ => true,
        });
        if !lost.is_empty() && container.running == Running::Yes {
            reconnected.insert(&service.name);
        }
        connect.extend(lost);
        leave.extend(leave_cut_network(container, &service.name));
        let own = cut_network(&run_labels, &service.name);
        let networks = observed.networks.iter();
        remove.extend(
            networks
                .filter(|network| network.name == own)
                .map(|network| Operation::RemoveNetwork {
                    id: network.id.clone(),
                    name: network.name.clone(),
                    reason: Reason::Requested,
                }),
        );
        if repair == Repair::Everything {
            free.extend(free_disks(service, container));
            paused.push((service, container));
        }
        if repair == Repair::Everything && is_to_start(lab, service, container) {
            start.insert(&service.name, (Some(container.id.clone()), Reason::Stopped));
        }
    }
    let existing: Vec<&Service> = lab
        .services
        .values()
        .filter(|service| observed.container(&service.name).is_some())
        .collect();
    let starts = start_in_order(lab, &existing, &start, &reconnected);
    let mut stages = vec![free, connect, leave, remove];
    stages.extend(free_continued(starts, &paused));
    Plan::new(stages)
}

/// Returns the services that a plan changes. One that is only waited for is not among them.
pub fn changed_services(plan: &Plan) -> BTreeSet<ServiceName> {
    let operations = plan.stages.iter().flatten();
    let service = |operation: &Operation| match operation {
        Operation::CreateContainer { service, .. }
        | Operation::ConnectNetwork { service, .. }
        | Operation::DisconnectNetwork { service, .. }
        | Operation::StartContainer { service, .. }
        | Operation::StopContainer { service, .. }
        | Operation::FreeDisk { service, .. } => Some(service.clone()),
        Operation::RemoveNetwork { name, .. } => service_of_cut_network(name),
        Operation::RemoveContainer { .. }
        | Operation::RemoveVolume { .. }
        | Operation::CreateNetwork(_)
        | Operation::CreateVolume(_)
        | Operation::Wait { .. } => None,
    };
    operations.filter_map(service).collect()
}

/// Returns the services that only `up` can repair: those without a container, and those whose network is gone. An optional
/// service without a container may lack its image.
pub fn missing<'a>(lab: &'a Lab, observed: &Observed) -> Vec<&'a ServiceName> {
    let is_missing = |service: &&Service| match observed.container(&service.name) {
        None => service.interface.presence == Presence::Required,
        Some(container) => service.networks.keys().any(|network| {
            let name = container.run_labels.name(network);
            !observed.networks.iter().any(|network| network.name == name)
        }),
    };
    let services = lab.services.values().filter(is_missing);
    services.map(|service| &service.name).collect()
}

/// Returns the labels of everything of a run but its containers.
fn of_run(run_labels: &RunLabels) -> RunLabels {
    RunLabels {
        service: None,
        digest: None,
        mounted: None,
        ..run_labels.clone()
    }
}
