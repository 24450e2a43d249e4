//! The marker of a workspace. A folder without it is never changed or removed.

use std::fs::DirEntry;
use std::io;
use std::path::Path;

use crate::store::workspace::error::{Result, WorkspaceError};
use crate::store::workspace::folder::{INCOMPLETE, open};

/// The file that marks a folder as a workspace.
pub(super) const MARKER: &str = ".roadlab-workspace";
pub(super) const FINISHED: &str =
    "This folder belongs to a roadlab lab; `roadlab reset` restores its files.\n";
/// The text of the marker while files are put back.
pub(super) const UNFINISHED: &str = "unfinished\n";

/// Returns whether a folder is a workspace that may be removed.
pub(super) fn is_workspace(path: &Path) -> bool {
    let is_folder = path.symlink_metadata().is_ok_and(|about| about.is_dir());
    is_folder && path.join(MARKER).exists()
}

/// Returns the text of the marker of the folder at a path; `None` if there is no folder, or nothing in it.
pub(super) fn read_marker(path: &Path) -> Result<Option<String>> {
    let failed = |error| WorkspaceError::failed(path.to_owned(), error);
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
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
            return Err(failed(error));
        }
        Err(_) => {}
    }
    // What a process left that was ended at its first file is nobody's.
    let is_nothing =
        |entry: io::Result<DirEntry>| entry.is_ok_and(|one| one.file_name() == INCOMPLETE);
    match std::fs::read_dir(path).map(|mut entries| entries.all(is_nothing)) {
        Ok(true) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(failed(error)),
        Ok(false) | Err(_) => Err(WorkspaceError::NotAWorkspace {
            folder: path.to_owned(),
        }),
    }
}

/// Removes a workspace with everything in it. Returns whether there was one.
pub(super) fn remove(path: &Path) -> Result<bool> {
    if !empty(path)? {
        return Ok(false);
    }
    let removed = std::fs::remove_dir_all(path);
    removed.map_err(|error| WorkspaceError::failed(path.to_owned(), error))?;
    Ok(true)
}

/// Removes everything but the folder itself, which may be mounted, and its marker: what fails can be repeated. Returns whether
/// there is a workspace.
pub(super) fn empty(path: &Path) -> Result<bool> {
    if read_marker(path)?.is_none() {
        return Ok(false);
    }
    let failed = |path: &Path, error| WorkspaceError::failed(path.to_owned(), error);
    let folder = open(path)?;
    for entry in folder.entries().map_err(|error| failed(path, error))? {
        let entry = entry.map_err(|error| failed(path, error))?;
        let name = entry.file_name();
        let removed = match entry.file_type().map(|kind| kind.is_dir()) {
            _ if name == MARKER => Ok(()),
            Ok(true) => folder.remove_dir_all(&name),
            Ok(false) => folder.remove_file(&name),
            Err(error) => Err(error),
        };
        removed.map_err(|error| failed(&path.join(&name), error))?;
    }
    Ok(true)
}
