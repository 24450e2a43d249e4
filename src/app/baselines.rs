//! What the checks of exercises saw when the exercises began, kept with the run.

use std::collections::BTreeSet;

use crate::app::RunningLab;
use crate::engine::Engine;
use crate::expect::Actual;
use crate::lab::{Exercise, ExerciseId, RunId, Task};
use crate::runner::{
    self, Changed, ExerciseResult, Failure, begin_exercise, move_baselines, record_baselines,
    snapshots,
};
use crate::store::{Baselines, DocumentError};
use crate::text;

impl<E: Engine> RunningLab<'_, E> {
    /// Records what the checks of the exercises that can begin now see, in place of all earlier baselines.
    pub(super) async fn record_baselines(&self) -> Result<(), Failure> {
        let Some(run) = self.run() else {
            return Ok(());
        };
        let mut baselines = Baselines::default();
        let answers = self.right_answers()?;
        let passes = |id: &ExerciseId| answers.contains(id) || self.is_unavailable(id);
        record_baselines(&self.runner, &self.live, &mut baselines, &passes).await;
        let written = baselines.replace(&self.app.paths.runs(), &run);
        written.map_err(|error| cannot_keep(&error))
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
        let answers = self.right_answers()?;
        let passes = |id: &ExerciseId| answers.contains(id) || self.is_unavailable(id);
        let mut begun = self.baselines()?;
        move_baselines(&mut begun, before, &after);
        record_baselines(&self.runner, &self.live, &mut begun, &passes).await;
        self.update_baselines(&run, |baselines| {
            move_baselines(baselines, before, &after);
            for exercise in played {
                if let Some(seen) = after.exercises.get(*exercise) {
                    let exercise = (*exercise).clone();
                    baselines.after_solutions.insert(exercise, seen.clone());
                }
            }
            for (exercise, baseline) in begun.exercises {
                baselines.exercises.entry(exercise).or_insert(baseline);
            }
        })?;
        Ok(())
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

    /// Records the baselines of exercises that need those which just passed, and whose `needs` all pass now.
    pub(super) async fn begin_after(&self, results: &[ExerciseResult]) -> Result<(), Failure> {
        let passed: BTreeSet<&ExerciseId> = results
            .iter()
            .filter(|result| result.passed())
            .map(|result| &result.exercise)
            .collect();
        if passed.is_empty() {
            return Ok(());
        }
        let known = self.baselines()?;
        let exercises = self.lab.exercises.iter();
        let waiting: Vec<&Exercise> = exercises
            .filter(|exercise| exercise.needs.iter().any(|need| passed.contains(need)))
            .filter(|exercise| self.has_not_begun(exercise, &known))
            .collect();
        self.begin(&waiting, results, known).await?;
        Ok(())
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
                            runner::passes(&self.runner, &self.live, need, baseline).await
                        }
                        (None, None) => false,
                    };
            }
            if passes {
                let result = results.iter().find(|result| result.exercise == exercise.id);
                let actuals = result.map(|result| result.actuals.as_slice());
                let baseline = begin_exercise(&self.runner, &self.live, exercise, actuals).await;
                begun.exercises.insert(exercise.id.clone(), baseline);
            }
        }
        if begun.exercises.is_empty() {
            return Ok(known);
        }
        self.update_baselines(&run, |baselines| {
            for (exercise, baseline) in begun.exercises {
                baselines.exercises.entry(exercise).or_insert(baseline);
            }
        })
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
