//! The locks of instances: one process at a time changes an instance of a lab. The kernel releases a lock however its holder
//! ends.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::lab::{Instance, LabId};
use crate::text;
use crate::text::Text;

/// A lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

/// The files of the exclusive locks that this process holds.
static HELD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Why a lock cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text().localized())]
pub enum LockError {
    /// Another process holds it.
    InUse {
        pid: String,
        lab: LabId,
        instance: Instance,
    },
    /// The lock file cannot be created, written or locked.
    Disk { path: PathBuf, error: io::Error },
}

impl LockError {
    /// Returns what is wrong and what to do about it.
    pub fn text(&self) -> Text {
        match self {
            Self::InUse { pid, lab, instance } if instance.is_main() => text!(
                "another roadlab (pid {pid}) is working on {lab}: wait for it, or use `--instance NAME` for another copy of the lab",
                pid,
                lab
            ),
            Self::InUse { pid, lab, instance } => text!(
                "another roadlab (pid {pid}) is working on {lab} (instance {instance}): wait for it, or use `--instance NAME` for another copy of the lab",
                pid,
                lab,
                instance
            ),
            Self::Disk { path, error } => text!(
                "cannot write {file}: {reason}; make it writable, or set XDG_STATE_HOME to another folder",
                file = path.display(),
                reason = error
            ),
        }
    }
}

impl Lock {
    /// Takes the lock of an instance. Fails at once if another process holds it.
    pub fn take(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, LockError> {
        let lock = Self::with(folder, lab, instance, File::try_lock)?;
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(lock.path.clone());
        Ok(lock)
    }

    /// Takes the lock of an instance, unless this process holds it already.
    pub fn take_once(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
    ) -> Result<Option<Self>, LockError> {
        let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.contains(&path(folder, lab, instance)) {
            return Ok(None);
        }
        drop(held);
        Self::take(folder, lab, instance).map(Some)
    }

    /// Takes the lock for removal: other processes may remove the instance at the same time, and none may change it.
    pub fn share(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, LockError> {
        Self::with(folder, lab, instance, File::try_lock_shared)
    }

    fn with(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
        lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, LockError> {
        let path = path(folder, lab, instance);
        let open = || {
            std::fs::create_dir_all(folder)?;
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
        };
        let disk = |error| LockError::Disk {
            path: path.clone(),
            error,
        };
        let mut file = open().map_err(disk)?;
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Without a pid the message is still true.
                let _ = file.read_to_string(&mut pid);
                return Err(LockError::InUse {
                    pid: pid.trim().to_owned(),
                    lab: lab.clone(),
                    instance: instance.clone(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(disk(error)),
        }
        // The pid only serves the message of `LockError::InUse`.
        let record_pid = |file: &mut File| {
            // Written before the rest is cut off, so that a reader finds a pid at any moment.
            file.rewind()?;
            writeln!(file, "{}", std::process::id())?;
            let length = file.stream_position()?;
            file.set_len(length)
        };
        record_pid(&mut file).map_err(disk)?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&self.path);
    }
}

fn path(folder: &Path, lab: &LabId, instance: &Instance) -> PathBuf {
    folder.join(format!("{lab}@{instance}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_released_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (lab, instance) = (LabId::new("redis").unwrap(), Instance::main());
        let held = Lock::take(folder.path(), &lab, &instance).unwrap();
        let error = Lock::take(folder.path(), &lab, &instance).unwrap_err();
        let expected = format!(
            "another roadlab (pid {}) is working on redis: wait for it, or use `--instance NAME` for another copy of the lab",
            std::process::id()
        );
        assert_eq!(error.to_string(), expected);
        assert!(Lock::take(folder.path(), &lab, &Instance::new("b").unwrap()).is_ok());
        let again = Lock::take_once(folder.path(), &lab, &instance).unwrap();
        assert!(again.is_none());
        drop(held);
        let once = Lock::take_once(folder.path(), &lab, &instance).unwrap();
        assert!(once.is_some());
        drop(once);
        assert!(Lock::take(folder.path(), &lab, &instance).is_ok());
    }

    #[test]
    fn many_processes_may_remove_at_once_and_none_may_change_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (lab, instance) = (LabId::new("redis").unwrap(), Instance::main());
        let share = || Lock::share(folder.path(), &lab, &instance);
        let take = || Lock::take(folder.path(), &lab, &instance);
        let (one, two) = (share().unwrap(), share().unwrap());
        assert!(take().is_err());
        drop((one, two));
        let _held = take().unwrap();
        assert!(share().is_err());
    }
}
