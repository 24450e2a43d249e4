//! Converts requests to the types of the Docker API, and its answers back. Everything here is pure.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStatsResponse, DeviceRequest,
    EndpointIpamConfig, EndpointSettings, HealthConfig, HealthStatusEnum, HostConfig,
    HostConfigLogConfig, Ipam, IpamConfig, Mount, MountType, MountVolumeOptions,
    NetworkCreateRequest, NetworkingConfig, PortBinding, PortMap, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::engine::{ContainerState, Health, MemoryUsage};
use crate::lab::{self, Access, CAPABILITIES, Gpus, Healthcheck, Protocol, PublishAddress};
use crate::plan::{
    ContainerSpec, MountSpec, NetworkAttachment, NetworkSpec, PortSpec, PublishedPort,
    PublishedPorts,
};

/// The address that ports are published on, unless the user trusts a lab that needs another one.
const LOOPBACK: &str = "127.0.0.1";

/// The kernel's default period for CPU quotas, in microseconds.
const CPU_PERIOD: i64 = 100_000;

/// Returns the body of the create call, with the container on its first network, at this address.
pub(super) fn container(spec: &ContainerSpec, address: Option<Ipv4Addr>) -> ContainerCreateBody {
    let environment = spec.environment.iter();
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: Some(spec.hostname.clone()),
        domainname: spec.domainname.clone(),
        user: spec.user.clone(),
        working_dir: spec.working_dir.clone(),
        entrypoint: spec.entrypoint.clone(),
        cmd: spec.command.clone(),
        env: Some(
            environment
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        ),
        exposed_ports: Some(exposed_ports(&spec.ports)),
        // The output of a terminal is one unframed stream: stdout and stderr could not be separated.
        tty: Some(false),
        healthcheck: spec.healthcheck.as_ref().map(healthcheck),
        stop_signal: spec.stop_signal.clone(),
        stop_timeout: spec
            .stop_grace_period
            .map(|grace| i64::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)),
        open_stdin: spec.stdin_open.then_some(true),
        labels: Some(labels(&spec.labels)),
        host_config: Some(host_config(spec)),
        networking_config: spec.networks.first().map(|one| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                one.network.clone(),
                attachment(one, address),
            )])),
        }),
        ..Default::default()
    }
}

/// Returns the settings of a container on a network: its names and its address there.
pub(super) fn attachment(
    attachment: &NetworkAttachment,
    address: Option<Ipv4Addr>,
) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        ipam_config: address.map(|address| EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Returns the least privileges that services need, and their limits.
fn host_config(spec: &ContainerSpec) -> HostConfig {
    let added = spec.cap_add.iter().map(String::as_str);
    let limits = &spec.limits;
    HostConfig {
        cap_drop: Some(vec!["ALL".into()]),
        cap_add: Some(
            CAPABILITIES
                .iter()
                .copied()
                .filter(|name| !is_dropped(spec, name))
                .chain(added)
                .map(str::to_owned)
                .collect(),
        ),
        security_opt: Some(vec!["no-new-privileges".into()]),
        restart_policy: Some(restart_policy(spec.restart)),
        memory: limits.memory,
        // Equal to `memory`, which means no swap.
        memory_swap: limits.memory,
        // As a quota, because the engine refuses a CPU count that exceeds the machine's.
        cpu_period: limits.cpus.map(|_| CPU_PERIOD),
        cpu_quota: limits
            .cpus
            .map(|cpus| (cpus * CPU_PERIOD as f64).round() as i64),
        pids_limit: Some(limits.pids),
        shm_size: limits.shm,
        ulimits: Some(
            spec.ulimits
                .iter()
                .map(|(name, (soft, hard))| ResourcesUlimits {
                    name: Some(name.clone()),
                    soft: Some(*soft),
                    hard: Some(*hard),
                })
                .collect(),
        ),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(HashMap::from([
                ("max-size".into(), "5m".into()),
                ("max-file".into(), "2".into()),
            ])),
        }),
        sysctls: Some(spec.sysctls.clone().into_iter().collect()),
        extra_hosts: Some(
            spec.extra_hosts
                .iter()
                .map(|(name, address)| format!("{name}:{address}"))
                .collect(),
        ),
        device_requests: match spec.gpus {
            Gpus::None => None,
            Gpus::All => Some(vec![DeviceRequest {
                count: Some(-1),
                capabilities: Some(vec![vec!["gpu".into()]]),
                ..Default::default()
            }]),
        },
        init: Some(spec.init),
        readonly_rootfs: Some(spec.read_only),
        tmpfs: Some(spec.tmpfs.clone().into_iter().collect()),
        // Not `Binds`, because the engine creates missing folders for those, as root.
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        port_bindings: Some(bindings(&spec.ports)),
        network_mode: spec.networks.first().map(|one| one.network.clone()),
        ..Default::default()
    }
}

fn is_dropped(spec: &ContainerSpec, name: &str) -> bool {
    let mut dropped = spec.cap_drop.iter();
    dropped.any(|dropped| dropped == "ALL" || dropped == name)
}

fn restart_policy(policy: lab::RestartPolicy) -> RestartPolicy {
    let (name, attempts) = match policy {
        lab::RestartPolicy::Never => (RestartPolicyNameEnum::NO, None),
        // Not `always`, which starts a container again that was stopped before the engine ended.
        lab::RestartPolicy::Always => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        lab::RestartPolicy::OnFailure { attempts } => (RestartPolicyNameEnum::ON_FAILURE, attempts),
    };
    RestartPolicy {
        name: Some(name),
        maximum_retry_count: attempts,
    }
}

fn mount(mount: &MountSpec) -> Mount {
    match mount {
        MountSpec::Bind {
            source,
            target,
            access,
        } => Mount {
            typ: Some(MountType::BIND),
            source: Some(source.to_string_lossy().into_owned()),
            target: Some(target.clone()),
            read_only: Some(*access == Access::ReadOnly),
            ..Default::default()
        },
        MountSpec::Volume {
            name,
            target,
            access,
            labels: own,
        } => Mount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            target: Some(target.clone()),
            read_only: (*access == Access::ReadOnly).then_some(true),
            volume_options: Some(MountVolumeOptions {
                labels: Some(labels(own)),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

/// Returns each container port once, in the order of the lab file.
fn exposed_ports(ports: &[PortSpec]) -> Vec<String> {
    let mut exposed = Vec::new();
    for published in ports {
        let name = port(published.container, published.protocol);
        if !exposed.contains(&name) {
            exposed.push(name);
        }
    }
    exposed
}

/// Returns all bindings of each container port. A lab may publish one container port on several host ports.
fn bindings(ports: &[PortSpec]) -> PortMap {
    let mut bindings = PortMap::new();
    for published in ports {
        let name = port(published.container, published.protocol);
        let of_port = bindings.entry(name).or_default().get_or_insert_default();
        of_port.push(PortBinding {
            host_ip: Some(match published.publish {
                PublishAddress::Loopback => LOOPBACK.into(),
                PublishAddress::AllInterfaces => "0.0.0.0".into(),
            }),
            host_port: Some(published.host.number().to_string()),
        });
    }
    bindings
}

fn port(number: u16, protocol: Protocol) -> String {
    match protocol {
        Protocol::Tcp => format!("{number}/tcp"),
        Protocol::Udp => format!("{number}/udp"),
    }
}

/// Reads `80/tcp`; `None` for another protocol.
fn parse_port(text: &str) -> Option<(u16, Protocol)> {
    let (number, protocol) = text.split_once('/')?;
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    Some((number.parse().ok()?, protocol))
}

fn healthcheck(check: &Healthcheck) -> HealthConfig {
    // Zero is what the image has, or the engine's default.
    let nanoseconds = |d: Duration| i64::try_from(d.as_nanos()).ok();
    HealthConfig {
        test: Some(check.test.clone()).filter(|test| !test.is_empty()),
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: Some(check.retries),
        start_period: nanoseconds(check.start_period),
        start_interval: None,
    }
}

/// Returns the body of a network's create call.
pub(super) fn network(spec: &NetworkSpec) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: spec.name.clone(),
        driver: Some("bridge".into()),
        internal: Some(spec.internal),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(spec.subnet.to_string()),
                ..Default::default()
            }]),
            ..Default::default()
        }),
        labels: Some(labels(&spec.labels)),
        ..Default::default()
    }
}

pub(super) fn labels(labels: &BTreeMap<String, String>) -> HashMap<String, String> {
    labels.clone().into_iter().collect()
}

/// Reads a container's state from the answer to inspect.
pub(super) fn state(answer: ContainerInspectResponse) -> ContainerState {
    let state = answer.state.unwrap_or_default();
    let restarts = answer.restart_count.unwrap_or_default();
    let ports = answer.network_settings.and_then(|settings| settings.ports);
    let health = state
        .health
        .as_ref()
        .and_then(|health| match health.status {
            Some(HealthStatusEnum::STARTING) => Some(Health::Starting),
            Some(HealthStatusEnum::HEALTHY) => Some(Health::Healthy),
            Some(HealthStatusEnum::UNHEALTHY) => {
                let last = health.log.as_deref().and_then(<[_]>::last);
                let output = last.and_then(|probe| probe.output.as_deref());
                Some(Health::Unhealthy(
                    output.unwrap_or_default().trim().to_owned(),
                ))
            }
            Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => None,
        });
    ContainerState {
        running: state.running.unwrap_or_default(),
        paused: state.paused.unwrap_or_default(),
        status: state
            .status
            .map(|status| status.to_string())
            .unwrap_or_default(),
        exit_code: state.exit_code.unwrap_or_default(),
        out_of_memory: state.oom_killed.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
        health,
        restarts: u64::try_from(restarts).unwrap_or_default(),
        started: state.started_at.as_deref().and_then(time),
        ended: state.finished_at.as_deref().and_then(time),
        ports: published(ports.unwrap_or_default()),
    }
}

fn published(ports: PortMap) -> PublishedPorts {
    let bindings = ports.into_iter().filter_map(|(port, bindings)| {
        let (container, protocol) = parse_port(&port)?;
        let bindings = bindings.unwrap_or_default().into_iter();
        let reachable = bindings.filter(|binding| reachable(binding.host_ip.as_deref()));
        let hosts = reachable.filter_map(|binding| binding.host_port?.parse().ok());
        let published = hosts.map(move |host| PublishedPort {
            container,
            protocol,
            host,
        });
        Some(published.collect::<Vec<_>>())
    });
    bindings.flatten().collect()
}

/// Whether a port that is published on this address is reachable at 127.0.0.1.
pub(super) fn reachable(host_ip: Option<&str>) -> bool {
    matches!(host_ip, None | Some("" | "0.0.0.0" | LOOPBACK))
}

/// Returns the memory in use, without the file cache that the kernel reclaims first, as `docker stats` counts it.
pub(super) fn memory_usage(stats: ContainerStatsResponse) -> Option<MemoryUsage> {
    let memory = stats.memory_stats?;
    let usage = memory.usage?;
    let counters = memory.stats.unwrap_or_default();
    let inactive = ["total_inactive_file", "inactive_file"]
        .iter()
        .find_map(|name| counters.get(*name).copied());
    Some(MemoryUsage {
        memory: usage.saturating_sub(inactive.unwrap_or(0)),
        limit: memory.limit,
    })
}

/// Reads a time of the engine as time since 1970; `None` for the year 1, which stands for never.
pub(super) fn time(text: &str) -> Option<Duration> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos())
        .ok()
        .map(Duration::from_nanos)
}

#[cfg(test)]
mod tests;
