//! The files of a lab as they were at one moment, to see which of them are saved later.
//!
//! Nothing is read: what the file system records of each file is compared. That is a system call for each file, so that
//! looking several times a second costs next to nothing, on any file system and with any editor.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The most files that are looked at.
const MAX_FILES: usize = 10_000;

/// The files, each with what identifies its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileStamps(BTreeMap<PathBuf, Stamp>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    length: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamps {
    /// Looks at the files of a folder, without those that an editor makes beside them, and at other files.
    pub fn read(folder: &Path, others: &BTreeSet<PathBuf>) -> Self {
        let mut stamps = Self::default();
        stamps.add_folder(folder);
        for path in others {
            stamps.add(path);
        }
        stamps
    }

    /// Adds files that were not looked at before, as they are now.
    pub fn add_missing(&mut self, files: &BTreeSet<PathBuf>) {
        for path in files
            .iter()
            .filter(|path| !self.0.contains_key(*path))
            .cloned()
            .collect::<Vec<_>>()
        {
            self.add(&path);
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries {
            let path = entry.path();
            if self.0.len() > MAX_FILES || is_of_an_editor(&path) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.add_folder(&path),
                Ok(_) => self.add(&path),
                Err(_) => {}
            }
        }
    }

    fn add(&mut self, path: &Path) {
        // A file that was removed meanwhile is not there.
        if let Ok(metadata) = std::fs::metadata(path)
            && metadata.is_file()
        {
            let stamp = Stamp {
                length: metadata.len(),
                inode: metadata.ino(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            };
            self.0.insert(path.to_owned(), stamp);
        }
    }

    /// Returns the files that were saved, created or removed since.
    pub fn changed_since(&self, before: &Self) -> BTreeSet<PathBuf> {
        let here = self.0.iter();
        let here = here.filter(|(path, stamp)| before.0.get(*path) != Some(*stamp));
        let gone = before.0.keys().filter(|path| !self.0.contains_key(*path));
        here.map(|(path, _)| path).chain(gone).cloned().collect()
    }
}

/// Returns whether a file or folder is one that editors and version control make, such as `.lab.yaml.swp`, `lab.yaml~` and
/// `4913`.
fn is_of_an_editor(path: &Path) -> bool {
    const OF_THE_LAB: [&str; 2] = [".env", ".dockerignore"];
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let hidden = name.starts_with('.') && !OF_THE_LAB.contains(&name);
    hidden
        || name.ends_with('~')
        || (name.starts_with('#') && name.ends_with('#'))
        || name == "4913"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_created_and_removed_files_are_seen_and_those_of_editors_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("files")).unwrap();
        std::fs::write(path("files/a.sql"), "SELECT 1").unwrap();
        std::fs::write(path("lab.yaml"), "a").unwrap();
        let read = || FileStamps::read(folder.path(), &BTreeSet::new());
        let before = read();
        assert!(read().changed_since(&before).is_empty());
        std::fs::write(path(".lab.yaml.swp"), "b").unwrap();
        std::fs::write(path("lab.yaml~"), "b").unwrap();
        assert!(read().changed_since(&before).is_empty());
        // An editor that replaces the file, with the same length and an old time.
        std::fs::write(path("new"), "c").unwrap();
        let new = std::fs::File::options()
            .write(true)
            .open(path("new"))
            .unwrap();
        new.set_modified(std::time::UNIX_EPOCH).unwrap();
        std::fs::rename(path("new"), path("lab.yaml")).unwrap();
        std::fs::remove_file(path("files/a.sql")).unwrap();
        std::fs::write(path("trial.yaml"), "").unwrap();
        let changed = read().changed_since(&before);
        let expected = ["files/a.sql", "lab.yaml", "trial.yaml"].map(path);
        assert_eq!(changed, BTreeSet::from(expected));
    }
}
