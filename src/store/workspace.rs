//! The workspace: the learner's own copy of some of the lab's files. `reset` restores it and `down` keeps it.
//!
//! Containers write into it too, as root and at any moment. Everything below it is therefore opened relative to its handle, so
//! that a link that a service creates meanwhile leads nowhere else.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use rustix::fs::OFlags;

use crate::lab::{Instance, LabId};
use crate::localized;

/// The file that marks a folder as a workspace. A folder without it is never overwritten or removed.
const MARKER: &str = ".roadlab-workspace";
const FINISHED: &str =
    "This folder belongs to a roadlab lab; `roadlab reset` restores its files.\n";
const UNFINISHED: &str = "unfinished\n";

/// The most files that a stamp covers; a workspace has a handful.
const MAX_STAMPED: usize = 10_000;

/// A workspace on disk.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub path: PathBuf,
    original: PathBuf,
}

impl Workspace {
    /// Returns the workspace of an instance below `folder`, whether it exists or not.
    pub fn below(folder: &Path, lab: &LabId, instance: &Instance, original: &Path) -> Self {
        let name = match instance.is_main() {
            true => format!("roadlab-{lab}"),
            false => format!("roadlab-{lab}-{instance}"),
        };
        Self::at(folder.join(name), original)
    }

    /// Returns the workspace at `path`, whose files are copied from `original`.
    pub fn at(path: PathBuf, original: &Path) -> Self {
        Self {
            path,
            original: original.to_owned(),
        }
    }

    /// Creates the workspace if it is missing. One that exists stays as it is.
    pub fn make(&self) -> anyhow::Result<()> {
        let marker = std::fs::read_to_string(self.path.join(MARKER)).ok();
        let is_empty = || std::fs::read_dir(&self.path).is_ok_and(|mut all| all.next().is_none());
        match marker.as_deref() {
            // A process ended while it created this one.
            Some(UNFINISHED) => self.fill(),
            Some(_) => Ok(()),
            None if self.path.exists() && !is_empty() => bail!(localized!(
                "{folder} is not a workspace of roadlab; move it, or work in another folder",
                folder = self.path.display()
            )),
            None => self.fill(),
        }
    }

    /// Restores every file to the lab's version and removes what was added.
    pub fn restore(&self) -> anyhow::Result<()> {
        if self.path.exists() {
            self.check()?;
            self.empty()?;
        }
        self.fill()
    }

    /// Returns a text that changes whenever a file below a folder is saved: the newest change, and the number of files.
    pub fn stamp(folder: &Path) -> String {
        let mut left = vec![folder.to_owned()];
        let (mut newest, mut count) = (std::time::UNIX_EPOCH, 0);
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
        let newest = newest
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        format!("{}.{:09} {count}", newest.as_secs(), newest.subsec_nanos())
    }

    /// Removes the workspace.
    pub fn remove(&self) -> anyhow::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        self.check()?;
        // The marker goes last: a removal that fails can be repeated.
        self.empty()?;
        std::fs::remove_dir_all(&self.path)
            .with_context(|| localized!("cannot remove {folder}", folder = self.path.display()))
    }

    fn check(&self) -> anyhow::Result<()> {
        if !self.path.join(MARKER).exists() {
            bail!(localized!(
                "{folder} is not a workspace of roadlab; it is left alone",
                folder = self.path.display()
            ));
        }
        Ok(())
    }

    /// Removes everything but the folder itself, which is mounted, and its marker.
    fn empty(&self) -> anyhow::Result<()> {
        let empty = || -> io::Result<()> {
            let folder = Dir::open_ambient_dir(&self.path, ambient_authority())?;
            for entry in folder.entries()? {
                let entry = entry?;
                let name = entry.file_name();
                match entry.file_type()?.is_dir() {
                    _ if name == MARKER => Ok(()),
                    true => folder.remove_dir_all(&name),
                    false => folder.remove_file(&name),
                }?;
            }
            Ok(())
        };
        empty().with_context(|| localized!("cannot empty {folder}", folder = self.path.display()))
    }

    /// Creates the folder if it is missing, copies the lab's files into it and marks it.
    fn fill(&self) -> anyhow::Result<()> {
        let fill = || -> io::Result<()> {
            std::fs::create_dir_all(&self.path)?;
            let folder = Dir::open_ambient_dir(&self.path, ambient_authority())?;
            folder.write(MARKER, UNFINISHED)?;
            folder.set_permissions(".", Permissions::from_mode(0o777))?;
            let original = Dir::open_ambient_dir(&self.original, ambient_authority())?;
            copy(&original, &folder)?;
            folder.write(MARKER, FINISHED)
        };
        fill().with_context(|| {
            localized!(
                "cannot fill the workspace {folder}",
                folder = self.path.display()
            )
        })
    }
}

/// Copies regular files and folders. Services run as their own users and must be able to read and write them.
fn copy(from: &Dir, to: &Dir) -> io::Result<()> {
    for entry in from.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            // A service may have created it again by now.
            match to.create_dir(&name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => to.set_permissions(&name, Permissions::from_mode(0o777))?,
            }
            copy(&entry.open_dir()?, &to.open_dir(&name)?)?;
        } else if kind.is_file() {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            // Without this, opening a pipe that a service put there would wait for a reader.
            options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
            let mut file = to.open_with(&name, &options)?;
            io::copy(&mut entry.open()?, &mut file)?;
            file.set_permissions(Permissions::from_mode(0o666))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_created_kept_restored_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original");
        std::fs::create_dir_all(original.join("dags")).unwrap();
        std::fs::write(original.join("dags/a.py"), "a").unwrap();
        let (lab, instance) = (LabId::new("airflow").unwrap(), Instance::main());
        let workspace = Workspace::below(folder.path(), &lab, &instance, &original);
        workspace.make().unwrap();
        std::fs::write(workspace.path.join("dags/a.py"), "mine").unwrap();
        std::fs::write(workspace.path.join("new.py"), "new").unwrap();
        workspace.make().unwrap();
        assert_eq!(
            std::fs::read_to_string(workspace.path.join("dags/a.py")).unwrap(),
            "mine"
        );
        workspace.restore().unwrap();
        assert_eq!(
            std::fs::read_to_string(workspace.path.join("dags/a.py")).unwrap(),
            "a"
        );
        assert!(!workspace.path.join("new.py").exists());
        workspace.remove().unwrap();
        assert!(!workspace.path.exists());
    }

    /// A service can create a link after its files are removed and before the lab's files are copied.
    #[test]
    fn a_link_that_a_service_creates_is_not_followed_out_of_the_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original");
        std::fs::create_dir_all(original.join("dags")).unwrap();
        std::fs::write(original.join("dags/a.py"), "a").unwrap();
        std::fs::write(original.join("b.py"), "b").unwrap();
        let outside = folder.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("b.py"), "precious").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions();
        let before = (mode(&outside), mode(&outside.join("b.py")));
        for (name, target) in [
            ("dags", outside.clone()),
            ("dags", PathBuf::from("../outside")),
            ("b.py", outside.join("b.py")),
            ("b.py", PathBuf::from("../outside/new.py")),
        ] {
            let workspace = Workspace::at(folder.path().join("work"), &original);
            std::fs::create_dir(&workspace.path).unwrap();
            std::os::unix::fs::symlink(&target, workspace.path.join(name)).unwrap();
            assert!(workspace.fill().is_err(), "{name} to {}", target.display());
            std::fs::remove_dir_all(&workspace.path).unwrap();
        }
        let text = std::fs::read_to_string(outside.join("b.py")).unwrap();
        assert_eq!(text, "precious");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!((mode(&outside), mode(&outside.join("b.py"))), before);
    }

    #[test]
    fn restoring_does_not_wait_for_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original");
        std::fs::create_dir(&original).unwrap();
        std::fs::write(original.join("b.py"), "b").unwrap();
        let workspace = Workspace::at(folder.path().join("work"), &original);
        std::fs::create_dir(&workspace.path).unwrap();
        let pipe = workspace.path.join("b.py");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(workspace.fill().is_err());
    }

    #[test]
    fn a_creation_that_fails_leaves_nothing_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original");
        let workspace = Workspace::at(folder.path().join("work"), &original);
        assert!(workspace.make().is_err());
        std::fs::create_dir(&original).unwrap();
        workspace.make().unwrap();
    }

    #[test]
    fn a_folder_that_is_no_workspace_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("roadlab-airflow");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("precious"), "x").unwrap();
        let workspace = Workspace::at(other.clone(), folder.path());
        assert!(
            workspace.make().is_err()
                && workspace.restore().is_err()
                && workspace.remove().is_err()
        );
        assert!(other.join("precious").exists());
    }
}
