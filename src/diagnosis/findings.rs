//! Judges whether a machine can run labs: facts about it and the needs of labs become findings.
//!
//! `doctor` shows all findings; `up` and `images` refuse early by the same rules.

use std::collections::BTreeSet;

use crate::diagnosis::{Clock, Disk, Finding, Machine, Memory, MissingImages, Need};

/// A clock that differs by more seconds than this is reported.
const MAX_CLOCK_SKEW_SECS: i64 = 5;
/// The oldest API that roadlab is tested with.
const MIN_API_VERSION: (u32, u32) = (1, 41);

/// The free space that the data of a lab needs, in bytes.
const MIN_FREE_SPACE: u64 = 128 << 20;
/// Additional free space with which downloads and builds do not fill the disk, in bytes.
const COMFORTABLE_FREE_SPACE: u64 = 2 << 30;

/// Returns all findings, the most important first.
pub fn findings(machine: &Machine, needs: &[Need]) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(machine.engine_unavailable.clone().map(Finding::NoEngine));
    if let Some(engine) = &machine.engine {
        found.push(Finding::Engine {
            engine: engine.clone(),
            old: api(&engine.api).is_some_and(|seen| seen < MIN_API_VERSION),
        });
        found.extend(
            machine
                .host
                .as_ref()
                .map(|host| Finding::System(host.system())),
        );
        found.push(Finding::Limits {
            cgroup: engine.cgroup.clone(),
            unlimited: engine.unlimited.clone(),
            warnings: engine.warnings.clone(),
        });
    }
    let largest = needs.iter().max_by_key(|need| need.memory);
    found.extend(largest.and_then(|need| memory(machine.memory, need)));
    let missing = MissingImages {
        count: needs.iter().map(|need| need.missing.count).sum(),
        bytes: needs.iter().map(|need| need.missing.bytes).sum(),
    };
    found.extend(machine.disk.as_ref().map(|disk| disk_space(disk, missing)));
    found.extend(ports(machine, needs));
    found.extend(proxies(machine));
    found.extend(clocks(&machine.clocks));
    found.extend(machine.folders.iter().cloned().map(Finding::Folder));
    if !machine.unreadable_journals.is_empty() {
        let journals = machine.unreadable_journals.clone();
        found.push(Finding::UnreadableJournals(journals));
    }
    if !machine.orphan_runs.is_empty() {
        found.push(Finding::OrphanRuns(machine.orphan_runs.clone()));
    }
    found
}

/// Compares the memory of a machine with what a lab needs; `None` if the memory is not known.
pub fn memory(seen: Option<Memory>, need: &Need) -> Option<Finding> {
    seen.map(|memory| Finding::Memory {
        memory,
        lab: need.lab.clone(),
        needed: need.memory,
    })
}

/// Compares the free disk space with what missing images need.
pub fn disk_space(disk: &Disk, missing: MissingImages) -> Finding {
    let least = MIN_FREE_SPACE + missing.bytes;
    Finding::Disk {
        disk: disk.clone(),
        missing,
        least,
        good: match missing.count {
            0 => least,
            _ => least + COMFORTABLE_FREE_SPACE,
        },
    }
}

/// Finds the default ports of services that other programs use.
fn ports(machine: &Machine, needs: &[Need]) -> Vec<Finding> {
    let others = machine.answering.keys().copied();
    let others = others.filter(|port| !machine.own_ports.contains(port));
    let found: Vec<Finding> = others
        .filter(|port| {
            needs
                .iter()
                .any(|need| need.ports().any(|own| own == *port))
        })
        .map(|port| {
            let services = needs
                .iter()
                .filter_map(|need| need.default_ports.get(&port));
            let insists = needs.iter().find(|need| need.fixed.contains(&port));
            Finding::PortInUse {
                port,
                services: services.flatten().cloned().collect(),
                process: machine.answering.get(&port).cloned().flatten(),
                container: machine.published.get(&port).cloned(),
                needed_by: insists.map(|need| need.lab.clone()),
            }
        })
        .collect();
    let checked: BTreeSet<u16> = needs.iter().flat_map(Need::ports).collect();
    match found.is_empty() && !checked.is_empty() {
        true => vec![Finding::PortsFree {
            ports: checked.into_iter().collect(),
        }],
        false => found,
    }
}

/// Compares the proxies of the shell and the engine; `None` if there are none.
fn proxies(machine: &Machine) -> Option<Finding> {
    let proxies = &machine.proxies;
    let any = !proxies.shell.is_empty() || !proxies.engine.is_empty();
    any.then(|| Finding::Proxies {
        proxies: proxies.clone(),
        unknown_to_engine: machine.engine.is_some()
            && proxies.engine.is_empty()
            && proxies.shell.keys().any(|name| is_proxy(name)),
    })
}

/// Whether a variable names a proxy, as `NO_PROXY` does not.
fn is_proxy(variable: &str) -> bool {
    !variable.eq_ignore_ascii_case("no_proxy")
}

fn clocks(clocks: &[Clock]) -> Option<Finding> {
    let worst = clocks.iter().max_by_key(|clock| clock.ahead.abs())?;
    Some(Finding::Clock {
        clock: worst.clone(),
        off: worst.ahead.abs() > MAX_CLOCK_SKEW_SECS,
        compared: clocks.iter().map(|clock| clock.source.clone()).collect(),
    })
}

/// Reads a version such as `1.41`.
fn api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
