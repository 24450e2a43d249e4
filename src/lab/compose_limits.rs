//! What a container may use, the engine's own health check, and that networks and volumes are the lab's own.

use std::collections::BTreeMap;

use crate::lab::ServiceName;
use crate::lab::compose_values::{pairs, size};
use crate::lab::fields::{Fields, Problems, entries, list, mismatch};
use crate::lab::include::{Composition, close_with_extensions};
use crate::lab::policy;
use crate::lab::service::{DEFAULT_CPUS, DEFAULT_MEMORY, DEFAULT_PIDS, Healthcheck, Limits};
use crate::lab::yaml::{Kind, Node};
use crate::problem::Problem;

/// From what the kernel takes to more than any machine has.
const CPUS: std::ops::RangeInclusive<f64> = 0.01..=1024.0;

pub(crate) fn healthcheck(node: &Node, problems: &mut Problems) -> Option<Healthcheck> {
    let mut fields = Fields::open(node, "healthcheck", problems)?;
    let disabled = fields.bool("disable", problems).unwrap_or(false);
    let test = fields.get("test").map(|test| match &test.kind {
        Kind::Text(command) => vec!["CMD-SHELL".to_owned(), command.clone()],
        _ => list(test, "test", problems)
            .into_iter()
            .filter_map(Node::text)
            .collect(),
    });
    let second = std::time::Duration::from_secs(1);
    let interval = fields.duration("interval", problems).unwrap_or(30 * second);
    let timeout = fields.duration("timeout", problems).unwrap_or(30 * second);
    let retries = fields.integer("retries", problems).unwrap_or(3);
    let start_period = fields
        .duration("start_period", problems)
        .unwrap_or_default();
    fields.ignore(&["start_interval"]);
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

pub(crate) fn limits(node: &Node, fields: &mut Fields<'_>, problems: &mut Problems) -> Limits {
    let mut limits = Limits {
        memory: size(fields, "mem_limit", problems),
        cpus: processors(fields, problems),
        pids: fields
            .integer("pids_limit", problems)
            .unwrap_or(DEFAULT_PIDS),
        shm: size(fields, "shm_size", problems),
    };
    let deploy = fields
        .get("deploy")
        .and_then(|node| Fields::open(node, "deploy", problems));
    if let Some(mut deploy) = deploy {
        let resources = deploy
            .get("resources")
            .and_then(|node| Fields::open(node, "resources", problems));
        if let Some(mut resources) = resources {
            let inner = resources
                .get("limits")
                .and_then(|node| Fields::open(node, "limits", problems));
            if let Some(mut inner) = inner {
                limits.memory = size(&mut inner, "memory", problems).or(limits.memory);
                limits.cpus = processors(&mut inner, problems).or(limits.cpus);
                limits.pids = inner.integer("pids", problems).unwrap_or(limits.pids);
                inner.close(problems);
            }
            resources.ignore(&["reservations"]);
            resources.close(problems);
        }
        deploy.close(problems);
    }
    policy::limits(&limits, node, problems);
    limits.memory.get_or_insert(DEFAULT_MEMORY);
    limits.cpus.get_or_insert(DEFAULT_CPUS);
    limits
}

/// Reads `cpus`: a number, or a text of one. None at all would be no limit.
fn processors(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<f64> {
    let node = fields.get("cpus")?;
    let written = node.text().and_then(|written| written.parse().ok());
    let parsed = written.filter(|cpus| CPUS.contains(cpus));
    if parsed.is_none() {
        problems.push(mismatch(
            node,
            "cpus",
            "a number of processors such as `0.5` or `2`",
        ));
    }
    parsed
}

pub(crate) fn ulimits(
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
                    policy::ulimit(&name, limit, value, problems);
                    out.insert(name, (limit, limit));
                }
            }
            Kind::Map(_) => {
                let Some(mut fields) = Fields::open(value, "ulimit", problems) else {
                    continue;
                };
                let soft = fields.integer("soft", problems);
                let hard = fields.integer("hard", problems);
                fields.close(problems);
                if let Some(limits) = soft.zip(hard) {
                    policy::ulimit(&name, limits.1, value, problems);
                    out.insert(name, limits);
                }
            }
            _ => problems.push(mismatch(value, "ulimits", "a number")),
        }
    }
    out
}

/// Reads `sysctls`: a mapping, or a list of `name=value`.
pub(crate) fn sysctls(
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let Some(node) = fields.get("sysctls") else {
        return BTreeMap::new();
    };
    let settings: BTreeMap<_, _> = pairs(fields, "sysctls", problems).into_iter().collect();
    for name in settings.keys() {
        policy::sysctl(name, node, problems);
    }
    settings
}

/// Reads the lab's networks: each an own bridge, `internal` or not.
pub(crate) fn networks(found: &Composition, problems: &mut Problems) -> BTreeMap<String, bool> {
    let mut out = BTreeMap::from([("default".to_owned(), false)]);
    for (name, node) in &found.networks {
        if let Err(error) = ServiceName::new(name) {
            problems.push(Problem::new(error.to_string()).at(node.place()));
        }
        let internal = own(node, "network", &["driver", "internal", "labels"], problems);
        out.insert(name.clone(), internal);
    }
    out
}

/// Checks the lab's volumes: each its own, local, without options.
pub(crate) fn volumes(found: &Composition, problems: &mut Problems) {
    for (name, node) in &found.volumes {
        if let Err(error) = ServiceName::new(name) {
            problems.push(Problem::new(error.to_string()).at(node.place()));
        }
        own(node, "volume", &["driver", "labels"], problems);
    }
}

/// A network or volume of the lab's own; returns whether it is `internal`.
fn own(node: &Node, noun: &'static str, allowed: &[&'static str], problems: &mut Problems) -> bool {
    if matches!(node.kind, Kind::Null) {
        return false;
    }
    let Some(mut fields) = Fields::open(node, noun, problems) else {
        return false;
    };
    let usual = if noun == "volume" { "local" } else { "bridge" };
    let driver = fields.text("driver", problems);
    if let Some(driver) = driver.filter(|driver| driver != usual) {
        let driver = driver.escape_debug();
        let what = format!("{noun} driver `{driver}` reaches outside the lab");
        problems.push(policy::refuse(node, what));
    }
    let internal =
        allowed.contains(&"internal") && fields.bool("internal", problems).unwrap_or(false);
    fields.ignore(allowed);
    policy::beneath(noun, &mut fields, problems);
    close_with_extensions(fields, problems);
    internal
}
