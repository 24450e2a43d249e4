//! Which volumes a start may take from a copy of an earlier start, and what such a copy depends on.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::hex;
use crate::lab::{Access, Lab, Mount, Service, ServiceName};
use crate::plan::ServiceImage;
use crate::plan::identity::identity_without_place;

/// What is written into a key first. Another number makes every copy that exists one of another kind.
const FORMAT: &str = "1";

/// A volume whose content is copied when the services are ready for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedVolume {
    /// The service through whose container it is read and written.
    pub service: ServiceName,
    /// Its name in the lab.
    pub name: String,
    /// Where the service mounts it.
    pub target: String,
}

/// The volumes of a lab that are copied, and the key of their copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedVolumes {
    pub key: String,
    pub volumes: Vec<CopiedVolume>,
}

/// The files that services of a lab read while they initialise their data.
#[derive(Debug, Clone, Copy)]
pub struct InitialFiles<'a> {
    /// A digest of what each service mounts read-only.
    pub mounted: &'a BTreeMap<ServiceName, String>,
    /// A digest of the learner's files; empty if the lab has none.
    pub workspace: &'a str,
}

impl CopiedVolumes {
    /// Returns the volumes that services with `warm_start` write to; `None` if there are none, or if something decides about
    /// their content that no digest covers.
    pub fn of(
        lab: &Lab,
        images: &BTreeMap<ServiceName, ServiceImage>,
        files: InitialFiles<'_>,
    ) -> Option<Self> {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        };
        add(FORMAT);
        add(files.workspace);
        // Services initialise their data together: a standby copies its primary. One copy belongs to all of them.
        for service in lab.services.values() {
            let Some(image) = images.get(&service.name) else {
                continue;
            };
            let mounted = files.mounted.get(&service.name);
            if mounts_of(service).any(|access| access == Access::ReadWrite)
                || (mounted.is_none() && mounts_of(service).next().is_some())
            {
                return None;
            }
            add(service.name.as_str());
            add(&image.id);
            add(&identity_without_place(service, &image.id));
            add(mounted.map_or("", String::as_str));
        }
        let volumes = volumes(lab, images);
        (!volumes.is_empty()).then(|| Self {
            key: hex::encode(&hash.finalize()[..16]),
            volumes,
        })
    }
}

/// The ways in which a service accesses files of the lab.
fn mounts_of(service: &Service) -> impl Iterator<Item = Access> {
    let mounts = service.mounts.iter();
    mounts.filter_map(|mount| match mount {
        Mount::Bind { access, .. } => Some(*access),
        Mount::Volume { .. } | Mount::Workspace { .. } => None,
    })
}

fn volumes(lab: &Lab, images: &BTreeMap<ServiceName, ServiceImage>) -> Vec<CopiedVolume> {
    let mut seen = BTreeSet::new();
    let services = lab.services.values();
    let services = services.filter(|service| {
        // The engine writes nothing below the root of such a container.
        service.interface.warm_start && !service.read_only && images.contains_key(&service.name)
    });
    let volumes = services.flat_map(|service| {
        service.mounts.iter().filter_map(|mount| match mount {
            Mount::Volume {
                name,
                target,
                access: Access::ReadWrite,
            } => Some(CopiedVolume {
                service: service.name.clone(),
                name: name.clone(),
                target: target.clone(),
            }),
            _ => None,
        })
    });
    volumes
        .filter(|one| seen.insert(one.name.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::lab;

    const COMPOSE: &str = "\
services:
  redis:
    image: 'redis:8.0'
    ports: ['6379']
    mem_limit: 64m
    environment: { PASSWORD: secret }
    volumes: ['data:/data']
    x-roadlab: { warm_start: true }
  app:
    image: 'app:1'
    mem_limit: 64m
    volumes: ['cache:/cache']
volumes: { data: {}, cache: {} }
";

    fn copied(compose: &str, workspace: &str, redis: &str) -> Option<CopiedVolumes> {
        let lab = lab(compose);
        let images = lab.services.keys().map(|name| {
            let id = if name.as_str() == "redis" {
                redis
            } else {
                "sha256:2"
            };
            let image = ServiceImage {
                id: id.to_owned(),
                name: "x".to_owned(),
            };
            (name.clone(), image)
        });
        let files = InitialFiles {
            mounted: &BTreeMap::new(),
            workspace,
        };
        CopiedVolumes::of(&lab, &images.collect(), files)
    }

    #[test]
    fn only_volumes_of_services_with_warm_start_are_copied() {
        let found = copied(COMPOSE, "", "sha256:1").unwrap();
        assert_eq!(
            found.volumes,
            [CopiedVolume {
                service: ServiceName::new("redis").unwrap(),
                name: "data".to_owned(),
                target: "/data".to_owned(),
            }]
        );
        let without = COMPOSE.replace("warm_start: true", "warm_start: false");
        assert_eq!(copied(&without, "", "sha256:1"), None);
        let read_only = COMPOSE.replace("    x-roadlab", "    read_only: true\n    x-roadlab");
        assert_eq!(copied(&read_only, "", "sha256:1"), None);
    }

    #[test]
    fn the_key_follows_everything_that_the_data_depends_on() {
        let key = |compose: &str, workspace: &str, image: &str| {
            copied(compose, workspace, image).unwrap().key
        };
        let first = key(COMPOSE, "", "sha256:1");
        assert_eq!(first, key(COMPOSE, "", "sha256:1"));
        let others = [
            key(COMPOSE, "", "sha256:9"),
            key(COMPOSE, "other files", "sha256:1"),
            key(&COMPOSE.replace("secret", "other"), "", "sha256:1"),
            key(
                &COMPOSE.replace("app:1'", "app:1'\n    command: [x]"),
                "",
                "sha256:1",
            ),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(&first, other, "{at}");
        }
        let distinct: BTreeSet<&String> = others.iter().collect();
        assert_eq!(distinct.len(), others.len());
    }
}
