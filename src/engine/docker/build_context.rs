//! A recipe's folder as it is sent to the engine: a tar file that depends on the contents alone, not on owners or times.
//!
//! Links that stay inside the folder are kept as links; others are refused. Files are read on a thread of their own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::engine::docker::ignore_patterns::IgnorePatterns;
use crate::engine::{Build, EngineError, ErrorKind, Result};
use crate::hex;
use crate::text;
use crate::text::Text;

/// The largest context, in bytes of its files.
const MAX_SIZE: u64 = 256 << 20;
const MAX_ENTRIES: usize = 10_000;
const IGNORE_FILE: &str = ".dockerignore";

/// The entries of a context, by their path with `/` between the parts.
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

/// Returns a short digest of what is built: contents, execute bits, Dockerfile, arguments and target, but not owners,
/// times, other modes, or the files that the host adds.
///
/// Fails with [`ErrorKind::InvalidRecipe`].
pub async fn context_digest(build: &Build) -> Result<String> {
    on_thread(build, digest).await
}

/// Returns the tar of a context in a file that has no name, so that it cannot be left behind.
pub(super) async fn tar_file(build: &Build) -> Result<File> {
    on_thread(build, pack_all).await
}

/// Reads a context on a thread of its own: it can be hundreds of megabytes.
async fn on_thread<T: Send + 'static>(build: &Build, read: fn(&Build) -> Result<T>) -> Result<T> {
    let build = build.clone();
    tokio::task::spawn_blocking(move || read(&build))
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn digest(build: &Build) -> Result<String> {
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
                field(&fs::read(&source).map_err(|error| cannot_read(&source, &error))?);
            }
        }
    }
    field(build.dockerfile.as_bytes());
    for (key, value) in &build.args {
        field(key.as_bytes());
        field(value.as_bytes());
    }
    field(build.target.as_deref().unwrap_or_default().as_bytes());
    Ok(hex::encode(&hash.finalize()[..6]))
}

fn pack_all(build: &Build) -> Result<File> {
    let operation = text!("pack {folder}", folder = build.context.display());
    let failed = |error: io::Error| invalid(Text::quotation(error.to_string())).during(&operation);
    let file = tempfile::tempfile().map_err(failed)?;
    let mut tar = tar::Builder::new(io::BufWriter::new(file));
    let mut entries = entries(build)?;
    for name in build.extra.keys() {
        let inside = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside || name.is_empty() {
            return Err(invalid(text!(
                "`{name}` cannot be added to a build",
                name = name.escape_debug()
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
            // A file that grows in the meantime must not exceed the size in its header.
            let content = File::open(source)?.take(*size);
            tar.append_data(
                &mut header(tar::EntryType::Regular, mode, *size),
                path,
                content,
            )
        }
    }
}

/// Returns a header that does not depend on this machine: no owner, no time.
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
        .map_err(|error| cannot_read(root, &error))?;
    let mut walk = Walk {
        ignored: ignored(root, &build.dockerfile)?,
        kept: build.dockerfile.clone(),
        root: real,
        found: Entries::new(),
        bytes: 0,
    };
    walk.folder("")?;
    match walk.found.get(&build.dockerfile) {
        Some(Entry::File { .. }) => Ok(walk.found),
        _ => Err(invalid(text!(
            "no file `{file}` in {folder}",
            file = build.dockerfile,
            folder = root.display()
        ))),
    }
}

struct Walk {
    root: PathBuf,
    ignored: IgnorePatterns,
    /// Files that the engine needs, whatever the patterns say.
    kept: String,
    found: Entries,
    bytes: u64,
}

impl Walk {
    fn folder(&mut self, below: &str) -> Result<()> {
        let folder = self.root.join(below);
        let listing = fs::read_dir(&folder).map_err(|error| cannot_read(&folder, &error))?;
        for item in listing {
            let item = item.map_err(|error| cannot_read(&folder, &error))?;
            let name = item.file_name();
            let name = name.to_str().ok_or_else(|| {
                invalid(text!(
                    "the name of {path} is not UTF-8",
                    path = item.path().display()
                ))
            })?;
            let path = match below {
                "" => name.to_owned(),
                below => format!("{below}/{name}"),
            };
            let ignored = path != self.kept && self.ignored.matches(&path);
            // A pattern with `!`, or the Dockerfile, may be below a folder that is ignored.
            let is_folder = item.file_type().is_ok_and(|kind| kind.is_dir());
            let has_kept = self.kept.starts_with(&format!("{path}/"));
            match ignored {
                false => self.take(path)?,
                true if is_folder && (has_kept || self.ignored.has_exceptions()) => {
                    self.folder(&path)?;
                }
                true => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, path: String) -> Result<()> {
        let source = self.root.join(&path);
        let metadata =
            fs::symlink_metadata(&source).map_err(|error| cannot_read(&source, &error))?;
        let kind = metadata.file_type();
        let entry = if kind.is_dir() {
            self.folder(&path)?;
            Entry::Folder
        } else if kind.is_symlink() {
            let target = self.link(&path, &source)?;
            Entry::Link { target }
        } else if kind.is_file() {
            self.bytes += metadata.len();
            let executable = metadata.permissions().mode() & 0o111 != 0;
            Entry::File {
                source,
                size: metadata.len(),
                executable,
            }
        } else {
            return Err(invalid(text!(
                "{path} is neither a file, a folder nor a link",
                path = source.display()
            )));
        };
        self.found.insert(path, entry);
        if self.bytes > MAX_SIZE || self.found.len() > MAX_ENTRIES {
            return Err(invalid(text!(
                "{folder} is too large to build from: at most {size} MiB in {count} files",
                folder = self.root.display(),
                size = MAX_SIZE >> 20,
                count = MAX_ENTRIES
            ))
            .help(text!(
                "list what is not needed in `{file}`",
                file = IGNORE_FILE
            )));
        }
        Ok(())
    }

    /// Returns a link's target if it stays inside: by its text, and by the real path if that exists.
    fn link(&self, path: &str, source: &Path) -> Result<String> {
        let target = fs::read_link(source).map_err(|error| cannot_read(source, &error))?;
        let leads_out = source
            .canonicalize()
            .is_ok_and(|real| !real.starts_with(&self.root));
        let above = Path::new(path).parent().unwrap_or(Path::new(""));
        match target.to_str() {
            Some(text) if !leads_out && stays_inside(above, &target) => Ok(text.to_owned()),
            _ => Err(invalid(text!(
                "the link {path} leads out of the folder of the build",
                path = source.display()
            ))
            .help(text!("copy its target into the folder"))),
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

/// Reads `.dockerignore`. The file for one Dockerfile, `Dockerfile.dockerignore`, wins over the one for all.
fn ignored(root: &Path, dockerfile: &str) -> Result<IgnorePatterns> {
    for name in [format!("{dockerfile}{IGNORE_FILE}"), IGNORE_FILE.to_owned()] {
        let file = root.join(name);
        match fs::read_to_string(&file) {
            Ok(text) => {
                return IgnorePatterns::parse(&text).map_err(|(line, pattern)| {
                    invalid(text!(
                        "{file}:{line}: invalid pattern `{pattern}`",
                        file = file.display(),
                        line,
                        pattern = pattern.escape_debug()
                    ))
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot_read(&file, &error)),
        }
    }
    Ok(IgnorePatterns::default())
}

fn cannot_read(path: &Path, error: &io::Error) -> EngineError {
    invalid(Text::quotation(error.to_string())).during(&text!("read {path}", path = path.display()))
}

fn invalid(reason: Text) -> EngineError {
    EngineError::new(ErrorKind::InvalidRecipe, reason)
}

#[cfg(test)]
mod tests;
