//! The identity of a container: everything it is created from, as a digest in a label.
//!
//! A container whose label does not match the lab file is created again and loses what its file system held. The digest
//! therefore depends on values only, never on the names of types, and the labels of every older version are still understood.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::hex;
use crate::lab::{
    Access, Gpus, Healthcheck, Limits, Mount, Port, Protocol, PublishAddress, RestartPolicy,
    Service,
};
use crate::plan::{AddressNumbers, ContainerSpec, HostPorts, MountSpec, Placement, PortSpec};

/// How the label of an existing container relates to the lab file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdentityMatch {
    Same,
    Different,
    /// A newer roadlab wrote the label.
    UnknownVersion,
}

/// Returns the label of a new container: `v1:` and a SHA-256 digest in hexadecimal.
pub(super) fn identity_label(service: &Service, placement: &Placement<'_>) -> String {
    let identity = Identity::new(service, placement.image, placement.workspace);
    format!("v1:{}", digest(&identity))
}

fn digest(identity: &Identity<'_>) -> String {
    let json =
        serde_json::to_vec(identity).expect("text keys, strings and numbers are always JSON");
    hex::encode(&Sha256::digest(json))
}

/// Returns a digest of what the container of a service is created from, wherever the learner's files are.
pub(super) fn identity_without_place(service: &Service, image: &str) -> String {
    digest(&Identity::new(service, image, None))
}

/// Compares the label of an existing container with the lab file, by the rules of the version that wrote the label.
pub(super) fn compare_identity(
    label: Option<&str>,
    service: &Service,
    placement: &Placement<'_>,
) -> IdentityMatch {
    let expected = match label.and_then(|label| label.split_once(':')) {
        Some(("v1", _)) => Some(identity_label(service, placement)),
        Some(_) => return IdentityMatch::UnknownVersion,
        None => label_of_version_0(service, placement),
    };
    match label.is_some() && expected.as_deref() == label {
        true => IdentityMatch::Same,
        false => IdentityMatch::Different,
    }
}

/// Version 1. The names, order and values of the fields are the format: to change one, add a version and keep this one.
/// A new field needs no version if it is skipped while it has the value that older containers were created with.
#[derive(Serialize)]
struct Identity<'a> {
    image: &'a str,
    entrypoint: &'a Option<Vec<String>>,
    command: &'a Option<Vec<String>>,
    environment: &'a BTreeMap<String, String>,
    ports: Vec<PortIdentity>,
    mounts: Vec<MountIdentity<'a>>,
    tmpfs: &'a BTreeMap<String, String>,
    networks: &'a BTreeMap<String, Vec<String>>,
    hostname: &'a str,
    user: &'a Option<String>,
    working_dir: &'a Option<String>,
    init: bool,
    read_only: bool,
    memory: Option<i64>,
    cpus: Option<f64>,
    pids: i64,
    shm: Option<i64>,
    ulimits: &'a BTreeMap<String, (i64, i64)>,
    cap_add: &'a [String],
    sysctls: &'a BTreeMap<String, String>,
    extra_hosts: &'a BTreeMap<String, String>,
    gpus: &'static str,
    stop_signal: &'a Option<String>,
    // Fields that are newer than version 1 are left out if they have their default, so that its labels stay valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_grace_nanos: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stdin_open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    domainname: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    cap_drop: &'a [String],
    healthcheck: Option<HealthcheckIdentity<'a>>,
    labels: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct PortIdentity {
    container: u16,
    protocol: &'static str,
    /// `None` for a port that roadlab chooses: another choice is no reason to create the container again.
    host: Option<u16>,
    publish: &'static str,
}

#[derive(Serialize)]
struct MountIdentity<'a> {
    kind: &'static str,
    source: String,
    target: &'a str,
    access: &'static str,
}

#[derive(Serialize)]
struct HealthcheckIdentity<'a> {
    test: &'a [String],
    interval_nanos: u128,
    timeout_nanos: u128,
    retries: i64,
    start_period_nanos: u128,
}

impl<'a> Identity<'a> {
    fn new(service: &'a Service, image: &'a str, workspace: Option<&Path>) -> Self {
        // Without `..`, so that the compiler asks about every field that a service gains.
        let Service {
            name,
            image: _,
            recipe: _,
            entrypoint,
            command,
            environment,
            ports,
            mounts,
            tmpfs,
            depends_on: _,
            healthcheck,
            networks,
            hostname,
            domainname,
            user,
            working_dir,
            init,
            read_only,
            limits,
            ulimits,
            cap_add,
            sysctls,
            extra_hosts,
            gpus,
            stop_signal,
            stop_grace_period,
            restart,
            stdin_open,
            cap_drop,
            labels,
            interface: _,
            needs_trust: _,
            place: _,
        } = service;
        let mounts = mounts.iter();
        Self {
            image,
            entrypoint,
            command,
            environment,
            ports: ports.iter().map(port).collect(),
            mounts: mounts.map(|one| mount(one, workspace)).collect(),
            tmpfs,
            networks,
            hostname: hostname.as_deref().unwrap_or(name.as_str()),
            user,
            working_dir,
            init: *init,
            read_only: *read_only,
            memory: limits.memory,
            cpus: limits.cpus,
            pids: limits.pids,
            shm: limits.shm,
            ulimits,
            cap_add,
            sysctls,
            extra_hosts,
            gpus: match gpus {
                Gpus::None => "none",
                Gpus::All => "all",
            },
            stop_signal,
            stop_grace_nanos: stop_grace_period.map(|time| time.as_nanos()),
            restart: match restart {
                RestartPolicy::Never => None,
                RestartPolicy::Always => Some("always".to_owned()),
                RestartPolicy::OnFailure { attempts } => Some(format!("on-failure:{attempts:?}")),
            },
            stdin_open: *stdin_open,
            domainname: domainname.as_deref(),
            cap_drop,
            healthcheck: healthcheck.as_ref().map(healthcheck_identity),
            labels,
        }
    }
}

fn port(port: &Port) -> PortIdentity {
    PortIdentity {
        container: port.container,
        protocol: match port.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        },
        host: port.host,
        publish: match port.publish {
            PublishAddress::Loopback => "loopback",
            PublishAddress::AllInterfaces => "all",
        },
    }
}

fn mount<'a>(mount: &'a Mount, workspace: Option<&Path>) -> MountIdentity<'a> {
    let (kind, source, target, access) = match mount {
        Mount::Bind {
            source,
            target,
            access,
        } => ("bind", path(source), target, *access),
        Mount::Volume {
            name,
            target,
            access,
        } => ("volume", name.clone(), target, *access),
        Mount::Workspace {
            below,
            target,
            access,
        } => {
            let workspace = workspace.unwrap_or(Path::new(""));
            ("bind", path(&workspace.join(below)), target, *access)
        }
    };
    MountIdentity {
        kind,
        source,
        target,
        access: match access {
            Access::ReadOnly => "ro",
            Access::ReadWrite => "rw",
        },
    }
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Returns interval, timeout and retries as labels have them: what a file leaves out beside a test was once passed as the engine's
/// default, and the labels of those containers stay the same.
fn as_labelled(check: &Healthcheck) -> (Duration, Duration, i64) {
    let time = |time: Duration, default: Duration| match time {
        Duration::ZERO if check.has_test() => default,
        time => time,
    };
    let retries = match check.retries {
        0 if check.has_test() => Healthcheck::DEFAULT_RETRIES,
        retries => retries,
    };
    (
        time(check.interval, Healthcheck::DEFAULT_INTERVAL),
        time(check.timeout, Healthcheck::DEFAULT_TIMEOUT),
        retries,
    )
}

fn healthcheck_identity(check: &Healthcheck) -> HealthcheckIdentity<'_> {
    let (interval, timeout, retries) = as_labelled(check);
    HealthcheckIdentity {
        test: &check.test,
        interval_nanos: interval.as_nanos(),
        timeout_nanos: timeout.as_nanos(),
        retries,
        start_period_nanos: check.start_period.as_nanos(),
    }
}

/// The label that roadlab wrote before labels had versions: 16 hexadecimal digits over the `Debug` output of a container's
/// specification. `None` for a service whose container lacks a published port because of that release's defect: it kept one
/// binding for each container port.
fn label_of_version_0(service: &Service, placement: &Placement<'_>) -> Option<String> {
    let mut seen = BTreeSet::new();
    if !service.ports.iter().all(|port| seen.insert(port.container)) {
        return None;
    }
    let mut spec = ContainerSpec::new(
        service,
        placement,
        &HostPorts::default(),
        &AddressNumbers::new(),
    );
    spec.labels.clone_from(&service.labels);
    let hosts: Vec<Option<u16>> = service.ports.iter().map(|port| port.host).collect();
    let text = format!("{:?}{hosts:?}", Version0(&spec));
    Some(hex::encode(&Sha256::digest(text.as_bytes())[..8]))
}

/// The name of an enum's variant, without quotes.
struct Bare(&'static str);

impl fmt::Debug for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `Debug` output as the types of version 0 derived it.
struct Version0<'a, T>(&'a T);

impl fmt::Debug for Version0<'_, ContainerSpec> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spec = self.0;
        let ports: Vec<_> = spec.ports.iter().map(Version0).collect();
        let mounts: Vec<_> = spec.mounts.iter().map(Version0).collect();
        let networks = spec.networks.iter();
        let networks: Vec<_> = networks.map(|one| (&one.network, &one.aliases)).collect();
        f.debug_struct("ContainerSpec")
            .field("name", &spec.name)
            .field("image", &spec.image)
            .field("entrypoint", &spec.entrypoint)
            .field("command", &spec.command)
            .field("environment", &spec.environment)
            .field("ports", &ports)
            .field("mounts", &mounts)
            .field("tmpfs", &spec.tmpfs)
            .field("networks", &networks)
            .field("hostname", &spec.hostname)
            .field("user", &spec.user)
            .field("working_dir", &spec.working_dir)
            .field("init", &spec.init)
            .field("read_only", &spec.read_only)
            .field("limits", &Version0(&spec.limits))
            .field("ulimits", &spec.ulimits)
            .field("cap_add", &spec.cap_add)
            .field("sysctls", &spec.sysctls)
            .field("extra_hosts", &spec.extra_hosts)
            .field(
                "gpus",
                match spec.gpus {
                    Gpus::None => &Bare("None"),
                    Gpus::All => &Bare("All"),
                },
            )
            .field("stop_signal", &spec.stop_signal)
            .field("healthcheck", &spec.healthcheck.as_ref().map(Version0))
            .field("labels", &spec.labels)
            .finish()
    }
}

impl fmt::Debug for Version0<'_, PortSpec> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortSpec")
            .field("container", &self.0.container)
            .field(
                "protocol",
                match self.0.protocol {
                    Protocol::Tcp => &Bare("Tcp"),
                    Protocol::Udp => &Bare("Udp"),
                },
            )
            .field("host", &0)
            .field(
                "publish",
                match self.0.publish {
                    PublishAddress::Loopback => &Bare("Here"),
                    PublishAddress::AllInterfaces => &Bare("Everywhere"),
                },
            )
            .finish()
    }
}

impl fmt::Debug for Version0<'_, MountSpec> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            MountSpec::Bind {
                source,
                target,
                access,
            } => f
                .debug_struct("Bind")
                .field("source", source)
                .field("target", target)
                .field(
                    "access",
                    match access {
                        Access::ReadOnly => &Bare("ReadOnly"),
                        Access::ReadWrite => &Bare("ReadWrite"),
                    },
                )
                .finish(),
            MountSpec::Volume {
                name,
                target,
                access: _,
                labels,
            } => f
                .debug_struct("Volume")
                .field("name", name)
                .field("target", target)
                .field("labels", labels)
                .finish(),
        }
    }
}

impl fmt::Debug for Version0<'_, Limits> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("memory", &self.0.memory)
            .field("cpus", &self.0.cpus)
            .field("pids", &self.0.pids)
            .field("shm", &self.0.shm)
            .finish()
    }
}

impl fmt::Debug for Version0<'_, Healthcheck> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (interval, timeout, retries) = as_labelled(self.0);
        f.debug_struct("Healthcheck")
            .field("test", &self.0.test)
            .field("interval", &interval)
            .field("timeout", &timeout)
            .field("retries", &retries)
            .field("start_period", &self.0.start_period)
            .finish()
    }
}

#[cfg(test)]
mod tests;
