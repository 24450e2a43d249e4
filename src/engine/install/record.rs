//! The note that says which daemon we started, so that we stop that one and no other.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::Process;

/// A daemon that we started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub process: Process,
    pub socket: PathBuf,
    /// Only if we ran it ourselves.
    pub log: Option<PathBuf>,
    pub by: By,
}

/// How it was started, and so how it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// We ran the program itself.
    Program,
    Systemd,
    OpenRc,
}

impl Record {
    /// The record of a daemon that still runs at a socket. One that cannot be read counts as none: then nothing is stopped.
    pub(super) fn read(file: &Path, socket: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(file).ok()?;
        let record: Self = serde_json::from_str(&text).ok()?;
        (record.socket == socket && record.process.runs()).then_some(record)
    }

    /// Replaces the file as a whole; its folder must exist.
    pub(super) fn write(&self, file: &Path) -> std::io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(&serde_json::to_vec_pretty(self)?)?;
        new.persist(file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::running;
    use super::*;

    #[test]
    fn only_a_daemon_that_still_runs_at_that_socket_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("engine.json");
        let socket = Path::new("/a.sock");
        assert_eq!(Record::read(&file, socket), None);

        let mut record = Record {
            process: running(std::process::id()).unwrap().process,
            socket: socket.to_owned(),
            log: None,
            by: By::Program,
        };
        record.write(&file).unwrap();
        assert_eq!(Record::read(&file, socket), Some(record.clone()));
        assert_eq!(Record::read(&file, Path::new("/b.sock")), None);

        record.process.started += 1;
        record.write(&file).unwrap();
        assert_eq!(Record::read(&file, socket), None, "a later process");

        std::fs::write(&file, "{").unwrap();
        assert_eq!(Record::read(&file, socket), None, "a broken file");
    }
}
