//! Which files of a workspace the learner changed, for a dispute: small text files only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// The most files, and the most bytes of one of them.
const MAX_FILES: usize = 50;
const MAX_BYTES: u64 = 64 << 10;

/// The most files that are compared.
const MAX_COMPARED: usize = 1000;

/// Returns the files that differ from the lab's, by their path in the workspace, with their text; `None` for one that was
/// removed. Large and binary files, links and hidden files are left out.
pub fn changed_files(workspace: &Path, original: &Path) -> BTreeMap<String, Option<String>> {
    let names: BTreeSet<PathBuf> = files(workspace)
        .chain(files(original))
        .take(MAX_COMPARED)
        .collect();
    let changed = names.into_iter().filter_map(|name| {
        let shown = name.to_str()?.to_owned();
        let (there, before) = (workspace.join(&name), original.join(&name));
        if std::fs::symlink_metadata(&there).is_err() {
            return Some((shown, None));
        }
        let text = read(&there)?;
        (read(&before).as_ref() != Some(&text)).then_some((shown, Some(text)))
    });
    changed.take(MAX_FILES).collect()
}

/// Returns the paths of the files below a folder, relative to it. Links are not followed.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut left = vec![PathBuf::new()];
    let mut found = Vec::new();
    while let Some(below) = left.pop().filter(|_| found.len() < MAX_COMPARED) {
        let entries = std::fs::read_dir(folder.join(&below));
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.') || name == "__pycache__";
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !hidden => left.push(below.join(name)),
                Ok(kind) if kind.is_file() && !hidden => found.push(below.join(name)),
                Ok(_) | Err(_) => {}
            }
        }
    }
    found.into_iter()
}

/// Reads a small text file, never through a link that a service may have put in its place.
fn read(path: &Path) -> Option<String> {
    let mut options = OpenOptions::new();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)
        .ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn changed_added_and_removed_text_files_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, original) = (folder.path().join("w"), folder.path().join("o"));
        for root in [&workspace, &original] {
            fs::create_dir_all(root.join("dags")).unwrap();
            fs::write(root.join("same.yml"), "a").unwrap();
            fs::write(root.join("dags/first.py"), "a").unwrap();
        }
        fs::write(original.join("gone.yml"), "a").unwrap();
        fs::write(workspace.join("dags/first.py"), "b").unwrap();
        fs::write(workspace.join("new.py"), "c").unwrap();
        fs::write(workspace.join("binary"), [0xff, 0xfe]).unwrap();
        fs::write(workspace.join("large"), "x".repeat(70_000)).unwrap();
        fs::write(workspace.join(".roadlab-workspace"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", workspace.join("link")).unwrap();
        let changed: Vec<_> = changed_files(&workspace, &original).into_iter().collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            changed,
            [
                ("dags/first.py".to_owned(), text("b")),
                ("gone.yml".to_owned(), None),
                ("new.py".to_owned(), text("c")),
            ]
        );
    }
}
