//! The attempts to get an image that failed.

use std::collections::BTreeSet;

use crate::text::Text;

#[derive(Debug, Default)]
pub(super) struct Attempts {
    failures: Vec<Text>,
    /// Local images for another platform.
    incompatible: BTreeSet<String>,
}

impl Attempts {
    pub(super) fn add(&mut self, why: Text) {
        self.failures.push(why);
    }

    /// Adds a local image that cannot run on this machine. Every inspection of the image finds the same, which counts once.
    pub(super) fn add_incompatible(&mut self, image: &str, why: Text) {
        if self.incompatible.insert(image.to_owned()) {
            self.add(why);
        }
    }

    pub(super) fn is_incompatible(&self, image: &str) -> bool {
        self.incompatible.contains(image)
    }

    pub(super) fn into_failures(self) -> Vec<Text> {
        self.failures
    }
}
