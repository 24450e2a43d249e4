//! A service of a lab with all its settings: what its container is created from, and how roadlab connects to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::lab::id::ServiceName;
use crate::lab::image_name::ImageName;
use crate::lab::steps::Step;
use crate::problem::{Place, Problem};

/// The default time within which a service must be ready.
pub const DEFAULT_READY_WITHIN: Duration = Duration::from_secs(60);

/// A service and the settings of its container.
#[derive(Debug, Clone)]
pub struct Service {
    pub name: ServiceName,
    /// The official image; `None` for a service that is only built.
    pub image: Option<ImageName>,
    /// The build of an equivalent image for when the official one cannot be pulled.
    pub recipe: Option<Recipe>,
    pub entrypoint: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    pub environment: BTreeMap<String, String>,
    pub ports: Vec<Port>,
    pub mounts: Vec<Mount>,
    pub tmpfs: BTreeMap<String, String>,
    pub depends_on: BTreeMap<ServiceName, Condition>,
    pub healthcheck: Option<Healthcheck>,
    /// The networks that the service is attached to, each with the service's aliases.
    pub networks: BTreeMap<String, Vec<String>>,
    pub hostname: Option<String>,
    pub domainname: Option<String>,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    pub init: bool,
    pub read_only: bool,
    pub limits: Limits,
    pub ulimits: BTreeMap<String, (i64, i64)>,
    pub cap_add: Vec<String>,
    pub sysctls: BTreeMap<String, String>,
    /// Additional entries of the container's hosts file: addresses by name.
    pub extra_hosts: BTreeMap<String, String>,
    pub gpus: Gpus,
    pub stop_signal: Option<String>,
    /// The time between the stop signal and SIGKILL; `None` for the default.
    pub stop_grace_period: Option<Duration>,
    pub restart: RestartPolicy,
    /// Whether the container's input stays open, so that a shell as its program does not end.
    pub stdin_open: bool,
    /// The capabilities of every service that this one does not have.
    pub cap_drop: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub interface: ServiceInterface,
    /// What an optional service requests that needs `--trust` and was not granted: with any, it does not run. What a required
    /// service requests is a problem of the lab.
    pub needs_trust: Vec<Problem>,
    pub place: Place,
}

/// How roadlab connects to a service: the `x-roadlab` of its Compose file.
#[derive(Debug, Clone)]
pub struct ServiceInterface {
    /// The steps that must pass before the service counts as ready.
    pub ready: Vec<Step>,
    pub ready_within: Duration,
    /// The template of the address that clients connect to.
    pub url: Option<String>,
    /// Where `url` is written.
    pub url_place: Option<Place>,
    /// The command of the service's own client, which runs inside its container.
    pub shell: Option<Vec<String>>,
    pub web: Vec<Web>,
    pub presence: Presence,
    /// How much of the disk the image takes at least, in bytes; `None` if it was not measured.
    pub image_size: Option<u64>,
    /// Whether a start may take the volumes of the service from a copy that was made when it was ready for the first time: it
    /// starts from what its volumes hold after it was killed.
    pub warm_start: bool,
}

/// A web interface of a service.
#[derive(Debug, Clone)]
pub struct Web {
    pub title: String,
    /// The container port.
    pub port: u16,
    pub path: String,
    /// The user and password to log in with, as a text.
    pub login: Option<String>,
}

/// Whether a lab needs a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Required,
    /// The rest of the lab works without it.
    Optional,
}

/// How an image is built: a folder with a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub context: PathBuf,
    /// Relative to the context.
    pub dockerfile: String,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    /// The tag of the built image.
    pub tag: String,
}

/// A container port and the host port it is published on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    pub container: u16,
    pub protocol: Protocol,
    /// `None`: roadlab chooses a free port.
    pub host: Option<u16>,
    pub publish: PublishAddress,
}

/// The host address that a port is published on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishAddress {
    /// 127.0.0.1, reachable from this machine only.
    Loopback,
    /// 0.0.0.0, reachable from other machines; only with `--trust`.
    AllInterfaces,
}

/// Whether a service can use the host's GPUs; only with `--trust`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gpus {
    None,
    All,
}

/// The transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A file or folder of the lab; writable only with `--trust`.
    Bind {
        source: PathBuf,
        target: String,
        access: Access,
    },
    /// A volume of the lab.
    Volume {
        name: String,
        target: String,
        access: Access,
    },
    /// The learner's workspace or a path in it.
    Workspace {
        /// The path within the workspace; empty for the workspace itself.
        below: String,
        target: String,
        access: Access,
    },
}

/// Whether a container can write to a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

/// When the engine starts a container again that ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartPolicy {
    Never,
    /// Unless it was stopped on request.
    Always,
    /// After an exit code other than 0, at most this often.
    OnFailure {
        attempts: Option<i64>,
    },
}

/// The state that a dependency must reach first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Started,
    /// Its `ready` steps pass.
    Healthy,
    /// It exited with code 0.
    Completed,
}

/// What a Compose file says about the health check that the engine runs. The engine takes what is zero or empty from the image,
/// or else its own default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]`, `["NONE"]` for no health check, or empty for that of the image.
    pub test: Vec<String>,
    pub interval: Duration,
    pub timeout: Duration,
    pub retries: i64,
    pub start_period: Duration,
}

impl Healthcheck {
    /// The test that switches the health check of the image off.
    pub const OFF: &str = "NONE";

    /// The engine's defaults where neither the file nor the image has a value.
    pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    pub const DEFAULT_RETRIES: i64 = 3;

    /// Returns whether the file itself says what is run.
    pub fn has_test(&self) -> bool {
        self.test.first().is_some_and(|first| first != Self::OFF)
    }

    /// Returns whether there is no health check, whatever the image has.
    pub fn is_off(&self) -> bool {
        self.test.first().is_some_and(|first| first == Self::OFF)
    }
}

/// The longest time that is waited for the first health check.
const MAX_FIRST_HEALTH_CHECK: Duration = Duration::from_secs(3600);

impl Service {
    /// Returns whether the service does not run because it needs `--trust` and that was not granted.
    pub fn is_withheld(&self) -> bool {
        !self.needs_trust.is_empty()
    }

    /// Returns the health check whose test the file itself has.
    pub fn own_health_check(&self) -> Option<&Healthcheck> {
        self.healthcheck.as_ref().filter(|check| check.has_test())
    }

    /// Returns the time after which the engine has the first result of the health check of the file, if that alone says when the
    /// service is ready. The engine runs the first check after one interval.
    pub fn first_health_check(&self) -> Option<Duration> {
        let check = self.own_health_check();
        let check = check.filter(|_| self.interface.ready.is_empty())?;
        let interval = or_default(check.interval, Healthcheck::DEFAULT_INTERVAL);
        Some(interval.min(MAX_FIRST_HEALTH_CHECK))
    }

    /// Returns how long is waited until the service is ready: `ready_within`, and at least until the first health check can have
    /// its result.
    pub fn longest_start(&self) -> Duration {
        let within = self.interface.ready_within;
        let timeout = self.own_health_check();
        let timeout = timeout.map(|check| or_default(check.timeout, Healthcheck::DEFAULT_TIMEOUT));
        let first = self.first_health_check().zip(timeout);
        let first = first.map(|(first, timeout)| first + timeout.min(MAX_FIRST_HEALTH_CHECK));
        first.map_or(within, |first| first.max(within))
    }
}

/// Zero stands for the default.
fn or_default(time: Duration, default: Duration) -> Duration {
    match time {
        Duration::ZERO => default,
        time => time,
    }
}

/// The resource limits of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Bytes.
    pub memory: Option<i64>,
    pub cpus: Option<f64>,
    pub pids: i64,
    /// Bytes.
    pub shm: Option<i64>,
}

/// The default limit of processes, which stops a fork bomb.
pub const DEFAULT_PIDS: i64 = 512;

/// The default memory limit, in bytes, so that a leak does not exhaust the machine.
pub const DEFAULT_MEMORY: i64 = 1 << 30;

/// The default limit of CPUs, so that a busy loop leaves some to the learner.
pub const DEFAULT_CPUS: f64 = 2.0;
