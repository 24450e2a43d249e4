//! The programs that shells and pages run in containers. The engine does not end a program when its client is killed, so that
//! the next process has to know of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What ends the name of a file that is not written in full.
const UNFINISHED: &str = ".new";
/// A file that was not written in full for so long is left of a process that was killed.
const ABANDONED: Duration = Duration::from_secs(60);

/// A program in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenShell {
    pub container: String,
    /// What its processes have in their environment, and no others have.
    pub tag: String,
}

/// The record of a program, which is removed when this is dropped.
#[derive(Debug)]
pub struct ShellRecord {
    path: PathBuf,
    kept: bool,
    /// The kernel releases its lock however this process ends.
    _file: File,
}

impl OpenShell {
    /// Records that this process runs the program.
    ///
    /// # Errors
    /// The folder cannot be written. The program may run all the same.
    pub fn record(&self, state: &Path) -> io::Result<ShellRecord> {
        let folder = folder(state);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(&self.tag);
        let unfinished = folder.join(format!("{}{UNFINISHED}", self.tag));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&unfinished)?;
        // Locked before it can be found.
        file.lock()?;
        file.write_all(&serde_json::to_vec(self)?)?;
        std::fs::rename(&unfinished, &path)?;
        Ok(ShellRecord {
            path,
            kept: false,
            _file: file,
        })
    }

    /// Returns the programs whose processes of roadlab have ended without ending them. Their records are held meanwhile, so
    /// that no other process has the same ones.
    pub fn left_over(state: &Path) -> Vec<(Self, ShellRecord)> {
        let Ok(entries) = std::fs::read_dir(folder(state)) else {
            return Vec::new();
        };
        let paths = entries.flatten().map(|entry| entry.path());
        paths
            .filter(|path| !is_being_written(path))
            .filter_map(|path| {
                let file = File::open(&path).ok()?;
                file.try_lock().ok()?;
                let held = ShellRecord {
                    path,
                    kept: false,
                    _file: file,
                };
                match std::fs::read(&held.path) {
                    // One that is not written in full, or damaged: its program is not known. It goes with the record.
                    Ok(text) => Some((serde_json::from_slice(&text).ok()?, held)),
                    Err(_) => None,
                }
            })
            .collect()
    }
}

impl ShellRecord {
    /// Leaves the record to the next process, because the program could not be ended.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for ShellRecord {
    fn drop(&mut self) {
        if !self.kept {
            // One that stays is found by the next process, which finds nothing to end.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether another process may be writing a record, which is not locked at once.
fn is_being_written(path: &Path) -> bool {
    let unfinished = path.to_string_lossy().ends_with(UNFINISHED);
    let modified = path.metadata().and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|time| time.elapsed().ok());
    unfinished && age.is_none_or(|age| age < ABANDONED)
}

fn folder(state: &Path) -> PathBuf {
    state.join("shells")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(tag: &str) -> OpenShell {
        OpenShell {
            container: "c1".to_owned(),
            tag: tag.to_owned(),
        }
    }

    fn count(state: &Path) -> usize {
        std::fs::read_dir(folder(state)).map_or(0, Iterator::count)
    }

    #[test]
    fn a_program_is_left_over_once_its_process_has_ended() {
        let state = tempfile::tempdir().unwrap();
        let state = state.path();
        assert!(OpenShell::left_over(state).is_empty());
        let record = shell("S=1").record(state).unwrap();
        assert!(OpenShell::left_over(state).is_empty(), "it is in use");
        drop(record);
        assert_eq!(count(state), 0);
        // A process that is killed leaves its file, and no lock.
        let text = serde_json::to_vec(&shell("S=2")).unwrap();
        std::fs::write(folder(state).join("S=2"), text).unwrap();
        let left = OpenShell::left_over(state);
        let [(found, _)] = &left[..] else {
            panic!("{left:?}")
        };
        assert_eq!(*found, shell("S=2"));
        assert!(OpenShell::left_over(state).is_empty(), "it is taken");
        // It could not be ended.
        left.into_iter().for_each(|(_, record)| record.keep());
        assert_eq!(OpenShell::left_over(state).len(), 1);
        assert_eq!(count(state), 0);
    }

    #[test]
    fn a_record_that_another_process_writes_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder(state.path())).unwrap();
        let path = folder(state.path()).join("S=1.new");
        let file = File::create(&path).unwrap();
        assert!(OpenShell::left_over(state.path()).is_empty());
        assert_eq!(count(state.path()), 1);
        file.set_modified(std::time::SystemTime::now() - 2 * ABANDONED)
            .unwrap();
        drop(file);
        assert!(OpenShell::left_over(state.path()).is_empty());
        assert_eq!(count(state.path()), 0);
    }

    #[test]
    fn a_damaged_record_is_removed() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder(state.path())).unwrap();
        std::fs::write(folder(state.path()).join("S=1"), "{").unwrap();
        assert!(OpenShell::left_over(state.path()).is_empty());
        assert_eq!(count(state.path()), 0);
    }
}
