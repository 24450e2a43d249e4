//! A learner's progress in one instance of a lab: a versioned file that is only ever changed by a locked read-modify-write.
//!
//! [`Progress`] is a snapshot. Nothing writes a snapshot back: every change goes through [`Progress::update`], which applies
//! it to what the file holds at that moment, so that two programs that change different things lose nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lab::{ExerciseId, Instance, LabId};
use crate::store::document::{LOCK_TIMEOUT, lock_within};
use crate::store::{now, write_atomically};
use crate::text;
use crate::text::Text;

/// The version of the file that this program writes, and the newest that it reads.
const VERSION: u32 = 1;

/// The progress in one instance of one lab at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    version: u32,
    /// The solved exercises.
    pub done: BTreeMap<ExerciseId, Done>,
    /// The number of ordered hints that were shown.
    pub hints: BTreeMap<ExerciseId, usize>,
    /// The last choice in each quiz.
    pub answers: BTreeMap<ExerciseId, String>,
    /// The seconds that a session showed each exercise before it was solved.
    #[serde(default)]
    pub seconds: BTreeMap<ExerciseId, u64>,
}

/// When and how an exercise was solved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Seconds since 1970.
    pub at: u64,
    pub by: SolvedBy,
}

/// Who solved an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SolvedBy {
    #[serde(rename = "learner")]
    Learner,
    /// `solve`, `reset --to` or a session played the solution.
    #[serde(rename = "solution")]
    Solution,
}

/// Why progress cannot be read or changed. The file stays as it is.
#[derive(Debug)]
pub enum ProgressError {
    /// The file is there and cannot be read or understood.
    Unreadable { path: PathBuf, reason: String },
    /// A newer version of this program wrote the file.
    Newer { path: PathBuf, version: u64 },
    /// Another process holds the lock for longer than an update takes.
    Busy { path: PathBuf },
    /// The file or its lock cannot be written or removed.
    NotWritable { path: PathBuf, reason: String },
}

impl ProgressError {
    /// Returns what is wrong and what to do about it.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreadable { path, reason } => text!(
                "cannot read the progress file {path}: {reason}; repair it, or move it away to start without progress",
                path = path.display(),
                reason
            ),
            Self::Newer { path, version } => text!(
                "the progress file {path} was written by a newer roadlab (format {version}, this one reads {known}): upgrade roadlab, or move the file away to start without progress",
                path = path.display(),
                version,
                known = VERSION
            ),
            Self::Busy { path } => text!(
                "another process has locked the progress file {path} for {seconds} s: end that process, then try again",
                path = path.display(),
                seconds = LOCK_TIMEOUT.as_secs()
            ),
            Self::NotWritable { path, reason } => text!(
                "cannot write the progress file {path}: {reason}; free the path, or set XDG_STATE_HOME to another folder",
                path = path.display(),
                reason
            ),
        }
    }
}

impl fmt::Display for ProgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text().localized())
    }
}

impl std::error::Error for ProgressError {}

impl Default for Progress {
    fn default() -> Self {
        Self {
            version: VERSION,
            done: BTreeMap::new(),
            hints: BTreeMap::new(),
            answers: BTreeMap::new(),
            seconds: BTreeMap::new(),
        }
    }
}

impl Progress {
    /// Reads the progress of an instance in the progress folder; it is empty if there is no file yet.
    pub fn read(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, ProgressError> {
        read(&path(folder, lab, instance))
    }

    /// Changes the progress of an instance and returns it as it is then, with the result of `change`.
    ///
    /// `change` gets the progress that is on disk at this moment, under a lock that all processes of this machine share, and
    /// the result replaces the file atomically. A file that cannot be understood is an error and is never replaced.
    pub fn update<T>(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
        change: impl FnOnce(&mut Self) -> T,
    ) -> Result<(Self, T), ProgressError> {
        let path = path(folder, lab, instance);
        let _lock = lock(&path)?;
        let before = read(&path)?;
        let mut progress = before.clone();
        let result = change(&mut progress);
        if progress != before {
            write(&path, &progress)?;
        }
        Ok((progress, result))
    }

    /// Removes the progress of an instance.
    pub fn remove(folder: &Path, lab: &LabId, instance: &Instance) -> Result<(), ProgressError> {
        let path = path(folder, lab, instance);
        if !path.exists() {
            return Ok(());
        }
        let _lock = lock(&path)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(not_writable(&path, error)),
            _ => Ok(()),
        }
    }

    /// Marks an exercise as solved; the first time counts.
    pub fn finish(&mut self, exercise: &ExerciseId, by: SolvedBy) {
        let done = Done { at: now(), by };
        self.done.entry(exercise.clone()).or_insert(done);
    }

    /// Removes everything but what is solved and answered in the exercises of `keep`.
    pub fn restart(&mut self, keep: &[&ExerciseId]) {
        self.done.retain(|exercise, _| keep.contains(&exercise));
        self.answers.retain(|exercise, _| keep.contains(&exercise));
        self.hints.clear();
        self.seconds.clear();
    }
}

fn path(folder: &Path, lab: &LabId, instance: &Instance) -> PathBuf {
    folder.join(format!("{lab}@{instance}.json"))
}

fn read(path: &Path) -> Result<Progress, ProgressError> {
    let unreadable = |reason: String| ProgressError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let content = match std::fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Progress::default()),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    // The version comes first: a newer file may have fields of other types.
    let value: serde_json::Value =
        serde_json::from_slice(&content).map_err(|error| unreadable(error.to_string()))?;
    match value["version"].as_u64() {
        Some(version) if version > VERSION.into() => Err(ProgressError::Newer {
            path: path.to_owned(),
            version,
        }),
        _ => serde_json::from_value(value).map_err(|error| unreadable(error.to_string())),
    }
}

fn write(path: &Path, progress: &Progress) -> Result<(), ProgressError> {
    let content = serde_json::to_vec_pretty(progress).map_err(|error| not_writable(path, error))?;
    write_atomically(path, &content).map_err(|error| not_writable(path, error.root_cause()))
}

fn not_writable(path: &Path, reason: impl fmt::Display) -> ProgressError {
    ProgressError::NotWritable {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// Locks a progress file for one update.
///
/// The lock is on a file beside it that is never replaced or removed: a lock on the progress file itself would end with the
/// next atomic write.
fn lock(path: &Path) -> Result<File, ProgressError> {
    let open = || {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path.with_extension("lock"))
    };
    let file = open().map_err(|error| not_writable(path, error))?;
    let locked = lock_within(file, LOCK_TIMEOUT).map_err(|error| not_writable(path, error))?;
    locked.ok_or_else(|| ProgressError::Busy {
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
        lab: LabId,
        instance: Instance,
    }

    impl Fixture {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                lab: LabId::new("redis").unwrap(),
                instance: Instance::main(),
            }
        }

        fn read(&self) -> Result<Progress, ProgressError> {
            Progress::read(self.folder.path(), &self.lab, &self.instance)
        }

        fn update(&self, change: impl FnOnce(&mut Progress)) -> Result<Progress, ProgressError> {
            let updated = Progress::update(self.folder.path(), &self.lab, &self.instance, change)?;
            Ok(updated.0)
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("redis@main.json")
        }
    }

    fn exercise(name: &str) -> ExerciseId {
        ExerciseId::new(name).unwrap()
    }

    #[test]
    fn an_update_is_read_back() {
        let fixture = Fixture::new();
        let ttl = exercise("ttl");
        let updated = fixture.update(|progress| {
            progress.finish(&ttl, SolvedBy::Learner);
            progress.finish(&ttl, SolvedBy::Solution);
        });
        let read = fixture.read().unwrap();
        assert_eq!(read, updated.unwrap());
        assert_eq!(read.done[&ttl].by, SolvedBy::Learner);
    }

    #[test]
    fn a_hundred_concurrent_rounds_lose_no_update() {
        let fixture = Fixture::new();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let fixture = &fixture;
                scope.spawn(move || {
                    for round in 0..100 {
                        let id = exercise(&format!("e-{writer}-{round}"));
                        let change = |progress: &mut Progress| match writer {
                            0 => progress.finish(&id, SolvedBy::Learner),
                            1 => drop(progress.answers.insert(id, "a".to_owned())),
                            2 => drop(progress.hints.insert(id, 1)),
                            _ => *progress.seconds.entry(exercise("all")).or_default() += 1,
                        };
                        fixture.update(change).unwrap();
                    }
                });
            }
        });
        let read = fixture.read().unwrap();
        let counts = [read.done.len(), read.answers.len(), read.hints.len()];
        assert_eq!(counts, [100; 3]);
        assert_eq!(read.seconds[&exercise("all")], 100);
    }

    /// A file with this content is an error that names it and what to do, and stays as it is.
    #[track_caller]
    fn check_kept(content: &str, expected: &[&str]) {
        let fixture = Fixture::new();
        std::fs::write(fixture.file(), content).unwrap();
        let errors = [
            fixture.read().unwrap_err(),
            fixture.update(|_| ()).unwrap_err(),
        ];
        for error in errors {
            let error = error.to_string();
            for part in ["redis@main.json", "move"].iter().chain(expected) {
                assert!(error.contains(part), "{error}");
            }
        }
        assert_eq!(std::fs::read_to_string(fixture.file()).unwrap(), content);
    }

    #[test]
    fn an_unreadable_or_newer_file_is_an_error_and_never_replaced() {
        check_kept("{", &["cannot read"]);
        check_kept(r#"{ "version": 1, "done": [] }"#, &["cannot read"]);
        check_kept(
            r#"{ "version": 2, "done": [], "answers": 3 }"#,
            &["newer roadlab", "format 2"],
        );
    }

    #[test]
    fn an_update_that_changes_nothing_writes_no_file() {
        let fixture = Fixture::new();
        fixture.update(|_| ()).unwrap();
        assert!(!fixture.file().exists());
    }

    #[test]
    fn removed_progress_starts_again() {
        let fixture = Fixture::new();
        let remove = || Progress::remove(fixture.folder.path(), &fixture.lab, &fixture.instance);
        remove().unwrap();
        fixture
            .update(|progress| progress.finish(&exercise("ttl"), SolvedBy::Learner))
            .unwrap();
        remove().unwrap();
        assert_eq!(fixture.read().unwrap(), Progress::default());
    }
}
