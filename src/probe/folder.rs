//! Files below one folder of this machine. Nothing outside it is read or changed, whatever links say.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::probe::{MOST, Unseen};

/// A folder that paths must not leave.
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn open(root: &Path) -> Result<Self, Unseen> {
        let root = root.canonicalize().map_err(|error| cannot(root, &error))?;
        Ok(Self { root })
    }

    /// A regular file's bytes, `None` if there is no file. One of more than 1 MiB is cut.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Unseen> {
        let Some(file) = self.resolve(path)? else {
            return Ok(None);
        };
        let read = || {
            let mut bytes = Vec::new();
            let limit = u64::try_from(MOST).unwrap_or(u64::MAX);
            fs::File::open(&file)?.take(limit).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map(Some).map_err(|error| cannot(&file, &error))
    }

    /// Whether a file is larger than `read` returns.
    pub(super) fn is_cut(&self, path: &str) -> Result<bool, Unseen> {
        let length = |file: PathBuf| fs::metadata(file).map_or(0, |file| file.len());
        let length = self.resolve(path)?.map_or(0, length);
        Ok(usize::try_from(length).unwrap_or(usize::MAX) > MOST)
    }

    /// Writes a file, with the folders above it.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> Result<(), Unseen> {
        let place = self.place(path)?;
        if let Some(above) = place.parent() {
            fs::create_dir_all(above).map_err(|error| cannot(above, &error))?;
        }
        // A link to nowhere would be followed and its target made.
        let file = match (self.resolve(path)?, fs::symlink_metadata(&place)) {
            (Some(file), _) => file,
            (None, Ok(_)) => return Err(leaves(path)),
            (None, Err(_)) => place,
        };
        fs::write(&file, content).map_err(|error| cannot(&file, &error))
    }

    /// Removes a file; none there is fine. A link is removed, not what it points to.
    pub(super) fn remove(&self, path: &str) -> Result<(), Unseen> {
        let place = self.place(path)?;
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot(&place, &error)),
            _ => Ok(()),
        }
    }

    /// The real path of a regular file, `None` if there is nothing.
    fn resolve(&self, path: &str) -> Result<Option<PathBuf>, Unseen> {
        let place = self.place(path)?;
        let real = match place.canonicalize() {
            Ok(real) => real,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(cannot(&place, &error)),
        };
        if !real.starts_with(&self.root) {
            return Err(leaves(path));
        }
        match real.is_file() {
            true => Ok(Some(real)),
            false => Err(Unseen::CannotLook(format!("`{path}` is not a file"))),
        }
    }

    /// Where a path leads, once the nearest existing folder above it proved to be inside.
    fn place(&self, path: &str) -> Result<PathBuf, Unseen> {
        let parts = Path::new(path).components();
        let plain = parts
            .clone()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let named = parts
            .clone()
            .any(|part| matches!(part, Component::Normal(_)));
        if !plain || !named {
            return Err(leaves(path));
        }
        let place = self.root.join(path);
        let exists = |above: &&Path| fs::symlink_metadata(above).is_ok();
        let above = place.ancestors().skip(1).find(exists);
        let real = above.unwrap_or(&self.root).canonicalize();
        match real.is_ok_and(|real| real.starts_with(&self.root)) {
            true => Ok(place),
            false => Err(leaves(path)),
        }
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn leaves(path: &str) -> Unseen {
    let path = path.escape_debug();
    Unseen::CannotLook(format!("`{path}` does not stay in its folder"))
}

fn cannot(path: &Path, error: &io::Error) -> Unseen {
    Unseen::CannotLook(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn nothing_outside_is_touched() {
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
    fn a_link_is_removed_and_not_its_target() {
        let (outer, folder) = folder();
        folder.remove("far").unwrap();
        assert!(outer.path().join("secret").exists());
        assert_eq!(folder.read("far").unwrap(), None);
    }

    #[test]
    fn a_large_file_is_cut_and_a_pipe_is_not_waited_for() {
        let (outer, folder) = folder();
        folder.write("big", &vec![b'x'; MOST + 1]).unwrap();
        assert_eq!(folder.read("big").unwrap().unwrap().len(), MOST);
        assert!(folder.is_cut("big").unwrap());
        let pipe = outer.path().join("in/pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(folder.read("pipe").is_err());
        assert!(folder.write("pipe", b"x").is_err());
    }
}
