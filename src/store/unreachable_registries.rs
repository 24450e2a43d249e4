//! Remembers registries that could not be reached, so that each `up` does not wait for them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::{document, now};

const VERSION: u32 = 1;

/// How long a registry counts as unreachable.
const TIME_TO_LIVE: Duration = Duration::from_secs(60 * 60);

/// Registries that could not be reached.
#[derive(Debug)]
pub struct UnreachableRegistries {
    path: PathBuf,
    known: Known,
}

/// The document on disk.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Known {
    /// When each registry was found unreachable, in seconds since 1970.
    unreachable: BTreeMap<String, u64>,
}

impl UnreachableRegistries {
    /// Reads the list. One that cannot be read counts as empty, since it only saves time.
    pub fn read(state: &Path) -> Self {
        let path = state.join("unreachable-registries.json");
        let known = document::read(&path, VERSION).ok().flatten();
        Self {
            path,
            known: known.unwrap_or_default(),
        }
    }

    /// Whether a registry was unreachable within the last hour.
    pub fn is_unreachable(&self, registry: &str) -> bool {
        let at = self.known.unreachable.get(registry);
        at.is_some_and(|at| now().saturating_sub(*at) < TIME_TO_LIVE.as_secs())
    }

    /// Records that a registry could not be reached.
    pub fn remember(&mut self, registry: &str) {
        self.change(|known| {
            known.unreachable.insert(registry.to_owned(), now());
        });
    }

    /// Records that a registry could be reached.
    pub fn forget(&mut self, registry: &str) {
        self.change(|known| {
            known.unreachable.remove(registry);
        });
    }

    fn change(&mut self, change: impl Fn(&mut Known)) {
        change(&mut self.known);
        // If it cannot be written, the next `up` tries the registry again.
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
    fn two_processes_lose_no_registry_of_each_other() {
        let state = tempfile::tempdir().unwrap();
        let mut first = UnreachableRegistries::read(state.path());
        let mut second = UnreachableRegistries::read(state.path());
        first.remember("a.example");
        second.remember("b.example");
        let both = UnreachableRegistries::read(state.path());
        assert!(both.is_unreachable("a.example") && both.is_unreachable("b.example"));
        first.forget("a.example");
        let left = UnreachableRegistries::read(state.path());
        assert!(!left.is_unreachable("a.example") && left.is_unreachable("b.example"));
    }
}
