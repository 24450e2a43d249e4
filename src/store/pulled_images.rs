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
        self.known.images.contains(name)
    }

    /// Records that an image was pulled that was not on this machine.
    pub fn add(&mut self, name: &str) {
        self.change(|known| {
            known.images.insert(name.to_owned());
        });
    }

    /// Records that an image was removed.
    pub fn remove(&mut self, name: &str) {
        self.change(|known| {
            known.images.remove(name);
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

#[cfg(test)]
mod tests {
    use super::*;

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
