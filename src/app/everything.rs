//! Everything that roadlab put on this machine, apart from what the learner did: found, and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::app::{App, BuiltImages, Forget};
use crate::engine::{Engine, ErrorKind, ListedImage};
use crate::lab::{Instance, LabId};
use crate::runner::{Failure, PullPolicy, Removed};
use crate::store::{AddedLabs, PACKED, PulledImages, VolumeCopy, short_image_name};
use crate::text;

/// The repository of the images that are built from recipes.
const BUILT: &str = "roadlab/";
/// The repository of the base images that recipes begin with.
const BASE: &str = "roadlab/debian:";

/// What roadlab put on this machine.
#[derive(Debug)]
pub struct Everything {
    /// The instances of labs that run or are paused.
    pub instances: BTreeSet<(LabId, Instance)>,
    /// The images that roadlab built, loaded or pulled, the newest first.
    pub images: Vec<ListedImage>,
    /// The folder of what can be created again, with its size in bytes; `None` if it does not exist.
    pub cache: Option<(PathBuf, u64)>,
    /// The labs that were added; they stay.
    pub added: Vec<String>,
}

impl Everything {
    /// Returns whether there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.images.is_empty() && self.cache.is_none()
    }

    /// Returns how many bytes the images have, each counted once. Layers that they share take less on disk.
    pub fn image_bytes(&self) -> u64 {
        let mut seen = BTreeSet::new();
        let images = self.images.iter();
        let images = images.filter(|image| seen.insert(image.id.as_str()));
        images.map(|image| image.size).sum()
    }
}

/// What was removed.
#[derive(Debug, Default)]
pub struct EverythingReport {
    pub removed: Removed,
    /// The names of the images that were removed.
    pub images: Vec<String>,
    /// The names of the images that stay because a container uses them that is not of this state folder.
    pub in_use: Vec<String>,
    /// Why something else stays.
    pub failed: Vec<Failure>,
}

impl App {
    /// Finds everything that roadlab put on this machine, apart from progress, files and labs that were added.
    pub async fn everything(&self, engine: &impl Engine) -> Result<Everything, Failure> {
        let instances = self.instances(engine).await?;
        let pulled = PulledImages::read(&self.paths.state);
        let images = engine.all_images().await;
        let mut images = images.map_err(Failure::engine(text!("cannot list the images")))?;
        images.retain(|image| is_own(&image.name) || pulled.contains(&image.name));
        let cache = self.paths.cache.clone();
        let cache = tokio::task::spawn_blocking(move || {
            let bytes = cache.is_dir().then(|| folder_size(&cache))?;
            Some((cache, bytes))
        });
        let added = AddedLabs::new(self.paths.added()).folders();
        Ok(Everything {
            instances,
            images,
            cache: cache.await.map_err(anyhow::Error::from)?,
            added: added.into_iter().map(|(lab, _)| lab).collect(),
        })
    }

    /// Removes what [`everything`](Self::everything) found. The user has agreed to it.
    pub async fn remove_everything(
        &self,
        engine: &impl Engine,
        found: &Everything,
    ) -> Result<EverythingReport, Failure> {
        let mut report = EverythingReport {
            removed: self.down_all(engine, Forget::No).await?.removed,
            ..EverythingReport::default()
        };
        let mut pulled = PulledImages::read(&self.paths.state);
        for image in &found.images {
            match engine.remove_image(&image.name).await {
                Ok(()) => {
                    pulled.remove(&image.name);
                    report.images.push(image.name.clone());
                }
                Err(error) if error.kind == ErrorKind::Busy => {
                    report.in_use.push(image.name.clone());
                }
                // The others are removed nevertheless.
                Err(error) => {
                    let what = text!("cannot remove image {image}", image = image.name);
                    report.failed.push(Failure::engine(what)(error));
                }
            }
        }
        if let Some((cache, _)) = &found.cache
            && let Err(error) = tokio::fs::remove_dir_all(cache).await
        {
            report.failed.push(Failure::cannot_write(cache, &error));
        }
        Ok(report)
    }
}

/// What no lab needs any more, and was removed.
#[derive(Debug, Default)]
pub struct UnusedReport {
    /// The names of the images.
    pub images: Vec<String>,
    /// The size of the images in bytes, each counted once.
    pub image_bytes: u64,
    /// The size of the copies of volumes in bytes.
    pub copy_bytes: u64,
}

impl App {
    /// Removes the images that roadlab built and that no lab uses, and all copies of volumes. An image that a container uses
    /// stays.
    pub async fn remove_unused(&self, engine: &impl Engine) -> Result<UnusedReport, Failure> {
        let mut used = BTreeSet::new();
        for lab in self.labs()?.all().keys() {
            // The images of a lab that cannot be read are unknown, so that none may be taken for unused.
            let lab = self.open(lab.as_str())?.lab;
            let images = self.images(engine, &lab, PullPolicy::LocalOnly, BuiltImages::Keep);
            let found = images.await?.into_iter().filter_map(|image| image.found);
            used.extend(found.map(|image| image.id));
        }
        let images = engine.all_images().await;
        let images = images.map_err(Failure::engine(text!("cannot list the images")))?;
        let mut report = UnusedReport::default();
        let mut sizes = BTreeMap::new();
        for image in images {
            let name = short_image_name(&image.name);
            if !name.starts_with(BUILT) || name.starts_with(BASE) || used.contains(&image.id) {
                continue;
            }
            match engine.remove_image(&image.name).await {
                Ok(()) => {
                    sizes.insert(image.id, image.size);
                    report.images.push(image.name);
                }
                Err(error) if error.kind == ErrorKind::Busy => {}
                Err(error) => {
                    let what = text!("cannot remove image {image}", image = image.name);
                    return Err(Failure::engine(what)(error));
                }
            }
        }
        report.image_bytes = sizes.values().sum();
        report.copy_bytes = self.volume_copies.all().iter().map(VolumeCopy::bytes).sum();
        let removed = self.volume_copies.remove_all();
        removed.map_err(|error| Failure::cannot_write(&self.paths.cache, &error))?;
        Ok(report)
    }
}

/// Returns whether an image has a name that only roadlab gives: it was built from a recipe, or came with a lab.
fn is_own(name: &str) -> bool {
    let name = short_image_name(name);
    name.starts_with(BUILT) || name.starts_with(PACKED)
}

/// Returns the size of all files in a folder in bytes. What cannot be read counts as empty.
fn folder_size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => folder_size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::app;
    use crate::engine::Fake;

    #[tokio::test]
    async fn what_roadlab_built_loaded_and_pulled_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let packed = format!("{PACKED}redis:0a1b");
        let podman = "localhost/roadlab/app:1";
        let engine = Fake::with_images(&[
            "roadlab/redis:8",
            podman,
            &packed,
            "docker.io/library/mongo:8",
            "postgres:18",
        ]);
        PulledImages::read(&app.paths.state).add("mongo:8");
        std::fs::create_dir_all(app.paths.cache.join("deep")).unwrap();
        std::fs::write(app.paths.cache.join("deep/file"), "12345").unwrap();
        std::fs::create_dir_all(app.paths.progress()).unwrap();
        let progress = app.paths.progress().join("redis@main.json");
        std::fs::write(&progress, "{}").unwrap();

        let found = app.everything(&engine).await.unwrap();
        assert!(!found.is_empty());
        assert_eq!(found.cache.as_ref().map(|(_, bytes)| *bytes), Some(5));
        assert_eq!(found.image_bytes(), 4 << 20);
        let report = app.remove_everything(&engine, &found).await.unwrap();
        assert_eq!(report.images.len(), 4);
        assert_eq!(
            engine.images.borrow().iter().collect::<Vec<_>>(),
            ["postgres:18"]
        );
        assert!(!app.paths.cache.exists() && progress.exists());
        assert!(!PulledImages::read(&app.paths.state).contains("mongo:8"));
        assert!(app.everything(&engine).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_removed_is_reported_and_the_rest_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let engine = Fake::with_images(&["roadlab/redis:8", "roadlab/mongo:8"]);
        engine.fail_at(1, ErrorKind::Denied);
        std::fs::create_dir_all(&app.paths.cache).unwrap();
        let found = app.everything(&engine).await.unwrap();
        let report = app.remove_everything(&engine, &found).await.unwrap();
        assert_eq!(report.images, ["roadlab/redis:8"]);
        assert_eq!(report.failed.len(), 1);
        assert!(!app.paths.cache.exists());
    }

    #[tokio::test]
    async fn images_that_no_lab_uses_and_copies_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let kept = ["postgres:18", "roadlab/debian:trixie"];
        let engine = Fake::with_images(&[kept[0], kept[1], "roadlab/old:0a1b"]);
        let second = std::time::Duration::from_secs(1);
        let mut copy = app.volume_copies.begin("key", "redis", second).unwrap();
        drop(copy.create("data").unwrap());
        copy.add("data", 0);
        copy.finish().unwrap();
        let report = app.remove_unused(&engine).await.unwrap();
        assert_eq!(report.images, ["roadlab/old:0a1b"]);
        let left: Vec<String> = engine.images.borrow().iter().cloned().collect();
        assert_eq!(left, kept);
        assert_eq!(app.volume_copies.all(), []);
    }

    #[tokio::test]
    async fn an_image_in_use_stays_and_the_others_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let engine = Fake::with_images(&["roadlab/redis:8", "roadlab/mongo:8"]);
        // The first change is the removal of this one.
        engine.fail_at(1, ErrorKind::Busy);
        let found = app.everything(&engine).await.unwrap();
        let report = app.remove_everything(&engine, &found).await.unwrap();
        assert_eq!(report.images, ["roadlab/redis:8"]);
        assert_eq!(report.in_use, ["roadlab/mongo:8"]);
    }
}
