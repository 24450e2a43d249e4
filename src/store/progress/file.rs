//! The file of an instance's progress: it is read, and changed by a locked read-modify-write.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::lab::{Instance, LabId};
use crate::store::document::{LOCK_TIMEOUT, damage, lock_within};
use crate::store::progress::error::ProgressError;
use crate::store::progress::first_version::FirstVersion;
use crate::store::progress::{Progress, VERSION};
use crate::store::{dated_name, write_atomically};
use crate::text::Text;

impl Progress {
    /// Reads the progress of an instance in the progress folder; it is empty if there is no file yet.
    pub fn read(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, ProgressError> {
        read(&ProgressFile::new(folder, lab, instance))
    }

    /// Returns the instances of a lab with a file in the progress folder.
    pub fn instances(folder: &Path, lab: &LabId) -> Vec<Instance> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (of, instance) = name.strip_suffix(".json")?.split_once('@')?;
            Instance::new(instance).ok().filter(|_| of == lab.as_str())
        });
        let mut instances: Vec<Instance> = names.collect();
        instances.sort();
        instances
    }

    /// Changes the progress of an instance and returns it as it is then, with the result of `change`.
    ///
    /// `change` gets the progress that is on disk at this moment, under a lock that all processes of this machine share, and
    /// the result replaces the file atomically. A file that cannot be understood is an error and is never replaced.
    pub fn update<T>(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
        change: impl FnOnce(&mut Self) -> T,
    ) -> Result<(Self, T), ProgressError> {
        let file = ProgressFile::new(folder, lab, instance);
        let _lock = lock(&file.path)?;
        let before = read(&file)?;
        let mut progress = before.clone();
        let result = change(&mut progress);
        if progress != before {
            write(&file.path, &progress)?;
        }
        Ok((progress, result))
    }

    /// Removes the progress of an instance and returns what it was. A file that cannot be understood stays.
    pub fn remove(folder: &Path, lab: &LabId, instance: &Instance) -> Result<Self, ProgressError> {
        let file = ProgressFile::new(folder, lab, instance);
        if !file.path.exists() {
            return Ok(Self::default());
        }
        let _lock = lock(&file.path)?;
        let progress = read(&file)?;
        match std::fs::remove_file(&file.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(not_writable(&file.path, error))
            }
            _ => Ok(progress),
        }
    }

    /// Moves a file that cannot be understood to a dated name beside it, so that progress starts again. Returns the new path;
    /// `None` if the file can be read, or is not there.
    pub fn set_aside(
        folder: &Path,
        lab: &LabId,
        instance: &Instance,
    ) -> Result<Option<PathBuf>, ProgressError> {
        let file = ProgressFile::new(folder, lab, instance);
        let _lock = lock(&file.path)?;
        match read(&file) {
            Ok(_) => return Ok(None),
            Err(ProgressError::Unreadable { .. } | ProgressError::Newer { .. }) => {}
            Err(error) => return Err(error),
        }
        let kept = dated_name(&file.path, |path| path.symlink_metadata().is_err());
        match std::fs::rename(&file.path, &kept) {
            Ok(()) => Ok(Some(kept)),
            Err(error) => Err(not_writable(&file.path, error)),
        }
    }
}

/// The file of an instance, and the command that starts it again.
struct ProgressFile {
    path: PathBuf,
    reset: String,
}

impl ProgressFile {
    fn new(folder: &Path, lab: &LabId, instance: &Instance) -> Self {
        let option = match instance.is_main() {
            true => String::new(),
            false => format!(" --instance {instance}"),
        };
        Self {
            path: folder.join(format!("{lab}@{instance}.json")),
            reset: format!("roadlab reset {lab}{option} --progress"),
        }
    }

    fn unreadable(&self, reason: Text) -> ProgressError {
        ProgressError::Unreadable {
            path: self.path.clone(),
            reason,
            reset: self.reset.clone(),
        }
    }
}

fn read(file: &ProgressFile) -> Result<Progress, ProgressError> {
    let content = match std::fs::read(&file.path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Progress::default()),
        Err(error) => return Err(file.unreadable(Text::verbatim(error.to_string()))),
    };
    let damaged = |error: serde_json::Error| file.unreadable(damage(&error));
    // The version comes first: a newer file may have fields of other types.
    let value: serde_json::Value = serde_json::from_slice(&content).map_err(damaged)?;
    match value["version"].as_u64() {
        Some(version) if version > u64::from(VERSION) => Err(ProgressError::Newer {
            path: file.path.clone(),
            version,
            reset: file.reset.clone(),
        }),
        // The content again, because a value no longer knows its lines.
        Some(version) if version == u64::from(VERSION) => {
            serde_json::from_slice(&content).map_err(damaged)
        }
        _ => serde_json::from_slice::<FirstVersion>(&content)
            .map(Progress::from)
            .map_err(damaged),
    }
}

fn write(path: &Path, progress: &Progress) -> Result<(), ProgressError> {
    let content = serde_json::to_vec_pretty(progress).map_err(|error| not_writable(path, error))?;
    write_atomically(path, &content).map_err(|error| not_writable(path, error.root_cause()))
}

fn not_writable(path: &Path, reason: impl fmt::Display) -> ProgressError {
    ProgressError::NotWritable {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// Locks a progress file for one update.
///
/// The lock is on a file beside it that is never replaced or removed: a lock on the progress file itself would end with the
/// next atomic write.
fn lock(path: &Path) -> Result<File, ProgressError> {
    let open = || {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path.with_extension("lock"))
    };
    let file = open().map_err(|error| not_writable(path, error))?;
    let locked = lock_within(file, LOCK_TIMEOUT).map_err(|error| not_writable(path, error))?;
    locked.ok_or_else(|| ProgressError::Busy {
        path: path.to_owned(),
    })
}
