//! Reads packages: everything is verified before anything is written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::EntryType;

use super::lab_tree::write_file;
use super::{
    BLOCK, CHUNK, IMAGES, MANIFEST, MAX_MANIFEST, Manifest, PackageError, Result, TRAILER, digest,
    padding, trailer, unreadable, unwritable,
};
use crate::hex;
use crate::text;
use crate::text::Text;

/// A package whose bytes are those that its manifest and its checksum name. The images in it are verified when they are copied.
#[derive(Debug)]
pub struct Package {
    path: PathBuf,
    file: File,
    pub manifest: Manifest,
    /// Where the files begin, in the order of the manifest.
    begins: Vec<u64>,
    /// Where the images begin.
    images: Option<u64>,
}

/// An entry of the tar file.
struct Entry {
    kind: EntryType,
    path: String,
    size: u64,
    begin: u64,
}

impl Package {
    /// Opens a package and verifies all of it. `progress` gets the bytes read so far.
    pub async fn open(path: &Path, progress: &dyn Fn(u64)) -> Result<Self> {
        // Inspected before it is opened: opening a pipe would wait for ever.
        let about = std::fs::metadata(path).map_err(unreadable(path))?;
        let not_a_package = || PackageError::NotAPackage {
            path: path.to_owned(),
        };
        if !about.is_file() {
            return Err(not_a_package());
        }
        let file = File::open(path).map_err(unreadable(path))?;
        let refused = |reason| PackageError::Refused {
            path: path.to_owned(),
            reason,
        };
        let first = entry(&file, 0).ok().flatten();
        let first = first
            .filter(|first| first.path == MANIFEST)
            .ok_or_else(not_a_package)?;
        let end = about
            .len()
            .checked_sub(TRAILER as u64)
            .ok_or_else(not_a_package)?;
        let hash = hash(&file, path, end, progress).await?;
        let mut last = [0; TRAILER];
        file.read_exact_at(&mut last, end)
            .map_err(unreadable(path))?;
        if last != trailer(&hash) {
            return Err(refused(text!(
                "it was changed, or is damaged or incomplete; get it again"
            )));
        }
        if first.kind != EntryType::Regular || first.size > MAX_MANIFEST {
            return Err(refused(text!("its manifest is not a file of a few MiB")));
        }
        let bytes = content(&file, &first).map_err(unreadable(path))?;
        let manifest = Manifest::parse(path, &bytes)?;
        let mut next = first.end();
        let mut begins = Vec::new();
        let mut images = None;
        let listed = manifest
            .files
            .iter()
            .map(|(path, about)| (path.as_str(), about.size));
        let images_entry = manifest.images.iter().map(|images| (IMAGES, images.size));
        for (wanted, size) in listed.chain(images_entry) {
            let found = entry(&file, next).map_err(unreadable(path))?;
            let found = found.filter(|found| found.begin <= end);
            let found = found.ok_or_else(|| refused(text!("`{wanted}` is missing", wanted)))?;
            check_entry(&found, wanted, size, &manifest).map_err(refused)?;
            next = found.end();
            match wanted == IMAGES {
                true => images = Some(found.begin),
                false => begins.push(found.begin),
            }
        }
        if next != end {
            let more = entry(&file, next).ok().flatten();
            return Err(refused(match more {
                Some(more) => surplus(&more.path, &manifest),
                None => text!("it has bytes that belong to no file"),
            }));
        }
        let package = Self {
            path: path.to_owned(),
            file,
            manifest,
            begins,
            images,
        };
        for ((name, about), begin) in package.manifest.files.iter().zip(&package.begins) {
            if digest(&package.content(*begin, about.size)?) != about.sha256 {
                let name = name.clone();
                return Err(refused(text!(
                    "`{name}` is not what the manifest lists",
                    name
                )));
            }
            tokio::task::yield_now().await;
        }
        Ok(package)
    }

    /// Writes the lab and its part of the catalogue into an empty folder.
    pub async fn unpack(&self, folder: &Path) -> Result<()> {
        for ((path, about), begin) in self.manifest.files.iter().zip(&self.begins) {
            let content = self.content(*begin, about.size)?;
            write_file(folder, path, &content, about.executable)?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Returns whether a file is a package, without verifying it.
    pub fn is_at(path: &Path) -> bool {
        let read = || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            let mut last = [0; BLOCK];
            file.read_exact_at(&mut last, size.saturating_sub(TRAILER as u64))?;
            // The header of the checksum is the same in all packages.
            Ok::<_, io::Error>(last[..] == trailer(&"0".repeat(64))[..BLOCK])
        };
        read().unwrap_or(false)
    }

    /// Verifies that the images are those of the manifest, and that each is what its name says.
    pub async fn check_images(&self) -> Result<()> {
        let (Some(about), Some(begin)) = (&self.manifest.images, self.images) else {
            return Ok(());
        };
        let refused = |reason| PackageError::Refused {
            path: self.path.clone(),
            reason,
        };
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        let mut done = 0;
        while done < about.size {
            let length = (about.size - done).min(CHUNK as u64) as usize;
            let part = &mut chunk[..length];
            let read = self.file.read_exact_at(part, begin + done);
            read.map_err(unreadable(&self.path))?;
            hash.update(&part);
            done += length as u64;
            tokio::task::yield_now().await;
        }
        if hex::encode(&hash.finalize()) != about.sha256 {
            return Err(refused(text!(
                "`{name}` is not what the manifest lists",
                name = IMAGES
            )));
        }
        super::check_images(&self.path, &self.file, begin, self.manifest.image_names())
    }

    /// Copies the file with the images to `target`. Fails if they are not those of the manifest.
    pub async fn copy_images(&self, target: &mut File, progress: &dyn Fn(u64)) -> Result<()> {
        let (Some(about), Some(begin)) = (&self.manifest.images, self.images) else {
            return Ok(());
        };
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        let mut copied = 0;
        while copied < about.size {
            let length = (about.size - copied).min(CHUNK as u64) as usize;
            let part = &mut chunk[..length];
            let read = self.file.read_exact_at(part, begin + copied);
            read.map_err(unreadable(&self.path))?;
            hash.update(&part);
            io::Write::write_all(target, part).map_err(unwritable(&self.path))?;
            copied += length as u64;
            progress(copied);
            tokio::task::yield_now().await;
        }
        match hex::encode(&hash.finalize()) == about.sha256 {
            true => Ok(()),
            false => Err(PackageError::Refused {
                path: self.path.clone(),
                reason: text!("`{name}` is not what the manifest lists", name = IMAGES),
            }),
        }
    }

    fn content(&self, begin: u64, size: u64) -> Result<Vec<u8>> {
        let entry = Entry {
            kind: EntryType::Regular,
            path: String::new(),
            size,
            begin,
        };
        content(&self.file, &entry).map_err(unreadable(&self.path))
    }
}

impl Entry {
    /// Returns where the next entry begins. What no file can have is far behind its end.
    fn end(&self) -> u64 {
        let content = self.begin.saturating_add(self.size);
        content.saturating_add(padding(self.size) as u64)
    }
}

/// Digests the first bytes of a file.
async fn hash(file: &File, path: &Path, end: u64, progress: &dyn Fn(u64)) -> Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    while done < end {
        let length = (end - done).min(CHUNK as u64) as usize;
        let part = &mut chunk[..length];
        file.read_exact_at(part, done).map_err(unreadable(path))?;
        hash.update(&part);
        done += length as u64;
        progress(done);
        tokio::task::yield_now().await;
    }
    Ok(hex::encode(&hash.finalize()))
}

/// Reads the entry whose header is at a position; `None` if there is no valid header.
fn entry(mut file: &File, at: u64) -> io::Result<Option<Entry>> {
    let mut block = [0; BLOCK];
    match file.read_exact_at(&mut block, at) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    // The reader of the archive knows all kinds of numbers and checksums in a header.
    file.seek(SeekFrom::Start(at))?;
    let mut archive = tar::Archive::new(file.take(BLOCK as u64));
    let found = archive.entries()?.raw(true).next();
    let Some(Ok(found)) = found else {
        return Ok(None);
    };
    let path = String::from_utf8_lossy(&found.path_bytes()).into_owned();
    Ok(Some(Entry {
        kind: found.header().entry_type(),
        path,
        size: found.size(),
        begin: at + BLOCK as u64,
    }))
}

fn content(file: &File, entry: &Entry) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; entry.size as usize];
    file.read_exact_at(&mut bytes, entry.begin)?;
    Ok(bytes)
}

/// Returns why an entry is not the one that the manifest lists at its place.
fn check_entry(
    found: &Entry,
    wanted: &str,
    size: u64,
    manifest: &Manifest,
) -> std::result::Result<(), Text> {
    let path = found.path.escape_debug().to_string();
    match found.kind {
        EntryType::Regular => {}
        EntryType::Link | EntryType::Symlink => {
            return Err(text!(
                "`{path}` is a link, and it may contain files only",
                path
            ));
        }
        _ => {
            return Err(text!(
                "`{path}` is not a regular file, and it may contain nothing else",
                path
            ));
        }
    }
    match (found.path == wanted, found.size == size) {
        (false, _) => Err(surplus(&found.path, manifest)),
        (true, false) => Err(text!(
            "the size of `{path}` differs from the manifest",
            path
        )),
        (true, true) => Ok(()),
    }
}

/// Returns what is wrong with an entry that is not at its place.
fn surplus(path: &str, manifest: &Manifest) -> Text {
    let quoted = path.escape_debug().to_string();
    if !super::is_plain_path(path) {
        return text!("`{path}` leads out of the lab", path = quoted);
    }
    match manifest.files.contains_key(path) || path == MANIFEST {
        true => text!(
            "`{path}` is in it twice, or not at its place",
            path = quoted
        ),
        false => text!("`{path}` is not in its manifest", path = quoted),
    }
}
