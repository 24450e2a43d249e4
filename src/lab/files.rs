//! The seam through which a lab's files come in.

use std::path::{Path, PathBuf};

/// Somewhere a lab and the catalogue lie: a disk, or a map in a test.
pub trait FileSystem {
    /// The text of a file; `Err` says why it cannot be read, in words.
    fn read(&self, path: &Path) -> Result<String, String>;

    /// The names in a folder; empty if it cannot be read.
    fn file_names(&self, folder: &Path) -> Vec<String>;

    /// The real path, links resolved; `None` if there is nothing.
    fn canonical_path(&self, path: &Path) -> Option<PathBuf>;

    /// Why a file or folder may not be handed to a container, if so: it, or something in it, is not the lab's alone (another
    /// name of the same file lies elsewhere) or is no file at all (a socket, a device).
    fn unsafe_to_mount(&self, path: &Path) -> Option<String>;
}

/// `a/b/../c` as `a/c`, without looking at any disk.
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
    fn paths_are_tidied_without_a_disk() {
        assert_eq!(
            normalize(Path::new("labs/redis/../../compose/./redis")),
            Path::new("compose/redis")
        );
        assert_eq!(normalize(Path::new("../a")), Path::new("../a"));
        assert_eq!(normalize(Path::new("/a/../../b")), Path::new("/../b"));
    }
}
