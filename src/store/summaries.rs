//! A cache of lab summaries: `list` takes 4 ms with it and 120 ms without it, which is spent in parsing five labs.
//!
//! A cached summary holds every answer that the file system gave while the lab was loaded, and is valid only while the file
//! system gives the same answers. Whatever is wrong with the cache, the labs themselves are read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::lab::{FileSystem, ReadError, Summary, UnsafeMount, load};
use crate::store::{OsFs, write_atomically};

/// A file that changed less than this ago may change again with the same time and size: file systems count time in steps.
const UNSETTLED: Duration = Duration::from_secs(2);

/// The summaries of all labs.
pub struct Summaries {
    path: PathBuf,
    cache: Cache,
    changed: bool,
}

/// The cache file.
#[derive(Default, Serialize, Deserialize)]
struct Cache {
    /// The executable that wrote the cache: another one may find other problems in the same files.
    program: Option<Stamp>,
    labs: BTreeMap<PathBuf, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    /// The summary, or the number of problems in the lab.
    result: Result<Summary, usize>,
    answers: Answers,
}

/// What the file system answered while a lab was loaded.
#[derive(Default, Serialize, Deserialize)]
struct Answers {
    files: BTreeMap<PathBuf, Option<Stamp>>,
    folders: BTreeMap<PathBuf, Vec<String>>,
    canonical_path: BTreeMap<PathBuf, Option<PathBuf>>,
    /// Whether a path is unsafe to mount.
    unsafe_to_mount: BTreeMap<PathBuf, bool>,
}

/// The metadata of a file that changes with its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    inode: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Summaries {
    /// Reads the cache. One that cannot be read counts as empty.
    pub fn read(cache: &Path) -> Self {
        let path = cache.join("summaries.json");
        let program = std::env::current_exe().ok().and_then(|it| Stamp::of(&it));
        let read = || serde_json::from_slice::<Cache>(&std::fs::read(&path).ok()?).ok();
        // If this executable cannot be found, no cache is known to be its own.
        let is_own = |cache: &Cache| program.is_some() && cache.program == program;
        let cache = read().filter(is_own).unwrap_or(Cache {
            program,
            ..Cache::default()
        });
        Self {
            path,
            cache,
            changed: false,
        }
    }

    /// Returns the summary of the lab in a folder, or the number of its problems.
    pub fn of(&mut self, folder: &Path) -> Result<Summary, usize> {
        // A relative path means another folder when the working directory differs.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        if let Some(entry) = self.cache.labs.get(&folder)
            && entry.answers.are_still_valid()
        {
            return entry.result.clone();
        }
        let begun = SystemTime::now();
        let files = RecordingAnswers::default();
        let result = match load(&folder, &files) {
            Ok(loaded) if loaded.needs_trust.is_empty() => Ok(Summary::of(&loaded.lab)),
            Ok(loaded) => Err(loaded.needs_trust.len()),
            Err(problems) => Err(problems.len()),
        };
        let answers = files.answers.into_inner();
        self.changed = true;
        match answers.are_settled(begun) {
            true => {
                let result = result.clone();
                self.cache.labs.insert(folder, Entry { result, answers });
            }
            false => drop(self.cache.labs.remove(&folder)),
        }
        result
    }

    /// Writes the cache if it changed, without the labs that are gone.
    pub fn write(&mut self) {
        if !self.changed {
            return;
        }
        let there = |folder: &PathBuf, _: &mut Entry| folder.join("lab.yaml").exists();
        self.cache.labs.retain(there);
        // If it cannot be written, the next `list` reads the labs again.
        let _ = serde_json::to_vec(&self.cache).map(|text| write_atomically(&self.path, &text));
    }
}

impl Answers {
    /// Whether the file system still gives the same answers.
    fn are_still_valid(&self) -> bool {
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
                .all(|(path, then)| OsFs.unsafe_to_mount(path).is_some() == *then)
    }

    /// Whether a later change of any file would change its stamp.
    fn are_settled(&self, begun: SystemTime) -> bool {
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

/// The file system of this machine, with a record of its answers.
#[derive(Default)]
struct RecordingAnswers {
    answers: RefCell<Answers>,
}

impl FileSystem for RecordingAnswers {
    fn read(&self, path: &Path) -> Result<String, ReadError> {
        // The stamp comes first: a change between the two then shows the next time.
        let stamp = Stamp::of(path);
        let mut answers = self.answers.borrow_mut();
        answers.files.entry(path.to_owned()).or_insert(stamp);
        OsFs.read(path)
    }

    fn file_names(&self, folder: &Path) -> Vec<String> {
        let file_names = OsFs.file_names(folder);
        let mut answers = self.answers.borrow_mut();
        answers
            .folders
            .insert(folder.to_owned(), file_names.clone());
        file_names
    }

    fn canonical_path(&self, path: &Path) -> Option<PathBuf> {
        let canonical_path = OsFs.canonical_path(path);
        let mut answers = self.answers.borrow_mut();
        answers
            .canonical_path
            .insert(path.to_owned(), canonical_path.clone());
        canonical_path
    }

    fn unsafe_to_mount(&self, path: &Path) -> Option<UnsafeMount> {
        let unsafe_to_mount = OsFs.unsafe_to_mount(path);
        let mut answers = self.answers.borrow_mut();
        answers
            .unsafe_to_mount
            .insert(path.to_owned(), unsafe_to_mount.is_some());
        unsafe_to_mount
    }
}

#[cfg(test)]
mod tests;
