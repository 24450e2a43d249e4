//! The learner's folder of a running lab: kept, put back, and given back to the learner.

use std::collections::BTreeSet;

use crate::app::{App, RunningLab};
use crate::engine::Engine;
use crate::event::{Event, Warning};
use crate::lab::{Mount, RestartMode, Service, ServiceName, Step};
use crate::plan::Observed;
use crate::runner::{self, Failure, PullPolicy, Runner, own_files};
use crate::store::{KeptFile, UnreachableRegistries, Workspace, WorkspaceError};

impl App {
    /// Does something with a workspace. Where that is denied because a container made files as another user, the engine gives
    /// them to the learner first.
    pub(super) async fn with_own_files<E: Engine, T>(
        &self,
        runner: &Runner<'_, E>,
        observed: &Observed,
        workspace: &Workspace,
        act: impl Fn(&Workspace) -> Result<T, WorkspaceError>,
    ) -> Result<T, Failure> {
        match act(workspace) {
            Err(denied @ WorkspaceError::Denied { .. }) => {
                // If that fails, the first error says what to do.
                match self.own_workspace(runner, observed, &workspace.path).await {
                    Ok(()) => Ok(act(workspace)?),
                    Err(_) => Err(denied.into()),
                }
            }
            done => Ok(done?),
        }
    }

    async fn own_workspace<E: Engine>(
        &self,
        runner: &Runner<'_, E>,
        observed: &Observed,
        folder: &std::path::Path,
    ) -> Result<(), Failure> {
        let mut unreachable = UnreachableRegistries::read(&self.paths.state);
        let images = runner::get_images(
            runner,
            PullPolicy::LocalOnly,
            &mut unreachable,
            &self.image_builder(runner.lab),
        )
        .await?;
        let mounts = |service: &&Service| {
            let mut mounts = service.mounts.iter();
            mounts.any(|mount| matches!(mount, Mount::Workspace { .. }))
        };
        let services = runner.lab.services.values().filter(mounts);
        let mut found = services.filter_map(|service| {
            let image = images.found.get(&service.name)?;
            Some((service, image))
        });
        let Some((service, image)) = found.next() else {
            return Err(Failure::Other(anyhow::anyhow!("no image")));
        };
        let run_labels = runner::run_labels(runner, self.run_guard.folder(), observed)?;
        own_files(runner, &run_labels, service, image, folder).await
    }

    /// Reports the files of the learner that were kept beside those of the lab.
    pub(super) fn report_kept(&self, kept: &[KeptFile]) {
        for file in kept {
            self.emit(Event::Warning(Warning::FileKept {
                file: file.file.display().to_string(),
                kept: file.kept.display().to_string(),
            }));
        }
    }
}

impl<E: Engine> RunningLab<'_, E> {
    /// Puts the lab's files in the learner's folder back to the lab's version, and reports which files of the learner were kept
    /// beside them. Services that still use an earlier folder are restarted.
    pub async fn put_back_files(&mut self) -> Result<Vec<KeptFile>, Failure> {
        let Some(workspace) = self.workspace.clone() else {
            return Ok(Vec::new());
        };
        let observed = &self.live.observed;
        let restore = Workspace::restore;
        let kept = self
            .app
            .with_own_files(&self.runner, observed, &workspace, restore)
            .await?;
        self.remount().await?;
        Ok(kept)
    }

    /// Creates the learner's folder if it is missing, and restarts services that still use an earlier one.
    pub(super) async fn make_workspace(&mut self) -> Result<(), Failure> {
        let Some(workspace) = self.workspace.clone() else {
            return Ok(());
        };
        let observed = &self.live.observed;
        let kept = self
            .app
            .with_own_files(&self.runner, observed, &workspace, Workspace::make)
            .await?;
        self.app.report_kept(&kept);
        self.remount().await
    }

    /// Keeps copies of the learner's files that steps change.
    pub(super) async fn keep_files_before(&self, steps: &[Step]) -> Result<(), Failure> {
        let Some(workspace) = &self.workspace else {
            return Ok(());
        };
        let keep = |workspace: &Workspace| workspace.keep_before(steps);
        let observed = &self.live.observed;
        let kept = self
            .app
            .with_own_files(&self.runner, observed, workspace, keep)
            .await?;
        self.app.report_kept(&kept);
        Ok(())
    }

    /// Renames the learner's own files in the folder, which services may read beside those of the lab.
    pub(super) async fn set_own_files_aside(&self) -> Result<Vec<KeptFile>, Failure> {
        let Some(workspace) = &self.workspace else {
            return Ok(Vec::new());
        };
        let observed = &self.live.observed;
        let set_aside = Workspace::set_own_aside;
        self.app
            .with_own_files(&self.runner, observed, workspace, set_aside)
            .await
    }

    /// Moves files of the learner that were put aside back to their places.
    pub fn move_back_files(&self, kept: &[KeptFile]) -> Result<(), Failure> {
        match &self.workspace {
            Some(workspace) if !kept.is_empty() => Ok(workspace.move_back(kept)?),
            _ => Ok(()),
        }
    }

    /// Restarts the services whose mounts lead to a folder or file that is no longer the one at its path: a container keeps
    /// what it mounted when it started.
    async fn remount(&mut self) -> Result<(), Failure> {
        let Some(workspace) = &self.workspace else {
            return Ok(());
        };
        let mounted = workspace.mounted();
        let path = workspace.path.to_str().map(str::to_owned);
        let run = self.run();
        let mut stale = BTreeSet::new();
        let progress = self.progress()?;
        if let Some(before) = progress.mounted_in(run.as_ref()) {
            let changed = mounted
                .iter()
                .filter(|(part, id)| before.get(*part) != Some(*id));
            let services = changed.filter_map(|(part, _)| part.split(':').next());
            stale.extend(services.filter_map(|name| ServiceName::new(name).ok()));
        }
        stale.retain(|service| {
            self.live.runs(service) && !crate::plan::completes(self.lab, service)
        });
        let stale: Vec<ServiceName> = stale.into_iter().collect();
        for service in &stale {
            self.app.emit(Event::Warning(Warning::FolderReplaced {
                service: service.to_string(),
            }));
        }
        runner::restart(&self.runner, &mut self.live, &stale, RestartMode::Stop).await?;
        self.app.update_progress(&self.lab.id, |progress| {
            progress.record_workspace(path, run.as_ref(), mounted);
        })?;
        Ok(())
    }
}
