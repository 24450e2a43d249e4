//! The plan that stops the services of a lab for a while and keeps all that they hold.

use std::collections::BTreeSet;

use crate::lab::{Lab, Service, ServiceName};
use crate::plan::{Observed, Operation, Plan, Reason, Running, Stage};

/// Stops every container that runs, a service before the services that it depends on. Those that are paused continue first: a
/// process that stands still cannot end in an orderly way.
pub fn pause(lab: &Lab, observed: &Observed) -> Plan {
    let containers = observed.containers.iter();
    let paused = containers.filter(|container| container.running == Running::Paused);
    let proceed = paused.filter_map(|container| {
        Some(Operation::StartContainer {
            service: container.run_labels.service.clone()?,
            id: Some(container.id.clone()),
            reason: Reason::Requested,
        })
    });
    let mut stages = vec![proceed.collect::<Stage>()];
    let mut left: Vec<&Service> = lab.services.values().collect();
    while !left.is_empty() {
        let needed: BTreeSet<&ServiceName> = left
            .iter()
            .flat_map(|service| service.depends_on.keys())
            .collect();
        let (rest, next): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|service| needed.contains(&service.name));
        // The loader refuses circular dependencies.
        if next.is_empty() {
            break;
        }
        stages.push(
            next.into_iter()
                .filter_map(|one| stop(one, observed))
                .collect(),
        );
        left = rest;
    }
    Plan::new(stages)
}

fn stop(service: &Service, observed: &Observed) -> Option<Operation> {
    let container = observed.container(&service.name)?;
    (container.running != Running::No).then(|| Operation::StopContainer {
        service: service.name.clone(),
        id: container.id.clone(),
    })
}
