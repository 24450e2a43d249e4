//! Plays one answer to an exercise in an instance of its own, to see what the checks make of it.

use crate::app::{App, UpOptions, find_exercise};
use crate::engine::Engine;
use crate::event::PlayedAnswer;
use crate::lab::{Instance, Lab};
use crate::plan::Scope;
use crate::runner::{
    self, Expiry, Failure, OnFailure, PlayRequest, Proof, Runner, SweepMode, teardown,
};
use crate::store::{Lifetime, Workspace};
use crate::text;

/// The answer to play.
#[derive(Debug)]
pub struct SingleAnswer<'a> {
    pub exercise: &'a str,
    /// `solution`, `without-2`, the name of an answer, or the number of a wrong one.
    pub answer: &'a str,
    /// Whether the instance stays up afterwards, in the state that the answer left.
    pub keep: bool,
}

/// The result of an answer.
#[derive(Debug)]
pub struct SingleAnswerReport {
    pub proof: Proof,
    /// The instance that was kept.
    pub kept: Option<Instance>,
}

impl App {
    /// Plays an answer and removes the instance, also if that fails, unless it is to be kept.
    pub async fn play_answer<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        wanted: &SingleAnswer<'_>,
        show: &dyn Fn(&PlayedAnswer),
    ) -> Result<SingleAnswerReport, Failure> {
        let trial = self.trial(lab)?;
        let request = PlayRequest {
            exercise: find_exercise(lab, wanted.exercise)?,
            trial: &trial,
            answer: Some(wanted.answer),
            show,
        };
        request
            .check()
            .map_err(|problem| Failure::Problems(vec![problem]))?;
        self.require_trusted_memory(lab)?;
        let instance = Instance::new(&format!("test-{}", std::process::id()))
            .expect("`test-` and a number are a name");
        let runner = Runner {
            instance: &instance,
            ..self.runner(engine, lab)
        };
        let images = self.get_images(&runner).await?;
        let folder = tempfile::tempdir().map_err(|error| {
            Failure::Environment(text!(
                "cannot create a temporary folder: {reason}",
                reason = error
            ))
        })?;
        let workspace = Workspace::below(folder.path(), lab, &instance);
        let workspace = workspace.map(Workspace::of_a_test);
        let up = UpOptions {
            lifetime: match wanted.keep {
                true => Lifetime::Persistent,
                false => Lifetime::Process,
            },
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::TearDown,
        };
        let done = runner::up(&runner, &self.request(up, &images, workspace.as_ref())).await?;
        let mut live = done.live;
        let proof = match live.is_available(request.exercise) {
            true => runner::play(&runner, &mut live, workspace.as_ref(), request).await,
            false => Err(Failure::Environment(text!(
                "exercise `{exercise}` needs a service that is unavailable",
                exercise = request.exercise.id
            ))),
        };
        live.connections.close().await;
        if wanted.keep {
            // The workspace is part of what is kept.
            let _ = folder.keep();
        } else {
            let scope = Scope::instance(&self.owner, &lab.id, &instance);
            teardown(engine, &scope, SweepMode::Once, runner.emit).await?;
            self.run_guard.forget(&done.journal.run);
        }
        Ok(SingleAnswerReport {
            proof: proof?,
            kept: wanted.keep.then_some(instance),
        })
    }
}
