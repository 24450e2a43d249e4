//! Fills new volumes with what they held when the services of the lab were ready for the first time, and copies them then.
//!
//! A copy is made while all services are paused: what the volumes hold is what they would hold if the services had been
//! killed, which is a state that services with `warm_start` start from.

use std::cell::Cell;
use std::fs::File;
use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::{Engine, EngineError, ErrorKind};
use crate::event::{Event, Warning};
use crate::lab::{Lab, ServiceName};
use crate::plan::{
    ContainerSpec, CopiedVolume, CopiedVolumes, InitialFiles, MountSpec, Observed, Running,
};
use crate::runner::{Failure, Images, Live, Runner};
use crate::store::{
    MAX_COPIES, MAX_COPY, UnfinishedCopy, VolumeCopies, VolumeCopy, Workspace, folder_digest,
    mounted_digests,
};
use crate::text;
use crate::text::Text;

/// Whether new volumes were filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    Yes,
    No,
}

/// Whether volumes were copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    Yes,
    No,
}

/// The copies that a start uses, and the copy that it may use itself.
pub(super) struct StartingData<'a> {
    copies: &'a VolumeCopies,
    copied: CopiedVolumes,
    found: Option<VolumeCopy>,
    /// Whether the copy that was found could not be used.
    failed: Cell<bool>,
}

impl<'a> StartingData<'a> {
    /// Finds the copy for a lab; `None` if it has nothing to copy. The learner's files are there already.
    pub(super) fn find(
        lab: &Lab,
        images: &Images,
        workspace: Option<&Workspace>,
        copies: &'a VolumeCopies,
    ) -> Option<Self> {
        if !lab.services.values().any(|one| one.interface.warm_start) {
            return None;
        }
        let workspace = match workspace {
            Some(workspace) => folder_digest(&workspace.path)?,
            None => String::new(),
        };
        let files = InitialFiles {
            mounted: &mounted_digests(lab),
            workspace: &workspace,
        };
        let copied = CopiedVolumes::of(lab, &images.found, files)?;
        let found = copies.find(&copied.key).filter(|copy| {
            let has = |one: &CopiedVolume| copy.volumes().any(|name| name == one.name);
            copy.is_rejected() || copied.volumes.iter().all(has)
        });
        Some(Self {
            copies,
            copied,
            found,
            failed: Cell::new(false),
        })
    }

    /// Fills the volumes of containers that were created and never started. If that fails, the copy is removed, and containers
    /// and volumes are created again, empty. `created` gives the id and the specification of a service's container, and
    /// `replace` changes them.
    pub(super) async fn fill<E: Engine>(
        &self,
        runner: &Runner<'_, E>,
        created: &dyn Fn(&ServiceName) -> Option<(String, ContainerSpec)>,
        replace: &dyn Fn(&ServiceName, String),
    ) -> Result<Filled, Failure> {
        let Some(copy) = self.found.as_ref().filter(|copy| !copy.is_rejected()) else {
            return Ok(Filled::No);
        };
        let filled = self.copied.volumes.iter().map(async |volume| {
            let (id, _) = created(&volume.service).ok_or_else(|| no_container(&volume.service))?;
            let file = copy.file(&volume.name);
            runner.engine.load_folder(&id, &volume.target, &file).await
        });
        let failed = join_all(filled).await.into_iter().find_map(Result::err);
        let Some(error) = failed else {
            return Ok(Filled::Yes);
        };
        copy.remove();
        self.failed.set(true);
        runner.emit(Event::Warning(Warning::CopyNotUsed {
            lab: runner.lab.id.to_string(),
            reason: error.to_string(),
        }));
        let emptied = self.empty(runner, created, replace).await;
        emptied.map_err(Failure::engine(text!(
            "cannot create the volumes of `{lab}` again",
            lab = runner.lab.id
        )))?;
        Ok(Filled::No)
    }

    /// Creates all volumes of the run again, which is new, and the containers that mount them: a volume that is mounted cannot
    /// be removed.
    async fn empty<E: Engine>(
        &self,
        runner: &Runner<'_, E>,
        created: &dyn Fn(&ServiceName) -> Option<(String, ContainerSpec)>,
        replace: &dyn Fn(&ServiceName, String),
    ) -> Result<(), EngineError> {
        let services: Vec<_> = runner
            .lab
            .services
            .keys()
            .filter_map(|service| created(service).map(|(id, spec)| (service, id, spec)))
            .collect();
        let mut volumes = Vec::new();
        let mut again = Vec::new();
        for (service, id, spec) in services {
            let names = spec.mounts.iter().filter_map(|mount| match mount {
                MountSpec::Volume { name, .. } => Some(name.clone()),
                MountSpec::Bind { .. } => None,
            });
            let names: Vec<String> = names.collect();
            if !names.is_empty() {
                runner.engine.remove_container(&id).await?;
                volumes.extend(names);
                again.push((service, spec));
            }
        }
        for volume in &volumes {
            runner.engine.remove_volume(volume).await?;
        }
        for (service, spec) in again {
            // The engine creates the volumes with the container.
            let id = runner.engine.create_container(&spec).await?;
            replace(service, id);
        }
        Ok(())
    }

    /// Copies the volumes of services that have just become ready, if none of the start came from a copy and `took` is long.
    /// A copy with which a start takes longer than without it is rejected. One that cannot be made is a warning.
    pub(super) async fn copy<E: Engine>(
        &self,
        runner: &Runner<'_, E>,
        live: &Live,
        took: Duration,
    ) -> Result<Copied, Failure> {
        if let Some(copy) = &self.found {
            if !self.failed.get() && !copy.is_rejected() && took > copy.took {
                // Otherwise the next start finds out.
                let _ = copy.reject();
            }
            return Ok(Copied::No);
        }
        if took < self.copies.worth_after {
            return Ok(Copied::No);
        }
        let containers = running(&live.observed);
        let pauses = containers.iter().map(|id| runner.engine.pause(id));
        let paused = join_all(pauses).await;
        let made = match paused.into_iter().find_map(Result::err) {
            None => self.save(runner, live, took).await,
            Some(error) => Err(words(&error)),
        };
        let starts = containers.iter().map(|id| runner.engine.start(id));
        for started in join_all(starts).await {
            started.map_err(Failure::engine(text!(
                "cannot let the services of `{lab}` continue",
                lab = runner.lab.id
            )))?;
        }
        // Only now, because a busy disk may take seconds for it.
        let finished = match made {
            Ok(copy) => finish(copy).await,
            Err(reason) => Err(reason),
        };
        match finished {
            Ok(()) => {
                self.copies.limit(MAX_COPIES);
                Ok(Copied::Yes)
            }
            Err(reason) => {
                let lab = runner.lab.id.to_string();
                runner.emit(Event::Warning(Warning::CopyNotMade { lab, reason }));
                Ok(Copied::No)
            }
        }
    }

    async fn save<E: Engine>(
        &self,
        runner: &Runner<'_, E>,
        live: &Live,
        took: Duration,
    ) -> Result<UnfinishedCopy, Text> {
        let copy = self
            .copies
            .begin(&self.copied.key, runner.lab.id.as_str(), took);
        let mut copy = copy.map_err(|error| words(&error))?;
        let mut room = MAX_COPY;
        for volume in &self.copied.volumes {
            let container = live.observed.container(&volume.service);
            let container = container.ok_or_else(|| words(&no_container(&volume.service)))?;
            let file: File = copy.create(&volume.name).map_err(|error| words(&error))?;
            let folder = runner
                .engine
                .save_folder(&container.id, &volume.target, file, room);
            let bytes = folder.await.map_err(|error| words(&error))?;
            room -= bytes;
            copy.add(&volume.name, bytes);
        }
        Ok(copy)
    }
}

async fn finish(copy: UnfinishedCopy) -> Result<(), Text> {
    let finished = tokio::task::spawn_blocking(move || copy.finish()).await;
    let finished = finished.map_err(|error| words(&error))?;
    finished.map_err(|error| words(&error))
}

fn words(error: &dyn std::fmt::Display) -> Text {
    Text::quotation(error.to_string())
}

/// The ids of the containers that run.
fn running(observed: &Observed) -> Vec<String> {
    let containers = observed.containers.iter();
    let running = containers.filter(|container| container.running == Running::Yes);
    running.map(|container| container.id.clone()).collect()
}

fn no_container(service: &ServiceName) -> EngineError {
    EngineError::new(
        ErrorKind::NotFound,
        text!("the container of `{service}` does not exist", service),
    )
}
