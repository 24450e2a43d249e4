//! What the checks of exercises saw when the exercises began, kept with the run.

use std::collections::BTreeSet;

use crate::app::RunningLab;
use crate::engine::Engine;
use crate::event::{Event, Warning};
use crate::expect::Actual;
use crate::lab::{Exercise, ExerciseId, RunId, Task};
use crate::runner::{
    self, Changed, CheckContext, ExerciseResult, Failure, Live, Undecided, begin_exercise,
    check_exercises, move_baselines, record_baselines, snapshots,
};
use crate::store::{Baselines, BegunReset, DocumentError, LockError, Preparation, Progress};
use crate::text;

/// What happens if an exercise cannot begin, because another process changes the instance, or because its preparation was
/// interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BeginMode {
    /// It does not begin; its checks say why.
    IfPossible,
    /// That is a failure.
    Required,
}

impl<E: Engine> RunningLab<'_, E> {
    /// Records what the checks of the exercises that can begin now see, in place of all earlier baselines.
    pub(super) async fn record_baselines(&self) -> Result<(), Failure> {
        let Some(run) = self.run() else {
            return Ok(());
        };
        // Those of before the reset go first: what `prepare` did is undone.
        let none = Baselines {
            reset: self.baselines().unwrap_or_default().reset,
            ..Baselines::default()
        };
        let written = none.replace(&self.app.paths.runs(), &run);
        written.map_err(|error| cannot_keep(&error))?;
        self.begin_all(&run, Baselines::default()).await
    }

    /// Records that a reset has begun. Baselines that cannot be read are replaced.
    pub(super) fn begin_reset(&self, to: Option<&Exercise>) -> Result<(), Failure> {
        let Some(run) = self.run() else {
            return Ok(());
        };
        let begun = Baselines {
            reset: Some(BegunReset {
                to: to.map(|to| to.id.clone()),
            }),
            ..self.baselines().unwrap_or_default()
        };
        let written = begun.replace(&self.app.paths.runs(), &run);
        written.map_err(|error| cannot_keep(&error))
    }

    /// Records that the reset has succeeded.
    pub(super) fn end_reset(&self) -> Result<(), Failure> {
        if let Some(run) = self.run() {
            self.update_baselines(&run, |baselines| baselines.reset = None)?;
        }
        Ok(())
    }

    /// Ends what another process left half done, if none works on the instance now: solutions count as played and preparations
    /// as interrupted. Warns if a reset failed or was interrupted.
    pub(super) fn end_interrupted_work(&self) -> Result<(), Failure> {
        let known = self.baselines().unwrap_or_default();
        let is_playing = self.progress()?.is_playing();
        let is_preparing = known.is_preparing();
        if known.reset.is_none() && !is_playing && !is_preparing {
            return Ok(());
        }
        // Who works on the instance holds its lock.
        let Ok(Some(_lock)) = self.app.lock_once(&self.lab.id) else {
            return Ok(());
        };
        if is_playing {
            self.app
                .update_progress(&self.lab.id, Progress::end_interrupted)?;
        }
        if let Some(run) = self.run().filter(|_| is_preparing) {
            self.update_baselines(&run, Baselines::end_interrupted)?;
        }
        if let Some(reset) = known.reset {
            let to = reset.to.map(|to| format!(" --to {to}"));
            let lab = self.app.lab_argument(&self.lab.id);
            self.app.emit(Event::Warning(Warning::ResetUnfinished {
                command: format!("roadlab reset {lab}{}", to.unwrap_or_default()),
            }));
        }
        Ok(())
    }

    /// Lets the exercises begin whose optional services have joined the run.
    pub(super) async fn begin_joined(&self) -> Result<(), Failure> {
        match self.run() {
            Some(run) => self.begin_all(&run, self.baselines()?).await,
            None => Ok(()),
        }
    }

    /// Records the baselines of all exercises that can begin now and are not among `begun`, and runs `prepare` of those that
    /// have one, one after the other: it may be what keeps the next from beginning.
    async fn begin_all(&self, run: &RunId, mut begun: Baselines) -> Result<(), Failure> {
        let answers = self.right_answers()?;
        let passes = |id: &ExerciseId| answers.contains(id) || self.is_unavailable(id);
        loop {
            let unprepared = record_baselines(&self.runner, &self.live, &mut begun, &passes).await;
            self.update_baselines(run, |baselines| {
                for (exercise, baseline) in &begun.exercises {
                    let exercises = &mut baselines.exercises;
                    exercises
                        .entry(exercise.clone())
                        .or_insert_with(|| baseline.clone());
                }
            })?;
            let Some(exercise) = unprepared else {
                return Ok(());
            };
            let known = self
                .run_preparation(exercise, BeginMode::IfPossible)
                .await?;
            if !known.exercises.contains_key(&exercise.id) {
                return Ok(());
            }
            begun = known;
        }
    }

    /// Lets an exercise begin now: runs its `prepare` and records its baseline, unless it has begun. Returns all baselines.
    ///
    /// That it begins is recorded first, so that a process that ends in between leaves a trace: the steps never run twice, and
    /// what ran half is not taken for the task. Nothing else changes the instance meanwhile.
    async fn run_preparation(
        &self,
        exercise: &Exercise,
        mode: BeginMode,
    ) -> Result<Baselines, Failure> {
        let Some(run) = self.run().filter(|_| !exercise.prepare.is_empty()) else {
            return self.baselines();
        };
        let lock = match self.app.lock_once(&self.lab.id) {
            Ok(lock) => lock,
            Err(LockError::InUse { .. }) if mode == BeginMode::IfPossible => {
                return self.baselines();
            }
            Err(error) => return Err(error.into()),
        };
        let process = rustix::process::getpid().as_raw_nonzero().get();
        let mut found = None;
        let known = self.update_baselines(&run, |baselines| {
            found = baselines.prepared.get(&exercise.id).copied();
            let prepared = &mut baselines.prepared;
            prepared
                .entry(exercise.id.clone())
                .or_insert(Preparation::Running { process });
        })?;
        match found {
            None => {}
            Some(Preparation::Done) => return Ok(known),
            // Who runs the steps holds the lock, and it was free.
            Some(Preparation::Running { .. })
                if mode == BeginMode::IfPossible && lock.is_some() =>
            {
                return self.update_baselines(&run, Baselines::end_interrupted);
            }
            Some(Preparation::Running { .. }) if mode == BeginMode::IfPossible => return Ok(known),
            Some(Preparation::Running { .. }) => {
                return Err(Failure::Step(runner::interrupted(&self.runner, exercise)));
            }
        }
        let _preparing = self.app.begin_preparing();
        let live = match self.run_preparation_steps(exercise).await {
            Ok(live) => live,
            Err(failure) => {
                self.update_baselines(&run, Baselines::end_interrupted)?;
                return Err(failure);
            }
        };
        let baseline = begin_exercise(&self.runner, &live, exercise, None).await;
        self.update_baselines(&run, |baselines| {
            let id = || exercise.id.clone();
            baselines.prepared.insert(id(), Preparation::Done);
            baselines.exercises.insert(id(), baseline);
        })
    }

    /// Runs the steps of `prepare`, and returns the services as they were observed for that: the steps may restart services,
    /// and what was observed before may be old.
    async fn run_preparation_steps(&self, exercise: &Exercise) -> Result<Live, Failure> {
        self.keep_files_before(&exercise.prepare).await?;
        let observed = self.runner.observe().await?;
        let mut live = Live::new(self.lab, observed, self.live.workspace.clone());
        runner::prepare(&self.runner, &mut live, exercise).await?;
        Ok(live)
    }

    /// Lets an exercise begin that has something to prepare, and observes the services again, which that may have stopped.
    pub async fn begin_prepared(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        if exercise.prepare.is_empty() {
            return Ok(());
        }
        drop(self.run_preparation(exercise, BeginMode::Required).await?);
        let observed = self.runner.observe().await?;
        let fresh = Live::new(self.lab, observed, self.live.workspace.clone());
        std::mem::replace(&mut self.live, fresh)
            .connections
            .close()
            .await;
        Ok(())
    }

    /// Lets an exercise begin whose `needs` were just solved: what their checks see may take a while to come.
    pub(super) async fn begin_once_needs_pass(&self, exercise: &Exercise) -> Result<(), Failure> {
        let known = self.baselines()?;
        if !known.awaits_beginning(exercise) {
            return Ok(());
        }
        let needs = exercise.needs.iter();
        let needs = needs.filter_map(|need| self.lab.exercise(need));
        let needs: Vec<&Exercise> = needs
            .filter(|need| matches!(need.task, Task::Practical { .. }))
            .filter(|need| self.live.is_available(need))
            .collect();
        let context = CheckContext {
            lang: &self.app.lang,
            answer: &|_| None,
            baselines: &known,
            undecided: Undecided::Await,
            report: &|_, _| (),
        };
        let results = check_exercises(&self.runner, &self.live, &needs, &context).await;
        self.begin(&[exercise], &results, known).await.map(drop)
    }

    /// Reads the baselines of the run.
    pub(super) fn baselines(&self) -> Result<Baselines, Failure> {
        let Some(run) = self.run() else {
            return Ok(Baselines::default());
        };
        Baselines::read(&self.app.paths.runs(), &run).map_err(|error| self.unreadable(&error))
    }

    /// Returns whether what the checks of an exercise see came from its played solution alone.
    pub(super) fn is_of_solution(
        &self,
        exercise: &Exercise,
        seen: &[Option<Actual>],
    ) -> Result<bool, Failure> {
        let by_solution = self
            .progress()?
            .stands_by_solution(&exercise.id, self.run().as_ref());
        let baselines = self.baselines()?;
        let after = baselines.after_solutions.get(&exercise.id);
        let changed = runner::changed(exercise.checks(), seen, after);
        Ok(by_solution && after.is_some() && changed == Changed::No)
    }

    /// Returns what the checks of all exercises see now.
    pub(super) async fn snapshots(&self) -> Baselines {
        snapshots(&self.runner, &self.live, &self.lab.exercises).await
    }

    /// Moves the baselines along with the solutions of `played`, which ran since `before`, and records those of exercises that
    /// can begin now.
    pub(super) async fn move_baselines(
        &self,
        before: &Baselines,
        played: &[&ExerciseId],
    ) -> Result<(), Failure> {
        let Some(run) = self.run() else {
            return Ok(());
        };
        let after = self.snapshots().await;
        let begun = self.update_baselines(&run, |baselines| {
            move_baselines(baselines, before, &after);
            for exercise in played {
                if let Some(seen) = after.exercises.get(*exercise) {
                    let exercise = (*exercise).clone();
                    baselines.after_solutions.insert(exercise, seen.clone());
                }
            }
        })?;
        self.begin_all(&run, begun).await
    }

    /// Returns the baselines for checking `exercises`. One of them that needs exercises which are not checked with it begins
    /// now, if those pass.
    pub(super) async fn baselines_for(
        &self,
        exercises: &[&Exercise],
    ) -> Result<Baselines, Failure> {
        let known = self.baselines()?;
        let checked: BTreeSet<&ExerciseId> = exercises.iter().map(|one| &one.id).collect();
        let alone = |exercise: &&&Exercise| {
            !exercise.needs.iter().all(|need| checked.contains(need)) || exercise.needs.is_empty()
        };
        let waiting = exercises
            .iter()
            .filter(|one| self.has_not_begun(one, &known));
        let waiting: Vec<&Exercise> = waiting.filter(alone).copied().collect();
        self.begin(&waiting, &[], known).await
    }

    /// Records the baselines of exercises that need those which just passed, and whose `needs` all pass now. Returns those whose
    /// checks can be judged only since then.
    pub(super) async fn begin_after(
        &self,
        results: &[ExerciseResult],
    ) -> Result<Vec<ExerciseId>, Failure> {
        let passed: BTreeSet<&ExerciseId> = results
            .iter()
            .filter(|result| result.passed())
            .map(|result| &result.exercise)
            .collect();
        if passed.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.baselines()?;
        let exercises = self.lab.exercises.iter();
        let waiting: Vec<&Exercise> = exercises
            .filter(|exercise| exercise.needs.iter().any(|need| passed.contains(need)))
            .filter(|exercise| self.has_not_begun(exercise, &known))
            .collect();
        let awaiting = waiting.iter().filter(|one| known.awaits_beginning(one));
        let awaiting: Vec<ExerciseId> = awaiting.map(|one| one.id.clone()).collect();
        let begun = self.begin(&waiting, results, known).await?;
        let judged = awaiting.into_iter();
        Ok(judged
            .filter(|id| begun.exercises.contains_key(id))
            .collect())
    }

    /// Records the baselines of those exercises whose `needs` all pass. What `results` show is not probed again.
    async fn begin(
        &self,
        exercises: &[&Exercise],
        results: &[ExerciseResult],
        known: Baselines,
    ) -> Result<Baselines, Failure> {
        let Some(run) = self.run().filter(|_| !exercises.is_empty()) else {
            return Ok(known);
        };
        let answers = self.right_answers()?;
        let mut begun = Baselines::default();
        for exercise in exercises {
            let mut passes = true;
            for need in &exercise.needs {
                let result = results.iter().find(|result| result.exercise == *need);
                passes = passes
                    && match (result, self.lab.exercise(need)) {
                        (Some(result), _) => result.passed(),
                        (None, _) if self.is_unavailable(need) || answers.contains(need) => true,
                        (None, Some(need)) => {
                            let baseline = known.exercises.get(&need.id);
                            !known.awaits_beginning(need)
                                && runner::passes(&self.runner, &self.live, need, baseline).await
                        }
                        (None, None) => false,
                    };
            }
            if passes && !exercise.prepare.is_empty() {
                let baselines = self
                    .run_preparation(exercise, BeginMode::IfPossible)
                    .await?;
                begun.exercises.extend(baselines.exercises);
            } else if passes {
                let mut probed = results.iter().filter(|_| !known.awaits_beginning(exercise));
                let result = probed.find(|result| result.exercise == exercise.id);
                let actuals = result.map(|result| result.actuals.as_slice());
                let baseline = begin_exercise(&self.runner, &self.live, exercise, actuals).await;
                begun.exercises.insert(exercise.id.clone(), baseline);
            }
        }
        if begun.exercises.is_empty() {
            return Ok(known);
        }
        self.update_baselines(&run, |baselines| {
            // What was seen before a reset is no baseline after it.
            if baselines.reset == known.reset {
                for (exercise, baseline) in begun.exercises {
                    baselines.exercises.entry(exercise).or_insert(baseline);
                }
            }
        })
    }

    /// Records the baselines that checks still lacked in `known`, by what they just saw.
    pub(super) fn keep_late_baselines(
        &self,
        known: &Baselines,
        results: &[ExerciseResult],
    ) -> Result<(), Failure> {
        let late = results.iter().filter_map(|result| {
            let checks = self.lab.exercise(&result.exercise)?.checks();
            let baseline = known.exercises.get(&result.exercise)?;
            let late = runner::late_baseline(baseline, checks, &result.actuals);
            (!late.is_empty()).then_some((&result.exercise, late))
        });
        let late: Vec<_> = late.collect();
        let Some(run) = self.run().filter(|_| !late.is_empty()) else {
            return Ok(());
        };
        self.update_baselines(&run, |baselines| {
            // What was seen before a reset or a played solution is no baseline after it.
            let same =
                |exercise| baselines.exercises.get(exercise) == known.exercises.get(exercise);
            let late: Vec<_> = late.into_iter().filter(|(one, _)| same(*one)).collect();
            if baselines.reset.is_some() {
                return;
            }
            for (exercise, late) in late {
                let baseline = baselines.exercises.entry(exercise.clone()).or_default();
                baseline.extend(late);
            }
        })?;
        Ok(())
    }

    /// Returns whether an exercise with checks has no baseline yet.
    fn has_not_begun(&self, exercise: &Exercise, known: &Baselines) -> bool {
        matches!(exercise.task, Task::Practical { .. })
            && self.live.is_available(exercise)
            && !known.exercises.contains_key(&exercise.id)
    }

    fn is_unavailable(&self, id: &ExerciseId) -> bool {
        let exercise = self.lab.exercise(id);
        exercise.is_some_and(|exercise| !self.live.is_available(exercise))
    }

    /// Returns the quizzes that were answered right.
    fn right_answers(&self) -> Result<BTreeSet<ExerciseId>, Failure> {
        let (progress, run) = (self.progress()?, self.run());
        let right = self.lab.exercises.iter().filter(|exercise| {
            let choice = progress.choice(exercise, run.as_ref());
            matches!(&exercise.task, Task::Quiz(quiz) if choice.as_ref() == Some(&quiz.answer))
        });
        Ok(right.map(|exercise| exercise.id.clone()).collect())
    }

    fn update_baselines(
        &self,
        run: &RunId,
        change: impl FnOnce(&mut Baselines),
    ) -> Result<Baselines, Failure> {
        let updated = Baselines::update(&self.app.paths.runs(), run, change);
        updated.map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &DocumentError) -> Failure {
        Failure::Environment(text!(
            "{reason}; `roadlab reset {lab}{instance}` writes it again",
            reason = error.text(),
            lab = self.lab.id,
            instance = self.app.instance_option()
        ))
    }
}

fn cannot_keep(error: &DocumentError) -> Failure {
    Failure::Environment(error.text())
}
