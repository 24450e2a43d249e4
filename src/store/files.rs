//! The file systems from which the lab loader reads.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::lab::FileSystem;
use crate::localized;

/// The file system of this machine. It reads regular files only, and no more of them than a lab may hold.
pub struct OsFs;

/// The most bytes that are read of a file: one more than the YAML reader accepts, so that it reports a larger file.
const MAX_LENGTH: u64 = (1 << 20) + 1;

/// The most files and folders that a lab may mount into a container.
const MAX_ENTRIES: usize = 10_000;

impl FileSystem for OsFs {
    fn read(&self, path: &Path) -> Result<String, String> {
        // The type is checked first: opening a pipe would wait forever.
        let metadata = std::fs::metadata(path).map_err(|error| reason(&error))?;
        if !metadata.is_file() {
            return Err(localized!("it is not a regular file"));
        }
        let file = std::fs::File::open(path).map_err(|error| reason(&error))?;
        let mut bytes = Vec::new();
        file.take(MAX_LENGTH)
            .read_to_end(&mut bytes)
            .map_err(|error| reason(&error))?;
        String::from_utf8(bytes).map_err(|_| localized!("it is not UTF-8 text"))
    }

    fn file_names(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    fn canonical_path(&self, path: &Path) -> Option<PathBuf> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        std::fs::canonicalize(path).ok()
    }

    fn unsafe_to_mount(&self, path: &Path) -> Option<String> {
        unsafe_to_mount(path, &mut 0)
    }
}

/// The file system of this machine, with a record of the files that were read.
#[derive(Default)]
pub struct RecordingFs(RefCell<BTreeSet<PathBuf>>);

impl RecordingFs {
    /// Returns the canonical paths of the files that were read.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        self.0.borrow().clone()
    }
}

impl FileSystem for RecordingFs {
    fn read(&self, path: &Path) -> Result<String, String> {
        self.0.borrow_mut().extend(OsFs.canonical_path(path));
        OsFs.read(path)
    }

    fn file_names(&self, folder: &Path) -> Vec<String> {
        OsFs.file_names(folder)
    }

    fn canonical_path(&self, path: &Path) -> Option<PathBuf> {
        OsFs.canonical_path(path)
    }

    fn unsafe_to_mount(&self, path: &Path) -> Option<String> {
        OsFs.unsafe_to_mount(path)
    }
}

/// Checks a file, or everything in a folder. Links inside it are not followed: in a container they lead to the container's
/// own files.
fn unsafe_to_mount(path: &Path, seen: &mut usize) -> Option<String> {
    let name = path.display().to_string();
    let file = name.escape_debug();
    *seen += 1;
    if *seen > MAX_ENTRIES {
        return Some(localized!(
            "`{file}`: more than {count} files to mount",
            file,
            count = MAX_ENTRIES
        ));
    }
    let metadata = std::fs::symlink_metadata(path).ok()?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        return entries
            .into_iter()
            .find_map(|entry| unsafe_to_mount(&entry.path(), seen));
    }
    if kind.is_file() && metadata.nlink() > 1 {
        return Some(localized!(
            "`{file}` is a hard link: its other name may be outside the lab",
            file
        ));
    }
    (!kind.is_file() && !kind.is_symlink())
        .then(|| localized!("`{file}` is neither a file nor a folder", file))
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => localized!("no such file"),
        std::io::ErrorKind::PermissionDenied => localized!("permission denied"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn hard_links_and_sockets_are_unsafe_to_mount() {
        let folder = tempfile::tempdir().unwrap();
        let lab = folder.path().join("lab");
        std::fs::create_dir_all(lab.join("files")).unwrap();
        std::fs::write(lab.join("files/a.txt"), "a").unwrap();
        symlink("/etc/passwd", lab.join("files/link")).unwrap();
        assert_eq!(OsFs.unsafe_to_mount(&lab), None);

        let secret = folder.path().join("secret");
        std::fs::write(&secret, "secret").unwrap();
        std::fs::hard_link(&secret, lab.join("files/b.txt")).unwrap();
        let why = OsFs.unsafe_to_mount(&lab).unwrap();
        assert!(why.contains("b.txt") && why.contains("hard link"), "{why}");
        std::fs::remove_file(&secret).unwrap();
        assert_eq!(OsFs.unsafe_to_mount(&lab), None);

        let _socket = UnixListener::bind(lab.join("files/engine.sock")).unwrap();
        let why = OsFs.unsafe_to_mount(&lab).unwrap();
        assert!(why.contains("engine.sock"), "{why}");
    }
}
