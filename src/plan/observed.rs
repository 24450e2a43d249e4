//! What there is on the engine, of ours, at one moment.

use std::collections::BTreeMap;

use crate::lab::ServiceName;
use crate::plan::RunLabels;

/// One snapshot; nothing is asked again while a plan is made.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    pub containers: Vec<ObservedContainer>,
    pub networks: Vec<ObservedNetwork>,
    pub volumes: Vec<ObservedVolume>,
}

#[derive(Debug, Clone)]
pub struct ObservedContainer {
    pub id: String,
    pub name: String,
    pub run_labels: RunLabels,
    pub running: Running,
    /// "Up 3 minutes", "Exited (137) 2 seconds ago": the engine's own words.
    pub state: String,
    /// Published host port by container port.
    pub ports: BTreeMap<u16, u16>,
    /// Seconds since 1970.
    pub created: i64,
}

/// Whether a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    Yes,
    /// Created, exited, dead.
    No,
    Paused,
}

#[derive(Debug, Clone)]
pub struct ObservedNetwork {
    pub id: String,
    pub name: String,
    pub run_labels: RunLabels,
}

#[derive(Debug, Clone)]
pub struct ObservedVolume {
    pub name: String,
    pub run_labels: RunLabels,
}

impl Observed {
    /// Nothing of ours.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }

    /// The container of a service.
    pub fn container(&self, service: &ServiceName) -> Option<&ObservedContainer> {
        self.containers
            .iter()
            .find(|container| container.run_labels.service.as_ref() == Some(service))
    }

    /// Every mark in the snapshot.
    pub fn labels(&self) -> impl Iterator<Item = &RunLabels> {
        let containers = self
            .containers
            .iter()
            .map(|container| &container.run_labels);
        let networks = self.networks.iter().map(|network| &network.run_labels);
        containers
            .chain(networks)
            .chain(self.volumes.iter().map(|volume| &volume.run_labels))
    }
}
