//! The plan that removes everything that was observed. It needs no lab file.

use crate::plan::{Observed, Operation, Plan, Reason};

/// Removes the containers first, then the networks and volumes that they used.
pub fn down(observed: &Observed) -> Plan {
    let containers = observed
        .containers
        .iter()
        .map(|container| Operation::RemoveContainer {
            id: container.id.clone(),
            name: container.name.clone(),
            reason: Reason::Requested,
        });
    let networks = observed
        .networks
        .iter()
        .map(|network| Operation::RemoveNetwork {
            id: network.id.clone(),
            name: network.name.clone(),
            reason: Reason::Requested,
        });
    let volumes = observed
        .volumes
        .iter()
        .map(|volume| Operation::RemoveVolume {
            name: volume.name.clone(),
        });
    Plan::new([containers.collect(), networks.chain(volumes).collect()])
}
