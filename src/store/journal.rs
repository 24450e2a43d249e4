//! The journal of runs: what may exist on an engine, written down before the first resource is created.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::lab::{Instance, LabId, RunId};
use crate::store::write_atomically;

/// One run, as it is on disk. Version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journal {
    pub(crate) version: u32,
    pub(crate) run: RunId,
    pub(crate) lab: LabId,
    pub(crate) instance: Instance,
    /// Where the lab's files lay.
    pub(crate) folder: PathBuf,
    /// The learner's folder, if the lab has a workspace.
    pub(crate) workspace: Option<PathBuf>,
    pub(crate) life: Life,
}

/// How long a run is meant to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Life {
    /// As long as the process that made it: if that is gone, so must the run be.
    Process,
    /// Until `down`.
    Kept,
}

impl Journal {
    /// Writes the journal and holds its lock; the lock tells others that this run is alive.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<Held> {
        let path = self.path(folder);
        let content = serde_json::to_vec_pretty(self).context("a journal is always JSON")?;
        write_atomically(&path, &content)?;
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        file.try_lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Held { _file: file })
    }

    /// Forgets a run, once nothing of it is left.
    pub(crate) fn remove(folder: &Path, run: &RunId) {
        // If it cannot be removed, the next start finds nothing of the run and tries again.
        let _ = std::fs::remove_file(folder.join(format!("{run}.json")));
    }

    /// All journals that can be read, oldest first.
    pub(crate) fn all(folder: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut journals: Vec<Self> = entries
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "json")
            })
            .filter_map(|entry| serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok())
            .collect();
        journals.sort_by(|a, b| a.run.cmp(&b.run));
        journals
    }

    /// The newest journal of one instance.
    pub(crate) fn find(folder: &Path, lab: &LabId, instance: &Instance) -> Option<Self> {
        Self::all(folder)
            .into_iter()
            .rfind(|journal| journal.lab == *lab && journal.instance == *instance)
    }

    /// A run whose process died before it was finished: it must go. A lock that is held means it lives.
    pub(crate) fn is_orphan(&self, folder: &Path) -> bool {
        let free = || File::open(self.path(folder)).is_ok_and(|file| file.try_lock().is_ok());
        self.life == Life::Process && free()
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.json", self.run))
    }
}

/// A journal's lock, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_an_orphan_only_when_its_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal {
            version: 1,
            run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
            folder: "labs/redis".into(),
            workspace: None,
            life: Life::Process,
        };
        let held = journal.write(folder.path()).unwrap();
        assert_eq!(Journal::all(folder.path()), [journal.clone()]);
        assert!(!journal.is_orphan(folder.path()));
        drop(held);
        assert!(journal.is_orphan(folder.path()));
        journal.life = Life::Kept;
        drop(journal.write(folder.path()).unwrap());
        assert!(!journal.is_orphan(folder.path()));
        Journal::remove(folder.path(), &journal.run);
        assert_eq!(
            Journal::find(folder.path(), &journal.lab, &journal.instance),
            None
        );
    }
}
