//! One thing that was found out about a machine, and whether labs can run in spite of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::lab::LabId;
use crate::plan::OrphanRun;
use crate::plan::machine::{Clock, Disk, EngineInfo, Folder, Memory, Process, Proxies};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Ok,
    /// Labs run; somebody should know all the same.
    Note,
    /// Labs cannot run.
    Problem,
}

/// What was found out, with all that a report may say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    NoEngine(NoEngine),
    Engine {
        engine: EngineInfo,
        /// Its API is older than the one roadlab was written against.
        old: bool,
    },
    /// Control groups.
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
        /// Images that are not here.
        missing: usize,
        /// Bytes below which they cannot fit, and from which they surely do.
        least: u64,
        good: u64,
    },
    /// Somebody else's server answers where a lab's usually does.
    PortInUse {
        port: u16,
        services: BTreeSet<String>,
        process: Option<Process>,
        container: Option<String>,
        /// The lab that insists on this port.
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
        /// The one that differs most.
        clock: Clock,
        off: bool,
        compared: Vec<String>,
    },
    Folder(Folder),
    /// Runs that no journal of this state folder records.
    OrphanRuns(Vec<OrphanRun>),
    /// Journals of runs that this version of roadlab cannot read.
    UnreadableJournals(Vec<PathBuf>),
    /// A lab that cannot be read.
    BrokenLab {
        folder: PathBuf,
        problems: usize,
    },
}

/// Why there is no engine to talk to, in the engine room's words, and the command that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEngine {
    pub why: String,
    pub fix: String,
}

impl Finding {
    /// The one word that programs know it by.
    pub fn name(&self) -> &'static str {
        match self {
            Finding::NoEngine(_) | Finding::Engine { .. } => "engine",
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

    pub fn state(&self) -> Severity {
        let note_if = |note: bool| match note {
            true => Severity::Note,
            false => Severity::Ok,
        };
        match self {
            Finding::NoEngine(_) | Finding::BrokenLab { .. } => Severity::Problem,
            Finding::OrphanRuns(_) | Finding::UnreadableJournals(_) => Severity::Note,
            Finding::Engine { old, .. } => note_if(*old),
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
