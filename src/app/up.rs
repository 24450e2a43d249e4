//! Starts labs.

use crate::app::{App, RunningLab};
use crate::engine::Engine;
use crate::event::{Event, Warning};
use crate::lab::Lab;
use crate::plan::Plan;
use crate::runner::{self, Expiry, Failure, Images, OnFailure, Runner, Up};
use crate::store::{Journal, Lifetime, Lock, Workspace};

/// How a lab is started.
#[derive(Debug, Clone, Copy)]
pub struct UpOptions {
    /// Whether the run outlives this process.
    pub lifetime: Lifetime,
    /// When the run is removed automatically.
    pub expiry: Expiry,
    pub on_failure: OnFailure,
}

/// A lab that was started.
pub struct Started<'a, E> {
    pub running: RunningLab<'a, E>,
    pub journal: Journal,
    /// Whether anything had to be created or started.
    pub changed: bool,
    /// Whether the lab had resources on the engine before.
    pub was_up: bool,
    /// Keeps other processes from changing this instance until it is dropped.
    pub lock: Lock,
}

impl App {
    /// Returns the plan that [`up`](Self::up) would execute.
    pub async fn plan<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        options: UpOptions,
    ) -> Result<Plan, Failure> {
        let _lock = self.lock(engine, &lab.id).await?;
        let runner = self.runner(engine, lab);
        let images = self.get_images(&runner).await?;
        let workspace = self.workspace(lab);
        let up = self.request(options, &images, workspace.as_ref());
        let observed = runner.observe().await?;
        let (plan, _) = runner::plan_up(&runner, &up, &observed).await?;
        Ok(plan)
    }

    /// Starts a lab and waits until its services are ready.
    pub async fn up<'a, E: Engine>(
        &'a self,
        engine: &'a E,
        lab: &'a Lab,
        options: UpOptions,
    ) -> Result<Started<'a, E>, Failure> {
        let lock = self.lock(engine, &lab.id).await?;
        let runner = self.runner(engine, lab);
        let images = self.get_images(&runner).await?;
        let was_up = !runner.observe().await?.is_empty();
        let workspace = self.workspace(lab);
        let done = self
            .start(&runner, options, &images, workspace.as_ref())
            .await?;
        Ok(Started {
            running: RunningLab {
                app: self,
                lab,
                runner,
                live: done.live,
                workspace,
            },
            journal: done.journal,
            changed: done.plan.changes(),
            was_up,
            lock,
        })
    }

    async fn start<E: Engine>(
        &self,
        runner: &Runner<'_, E>,
        options: UpOptions,
        images: &Images,
        workspace: Option<&Workspace>,
    ) -> Result<runner::UpResult, Failure> {
        let started = runner::up(runner, &self.request(options, images, workspace)).await;
        if started.is_err() && options.on_failure == OnFailure::Retain {
            let name = format!("{}{}", runner.lab.id, self.instance_option());
            self.emit(Event::Warning(Warning::ContainersRetained { name }));
        }
        started
    }

    pub(super) fn request<'r>(
        &'r self,
        options: UpOptions,
        images: &'r Images,
        workspace: Option<&'r Workspace>,
    ) -> Up<'r> {
        Up {
            images,
            workspace,
            life: options.lifetime,
            on_failure: options.on_failure,
            ends: options.expiry,
            run_guard: &self.run_guard,
        }
    }
}
