//! The journal of runs: what may exist on an engine, written down before the first resource is created.
//!
//! A journal's lock says that somebody lives who answers for the run. The kernel frees it however its holder dies, so that no
//! process ids and no ages decide what is left over.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::lab::{Instance, LabId, RunId};
use crate::store::locked_atomically;

/// Writing a journal takes milliseconds.
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

/// One run, as it is on disk. Version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    pub version: u32,
    pub run: RunId,
    pub lab: LabId,
    pub instance: Instance,
    /// Where the lab's files lay.
    pub folder: PathBuf,
    /// The learner's folder, if the lab has a workspace.
    pub workspace: Option<PathBuf>,
    pub life: Lifetime,
    /// When a kept run ends by itself, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The network in which its ports were seen to lead to it (`machine::network`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<u64>,
}

/// How long a run is meant to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// As long as the process that answers for it: if that is gone, so must the run be.
    Process,
    /// Until `down`, or until its time is over.
    #[serde(rename = "kept")]
    Persistent,
    /// It is being removed, by whoever holds its lock.
    #[serde(rename = "ending")]
    Removing,
}

/// What must become of a run for which nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    Keep,
    /// Keep it until then, in seconds since 1970.
    KeepUntil(u64),
    Remove,
}

/// What comes of asking to answer for a run.
#[derive(Debug)]
pub enum ClaimResult {
    /// Nothing of it is left.
    Gone,
    /// Somebody else answers for it.
    JournalLock(Journal),
    /// Nobody did; as long as this is held, we do.
    Ours(Journal, JournalLock),
}

impl Journal {
    /// Writes the journal and holds its lock, without a moment between.
    pub fn write(&self, folder: &Path) -> anyhow::Result<JournalLock> {
        let content = serde_json::to_vec_pretty(self).context("a journal is always JSON")?;
        let file = locked_atomically(&self.path(folder), &content)?;
        Ok(JournalLock { _file: file })
    }

    /// Asks to answer for a run.
    pub fn claim(folder: &Path, run: &RunId) -> ClaimResult {
        let path = path(folder, run);
        loop {
            let Ok(mut file) = File::open(&path) else {
                return ClaimResult::Gone;
            };
            let ours = file.try_lock().is_ok();
            let mut content = Vec::new();
            let read = file.read_to_end(&mut content).ok();
            let journal = read.and_then(|_| serde_json::from_slice(&content).ok());
            // Written anew or removed meanwhile: then this lock is on a file that nobody looks at any more.
            if !is_at(&file, &path) {
                continue;
            }
            return match (journal, ours) {
                (None, _) => ClaimResult::Gone,
                (Some(journal), true) => ClaimResult::Ours(journal, JournalLock { _file: file }),
                (Some(journal), false) => ClaimResult::JournalLock(journal),
            };
        }
    }

    /// What must become of it at a time, in seconds since 1970, if nobody answers for it.
    pub fn disposition(&self, now: u64) -> Disposition {
        match (self.life, self.until) {
            (Lifetime::Process | Lifetime::Removing, _) => Disposition::Remove,
            (Lifetime::Persistent, Some(until)) if until <= now => Disposition::Remove,
            (Lifetime::Persistent, Some(until)) => Disposition::KeepUntil(until),
            (Lifetime::Persistent, None) => Disposition::Keep,
        }
    }

    /// Writes down that whoever claimed this run removes it now; the claim goes on if that cannot be written.
    pub fn end(self, claimed: JournalLock, folder: &Path) -> (Self, JournalLock) {
        let ending = Self {
            life: Lifetime::Removing,
            ..self
        };
        let held = ending.write(folder).unwrap_or(claimed);
        (ending, held)
    }

    /// Forgets a run, once nothing of it is left.
    pub fn remove(folder: &Path, run: &RunId) {
        // If it cannot be removed, the next start finds nothing of the run and tries again.
        let _ = std::fs::remove_file(path(folder, run));
    }

    /// Removes what a program left that was killed while it wrote a journal: files that never got a journal's name.
    pub fn remove_half_written(folder: &Path) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let forgotten = |path: &PathBuf| {
            let changed = path.metadata().and_then(|about| about.modified());
            let age = changed.map(|changed| changed.elapsed().unwrap_or_default());
            let half = path.extension().is_none_or(|extension| extension != "json");
            half && age.is_ok_and(|age| age > WRITTEN_WITHIN)
        };
        for path in entries.map(|entry| entry.path()).filter(forgotten) {
            // It is in nobody's way.
            let _ = std::fs::remove_file(path);
        }
    }

    /// All journals that can be read, oldest first.
    pub fn all(folder: &Path) -> Vec<Self> {
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
    pub fn find(folder: &Path, lab: &LabId, instance: &Instance) -> Option<Self> {
        Self::all(folder)
            .into_iter()
            .rfind(|journal| journal.lab == *lab && journal.instance == *instance)
    }

    fn path(&self, folder: &Path) -> PathBuf {
        path(folder, &self.run)
    }
}

fn path(folder: &Path, run: &RunId) -> PathBuf {
    folder.join(format!("{run}.json"))
}

/// Whether a path still leads to this very file.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |about: std::fs::Metadata| (about.dev(), about.ino());
    let there = std::fs::metadata(path).ok().map(id);
    there.is_some() && file.metadata().ok().map(id) == there
}

/// A journal's lock, held until it is dropped.
#[derive(Debug)]
pub struct JournalLock {
    _file: File,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        Journal {
            version: 1,
            run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
            folder: "labs/redis".into(),
            workspace: None,
            life: Lifetime::Process,
            until: None,
            network: None,
        }
    }

    #[test]
    fn a_run_can_be_claimed_only_when_nobody_answers_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal();
        let claim = || Journal::claim(folder.path(), &journal.run);
        assert!(matches!(claim(), ClaimResult::Gone));
        let held = journal.write(folder.path()).unwrap();
        assert_eq!(Journal::all(folder.path()), std::slice::from_ref(&journal));
        assert!(matches!(claim(), ClaimResult::JournalLock(found) if found == journal));
        drop(held);
        assert!(matches!(claim(), ClaimResult::Ours(found, _) if found == journal));
        Journal::remove(folder.path(), &journal.run);
        assert!(matches!(claim(), ClaimResult::Gone));
    }

    #[test]
    fn a_journal_that_is_written_anew_is_held_by_its_last_writer() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = journal();
        let first = journal.write(folder.path()).unwrap();
        journal.life = Lifetime::Persistent;
        let second = journal.write(folder.path()).unwrap();
        drop(first);
        let claim = || Journal::claim(folder.path(), &journal.run);
        assert!(
            matches!(claim(), ClaimResult::JournalLock(found) if found.life == Lifetime::Persistent)
        );
        drop(second);
        assert!(
            matches!(claim(), ClaimResult::Ours(found, _) if found.life == Lifetime::Persistent)
        );
    }

    #[test]
    fn only_old_files_that_never_became_a_journal_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        drop(journal().write(folder.path()).unwrap());
        let half = folder.path().join(".tmpabc");
        let old = std::time::SystemTime::now() - 2 * WRITTEN_WITHIN;
        for modified in [std::time::SystemTime::now(), old] {
            let file = File::create(&half).unwrap();
            file.set_modified(modified).unwrap();
            Journal::remove_half_written(folder.path());
            assert_eq!(half.exists(), modified != old);
        }
        assert_eq!(Journal::all(folder.path()).len(), 1);
    }

    #[test]
    fn a_kept_run_goes_when_its_time_is_over_and_others_at_once() {
        let mut journal = journal();
        assert_eq!(journal.disposition(0), Disposition::Remove);
        journal.life = Lifetime::Persistent;
        assert_eq!(journal.disposition(9), Disposition::Keep);
        journal.until = Some(10);
        assert_eq!(journal.disposition(9), Disposition::KeepUntil(10));
        assert_eq!(journal.disposition(10), Disposition::Remove);
    }
}
