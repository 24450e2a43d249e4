//! The plan that removes what is observed, whatever lab file it came from.

use crate::plan::{Cause, Observed, Operation, Plan};

/// Containers first, then the networks and volumes that they held.
pub fn down(observed: &Observed) -> Plan {
    let containers = observed
        .containers
        .iter()
        .map(|container| Operation::RemoveContainer {
            id: container.id.clone(),
            name: container.name.clone(),
            cause: Cause::Requested,
        });
    let networks = observed
        .networks
        .iter()
        .map(|network| Operation::RemoveNetwork {
            id: network.id.clone(),
            name: network.name.clone(),
        });
    let volumes = observed
        .volumes
        .iter()
        .map(|volume| Operation::RemoveVolume {
            name: volume.name.clone(),
        });
    Plan::new([containers.collect(), networks.chain(volumes).collect()])
}
