//! The labs and the catalogue inside the binary, so that an installed roadlab works anywhere.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "labs/"]
#[prefix = "labs/"]
struct EmbeddedLabs;

#[derive(RustEmbed)]
#[folder = "compose/"]
#[prefix = "compose/"]
struct EmbeddedCatalogue;

/// Unpacks the embedded labs once per version of them; returns their `labs` folder.
pub(crate) fn unpack(cache: &Path) -> anyhow::Result<PathBuf> {
    let mut hash = Sha256::new();
    for (name, file) in all() {
        hash.update(name.as_bytes());
        hash.update(file.metadata.sha256_hash());
    }
    let digest: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = cache.join(format!("labs-{digest}"));
    if !folder.exists() {
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(cache)?;
            let fresh = tempfile::tempdir_in(cache)?;
            for (name, file) in all() {
                let path = fresh.path().join(name.as_ref());
                std::fs::create_dir_all(path.parent().unwrap_or(fresh.path()))?;
                std::fs::write(path, &file.data)?;
            }
            readable(fresh.path())?;
            let fresh = fresh.keep();
            // Another roadlab may have been quicker; its copy is the same.
            std::fs::rename(&fresh, &folder).or_else(|_| std::fs::remove_dir_all(&fresh))
        };
        write().with_context(|| format!("cannot unpack the labs into {}", cache.display()))?;
    }
    Ok(folder.join("labs"))
}

fn all() -> impl Iterator<Item = (std::borrow::Cow<'static, str>, rust_embed::EmbeddedFile)> {
    let labs =
        EmbeddedLabs::iter().filter_map(|name| EmbeddedLabs::get(&name).map(|file| (name, file)));
    let catalogue = EmbeddedCatalogue::iter()
        .filter_map(|name| EmbeddedCatalogue::get(&name).map(|file| (name, file)));
    labs.chain(catalogue)
}

/// Services run as their own users and must be able to read what is mounted.
fn readable(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}
