//! Reads the resource limits, kernel settings and health check of a service.

use std::collections::BTreeMap;

use crate::lab::compose::values::read_size;
use crate::lab::policy;
use crate::lab::service::{
    DEFAULT_CPUS, DEFAULT_MEMORY, DEFAULT_PIDS, Healthcheck, Limits, RestartPolicy,
};
use crate::lab::yaml::{
    Fields, Kind, Mapping, Node, Problems, keyed_entries, list, mismatch, quoted_string,
};
use crate::problem::{Code, Problem, ProblemKind};
use crate::text;

/// The least memory with which the engine starts a container, in bytes.
const MIN_MEMORY: i64 = 6 << 20;

/// The numbers of CPUs that are accepted, from what the kernel can limit to more than any machine has.
const CPUS: std::ops::RangeInclusive<f64> = 0.01..=1024.0;

/// Reads `healthcheck`. A value that it does not have is that of the image.
pub(crate) fn read_healthcheck(node: &Node, problems: &mut Problems) -> Option<Healthcheck> {
    let mut fields = Fields::open_compose(node, Mapping::Healthcheck, problems)?;
    let disabled = fields.boolean("disable", problems).unwrap_or(false);
    let test = fields.get("test").map(|test| match &test.kind {
        Kind::String(command) => vec!["CMD-SHELL".to_owned(), command.clone()],
        _ => read_test(test, problems),
    });
    let interval = fields.duration("interval", problems).unwrap_or_default();
    let timeout = fields.duration("timeout", problems).unwrap_or_default();
    let retries = fields.integer("retries", problems).unwrap_or_default();
    if let Some(node) = fields.get("retries").filter(|_| retries < 0) {
        let expected = text!("0 or more");
        problems.push(mismatch(node, "retries", expected).code(Code::Health));
    }
    let start_period = fields
        .duration("start_period", problems)
        .unwrap_or_default();
    policy::check_keys(Mapping::Healthcheck, &mut fields, problems);
    fields.close(problems);
    let test = match disabled {
        true => vec![Healthcheck::OFF.to_owned()],
        false => test.unwrap_or_default(),
    };
    Some(Healthcheck {
        test,
        interval,
        timeout,
        retries,
        start_period,
    })
}

/// Reads the words of a health check, of which the first says how to run the others.
fn read_test(node: &Node, problems: &mut Problems) -> Vec<String> {
    const KINDS: [&str; 3] = ["CMD", "CMD-SHELL", "NONE"];
    let items = list(node, "test", problems);
    let words: Vec<String> = items
        .into_iter()
        .filter_map(|item| quoted_string(item, "test", problems))
        .collect();
    if let Some(first) = words
        .first()
        .filter(|first| !KINDS.contains(&first.as_str()))
    {
        let what = text!(
            "`test` must begin with `CMD`, `CMD-SHELL` or `NONE`, not with `{first}`",
            first
        );
        let help = text!("write a string to run it in a shell");
        let problem = Problem::new(what).code(Code::Health).help(help);
        problems.push(problem.at(node.place()));
    }
    words
}

/// What `deploy` requests.
#[derive(Debug, Default)]
pub(crate) struct Deploy {
    pub restart: Option<RestartPolicy>,
    pub limits: DeployLimits,
}

/// The limits of `deploy`, which override those of the service.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct DeployLimits {
    /// Whether there are any: then a limit of the service must be among them, with the same value.
    given: bool,
    memory: Option<i64>,
    cpus: Option<f64>,
    pids: Option<i64>,
}

/// Reads `deploy`.
pub(crate) fn read_deploy(fields: &mut Fields<'_>, problems: &mut Problems) -> Deploy {
    let mut deploy = Deploy::default();
    let Some(mut fields) = fields
        .get("deploy")
        .and_then(|node| Fields::open_compose(node, Mapping::Deploy, problems))
    else {
        return deploy;
    };
    if let Some(replicas) = fields.get("replicas") {
        policy::check_replicas(replicas, problems);
    }
    let restart = fields
        .get("restart_policy")
        .and_then(|node| Fields::open_compose(node, Mapping::RestartPolicy, problems));
    if let Some(mut restart) = restart {
        let attempts = restart.integer("max_attempts", problems);
        deploy.restart = Some(read_restart_condition(&mut restart, attempts, problems));
        policy::check_keys(Mapping::RestartPolicy, &mut restart, problems);
        restart.close(problems);
    }
    let resources = fields
        .get("resources")
        .and_then(|node| Fields::open_compose(node, Mapping::Resources, problems));
    if let Some(mut resources) = resources {
        let limits = resources
            .get("limits")
            .and_then(|node| Fields::open_compose(node, Mapping::Limits, problems));
        if let Some(mut limits) = limits {
            deploy.limits = DeployLimits {
                given: true,
                memory: read_limit(&mut limits, "memory", problems, read_size),
                cpus: read_limit(&mut limits, "cpus", problems, read_cpus),
                pids: read_limit(&mut limits, "pids", problems, Fields::integer),
            };
            limits.close(problems);
        }
        let reservations = resources
            .get("reservations")
            .and_then(|node| Fields::open_compose(node, Mapping::Reservations, problems));
        if let Some(mut reservations) = reservations {
            policy::check_keys(Mapping::Reservations, &mut reservations, problems);
            reservations.close(problems);
        }
        resources.close(problems);
    }
    policy::check_keys(Mapping::Deploy, &mut fields, problems);
    fields.close(problems);
    deploy
}

/// Reads `condition` of `restart_policy`. Without one nothing is started again, as in Compose.
fn read_restart_condition(
    fields: &mut Fields<'_>,
    attempts: Option<i64>,
    problems: &mut Problems,
) -> RestartPolicy {
    let Some(node) = fields.get("condition") else {
        return RestartPolicy::Never;
    };
    // YAML reads `no` as a boolean.
    match node.as_string().as_deref() {
        Some("none" | "no" | "false" | "") => RestartPolicy::Never,
        Some("any" | "always" | "unless-stopped") => RestartPolicy::Always,
        Some("on-failure") => RestartPolicy::OnFailure { attempts },
        _ => {
            let expected = text!("`none`, `on-failure` or `any`");
            problems.push(mismatch(node, "condition", expected));
            RestartPolicy::Never
        }
    }
}

/// Reads `restart`.
pub(crate) fn read_restart(node: &Node, problems: &mut Problems) -> Option<RestartPolicy> {
    let policy = node
        .as_string()
        .and_then(|written| restart_policy(&written));
    if policy.is_none() {
        let expected = text!("`no`, `always`, `unless-stopped` or `on-failure`");
        problems.push(mismatch(node, "restart", expected));
    }
    policy
}

fn restart_policy(written: &str) -> Option<RestartPolicy> {
    let (name, attempts) = written.split_once(':').unwrap_or((written, ""));
    match (name, attempts.parse().ok()) {
        // YAML reads `no` as a boolean.
        ("no" | "false" | "", None) if attempts.is_empty() => Some(RestartPolicy::Never),
        ("always" | "unless-stopped", None) if attempts.is_empty() => Some(RestartPolicy::Always),
        ("on-failure", attempts) if attempts.is_some() || !written.contains(':') => {
            Some(RestartPolicy::OnFailure { attempts })
        }
        _ => None,
    }
}

/// Reads the limits of memory, CPUs, processes and shared memory.
pub(crate) fn read_limits(
    node: &Node,
    fields: &mut Fields<'_>,
    deploy: DeployLimits,
    problems: &mut Problems,
) -> Limits {
    let at = |key: &str, fields: &Fields<'_>| fields.key(key).unwrap_or(node).clone();
    let pids_node = at("pids_limit", fields);
    let shm_node = at("shm_size", fields);
    let memory_node = at("mem_limit", fields);
    let cpus_node = at("cpus", fields);
    let memory = read_limit(fields, "mem_limit", problems, read_size);
    let cpus = read_limit(fields, "cpus", problems, read_cpus);
    let pids = read_limit(fields, "pids_limit", problems, Fields::integer);
    let mut refuse_distinct = |node: &Node, key: &str, deployed: &str, distinct: bool| {
        if distinct && deploy.given {
            let what = text!(
                "`{key}` and `deploy.resources.limits.{deployed}` must have the same value",
                key,
                deployed
            );
            let help = text!("remove one of them; Compose refuses this, too");
            let problem = Problem::new(what).code(Code::Limit).at(node.place());
            problems.push(problem.help(help));
        }
    };
    let memory_differs = memory.is_some() && memory != deploy.memory;
    refuse_distinct(&memory_node, "mem_limit", "memory", memory_differs);
    let cpus_differ = cpus.is_some() && cpus != deploy.cpus;
    refuse_distinct(&cpus_node, "cpus", "cpus", cpus_differ);
    let pids_differ = pids.is_some() && pids != deploy.pids;
    refuse_distinct(&pids_node, "pids_limit", "pids", pids_differ);
    let mut limits = Limits {
        memory: deploy.memory.or(memory),
        cpus: deploy.cpus.or(cpus),
        pids: deploy.pids.or(pids).unwrap_or(DEFAULT_PIDS),
        shm: read_size(fields, "shm_size", problems),
    };
    policy::check_limits(&limits, &pids_node, &shm_node, problems);
    if let Some(memory) = limits.memory.filter(|memory| *memory < MIN_MEMORY) {
        let what = text!(
            "a memory limit of {memory} bytes is too low: the engine starts no container with less than 6 MiB",
            memory
        );
        problems.push(Problem::new(what).code(Code::Limit).at(memory_node.place()));
    }
    limits.memory.get_or_insert(DEFAULT_MEMORY);
    limits.cpus.get_or_insert(DEFAULT_CPUS);
    limits
}

/// Reads a limit with `read`. Zero and less stand for no limit in Compose: roadlab's default stays then, and a note says so.
fn read_limit<'a, T>(
    fields: &mut Fields<'a>,
    key: &'static str,
    problems: &mut Problems,
    read: impl FnOnce(&mut Fields<'a>, &'static str, &mut Problems) -> Option<T>,
) -> Option<T> {
    let node = fields.get(key)?;
    let written = node.as_string().unwrap_or_default();
    if written.parse().is_ok_and(|number: f64| number <= 0.0) {
        let what = text!(
            "`{key}: {value}` is no limit for Compose; the default limit of roadlab holds",
            key,
            value = written
        );
        let note = Problem::new(what).code(Code::Limit).at(node.place());
        problems.push(note.kind(ProblemKind::Note));
        return None;
    }
    read(fields, key, problems)
}

/// Reads `cpus`: a number, which may be written as a string.
fn read_cpus(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Option<f64> {
    let node = fields.get(key)?;
    let written = node.as_string().and_then(|written| written.parse().ok());
    let parsed = written.filter(|cpus| CPUS.contains(cpus));
    if parsed.is_none() {
        let expected = text!("a number of CPUs such as `0.5` or `2`");
        problems.push(mismatch(node, key, expected));
    }
    parsed
}

/// Reads `ulimits`: a number, or `soft` and `hard`, by name.
pub(crate) fn read_ulimits(
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, (i64, i64)> {
    let Some(node) = fields.get("ulimits") else {
        return BTreeMap::new();
    };
    let mut out = BTreeMap::new();
    for (key, value) in keyed_entries(node, "ulimits", problems) {
        let Some(name) = key.as_string() else {
            continue;
        };
        match &value.kind {
            Kind::Number(_, written) | Kind::String(written) => {
                let Ok(limit) = written.parse() else {
                    problems.push(mismatch(value, "ulimits", text!("a number")));
                    continue;
                };
                policy::check_ulimit(&name, limit, key, problems);
                out.insert(name, (limit, limit));
            }
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open_compose(value, Mapping::Ulimit, problems)
                else {
                    continue;
                };
                let soft = fields.integer("soft", problems);
                let hard = fields.integer("hard", problems);
                let missing = ["soft", "hard"].into_iter();
                let missing: Vec<_> = missing.filter(|one| !fields.contains(one)).collect();
                if !missing.is_empty() {
                    let what = text!("limit `{name}` needs both `soft` and `hard`", name);
                    let problem = Problem::new(what).code(Code::Limit).at(key.place());
                    fields.report_missing(&missing, problem);
                }
                fields.close(problems);
                // A negative limit is none.
                let height = |limit: i64| if limit < 0 { i64::MAX } else { limit };
                match soft.zip(hard) {
                    Some((soft, hard)) if height(soft) > height(hard) => {
                        let what = text!(
                            "the `soft` limit `{name}` is higher than the `hard` one",
                            name
                        );
                        problems.push(Problem::new(what).code(Code::Limit).at(key.place()));
                    }
                    Some(limits) => {
                        policy::check_ulimit(&name, limits.1, key, problems);
                        out.insert(name, limits);
                    }
                    None => {}
                }
            }
            _ => problems.push(mismatch(value, "ulimits", text!("a number"))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Reads the limits of a service, and returns them with the problems.
    fn limits(service: &str) -> (Limits, Vec<String>) {
        let node = Node::parse_compose(Path::new("c.yaml"), Path::new(""), service).unwrap();
        let mut problems = Vec::new();
        let mut fields = Fields::open_compose(&node, Mapping::Service, &mut problems).unwrap();
        let deploy = read_deploy(&mut fields, &mut problems);
        let limits = read_limits(&node, &mut fields, deploy.limits, &mut problems);
        (limits, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn two_different_values_of_a_limit_are_refused_as_in_compose() {
        let deploy = |limits: &str| format!("deploy: {{ resources: {{ limits: {limits} }} }}");
        for (own, deployed) in [
            ("mem_limit: 1g", "{ memory: 512M }"),
            ("mem_limit: 1g", "{ cpus: '1' }"),
            ("cpus: 1", "{ cpus: '2' }"),
            ("pids_limit: 100", "{ pids: 200 }"),
        ] {
            let (_, problems) = limits(&format!("{own}\n{}\n", deploy(deployed)));
            let key = own.split(':').next().unwrap();
            let expected = format!("c.yaml:1:1: `{key}` and `deploy.resources.limits.");
            assert_eq!(problems.len(), 1, "{own} {deployed}: {problems:?}");
            assert!(problems[0].starts_with(&expected), "{problems:?}");
        }
        let same = deploy("{ memory: 1024M, cpus: '1.0' }");
        let (read, problems) = limits(&format!("mem_limit: 1g\ncpus: 1\n{same}\n"));
        assert_eq!((read.memory, problems), (Some(1 << 30), Vec::new()));
        let only_reserved = "mem_limit: 1g\ndeploy: { resources: { reservations: {} } }\n";
        assert_eq!(limits(only_reserved).1, [""; 0]);
    }

    #[test]
    fn no_limit_of_compose_leaves_the_default_with_a_note() {
        for value in ["0", "-1", "'0'"] {
            let service = format!("mem_limit: {value}\ncpus: {value}\npids_limit: {value}\n");
            let (read, notes) = limits(&service);
            assert_eq!(
                (read.memory, read.cpus, read.pids),
                (Some(DEFAULT_MEMORY), Some(DEFAULT_CPUS), DEFAULT_PIDS)
            );
            assert_eq!(notes.len(), 3, "{notes:?}");
        }
        let (read, _) = limits("deploy: { resources: { limits: { pids: -1, cpus: 0 } } }\n");
        assert_eq!((read.cpus, read.pids), (Some(DEFAULT_CPUS), DEFAULT_PIDS));
    }
}
