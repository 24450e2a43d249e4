//! A recipe's folder as the engine gets it: a tar that is the same for the same contents, whoever's folder it is.
//!
//! Links are kept as links if they stay inside; those that leave the folder are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::engine::{Build, EngineError, ErrorKind, Result};

/// The largest context, in bytes of its files.
const LARGEST: u64 = 256 << 20;
const MOST_ENTRIES: usize = 10_000;
const IGNORE_FILE: &str = ".dockerignore";

/// What lies in a context, by its path with `/` between the parts.
type Entries = BTreeMap<String, Entry>;

enum Entry {
    Folder,
    File {
        source: PathBuf,
        size: u64,
        executable: bool,
    },
    Link {
        target: String,
    },
}

/// A short text that changes with what is built: contents, execute bits, Dockerfile, arguments and target, but not
/// owners, times, other modes, or files that the host adds.
pub fn context_digest(build: &Build) -> Result<String> {
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for (path, entry) in entries(build)? {
        field(path.as_bytes());
        match entry {
            Entry::Folder => field(b"folder"),
            Entry::Link { target } => {
                field(b"link");
                field(target.as_bytes());
            }
            Entry::File {
                source, executable, ..
            } => {
                field(if executable { b"program" } else { b"file" });
                field(&fs::read(&source).map_err(|error| unreadable(&source, &error))?);
            }
        }
    }
    field(build.dockerfile.as_bytes());
    for (key, value) in &build.args {
        field(key.as_bytes());
        field(value.as_bytes());
    }
    field(build.target.as_deref().unwrap_or_default().as_bytes());
    let digest = hash.finalize();
    Ok(digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Writes the tar of a context into a file that has no name, and so cannot be left behind.
pub(super) fn tar_file(build: &Build) -> Result<File> {
    let failed =
        |error: io::Error| refuse(format!("cannot pack {}: {error}", build.context.display()));
    let file = tempfile::tempfile().map_err(failed)?;
    let mut tar = tar::Builder::new(io::BufWriter::new(file));
    let mut entries = entries(build)?;
    for name in build.extra.keys() {
        let inside = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside || name.is_empty() {
            return Err(refuse(format!(
                "`{}` cannot be added to a build",
                name.escape_debug()
            )));
        }
        entries.remove(name);
    }
    for (path, entry) in &entries {
        pack(&mut tar, path, entry).map_err(failed)?;
    }
    for (name, content) in &build.extra {
        let mut header = header(tar::EntryType::Regular, 0o644, content.len() as u64);
        tar.append_data(&mut header, name, content.as_slice())
            .map_err(failed)?;
    }
    let buffer = tar.into_inner().map_err(failed)?;
    buffer
        .into_inner()
        .map_err(|error| failed(error.into_error()))
}

fn pack(tar: &mut tar::Builder<impl Write>, path: &str, entry: &Entry) -> io::Result<()> {
    match entry {
        Entry::Folder => tar.append_data(
            &mut header(tar::EntryType::Directory, 0o755, 0),
            path,
            io::empty(),
        ),
        Entry::Link { target } => {
            tar.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), path, target)
        }
        Entry::File {
            source,
            size,
            executable,
        } => {
            let mode = if *executable { 0o755 } else { 0o644 };
            // A file that grows meanwhile must not break the tar's frame.
            let content = File::open(source)?.take(*size);
            tar.append_data(
                &mut header(tar::EntryType::Regular, mode, *size),
                path,
                content,
            )
        }
    }
}

/// A header without a trace of this machine: no owner, no time.
fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn entries(build: &Build) -> Result<Entries> {
    let root = &build.context;
    let real = root
        .canonicalize()
        .map_err(|error| unreadable(root, &error))?;
    let mut walk = Walk {
        ignored: ignored(root, &build.dockerfile)?,
        root: real,
        found: Entries::new(),
        bytes: 0,
    };
    walk.folder("")?;
    match walk.found.get(&build.dockerfile) {
        Some(Entry::File { .. }) => Ok(walk.found),
        _ => Err(refuse(format!(
            "no file `{}` in {}",
            build.dockerfile,
            root.display()
        ))),
    }
}

struct Walk {
    root: PathBuf,
    ignored: BTreeSet<String>,
    found: Entries,
    bytes: u64,
}

impl Walk {
    fn folder(&mut self, below: &str) -> Result<()> {
        let folder = self.root.join(below);
        let listing = fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))?;
        for item in listing {
            let item = item.map_err(|error| unreadable(&folder, &error))?;
            let name = item.file_name();
            let name = name.to_str().ok_or_else(|| {
                refuse(format!(
                    "the name of {} is not UTF-8",
                    item.path().display()
                ))
            })?;
            let path = match below {
                "" => name.to_owned(),
                below => format!("{below}/{name}"),
            };
            if !self.ignored.contains(&path) {
                self.take(path)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, path: String) -> Result<()> {
        let source = self.root.join(&path);
        let about = fs::symlink_metadata(&source).map_err(|error| unreadable(&source, &error))?;
        let kind = about.file_type();
        let entry = if kind.is_dir() {
            self.folder(&path)?;
            Entry::Folder
        } else if kind.is_symlink() {
            let target = self.link(&path, &source)?;
            Entry::Link { target }
        } else if kind.is_file() {
            self.bytes += about.len();
            let executable = about.permissions().mode() & 0o111 != 0;
            Entry::File {
                source,
                size: about.len(),
                executable,
            }
        } else {
            return Err(refuse(format!(
                "{} is neither a file, a folder nor a link",
                source.display()
            )));
        };
        self.found.insert(path, entry);
        if self.bytes > LARGEST || self.found.len() > MOST_ENTRIES {
            return Err(refuse(format!(
                "{} is too large to build from: at most {} MiB in {MOST_ENTRIES} files; name what is not \
                 needed in `{IGNORE_FILE}`",
                self.root.display(),
                LARGEST >> 20
            )));
        }
        Ok(())
    }

    /// A link's target, if it stays inside: by its text, and by where it really leads if it leads anywhere.
    fn link(&self, path: &str, source: &Path) -> Result<String> {
        let target = fs::read_link(source).map_err(|error| unreadable(source, &error))?;
        let leads_out = source
            .canonicalize()
            .is_ok_and(|real| !real.starts_with(&self.root));
        let above = Path::new(path).parent().unwrap_or(Path::new(""));
        match target.to_str() {
            Some(text) if !leads_out && stays_inside(above, &target) => Ok(text.to_owned()),
            _ => Err(refuse(format!(
                "the link {} leaves the folder of the build; copy what it points to",
                source.display()
            ))),
        }
    }
}

fn stays_inside(above: &Path, target: &Path) -> bool {
    let mut depth = above.components().count();
    target.components().all(|part| match part {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir => {
            let inside = depth > 0;
            depth = depth.saturating_sub(1);
            inside
        }
        Component::RootDir | Component::Prefix(_) => false,
    })
}

/// The paths that `.dockerignore` names; the Dockerfile is never among them.
fn ignored(root: &Path, dockerfile: &str) -> Result<BTreeSet<String>> {
    let file = root.join(IGNORE_FILE);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(unreadable(&file, &error)),
    };
    let mut paths = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.contains(['*', '?', '[', '!', '\\']) {
            return Err(refuse(format!(
                "{}:{}: only plain names of files and folders are understood, not `{}`",
                file.display(),
                at + 1,
                line.escape_debug()
            )));
        }
        let path = line.trim_start_matches("./").trim_matches('/');
        if path != dockerfile {
            paths.insert(path.to_owned());
        }
    }
    Ok(paths)
}

fn unreadable(path: &Path, error: &io::Error) -> EngineError {
    refuse(format!("cannot read {}: {error}", path.display()))
}

fn refuse(message: String) -> EngineError {
    EngineError::new(ErrorKind::InvalidRecipe, message)
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
