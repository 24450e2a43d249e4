//! Host ports: the same lab gets the same port each time, unless somebody else has it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::lab::{Instance, Lab, ServiceName};

/// Below the range that outgoing connections use on Linux (32768 and up).
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// The host port of every container port of every service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPorts(BTreeMap<(ServiceName, u16), u16>);

impl HostPorts {
    /// Chooses a port for each container port that the lab leaves open. `taken` are those in use.
    pub fn choose(lab: &Lab, instance: &Instance, taken: &BTreeSet<u16>) -> Self {
        let mut taken = taken.clone();
        let mut chosen = BTreeMap::new();
        for service in lab.services.values() {
            for port in &service.ports {
                let host = port.host.unwrap_or_else(|| {
                    let start = preferred(lab, instance, &service.name, port.container);
                    let mut candidates = (0..COUNT).map(|step| FIRST + (start + step) % COUNT);
                    candidates
                        .find(|candidate| !taken.contains(candidate))
                        .unwrap_or(FIRST)
                });
                taken.insert(host);
                chosen.insert((service.name.clone(), port.container), host);
            }
        }
        Self(chosen)
    }

    /// The host port of a container port; 0 lets the engine choose.
    pub fn get(&self, service: &ServiceName, container: u16) -> u16 {
        self.0
            .get(&(service.clone(), container))
            .copied()
            .unwrap_or(0)
    }
}

fn preferred(lab: &Lab, instance: &Instance, service: &ServiceName, container: u16) -> u16 {
    let hash = Sha256::digest(format!("{}/{instance}/{service}/{container}", lab.id).as_bytes());
    u16::from_be_bytes([hash[0], hash[1]]) % COUNT
}
