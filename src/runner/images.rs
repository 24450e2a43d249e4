//! An image for every service: official first, else the recipe's, and never stuck.

mod here;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use futures_util::future::join_all;

use self::here::{find, present};

use crate::engine::{
    Build, BuildProgress, Engine, EngineError, EngineSetup, ErrorKind, SetupOutcome, base,
    context_digest,
};
use crate::event::Event;
use crate::lab::{ImageName, Presence, Recipe, Service, ServiceName};
use crate::localized;
use crate::plan::ServiceImage;
use crate::runner::room::DiskSpace;
use crate::runner::{Failure, Runner};
use crate::store::UnreachableRegistries;

/// What making images on this machine needs.
#[derive(Debug, Clone)]
pub struct ImageBuilder {
    /// Where large files lie for a while.
    pub cache: PathBuf,
    /// How a tool that is missing may be installed.
    pub setup: EngineSetup,
}

/// How images may be got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Only say what is here.
    LocalOnly,
    /// Pull what is missing, build what cannot be pulled.
    Usual,
    /// Ask registries again that could not be reached a while ago.
    AskAgain,
    /// Never leave this machine.
    Offline,
}

/// The images that were found.
#[derive(Debug, Clone, Default)]
pub struct Images {
    pub found: BTreeMap<ServiceName, ServiceImage>,
    /// Optional services without one, and why.
    pub unavailable: BTreeMap<ServiceName, String>,
}

/// The name of the host's CA bundle in a build's context. Networks that re-sign TLS are common; it never ships.
const CA_BUNDLE: &str = ".roadlab-ca.crt";

/// Gets an image for every service of the lab, before anything else is created.
pub async fn get<E: Engine>(
    runner: &Runner<'_, E>,
    policy: PullPolicy,
    remembered: &mut UnreachableRegistries,
    making: &ImageBuilder,
) -> Result<Images, Failure> {
    let mut images = Images::default();
    let present = join_all(
        runner
            .lab
            .services
            .values()
            .map(|service| present(runner, service)),
    )
    .await;
    let room = DiskSpace::default();
    let mut missing = Vec::new();
    for (service, present) in runner.lab.services.values().zip(present) {
        let (found, tried) = present?;
        match found {
            Some(image) => drop(images.found.insert(service.name.clone(), image)),
            None => missing.push((service, tried)),
        }
    }
    for (service, tried) in missing {
        let mut search = ImageSearch {
            runner,
            policy,
            remembered,
            making,
            room: &room,
            tried,
        };
        match search.image(service).await? {
            Some(image) => drop(images.found.insert(service.name.clone(), image)),
            None if policy == PullPolicy::LocalOnly => {}
            None if service.interface.presence == Presence::Optional => {
                let reason = search.tried.join("; ");
                let name = service.name.to_string();
                runner.emit(Event::ServiceUnavailable {
                    service: name,
                    reason: reason.clone(),
                });
                images.unavailable.insert(service.name.clone(), reason);
            }
            None => {
                return Err(Failure::NoImage {
                    service: service.name.clone(),
                    tried: search.tried,
                });
            }
        }
    }
    Ok(images)
}

struct ImageSearch<'a, 'b, E> {
    runner: &'a Runner<'b, E>,
    policy: PullPolicy,
    remembered: &'a mut UnreachableRegistries,
    making: &'a ImageBuilder,
    room: &'a DiskSpace,
    /// Everything that was tried and why it did not work.
    tried: Vec<String>,
}

impl<E: Engine> ImageSearch<'_, '_, E> {
    async fn image(&mut self, service: &Service) -> Result<Option<ServiceImage>, Failure> {
        if let Some(name) = &service.image
            && self.pull(name).await?
        {
            let found = find(self.runner, name.as_str(), &mut self.tried).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        match &service.recipe {
            Some(recipe) => self.recipe(recipe).await,
            None => {
                self.tried
                    .push("this service has no recipe to build its image from".to_owned());
                Ok(None)
            }
        }
    }

    /// Whether the image could be pulled. Why not is added to what was tried.
    async fn pull(&mut self, name: &ImageName) -> Result<bool, Failure> {
        let registry = name.registry();
        if matches!(self.policy, PullPolicy::Offline | PullPolicy::LocalOnly) {
            // One of another platform has been told already.
            let told = format!("{name} is ");
            if !self.tried.iter().any(|why| why.starts_with(&told)) {
                self.tried.push(format!(
                    "{told}not here, and nothing is pulled with --offline"
                ));
            }
            return Ok(false);
        }
        if self.policy == PullPolicy::Usual && self.remembered.is_unreachable(registry) {
            let again = format!("`roadlab images pull {}` asks again", self.runner.lab.id);
            self.tried.push(format!("{name} is not here, and {registry} could not be reached a short while ago ({again})"));
            return Ok(false);
        }
        self.room.refuse_if_full(self.runner.engine).await?;
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
        let problem = pulled.as_ref().err().map(ToString::to_string);
        self.runner.emit(Event::PullFinished {
            image: name.to_string(),
            problem: problem.clone(),
        });
        match pulled {
            Ok(()) => {
                self.remembered.set(registry, false);
                Ok(true)
            }
            Err(error) if gives_up(&error) => {
                Err(Failure::engine(format!("cannot pull {name}"))(error))
            }
            Err(error) => {
                if error.kind == ErrorKind::RegistryUnreachable {
                    self.remembered.set(registry, true);
                }
                self.tried.push(format!("pulling {name}: {error}"));
                Ok(false)
            }
        }
    }

    async fn recipe(&mut self, recipe: &Recipe) -> Result<Option<ServiceImage>, Failure> {
        let mut build = Build {
            context: recipe.context.clone(),
            dockerfile: recipe.dockerfile.clone(),
            args: recipe.args.clone(),
            target: recipe.target.clone(),
            extra: BTreeMap::new(),
            tag: String::new(),
        };
        let unreadable = || format!("cannot read the recipe {}", recipe.context.display());
        let digest = context_digest(&build).map_err(Failure::engine(unreadable()))?;
        build.tag = format!("roadlab/{}:{digest}", recipe.tag);
        if let Some(image) = find(self.runner, &build.tag, &mut self.tried).await? {
            return Ok(Some(image));
        }
        if self.policy == PullPolicy::LocalOnly {
            return Ok(None);
        }
        self.room.refuse_if_full(self.runner.engine).await?;
        let dockerfile = recipe.context.join(&recipe.dockerfile);
        let text = std::fs::read_to_string(&dockerfile)
            .map_err(|error| Failure::Usage(format!("{}: {error}", unreadable())))?;
        if let Some(wanted) = base_image(&text) {
            let Some(base) = self.base(&wanted).await? else {
                return Ok(None);
            };
            build.args.insert("DEBIAN".to_owned(), base);
        }
        build
            .extra
            .extend(ca_bundle().map(|bundle| (CA_BUNDLE.to_owned(), bundle)));
        let why = format!("recipe {}", recipe.context.display());
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
        built.map_err(Failure::engine(format!(
            "cannot build the recipe {}",
            recipe.context.display()
        )))?;
        let millis = begun.elapsed().as_millis() as u64;
        self.runner.emit(Event::BuildFinished {
            image: build.tag.clone(),
            millis,
        });
        find(self.runner, &build.tag, &mut self.tried).await
    }

    /// The base that a recipe stands on: present, pulled, or made on this machine.
    async fn base(&mut self, wanted: &str) -> Result<Option<String>, Failure> {
        let name = ImageName::new(wanted).map_err(Failure::Usage)?;
        let here = find(self.runner, name.as_str(), &mut self.tried).await?;
        if here.is_some() {
            return Ok(Some(name.to_string()));
        }
        let suite = base::suite(wanted);
        if let Some(suite) = suite {
            let local = base::local_name(suite);
            let here = find(self.runner, &local, &mut self.tried).await?;
            if here.is_some() {
                return Ok(Some(local));
            }
        }
        if self.pull(&name).await? {
            return Ok(Some(name.to_string()));
        }
        let Some(suite) = suite else {
            self.tried.push(format!(
                "the recipe stands on {wanted}, which cannot be made here"
            ));
            return Ok(None);
        };
        if self.policy == PullPolicy::Offline {
            self.tried.push(format!(
                "the base {wanted} is not here, and making it needs the package mirror"
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
        let made = match self.making.setup.install_base_tool(&mut line).await {
            Ok(SetupOutcome::Done(())) => base::make(suite, &self.making.cache, &mut line).await,
            Ok(SetupOutcome::NeedsConsent(_)) => {
                self.tried.push(localized!(
                    "building the base {image} needs `mmdebstrap`: run the command again with `--yes` to install it",
                    image = local
                ));
                return Ok(None);
            }
            Err(error) => Err(error),
        };
        let root = match made {
            Ok(root) => root,
            Err(error) => {
                self.tried.push(format!("making the base {local}: {error}"));
                return Ok(None);
            }
        };
        let imported = self.runner.engine.import(&root.path(), &local).await;
        imported.map_err(Failure::engine(format!("cannot import {local}")))?;
        let millis = begun.elapsed().as_millis() as u64;
        self.runner.emit(Event::BuildFinished {
            image: local.clone(),
            millis,
        });
        Ok(Some(local))
    }
}

/// Errors after which another way to get the image would not help either.
fn gives_up(error: &EngineError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Unreachable | ErrorKind::Denied | ErrorKind::DiskFull
    )
}

/// The default of `ARG DEBIAN=…`, which names the base of a recipe.
fn base_image(dockerfile: &str) -> Option<String> {
    let mut lines = dockerfile.lines().map(str::trim);
    lines
        .find_map(|line| line.strip_prefix("ARG DEBIAN="))
        .map(|base| base.trim_matches('"').to_owned())
}

/// The certificates that this machine trusts.
fn ca_bundle() -> Option<Vec<u8>> {
    let asked = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let usual = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    let places = asked.into_iter().chain(usual.map(PathBuf::from));
    places.into_iter().find_map(|path| std::fs::read(path).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_named_by_the_recipe() {
        assert_eq!(
            base_image("ARG DEBIAN=debian:trixie-slim\nFROM ${DEBIAN}\n").as_deref(),
            Some("debian:trixie-slim")
        );
        assert_eq!(base_image("FROM scratch\n"), None);
    }
}
