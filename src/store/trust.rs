//! What the learner has trusted: a lab, as all its files were at that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::write_atomically;

/// The most files that are looked at, and the most bytes of them.
const MOST_FILES: usize = 10_000;
const MOST_BYTES: u64 = 256 << 20;

/// The files of a lab by path, each with the hash of what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabFingerprint {
    files: BTreeMap<PathBuf, String>,
}

impl LabFingerprint {
    /// The lab as it is now: everything in its folder, and in the folders of the other files that were read for it.
    pub fn now(lab: &Path, read: &BTreeSet<PathBuf>) -> anyhow::Result<Self> {
        let lab = lab
            .canonicalize()
            .with_context(|| format!("cannot read {}", lab.display()))?;
        let mut walk = Walk::default();
        walk.folder(&lab)?;
        let beside = read.iter().filter(|file| !file.starts_with(&lab));
        let beside: BTreeSet<&Path> = beside.filter_map(|file| file.parent()).collect();
        for folder in beside {
            walk.folder(folder)?;
        }
        Ok(Self { files: walk.files })
    }

    /// What was trusted before, if anything.
    pub fn before(state: &Path, lab: &Path) -> Option<Self> {
        let text = std::fs::read(file(state, lab)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps this as what is trusted.
    pub fn keep(&self, state: &Path, lab: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self).context("cannot write what is trusted")?;
        write_atomically(&file(state, lab), &text)
    }

    /// The files that came, went or changed since.
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> Vec<&'a Path> {
        let all: BTreeSet<&PathBuf> = self.files.keys().chain(before.files.keys()).collect();
        let changed = all.into_iter();
        changed
            .filter(|file| self.files.get(*file) != before.files.get(*file))
            .map(PathBuf::as_path)
            .collect()
    }
}

/// One file for each lab, named by where it lies.
fn file(state: &Path, lab: &Path) -> PathBuf {
    let real = lab.canonicalize().unwrap_or_else(|_| lab.to_owned());
    let name = crate::hex::encode(&Sha256::digest(real.as_os_str().as_encoded_bytes())[..16]);
    state.join("trust").join(format!("{name}.json"))
}

#[derive(Default)]
struct Walk {
    files: BTreeMap<PathBuf, String>,
    bytes: u64,
}

impl Walk {
    fn folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot read {}", folder.display());
        for entry in std::fs::read_dir(folder).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            let about = std::fs::symlink_metadata(&path).with_context(cannot)?;
            if about.is_dir() {
                self.folder(&path)?;
                continue;
            }
            let content = if about.is_symlink() {
                let target = std::fs::read_link(&path).with_context(cannot)?;
                target.into_os_string().into_encoded_bytes()
            } else if about.is_file() {
                self.bytes += about.len();
                self.is_small_enough(folder)?;
                std::fs::read(&path).with_context(cannot)?
            } else {
                bail!("{} is neither a file nor a folder", path.display());
            };
            self.files
                .insert(path, crate::hex::encode(&Sha256::digest(&content)));
            self.is_small_enough(folder)?;
        }
        Ok(())
    }

    fn is_small_enough(&self, folder: &Path) -> anyhow::Result<()> {
        if self.bytes > MOST_BYTES || self.files.len() > MOST_FILES {
            bail!(
                "{} is too large to be trusted: nobody has read all of it",
                folder.display()
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn any_change_of_any_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (lab, state) = (root.join("labs/x"), root.join("state"));
        fs::create_dir_all(lab.join("files")).unwrap();
        fs::create_dir_all(root.join("compose/redis")).unwrap();
        fs::write(lab.join("lab.yaml"), "a").unwrap();
        fs::write(lab.join("files/seed.sh"), "a").unwrap();
        fs::write(root.join("compose/redis/compose.yaml"), "a").unwrap();
        fs::write(root.join("compose/redis/Dockerfile"), "a").unwrap();
        let read = BTreeSet::from([
            lab.join("lab.yaml"),
            root.join("compose/redis/compose.yaml"),
        ]);
        assert_eq!(LabFingerprint::before(&state, &lab), None);
        let first = LabFingerprint::now(&lab, &read).unwrap();
        first.keep(&state, &lab).unwrap();
        assert_eq!(LabFingerprint::before(&state, &lab), Some(first.clone()));
        let mut last = first;
        let mut changes = |change: &dyn Fn(), file: &str| {
            change();
            let now = LabFingerprint::now(&lab, &read).unwrap();
            assert_eq!(now.changed_since(&last), [root.join(file)]);
            last = now;
        };
        let write = |file: &str, text: &str| fs::write(root.join(file), text).unwrap();
        changes(&|| write("labs/x/lab.yaml", "b"), "labs/x/lab.yaml");
        changes(
            &|| write("labs/x/files/seed.sh", "b"),
            "labs/x/files/seed.sh",
        );
        changes(&|| write("labs/x/files/new", ""), "labs/x/files/new");
        changes(
            &|| write("compose/redis/Dockerfile", "b"),
            "compose/redis/Dockerfile",
        );
        changes(
            &|| std::os::unix::fs::symlink("/etc", root.join("labs/x/link")).unwrap(),
            "labs/x/link",
        );
        changes(
            &|| fs::remove_file(root.join("labs/x/files/new")).unwrap(),
            "labs/x/files/new",
        );
    }
}
