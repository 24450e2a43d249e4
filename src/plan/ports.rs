//! Host ports: a lab gets the same ports each time it starts, as long as they are free.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::lab::{Instance, Lab, Port, Protocol, Service, ServiceName};

/// The host ports that roadlab chooses from. They lie below the range that Linux uses for outgoing connections, which
/// starts at 32768.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// Identifies a published port of a lab.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortKey {
    pub service: ServiceName,
    pub container: u16,
    pub protocol: Protocol,
    /// Counts the entries of the service with the same container port and protocol, from 0.
    pub index: usize,
}

/// The host port of a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPort {
    /// The lab file names it.
    Fixed(u16),
    /// roadlab chose it, and another free port would do as well. With 0 the engine chooses.
    Chosen(u16),
}

impl HostPort {
    pub fn number(self) -> u16 {
        match self {
            HostPort::Fixed(number) | HostPort::Chosen(number) => number,
        }
    }
}

/// The host port of every published port of a lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPorts(BTreeMap<PortKey, HostPort>);

impl HostPorts {
    /// Chooses a host port for each published port whose host port the lab file leaves open. `taken` are ports in use.
    pub fn choose(lab: &Lab, instance: &Instance, taken: &BTreeSet<u16>) -> Self {
        let ports = || lab.services.values().flat_map(published_ports);
        let mut taken = taken.clone();
        taken.extend(ports().filter_map(|(_, port)| port.host));
        let choose = |(key, port): (PortKey, &Port)| {
            let host = match port.host {
                Some(number) => HostPort::Fixed(number),
                None => {
                    let mut candidates = candidates(preferred(lab, instance, &key));
                    let free = candidates.find(|candidate| taken.insert(*candidate));
                    HostPort::Chosen(free.unwrap_or(0))
                }
            };
            (key, host)
        };
        Self(ports().map(choose).collect())
    }

    /// Returns the host port of a published port; the engine chooses it if it is not known here.
    pub fn get(&self, key: &PortKey) -> HostPort {
        self.0.get(key).copied().unwrap_or(HostPort::Chosen(0))
    }

    /// Returns the ports that were chosen, without those that the lab file names.
    pub fn chosen(&self) -> impl Iterator<Item = u16> {
        self.0.values().filter_map(|host| match host {
            HostPort::Chosen(number) => Some(*number),
            HostPort::Fixed(_) => None,
        })
    }

    /// Returns the host port of a container port by container port: the first published binding, TCP before UDP.
    pub fn by_container_port(&self, service: &Service) -> BTreeMap<u16, u16> {
        first_bindings(service, |key, _| Some(self.get(key).number()))
    }
}

/// Returns the ports of a service with their keys, in the order of the lab file. A fixed port that is listed twice is one.
pub fn published_ports(service: &Service) -> impl Iterator<Item = (PortKey, &Port)> {
    let ports = service.ports.iter().enumerate();
    ports.filter_map(|(at, port)| {
        let before = &service.ports[..at];
        if port.host.is_some() && before.contains(port) {
            return None;
        }
        let same =
            |other: &&Port| (other.container, other.protocol) == (port.container, port.protocol);
        let key = PortKey {
            service: service.name.clone(),
            container: port.container,
            protocol: port.protocol,
            index: before.iter().filter(same).count(),
        };
        Some((key, port))
    })
}

/// Returns for each container port of a service the first binding that `host` finds, TCP before UDP.
pub(super) fn first_bindings(
    service: &Service,
    host: impl Fn(&PortKey, &Port) -> Option<u16>,
) -> BTreeMap<u16, u16> {
    let mut bindings = BTreeMap::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for (key, port) in published_ports(service).filter(|(key, _)| key.protocol == protocol) {
            if let Some(number) = host(&key, port) {
                bindings.entry(key.container).or_insert(number);
            }
        }
    }
    bindings
}

/// Returns the ports that may be chosen, beginning after `port` and each once.
pub fn candidates_after(port: u16) -> impl Iterator<Item = u16> {
    candidates(port.wrapping_sub(FIRST) % COUNT + 1)
}

fn candidates(start: u16) -> impl Iterator<Item = u16> {
    (0..COUNT).map(move |step| FIRST + (start + step) % COUNT)
}

/// The place in the range where the search for a port begins.
fn preferred(lab: &Lab, instance: &Instance, key: &PortKey) -> u16 {
    let PortKey {
        service,
        container,
        protocol,
        index,
    } = key;
    // Addresses stay what they were before ports had a protocol and an index here.
    let mut name = format!("{}/{instance}/{service}/{container}", lab.id);
    if *protocol == Protocol::Udp {
        name.push_str("/udp");
    }
    if *index > 0 {
        name.push_str(&format!("/{index}"));
    }
    let hash = Sha256::digest(name.as_bytes());
    u16::from_be_bytes([hash[0], hash[1]]) % COUNT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::lab;

    fn choose(ports: &str, taken: &[u16]) -> Vec<HostPort> {
        let lab = lab(&format!(
            "services:\n  redis: {{ image: 'redis:8.0', ports: {ports}, mem_limit: 64m }}\n"
        ));
        let taken = taken.iter().copied().collect();
        let ports = HostPorts::choose(&lab, &Instance::main(), &taken);
        let service = lab.services.values().next().unwrap();
        published_ports(service)
            .map(|(key, _)| ports.get(&key))
            .collect()
    }

    #[test]
    fn the_port_of_a_service_stays_the_same_unless_it_is_taken() {
        let usual = choose("['6379']", &[]);
        assert_eq!(usual, choose("['6379']", &[]));
        let number = usual[0].number();
        assert_eq!(
            choose("['6379']", &[number]),
            [HostPort::Chosen(number + 1)]
        );
    }

    #[test]
    fn each_entry_has_a_port_of_its_own() {
        let ports = choose("['6379', '6379', '53/tcp', '53/udp']", &[]);
        let numbers: BTreeSet<u16> = ports.iter().map(|port| port.number()).collect();
        assert_eq!(numbers.len(), 4, "{ports:?}");
        assert_eq!(
            choose("['8080:80', '8081:80']", &[]),
            [HostPort::Fixed(8080), HostPort::Fixed(8081)]
        );
    }

    #[test]
    fn a_fixed_port_is_not_chosen_for_another_entry() {
        let usual = choose("['6379']", &[])[0].number();
        let ports = choose(&format!("['6379', '{usual}:80']"), &[]);
        assert_eq!(ports, [HostPort::Chosen(usual + 1), HostPort::Fixed(usual)]);
    }

    #[test]
    fn the_search_for_another_port_stays_in_the_range() {
        assert_eq!(candidates_after(29_999).next(), Some(20_000));
        assert_eq!(candidates_after(20_000).next(), Some(20_001));
        assert_eq!(candidates_after(8080).count(), usize::from(COUNT));
    }
}
