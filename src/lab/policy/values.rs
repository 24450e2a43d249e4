//! The policy for values: ports, limits, kernel settings and file systems in memory.

use std::net::IpAddr;

use crate::lab::policy::decision::{needs_trust, refused};
use crate::lab::service::{Limits, PublishAddress};
use crate::lab::size::parse_size;
use crate::lab::yaml::{Node, Problems};
use crate::problem::{Code, Problem, ProblemKind};
use crate::text;

/// The kernel settings that need no trust: those of the container's own network.
const SYSCTLS: &[&str] = &["net.ipv4.ip_unprivileged_port_start", "net.core.somaxconn"];

/// The largest limits of a process that need no trust.
const ULIMITS: &[(&str, i64)] = &[("nofile", 65_536), ("nproc", 4_096), ("core", 0)];

/// The most processes of a service, and the most bytes of files in memory, that need no trust.
const MAX_PIDS: i64 = 4_096;
const MAX_FILES_IN_MEMORY: i64 = 256 << 20;

/// The allowed options of a file system in memory. Any other could weaken the sandbox.
const TMPFS_OPTIONS: &[&str] = &[
    "size", "mode", "uid", "gid", "ro", "rw", "noexec", "nosuid", "nodev",
];

/// The lowest host port that a lab may have.
const MIN_HOST_PORT: u16 = 1024;

/// The largest share of this machine's memory that a lab may use without trust, in percent.
const MAX_MEMORY_PERCENT: u64 = 75;

/// Checks the host address of a published port.
pub(crate) fn check_address(
    address: Option<&str>,
    node: &Node,
    problems: &mut Problems,
) -> PublishAddress {
    let publish = match address {
        None | Some("" | "127.0.0.1" | "::1") => PublishAddress::Loopback,
        Some("0.0.0.0" | "::") => PublishAddress::AllInterfaces,
        Some(address) if address.parse::<IpAddr>().is_err() => {
            let what = text!("`{address}` is no IP address", address);
            let help = text!("write `127.0.0.1`, or leave the address out");
            let problem = Problem::new(what).code(Code::Port).at(node.place());
            problems.push(problem.help(help));
            PublishAddress::Loopback
        }
        Some(address) => {
            let what = text!("a port cannot be published on `{address}`", address);
            let help = text!(
                "remove the address, or use `0.0.0.0` with `--trust` to publish it to other machines"
            );
            problems.push(refused(node, what).help(help));
            PublishAddress::Loopback
        }
    };
    if publish == PublishAddress::AllInterfaces {
        let what = text!("a port on 0.0.0.0 would be reachable from other machines");
        problems.push(needs_trust(node, what));
    }
    publish
}

/// Returns a host port that a lab may have: `None`, for a free one, instead of one that is reserved for this machine.
pub(crate) fn check_host_port(port: u16, node: &Node, problems: &mut Problems) -> Option<u16> {
    if port >= MIN_HOST_PORT {
        return Some(port);
    }
    let what = text!(
        "host port {port} is reserved for services of this machine; a free port is used instead",
        port
    );
    let help = text!("`roadlab status` shows it");
    let note = Problem::new(what)
        .code(Code::Port)
        .at(node.place())
        .kind(ProblemKind::Note);
    problems.push(note.help(help));
    None
}

/// Checks a kernel setting of a service.
pub(crate) fn check_sysctl(name: &str, node: &Node, problems: &mut Problems) {
    if SYSCTLS.contains(&name) {
        return;
    }
    problems.push(match name.starts_with("net.") {
        true => needs_trust(
            node,
            text!(
                "kernel setting `{name}` changes the network of the lab",
                name
            ),
        ),
        false => refused(
            node,
            text!("kernel setting `{name}` applies to this machine", name),
        ),
    });
}

/// Checks a limit of the processes of a service.
pub(crate) fn check_ulimit(name: &str, hard: i64, node: &Node, problems: &mut Problems) {
    let max = ULIMITS.iter().find(|(known, _)| *known == name);
    if max.is_none_or(|(_, max)| !(0..=*max).contains(&hard)) {
        let what = text!(
            "ulimit `{name}: {hard}` exceeds what a service needs",
            name,
            hard
        );
        problems.push(needs_trust(node, what));
    }
}

/// Checks the limits of processes and shared memory.
pub(crate) fn check_limits(limits: &Limits, pids: &Node, shm: &Node, problems: &mut Problems) {
    if !(1..=MAX_PIDS).contains(&limits.pids) {
        let what = text!(
            "`pids_limit` must be from 1 to {limit}, not `{pids}`",
            limit = MAX_PIDS,
            pids = limits.pids
        );
        problems.push(needs_trust(pids, what));
    }
    if limits.shm.is_some_and(|shm| shm > MAX_FILES_IN_MEMORY) {
        let what = text!("`shm_size` exceeds 256 MiB");
        problems.push(needs_trust(shm, what));
    }
}

/// Checks the options of a file system in memory, and returns them with a size.
pub(crate) fn check_tmpfs(options: &str, node: &Node, problems: &mut Problems) -> String {
    let mut size = None;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        if !TMPFS_OPTIONS.contains(&key) {
            let what = text!(
                "tmpfs option `{option}` would weaken the sandbox",
                option = key
            );
            problems.push(refused(node, what));
        }
        if key == "size" {
            size = Some(parse_size(value));
        }
    }
    match size {
        None => format!("{options},size={MAX_FILES_IN_MEMORY}")
            .trim_start_matches(',')
            .to_owned(),
        Some(Some(bytes)) if bytes <= MAX_FILES_IN_MEMORY => options.to_owned(),
        Some(_) => {
            problems.push(needs_trust(
                node,
                text!("the size of a tmpfs exceeds 256 MiB"),
            ));
            options.to_owned()
        }
    }
}

/// Reports a bind mount that is writable.
pub(crate) fn check_writable_mount(source: &str, node: &Node, problems: &mut Problems) {
    let what = text!("the container could write to `{source}`", source);
    problems.push(needs_trust(node, what));
}

/// Checks the memory of a lab against that of this machine; both in bytes.
pub fn check_memory(lab: i64, machine: u64) -> Option<Problem> {
    let max = machine / 100 * MAX_MEMORY_PERCENT;
    let lab = u64::try_from(lab).unwrap_or(0);
    let mib = |bytes: u64| bytes >> 20;
    (lab > max).then(|| {
        let what = text!(
            "this lab may use {lab} MiB of memory, but this machine has only {machine} MiB",
            lab = mib(lab),
            machine = mib(machine)
        );
        let help = text!(
            "stop other labs, use a larger machine, or run with `--trust` if you know that the lab needs less"
        );
        Problem::new(what).kind(ProblemKind::NeedsTrust).help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Returns the kinds of the problems that a rule reports.
    fn kinds(rule: impl FnOnce(&Node, &mut Problems)) -> Vec<ProblemKind> {
        let node = Node::parse(Path::new("compose.yaml"), "x").unwrap();
        let mut problems = Vec::new();
        rule(&node, &mut problems);
        problems.iter().map(|problem| problem.kind).collect()
    }

    const NEEDS_TRUST: [ProblemKind; 1] = [ProblemKind::NeedsTrust];
    const REFUSED: [ProblemKind; 1] = [ProblemKind::Refused];

    #[test]
    fn ports_are_published_on_loopback_without_trust() {
        use PublishAddress::{AllInterfaces, Loopback};
        let port = |address: Option<&str>| {
            let mut publish = Loopback;
            let kinds = kinds(|node, problems| publish = check_address(address, node, problems));
            (publish, kinds)
        };
        assert_eq!(port(None), (Loopback, vec![]));
        assert_eq!(port(Some("127.0.0.1")), (Loopback, vec![]));
        assert_eq!(port(Some("0.0.0.0")), (AllInterfaces, NEEDS_TRUST.to_vec()));
        assert_eq!(port(Some("192.0.2.7")), (Loopback, REFUSED.to_vec()));
        assert_eq!(port(Some("::")), (AllInterfaces, NEEDS_TRUST.to_vec()));
        for name in ["localhost", "[::1]", "1.2.3"] {
            assert_eq!(port(Some(name)), (Loopback, vec![ProblemKind::Lab]));
        }
    }

    #[test]
    fn a_reserved_host_port_becomes_a_free_one() {
        let host = |port: u16| {
            let mut host = None;
            let kinds = kinds(|node, problems| host = check_host_port(port, node, problems));
            (host, kinds)
        };
        assert_eq!(host(1024), (Some(1024), vec![]));
        assert_eq!(host(1023), (None, vec![ProblemKind::Note]));
    }

    #[test]
    fn kernel_settings_of_the_machine_are_refused() {
        let setting = |name: &str| kinds(|node, problems| check_sysctl(name, node, problems));
        for name in SYSCTLS {
            assert_eq!(setting(name), []);
        }
        assert_eq!(setting("net.ipv4.ip_forward"), NEEDS_TRUST);
        for refused in [
            "kernel.core_pattern",
            "vm.overcommit_memory",
            "fs.mqueue.msg_max",
        ] {
            assert_eq!(setting(refused), REFUSED, "{refused}");
        }
    }

    #[test]
    fn high_limits_need_trust() {
        let limit = |name: &str, hard: i64| {
            kinds(|node, problems| check_ulimit(name, hard, node, problems))
        };
        for (name, max) in ULIMITS {
            assert_eq!(limit(name, *max), []);
            assert_eq!(limit(name, max + 1), NEEDS_TRUST);
            assert_eq!(limit(name, -1), NEEDS_TRUST);
        }
        assert_eq!(limit("memlock", 1), NEEDS_TRUST);
        let limits = |pids: i64, shm: Option<i64>| {
            let limits = Limits {
                memory: None,
                cpus: None,
                pids,
                shm,
            };
            kinds(|node, problems| check_limits(&limits, node, node, problems))
        };
        assert_eq!(limits(MAX_PIDS, Some(MAX_FILES_IN_MEMORY)), []);
        for pids in [MAX_PIDS + 1, 0, -1] {
            assert_eq!(limits(pids, None), NEEDS_TRUST, "{pids}");
        }
        assert_eq!(limits(1, Some(MAX_FILES_IN_MEMORY + 1)), NEEDS_TRUST);
    }

    #[test]
    fn file_systems_in_memory_have_a_size_and_safe_options() {
        let options = |written: &str| {
            let mut options = String::new();
            let kinds = kinds(|node, problems| options = check_tmpfs(written, node, problems));
            (options, kinds)
        };
        let size = "size=268435456";
        assert_eq!(options(""), (size.to_owned(), vec![]));
        assert_eq!(options("mode=700"), (format!("mode=700,{size}"), vec![]));
        assert_eq!(
            options("size=64m,uid=7"),
            ("size=64m,uid=7".to_owned(), vec![])
        );
        for large in ["size=1g", "size=nonsense", "size=50%"] {
            assert_eq!(options(large).1, NEEDS_TRUST, "{large}");
        }
        for unsafe_option in [
            "size=1m,exec",
            "size=1m,suid",
            "size=1m,dev",
            "size=1m,shared",
        ] {
            assert_eq!(options(unsafe_option).1, REFUSED, "{unsafe_option}");
        }
    }

    #[test]
    fn a_writable_mount_of_the_lab_needs_trust() {
        let kinds = kinds(|node, problems| check_writable_mount("./x", node, problems));
        assert_eq!(kinds, NEEDS_TRUST);
    }

    #[test]
    fn a_lab_needs_trust_to_use_more_than_three_quarters_of_the_memory() {
        let check = |lab: i64, machine: u64| check_memory(lab, machine).map(|problem| problem.kind);
        assert_eq!(check(75 << 20, 100 << 20), None);
        assert_eq!(check(76 << 20, 100 << 20), Some(ProblemKind::NeedsTrust));
    }
}
