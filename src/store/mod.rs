//! What is kept on this machine's disk: labs, the learner's progress, the journal of runs. No engine is known here.

mod embedded;
mod files;
mod journal;
mod labs;
mod locks;
mod log;
mod paths;
mod progress;
mod remembered;
mod summaries;
mod trust;
mod workspace;

pub use embedded::catalogue_entry;
pub use files::{OsFs, RecordingFs};
pub use journal::{ClaimResult, Disposition, Journal, JournalLock, Lifetime};
pub use labs::LabFolders;
pub use locks::{Lock, LockError};
pub use log::open_log;
pub use paths::Paths;
pub use progress::{Progress, ProgressError, SolvedBy};
pub use remembered::UnreachableRegistries;
pub use summaries::Summaries;
pub use trust::LabFingerprint;
pub use workspace::Workspace;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

/// Writes a file so that it is either the old one or the new one, whatever happens meanwhile.
fn write_atomically(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    locked_atomically(path, content).map(drop)
}

/// The same; the new file is locked from its first moment on until it is dropped.
fn locked_atomically(path: &Path, content: &[u8]) -> anyhow::Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<File> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.as_file().try_lock()?;
        Ok(file.persist(path)?)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// The time, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|now| now.as_secs())
        .unwrap_or_default()
}
