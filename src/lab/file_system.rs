//! The file system that labs are loaded from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::text;
use crate::text::Text;

/// The files of a lab and of the catalogue: those of a disk, or those of a test.
pub trait FileSystem {
    /// Returns the text of a file.
    ///
    /// # Errors
    /// The reason why the file cannot be read.
    fn read(&self, path: &Path) -> Result<String, ReadError>;

    /// Returns the names in a folder; none if it cannot be read.
    fn file_names(&self, folder: &Path) -> Vec<String>;

    /// Returns the path with all links resolved; `None` if nothing exists there.
    fn canonical_path(&self, path: &Path) -> Option<PathBuf>;

    /// Returns the first reason why a file, or a folder with all that is in it, must not be mounted into a container.
    fn unsafe_to_mount(&self, path: &Path) -> Option<UnsafeMount>;
}

/// The reason why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    NotFound,
    PermissionDenied,
    NotAFile,
    NotUtf8,
    /// The message of the operating system.
    Other(String),
}

/// The reason why a file or folder must not be mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsafeMount {
    /// Another name of the same file may be outside the lab.
    HardLink(PathBuf),
    /// A socket, a device or a pipe.
    SpecialFile(PathBuf),
    TooManyFiles {
        path: PathBuf,
        limit: usize,
    },
}

impl ReadError {
    /// Returns the reason as a text.
    pub fn text(&self) -> Text {
        match self {
            ReadError::NotFound => text!("no such file"),
            ReadError::PermissionDenied => text!("permission denied"),
            ReadError::NotAFile => text!("not a regular file"),
            ReadError::NotUtf8 => text!("not valid UTF-8"),
            ReadError::Other(reason) => Text::verbatim(reason.as_str()),
        }
    }
}

impl UnsafeMount {
    /// Returns the reason as a text.
    pub fn text(&self) -> Text {
        match self {
            UnsafeMount::HardLink(path) => text!(
                "`{path}` is a hard link: the same file may also exist outside the lab's folder",
                path = path.display()
            ),
            UnsafeMount::SpecialFile(path) => text!(
                "`{path}` is neither a file nor a folder",
                path = path.display()
            ),
            UnsafeMount::TooManyFiles { path, limit } => text!(
                "`{path}` contains more than {limit} files",
                path = path.display(),
                limit
            ),
        }
    }
}

/// Resolves `.` and `..` without access to a disk: `a/b/../c` becomes `a/c`.
pub(crate) fn normalize(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized_without_a_disk() {
        assert_eq!(
            normalize(Path::new("labs/redis/../../compose/./redis")),
            Path::new("compose/redis")
        );
        assert_eq!(normalize(Path::new("../a")), Path::new("../a"));
        assert_eq!(normalize(Path::new("/a/../../b")), Path::new("/../b"));
    }
}
