//! The files of a workspace as an editor lists, shows, saves and deletes them.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::hex;
use crate::store::dated_name::is_dated;
use crate::store::workspace::error::{Result, WorkspaceError};
use crate::store::workspace::folder::{FILE_MODE, KeptFile, Kind, WorkspaceFolder};
use crate::store::workspace::marker::{UNFINISHED, read_marker};
use crate::store::workspace::written::WrittenFiles;
use crate::store::workspace::{GENERATED, Workspace};

/// The largest text that can be edited, in bytes.
pub const MAX_EDITED: u64 = 256 << 10;

/// The most files in a list.
pub const MAX_LISTED: usize = 1000;

/// A file in the list of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedFile {
    /// Relative to the workspace.
    pub path: String,
    pub state: FileState,
}

/// How a file compares with what the lab brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileState {
    Unchanged,
    Changed,
    /// The lab does not bring it.
    Own,
    /// A copy that was kept under a name with the date.
    Copy,
    /// The lab brings it, and it is not there any more.
    Deleted,
}

/// A file as an editor shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedFile {
    /// `None` for what is no text, or too large.
    pub text: Option<String>,
    /// What identifies the content; empty if there is no file.
    pub version: String,
    /// The lab's text, if the lab brings this file.
    pub original: Option<String>,
}

/// What became of a text that was to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// The file has it, and this version.
    Written(String),
    /// The file has another version, this one, than the text was made from; it stays as it is.
    ChangedMeanwhile(String),
    /// There is a folder, a link or the like, or something that is too large for an editor.
    NoFile,
}

/// The result of deleting a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// Nothing of the learner was in it: it was the lab's version, or a copy that was kept.
    Removed,
    /// It is beside its place now, under a name with the date.
    SetAside(KeptFile),
    /// The file has another version than the one that was shown; it stays as it is.
    ChangedMeanwhile,
    /// A service mounts this very file, and would not start without it.
    Mounted,
    /// There is none, or a folder, a link or the like.
    NoFile,
}

impl Workspace {
    /// Lists the files by path. Hidden and generated files, links, and folders without files are left out.
    pub fn list(&self) -> Result<Vec<ListedFile>> {
        let mut found = Vec::new();
        if !self.path.exists() {
            return Ok(found);
        }
        let folder = self.open()?;
        let mut left = vec![PathBuf::new()];
        while let Some(below) = left.pop().filter(|_| found.len() < MAX_LISTED) {
            for entry in folder.entries(&below)? {
                if found.len() >= MAX_LISTED {
                    break;
                }
                let Ok(entry) = entry else { continue };
                let name = entry.file_name();
                let hidden = is_hidden(&name);
                let path = below.join(&name);
                match folder.kind(&path)? {
                    Some(Kind::Folder) if !hidden => left.push(path),
                    Some(Kind::File) if !hidden => found.extend(self.listed(&folder, &path)?),
                    Some(_) | None => {}
                }
            }
        }
        // Before the folder is complete, nothing of it was deleted.
        let complete = read_marker(&self.path)
            .is_ok_and(|marker| marker.is_some_and(|marker| marker != UNFINISHED));
        for path in self.originals().into_iter().filter(|_| complete) {
            if let (Ok(None), Some(shown)) = (folder.kind(&path), path.to_str()) {
                found.push(ListedFile {
                    path: shown.to_owned(),
                    state: FileState::Deleted,
                });
            }
        }
        found.sort();
        Ok(found)
    }

    /// Returns the files that the lab brings, without hidden ones.
    fn originals(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut left = vec![PathBuf::new()];
        while let Some(below) = left.pop().filter(|_| found.len() < MAX_LISTED) {
            let entries = std::fs::read_dir(self.original.join(&below));
            for entry in entries.into_iter().flatten().flatten() {
                let path = below.join(entry.file_name());
                match entry.file_type() {
                    _ if is_hidden(&entry.file_name()) => {}
                    Ok(kind) if kind.is_dir() => left.push(path),
                    Ok(kind) if kind.is_file() => drop(found.insert(path)),
                    Ok(_) | Err(_) => {}
                }
            }
        }
        found
    }

    fn listed(&self, folder: &WorkspaceFolder<'_>, path: &Path) -> Result<Option<ListedFile>> {
        let Some(shown) = path.to_str() else {
            return Ok(None);
        };
        let original = self.original.join(path);
        let state = match std::fs::metadata(&original) {
            Err(_) if is_dated(path) => FileState::Copy,
            Err(_) => FileState::Own,
            Ok(about) if folder.size(path) != Some(about.len()) => FileState::Changed,
            Ok(_) if folder.read(path)? == std::fs::read(&original).ok() => FileState::Unchanged,
            Ok(_) => FileState::Changed,
        };
        Ok(Some(ListedFile {
            path: shown.to_owned(),
            state,
        }))
    }

    /// Returns a file as an editor shows it. One that does not exist is empty; what is no file has no text.
    pub fn edited(&self, path: &Path) -> Result<EditedFile> {
        let original = std::fs::read_to_string(self.original.join(path)).ok();
        let empty = |text: Option<&str>| EditedFile {
            text: text.map(str::to_owned),
            version: String::new(),
            original: original.clone(),
        };
        if !self.path.exists() {
            return Ok(empty(Some("")));
        }
        let folder = self.open()?;
        match folder.kind(path)? {
            None => return Ok(empty(Some(""))),
            Some(Kind::File) => {}
            Some(_) => return Ok(empty(None)),
        }
        if folder.size(path).is_none_or(|size| size > MAX_EDITED) {
            return Ok(empty(None));
        }
        let content = folder.read(path)?.unwrap_or_default();
        Ok(EditedFile {
            version: version(Some(&content)),
            text: String::from_utf8(content).ok(),
            original,
        })
    }

    /// Saves a text that was made from a version of a file, unless the file has another one by now.
    pub fn save(&self, path: &Path, text: &str, made_from: &str) -> Result<Saved> {
        let folder = self.open()?;
        let too_large = folder.size(path).is_some_and(|size| size > MAX_EDITED);
        if too_large || !matches!(folder.kind(path)?, None | Some(Kind::File)) {
            return Ok(Saved::NoFile);
        }
        let there = version(folder.read(path)?.as_deref());
        if there != made_from {
            return Ok(Saved::ChangedMeanwhile(there));
        }
        folder.create_parents(path)?;
        let mode = match there.is_empty() {
            true => FILE_MODE,
            // Also of what only the learner may read.
            false => folder.mode(path) & 0o777,
        };
        folder.write_with(path, text.as_bytes(), mode)?;
        Ok(Saved::Written(version(Some(text.as_bytes()))))
    }

    /// Deletes a file that was shown in a version. What is the learner's stays under a name with the date, as after a reset.
    pub fn delete(&self, path: &Path, shown: &str) -> Result<Deleted> {
        if !self.path.exists() {
            return Ok(Deleted::NoFile);
        }
        let folder = self.open()?;
        if folder.size(path).is_some_and(|size| size > MAX_EDITED) {
            return Ok(Deleted::NoFile);
        }
        let Some(content) = folder.read(path)? else {
            return Ok(Deleted::NoFile);
        };
        if version(Some(&content)) != shown {
            return Ok(Deleted::ChangedMeanwhile);
        }
        if self.mounts.contains_key(path) {
            return Ok(Deleted::Mounted);
        }
        let is_copy = is_dated(path) && !self.original.join(path).exists();
        let written = WrittenFiles::read(&folder);
        if is_copy || self.is_of_the_lab(&folder, path, &content, &written) {
            folder.remove_file(path)?;
            return Ok(Deleted::Removed);
        }
        folder.move_aside(path).map(Deleted::SetAside)
    }

    /// Puts a file of the lab where none is any more. Returns whether it did.
    pub fn restore_deleted(&self, path: &Path) -> Result<bool> {
        let failed = |error| WorkspaceError::failed(self.original.join(path), error);
        if !self.path.exists() || !self.originals().contains(path) {
            return Ok(false);
        }
        let folder = self.open()?;
        if folder.kind(path)?.is_some() {
            return Ok(false);
        }
        let original = self.original.join(path);
        let content = std::fs::read(&original).map_err(failed)?;
        let mode = std::fs::metadata(&original).map_err(failed)?.mode();
        folder.create_parents(path)?;
        folder.write(path, &content, mode)?;
        Ok(true)
    }
}

/// Returns whether a file or folder is left out of the list by its name.
fn is_hidden(name: &std::ffi::OsStr) -> bool {
    name == GENERATED || name.to_string_lossy().starts_with('.')
}

/// Returns a path in a workspace that an editor may name; `None` for one that leads outside or is hidden.
pub fn editable_path(written: &str) -> Option<PathBuf> {
    let path = Path::new(written);
    let plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
        _ => false,
    };
    let valid = !written.is_empty()
        && written.len() <= 1024
        && !written.ends_with('/')
        && !written.chars().any(char::is_control)
        && path.components().all(plain);
    valid.then(|| path.to_owned())
}

/// Returns what identifies the content of a file.
fn version(content: Option<&[u8]>) -> String {
    content.map_or(String::new(), |content| {
        hex::encode(&Sha256::digest(content))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::store::workspace::Whose;
    use crate::store::workspace::marker::{FINISHED, MARKER};

    /// A workspace with a file of the lab, beside a file outside of both.
    fn workspace(folder: &Path) -> Workspace {
        let (path, original) = (folder.join("workspace"), folder.join("lab"));
        for below in [&path, &original] {
            std::fs::create_dir_all(below.join("dags")).unwrap();
            std::fs::write(below.join("dags/night.py"), "x = 1\n").unwrap();
        }
        std::fs::write(folder.join("secret"), "s").unwrap();
        std::fs::write(path.join(MARKER), FINISHED).unwrap();
        Workspace {
            path,
            original,
            solutions: BTreeSet::new(),
            mounts: BTreeMap::new(),
            whose: Whose::Learners,
        }
    }

    #[test]
    fn a_file_is_saved_unless_it_was_changed_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        let dag = Path::new("dags/night.py");
        let read = workspace.edited(dag).unwrap();
        assert_eq!(read.text.as_deref(), Some("x = 1\n"));
        assert_eq!(read.original.as_deref(), Some("x = 1\n"));
        let saved = workspace.save(dag, "x = 2\n", &read.version).unwrap();
        let now = workspace.edited(dag).unwrap();
        assert_eq!(now.text.as_deref(), Some("x = 2\n"));
        assert_eq!(saved, Saved::Written(now.version.clone()));
        let refused = workspace.save(dag, "x = 3\n", &read.version).unwrap();
        assert_eq!(refused, Saved::ChangedMeanwhile(now.version));
        assert_eq!(workspace.edited(dag).unwrap().text.unwrap(), "x = 2\n");
        let own = Path::new("plugins/own.py");
        assert_eq!(workspace.edited(own).unwrap().version, "");
        assert!(matches!(
            workspace.save(own, "", "").unwrap(),
            Saved::Written(_)
        ));
        let listed = workspace.list().unwrap();
        let states: Vec<_> = listed
            .iter()
            .map(|file| (&*file.path, file.state))
            .collect();
        let expected = [
            ("dags/night.py", FileState::Changed),
            ("plugins/own.py", FileState::Own),
        ];
        assert_eq!(states, expected);
    }

    #[test]
    fn a_file_is_deleted_and_what_is_the_learners_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut workspace = workspace(folder.path());
        let dag = Path::new("dags/night.py");
        let states = |workspace: &Workspace| -> Vec<FileState> {
            let listed = workspace.list().unwrap();
            listed.into_iter().map(|file| file.state).collect()
        };
        let shown = |path: &Path| workspace.edited(path).unwrap().version;
        let delete = |path: &Path| workspace.delete(path, &shown(path)).unwrap();
        // Nothing of the learner is lost with the lab's version, and it can be brought back.
        assert_eq!(delete(dag), Deleted::Removed);
        assert_eq!(states(&workspace), [FileState::Deleted]);
        assert!(workspace.restore_deleted(dag).unwrap());
        assert!(!workspace.restore_deleted(dag).unwrap());
        assert_eq!(states(&workspace), [FileState::Unchanged]);
        // What was changed is kept, and the copy itself is deleted for good.
        let version = shown(dag);
        let before = workspace.save(dag, "mine\n", &version).unwrap();
        assert!(matches!(before, Saved::Written(_)));
        assert_eq!(
            workspace.delete(dag, &version).unwrap(),
            Deleted::ChangedMeanwhile
        );
        let Deleted::SetAside(kept) = delete(dag) else {
            panic!("it is kept");
        };
        assert_eq!(std::fs::read_to_string(&kept.kept).unwrap(), "mine\n");
        assert_eq!(states(&workspace), [FileState::Deleted, FileState::Copy]);
        let copy = kept.kept.strip_prefix(&workspace.path).unwrap();
        assert_eq!(delete(copy), Deleted::Removed);
        assert_eq!(states(&workspace), [FileState::Deleted]);
        assert_eq!(delete(dag), Deleted::NoFile);
        // Only what the lab brings comes back.
        for other in ["dags", "secret", "../secret", "dags/other.py"] {
            assert!(
                !workspace.restore_deleted(Path::new(other)).unwrap(),
                "{other}"
            );
        }
        assert!(workspace.restore_deleted(dag).unwrap());
        workspace.mounts = BTreeMap::from([(dag.to_owned(), BTreeSet::new())]);
        let version = workspace.edited(dag).unwrap().version;
        assert_eq!(workspace.delete(dag, &version).unwrap(), Deleted::Mounted);
    }

    #[test]
    fn a_link_is_neither_read_nor_written() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        let secret = folder.path().join("secret");
        std::os::unix::fs::symlink(&secret, workspace.path.join("link")).unwrap();
        std::os::unix::fs::symlink(folder.path(), workspace.path.join("out")).unwrap();
        assert_eq!(workspace.edited(Path::new("link")).unwrap().text, None);
        assert_eq!(
            workspace.save(Path::new("link"), "x", "").unwrap(),
            Saved::NoFile
        );
        assert!(workspace.edited(Path::new("out/secret")).is_err());
        assert!(workspace.save(Path::new("out/secret"), "x", "").is_err());
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "s");
        assert_eq!(workspace.list().unwrap().len(), 1);
    }

    #[test]
    fn the_permissions_of_a_file_stay_when_it_is_saved() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        let dag = Path::new("dags/night.py");
        let place = workspace.path.join(dag);
        for mode in [0o600, 0o640, 0o755] {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(&place, permissions).unwrap();
            let version = workspace.edited(dag).unwrap().version;
            let text = format!("x = {mode}\n");
            assert!(matches!(
                workspace.save(dag, &text, &version).unwrap(),
                Saved::Written(_)
            ));
            let now = std::fs::metadata(&place).unwrap().mode() & 0o777;
            assert_eq!(now, mode, "{now:o}");
        }
    }

    #[test]
    fn a_large_folder_is_listed_in_part_and_a_large_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        for number in 0..MAX_LISTED + 10 {
            std::fs::write(workspace.path.join(format!("{number}.txt")), "").unwrap();
        }
        assert_eq!(workspace.list().unwrap().len(), MAX_LISTED);
        let large = Path::new("1.txt");
        let file = std::fs::File::create(workspace.path.join(large)).unwrap();
        file.set_len(MAX_EDITED + 1).unwrap();
        assert_eq!(workspace.save(large, "x", "").unwrap(), Saved::NoFile);
        assert_eq!(workspace.delete(large, "").unwrap(), Deleted::NoFile);
    }

    #[test]
    fn what_is_no_text_or_too_large_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        std::fs::write(workspace.path.join("picture"), [0xff, 0xfe]).unwrap();
        let large = std::fs::File::create(workspace.path.join("large")).unwrap();
        large.set_len(MAX_EDITED + 1).unwrap();
        for name in ["picture", "large", "dags"] {
            assert_eq!(
                workspace.edited(Path::new(name)).unwrap().text,
                None,
                "{name}"
            );
        }
    }

    #[test]
    fn paths_stay_in_the_workspace() {
        for valid in ["a", "dags/a b.py", "밤.py"] {
            assert_eq!(editable_path(valid), Some(PathBuf::from(valid)));
        }
        for wrong in [
            "",
            "/etc/passwd",
            "../a",
            "a/../../b",
            "./a",
            "a/",
            ".roadlab",
            "a/.git/x",
            "a\nb",
            "a\0",
        ] {
            assert_eq!(editable_path(wrong), None, "{wrong:?}");
        }
    }
}
