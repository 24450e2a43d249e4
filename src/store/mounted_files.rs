//! Digests of the files of a lab that its services mount. The learner's own files are not among them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::hex;
use crate::lab::{Access, Lab, Mount, Service, ServiceName};

/// The most files that a service mounts, and the most bytes in them. More are data, and not what the lab is made of.
const MAX_FILES: usize = 1_000;
const MAX_BYTES: u64 = 16 << 20;

/// Returns a digest of the files that each service mounts read-only; the loader accepts only those of the lab and of the
/// catalogue. A service is left out if it mounts none, or if they cannot be read.
pub fn mounted_digests(lab: &Lab) -> BTreeMap<ServiceName, String> {
    let services = lab.services.values();
    let digests =
        services.filter_map(|service| Some((service.name.clone(), digest(lab, service)?)));
    digests.collect()
}

fn digest(lab: &Lab, service: &Service) -> Option<String> {
    let mut mounts: Vec<(&Path, &str)> = service
        .mounts
        .iter()
        .filter_map(|mount| match mount {
            Mount::Bind {
                source,
                target,
                access: Access::ReadOnly,
            } => Some((source.as_path(), target.as_str())),
            Mount::Bind { .. } | Mount::Volume { .. } | Mount::Workspace { .. } => None,
        })
        .filter(|(source, _)| !is_written(lab, source))
        .collect();
    if mounts.is_empty() {
        return None;
    }
    mounts.sort_by_key(|(_, target)| *target);
    let mut walk = Walk::default();
    for (source, target) in mounts {
        walk.add(target.as_bytes());
        walk.path(source)?;
    }
    Some(hex::encode(&walk.hash.finalize()[..16]))
}

/// Returns a digest of everything in a folder, by names and content; `None` if it cannot be read, or if that is too much.
pub fn folder_digest(folder: &Path) -> Option<String> {
    let mut walk = Walk::default();
    walk.path(folder)?;
    Some(hex::encode(&walk.hash.finalize()[..16]))
}

/// Whether a service of the lab may change what is at a path.
fn is_written(lab: &Lab, source: &Path) -> bool {
    let mut mounts = lab.services.values().flat_map(|service| &service.mounts);
    mounts.any(|mount| match mount {
        Mount::Bind {
            source: other,
            access: Access::ReadWrite,
            ..
        } => other.starts_with(source) || source.starts_with(other),
        Mount::Bind { .. } | Mount::Volume { .. } | Mount::Workspace { .. } => false,
    })
}

#[derive(Default)]
struct Walk {
    hash: Sha256,
    files: usize,
    bytes: u64,
}

impl Walk {
    /// Adds bytes with their length, so that no two lists of them are alike.
    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes.len().to_be_bytes());
        self.hash.update(bytes);
    }

    /// Adds a file, or everything in a folder; `None` if that is too much, or neither.
    fn path(&mut self, path: &Path) -> Option<()> {
        let about = fs::metadata(path).ok()?;
        if about.is_dir() {
            let mut entries = Vec::new();
            for entry in fs::read_dir(path).ok()? {
                entries.push(entry.ok()?.file_name());
            }
            entries.sort();
            for name in entries {
                self.add(name.as_encoded_bytes());
                let below: PathBuf = path.join(name);
                self.path(&below)?;
            }
            // What follows is not in the folder.
            self.add(&[]);
            return Some(());
        }
        self.files += 1;
        self.bytes += about.len();
        if !about.is_file() || self.files > MAX_FILES || self.bytes > MAX_BYTES {
            return None;
        }
        let content = fs::read(path).ok()?;
        self.add(&content);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::lab;

    #[test]
    fn the_digest_follows_the_files_that_a_service_mounts_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let mut lab =
            lab("services: { redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m } }");
        lab.folder = folder.path().to_owned();
        let mount = |name: &str, access| Mount::Bind {
            source: folder.path().join(name),
            target: format!("/{name}"),
            access,
        };
        let digest = |lab: &Lab| mounted_digests(lab).into_values().next();
        assert_eq!(digest(&lab), None);
        file("helper.sh", "one");
        file("written", "one");
        let redis = lab.services.values_mut().next().unwrap();
        redis.mounts = vec![
            mount("helper.sh", Access::ReadOnly),
            mount("written", Access::ReadWrite),
            Mount::Workspace {
                below: String::new(),
                target: "/work".to_owned(),
                access: Access::ReadOnly,
            },
        ];
        let before = digest(&lab);
        assert!(before.is_some());
        file("written", "two");
        file("beside", "two");
        assert_eq!(digest(&lab), before);
        // Another file of the same name, as an update of the lab brings it.
        file("new", "two");
        fs::rename(folder.path().join("new"), folder.path().join("helper.sh")).unwrap();
        assert_ne!(digest(&lab), before);
        fs::remove_file(folder.path().join("helper.sh")).unwrap();
        assert_eq!(digest(&lab), None);
        // What another service writes may change at any time.
        file("helper.sh", "one");
        let redis = lab.services.values_mut().next().unwrap();
        redis.mounts.push(mount("helper.sh", Access::ReadWrite));
        assert_eq!(digest(&lab), None);
    }

    #[test]
    fn folders_count_with_everything_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let digest = || {
            let mut walk = Walk::default();
            walk.path(folder.path()).unwrap();
            hex::encode(&walk.hash.finalize())
        };
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), "c").unwrap();
        let before = digest();
        fs::rename(folder.path().join("a/b"), folder.path().join("b")).unwrap();
        assert_ne!(digest(), before);
    }
}
