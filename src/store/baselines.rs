//! What the checks of exercises saw when the exercises began: a document beside the journal of the run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::expect::Snapshot;
use crate::lab::{CheckId, Exercise, ExerciseId, RunId};
use crate::store::document::{self, DocumentError, FolderLock};

/// The format version that this roadlab reads and writes.
const VERSION: u32 = 1;

/// What follows the run in the name of the file. Such a name is not that of a journal.
const SUFFIX: &str = ".baselines.json";

/// What each check of an exercise saw when the exercise began. A check whose probe could not run is missing.
pub type Baseline = BTreeMap<CheckId, Snapshot>;

/// What became of the steps of `prepare` of an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preparation {
    /// A process runs them, or ended before they were done. The process is [`NO_PROCESS`] once it is known to have ended: its
    /// number may be another process's by now.
    Running {
        process: i32,
    },
    Done,
}

/// In place of a process that has ended.
const NO_PROCESS: i32 = 0;

impl Preparation {
    /// Returns whether the steps failed, or the process that ran them ended before they were done.
    pub fn is_interrupted(self) -> bool {
        match self {
            Self::Running { process } => process == NO_PROCESS,
            Self::Done => false,
        }
    }

    fn is_running(self) -> bool {
        matches!(self, Self::Running { process } if process != NO_PROCESS)
    }
}

/// A reset that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunReset {
    /// The exercise whose beginning is to be restored; `None` for the start of the lab.
    pub to: Option<ExerciseId>,
}

/// The baselines of the exercises of one run that have begun.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baselines {
    pub exercises: BTreeMap<ExerciseId, Baseline>,
    /// The exercises whose `prepare` was begun.
    #[serde(default)]
    pub prepared: BTreeMap<ExerciseId, Preparation>,
    /// What the checks of exercises saw after their solutions were played.
    #[serde(default)]
    pub after_solutions: BTreeMap<ExerciseId, Baseline>,
    /// The reset that has begun and is not finished: it runs, or it failed, or its process was killed.
    #[serde(default)]
    pub reset: Option<BegunReset>,
}

impl Baselines {
    /// Returns whether an exercise has not begun, and its checks cannot be judged before it has: it has something to prepare, or
    /// it builds on others and something must stay as it was when it began.
    pub fn awaits_beginning(&self, exercise: &Exercise) -> bool {
        let mut checks = exercise.checks().iter();
        let compares = !exercise.needs.is_empty() && checks.any(|check| check.unchanged.is_some());
        (compares || !exercise.prepare.is_empty()) && !self.exercises.contains_key(&exercise.id)
    }

    /// Returns whether steps of `prepare` run, as far as the file knows.
    pub fn is_preparing(&self) -> bool {
        self.prepared.values().any(|one| one.is_running())
    }

    /// Records that no steps of `prepare` run any more: they failed, or the process that ran them was ended.
    pub fn end_interrupted(&mut self) {
        let interrupted = Preparation::Running {
            process: NO_PROCESS,
        };
        let running = self.prepared.values_mut().filter(|one| one.is_running());
        running.for_each(|one| *one = interrupted);
    }

    /// Reads the baselines of a run in the folder of the journals; there are none if there is no file.
    pub fn read(folder: &Path, run: &RunId) -> Result<Self, DocumentError> {
        let read = document::read(&path(folder, run), VERSION)?;
        Ok(read.unwrap_or_default())
    }

    /// Changes the baselines of a run, as they are on disk at this moment, and returns them as they are then.
    pub fn update(
        folder: &Path,
        run: &RunId,
        change: impl FnOnce(&mut Self),
    ) -> Result<Self, DocumentError> {
        let mut after = Self::default();
        document::update(&path(folder, run), VERSION, |before: Option<Self>| {
            let mut changed = before.unwrap_or_default();
            change(&mut changed);
            after = changed.clone();
            changed
        })?;
        Ok(after)
    }

    /// Replaces the baselines of a run, even if the file cannot be read.
    pub fn replace(&self, folder: &Path, run: &RunId) -> Result<(), DocumentError> {
        let _lock = FolderLock::acquire(folder)?;
        document::replace(&path(folder, run), VERSION, self).map(drop)
    }

    /// Removes the baselines of a run that is gone.
    pub(super) fn remove(folder: &Path, run: &RunId) {
        // If it cannot be removed, `remove_left_over` tries again.
        let _ = std::fs::remove_file(path(folder, run));
    }

    /// Removes the files of runs that have no journal. A run has its journal before it has baselines.
    pub fn remove_left_over(folder: &Path) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| name.to_str());
            let run = name.and_then(|name| name.strip_suffix(SUFFIX));
            if run.is_some_and(|run| !folder.join(format!("{run}.json")).exists()) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

fn path(folder: &Path, run: &RunId) -> PathBuf {
    folder.join(format!("{run}{SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::Actual;
    use crate::store::{Journal, Journals};
    use serde_json::json;

    fn run() -> RunId {
        RunId::new("01jd0000000000000000000000").unwrap()
    }

    fn baselines(value: i64) -> Baselines {
        let exercise = ExerciseId::new("one").unwrap();
        let check = CheckId::new("count").unwrap();
        let snapshot = Snapshot::of(&Actual::value(json!(value)));
        Baselines {
            exercises: [(exercise, [(check, snapshot)].into())].into(),
            ..Baselines::default()
        }
    }

    #[test]
    fn baselines_are_read_back_and_removed_with_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Baselines::read(folder.path(), &run()).unwrap();
        assert_eq!(read(), Baselines::default());
        baselines(1).replace(folder.path(), &run()).unwrap();
        assert_eq!(read(), baselines(1));
        let updated = Baselines::update(folder.path(), &run(), |all| *all = baselines(2));
        assert_eq!(updated.unwrap(), read());
        assert_eq!(read(), baselines(2));
        // The file is not taken for a journal.
        let journals = Journals::read(folder.path());
        assert!(journals.readable.is_empty() && journals.unreadable.is_empty());
        Journal::remove(folder.path(), &run());
        assert_eq!(read(), Baselines::default());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_until_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(path(folder.path(), &run()), "{").unwrap();
        assert!(Baselines::read(folder.path(), &run()).is_err());
        assert!(Baselines::update(folder.path(), &run(), |_| ()).is_err());
        baselines(1).replace(folder.path(), &run()).unwrap();
        assert_eq!(
            Baselines::read(folder.path(), &run()).unwrap(),
            baselines(1)
        );
    }

    #[test]
    fn a_preparation_runs_until_it_is_done_or_known_to_be_interrupted() {
        let exercise = ExerciseId::new("one").unwrap();
        let mut all = baselines(1);
        assert!(!all.is_preparing());
        let running = Preparation::Running { process: 77 };
        all.prepared.insert(exercise.clone(), running);
        assert!(all.is_preparing() && !running.is_interrupted());
        all.end_interrupted();
        assert!(!all.is_preparing() && all.prepared[&exercise].is_interrupted());
        all.prepared.insert(exercise.clone(), Preparation::Done);
        all.end_interrupted();
        assert_eq!(all.prepared[&exercise], Preparation::Done);
    }

    #[test]
    fn files_without_a_journal_are_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let kept = RunId::new("01jd0000000000000000000001").unwrap();
        for run in [run(), kept.clone()] {
            baselines(1).replace(folder.path(), &run).unwrap();
        }
        let journal = format!("{kept}.json");
        std::fs::write(folder.path().join(journal), "{}").unwrap();
        Baselines::remove_left_over(folder.path());
        assert!(!path(folder.path(), &run()).exists());
        assert!(path(folder.path(), &kept).exists());
    }
}
