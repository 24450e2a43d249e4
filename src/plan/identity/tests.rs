//! What the identity of a container depends on, and that labels of older versions are understood.

use std::path::Path;

use super::*;
use crate::lab::testing::lab;
use crate::lab::{Instance, Lab, LabId, RunId, ServiceName};
use crate::plan::RunLabels;

/// A lab whose service `redis` uses every key that a container is created from.
const COMPOSE: &str = "\
services:
  redis:
    image: redis:8.0
    entrypoint: [docker-entrypoint.sh]
    command: [redis-server, --save, '']
    environment: { A: \"b 'c' \\\"d\\\"\", Z: é }
    ports: ['6379', '8080:80', '53/udp']
    volumes: ['data:/data', './guide.en.md:/lab/guide.md:ro']
    tmpfs: ['/run:size=16m']
    networks: { front: { aliases: [cache] }, back: {} }
    hostname: store
    user: '999'
    working_dir: /data
    init: true
    read_only: true
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 100
    shm_size: 16m
    ulimits: { nofile: { soft: 1024, hard: 2048 } }
    stop_signal: SIGINT
    labels: { team: data }
    healthcheck: { test: [CMD, 'true'], interval: 1500ms, timeout: 1s, retries: 3, start_period: 250ms }
  app:
    image: app:1
volumes: { data: {} }
networks: { front: {}, back: { internal: true } }
";

fn run_labels() -> RunLabels {
    RunLabels {
        run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
        lab: LabId::new("small").unwrap(),
        instance: Instance::main(),
        owner: "abc".into(),
        service: None,
        digest: None,
        mounted: None,
    }
}

fn check(lab: &Lab, service: &str, label: Option<&str>) -> IdentityMatch {
    let run_labels = run_labels();
    compare_identity(label, service_of(lab, service), &placement(&run_labels))
}

fn label(lab: &Lab, service: &str) -> String {
    let run_labels = run_labels();
    identity_label(service_of(lab, service), &placement(&run_labels))
}

fn service_of<'a>(lab: &'a Lab, service: &str) -> &'a Service {
    &lab.services[&ServiceName::new(service).unwrap()]
}

fn placement(run_labels: &RunLabels) -> Placement<'_> {
    Placement {
        run_labels,
        image: "sha256:0a1b",
        workspace: Some(Path::new("/home/me/lab")),
    }
}

/// The labels are part of the format: if this test fails, existing containers would be created again. Add a version.
#[test]
fn labels_of_version_1_do_not_change() {
    let lab = lab(COMPOSE);
    assert_eq!(
        label(&lab, "redis"),
        "v1:b01ddf72fe813cbe3d6352adddbb5e4967d02fbed841f33aef79dcd24b260bb8"
    );
    assert_eq!(
        label(&lab, "app"),
        "v1:a0a00369a14581626dedcf9be6a340e1a488082cec710f24cbd4765b7b28b002"
    );
    assert_eq!(
        check(&lab, "redis", Some(&label(&lab, "redis"))),
        IdentityMatch::Same
    );
}

/// Labels as roadlab 0.1.0 wrote them at commit 927bcad.
#[test]
fn labels_of_version_0_match() {
    let unchanged = lab(COMPOSE);
    let changed = lab(&COMPOSE.replace("cpus: 0.5", "cpus: 0.75"));
    for (service, label) in [("redis", "fefb51b27d8670ab"), ("app", "1ab5a7bf74c63c58")] {
        assert_eq!(
            check(&unchanged, service, Some(label)),
            IdentityMatch::Same,
            "{service}"
        );
    }
    assert_eq!(
        check(&changed, "redis", Some("fefb51b27d8670ab")),
        IdentityMatch::Different
    );
}

/// Version 0 published only one host port for each container port, so such a container lacks one.
#[test]
fn a_container_of_version_0_that_lacks_a_port_is_different() {
    let lab = lab(&COMPOSE.replace("'8080:80'", "'8080:80', '8081:80'"));
    let service = service_of(&lab, "redis");
    let run_labels = run_labels();
    assert_eq!(label_of_version_0(service, &placement(&run_labels)), None);
    assert_eq!(check(&lab, "redis", None), IdentityMatch::Different);
}

#[test]
fn a_label_of_a_newer_version_is_unknown() {
    let lab = lab(COMPOSE);
    let label = label(&lab, "app").replacen("v1:", "v2:", 1);
    assert_eq!(
        check(&lab, "app", Some(&label)),
        IdentityMatch::UnknownVersion
    );
}

/// Every change of the lab file that reaches the container changes the label, and nothing else does.
#[test]
fn the_label_depends_on_what_the_container_is_created_from() {
    let original = label(&lab(COMPOSE), "redis");
    for (from, to) in [
        ("redis-server, --save", "redis-server, --port"),
        ("A: \"b", "A: \"c"),
        ("'6379', '8080:80'", "'6379', '8081:80'"),
        ("'6379', '8080:80'", "'8080:80'"),
        ("'53/udp'", "'53/tcp'"),
        ("/lab/guide.md:ro", "/lab/guide.en.md:ro"),
        ("size=16m", "size=32m"),
        ("aliases: [cache]", "aliases: [kv]"),
        ("hostname: store", "hostname: shop"),
        (
            "hostname: store",
            "hostname: store\n    domainname: example.org",
        ),
        ("user: '999'", "user: '998'"),
        ("working_dir: /data", "working_dir: /"),
        ("init: true", "init: false"),
        ("mem_limit: 64m", "mem_limit: 65m"),
        ("pids_limit: 100", "pids_limit: 101"),
        ("soft: 1024", "soft: 1023"),
        ("SIGINT", "SIGTERM"),
        ("team: data", "team: web"),
        ("retries: 3", "retries: 4"),
    ] {
        let compose = COMPOSE.replace(from, to);
        assert_ne!(compose, COMPOSE, "{from}");
        assert_ne!(label(&lab(&compose), "redis"), original, "{to}");
    }
    let other = lab(&COMPOSE.replace("image: app:1", "image: app:2"));
    assert_eq!(label(&other, "redis"), original);
}
