//! Whether a machine can run labs: what was seen of it and what the labs need become findings.
//!
//! `doctor` shows all of them; `up` and `images` refuse early by the same rules. Looking is the room `machine`'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::lab::{Lab, LabId, Protocol};
use crate::plan::{Finding, NoEngine, OrphanRun};

/// What was seen of a machine.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    pub engine: Option<EngineInfo>,
    /// Why there is no engine to talk to.
    pub no_engine: Option<NoEngine>,
    pub memory: Option<Memory>,
    pub disk: Option<Disk>,
    /// Ports of this machine that were called and answered, with who listens there, where that could be seen.
    pub answering: BTreeMap<u16, Option<Process>>,
    /// Ports that any container publishes, with its name.
    pub published: BTreeMap<u16, String>,
    /// Ports that containers of our own publish.
    pub ours: BTreeSet<u16>,
    pub proxies: Proxies,
    /// By how much other clocks are ahead of ours.
    pub clocks: Vec<Clock>,
    pub folders: Vec<Folder>,
    /// Runs that no journal of this state folder records.
    pub orphan_runs: Vec<OrphanRun>,
    /// Journals that this version of roadlab cannot read.
    pub unreadable_journals: Vec<PathBuf>,
}

/// An engine that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    pub product: String,
    pub version: String,
    pub api: String,
    pub address: String,
    /// Why this one.
    pub source: String,
    /// `1` or `2`, where the engine says so.
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

/// Room where images lie, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    pub path: PathBuf,
    pub free: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub program: String,
}

/// The proxies that programs are told of; passwords in them are covered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Variables of this shell.
    pub shell: BTreeMap<String, String>,
    /// What the engine pulls through.
    pub engine: Vec<String>,
    /// Whether systemd starts the engine; then its variables are in a file of systemd's.
    pub systemd: bool,
}

/// By how much another clock is ahead of ours, in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    pub of: String,
    pub ahead: i64,
}

/// A folder that must take files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub path: PathBuf,
    /// Why it does not.
    pub problem: Option<String>,
}

/// What one lab needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub lab: LabId,
    /// Bytes that its required services may use together.
    pub memory: u64,
    /// Images that are not here.
    pub missing: usize,
    /// Container ports by number, with the services that listen there.
    pub default_ports: BTreeMap<u16, BTreeSet<String>>,
    /// Host ports that the lab insists on.
    pub fixed: BTreeSet<u16>,
}

impl Need {
    /// Reads a lab; how many of its images are missing is for the engine to say.
    pub fn of(lab: &Lab, missing: usize) -> Self {
        let mut default_ports: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
        let mut fixed = BTreeSet::new();
        for service in lab.services.values() {
            let tcp = service.ports.iter();
            for port in tcp.filter(|port| port.protocol == Protocol::Tcp) {
                let services = default_ports.entry(port.container).or_default();
                services.insert(service.name.to_string());
                fixed.extend(port.host);
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

    /// Every port of this machine that a learner, or the lab, may think of.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.default_ports.keys().chain(&self.fixed).copied()
    }
}

/// Other clocks may be this far off, in seconds.
const MAX_CLOCK_SKEW_SECS: i64 = 5;
/// The engine's API that roadlab was written against.
const MIN_API_VERSION: (u32, u32) = (1, 41);

/// Room that a lab's own data needs, and each image that must be got: below this they cannot fit.
const MIN_FREE_SPACE: u64 = 128 << 20;
const MIN_FREE_SPACE_PER_IMAGE: u64 = 192 << 20;
/// With this much more, building does not run into the end either.
const COMFORTABLE_FREE_SPACE: u64 = 2 << 30;

/// All findings, in the order in which they matter.
pub fn findings(machine: &Machine, needs: &[Need]) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(machine.no_engine.clone().map(Finding::NoEngine));
    if let Some(engine) = &machine.engine {
        found.push(Finding::Engine {
            engine: engine.clone(),
            old: api(&engine.api).is_some_and(|seen| seen < MIN_API_VERSION),
        });
        found.push(Finding::Limits {
            cgroup: engine.cgroup.clone(),
            unlimited: engine.unlimited.clone(),
            warnings: engine.warnings.clone(),
        });
    }
    let largest = needs.iter().max_by_key(|need| need.memory);
    found.extend(largest.and_then(|need| memory(machine.memory, need)));
    let missing = needs.iter().map(|need| need.missing).sum();
    found.extend(machine.disk.as_ref().map(|disk| room(disk, missing)));
    found.extend(ports(machine, needs));
    found.extend(proxies(machine));
    found.extend(clocks(&machine.clocks));
    found.extend(machine.folders.iter().cloned().map(Finding::Folder));
    if !machine.unreadable_journals.is_empty() {
        let journals = machine.unreadable_journals.clone();
        found.push(Finding::UnreadableJournals(journals));
    }
    if !machine.orphan_runs.is_empty() {
        found.push(Finding::OrphanRuns(machine.orphan_runs.clone()));
    }
    found
}

/// Whether a machine's memory holds a lab; nothing to say of one whose memory is not known.
pub fn memory(seen: Option<Memory>, need: &Need) -> Option<Finding> {
    seen.map(|memory| Finding::Memory {
        memory,
        lab: need.lab.clone(),
        needed: need.memory,
    })
}

/// Whether there is room for images that are missing.
pub fn room(disk: &Disk, missing: usize) -> Finding {
    let least = MIN_FREE_SPACE + MIN_FREE_SPACE_PER_IMAGE * missing as u64;
    Finding::Disk {
        disk: disk.clone(),
        missing,
        least,
        good: match missing {
            0 => least,
            _ => least + COMFORTABLE_FREE_SPACE,
        },
    }
}

/// Customary ports where somebody else's server answers, or that there is none.
fn ports(machine: &Machine, needs: &[Need]) -> Vec<Finding> {
    let foreign = machine.answering.keys().copied();
    let foreign = foreign.filter(|port| !machine.ours.contains(port));
    let found: Vec<Finding> = foreign
        .filter(|port| {
            needs
                .iter()
                .any(|need| need.ports().any(|own| own == *port))
        })
        .map(|port| {
            let services = needs
                .iter()
                .filter_map(|need| need.default_ports.get(&port));
            let insists = needs.iter().find(|need| need.fixed.contains(&port));
            Finding::PortInUse {
                port,
                services: services.flatten().cloned().collect(),
                process: machine.answering.get(&port).cloned().flatten(),
                container: machine.published.get(&port).cloned(),
                needed_by: insists.map(|need| need.lab.clone()),
            }
        })
        .collect();
    let looked: BTreeSet<u16> = needs.iter().flat_map(Need::ports).collect();
    match found.is_empty() && !looked.is_empty() {
        true => vec![Finding::PortsFree {
            ports: looked.into_iter().collect(),
        }],
        false => found,
    }
}

/// Nothing is said of proxies where there are none.
fn proxies(machine: &Machine) -> Option<Finding> {
    let proxies = &machine.proxies;
    let any = !proxies.shell.is_empty() || !proxies.engine.is_empty();
    any.then(|| Finding::Proxies {
        proxies: proxies.clone(),
        // An engine that is not there knows of nothing.
        unknown_to_engine: machine.engine.is_some()
            && proxies.engine.is_empty()
            && proxies.shell.keys().any(|name| is_proxy(name)),
    })
}

/// `NO_PROXY` alone is no proxy.
fn is_proxy(variable: &str) -> bool {
    !variable.eq_ignore_ascii_case("no_proxy")
}

fn clocks(clocks: &[Clock]) -> Option<Finding> {
    let worst = clocks.iter().max_by_key(|clock| clock.ahead.abs())?;
    Some(Finding::Clock {
        clock: worst.clone(),
        off: worst.ahead.abs() > MAX_CLOCK_SKEW_SECS,
        compared: clocks.iter().map(|clock| clock.of.clone()).collect(),
    })
}

/// `1.41` as numbers.
fn api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
