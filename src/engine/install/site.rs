//! Where a daemon of the engine listens, and the record of the one that roadlab started. What starts and stops it is in
//! `daemon.rs`.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::ProcessId;
use crate::engine::locate::SYSTEM_SOCKET;

/// Where a daemon listens, what starts it, and where roadlab keeps its record and log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonSite {
    pub state: PathBuf,
    pub socket: PathBuf,
    pub command: Vec<String>,
}

impl DaemonSite {
    /// Returns the site of the system's daemon; `state` is roadlab's state folder.
    pub fn system(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            socket: PathBuf::from(SYSTEM_SOCKET),
            command: vec!["dockerd".to_owned()],
        }
    }

    pub(super) fn record(&self) -> PathBuf {
        self.state.join("engine.json")
    }

    /// The output of a daemon that roadlab started.
    pub fn daemon_log(&self) -> PathBuf {
        self.state.join("dockerd.log")
    }

    /// The output of package and service managers.
    pub(super) fn setup_log(&self) -> PathBuf {
        self.state.join("engine-setup.log")
    }
}

/// The file that says which daemon roadlab started, so that it stops this one and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonRecord {
    pub process: ProcessId,
    pub socket: PathBuf,
}

impl DaemonRecord {
    /// Reads the record of a daemon that still runs. A record that cannot be read is treated as none: then nothing is
    /// stopped.
    pub(super) fn read(site: &DaemonSite) -> Option<Self> {
        let text = std::fs::read_to_string(site.record()).ok()?;
        let record: Self = serde_json::from_str(&text).ok()?;
        (record.socket == site.socket && record.process.is_running()).then_some(record)
    }

    /// Replaces the file atomically; its folder must exist.
    pub(super) fn write(&self, site: &DaemonSite) -> std::io::Result<()> {
        let mut new = tempfile::NamedTempFile::new_in(&site.state)?;
        new.write_all(&serde_json::to_vec_pretty(self)?)?;
        new.persist(site.record())?;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn example(pid: u32, site: &DaemonSite) -> Self {
        Self {
            process: ProcessId { pid, started: 7 },
            socket: site.socket.clone(),
        }
    }
}
