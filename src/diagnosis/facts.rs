//! Facts about a machine, and what labs need of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use crate::diagnosis::systems::Host;
use crate::lab::{Lab, LabId, Port, Protocol, Service, ServiceInterface};
use crate::plan::OrphanRun;
use crate::text::Text;

/// The facts about a machine. What could not be found out is absent.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    pub engine: Option<EngineInfo>,
    /// What decides which system this is; known together with the engine.
    pub host: Option<Host>,
    /// Why no engine answers.
    pub engine_unavailable: Option<EngineUnavailable>,
    pub memory: Option<Memory>,
    pub disk: Option<Disk>,
    /// Ports of 127.0.0.1 that accept connections, each with the listening process where that is known.
    pub answering: BTreeMap<u16, Option<Process>>,
    /// Ports that containers publish, each with the container's name.
    pub published: BTreeMap<u16, String>,
    /// Ports that containers of this user's labs publish.
    pub own_ports: BTreeSet<u16>,
    pub proxies: Proxies,
    pub clocks: Vec<Clock>,
    pub folders: Vec<Folder>,
    /// Runs that no journal of this state folder records.
    pub orphan_runs: Vec<OrphanRun>,
    /// Journals that this version of roadlab cannot read.
    pub unreadable_journals: Vec<PathBuf>,
}

/// Why no engine answers, and the command that helps.
#[derive(Debug, Clone)]
pub struct EngineUnavailable {
    pub why: Text,
    pub fix: String,
}

/// An engine that answers.
#[derive(Debug, Clone)]
pub struct EngineInfo {
    pub product: String,
    pub version: String,
    pub api: String,
    pub address: String,
    /// Where the address was found, as in JSON.
    pub source: String,
    /// The same in words.
    pub source_text: Text,
    /// `1` or `2`; `None` if the engine does not report it.
    pub cgroup: Option<String>,
    /// Limits that it does not enforce: `memory`, `pids`.
    pub unlimited: Vec<String>,
    pub warnings: Vec<String>,
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    pub total: u64,
    pub available: u64,
}

/// The file system that holds the engine's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    pub path: PathBuf,
    /// Bytes.
    pub free: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub program: String,
}

/// The proxies that programs use. Passwords in them are redacted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Variables of this shell.
    pub shell: BTreeMap<String, String>,
    /// The proxies that the engine pulls through.
    pub engine: Vec<String>,
    /// Whether systemd starts the engine; then the engine's variables are in a unit file.
    pub systemd: bool,
}

/// The difference between this machine's clock and another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    pub source: ClockSource,
    /// Seconds by which the other clock is ahead.
    pub ahead: i64,
}

/// Where a time comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClockSource {
    /// An engine or a web server, by its name.
    Host(String),
    /// The modification time of a file.
    File(PathBuf),
}

impl fmt::Display for ClockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClockSource::Host(name) => f.write_str(name),
            ClockSource::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A folder that roadlab writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub path: PathBuf,
    /// Why files cannot be written there.
    pub problem: Option<String>,
}

/// Images that are not on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MissingImages {
    pub count: usize,
    /// How much of the disk they will take together at least, in bytes.
    pub bytes: u64,
}

/// What an image takes whose size nobody measured, in bytes.
const USUAL_IMAGE_SIZE: u64 = 192 << 20;

impl MissingImages {
    /// Returns the images of services that have none on this machine. Several services may have the same image.
    pub fn of<'a>(services: impl IntoIterator<Item = &'a Service>) -> Self {
        let image = |service: &Service| {
            let recipe = service.recipe.as_ref();
            let recipe = recipe.map(|recipe| (recipe.context.clone(), recipe.target.clone()));
            (service.image.as_ref().map(ToString::to_string), recipe)
        };
        let mut sizes = BTreeMap::new();
        for service in services {
            let size = service.interface.image_size;
            let known = sizes.entry(image(service)).or_insert(size);
            *known = size.max(*known);
        }
        let sizes = sizes.into_values();
        Self {
            count: sizes.len(),
            bytes: sizes.map(|size| size.unwrap_or(USUAL_IMAGE_SIZE)).sum(),
        }
    }
}

/// What one lab needs of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub lab: LabId,
    /// Bytes that its required services may use together.
    pub memory: u64,
    /// The images that are not on this machine.
    pub missing: MissingImages,
    /// The TCP ports of its containers that learners connect to, each with the services that listen there. Clients use these
    /// numbers by default.
    pub default_ports: BTreeMap<u16, BTreeSet<String>>,
    /// The TCP ports of this machine that its lab file names.
    pub fixed: BTreeSet<u16>,
}

impl Need {
    /// Reads what a lab needs. The caller knows which of its images are missing.
    pub fn of(lab: &Lab, missing: MissingImages) -> Self {
        let mut default_ports: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
        let mut fixed = BTreeSet::new();
        for service in lab.services.values() {
            let tcp = |port: &&Port| port.protocol == Protocol::Tcp;
            for (at, port) in service.ports.iter().filter(tcp).enumerate() {
                fixed.extend(port.host);
                if is_for_clients(&service.interface, at, port) {
                    let services = default_ports.entry(port.container).or_default();
                    services.insert(service.name.to_string());
                }
            }
        }
        Self {
            lab: lab.id.clone(),
            memory: u64::try_from(lab.memory()).unwrap_or(0),
            missing,
            default_ports,
            fixed,
        }
    }

    /// Returns every port of this machine at which a learner may expect a service of the lab.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.default_ports.keys().chain(&self.fixed).copied()
    }
}

/// Returns whether learners connect to the TCP port of a service that is the `at`-th: one in its address or of its web
/// interface, or any if it has neither. The others are for the checks of the lab.
fn is_for_clients(interface: &ServiceInterface, at: usize, port: &Port) -> bool {
    let number = port.container;
    let in_address = |url: &String| at == 0 || url.contains(&number.to_string());
    let any = interface.url.is_none() && interface.web.is_empty();
    let of_web = interface.web.iter().any(|web| web.port == number);
    any || of_web || interface.url.as_ref().is_some_and(in_address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::lab;

    #[test]
    fn services_with_one_image_need_its_space_once() {
        let compose = "\
services:
  redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m, x-roadlab: { image_size: 89m } }
  replica: { image: 'redis:8.0', mem_limit: 64m }
  other: { image: 'other:1', mem_limit: 64m, x-roadlab: { image_size: 1g } }
";
        let lab = lab(compose);
        let missing = MissingImages::of(lab.services.values());
        assert_eq!(missing.count, 2);
        assert_eq!(missing.bytes, (89 << 20) + (1 << 30));
    }
}
