//! The policy for values: ports, limits, kernel settings, files in memory. Which keys there are at all stands in `policy.rs`.

use crate::lab::compose_values::parse_size;
use crate::lab::fields::Problems;
use crate::lab::policy::{ask, refuse};
use crate::lab::service::{Limits, PublishAddress};
use crate::lab::yaml::Node;
use crate::problem::{Problem, ProblemKind};

/// Kernel settings of a container's own network.
const SYSCTLS: &[&str] = &["net.ipv4.ip_unprivileged_port_start", "net.core.somaxconn"];

/// The largest limits of a process that need no trust.
const ULIMITS: &[(&str, i64)] = &[("nofile", 65_536), ("nproc", 4_096), ("core", 0)];

/// The most processes of a service, and the most bytes it may keep in memory as files, that need no trust.
const MOST_PIDS: i64 = 4_096;
const MOST_IN_MEMORY: i64 = 256 << 20;

/// Options of a file system in memory; any other could make it a way around the sandbox.
const TMPFS_OPTIONS: &[&str] = &[
    "size", "mode", "uid", "gid", "ro", "rw", "noexec", "nosuid", "nodev",
];

/// The lowest host port that needs no trust.
const LOWEST_HOST_PORT: u16 = 1024;

/// The largest share of this machine's memory that a lab gets without trust, in percent.
const MEMORY_SHARE: u64 = 75;

/// Judges a published port: the address it asks for and the number on the host.
pub(crate) fn host_port(
    address: Option<&str>,
    host: Option<u16>,
    at: &Node,
    problems: &mut Problems,
) -> PublishAddress {
    let publish = match address {
        None | Some("127.0.0.1" | "localhost" | "[::1]") => PublishAddress::Loopback,
        Some("0.0.0.0" | "[::]") => PublishAddress::AllInterfaces,
        Some(other) => {
            let what = format!("a port cannot be published on `{}`", other.escape_debug());
            let help = "leave the address out; `0.0.0.0` with `--trust` opens it to other machines";
            problems.push(refuse(at, what).help(help));
            PublishAddress::Loopback
        }
    };
    if publish == PublishAddress::AllInterfaces {
        let what = "a port on 0.0.0.0 would be open to other machines".to_owned();
        problems.push(ask(at, what));
    }
    if let Some(port) = host.filter(|port| *port < LOWEST_HOST_PORT) {
        let what = format!("host port {port} belongs to this machine's own services");
        problems.push(ask(at, what));
    }
    publish
}

/// Judges a kernel setting of a service.
pub(crate) fn sysctl(name: &str, at: &Node, problems: &mut Problems) {
    let what = format!("kernel setting `{}`", name.escape_debug());
    if name.starts_with("net.") && !SYSCTLS.contains(&name) {
        problems.push(ask(
            at,
            format!("{what} changes how the lab's network behaves"),
        ));
    } else if !SYSCTLS.contains(&name) {
        problems.push(refuse(at, format!("{what} belongs to this machine")));
    }
}

/// Judges a limit of a service's processes.
pub(crate) fn ulimit(name: &str, hard: i64, at: &Node, problems: &mut Problems) {
    let most = ULIMITS.iter().find(|(known, _)| *known == name);
    if most.is_none_or(|(_, most)| !(0..=*most).contains(&hard)) {
        let what = format!(
            "ulimit `{}: {hard}` is more than a service needs",
            name.escape_debug()
        );
        problems.push(ask(at, what));
    }
}

/// Judges how many processes a service may have, and how much it may keep in shared memory.
pub(crate) fn limits(limits: &Limits, at: &Node, problems: &mut Problems) {
    if !(1..=MOST_PIDS).contains(&limits.pids) {
        let what = format!("{} processes are more than a service needs", limits.pids);
        problems.push(ask(at, what));
    }
    if limits.shm.is_some_and(|shm| shm > MOST_IN_MEMORY) {
        problems.push(ask(at, "more than 256 MiB of shared memory".to_owned()));
    }
}

/// Judges the options of a file system in memory; returns them with a size.
pub(crate) fn tmpfs(options: &str, at: &Node, problems: &mut Problems) -> String {
    let mut size = None;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        if !TMPFS_OPTIONS.contains(&key) {
            let what = format!(
                "option `{}` of a tmpfs takes a part of the sandbox off",
                key.escape_debug()
            );
            problems.push(refuse(at, what));
        }
        if key == "size" {
            size = Some(parse_size(value));
        }
    }
    match size {
        None => format!("{options},size={MOST_IN_MEMORY}")
            .trim_start_matches(',')
            .to_owned(),
        Some(Some(bytes)) if bytes <= MOST_IN_MEMORY => options.to_owned(),
        Some(_) => {
            problems.push(ask(at, "more than 256 MiB of files in memory".to_owned()));
            options.to_owned()
        }
    }
}

/// Judges a bind mount that asks to be writable.
pub(crate) fn writable(source: &str, at: &Node, problems: &mut Problems) {
    let source = source.escape_debug();
    problems.push(ask(
        at,
        format!("`{source}` would be writable for the container"),
    ));
}

/// Judges a lab's memory by that of this machine; both in bytes.
pub fn memory(lab: i64, machine: u64) -> Option<Problem> {
    let most = machine / 100 * MEMORY_SHARE;
    let lab = u64::try_from(lab).unwrap_or(0);
    let mib = |bytes: u64| bytes >> 20;
    (lab > most).then(|| {
        let what = format!(
            "the lab may use {} MiB of memory, and this machine has {} MiB: it could come to a halt",
            mib(lab),
            mib(machine)
        );
        let help = "stop other labs, use a larger machine, or run with `--trust` if you know that it needs less";
        Problem::new(what).kind(ProblemKind::NeedsTrust).help(help)
    })
}

#[cfg(test)]
#[path = "policy_values_tests.rs"]
mod tests;
