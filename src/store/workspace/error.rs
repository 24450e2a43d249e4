//! Why a workspace cannot be created, restored or removed.

use std::io;
use std::path::PathBuf;

use crate::text;
use crate::text::Text;

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
    /// Returns the error of a call of the system.
    pub(super) fn failed(path: PathBuf, error: io::Error) -> Self {
        match error.kind() {
            // A path that leads outside of the folder is refused without the system.
            io::ErrorKind::PermissionDenied if error.get_ref().is_none() => Self::Denied { path },
            _ => Self::Failed { path, error },
        }
    }

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

pub(super) type Result<T> = std::result::Result<T, WorkspaceError>;
