//! The locks of instances: one process at a time changes an instance of a lab. The kernel releases a lock however its holder
//! ends.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
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

/// Who holds locks within a process: a server does several things at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockHolder(u64);

impl LockHolder {
    /// Returns another holder, which holds no lock yet.
    pub fn another() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The files of the exclusive locks that this process holds, with their holders.
static HELD: Mutex<BTreeMap<PathBuf, LockHolder>> = Mutex::new(BTreeMap::new());

/// Why a lock cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text().localized())]
pub enum LockError {
    /// Another process holds it, or another holder in this process.
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
    /// Takes the lock of an instance. Fails at once if it is held.
    pub fn take(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
        holder: LockHolder,
    ) -> Result<Self, LockError> {
        let lock = Self::with(folder, lab, instance, File::try_lock)?;
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(lock.path.clone(), holder);
        Ok(lock)
    }

    /// Takes the lock of an instance, unless this holder has it already.
    pub fn take_once(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
        holder: LockHolder,
    ) -> Result<Option<Self>, LockError> {
        let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(&path(folder, lab, instance)) == Some(&holder) {
            return Ok(None);
        }
        drop(held);
        Self::take(folder, lab, instance, holder).map(Some)
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
        // The pid only serves the message of `LockError::InUse`: a full disk must not keep a lab from being removed.
        let record_pid = |file: &mut File| -> io::Result<()> {
            // Written before the rest is cut off, so that a reader finds a pid at any moment.
            file.rewind()?;
            writeln!(file, "{}", std::process::id())?;
            let length = file.stream_position()?;
            file.set_len(length)
        };
        let _ = record_pid(&mut file);
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
        let holder = LockHolder::another();
        let take = |instance: &Instance| Lock::take(folder.path(), &lab, instance, holder);
        let held = take(&instance).unwrap();
        let error = take(&instance).unwrap_err();
        let expected = format!(
            "another roadlab (pid {}) is working on redis: wait for it, or use `--instance NAME` for another copy of the lab",
            std::process::id()
        );
        assert_eq!(error.to_string(), expected);
        assert!(take(&Instance::new("b").unwrap()).is_ok());
        let once = |holder| Lock::take_once(folder.path(), &lab, &instance, holder);
        assert!(once(holder).unwrap().is_none());
        // What else this process does is not what holds it.
        assert!(matches!(
            once(LockHolder::another()),
            Err(LockError::InUse { .. })
        ));
        drop(held);
        let again = once(holder).unwrap();
        assert!(again.is_some());
        drop(again);
        assert!(take(&instance).is_ok());
    }

    #[test]
    fn many_processes_may_remove_at_once_and_none_may_change_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (lab, instance) = (LabId::new("redis").unwrap(), Instance::main());
        let share = || Lock::share(folder.path(), &lab, &instance);
        let take = || Lock::take(folder.path(), &lab, &instance, LockHolder::another());
        let (one, two) = (share().unwrap(), share().unwrap());
        assert!(take().is_err());
        drop((one, two));
        let _held = take().unwrap();
        assert!(share().is_err());
    }
}
