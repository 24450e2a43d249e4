//! Copies of volumes as they were when the services of a lab were ready for the first time, so that the next start needs no
//! initialisation. They are a cache: each can be made again, and one that is not whole is never returned.
//!
//! A copy is a folder with one tar file for each volume and a list of their sizes. It is written under another name, brought
//! to the disk, and renamed only then.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::store::write_atomically;

/// The name of the list of sizes in the folder of a copy.
const LIST: &str = "copy.json";

/// What the name of a folder begins with while the copy is made; the id of the process follows.
const UNFINISHED: &str = "unfinished-";

/// How long services must need until they are ready, so that their volumes are copied.
const WORTH_AFTER: Duration = Duration::from_secs(2);

/// The most bytes of all copies together. The copies that were not used for the longest time go first.
pub const MAX_COPIES: u64 = 2 << 30;

/// The most bytes of one copy, zeros included.
pub const MAX_COPY: u64 = 1 << 30;

/// The copies in a folder.
#[derive(Debug, Clone)]
pub struct VolumeCopies {
    folder: PathBuf,
    /// A start that takes less time is not worth a copy.
    pub worth_after: Duration,
}

/// A copy of the volumes of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeCopy {
    folder: PathBuf,
    /// The lab that the copy was made of.
    pub lab: String,
    /// How long the services needed to create their data.
    pub took: Duration,
    /// The volumes, by their name in the lab, and the sizes of their files in bytes.
    volumes: Vec<(String, u64)>,
}

/// A copy that is being made. Dropping it removes it.
#[derive(Debug)]
pub struct UnfinishedCopy {
    folder: PathBuf,
    /// The name of the folder of the finished copy.
    finished: PathBuf,
    list: List,
}

/// The document in the folder of a copy.
#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    lab: String,
    took_millis: u64,
    volumes: Vec<(String, u64)>,
}

impl VolumeCopies {
    /// The copies in the cache of this user.
    pub fn new(cache: &Path) -> Self {
        Self {
            folder: cache.join("volumes"),
            worth_after: WORTH_AFTER,
        }
    }

    /// Returns the copy with a key, and marks it as used now; `None` if there is none, or if it is not whole.
    pub fn find(&self, key: &str) -> Option<VolumeCopy> {
        let copy = VolumeCopy::read(&self.folder.join(key))?;
        if let Ok(list) = File::options().append(true).open(copy.folder.join(LIST)) {
            // Otherwise it is removed earlier than it needs to be.
            let _ = list.set_modified(SystemTime::now());
        }
        Some(copy)
    }

    /// Returns all copies, the one that was used last first.
    pub fn all(&self) -> Vec<VolumeCopy> {
        let folders = self.folders().into_iter();
        let mut copies: Vec<_> = folders
            .filter_map(|folder| VolumeCopy::read(&folder))
            .map(|copy| (copy.last_use(), copy))
            .collect();
        copies.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
        copies.into_iter().map(|(_, copy)| copy).collect()
    }

    /// Begins a copy of a lab whose services needed a time to create their data. What processes left behind that were ended while they made one is removed.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn begin(&self, key: &str, lab: &str, took: Duration) -> io::Result<UnfinishedCopy> {
        self.remove_unfinished();
        // One process may start several instances of a lab at once.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let own = format!("{UNFINISHED}{}-{number}-{key}", std::process::id());
        let folder = self.folder.join(own);
        fs::create_dir_all(&self.folder)?;
        // The volumes hold what only the services may read.
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&self.folder, private)?;
        fs::create_dir(&folder)?;
        Ok(UnfinishedCopy {
            folder,
            finished: self.folder.join(key),
            list: List {
                lab: lab.to_owned(),
                took_millis: took.as_millis() as u64,
                volumes: Vec::new(),
            },
        })
    }

    /// Removes the copies that were not used for the longest time, until the others have at most `bytes` together.
    pub fn limit(&self, bytes: u64) {
        let mut kept = 0;
        for copy in self.all() {
            kept += copy.bytes();
            if kept > bytes {
                copy.remove();
            }
        }
    }

    /// Removes all copies.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub fn remove_all(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    fn remove_unfinished(&self) {
        for folder in self.folders() {
            let name = folder.file_name().and_then(|name| name.to_str());
            let process = name
                .and_then(|name| name.strip_prefix(UNFINISHED))
                .and_then(|rest| rest.split_once('-'))
                .and_then(|(process, _)| process.parse::<u32>().ok());
            if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
                // Tried again with the next copy.
                let _ = fs::remove_dir_all(folder);
            }
        }
    }
}

impl VolumeCopy {
    fn read(folder: &Path) -> Option<Self> {
        let name = folder.file_name()?.to_str()?;
        if name.starts_with(UNFINISHED) {
            return None;
        }
        let list = fs::read(folder.join(LIST)).ok()?;
        let list: List = serde_json::from_slice(&list).ok()?;
        let copy = Self {
            folder: folder.to_owned(),
            lab: list.lab,
            took: Duration::from_millis(list.took_millis),
            volumes: list.volumes,
        };
        let is_whole = copy.volumes.iter().all(|(volume, bytes)| {
            let about = fs::metadata(copy.file(volume));
            about.is_ok_and(|about| about.is_file() && about.len() == *bytes)
        });
        is_whole.then_some(copy)
    }

    /// Returns the tar file of a volume, which is given by its name in the lab.
    pub fn file(&self, volume: &str) -> PathBuf {
        self.folder.join(file_name(volume))
    }

    /// Returns the names of the volumes in the lab.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        self.volumes.iter().map(|(volume, _)| volume.as_str())
    }

    /// Returns how many bytes the copy takes on disk: zeros are holes in its files.
    pub fn bytes(&self) -> u64 {
        let files = self.volumes.iter().map(|(volume, _)| self.file(volume));
        let sizes = files.map(|file| fs::metadata(file).map_or(0, |about| about.blocks() * 512));
        sizes.sum()
    }

    /// Records that a start with the copy took longer than one without: it is empty from now on.
    ///
    /// # Errors
    /// The list cannot be written.
    pub fn reject(&self) -> anyhow::Result<()> {
        let list = List {
            lab: self.lab.clone(),
            took_millis: self.took.as_millis() as u64,
            volumes: Vec::new(),
        };
        write_atomically(&self.folder.join(LIST), &serde_json::to_vec(&list)?)?;
        for volume in self.volumes() {
            // What stays is never read again, and goes with the folder.
            let _ = fs::remove_file(self.file(volume));
        }
        Ok(())
    }

    /// Returns whether the copy was rejected: nothing starts with it, and none is made in its place.
    pub fn is_rejected(&self) -> bool {
        self.volumes.is_empty()
    }

    /// Removes the copy.
    pub fn remove(&self) {
        // Without its list it is no copy any more, even if the rest stays.
        let _ = fs::remove_file(self.folder.join(LIST));
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn last_use(&self) -> Option<SystemTime> {
        fs::metadata(self.folder.join(LIST)).ok()?.modified().ok()
    }
}

impl UnfinishedCopy {
    /// Creates the file of a volume, which is given by its name in the lab.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(&self, volume: &str) -> io::Result<File> {
        File::create_new(self.folder.join(file_name(volume)))
    }

    /// Records that the file of a volume is complete.
    pub fn add(&mut self, volume: &str, bytes: u64) {
        self.list.volumes.push((volume.to_owned(), bytes));
    }

    /// Makes the copy available under its key.
    ///
    /// # Errors
    /// Something cannot be brought to the disk.
    pub fn finish(self) -> io::Result<()> {
        for (volume, _) in &self.list.volumes {
            File::open(self.folder.join(file_name(volume)))?.sync_all()?;
        }
        let mut list = File::create_new(self.folder.join(LIST))?;
        list.write_all(&serde_json::to_vec(&self.list)?)?;
        list.sync_all()?;
        // One that another process finished meanwhile is as good.
        match fs::rename(&self.folder, &self.finished) {
            Err(error) if VolumeCopy::read(&self.finished).is_none() => {
                // A damaged one is replaced.
                let _ = fs::remove_dir_all(&self.finished);
                fs::rename(&self.folder, &self.finished).map_err(|_| error)
            }
            _ => Ok(()),
        }
    }
}

impl Drop for UnfinishedCopy {
    fn drop(&mut self) {
        // After `finish` there is none.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The name of the file of a volume. Names of volumes are those of Compose: letters, digits, `_`, `.` and `-`.
fn file_name(volume: &str) -> String {
    format!("{volume}.tar")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(copies: &VolumeCopies, key: &str, content: &[u8]) {
        let mut copy = copies.begin(key, "shop", Duration::from_secs(5)).unwrap();
        copy.create("data").unwrap().write_all(content).unwrap();
        copy.add("data", content.len() as u64);
        copy.finish().unwrap();
    }

    fn used(copies: &VolumeCopies, key: &str, seconds: u64) {
        let list = copies.folder.join(key).join(LIST);
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let list = File::options().append(true).open(list).unwrap();
        list.set_modified(time).unwrap();
    }

    #[test]
    fn a_finished_copy_is_found_and_an_unfinished_one_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let copies = VolumeCopies::new(cache.path());
        assert_eq!(copies.find("k"), None);
        let copy = copies.begin("k", "shop", Duration::ZERO).unwrap();
        copy.create("data").unwrap().write_all(b"part").unwrap();
        assert_eq!(copies.find("k"), None);
        assert_eq!(copies.all(), []);
        // The process was killed.
        std::mem::forget(copy);
        assert_eq!(copies.find("k"), None);
        write(&copies, "k", b"all of it");
        let copy = copies.find("k").unwrap();
        assert_eq!(copy.lab, "shop");
        assert!(copy.bytes() > 0);
        assert_eq!(copy.volumes().collect::<Vec<_>>(), ["data"]);
        assert_eq!(fs::read(copy.file("data")).unwrap(), b"all of it");
    }

    #[test]
    fn what_a_killed_process_left_is_removed_with_the_next_copy() {
        let cache = tempfile::tempdir().unwrap();
        let copies = VolumeCopies::new(cache.path());
        // No process has this id.
        let left = copies.folder.join(format!("{UNFINISHED}4294967295-k"));
        fs::create_dir_all(&left).unwrap();
        write(&copies, "k", b"x");
        assert!(!left.exists());
        assert_eq!(copies.folders().len(), 1);
    }

    #[test]
    fn a_copy_that_is_not_whole_is_not_returned_and_can_be_made_again() {
        let cache = tempfile::tempdir().unwrap();
        let copies = VolumeCopies::new(cache.path());
        write(&copies, "k", b"whole");
        fs::write(copies.folder.join("k/data.tar"), b"who").unwrap();
        assert_eq!(copies.find("k"), None);
        write(&copies, "k", b"whole");
        assert!(copies.find("k").is_some());
        fs::write(copies.folder.join("k").join(LIST), b"{").unwrap();
        assert_eq!(copies.find("k"), None);
        write(&copies, "k", b"whole");
        copies.find("k").unwrap().remove();
        assert_eq!(copies.find("k"), None);
    }

    #[test]
    fn a_rejected_copy_is_empty_and_stays_known() {
        let cache = tempfile::tempdir().unwrap();
        let copies = VolumeCopies::new(cache.path());
        write(&copies, "k", b"whole");
        let copy = copies.find("k").unwrap();
        assert!(!copy.is_rejected());
        assert_eq!(copy.took, Duration::from_secs(5));
        copy.reject().unwrap();
        assert!(copies.find("k").unwrap().is_rejected());
        assert!(!copy.file("data").exists());
        assert_eq!(copies.all()[0].bytes(), 0);
    }

    #[test]
    fn the_copies_that_were_not_used_for_the_longest_time_go_first() {
        let cache = tempfile::tempdir().unwrap();
        let copies = VolumeCopies::new(cache.path());
        for (key, seconds) in [("a", 3), ("b", 1), ("c", 2)] {
            write(&copies, key, &[7; 100_000]);
            used(&copies, key, seconds);
        }
        copies.limit(320_000);
        assert_eq!(copies.all().len(), 3);
        copies.limit(220_000);
        let there = |key: &str| copies.folder.join(key).exists();
        assert_eq!([there("a"), there("b"), there("c")], [true, false, true]);
        assert!(copies.find("c").is_some());
        copies.limit(110_000);
        assert_eq!([there("a"), there("c")], [false, true]);
        copies.remove_all().unwrap();
        copies.remove_all().unwrap();
        assert_eq!(copies.all(), []);
    }
}
