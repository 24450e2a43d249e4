//! A learner's progress in one instance of a lab: a versioned file that is only ever changed by a locked read-modify-write.
//!
//! [`Progress`] is a snapshot. Nothing writes a snapshot back: every change goes through [`Progress::update`], which applies
//! it to what the file holds at that moment, so that two programs that change different things lose nothing.
//!
//! Three facts about an exercise are kept apart: that the learner has solved it, that its solution was played, and that its
//! checks passed when they ran last. What a played solution left behind never counts as solved by the learner, until the
//! checks have failed or the services were reset since.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lab::{Draw, Exercise, ExerciseId, Instance, LabId, RunId, Task};
use crate::store::document::{LOCK_TIMEOUT, damage, lock_within};
use crate::store::{dated_name, now, write_atomically};
use crate::text;
use crate::text::Text;

/// The version of the file that this program writes, and the newest that it reads.
const VERSION: u32 = 2;

/// The progress in one instance of one lab at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    version: u32,
    /// The exercises that the learner solved, each with the first time in seconds since 1970.
    #[serde(default)]
    pub solved: BTreeMap<ExerciseId, u64>,
    /// The exercises whose solutions were played.
    #[serde(default)]
    pub played: BTreeMap<ExerciseId, Played>,
    /// The exercises whose checks passed when they ran last in the run of `run`.
    #[serde(default)]
    holding: BTreeSet<ExerciseId>,
    /// The run that `holding` is about.
    #[serde(default)]
    run: Option<RunId>,
    /// The number of ordered hints that were shown.
    #[serde(default)]
    pub hints: BTreeMap<ExerciseId, usize>,
    /// The learner's last choice in each quiz.
    #[serde(default)]
    pub answers: BTreeMap<ExerciseId, String>,
    /// The number of the learner's choices in each quiz until it was solved.
    #[serde(default)]
    pub attempts: BTreeMap<ExerciseId, u32>,
    /// The draws of the random values with which exercises were solved.
    #[serde(default)]
    pub draws: BTreeMap<ExerciseId, Draw>,
    /// The seconds that a session showed each exercise before it was solved.
    #[serde(default)]
    pub seconds: BTreeMap<ExerciseId, u64>,
    /// The learner's folder of the last run, if its path is UTF-8.
    #[serde(default)]
    pub workspace: Option<String>,
    /// What the services of a run mounted of it when they started.
    #[serde(default)]
    mounted: Option<Mounted>,
}

/// What the services of a run mounted of the learner's folder, by service and path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mounted {
    run: RunId,
    parts: BTreeMap<String, String>,
}

/// When a solution was played, and whether the services still hold what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// Seconds since 1970; the last time.
    pub at: u64,
    /// The run whose services hold what the solution did; `None` if none does any more.
    #[serde(default)]
    run: Option<RunId>,
    /// Whether the solution may still be playing, so that checks that fail meanwhile mean nothing.
    #[serde(default)]
    playing: bool,
    /// Whether it was played only to bring the services to where a later exercise begins.
    #[serde(default)]
    preparation: bool,
}

/// Why a solution is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlayReason {
    /// The learner wants to see it.
    Requested,
    /// A later exercise builds on it.
    Preparation,
}

/// Whether an answer to a quiz is correct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuizResult {
    Correct,
    Incorrect,
}

/// How far an exercise is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The learner solved it, whether or not its solution was played as well.
    Solved,
    /// Its solution was played for the learner, who has not solved it.
    SolutionPlayed,
    Unsolved,
}

/// The first version of the file.
#[derive(Deserialize)]
struct FirstVersion {
    done: BTreeMap<ExerciseId, Done>,
    hints: BTreeMap<ExerciseId, usize>,
    answers: BTreeMap<ExerciseId, String>,
    #[serde(default)]
    seconds: BTreeMap<ExerciseId, u64>,
}

/// When and how an exercise was solved, in the first version of the file.
#[derive(Deserialize)]
struct Done {
    at: u64,
    by: SolvedBy,
}

/// Who solved an exercise, in the first version of the file.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum SolvedBy {
    #[serde(rename = "learner")]
    Learner,
    #[serde(rename = "solution")]
    Solution,
}

impl From<FirstVersion> for Progress {
    fn from(first: FirstVersion) -> Self {
        let mut progress = Self {
            hints: first.hints,
            answers: first.answers,
            seconds: first.seconds,
            ..Self::default()
        };
        for (exercise, done) in first.done {
            match done.by {
                SolvedBy::Learner => drop(progress.solved.insert(exercise, done.at)),
                SolvedBy::Solution => {
                    // The choice was the solution's.
                    progress.answers.remove(&exercise);
                    let played = Played {
                        at: done.at,
                        run: None,
                        playing: false,
                        preparation: false,
                    };
                    progress.played.insert(exercise, played);
                }
            }
        }
        progress
    }
}

/// Why progress cannot be read or changed. The file stays as it is.
#[derive(Debug)]
pub enum ProgressError {
    /// The file is there and cannot be read or understood.
    Unreadable {
        path: PathBuf,
        reason: Text,
        /// The command that keeps the file under another name and starts again.
        reset: String,
    },
    /// A newer version of this program wrote the file.
    Newer {
        path: PathBuf,
        version: u64,
        /// The command that keeps the file under another name and starts again.
        reset: String,
    },
    /// Another process holds the lock for longer than an update takes.
    Busy { path: PathBuf },
    /// The file or its lock cannot be written or removed.
    NotWritable { path: PathBuf, reason: String },
}

impl ProgressError {
    /// Returns what is wrong and what to do about it.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreadable {
                path,
                reason,
                reset,
            } => text!(
                "cannot read the progress file {path}: {reason}; repair it, or start again with `{reset}`, which keeps the file under another name",
                path = path.display(),
                reason = reason.clone(),
                reset
            ),
            Self::Newer {
                path,
                version,
                reset,
            } => text!(
                "the progress file {path} was written by a newer roadlab (format {version}, this one reads {known}): upgrade roadlab, or start again with `{reset}`, which keeps the file under another name",
                path = path.display(),
                version,
                known = VERSION,
                reset
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
            solved: BTreeMap::new(),
            played: BTreeMap::new(),
            holding: BTreeSet::new(),
            run: None,
            hints: BTreeMap::new(),
            answers: BTreeMap::new(),
            attempts: BTreeMap::new(),
            draws: BTreeMap::new(),
            seconds: BTreeMap::new(),
            workspace: None,
            mounted: None,
        }
    }
}

impl Progress {
    /// Reads the progress of an instance in the progress folder; it is empty if there is no file yet.
    pub fn read(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, ProgressError> {
        read(&ProgressFile::new(folder, lab, instance))
    }

    /// Returns the instances of a lab with a file in the progress folder.
    pub fn instances(folder: &Path, lab: &LabId) -> Vec<Instance> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (of, instance) = name.strip_suffix(".json")?.split_once('@')?;
            Instance::new(instance).ok().filter(|_| of == lab.as_str())
        });
        let mut instances: Vec<Instance> = names.collect();
        instances.sort();
        instances
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
        let file = ProgressFile::new(folder, lab, instance);
        let _lock = lock(&file.path)?;
        let before = read(&file)?;
        let mut progress = before.clone();
        let result = change(&mut progress);
        if progress != before {
            write(&file.path, &progress)?;
        }
        Ok((progress, result))
    }

    /// Removes the progress of an instance and returns what it was. A file that cannot be understood stays.
    pub fn remove(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, ProgressError> {
        let file = ProgressFile::new(folder, lab, instance);
        if !file.path.exists() {
            return Ok(Self::default());
        }
        let _lock = lock(&file.path)?;
        let progress = read(&file)?;
        match std::fs::remove_file(&file.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(not_writable(&file.path, error))
            }
            _ => Ok(progress),
        }
    }

    /// Moves a file that cannot be understood to a dated name beside it, so that progress starts again. Returns the new path;
    /// `None` if the file can be read, or is not there.
    pub fn set_aside(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
    ) -> Result<Option<PathBuf>, ProgressError> {
        let file = ProgressFile::new(folder, lab, instance);
        let _lock = lock(&file.path)?;
        match read(&file) {
            Ok(_) => return Ok(None),
            Err(ProgressError::Unreadable { .. } | ProgressError::Newer { .. }) => {}
            Err(error) => return Err(error),
        }
        let kept = dated_name(&file.path, |path| path.symlink_metadata().is_err());
        match std::fs::rename(&file.path, &kept) {
            Ok(()) => Ok(Some(kept)),
            Err(error) => Err(not_writable(&file.path, error)),
        }
    }

    /// Returns how far an exercise is.
    pub fn standing(&self, exercise: &ExerciseId) -> Standing {
        if self.is_solved(exercise) {
            Standing::Solved
        } else if self.was_requested(exercise) {
            Standing::SolutionPlayed
        } else {
            Standing::Unsolved
        }
    }

    /// Returns the exercises whose solutions were played because the learner wanted to see them.
    pub fn requested_solutions(&self) -> impl Iterator<Item = &ExerciseId> {
        let played = self.played.keys();
        played.filter(|exercise| self.was_requested(exercise))
    }

    /// Returns when the solution of an exercise was played because the learner wanted to see it, in seconds since 1970.
    pub fn requested_at(&self, exercise: &ExerciseId) -> Option<u64> {
        let played = self.played.get(exercise);
        let requested = played.filter(|played| !played.preparation);
        requested.map(|played| played.at)
    }

    fn was_requested(&self, exercise: &ExerciseId) -> bool {
        self.requested_at(exercise).is_some()
    }

    /// Returns whether the learner has solved an exercise.
    pub fn is_solved(&self, exercise: &ExerciseId) -> bool {
        self.solved.contains_key(exercise)
    }

    /// Returns whether the checks of an exercise passed when they ran last, in any run that is not reset since.
    pub fn held_last(&self, exercise: &ExerciseId) -> bool {
        self.holding.contains(exercise)
    }

    /// Returns whether the services of a run hold what the solution of an exercise did.
    pub fn stands_by_solution(&self, exercise: &ExerciseId, run: Option<&RunId>) -> bool {
        let played = self.played.get(exercise);
        run.is_some() && played.is_some_and(|played| played.run.as_ref() == run)
    }

    /// Marks an exercise as solved by the learner; the first time counts.
    pub fn solve(&mut self, exercise: &ExerciseId) {
        self.solved.entry(exercise.clone()).or_insert_with(now);
        // From here on, it is the learner's own answer that holds.
        if let Some(played) = self.played.get_mut(exercise) {
            (played.run, played.playing) = (None, false);
        }
    }

    /// Records the learner's choice in a quiz, and that it is solved if the choice is right.
    pub fn answer(&mut self, exercise: &ExerciseId, choice: &str, result: QuizResult) {
        if !self.is_solved(exercise) {
            let attempts = self.attempts.entry(exercise.clone()).or_default();
            *attempts = attempts.saturating_add(1);
        }
        self.answers.insert(exercise.clone(), choice.to_owned());
        if let Some(played) = self.played.get_mut(exercise) {
            played.run = None;
        }
        match result {
            QuizResult::Correct => self.solve(exercise),
            QuizResult::Incorrect => {}
        }
    }

    /// Records the draw of the random values with which an exercise was solved; the first time counts.
    pub fn record_draw(&mut self, exercise: &Exercise, draw: Option<&Draw>) {
        let draw = draw.filter(|_| !exercise.random.is_empty());
        if let Some(draw) = draw.filter(|_| self.is_solved(&exercise.id)) {
            let recorded = self.draws.entry(exercise.id.clone());
            recorded.or_insert_with(|| draw.clone());
        }
    }

    /// Records whether the checks of exercises passed in a run just now. Those that pass by the learner's own work are solved.
    pub fn record<'e>(
        &mut self,
        results: impl IntoIterator<Item = (&'e ExerciseId, bool)>,
        run: Option<&RunId>,
    ) {
        if self.run.as_ref() != run {
            self.holding.clear();
            self.run = run.cloned();
        }
        for (exercise, passed) in results {
            if !passed {
                self.holding.remove(exercise);
                if let Some(played) = self.played.get_mut(exercise)
                    && !played.playing
                {
                    // What makes them pass again is no longer the solution.
                    played.run = None;
                }
                continue;
            }
            self.holding.insert(exercise.clone());
            if !self.stands_by_solution(exercise, run) {
                self.solve(exercise);
            }
        }
    }

    /// Records that the solutions of exercises are about to be played in a run.
    pub fn begin_playing(
        &mut self,
        exercises: &[&ExerciseId],
        run: Option<&RunId>,
        reason: PlayReason,
    ) {
        self.play(exercises, run, reason, true);
    }

    /// Records that the solutions of exercises were played in a run.
    pub fn finish_playing(
        &mut self,
        exercises: &[&ExerciseId],
        run: Option<&RunId>,
        reason: PlayReason,
    ) {
        self.play(exercises, run, reason, false);
    }

    fn play(
        &mut self,
        exercises: &[&ExerciseId],
        run: Option<&RunId>,
        reason: PlayReason,
        playing: bool,
    ) {
        for exercise in exercises {
            let played = Played {
                at: now(),
                run: run.cloned(),
                playing,
                preparation: reason == PlayReason::Preparation && !self.was_requested(exercise),
            };
            self.played.insert((*exercise).clone(), played);
        }
    }

    /// Records that the services are at their start again: nothing holds there, neither by the learner nor by a solution.
    pub fn clear_run(&mut self) {
        self.holding.clear();
        for played in self.played.values_mut() {
            (played.run, played.playing) = (None, false);
        }
    }

    /// Returns the choice in a quiz that counts: the solution's while it stands, else the learner's.
    pub fn choice(&self, exercise: &Exercise, run: Option<&RunId>) -> Option<String> {
        match &exercise.task {
            Task::Quiz(quiz) if self.stands_by_solution(&exercise.id, run) => {
                Some(quiz.answer.clone())
            }
            Task::Quiz(_) => self.answers.get(&exercise.id).cloned(),
            Task::Practical { .. } => None,
        }
    }

    /// Returns what the services of a run mounted of the learner's folder.
    pub fn mounted_in(&self, run: Option<&RunId>) -> Option<&BTreeMap<String, String>> {
        let mounted = self.mounted.as_ref();
        let mounted = mounted.filter(|mounted| Some(&mounted.run) == run);
        mounted.map(|mounted| &mounted.parts)
    }

    /// Records the learner's folder and what the services of a run mounted of it.
    pub fn record_workspace(
        &mut self,
        path: Option<String>,
        run: Option<&RunId>,
        parts: BTreeMap<String, String>,
    ) {
        self.workspace = path;
        self.mounted = run.cloned().map(|run| Mounted { run, parts });
    }

    /// Carries what is known of exercises over to their present ids; each entry of `renamed` is an earlier id and a present one.
    pub fn rename(&mut self, renamed: &BTreeMap<ExerciseId, ExerciseId>) {
        for (old, new) in renamed {
            carry(&mut self.solved, old, new, |a, b| a.min(b));
            carry(&mut self.played, old, new, |_, newer| newer);
            carry(&mut self.hints, old, new, |a, b| a.max(b));
            carry(&mut self.answers, old, new, |_, newer| newer);
            carry(&mut self.seconds, old, new, |a, b| a + b);
            carry(&mut self.attempts, old, new, |a, b| a + b);
            carry(&mut self.draws, old, new, |_, newer| newer);
            if self.holding.remove(old) {
                self.holding.insert(new.clone());
            }
        }
    }

    /// Forgets everything that the learner did. What the services hold and where the folder is stays known.
    pub fn forget(&mut self) {
        let mut played = std::mem::take(&mut self.played);
        played.retain(|_, played| played.run.is_some());
        *self = Self {
            played,
            workspace: self.workspace.take(),
            mounted: self.mounted.take(),
            ..Self::default()
        };
    }

    /// Returns what would be forgotten if the progress were removed.
    pub fn amount(&self) -> ProgressAmount {
        ProgressAmount {
            solved: self.solved.len(),
            played: self.requested_solutions().count(),
            answers: self.answers.len(),
            hints: self.hints.values().sum(),
            seconds: self.seconds.values().sum(),
        }
    }
}

/// Moves the value of `old` to `new`; where both have one, `merge` gets the old and the new one.
fn carry<V: Clone>(
    map: &mut BTreeMap<ExerciseId, V>,
    old: &ExerciseId,
    new: &ExerciseId,
    merge: impl Fn(V, V) -> V,
) {
    if let Some(value) = map.remove(old) {
        let merged = match map.remove(new) {
            Some(newer) => merge(value, newer),
            None => value,
        };
        map.insert(new.clone(), merged);
    }
}

/// How much progress there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ProgressAmount {
    /// Exercises that the learner solved.
    pub solved: usize,
    /// Exercises whose solutions were played.
    pub played: usize,
    /// Quizzes that the learner answered.
    pub answers: usize,
    /// Hints that were shown.
    pub hints: usize,
    /// Seconds that sessions took.
    pub seconds: u64,
}

impl ProgressAmount {
    /// Returns whether there is nothing to forget.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The file of an instance, and the command that starts it again.
struct ProgressFile {
    path: PathBuf,
    reset: String,
}

impl ProgressFile {
    fn new(folder: &Path, lab: &LabId, instance: &Instance) -> Self {
        let option = match instance.is_main() {
            true => String::new(),
            false => format!(" --instance {instance}"),
        };
        Self {
            path: folder.join(format!("{lab}@{instance}.json")),
            reset: format!("roadlab reset {lab}{option} --progress"),
        }
    }

    fn unreadable(&self, reason: Text) -> ProgressError {
        ProgressError::Unreadable {
            path: self.path.clone(),
            reason,
            reset: self.reset.clone(),
        }
    }
}

fn read(file: &ProgressFile) -> Result<Progress, ProgressError> {
    let content = match std::fs::read(&file.path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Progress::default()),
        Err(error) => return Err(file.unreadable(Text::verbatim(error.to_string()))),
    };
    let damaged = |error: serde_json::Error| file.unreadable(damage(&error));
    // The version comes first: a newer file may have fields of other types.
    let value: serde_json::Value = serde_json::from_slice(&content).map_err(damaged)?;
    match value["version"].as_u64() {
        Some(version) if version > u64::from(VERSION) => Err(ProgressError::Newer {
            path: file.path.clone(),
            version,
            reset: file.reset.clone(),
        }),
        // The content again, because a value no longer knows its lines.
        Some(version) if version == u64::from(VERSION) => {
            serde_json::from_slice(&content).map_err(damaged)
        }
        _ => serde_json::from_slice::<FirstVersion>(&content)
            .map(Progress::from)
            .map_err(damaged),
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
    fn a_damaged_file_is_kept_beside_and_progress_starts_again() {
        let fixture = Fixture::new();
        let set_aside =
            || Progress::set_aside(fixture.folder.path(), &fixture.lab, &fixture.instance);
        assert_eq!(set_aside().unwrap(), None);
        fixture
            .update(|progress| progress.solve(&exercise("ttl")))
            .unwrap();
        assert_eq!(set_aside().unwrap(), None);
        assert!(fixture.read().unwrap().is_solved(&exercise("ttl")));
        for content in ["{ \"version\": 2, oops", "{ \"version\": 99 }"] {
            std::fs::write(fixture.file(), content).unwrap();
            let kept = set_aside().unwrap().unwrap();
            assert_eq!(std::fs::read_to_string(&kept).unwrap(), content);
            let name = kept.file_name().unwrap().to_str().unwrap();
            assert!(name.starts_with("redis@main.json.20"), "{name}");
            assert_eq!(fixture.read().unwrap(), Progress::default());
        }
    }

    #[test]
    fn an_update_is_read_back() {
        let fixture = Fixture::new();
        let ttl = exercise("ttl");
        let updated = fixture.update(|progress| {
            progress.solve(&ttl);
        });
        let read = fixture.read().unwrap();
        assert_eq!(read, updated.unwrap());
        assert_eq!(read.standing(&ttl), Standing::Solved);
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
                            0 => progress.solve(&id),
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
        let counts = [read.solved.len(), read.answers.len(), read.hints.len()];
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
            for part in ["redis@main.json", "--progress"].iter().chain(expected) {
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
            r#"{ "version": 2, "solved": [], "answers": {} }"#,
            &["cannot read"],
        );
        check_kept(
            r#"{ "version": 3, "solved": [], "answers": 3 }"#,
            &["newer roadlab", "format 3"],
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
            .update(|progress| progress.solve(&exercise("ttl")))
            .unwrap();
        remove().unwrap();
        assert_eq!(fixture.read().unwrap(), Progress::default());
    }

    #[test]
    fn what_is_known_of_a_renamed_exercise_is_carried_over() {
        let (old, new, other) = (exercise("old"), exercise("new"), exercise("other"));
        let mut progress = Progress::default();
        progress.solved.insert(old.clone(), 7);
        progress.solved.insert(other.clone(), 8);
        progress.hints.insert(old.clone(), 2);
        progress.seconds.insert(old.clone(), 30);
        progress.seconds.insert(new.clone(), 12);
        progress.answers.insert(old.clone(), "a".to_owned());
        progress.answers.insert(new.clone(), "b".to_owned());
        progress.rename(&BTreeMap::from([(old.clone(), new.clone())]));
        assert_eq!(
            progress.solved,
            BTreeMap::from([(new.clone(), 7), (other, 8)])
        );
        assert_eq!(progress.hints, BTreeMap::from([(new.clone(), 2)]));
        assert_eq!(progress.seconds, BTreeMap::from([(new.clone(), 42)]));
        assert_eq!(progress.answers, BTreeMap::from([(new, "b".to_owned())]));
        let before = progress.clone();
        progress.rename(&BTreeMap::from([(old, exercise("other"))]));
        assert_eq!(progress, before, "what is not there is not moved");
    }

    #[test]
    fn the_first_version_is_carried_over() {
        let fixture = Fixture::new();
        let first = r#"{ "version": 1,
            "done": { "a": { "at": 7, "by": "learner" }, "b": { "at": 8, "by": "solution" } },
            "hints": { "a": 2 }, "answers": { "a": "x", "b": "y", "c": "z" } }"#;
        std::fs::write(fixture.file(), first).unwrap();
        let read = fixture.read().unwrap();
        let standings = ["a", "b", "c"].map(|id| read.standing(&exercise(id)));
        let expected = [
            Standing::Solved,
            Standing::SolutionPlayed,
            Standing::Unsolved,
        ];
        assert_eq!(standings, expected);
        assert_eq!(read.solved[&exercise("a")], 7);
        // The solution's choice in a quiz is not the learner's.
        assert_eq!(
            read.answers.keys().collect::<Vec<_>>(),
            [&exercise("a"), &exercise("c")]
        );
        fixture
            .update(|progress| progress.solve(&exercise("c")))
            .unwrap();
        let text = std::fs::read_to_string(fixture.file()).unwrap();
        assert!(text.contains("\"version\": 2"), "{text}");
        assert_eq!(fixture.read().unwrap().solved.len(), 2);
    }

    fn run(last: char) -> RunId {
        RunId::new(&format!("01jd8w0zq3v5k8m2x4y6z7a9b{last}")).unwrap()
    }

    /// Plays a solution in a run, applies changes, and returns how far the exercise is after its checks pass in that run.
    #[track_caller]
    fn check_after_playing(change: impl FnOnce(&mut Progress), expected: Standing) {
        let (mut progress, one) = (Progress::default(), exercise("one"));
        progress.begin_playing(&[&one], Some(&run('a')), PlayReason::Requested);
        progress.record([(&one, false)], Some(&run('a')));
        progress.finish_playing(&[&one], Some(&run('a')), PlayReason::Requested);
        progress.record([(&one, true)], Some(&run('a')));
        assert_eq!(progress.standing(&one), Standing::SolutionPlayed);
        assert!(progress.held_last(&one));
        change(&mut progress);
        progress.record([(&one, true)], Some(&run('a')));
        assert_eq!(progress.standing(&one), expected);
    }

    #[test]
    fn what_a_solution_did_counts_for_the_learner_only_after_it_is_undone() {
        let one = exercise("one");
        check_after_playing(|_| {}, Standing::SolutionPlayed);
        check_after_playing(
            |progress| progress.record([(&one, false)], Some(&run('a'))),
            Standing::Solved,
        );
        check_after_playing(Progress::clear_run, Standing::Solved);
        check_after_playing(
            |progress| progress.record([(&one, true)], Some(&run('b'))),
            Standing::Solved,
        );
        check_after_playing(
            |progress| progress.finish_playing(&[&one], Some(&run('a')), PlayReason::Requested),
            Standing::SolutionPlayed,
        );
    }

    #[test]
    fn a_solution_that_a_later_exercise_needed_is_not_one_that_the_learner_saw() {
        let (mut progress, one) = (Progress::default(), exercise("one"));
        let here = run('a');
        progress.begin_playing(&[&one], Some(&here), PlayReason::Preparation);
        progress.finish_playing(&[&one], Some(&here), PlayReason::Preparation);
        progress.record([(&one, true)], Some(&here));
        assert_eq!(progress.standing(&one), Standing::Unsolved);
        assert!(progress.stands_by_solution(&one, Some(&here)));
        assert!(progress.amount().is_empty());
        progress.finish_playing(&[&one], Some(&here), PlayReason::Requested);
        progress.finish_playing(&[&one], Some(&here), PlayReason::Preparation);
        assert_eq!(progress.standing(&one), Standing::SolutionPlayed);
        assert_eq!(progress.amount().played, 1);
    }

    #[test]
    fn every_instance_with_progress_is_found() {
        let fixture = Fixture::new();
        let solve = |instance: &str| {
            let instance = Instance::new(instance).unwrap();
            let folder = fixture.folder.path();
            Progress::update(folder, &fixture.lab, &instance, |progress| {
                progress.solve(&exercise("ttl"));
            })
            .unwrap();
        };
        solve("two");
        solve("main");
        for other in ["redis-two@main.json", "redis@main.json.2026-11-26", "notes"] {
            std::fs::write(fixture.folder.path().join(other), "{}").unwrap();
        }
        let instances = Progress::instances(fixture.folder.path(), &fixture.lab);
        let names: Vec<&str> = instances.iter().map(Instance::as_str).collect();
        assert_eq!(names, ["main", "two"]);
    }

    #[test]
    fn a_solution_takes_nothing_from_the_learner() {
        let (mut progress, quiz) = (Progress::default(), exercise("quiz"));
        progress.answer(&quiz, "b", QuizResult::Incorrect);
        progress.hints.insert(quiz.clone(), 2);
        progress.seconds.insert(quiz.clone(), 9);
        let before = progress.clone();
        progress.begin_playing(&[&quiz], Some(&run('a')), PlayReason::Requested);
        progress.finish_playing(&[&quiz], Some(&run('a')), PlayReason::Requested);
        progress.clear_run();
        progress.played.clear();
        assert_eq!(progress, before);
        assert_eq!(progress.attempts[&quiz], 1);
        progress.answer(&quiz, "a", QuizResult::Correct);
        let at = progress.solved[&quiz];
        progress.finish_playing(&[&quiz], Some(&run('a')), PlayReason::Requested);
        assert_eq!(progress.standing(&quiz), Standing::Solved);
        assert_eq!(progress.solved[&quiz], at);
    }

    #[test]
    fn what_held_in_a_run_does_not_hold_in_the_next() {
        let (mut progress, ids) = (Progress::default(), ["a", "b"].map(exercise));
        progress.record(
            ids.iter().map(|id| (id, true)).collect::<Vec<_>>(),
            Some(&run('a')),
        );
        progress.record([(&ids[0], true)], Some(&run('b')));
        assert!(progress.held_last(&ids[0]) && !progress.held_last(&ids[1]));
        assert!(progress.is_solved(&ids[1]));
        progress.clear_run();
        assert!(!progress.held_last(&ids[0]));
    }
}
