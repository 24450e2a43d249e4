//! One roadlab at a time changes one instance of one lab. The kernel frees a lock however its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::Context;

use crate::lab::{Instance, LabId};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "another roadlab (pid {pid}) is working on {lab}: wait for it, or use `--instance NAME` for a copy of your own"
    )]
    JournalLock { pid: String, lab: String },
    #[error("{0:#}: mend that, or let XDG_STATE_HOME name another folder")]
    Disk(#[from] anyhow::Error),
}

impl Lock {
    /// Locks one instance of a lab, or says who has it.
    pub fn take(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, LockError> {
        Self::with(folder, lab, instance, File::try_lock)
    }

    /// Locks it for removing: others may remove it at the same time, and nobody may do anything else with it.
    pub fn share(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, LockError> {
        Self::with(folder, lab, instance, File::try_lock_shared)
    }

    fn with(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
        lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, LockError> {
        let path = folder.join(format!("{lab}@{instance}"));
        let open = || {
            std::fs::create_dir_all(folder)?;
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
        };
        let mut file = open().with_context(|| format!("cannot write {}", path.display()))?;
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                let lab = if instance.is_main() {
                    lab.to_string()
                } else {
                    format!("{lab} (instance {instance})")
                };
                return Err(LockError::JournalLock {
                    pid: pid.trim().to_owned(),
                    lab,
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(anyhow::Error::new(error)
                    .context(format!("cannot lock {}", path.display()))
                    .into());
            }
        }
        // The pid only serves the message above.
        let note = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        note(&mut file).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_freed_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (lab, instance) = (LabId::new("redis").unwrap(), Instance::main());
        let held = Lock::take(folder.path(), &lab, &instance).unwrap();
        let error = Lock::take(folder.path(), &lab, &instance)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("pid {}", std::process::id())),
            "{error}"
        );
        assert!(Lock::take(folder.path(), &lab, &Instance::new("b").unwrap()).is_ok());
        drop(held);
        assert!(Lock::take(folder.path(), &lab, &instance).is_ok());
    }

    #[test]
    fn many_may_remove_at_the_same_time_but_nobody_else() {
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
