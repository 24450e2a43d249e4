//! An instance of a lab in which a test plays: with its own name and its files in a temporary folder, removed afterwards.

use tempfile::TempDir;

use crate::app::{App, InitialData, UpOptions};
use crate::engine::Engine;
use crate::lab::Instance;
use crate::plan::Scope;
use crate::runner::{
    self, Expiry, Failure, Images, OnFailure, Runner, SweepMode, UpResult, teardown,
};
use crate::store::{Journal, Lifetime, Workspace};
use crate::text;

/// What becomes of a test's instance at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtEnd {
    Remove,
    Keep,
}

impl AtEnd {
    pub(super) fn of(keep: bool) -> Self {
        match keep {
            true => Self::Keep,
            false => Self::Remove,
        }
    }
}

/// An instance that a test starts and removes.
pub(super) struct TestInstance<'a, E> {
    app: &'a App,
    runner: &'a Runner<'a, E>,
    at_end: AtEnd,
    folder: TempDir,
    workspace: Option<Workspace>,
}

impl App {
    /// Returns the name of a test's instance: that of this application, if it has one, and the number of the process.
    pub(super) fn test_instance_name(&self, number: usize) -> Result<Instance, Failure> {
        let process = std::process::id();
        let name = match self.instance.is_main() {
            true => format!("test-{process}"),
            false => format!("{}-test-{process}", self.instance),
        };
        let name = match number {
            1 => name,
            number => format!("{name}-{number}"),
        };
        Instance::new(&name).map_err(|error| {
            Failure::Usage(text!(
                "cannot name an instance `{name}`: {reason}",
                name,
                reason = error
            ))
        })
    }
}

impl<'a, E: Engine> TestInstance<'a, E> {
    /// Creates the folder for the files of the instance of a runner. Nothing is started yet.
    pub(super) fn new(
        app: &'a App,
        runner: &'a Runner<'a, E>,
        at_end: AtEnd,
    ) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|error| {
            Failure::Environment(text!(
                "cannot create a temporary folder: {reason}",
                reason = error
            ))
        })?;
        let workspace = Workspace::below(folder.path(), runner.lab, runner.instance);
        Ok(Self {
            app,
            runner,
            at_end,
            workspace: workspace.map(Workspace::of_a_test),
            folder,
        })
    }

    /// Returns the files of the instance, if its lab has a workspace.
    pub(super) fn workspace(&self) -> Option<&Workspace> {
        self.workspace.as_ref()
    }

    /// Starts the instance, or leaves nothing of it behind.
    pub(super) async fn start(&self, images: &Images) -> Result<UpResult, Failure> {
        let options = UpOptions {
            lifetime: match self.at_end {
                AtEnd::Keep => Lifetime::Persistent,
                AtEnd::Remove => Lifetime::Process,
            },
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::TearDown,
            initial_data: InitialData::Copied,
        };
        let request = self.app.request(options, images, self.workspace());
        let mut started = runner::up(self.runner, &request).await?;
        runner::keep_started(&request, &mut started.journal)?;
        Ok(started)
    }

    /// Removes the instance, unless it is to be kept; its workspace is part of what is kept.
    ///
    /// # Errors
    /// What is left then is removed when the program ends.
    pub(super) async fn end(self, journal: &Journal) -> Result<(), Failure> {
        if self.at_end == AtEnd::Keep {
            if self.workspace.is_some() {
                let _ = self.folder.keep();
            }
            return Ok(());
        }
        let Runner {
            engine,
            lab,
            instance,
            emit,
            ..
        } = self.runner;
        let scope = Scope::instance(&self.app.owner, &lab.id, instance);
        teardown(*engine, &scope, SweepMode::Once, *emit).await?;
        self.app.run_guard.forget(&journal.run);
        Ok(())
    }
}
