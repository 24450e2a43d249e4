//! The learner's own folder: copied from the lab, put back by `reset`, kept by `down`.
//!
//! Containers write into it too, as root and at any moment: whatever is done below it goes through its handle, so that a link
//! which a service puts there just now leads nowhere else.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use rustix::fs::OFlags;

use crate::lab::{Instance, LabId};

/// Marks a folder as a workspace of ours: nothing else is ever overwritten or removed.
const MARK: &str = ".roadlab-workspace";

/// So many files are looked at for a stamp; a workspace has a handful.
const MOST_STAMPED: usize = 10_000;

/// A workspace on disk.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub path: PathBuf,
    original: PathBuf,
}

impl Workspace {
    /// The workspace of an instance below `folder`, whether it is there or not.
    pub fn below(folder: &Path, lab: &LabId, instance: &Instance, original: &Path) -> Self {
        let name = match instance.is_main() {
            true => format!("roadlab-{lab}"),
            false => format!("roadlab-{lab}-{instance}"),
        };
        Self::at(folder.join(name), original)
    }

    pub fn at(path: PathBuf, original: &Path) -> Self {
        Self {
            path,
            original: original.to_owned(),
        }
    }

    /// Makes the folder if it is missing; what the learner has already stays.
    pub fn make(&self) -> anyhow::Result<()> {
        if self.path.join(MARK).exists() {
            return Ok(());
        }
        if self.path.exists() {
            bail!(
                "{} is in the way: it is not a workspace of roadlab; move it, or work in another folder",
                self.path.display()
            );
        }
        self.fill()
    }

    /// Puts every file back as the lab ships it and removes what was added.
    pub fn restore(&self) -> anyhow::Result<()> {
        if self.path.exists() {
            self.check()?;
            let empty = || -> io::Result<()> {
                let folder = self.open()?;
                // The folder itself stays: it is mounted.
                for entry in folder.entries()? {
                    let entry = entry?;
                    let name = entry.file_name();
                    match entry.file_type()?.is_dir() {
                        _ if name == MARK => Ok(()),
                        true => folder.remove_dir_all(&name),
                        false => folder.remove_file(&name),
                    }?;
                }
                Ok(())
            };
            empty().with_context(|| format!("cannot empty {}", self.path.display()))?;
        }
        self.fill()
    }

    /// Something that is another text after any file below a folder was saved: its newest change, and how many files.
    pub fn stamp(folder: &Path) -> String {
        let mut left = vec![folder.to_owned()];
        let (mut newest, mut count) = (std::time::UNIX_EPOCH, 0);
        while let Some(folder) = left.pop().filter(|_| count < MOST_STAMPED) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(about) = entry.metadata() else {
                    continue;
                };
                if about.is_dir() {
                    left.push(entry.path());
                } else {
                    newest = newest.max(about.modified().unwrap_or(newest));
                    count += 1;
                }
            }
        }
        let newest = newest
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        format!("{}.{:09} {count}", newest.as_secs(), newest.subsec_nanos())
    }

    /// Removes the folder.
    pub fn remove(&self) -> anyhow::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        self.check()?;
        std::fs::remove_dir_all(&self.path)
            .with_context(|| format!("cannot remove {}", self.path.display()))
    }

    fn check(&self) -> anyhow::Result<()> {
        if !self.path.join(MARK).exists() {
            bail!(
                "{} is not a workspace of roadlab: it is left alone",
                self.path.display()
            );
        }
        Ok(())
    }

    fn fill(&self) -> anyhow::Result<()> {
        let fill = || -> io::Result<()> {
            std::fs::create_dir_all(&self.path)?;
            let folder = self.open()?;
            folder.set_permissions(".", Permissions::from_mode(0o777))?;
            copy(
                &Dir::open_ambient_dir(&self.original, ambient_authority())?,
                &folder,
            )?;
            folder.write(
                MARK,
                "This folder belongs to a roadlab lab; `roadlab reset` puts it back.\n",
            )
        };
        fill().with_context(|| format!("cannot make the workspace {}", self.path.display()))
    }

    fn open(&self) -> io::Result<Dir> {
        Dir::open_ambient_dir(&self.path, ambient_authority())
    }
}

/// Copies regular files and folders; services run as their own users and must be able to read them.
fn copy(from: &Dir, to: &Dir) -> io::Result<()> {
    for entry in from.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            // A service may have made it again by now.
            match to.create_dir(&name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => to.set_permissions(&name, Permissions::from_mode(0o777))?,
            }
            copy(&entry.open_dir()?, &to.open_dir(&name)?)?;
        } else if kind.is_file() {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            // A pipe that a service put there would be waited for.
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
    fn a_workspace_is_made_kept_put_back_and_removed() {
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

    /// What a service could do between the moment when its files are removed and that when the lab's are copied.
    #[test]
    fn a_link_that_a_service_puts_in_the_way_leads_nowhere_else() {
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
    fn a_pipe_in_the_way_is_not_waited_for() {
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
    fn a_folder_that_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = folder.path().join("roadlab-airflow");
        std::fs::create_dir(&theirs).unwrap();
        std::fs::write(theirs.join("precious"), "x").unwrap();
        let workspace = Workspace::at(theirs.clone(), folder.path());
        assert!(
            workspace.make().is_err()
                && workspace.restore().is_err()
                && workspace.remove().is_err()
        );
        assert!(theirs.join("precious").exists());
    }
}
