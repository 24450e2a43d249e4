//! The requests to the engine: privileges, limits and addresses that no lab can widen.

use std::path::PathBuf;

use super::*;
use crate::lab::Limits;
use crate::plan::HostPort;

fn spec() -> ContainerSpec {
    ContainerSpec {
        name: "roadlab-redis-z7a9bc-redis".into(),
        image: "redis:8.0".into(),
        entrypoint: None,
        command: None,
        environment: BTreeMap::from([("A".into(), "b=c".into())]),
        ports: vec![
            PortSpec {
                container: 6379,
                protocol: Protocol::Tcp,
                host: HostPort::Fixed(20_000),
                publish: PublishAddress::Loopback,
            },
            PortSpec {
                container: 53,
                protocol: Protocol::Udp,
                host: HostPort::Chosen(0),
                publish: PublishAddress::Loopback,
            },
        ],
        mounts: vec![
            MountSpec::Bind {
                source: PathBuf::from("/labs/redis/files"),
                target: "/lab".into(),
                access: Access::ReadOnly,
            },
            MountSpec::Volume {
                name: "roadlab-redis-z7a9bc-data".into(),
                target: "/data".into(),
                access: Access::ReadWrite,
                labels: BTreeMap::from([("dev.roadlab.lab".into(), "redis".into())]),
            },
        ],
        tmpfs: BTreeMap::new(),
        networks: vec![
            NetworkAttachment {
                network: "front".into(),
                aliases: vec!["redis".into()],
                number: Some(2),
            },
            NetworkAttachment {
                network: "back".into(),
                aliases: vec![],
                number: None,
            },
        ],
        hostname: "redis".into(),
        domainname: None,
        user: None,
        working_dir: None,
        init: false,
        read_only: true,
        limits: Limits {
            memory: Some(64 << 20),
            cpus: Some(0.5),
            pids: 100,
            shm: None,
        },
        ulimits: BTreeMap::new(),
        cap_add: vec!["NET_ADMIN".into()],
        sysctls: BTreeMap::new(),
        extra_hosts: BTreeMap::new(),
        gpus: Gpus::None,
        stop_signal: Some("SIGINT".into()),
        stop_grace_period: None,
        restart: crate::lab::RestartPolicy::Never,
        stdin_open: false,
        cap_drop: Vec::new(),
        healthcheck: Some(Healthcheck {
            test: vec!["CMD".into(), "true".into()],
            interval: Duration::from_millis(1500),
            timeout: Duration::from_secs(1),
            retries: 3,
            start_period: Duration::ZERO,
        }),
        labels: BTreeMap::new(),
    }
}

#[test]
fn a_container_gets_the_least_privileges_and_all_limits() {
    let host = container(&spec(), None).host_config.unwrap();
    assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
    let added = host.cap_add.unwrap();
    let expected = CAPABILITIES.iter().copied().chain(["NET_ADMIN"]);
    assert!(added.iter().eq(expected), "{added:?}");
    assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
    assert_eq!(host.privileged, None);
    assert_eq!(
        host.restart_policy.unwrap().name,
        Some(RestartPolicyNameEnum::NO)
    );
    assert_eq!(
        (host.memory, host.memory_swap),
        (Some(64 << 20), Some(64 << 20))
    );
    assert_eq!(
        (host.cpu_quota, host.cpu_period, host.pids_limit),
        (Some(50_000), Some(100_000), Some(100))
    );
    assert_eq!(host.readonly_rootfs, Some(true));
    let log = host.log_config.unwrap();
    assert_eq!(
        (log.typ.as_deref(), log.config.unwrap()["max-size"].as_str()),
        (Some("json-file"), "5m")
    );
}

#[test]
fn ports_are_on_the_loopback_address_only() {
    let body = container(&spec(), None);
    assert_eq!(body.exposed_ports.unwrap(), ["6379/tcp", "53/udp"]);
    let bindings = body.host_config.unwrap().port_bindings.unwrap();
    let at = |port: &str| bindings[port].clone().unwrap().remove(0);
    assert_eq!(at("6379/tcp").host_port.as_deref(), Some("20000"));
    assert_eq!(at("53/udp").host_port.as_deref(), Some("0"));
    assert!(
        bindings
            .keys()
            .all(|port| at(port).host_ip.as_deref() == Some("127.0.0.1"))
    );
}

#[test]
fn every_binding_of_a_container_port_is_sent() {
    let mut spec = spec();
    spec.ports.push(PortSpec {
        container: 6379,
        protocol: Protocol::Tcp,
        host: HostPort::Chosen(20_001),
        publish: PublishAddress::Loopback,
    });
    let body = container(&spec, None);
    assert_eq!(body.exposed_ports.unwrap(), ["6379/tcp", "53/udp"]);
    let bindings = body.host_config.unwrap().port_bindings.unwrap();
    let hosts = bindings["6379/tcp"].as_ref().unwrap().iter();
    let hosts: Vec<_> = hosts.filter_map(|one| one.host_port.as_deref()).collect();
    assert_eq!(hosts, ["20000", "20001"]);
}

#[test]
fn mounts_never_create_folders_on_the_host() {
    let host = container(&spec(), None).host_config.unwrap();
    assert_eq!(host.binds, None);
    let mounts = host.mounts.unwrap();
    assert_eq!(
        (mounts[0].typ, mounts[0].read_only),
        (Some(MountType::BIND), Some(true))
    );
    assert_eq!(mounts[0].bind_options, None);
    let labels = mounts[1].volume_options.clone().unwrap().labels.unwrap();
    assert_eq!(labels["dev.roadlab.lab"], "redis");
}

#[test]
fn a_container_starts_on_its_first_network_with_its_names_and_address() {
    let body = container(&spec(), "10.214.0.2".parse().ok());
    assert_eq!(
        body.host_config.unwrap().network_mode.as_deref(),
        Some("front")
    );
    let attached = body.networking_config.unwrap().endpoints_config.unwrap();
    assert_eq!(attached.len(), 1);
    let address = attached["front"].ipam_config.as_ref();
    let address = address.and_then(|config| config.ipv4_address.as_deref());
    assert_eq!(address, Some("10.214.0.2"));
    assert_eq!(
        attached["front"].aliases.as_deref(),
        Some(["redis".to_owned()].as_slice())
    );
    assert_eq!(body.env.unwrap(), ["A=b=c"]);
    assert_eq!(body.healthcheck.unwrap().interval, Some(1_500_000_000));
}

#[test]
fn memory_is_counted_without_reclaimable_cache() {
    let stats = |text: &str| {
        let stats: ContainerStatsResponse = serde_json::from_str(text).unwrap();
        memory_usage(stats).map(|memory_usage| memory_usage.memory)
    };
    let old =
        r#"{"memory_stats":{"usage":100,"stats":{"inactive_file":1,"total_inactive_file":30}}}"#;
    assert_eq!(stats(old), Some(70));
    assert_eq!(
        stats(r#"{"memory_stats":{"usage":100,"stats":{"inactive_file":40}}}"#),
        Some(60)
    );
    assert_eq!(
        stats(r#"{"memory_stats":{"usage":1,"stats":{"inactive_file":40}}}"#),
        Some(0)
    );
    assert_eq!(stats(r#"{"memory_stats":{}}"#), None);
}

#[test]
fn a_state_is_read_with_health_and_reachable_ports() {
    let answer = r#"{
        "State": {"Status": "running", "Running": true, "OOMKilled": true, "ExitCode": 137, "Error": "e",
            "StartedAt": "0001-01-01T00:00:00Z", "FinishedAt": "2026-01-02T03:04:05Z",
            "Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "new\n"}]}},
        "NetworkSettings": {"Ports": {
            "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "2"}],
            "53/tcp": [{"HostIp": "127.0.0.1", "HostPort": "1"}],
            "80/tcp": null,
            "81/tcp": [{"HostIp": "::", "HostPort": "3"}, {"HostIp": "0.0.0.0", "HostPort": "6"},
                {"HostIp": "0.0.0.0", "HostPort": "4"}],
            "82/tcp": [{"HostIp": "192.0.2.7", "HostPort": "5"}]}}
    }"#;
    let state = state(serde_json::from_str(answer).unwrap());
    assert_eq!(
        (state.status.as_str(), state.running, state.paused),
        ("running", true, false)
    );
    assert_eq!(
        (state.out_of_memory, state.exit_code, state.error.as_str()),
        (true, 137, "e")
    );
    assert_eq!(
        (state.started, state.ended),
        (None, Some(Duration::from_secs(1_767_323_045)))
    );
    assert_eq!(state.health, Some(Health::Unhealthy("new".into())));
    let ports: Vec<_> = state.ports.iter().collect();
    let port = |container, protocol, host| PublishedPort {
        container,
        protocol,
        host,
    };
    assert_eq!(
        ports,
        [
            port(53, Protocol::Tcp, 1),
            port(53, Protocol::Udp, 2),
            port(81, Protocol::Tcp, 4),
            port(81, Protocol::Tcp, 6),
        ]
    );
}

#[test]
fn the_memory_limit_is_read_from_the_engine() {
    let text = r#"{"memory_stats":{"usage":100,"limit":1000}}"#;
    let limited = memory_usage(serde_json::from_str(text).unwrap()).unwrap();
    assert_eq!((limited.memory, limited.limit), (100, Some(1000)));
}

#[test]
fn times_are_read_to_the_nanosecond() {
    assert_eq!(
        time("2026-01-02T03:04:05.000000006Z"),
        Some(Duration::new(1_767_323_045, 6))
    );
    assert_eq!(time("0001-01-01T00:00:00Z"), None);
    assert_eq!(time("Ready to accept"), None);
}

#[test]
fn trusted_settings_are_applied() {
    let mut spec = spec();
    let host = container(&spec, None).host_config.unwrap();
    assert_eq!(host.device_requests, None);
    spec.gpus = Gpus::All;
    spec.extra_hosts = BTreeMap::from([("db".into(), "192.0.2.1".into())]);
    spec.sysctls = BTreeMap::from([("net.core.somaxconn".into(), "1024".into())]);
    spec.ports[0].publish = PublishAddress::AllInterfaces;
    let host = container(&spec, None).host_config.unwrap();
    let cards = host.device_requests.unwrap();
    assert_eq!((cards.len(), cards[0].count), (1, Some(-1)));
    assert_eq!(host.extra_hosts.unwrap(), ["db:192.0.2.1"]);
    assert_eq!(host.sysctls.unwrap()["net.core.somaxconn"], "1024");
    let bindings = host.port_bindings.unwrap();
    let address = |port: &str| {
        let bound = bindings[port].as_ref().unwrap();
        bound[0].host_ip.clone().unwrap()
    };
    assert_eq!(address("6379/tcp"), "0.0.0.0");
    assert_eq!(address("53/udp"), "127.0.0.1");
}
