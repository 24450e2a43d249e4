//! One finding about a machine and its severity.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::diagnosis::facts::{
    Clock, ClockSource, Disk, EngineInfo, EngineUnavailable, Folder, Memory, MissingImages,
    Process, Proxies,
};
use crate::diagnosis::systems::{Experience, System};
use crate::lab::LabId;
use crate::plan::OrphanRun;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Ok,
    /// Labs run, but the user should know.
    Note,
    /// Labs cannot run.
    Problem,
}

/// A finding with everything that a report needs.
#[derive(Debug, Clone)]
pub enum Finding {
    NoEngine(EngineUnavailable),
    Engine {
        engine: EngineInfo,
        /// Whether its API is older than the oldest one that roadlab is tested with.
        old: bool,
    },
    /// How far roadlab was tried on a system such as this one.
    System(System),
    /// Whether the engine enforces limits.
    Limits {
        cgroup: Option<String>,
        unlimited: Vec<String>,
        warnings: Vec<String>,
    },
    Memory {
        memory: Memory,
        /// The lab that needs the most.
        lab: LabId,
        /// Bytes.
        needed: u64,
    },
    Disk {
        disk: Disk,
        /// The images that have to be downloaded or built.
        missing: MissingImages,
        /// With less than `least` bytes they do not fit, with `good` bytes they certainly do.
        least: u64,
        good: u64,
    },
    /// Another program uses the default port of a service.
    PortInUse {
        port: u16,
        services: BTreeSet<String>,
        process: Option<Process>,
        container: Option<String>,
        /// The lab whose lab file names this port of the machine.
        needed_by: Option<LabId>,
    },
    PortsFree {
        ports: Vec<u16>,
    },
    Proxies {
        proxies: Proxies,
        unknown_to_engine: bool,
    },
    Clock {
        /// The clock that differs most.
        clock: Clock,
        off: bool,
        compared: Vec<ClockSource>,
    },
    Folder(Folder),
    /// Runs that no journal of this state folder records.
    OrphanRuns(Vec<OrphanRun>),
    /// Journals of runs that this version of roadlab cannot read.
    UnreadableJournals(Vec<PathBuf>),
    /// A lab that cannot be loaded.
    BrokenLab {
        folder: PathBuf,
        problems: usize,
    },
}

impl Finding {
    /// Returns the name of the check in `doctor --json`.
    pub fn name(&self) -> &'static str {
        match self {
            Finding::NoEngine(_) | Finding::Engine { .. } => "engine",
            Finding::System(_) => "system",
            Finding::Limits { .. } => "limits",
            Finding::Memory { .. } => "memory",
            Finding::Disk { .. } => "disk",
            Finding::PortInUse { .. } => "port",
            Finding::PortsFree { .. } => "ports",
            Finding::Proxies { .. } => "proxy",
            Finding::Clock { .. } => "clock",
            Finding::Folder(_) => "folder",
            Finding::OrphanRuns(_) => "orphan_runs",
            Finding::UnreadableJournals(_) => "journals",
            Finding::BrokenLab { .. } => "lab",
        }
    }

    pub fn severity(&self) -> Severity {
        let note_if = |note: bool| match note {
            true => Severity::Note,
            false => Severity::Ok,
        };
        match self {
            Finding::NoEngine(_) | Finding::BrokenLab { .. } => Severity::Problem,
            Finding::OrphanRuns(_) | Finding::UnreadableJournals(_) => Severity::Note,
            Finding::Engine { old, .. } => note_if(*old),
            Finding::System(system) => note_if(system.experience() != Experience::Run),
            Finding::Limits {
                unlimited,
                warnings,
                ..
            } => note_if(!unlimited.is_empty() || !warnings.is_empty()),
            Finding::Memory { memory, needed, .. } if memory.total < *needed => Severity::Problem,
            Finding::Memory { memory, needed, .. } => note_if(memory.available < *needed),
            Finding::Disk { disk, least, .. } if disk.free < *least => Severity::Problem,
            Finding::Disk { disk, good, .. } => note_if(disk.free < *good),
            Finding::PortInUse { needed_by, .. } => match needed_by {
                Some(_) => Severity::Problem,
                None => Severity::Note,
            },
            Finding::PortsFree { .. } => Severity::Ok,
            Finding::Proxies {
                unknown_to_engine, ..
            } => note_if(*unknown_to_engine),
            Finding::Clock { off, .. } => note_if(*off),
            Finding::Folder(folder) => match folder.problem {
                Some(_) => Severity::Problem,
                None => Severity::Ok,
            },
        }
    }
}
