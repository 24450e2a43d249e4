//! The networks of services: which ones a container lacks, and its address on each.

use std::collections::BTreeSet;

use crate::lab::{Lab, Service, ServiceName};
use crate::plan::subnet::NUMBERS;
use crate::plan::{
    AddressNumbers, NetworkAttachment, Observed, ObservedContainer, ObservedNetwork, Operation,
    RunLabels, Stage, Subnet,
};

/// The beginning of the name of a network that a service is alone on, before the service's name. No network of a lab has a dot.
const CUT_NETWORK: &str = "cut-off.";

/// Returns the full name of the network that a service is alone on while it is cut off.
pub(super) fn cut_network(run_labels: &RunLabels, service: &ServiceName) -> String {
    run_labels.name(&format!("{CUT_NETWORK}{service}"))
}

/// Returns the service that is alone on a network, from the full name of the network.
pub(super) fn service_of_cut_network(network: &str) -> Option<ServiceName> {
    let (_, service) = network.split_once(&format!("-{CUT_NETWORK}"))?;
    ServiceName::new(service).ok()
}

/// Returns how a service leaves the network that it is alone on. A container that does not run would refer to it for ever.
pub(super) fn leave_cut_network(
    container: &ObservedContainer,
    service: &ServiceName,
) -> Option<Operation> {
    let network = cut_network(&container.run_labels, service);
    let is_there = container.networks.contains_key(&network);
    is_there.then(|| Operation::DisconnectNetwork {
        service: service.clone(),
        container: container.id.clone(),
        network,
    })
}

/// How far a service is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutOff {
    No,
    /// It is on the networks of the lab and on the one that it is alone on: a program that cut it off, or connected it again, was
    /// ended in the middle.
    Partly,
    /// It lacks a network of the lab.
    Yes,
}

/// Returns how far a service is cut off.
pub fn cut_off(service: &Service, container: &ObservedContainer) -> CutOff {
    let mut networks = service.networks.keys();
    let lacks = networks.any(|network| {
        let name = container.run_labels.name(network);
        !container.networks.contains_key(&name)
    });
    match (lacks, leave_cut_network(container, &service.name)) {
        (true, _) => CutOff::Yes,
        (false, Some(_)) => CutOff::Partly,
        (false, None) => CutOff::No,
    }
}

/// Returns the connections that a container has lost, or that were to networks which were removed.
pub(super) fn connections(
    service: &Service,
    container: &ObservedContainer,
    run_labels: &RunLabels,
    networks: &[&ObservedNetwork],
    numbers: &AddressNumbers,
) -> Stage {
    let lost = service.networks.keys().filter(|network| {
        let name = run_labels.name(network);
        let mut known = networks.iter();
        !known.any(|known| known.name == name && container.is_connected(known))
    });
    lost.map(|network| Operation::ConnectNetwork {
        service: service.name.clone(),
        container: container.id.clone(),
        attachment: NetworkAttachment::new(service, network, run_labels, numbers),
    })
    .collect()
}

/// Chooses the number of the address of every service on every network: the one that it has, else the one of its place in the
/// lab, else a free one. A service that is cut off gets the same number back, unless the lab file has changed meanwhile.
pub(super) fn address_numbers(
    lab: &Lab,
    run_labels: &RunLabels,
    observed: &Observed,
) -> AddressNumbers {
    let mut numbers = AddressNumbers::new();
    let networks: BTreeSet<&String> = lab
        .services
        .values()
        .flat_map(|service| service.networks.keys())
        .collect();
    for network in networks {
        let name = run_labels.name(network);
        let known = |service: &Service| {
            let address = observed.container(&service.name)?.addresses.get(&name)?;
            Some(Subnet::number(*address))
        };
        let services = lab.services.values();
        let services: Vec<&Service> = services
            .filter(|service| service.networks.contains_key(network))
            .collect();
        let mut used: BTreeSet<u32> = services.iter().copied().filter_map(known).collect();
        for (at, service) in services.into_iter().enumerate() {
            let number = known(service).or_else(|| {
                let place = NUMBERS.clone().nth(at);
                let place = place.filter(|number| !used.contains(number));
                // From the end, where no other service has its place.
                place.or_else(|| NUMBERS.rev().find(|number| !used.contains(number)))
            });
            if let Some(number) = number {
                used.insert(number);
                numbers.insert((network.clone(), service.name.clone()), number);
            }
        }
    }
    numbers
}
