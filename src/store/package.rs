//! Packages: a lab in one file, with its part of the catalogue and its images.
//!
//! A package is a tar file of regular files: `manifest.json`, then the files that the manifest lists in the same order, then
//! `images.tar` if it lists images, then `sha256`, which is the digest of all bytes before it. The manifest has the size and the
//! digest of every file, so that the digest of the manifest stands for the whole. The files are at `labs/NAME/…` and
//! `compose/ENTRY/…`, as in a folder of labs with a catalogue beside it, and so the lab finds its part of the catalogue.
//!
//! A package comes from a stranger: every byte is verified before anything is written, and whatever is not as written here is
//! refused.

mod image_archive;
mod lab_tree;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::lab::{LabId, ServiceName};
use crate::text;
use crate::text::Text;

use image_archive::config_of_packed;
pub use image_archive::{PACKED, check_images, holds_images, is_packed_image, pack_images};
pub use lab_tree::LabTree;
pub use reader::Package;
pub use writer::write_package;

/// The format that this program writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// The end of the name of a package.
pub const EXTENSION: &str = "lab";

const MANIFEST: &str = "manifest.json";
const IMAGES: &str = "images.tar";
const CHECKSUM: &str = "sha256";

/// The most files of a lab with its part of the catalogue, and the most bytes in them: those that can be trusted.
pub const MAX_FILES: usize = 10_000;
pub const MAX_BYTES: u64 = 256 << 20;
/// The longest manifest in bytes.
const MAX_MANIFEST: u64 = 8 << 20;

/// The length of a block of a tar file.
const BLOCK: usize = 512;
/// The length of the end of a package: header and content of the checksum, and the two empty blocks that end a tar file.
const TRAILER: usize = 4 * BLOCK;

/// How many bytes are read or written before other work of this program goes on.
const CHUNK: usize = 256 * 1024;

/// What a package contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The program that wrote it.
    pub written_by: String,
    pub lab: LabId,
    /// The author's version.
    pub version: Option<String>,
    /// The files by path.
    pub files: BTreeMap<String, PackagedFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<PackagedImages>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagedFile {
    pub size: u64,
    pub sha256: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

/// The images of a package, in one file as `docker save` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagedImages {
    pub size: u64,
    pub sha256: String,
    /// Operating system and architecture, such as `linux/amd64`.
    pub platform: String,
    pub services: BTreeMap<ServiceName, PackagedImage>,
}

/// The image of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagedImage {
    /// Its name on the engine, which contains the digest of its configuration. No image of another lab is replaced.
    pub name: String,
    /// The image that it was on the machine of the author.
    pub original: String,
}

/// Why a package cannot be used or written.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text().localized())]
pub enum PackageError {
    Unreadable {
        path: PathBuf,
        error: io::Error,
    },
    Unwritable {
        path: PathBuf,
        error: io::Error,
    },
    /// The file is something else.
    NotAPackage {
        path: PathBuf,
    },
    /// A newer program wrote it.
    Newer {
        path: PathBuf,
        format: u32,
    },
    /// It was changed or damaged, or was made to do harm.
    Refused {
        path: PathBuf,
        reason: Text,
    },
    /// The lab has something that a package cannot have.
    Unpackable(Text),
    /// The lab cannot be replaced file by file.
    InTheWay {
        path: PathBuf,
        lab: LabId,
    },
    /// Replacing a lab file by file ended before its end.
    HalfReplaced {
        path: PathBuf,
        error: io::Error,
        lab: LabId,
    },
}

impl PackageError {
    /// Returns what is wrong and what to do about it.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreadable { path, error } => text!(
                "cannot read {file}: {reason}",
                file = path.display(),
                reason = error
            ),
            Self::Unwritable { path, error } => text!(
                "cannot write {file}: {reason}",
                file = path.display(),
                reason = error
            ),
            Self::NotAPackage { path } => text!(
                "{file} is not a lab file; `roadlab pack LAB` writes one",
                file = path.display()
            ),
            Self::Newer { path, format } => text!(
                "{file} has format {format}, and this roadlab reads {known}: use a newer roadlab",
                file = path.display(),
                format,
                known = FORMAT
            ),
            Self::Refused { path, reason } => text!(
                "{file}: {reason}",
                file = path.display(),
                reason = reason.clone()
            ),
            Self::Unpackable(reason) => reason.clone(),
            Self::InTheWay { path, lab } => text!(
                "lab `{lab}` runs and was not changed, because {file} is in the way of a new file; run `roadlab down {lab}` and try again",
                lab,
                file = path.display()
            ),
            Self::HalfReplaced { path, error, lab } => text!(
                "lab `{lab}` was replaced in part only: cannot change {file}: {reason}; run `roadlab down {lab}` and try again",
                lab,
                file = path.display(),
                reason = error
            ),
        }
    }

    /// Returns the error with another path, for a temporary file that becomes this one.
    #[must_use]
    pub fn at(self, target: &Path) -> Self {
        let target = || target.to_owned();
        match self {
            Self::Unreadable { error, .. } => Self::Unreadable {
                path: target(),
                error,
            },
            Self::Unwritable { error, .. } => Self::Unwritable {
                path: target(),
                error,
            },
            Self::NotAPackage { .. } => Self::NotAPackage { path: target() },
            Self::Newer { format, .. } => Self::Newer {
                path: target(),
                format,
            },
            Self::Refused { reason, .. } => Self::Refused {
                path: target(),
                reason,
            },
            other => other,
        }
    }
}

impl PackagedFile {
    /// Returns whether the file at a path is this one.
    pub fn is_at(&self, path: &Path) -> bool {
        let about = std::fs::symlink_metadata(path);
        let as_described = about.is_ok_and(|about| {
            let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions());
            about.is_file() && about.len() == self.size && (mode & 0o111 != 0) == self.executable
        });
        as_described && std::fs::read(path).is_ok_and(|bytes| digest(&bytes) == self.sha256)
    }
}

type Result<T> = std::result::Result<T, PackageError>;

fn unreadable(path: &Path) -> impl Fn(io::Error) -> PackageError {
    move |error| PackageError::Unreadable {
        path: path.to_owned(),
        error,
    }
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> PackageError {
    move |error| PackageError::Unwritable {
        path: path.to_owned(),
        error,
    }
}

impl Manifest {
    /// Describes a lab and its files.
    pub fn new(lab: LabId, version: Option<String>, files: BTreeMap<String, PackagedFile>) -> Self {
        Self {
            format: FORMAT,
            written_by: concat!("roadlab ", env!("CARGO_PKG_VERSION")).to_owned(),
            lab,
            version,
            files,
            images: None,
        }
    }

    /// Returns the bytes that are written and digested.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("texts and numbers are JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Returns the digest that stands for the lab with everything that belongs to it.
    pub fn digest(&self) -> String {
        digest(&self.to_bytes())
    }

    /// Returns the path of the lab in the package.
    pub fn lab_folder(&self) -> String {
        format!("labs/{}", self.lab)
    }

    /// Reads a manifest; `path` is the file that it is in.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        let refused = |reason| PackageError::Refused {
            path: path.to_owned(),
            reason,
        };
        let invalid = |error: serde_json::Error| {
            refused(text!("its manifest is invalid: {reason}", reason = error))
        };
        let Header { format } = serde_json::from_slice(bytes).map_err(invalid)?;
        if format > FORMAT {
            return Err(PackageError::Newer {
                path: path.to_owned(),
                format,
            });
        }
        if format == 0 {
            return Err(refused(text!(
                "its manifest is invalid: {reason}",
                reason = "format 0"
            )));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(invalid)?;
        manifest.check().map_err(refused)?;
        Ok(manifest)
    }

    /// Returns the names of the images on an engine.
    pub fn image_names(&self) -> BTreeSet<&str> {
        let services = self.images.iter().flat_map(|images| &images.services);
        services.map(|(_, image)| image.name.as_str()).collect()
    }

    /// Returns the services that have an image in the package.
    pub fn image_services(&self) -> impl Iterator<Item = &ServiceName> {
        let services = self.images.iter().flat_map(|images| &images.services);
        services.map(|(service, _)| service)
    }

    /// Returns why no honest package has this manifest.
    pub fn check(&self) -> std::result::Result<(), Text> {
        self.check_words()?;
        check_amount(self.files.len(), self.files.values().map(|file| file.size))?;
        let lab = format!("{}/", self.lab_folder());
        let mut folders = BTreeSet::new();
        for path in self.files.keys() {
            let quoted = || path.escape_debug().to_string();
            if !is_plain_path(path) || !(path.starts_with(&lab) || path.starts_with("compose/")) {
                return Err(text!("`{path}` leads out of the lab", path = quoted()));
            }
            folders.extend(Path::new(path).ancestors().skip(1).map(Path::to_owned));
        }
        match self
            .files
            .keys()
            .find(|path| folders.contains(Path::new(path)))
        {
            Some(path) => Err(text!(
                "`{path}` is a file and a folder",
                path = path.escape_debug()
            )),
            None if !self.files.contains_key(&format!("{lab}lab.yaml")) => {
                Err(text!("it contains no lab"))
            }
            None => Ok(()),
        }
    }
}

impl Manifest {
    /// Returns why its words, which are shown, or the names of its images are none that this program writes.
    fn check_words(&self) -> std::result::Result<(), Text> {
        let mut words = vec![
            ("version", self.version.as_deref().unwrap_or_default()),
            ("written_by", &self.written_by),
        ];
        if let Some(images) = &self.images {
            words.push(("platform", &images.platform));
            let services = images.services.values();
            words.extend(services.map(|image| ("original", image.original.as_str())));
        }
        if let Some((key, _)) = words
            .iter()
            .find(|(_, word)| word.chars().any(char::is_control))
        {
            return Err(text!("`{key}` contains a control character", key));
        }
        // The engine may have an image of the user under any other name.
        match self
            .image_names()
            .into_iter()
            .find(|name| config_of_packed(name).is_none())
        {
            Some(name) => Err(text!(
                "unexpected image name `{name}` in a lab file",
                name = name.escape_debug()
            )),
            None => Ok(()),
        }
    }
}

/// Returns why files are too many or too large.
fn check_amount(
    count: usize,
    mut sizes: impl Iterator<Item = u64>,
) -> std::result::Result<(), Text> {
    let bytes = sizes.try_fold(0_u64, |sum, size| sum.checked_add(size));
    match bytes.is_some_and(|bytes| bytes <= MAX_BYTES) && count <= MAX_FILES {
        true => Ok(()),
        false => Err(text!(
            "it is too large: a lab has at most {files} files and {mebibytes} MiB beside its images",
            files = MAX_FILES,
            mebibytes = MAX_BYTES >> 20
        )),
    }
}

/// Returns whether a path consists of plain names, as in `labs/redis/lab.yaml`.
pub fn is_plain_path(path: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let characters = path.chars().all(|c| !c.is_control() && c != '\\');
    let components = Path::new(path).components();
    let normal = components.fold(0, |count, component| match component {
        Component::Normal(_) => count + 1,
        _ => count,
    });
    characters && path.split('/').all(plain) && normal == path.split('/').count()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

/// Returns the header of a regular file in a tar file; `None` if the path is too long for one.
fn header(path: &str, size: u64, executable: bool) -> Option<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path).ok()?;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    Some(header)
}

/// Returns how many zeros follow a file in a tar file.
fn padding(size: u64) -> usize {
    let rest = (size % BLOCK as u64) as usize;
    (BLOCK - rest) % BLOCK
}

/// Returns the end of a package whose bytes before it have this digest.
fn trailer(digest: &str) -> [u8; TRAILER] {
    let content = format!("{digest}\n");
    let header = header(CHECKSUM, content.len() as u64, false).expect("a short path");
    let mut bytes = [0; TRAILER];
    bytes[..BLOCK].copy_from_slice(header.as_bytes());
    bytes[BLOCK..BLOCK + content.len()].copy_from_slice(content.as_bytes());
    bytes
}
