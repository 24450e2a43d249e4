//! What is kept on this machine's disk: labs, the learner's progress, the journal of runs. No engine is known here.

mod embedded;
mod files;
mod journal;
mod labs;
mod locks;
mod paths;
mod progress;
mod remembered;
mod summaries;
mod trust;
mod workspace;

pub(crate) use embedded::catalogue_entry;
pub(crate) use files::{Disk, Recorded};
pub(crate) use journal::{Journal, Life};
pub(crate) use labs::Labs;
pub(crate) use locks::{Lock, LockError};
pub(crate) use paths::Paths;
pub(crate) use progress::{Progress, SolvedBy};
pub(crate) use remembered::Remembered;
pub(crate) use summaries::Summaries;
pub(crate) use trust::Trusted;
pub(crate) use workspace::Workspace;

use std::io::Write;
use std::path::Path;

use anyhow::Context;

/// Writes a file so that it is either the old one or the new one, whatever happens meanwhile.
fn write_atomically(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
