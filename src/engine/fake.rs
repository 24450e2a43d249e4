//! An engine in memory for tests: it records its calls and fails where a test wants it to.
//!
//! It has the rules that the order of calls depends on: names are unique, images and networks must exist, a volume in use
//! is not removed. It never does anything by itself.

mod calls;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{ContainerState, EngineError, ErrorKind, ExecOutput, Result};
use crate::plan::{ContainerSpec, NetworkAttachment, NetworkSpec, Scope, VolumeSpec};
use crate::text;

/// The first host port of those that the engine chooses.
const FIRST_PORT: u16 = 40_000;

/// An engine in memory.
#[derive(Default)]
pub struct Fake {
    /// One line for each call that changes something, in order: `create container roadlab-…`, failed ones too.
    pub calls: RefCell<Vec<String>>,
    /// Images that are present, by name.
    pub images: RefCell<BTreeSet<String>>,
    /// Images that can be pulled; `None` if the registry cannot be reached.
    pub registry: RefCell<Option<BTreeSet<String>>>,
    /// The results of programs, by their words joined with spaces; others succeed without output.
    pub answers: RefCell<BTreeMap<String, ExecOutput>>,
    /// Containers by name.
    pub containers: RefCell<BTreeMap<String, FakeContainer>>,
    pub networks: RefCell<BTreeMap<String, NetworkSpec>>,
    pub volumes: RefCell<BTreeMap<String, VolumeSpec>>,
    failures: RefCell<BTreeMap<usize, ErrorKind>>,
    failing: RefCell<Vec<&'static str>>,
    /// How long the log of a container takes to come.
    pub log_delay: Cell<Duration>,
    clock: Cell<i64>,
}

#[derive(Debug, Clone)]
pub struct FakeContainer {
    pub spec: ContainerSpec,
    pub state: ContainerState,
    /// The ids of the networks that it is connected to, by name.
    pub networks: BTreeMap<String, String>,
    /// Its addresses on them.
    pub addresses: BTreeMap<String, Ipv4Addr>,
    pub files: BTreeMap<String, Vec<u8>>,
    pub log: Vec<String>,
    created: i64,
}

impl Fake {
    /// Makes an engine with these images and an empty registry.
    pub fn with_images(images: &[&str]) -> Self {
        let fake = Self::default();
        fake.images
            .borrow_mut()
            .extend(images.iter().map(|name| (*name).to_owned()));
        *fake.registry.borrow_mut() = Some(BTreeSet::new());
        fake
    }

    /// Lets the `n`th call that changes something fail, counted from 1; it changes nothing then.
    pub fn fail_at(&self, n: usize, kind: ErrorKind) {
        self.failures.borrow_mut().insert(n, kind);
    }

    /// Limits [`Fake::fail_at`] to calls that begin with one of these words.
    pub fn only_fail(&self, calls: &[&'static str]) {
        *self.failing.borrow_mut() = calls.to_vec();
    }

    /// Returns the calls so far, one in each line.
    pub fn log(&self) -> String {
        self.calls
            .borrow()
            .iter()
            .map(|call| format!("{call}\n"))
            .collect()
    }

    /// Returns what exists, by kind and name.
    pub fn left(&self) -> Vec<String> {
        let containers = self.containers.borrow();
        let (networks, volumes) = (self.networks.borrow(), self.volumes.borrow());
        let containers = containers.keys().map(|name| format!("container {name}"));
        let networks = networks.keys().map(|name| format!("network {name}"));
        let volumes = volumes.keys().map(|name| format!("volume {name}"));
        containers.chain(networks).chain(volumes).collect()
    }

    fn change(&self, call: String) -> Result<()> {
        let mut calls = self.calls.borrow_mut();
        let failing = self.failing.borrow();
        let may_fail = failing.is_empty() || failing.iter().any(|start| call.starts_with(start));
        calls.push(call);
        match self.failures.borrow().get(&calls.len()) {
            Some(kind) if may_fail => Err(EngineError::new(
                *kind,
                text!("call {number} fails in this test", number = calls.len()),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Calls `act` with a container, by name or id.
    fn with<T>(
        &self,
        container: &str,
        act: impl FnOnce(&mut FakeContainer) -> Result<T>,
    ) -> Result<T> {
        let name = container.strip_prefix("id-").unwrap_or(container);
        match self.containers.borrow_mut().get_mut(name) {
            Some(found) => act(found),
            None => Err(missing("container", name)),
        }
    }

    fn address(&self, attachment: &NetworkAttachment) -> Option<Ipv4Addr> {
        let networks = self.networks.borrow();
        let range = networks.get(&attachment.network)?.subnet;
        range.address(attachment.number?)
    }

    fn free_port(&self) -> u16 {
        let containers = self.containers.borrow();
        let used: BTreeSet<_> = containers
            .values()
            .flat_map(|c| c.state.ports.hosts())
            .collect();
        let free = (FIRST_PORT..).find(|port| !used.contains(port));
        free.expect("no test publishes thousands of ports")
    }
}

fn id(name: &str) -> String {
    format!("id-{name}")
}

fn missing(kind: &str, name: &str) -> EngineError {
    EngineError::new(
        ErrorKind::NotFound,
        text!("no such {kind}: {name}", kind, name),
    )
}

fn running(container: &FakeContainer) -> Result<()> {
    match container.state.running {
        true => Ok(()),
        false => Err(EngineError::new(
            ErrorKind::NotRunning,
            text!(
                "container {name} is not running",
                name = container.spec.name
            ),
        )),
    }
}

fn taken(kind: &str, name: &str) -> EngineError {
    EngineError::new(
        ErrorKind::NameTaken,
        text!(
            "{kind} {name} exists and was not created by roadlab",
            kind,
            name
        ),
    )
}

fn within(scope: &Scope, labels: &BTreeMap<String, String>) -> bool {
    scope
        .filters()
        .iter()
        .all(|filter| match filter.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|found| found == value),
            None => labels.contains_key(filter),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Volumes;

    fn volume(name: &str, owner: &str) -> VolumeSpec {
        VolumeSpec {
            name: name.into(),
            labels: BTreeMap::from([("owner".into(), owner.into())]),
        }
    }

    #[tokio::test]
    async fn failing_call_is_recorded_and_changes_nothing() {
        let fake = Fake::with_images(&[]);
        fake.fail_at(2, ErrorKind::DiskFull);
        fake.create_volume(&volume("a", "me")).await.unwrap();
        let failed = fake.create_volume(&volume("b", "me")).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::DiskFull);
        fake.create_volume(&volume("c", "me")).await.unwrap();
        assert_eq!(
            fake.log(),
            "create volume a\ncreate volume b\ncreate volume c\n"
        );
        assert_eq!(fake.left(), ["volume a", "volume c"]);
    }

    #[tokio::test]
    async fn volume_with_other_labels_is_refused_and_kept() {
        let fake = Fake::with_images(&[]);
        fake.create_volume(&volume("a", "you")).await.unwrap();
        let refused = fake.create_volume(&volume("a", "me")).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NameTaken);
        fake.create_volume(&volume("a", "you")).await.unwrap();
    }
}
