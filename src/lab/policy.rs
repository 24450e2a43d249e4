//! What a lab file may ask of the host. A lab is a stranger's file: what is not listed as allowed does not reach the engine.
//!
//! Levels: allowed (read in `compose.rs`), rewritten to a safe form, asked for (`--trust`), refused (no flag helps).

use crate::lab::fields::Problems;
use crate::lab::yaml::{Kind, Node};
use crate::problem::{Problem, ProblemKind};

/// Keys of a service that are never given, and why.
const REFUSED: &[(&str, &str)] = &[
    ("privileged", "it would give the lab root on this machine"),
    (
        "devices",
        "it would give the lab raw devices of this machine",
    ),
    (
        "device_cgroup_rules",
        "it would give the lab raw devices of this machine",
    ),
    ("runtime", "it would replace the container runtime"),
    ("volumes_from", "it would reach other containers' data"),
    ("pid", "it would share the processes of this machine"),
    ("ipc", "it would share the memory of this machine"),
    ("uts", "it would share the host name of this machine"),
    ("userns_mode", "it would switch user namespaces off"),
    (
        "cgroup",
        "it would share the control groups of this machine",
    ),
    ("cgroup_parent", "it would escape the limits of the engine"),
    ("security_opt", "it would take the sandbox off"),
    ("sysctls", "it would change the kernel of this machine"),
    ("network_mode", "every service is on the lab's own networks"),
    ("dns", "names are resolved by the engine"),
    ("dns_search", "names are resolved by the engine"),
    ("storage_opt", "it changes the engine's storage"),
    (
        "credential_spec",
        "labs have no credentials of this machine",
    ),
    ("group_add", "no lab needs a group of this machine"),
    (
        "secrets",
        "a lab has no secrets: put the value into `environment`",
    ),
    (
        "external_links",
        "it would reach other projects' containers",
    ),
    ("links", "services find each other by name: remove the line"),
    (
        "tty",
        "a service's log must be a plain stream: remove the line",
    ),
    ("stdin_open", "nobody types into a service: remove the line"),
    ("provider", "nothing is run on this machine"),
    ("develop", "labs are not developed by Compose"),
    ("models", "labs run services, not models"),
    (
        "post_start",
        "nothing is run with other rights than the service's: use `start` in lab.yaml",
    ),
    (
        "pre_stop",
        "nothing is run at the end: volumes are removed with the lab",
    ),
];

/// Keys that are given only with `--trust`, and why.
const ASKED: &[(&str, &str)] = &[
    ("gpus", "it would use this machine's graphics cards"),
    (
        "extra_hosts",
        "it would let the lab reach other machines by a name of its choice",
    ),
];

/// Keys that roadlab decides itself: they are read by Compose and have no effect here.
const OURS: &[&str] = &[
    "container_name",
    "restart",
    "pull_policy",
    "logging",
    "platform",
    "attach",
    "annotations",
    "scale",
];

/// Capabilities that every service has: enough to take over a data folder and step down to its own user.
pub(crate) const CAPABILITIES: &[&str] = &[
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

/// The largest port range and the lowest host port that need no trust.
const LOWEST_HOST_PORT: u16 = 1024;

/// Judges the keys of one service that `compose.rs` does not read; returns those that are dealt with.
pub(crate) fn review_service(
    name: &str,
    keys: &[(String, &Node, &Node)],
    problems: &mut Problems,
) -> Vec<&'static str> {
    let mut known = Vec::new();
    for (key, at, value) in keys {
        if let Some((key, why)) = REFUSED.iter().find(|(refused, _)| refused == key) {
            known.push(*key);
            if !harmless(value) {
                problems.push(refuse(
                    at,
                    format!("service `{name}` asks for `{key}`: {why}"),
                ));
            }
        } else if let Some((key, why)) = ASKED.iter().find(|(asked, _)| asked == key) {
            known.push(*key);
            problems.push(ask(at, format!("service `{name}` asks for `{key}`: {why}")));
        } else if let Some(key) = OURS.iter().find(|ours| *ours == key) {
            known.push(*key);
        }
    }
    known
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

/// Judges one entry of `cap_add`; `Some` is the capability to add beyond those every service has.
pub(crate) fn capability(node: &Node, problems: &mut Problems) -> Option<String> {
    let written = node.text()?;
    let name = written.trim_start_matches("CAP_").to_ascii_uppercase();
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
            format!("capability `{name}` is as good as root on this machine"),
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

/// Judges a published port: the address it asks for and the number on the host.
pub(crate) fn host_port(
    address: Option<&str>,
    host: Option<u16>,
    at: &Node,
    problems: &mut Problems,
) {
    if let Some(address) = address
        && !matches!(address, "127.0.0.1" | "localhost")
    {
        problems.push(ask(
            at,
            format!("a port on {address} would be open to other machines"),
        ));
    }
    if let Some(port) = host.filter(|port| *port < LOWEST_HOST_PORT) {
        problems.push(ask(
            at,
            format!("host port {port} belongs to this machine's own services"),
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
mod tests {
    use super::*;
    use std::path::Path;

    #[track_caller]
    fn review(yaml: &str, expected: &[ProblemKind]) {
        let node = Node::parse(Path::new("compose.yaml"), yaml).unwrap();
        let Kind::Map(entries) = &node.kind else {
            panic!("a mapping")
        };
        let keys: Vec<_> = entries
            .iter()
            .map(|(k, v)| (k.text().unwrap(), k, v))
            .collect();
        let mut problems = Vec::new();
        let known = review_service("db", &keys, &mut problems);
        assert_eq!(known.len(), keys.len(), "{yaml} is known to the policy");
        assert_eq!(
            problems.iter().map(|p| p.kind).collect::<Vec<_>>(),
            expected,
            "{yaml}"
        );
    }

    #[test]
    fn every_refused_key_is_refused_unless_it_asks_for_nothing() {
        for (key, _) in REFUSED {
            review(&format!("{key}: host"), &[ProblemKind::Refused]);
            review(&format!("{key}: []"), &[]);
            review(&format!("{key}: false"), &[]);
        }
    }

    #[test]
    fn asked_keys_need_trust_and_our_own_have_no_effect() {
        for (key, _) in ASKED {
            review(&format!("{key}: all"), &[ProblemKind::NeedsTrust]);
        }
        for key in OURS {
            review(&format!("{key}: always"), &[]);
        }
    }

    #[test]
    fn capabilities_are_given_asked_for_or_refused() {
        let judge = |name: &str| {
            let node = Node::parse(Path::new("c.yaml"), name).unwrap();
            let mut problems = Vec::new();
            let added = capability(&node, &mut problems);
            (added, problems.first().map(|p| p.kind))
        };
        assert_eq!(judge("CHOWN"), (None, None));
        assert_eq!(
            judge("NET_ADMIN"),
            (Some("NET_ADMIN".into()), Some(ProblemKind::NeedsTrust))
        );
        for bad in [
            "ALL",
            "SYS_ADMIN",
            "CAP_SYS_MODULE",
            "BPF",
            "DAC_READ_SEARCH",
            "x",
        ] {
            assert_eq!(judge(bad), (None, Some(ProblemKind::Refused)), "{bad}");
        }
    }

    #[test]
    fn labels_of_other_tools_and_open_ports_are_told() {
        let node = Node::parse(Path::new("c.yaml"), "x").unwrap();
        let mut problems = Vec::new();
        label("dev.roadlab.run", &node, &mut problems);
        label("com.docker.compose.project", &node, &mut problems);
        label("mine", &node, &mut problems);
        assert_eq!(problems.len(), 2);
        problems.clear();
        host_port(Some("0.0.0.0"), Some(80), &node, &mut problems);
        host_port(Some("127.0.0.1"), Some(8080), &node, &mut problems);
        assert_eq!(
            problems.iter().map(|p| p.kind).collect::<Vec<_>>(),
            [ProblemKind::NeedsTrust; 2]
        );
    }
}
