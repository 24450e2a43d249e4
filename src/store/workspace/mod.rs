//! The workspace: the learner's own copy of some of the lab's files.
//!
//! What the learner made is never destroyed. `reset` puts back only the files that the lab brings, in its workspace or through
//! a solution, and keeps a changed one beside it under a name with the date. Everything else stays, and so does the whole
//! folder after `down`.
//!
//! This file decides what is created, restored and kept. How the files of the folder are read and written, while containers
//! write into it too, is in `folder.rs`. The marker remembers whether the workspace is complete.

mod editing;
mod error;
mod folder;
mod marker;
#[cfg(test)]
mod tests;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cap_std::fs::{Dir, MetadataExt as _};

use crate::lab::{Exercise, FileChange, Instance, Lab, LabId, Mount, Step, StepKind};
use crate::store::dated_name::is_dated;

pub use editing::{
    Deleted, EditedFile, FileState, ListedFile, MAX_EDITED, MAX_LISTED, Saved, editable_path,
};
pub use error::WorkspaceError;
pub use folder::KeptFile;

use error::Result;
use folder::{FILE_MODE, FOLDER_MODE, Kind, WorkspaceFolder};
use marker::{FINISHED, MARKER, UNFINISHED, read_marker};
use written::WrittenFiles;

/// The folder in which Python keeps what it generates; it is read only beside its sources.
const GENERATED: &str = "__pycache__";

/// The most files that a stamp covers; a workspace has a handful.
const MAX_STAMPED: usize = 10_000;

/// A workspace on disk.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub path: PathBuf,
    original: PathBuf,
    /// The files that solutions of the lab write.
    solutions: BTreeSet<PathBuf>,
    /// The parts that services mount, relative to the workspace, each with the services. The path is empty for all of it.
    mounts: BTreeMap<PathBuf, BTreeSet<String>>,
    whose: Whose,
}

/// Whose files a workspace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Learners,
    /// A test of the lab made it, and nothing in it is worth keeping.
    Tests,
}

impl Workspace {
    /// Returns the workspace of an instance of a lab below `folder`, whether it exists or not; `None` if the lab has none.
    pub fn below(folder: &Path, lab: &Lab, instance: &Instance) -> Option<Self> {
        Self::at(Self::path_below(folder, &lab.id, instance), lab)
    }

    /// Returns where the workspace of an instance is below `folder`.
    pub fn path_below(folder: &Path, lab: &LabId, instance: &Instance) -> PathBuf {
        folder.join(match instance.is_main() {
            true => format!("roadlab-{lab}"),
            false => format!("roadlab-{lab}-{instance}"),
        })
    }

    /// Returns the workspace of a lab at `path`; `None` if the lab has none.
    pub fn at(path: PathBuf, lab: &Lab) -> Option<Self> {
        let mut mounts: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
        for service in lab.services.values() {
            for mount in &service.mounts {
                if let Mount::Workspace { below, .. } = mount {
                    let services = mounts.entry(PathBuf::from(below)).or_default();
                    services.insert(service.name.to_string());
                }
            }
        }
        Some(Self {
            path,
            original: lab.workspace.clone()?,
            solutions: solutions(lab),
            mounts,
            whose: Whose::Learners,
        })
    }

    /// Returns the same workspace, of which `restore` keeps nothing.
    pub fn of_a_test(self) -> Self {
        Self {
            whose: Whose::Tests,
            ..self
        }
    }

    /// Creates the workspace if it is missing, and finishes one that a process left unfinished. What is there stays.
    pub fn make(&self) -> Result<Vec<KeptFile>> {
        match read_marker(&self.path)?.as_deref() {
            Some(marker) if marker != UNFINISHED => {
                self.close_to_others(&self.open()?, Path::new(""));
                Ok(Vec::new())
            }
            // An empty folder, or one that a process left unfinished.
            _ => self.put_back(),
        }
    }

    /// Puts every file that the lab brings back to the lab's version. A file that the learner changed is kept beside it, and
    /// what the lab does not bring stays.
    pub fn restore(&self) -> Result<Vec<KeptFile>> {
        match self.whose {
            Whose::Tests => drop(marker::empty(&self.path)?),
            Whose::Learners => drop(read_marker(&self.path)?),
        }
        self.put_back()
    }

    /// Keeps a copy of the learner's version of the files that these steps change. The files stay as they are.
    pub fn keep_before(&self, steps: &[Step]) -> Result<Vec<KeptFile>> {
        let mut kept = Vec::new();
        if self.whose == Whose::Tests || !self.path.exists() {
            return Ok(kept);
        }
        let folder = self.open()?;
        let written = WrittenFiles::read(&folder);
        let paths: BTreeSet<PathBuf> = steps.iter().filter_map(changed_file).collect();
        for path in paths {
            let Some(content) = folder.read(&path)? else {
                continue;
            };
            if !self.is_of_the_lab(&folder, &path, &content, &written) {
                kept.push(folder.keep_copy(&path, &content)?);
            }
        }
        Ok(kept)
    }

    /// Records that a step was just played, if it changes a file of the workspace at `path`, so that a later reset does not take
    /// that file for the learner's. What is saved there afterwards is the learner's.
    pub fn record_written(path: &Path, step: &Step) -> Result<()> {
        let Some(file) = changed_file(step) else {
            return Ok(());
        };
        let mounts = BTreeMap::new();
        let folder = WorkspaceFolder::open(path, &mounts)?;
        let mut written = WrittenFiles::read(&folder);
        written.record(&folder, file);
        written.write(&folder)
    }

    /// Renames the learner's own files, those that neither the lab nor a solution brings, so that no service reads them. Hidden
    /// files, what a program generated, and files that were kept under a dated name stay.
    pub fn set_own_aside(&self) -> Result<Vec<KeptFile>> {
        let mut kept = Vec::new();
        if self.whose == Whose::Tests || !self.path.exists() {
            return Ok(kept);
        }
        self.set_own_aside_below(&self.open()?, Path::new(""), &mut kept)?;
        Ok(kept)
    }

    fn set_own_aside_below(
        &self,
        folder: &WorkspaceFolder<'_>,
        below: &Path,
        kept: &mut Vec<KeptFile>,
    ) -> Result<()> {
        let failed = |error| folder.failed(below, error);
        let entries: io::Result<Vec<_>> = folder.entries(below)?.collect();
        for entry in entries.map_err(failed)? {
            let name = entry.file_name();
            let path = below.join(&name);
            let kind = entry.file_type().map_err(failed)?;
            let name = name.to_string_lossy();
            if name.starts_with('.') || name == GENERATED || is_dated(&path) {
                continue;
            }
            if kind.is_dir() {
                self.set_own_aside_below(folder, &path, kept)?;
            } else if !self.original.join(&path).exists()
                && !self.solutions.contains(&path)
                && !self.mounts.contains_key(&path)
            {
                kept.push(folder.move_aside(&path)?);
            }
        }
        Ok(())
    }

    /// Moves kept files back to where they were, in place of what is there now.
    pub fn move_back(&self, kept: &[KeptFile]) -> Result<()> {
        let folder = self.open()?;
        let written = WrittenFiles::read(&folder);
        for file in kept {
            let Ok(copy) = file.kept.strip_prefix(&self.path) else {
                continue;
            };
            let Some(content) = folder.read(copy)? else {
                continue;
            };
            folder.create_parents(&file.file)?;
            let there = folder.read(&file.file)?;
            if let Some(there) = there.filter(|there| *there != content)
                && !self.is_of_the_lab(&folder, &file.file, &there, &written)
            {
                folder.keep_beside(&file.file, &there)?;
            }
            folder.write(&file.file, &content, folder.mode(copy))?;
            folder.remove_file(copy)?;
        }
        Ok(())
    }

    /// Returns the content of a file of the workspace; `None` if there is no regular file.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.open().ok()?.read(path).ok()?
    }

    /// Returns what identifies each part that services mount, with the services. Another file or folder at the same path is
    /// another one, which a running container does not see.
    pub fn mounted(&self) -> BTreeMap<String, String> {
        let mut mounted = BTreeMap::new();
        for (below, services) in &self.mounts {
            let about = std::fs::metadata(self.path.join(below));
            let about = about.map_or("none".to_owned(), |about| {
                // Numbers of removed files are used again.
                let created = about.created().ok();
                let created = created.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let created = created.unwrap_or_default().as_nanos();
                format!("{}:{}:{created}", about.dev(), about.ino())
            });
            for service in services {
                mounted.insert(format!("{service}:{}", below.display()), about.clone());
            }
        }
        mounted
    }

    /// Returns a text that changes whenever a file below a folder is saved: the newest change, and the number of files.
    pub fn stamp(folder: &Path) -> String {
        let mut left = vec![folder.to_owned()];
        let (mut newest, mut count) = (UNIX_EPOCH, 0);
        while let Some(folder) = left.pop().filter(|_| count < MAX_STAMPED) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(metadata) = entry.metadata() else {
                    continue;
                };
                if metadata.is_dir() {
                    left.push(entry.path());
                } else {
                    newest = newest.max(metadata.modified().unwrap_or(newest));
                    count += 1;
                }
            }
        }
        let newest = newest.duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{}.{:09} {count}", newest.as_secs(), newest.subsec_nanos())
    }

    /// Returns whether a folder is a workspace that may be removed.
    pub fn is_workspace(path: &Path) -> bool {
        marker::is_workspace(path)
    }

    /// Removes a workspace with everything in it. Returns whether there was one.
    pub fn remove(path: &Path) -> Result<bool> {
        marker::remove(path)
    }

    fn open(&self) -> Result<WorkspaceFolder<'_>> {
        WorkspaceFolder::open(&self.path, &self.mounts)
    }

    fn put_back(&self) -> Result<Vec<KeptFile>> {
        let root = Path::new("");
        if !self.path.exists() {
            let mut builder = std::fs::DirBuilder::new();
            builder.mode(FOLDER_MODE).recursive(true);
            let created = builder.create(&self.path);
            created.map_err(|error| WorkspaceError::failed(self.path.clone(), error))?;
        }
        let folder = self.open()?;
        folder.write(Path::new(MARKER), UNFINISHED.as_bytes(), FILE_MODE)?;
        let mut kept = Vec::new();
        let original = folder::open(&self.original)?;
        let mut written = WrittenFiles::read(&folder);
        self.put_back_folder(&original, &folder, root, &written, &mut kept)?;
        self.take_back_solutions(&folder, &written, &mut kept)?;
        written.forget_changed(&folder);
        written.write(&folder)?;
        self.close_to_others(&folder, root);
        folder.write(Path::new(MARKER), FINISHED.as_bytes(), FILE_MODE)?;
        Ok(kept)
    }

    /// Puts back the files and folders of a folder of the lab.
    fn put_back_folder(
        &self,
        original: &Dir,
        folder: &WorkspaceFolder<'_>,
        below: &Path,
        written: &WrittenFiles,
        kept: &mut Vec<KeptFile>,
    ) -> Result<()> {
        let read = |error| WorkspaceError::failed(self.original.join(below), error);
        for entry in original.entries().map_err(read)? {
            let entry = entry.map_err(read)?;
            let path = below.join(entry.file_name());
            let kind = entry.file_type().map_err(read)?;
            if kind.is_dir() {
                match folder.kind(&path)? {
                    Some(Kind::Folder) => {}
                    Some(Kind::File | Kind::Other) => {
                        kept.push(folder.move_aside(&path)?);
                        folder.create_folder(&path)?;
                    }
                    None => folder.create_folder(&path)?,
                }
                let inner = entry.open_dir().map_err(read)?;
                self.put_back_folder(&inner, folder, &path, written, kept)?;
            } else if kind.is_file() {
                let mut content = Vec::new();
                let mut file = entry.open().map_err(read)?;
                file.read_to_end(&mut content).map_err(read)?;
                let mode = entry.metadata().map_err(read)?.mode();
                kept.extend(self.put_back_file(folder, &path, &content, mode, written)?);
            }
        }
        Ok(())
    }

    fn put_back_file(
        &self,
        folder: &WorkspaceFolder<'_>,
        path: &Path,
        content: &[u8],
        mode: u32,
        written: &WrittenFiles,
    ) -> Result<Option<KeptFile>> {
        let mut kept = None;
        match folder.kind(path)? {
            Some(Kind::File) => {
                let there = folder.read(path)?.unwrap_or_default();
                if there == content {
                    return Ok(None);
                }
                if !self.is_of_the_lab(folder, path, &there, written) {
                    kept = Some(folder.keep_beside(path, &there)?);
                }
            }
            Some(Kind::Folder | Kind::Other) => kept = Some(folder.move_aside(path)?),
            None => {}
        }
        folder.write(path, content, mode)?;
        Ok(kept)
    }

    /// Removes what solutions put beside the lab's own files. The learner's file at such a place is moved aside.
    fn take_back_solutions(
        &self,
        folder: &WorkspaceFolder<'_>,
        written: &WrittenFiles,
        kept: &mut Vec<KeptFile>,
    ) -> Result<()> {
        for path in &self.solutions {
            if self.original.join(path).exists() {
                continue;
            }
            let Some(content) = folder.read(path)? else {
                continue;
            };
            match self.is_of_the_lab(folder, path, &content, written) {
                true => folder.remove_file(path)?,
                false => kept.push(folder.move_aside(path)?),
            }
        }
        Ok(())
    }

    /// Returns whether a file is the lab's own: the original, or as a solution wrote it that roadlab played. A file of the learner
    /// with the content of a solution is not.
    fn is_of_the_lab(
        &self,
        folder: &WorkspaceFolder<'_>,
        path: &Path,
        content: &[u8],
        written: &WrittenFiles,
    ) -> bool {
        if self.whose == Whose::Tests {
            return true;
        }
        let original = std::fs::read(self.original.join(path));
        original.is_ok_and(|original| original == content) || written.contains(folder, path)
    }

    /// Takes the permission to write from other users, for the folder and what the lab brings. Earlier versions gave it.
    fn close_to_others(&self, folder: &WorkspaceFolder<'_>, below: &Path) {
        if below == Path::new("") {
            folder.close_to_others(Path::new("."));
            folder.close_to_others(Path::new(MARKER));
            let solutions = self.solutions.iter();
            solutions.for_each(|path| folder.close_to_others(path));
        }
        let entries = std::fs::read_dir(self.original.join(below));
        for entry in entries.into_iter().flatten().flatten() {
            let path = below.join(entry.file_name());
            folder.close_to_others(&path);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.close_to_others(folder, &path);
            }
        }
    }
}

/// Returns the files that the preparations and solutions of a lab write into the workspace.
fn solutions(lab: &Lab) -> BTreeSet<PathBuf> {
    let steps = lab.exercises.iter().flat_map(Exercise::played_steps);
    let removes = |step: &&Step| matches!(&step.act, StepKind::File(file) if file.change == FileChange::Remove);
    let writes = steps.filter(|step| !removes(step));
    writes.filter_map(changed_file).collect()
}

/// Returns the file of the workspace that a step changes.
fn changed_file(step: &Step) -> Option<PathBuf> {
    match &step.act {
        StepKind::File(file) if file.service.is_none() && file.change != FileChange::Nothing => {
            Some(Path::new(&file.path).components().collect())
        }
        _ => None,
    }
}
