//! Images of labs: obtained, listed, removed, exported and imported.

use std::collections::BTreeMap;
use std::path::Path;

use crate::app::App;
use crate::app::output_file::{OutputKind, partial, replaced_by, without_path};
use crate::engine::{Engine, ErrorKind, Images as _, ListedImage};
use crate::event::Event;
use crate::lab::{Lab, ServiceName};
use crate::runner::{self, Failure, Images, PullPolicy, Runner};
use crate::store::{PACKED, UnreachableRegistries};
use crate::text;

/// What images that are saved are called while that is in progress.
pub(super) const IMAGE_FILE: &str = "images.tar";

/// The image that a service of a lab uses.
#[derive(Debug, Clone)]
pub struct LabImage {
    pub service: ServiceName,
    /// The image that the lab names; empty if it only has a recipe.
    pub official: String,
    /// The name and the id of the image that is used in its place, if there is one on this machine.
    pub found: Option<FoundImage>,
    pub removed: bool,
    /// Whether it was to be removed and stays, because a container uses it.
    pub in_use: bool,
}

/// An image on this machine.
#[derive(Debug, Clone)]
pub struct FoundImage {
    pub name: String,
    pub id: String,
}

/// What happens to images that roadlab built from recipes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltImages {
    Keep,
    Remove,
}

/// Images in a file.
#[derive(Debug, Clone)]
pub struct ExportedImages {
    /// The size of the file in bytes.
    pub bytes: u64,
    pub names: Vec<String>,
}

impl App {
    /// Obtains an image for every service of a lab and remembers which registries cannot be reached.
    pub async fn get_images<E: Engine>(&self, runner: &Runner<'_, E>) -> Result<Images, Failure> {
        self.load_packed_images(runner.engine, runner.lab).await?;
        let mut unreachable = UnreachableRegistries::read(&self.paths.state);
        let policy = self.options.pull_policy;
        let builder = self.image_builder(runner.lab);
        self.report_withheld(runner.lab);
        runner::get_images(runner, policy, &mut unreachable, &builder).await
    }

    /// Lists the images that the services of a lab use, obtaining the missing ones if the policy allows it.
    pub async fn images<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        policy: PullPolicy,
        built: BuiltImages,
    ) -> Result<Vec<LabImage>, Failure> {
        let mut unreachable = UnreachableRegistries::read(&self.paths.state);
        let runner = self.runner(engine, lab);
        let builder = self.image_builder(lab);
        let images = runner::get_images(&runner, policy, &mut unreachable, &builder).await?;
        let mut list = Vec::new();
        for service in lab.services.values() {
            let found = images.found.get(&service.name);
            let is_own = |name: &str| name.starts_with("roadlab/") || name.starts_with(PACKED);
            let (removed, in_use) = match found.filter(|image| is_own(&image.name)) {
                Some(image) if built == BuiltImages::Remove => {
                    match engine.remove_image(&image.name).await {
                        Ok(()) => (true, false),
                        Err(error) if error.kind == ErrorKind::Busy => (false, true),
                        Err(error) => {
                            let what = text!("cannot remove image {image}", image = image.name);
                            return Err(Failure::engine(what)(error));
                        }
                    }
                }
                _ => (false, false),
            };
            let official = service.image.as_ref();
            list.push(LabImage {
                service: service.name.clone(),
                official: official.map(ToString::to_string).unwrap_or_default(),
                found: found.map(|image| FoundImage {
                    name: image.name.clone(),
                    id: image.id.clone(),
                }),
                removed,
                in_use,
            });
        }
        Ok(list)
    }

    /// Returns all images on this machine that have a name, by their id.
    pub async fn images_by_id(
        &self,
        engine: &impl Engine,
    ) -> Result<BTreeMap<String, ListedImage>, Failure> {
        let images = engine.all_images().await;
        let images = images.map_err(Failure::engine(text!("cannot list the images")))?;
        Ok(images
            .into_iter()
            .map(|image| (image.id.clone(), image))
            .collect())
    }

    /// Returns the services whose image on this machine was built from a recipe, each with the version of the server where the
    /// image tells it. Without an engine that responds there are none.
    pub async fn built_services(&self, lab: &Lab) -> BTreeMap<ServiceName, Option<String>> {
        let mut built = BTreeMap::new();
        let Ok((engine, _)) = self.setup().existing_engine().await else {
            return built;
        };
        let found = self.images(&engine, lab, PullPolicy::LocalOnly, BuiltImages::Keep);
        for image in found.await.unwrap_or_default() {
            let name = image.found.map(|found| found.name).unwrap_or_default();
            let Some(recipe) = name.strip_prefix("roadlab/") else {
                continue;
            };
            let info = engine.image(&name).await.ok().flatten();
            let env = info.map(|info| info.env).unwrap_or_default();
            built.insert(image.service, version(recipe, &env));
        }
        built
    }

    /// Writes the images of labs into a tar file, under the names by which [`up`](Self::up) finds them. The file appears when
    /// it is complete.
    pub async fn export_images<E: Engine>(
        &self,
        engine: &E,
        labs: &[Lab],
        file: &Path,
    ) -> Result<ExportedImages, Failure> {
        let cannot = |error: &std::io::Error| Failure::cannot_write(file, error);
        replaced_by(file, OutputKind::Images)?;
        let partial = partial(file)?;
        // By name, since labs share images.
        let mut images = BTreeMap::new();
        for lab in labs {
            let runner = self.runner(engine, lab);
            for image in self.get_images(&runner).await?.found.into_values() {
                images.insert(image.name, image.id);
            }
        }
        let mut total = 0;
        for name in images.keys() {
            let what = text!("cannot inspect image {name}", name);
            let image = engine.image(name).await.map_err(Failure::engine(what))?;
            total += image.map_or(0, |image| image.size);
        }
        let names: Vec<&str> = images.keys().map(String::as_str).collect();
        let output = partial.reopen();
        let output = output.map_err(|error| cannot(&without_path(&error)))?;
        let progress = self.file_progress(file, total);
        let saved = engine.save(&names, output, &progress).await;
        let what = text!("cannot write {file}", file = file.display());
        saved.map_err(Failure::engine(what))?;
        let size = partial.as_file().metadata();
        let bytes = size.map_err(|error| cannot(&error))?.len();
        partial
            .persist(file)
            .map_err(|error| cannot(&error.error))?;
        Ok(ExportedImages {
            bytes,
            names: images.into_keys().collect(),
        })
    }

    /// Loads the images in a tar file into the engine and returns their names. The file must be readable.
    pub async fn import_images<E: Engine>(
        &self,
        engine: &E,
        file: &Path,
    ) -> Result<Vec<String>, Failure> {
        let bytes = file_size(file)?;
        let progress = self.file_progress(file, bytes);
        let loaded = engine.load(file, &progress).await;
        let what = text!("cannot load images from {file}", file = file.display());
        loaded.map_err(Failure::engine(what))
    }

    pub(super) fn file_progress(&self, file: &Path, total: u64) -> impl Fn(u64) + use<'_> {
        let file = file.file_name().unwrap_or(file.as_os_str());
        let file = file.to_string_lossy().into_owned();
        move |current| {
            self.emit(Event::FileProgress {
                file: file.clone(),
                current,
                total: total.max(current),
            });
        }
    }
}

/// Returns the version that an image has in its environment by the convention of official images: `MONGO_VERSION` for `mongo`.
fn version(image: &str, env: &[String]) -> Option<String> {
    let name = image.split(':').next()?.replace('-', "_").to_uppercase();
    let prefix = format!("{name}_VERSION=");
    let value = env
        .iter()
        .find_map(|variable| variable.strip_prefix(&prefix));
    value.map(str::to_owned)
}

/// Returns the size of a file in bytes, or why it cannot be read.
pub fn file_size(file: &Path) -> Result<u64, Failure> {
    let metadata = std::fs::metadata(file);
    let metadata = metadata.map_err(|error| {
        Failure::Usage(text!(
            "cannot read {file}: {reason}",
            file = file.display(),
            reason = error
        ))
    })?;
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_image_and_not_of_what_is_in_it() {
        let env = ["PATH=/bin", "PYTHON_VERSION=3.13", "MONGO_VERSION=6.0.5"].map(str::to_owned);
        assert_eq!(version("mongo:0a1b", &env).as_deref(), Some("6.0.5"));
        assert_eq!(version("node-exporter:0a1b", &env), None);
    }
}
