//! Reads the resource limits, kernel settings and health check of a service.

use std::collections::BTreeMap;

use crate::lab::compose::values::{read_pairs, read_size};
use crate::lab::policy;
use crate::lab::service::{DEFAULT_CPUS, DEFAULT_MEMORY, DEFAULT_PIDS, Healthcheck, Limits};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, entries, list, mismatch};
use crate::text;

/// The numbers of CPUs that are accepted, from what the kernel can limit to more than any machine has.
const CPUS: std::ops::RangeInclusive<f64> = 0.01..=1024.0;

/// Reads `healthcheck`; `None` if it is disabled.
pub(crate) fn read_healthcheck(node: &Node, problems: &mut Problems) -> Option<Healthcheck> {
    let mut fields = Fields::open(node, Mapping::Healthcheck, problems)?;
    let disabled = fields.boolean("disable", problems).unwrap_or(false);
    let test = fields.get("test").map(|test| match &test.kind {
        Kind::String(command) => vec!["CMD-SHELL".to_owned(), command.clone()],
        _ => list(test, "test", problems)
            .into_iter()
            .filter_map(Node::as_string)
            .collect(),
    });
    let second = std::time::Duration::from_secs(1);
    let interval = fields.duration("interval", problems).unwrap_or(30 * second);
    let timeout = fields.duration("timeout", problems).unwrap_or(30 * second);
    let retries = fields.integer("retries", problems).unwrap_or(3);
    let start_period = fields
        .duration("start_period", problems)
        .unwrap_or_default();
    fields.accept(&["start_interval"]);
    fields.close(problems);
    let test =
        test.filter(|test| !disabled && test.first().is_some_and(|first| first != "NONE"))?;
    Some(Healthcheck {
        test,
        interval,
        timeout,
        retries,
        start_period,
    })
}

/// Reads the limits of memory, CPUs, processes and shared memory.
pub(crate) fn read_limits(node: &Node, fields: &mut Fields<'_>, problems: &mut Problems) -> Limits {
    let mut limits = Limits {
        memory: read_size(fields, "mem_limit", problems),
        cpus: read_cpus(fields, problems),
        pids: fields
            .integer("pids_limit", problems)
            .unwrap_or(DEFAULT_PIDS),
        shm: read_size(fields, "shm_size", problems),
    };
    let deploy = fields
        .get("deploy")
        .and_then(|node| Fields::open(node, Mapping::Deploy, problems));
    if let Some(mut deploy) = deploy {
        let resources = deploy
            .get("resources")
            .and_then(|node| Fields::open(node, Mapping::Resources, problems));
        if let Some(mut resources) = resources {
            let inner = resources
                .get("limits")
                .and_then(|node| Fields::open(node, Mapping::Limits, problems));
            if let Some(mut inner) = inner {
                limits.memory = read_size(&mut inner, "memory", problems).or(limits.memory);
                limits.cpus = read_cpus(&mut inner, problems).or(limits.cpus);
                limits.pids = inner.integer("pids", problems).unwrap_or(limits.pids);
                inner.close(problems);
            }
            resources.accept(&["reservations"]);
            resources.close(problems);
        }
        deploy.close(problems);
    }
    policy::check_limits(&limits, node, problems);
    limits.memory.get_or_insert(DEFAULT_MEMORY);
    limits.cpus.get_or_insert(DEFAULT_CPUS);
    limits
}

/// Reads `cpus`: a number, which may be written as a string.
fn read_cpus(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<f64> {
    let node = fields.get("cpus")?;
    let written = node.as_string().and_then(|written| written.parse().ok());
    let parsed = written.filter(|cpus| CPUS.contains(cpus));
    if parsed.is_none() {
        let expected = text!("a number of CPUs such as `0.5` or `2`");
        problems.push(mismatch(node, "cpus", expected));
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
    for (name, value) in entries(node, "ulimits", problems) {
        match &value.kind {
            Kind::Number(number, _) => {
                if let Some(limit) = number.as_i64() {
                    policy::check_ulimit(&name, limit, value, problems);
                    out.insert(name, (limit, limit));
                }
            }
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open(value, Mapping::Ulimit, problems) else {
                    continue;
                };
                let soft = fields.integer("soft", problems);
                let hard = fields.integer("hard", problems);
                fields.close(problems);
                if let Some(limits) = soft.zip(hard) {
                    policy::check_ulimit(&name, limits.1, value, problems);
                    out.insert(name, limits);
                }
            }
            _ => problems.push(mismatch(value, "ulimits", text!("a number"))),
        }
    }
    out
}

/// Reads `sysctls`: a mapping, or a list of `name=value`.
pub(crate) fn read_sysctls(
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let Some(node) = fields.get("sysctls") else {
        return BTreeMap::new();
    };
    let settings: BTreeMap<_, _> = read_pairs(fields, "sysctls", problems)
        .into_iter()
        .collect();
    for name in settings.keys() {
        policy::check_sysctl(name, node, problems);
    }
    settings
}
