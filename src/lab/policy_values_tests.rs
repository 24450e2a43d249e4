//! The rows of the policy that look at a number, an address or an option.

use std::path::Path;

use super::*;

/// What a rule says of one value.
fn kinds(rule: impl FnOnce(&Node, &mut Problems)) -> Vec<ProblemKind> {
    let node = Node::parse(Path::new("compose.yaml"), "x").unwrap();
    let mut problems = Vec::new();
    rule(&node, &mut problems);
    problems.iter().map(|problem| problem.kind).collect()
}

const ASKED: [ProblemKind; 1] = [ProblemKind::NeedsTrust];
const REFUSED: [ProblemKind; 1] = [ProblemKind::Refused];

#[test]
fn ports_are_on_this_machine_unless_trust_opens_them() {
    let port = |address: Option<&str>, host: Option<u16>| {
        let mut reach = PublishAddress::Loopback;
        let told = kinds(|at, problems| reach = host_port(address, host, at, problems));
        (reach, told)
    };
    assert_eq!(port(None, None), (PublishAddress::Loopback, vec![]));
    assert_eq!(
        port(Some("127.0.0.1"), Some(8080)),
        (PublishAddress::Loopback, vec![])
    );
    assert_eq!(
        port(None, Some(1023)),
        (PublishAddress::Loopback, ASKED.to_vec())
    );
    assert_eq!(
        port(Some("0.0.0.0"), None),
        (PublishAddress::AllInterfaces, ASKED.to_vec())
    );
    assert_eq!(
        port(Some("192.0.2.7"), None),
        (PublishAddress::Loopback, REFUSED.to_vec())
    );
    let both = [ProblemKind::NeedsTrust; 2].to_vec();
    assert_eq!(
        port(Some("[::]"), Some(80)),
        (PublishAddress::AllInterfaces, both)
    );
}

#[test]
fn kernel_settings_are_those_of_the_containers_network() {
    let setting = |name: &str| kinds(|at, problems| sysctl(name, at, problems));
    for name in SYSCTLS {
        assert_eq!(setting(name), []);
    }
    assert_eq!(setting("net.ipv4.ip_forward"), ASKED);
    for bad in [
        "kernel.core_pattern",
        "vm.overcommit_memory",
        "fs.mqueue.msg_max",
    ] {
        assert_eq!(setting(bad), REFUSED, "{bad}");
    }
}

#[test]
fn limits_of_processes_have_a_most() {
    let limit = |name: &str, hard: i64| kinds(|at, problems| ulimit(name, hard, at, problems));
    for (name, most) in ULIMITS {
        assert_eq!(limit(name, *most), []);
        assert_eq!(limit(name, most + 1), ASKED);
        assert_eq!(limit(name, -1), ASKED);
    }
    assert_eq!(limit("memlock", 1), ASKED);
    let limits = |pids: i64, shm: Option<i64>| {
        let asked = Limits {
            memory: None,
            cpus: None,
            pids,
            shm,
        };
        kinds(|at, problems| super::limits(&asked, at, problems))
    };
    assert_eq!(limits(MOST_PIDS, Some(MOST_IN_MEMORY)), []);
    for bad in [MOST_PIDS + 1, 0, -1] {
        assert_eq!(limits(bad, None), ASKED, "{bad}");
    }
    assert_eq!(limits(1, Some(MOST_IN_MEMORY + 1)), ASKED);
}

#[test]
fn files_in_memory_have_a_size_and_no_way_out() {
    let options = |written: &str| {
        let mut given = String::new();
        let told = kinds(|at, problems| given = tmpfs(written, at, problems));
        (given, told)
    };
    let usual = "size=268435456";
    assert_eq!(options(""), (usual.to_owned(), vec![]));
    assert_eq!(options("mode=700"), (format!("mode=700,{usual}"), vec![]));
    assert_eq!(
        options("size=64m,uid=7"),
        ("size=64m,uid=7".to_owned(), vec![])
    );
    for large in ["size=1g", "size=nonsense", "size=50%"] {
        assert_eq!(options(large).1, ASKED, "{large}");
    }
    for bad in [
        "size=1m,exec",
        "size=1m,suid",
        "size=1m,dev",
        "size=1m,shared",
    ] {
        assert_eq!(options(bad).1, REFUSED, "{bad}");
    }
}

#[test]
fn a_writable_mount_of_the_labs_own_files_needs_trust() {
    assert_eq!(kinds(|at, problems| writable("./x", at, problems)), ASKED);
}

#[test]
fn a_lab_leaves_a_quarter_of_the_memory_to_others() {
    let judge = |lab: i64, machine: u64| memory(lab, machine).map(|problem| problem.kind);
    assert_eq!(judge(75 << 20, 100 << 20), None);
    assert_eq!(judge(76 << 20, 100 << 20), Some(ProblemKind::NeedsTrust));
}
