//! Disks of services that a fault filled: file systems in memory, which a file fills until it is removed.

use crate::lab::Service;
use crate::plan::{ObservedContainer, Operation, Running, Stage};

/// Returns how the disks of a running service are freed that were observed to be full. What stops or starts empties them anyway.
pub(super) fn free_disks(service: &Service, container: &ObservedContainer) -> Stage {
    let full = container.full_disks.iter();
    full.filter(|path| service.tmpfs.contains_key(*path))
        .map(|path| free_disk(service, container, path))
        .collect()
}

/// Frees the disks of paused services as soon as they continue, before anything waits for them: no program can find out
/// which of their disks are full while they are paused.
pub(super) fn free_continued(
    stages: Vec<Stage>,
    paused: &[(&Service, &ObservedContainer)],
) -> Vec<Stage> {
    let mut all = Vec::new();
    for stage in stages {
        let continued = paused.iter().filter(|(service, container)| {
            container.running == Running::Paused
                && stage.iter().any(|operation| {
                    matches!(operation, Operation::StartContainer { service: started, .. } if *started == service.name)
                })
        });
        let free = continued.flat_map(|(service, container)| {
            let disks = service.tmpfs.keys();
            disks.map(|path| free_disk(service, container, path))
        });
        let free: Stage = free.collect();
        all.extend([stage, free]);
    }
    all
}

fn free_disk(service: &Service, container: &ObservedContainer, path: &str) -> Operation {
    Operation::FreeDisk {
        service: service.name.clone(),
        container: container.id.clone(),
        path: path.to_owned(),
    }
}
