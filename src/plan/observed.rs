//! What there is on the engine, of ours, at one moment.

use std::collections::BTreeMap;

use crate::lab::ServiceName;
use crate::plan::Mark;

/// One snapshot; nothing is asked again while a plan is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    pub(crate) containers: Vec<ObservedContainer>,
    pub(crate) networks: Vec<ObservedNetwork>,
    pub(crate) volumes: Vec<ObservedVolume>,
}

#[derive(Debug, Clone)]
pub(crate) struct ObservedContainer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) mark: Mark,
    pub(crate) running: Running,
    /// "Up 3 minutes", "Exited (137) 2 seconds ago": the engine's own words.
    pub(crate) state: String,
    /// Published host port by container port.
    pub(crate) ports: BTreeMap<u16, u16>,
    /// Seconds since 1970.
    pub(crate) created: i64,
}

/// Whether a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Running {
    Yes,
    /// Created, exited, dead.
    No,
    Paused,
}

#[derive(Debug, Clone)]
pub(crate) struct ObservedNetwork {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) mark: Mark,
}

#[derive(Debug, Clone)]
pub(crate) struct ObservedVolume {
    pub(crate) name: String,
    pub(crate) mark: Mark,
}

impl Observed {
    /// Nothing of ours.
    pub(crate) fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }

    /// The container of a service.
    pub(crate) fn container(&self, service: &ServiceName) -> Option<&ObservedContainer> {
        self.containers
            .iter()
            .find(|container| container.mark.service.as_ref() == Some(service))
    }

    /// Every mark in the snapshot.
    pub(crate) fn marks(&self) -> impl Iterator<Item = &Mark> {
        let containers = self.containers.iter().map(|container| &container.mark);
        let networks = self.networks.iter().map(|network| &network.mark);
        containers
            .chain(networks)
            .chain(self.volumes.iter().map(|volume| &volume.mark))
    }
}
