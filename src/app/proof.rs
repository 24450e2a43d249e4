//! Proves labs, each in a fresh instance that is removed afterwards.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::app::{App, UpOptions, find_exercise};
use crate::engine::Engine;
use crate::lab::{ExerciseId, Instance, Lab, Trial, load_trial};
use crate::plan::Scope;
use crate::runner::{
    self, Expiry, Failure, OnFailure, Proof, ProofRequest, Runner, SweepMode, prove, teardown,
};
use crate::store::{Lifetime, OsFs, Workspace};
use crate::text;

/// What a proof covers, and what is left of it.
#[derive(Debug, Clone, Default)]
pub struct ProofOptions {
    /// The names of the exercises; all if there are none.
    pub only: Vec<String>,
    /// Whether the instance stays up afterwards.
    pub keep: bool,
}

/// The proof of one lab.
#[derive(Debug, Clone)]
pub struct ProofReport {
    pub proof: Proof,
    /// The exercises that were left out because a service that they need is unavailable.
    pub not_run: Vec<ExerciseId>,
    /// The instance that was kept.
    pub kept: Option<Instance>,
    /// Milliseconds until the lab was ready.
    pub ready_millis: u64,
    /// Milliseconds for everything.
    pub millis: u64,
}

impl App {
    /// Reads the answers of a lab's `trial.yaml`.
    pub fn trial(&self, lab: &Lab) -> Result<Trial, Failure> {
        load_trial(lab, &OsFs).map_err(Failure::Problems)
    }

    /// Proves a lab in an instance of its own and removes the instance, also if the proof fails, unless it is to be kept.
    pub async fn prove<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        options: &ProofOptions,
    ) -> Result<ProofReport, Failure> {
        let trial = self.trial(lab)?;
        let only = options.only.iter();
        let only = only.map(|name| Ok(find_exercise(lab, name)?.id.clone()));
        let only = only.collect::<Result<BTreeSet<ExerciseId>, Failure>>()?;
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
        let up = UpOptions {
            lifetime: match options.keep {
                true => Lifetime::Persistent,
                false => Lifetime::Process,
            },
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::TearDown,
        };
        let up_started = Instant::now();
        let request = self.request(up, &images, workspace.as_ref());
        let done = runner::up(&runner, &request).await?;
        let mut live = done.live;
        let ready_millis = up_started.elapsed().as_millis() as u64;
        let exercises = lab.exercises.iter();
        let unavailable = exercises.filter(|exercise| !live.is_available(exercise));
        let not_run = unavailable.map(|exercise| exercise.id.clone()).collect();
        let request = ProofRequest {
            trial: &trial,
            only: &only,
        };
        let proof = prove(&runner, &mut live, workspace.as_ref(), request).await;
        if options.keep {
            // The workspace is part of what is kept.
            let _ = folder.keep();
        } else {
            let scope = Scope::instance(&self.owner, &lab.id, &instance);
            teardown(engine, &scope, SweepMode::Once, runner.emit).await?;
            self.run_guard.forget(&done.journal.run);
        }
        Ok(ProofReport {
            proof: proof?,
            not_run,
            kept: options.keep.then(|| instance.clone()),
            ready_millis,
            millis: started.elapsed().as_millis() as u64,
        })
    }
}
