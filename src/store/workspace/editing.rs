//! The files of a workspace as an editor lists, shows and saves them.

use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::hex;
use crate::store::workspace::error::Result;
use crate::store::workspace::folder::{FILE_MODE, Kind, WorkspaceFolder};
use crate::store::workspace::{GENERATED, Workspace};

/// The largest text that can be edited, in bytes.
pub const MAX_EDITED: u64 = 256 << 10;

/// The most files in a list.
const MAX_LISTED: usize = 1000;

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
    /// There is a folder, a link or the like.
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
                let Ok(entry) = entry else { continue };
                let name = entry.file_name();
                let hidden = name.to_string_lossy().starts_with('.') || name == GENERATED;
                let path = below.join(&name);
                match folder.kind(&path)? {
                    Some(Kind::Folder) if !hidden => left.push(path),
                    Some(Kind::File) if !hidden => found.extend(self.listed(&folder, &path)?),
                    Some(_) | None => {}
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn listed(&self, folder: &WorkspaceFolder<'_>, path: &Path) -> Result<Option<ListedFile>> {
        let Some(shown) = path.to_str() else {
            return Ok(None);
        };
        let original = self.original.join(path);
        let state = match std::fs::metadata(&original) {
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
        if !matches!(folder.kind(path)?, None | Some(Kind::File)) {
            return Ok(Saved::NoFile);
        }
        let there = version(folder.read(path)?.as_deref());
        if there != made_from {
            return Ok(Saved::ChangedMeanwhile(there));
        }
        folder.create_parents(path)?;
        let mode = match there.is_empty() {
            true => FILE_MODE,
            false => folder.mode(path),
        };
        folder.write(path, text.as_bytes(), mode)?;
        Ok(Saved::Written(version(Some(text.as_bytes()))))
    }
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

    /// A workspace with a file of the lab, beside a file outside of both.
    fn workspace(folder: &Path) -> Workspace {
        let (path, original) = (folder.join("workspace"), folder.join("lab"));
        for below in [&path, &original] {
            std::fs::create_dir_all(below.join("dags")).unwrap();
            std::fs::write(below.join("dags/night.py"), "x = 1\n").unwrap();
        }
        std::fs::write(folder.join("secret"), "s").unwrap();
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
