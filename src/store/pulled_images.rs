//! Remembers which images roadlab pulled, so that `gc --everything` removes those and no others.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::document;

const VERSION: u32 = 1;

/// The images that roadlab pulled, by name.
#[derive(Debug)]
pub struct PulledImages {
    path: PathBuf,
    known: Known,
}

/// The document on disk.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Known {
    images: BTreeSet<String>,
}

impl PulledImages {
    /// Reads the list. One that cannot be read counts as empty: an image too many stays, and none is removed that others use.
    pub fn read(state: &Path) -> Self {
        let path = state.join("pulled-images.json");
        let known = document::read(&path, VERSION).ok().flatten();
        Self {
            path,
            known: known.unwrap_or_default(),
        }
    }

    /// Returns whether roadlab pulled an image.
    pub fn contains(&self, name: &str) -> bool {
        self.known.images.contains(short_image_name(name))
    }

    /// Records that an image was pulled that was not on this machine.
    pub fn add(&mut self, name: &str) {
        self.change(|known| {
            known.images.insert(short_image_name(name).to_owned());
        });
    }

    /// Records that an image was removed.
    pub fn remove(&mut self, name: &str) {
        self.change(|known| {
            known.images.remove(short_image_name(name));
        });
    }

    fn change(&mut self, change: impl Fn(&mut Known)) {
        change(&mut self.known);
        // If it cannot be written, the image stays on the machine like any other.
        let _ = document::update(&self.path, VERSION, |known: Option<Known>| {
            let mut known = known.unwrap_or_default();
            change(&mut known);
            known
        });
    }
}

/// Returns the name of an image without the registry that every engine assumes, or that Podman adds to its own images: a lab
/// and an engine may write the same image in different ways.
pub fn short_image_name(name: &str) -> &str {
    let prefixes = ["docker.io/library/", "docker.io/", "localhost/"];
    let found = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    found.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_however_its_name_is_written() {
        let state = tempfile::tempdir().unwrap();
        let mut pulled = PulledImages::read(state.path());
        pulled.add("docker.io/library/redis:8");
        pulled.add("mongo:8");
        assert!(pulled.contains("redis:8") && pulled.contains("docker.io/library/mongo:8"));
        assert!(!pulled.contains("ghcr.io/library/redis:8"));
        pulled.remove("redis:8");
        assert!(!pulled.contains("docker.io/library/redis:8"));
    }

    #[test]
    fn two_processes_lose_no_image_of_each_other() {
        let state = tempfile::tempdir().unwrap();
        let mut first = PulledImages::read(state.path());
        let mut second = PulledImages::read(state.path());
        first.add("redis:8");
        second.add("mongo:8");
        first.remove("redis:8");
        let both = PulledImages::read(state.path());
        assert!(both.contains("mongo:8") && !both.contains("redis:8"));
    }
}
