//! The labs and the service catalogue inside the binary. They are unpacked into the cache folder once per version.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::localized;

#[derive(RustEmbed)]
#[folder = "labs/"]
#[prefix = "labs/"]
struct EmbeddedLabs;

#[derive(RustEmbed)]
#[folder = "compose/"]
#[prefix = "compose/"]
struct EmbeddedCatalogue;

/// How files are unpacked. Another layout needs another folder, so this is part of the folder's name.
const LAYOUT: &str = "scripts are executable";

/// Unpacks the embedded labs, once per version, and returns their `labs` folder.
pub(crate) fn unpack(cache: &Path) -> anyhow::Result<PathBuf> {
    let mut hash = Sha256::new_with_prefix(LAYOUT);
    for (name, file) in all() {
        hash.update(name.as_bytes());
        hash.update(file.metadata.sha256_hash());
    }
    let digest = crate::hex::encode(&hash.finalize()[..8]);
    let folder = cache.join(format!("labs-{digest}"));
    if !folder.exists() {
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(cache)?;
            let fresh = tempfile::tempdir_in(cache)?;
            for (name, file) in all() {
                write_file(&fresh.path().join(name.as_ref()), &file.data)?;
            }
            readable(fresh.path())?;
            // Files that a power failure left empty would be taken for the labs from then on.
            rustix::fs::syncfs(std::fs::File::open(fresh.path())?)?;
            let fresh = fresh.keep();
            // Another process may have been quicker; its copy is the same.
            std::fs::rename(&fresh, &folder).or_else(|_| std::fs::remove_dir_all(&fresh))
        };
        write().with_context(|| {
            localized!(
                "cannot unpack the labs into {folder}",
                folder = cache.display()
            )
        })?;
    }
    Ok(folder.join("labs"))
}

/// Returns whether a lab of this name is in the binary.
pub(crate) fn has_lab(lab: &str) -> bool {
    EmbeddedLabs::get(&format!("labs/{lab}/lab.yaml")).is_some()
}

fn all() -> impl Iterator<Item = (std::borrow::Cow<'static, str>, rust_embed::EmbeddedFile)> {
    let labs =
        EmbeddedLabs::iter().filter_map(|name| EmbeddedLabs::get(&name).map(|file| (name, file)));
    let catalogue = EmbeddedCatalogue::iter()
        .filter_map(|name| EmbeddedCatalogue::get(&name).map(|file| (name, file)));
    labs.chain(catalogue)
}

/// Unpacks the embedded catalogue, once per version, and returns its folder.
pub fn built_in_catalogue(cache: &Path) -> anyhow::Result<PathBuf> {
    Ok(unpack(cache)?.with_file_name("compose"))
}

/// Writes a file. A script is executable as in the repository, since the digest of a recipe covers that.
fn write_file(path: &Path, data: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    std::fs::write(path, data)?;
    match data.starts_with(b"#!") {
        true => readable(path),
        false => Ok(()),
    }
}

/// Lets everyone read and execute a path. Services run as their own users and must be able to read what is mounted.
fn readable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn unpacked_scripts_are_executable_as_in_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = unpack(folder.path()).unwrap();
        let root = root.parent().unwrap();
        let executable = |path: &Path| {
            let about = std::fs::metadata(path).unwrap();
            about.permissions().mode() & 0o111 != 0
        };
        for (name, _) in all() {
            let original = Path::new(env!("CARGO_MANIFEST_DIR")).join(name.as_ref());
            assert_eq!(
                executable(&root.join(name.as_ref())),
                executable(&original),
                "{name}"
            );
        }
    }
}
