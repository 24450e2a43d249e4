//! Writes packages.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{
    CHUNK, IMAGES, LabTree, MANIFEST, Manifest, PackageError, Result, header, padding, trailer,
    unreadable, unwritable,
};
use crate::hex;
use crate::text;

/// A file whose bytes are digested while they are written.
struct Output<'a> {
    file: File,
    path: &'a Path,
    hash: Sha256,
    written: u64,
    progress: &'a dyn Fn(u64),
}

/// Writes a package into an open file that will be at `path`; `images` is the file with the images that the manifest lists.
pub async fn write_package(
    file: File,
    path: &Path,
    manifest: &Manifest,
    tree: &LabTree,
    images: Option<&Path>,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let mut output = Output {
        file,
        path,
        hash: Sha256::new(),
        written: 0,
        progress,
    };
    let bytes = manifest.to_bytes();
    output.begin(MANIFEST, bytes.len() as u64, false)?;
    output.write(&bytes)?;
    output.pad(bytes.len() as u64)?;
    for (to, about) in &manifest.files {
        let source = tree.source(to).unwrap_or(Path::new(to));
        let content = std::fs::read(source).map_err(unreadable(source))?;
        if super::digest(&content) != about.sha256 {
            return Err(changed(source));
        }
        output.begin(to, about.size, about.executable)?;
        output.write(&content)?;
        output.pad(about.size)?;
        tokio::task::yield_now().await;
    }
    if let Some((about, source)) = manifest.images.as_ref().zip(images) {
        output.begin(IMAGES, about.size, false)?;
        let mut input = File::open(source).map_err(unreadable(source))?;
        let mut chunk = vec![0; CHUNK];
        let mut copied = 0;
        loop {
            let read = input.read(&mut chunk).map_err(unreadable(source))?;
            if read == 0 {
                break;
            }
            output.write(&chunk[..read])?;
            copied += read as u64;
            tokio::task::yield_now().await;
        }
        if copied != about.size {
            return Err(changed(source));
        }
        output.pad(about.size)?;
    }
    let end = trailer(&hex::encode(&output.hash.clone().finalize()));
    output.write(&end)?;
    let synced = output.file.sync_all();
    synced.map_err(unwritable(path))
}

fn changed(source: &Path) -> PackageError {
    PackageError::Unpackable(text!(
        "{file} changed meanwhile; try again",
        file = source.display()
    ))
}

impl Output<'_> {
    fn begin(&mut self, name: &str, size: u64, executable: bool) -> Result<()> {
        let header = header(name, size, executable).ok_or_else(|| {
            PackageError::Unpackable(text!(
                "the path {path} is too long to be shared",
                path = name
            ))
        })?;
        self.write(header.as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(unwritable(self.path))?;
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        (self.progress)(self.written);
        Ok(())
    }

    fn pad(&mut self, size: u64) -> Result<()> {
        self.write(&[0; super::BLOCK][..padding(size)])
    }
}
