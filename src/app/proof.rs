//! Proves labs, each in a fresh instance that is removed afterwards.

use std::time::Instant;

use crate::app::{App, UpOptions};
use crate::engine::Engine;
use crate::lab::{ExerciseId, Instance, Lab};
use crate::plan::Scope;
use crate::runner::{self, Expiry, Failure, OnFailure, Proof, Runner, SweepMode, prove, teardown};
use crate::store::{Lifetime, Workspace};
use crate::text;

/// The proof of one lab.
#[derive(Debug, Clone)]
pub struct ProofReport {
    pub proof: Proof,
    /// The exercises that were left out because a service that they need is unavailable.
    pub not_run: Vec<ExerciseId>,
    /// Milliseconds until the lab was ready.
    pub ready_millis: u64,
    /// Milliseconds for everything.
    pub millis: u64,
}

impl App {
    /// Proves a lab in an instance of its own and removes the instance, also if the proof fails.
    pub async fn prove<E: Engine>(&self, engine: &E, lab: &Lab) -> Result<ProofReport, Failure> {
        self.require_trusted_memory(lab)?;
        let started = Instant::now();
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
        let options = UpOptions {
            lifetime: Lifetime::Process,
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::TearDown,
        };
        let up_started = Instant::now();
        let request = self.request(options, &images, workspace.as_ref());
        let done = runner::up(&runner, &request).await?;
        let mut live = done.live;
        let ready_millis = up_started.elapsed().as_millis() as u64;
        let exercises = lab.exercises.iter();
        let unavailable = exercises.filter(|exercise| !live.is_available(exercise));
        let not_run = unavailable.map(|exercise| exercise.id.clone()).collect();
        let proof = prove(&runner, &mut live, workspace.as_ref()).await;
        let scope = Scope::instance(&self.owner, &lab.id, &instance);
        teardown(engine, &scope, SweepMode::Once, runner.emit).await?;
        self.run_guard.forget(&done.journal.run);
        Ok(ProofReport {
            proof: proof?,
            not_run,
            ready_millis,
            millis: started.elapsed().as_millis() as u64,
        })
    }
}
