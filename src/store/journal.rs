//! The journals of runs. A journal records what may exist on an engine before the first resource is created.
//!
//! The process that owns a run holds the lock of its journal. The kernel releases the lock however the process ends, so no
//! process ids and no ages decide which runs are left over.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lab::{Draw, Instance, LabId, RunId};
use crate::store::baselines::Baselines;
use crate::store::document::{self, DocumentError, FolderLock};
use crate::text;
use crate::text::Text;

/// The format version that this roadlab reads and writes.
const VERSION: u32 = 1;

/// Writing a journal takes milliseconds.
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

/// The record of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    pub run: RunId,
    pub lab: LabId,
    pub instance: Instance,
    /// The folder of the lab's files when the run was started.
    pub folder: PathBuf,
    /// The learner's folder, if the lab has a workspace.
    pub workspace: Option<PathBuf>,
    pub life: Lifetime,
    /// When a persistent run expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The network from which the run's published ports were reachable (`machine::network`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<u64>,
    /// The draw of the lab's random values; none for a lab without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<Draw>,
    /// When the learner paused the lab, in seconds since 1970; none once it was started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<u64>,
}

/// How long a run lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// As long as the process that owns it.
    Process,
    /// Until `down`, or until it expires.
    #[serde(rename = "kept")]
    Persistent,
    /// The process that holds the lock is removing it.
    #[serde(rename = "ending")]
    Removing,
}

/// What to do with a run that no process owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    Keep,
    /// Keep it until this time, in seconds since 1970.
    KeepUntil(u64),
    Remove,
}

/// The result of claiming a run.
#[derive(Debug)]
pub enum ClaimResult {
    /// There is no journal of this run: nothing of it is left.
    NotFound,
    /// Another process owns the run.
    HeldByOther(Journal),
    /// No process owned the run; this one does while it holds the lock.
    Acquired(Journal, JournalLock),
    /// There is a journal, and this program cannot read it.
    Unreadable(UnreadableJournal),
}

/// A journal that this program cannot read: damaged, or written by another version of roadlab.
#[derive(Debug)]
pub struct UnreadableJournal {
    pub run: RunId,
    pub path: PathBuf,
    /// The lab and the instance, as far as the file names them.
    pub lab: Option<LabId>,
    pub instance: Option<Instance>,
    pub error: DocumentError,
}

/// The journals of a folder.
#[derive(Debug, Default)]
pub struct Journals {
    /// Oldest first.
    pub readable: Vec<Journal>,
    pub unreadable: Vec<UnreadableJournal>,
}

/// A journal's lock, held until it is dropped.
#[derive(Debug)]
pub struct JournalLock {
    _file: File,
}

impl Journal {
    /// Returns the draw of the run. A lab that had no random values when the run was started has those that follow from its id.
    pub fn effective_draw(&self) -> Draw {
        let by_run = || Draw::new(self.run.to_string());
        self.draw.clone().unwrap_or_else(by_run)
    }

    /// Writes the journal and holds its lock, with no moment between. Fails if there is a journal of this run that this
    /// program cannot read: that one is not overwritten.
    pub fn write(&self, folder: &Path) -> Result<JournalLock, UnwritableJournal> {
        let write = || {
            let _lock = FolderLock::acquire(folder)?;
            self.replace(folder)
        };
        write().map_err(|error| UnwritableJournal {
            name: match self.instance.is_main() {
                true => self.lab.to_string(),
                false => format!("{} --instance {}", self.lab, self.instance),
            },
            error,
        })
    }

    /// Writes the journal. The caller holds the lock of the folder.
    fn replace(&self, folder: &Path) -> Result<JournalLock, DocumentError> {
        let path = path(folder, &self.run);
        document::read::<Self>(&path, VERSION)?;
        let file = document::replace(&path, VERSION, self)?;
        Ok(JournalLock { _file: file })
    }

    /// Claims a run for this process.
    pub fn claim(folder: &Path, run: &RunId) -> ClaimResult {
        let path = path(folder, run);
        loop {
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return ClaimResult::NotFound;
                }
                Err(error) => {
                    let error = DocumentError::Unreadable {
                        path: path.clone(),
                        error,
                    };
                    return ClaimResult::Unreadable(UnreadableJournal::new(run, path, &[], error));
                }
            };
            let acquired = file.try_lock().is_ok();
            let mut content = Vec::new();
            let read = file.read_to_end(&mut content);
            // If the file was replaced or removed meanwhile, the lock is on the old file, which no process reads.
            if !is_at(&file, &path) {
                continue;
            }
            let journal = match read {
                Ok(_) => document::parse(&path, &content, VERSION),
                Err(error) => Err(DocumentError::Unreadable {
                    path: path.clone(),
                    error,
                }),
            };
            return match journal {
                Ok(journal) if acquired => {
                    ClaimResult::Acquired(journal, JournalLock { _file: file })
                }
                Ok(journal) => ClaimResult::HeldByOther(journal),
                Err(error) => {
                    ClaimResult::Unreadable(UnreadableJournal::new(run, path, &content, error))
                }
            };
        }
    }

    /// Returns what to do with the run at `now`, in seconds since 1970, if no process owns it.
    pub fn disposition(&self, now: u64) -> Disposition {
        match (self.life, self.until) {
            (Lifetime::Process | Lifetime::Removing, _) => Disposition::Remove,
            (Lifetime::Persistent, Some(until)) if until <= now => Disposition::Remove,
            (Lifetime::Persistent, Some(until)) => Disposition::KeepUntil(until),
            (Lifetime::Persistent, None) => Disposition::Keep,
        }
    }

    /// Records that the process that claimed this run is removing it. If that cannot be written, the claim stays.
    pub fn end(self, claimed: JournalLock, folder: &Path) -> (Self, JournalLock) {
        let removing = Self {
            life: Lifetime::Removing,
            ..self
        };
        let held = removing.write(folder).unwrap_or(claimed);
        (removing, held)
    }

    /// Removes the journal of a run that is gone, and what is kept beside it.
    pub fn remove(folder: &Path, run: &RunId) {
        Baselines::remove(folder, run);
        // If it cannot be removed, the next command finds nothing of the run and tries again.
        let _ = std::fs::remove_file(path(folder, run));
    }

    /// Removes files that a program left which was killed while it wrote a journal. They never got a journal's name.
    pub fn remove_half_written(folder: &Path) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let abandoned = |path: &PathBuf| {
            let modified = path.metadata().and_then(|file| file.modified());
            let age = modified.map(|modified| modified.elapsed().unwrap_or_default());
            let half = path.extension().is_none_or(|extension| extension != "json");
            half && age.is_ok_and(|age| age > WRITTEN_WITHIN)
        };
        for path in entries.map(|entry| entry.path()).filter(abandoned) {
            // If it stays, it does no harm.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Returns the journals that can be read, oldest first.
    pub fn all(folder: &Path) -> Vec<Self> {
        Journals::read(folder).readable
    }

    /// Returns the newest journal of an instance, `None` if it has none. Fails if that journal cannot be read: one that names
    /// the instance, or that of a run in `runs`, which are the instance's runs on the engine.
    pub fn find(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
        runs: &BTreeSet<&RunId>,
    ) -> Result<Option<Self>, Box<UnreadableJournal>> {
        let Journals {
            readable,
            unreadable,
        } = Journals::read(folder);
        let newest = readable
            .into_iter()
            .rfind(|journal| journal.lab == *lab && journal.instance == *instance);
        let unreadable = unreadable
            .into_iter()
            .rfind(|journal| journal.is_of(lab, instance) || runs.contains(&journal.run));
        match (newest, unreadable) {
            (Some(newest), Some(unreadable)) if newest.run > unreadable.run => Ok(Some(newest)),
            (_, Some(unreadable)) => Err(Box::new(unreadable)),
            (newest, None) => Ok(newest),
        }
    }
}

impl Journals {
    /// Reads all journals of a folder.
    pub fn read(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut journals = Self::default();
        for path in entries.map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| name.to_str());
            let run = name
                .and_then(|name| name.strip_suffix(".json"))
                .and_then(|name| RunId::new(name).ok());
            let Some(run) = run else { continue };
            let content = std::fs::read(&path);
            let journal = match &content {
                Ok(content) => document::parse(&path, content, VERSION),
                // It was removed meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => Err(DocumentError::Unreadable {
                    path: path.clone(),
                    error: std::io::Error::new(error.kind(), error.to_string()),
                }),
            };
            match journal {
                Ok(journal) => journals.readable.push(journal),
                Err(error) => {
                    let content = content.unwrap_or_default();
                    let unreadable = UnreadableJournal::new(&run, path, &content, error);
                    journals.unreadable.push(unreadable);
                }
            }
        }
        journals.readable.sort_by(|a, b| a.run.cmp(&b.run));
        journals.unreadable.sort_by(|a, b| a.run.cmp(&b.run));
        journals
    }
}

impl UnreadableJournal {
    fn new(run: &RunId, path: PathBuf, content: &[u8], error: DocumentError) -> Self {
        let content = serde_json::from_slice::<serde_json::Value>(content).unwrap_or_default();
        let field = |name: &str| content.get(name)?.as_str();
        Self {
            run: run.clone(),
            path,
            lab: field("lab").and_then(|lab| LabId::new(lab).ok()),
            instance: field("instance").and_then(|name| Instance::new(name).ok()),
            error,
        }
    }

    /// Returns whether the file names this instance of a lab.
    pub fn is_of(&self, lab: &LabId, instance: &Instance) -> bool {
        self.lab.as_ref() == Some(lab) && self.instance.as_ref() == Some(instance)
    }

    /// Returns the command that removes the run.
    pub fn command_down(&self) -> String {
        match (&self.lab, &self.instance) {
            (Some(lab), Some(instance)) if !instance.is_main() => {
                format!("roadlab down {lab} --instance {instance}")
            }
            (Some(lab), _) => format!("roadlab down {lab}"),
            (None, _) => "roadlab down --all".to_owned(),
        }
    }

    /// Returns what is wrong with the file and what to do about it.
    pub fn text(&self) -> Text {
        text!(
            "cannot read the journal of run {run}: {reason}; the run is left alone: use the roadlab that wrote the journal, or remove the run with `{command}`",
            run = self.run,
            reason = self.error.text(),
            command = self.command_down()
        )
    }

    /// Removes the file, once nothing of the run is left, and returns whether it did. Leaves it alone if a process owns the
    /// run. If it stays, it is reported again.
    pub fn remove(&self) -> bool {
        let Ok(file) = File::open(&self.path) else {
            return false;
        };
        let free = file.try_lock().is_ok() && is_at(&file, &self.path);
        free && std::fs::remove_file(&self.path).is_ok()
    }
}

/// A journal cannot be written, so nothing may be created for the run.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text().localized())]
pub struct UnwritableJournal {
    /// The lab with the option that selects the instance.
    name: String,
    error: DocumentError,
}

impl UnwritableJournal {
    /// Returns what is wrong and what to do about it.
    pub fn text(&self) -> Text {
        let reason = self.error.text();
        match &self.error {
            DocumentError::Unreadable { .. }
            | DocumentError::Unwritable { .. }
            | DocumentError::NotUtf8 { .. }
            | DocumentError::Locked { .. } => {
                text!("cannot write the journal of the run: {reason}", reason)
            }
            DocumentError::Damaged { .. } | DocumentError::OtherVersion { .. } => text!(
                "cannot write the journal of the run: {reason}; use the roadlab that wrote the journal, or remove the run with `roadlab down {lab}`",
                reason,
                lab = self.name
            ),
        }
    }
}

fn path(folder: &Path, run: &RunId) -> PathBuf {
    folder.join(format!("{run}.json"))
}

/// Whether a path still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |file: std::fs::Metadata| (file.dev(), file.ino());
    let there = std::fs::metadata(path).ok().map(id);
    there.is_some() && file.metadata().ok().map(id) == there
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        Journal {
            run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
            folder: "labs/redis".into(),
            workspace: None,
            life: Lifetime::Process,
            until: None,
            network: None,
            draw: None,
            paused: None,
        }
    }

    #[test]
    fn a_run_can_be_claimed_only_while_no_process_owns_it() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal();
        let claim = || Journal::claim(folder.path(), &journal.run);
        assert!(matches!(claim(), ClaimResult::NotFound));
        let held = journal.write(folder.path()).unwrap();
        assert_eq!(Journal::all(folder.path()), std::slice::from_ref(&journal));
        assert!(matches!(claim(), ClaimResult::HeldByOther(found) if found == journal));
        drop(held);
        assert!(matches!(claim(), ClaimResult::Acquired(found, _) if found == journal));
        Journal::remove(folder.path(), &journal.run);
        assert!(matches!(claim(), ClaimResult::NotFound));
    }

    #[test]
    fn a_rewritten_journal_is_held_by_its_last_writer() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = journal();
        let first = journal.write(folder.path()).unwrap();
        journal.life = Lifetime::Persistent;
        let second = journal.write(folder.path()).unwrap();
        drop(first);
        let claim = || Journal::claim(folder.path(), &journal.run);
        assert!(
            matches!(claim(), ClaimResult::HeldByOther(found) if found.life == Lifetime::Persistent)
        );
        drop(second);
        assert!(
            matches!(claim(), ClaimResult::Acquired(found, _) if found.life == Lifetime::Persistent)
        );
    }

    /// A journal with this content is reported as `expected` and neither claimed nor overwritten; the file stays until it is
    /// removed explicitly.
    #[track_caller]
    fn check_unreadable(content: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal();
        let path = path(folder.path(), &journal.run);
        std::fs::write(&path, content).unwrap();
        let claim = Journal::claim(folder.path(), &journal.run);
        assert!(matches!(claim, ClaimResult::Unreadable(_)), "{claim:?}");
        assert!(journal.write(folder.path()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        let journals = Journals::read(folder.path());
        assert_eq!(journals.readable, []);
        let [unreadable] = journals.unreadable.as_slice() else {
            panic!("{journals:?}");
        };
        let text = unreadable.text().localized();
        assert_eq!(text.replace(&path.display().to_string(), "FILE"), expected);
        unreadable.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_newer_journal_is_reported_with_its_writer_and_the_way_out() {
        check_unreadable(
            r#"{"version":2,"written_by":"roadlab 9.0.0","lab":"redis","instance":"two","life":{"a":1}}"#,
            "cannot read the journal of run 01jd8w0zq3v5k8m2x4y6z7a9bc: FILE was written by roadlab 9.0.0 in format version 2; \
             this roadlab reads version 1; the run is left alone: use the roadlab that wrote the journal, or remove the run \
             with `roadlab down redis --instance two`",
        );
    }

    #[test]
    fn a_damaged_journal_is_reported_with_the_way_out() {
        check_unreadable(
            "{",
            "cannot read the journal of run 01jd8w0zq3v5k8m2x4y6z7a9bc: FILE is damaged: it ends in the middle, at line 1; \
             the run is left alone: use the roadlab that wrote the journal, or remove the run with `roadlab down --all`",
        );
    }

    #[test]
    fn an_unreadable_journal_of_an_instance_is_not_a_missing_one() {
        let folder = tempfile::tempdir().unwrap();
        let run = |last: char| RunId::new(&format!("01jd8w0zq3v5k8m2x4y6z7a9b{last}")).unwrap();
        let lab = LabId::new("redis").unwrap();
        let find = |instance: Instance, on_engine: &[RunId]| {
            let runs = on_engine.iter().collect();
            Journal::find(folder.path(), &lab, &instance, &runs)
        };
        let two = || Instance::new("two").unwrap();
        assert!(matches!(find(two(), &[]), Ok(None)));
        let newer = r#"{"version":2,"lab":"redis","instance":"two"}"#;
        std::fs::write(path(folder.path(), &run('c')), newer).unwrap();
        assert!(matches!(find(two(), &[]), Err(unreadable) if unreadable.run == run('c')));
        assert!(matches!(find(Instance::main(), &[]), Ok(None)));
        // The file does not say whose run it is; the engine does.
        std::fs::write(path(folder.path(), &run('d')), "{").unwrap();
        assert!(matches!(find(Instance::main(), &[]), Ok(None)));
        let found = find(Instance::main(), &[run('d')]);
        assert!(matches!(found, Err(unreadable) if unreadable.run == run('d')));
        let latest = Journal {
            run: run('e'),
            instance: two(),
            ..journal()
        };
        drop(latest.write(folder.path()).unwrap());
        assert!(matches!(find(two(), &[]), Ok(Some(found)) if found == latest));
    }

    /// Version 1 as earlier releases wrote it.
    #[test]
    fn a_journal_without_a_writer_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal();
        let content = r#"{ "version": 1, "run": "01jd8w0zq3v5k8m2x4y6z7a9bc", "lab": "redis", "instance": "main",
            "folder": "labs/redis", "workspace": null, "life": "process" }"#;
        std::fs::write(path(folder.path(), &journal.run), content).unwrap();
        assert_eq!(Journal::all(folder.path()), [journal]);
    }

    #[test]
    fn the_journal_of_a_running_process_is_not_removed_as_unreadable() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), &journal().run);
        std::fs::write(&path, r#"{"version":2}"#).unwrap();
        let owner = File::open(&path).unwrap();
        owner.try_lock().unwrap();
        let journals = Journals::read(folder.path());
        journals.unreadable[0].remove();
        assert!(path.exists());
    }

    #[test]
    fn only_old_files_without_the_name_of_a_journal_are_removed() {
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
    fn a_persistent_run_is_removed_when_it_expires_and_others_at_once() {
        let mut journal = journal();
        assert_eq!(journal.disposition(0), Disposition::Remove);
        journal.life = Lifetime::Persistent;
        assert_eq!(journal.disposition(9), Disposition::Keep);
        journal.until = Some(10);
        assert_eq!(journal.disposition(9), Disposition::KeepUntil(10));
        assert_eq!(journal.disposition(10), Disposition::Remove);
    }
}
