//! The disk, as the loader of labs sees it.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::lab::Files;

/// Files on this machine's disk. Reads regular files only, and never more than is sensible for a lab.
pub(crate) struct Disk;

/// The largest file that is read, in bytes; the YAML reader says so in its own words for a bit more.
const LARGEST: u64 = (1 << 20) + 1;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<String, String> {
        // Looked at before it is opened: opening a pipe would wait for ever.
        let about = std::fs::metadata(path).map_err(|error| in_words(&error))?;
        if !about.is_file() {
            return Err("it is not a regular file".to_owned());
        }
        let file = std::fs::File::open(path).map_err(|error| in_words(&error))?;
        let mut bytes = Vec::new();
        file.take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(|error| in_words(&error))?;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    fn real(&self, path: &Path) -> Option<PathBuf> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        std::fs::canonicalize(path).ok()
    }
}

fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
