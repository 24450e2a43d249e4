//! Gets an image for every service: the official one, or one that is built from the recipe.

mod attempts;
mod local;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use futures_util::future::join_all;

use self::attempts::Attempts;
use self::local::{find, present};

use crate::diagnosis::MissingImages;
use crate::engine::{
    Build, BuildProgress, Engine, EngineError, EngineSetup, ErrorKind, SetupOutcome, base,
    context_digest,
};
use crate::event::Event;
use crate::lab::{ImageName, Presence, Recipe, Service, ServiceName};
use crate::plan::ServiceImage;
use crate::runner::disk_space::DiskSpace;
use crate::runner::{Failure, Runner};
use crate::store::{PulledImages, UnreachableRegistries};
use crate::text;
use crate::text::Text;

/// What building images on this machine needs.
#[derive(Debug, Clone)]
pub struct ImageBuilder {
    /// The folder for large temporary files.
    pub cache: PathBuf,
    /// The state folder, where pulled images are recorded.
    pub state: PathBuf,
    /// How a tool that is missing may be installed.
    pub setup: EngineSetup,
    /// The images that came with the lab, by service. They are used where they are on this machine.
    pub packed: BTreeMap<ServiceName, CameWith>,
}

/// An image that came with the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameWith {
    pub name: String,
    /// The id that the engine gave it when it was loaded.
    pub loaded_id: Option<String>,
}

/// When images are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Never: only local images are found, and nothing is built.
    LocalOnly,
    /// When they are missing. What cannot be pulled is built. Registries that were unreachable a short while ago are skipped.
    Missing,
    /// When they are missing, from registries that were unreachable a short while ago too.
    MissingRetryingRegistries,
    /// Never: only local images are used. Recipes whose base is local are built.
    Offline,
}

/// The images of a lab's services.
#[derive(Debug, Clone, Default)]
pub struct Images {
    pub found: BTreeMap<ServiceName, ServiceImage>,
    /// Optional services without an image, each with the reasons.
    pub unavailable: BTreeMap<ServiceName, Vec<Text>>,
}

/// The name of the host's CA bundle in the build context, for networks that intercept TLS. It is not part of any image.
const CA_BUNDLE: &str = ".roadlab-ca.crt";

/// Gets an image for every service of the lab. Optional services may end up without one.
///
/// Fails with [`Failure::NoImage`] if a required service has none, [`Failure::TooSmall`] if the disk is full, and
/// [`Failure::Engine`] if the engine does not answer.
pub async fn get<E: Engine>(
    runner: &Runner<'_, E>,
    policy: PullPolicy,
    remembered: &mut UnreachableRegistries,
    builder: &ImageBuilder,
) -> Result<Images, Failure> {
    let mut images = Images::default();
    let present = join_all(
        runner
            .lab
            .services
            .values()
            .map(|service| present(runner, service, builder.packed.get(&service.name))),
    )
    .await;
    let mut missing = Vec::new();
    for (service, present) in runner.lab.services.values().zip(present) {
        let (found, attempts) = present?;
        match found {
            Some(image) => drop(images.found.insert(service.name.clone(), image)),
            // It does not run, so its image is only obtained on request.
            None if service.is_withheld() && policy != PullPolicy::MissingRetryingRegistries => {}
            None => missing.push((service, attempts)),
        }
    }
    let disk_space = DiskSpace::new(MissingImages::of(
        missing.iter().map(|(service, _)| *service),
    ));
    for (service, attempts) in missing {
        let mut search = ImageSearch {
            runner,
            policy,
            remembered,
            builder,
            disk_space: &disk_space,
            attempts,
        };
        match search.image(service).await? {
            Some(image) => drop(images.found.insert(service.name.clone(), image)),
            None if policy == PullPolicy::LocalOnly => {}
            None if service.interface.presence == Presence::Optional => {
                let reasons = search.attempts.into_failures();
                let reason: Vec<String> = reasons.iter().map(Text::localized).collect();
                runner.emit(Event::ServiceUnavailable {
                    service: service.name.to_string(),
                    reason: reason.join("; "),
                });
                images.unavailable.insert(service.name.clone(), reasons);
            }
            None => {
                return Err(Failure::NoImage {
                    service: service.name.clone(),
                    tried: search.attempts.into_failures(),
                });
            }
        }
    }
    Ok(images)
}

/// Returns what builds a recipe, with the name of the image, which depends on all files of the recipe.
async fn tagged_build(recipe: &Recipe) -> Result<Build, Failure> {
    let mut build = Build {
        context: recipe.context.clone(),
        dockerfile: recipe.dockerfile.clone(),
        args: recipe.args.clone(),
        target: recipe.target.clone(),
        extra: BTreeMap::new(),
        tag: String::new(),
    };
    let digest = context_digest(&build).await.map_err(Failure::engine(text!(
        "cannot read the recipe {folder}",
        folder = recipe.context.display()
    )))?;
    build.tag = format!("roadlab/{}:{digest}", recipe.tag);
    Ok(build)
}

/// What is tried when an image cannot be pulled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// The recipe of the service.
    Recipe,
    Nothing,
}

impl Otherwise {
    fn of(service: &Service) -> Self {
        match service.recipe {
            Some(_) => Self::Recipe,
            None => Self::Nothing,
        }
    }
}

struct ImageSearch<'a, 'b, E> {
    runner: &'a Runner<'b, E>,
    policy: PullPolicy,
    remembered: &'a mut UnreachableRegistries,
    builder: &'a ImageBuilder,
    disk_space: &'a DiskSpace,
    attempts: Attempts,
}

impl<E: Engine> ImageSearch<'_, '_, E> {
    async fn image(&mut self, service: &Service) -> Result<Option<ServiceImage>, Failure> {
        let build = match &service.recipe {
            Some(recipe) => Some(tagged_build(recipe).await?),
            None => None,
        };
        // What was built before is used as it is. On request, the official image replaces it.
        let official_first = self.policy == PullPolicy::MissingRetryingRegistries;
        if !official_first && let Some(image) = self.built(build.as_ref()).await? {
            return Ok(Some(image));
        }
        if let Some(name) = &service.image
            && self.pull(name, Otherwise::of(service)).await?
        {
            let found = find(self.runner, name.as_str(), &mut self.attempts).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        if official_first && let Some(image) = self.built(build.as_ref()).await? {
            return Ok(Some(image));
        }
        match service.recipe.as_ref().zip(build) {
            Some((recipe, build)) => self.recipe(recipe, build).await,
            None => {
                let why = text!("the service has no recipe to build an image from");
                self.attempts.add(why);
                Ok(None)
            }
        }
    }

    /// Pulls an image; `false` if that is not possible, with the reason in the attempts.
    async fn pull(&mut self, name: &ImageName, otherwise: Otherwise) -> Result<bool, Failure> {
        let registry = name.registry();
        if matches!(self.policy, PullPolicy::Offline | PullPolicy::LocalOnly) {
            if !self.attempts.is_incompatible(name.as_str()) {
                self.attempts.add(text!(
                    "image `{name}` is not on this machine, and --offline does not pull images",
                    name
                ));
            }
            return Ok(false);
        }
        if self.policy == PullPolicy::Missing && self.remembered.is_unreachable(registry) {
            self.attempts.add(text!(
                "image `{name}` is not on this machine, and {registry} was unreachable a short while ago; `roadlab images pull {lab}` tries again",
                name,
                registry,
                lab = self.runner.lab.id
            ));
            return Ok(false);
        }
        self.disk_space.require(self.runner).await?;
        self.runner.emit(Event::PullStarted {
            image: name.to_string(),
        });
        let progress = |progress: crate::engine::PullProgress| {
            let crate::engine::PullProgress {
                layer,
                status,
                current,
                total,
            } = progress;
            let image = name.to_string();
            self.runner.emit(Event::PullProgress {
                image,
                layer,
                status,
                current,
                total,
            });
        };
        let pulled = self.runner.engine.pull(name, &progress).await;
        let problem = pulled.as_ref().err().map(|error| error.cause().localized());
        self.runner.emit(Event::PullFinished {
            image: name.to_string(),
            problem: problem.clone(),
            recipe: otherwise == Otherwise::Recipe
                && pulled.as_ref().is_err_and(|error| !is_final(error)),
        });
        match pulled {
            Ok(()) => {
                self.remembered.forget(registry);
                PulledImages::read(&self.builder.state).add(name.as_str());
                Ok(true)
            }
            Err(error) if is_final(&error) => Err(Failure::engine(text!(
                "cannot pull image `{name}`",
                name
            ))(error)),
            Err(error) => {
                if error.kind == ErrorKind::RegistryUnreachable {
                    self.remembered.remember(registry);
                }
                let why = text!(
                    "cannot pull image `{name}`: {error}",
                    name,
                    error = error.cause()
                );
                self.attempts.add(why);
                Ok(false)
            }
        }
    }

    /// Finds the image that a recipe gave before.
    async fn built(&mut self, build: Option<&Build>) -> Result<Option<ServiceImage>, Failure> {
        match build {
            Some(build) => find(self.runner, &build.tag, &mut self.attempts).await,
            None => Ok(None),
        }
    }

    async fn recipe(
        &mut self,
        recipe: &Recipe,
        mut build: Build,
    ) -> Result<Option<ServiceImage>, Failure> {
        let folder = recipe.context.display();
        if self.policy == PullPolicy::LocalOnly {
            return Ok(None);
        }
        self.disk_space.require(self.runner).await?;
        let dockerfile = recipe.context.join(&recipe.dockerfile);
        let text = std::fs::read_to_string(&dockerfile).map_err(|error| {
            let file = dockerfile.display();
            Failure::Usage(text!("cannot read {file}: {reason}", file, reason = error))
        })?;
        if let Some(wanted) = base_image(&text) {
            let Some(base) = self.base(&wanted).await? else {
                return Ok(None);
            };
            build.args.insert("DEBIAN".to_owned(), base);
        }
        build
            .extra
            .extend(ca_bundle().map(|bundle| (CA_BUNDLE.to_owned(), bundle)));
        let why = text!("recipe {folder}", folder).localized();
        self.runner.emit(Event::BuildStarted {
            image: build.tag.clone(),
            why,
        });
        let begun = Instant::now();
        let progress = |progress: BuildProgress<'_>| {
            let image = build.tag.clone();
            self.runner.emit(match progress {
                BuildProgress::Step { number, of, name } => Event::BuildStep {
                    image,
                    step: number,
                    steps: of,
                    name: name.to_owned(),
                },
                BuildProgress::Line(line) => Event::BuildLine {
                    image,
                    line: line.to_owned(),
                },
            });
        };
        let built = self.runner.engine.build(&build, &progress).await;
        built.map_err(Failure::engine(text!(
            "cannot build the recipe {folder}",
            folder
        )))?;
        let millis = begun.elapsed().as_millis() as u64;
        self.runner.emit(Event::BuildFinished {
            image: build.tag.clone(),
            millis,
        });
        find(self.runner, &build.tag, &mut self.attempts).await
    }

    /// Returns the base image of a recipe: a local one, a pulled one, or one that is created with `mmdebstrap`.
    async fn base(&mut self, wanted: &str) -> Result<Option<String>, Failure> {
        let name = ImageName::new(wanted).map_err(Failure::Usage)?;
        let here = find(self.runner, name.as_str(), &mut self.attempts).await?;
        if here.is_some() {
            return Ok(Some(name.to_string()));
        }
        let suite = base::suite(wanted);
        if let Some(suite) = suite {
            let local = base::local_name(suite);
            let here = find(self.runner, &local, &mut self.attempts).await?;
            if here.is_some() {
                return Ok(Some(local));
            }
        }
        if self.pull(&name, Otherwise::Nothing).await? {
            return Ok(Some(name.to_string()));
        }
        let Some(suite) = suite else {
            self.attempts.add(text!(
                "the base image `{image}` of the recipe is neither local nor one that roadlab can create",
                image = wanted
            ));
            return Ok(None);
        };
        if self.policy == PullPolicy::Offline {
            self.attempts.add(text!(
                "the base image `{image}` is not on this machine, and --offline does not create it from packages",
                image = wanted
            ));
            return Ok(None);
        }
        let local = base::local_name(suite);
        let begun = Instant::now();
        self.runner.emit(Event::BuildStarted {
            image: local.clone(),
            why: "mmdebstrap".to_owned(),
        });
        let mut line = |line: &str| {
            self.runner.emit(Event::BuildLine {
                image: local.clone(),
                line: line.to_owned(),
            });
        };
        let created = match self.builder.setup.install_base_tool(&mut line).await {
            Ok(SetupOutcome::Done(())) => base::make(suite, &self.builder.cache, &mut line).await,
            Ok(SetupOutcome::NeedsConsent(_)) => {
                self.attempts.add(text!(
                    "building the base {image} needs `mmdebstrap`: run the command again with `--yes` to install it",
                    image = local
                ));
                return Ok(None);
            }
            Err(error) => Err(error),
        };
        let root = match created {
            Ok(root) => root,
            Err(error) => {
                let why = text!(
                    "cannot create the base image `{image}`: {error}",
                    image = local,
                    error
                );
                self.attempts.add(why);
                return Ok(None);
            }
        };
        let imported = self.runner.engine.import(&root.path(), &local).await;
        imported.map_err(Failure::engine(text!(
            "cannot import image `{image}`",
            image = local
        )))?;
        let millis = begun.elapsed().as_millis() as u64;
        self.runner.emit(Event::BuildFinished {
            image: local.clone(),
            millis,
        });
        Ok(Some(local))
    }
}

/// Whether another way to get the image would fail for the same reason.
fn is_final(error: &EngineError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Unreachable | ErrorKind::Denied | ErrorKind::DiskFull
    )
}

/// Returns the default of `ARG DEBIAN=…`, which names the base image of a recipe.
fn base_image(dockerfile: &str) -> Option<String> {
    let mut lines = dockerfile.lines().map(str::trim);
    lines
        .find_map(|line| line.strip_prefix("ARG DEBIAN="))
        .map(|base| base.trim_matches('"').to_owned())
}

/// Returns the certificates that this machine trusts.
fn ca_bundle() -> Option<Vec<u8>> {
    let chosen = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty());
    let chosen = chosen.map(PathBuf::from);
    let usual = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    let places = chosen.into_iter().chain(usual.map(PathBuf::from));
    places.into_iter().find_map(|path| std::fs::read(path).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Consent, Fake};
    use crate::lab::Instance;
    use crate::lab::testing::{COMPOSE, lab};
    use crate::store::LabsOption;

    #[tokio::test]
    async fn what_was_built_before_is_used_unless_the_official_image_is_requested() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let mut lab = lab(COMPOSE);
        let recipe = Recipe {
            context: folder.path().to_owned(),
            dockerfile: "Dockerfile".to_owned(),
            args: BTreeMap::new(),
            target: None,
            tag: "redis".to_owned(),
        };
        let tag = tagged_build(&recipe).await.unwrap().tag;
        let service = lab.services.values_mut().next().unwrap();
        service.recipe = Some(recipe);
        for (policy, pulls) in [
            (PullPolicy::Missing, 0),
            (PullPolicy::Offline, 0),
            (PullPolicy::MissingRetryingRegistries, 1),
        ] {
            let engine = Fake::with_images(&[&tag]);
            let runner = Runner {
                engine: &engine,
                lab: &lab,
                instance: &Instance::main(),
                owner: "me",
                labs: &LabsOption::default(),
                emit: &|_| {},
            };
            let state = tempfile::tempdir().unwrap().path().to_owned();
            let builder = ImageBuilder {
                cache: state.clone(),
                state: state.clone(),
                setup: EngineSetup::new(None, Consent::NotGiven, &state),
                packed: BTreeMap::new(),
            };
            let mut remembered = UnreachableRegistries::read(&state);
            let images = get(&runner, policy, &mut remembered, &builder).await;
            assert_eq!(images.unwrap().found.len(), 1, "{policy:?}");
            let calls = engine.calls.borrow();
            let pulled = calls.iter().filter(|call| call.starts_with("pull"));
            assert_eq!(pulled.count(), pulls, "{policy:?}: {calls:?}");
        }
    }

    #[test]
    fn the_base_image_is_the_default_of_arg_debian() {
        assert_eq!(
            base_image("ARG DEBIAN=debian:trixie-slim\nFROM ${DEBIAN}\n").as_deref(),
            Some("debian:trixie-slim")
        );
        assert_eq!(base_image("FROM scratch\n"), None);
    }
}
