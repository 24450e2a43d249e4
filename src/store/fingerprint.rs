//! Which labs the learner trusts: each as a fingerprint of all its files at that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::localized;
use crate::store::document::{self, DocumentError};

const VERSION: u32 = 1;

/// The most files of a lab, and the most bytes in them.
const MAX_FILES: usize = 10_000;
const MAX_BYTES: u64 = 256 << 20;

/// The files of a lab by path, each with the SHA-256 of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabFingerprint {
    files: BTreeMap<PathBuf, String>,
}

impl LabFingerprint {
    /// Computes the fingerprint of a lab: everything in its folder, and in the folders of the other files that were read for
    /// it.
    pub fn compute(lab: &Path, read: &BTreeSet<PathBuf>) -> anyhow::Result<Self> {
        let lab = lab
            .canonicalize()
            .with_context(|| localized!("cannot read {folder}", folder = lab.display()))?;
        let mut walk = Walk::default();
        walk.folder(&lab)?;
        let outside = read.iter().filter(|file| !file.starts_with(&lab));
        let folders: BTreeSet<&Path> = outside.filter_map(|file| file.parent()).collect();
        for folder in folders {
            walk.folder(folder)?;
        }
        Ok(Self { files: walk.files })
    }

    /// Returns the fingerprint that the learner trusted last; `None` if the lab was never trusted.
    pub fn trusted(state: &Path, lab: &Path) -> Result<Option<Self>, DocumentError> {
        document::read(&path(state, lab), VERSION)
    }

    /// Records that the learner trusts this fingerprint.
    pub fn trust(&self, state: &Path, lab: &Path) -> Result<(), DocumentError> {
        document::update(&path(state, lab), VERSION, |_: Option<Self>| self.clone())
    }

    /// Returns the SHA-256 of everything in a lab's folder, the same on every machine.
    pub fn digest(lab: &Path) -> anyhow::Result<String> {
        let files = Self::compute(lab, &BTreeSet::new())?.files;
        let root = lab.canonicalize().unwrap_or_else(|_| lab.to_owned());
        let mut hash = Sha256::new();
        for (path, content) in files {
            let name = path.strip_prefix(&root).unwrap_or(&path);
            hash.update(name.as_os_str().as_encoded_bytes());
            hash.update([0]);
            hash.update(content);
        }
        Ok(hex::encode(&hash.finalize()))
    }

    /// Returns the files that were added, removed or changed since `before`.
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> Vec<&'a Path> {
        let all: BTreeSet<&PathBuf> = self.files.keys().chain(before.files.keys()).collect();
        all.into_iter()
            .filter(|file| self.files.get(*file) != before.files.get(*file))
            .map(PathBuf::as_path)
            .collect()
    }
}

/// Returns the file that records the trust in a lab, named by the lab's folder.
fn path(state: &Path, lab: &Path) -> PathBuf {
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
        let cannot = || localized!("cannot read {folder}", folder = folder.display());
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
                self.check_size(folder)?;
                std::fs::read(&path).with_context(cannot)?
            } else {
                bail!(localized!(
                    "{file} is neither a file nor a folder",
                    file = path.display()
                ));
            };
            self.files
                .insert(path, hex::encode(&Sha256::digest(&content)));
            self.check_size(folder)?;
        }
        Ok(())
    }

    fn check_size(&self, folder: &Path) -> anyhow::Result<()> {
        if self.bytes > MAX_BYTES || self.files.len() > MAX_FILES {
            bail!(localized!(
                "{folder} is too large to be trusted: at most {files} files and {mebibytes} MiB",
                folder = folder.display(),
                files = MAX_FILES,
                mebibytes = MAX_BYTES >> 20
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_change_of_every_file_changes_the_fingerprint() {
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
        assert_eq!(LabFingerprint::trusted(&state, &lab).unwrap(), None);
        let first = LabFingerprint::compute(&lab, &read).unwrap();
        first.trust(&state, &lab).unwrap();
        assert_eq!(
            LabFingerprint::trusted(&state, &lab).unwrap(),
            Some(first.clone())
        );
        let mut last = first;
        let mut changes = |change: &dyn Fn(), file: &str| {
            change();
            let now = LabFingerprint::compute(&lab, &read).unwrap();
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

    #[test]
    fn trust_that_another_version_recorded_is_reported_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let lab = folder.path().join("lab");
        fs::create_dir(&lab).unwrap();
        let file = path(folder.path(), &lab);
        fs::create_dir(file.parent().unwrap()).unwrap();
        let newer = r#"{"version":2,"written_by":"roadlab 9.0.0"}"#;
        fs::write(&file, newer).unwrap();
        let fingerprint = LabFingerprint::compute(&lab, &BTreeSet::new()).unwrap();
        assert!(LabFingerprint::trusted(folder.path(), &lab).is_err());
        assert!(fingerprint.trust(folder.path(), &lab).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), newer);
    }
}
