//! A learner's progress in one instance of a lab: a versioned file that is only ever changed by a locked read-modify-write.
//!
//! [`Progress`] is a snapshot. Nothing writes a snapshot back: every change goes through [`Progress::update`], which applies
//! it to what the file holds at that moment, so that two programs that change different things lose nothing.
//!
//! Three facts about an exercise are kept apart: that the learner has solved it, that its solution was played, and that its
//! checks passed when they ran last. What a played solution left behind never counts as solved by the learner, until the
//! checks have failed or the services were reset since.

mod error;
mod file;
mod first_version;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::lab::{Draw, Exercise, ExerciseId, RunId, Task};
use crate::store::now;

pub use self::error::ProgressError;

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
    /// The number of ordered hints that were shown before an exercise was solved, of those with hints that were shown later.
    #[serde(default)]
    hints_before: BTreeMap<ExerciseId, usize>,
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
    /// What a newer program of the same version added, which this one does not know.
    #[serde(flatten)]
    unknown: BTreeMap<String, serde_json::Value>,
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

/// Whether a solution is still playing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Playing {
    Now,
    Ended,
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

impl Default for Progress {
    fn default() -> Self {
        Self {
            version: VERSION,
            solved: BTreeMap::new(),
            played: BTreeMap::new(),
            holding: BTreeSet::new(),
            run: None,
            hints: BTreeMap::new(),
            hints_before: BTreeMap::new(),
            answers: BTreeMap::new(),
            attempts: BTreeMap::new(),
            draws: BTreeMap::new(),
            seconds: BTreeMap::new(),
            workspace: None,
            mounted: None,
            unknown: BTreeMap::new(),
        }
    }
}

impl Progress {
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

    /// Returns the index of the exercise that a learner is at: the first that is neither solved nor played, else the first that is
    /// not solved; `None` if all are. `run` is the one that runs, if any.
    pub fn present_exercise(&self, exercises: &[Exercise], run: Option<&RunId>) -> Option<usize> {
        let standing = |one: &Exercise| self.standing(&one.id);
        let untouched = |one: &Exercise| {
            standing(one) == Standing::Unsolved && !self.stands_by_solution(&one.id, run)
        };
        let unsolved = |one: &Exercise| standing(one) != Standing::Solved;
        let first = exercises.iter().position(untouched);
        first.or_else(|| exercises.iter().position(unsolved))
    }

    /// Marks an exercise as solved by the learner; the first time counts.
    pub fn solve(&mut self, exercise: &ExerciseId) {
        self.solved.entry(exercise.clone()).or_insert_with(now);
        // From here on, it is the learner's own answer that holds.
        if let Some(played) = self.played.get_mut(exercise) {
            (played.run, played.playing) = (None, false);
        }
    }

    /// Records that the next of the `all` ordered hints of an exercise is shown, or the last one again. Returns its number from 1.
    pub fn show_hint(&mut self, exercise: &ExerciseId, all: usize) -> usize {
        let shown = self.hints.get(exercise).copied().unwrap_or(0);
        if self.is_solved(exercise) {
            self.hints_before.entry(exercise.clone()).or_insert(shown);
        }
        let number = (shown + 1).min(all);
        self.hints.insert(exercise.clone(), number);
        number
    }

    /// Returns the number of ordered hints that were shown until the learner solved an exercise.
    pub fn used_hints(&self, exercise: &ExerciseId) -> usize {
        let before = self.hints_before.get(exercise);
        let used = before.or_else(|| self.hints.get(exercise));
        used.copied().unwrap_or(0)
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
        self.play(exercises, run, reason, Playing::Now);
    }

    /// Records that the solutions of exercises were played in a run.
    pub fn finish_playing(
        &mut self,
        exercises: &[&ExerciseId],
        run: Option<&RunId>,
        reason: PlayReason,
    ) {
        self.play(exercises, run, reason, Playing::Ended);
    }

    /// Returns whether a solution is being played, as far as the file knows.
    pub fn is_playing(&self) -> bool {
        self.played.values().any(|played| played.playing)
    }

    /// Records that no solution is being played any more: a process that played one was ended.
    pub fn end_interrupted(&mut self) {
        self.played
            .values_mut()
            .for_each(|played| played.playing = false);
    }

    fn play(
        &mut self,
        exercises: &[&ExerciseId],
        run: Option<&RunId>,
        reason: PlayReason,
        playing: Playing,
    ) {
        for exercise in exercises {
            let played = Played {
                at: now(),
                run: run.cloned(),
                playing: playing == Playing::Now,
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
            carry(&mut self.hints_before, old, new, |a, b| a.max(b));
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

#[cfg(test)]
mod tests;
