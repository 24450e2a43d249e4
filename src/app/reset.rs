//! Resets labs.

use crate::app::{App, InitialData, RunningLab, UpOptions};
use crate::engine::Engine;
use crate::lab::{Exercise, Lab};
use crate::plan::Scope;
use crate::runner::{self, Expiry, Failure, OnFailure, SweepMode, teardown};
use crate::store::{KeptFile, Lifetime, PlayReason, Progress, Workspace};
use crate::text;

/// How a lab is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetKind {
    /// The steps of `start` run again in the containers that are there.
    RunStart,
    /// Containers, networks and volumes are removed and created again.
    Recreate,
}

/// What a reset did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetReport {
    /// The number of exercises whose solutions ran.
    pub solutions_run: usize,
    /// The learner's versions of files that were put back.
    pub kept: Vec<KeptFile>,
}

impl App {
    /// Resets a running lab to its start, or to where an exercise begins by running the solutions of those before it. The
    /// learner's progress stays.
    pub async fn reset<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        to: Option<&Exercise>,
        kind: ResetKind,
    ) -> Result<ResetReport, Failure> {
        let _lock = self.lock(engine, &lab.id).await?;
        // Progress that cannot be read could not record the reset afterwards.
        self.progress(&lab.id)?;
        let mut running = self.running(engine, lab).await?;
        if kind == ResetKind::Recreate {
            self.require_no_session(&running)?;
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
        let kept = match kind {
            ResetKind::RunStart => running.reset_services(to).await?,
            ResetKind::Recreate => {
                let kept = self.recreate(&mut running).await?;
                running.begin_reset(to)?;
                kept
            }
        };
        let available = before.iter().copied();
        let solutions_run: Vec<&Exercise> = available
            .filter(|exercise| running.live.is_available(exercise))
            .collect();
        running
            .play_solutions(&solutions_run, PlayReason::Preparation)
            .await?;
        if let Some(to) = to.filter(|to| running.live.is_available(to)) {
            running.begin_prepared(to).await?;
        }
        running.end_reset()?;
        Ok(ResetReport {
            solutions_run: solutions_run.len(),
            kept,
        })
    }

    /// Refuses a lab that a session may remove at its end: the session would not know the run that replaces it.
    fn require_no_session<E: Engine>(&self, running: &RunningLab<'_, E>) -> Result<(), Failure> {
        let lab = &running.lab.id;
        let journal = self.journal(lab, &running.live.observed)?;
        match journal.is_some_and(|journal| journal.life == Lifetime::Process) {
            false => Ok(()),
            true => Err(Failure::Environment(text!(
                "a session owns `{lab}` and may remove it at its end: leave that session with `q` and keep the lab, then run this command again",
                lab = self.lab_argument(lab)
            ))),
        }
    }

    /// Removes everything of a running lab and starts it again; when it expires stays the same.
    async fn recreate<E: Engine>(
        &self,
        running: &mut RunningLab<'_, E>,
    ) -> Result<Vec<KeptFile>, Failure> {
        let (runner, lab) = (&running.runner, running.lab);
        // A lab whose images are missing could not be created again.
        let images = self.get_images(runner).await?;
        let journal = self.journal(&lab.id, &running.live.observed)?;
        if let Some(journal) = &journal {
            self.run_guard.end(journal);
        }
        let scope = Scope::instance(&self.owner, &lab.id, &self.instance);
        teardown(runner.engine, &scope, SweepMode::Once, runner.emit).await?;
        if let Some(journal) = &journal {
            self.run_guard.forget(&journal.run);
        }
        // The services no longer hold what the learner did, whether or not they start again.
        self.update_progress(&lab.id, Progress::clear_run)?;
        let workspace = running.workspace.clone();
        let workspace = workspace.as_ref();
        let kept = match workspace {
            Some(workspace) => {
                let observed = &running.live.observed;
                self.with_own_files(runner, observed, workspace, Workspace::restore)
                    .await?
            }
            None => Vec::new(),
        };
        self.report_kept(&kept);
        let options = UpOptions {
            lifetime: Lifetime::Persistent,
            expiry: match journal.and_then(|journal| journal.until) {
                Some(until) => Expiry::At(until),
                None => Expiry::Unchanged,
            },
            on_failure: OnFailure::TearDown,
            initial_data: InitialData::Copied,
        };
        let request = self.request(options, &images, workspace);
        let done = runner::up(runner, &request).await?;
        let mut journal = done.journal;
        running.live = done.live;
        running.finish_start(&request, &mut journal, true).await?;
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::app;
    use crate::engine::{ErrorKind, Fake};
    use crate::lab::testing::{COMPOSE, lab};

    /// Returns a lab that runs.
    async fn started(app: &App) -> (Fake, Lab) {
        let engine = Fake::with_images(&["redis:8.0"]);
        let lab = lab(COMPOSE);
        let options = UpOptions {
            lifetime: Lifetime::Persistent,
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::TearDown,
            initial_data: InitialData::Copied,
        };
        drop(app.up(&engine, &lab, options).await.unwrap());
        (engine, lab)
    }

    #[tokio::test]
    async fn unreadable_progress_ends_a_reset_before_anything_changes() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let (engine, lab) = started(&app).await;
        app.update_progress(&lab.id, |_| {}).unwrap();
        let file = format!("{}@main.json", lab.id);
        std::fs::write(app.paths.progress().join(file), "{").unwrap();
        assert!(app.progress(&lab.id).is_err());
        let before = engine.calls.borrow().len();
        for kind in [ResetKind::RunStart, ResetKind::Recreate] {
            assert!(app.reset(&engine, &lab, None, kind).await.is_err());
        }
        let calls = engine.calls.borrow();
        let changes = calls[before..]
            .iter()
            .filter(|call| call.contains("remove"));
        assert_eq!(changes.count(), 0, "{calls:?}");
    }

    #[tokio::test]
    async fn the_lab_of_a_session_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let engine = Fake::with_images(&["redis:8.0"]);
        let lab = lab(COMPOSE);
        let options = UpOptions {
            lifetime: Lifetime::Process,
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::TearDown,
            initial_data: InitialData::Copied,
        };
        drop(app.up(&engine, &lab, options).await.unwrap());
        let before = engine.calls.borrow().len();
        let reset = app.reset(&engine, &lab, None, ResetKind::Recreate).await;
        let refused = reset.unwrap_err().to_string();
        assert!(refused.starts_with("a session owns `small`"), "{refused}");
        let calls = engine.calls.borrow();
        let removals = calls[before..]
            .iter()
            .filter(|call| call.contains("remove"));
        assert_eq!(removals.count(), 0, "{calls:?}");
    }

    #[tokio::test]
    async fn progress_stays_even_if_the_lab_does_not_start_again() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let (engine, lab) = started(&app).await;
        let solved = &lab.exercises[0].id;
        let before = app.update_progress(&lab.id, |progress| progress.solve(solved));
        engine.only_fail(&["create container"]);
        let calls = engine.calls.borrow().len();
        (calls..calls + 20).for_each(|call| engine.fail_at(call, ErrorKind::DiskFull));
        let reset = app.reset(&engine, &lab, None, ResetKind::Recreate).await;
        assert!(reset.is_err());
        assert_eq!(app.progress(&lab.id).unwrap(), before.unwrap());
    }
}
