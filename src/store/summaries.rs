//! Summaries of labs, kept so that a list need not read every lab anew.
//!
//! With a summary everything is kept that was asked of the disk while it was made. It counts only as long as the disk would give
//! the same answers; whatever is wrong with the kept file, the labs themselves are read instead.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::lab::{FileSystem, ReadError, Summary, UnsafeMount, load};
use crate::store::{OsFs, write_atomically};

/// A file that changed so short a time ago may change once more without another time or size: file systems count time in steps.
const UNSETTLED: Duration = Duration::from_secs(2);

/// What `list` needs of every lab; kept in one file.
pub struct Summaries {
    path: PathBuf,
    kept: Kept,
    changed: bool,
}

/// The file.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    /// Another program may see other problems in the same files.
    program: Option<Stamp>,
    labs: BTreeMap<PathBuf, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    /// The summary, or how many problems the lab has.
    found: Result<Summary, usize>,
    seen: Seen,
}

/// What was asked of the disk, and what it answered.
#[derive(Default, Serialize, Deserialize)]
struct Seen {
    files: BTreeMap<PathBuf, Option<Stamp>>,
    folders: BTreeMap<PathBuf, Vec<String>>,
    canonical_path: BTreeMap<PathBuf, Option<PathBuf>>,
    unsafe_to_mount: BTreeMap<PathBuf, Option<UnsafeMount>>,
}

/// A file without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    inode: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Summaries {
    /// Reads what is kept; a file that cannot be read is as good as none.
    pub fn read(cache: &Path) -> Self {
        let path = cache.join("summaries.json");
        let program = std::env::current_exe().ok().and_then(|it| Stamp::of(&it));
        let read = || serde_json::from_slice::<Kept>(&std::fs::read(&path).ok()?).ok();
        // Nobody can tell what another program would say, nor what one says that cannot be found.
        let same = |kept: &Kept| program.is_some() && kept.program == program;
        let kept = read().filter(same).unwrap_or(Kept {
            program,
            ..Kept::default()
        });
        Self {
            path,
            kept,
            changed: false,
        }
    }

    /// The summary of the lab in a folder, or how many problems it has.
    pub fn of(&mut self, folder: &Path) -> Result<Summary, usize> {
        // The same relative path means another folder elsewhere.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        if let Some(entry) = self.kept.labs.get(&folder)
            && entry.seen.is_still_so()
        {
            return entry.found.clone();
        }
        let begun = SystemTime::now();
        let disk = Watched::default();
        let found = match load(&folder, &disk) {
            Ok(loaded) if loaded.needs_trust.is_empty() => Ok(Summary::of(&loaded.lab)),
            Ok(loaded) => Err(loaded.needs_trust.len()),
            Err(problems) => Err(problems.len()),
        };
        let seen = disk.seen.into_inner();
        self.changed = true;
        match seen.is_settled(begun) {
            true => {
                let found = found.clone();
                self.kept.labs.insert(folder, Entry { found, seen });
            }
            false => drop(self.kept.labs.remove(&folder)),
        }
        found
    }

    /// Keeps what is new for the next time, and forgets labs that are gone.
    pub fn write(&mut self) {
        if !self.changed {
            return;
        }
        let there = |folder: &PathBuf, _: &mut Entry| folder.join("lab.yaml").exists();
        self.kept.labs.retain(there);
        // Only saves time; without it the next list reads all labs again.
        let _ = serde_json::to_vec(&self.kept).map(|text| write_atomically(&self.path, &text));
    }
}

impl Seen {
    /// Whether the disk would answer everything as it did.
    fn is_still_so(&self) -> bool {
        let Self {
            files,
            folders,
            canonical_path,
            unsafe_to_mount,
        } = self;
        files.iter().all(|(path, then)| Stamp::of(path) == *then)
            && folders
                .iter()
                .all(|(path, then)| OsFs.file_names(path) == *then)
            && canonical_path
                .iter()
                .all(|(path, then)| OsFs.canonical_path(path) == *then)
            && unsafe_to_mount
                .iter()
                .all(|(path, then)| OsFs.unsafe_to_mount(path) == *then)
    }

    /// Whether a later change of any file would show in its stamp.
    fn is_settled(&self, begun: SystemTime) -> bool {
        let begun = begun.duration_since(UNIX_EPOCH).unwrap_or_default();
        let limit = i64::try_from(begun.saturating_sub(UNSETTLED).as_secs()).unwrap_or(0);
        let stamps = self.files.values().flatten();
        stamps.map(|stamp| stamp.modified.0).all(|at| at < limit)
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self {
            size: about.size(),
            inode: about.ino(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        })
    }
}

/// The disk, with a memory of what was asked.
#[derive(Default)]
struct Watched {
    seen: RefCell<Seen>,
}

impl FileSystem for Watched {
    fn read(&self, path: &Path) -> Result<String, ReadError> {
        // The stamp comes first: a change between the two then shows the next time.
        let stamp = Stamp::of(path);
        let mut seen = self.seen.borrow_mut();
        seen.files.entry(path.to_owned()).or_insert(stamp);
        OsFs.read(path)
    }

    fn file_names(&self, folder: &Path) -> Vec<String> {
        let file_names = OsFs.file_names(folder);
        let mut seen = self.seen.borrow_mut();
        seen.folders.insert(folder.to_owned(), file_names.clone());
        file_names
    }

    fn canonical_path(&self, path: &Path) -> Option<PathBuf> {
        let canonical_path = OsFs.canonical_path(path);
        let mut seen = self.seen.borrow_mut();
        seen.canonical_path
            .insert(path.to_owned(), canonical_path.clone());
        canonical_path
    }

    fn unsafe_to_mount(&self, path: &Path) -> Option<UnsafeMount> {
        let unsafe_to_mount = OsFs.unsafe_to_mount(path);
        let mut seen = self.seen.borrow_mut();
        seen.unsafe_to_mount
            .insert(path.to_owned(), unsafe_to_mount.clone());
        unsafe_to_mount
    }
}

#[cfg(test)]
#[path = "summaries_tests.rs"]
mod tests;
