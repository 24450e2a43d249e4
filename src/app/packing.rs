//! Packs a lab into a file, with the images of its services.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::app::App;
use crate::app::output_file::{OutputKind, partial, replaced_by, without_path};
use crate::app::sharing::load_sound;
use crate::engine::Engine;
use crate::hex;
use crate::lab::{Lab, LabId, LoadedLab};
use crate::runner::Failure;
use crate::store::{
    EXTENSION, LabTree, Manifest, OsFs, Package, PackagedImage, PackagedImages, RecordingFs,
    pack_images, write_package,
};
use crate::text;

/// A lab that was packed into a file.
#[derive(Debug)]
pub struct PackReport {
    pub lab: LabId,
    pub file: PathBuf,
    /// The size of the file in bytes.
    pub bytes: u64,
    pub manifest: Manifest,
}

impl App {
    /// Returns the file that a lab, by its name or path, is packed into.
    pub fn pack_target(&self, name: &str, file: Option<&Path>) -> Result<PathBuf, Failure> {
        let folder = self.labs()?.folder(name);
        let folder = folder.map_err(|problem| Failure::Problems(vec![problem]))?;
        match file {
            Some(file) => Ok(file.to_owned()),
            None => Ok(PathBuf::from(default_name(
                &load_sound(&folder, &OsFs)?.lab,
            ))),
        }
    }

    /// Packs a lab, by its name or path, into a file; with the images that an engine has or gets, if there is one. The file
    /// appears when it is complete and can be read again.
    pub async fn pack<E: Engine>(
        &self,
        engine: Option<&E>,
        name: &str,
        file: Option<&Path>,
    ) -> Result<PackReport, Failure> {
        let folder = self.labs()?.folder(name);
        let folder = folder.map_err(|problem| Failure::Problems(vec![problem]))?;
        let files = RecordingFs::default();
        let LoadedLab { lab, .. } = load_sound(&folder, &files)?;
        let tree = LabTree::collect(&lab, &files.files())?;
        let version = lab.about.version.clone();
        let mut manifest = Manifest::new(lab.id.clone(), version, tree.describe().await?);
        manifest.check().map_err(Failure::Usage)?;
        let target = match file {
            Some(file) => file.to_owned(),
            None => PathBuf::from(default_name(&lab)),
        };
        replaced_by(&target, OutputKind::Package)?;
        let cannot = |error: &std::io::Error| Failure::cannot_write(&target, error);
        let partial = partial(&target)?;
        let images = match engine {
            Some(engine) => self.packed_images(engine, &lab).await?,
            None => None,
        };
        let (about, images) = images.unzip();
        manifest.images = about;
        let size = manifest.images.as_ref().map_or(0, |images| images.size);
        let output = partial.reopen();
        let output = output.map_err(|error| cannot(&without_path(&error)))?;
        let progress = self.file_progress(target.as_path(), size);
        let source = images.as_ref().map(tempfile::NamedTempFile::path);
        write_package(output, &target, &manifest, &tree, source, &progress).await?;
        drop(images);
        self.check_packed(partial.path(), &target, &lab).await?;
        let about = partial.as_file().metadata();
        let bytes = about.map_err(|error| cannot(&error))?.len();
        partial
            .persist(&target)
            .map_err(|error| cannot(&error.error))?;
        Ok(PackReport {
            lab: lab.id,
            file: target,
            bytes,
            manifest,
        })
    }

    /// Gets the images of a lab and writes them into a file as a package has them; `None` if it has no services.
    async fn packed_images<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
    ) -> Result<Option<(PackagedImages, tempfile::NamedTempFile)>, Failure> {
        let runner = self.runner(engine, lab);
        let found = self.get_images(&runner).await?.found;
        let by_name: BTreeMap<String, String> = found
            .values()
            .map(|image| (image.name.clone(), image.id.clone()))
            .collect();
        let Some(first) = by_name.keys().next() else {
            return Ok(None);
        };
        let what = text!("cannot inspect image {name}", name = first);
        let first = engine.image(first).await.map_err(Failure::engine(what))?;
        let platform = first.map(|image| image.platform).unwrap_or_default();
        let saved = self.temporary_file()?;
        let names: Vec<&str> = by_name.keys().map(String::as_str).collect();
        let output = saved
            .reopen()
            .map_err(|error| Failure::Other(error.into()))?;
        let progress = self.file_progress(Path::new(crate::app::images::IMAGE_FILE), 0);
        let written = engine.save(&names, output, &progress).await;
        written.map_err(Failure::engine(text!(
            "cannot save the images of {lab}",
            lab = lab.id
        )))?;
        let mut packed = self.temporary_file()?;
        let new_names = pack_images(saved.path(), &by_name, packed.as_file_mut()).await;
        let new_names = new_names.map_err(|error| error.at(&self.paths.cache))?;
        drop(saved);
        let (size, sha256) = digest_of(packed.path()).await?;
        let services = found.into_iter().filter_map(|(service, image)| {
            let packed = PackagedImage {
                name: new_names.get(&image.name)?.clone(),
                original: image.name,
            };
            Some((service, packed))
        });
        let about = PackagedImages {
            size,
            sha256,
            platform,
            services: services.collect(),
        };
        Ok(Some((about, packed)))
    }

    /// Reads a package that was just written, as another machine does.
    async fn check_packed(&self, file: &Path, target: &Path, lab: &Lab) -> Result<(), Failure> {
        let package = Package::open(file, &|_| {}).await;
        let package = package.map_err(|error| error.at(target))?;
        let checked = package.check_images().await;
        checked.map_err(|error| error.at(target))?;
        let folder = tempfile::tempdir().map_err(|error| Failure::Other(error.into()))?;
        package.unpack(folder.path()).await?;
        let unpacked = folder.path().join(package.manifest.lab_folder());
        match load_sound(&unpacked, &OsFs) {
            Ok(_) => Ok(()),
            Err(Failure::Problems(problems)) => {
                let first = problems.first();
                let reason = first.map(|problem| problem.what.clone());
                Err(Failure::Usage(text!(
                    "cannot pack {lab}: it needs files outside its own folder: {reason}",
                    lab = lab.id,
                    reason = reason.unwrap_or_else(|| text!("the lab has problems"))
                )))
            }
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn temporary_file(&self) -> Result<tempfile::NamedTempFile, Failure> {
        let cache = &self.paths.cache;
        let create = || {
            std::fs::create_dir_all(cache)?;
            tempfile::NamedTempFile::new_in(cache)
        };
        create().map_err(|error| Failure::cannot_write(cache, &without_path(&error)))
    }
}

/// Returns the name of the file that a lab is packed into by default.
fn default_name(lab: &Lab) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    let version = lab.about.version.as_deref().unwrap_or_default();
    let version = version.replace(|c| !plain(c), "-");
    match version.is_empty() {
        true => format!("{}.{EXTENSION}", lab.id),
        false => format!("{}-{version}.{EXTENSION}", lab.id),
    }
}

/// Returns the size and the SHA-256 of a file.
async fn digest_of(path: &Path) -> Result<(u64, String), Failure> {
    let failed = |error: std::io::Error| Failure::Other(error.into());
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut chunk = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut chunk).map_err(failed)?;
        if read == 0 {
            return Ok((size, hex::encode(&hash.finalize())));
        }
        hash.update(&chunk[..read]);
        size += read as u64;
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_named_after_the_lab_and_its_version() {
        let mut lab = crate::lab::testing::lab(crate::lab::testing::COMPOSE);
        assert_eq!(default_name(&lab), "small.lab");
        lab.about.version = Some("1.2/beta".to_owned());
        assert_eq!(default_name(&lab), "small-1.2-beta.lab");
    }
}
