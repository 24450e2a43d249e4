//! The labs that were added: each with where it comes from, in the data folder.
//!
//! `added/NAME/origin.json` is where it comes from, `added/NAME/loaded.json` has the ids on the engine of the images that were
//! loaded from its file, and `added/NAME/content` has what a package contains: `manifest.json`, the lab in
//! `labs/NAME` and its part of the catalogue in `compose`. A lab is replaced as a whole, or file by file while it runs: a
//! container that has mounted a folder does not see another one that takes its place.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};

use crate::lab::LabId;
use crate::store::document::{self, DocumentError, FolderLock};
use crate::store::package::{Manifest, PackageError};

const VERSION: u32 = 1;

const ORIGIN: &str = "origin.json";
const CONTENT: &str = "content";
const LOADED: &str = "loaded.json";
/// The prefix of the names of folders in which labs are prepared; no lab can have such a name.
const PREPARED: &str = ".add-";

/// Before the name of a lab whose folder is being replaced.
const REPLACED: &str = ".add-old-";

/// Where a lab comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LabOrigin {
    /// A package.
    File { path: PathBuf },
    /// A Git repository.
    Git {
        address: String,
        /// The branch, tag or commit that was named.
        reference: Option<String>,
        /// The commit that it was.
        commit: String,
    },
}

impl fmt::Display for LabOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "{}", path.display()),
            Self::Git {
                address,
                reference: Some(reference),
                ..
            } => write!(f, "{address}@{reference}"),
            Self::Git { address, .. } => f.write_str(address),
        }
    }
}

/// How the lab that was there before is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// In one step.
    Whole,
    /// File by file, in the same folders.
    FileByFile,
}

/// A lab that was added.
#[derive(Debug, Clone)]
pub struct AddedLab {
    pub origin: LabOrigin,
    pub manifest: Manifest,
    /// The folder of the lab itself.
    pub folder: PathBuf,
}

/// All labs that were added.
#[derive(Debug, Clone)]
pub struct AddedLabs {
    folder: PathBuf,
}

/// A folder in which the content of a lab is prepared. It is removed when it is dropped.
#[derive(Debug)]
pub struct PreparedLab {
    folder: tempfile::TempDir,
    labs: PathBuf,
    /// Other processes see by this lock that the folder is in use.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct OriginDocument {
    origin: LabOrigin,
}

#[derive(Serialize, Deserialize)]
struct LoadedDocument {
    /// The ids of the images by name.
    images: BTreeMap<String, String>,
}

impl AddedLab {
    /// Returns the files that are not as the manifest describes them.
    pub fn damaged_files(&self) -> Vec<String> {
        let content = self.folder.ancestors().nth(2).unwrap_or(&self.folder);
        let files = self.manifest.files.iter();
        let damaged = files.filter(|(path, about)| !about.is_at(&content.join(path)));
        damaged.map(|(path, _)| path.clone()).collect()
    }
}

impl AddedLabs {
    /// Returns the labs in a folder, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the names and the folders of all labs, without reading them.
    pub fn folders(&self) -> Vec<(String, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let labs = names.filter(|name| LabId::new(name).is_ok());
        let labs = labs.map(|name| (self.lab_folder(&name), name));
        let mut labs: Vec<_> = labs
            .filter(|(folder, _)| folder.join("lab.yaml").exists())
            .map(|(folder, name)| (name, folder))
            .collect();
        labs.sort();
        labs
    }

    /// Returns a lab; `None` if it was not added.
    pub fn find(&self, lab: &str) -> Result<Option<AddedLab>, PackageError> {
        let folder = self.folder.join(lab);
        if LabId::new(lab).is_err() || !folder.is_dir() {
            return Ok(None);
        }
        let path = folder.join(ORIGIN);
        let document: Result<Option<OriginDocument>, _> = document::read(&path, VERSION);
        let document = document.map_err(|error| PackageError::Unreadable {
            path,
            error: as_io(&error),
        })?;
        let Some(OriginDocument { origin }) = document else {
            return Ok(None);
        };
        let path = self.manifest_path(lab);
        let bytes = std::fs::read(&path).map_err(|error| PackageError::Unreadable {
            path: path.clone(),
            error,
        })?;
        Ok(Some(AddedLab {
            origin,
            manifest: Manifest::parse(&path, &bytes)?,
            folder: self.lab_folder(lab),
        }))
    }

    /// Returns a lab that [`AddedLabs::find`] cannot read, without its files and images: what its manifest names must not be
    /// trusted. `None` if there is no such folder.
    pub fn find_damaged(&self, lab: &str) -> Option<AddedLab> {
        let id = LabId::new(lab).ok()?;
        let folder = self.folder.join(lab);
        let document = document::read(&folder.join(ORIGIN), VERSION);
        let document: Option<OriginDocument> = document.ok().flatten();
        let unknown = || LabOrigin::File {
            path: folder.clone(),
        };
        folder.is_dir().then(|| AddedLab {
            origin: document.map_or_else(unknown, |document| document.origin),
            manifest: Manifest::new(id, None, BTreeMap::new()),
            folder: self.lab_folder(lab),
        })
    }

    /// Returns the lab whose folder this is; `None` if it is not one of those that were added.
    pub fn of_folder(&self, folder: &Path) -> Option<AddedLab> {
        let name = folder.file_name()?.to_str()?;
        let is_same = |path: &Path| {
            let canonical = |path: &Path| std::fs::canonicalize(path).ok();
            path == folder || canonical(path).is_some_and(|path| canonical(folder) == Some(path))
        };
        is_same(&self.lab_folder(name)).then(|| self.find(name).ok().flatten())?
    }

    fn lab_folder(&self, lab: &str) -> PathBuf {
        self.folder.join(lab).join(CONTENT).join("labs").join(lab)
    }

    /// Returns the file that describes the content of a lab.
    pub fn manifest_path(&self, lab: &str) -> PathBuf {
        self.folder.join(lab).join(CONTENT).join("manifest.json")
    }

    /// Creates a folder in which the content of a lab is prepared, and removes those that ended processes left.
    pub fn prepare(&self) -> Result<PreparedLab, PackageError> {
        let prepare = || {
            // Without it, another process could remove the folder before it is locked.
            let _lock = FolderLock::acquire(&self.folder).map_err(|error| as_io(&error))?;
            self.remove_abandoned();
            let folder = tempfile::Builder::new()
                .prefix(PREPARED)
                .tempdir_in(&self.folder)?;
            let lock = File::open(folder.path())?;
            lock.try_lock()?;
            // Services must be able to read what is mounted.
            for path in [folder.path().to_owned(), folder.path().join(CONTENT)] {
                std::fs::create_dir_all(&path)?;
                std::fs::set_permissions(
                    &path,
                    std::os::unix::fs::PermissionsExt::from_mode(0o755),
                )?;
            }
            Ok(PreparedLab {
                folder,
                labs: self.folder.clone(),
                _lock: lock,
            })
        };
        prepare().map_err(|error| PackageError::Unwritable {
            path: self.folder.clone(),
            error,
        })
    }

    fn remove_abandoned(&self) {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if let Some(lab) = name.strip_prefix(REPLACED) {
                let place = self.folder.join(lab);
                // A process ended before the new one was in its place.
                if !place.exists() && std::fs::rename(entry.path(), place).is_ok() {
                    continue;
                }
            }
            let abandoned = || File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if name.starts_with(PREPARED) && abandoned() {
                // If it cannot be removed, the next command tries again.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Records where a lab comes from that stays as it is.
    pub fn record_origin(&self, lab: &LabId, origin: LabOrigin) -> Result<(), PackageError> {
        let path = self.folder.join(lab.as_str()).join(ORIGIN);
        let written = document::replace(&path, VERSION, &OriginDocument { origin });
        written.map(drop).map_err(|error| PackageError::Unwritable {
            path,
            error: as_io(&error),
        })
    }

    /// Returns the ids on the engine of the images that were loaded from a lab's file, by name.
    pub fn loaded_images(&self, lab: &LabId) -> BTreeMap<String, String> {
        let path = self.folder.join(lab.as_str()).join(LOADED);
        let document: Result<Option<LoadedDocument>, _> = document::read(&path, VERSION);
        let document = document.ok().flatten();
        document.map(|document| document.images).unwrap_or_default()
    }

    /// Records the ids on the engine of the images that were loaded from a lab's file.
    pub fn record_loaded(
        &self,
        lab: &LabId,
        images: BTreeMap<String, String>,
    ) -> Result<(), PackageError> {
        let path = self.folder.join(lab.as_str()).join(LOADED);
        let written = document::replace(&path, VERSION, &LoadedDocument { images });
        written.map(drop).map_err(|error| PackageError::Unwritable {
            path,
            error: as_io(&error),
        })
    }

    /// Removes a lab.
    pub fn remove(&self, lab: &LabId) -> Result<(), PackageError> {
        // Moved away first, so that there is never half a lab.
        let prepared = self.prepare()?;
        let folder = self.folder.join(lab.as_str());
        let moved = std::fs::rename(&folder, prepared.folder.path().join("removed"));
        moved.map_err(|error| PackageError::Unwritable {
            path: folder,
            error,
        })
    }
}

impl PreparedLab {
    /// Returns the folder for the content.
    pub fn content(&self) -> PathBuf {
        self.folder.path().join(CONTENT)
    }

    /// Returns a folder for other files, which do not become part of the lab.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Puts the lab in its place; the lab that was there before is removed.
    pub fn install(
        self,
        manifest: &Manifest,
        origin: LabOrigin,
        replacement: Replacement,
    ) -> Result<(), PackageError> {
        let target = self.labs.join(manifest.lab.as_str());
        let unwritable = |error| PackageError::Unwritable {
            path: target.clone(),
            error,
        };
        let complete = || {
            let work = self.work();
            if work.exists() {
                std::fs::remove_dir_all(work)?;
            }
            std::fs::write(self.content().join("manifest.json"), manifest.to_bytes())?;
            let origin = OriginDocument { origin };
            let written = document::replace(&self.folder.path().join(ORIGIN), VERSION, &origin);
            written.map(drop).map_err(|error| as_io(&error))
        };
        complete().map_err(unwritable)?;
        let lock = FolderLock::acquire(&self.labs);
        let _lock = lock.map_err(|error| unwritable(as_io(&error)))?;
        let own = self.folder.path();
        if replacement == Replacement::FileByFile && target.exists() {
            return replace_files(own, &target, manifest);
        }
        let install = || {
            match target.exists() {
                true => {
                    let exchange = renameat_with(CWD, own, CWD, &target, RenameFlags::EXCHANGE);
                    exchange.map_err(std::io::Error::from).or_else(|_| {
                        // A file system that cannot exchange two names.
                        let old = self.labs.join(format!("{REPLACED}{}", manifest.lab));
                        std::fs::rename(&target, &old)?;
                        std::fs::rename(own, &target)
                            .inspect_err(|_| drop(std::fs::rename(&old, &target)))
                    })
                }
                false => std::fs::rename(own, &target),
            }
        };
        install().map_err(unwritable)
    }
}

/// Moves the files that changed from one folder of a lab to another, and removes those that are gone. Nothing is changed if
/// something is in the way. The descriptions come last, so that what was interrupted is not taken for complete.
fn replace_files(from: &Path, to: &Path, manifest: &Manifest) -> Result<(), PackageError> {
    let content = to.join(CONTENT);
    let path = content.join("manifest.json");
    let before = std::fs::read(&path).ok();
    let before = before.and_then(|bytes| Manifest::parse(&path, &bytes).ok());
    let before = before.map(|manifest| manifest.files).unwrap_or_default();
    let gone: Vec<PathBuf> = before
        .keys()
        .filter(|path| !manifest.files.contains_key(*path))
        .map(|path| content.join(path))
        .collect();
    let changed: Vec<(&String, PathBuf)> = manifest
        .files
        .iter()
        .map(|(path, about)| (path, about, content.join(path)))
        .filter(|(_, about, target)| !about.is_at(target))
        .map(|(path, _, target)| (path, target))
        .collect();
    for (_, target) in &changed {
        if let Some(path) = in_the_way(target, &content, &gone) {
            let lab = manifest.lab.clone();
            return Err(PackageError::InTheWay { path, lab });
        }
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        let lab = manifest.lab.clone();
        move |error| PackageError::HalfReplaced { path, error, lab }
    };
    for path in &gone {
        match std::fs::remove_file(path) {
            Err(error) if !is_missing(&error) => return Err(failed(path)(error)),
            _ => {}
        }
    }
    for (path, target) in &changed {
        if is_folder(target) {
            // All of its files were removed above.
            std::fs::remove_dir_all(target).map_err(failed(target))?;
        }
        std::fs::create_dir_all(target.parent().unwrap_or(to)).map_err(failed(target))?;
        std::fs::rename(from.join(CONTENT).join(path), target).map_err(failed(target))?;
    }
    std::fs::rename(from.join(CONTENT).join("manifest.json"), &path).map_err(failed(&path))?;
    std::fs::rename(from.join(ORIGIN), to.join(ORIGIN)).map_err(failed(&to.join(ORIGIN)))
}

/// Returns what prevents that a file gets a path below a folder, once the files that are gone are removed.
fn in_the_way(target: &Path, folder: &Path, gone: &[PathBuf]) -> Option<PathBuf> {
    let above = target.ancestors().skip(1);
    let mut above = above.take_while(|path| *path != folder);
    let file = above.find(|path| {
        let exists = std::fs::symlink_metadata(path).is_ok();
        exists && !is_folder(path) && !gone.iter().any(|gone| gone == path)
    });
    match file {
        Some(file) => Some(file.to_owned()),
        None if is_folder(target) => first_file(target, gone),
        None => None,
    }
}

/// Returns a file below a folder that stays.
fn first_file(folder: &Path, gone: &[PathBuf]) -> Option<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Some(folder.to_owned());
    };
    entries.flatten().find_map(|entry| {
        let path = entry.path();
        match is_folder(&path) {
            true => first_file(&path, gone),
            false => (!gone.contains(&path)).then_some(path),
        }
    })
}

fn is_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|about| about.is_dir())
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn as_io(error: &DocumentError) -> std::io::Error {
    std::io::Error::other(error.text().localized())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::package::PackagedFile;
    use sha2::Digest;

    fn manifest(text: &str) -> Manifest {
        let file = PackagedFile {
            size: text.len() as u64,
            sha256: crate::hex::encode(&sha2::Sha256::digest(text)),
            executable: false,
        };
        let files = BTreeMap::from([("labs/x/lab.yaml".to_owned(), file)]);
        Manifest::new(LabId::new("x").unwrap(), None, files)
    }

    fn install(labs: &AddedLabs, text: &str, replacement: Replacement) {
        let prepared = labs.prepare().unwrap();
        let folder = prepared.content().join("labs/x");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("lab.yaml"), text).unwrap();
        std::fs::create_dir(prepared.work()).unwrap();
        let path = PathBuf::from("/x.lab");
        let origin = LabOrigin::File { path };
        prepared
            .install(&manifest(text), origin, replacement)
            .unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_lab_is_installed_replaced_and_removed_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let labs = AddedLabs::new(folder.path().join("added"));
        assert!(labs.folders().is_empty() && labs.find("x").unwrap().is_none());
        for (text, replacement) in [
            ("first", Replacement::Whole),
            ("second!", Replacement::Whole),
            ("the third", Replacement::FileByFile),
        ] {
            install(&labs, text, replacement);
            let found = labs.find("x").unwrap().unwrap();
            let read = std::fs::read_to_string(found.folder.join("lab.yaml")).unwrap();
            assert_eq!(read, text);
            assert_eq!(found.manifest, manifest(text));
            assert_eq!(labs.folders(), [("x".to_owned(), found.folder.clone())]);
            assert_eq!(
                labs.of_folder(&found.folder).unwrap().manifest,
                found.manifest
            );
            assert_eq!(names(&folder.path().join("added")), ["x"]);
            assert_eq!(names(&folder.path().join("added/x")), [CONTENT, ORIGIN]);
        }
        labs.remove(&LabId::new("x").unwrap()).unwrap();
        assert_eq!(names(&folder.path().join("added")), [""; 0]);
    }

    #[test]
    fn a_lab_that_runs_keeps_its_folders() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let labs = AddedLabs::new(folder.path().to_owned());
        install(&labs, "first", Replacement::Whole);
        let inode = || std::fs::metadata(labs.lab_folder("x")).unwrap().ino();
        let before = inode();
        install(&labs, "second!", Replacement::FileByFile);
        assert_eq!(inode(), before);
        install(&labs, "the third", Replacement::Whole);
        assert_ne!(inode(), before);
    }

    #[test]
    fn what_a_killed_process_prepared_is_removed_and_what_another_one_prepares_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let labs = AddedLabs::new(folder.path().to_owned());
        let abandoned = folder.path().join(".add-abandoned");
        std::fs::create_dir_all(abandoned.join(CONTENT)).unwrap();
        let first = labs.prepare().unwrap();
        assert!(!abandoned.exists());
        let second = labs.prepare().unwrap();
        assert!(first.content().exists() && second.content().exists());
        drop((first, second));
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_lab_whose_replacement_was_cut_off_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let labs = AddedLabs::new(folder.path().to_owned());
        install(&labs, "first", Replacement::Whole);
        let old = folder.path().join(".add-old-x");
        std::fs::rename(folder.path().join("x"), &old).unwrap();
        drop(labs.prepare().unwrap());
        assert!(labs.find("x").unwrap().is_some());
        // One that was replaced is removed.
        std::fs::create_dir_all(&old).unwrap();
        drop(labs.prepare().unwrap());
        assert_eq!(names(folder.path()), ["x"]);
    }

    /// Installs a lab with these files below its folder.
    fn install_files(
        labs: &AddedLabs,
        files: &[(&str, &str)],
        replacement: Replacement,
    ) -> Result<Manifest, PackageError> {
        let prepared = labs.prepare().unwrap();
        let mut all = BTreeMap::new();
        for (path, text) in [("lab.yaml", "lab")].iter().chain(files) {
            let path = format!("labs/x/{path}");
            let target = prepared.content().join(&path);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(target, text).unwrap();
            let about = manifest(text).files.remove("labs/x/lab.yaml").unwrap();
            all.insert(path, about);
        }
        let manifest = Manifest::new(LabId::new("x").unwrap(), None, all);
        let path = PathBuf::from("/x.lab");
        prepared.install(&manifest, LabOrigin::File { path }, replacement)?;
        Ok(manifest)
    }

    #[test]
    fn a_file_becomes_a_folder_and_the_reverse_while_the_lab_runs() {
        let folder = tempfile::tempdir().unwrap();
        let labs = AddedLabs::new(folder.path().to_owned());
        let (file, below) = ([("a", "1"), ("b", "same")], [("a/c/d", "2"), ("b", "same")]);
        install_files(&labs, &file, Replacement::Whole).unwrap();
        for files in [below, file, below] {
            let manifest = install_files(&labs, &files, Replacement::FileByFile).unwrap();
            let found = labs.find("x").unwrap().unwrap();
            assert_eq!(found.manifest, manifest);
            assert_eq!(found.damaged_files(), [""; 0]);
        }
        // What another program wrote there is not removed, and nothing is changed.
        let own = labs.lab_folder("x").join("a/own");
        std::fs::write(&own, "own").unwrap();
        let before = labs.find("x").unwrap().unwrap();
        let files = [("a", "1"), ("b", "other")];
        let refused = install_files(&labs, &files, Replacement::FileByFile).unwrap_err();
        assert!(
            matches!(&refused, PackageError::InTheWay { path, .. } if *path == own),
            "{refused}"
        );
        let text = refused.text().localized();
        assert!(text.contains("`roadlab down x`"), "{text}");
        let after = labs.find("x").unwrap().unwrap();
        assert_eq!(after.manifest, before.manifest);
        assert_eq!(after.damaged_files(), [""; 0]);
        // What is damaged is repaired, though its description is the same.
        std::fs::write(labs.lab_folder("x").join("b"), "broken").unwrap();
        std::fs::remove_file(labs.lab_folder("x").join("a/c/d")).unwrap();
        assert_eq!(after.damaged_files(), ["labs/x/a/c/d", "labs/x/b"]);
        install_files(&labs, &below, Replacement::FileByFile).unwrap();
        assert_eq!(after.damaged_files(), [""; 0]);
    }

    #[test]
    fn several_processes_prepare_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let labs = AddedLabs::new(folder.path().join("added"));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let labs = labs.clone();
                std::thread::spawn(move || {
                    for _ in 0..20 {
                        let prepared = labs.prepare().unwrap();
                        assert!(prepared.content().is_dir());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
