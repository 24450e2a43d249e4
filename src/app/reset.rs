//! Resets labs.

use crate::app::{App, RunningLab, UpOptions};
use crate::engine::Engine;
use crate::lab::{Exercise, Lab, Task};
use crate::plan::Scope;
use crate::runner::{self, Expiry, Failure, OnFailure, SweepMode, teardown};
use crate::store::{Journal, Lifetime, SolvedBy};

/// How a lab is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetKind {
    /// The steps of `start` run again in the containers that are there.
    RunStart,
    /// Containers, networks and volumes are removed and created again.
    Recreate,
}

/// What a reset did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetReport {
    /// The number of exercises whose solutions ran.
    pub solutions_run: usize,
}

impl App {
    /// Resets a running lab to its start, or to where an exercise begins by running the solutions of those before it. The
    /// learner's progress is reset with it.
    pub async fn reset<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        to: Option<&Exercise>,
        kind: ResetKind,
    ) -> Result<ResetReport, Failure> {
        let _lock = self.lock(engine, &lab.id).await?;
        let mut running = self.running(engine, lab).await?;
        match kind {
            ResetKind::RunStart => {
                let workspace = running.workspace.as_ref();
                runner::reset(&running.runner, &mut running.live, workspace).await?;
            }
            ResetKind::Recreate => self.recreate(&mut running).await?,
        }
        let before: Vec<&Exercise> = match to {
            None => Vec::new(),
            Some(to) => {
                let exercises = lab.exercises.iter();
                exercises
                    .take_while(|exercise| exercise.id != to.id)
                    .collect()
            }
        };
        let available = before.iter().copied();
        let solutions_run: Vec<&Exercise> = available
            .filter(|exercise| running.live.is_available(exercise))
            .collect();
        running.run_solutions(&solutions_run).await?;
        self.update_progress(&lab.id, |progress| {
            let keep: Vec<_> = before.iter().map(|exercise| &exercise.id).collect();
            progress.restart(&keep);
            for exercise in &solutions_run {
                progress.finish(&exercise.id, SolvedBy::Solution);
                if let Task::Quiz(quiz) = &exercise.task {
                    let answer = progress.answers.entry(exercise.id.clone());
                    answer.or_insert_with(|| quiz.answer.clone());
                }
            }
        })?;
        Ok(ResetReport {
            solutions_run: solutions_run.len(),
        })
    }

    /// Removes everything of a running lab and starts it again; when it expires stays the same.
    async fn recreate<E: Engine>(&self, running: &mut RunningLab<'_, E>) -> Result<(), Failure> {
        let (runner, lab) = (&running.runner, running.lab);
        // A lab whose images are missing could not be created again.
        let images = self.get_images(runner).await?;
        let journal = Journal::find(self.run_guard.folder(), &lab.id, &self.instance);
        if let Some(journal) = &journal {
            self.run_guard.end(journal);
        }
        let scope = Scope::instance(&self.owner, &lab.id, &self.instance);
        teardown(runner.engine, &scope, SweepMode::Once, runner.emit).await?;
        if let Some(journal) = &journal {
            self.run_guard.forget(&journal.run);
        }
        let workspace = running.workspace.as_ref();
        if let Some(workspace) = workspace {
            workspace.restore()?;
        }
        let options = UpOptions {
            lifetime: Lifetime::Persistent,
            expiry: match journal.and_then(|journal| journal.until) {
                Some(until) => Expiry::At(until),
                None => Expiry::Unchanged,
            },
            on_failure: OnFailure::TearDown,
        };
        let request = self.request(options, &images, workspace);
        running.live = runner::up(runner, &request).await?.live;
        Ok(())
    }
}
