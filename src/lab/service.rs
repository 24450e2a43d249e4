//! A service of a lab, resolved: everything the plan needs to make its container, and how to talk to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::lab::ServiceName;
use crate::lab::step::Step;
use crate::problem::Place;

/// How long a service may take to answer, if the catalogue does not say.
pub const READY_WITHIN: Duration = Duration::from_secs(60);

/// One service and how to make its container.
#[derive(Debug, Clone)]
pub struct Service {
    pub name: ServiceName,
    /// The official image; `None` for a service that only has a recipe.
    pub image: Option<ImageName>,
    /// How to build an image with the same contract where the official one cannot be had.
    pub recipe: Option<Recipe>,
    pub entrypoint: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    pub environment: BTreeMap<String, String>,
    pub ports: Vec<Port>,
    pub mounts: Vec<Mount>,
    pub tmpfs: BTreeMap<String, String>,
    pub depends_on: BTreeMap<ServiceName, Condition>,
    pub healthcheck: Option<Healthcheck>,
    /// The lab's networks that the service is on, each with the other names it answers to there.
    pub networks: BTreeMap<String, Vec<String>>,
    pub hostname: Option<String>,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    pub init: bool,
    pub read_only: bool,
    pub limits: Limits,
    pub ulimits: BTreeMap<String, (i64, i64)>,
    pub cap_add: Vec<String>,
    pub sysctls: BTreeMap<String, String>,
    /// Addresses by name, beside those of the lab's own services.
    pub extra_hosts: BTreeMap<String, String>,
    pub gpus: Gpus,
    pub stop_signal: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub interface: ServiceInterface,
    pub place: Place,
}

/// How roadlab talks to a service: the catalogue's `x-roadlab`.
#[derive(Debug, Clone)]
pub struct ServiceInterface {
    /// All must hold before the service counts as ready.
    pub ready: Vec<Step>,
    pub ready_within: Duration,
    /// A template of the paste-ready address.
    pub url: Option<String>,
    /// The service's own client, run inside its container.
    pub shell: Option<Vec<String>>,
    pub web: Vec<Web>,
    pub presence: Presence,
}

/// A web interface of a service.
#[derive(Debug, Clone)]
pub struct Web {
    pub title: String,
    /// The container port.
    pub port: u16,
    pub path: String,
    /// User and password in words, if one is asked for.
    pub login: Option<String>,
}

/// Whether a lab can do without a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Required,
    /// Without its image the rest of the lab works.
    Optional,
}

/// A recipe: a folder with a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub context: PathBuf,
    /// Relative to the context.
    pub dockerfile: String,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    /// The catalogue's name for it, which the built image is tagged with.
    pub tag: String,
}

/// A container port and where it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    pub container: u16,
    pub protocol: Protocol,
    /// `None`: a free one is chosen.
    pub host: Option<u16>,
    pub publish: PublishAddress,
}

/// Who can reach a published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishAddress {
    /// This machine: 127.0.0.1.
    Loopback,
    /// Every machine that reaches this one; only with `--trust`.
    AllInterfaces,
}

/// Whether a service gets this machine's graphics cards; only with `--trust`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gpus {
    None,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A file or folder of the lab; writable only with `--trust`.
    Bind {
        source: PathBuf,
        target: String,
        access: Access,
    },
    /// A volume of the lab.
    Volume { name: String, target: String },
    /// The learner's workspace or a path below it, writable.
    Workspace {
        below: String,
        target: String,
        access: Access,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

/// What a dependency must have reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Started,
    /// It answers, by its own protocol.
    Healthy,
    /// It ended with exit code 0.
    Completed,
}

/// A health check of the Compose Specification, run by the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["CMD", …]` or `["CMD-SHELL", …]`.
    pub test: Vec<String>,
    pub interval: Duration,
    pub timeout: Duration,
    pub retries: i64,
    pub start_period: Duration,
}

/// What a container may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Bytes.
    pub memory: Option<i64>,
    pub cpus: Option<f64>,
    pub pids: i64,
    /// Bytes.
    pub shm: Option<i64>,
}

/// More processes than this is a fork bomb, not a lab.
pub const DEFAULT_PIDS: i64 = 512;

/// What a service that does not say gets, in bytes: a leak must not take the machine.
pub const DEFAULT_MEMORY: i64 = 1 << 30;

/// The processors of a service that does not say: one that spins leaves the others to the learner.
pub const DEFAULT_CPUS: f64 = 2.0;

/// An image's name with a tag or digest: `redis:8.0`, `prom/prometheus:v3`, `host:5000/a/b@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageName(String);

impl ImageName {
    /// Takes what a registry takes; without a tag or digest it is `latest`.
    pub fn new(text: &str) -> Result<Self, String> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        let parts = text
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
        let lower = text
            .rsplit('/')
            .next()
            .and_then(|last| last.split([':', '@']).next())
            .unwrap_or_default();
        if text.is_empty()
            || text.len() > 255
            || !text.chars().all(fine)
            || !parts
            || !text.starts_with(|c: char| c.is_ascii_alphanumeric())
            || lower.is_empty()
            || lower.chars().any(|c| c.is_ascii_uppercase())
            || !has_a_whole_end(text)
        {
            return Err(format!("`{}` is not an image name", text.escape_debug()));
        }
        let last = text.rsplit('/').next().unwrap_or_default();
        match last.contains([':', '@']) {
            true => Ok(Self(text.to_owned())),
            false => Ok(Self(format!("{text}:latest"))),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its tag, and the tag; a digest counts as the tag.
    pub fn split(&self) -> (&str, &str) {
        if let Some((name, digest)) = self.0.split_once('@') {
            return (name, digest);
        }
        self.0.rsplit_once(':').unwrap_or((&self.0, "latest"))
    }

    /// The registry's address, to remember that it could not be reached.
    pub fn registry(&self) -> &str {
        match self.0.split_once('/') {
            Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
            _ => "docker.io",
        }
    }
}

/// What stands behind the name is nothing, `:tag`, `@digest` or both.
fn has_a_whole_end(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or_default();
    let (named, digest) = last
        .split_once('@')
        .map_or((last, None), |(named, digest)| (named, Some(digest)));
    let digest = digest.is_none_or(|digest| {
        digest
            .split_once(':')
            .is_some_and(|(kind, hash)| !kind.is_empty() && is_plain(hash))
    });
    let tag = named.split_once(':').map(|(_, tag)| tag);
    digest && tag.is_none_or(|tag| !tag.starts_with(['.', '-']) && is_plain(tag))
}

fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_are_those_a_registry_takes() {
        assert_eq!(ImageName::new("redis").unwrap().as_str(), "redis:latest");
        assert_eq!(
            ImageName::new("prom/prometheus:v3.1").unwrap().split(),
            ("prom/prometheus", "v3.1")
        );
        assert_eq!(
            ImageName::new("127.0.0.1:5998/stall/x").unwrap().split(),
            ("127.0.0.1:5998/stall/x", "latest")
        );
        for bad in [
            "",
            "../x",
            "a//b",
            "Redis",
            "a b",
            "a?x=1",
            "-x",
            "redis:8.0#",
            "a/../b",
            "a:",
            "a@",
            "a@sha256",
            "a:1:2",
            "a:.x",
            "a@sha256:0a@b",
        ] {
            assert!(ImageName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_registry_is_the_first_part_if_it_is_an_address() {
        assert_eq!(ImageName::new("redis:8").unwrap().registry(), "docker.io");
        assert_eq!(
            ImageName::new("prom/prometheus:v3").unwrap().registry(),
            "docker.io"
        );
        assert_eq!(
            ImageName::new("127.0.0.1:5999/none:1").unwrap().registry(),
            "127.0.0.1:5999"
        );
    }
}
