//! Files below one folder of this machine. Links never lead outside it.

use std::io::{self, Read, Write};
use std::path::{Component, Path};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use crate::probe::error::ProbeError;
use crate::probe::limits::MAX_ANSWER;
use crate::text;

/// A folder that paths must not leave. A service may create a link in it at any moment, so each path is resolved and opened in
/// one step, relative to the folder's handle.
pub(super) struct Folder(Dir);

impl Folder {
    pub(super) fn open(root: &Path) -> Result<Self, ProbeError> {
        let opened = Dir::open_ambient_dir(root, ambient_authority());
        opened
            .map(Self)
            .map_err(|error| cannot(&root.to_string_lossy(), &error))
    }

    /// Returns the bytes of a regular file, at most `MAX_ANSWER` of them; `None` if there is no file.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ProbeError> {
        let Some(file) = self.file(path)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX);
        let read = file.take(limit).read_to_end(&mut bytes);
        read.map_err(|error| cannot(path, &error))?;
        Ok(Some(bytes))
    }

    /// Whether a file is larger than what `read` returns of it.
    pub(super) fn is_cut(&self, path: &str) -> Result<bool, ProbeError> {
        let length = |file: File| file.metadata().map_or(0, |file| file.len());
        let length = self.file(path)?.map_or(0, length);
        Ok(usize::try_from(length).unwrap_or(usize::MAX) > MAX_ANSWER)
    }

    /// Writes a file and creates the folders above it.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> Result<(), ProbeError> {
        let place = checked(path)?;
        let write = || -> io::Result<()> {
            if let Some(above) = place.parent() {
                self.0.create_dir_all(above)?;
            }
            let mut options = nonblocking();
            options.write(true).create(true).truncate(true);
            self.0.open_with(place, &options)?.write_all(content)
        };
        write().map_err(|error| cannot(path, &error))
    }

    /// Removes a file if it exists. A link is removed, not its target.
    pub(super) fn remove(&self, path: &str) -> Result<(), ProbeError> {
        match self.0.remove_file(checked(path)?) {
            Err(error) if !absent(&error) => Err(cannot(path, &error)),
            _ => Ok(()),
        }
    }

    /// Opens a regular file; `None` if there is nothing.
    fn file(&self, path: &str) -> Result<Option<File>, ProbeError> {
        let place = checked(path)?;
        let file = match self.0.open_with(place, nonblocking().read(true)) {
            Ok(file) => file,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(cannot(path, &error)),
        };
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some(file)),
            Ok(_) => Err(ProbeError::InvalidStep(text!(
                "`{path}` is not a regular file",
                path = path.escape_debug()
            ))),
            Err(error) => Err(cannot(path, &error)),
        }
    }
}

/// Options that do not wait for the other end of a pipe.
fn nonblocking() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Returns the path if it names something below the folder.
fn checked(path: &str) -> Result<&Path, ProbeError> {
    let mut parts = Path::new(path).components();
    let down = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let named = |part: Component<'_>| matches!(part, Component::Normal(_));
    match parts.clone().all(down) && parts.any(named) {
        true => Ok(Path::new(path)),
        false => Err(outside(path)),
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn outside(path: &str) -> ProbeError {
    ProbeError::InvalidStep(text!(
        "`{path}` leads outside its folder",
        path = path.escape_debug()
    ))
}

fn cannot(path: &str, error: &io::Error) -> ProbeError {
    ProbeError::InvalidStep(text!(
        "cannot open `{path}`: {reason}",
        path = path.escape_debug(),
        reason = error
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A folder `in` beside a secret, with links of every kind.
    fn folder() -> (tempfile::TempDir, Folder) {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("in");
        fs::create_dir(&inner).unwrap();
        fs::write(outer.path().join("secret"), "secret").unwrap();
        fs::create_dir(outer.path().join("out")).unwrap();
        fs::write(inner.join("a.txt"), "a").unwrap();
        symlink("a.txt", inner.join("near")).unwrap();
        symlink("../secret", inner.join("far")).unwrap();
        symlink("../out", inner.join("away")).unwrap();
        symlink("../nothing", inner.join("nowhere")).unwrap();
        let folder = Folder::open(&inner).unwrap();
        (outer, folder)
    }

    #[test]
    fn files_are_read_written_and_removed() {
        let (_outer, folder) = folder();
        assert_eq!(folder.read("a.txt").unwrap().unwrap(), b"a");
        assert_eq!(folder.read("./near").unwrap().unwrap(), b"a");
        assert_eq!(folder.read("b/c.txt").unwrap(), None);
        assert_eq!(folder.read("a.txt/c").unwrap(), None);
        folder.write("b/c.txt", b"c").unwrap();
        assert_eq!(folder.read("b/c.txt").unwrap().unwrap(), b"c");
        folder.remove("b/c.txt").unwrap();
        folder.remove("b/c.txt").unwrap();
        assert_eq!(folder.read("b/c.txt").unwrap(), None);
        assert!(folder.remove("b").is_err());
        assert!(folder.read("b").is_err());
    }

    #[test]
    fn nothing_outside_the_folder_is_read_or_changed() {
        let (outer, folder) = folder();
        for path in [
            "",
            ".",
            "..",
            "../secret",
            "b/../../secret",
            "/etc/passwd",
            "far",
            "away",
            "away/x",
            "away/x/y",
            "nowhere/x",
        ] {
            assert!(folder.read(path).is_err(), "read {path:?}");
            assert!(folder.write(path, b"x").is_err(), "write {path:?}");
        }
        assert!(folder.write("nowhere", b"x").is_err());
        assert!(folder.remove("../secret").is_err());
        assert!(folder.remove("away/x").is_err());
        let secret = fs::read(outer.path().join("secret")).unwrap();
        assert_eq!(secret, b"secret");
        assert!(!outer.path().join("nothing").exists());
        let out = fs::read_dir(outer.path().join("out")).unwrap();
        assert_eq!(out.count(), 0);
    }

    #[test]
    fn removing_a_link_keeps_its_target() {
        let (outer, folder) = folder();
        folder.remove("far").unwrap();
        assert!(outer.path().join("secret").exists());
        assert_eq!(folder.read("far").unwrap(), None);
    }

    #[test]
    fn a_large_file_is_cut_and_a_pipe_does_not_block() {
        let (outer, folder) = folder();
        folder.write("big", &vec![b'x'; MAX_ANSWER + 1]).unwrap();
        assert_eq!(folder.read("big").unwrap().unwrap().len(), MAX_ANSWER);
        assert!(folder.is_cut("big").unwrap());
        let pipe = outer.path().join("in/pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(folder.read("pipe").is_err());
        assert!(folder.write("pipe", b"x").is_err());
    }
}
