//! Our requests in the engine's words and its answers in ours. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStatsResponse, DeviceRequest,
    EndpointSettings, HealthConfig, HealthStatusEnum, HostConfig, HostConfigLogConfig, Ipam,
    IpamConfig, Mount, MountType, MountVolumeOptions, NetworkCreateRequest, NetworkingConfig,
    PortBinding, PortMap, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::engine::{ContainerState, Health, MemoryUsage};
use crate::lab::{Access, CAPABILITIES, Gpus, Healthcheck, Protocol, PublishAddress};
use crate::plan::{ContainerSpec, MountSpec, NetworkSpec, PortSpec};

/// Where ports are published, unless the learner trusts a lab that asks for more.
const LOOPBACK: &str = "127.0.0.1";

/// The kernel's usual span in which a quota of processor time is counted, in microseconds.
const CPU_PERIOD: i64 = 100_000;

/// The body of the create call, with the container on its first network.
pub(super) fn container(spec: &ContainerSpec) -> ContainerCreateBody {
    let environment = spec.environment.iter();
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: Some(spec.hostname.clone()),
        user: spec.user.clone(),
        working_dir: spec.working_dir.clone(),
        entrypoint: spec.entrypoint.clone(),
        cmd: spec.command.clone(),
        env: Some(
            environment
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        ),
        exposed_ports: Some(
            spec.ports
                .iter()
                .map(|published| port(published.container, published.protocol))
                .collect(),
        ),
        // A terminal has no frames: output could not be told apart and lines would pile up in the client.
        tty: Some(false),
        healthcheck: spec.healthcheck.as_ref().map(healthcheck),
        stop_signal: spec.stop_signal.clone(),
        labels: Some(labels(&spec.labels)),
        host_config: Some(host_config(spec)),
        networking_config: spec
            .networks
            .first()
            .map(|(name, aliases)| NetworkingConfig {
                endpoints_config: Some(HashMap::from([(name.clone(), attachment(aliases))])),
            }),
        ..Default::default()
    }
}

/// How a container is attached to a network: the names it answers to.
pub(super) fn attachment(aliases: &[String]) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(aliases.to_vec()),
        ..Default::default()
    }
}

/// The least rights that services need, and limits on what they use up.
fn host_config(spec: &ContainerSpec) -> HostConfig {
    let added = spec.cap_add.iter().map(String::as_str);
    let limits = &spec.limits;
    HostConfig {
        cap_drop: Some(vec!["ALL".into()]),
        cap_add: Some(
            CAPABILITIES
                .iter()
                .copied()
                .chain(added)
                .map(str::to_owned)
                .collect(),
        ),
        security_opt: Some(vec!["no-new-privileges".into()]),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        memory: limits.memory,
        // The same as `memory`: no swap.
        memory_swap: limits.memory,
        // As a quota, for which the engine does not ask whether the machine has as many.
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
        // Never `Binds`: that makes missing folders, as root.
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        port_bindings: Some(bindings(&spec.ports)),
        network_mode: spec.networks.first().map(|(name, _)| name.clone()),
        ..Default::default()
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
            labels: ours,
        } => Mount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            target: Some(target.clone()),
            volume_options: Some(MountVolumeOptions {
                labels: Some(labels(ours)),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn bindings(ports: &[PortSpec]) -> PortMap {
    let bind = |published: &PortSpec| PortBinding {
        host_ip: Some(match published.publish {
            PublishAddress::Loopback => LOOPBACK.into(),
            PublishAddress::AllInterfaces => "0.0.0.0".into(),
        }),
        host_port: Some(published.host.to_string()),
    };
    ports
        .iter()
        .map(|published| {
            let name = port(published.container, published.protocol);
            (name, Some(vec![bind(published)]))
        })
        .collect()
}

fn port(number: u16, protocol: Protocol) -> String {
    match protocol {
        Protocol::Tcp => format!("{number}/tcp"),
        Protocol::Udp => format!("{number}/udp"),
    }
}

fn healthcheck(check: &Healthcheck) -> HealthConfig {
    let nanoseconds = |d: Duration| i64::try_from(d.as_nanos()).ok();
    HealthConfig {
        test: Some(check.test.clone()),
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: Some(check.retries),
        start_period: nanoseconds(check.start_period),
        start_interval: None,
    }
}

/// The body of a network's create call.
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

pub(super) fn labels(ours: &BTreeMap<String, String>) -> HashMap<String, String> {
    ours.clone().into_iter().collect()
}

/// A container's state as inspect tells it.
pub(super) fn state(answer: ContainerInspectResponse) -> ContainerState {
    let state = answer.state.unwrap_or_default();
    let ports = answer.network_settings.and_then(|settings| settings.ports);
    let health = state
        .health
        .as_ref()
        .and_then(|health| match health.status {
            Some(HealthStatusEnum::STARTING) => Some(Health::Starting),
            Some(HealthStatusEnum::HEALTHY) => Some(Health::Healthy),
            Some(HealthStatusEnum::UNHEALTHY) => {
                let last = health.log.as_deref().and_then(<[_]>::last);
                let said = last.and_then(|probe| probe.output.as_deref());
                Some(Health::Unhealthy(
                    said.unwrap_or_default().trim().to_owned(),
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
        started: state.started_at.as_deref().and_then(time),
        ports: published(ports.unwrap_or_default()),
    }
}

fn published(ports: PortMap) -> BTreeMap<u16, u16> {
    let mut ports: Vec<_> = ports.into_iter().collect();
    // UDP comes first: where a number is both, it is the host port of TCP that stays.
    ports.sort_by(|a, b| b.0.cmp(&a.0));
    ports
        .into_iter()
        .filter_map(|(port, bindings)| {
            let host = bindings?.into_iter().find_map(|binding| {
                let here = reachable(binding.host_ip.as_deref());
                binding.host_port.filter(|_| here)?.parse().ok()
            })?;
            Some((port.split('/').next()?.parse().ok()?, host))
        })
        .collect()
}

/// Whether a port on that host address answers on 127.0.0.1.
pub(super) fn reachable(host_ip: Option<&str>) -> bool {
    matches!(host_ip, None | Some("" | "0.0.0.0" | LOOPBACK))
}

/// Memory in use without the file cache that the kernel would give up first, as `docker stats` counts it.
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

/// The engine's times, since 1970; what was never is in the year 1.
pub(super) fn time(text: &str) -> Option<Duration> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos())
        .ok()
        .map(Duration::from_nanos)
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
