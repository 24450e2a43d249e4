//! What a container was made from, as a short text: another digest means that it has drifted from the lab file.

use sha2::{Digest, Sha256};

use crate::lab::Service;
use crate::plan::{ContainerSpec, HostPorts, Placement};

/// The digest of a service's container; chosen host ports and our own labels are left out.
pub(crate) fn digest(service: &Service, place: &Placement<'_>) -> String {
    let mut spec = ContainerSpec::new(service, place, &HostPorts::default());
    spec.labels.clone_from(&service.labels);
    let asked: Vec<_> = service.ports.iter().map(|port| port.host).collect();
    // Debug output names every field, so a new field cannot be forgotten here.
    let hash = Sha256::digest(format!("{spec:?}{asked:?}").as_bytes());
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
