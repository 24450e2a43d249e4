//! A registry that could not be reached is remembered for a while, so that `up` is not slowed each time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::{now, write_atomically};

/// How long it is remembered.
const FOR: Duration = Duration::from_secs(60 * 60);

/// Registries that could not be reached, and when (seconds since 1970).
#[derive(Debug)]
pub struct UnreachableRegistries {
    path: PathBuf,
    unreachable: BTreeMap<String, u64>,
}

impl UnreachableRegistries {
    /// Reads what is remembered; a file that cannot be read is as good as none.
    pub fn read(state: &Path) -> Self {
        let path = state.join("registries.json");
        let read = std::fs::read(&path)
            .ok()
            .and_then(|content| serde_json::from_slice(&content).ok());
        Self {
            path,
            unreachable: read.unwrap_or_default(),
        }
    }

    /// Whether a registry was out of reach a short while ago.
    pub fn is_unreachable(&self, registry: &str) -> bool {
        self.unreachable
            .get(registry)
            .is_some_and(|at| now().saturating_sub(*at) < FOR.as_secs())
    }

    /// Remembers that a registry is out of reach, or that it is not.
    pub fn set(&mut self, registry: &str, unreachable: bool) {
        match unreachable {
            true => self.unreachable.insert(registry.to_owned(), now()),
            false => self.unreachable.remove(registry),
        };
        // Only saves time; without it the next `up` asks again.
        let _ = serde_json::to_vec(&self.unreachable)
            .map(|content| write_atomically(&self.path, &content));
    }
}
