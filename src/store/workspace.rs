//! The workspace: the learner's own copy of some of the lab's files.
//!
//! What the learner made is never destroyed. `reset` puts back only the files that the lab brings, in its workspace or through
//! a solution, and keeps a changed one beside it under a name with the date. Everything else stays, and so does the whole
//! folder after `down`.
//!
//! Every file is the old one or the new one at any moment, whatever ends the program. A file that a service mounts by itself is
//! the exception: a mount follows the file and not its name, so it is written in place after its copy is complete, and the
//! marker remembers until then that the workspace is unfinished.
//!
//! Containers write into it too, as root and at any moment. Everything below it is therefore opened relative to its handle, so
//! that a link that a service creates meanwhile leads nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cap_std::ambient_authority;
use cap_std::fs::{
    Dir, DirBuilder, DirBuilderExt, File, MetadataExt as _, OpenOptions, OpenOptionsExt,
    Permissions, PermissionsExt,
};
use rustix::fs::OFlags;

use crate::lab::{FileChange, Instance, Lab, LabId, Mount, Step, StepKind, Task};
use crate::store::dated_name::{dated_name, is_dated};
use crate::text;
use crate::text::Text;

/// The file that marks a folder as a workspace. A folder without it is never changed or removed.
const MARKER: &str = ".roadlab-workspace";
const FINISHED: &str =
    "This folder belongs to a roadlab lab; `roadlab reset` restores its files.\n";
const UNFINISHED: &str = "unfinished\n";

/// The record of the files that played solutions wrote, each with what identifies its version. Any other file is the learner's,
/// also one with the same content.
const WRITTEN: &str = ".roadlab-written";

/// The name of a file until it is complete.
const INCOMPLETE: &str = ".roadlab-incomplete";

/// The folder in which Python keeps what it generates; it is read only beside its sources.
const GENERATED: &str = "__pycache__";

/// The most files that a stamp covers; a workspace has a handful.
const MAX_STAMPED: usize = 10_000;

/// Folders are readable for the services, which run as their own users, and writable for the learner alone.
const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const WRITABLE_FOR_ALL: u32 = 0o002;

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

/// A file of the learner that gave way to one of the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// The path in the workspace.
    pub file: PathBuf,
    /// The whole path of what was kept.
    pub kept: PathBuf,
}

/// Why a workspace cannot be created, restored or removed.
#[derive(Debug)]
pub enum WorkspaceError {
    /// There is something else at its place.
    NotAWorkspace { folder: PathBuf },
    /// There is a symbolic link at its place.
    Link { folder: PathBuf, target: PathBuf },
    /// This user may not change a file or folder of it: a container made it as another user.
    Denied { path: PathBuf },
    /// A call of the system failed.
    Failed { path: PathBuf, error: io::Error },
}

impl WorkspaceError {
    /// Returns what is wrong and what to do about it.
    pub fn text(&self) -> Text {
        match self {
            Self::NotAWorkspace { folder } => text!(
                "{folder} is not a workspace of roadlab and is left alone; move it away, or work in another folder",
                folder = folder.display()
            ),
            Self::Link { folder, target } => text!(
                "{folder} is a symbolic link to {target} and is left alone; services mount only a folder itself: move the folder here in place of the link",
                folder = folder.display(),
                target = target.display()
            ),
            Self::Denied { path } => text!(
                "no permission to change {path}, which belongs to another user; `sudo chown -R $(id -u) {path}` makes it yours",
                path = path.display()
            ),
            Self::Failed { path, error } => text!(
                "cannot change {path}: {reason}",
                path = path.display(),
                reason = error
            ),
        }
    }
}

impl std::fmt::Display for WorkspaceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text().localized())
    }
}

impl std::error::Error for WorkspaceError {}

type Result<T> = std::result::Result<T, WorkspaceError>;

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
        let marker = self.marker()?;
        match marker.as_deref() {
            Some(marker) if marker != UNFINISHED => {
                let folder = self.open()?;
                self.close_to_others(&folder, Path::new(""));
                Ok(Vec::new())
            }
            // An empty folder, or one that a process left unfinished.
            _ => self.put_back(),
        }
    }

    /// Puts every file that the lab brings back to the lab's version. A file that the learner changed is kept beside it, and
    /// what the lab does not bring stays.
    pub fn restore(&self) -> Result<Vec<KeptFile>> {
        self.marker()?;
        if self.whose == Whose::Tests && self.path.exists() {
            self.empty()?;
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
        let written = self.written(&folder);
        let paths: BTreeSet<PathBuf> = steps.iter().filter_map(changed_file).collect();
        for path in paths {
            let Some(content) = self.read_file(&folder, &path)? else {
                continue;
            };
            if !self.is_of_the_lab(&folder, &path, &content, &written) {
                kept.push(self.keep_copy(&folder, &path, &content)?);
            }
        }
        Ok(kept)
    }

    /// Records that these steps were played, so that a later reset does not take the files that they wrote for the learner's.
    pub fn record_written(&self, steps: &[Step]) -> Result<()> {
        let paths: BTreeSet<PathBuf> = steps.iter().filter_map(changed_file).collect();
        if self.whose == Whose::Tests || paths.is_empty() || !self.path.exists() {
            return Ok(());
        }
        let folder = self.open()?;
        let mut written = self.written(&folder);
        for path in paths {
            match version(&folder, &path) {
                Some(version) => drop(written.insert(path, version)),
                None => drop(written.remove(&path)),
            }
        }
        self.write_record(&folder, &written)
    }

    /// Reads which files played solutions wrote. Without a record, every file is the learner's.
    fn written(&self, folder: &Dir) -> BTreeMap<PathBuf, String> {
        let record = self.read_file(folder, Path::new(WRITTEN)).ok().flatten();
        let record = record.and_then(|record| serde_json::from_slice(&record).ok());
        record.unwrap_or_default()
    }

    fn write_record(&self, folder: &Dir, written: &BTreeMap<PathBuf, String>) -> Result<()> {
        let path = Path::new(WRITTEN);
        if written.is_empty() {
            return match folder.remove_file(path) {
                Err(error) if !is_absent(&error) => Err(self.failed(path, error)),
                _ => Ok(()),
            };
        }
        // A name that is not UTF-8 cannot be the path of a step.
        let record = serde_json::to_vec(written).unwrap_or_default();
        self.write_file(folder, path, &record, FILE_MODE)
    }

    /// Renames the learner's own files, those that neither the lab nor a solution brings, so that no service reads them. Hidden
    /// files, what a program generated, and files that were kept under a dated name stay.
    pub fn set_own_aside(&self) -> Result<Vec<KeptFile>> {
        let mut kept = Vec::new();
        if self.whose == Whose::Tests || !self.path.exists() {
            return Ok(kept);
        }
        let folder = self.open()?;
        self.set_own_aside_below(&folder, Path::new(""), &mut kept)?;
        Ok(kept)
    }

    fn set_own_aside_below(
        &self,
        folder: &Dir,
        below: &Path,
        kept: &mut Vec<KeptFile>,
    ) -> Result<()> {
        let failed = |error| self.failed(below, error);
        let entries = match below == Path::new("") {
            true => folder.entries(),
            false => folder.read_dir(below),
        };
        let entries: io::Result<Vec<_>> = entries.map_err(failed)?.collect();
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
                kept.push(self.move_aside(folder, &path)?);
            }
        }
        Ok(())
    }

    /// Moves kept files back to where they were, in place of what is there now.
    pub fn move_back(&self, kept: &[KeptFile]) -> Result<()> {
        let folder = self.open()?;
        for file in kept {
            let Ok(copy) = file.kept.strip_prefix(&self.path) else {
                continue;
            };
            let Some(content) = self.read_file(&folder, copy)? else {
                continue;
            };
            if let Some(above) = file.file.parent().filter(|above| *above != Path::new("")) {
                let failed = |error| self.failed(above, error);
                folder.create_dir_all(above).map_err(failed)?;
            }
            let mode = folder
                .metadata(copy)
                .map_or(FILE_MODE, |about| about.mode());
            let there = self.read_file(&folder, &file.file)?;
            if let Some(there) = there.filter(|there| *there != content)
                && !self.is_of_the_lab(&folder, &file.file, &there, &self.written(&folder))
            {
                self.keep_copy(&folder, &file.file, &there)?;
            }
            self.write_file(&folder, &file.file, &content, mode)?;
            let failed = |error| self.failed(copy, error);
            folder.remove_file(copy).map_err(failed)?;
        }
        Ok(())
    }

    /// Returns the content of a file of the workspace; `None` if there is no regular file.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let folder = self.open().ok()?;
        self.read_file(&folder, path).ok()?
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
        let is_folder = path.symlink_metadata().is_ok_and(|about| about.is_dir());
        is_folder && path.join(MARKER).exists()
    }

    /// Removes a workspace with everything in it. Returns whether there was one.
    pub fn remove(path: &Path) -> Result<bool> {
        let failed = |at: &Path, error: io::Error| failed(at.to_owned(), error);
        if check_place(path)?.is_none() {
            return Ok(false);
        }
        // The marker goes last: a removal that fails can be repeated.
        empty(path)?;
        std::fs::remove_dir_all(path).map_err(|error| failed(path, error))?;
        Ok(true)
    }

    /// Returns the text of the marker; `None` if there is no folder, or an empty one.
    fn marker(&self) -> Result<Option<String>> {
        check_place(&self.path)
    }

    fn open(&self) -> Result<Dir> {
        let opened = Dir::open_ambient_dir(&self.path, ambient_authority());
        opened.map_err(|error| self.failed(Path::new(""), error))
    }

    fn failed(&self, below: &Path, error: io::Error) -> WorkspaceError {
        failed(self.path.join(below), error)
    }

    fn empty(&self) -> Result<()> {
        match check_place(&self.path)? {
            Some(_) => empty(&self.path),
            None => Ok(()),
        }
    }

    fn put_back(&self) -> Result<Vec<KeptFile>> {
        let root = Path::new("");
        if !self.path.exists() {
            let mut builder = std::fs::DirBuilder::new();
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER_MODE);
            builder.recursive(true);
            let created = builder.create(&self.path);
            created.map_err(|error| self.failed(root, error))?;
        }
        let folder = self.open()?;
        self.write_file(&folder, Path::new(MARKER), UNFINISHED.as_bytes(), FILE_MODE)?;
        let mut kept = Vec::new();
        let original = Dir::open_ambient_dir(&self.original, ambient_authority());
        let original = original.map_err(|error| failed(self.original.clone(), error))?;
        let mut written = self.written(&folder);
        self.put_back_folder(&original, &folder, root, &written, &mut kept)?;
        self.take_back_solutions(&folder, &written, &mut kept)?;
        written.retain(|path, known| version(&folder, path).as_ref() == Some(known));
        self.write_record(&folder, &written)?;
        self.close_to_others(&folder, root);
        self.write_file(&folder, Path::new(MARKER), FINISHED.as_bytes(), FILE_MODE)?;
        Ok(kept)
    }

    /// Puts back the files and folders of a folder of the lab.
    fn put_back_folder(
        &self,
        original: &Dir,
        folder: &Dir,
        below: &Path,
        written: &BTreeMap<PathBuf, String>,
        kept: &mut Vec<KeptFile>,
    ) -> Result<()> {
        let read = |error| failed(self.original.join(below), error);
        for entry in original.entries().map_err(read)? {
            let entry = entry.map_err(read)?;
            let path = below.join(entry.file_name());
            let kind = entry.file_type().map_err(read)?;
            if kind.is_dir() {
                let is_folder = match folder.symlink_metadata(&path) {
                    Ok(about) if about.is_dir() => true,
                    Ok(_) => {
                        kept.push(self.move_aside(folder, &path)?);
                        false
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                    Err(error) => return Err(self.failed(&path, error)),
                };
                if !is_folder {
                    let mut builder = DirBuilder::new();
                    builder.mode(FOLDER_MODE);
                    match folder.create_dir_with(&path, &builder) {
                        // A service may have created it again by now.
                        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                            return Err(self.failed(&path, error));
                        }
                        _ => {}
                    }
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
        folder: &Dir,
        path: &Path,
        content: &[u8],
        mode: u32,
        written: &BTreeMap<PathBuf, String>,
    ) -> Result<Option<KeptFile>> {
        let mut kept = None;
        match folder.symlink_metadata(path) {
            Ok(about) if about.is_file() => {
                let there = self.read_file(folder, path)?.unwrap_or_default();
                if there == content {
                    return Ok(None);
                }
                if !self.is_of_the_lab(folder, path, &there, written) {
                    kept = Some(self.keep_copy(folder, path, &there)?);
                }
            }
            Ok(_) => kept = Some(self.move_aside(folder, path)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.failed(path, error)),
        }
        self.write_file(folder, path, content, mode)?;
        Ok(kept)
    }

    /// Removes what solutions put beside the lab's own files. The learner's file at such a place is moved aside.
    fn take_back_solutions(
        &self,
        folder: &Dir,
        written: &BTreeMap<PathBuf, String>,
        kept: &mut Vec<KeptFile>,
    ) -> Result<()> {
        for path in &self.solutions {
            if self.original.join(path).exists() {
                continue;
            }
            let Some(content) = self.read_file(folder, path)? else {
                continue;
            };
            match self.is_of_the_lab(folder, path, &content, written) {
                true => folder
                    .remove_file(path)
                    .map_err(|error| self.failed(path, error))?,
                false => kept.push(self.move_aside(folder, path)?),
            }
        }
        Ok(())
    }

    /// Returns the content of a regular file; `None` if there is none at this path. A link is none.
    fn read_file(&self, folder: &Dir, path: &Path) -> Result<Option<Vec<u8>>> {
        match folder.symlink_metadata(path) {
            Ok(about) if about.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.failed(path, error)),
        }
        let read = || -> io::Result<Vec<u8>> {
            let mut content = Vec::new();
            let mut file = folder.open_with(path, nonblocking().read(true))?;
            file.read_to_end(&mut content)?;
            Ok(content)
        };
        read().map(Some).map_err(|error| self.failed(path, error))
    }

    /// Returns whether a file is the lab's own: the original, or as a solution wrote it that roadlab played. A file of the learner
    /// with the content of a solution is not.
    fn is_of_the_lab(
        &self,
        folder: &Dir,
        path: &Path,
        content: &[u8],
        written: &BTreeMap<PathBuf, String>,
    ) -> bool {
        if self.whose == Whose::Tests {
            return true;
        }
        let original = std::fs::read(self.original.join(path));
        original.is_ok_and(|original| original == content)
            || written.contains_key(path) && written.get(path) == version(folder, path).as_ref()
    }

    /// Keeps a copy of a regular file beside it.
    fn keep_copy(&self, folder: &Dir, path: &Path, content: &[u8]) -> Result<KeptFile> {
        let copy = dated_name(path, |path| folder.symlink_metadata(path).is_err());
        let about = folder.metadata(path);
        let mode = about.map_or(FILE_MODE, |about| about.mode());
        self.write_file(folder, &copy, content, mode)?;
        Ok(self.kept(path, &copy))
    }

    /// Renames what is in the way of the lab's file or folder.
    fn move_aside(&self, folder: &Dir, path: &Path) -> Result<KeptFile> {
        let aside = dated_name(path, |path| folder.symlink_metadata(path).is_err());
        let renamed = folder.rename(path, folder, &aside);
        renamed.map_err(|error| self.failed(path, error))?;
        Ok(self.kept(path, &aside))
    }

    fn kept(&self, path: &Path, kept: &Path) -> KeptFile {
        KeptFile {
            file: path.to_owned(),
            kept: self.path.join(kept),
        }
    }

    /// Writes a file completely or not at all, but in place if a service mounts this very file.
    fn write_file(&self, folder: &Dir, path: &Path, content: &[u8], mode: u32) -> Result<()> {
        let is_there = || {
            folder
                .symlink_metadata(path)
                .is_ok_and(|about| about.is_file())
        };
        let mode = Permissions::from_mode(FILE_MODE | (mode & 0o111));
        let write = || -> io::Result<()> {
            if self.mounts.contains_key(path) && is_there() {
                let mut file = folder.open_with(path, nonblocking().write(true))?;
                file.write_all(content)?;
                file.set_len(content.len() as u64)?;
                return file.sync_all();
            }
            let incomplete = path.with_file_name(INCOMPLETE);
            let mut options = nonblocking();
            options.write(true).create_new(true);
            // Left behind by a process that was ended.
            match folder.remove_file(&incomplete) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file: File = folder.open_with(&incomplete, &options)?;
            file.write_all(content)?;
            file.set_permissions(mode)?;
            file.sync_all()?;
            folder.rename(&incomplete, folder, path)
        };
        write().map_err(|error| self.failed(path, error))
    }

    /// Takes the permission to write from other users, for the folder and what the lab brings. Earlier versions gave it.
    fn close_to_others(&self, folder: &Dir, below: &Path) {
        let close = |path: &Path| {
            let Ok(about) = folder.symlink_metadata(path) else {
                return;
            };
            let mode = about.mode() & 0o7777;
            if !about.is_symlink() && mode & WRITABLE_FOR_ALL != 0 {
                let closed = Permissions::from_mode(mode & !(WRITABLE_FOR_ALL | 0o020));
                // What another user owns is not this user's to change.
                let _ = folder.set_permissions(path, closed);
            }
        };
        if below == Path::new("") {
            close(Path::new("."));
            close(Path::new(MARKER));
            self.solutions.iter().for_each(|path| close(path));
        }
        let entries = std::fs::read_dir(self.original.join(below));
        for entry in entries.into_iter().flatten().flatten() {
            let path = below.join(entry.file_name());
            close(&path);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.close_to_others(folder, &path);
            }
        }
    }
}

/// Returns what identifies the version of a regular file: it changes when the file is saved, also with the same content.
fn version(folder: &Dir, path: &Path) -> Option<String> {
    let about = folder.symlink_metadata(path).ok()?;
    about.is_file().then(|| {
        let (inode, size) = (about.ino(), about.len());
        let (seconds, nanos) = (about.mtime(), about.mtime_nsec());
        format!("{inode}:{size}:{seconds}.{nanos:09}")
    })
}

/// Returns the text of the marker of the folder at a path; `None` if there is no folder, or an empty one.
fn check_place(path: &Path) -> Result<Option<String>> {
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path.to_owned(), error)),
    };
    if about.is_symlink() {
        return Err(WorkspaceError::Link {
            folder: path.to_owned(),
            target: std::fs::read_link(path).unwrap_or_default(),
        });
    }
    match std::fs::read_to_string(path.join(MARKER)) {
        Ok(marker) => return Ok(Some(marker)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(failed(path.to_owned(), error));
        }
        Err(_) => {}
    }
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(failed(path.to_owned(), error))
        }
        Ok(false) | Err(_) => Err(WorkspaceError::NotAWorkspace {
            folder: path.to_owned(),
        }),
    }
}

/// Removes everything but the folder itself, which may be mounted, and its marker.
fn empty(path: &Path) -> Result<()> {
    let folder = Dir::open_ambient_dir(path, ambient_authority());
    let folder = folder.map_err(|error| failed(path.to_owned(), error))?;
    let entries = folder
        .entries()
        .map_err(|error| failed(path.to_owned(), error))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed(path.to_owned(), error))?;
        let name = entry.file_name();
        let removed = match entry.file_type().map(|kind| kind.is_dir()) {
            _ if name == MARKER => Ok(()),
            Ok(true) => folder.remove_dir_all(&name),
            Ok(false) => folder.remove_file(&name),
            Err(error) => Err(error),
        };
        removed.map_err(|error| failed(path.join(&name), error))?;
    }
    Ok(())
}

fn failed(path: PathBuf, error: io::Error) -> WorkspaceError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => WorkspaceError::Denied { path },
        _ => WorkspaceError::Failed { path, error },
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Options that do not wait for the other end of a pipe.
fn nonblocking() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Returns the files that the solutions of a lab write into the workspace.
fn solutions(lab: &Lab) -> BTreeSet<PathBuf> {
    let exercises = lab.exercises.iter();
    let steps = exercises.flat_map(|exercise| match &exercise.task {
        Task::Practical { solution, .. } => solution.as_slice(),
        Task::Quiz(_) => &[],
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::fs::symlink;

    use crate::lab::load;
    use crate::lab::testing::{GUIDE, LAB, files};

    /// A lab with a workspace of two files in a temporary folder, and where the learner's folder is.
    struct Fixture {
        folder: tempfile::TempDir,
        workspace: Workspace,
        solution: Vec<Step>,
    }

    impl Fixture {
        fn new() -> Self {
            Self::with("")
        }

        /// `compose` are more services.
        fn with(compose: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let original = folder.path().join("original");
            std::fs::create_dir_all(original.join("dags")).unwrap();
            std::fs::write(original.join("dags/a.py"), "a").unwrap();
            std::fs::write(original.join("b.py"), "b").unwrap();
            let solution = LAB.replace(
                "solution: [",
                "solution: [ { file: { path: answer.py, write: solved } }, { file: { path: b.py, write: solved } },",
            );
            let lab = format!("workspace: files/workspace\n{solution}");
            let compose = format!(
                "services:\n  redis: {{ image: 'redis:8.0', ports: ['6379'], mem_limit: 64m, volumes: ['${{WORKSPACE:-./files/workspace}}:/w'] }}\n{compose}"
            );
            let mut files = files(&lab, &compose, GUIDE);
            for file in ["dags/a.py", "b.py"] {
                let path = Path::new("labs/small/files/workspace").join(file);
                files.0.insert(path, String::new());
            }
            let loaded = load(Path::new("labs/small"), &files);
            let mut lab = loaded.expect("the lab is sound").lab;
            lab.workspace = Some(original);
            let workspace = Workspace::below(folder.path(), &lab, &Instance::main());
            let Task::Practical { solution, .. } = &lab.exercises[0].task else {
                panic!("the exercise is no quiz");
            };
            Self {
                folder,
                workspace: workspace.unwrap(),
                solution: solution.clone(),
            }
        }

        /// Writes what the solution writes, and records that it was played.
        fn play(&self) {
            self.write("answer.py", "solved");
            self.write("b.py", "solved");
            self.workspace.record_written(&self.solution).unwrap();
        }

        fn path(&self, below: &str) -> PathBuf {
            self.workspace.path.join(below)
        }

        fn write(&self, below: &str, content: &str) {
            std::fs::write(self.path(below), content).unwrap();
        }

        #[track_caller]
        fn check(&self, below: &str, content: &str) {
            let there = std::fs::read_to_string(self.path(below)).unwrap();
            assert_eq!(there, content, "{below}");
        }
    }

    #[test]
    fn a_workspace_is_created_and_kept() {
        let fixture = Fixture::new();
        assert_eq!(fixture.workspace.make().unwrap(), []);
        fixture.write("dags/a.py", "mine");
        assert_eq!(fixture.workspace.make().unwrap(), []);
        fixture.check("dags/a.py", "mine");
        fixture.check("b.py", "b");
    }

    #[test]
    fn restoring_touches_only_the_files_of_the_lab_and_keeps_what_was_changed() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        fixture.write("dags/a.py", "mine");
        fixture.write("dags/new.py", "new");
        std::fs::create_dir(fixture.path("own")).unwrap();
        fixture.write("own/x", "x");
        let before = std::fs::metadata(fixture.path("b.py")).unwrap().ino();
        let kept = fixture.workspace.restore().unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].file, Path::new("dags/a.py"));
        assert_eq!(std::fs::read_to_string(&kept[0].kept).unwrap(), "mine");
        assert!(kept[0].kept.starts_with(fixture.path("dags")));
        fixture.check("dags/a.py", "a");
        fixture.check("dags/new.py", "new");
        fixture.check("own/x", "x");
        let after = std::fs::metadata(fixture.path("b.py")).unwrap().ino();
        assert_eq!(after, before, "an unchanged file is left alone");
        // A second version does not replace the first.
        fixture.write("dags/a.py", "mine too");
        let again = fixture.workspace.restore().unwrap();
        assert_ne!(again[0].kept, kept[0].kept);
        assert_eq!(std::fs::read_to_string(&kept[0].kept).unwrap(), "mine");
        assert_eq!(fixture.workspace.restore().unwrap(), []);
    }

    #[test]
    fn what_a_solution_wrote_is_taken_back_and_the_learners_answer_is_kept() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        fixture.play();
        assert_eq!(fixture.workspace.restore().unwrap(), []);
        assert!(!fixture.path("answer.py").exists());
        fixture.check("b.py", "b");
        fixture.write("answer.py", "my answer");
        let kept = fixture.workspace.restore().unwrap();
        assert!(!fixture.path("answer.py").exists());
        assert_eq!(std::fs::read_to_string(&kept[0].kept).unwrap(), "my answer");
        fixture.workspace.move_back(&kept).unwrap();
        fixture.check("answer.py", "my answer");
        assert!(!kept[0].kept.exists());
    }

    #[test]
    fn a_file_of_the_learner_that_equals_a_solution_is_kept() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        let write = || {
            fixture.write("answer.py", "solved");
            fixture.write("b.py", "solved");
        };
        let check = |kept: Vec<KeptFile>| {
            let mut files: Vec<&Path> = kept.iter().map(|kept| kept.file.as_path()).collect();
            files.sort();
            assert_eq!(files, [Path::new("answer.py"), Path::new("b.py")]);
            for kept in &kept {
                assert_eq!(std::fs::read_to_string(&kept.kept).unwrap(), "solved");
            }
        };
        write();
        check(fixture.workspace.restore().unwrap());
        fixture.check("b.py", "b");
        // Also before a solution writes the same.
        write();
        check(fixture.workspace.keep_before(&fixture.solution).unwrap());
        fixture.play();
        // Saved again after a solution wrote it, it is the learner's. The clock of a file system ticks slowly.
        write();
        for file in ["answer.py", "b.py"] {
            let file = std::fs::File::options()
                .write(true)
                .open(fixture.path(file));
            file.unwrap().set_modified(UNIX_EPOCH).unwrap();
        }
        check(fixture.workspace.restore().unwrap());
    }

    #[test]
    fn what_came_into_the_place_of_a_file_that_is_moved_back_is_kept() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        fixture.write("b.py", "mine");
        let kept = fixture.workspace.restore().unwrap();
        fixture.write("b.py", "mine too");
        fixture.workspace.move_back(&kept).unwrap();
        fixture.check("b.py", "mine");
        let names = std::fs::read_dir(&fixture.workspace.path).unwrap();
        let names: Vec<PathBuf> = names.map(|entry| entry.unwrap().path()).collect();
        let copy = names.iter().find(|path| is_dated(path)).unwrap();
        assert_eq!(std::fs::read_to_string(copy).unwrap(), "mine too");
    }

    #[test]
    fn own_files_are_set_aside_and_come_back() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        std::fs::create_dir(fixture.path("own")).unwrap();
        for file in ["dags/new.py", "own/x.yml", ".hidden"] {
            fixture.write(file, file);
        }
        fixture.write("b.py", "mine");
        fixture.workspace.restore().unwrap();
        let mut kept = fixture.workspace.set_own_aside().unwrap();
        kept.sort_by(|a, b| a.file.cmp(&b.file));
        let files: Vec<&Path> = kept.iter().map(|kept| kept.file.as_path()).collect();
        assert_eq!(files, [Path::new("dags/new.py"), Path::new("own/x.yml")]);
        assert!(!fixture.path("own/x.yml").exists());
        let text = std::fs::read_to_string(&kept[0].kept).unwrap();
        assert_eq!(text, "dags/new.py");
        for file in ["dags/a.py", "b.py", ".hidden"] {
            assert!(fixture.path(file).exists(), "{file}");
        }
        assert_eq!(fixture.workspace.set_own_aside().unwrap(), []);
        fixture.workspace.move_back(&kept).unwrap();
        fixture.check("dags/new.py", "dags/new.py");
        fixture.check("own/x.yml", "own/x.yml");
    }

    #[test]
    fn a_copy_is_made_before_a_solution_writes() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        let lab = fixture.workspace.clone();
        let steps: Vec<Step> = Vec::new();
        assert_eq!(lab.keep_before(&steps).unwrap(), []);
        fixture.write("answer.py", "my answer");
        let folder = lab.open().unwrap();
        let kept = lab
            .keep_copy(&folder, Path::new("answer.py"), b"my answer")
            .unwrap();
        fixture.check("answer.py", "my answer");
        assert_eq!(std::fs::read_to_string(&kept.kept).unwrap(), "my answer");
    }

    #[test]
    fn no_file_or_folder_is_writable_for_all() {
        let fixture = Fixture::new();
        let mode = |path: &Path| {
            std::fs::symlink_metadata(path)
                .unwrap()
                .permissions()
                .mode()
        };
        let check = |fixture: &Fixture| {
            for below in ["", "dags", "dags/a.py", "b.py", MARKER] {
                let path = fixture.path(below);
                assert_eq!(mode(&path) & 0o022, 0, "{}", path.display());
                assert_eq!(mode(&path) & 0o044, 0o044, "services can read it");
            }
        };
        fixture.workspace.make().unwrap();
        check(&fixture);
        // As earlier versions made them.
        for below in ["", "dags", "dags/a.py", "b.py"] {
            let open = std::fs::Permissions::from_mode(0o777);
            std::fs::set_permissions(fixture.path(below), open).unwrap();
        }
        fixture.workspace.make().unwrap();
        check(&fixture);
    }

    #[test]
    fn a_file_that_a_service_mounts_stays_the_same_file() {
        let fixture = Fixture::with(
            "  one: { image: 'a:1', mem_limit: 64m, volumes: ['${WORKSPACE:-./files/workspace}/b.py:/b.py:ro'] }\n",
        );
        fixture.workspace.make().unwrap();
        let inode = |below: &str| std::fs::metadata(fixture.path(below)).unwrap().ino();
        let before = inode("b.py");
        fixture.write("b.py", "a longer version of mine");
        let kept = fixture.workspace.restore().unwrap();
        fixture.check("b.py", "b");
        assert_eq!(inode("b.py"), before);
        let text = std::fs::read_to_string(&kept[0].kept).unwrap();
        assert_eq!(text, "a longer version of mine");
        let mounted = fixture.workspace.mounted();
        assert_eq!(mounted.keys().collect::<Vec<_>>(), ["one:b.py", "redis:"]);
        // An editor replaced the file: the container has the old one.
        fixture.write("other", "b");
        std::fs::rename(fixture.path("other"), fixture.path("b.py")).unwrap();
        let changed = fixture.workspace.mounted();
        assert_ne!(changed["one:b.py"], mounted["one:b.py"]);
        assert_eq!(changed["redis:"], mounted["redis:"]);
    }

    #[test]
    fn a_process_that_ended_in_the_middle_leaves_a_workspace_that_is_finished() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        fixture.write(MARKER, UNFINISHED);
        fixture.write(INCOMPLETE, "half");
        std::fs::remove_file(fixture.path("b.py")).unwrap();
        fixture.write("own.py", "own");
        fixture.workspace.make().unwrap();
        fixture.check("b.py", "b");
        fixture.check("own.py", "own");
        fixture.check(MARKER, FINISHED);
        assert!(!fixture.path(INCOMPLETE).exists());
    }

    /// What is at a path of the lab is moved aside, and nothing outside the workspace changes.
    #[track_caller]
    fn check_moved_aside(below: &str, target: &str) {
        let fixture = Fixture::new();
        let outside = fixture.folder.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("b.py"), "precious").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions();
        let before = (mode(&outside), mode(&outside.join("b.py")));
        fixture.workspace.make().unwrap();
        let path = fixture.path(below);
        match path.is_dir() {
            true => std::fs::remove_dir_all(&path).unwrap(),
            false => std::fs::remove_file(&path).unwrap(),
        }
        symlink(target, &path).unwrap();
        let kept = fixture.workspace.restore().unwrap();
        assert_eq!(kept.len(), 1, "{below} to {target}");
        assert!(kept[0].kept.is_symlink());
        fixture.check("dags/a.py", "a");
        fixture.check("b.py", "b");
        let text = std::fs::read_to_string(outside.join("b.py")).unwrap();
        assert_eq!(text, "precious");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!((mode(&outside), mode(&outside.join("b.py"))), before);
    }

    #[test]
    fn a_link_that_a_service_creates_is_not_followed_out_of_the_workspace() {
        for (below, target) in [
            ("dags", "../outside"),
            ("b.py", "../outside/b.py"),
            ("b.py", "../outside/new.py"),
            ("b.py", "dags/a.py"),
        ] {
            check_moved_aside(below, target);
        }
    }

    #[test]
    fn a_pipe_or_folder_in_place_of_a_file_is_moved_aside() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        std::fs::remove_file(fixture.path("b.py")).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(fixture.path("b.py"))
            .status();
        assert!(pipe.unwrap().success());
        assert_eq!(fixture.workspace.restore().unwrap().len(), 1);
        fixture.check("b.py", "b");
        std::fs::remove_file(fixture.path("b.py")).unwrap();
        std::fs::create_dir(fixture.path("b.py")).unwrap();
        assert_eq!(fixture.workspace.restore().unwrap().len(), 1);
        fixture.check("b.py", "b");
    }

    #[test]
    fn a_moved_removed_or_emptied_workspace_is_created_again() {
        let fixture = Fixture::new();
        fixture.workspace.make().unwrap();
        let before = fixture.workspace.mounted();
        let elsewhere = fixture.folder.path().join("elsewhere");
        std::fs::rename(&fixture.workspace.path, &elsewhere).unwrap();
        assert_ne!(fixture.workspace.mounted(), before);
        assert_eq!(fixture.workspace.restore().unwrap(), []);
        fixture.check("b.py", "b");
        assert_ne!(fixture.workspace.mounted(), before);
        assert!(elsewhere.join("b.py").exists());
        std::fs::remove_dir_all(&fixture.workspace.path).unwrap();
        std::fs::create_dir(&fixture.workspace.path).unwrap();
        assert_eq!(fixture.workspace.make().unwrap(), []);
        fixture.check("b.py", "b");
    }

    #[test]
    fn a_link_in_place_of_the_workspace_is_left_alone_with_the_way_out() {
        let fixture = Fixture::new();
        let elsewhere = fixture.folder.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, &fixture.workspace.path).unwrap();
        for error in [
            fixture.workspace.make().unwrap_err(),
            fixture.workspace.restore().unwrap_err(),
            Workspace::remove(&fixture.workspace.path).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains("symbolic link"), "{text}");
        }
        assert!(!Workspace::is_workspace(&fixture.workspace.path));
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_no_workspace_is_left_alone() {
        let fixture = Fixture::new();
        std::fs::create_dir(&fixture.workspace.path).unwrap();
        fixture.write("precious", "x");
        assert!(fixture.workspace.make().is_err());
        assert!(fixture.workspace.restore().is_err());
        assert!(Workspace::remove(&fixture.workspace.path).is_err());
        fixture.check("precious", "x");
    }

    #[test]
    fn a_test_keeps_nothing_and_a_removal_removes_everything() {
        let fixture = Fixture::new();
        let workspace = fixture.workspace.clone().of_a_test();
        workspace.make().unwrap();
        fixture.write("b.py", "mine");
        fixture.write("other", "x");
        assert_eq!(workspace.restore().unwrap(), []);
        let names = std::fs::read_dir(&workspace.path).unwrap();
        assert_eq!(names.count(), 3, "the marker, `dags` and `b.py`");
        assert!(Workspace::remove(&workspace.path).unwrap());
        assert!(!workspace.path.exists());
        assert!(!Workspace::remove(&workspace.path).unwrap());
    }

    #[test]
    fn a_creation_that_fails_leaves_nothing_in_the_way() {
        let fixture = Fixture::new();
        let original = fixture.folder.path().join("original");
        let moved = fixture.folder.path().join("moved");
        std::fs::rename(&original, &moved).unwrap();
        assert!(fixture.workspace.make().is_err());
        std::fs::rename(&moved, &original).unwrap();
        fixture.workspace.make().unwrap();
        fixture.check("b.py", "b");
    }

    #[test]
    fn what_another_user_owns_is_named_with_the_command_that_changes_it() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = failed(PathBuf::from("/home/kim/x"), denied);
        assert!(matches!(error, WorkspaceError::Denied { .. }));
        let text = error.to_string();
        assert!(text.contains("sudo chown"), "{text}");
    }
}
