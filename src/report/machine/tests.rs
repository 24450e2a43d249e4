use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::lab::testing::lab;
use crate::plan::{
    Clock, Disk, EngineInfo, Folder, Machine, Memory, Need, NoEngine, Process, Proxies, findings,
};
use crate::report::{Paint, finding_lines};

const GIB: u64 = 1 << 30;

/// A machine on which all is well.
fn machine() -> Machine {
    Machine {
        engine: Some(EngineInfo {
            product: "Docker".into(),
            version: "28.0".into(),
            api: "1.48".into(),
            address: "unix:///var/run/docker.sock".into(),
            source: "system socket".into(),
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
            of: "Docker".into(),
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
    Need::of(&lab(compose), 0)
}

#[track_caller]
fn check(machine: &Machine, need: Need, expected: &[&str]) {
    let said = finding_lines(&findings(machine, &[need]), Paint::Plain);
    let worth: Vec<&str> = said
        .iter()
        .map(String::as_str)
        .filter(|line| !line.starts_with('✓'))
        .collect();
    assert_eq!(worth, expected);
}

#[test]
fn a_machine_on_which_all_is_well_is_told_in_a_few_lines() {
    let said = finding_lines(&findings(&machine(), &[need()]), Paint::Plain);
    insta::assert_snapshot!(said.join("\n"), @"
    ✓ engine  Docker 28.0 (API 1.48) at unix:///var/run/docker.sock (system socket)
    ✓ limits  cgroup v2; memory and process limits are enforced
    ✓ memory  8.0 GiB, 6.0 GiB available; the largest lab, small, may use 64 MiB
    ✓ disk    50.0 GiB free at /var/lib/docker; missing images: 0
    ✓ ports   no other program uses these ports: 6379
    ✓ clock   in sync with Docker
    ✓ folder  /home/me/.local/state/roadlab is writable
    ");
}

#[test]
fn an_engine_that_is_missing_old_or_without_limits_is_told_with_the_way_out() {
    let mut none = machine();
    none.engine = None;
    none.no_engine = Some(NoEngine {
        why: "permission denied on unix:///var/run/docker.sock".into(),
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
            "! engine  Docker 18.09 (API 1.39) at unix:///var/run/docker.sock (system socket); older than the oldest version tested with roadlab",
            "    fix: roadlab engine up --yes",
            "! limits  cgroup v2; the engine cannot limit: memory. A lab that leaks could use up the whole machine",
            "    fix: add `cgroup_enable=memory` to the kernel command line, then: sudo reboot",
        ],
    );
}

#[test]
fn memory_that_is_in_use_is_a_note_and_memory_that_is_not_there_a_problem() {
    let mut large = need();
    large.memory = 7 * GIB;
    check(
        &machine(),
        large.clone(),
        &[
            "! memory  6.0 GiB of 8.0 GiB available; small may use 7.0 GiB: stop other programs or labs if it becomes slow",
            "    fix: roadlab down --all",
        ],
    );
    large.memory = 9 * GIB;
    check(
        &machine(),
        large,
        &[
            "✗ memory  this machine has 8.0 GiB of memory, and the services of small may use 9.0 GiB: it cannot run here unless `mem_limit` in its compose.yaml is lowered",
            "    fix: roadlab show small",
        ],
    );
}

#[test]
fn room_is_counted_by_the_images_that_are_missing() {
    let mut missing = need();
    missing.missing = 3;
    let mut tight = machine();
    tight.disk.as_mut().unwrap().free = GIB;
    check(&tight, need(), &[]);
    check(
        &tight,
        missing.clone(),
        &[
            "! disk    only 1.0 GiB free at /var/lib/docker; missing images: 3",
            "    fix: docker image prune",
        ],
    );
    tight.disk.as_mut().unwrap().free = GIB / 2;
    check(
        &tight,
        missing,
        &[
            "✗ disk    only 512 MiB free at /var/lib/docker, at least 704 MiB is needed; missing images: 3",
            "    fix: docker image prune",
        ],
    );
}

#[test]
fn a_server_at_a_customary_port_is_foreign_unless_it_is_ours() {
    let mut busy = machine();
    let process = Process {
        pid: 812,
        program: "redis-server".into(),
    };
    busy.answering = BTreeMap::from([(6379, Some(process)), (5432, None)]);
    let foreign = "! ports   port 6379 is used by another program: `redis-server`, process 812; `roadlab status` shows the address of the lab's redis";
    check(&busy, need(), &[foreign, "    fix: roadlab status"]);

    busy.ours = BTreeSet::from([6379]);
    check(&busy, need(), &[]);

    busy.ours.clear();
    busy.published = BTreeMap::from([(6379, "shop-cache-1".into())]);
    let mut insists = need();
    insists.fixed = BTreeSet::from([6379]);
    check(
        &busy,
        insists,
        &[
            "✗ ports   port 6379 is used by container shop-cache-1, and lab small requires it",
            "    fix: docker stop shop-cache-1",
        ],
    );
}

#[test]
fn a_proxy_that_only_the_shell_knows_is_told() {
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
    let unknown = "! proxy   the shell uses HTTPS_PROXY=http://proxy.test:3128 NO_PROXY=localhost, but the engine has no proxy: image pulls bypass it";
    let fix = "    fix: roadlab engine down && roadlab engine up --yes";
    check(&behind, need(), &[unknown, fix]);
    behind.proxies.engine = vec!["http://proxy.test:3128".into()];
    check(&behind, need(), &[]);
}

#[test]
fn a_clock_that_is_off_and_a_folder_that_is_closed_are_told() {
    let mut broken = machine();
    broken.clocks.push(Clock {
        of: "docker.io".into(),
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
            "! clock   3600 s behind docker.io: TLS and time-to-live may not work as expected",
            "    fix: sudo timedatectl set-ntp true",
            "✗ folder  cannot write to /home/me/my files: Permission denied (os error 13)",
            "    fix: sudo chown -R \"$(id -u)\" '/home/me/my files'",
        ],
    );
}
