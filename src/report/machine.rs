//! What was found out about a machine, in words, with the command that helps.

use std::path::Path;

use crate::localized;
use crate::plan::{Disk, Finding, Memory, Proxies, Severity};
use crate::report::{Paint, memory, sanitize};

/// A finding in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) what: String,
    /// What to type.
    pub(crate) fix: Option<String>,
}

/// Findings as lines: the state, what it is about, what was seen; below it what helps.
pub(crate) fn finding_lines(findings: &[Finding], paint: Paint) -> Vec<String> {
    let widest = findings.iter().map(|finding| width(&about(finding))).max();
    let lines = findings.iter().flat_map(|finding| {
        let mark = match finding.state() {
            Severity::Ok => paint.good("✓"),
            Severity::Note => paint.warn("!"),
            Severity::Problem => paint.bad("✗"),
        };
        let about = about(finding);
        let gap = " ".repeat(widest.unwrap_or(0) - width(&about));
        let Message { what, fix } = said(finding);
        let first = format!("{mark} {}{gap}  {}", paint.bold(&about), sanitize(&what));
        let fix =
            fix.map(|fix| format!("    {} {}", localized!("fix:"), paint.link(&sanitize(&fix))));
        std::iter::once(first).chain(fix)
    });
    lines.collect()
}

/// A finding that ends a command.
pub(crate) fn too_small(finding: &Finding, paint: Paint) -> Vec<String> {
    let Message { what, fix } = said(finding);
    let first = format!("{}: {}", paint.bad(&localized!("error")), sanitize(&what));
    let fix = fix.map(|fix| format!("  {} {}", localized!("fix:"), paint.link(&sanitize(&fix))));
    std::iter::once(first).chain(fix).collect()
}

fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// What a finding is about, in a word.
fn about(finding: &Finding) -> String {
    match finding {
        Finding::NoEngine(_) | Finding::Engine { .. } => localized!("engine"),
        Finding::Limits { .. } => localized!("limits"),
        Finding::Memory { .. } => localized!("memory"),
        Finding::Disk { .. } => localized!("disk"),
        Finding::PortInUse { .. } | Finding::PortsFree { .. } => {
            localized!("ports")
        }
        Finding::Proxies { .. } => localized!("proxy"),
        Finding::Clock { .. } => localized!("clock"),
        Finding::Folder(_) => localized!("folder"),
        Finding::BrokenLab { .. } => localized!("lab"),
    }
}

/// What was seen, and the fix where something is to be done.
pub(crate) fn said(finding: &Finding) -> Message {
    let (what, fix) = match finding {
        Finding::NoEngine(none) => (none.why.clone(), Some(none.fix.clone())),
        Finding::Engine { engine, old } => {
            let seen = localized!(
                "{product} {version} (API {api}) at {address} ({source})",
                product = engine.product,
                version = engine.version,
                api = engine.api,
                address = engine.address,
                source = engine.source
            );
            match old {
                false => (seen, None),
                true => (
                    localized!(
                        "{seen}; older than the oldest version tested with roadlab",
                        seen
                    ),
                    Some("roadlab engine up --yes".to_owned()),
                ),
            }
        }
        Finding::Limits {
            cgroup, unlimited, ..
        } => limits(cgroup.as_deref(), unlimited),
        Finding::Memory {
            memory,
            lab,
            needed,
        } => memory_message(finding.state(), *memory, lab.as_str(), *needed),
        Finding::Disk {
            disk,
            missing,
            least,
            ..
        } => disk_message(finding.state(), disk, *missing, *least),
        Finding::PortInUse { .. } => other_program(finding),
        Finding::PortsFree { ports } => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            (
                localized!(
                    "no other program uses these ports: {ports}",
                    ports = ports.join(", ")
                ),
                None,
            )
        }
        Finding::Proxies {
            proxies,
            unknown_to_engine,
        } => proxies_message(proxies, *unknown_to_engine),
        Finding::Clock {
            clock,
            off,
            compared,
        } => match (off, clock.ahead > 0) {
            (false, _) => (
                localized!("in sync with {compared}", compared = compared.join(", ")),
                None,
            ),
            (true, true) => (
                localized!(
                    "{seconds} s behind {other}: TLS and time-to-live may not work as expected",
                    other = clock.of,
                    seconds = clock.ahead
                ),
                Some(SET_CLOCK.to_owned()),
            ),
            (true, false) => (
                localized!(
                    "{seconds} s ahead of {other}: TLS and time-to-live may not work as expected",
                    other = clock.of,
                    seconds = -clock.ahead
                ),
                Some(SET_CLOCK.to_owned()),
            ),
        },
        Finding::Folder(folder) => {
            let path = folder.path.display();
            match &folder.problem {
                None => (localized!("{path} is writable", path), None),
                Some(why) => (
                    localized!("cannot write to {path}: {why}", path, why),
                    Some(format!(
                        "sudo chown -R \"$(id -u)\" {}",
                        quoted(&folder.path)
                    )),
                ),
            }
        }
        Finding::BrokenLab { folder, problems } => (
            localized!(
                "{path} has problems: {count}",
                path = folder.display(),
                count = problems
            ),
            Some(format!("roadlab validate {}", quoted(folder))),
        ),
    };
    Message { what, fix }
}

const SET_CLOCK: &str = "sudo timedatectl set-ntp true";

fn limits(cgroup: Option<&str>, unlimited: &[String]) -> (String, Option<String>) {
    let version = cgroup.unwrap_or("?");
    match unlimited.is_empty() {
        true => (
            localized!(
                "cgroup v{version}; memory and process limits are enforced",
                version
            ),
            None,
        ),
        false => (
            localized!(
                "cgroup v{version}; the engine cannot limit: {what}. A lab that leaks could use up the whole machine",
                version,
                what = unlimited.join(", ")
            ),
            Some(localized!(
                "add `cgroup_enable=memory` to the kernel command line, then: sudo reboot"
            )),
        ),
    }
}

fn memory_message(
    state: Severity,
    seen: Memory,
    lab: &str,
    needed: u64,
) -> (String, Option<String>) {
    let [total, available, needed] = [seen.total, seen.available, needed].map(memory);
    match state {
        Severity::Ok => (
            localized!(
                "{total}, {available} available; the largest lab, {lab}, may use {needed}",
                total,
                available,
                lab,
                needed
            ),
            None,
        ),
        Severity::Note => (
            localized!(
                "{available} of {total} available; {lab} may use {needed}: stop other programs or labs if it becomes slow",
                total,
                available,
                lab,
                needed
            ),
            Some("roadlab down --all".to_owned()),
        ),
        Severity::Problem => (
            localized!(
                "this machine has {total} of memory, and the services of {lab} may use {needed}: it cannot run here unless `mem_limit` in its compose.yaml is lowered",
                total,
                lab,
                needed
            ),
            Some(format!("roadlab show {lab}")),
        ),
    }
}

fn disk_message(
    state: Severity,
    disk: &Disk,
    missing: usize,
    least: u64,
) -> (String, Option<String>) {
    let (free, least) = (memory(disk.free), memory(least));
    let path = disk.path.display();
    let clear = Some("docker image prune".to_owned());
    match state {
        Severity::Ok => (
            localized!(
                "{free} free at {path}; missing images: {count}",
                free,
                path,
                count = missing
            ),
            None,
        ),
        Severity::Note => (
            localized!(
                "only {free} free at {path}; missing images: {count}",
                free,
                path,
                count = missing
            ),
            clear,
        ),
        Severity::Problem => (
            localized!(
                "only {free} free at {path}, at least {least} is needed; missing images: {count}",
                free,
                path,
                count = missing,
                least
            ),
            clear,
        ),
    }
}

fn other_program(finding: &Finding) -> (String, Option<String>) {
    let Finding::PortInUse {
        port,
        services,
        process,
        container,
        needed_by,
    } = finding
    else {
        return (String::new(), None);
    };
    let who = match (container, process) {
        (Some(container), _) => localized!("container {name}", name = container),
        (None, Some(process)) => localized!(
            "`{program}`, process {pid}",
            program = process.program,
            pid = process.pid
        ),
        (None, None) => localized!("a program of another user"),
    };
    let stop = match (container, process) {
        (Some(container), _) => format!("docker stop {container}"),
        (None, Some(process)) => format!("kill {}", process.pid),
        (None, None) => format!("sudo ss -ltnp 'sport = :{port}'"),
    };
    let services = services.iter().cloned().collect::<Vec<_>>().join(", ");
    match needed_by {
        Some(lab) => (
            localized!(
                "port {port} is used by {who}, and lab {lab} requires it",
                port,
                who,
                lab
            ),
            Some(stop),
        ),
        None => (
            localized!(
                "port {port} is used by another program: {who}; `roadlab status` shows the address of the lab's {services}",
                port,
                who,
                services
            ),
            Some("roadlab status".to_owned()),
        ),
    }
}

fn proxies_message(proxies: &Proxies, unknown_to_engine: bool) -> (String, Option<String>) {
    let shell: Vec<String> = proxies
        .shell
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let shell = match shell.is_empty() {
        true => localized!("none"),
        false => shell.join(" "),
    };
    let restart = match proxies.systemd {
        true => {
            "sudo systemctl edit docker.service  # [Service] Environment=\"HTTPS_PROXY=…\"; then: sudo systemctl restart docker"
        }
        false => "roadlab engine down && roadlab engine up --yes",
    };
    match unknown_to_engine {
        true => (
            localized!(
                "the shell uses {shell}, but the engine has no proxy: image pulls bypass it",
                shell
            ),
            Some(restart.to_owned()),
        ),
        false => {
            let engine = match proxies.engine.is_empty() {
                true => localized!("none"),
                false => proxies.engine.join(" "),
            };
            (
                localized!("shell: {shell}; engine: {engine}", shell, engine),
                None,
            )
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
