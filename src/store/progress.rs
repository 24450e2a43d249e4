//! What a learner has done, per lab and instance: a versioned file, written atomically.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::lab::{ExerciseId, Instance, LabId};
use crate::store::write_atomically;

/// The version that this roadlab writes.
const VERSION: u32 = 1;

/// Progress in one instance of one lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    version: u32,
    /// Exercises that were done.
    pub done: BTreeMap<ExerciseId, Done>,
    /// How many ordered hints were shown.
    pub hints: BTreeMap<ExerciseId, usize>,
    /// The last choice in each quiz.
    pub answers: BTreeMap<ExerciseId, String>,
    /// Seconds that each exercise was on the screen of a session before it was done.
    #[serde(default)]
    pub seconds: BTreeMap<ExerciseId, u64>,
    #[serde(skip)]
    path: PathBuf,
}

/// One exercise that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Seconds since 1970.
    pub at: u64,
    pub by: SolvedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SolvedBy {
    Learner,
    /// `roadlab solve` or `reset --to` played the solution.
    Solution,
}

impl Progress {
    /// Reads the progress of an instance; none yet is no error, a broken file is one that names it.
    pub fn read(folder: &Path, lab: &LabId, instance: &Instance) -> anyhow::Result<Self> {
        let path = folder.join(format!("{lab}@{instance}.json"));
        let empty = |path| Self {
            version: VERSION,
            done: BTreeMap::new(),
            hints: BTreeMap::new(),
            answers: BTreeMap::new(),
            seconds: BTreeMap::new(),
            path,
        };
        let content = match std::fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(empty(path)),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let help = || {
            format!(
                "{} is not a progress file: remove it to start afresh",
                path.display()
            )
        };
        let progress: Self = serde_json::from_slice(&content).with_context(help)?;
        if progress.version != VERSION {
            anyhow::bail!(
                "{} was written by another version of roadlab ({}, this one knows {VERSION})",
                path.display(),
                progress.version
            );
        }
        Ok(Self { path, ..progress })
    }

    /// Writes it back.
    pub fn write(&self) -> anyhow::Result<()> {
        let content = serde_json::to_vec_pretty(self).context("progress is always JSON")?;
        write_atomically(&self.path, &content)
    }

    /// Forgets everything about an instance.
    pub fn remove(folder: &Path, lab: &LabId, instance: &Instance) -> anyhow::Result<()> {
        let path = folder.join(format!("{lab}@{instance}.json"));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Marks an exercise as done; the first time counts.
    pub fn finish(&mut self, exercise: &ExerciseId, by: SolvedBy) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let at = now.map(|now| now.as_secs()).unwrap_or_default();
        self.done.entry(exercise.clone()).or_insert(Done { at, by });
    }

    /// Forgets everything, or everything but what is done in `keep`.
    pub fn restart(&mut self, keep: &[&ExerciseId]) {
        self.done.retain(|exercise, _| keep.contains(&exercise));
        self.answers.retain(|exercise, _| keep.contains(&exercise));
        self.hints.clear();
        self.seconds.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_survives_being_written_and_tells_when_it_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let (lab, instance) = (LabId::new("redis").unwrap(), Instance::main());
        let exercise = ExerciseId::new("ttl").unwrap();
        let mut progress = Progress::read(folder.path(), &lab, &instance).unwrap();
        progress.finish(&exercise, SolvedBy::Learner);
        progress.finish(&exercise, SolvedBy::Solution);
        progress.write().unwrap();
        let read = Progress::read(folder.path(), &lab, &instance).unwrap();
        assert_eq!(read, progress);
        assert_eq!(read.done[&exercise].by, SolvedBy::Learner);
        std::fs::write(folder.path().join("redis@main.json"), "{").unwrap();
        let error = Progress::read(folder.path(), &lab, &instance)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("redis@main.json") && error.contains("remove it"),
            "{error}"
        );
    }
}
