//! Starts labs.

use std::time::Instant;

use crate::app::{App, RunningLab};
use crate::diagnosis::MissingImages;
use crate::engine::Engine;
use crate::event::{Event, StartPart};
use crate::lab::{ImageName, Lab, Presence, ServiceName};
use crate::plan::{ImageNames, Plan, ServiceImage};
use crate::runner::{self, Expiry, Failure, Images, OnFailure, PullPolicy, Up};
use crate::store::{Journal, Lifetime, Lock, UnreachableRegistries, Workspace};
use crate::text;
use crate::text::Text;

/// How a lab is started.
#[derive(Debug, Clone, Copy)]
pub struct UpOptions {
    /// Whether the run outlives this process.
    pub lifetime: Lifetime,
    /// When the run is removed automatically.
    pub expiry: Expiry,
    pub on_failure: OnFailure,
    pub initial_data: InitialData,
}

/// What the volumes of a new run hold before its services start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialData {
    /// What a copy of an earlier start holds, if there is one and the services can start from it.
    Copied,
    /// Nothing.
    New,
}

/// What [`App::up`] would do.
#[derive(Debug)]
pub struct PlannedUp {
    /// What would be done to get each image that is not on this machine.
    pub missing_images: Vec<MissingImage>,
    /// How many these are, and how much of the disk they will take at least.
    pub missing: MissingImages,
    pub plan: Plan,
}

/// How an image that is not on this machine would be obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingImage {
    Pull(ImageName),
    PullOrBuild(ImageName),
    Build(ServiceName),
}

impl MissingImage {
    /// Returns what would be done.
    pub fn text(&self, names: ImageNames) -> Text {
        match self {
            MissingImage::Pull(image) => text!("pull {image}", image = names.of(image.as_str())),
            MissingImage::PullOrBuild(image) => text!(
                "pull {image} (or build it from its recipe)",
                image = names.of(image.as_str())
            ),
            MissingImage::Build(service) => {
                text!("build the image of {service} from its recipe", service)
            }
        }
    }
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
    /// Returns the plan that [`up`](Self::up) would execute. Nothing is pulled, built, created or removed.
    pub async fn plan<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        options: UpOptions,
    ) -> Result<PlannedUp, Failure> {
        self.require_trusted_memory(lab)?;
        let _lock = self.lock(engine, &lab.id).await?;
        let runner = self.runner(engine, lab);
        let mut unreachable = UnreachableRegistries::read(&self.paths.state);
        let mut images = runner::get_images(
            &runner,
            PullPolicy::LocalOnly,
            &mut unreachable,
            &self.image_builder(lab),
        )
        .await?;
        let policy = self.options.pull_policy;
        let services = lab.services.values();
        let missing = services.filter(|service| !images.found.contains_key(&service.name));
        let missing = MissingImages::of(missing);
        let missing_images = assume_images(lab, &mut images, policy, &unreachable)?;
        let mut observed = runner.observe().await?;
        runner::observe_disks(engine, lab, &mut observed).await;
        let journal = self.journal(&lab.id, &observed)?;
        let workspace = self.workspace(lab, journal.as_ref());
        let up = self.request(options, &images, workspace.as_ref());
        let (plan, _) = runner::plan_up(&runner, &up, &observed).await?;
        Ok(PlannedUp {
            missing_images,
            missing,
            plan,
        })
    }

    /// Starts a lab and waits until its services are ready.
    pub async fn up<'a, E: Engine>(
        &'a self,
        engine: &'a E,
        lab: &'a Lab,
        options: UpOptions,
    ) -> Result<Started<'a, E>, Failure> {
        self.require_trusted_memory(lab)?;
        let lock = self.lock(engine, &lab.id).await?;
        // Progress that cannot be read would stop the start half-way, with the services up.
        self.progress(&lab.id)?;
        let runner = self.runner(engine, lab);
        let begun = Instant::now();
        let images = self.get_images(&runner).await?;
        self.emit(Event::start_part_finished(StartPart::Images, begun));
        let begun = Instant::now();
        let observed = runner.observe().await?;
        let was_up = !observed.is_empty();
        // Only then the steps of `start` run.
        let fresh = observed.containers.is_empty();
        let journal = self.journal(&lab.id, &observed)?;
        if journal.is_none() && !fresh && !lab.random.is_empty() {
            return Err(self.unknown_draw(lab));
        }
        require_same_draw(lab, journal.as_ref(), self)?;
        let workspace = self.workspace(lab, journal.as_ref());
        if let Some(workspace) = workspace.as_ref().filter(|_| fresh) {
            let keep = |workspace: &Workspace| workspace.keep_before(&lab.start);
            let kept = self
                .with_own_files(&runner, &observed, workspace, keep)
                .await?;
            self.report_kept(&kept);
        }
        self.emit(Event::start_part_finished(StartPart::Observe, begun));
        let request = self.request(options, &images, workspace.as_ref());
        let done = runner::up(&runner, &request).await?;
        let mut journal = done.journal;
        let mut running = RunningLab {
            app: self,
            lab,
            runner,
            live: done.live,
            workspace: workspace.clone(),
        };
        running.finish_start(&request, &mut journal, fresh).await?;
        if !fresh && !runner::joined_services(lab, &observed, &running.live).is_empty() {
            running.begin_joined().await?;
        }
        Ok(Started {
            running,
            journal,
            changed: done.plan.changes(),
            was_up,
            lock,
        })
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
            volume_copies: match options.initial_data {
                InitialData::Copied => Some(&self.volume_copies),
                InitialData::New => None,
            },
        }
    }
}

impl<E: Engine> RunningLab<'_, E> {
    /// Completes a start: the learner's folder, what the checks see at the beginning of a new run, and that a new run is kept.
    /// A new run of which that fails is removed like one whose services do not start.
    pub(super) async fn finish_start(
        &mut self,
        request: &Up<'_>,
        journal: &mut Journal,
        fresh: bool,
    ) -> Result<(), Failure> {
        let finished = match self.make_files_and_baselines(fresh).await {
            Ok(()) => runner::keep_started(request, journal),
            Err(failure) => Err(failure),
        };
        if finished.is_err() && fresh {
            runner::abandon_started(&self.runner, request, journal.clone()).await;
        }
        finished
    }

    async fn make_files_and_baselines(&mut self, fresh: bool) -> Result<(), Failure> {
        let begun = Instant::now();
        self.make_workspace().await?;
        let app = self.app;
        app.emit(Event::start_part_finished(StartPart::Files, begun));
        if fresh {
            let begun = Instant::now();
            self.record_baselines().await?;
            app.emit(Event::start_part_finished(StartPart::Baselines, begun));
        }
        Ok(())
    }
}

/// Refuses a lab with other random values than those of its run: it was started after the lab was read.
fn require_same_draw(lab: &Lab, journal: Option<&Journal>, app: &App) -> Result<(), Failure> {
    let drawn = match journal {
        Some(journal) => lab.random.draw.as_ref() == Some(&journal.effective_draw()),
        None => lab.random.draw.is_some(),
    };
    match drawn || lab.random.is_empty() {
        true => Ok(()),
        false => Err(Failure::Environment(text!(
            "`{lab}` was started by another command meanwhile; run this one again",
            lab = app.lab_argument(&lab.id)
        ))),
    }
}

/// Adds the images to `images` that are missing, as if they were there already, and returns how each would be obtained.
fn assume_images(
    lab: &Lab,
    images: &mut Images,
    policy: PullPolicy,
    unreachable: &UnreachableRegistries,
) -> Result<Vec<MissingImage>, Failure> {
    // As in `runner::get_images`.
    let why_not_pulled = |name: &ImageName| match policy {
        PullPolicy::Offline | PullPolicy::LocalOnly => Some(text!(
            "image `{name}` is not on this machine, and --offline does not pull images",
            name
        )),
        PullPolicy::Missing if unreachable.is_unreachable(name.registry()) => Some(text!(
            "image `{name}` is not on this machine, and {registry} was unreachable a short while ago; `roadlab images pull {lab}` tries again",
            name,
            registry = name.registry(),
            lab = lab.id
        )),
        PullPolicy::Missing | PullPolicy::MissingRetryingRegistries => None,
    };
    let mut missing = Vec::new();
    for service in lab.services.values() {
        if images.found.contains_key(&service.name) || service.is_withheld() {
            continue;
        }
        let official = service.image.as_ref();
        let pulled = official.filter(|name| why_not_pulled(name).is_none());
        missing.push(match (pulled, &service.recipe) {
            (Some(image), Some(_)) => MissingImage::PullOrBuild(image.clone()),
            (Some(image), None) => MissingImage::Pull(image.clone()),
            (None, Some(_)) => MissingImage::Build(service.name.clone()),
            (None, None) if service.interface.presence == Presence::Optional => continue,
            (None, None) => {
                return Err(Failure::NoImage {
                    service: service.name.clone(),
                    tried: official.and_then(why_not_pulled).into_iter().collect(),
                });
            }
        });
        let recipe = || Some(format!("roadlab/{}", service.recipe.as_ref()?.tag));
        let name = official.map(ToString::to_string).or_else(recipe);
        let name = name.unwrap_or_default();
        let image = ServiceImage {
            id: name.clone(),
            name,
        };
        images.found.insert(service.name.clone(), image);
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::app::testing::app;
    use crate::engine::Fake;
    use crate::lab::testing::{COMPOSE, lab};

    #[test]
    fn a_plan_names_images_without_digests_unless_it_is_verbose() {
        let image = ImageName::new("redis:8.0@sha256:01").unwrap();
        let pull = MissingImage::PullOrBuild(image);
        let text = |names| pull.text(names).localized();
        assert_eq!(
            text(ImageNames::WithoutDigests),
            "pull redis:8.0 (or build it from its recipe)"
        );
        assert_eq!(
            text(ImageNames::Whole),
            "pull redis:8.0@sha256:01 (or build it from its recipe)"
        );
    }

    #[test]
    fn missing_images_are_listed_and_assumed() {
        let lab = lab("\
services:
  redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m }
  app: { image: 'app:1', mem_limit: 32m }
");
        let app = ServiceName::new("app").unwrap();
        let present = ServiceImage {
            id: "sha256:1".into(),
            name: "app:1".into(),
        };
        let mut images = Images::default();
        images.found.insert(app.clone(), present.clone());
        let unreachable = UnreachableRegistries::read(Path::new("/nonexistent"));
        let missing = assume_images(&lab, &mut images, PullPolicy::Missing, &unreachable).unwrap();
        assert_eq!(
            missing,
            [MissingImage::Pull(ImageName::new("redis:8.0").unwrap())]
        );
        assert_eq!(images.found[&app], present);
        assert_eq!(images.found.len(), 2);
    }

    #[test]
    fn an_image_that_offline_cannot_get_is_a_failure() {
        let lab =
            lab("services: { redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m } }");
        let unreachable = UnreachableRegistries::read(Path::new("/nonexistent"));
        let mut images = Images::default();
        let failure = assume_images(&lab, &mut images, PullPolicy::Offline, &unreachable);
        assert!(matches!(failure, Err(Failure::NoImage { .. })));
    }

    #[tokio::test]
    async fn unreadable_progress_ends_up_before_anything_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let engine = Fake::with_images(&["redis:8.0"]);
        let lab = lab(COMPOSE);
        app.update_progress(&lab.id, |progress| {
            progress
                .answers
                .insert(lab.exercises[0].id.clone(), "a".to_owned());
        })
        .unwrap();
        let file = format!("{}@main.json", lab.id);
        std::fs::write(app.paths.progress().join(file), "{").unwrap();
        let options = UpOptions {
            lifetime: Lifetime::Persistent,
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::TearDown,
            initial_data: InitialData::Copied,
        };
        assert!(app.up(&engine, &lab, options).await.is_err());
        let calls = engine.calls.borrow();
        assert!(
            calls.iter().all(|call| !call.contains("create")),
            "{calls:?}"
        );
    }
}
