//! The policy for the keys of Compose files. Keys that are not listed here are read by the `compose` module, or unknown.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::lab::policy::decision::Decision::{Ignore, NeedsTrust, Refuse};
use crate::lab::policy::decision::{Decision, needs_trust, refused};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems};
use crate::text;
use crate::text::Text;

/// A key and the decision about it.
struct Row {
    key: &'static str,
    decision: Decision,
    /// The reason, for the problem.
    reason: fn() -> Text,
}

macro_rules! rows {
    ($($key:literal $decision:ident $reason:literal;)*) => {
        &[$(Row { key: $key, decision: $decision, reason: || text!($reason) },)*]
    };
}

/// Keys of a service that request rights, or access to something outside it.
const SERVICE: &[Row] = rows! {
    "privileged" Refuse "it would give the lab root access to this machine";
    "devices" Refuse "it would give the lab access to devices of this machine";
    "device_cgroup_rules" Refuse "it would give the lab access to devices of this machine";
    "gpus" NeedsTrust "it would use the GPUs of this machine";
    "runtime" Refuse "it would replace the container runtime";
    "security_opt" Refuse "it would weaken the sandbox";
    "volumes_from" Refuse "it would read the data of other containers";
    "network_mode" Refuse "services can only use the networks of the lab";
    "pid" Refuse "it would share the processes of this machine";
    "ipc" Refuse "it would share the memory of this machine";
    "uts" Refuse "it would share the host name of this machine";
    "userns_mode" Refuse "it would disable user namespaces";
    "cgroup" Refuse "it would share the control groups of this machine";
    "cgroup_parent" Refuse "it would bypass the limits of the engine";
    "oom_kill_disable" Refuse "a service that runs out of memory could stop this machine";
    "oom_score_adj" Refuse "other programs would be killed before this service";
    "extra_hosts" NeedsTrust "it would let the lab reach other machines under a name of its choice";
    "external_links" Refuse "it would connect to containers of other projects";
    "links" Refuse "services find each other by name without it";
    "dns" Refuse "the engine resolves names";
    "dns_opt" Refuse "the engine resolves names";
    "dns_search" Refuse "the engine resolves names";
    "storage_opt" Refuse "it would change the storage of the engine";
    "credential_spec" Refuse "labs cannot use credentials of this machine";
    "secrets" Refuse "labs have no secrets; use `environment`";
    "group_add" Refuse "labs cannot use groups of this machine";
    "tty" Refuse "the log of a service must be a plain stream";
    "provider" Refuse "labs cannot run programs on this machine";
    "develop" Refuse "labs are not developed with Compose";
    "models" Refuse "labs run services, not models";
    "post_start" Refuse "commands run with the rights of the service only; use `start` in lab.yaml";
    "pre_stop" Refuse "nothing runs at the end; volumes are removed with the lab";
    "container_name" Ignore "roadlab chooses names that do not collide";
    "restart" Ignore "roadlab does not restart services by itself";
    "pull_policy" Ignore "roadlab uses local images first";
    "logging" Ignore "the engine keeps and rotates logs";
    "platform" Ignore "images match the platform of this machine";
    "stdin_open" Ignore "services have no input";
    "attach" Ignore "`roadlab logs` shows logs";
    "annotations" Ignore "nothing reads them";
    "scale" Ignore "each service has one container";
};

/// Keys of a build that request access to something outside it.
const BUILD: &[Row] = rows! {
    "network" Refuse "it would build on the network of this machine";
    "privileged" Refuse "it would build with root access to this machine";
    "entitlements" Refuse "it would weaken the sandbox";
    "ssh" Refuse "it would use SSH keys of this machine";
    "secrets" Refuse "it would read files of this machine";
    "additional_contexts" Refuse "it would read other folders";
    "extra_hosts" Refuse "it would reach other machines under a name of its choice";
    "cache_from" Ignore "roadlab uses the cache of the engine";
    "cache_to" Ignore "roadlab uses the cache of the engine";
    "isolation" Refuse "it would weaken the sandbox";
    "ulimits" Refuse "it would raise the limits of the build";
    "shm_size" Refuse "it would raise the limits of the build";
};

/// Keys of a network or volume that would use one of another project, or a folder of this machine.
const NETWORK_OR_VOLUME: &[Row] = rows! {
    "driver_opts" Refuse "it would give the lab access to this machine";
    "external" Refuse "it would belong to another project";
    "name" Refuse "it would belong to another project";
    "ipam" Refuse "roadlab chooses address ranges that do not collide";
    "attachable" Refuse "other projects could connect to it";
    "enable_ipv6" Refuse "roadlab chooses address ranges that do not collide";
};

/// Sources of a config that are not in the lab's folder.
const CONFIG: &[Row] = rows! {
    "environment" Refuse "it would read the environment of this machine";
    "external" Refuse "it would belong to another project";
    "name" Refuse "it would belong to another project";
    "content" Refuse "inline content is not supported; put it into a file and use `file`";
};

/// Prefixes of labels that other tools, or roadlab itself, act on.
const RESERVED_LABELS: &[&str] = &[
    "dev.roadlab",
    "com.docker.",
    "org.testcontainers",
    "io.podman.",
];

/// Checks the keys of a service that the `compose` module does not read, and marks them as known.
pub(crate) fn check_service(name: &str, fields: &mut Fields<'_>, problems: &mut Problems) {
    let subject = text!("service `{name}`", name);
    for row in SERVICE {
        let Some((key, value)) = request(row, fields) else {
            continue;
        };
        match row.key {
            "security_opt" if only_defaults(value) => {}
            "extra_hosts"
                if extra_hosts(value)
                    .values()
                    .all(|address| is_loopback(address)) => {}
            "logging" if !keeps_log(value) => {
                let reason = text!("its log would leave this machine or be lost");
                problems.push(refused(key, denial(&subject, row.key, &reason)));
            }
            _ => apply(row, &subject, key, problems),
        }
    }
}

/// Checks the keys of a build.
pub(crate) fn check_build(fields: &mut Fields<'_>, problems: &mut Problems) {
    check(BUILD, Mapping::Build, fields, problems);
}

/// Checks the keys of a network.
pub(crate) fn check_network(fields: &mut Fields<'_>, problems: &mut Problems) {
    check(NETWORK_OR_VOLUME, Mapping::Network, fields, problems);
}

/// Checks the keys of a volume.
pub(crate) fn check_volume(fields: &mut Fields<'_>, problems: &mut Problems) {
    check(NETWORK_OR_VOLUME, Mapping::Volume, fields, problems);
}

/// Checks the keys of a config.
pub(crate) fn check_config(fields: &mut Fields<'_>, problems: &mut Problems) {
    check(CONFIG, Mapping::Config, fields, problems);
}

fn check(rows: &[Row], mapping: Mapping, fields: &mut Fields<'_>, problems: &mut Problems) {
    for row in rows {
        if let Some((key, _)) = request(row, fields) {
            apply(row, &mapping.noun(), key, problems);
        }
    }
}

/// Returns the key and the value of a row, unless the value requests nothing, as `privileged: false` does.
fn request<'a>(row: &Row, fields: &mut Fields<'a>) -> Option<(&'a Node, &'a Node)> {
    let value = fields.get(row.key)?;
    let requested = match &value.kind {
        Kind::Null | Kind::Bool(false) => false,
        Kind::List(items) => !items.is_empty(),
        Kind::Map(entries) => !entries.is_empty(),
        Kind::String(_) | Kind::Number(..) | Kind::Bool(true) => true,
    };
    Some((fields.key(row.key)?, value)).filter(|_| requested)
}

fn apply(row: &Row, subject: &Text, key: &Node, problems: &mut Problems) {
    let what = denial(subject, row.key, &(row.reason)());
    match row.decision {
        Decision::Ignore => {}
        Decision::NeedsTrust => problems.push(needs_trust(key, what)),
        Decision::Refuse => problems.push(refused(key, what)),
    }
}

fn denial(subject: &Text, key: &str, reason: &Text) -> Text {
    text!(
        "{subject} requests `{key}`: {reason}",
        subject = *subject,
        key,
        reason = *reason
    )
}

/// Returns whether `security_opt` requests only what every service has.
fn only_defaults(value: &Node) -> bool {
    let defaults = ["no-new-privileges", "no-new-privileges:true"];
    let is_default = |item: &Node| {
        let option = item.as_string();
        option.is_some_and(|option| defaults.contains(&option.as_str()))
    };
    matches!(&value.kind, Kind::List(items) if items.iter().all(is_default))
}

/// Returns whether the log driver keeps the log where the engine can read it.
fn keeps_log(value: &Node) -> bool {
    if !matches!(value.kind, Kind::Map(_)) {
        return false;
    }
    let driver = value.child("driver");
    driver.is_none_or(|driver| matches!(driver.as_string().as_deref(), Some("json-file" | "local")))
}

/// Reads `extra_hosts`, a list of `name:address` or `name=address`, or a mapping, as addresses by name.
pub(crate) fn extra_hosts(value: &Node) -> BTreeMap<String, String> {
    match &value.kind {
        Kind::List(items) => {
            let written = items.iter().filter_map(Node::as_string);
            let split = |entry: String| {
                let (name, address) = entry.split_once('=').or_else(|| entry.split_once(':'))?;
                Some((name.to_owned(), address.to_owned()))
            };
            written.filter_map(split).collect()
        }
        Kind::Map(entries) => {
            let pairs = entries.iter();
            pairs
                .filter_map(|(name, address)| Some((name.as_string()?, address.as_string()?)))
                .collect()
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => BTreeMap::new(),
    }
}

/// Returns whether an address is a loopback address, which leads to the container itself.
fn is_loopback(address: &str) -> bool {
    address
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Checks a label of a service.
pub(crate) fn check_label(key: &str, node: &Node, problems: &mut Problems) {
    if RESERVED_LABELS.iter().any(|prefix| key.starts_with(prefix)) {
        problems.push(refused(
            node,
            text!("label `{key}` is reserved by another tool", key),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemKind;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn parse(yaml: &str) -> Node {
        Node::parse(Path::new("compose.yaml"), yaml).unwrap()
    }

    fn kinds(problems: &Problems) -> Vec<ProblemKind> {
        problems.iter().map(|problem| problem.kind).collect()
    }

    /// Checks a mapping. A key that the policy does not know is a problem of kind `Lab`.
    #[track_caller]
    fn review(
        yaml: &str,
        mapping: Mapping,
        check: impl FnOnce(&mut Fields<'_>, &mut Problems),
        expected: &[ProblemKind],
    ) {
        let node = parse(yaml);
        let mut problems = Vec::new();
        let mut fields = Fields::open(&node, mapping, &mut problems).unwrap();
        check(&mut fields, &mut problems);
        fields.close(&mut problems);
        assert_eq!(kinds(&problems), expected, "{yaml}");
    }

    #[track_caller]
    fn review_service(yaml: &str, expected: &[ProblemKind]) {
        let check = |fields: &mut Fields<'_>, problems: &mut Problems| {
            check_service("db", fields, problems);
        };
        review(yaml, Mapping::Service, check, expected);
    }

    fn kinds_of(decision: Decision) -> Vec<ProblemKind> {
        match decision {
            Decision::Ignore => Vec::new(),
            Decision::NeedsTrust => vec![ProblemKind::NeedsTrust],
            Decision::Refuse => vec![ProblemKind::Refused],
        }
    }

    #[test]
    fn every_row_of_services_is_applied() {
        for row in SERVICE {
            // Only these two rows depend on the value.
            let value = match row.key {
                "extra_hosts" => "[\"db:192.0.2.1\"]",
                "logging" => "{ driver: json-file }",
                _ => "host",
            };
            review_service(&format!("{}: {value}", row.key), &kinds_of(row.decision));
            for nothing in ["[]", "false", "{}", "~"] {
                review_service(&format!("{}: {nothing}", row.key), &[]);
            }
        }
    }

    #[test]
    fn every_row_of_builds_networks_volumes_and_configs_is_applied() {
        type Check = fn(&mut Fields<'_>, &mut Problems);
        let tables: [(&[Row], Mapping, Check); 4] = [
            (BUILD, Mapping::Build, check_build),
            (NETWORK_OR_VOLUME, Mapping::Network, check_network),
            (NETWORK_OR_VOLUME, Mapping::Volume, check_volume),
            (CONFIG, Mapping::Config, check_config),
        ];
        for (rows, mapping, check) in tables {
            for row in rows {
                let yaml = format!("{}: host", row.key);
                review(&yaml, mapping, check, &kinds_of(row.decision));
            }
        }
    }

    #[test]
    fn every_key_stands_once_in_its_table() {
        for table in [SERVICE, BUILD, NETWORK_OR_VOLUME, CONFIG] {
            let keys: BTreeSet<&str> = table.iter().map(|row| row.key).collect();
            assert_eq!(keys.len(), table.len());
        }
    }

    #[test]
    fn default_security_options_are_allowed() {
        review_service("security_opt: [no-new-privileges]", &[]);
        review_service("security_opt: ['no-new-privileges:true']", &[]);
        for refused in [
            "[seccomp:unconfined]",
            "['apparmor=unconfined']",
            "[label:disable]",
            "[no-new-privileges, 'seccomp=x.json']",
            "['no-new-privileges:false']",
        ] {
            let yaml = format!("security_opt: {refused}");
            review_service(&yaml, &[ProblemKind::Refused]);
        }
    }

    #[test]
    fn log_drivers_that_the_engine_cannot_read_are_refused() {
        review_service("logging: { driver: local, options: { max-size: 1g } }", &[]);
        for refused in ["syslog", "gelf", "none", "[x]"] {
            let yaml = format!("logging: {{ driver: {refused} }}");
            review_service(&yaml, &[ProblemKind::Refused]);
        }
    }

    #[test]
    fn extra_hosts_on_loopback_need_no_trust() {
        review_service("extra_hosts: ['me:127.0.0.1', 'six=::1']", &[]);
        review_service("extra_hosts: { me: 127.0.0.2 }", &[]);
        for elsewhere in [
            "['host:host-gateway']",
            "{ meta: 169.254.169.254 }",
            "['me:127.0.0.1', 'lan:192.0.2.1']",
        ] {
            let yaml = format!("extra_hosts: {elsewhere}");
            review_service(&yaml, &[ProblemKind::NeedsTrust]);
        }
    }

    #[test]
    fn reserved_labels_are_refused() {
        let check = |key: &str| {
            let mut problems = Vec::new();
            check_label(key, &parse("x"), &mut problems);
            kinds(&problems)
        };
        for prefix in RESERVED_LABELS {
            assert_eq!(check(&format!("{prefix}x")), [ProblemKind::Refused]);
        }
        assert_eq!(check("com.example.mine"), []);
    }
}
