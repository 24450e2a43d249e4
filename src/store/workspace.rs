//! The learner's own folder: copied from the lab, put back by `reset`, kept by `down`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::lab::{Instance, LabId};

/// Marks a folder as a workspace of ours: nothing else is ever overwritten or removed.
const MARK: &str = ".roadlab-workspace";

/// So many files are looked at for a stamp; a workspace has a handful.
const MOST_STAMPED: usize = 10_000;

/// A workspace on disk.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    pub(crate) path: PathBuf,
    original: PathBuf,
}

impl Workspace {
    /// The workspace of an instance below `folder`, whether it is there or not.
    pub(crate) fn below(folder: &Path, lab: &LabId, instance: &Instance, original: &Path) -> Self {
        let name = match instance.is_main() {
            true => format!("roadlab-{lab}"),
            false => format!("roadlab-{lab}-{instance}"),
        };
        Self::at(folder.join(name), original)
    }

    pub(crate) fn at(path: PathBuf, original: &Path) -> Self {
        Self {
            path,
            original: original.to_owned(),
        }
    }

    /// Makes the folder if it is missing; what the learner has already stays.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
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
    pub(crate) fn put_back(&self) -> anyhow::Result<()> {
        if self.path.exists() {
            self.check()?;
            // The folder itself stays: it is mounted.
            for entry in std::fs::read_dir(&self.path)
                .with_context(|| format!("cannot read {}", self.path.display()))?
            {
                let path = entry?.path();
                if path.file_name().is_some_and(|name| name == MARK) {
                    continue;
                }
                let removed = match path.is_dir() && !path.is_symlink() {
                    true => std::fs::remove_dir_all(&path),
                    false => std::fs::remove_file(&path),
                };
                removed.with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        self.fill()
    }

    /// Something that is another text after any file below a folder was saved: its newest change, and how many files.
    pub(crate) fn stamp(folder: &Path) -> String {
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
    pub(crate) fn remove(&self) -> anyhow::Result<()> {
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
        let fill = || -> std::io::Result<()> {
            copy(&self.original, &self.path)?;
            std::fs::write(
                self.path.join(MARK),
                "This folder belongs to a roadlab lab; `roadlab reset` puts it back.\n",
            )
        };
        fill().with_context(|| format!("cannot make the workspace {}", self.path.display()))
    }
}

/// Copies regular files and folders; services run as their own users and must be able to read them.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o777))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o666))?;
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
        workspace.put_back().unwrap();
        assert_eq!(
            std::fs::read_to_string(workspace.path.join("dags/a.py")).unwrap(),
            "a"
        );
        assert!(!workspace.path.join("new.py").exists());
        workspace.remove().unwrap();
        assert!(!workspace.path.exists());
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
                && workspace.put_back().is_err()
                && workspace.remove().is_err()
        );
        assert!(theirs.join("precious").exists());
    }
}
