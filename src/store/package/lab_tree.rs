//! The files that belong to a lab: its folder, and the folders of the catalogue that it refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{
    EXTENSION, Manifest, PackageError, PackagedFile, Result, check_amount, is_plain_path,
    unreadable, unwritable,
};
use crate::hex;
use crate::lab::{Lab, Mount};
use crate::text;

/// What is not part of a lab, wherever it is in its folder.
const LEFT_OUT: [&str; 3] = [".git", ".DS_Store", ".hg"];

/// The files that belong to a lab, by their paths in a package.
#[derive(Debug)]
pub struct LabTree {
    files: BTreeMap<String, PathBuf>,
}

impl LabTree {
    /// Finds the files of a lab. `read` are the canonical paths of the files that were read to load it.
    pub fn collect(lab: &Lab, read: &BTreeSet<PathBuf>) -> Result<Self> {
        let root = std::fs::canonicalize(&lab.folder).map_err(unreadable(&lab.folder))?;
        let mut tree = Self {
            files: BTreeMap::new(),
        };
        tree.add_folder(&root, &format!("labs/{}", lab.id))?;
        let catalogue = root.join("../../compose");
        let catalogue = std::fs::canonicalize(&catalogue).unwrap_or(catalogue);
        for folder in outside(lab, read, &root) {
            let Ok(below) = folder.strip_prefix(&catalogue) else {
                return Err(PackageError::Unpackable(text!(
                    "the lab uses {folder}, which is neither in its folder nor in the catalogue; copy it into the lab's folder",
                    folder = folder.display()
                )));
            };
            let below = name(below)?;
            match below.is_empty() {
                true => tree.add_files_of(&folder, "compose")?,
                false => tree.add_folder(&folder, &format!("compose/{below}"))?,
            }
        }
        let sizes = tree.files.values().map(|path| {
            let size = std::fs::metadata(path).map(|about| about.len());
            size.unwrap_or_default()
        });
        check_amount(tree.files.len(), sizes).map_err(PackageError::Unpackable)?;
        Ok(tree)
    }

    fn add_folder(&mut self, folder: &Path, to: &str) -> Result<()> {
        for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            let own = name(Path::new(path.file_name().unwrap_or_default()))?;
            let is_package = path.extension().is_some_and(|end| end == EXTENSION);
            if LEFT_OUT.contains(&own.as_str()) || is_package {
                continue;
            }
            let about = std::fs::symlink_metadata(&path).map_err(unreadable(&path))?;
            match about.is_dir() {
                true => self.add_folder(&path, &format!("{to}/{own}"))?,
                false => self.add_file(path, format!("{to}/{own}"))?,
            }
        }
        Ok(())
    }

    /// Adds the files of a folder without those in the folders below.
    fn add_files_of(&mut self, folder: &Path, to: &str) -> Result<()> {
        for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            if path.is_file() {
                let own = name(Path::new(path.file_name().unwrap_or_default()))?;
                self.add_file(path, format!("{to}/{own}"))?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: PathBuf, to: String) -> Result<()> {
        let about = std::fs::symlink_metadata(&path).map_err(unreadable(&path))?;
        if !about.is_file() {
            return Err(PackageError::Unpackable(text!(
                "{file} is a link or a special file, which cannot be shared; put a regular file in its place",
                file = path.display()
            )));
        }
        // A file whose header cannot be written would be missed only at the end.
        if super::header(&to, 0, false).is_none() {
            return Err(PackageError::Unpackable(text!(
                "the path {path} is too long to be shared",
                path = to
            )));
        }
        self.files.insert(to, path);
        Ok(())
    }

    /// Returns the path of a file on this machine.
    pub(super) fn source(&self, path: &str) -> Option<&Path> {
        self.files.get(path).map(PathBuf::as_path)
    }

    /// Reads the files and describes them.
    pub async fn describe(&self) -> Result<BTreeMap<String, PackagedFile>> {
        let mut files = BTreeMap::new();
        for (to, path) in &self.files {
            let mut file = std::fs::File::open(path).map_err(unreadable(path))?;
            let about = file.metadata().map_err(unreadable(path))?;
            let mut content = Vec::new();
            file.read_to_end(&mut content).map_err(unreadable(path))?;
            let described = PackagedFile {
                size: content.len() as u64,
                sha256: hex::encode(&Sha256::digest(&content)),
                executable: about.permissions().mode() & 0o111 != 0,
            };
            files.insert(to.clone(), described);
            tokio::task::yield_now().await;
        }
        Ok(files)
    }

    /// Copies the files into an empty folder, as a package is unpacked.
    pub async fn copy_to(&self, folder: &Path, manifest: &Manifest) -> Result<()> {
        for (to, about) in &manifest.files {
            let source = self.source(to).unwrap_or(Path::new(to));
            let content = std::fs::read(source).map_err(unreadable(source))?;
            write_file(folder, to, &content, about.executable)?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// Writes a new file below a folder. Services run as their own users and must be able to read what is mounted.
pub(super) fn write_file(
    folder: &Path,
    path: &str,
    content: &[u8],
    executable: bool,
) -> Result<()> {
    let path = folder.join(path);
    let write = || {
        let parents = path.parent().into_iter().flat_map(Path::ancestors);
        let mut parents: Vec<&Path> = parents.take_while(|parent| *parent != folder).collect();
        parents.reverse();
        for parent in parents {
            if !parent.exists() {
                std::fs::create_dir(parent)?;
                std::fs::set_permissions(parent, PermissionsExt::from_mode(0o755))?;
            }
        }
        let mut file = std::fs::File::create_new(&path)?;
        std::io::Write::write_all(&mut file, content)?;
        let mode = if executable { 0o755 } else { 0o644 };
        file.set_permissions(PermissionsExt::from_mode(mode))
    };
    write().map_err(unwritable(&path))
}

/// Returns the folders outside of a lab that it uses.
fn outside(lab: &Lab, read: &BTreeSet<PathBuf>, root: &Path) -> BTreeSet<PathBuf> {
    let folder_of = |path: &Path| match path.is_dir() {
        true => Some(path.to_owned()),
        false => path.parent().map(Path::to_owned),
    };
    let recipes = lab
        .services
        .values()
        .filter_map(|service| service.recipe.as_ref());
    let recipes = recipes.map(|recipe| recipe.context.as_path());
    let mounts = lab.services.values().flat_map(|service| &service.mounts);
    let mounts = mounts.filter_map(|mount| match mount {
        Mount::Bind { source, .. } => Some(source.as_path()),
        _ => None,
    });
    let used = recipes
        .chain(mounts)
        .filter_map(|path| std::fs::canonicalize(path).ok());
    let used = used.chain(read.iter().cloned());
    used.filter(|path| !path.starts_with(root))
        .filter_map(|path| folder_of(&path))
        .collect()
}

/// Returns a path as a text, with `/` between names; empty for an empty path.
fn name(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .filter(|text| text.is_empty() || is_plain_path(text));
    text.map(str::to_owned).ok_or_else(|| {
        PackageError::Unpackable(text!(
            "the name `{name}` cannot be shared; use letters and digits",
            name = path.display().to_string().escape_debug()
        ))
    })
}
