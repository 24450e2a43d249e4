//! The record of the files that played solutions wrote, each with what identifies its version. Any other file is the learner's,
//! also one with the same content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::store::workspace::error::Result;
use crate::store::workspace::folder::{FILE_MODE, WorkspaceFolder};

/// The file of the record in the workspace.
const WRITTEN: &str = ".roadlab-written";

/// The files that solutions wrote, by their path in the workspace.
#[derive(Default)]
pub(super) struct WrittenFiles(BTreeMap<PathBuf, String>);

impl WrittenFiles {
    /// Reads the record of a workspace. Without a record, every file is the learner's.
    pub(super) fn read(folder: &WorkspaceFolder<'_>) -> Self {
        let record = folder.read(Path::new(WRITTEN)).ok().flatten();
        let record = record.and_then(|record| serde_json::from_slice(&record).ok());
        Self(record.unwrap_or_default())
    }

    /// Writes the record.
    pub(super) fn write(&self, folder: &WorkspaceFolder<'_>) -> Result<()> {
        let path = Path::new(WRITTEN);
        if self.0.is_empty() {
            return match folder.kind(path)? {
                Some(_) => folder.remove_file(path),
                None => Ok(()),
            };
        }
        // A name that is not UTF-8 cannot be the path of a step.
        let record = serde_json::to_vec(&self.0).unwrap_or_default();
        folder.write(path, &record, FILE_MODE)
    }

    /// Records that a solution wrote a file, or removed it.
    pub(super) fn record(&mut self, folder: &WorkspaceFolder<'_>, path: PathBuf) {
        match folder.version(&path) {
            Some(version) => drop(self.0.insert(path, version)),
            None => drop(self.0.remove(&path)),
        }
    }

    /// Returns whether a file is still as a solution wrote it.
    pub(super) fn contains(&self, folder: &WorkspaceFolder<'_>, path: &Path) -> bool {
        let known = self.0.get(path);
        known.is_some() && known == folder.version(path).as_ref()
    }

    /// Forgets the files that were saved or removed since.
    pub(super) fn forget_changed(&mut self, folder: &WorkspaceFolder<'_>) {
        self.0
            .retain(|path, known| folder.version(path).as_ref() == Some(known));
    }
}
