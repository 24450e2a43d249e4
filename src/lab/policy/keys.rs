//! The table of the keys of Compose files: which are honoured, which have no effect, and which are refused.
//!
//! The `compose` module reads the keys that are honoured. `docs/src/reference/compose-keys.md` is generated from this table.

use std::collections::BTreeMap;
#[cfg(test)]
use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::lab::policy::decision::Decision::{Ignore, NeedsTrust, Refuse};
use crate::lab::policy::decision::{Decision, needs_trust, refused};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, mismatch};
use crate::problem::{Problem, ProblemKind};
use crate::text;
use crate::text::Text;

/// A key that is not honoured, and the decision about it.
struct Row {
    key: &'static str,
    decision: Decision,
    /// The reason, for the problem or the note.
    reason: fn() -> Text,
}

macro_rules! rows {
    ($($key:literal $decision:ident $reason:literal;)*) => {
        &[$(Row { key: $key, decision: $decision, reason: || text!($reason) },)*]
    };
}

/// The keys of one mapping of Compose files.
struct Keys {
    mapping: Mapping,
    /// Where the mapping stands, as a path of keys.
    path: &'static str,
    /// The keys that have the effect that Compose gives them, and what differs.
    honoured: &'static [(&'static str, &'static str)],
    others: &'static [Row],
}

const TABLE: &[Keys] = &[
    Keys {
        mapping: Mapping::ComposeFile,
        path: "",
        honoured: &[
            ("services", ""),
            ("networks", ""),
            ("volumes", ""),
            ("configs", ""),
            ("secrets", ""),
            ("include", "files of the lab and of the catalogue"),
        ],
        others: rows! {
            "name" Ignore "roadlab chooses names that do not collide";
            "version" Ignore "Compose ignores it too";
            "models" Refuse "labs run services, not models";
        },
    },
    Keys {
        mapping: Mapping::Include,
        path: "include[]",
        honoured: &[
            ("path", "one file, or several that are merged"),
            ("project_directory", "in the lab's folder"),
            ("env_file", ""),
        ],
        others: &[],
    },
    Keys {
        mapping: Mapping::Service,
        path: "services.*",
        honoured: &[
            ("image", ""),
            ("build", "for when the image cannot be had"),
            (
                "pull_policy",
                "`build` builds the image and never pulls it; other values have no effect, as local images are used first",
            ),
            ("entrypoint", ""),
            ("command", ""),
            (
                "environment",
                "a name alone takes its value from `vars` or `.env`, never from this machine",
            ),
            ("env_file", "files of the lab"),
            (
                "ports",
                "on 127.0.0.1; `0.0.0.0` needs `--trust`; a host port below 1024 becomes a free one",
            ),
            ("expose", ""),
            (
                "volumes",
                "folders of the lab are read-only, unless `rw` and `--trust`; a volume without a name is removed with the lab, too",
            ),
            ("configs", "files of the lab"),
            ("secrets", "files of the lab"),
            ("tmpfs", "at most 256 MiB without `--trust`"),
            (
                "depends_on",
                "`service_healthy` waits for `ready` of `x-roadlab`, or for the health check of the file",
            ),
            (
                "links",
                "services of the lab; an alias is valid on all networks that both share",
            ),
            ("healthcheck", "what it leaves out is that of the image"),
            ("networks", ""),
            (
                "profiles",
                "a service with a profile does not start, unless `COMPOSE_PROFILES` in `.env` names it",
            ),
            ("extends", ""),
            ("deploy", ""),
            ("hostname", ""),
            ("domainname", ""),
            ("user", ""),
            ("working_dir", ""),
            ("init", ""),
            ("read_only", ""),
            ("stdin_open", ""),
            (
                "restart",
                "a service that a step or the learner stops stays stopped",
            ),
            ("stop_signal", ""),
            ("stop_grace_period", ""),
            ("mem_limit", "default: 1 GiB, also for `0` and `-1`"),
            ("cpus", "default: 2, also for `0`"),
            ("pids_limit", "default: 512, also for `0` and `-1`"),
            ("shm_size", "at most 256 MiB without `--trust`"),
            ("ulimits", "low ones; others need `--trust`"),
            ("cap_add", "some, with `--trust`"),
            ("cap_drop", "all but a few are dropped anyway"),
            ("sysctls", "those of the container's network"),
            ("labels", "not those that other tools act on"),
            (
                "container_name",
                "a name of the service on its networks; the container itself has another one",
            ),
            ("x-roadlab", "how roadlab connects to the service"),
        ],
        others: rows! {
            "extra_hosts" NeedsTrust "it would let the lab reach other machines under a name of its choice";
            "gpus" NeedsTrust "it would use the GPUs of this machine";
            "annotations" Ignore "nothing reads them";
            "attach" Ignore "`roadlab logs` shows logs";
            "blkio_config" Ignore "the engine shares the disk fairly";
            "cpu_count" Ignore "the limit is `cpus`";
            "cpu_percent" Ignore "the limit is `cpus`";
            "cpu_period" Ignore "the limit is `cpus`";
            "cpu_quota" Ignore "the limit is `cpus`";
            "cpu_rt_period" Ignore "the limit is `cpus`";
            "cpu_rt_runtime" Ignore "the limit is `cpus`";
            "cpu_shares" Ignore "the limit is `cpus`";
            "cpuset" Ignore "the limit is `cpus`";
            "develop" Ignore "it is for `docker compose watch` only";
            "isolation" Ignore "it is for Windows only";
            "logging" Ignore "the engine keeps and rotates logs";
            "mac_address" Ignore "the engine chooses addresses";
            "mem_reservation" Ignore "the limit is `mem_limit`";
            "mem_swappiness" Ignore "services have no swap";
            "memswap_limit" Ignore "services have no swap";
            "platform" Ignore "images match the platform of this machine";
            "pull_refresh_after" Ignore "roadlab uses local images first";
            "scale" Ignore "each service has one container";
            "tty" Ignore "the log of a service is a plain stream; its input stays open as with a terminal";
            "cgroup" Refuse "it would share the control groups of this machine";
            "cgroup_parent" Refuse "it would bypass the limits of the engine";
            "credential_spec" Refuse "labs cannot use credentials of this machine";
            "device_cgroup_rules" Refuse "it would give the lab access to devices of this machine";
            "devices" Refuse "it would give the lab access to devices of this machine";
            "dns" Refuse "the engine resolves names";
            "dns_opt" Refuse "the engine resolves names";
            "dns_search" Refuse "the engine resolves names";
            "external_links" Refuse "it would connect to containers of other projects";
            "group_add" Refuse "labs cannot use groups of this machine";
            "ipc" Refuse "it would share the memory of this machine";
            "label_file" Refuse "write the labels into `labels`";
            "models" Refuse "labs run services, not models";
            "network_mode" Refuse "services can only use the networks of the lab";
            "oom_kill_disable" Refuse "a service that runs out of memory could stop this machine";
            "oom_score_adj" Refuse "other programs would be killed before this service";
            "pid" Refuse "it would share the processes of this machine";
            "post_start" Refuse "commands run with the rights of the service only; use `start` in lab.yaml";
            "pre_start" Refuse "commands run with the rights of the service only; use `start` in lab.yaml";
            "pre_stop" Refuse "nothing runs at the end; volumes are removed with the lab";
            "privileged" Refuse "it would give the lab root access to this machine";
            "provider" Refuse "labs cannot run programs on this machine";
            "runtime" Refuse "it would replace the container runtime";
            "security_opt" Refuse "it would weaken the sandbox";
            "storage_opt" Refuse "it would change the storage of the engine";
            "use_api_socket" Refuse "it would give the lab control of the engine";
            "userns_mode" Refuse "it would disable user namespaces";
            "uts" Refuse "it would share the host name of this machine";
            "volumes_from" Refuse "it would read the data of other containers";
        },
    },
    Keys {
        mapping: Mapping::Build,
        path: "services.*.build",
        honoured: &[
            ("context", "in the lab's folder"),
            ("dockerfile", ""),
            ("args", ""),
            ("target", ""),
        ],
        others: rows! {
            "cache_from" Ignore "roadlab uses the cache of the engine";
            "cache_to" Ignore "roadlab uses the cache of the engine";
            "no_cache" Ignore "roadlab uses the cache of the engine";
            "no_cache_filter" Ignore "roadlab uses the cache of the engine";
            "isolation" Ignore "it is for Windows only";
            "labels" Ignore "images have the labels of roadlab";
            "platforms" Ignore "images match the platform of this machine";
            "provenance" Ignore "images are not published";
            "pull" Ignore "roadlab uses local images first";
            "sbom" Ignore "images are not published";
            "tags" Ignore "roadlab chooses names that do not collide";
            "additional_contexts" Refuse "it would read other folders";
            "dockerfile_inline" Refuse "put it into a file and use `dockerfile`";
            "entitlements" Refuse "it would weaken the sandbox";
            "extra_hosts" Refuse "it would reach other machines under a name of its choice";
            "network" Refuse "it would build on the network of this machine";
            "privileged" Refuse "it would build with root access to this machine";
            "secrets" Refuse "it would read files of this machine";
            "shm_size" Refuse "it would raise the limits of the build";
            "ssh" Refuse "it would use SSH keys of this machine";
            "ulimits" Refuse "it would raise the limits of the build";
        },
    },
    Keys {
        mapping: Mapping::Extends,
        path: "services.*.extends",
        honoured: &[("file", ""), ("service", "")],
        others: &[],
    },
    Keys {
        mapping: Mapping::EnvFile,
        path: "services.*.env_file[]",
        honoured: &[
            ("path", ""),
            ("required", ""),
            ("format", "`raw`, or the default"),
        ],
        others: &[],
    },
    Keys {
        mapping: Mapping::Dependency,
        path: "services.*.depends_on.*",
        honoured: &[
            (
                "condition",
                "`service_healthy` is refused if nothing says when the service is healthy",
            ),
            ("required", ""),
        ],
        others: rows! {
            "restart" Ignore "roadlab restarts services only on request";
        },
    },
    Keys {
        mapping: Mapping::Healthcheck,
        path: "services.*.healthcheck",
        honoured: &[
            ("test", ""),
            ("interval", ""),
            ("timeout", ""),
            ("retries", ""),
            ("start_period", ""),
            ("disable", ""),
        ],
        others: rows! {
            "start_interval" Ignore "old engines do not know it";
        },
    },
    Keys {
        mapping: Mapping::Port,
        path: "services.*.ports[]",
        honoured: &[
            ("target", ""),
            ("published", ""),
            ("host_ip", ""),
            ("protocol", ""),
        ],
        others: rows! {
            "app_protocol" Ignore "nothing reads it";
            "mode" Ignore "each service has one container";
            "name" Ignore "nothing reads it";
        },
    },
    Keys {
        mapping: Mapping::Mount,
        path: "services.*.volumes[]",
        honoured: &[
            ("type", "`bind`, `volume` and `tmpfs`"),
            ("source", ""),
            ("target", ""),
            ("read_only", ""),
            ("tmpfs", ""),
        ],
        others: rows! {
            "consistency" Ignore "it is for macOS only";
            "bind" Ignore "folders of the lab are there, and are mounted on their own";
            "volume" Refuse "volumes are mounted as a whole";
            "image" Refuse "labs mount no images";
        },
    },
    Keys {
        mapping: Mapping::Tmpfs,
        path: "services.*.volumes[].tmpfs",
        honoured: &[("size", ""), ("mode", "")],
        others: &[],
    },
    Keys {
        mapping: Mapping::FileReference,
        path: "services.*.configs[], services.*.secrets[]",
        honoured: &[("source", ""), ("target", "")],
        others: rows! {
            "uid" Ignore "Compose ignores it for files too";
            "gid" Ignore "Compose ignores it for files too";
            "mode" Ignore "Compose ignores it for files too";
        },
    },
    Keys {
        mapping: Mapping::Attachment,
        path: "services.*.networks.*",
        honoured: &[("aliases", "")],
        others: rows! {
            "driver_opts" Refuse "it would give the lab access to this machine";
            "gw_priority" Ignore "the engine chooses routes";
            "interface_name" Ignore "the engine chooses the names of interfaces";
            "ipv4_address" Refuse "roadlab chooses address ranges that do not collide; use the name of the service";
            "ipv6_address" Refuse "roadlab chooses address ranges that do not collide; use the name of the service";
            "link_local_ips" Refuse "roadlab chooses address ranges that do not collide; use the name of the service";
            "mac_address" Ignore "the engine chooses addresses";
            "priority" Ignore "the engine chooses routes";
        },
    },
    Keys {
        mapping: Mapping::Ulimit,
        path: "services.*.ulimits.*",
        honoured: &[("soft", ""), ("hard", "")],
        others: &[],
    },
    Keys {
        mapping: Mapping::Deploy,
        path: "services.*.deploy",
        honoured: &[
            ("replicas", "1; more and `0` are refused"),
            ("resources", ""),
            ("restart_policy", "as `restart`"),
        ],
        others: rows! {
            "endpoint_mode" Ignore "each service has one container";
            "labels" Ignore "nothing reads them";
            "mode" Ignore "each service has one container";
            "placement" Ignore "all services run on this machine";
            "rollback_config" Ignore "services are not updated while they run";
            "update_config" Ignore "services are not updated while they run";
        },
    },
    Keys {
        mapping: Mapping::RestartPolicy,
        path: "services.*.deploy.restart_policy",
        honoured: &[("condition", ""), ("max_attempts", "")],
        others: rows! {
            "delay" Ignore "the engine chooses it";
            "window" Ignore "the engine chooses it";
        },
    },
    Keys {
        mapping: Mapping::Resources,
        path: "services.*.deploy.resources",
        honoured: &[("limits", ""), ("reservations", "")],
        others: &[],
    },
    Keys {
        mapping: Mapping::Limits,
        path: "services.*.deploy.resources.limits",
        honoured: &[("memory", ""), ("cpus", ""), ("pids", "")],
        others: &[],
    },
    Keys {
        mapping: Mapping::Reservations,
        path: "services.*.deploy.resources.reservations",
        honoured: &[],
        others: rows! {
            "cpus" Ignore "the limit is `cpus`";
            "memory" Ignore "the limit is `mem_limit`";
            "generic_resources" Ignore "all services run on this machine";
            "devices" NeedsTrust "it would use the GPUs of this machine";
        },
    },
    Keys {
        mapping: Mapping::Network,
        path: "networks.*",
        honoured: &[("driver", "`bridge`"), ("internal", "")],
        others: rows! {
            "attachable" Ignore "all services run on this machine";
            "enable_ipv4" Ignore "roadlab chooses address ranges that do not collide";
            "enable_ipv6" Ignore "roadlab chooses address ranges that do not collide";
            "ipam" Ignore "roadlab chooses address ranges that do not collide";
            "labels" Ignore "nothing reads them";
            "name" Ignore "roadlab chooses names that do not collide";
            "driver_opts" Refuse "it would give the lab access to this machine";
            "external" Refuse "it would belong to another project";
        },
    },
    Keys {
        mapping: Mapping::Volume,
        path: "volumes.*",
        honoured: &[("driver", "`local`")],
        others: rows! {
            "labels" Ignore "nothing reads them";
            "name" Ignore "roadlab chooses names that do not collide";
            "driver_opts" Refuse "it would give the lab access to this machine";
            "external" Refuse "it would belong to another project";
        },
    },
    Keys {
        mapping: Mapping::Config,
        path: "configs.*, secrets.*",
        honoured: &[("file", "in the lab's folder")],
        others: rows! {
            "labels" Ignore "nothing reads them";
            "name" Ignore "roadlab chooses names that do not collide";
            "content" Refuse "put it into a file and use `file`";
            "driver" Refuse "it would belong to another project";
            "driver_opts" Refuse "it would belong to another project";
            "environment" Refuse "it would read the environment of this machine";
            "external" Refuse "it would belong to another project";
            "template_driver" Refuse "the file is mounted as it is";
        },
    },
];

/// The keys whose values are booleans, among those that the `compose` module does not read.
const BOOLEANS: &[&str] = &[
    "external",
    "privileged",
    "oom_kill_disable",
    "use_api_socket",
];

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
    for row in others(Mapping::Service) {
        let Some((key, value)) = request(row, fields) else {
            continue;
        };
        match row.key {
            "security_opt" if only_defaults(value) => {}
            "extra_hosts" => match extra_hosts(value) {
                Some(hosts) if hosts.values().all(|address| is_loopback(address)) => {}
                Some(_) => apply(row, &subject, key, problems),
                None => {
                    let expected = text!("`name=address` entries, with one address for each name");
                    problems.push(mismatch(value, row.key, expected));
                }
            },
            "logging" if !keeps_log(value) => {
                let reason = text!("its log would leave this machine or be lost");
                problems.push(refused(key, denial(row.key, &reason)));
            }
            "scale" => check_replicas(value, problems),
            _ => apply(row, &subject, key, problems),
        }
    }
}

/// Checks the keys of another mapping that the `compose` module does not read, and marks them as known.
pub(crate) fn check_keys(mapping: Mapping, fields: &mut Fields<'_>, problems: &mut Problems) {
    for row in others(mapping) {
        let Some((key, value)) = request(row, fields) else {
            continue;
        };
        let harmless = match (mapping, row.key) {
            (Mapping::Mount, "volume") => !has_any(value, &["nocopy", "subpath"]),
            (Mapping::Build, "network") => value.as_string().as_deref() == Some("default"),
            _ => false,
        };
        if !harmless {
            apply(row, &mapping.noun(), key, problems);
        }
    }
}

/// Refuses more than one container of a service.
pub(crate) fn check_replicas(value: &Node, problems: &mut Problems) {
    if value.as_string().as_deref() == Some("1") {
        return;
    }
    let what = text!(
        "each service has one container, not {count}",
        count = value.describe()
    );
    let help =
        text!("remove it, or write one service for each container; `extends` keeps that short");
    problems.push(refused(value, what).help(help));
}

fn has_any(value: &Node, keys: &[&str]) -> bool {
    keys.iter().any(|key| {
        let value = value.child(key).map(|value| &value.kind);
        value.is_some_and(|kind| !matches!(kind, Kind::Null | Kind::Bool(false)))
    })
}

fn keys_of(mapping: Mapping) -> Option<&'static Keys> {
    TABLE.iter().find(|keys| keys.mapping == mapping)
}

fn others(mapping: Mapping) -> &'static [Row] {
    keys_of(mapping).map_or(&[], |keys| keys.others)
}

/// Returns the keys of each mapping in the table.
#[cfg(test)]
pub(crate) fn table_keys() -> impl Iterator<Item = (Mapping, BTreeSet<&'static str>)> {
    TABLE.iter().map(|keys| {
        let honoured = keys.honoured.iter().map(|(key, _)| *key);
        let others = keys.others.iter().map(|row| row.key);
        (keys.mapping, honoured.chain(others).collect())
    })
}

/// Returns the document about the keys, in Markdown.
pub fn compose_keys_document() -> String {
    let mut out = String::from(
        "# Keys of Compose files\n\n\
         Generated from the table in `src/lab/policy/keys.rs`. **honoured**: the key has the effect that Compose gives it. \
         **ignored**: it has no effect that a lab could observe, and `roadlab validate` notes it. **needs --trust** and \
         **refused**: `roadlab validate` reports the line. Keys that begin with `x-` are ignored, except `x-roadlab`, and \
         any other key is an error.\n\n\
         The values are those that `docker compose config` 2.40 prints, with these exceptions:\n\n\
         - A variable without a value is an error, also for a name alone in `environment`, `env_file` and `args`: nothing is \
         taken from the environment of this machine. `PWD` and `COMPOSE_PROJECT_NAME` are the folder and the name of the project.\n\
         - Folders of the lab are mounted read-only and must be there. A volume whose name is one letter is a volume, not a \
         drive of Windows. A host port below 1024 or of a range becomes a free one.\n\
         - Names of services, volumes and networks have lowercase letters, digits, `-` and `_`. A lab has at most 32 services, a \
         file one document, and a port range 16 ports.\n\
         - `extends` brings the volumes, networks, configs and secrets along that the other service uses, and can extend a \
         service that is included.\n\
         - A key without a value, such as `environment:`, is as if it were not there; Compose refuses it.\n\
         - An integer such as `retries` has no fraction, a plain `.nan` or `.inf` is refused, and ports are `tcp` or `udp`.\n",
    );
    for keys in TABLE {
        let path = match keys.path {
            "" => "Top level".to_owned(),
            path => format!("`{path}`"),
        };
        out.push_str(&format!(
            "\n## {path}\n\n| key | level | remark |\n|---|---|---|\n"
        ));
        for (key, remark) in keys.honoured {
            out.push_str(&format!("| `{key}` | honoured | {remark} |\n"));
        }
        for row in keys.others {
            let level = match row.decision {
                Decision::Ignore => "ignored",
                Decision::NeedsTrust => "needs --trust",
                Decision::Refuse => "refused",
            };
            let reason = (row.reason)().localized();
            out.push_str(&format!("| `{}` | {level} | {reason} |\n", row.key));
        }
    }
    out
}

/// Returns the key and the value of a row, unless the value requests nothing, as `privileged: false` does.
fn request<'a>(row: &Row, fields: &mut Fields<'a>) -> Option<(&'a Node, &'a Node)> {
    let value = fields.get(row.key)?;
    if value.is_broken() {
        return None;
    }
    let requested = match &value.kind {
        Kind::Null | Kind::Bool(false) => false,
        Kind::String(written) if written.is_empty() => false,
        // Compose reads words as booleans, as those that come from a variable are.
        Kind::String(written) if BOOLEANS.contains(&row.key) => {
            let word = written.to_ascii_lowercase();
            !["false", "no", "off", "n"].contains(&word.as_str())
        }
        Kind::List(items) => !items.is_empty(),
        Kind::Map(entries) => !entries.is_empty(),
        Kind::String(_) | Kind::Number(..) | Kind::Bool(true) => true,
    };
    Some((fields.key(row.key)?, value)).filter(|_| requested)
}

fn apply(row: &Row, subject: &Text, key: &Node, problems: &mut Problems) {
    let reason = (row.reason)();
    match row.decision {
        Decision::Ignore => {
            let what = text!(
                "`{key}` of {subject} has no effect: {reason}",
                key = row.key,
                subject = *subject,
                reason
            );
            problems.push(Problem::new(what).at(key.place()).kind(ProblemKind::Note));
        }
        Decision::NeedsTrust => problems.push(needs_trust(key, denial(row.key, &reason))),
        Decision::Refuse => problems.push(refused(key, denial(row.key, &reason))),
    }
}

/// Without the name of the service: several services may take a key from one anchor.
fn denial(key: &str, reason: &Text) -> Text {
    text!("`{key}` is not allowed: {reason}", key, reason = *reason)
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
    driver.is_none_or(|driver| {
        matches!(
            driver.as_string().as_deref(),
            Some("json-file" | "local" | "none")
        )
    })
}

/// Reads `extra_hosts`, a list of `name:address` or `name=address`, or a mapping, as addresses by name. `None` if an entry has
/// another form, or a name two addresses.
pub(crate) fn extra_hosts(value: &Node) -> Option<BTreeMap<String, String>> {
    let pairs: Vec<(String, String)> = match &value.kind {
        Kind::List(items) => {
            let split = |entry: &Node| {
                let entry = entry.as_string()?;
                let (name, address) = entry.split_once('=').or_else(|| entry.split_once(':'))?;
                Some((name.to_owned(), address.to_owned()))
            };
            items.iter().map(split).collect::<Option<_>>()?
        }
        Kind::Map(entries) => {
            let addresses = |(name, address): &(Node, Node)| {
                let (name, address) = (name.as_string()?, address);
                let address = match &address.kind {
                    Kind::List(items) if items.len() == 1 => items[0].as_string()?,
                    _ => address.as_string()?,
                };
                Some((name, address))
            };
            entries.iter().map(addresses).collect::<Option<_>>()?
        }
        Kind::Null => Vec::new(),
        Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => return None,
    };
    let mut hosts = BTreeMap::new();
    for (name, address) in pairs {
        let before = hosts.insert(name, address.clone());
        if before.is_some_and(|before| before != address) {
            return None;
        }
    }
    Some(hosts)
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
            Decision::Ignore => vec![ProblemKind::Note],
            Decision::NeedsTrust => vec![ProblemKind::NeedsTrust],
            Decision::Refuse => vec![ProblemKind::Refused],
        }
    }

    #[test]
    fn every_row_of_services_is_applied() {
        for row in others(Mapping::Service) {
            // Only these rows depend on the value.
            let (value, expected) = match row.key {
                "extra_hosts" => ("[\"db:192.0.2.1\"]", kinds_of(row.decision)),
                "logging" => ("{ driver: json-file }", kinds_of(row.decision)),
                "scale" => ("2", vec![ProblemKind::Refused]),
                _ => ("host", kinds_of(row.decision)),
            };
            review_service(&format!("{}: {value}", row.key), &expected);
            for nothing in ["[]", "false", "{}", "~"] {
                review_service(&format!("{}: {nothing}", row.key), &[]);
            }
        }
    }

    #[test]
    fn every_row_of_other_mappings_is_applied() {
        for keys in TABLE.iter().filter(|keys| keys.mapping != Mapping::Service) {
            for row in keys.others {
                let value = match (keys.mapping, row.key) {
                    (Mapping::Mount, "volume") => "{ nocopy: true }",
                    _ => "host",
                };
                let yaml = format!("{}: {value}", row.key);
                let check = |fields: &mut Fields<'_>, problems: &mut Problems| {
                    check_keys(keys.mapping, fields, problems);
                };
                review(&yaml, keys.mapping, check, &kinds_of(row.decision));
            }
        }
    }

    #[test]
    fn one_replica_is_allowed() {
        review_service("scale: 1", &[]);
        review_service("scale: '3'", &[ProblemKind::Refused]);
    }

    #[test]
    fn every_key_stands_once_in_its_table() {
        for keys in TABLE {
            let all = keys.honoured.iter().map(|(key, _)| *key);
            let all: Vec<&str> = all.chain(keys.others.iter().map(|row| row.key)).collect();
            let unique: BTreeSet<&str> = all.iter().copied().collect();
            assert_eq!(all.len(), unique.len(), "{}", keys.path);
        }
    }

    /// The document is written again with `UPDATE_DOCS=1`.
    #[test]
    fn the_document_is_generated_from_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/reference/compose-keys.md");
        let document = compose_keys_document();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &document).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), document);
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
        // The engine keeps the log where the file wants none.
        for noted in ["local, options: { max-size: 1g }", "none"] {
            let yaml = format!("logging: {{ driver: {noted} }}");
            review_service(&yaml, &[ProblemKind::Note]);
        }
        for refused in ["syslog", "gelf", "[x]"] {
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
        review_service(
            "extra_hosts: { meta: [169.254.169.254] }",
            &[ProblemKind::NeedsTrust],
        );
        for unclear in [
            "[bad]",
            "['h=127.0.0.1', 'h=127.0.0.2']",
            "{ h: [127.0.0.1, 127.0.0.2] }",
        ] {
            review_service(&format!("extra_hosts: {unclear}"), &[ProblemKind::Lab]);
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
