//! The images of a package: a file in the oldest form that `docker load` reads, which Docker 20.10 and all later ones load.
//!
//! It has `manifest.json`, the configuration of each image as `DIGEST.json`, and the layers, each once, and nothing else. Every
//! image has a single name, which contains the digest of its configuration. The configuration has the digests of all layers, and
//! the engine verifies those, so that nothing can be loaded under the name of another image.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tar::EntryType;

use super::{
    CHUNK, MANIFEST, PackageError, Result, digest, header, padding, unreadable, unwritable,
};
use crate::text;
use crate::text::Text;

/// The longest configuration of an image, and the longest list of images, in bytes.
const MAX_DOCUMENT: u64 = 8 << 20;
/// The most layers of all images together.
const MAX_LAYERS: usize = 5_000;
/// How many links lead from one to the next.
const MAX_LINKS: usize = 8;

/// The namespace of images from packages on an engine.
pub const PACKED: &str = "roadlab-packed/";

/// An image in the list of a saved file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedImage {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags", default)]
    names: Option<Vec<String>>,
    #[serde(rename = "Layers")]
    layers: Vec<String>,
}

/// Where an archive comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The engine of this machine saved it.
    Engine,
    /// A package has it.
    Package,
}

/// A file in a saved archive.
struct Saved {
    begin: u64,
    size: u64,
}

/// A file from a place on, which is position 0.
struct Section<'a> {
    file: &'a File,
    begin: u64,
    at: u64,
}

impl io::Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let place = self.begin.saturating_add(self.at);
        let read = self.file.read_at(buffer, place)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl io::Seek for Section<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// A saved archive: its files by path, and its links.
struct Archive<'a> {
    path: &'a Path,
    file: &'a File,
    files: BTreeMap<String, Saved>,
    links: BTreeMap<String, String>,
}

/// Returns the name that an image has on every engine: a part for people, and the digest of its configuration.
fn packed_name(image: &str, config: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    let last = last.split([':', '@']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let last: String = last.chars().filter(|c| plain(*c)).collect();
    let last = last.trim_matches('-');
    let last = if last.is_empty() { "image" } else { last };
    format!("{PACKED}{last}:{}", config.get(..32).unwrap_or(config))
}

/// Returns the beginning of the digest of the configuration that the name of an image from a package contains; `None` for every
/// other name.
pub(super) fn config_of_packed(name: &str) -> Option<&str> {
    let (base, config) = name.split_once(':')?;
    let is_digest = config.len() == 32
        && config
            .chars()
            .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    (is_digest && packed_name(base, config) == name).then_some(config)
}

/// Returns whether an image of the engine, given by name and id, is the one that came with a lab: its configuration has the digest
/// in its name, or it has the id that it got when it was loaded.
pub fn is_packed_image(name: &str, id: &str, loaded_id: Option<&str>) -> bool {
    let config = config_of_packed(name);
    let digest = id.trim_start_matches("sha256:");
    config.is_some_and(|config| digest.starts_with(config) || loaded_id == Some(id))
}

/// Returns whether a file has images as an engine saves them.
pub fn holds_images(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let archive = Archive::read(path, &file, 0, Origin::Engine);
    archive.is_ok_and(|archive| archive.files.contains_key(MANIFEST))
}

/// Writes the images of a saved file, which are given by name and id, into `output`. Returns the new name of each.
///
/// Engines save in different forms; what is written depends on the images only.
pub async fn pack_images(
    saved: &Path,
    wanted: &BTreeMap<String, String>,
    output: &mut File,
) -> Result<BTreeMap<String, String>> {
    let file = File::open(saved).map_err(unreadable(saved))?;
    let archive = Archive::read(saved, &file, 0, Origin::Engine)?;
    let list: Vec<SavedImage> = archive.document(MANIFEST)?;
    let mut configs: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut layers: Vec<String> = Vec::new();
    let mut images: BTreeMap<String, SavedImage> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for (name, id) in wanted {
        let mut found = None;
        for image in &list {
            let config = archive.bytes(&image.config)?;
            let hash = digest(&config);
            let is_named = || {
                let mut names = image.names.iter().flatten();
                names.any(|saved| saved == name || saved.ends_with(&format!("/{name}")))
            };
            if id.trim_start_matches("sha256:") == hash || is_named() {
                found = Some((image, config, hash));
                break;
            }
        }
        let Some((image, config, hash)) = found else {
            return Err(archive.refused(text!("image `{name}` is not in it", name)));
        };
        let mut own = Vec::new();
        for layer in &image.layers {
            let layer = archive.resolve(layer)?;
            let at = layers.iter().position(|known| *known == layer);
            let at = at.unwrap_or_else(|| {
                layers.push(layer);
                layers.len() - 1
            });
            own.push(layer_name(at));
        }
        let packed = packed_name(name, &hash);
        names.insert(name.clone(), packed.clone());
        images.insert(
            packed.clone(),
            SavedImage {
                config: format!("{hash}.json"),
                names: Some(vec![packed]),
                layers: own,
            },
        );
        configs.insert(hash, config);
    }
    let images: Vec<&SavedImage> = images.values().collect();
    let list = serde_json::to_vec(&images).expect("texts are JSON");
    write_entry(output, saved, MANIFEST, &list)?;
    for (hash, config) in &configs {
        write_entry(output, saved, &format!("{hash}.json"), config)?;
    }
    for (at, layer) in layers.iter().enumerate() {
        let source = &archive.files[layer];
        let header = header(&layer_name(at), source.size, false).expect("a short path");
        output
            .write_all(header.as_bytes())
            .map_err(unwritable(saved))?;
        let mut chunk = vec![0; CHUNK];
        let mut copied = 0;
        while copied < source.size {
            let length = (source.size - copied).min(CHUNK as u64) as usize;
            let part = &mut chunk[..length];
            let read = file.read_exact_at(part, source.begin + copied);
            read.map_err(unreadable(saved))?;
            output.write_all(part).map_err(unwritable(saved))?;
            copied += length as u64;
            tokio::task::yield_now().await;
        }
        let pad = &[0; super::BLOCK][..padding(source.size)];
        output.write_all(pad).map_err(unwritable(saved))?;
    }
    let end = [0; 2 * super::BLOCK];
    output.write_all(&end).map_err(unwritable(saved))?;
    Ok(names)
}

/// Returns why images, which begin at a place in a file, must not be given to an engine: they must be as [`pack_images`] writes
/// them, with these names.
pub fn check_images<'n>(
    path: &Path,
    file: &File,
    begin: u64,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<()> {
    let archive = Archive::read(path, file, begin, Origin::Package)?;
    let refuse = |reason| archive.refused(reason);
    let list: Vec<SavedImage> = archive.document(MANIFEST)?;
    let mut expected: Vec<String> = vec![MANIFEST.to_owned()];
    let mut listed = Vec::new();
    // Images may share one, and a list may name it a hundred thousand times.
    let mut digests: BTreeMap<&str, String> = BTreeMap::new();
    for image in &list {
        let hash = match digests.get(image.config.as_str()) {
            Some(hash) => hash.clone(),
            None => digest(&archive.bytes(&image.config)?),
        };
        digests.insert(&image.config, hash.clone());
        let own = image.names.iter().flatten().map(String::as_str);
        let own: Vec<&str> = own.collect();
        let [name] = own.as_slice() else {
            return Err(refuse(text!("one of its images has not exactly one name")));
        };
        let (base, _) = name.split_once(':').unwrap_or((name, ""));
        if *name != packed_name(base, &hash) || image.config != format!("{hash}.json") {
            let name = name.escape_debug().to_string();
            return Err(refuse(text!(
                "image `{name}` is not what its name says",
                name
            )));
        }
        listed.push(*name);
        expected.push(image.config.clone());
        expected.extend(image.layers.iter().cloned());
    }
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    listed.sort_unstable();
    expected.sort_unstable();
    expected.dedup();
    let is_whole = archive.links.is_empty() && archive.files.keys().eq(expected.iter());
    match (is_whole, listed == names) {
        (true, true) => Ok(()),
        (false, _) => Err(refuse(text!(
            "its images have files that belong to no image"
        ))),
        (true, false) => Err(refuse(text!(
            "its images are not those that the manifest lists"
        ))),
    }
}

fn layer_name(at: usize) -> String {
    format!("layer-{:04}.tar", at + 1)
}

fn write_entry(output: &mut File, path: &Path, name: &str, content: &[u8]) -> Result<()> {
    let header = header(name, content.len() as u64, false).expect("a short path");
    let pad = &[0; super::BLOCK][..padding(content.len() as u64)];
    for part in [header.as_bytes(), content, pad] {
        output.write_all(part).map_err(unwritable(path))?;
    }
    Ok(())
}

impl<'a> Archive<'a> {
    /// Reads where the files of an archive are that begins at a place in a file. A path that is there twice is refused: programs differ in which one counts.
    fn read(path: &'a Path, file: &'a File, begin: u64, origin: Origin) -> Result<Self> {
        let mut archive = Self {
            path,
            file,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        let section = Section { file, begin, at: 0 };
        let mut tar = tar::Archive::new(section);
        let invalid = |error: io::Error| PackageError::Refused {
            path: path.to_owned(),
            reason: text!("its images are not a tar file: {reason}", reason = error),
        };
        // Long names of a stranger's archive are not read: they could be as long as the archive.
        let entries = tar.entries_with_seek().map_err(invalid)?;
        for entry in entries.raw(origin == Origin::Package) {
            let entry = entry.map_err(invalid)?;
            let name = entry.path().map_err(invalid)?.into_owned();
            let name = normal(&name);
            let twice = || archive.files.contains_key(&name) || archive.links.contains_key(&name);
            match entry.header().entry_type() {
                EntryType::Directory | EntryType::XGlobalHeader => {}
                _ if twice() => {
                    let name = name.escape_debug().to_string();
                    return Err(archive.refused(text!("its images have `{name}` twice", name)));
                }
                EntryType::Regular => {
                    let begin = begin.saturating_add(entry.raw_file_position());
                    let size = entry.size();
                    archive.files.insert(name, Saved { begin, size });
                }
                kind @ (EntryType::Symlink | EntryType::Link) => {
                    let target = entry.link_name().map_err(invalid)?;
                    let target = target.map(|target| target.into_owned()).unwrap_or_default();
                    let above = Path::new(&name).parent().unwrap_or(Path::new(""));
                    let target = match kind {
                        EntryType::Link => target,
                        _ => above.join(target),
                    };
                    let target = normal(&target);
                    archive.links.insert(name, target);
                }
                _ => {
                    let name = name.escape_debug().to_string();
                    return Err(archive
                        .refused(text!("`{name}` of its images is not a regular file", name)));
                }
            }
            if archive.files.len() > MAX_LAYERS {
                return Err(archive.refused(text!("its images have too many layers")));
            }
        }
        Ok(archive)
    }

    fn refused(&self, reason: Text) -> PackageError {
        PackageError::Refused {
            path: self.path.to_owned(),
            reason,
        }
    }

    /// Returns the path of the file that a path or a link leads to.
    fn resolve(&self, path: &str) -> Result<String> {
        let mut path = normal(Path::new(path));
        for _ in 0..MAX_LINKS {
            match self.links.get(&path) {
                Some(target) => path.clone_from(target),
                None => break,
            }
        }
        match self.files.contains_key(&path) {
            true => Ok(path),
            false => Err(self.refused(text!(
                "its images lack `{name}`",
                name = path.escape_debug()
            ))),
        }
    }

    /// Returns a short file.
    fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let path = self.resolve(path)?;
        let Saved { begin, size } = self.files[&path];
        if size > MAX_DOCUMENT {
            return Err(self.refused(text!("`{path}` of its images is too large", path)));
        }
        let mut bytes = vec![0; size as usize];
        let read = self.file.read_exact_at(&mut bytes, begin);
        read.map_err(unreadable(self.path))?;
        Ok(bytes)
    }

    fn document<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        let bytes = self.bytes(path)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            self.refused(text!(
                "`{path}` of its images is invalid: {reason}",
                path,
                reason = error
            ))
        })
    }
}

/// Returns a path without `.` and `..`, as an engine that unpacks the archive understands it.
fn normal(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(part) => parts.push(part),
            std::path::Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.to_string_lossy().into_owned()
}
