//! What a lab file may ask of the host. A lab is a stranger's file: what is not listed as allowed does not reach the engine.
//!
//! Levels: allowed (read in `compose.rs`), rewritten to a safe form, asked for (`--trust`), refused (no flag helps).

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::lab::fields::{Fields, Problems};
use crate::lab::yaml::{Kind, Node};
use crate::problem::{Problem, ProblemKind};

pub use crate::lab::policy_values::memory;
pub(crate) use crate::lab::policy_values::{host_port, limits, sysctl, tmpfs, ulimit, writable};

/// What becomes of something that a file asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// It has no effect: roadlab decides this itself.
    Ours,
    /// Given with `--trust`.
    Ask,
    /// Never given.
    Refuse,
}

/// A row of a table below: a key, what becomes of it, and why.
struct Row {
    key: &'static str,
    level: Level,
    why: &'static str,
}

/// Keys of a service that take rights or reach out of it. Those in `compose.rs` are allowed, with rules of their own below.
const SERVICE: &str = "\
    privileged            refuse   it would give the lab root on this machine
    devices               refuse   it would give the lab raw devices of this machine
    device_cgroup_rules   refuse   it would give the lab raw devices of this machine
    gpus                  ask      it would use this machine's graphics cards
    runtime               refuse   it would replace the container runtime
    security_opt          refuse   it would take the sandbox off
    volumes_from          refuse   it would reach other containers' data
    network_mode          refuse   every service is on the lab's own networks
    pid                   refuse   it would share the processes of this machine
    ipc                   refuse   it would share the memory of this machine
    uts                   refuse   it would share the host name of this machine
    userns_mode           refuse   it would switch user namespaces off
    cgroup                refuse   it would share the control groups of this machine
    cgroup_parent         refuse   it would escape the limits of the engine
    oom_kill_disable      refuse   a full memory would stop this machine
    oom_score_adj         refuse   other programs would be killed before this one
    extra_hosts           ask      it would let the lab reach other machines by a name of its choice
    external_links        refuse   it would reach other projects' containers
    links                 refuse   services find each other by name: remove the line
    dns                   refuse   names are resolved by the engine
    dns_opt               refuse   names are resolved by the engine
    dns_search            refuse   names are resolved by the engine
    storage_opt           refuse   it changes the engine's storage
    credential_spec       refuse   labs have no credentials of this machine
    secrets               refuse   a lab has no secrets: put the value into `environment`
    group_add             refuse   no lab needs a group of this machine
    tty                   refuse   a service's log must be a plain stream: remove the line
    provider              refuse   nothing is run on this machine
    develop               refuse   labs are not developed by Compose
    models                refuse   labs run services, not models
    post_start            refuse   nothing is run with other rights than the service's: use `start` in lab.yaml
    pre_stop              refuse   nothing is run at the end: volumes are removed with the lab
    container_name        ours     names are chosen so that labs do not collide
    restart               ours     nothing comes back by itself
    pull_policy           ours     what is here is used
    logging               ours     logs are kept by the engine, and cut
    platform              ours     images are those of this machine
    stdin_open            ours     nobody types into a service
    attach                ours     logs are shown by `roadlab logs`
    annotations           ours     nothing reads them
    scale                 ours     there is one container of each service
";

/// Keys of a build that leave its sandbox or the lab's folder.
const BUILD: &str = "\
    network               refuse   it would build on this machine's network
    privileged            refuse   it would build as root on this machine
    entitlements          refuse   it would take the sandbox off
    ssh                   refuse   it would use this machine's keys
    secrets               refuse   it would read files of this machine
    additional_contexts   refuse   it would read other folders
    extra_hosts           refuse   it would reach other machines by a name of its choice
    cache_from            ours     the engine's own cache is used
    cache_to              ours     the engine's own cache is used
    isolation             refuse   it would take the sandbox off
    ulimits               refuse   it would widen the limits of a build
    shm_size              refuse   it would widen the limits of a build
";

/// Keys of a network or volume that make it somebody else's, or a folder of this machine in disguise.
const BENEATH: &str = "\
    driver_opts           refuse   it would reach into this machine
    external              refuse   it would be another project's
    name                  refuse   it would be another project's
    ipam                  refuse   ranges are chosen so that labs do not collide
    attachable            refuse   other projects could join it
    enable_ipv6           refuse   ranges are chosen so that labs do not collide
";

/// Where a config may not come from.
const CONFIG: &str = "\
    environment           refuse   it would read this machine's environment
    external              refuse   it would be another project's
    name                  refuse   it would be another project's
    content               refuse   it is not read: put the text into a file and use `file`
";

/// Capabilities that every service has: enough to take over a data folder and step down to its own user.
pub const CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "SETUID",
    "SETGID",
    "NET_BIND_SERVICE",
    "KILL",
];

/// Capabilities given with `--trust`.
const ASKED_CAPABILITIES: &[&str] = &["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "IPC_LOCK", "SYS_NICE"];

/// Label prefixes that steer other tools or our own teardown.
const REFUSED_LABELS: &[&str] = &[
    "dev.roadlab",
    "com.docker.",
    "org.testcontainers",
    "io.podman.",
];

/// Judges the keys of one service that `compose.rs` does not read; returns those that are dealt with.
pub(crate) fn service(
    name: &str,
    keys: &[(String, &Node, &Node)],
    problems: &mut Problems,
) -> Vec<&'static str> {
    let whom = format!("service `{name}`");
    let mut known = Vec::new();
    for (key, at, value) in keys {
        let Some(row) = rows(SERVICE).find(|row| row.key == key) else {
            continue;
        };
        known.push(row.key);
        match row.key {
            "security_opt" if only_the_usual(value) => {}
            "extra_hosts" if extra_hosts(value).values().all(|ip| is_itself(ip)) => {}
            "logging" if !keeps_the_log(value) => {
                let why = "its log would leave this machine, or be lost";
                problems.push(refuse(at, format!("{whom} asks for `logging`: {why}")));
            }
            _ => judge(&row, &whom, at, value, problems),
        }
    }
    known
}

/// Judges the keys of a build.
pub(crate) fn build(fields: &mut Fields<'_>, problems: &mut Problems) {
    all_of(BUILD, "a build", fields, problems);
}

/// Judges the keys of a network or volume, named by `noun`.
pub(crate) fn beneath(noun: &str, fields: &mut Fields<'_>, problems: &mut Problems) {
    all_of(BENEATH, &format!("a {noun}"), fields, problems);
}

/// Judges where a config comes from.
pub(crate) fn config(fields: &mut Fields<'_>, problems: &mut Problems) {
    all_of(CONFIG, "a config", fields, problems);
}

fn all_of(table: &'static str, whom: &str, fields: &mut Fields<'_>, problems: &mut Problems) {
    for row in rows(table) {
        if let (Some(value), Some(at)) = (fields.get(row.key), fields.key(row.key)) {
            judge(&row, whom, at, value, problems);
        }
    }
}

fn rows(table: &'static str) -> impl Iterator<Item = Row> {
    table.lines().filter_map(|line| {
        let (key, rest) = line.trim().split_once(' ')?;
        let (level, why) = rest.trim_start().split_once(' ')?;
        let level = match level {
            "ours" => Level::Ours,
            "ask" => Level::Ask,
            _ => Level::Refuse,
        };
        let why = why.trim_start();
        Some(Row { key, level, why })
    })
}

fn judge(row: &Row, whom: &str, at: &Node, value: &Node, problems: &mut Problems) {
    let what = format!("{whom} asks for `{}`: {}", row.key, row.why);
    match row.level {
        _ if harmless(value) => {}
        Level::Ours => {}
        Level::Ask => problems.push(ask(at, what)),
        Level::Refuse => problems.push(refuse(at, what)),
    }
}

/// `privileged: false` and an empty list ask for nothing.
fn harmless(value: &Node) -> bool {
    match &value.kind {
        Kind::Null | Kind::Bool(false) => true,
        Kind::List(items) => items.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
        Kind::Text(_) | Kind::Number(..) | Kind::Bool(true) => false,
    }
}

/// What every service has anyway.
fn only_the_usual(value: &Node) -> bool {
    let usual = ["no-new-privileges", "no-new-privileges:true"];
    let is_usual = |item: &Node| {
        item.text()
            .is_some_and(|text| usual.contains(&text.as_str()))
    };
    matches!(&value.kind, Kind::List(items) if items.iter().all(is_usual))
}

fn keeps_the_log(value: &Node) -> bool {
    let Kind::Map(entries) = &value.kind else {
        return harmless(value);
    };
    let driver = entries
        .iter()
        .find(|(key, _)| key.text().as_deref() == Some("driver"));
    driver.is_none_or(|(_, driver)| matches!(driver.text().as_deref(), Some("json-file" | "local")))
}

/// `extra_hosts` as addresses by name: a list of `name:address` or `name=address`, or a mapping.
pub(crate) fn extra_hosts(value: &Node) -> BTreeMap<String, String> {
    match &value.kind {
        Kind::List(items) => {
            let written = items.iter().filter_map(Node::text);
            let split = |text: String| {
                let (name, address) = text.split_once('=').or_else(|| text.split_once(':'))?;
                Some((name.to_owned(), address.to_owned()))
            };
            written.filter_map(split).collect()
        }
        Kind::Map(entries) => {
            let pairs = entries.iter();
            pairs
                .filter_map(|(name, address)| Some((name.text()?, address.text()?)))
                .collect()
        }
        _ => BTreeMap::new(),
    }
}

/// A container's own loopback reaches nobody else.
fn is_itself(address: &str) -> bool {
    address
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Judges one entry of `cap_add`; `Some` is the capability to add beyond those every service has.
pub(crate) fn capability(node: &Node, problems: &mut Problems) -> Option<String> {
    let written = node.text()?;
    let upper = written.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned();
    if CAPABILITIES.contains(&name.as_str()) {
        return None;
    }
    if ASKED_CAPABILITIES.contains(&name.as_str()) {
        problems.push(ask(
            node,
            format!("capability `{name}` gives the lab more rights than a service needs"),
        ));
        return Some(name);
    }
    let allowed = ASKED_CAPABILITIES.join(", ");
    problems.push(
        refuse(
            node,
            format!(
                "capability `{}` is as good as root on this machine",
                name.escape_debug()
            ),
        )
        .help(format!("with `--trust`: {allowed}")),
    );
    None
}

/// Judges a label that a service asks for.
pub(crate) fn label(key: &str, at: &Node, problems: &mut Problems) {
    if REFUSED_LABELS.iter().any(|prefix| key.starts_with(prefix)) {
        problems.push(refuse(
            at,
            format!("label `{}` belongs to another tool", key.escape_debug()),
        ));
    }
}

/// A problem that no flag removes.
pub(crate) fn refuse(at: &Node, what: String) -> Problem {
    Problem::new(what)
        .at(at.place())
        .kind(ProblemKind::Refused)
        .help("no flag allows this: remove the line")
}

/// A problem that `--trust` removes.
pub(crate) fn ask(at: &Node, what: String) -> Problem {
    Problem::new(what)
        .at(at.place())
        .kind(ProblemKind::NeedsTrust)
        .help("remove the line, or run with `--trust` if you trust who wrote this lab")
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
