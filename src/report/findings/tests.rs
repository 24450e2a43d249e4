use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::diagnosis::{
    Clock, ClockSource, Disk, EngineInfo, EngineUnavailable, Folder, Machine, Memory,
    MissingImages, Need, Process, Proxies, findings,
};
use crate::lab::testing::lab;
use crate::report::{Paint, finding_lines};
use crate::text;
use crate::text::Text;

const GIB: u64 = 1 << 30;

/// A machine without problems.
fn machine() -> Machine {
    Machine {
        engine: Some(EngineInfo {
            product: "Docker".into(),
            version: "28.0".into(),
            api: "1.48".into(),
            address: "unix:///var/run/docker.sock".into(),
            source: "system socket".into(),
            source_text: text!("system socket"),
            cgroup: Some("2".into()),
            unlimited: Vec::new(),
            warnings: Vec::new(),
        }),
        memory: Some(Memory {
            total: 8 * GIB,
            available: 6 * GIB,
        }),
        disk: Some(Disk {
            path: "/var/lib/docker".into(),
            free: 50 * GIB,
        }),
        clocks: vec![Clock {
            source: ClockSource::Host("Docker".into()),
            ahead: 0,
        }],
        folders: vec![Folder {
            path: "/home/me/.local/state/roadlab".into(),
            problem: None,
        }],
        ..Machine::default()
    }
}

/// What the test lab needs; it has redis at 6379 with 64 MiB.
fn need() -> Need {
    let compose = "services:\n  redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m }\n";
    Need::of(&lab(compose), MissingImages::default())
}

#[track_caller]
fn check(machine: &Machine, need: Need, expected: &[&str]) {
    let lines = finding_lines(&findings(machine, &[need]), Paint::Plain);
    let reported: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|line| !line.starts_with('✓'))
        .collect();
    assert_eq!(reported, expected);
}

#[test]
fn only_ports_that_learners_connect_to_are_checked() {
    let ports = |interface: &str| {
        let compose = format!(
            "services:\n  redis:\n    image: redis:8.0\n    ports: ['6379', '8080', '15672']\n    mem_limit: 64m\n    x-roadlab: {interface}\n"
        );
        let need = Need::of(&lab(&compose), MissingImages::default());
        need.ports().collect::<Vec<u16>>()
    };
    let url = "url: 'redis://{{ host }}:{{ port }}'";
    assert_eq!(ports(&format!("{{ {url} }}")), [6379]);
    let web = "web: [{ title: Pages, port: 15672, path: / }]";
    assert_eq!(ports(&format!("{{ {url}, {web} }}")), [6379, 15672]);
    assert_eq!(ports(&format!("{{ {web} }}")), [15672]);
    assert_eq!(ports("{}"), [6379, 8080, 15672]);
}

#[test]
fn a_machine_without_problems() {
    let lines = finding_lines(&findings(&machine(), &[need()]), Paint::Plain);
    insta::assert_snapshot!(lines.join("\n"), @"
    ✓ engine  Docker 28.0 (API 1.48) answers at unix:///var/run/docker.sock (system socket)
    ✓ limits  the engine enforces limits on memory and processes (cgroup v2)
    ✓ memory  6.0 GiB of 8.0 GiB available; the largest lab, `small`, uses up to 64 MiB
    ✓ disk    50.0 GiB free in /var/lib/docker; no images to download
    ✓ ports   no other program uses the default ports of the services: 6379
    ✓ clock   this machine's clock agrees with that of Docker
    ✓ folder  /home/me/.local/state/roadlab is writable
    ");
}

#[test]
fn an_engine_that_is_missing_or_old_or_lacks_limits() {
    let mut none = machine();
    none.engine = None;
    none.engine_unavailable = Some(EngineUnavailable {
        why: Text::verbatim("permission denied on unix:///var/run/docker.sock"),
        fix: "newgrp docker".into(),
    });
    check(
        &none,
        need(),
        &[
            "✗ engine  permission denied on unix:///var/run/docker.sock",
            "    fix: newgrp docker",
        ],
    );
    let mut old = machine();
    let engine = old.engine.as_mut().unwrap();
    (engine.version, engine.api) = ("18.09".into(), "1.39".into());
    engine.unlimited = vec!["memory".into()];
    check(
        &old,
        need(),
        &[
            "! engine  Docker 18.09 (API 1.39) at unix:///var/run/docker.sock (system socket) is older than every version that roadlab is tested with; commands may fail",
            "    fix: install a newer version, see https://docs.docker.com/engine/install/",
            "! limits  the engine cannot limit memory (cgroup v2); a faulty lab may slow down or stop this machine",
            "    fix: add `cgroup_enable=memory` to the kernel command line, then run: sudo reboot",
        ],
    );
}

#[test]
fn too_little_available_memory_is_a_note_and_too_little_memory_a_problem() {
    let mut large = need();
    large.memory = 7 * GIB;
    check(
        &machine(),
        large.clone(),
        &[
            "! memory  only 6.0 GiB of 8.0 GiB available, and lab `small` uses up to 7.0 GiB; stop other programs or labs if it becomes slow",
            "    fix: roadlab down --all",
        ],
    );
    large.memory = 9 * GIB;
    check(
        &machine(),
        large,
        &[
            "✗ memory  this machine has 8.0 GiB of memory, but lab `small` uses up to 9.0 GiB; it cannot run here unless `mem_limit` in its compose.yaml is lowered",
            "    fix: roadlab show small",
        ],
    );
}

#[test]
fn the_disk_must_hold_the_missing_images() {
    let mut missing = need();
    missing.missing = MissingImages {
        count: 3,
        bytes: 576 << 20,
    };
    let mut tight = machine();
    tight.disk.as_mut().unwrap().free = GIB;
    check(&tight, need(), &[]);
    check(
        &tight,
        missing.clone(),
        &[
            "! disk    only 1.0 GiB free in /var/lib/docker; downloading may fill the disk; images to download: 3, at least 576 MiB",
            "    fix: roadlab gc --images",
        ],
    );
    tight.disk.as_mut().unwrap().free = GIB / 2;
    check(
        &tight,
        missing,
        &[
            "✗ disk    only 512 MiB free in /var/lib/docker, but at least 704 MiB is needed; images to download: 3, at least 576 MiB",
            "    fix: roadlab gc --images",
        ],
    );
}

#[test]
fn a_program_at_a_default_port_is_a_note_unless_a_lab_needs_the_port() {
    let mut busy = machine();
    let process = Process {
        pid: 812,
        program: "redis-server".into(),
    };
    busy.answering = BTreeMap::from([(6379, Some(process)), (5432, None)]);
    let note = "! ports   port 6379 is used by `redis-server` (process 812), which is not a service of a lab; `roadlab status` shows the address of the lab's redis";
    check(&busy, need(), &[note, "    fix: roadlab status"]);

    busy.own_ports = BTreeSet::from([6379]);
    check(&busy, need(), &[]);

    busy.own_ports.clear();
    busy.published = BTreeMap::from([(6379, "shop-cache-1".into())]);
    let mut fixed = need();
    fixed.fixed = BTreeSet::from([6379]);
    check(
        &busy,
        fixed,
        &[
            "✗ ports   port 6379 is used by container `shop-cache-1`; lab `small` needs this port and cannot start",
            "    fix: docker stop shop-cache-1",
        ],
    );
}

#[test]
fn a_proxy_that_the_engine_does_not_use_is_a_note() {
    let mut behind = machine();
    let shell = [
        ("HTTPS_PROXY", "http://proxy.test:3128"),
        ("NO_PROXY", "localhost"),
    ];
    behind.proxies = Proxies {
        shell: shell
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        ..Proxies::default()
    };
    let unknown = "! proxy   this shell uses HTTPS_PROXY=http://proxy.test:3128 NO_PROXY=localhost, but the engine uses no proxy; it may be unable to pull images";
    let fix = "    fix: roadlab engine down && roadlab engine up --yes";
    check(&behind, need(), &[unknown, fix]);
    behind.proxies.engine = vec!["http://proxy.test:3128".into()];
    check(&behind, need(), &[]);
}

#[test]
fn a_wrong_clock_and_a_folder_without_write_permission() {
    let mut broken = machine();
    broken.clocks.push(Clock {
        source: ClockSource::Host("docker.io".into()),
        ahead: 3600,
    });
    broken.folders.push(Folder {
        path: PathBuf::from("/home/me/my files"),
        problem: Some("Permission denied (os error 13)".into()),
    });
    check(
        &broken,
        need(),
        &[
            "! clock   this machine's clock is 3600 s behind that of docker.io; TLS certificates and expiry times may be judged wrongly",
            "    fix: sudo timedatectl set-ntp true",
            "✗ folder  cannot write to /home/me/my files, where roadlab keeps its files: Permission denied (os error 13)",
            "    fix: sudo chown -R \"$(id -u)\" '/home/me/my files'",
        ],
    );
}
