//! The images that came with a lab: they are loaded from its file, used by its services, and removed with it.

use std::collections::BTreeMap;

use crate::app::App;
use crate::engine::Engine;
use crate::lab::{Lab, ServiceName};
use crate::runner::{CameWith, Failure};
use crate::store::{AddedLab, LabOrigin, Package, check_images, is_packed_image};
use crate::text;

impl App {
    /// Returns the images that came with a lab, by service.
    pub(super) fn packed_images_of(&self, lab: &Lab) -> BTreeMap<ServiceName, CameWith> {
        let labs = self.added_labs();
        let Some(AddedLab { manifest, .. }) = labs.of_folder(&lab.folder) else {
            return BTreeMap::new();
        };
        let loaded = labs.loaded_images(&manifest.lab);
        let services = manifest
            .images
            .into_iter()
            .flat_map(|images| images.services);
        let came_with = services.map(|(service, image)| {
            let image = CameWith {
                loaded_id: loaded.get(&image.name).cloned(),
                name: image.name,
            };
            (service, image)
        });
        came_with.collect()
    }

    /// Loads the images that came with a lab into the engine, if some are missing there and the lab's file is still where it was.
    pub(super) async fn load_packed_images<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
    ) -> Result<(), Failure> {
        let Some(AddedLab {
            origin: LabOrigin::File { path },
            manifest,
            ..
        }) = self.added_labs().of_folder(&lab.folder)
        else {
            return Ok(());
        };
        let Some(images) = &manifest.images else {
            return Ok(());
        };
        let names = manifest.image_names();
        let labs = self.added_labs();
        let known = labs.loaded_images(&manifest.lab);
        let mut missing = false;
        for name in &names {
            let what = text!("cannot inspect image {name}", name);
            let image = engine.image(name).await.map_err(Failure::engine(what))?;
            let is_packed = image.is_some_and(|image| {
                is_packed_image(name, &image.id, known.get(*name).map(String::as_str))
            });
            missing |= !is_packed;
        }
        // Another file may be there by now; the images can still be pulled or built then.
        if !missing || !path.is_file() {
            return Ok(());
        }
        let package = Package::open(&path, &|_| {}).await?;
        if package.manifest != manifest {
            return Ok(());
        }
        let mut file = self.temporary_file()?;
        let progress = self.file_progress(&path, images.size);
        package.copy_images(file.as_file_mut(), &progress).await?;
        check_images(&path, file.as_file(), 0, names.iter().copied())?;
        let loaded = engine.load(file.path(), &progress).await;
        let what = text!("cannot load images from {file}", file = path.display());
        loaded.map_err(Failure::engine(what))?;
        // Some engines give an image an id that is not the digest of its configuration.
        let mut ids = BTreeMap::new();
        for name in names {
            let what = text!("cannot inspect image {name}", name);
            let image = engine.image(name).await.map_err(Failure::engine(what))?;
            ids.extend(image.map(|image| (name.to_owned(), image.id)));
        }
        Ok(labs.record_loaded(&manifest.lab, ids)?)
    }
}

/// Removes an image that came with a lab; an image of the same name that did not stays.
pub(super) async fn remove_image(
    engine: &impl Engine,
    name: &str,
    loaded_id: Option<&String>,
) -> bool {
    let image = engine.image(name).await.ok().flatten();
    let loaded_id = loaded_id.map(String::as_str);
    let there = image.is_some_and(|image| is_packed_image(name, &image.id, loaded_id));
    there && engine.remove_image(name).await.is_ok()
}
