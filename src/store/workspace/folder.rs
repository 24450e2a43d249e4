//! The files of a workspace, which containers write into too, as root and at any moment. What roadlab restores of them is decided
//! in [`super::Workspace`].
//!
//! Everything is opened relative to the handle of the folder, so that a link that a service creates meanwhile leads nowhere else.
//!
//! Every file is the old one or the new one at any moment, whatever ends the program. A file that a service mounts by itself is
//! the exception: a mount follows the file and not its name, so it is written in place.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{
    Dir, DirBuilder, DirBuilderExt, MetadataExt as _, OpenOptions, OpenOptionsExt, Permissions,
    PermissionsExt, ReadDir,
};
use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::store::dated_name::dated_name;
use crate::store::workspace::error::{Result, WorkspaceError};

/// The name of a file until it is complete.
pub(super) const INCOMPLETE: &str = ".roadlab-incomplete";

/// Folders are readable for the services, which run as their own users, and writable for the learner alone.
pub(super) const FOLDER_MODE: u32 = 0o755;
pub(super) const FILE_MODE: u32 = 0o644;
const WRITABLE_FOR_ALL: u32 = 0o002;

/// A file of the learner that gave way to one of the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// The path in the workspace.
    pub file: PathBuf,
    /// The whole path of what was kept.
    pub kept: PathBuf,
}

/// What a path of a workspace leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link, a pipe or the like.
    Other,
}

/// The open folder of a workspace. Paths are relative to it.
pub(super) struct WorkspaceFolder<'a> {
    path: &'a Path,
    handle: Dir,
    mounts: &'a BTreeMap<PathBuf, BTreeSet<String>>,
}

impl<'a> WorkspaceFolder<'a> {
    /// Opens the folder at `path`. A file among `mounts` is written in place.
    pub(super) fn open(
        path: &'a Path,
        mounts: &'a BTreeMap<PathBuf, BTreeSet<String>>,
    ) -> Result<Self> {
        Ok(Self {
            path,
            handle: open(path)?,
            mounts,
        })
    }

    pub(super) fn failed(&self, path: &Path, error: io::Error) -> WorkspaceError {
        WorkspaceError::failed(self.path.join(path), error)
    }

    /// Returns what is at a path; `None` if there is nothing.
    pub(super) fn kind(&self, path: &Path) -> Result<Option<Kind>> {
        match self.handle.symlink_metadata(path) {
            Ok(about) if about.is_file() => Ok(Some(Kind::File)),
            Ok(about) if about.is_dir() => Ok(Some(Kind::Folder)),
            Ok(_) => Ok(Some(Kind::Other)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(path, error)),
        }
    }

    pub(super) fn entries(&self, below: &Path) -> Result<ReadDir> {
        let entries = match below == Path::new("") {
            true => self.handle.entries(),
            false => self.handle.read_dir(below),
        };
        entries.map_err(|error| self.failed(below, error))
    }

    /// Creates a folder. A service may have created it by now.
    pub(super) fn create_folder(&self, path: &Path) -> Result<()> {
        let mut builder = DirBuilder::new();
        builder.mode(FOLDER_MODE);
        match self.handle.create_dir_with(path, &builder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(self.failed(path, error))
            }
            _ => Ok(()),
        }
    }

    /// Creates the folders that lead to a file.
    pub(super) fn create_parents(&self, path: &Path) -> Result<()> {
        match path.parent().filter(|above| *above != Path::new("")) {
            Some(above) => {
                let created = self.handle.create_dir_all(above);
                created.map_err(|error| self.failed(above, error))
            }
            None => Ok(()),
        }
    }

    /// Returns the content of a regular file; `None` if there is none at this path. A link is none.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self.handle.symlink_metadata(path) {
            Ok(about) if about.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.failed(path, error)),
        }
        let read = || -> io::Result<Vec<u8>> {
            let mut content = Vec::new();
            let mut file = self.handle.open_with(path, nonblocking().read(true))?;
            file.read_to_end(&mut content)?;
            Ok(content)
        };
        read().map(Some).map_err(|error| self.failed(path, error))
    }

    /// Returns the size of what is at a path in bytes.
    pub(super) fn size(&self, path: &Path) -> Option<u64> {
        let about = self.handle.symlink_metadata(path).ok()?;
        Some(about.len())
    }

    /// Returns the permissions of a file.
    pub(super) fn mode(&self, path: &Path) -> u32 {
        let about = self.handle.metadata(path);
        about.map_or(FILE_MODE, |about| about.mode())
    }

    /// Returns what identifies the version of a regular file: it changes when the file is saved, also with the same content.
    pub(super) fn version(&self, path: &Path) -> Option<String> {
        let about = self.handle.symlink_metadata(path).ok()?;
        about.is_file().then(|| {
            let (inode, size) = (about.ino(), about.len());
            let (seconds, nanos) = (about.mtime(), about.mtime_nsec());
            format!("{inode}:{size}:{seconds}.{nanos:09}")
        })
    }

    /// Writes a file completely or not at all, but in place if a service mounts this very file.
    pub(super) fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<()> {
        self.write_with(path, content, FILE_MODE | (mode & 0o111))
    }

    /// Writes a file as [`write`](Self::write) does, with exactly these permissions if it is not written in place.
    pub(super) fn write_with(&self, path: &Path, content: &[u8], mode: u32) -> Result<()> {
        let is_there = || {
            let about = self.handle.symlink_metadata(path);
            about.is_ok_and(|about| about.is_file())
        };
        let mode = Permissions::from_mode(mode);
        let write = || -> io::Result<()> {
            if self.mounts.contains_key(path) && is_there() {
                let mut file = self.handle.open_with(path, nonblocking().write(true))?;
                file.write_all(content)?;
                file.set_len(content.len() as u64)?;
                return file.sync_all();
            }
            let incomplete = path.with_file_name(INCOMPLETE);
            // The editor of the page and a reset write at the same time, under this one name.
            let _turn = self.wait_for_turn()?;
            // Left behind by a process that was ended.
            match self.handle.remove_file(&incomplete) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let replaced = self.write_new(&incomplete, content, mode);
            let replaced =
                replaced.and_then(|()| self.handle.rename(&incomplete, &self.handle, path));
            if replaced.is_err() {
                // The first error matters more.
                let _ = self.handle.remove_file(&incomplete);
            }
            replaced
        };
        write().map_err(|error| self.failed(path, error))
    }

    fn write_new(&self, path: &Path, content: &[u8], mode: Permissions) -> io::Result<()> {
        let mut options = nonblocking();
        options.write(true).create_new(true);
        let mut file = self.handle.open_with(path, &options)?;
        file.write_all(content)?;
        file.set_permissions(mode)?;
        file.sync_all()
    }

    /// Waits until no other writer has an incomplete file in the workspace. It is this one's turn until the handle is dropped.
    fn wait_for_turn(&self) -> io::Result<std::fs::File> {
        // A lock belongs to an open file, so each turn opens its own.
        let turn = std::fs::File::open(self.path)?;
        match rustix::fs::flock(&turn, FlockOperation::LockExclusive) {
            // A file system without locks.
            Err(Errno::NOLCK | Errno::OPNOTSUPP) => {}
            locked => locked?,
        }
        Ok(turn)
    }

    pub(super) fn remove_file(&self, path: &Path) -> Result<()> {
        let removed = self.handle.remove_file(path);
        removed.map_err(|error| self.failed(path, error))
    }

    /// Keeps a copy of a regular file beside it.
    pub(super) fn keep_copy(&self, path: &Path, content: &[u8]) -> Result<KeptFile> {
        let copy = self.free_name(path);
        self.write(&copy, content, self.mode(path))?;
        Ok(self.kept(path, &copy))
    }

    /// Keeps a regular file under another name beside it, before another takes its place: what is saved there until then is kept
    /// too.
    pub(super) fn keep_beside(&self, path: &Path, content: &[u8]) -> Result<KeptFile> {
        let beside = self.free_name(path);
        let linked = !self.mounts.contains_key(path)
            && self.handle.hard_link(path, &self.handle, &beside).is_ok();
        match linked {
            true => Ok(self.kept(path, &beside)),
            // A file that is written in place, one of another user, or a file system without links.
            false => self.keep_copy(path, content),
        }
    }

    /// Renames what is in the way of the lab's file or folder.
    pub(super) fn move_aside(&self, path: &Path) -> Result<KeptFile> {
        let aside = self.free_name(path);
        let renamed = self.handle.rename(path, &self.handle, &aside);
        renamed.map_err(|error| self.failed(path, error))?;
        Ok(self.kept(path, &aside))
    }

    fn free_name(&self, path: &Path) -> PathBuf {
        dated_name(path, |path| self.handle.symlink_metadata(path).is_err())
    }

    fn kept(&self, path: &Path, kept: &Path) -> KeptFile {
        KeptFile {
            file: path.to_owned(),
            kept: self.path.join(kept),
        }
    }

    /// Takes the permission to write a file or folder from other users.
    pub(super) fn close_to_others(&self, path: &Path) {
        let Ok(about) = self.handle.symlink_metadata(path) else {
            return;
        };
        let mode = about.mode() & 0o7777;
        if !about.is_symlink() && mode & WRITABLE_FOR_ALL != 0 {
            let closed = Permissions::from_mode(mode & !(WRITABLE_FOR_ALL | 0o020));
            // What another user owns is not this user's to change.
            let _ = self.handle.set_permissions(path, closed);
        }
    }
}

/// Opens a folder of which everything is opened relative to it.
pub(super) fn open(path: &Path) -> Result<Dir> {
    let opened = Dir::open_ambient_dir(path, ambient_authority());
    opened.map_err(|error| WorkspaceError::failed(path.to_owned(), error))
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
