//! The files of a workspace as an editor lists, shows, saves and deletes them.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use cap_std::fs::ReadDir;
use sha2::{Digest, Sha256};

use crate::hex;
use crate::store::dated_name::is_dated;
use crate::store::workspace::error::Result;
use crate::store::workspace::folder::{FILE_MODE, KeptFile, Kind, WorkspaceFolder};
use crate::store::workspace::marker::{UNFINISHED, read_marker};
use crate::store::workspace::written::WrittenFiles;
use crate::store::workspace::{GENERATED, Workspace};

/// The largest text that can be edited, in bytes.
pub const MAX_EDITED: u64 = 256 << 10;

/// The number of files after which no further folder is listed.
pub const MAX_LISTED: usize = 1000;

/// The most files and folders of one folder in a list, so that a large one leaves room for the others.
const MAX_IN_FOLDER: usize = 200;

/// The most names of one folder that are read.
const MAX_NAMES: usize = 20_000;

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
    /// A folder or a file that this user may not read: a container made it as another user.
    Unreadable,
    /// A folder of which so many further files and folders are not listed.
    LeftOut(usize),
}

/// A file as an editor shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedFile {
    /// `None` for what is no text, or too large.
    pub text: Option<String>,
    /// What identifies the content; empty if there is no file.
    pub version: String,
    /// The lab's text, if the lab brings this file and it can be edited.
    pub original: Option<String>,
}

/// What became of a text that was to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// The file has it, and this version. What it had before may have been kept.
    Written {
        version: String,
        kept: Option<KeptFile>,
    },
    /// The file has another version than was expected; it stays as it is.
    ChangedMeanwhile,
    /// There is a folder, a link or the like, or something that is too large for an editor.
    NoFile,
}

/// What becomes of the content that a text takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Former {
    /// The text was made from it.
    Dropped,
    /// What is the learner's stays under a name with the date.
    Copied,
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
    /// Lists the files by path, the upper folders first if there are too many. Hidden and generated files, links, and folders
    /// without files are left out.
    pub fn list(&self) -> Result<Vec<ListedFile>> {
        let mut found = Vec::new();
        if !self.path.exists() {
            return Ok(found);
        }
        let folder = self.open()?;
        let original = self.open_original().ok();
        let listed = |path: &Path, state: FileState| {
            let path = path.to_str()?.to_owned();
            Some(ListedFile { path, state })
        };
        let mut left = VecDeque::from([PathBuf::new()]);
        while let Some(below) = left.pop_front().filter(|_| found.len() < MAX_LISTED) {
            let mut names = match folder.entries(&below) {
                Ok(entries) => shown_names(entries),
                Err(error) if below == Path::new("") => return Err(error),
                // Services remove folders too, and create some that only they may read.
                Err(_) => {
                    let state = FileState::Unreadable;
                    let there = folder.kind(&below).is_ok_and(|kind| kind.is_some());
                    found.extend(listed(&below, state).filter(|_| there));
                    continue;
                }
            };
            if names.len() > MAX_IN_FOLDER {
                let state = FileState::LeftOut(names.len() - MAX_IN_FOLDER);
                found.extend(listed(&below, state));
                names.truncate(MAX_IN_FOLDER);
            }
            for name in names {
                let path = below.join(name);
                match folder.kind(&path) {
                    Ok(Some(Kind::Folder)) => left.push_back(path),
                    Ok(Some(Kind::File)) => {
                        found.extend(listed(&path, state(&folder, original.as_ref(), &path)));
                    }
                    Ok(Some(Kind::Other) | None) | Err(_) => {}
                }
            }
        }
        // Before the folder is complete, nothing of it was deleted.
        let complete = read_marker(&self.path)
            .is_ok_and(|marker| marker.is_some_and(|marker| marker != UNFINISHED));
        for path in self.originals().into_iter().filter(|_| complete) {
            if let Ok(None) = folder.kind(&path) {
                found.extend(listed(&path, FileState::Deleted));
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

    /// Returns a file as an editor shows it. One that does not exist is empty; what is no file has no text.
    pub fn edited(&self, path: &Path) -> Result<EditedFile> {
        let original = self.original_text(path);
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

    /// Returns the text of a file that the lab brings; `None` for what is no text, or too large.
    fn original_text(&self, path: &Path) -> Option<String> {
        let folder = self.open_original().ok()?;
        let size = folder.size(path).filter(|size| *size <= MAX_EDITED);
        let content = size.and_then(|_| folder.read(path).ok().flatten());
        String::from_utf8(content?).ok()
    }

    /// Opens the folder of the lab, which is only read.
    fn open_original(&self) -> Result<WorkspaceFolder<'_>> {
        WorkspaceFolder::open(&self.original, &self.mounts)
    }

    /// Saves a text that was made from a version of a file, unless the file has another one by now.
    pub fn save(&self, path: &Path, text: &str, made_from: &str) -> Result<Saved> {
        self.write_over(path, text, made_from, Former::Dropped)
    }

    /// Saves a text in place of a version that was made elsewhere and then shown, and keeps what is the learner's of it, as a
    /// reset does.
    pub fn replace(&self, path: &Path, text: &str, shown: &str) -> Result<Saved> {
        self.write_over(path, text, shown, Former::Copied)
    }

    fn write_over(&self, path: &Path, text: &str, expected: &str, former: Former) -> Result<Saved> {
        let folder = self.open()?;
        let too_large = folder.size(path).is_some_and(|size| size > MAX_EDITED);
        if too_large || !matches!(folder.kind(path)?, None | Some(Kind::File)) {
            return Ok(Saved::NoFile);
        }
        let content = folder.read(path)?;
        let there = version(content.as_deref());
        let version = version(Some(text.as_bytes()));
        let mut kept = None;
        if there == version {
            return Ok(Saved::Written { version, kept });
        }
        if there != expected {
            return Ok(Saved::ChangedMeanwhile);
        }
        if let (Some(content), Former::Copied) = (content, former)
            && !self.is_of_the_lab(&folder, path, &content, &WrittenFiles::read(&folder))
        {
            kept = Some(folder.keep_copy(path, &content)?);
        }
        folder.create_parents(path)?;
        let mode = match there.is_empty() {
            true => FILE_MODE,
            // Also of what only the learner may read.
            false => folder.mode(path) & 0o777,
        };
        folder.write_with(path, text.as_bytes(), mode)?;
        Ok(Saved::Written { version, kept })
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
        if !self.path.exists() || !self.originals().contains(path) {
            return Ok(false);
        }
        let folder = self.open()?;
        if folder.kind(path)?.is_some() {
            return Ok(false);
        }
        let original = self.open_original()?;
        let Some(content) = original.read(path)? else {
            return Ok(false);
        };
        folder.create_parents(path)?;
        folder.write(path, &content, original.mode(path))?;
        Ok(true)
    }
}

/// Returns the names in a folder that a list shows, in their order.
fn shown_names(entries: ReadDir) -> Vec<OsString> {
    let entries = entries.take(MAX_NAMES).flatten();
    let names = entries.map(|entry| entry.file_name());
    let mut names: Vec<OsString> = names.filter(|name| !is_hidden(name)).collect();
    names.sort();
    names
}

/// Returns how a file compares with the same one of the lab's folder.
fn state(
    folder: &WorkspaceFolder<'_>,
    original: Option<&WorkspaceFolder<'_>>,
    path: &Path,
) -> FileState {
    let is_file =
        |original: &&WorkspaceFolder<'_>| matches!(original.kind(path), Ok(Some(Kind::File)));
    let Some(original) = original.filter(is_file) else {
        return match is_dated(path) {
            true => FileState::Copy,
            false => FileState::Own,
        };
    };
    let size = folder.size(path);
    if size != original.size(path) {
        return FileState::Changed;
    }
    // What no editor shows is not read whenever the list is.
    if size.is_some_and(|size| size > MAX_EDITED) {
        return FileState::Unchanged;
    }
    match (folder.read(path), original.read(path)) {
        (Err(_), _) => FileState::Unreadable,
        (Ok(there), Ok(original)) if there == original => FileState::Unchanged,
        (Ok(_), _) => FileState::Changed,
    }
}

/// Returns whether a file or folder is left out of the list by its name.
fn is_hidden(name: &OsStr) -> bool {
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
    use std::os::unix::fs::MetadataExt;

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
        let save = |text: &str| workspace.save(dag, text, &read.version).unwrap();
        let saved = save("x = 2\n");
        let now = workspace.edited(dag).unwrap();
        assert_eq!(now.text.as_deref(), Some("x = 2\n"));
        let written = Saved::Written {
            version: now.version,
            kept: None,
        };
        assert_eq!(saved, written);
        assert_eq!(save("x = 3\n"), Saved::ChangedMeanwhile);
        assert_eq!(workspace.edited(dag).unwrap().text.unwrap(), "x = 2\n");
        // The answer of the first save may have been lost.
        assert_eq!(save("x = 2\n"), written);
        let own = Path::new("plugins/own.py");
        assert_eq!(workspace.edited(own).unwrap().version, "");
        assert!(matches!(
            workspace.save(own, "", "").unwrap(),
            Saved::Written { .. }
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
    fn what_is_replaced_is_kept_if_it_is_the_learners() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        let dag = Path::new("dags/night.py");
        let place = workspace.path.join(dag);
        let shown = || workspace.edited(dag).unwrap().version;
        let replace = |text: &str, shown: &str| workspace.replace(dag, text, shown).unwrap();
        // The lab's version can be brought back at any time.
        let Saved::Written { kept: None, .. } = replace("mine\n", &shown()) else {
            panic!("it is written, and no copy is kept");
        };
        let before = shown();
        std::fs::write(&place, "of an editor\n").unwrap();
        assert_eq!(replace("again\n", &before), Saved::ChangedMeanwhile);
        let replaced = replace("again\n", &shown());
        let Saved::Written {
            kept: Some(kept), ..
        } = replaced
        else {
            panic!("a copy is kept: {replaced:?}");
        };
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "again\n");
        assert_eq!(
            std::fs::read_to_string(&kept.kept).unwrap(),
            "of an editor\n"
        );
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
        assert!(matches!(before, Saved::Written { .. }));
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
                Saved::Written { .. }
            ));
            let now = std::fs::metadata(&place).unwrap().mode() & 0o777;
            assert_eq!(now, mode, "{now:o}");
        }
    }

    /// The list of a workspace: each path with its state.
    fn listed(workspace: &Workspace) -> Vec<(String, FileState)> {
        let listed = workspace.list().unwrap();
        let pairs = listed.into_iter().map(|file| (file.path, file.state));
        pairs.collect()
    }

    #[test]
    fn a_large_folder_is_listed_in_part_and_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        let large = workspace.path.join("a/large");
        std::fs::create_dir_all(&large).unwrap();
        for number in 0..MAX_IN_FOLDER + 10 {
            std::fs::write(large.join(format!("{number}.txt")), "").unwrap();
        }
        let all = listed(&workspace);
        assert_eq!(all[0], ("a/large".to_owned(), FileState::LeftOut(10)));
        assert_eq!(all.len(), 1 + MAX_IN_FOLDER + 1);
        let last = ("dags/night.py".to_owned(), FileState::Unchanged);
        assert_eq!(all.last(), Some(&last));
    }

    #[test]
    fn a_folder_that_cannot_be_read_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        let closed = workspace.path.join("closed");
        std::fs::create_dir(&closed).unwrap();
        let permissions = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&closed, permissions(0o000)).unwrap();
        let mut expected = vec![("dags/night.py".to_owned(), FileState::Unchanged)];
        // Root reads every folder.
        if std::fs::read_dir(&closed).is_err() {
            expected.insert(0, ("closed".to_owned(), FileState::Unreadable));
        }
        assert_eq!(listed(&workspace), expected);
        std::fs::set_permissions(&closed, permissions(0o700)).unwrap();
    }

    #[test]
    fn what_is_too_large_for_an_editor_is_neither_compared_nor_written() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        for below in [&workspace.path, &workspace.original] {
            let file = std::fs::File::create(below.join("large")).unwrap();
            file.set_len(MAX_EDITED + 1).unwrap();
        }
        let large = Path::new("large");
        let expected = ("large".to_owned(), FileState::Unchanged);
        assert_eq!(listed(&workspace)[1], expected);
        assert_eq!(workspace.edited(large).unwrap().original, None);
        assert_eq!(workspace.save(large, "x", "").unwrap(), Saved::NoFile);
        assert_eq!(workspace.delete(large, "").unwrap(), Deleted::NoFile);
    }

    #[test]
    fn a_link_of_the_lab_is_no_file_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace(folder.path());
        let (secret, link) = (
            folder.path().join("secret"),
            workspace.original.join("link"),
        );
        std::os::unix::fs::symlink(secret, link).unwrap();
        std::fs::write(workspace.path.join("link"), "s").unwrap();
        assert_eq!(workspace.edited(Path::new("link")).unwrap().original, None);
        let expected = ("link".to_owned(), FileState::Own);
        assert_eq!(listed(&workspace)[1], expected);
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
