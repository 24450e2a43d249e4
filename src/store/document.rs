//! JSON documents with a version: read, compared by version, and replaced under a lock.
//!
//! A document that this program cannot read is an error that names the file and the program that wrote it. It is never
//! treated as absent and never overwritten.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::text;
use crate::text::Text;

/// The name under which this program signs its documents.
const PROGRAM: &str = concat!("roadlab ", env!("CARGO_PKG_VERSION"));

/// How long an update waits for the lock of another process. An update takes milliseconds; where the disk is very busy, several
/// seconds, because the file is synced before the lock is released. Ctrl-C has no effect meanwhile.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// What every document has besides its content.
#[derive(Serialize, Deserialize)]
struct Header {
    /// The first documents did not name their version.
    #[serde(default = "first_version")]
    version: u32,
    #[serde(default)]
    written_by: Option<String>,
}

fn first_version() -> u32 {
    1
}

/// A document as it is written.
#[derive(Serialize)]
struct Document<'a, T> {
    #[serde(flatten)]
    header: Header,
    #[serde(flatten)]
    content: &'a T,
}

/// Why a document cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text().localized())]
pub enum DocumentError {
    /// The file cannot be read.
    Unreadable { path: PathBuf, error: io::Error },
    /// The file is no document of this kind: cut off, or edited by hand.
    Damaged {
        path: PathBuf,
        error: serde_json::Error,
    },
    /// The file was written by a version of the program with another format.
    OtherVersion {
        path: PathBuf,
        version: u32,
        known: u32,
        /// The program and its version; documents of old versions do not say.
        written_by: Option<String>,
    },
    /// The document holds a path that is not UTF-8, which JSON cannot express.
    NotUtf8 { path: PathBuf },
    /// The file cannot be replaced.
    Unwritable { path: PathBuf, error: io::Error },
    /// Another process holds the lock of the folder.
    Locked { folder: PathBuf },
}

impl DocumentError {
    /// Returns what is wrong with the file, without a way out: that depends on what the file is for.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreadable { path, error } => {
                text!(
                    "cannot read {file}: {reason}",
                    file = path.display(),
                    reason = error
                )
            }
            Self::Damaged { path, error } => {
                text!(
                    "{file} is damaged: {reason}",
                    file = path.display(),
                    reason = damage(error)
                )
            }
            Self::OtherVersion {
                path,
                version,
                known,
                written_by: Some(program),
            } => text!(
                "{file} was written by {program} in format version {version}; this roadlab reads version {known}",
                file = path.display(),
                program = program.escape_debug(),
                version,
                known
            ),
            Self::OtherVersion {
                path,
                version,
                known,
                written_by: None,
            } => text!(
                "{file} was written by another roadlab in format version {version}; this one reads version {known}",
                file = path.display(),
                version,
                known
            ),
            Self::NotUtf8 { path } => text!(
                "cannot write {file}: the path of the lab, of one of its files or of the current folder is not UTF-8; rename that file or folder",
                file = path.display()
            ),
            Self::Unwritable { path, error } => {
                text!(
                    "cannot write {file}: {reason}",
                    file = path.display(),
                    reason = error
                )
            }
            Self::Locked { folder } => text!(
                "another process has locked {folder} for more than {seconds} seconds",
                folder = folder.display(),
                seconds = LOCK_TIMEOUT.as_secs()
            ),
        }
    }

    fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Unwritable { path, error }
    }
}

/// Returns what is wrong with a JSON file in plain words, with the line.
pub(super) fn damage(error: &serde_json::Error) -> Text {
    let line = error.line();
    match error.classify() {
        Category::Eof if line <= 1 && error.column() == 0 => text!("it is empty"),
        Category::Eof => text!("it ends in the middle, at line {line}", line),
        Category::Syntax => text!("line {line} is not JSON", line),
        Category::Data | Category::Io if line > 0 => {
            text!(
                "the value in line {line} is missing or of the wrong kind",
                line
            )
        }
        Category::Data | Category::Io => text!("a value is missing or of the wrong kind"),
    }
}

/// Reads a document; `None` if there is no file.
pub(super) fn read<T: DeserializeOwned>(
    path: &Path,
    version: u32,
) -> Result<Option<T>, DocumentError> {
    match std::fs::read(path) {
        Ok(content) => parse(path, &content, version).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DocumentError::Unreadable {
            path: path.to_owned(),
            error,
        }),
    }
}

/// Reads a document from the content of a file. The version is compared before anything else is read.
pub(super) fn parse<T: DeserializeOwned>(
    path: &Path,
    content: &[u8],
    version: u32,
) -> Result<T, DocumentError> {
    let damaged = |error| DocumentError::Damaged {
        path: path.to_owned(),
        error,
    };
    let header: Header = serde_json::from_slice(content).map_err(damaged)?;
    if header.version != version {
        return Err(DocumentError::OtherVersion {
            path: path.to_owned(),
            version: header.version,
            known: version,
            written_by: header.written_by,
        });
    }
    serde_json::from_slice(content).map_err(damaged)
}

/// Changes a document under the lock of its folder, so that no change of another process is lost. `change` gets what the
/// file holds now, or `None` if there is no file.
pub(super) fn update<T: Serialize + DeserializeOwned>(
    path: &Path,
    version: u32,
    change: impl FnOnce(Option<T>) -> T,
) -> Result<(), DocumentError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let _lock = FolderLock::acquire(folder)?;
    let changed = change(read(path, version)?);
    replace(path, version, &changed).map(drop)
}

/// Replaces a document: the file is the old one or the new one, whatever happens meanwhile. The new file is locked from its
/// first moment until it is dropped. The caller holds the lock of the folder.
pub(super) fn replace<T: Serialize>(
    path: &Path,
    version: u32,
    content: &T,
) -> Result<File, DocumentError> {
    let header = Header {
        version,
        written_by: Some(PROGRAM.to_owned()),
    };
    let content = serde_json::to_vec_pretty(&Document { header, content });
    // Keys are texts and paths, and there are no numbers that JSON lacks: only a path can fail.
    let content = content.map_err(|_| DocumentError::NotUtf8 {
        path: path.to_owned(),
    })?;
    replace_file(path, &content).map_err(DocumentError::unwritable(path))
}

/// Replaces a file in one step and returns it locked.
pub(super) fn replace_file(path: &Path, content: &[u8]) -> io::Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.as_file().try_lock()?;
    Ok(file.persist(path)?)
}

/// The lock of a folder of documents, held until it is dropped. The folder itself is locked, so there is no lock file that
/// could be removed.
pub(super) struct FolderLock {
    _folder: File,
}

impl FolderLock {
    /// Waits for the lock, at most `LOCK_TIMEOUT`.
    pub(super) fn acquire(folder: &Path) -> Result<Self, DocumentError> {
        let open = || {
            std::fs::create_dir_all(folder)?;
            File::open(folder)
        };
        let file = open().map_err(DocumentError::unwritable(folder))?;
        match lock_within(file, LOCK_TIMEOUT).map_err(DocumentError::unwritable(folder))? {
            Some(file) => Ok(Self { _folder: file }),
            None => Err(DocumentError::Locked {
                folder: folder.to_owned(),
            }),
        }
    }
}

/// Locks a file, which is returned; `None` if others hold the lock for longer than `limit`.
pub(super) fn lock_within(file: File, limit: Duration) -> io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => return Ok(Some(file)),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {}
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    // The kernel wakes a thread that waits in `flock` as soon as the lock is free; one that polls could starve. If it gets
    // the lock too late, there is no receiver any more, and the file is closed.
    std::thread::Builder::new().spawn(move || {
        let result = loop {
            match file.lock() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let _ = sender.send(result.map(|()| file));
    })?;
    match receiver.recv_timeout(limit) {
        Ok(result) => result.map(Some),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Default, Serialize, Deserialize)]
    struct Counts {
        counts: BTreeMap<String, u32>,
    }

    fn add(path: &Path, name: &str) -> Result<(), DocumentError> {
        update(path, 1, |counts: Option<Counts>| {
            let mut counts = counts.unwrap_or_default();
            *counts.counts.entry(name.to_owned()).or_default() += 1;
            counts
        })
    }

    #[test]
    fn concurrent_updates_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts.json");
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let path = &path;
                scope.spawn(move || (0..25).for_each(|_| add(path, name).unwrap()));
            }
        });
        let counts: Counts = read(&path, 1).unwrap().unwrap();
        let counts: Vec<u32> = counts.counts.into_values().collect();
        assert_eq!(counts, [25; 4]);
    }

    #[test]
    fn a_wait_for_a_lock_ends() {
        let folder = tempfile::tempdir().unwrap();
        let open = || File::open(folder.path()).unwrap();
        let held = lock_within(open(), Duration::ZERO).unwrap();
        assert!(held.is_some());
        let late = lock_within(open(), Duration::from_millis(1)).unwrap();
        assert!(late.is_none());
        drop(held);
        let free = lock_within(open(), LOCK_TIMEOUT).unwrap();
        assert!(free.is_some());
    }

    #[test]
    fn a_path_that_is_not_utf_8_is_an_error() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("paths.json");
        let path = PathBuf::from(OsStr::from_bytes(b"labs/\xff"));
        let value = replace(&file, 1, &BTreeMap::from([("folder", &path)]));
        assert!(matches!(value, Err(DocumentError::NotUtf8 { .. })));
        let files = BTreeMap::from([(path, 1)]);
        let key = replace(&file, 1, &BTreeMap::from([("files", files)]));
        assert!(matches!(key, Err(DocumentError::NotUtf8 { .. })));
        assert!(!file.exists());
    }

    #[test]
    fn a_document_that_cannot_be_read_is_an_error_and_stays() {
        #[track_caller]
        fn check(content: &str, expected: &str) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("counts.json");
            std::fs::write(&path, content).unwrap();
            let error = add(&path, "a").unwrap_err().to_string();
            let error = error.replace(&path.display().to_string(), "FILE");
            assert_eq!(error, expected);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        check(
            r#"{"version":2,"written_by":"roadlab 9.1.0"}"#,
            "FILE was written by roadlab 9.1.0 in format version 2; this roadlab reads version 1",
        );
        check(
            r#"{"version":2}"#,
            "FILE was written by another roadlab in format version 2; this one reads version 1",
        );
        check("", "FILE is damaged: it is empty");
        check("{", "FILE is damaged: it ends in the middle, at line 1");
        check("{\n  x", "FILE is damaged: line 2 is not JSON");
        check(
            "[1]",
            "FILE is damaged: the value in line 1 is missing or of the wrong kind",
        );
        check(
            "{\"version\": 1,\n\"counts\": 7}",
            "FILE is damaged: the value in line 2 is missing or of the wrong kind",
        );
    }
}
