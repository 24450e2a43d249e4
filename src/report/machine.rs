//! What was found out about a machine, in words, with the command that helps.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use crate::localized;
use crate::plan::{Disk, Finding, Memory, Proxies, Severity};
use crate::report::{Paint, memory, sanitize, t};

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
            fix.map(|fix| format!("    {} {}", t!("machine.fix"), paint.link(&sanitize(&fix))));
        std::iter::once(first).chain(fix)
    });
    lines.collect()
}

/// A finding that ends a command.
pub(crate) fn too_small(finding: &Finding, paint: Paint) -> Vec<String> {
    let Message { what, fix } = said(finding);
    let first = format!("{}: {}", paint.bad(&t!("word.error")), sanitize(&what));
    let fix = fix.map(|fix| format!("  {} {}", t!("machine.fix"), paint.link(&sanitize(&fix))));
    std::iter::once(first).chain(fix).collect()
}

fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// What a finding is about, in a word.
fn about(finding: &Finding) -> Cow<'static, str> {
    match finding {
        Finding::NoEngine(_) | Finding::Engine { .. } => t!("machine.about_engine"),
        Finding::Limits { .. } => t!("machine.about_limits"),
        Finding::Memory { .. } => t!("machine.about_memory"),
        Finding::Disk { .. } => t!("machine.about_disk"),
        Finding::PortInUse { .. } | Finding::PortsFree { .. } => {
            t!("machine.about_ports")
        }
        Finding::Proxies { .. } => t!("machine.about_proxy"),
        Finding::Clock { .. } => t!("machine.about_clock"),
        Finding::Folder(_) => t!("machine.about_folder"),
        Finding::OrphanRuns(_) | Finding::UnreadableJournals(_) => localized!("runs").into(),
        Finding::BrokenLab { .. } => t!("machine.about_lab"),
    }
}

/// What was seen, and the fix where something is to be done.
pub(crate) fn said(finding: &Finding) -> Message {
    let (what, fix) = match finding {
        Finding::NoEngine(none) => (none.why.clone().into(), Some(none.fix.clone())),
        Finding::Engine { engine, old } => {
            let seen = t!(
                "machine.engine",
                product = engine.product,
                version = engine.version,
                api = engine.api,
                address = engine.address,
                source = engine.source
            );
            match old {
                false => (seen, None),
                true => (
                    t!("machine.old_engine", seen = seen),
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
            (t!("machine.no_foreign", ports = ports.join(", ")), None)
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
                t!("machine.clock_right", compared = compared.join(", ")),
                None,
            ),
            (true, true) => (
                t!(
                    "machine.clock_behind",
                    other = clock.of,
                    seconds = clock.ahead
                ),
                Some(SET_CLOCK.to_owned()),
            ),
            (true, false) => (
                t!(
                    "machine.clock_ahead",
                    other = clock.of,
                    seconds = -clock.ahead
                ),
                Some(SET_CLOCK.to_owned()),
            ),
        },
        Finding::Folder(folder) => {
            let path = folder.path.display();
            match &folder.problem {
                None => (t!("machine.folder_fine", path = path), None),
                Some(why) => (
                    t!("machine.folder_closed", path = path, why = why),
                    Some(format!(
                        "sudo chown -R \"$(id -u)\" {}",
                        quoted(&folder.path)
                    )),
                ),
            }
        }
        Finding::OrphanRuns(orphans) => {
            let labs: BTreeSet<&str> = orphans.iter().map(|orphan| orphan.lab.as_str()).collect();
            let labs: Vec<&str> = labs.into_iter().collect();
            let what = localized!(
                "runs that are not of this state folder: {count} ({labs})",
                count = orphans.len(),
                labs = labs.join(", ")
            );
            (what.into(), Some("roadlab status".to_owned()))
        }
        Finding::UnreadableJournals(files) => {
            let files: Vec<String> = files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            let what = localized!(
                "journals of runs that cannot be read: {files}",
                files = files.join(", ")
            );
            (what.into(), Some("roadlab status".to_owned()))
        }
        Finding::BrokenLab { folder, problems } => (
            t!(
                "machine.broken_lab",
                path = folder.display(),
                count = problems
            ),
            Some(format!("roadlab validate {}", quoted(folder))),
        ),
    };
    Message {
        what: what.into_owned(),
        fix,
    }
}

const SET_CLOCK: &str = "sudo timedatectl set-ntp true";

fn limits(cgroup: Option<&str>, unlimited: &[String]) -> (Cow<'static, str>, Option<String>) {
    let version = cgroup.unwrap_or("?");
    match unlimited.is_empty() {
        true => (t!("machine.limits", version = version), None),
        false => (
            t!(
                "machine.no_limits",
                version = version,
                what = unlimited.join(", ")
            ),
            Some(t!("machine.boot_with_limits").into_owned()),
        ),
    }
}

fn memory_message(
    state: Severity,
    seen: Memory,
    lab: &str,
    needed: u64,
) -> (Cow<'static, str>, Option<String>) {
    let [total, available, needed] = [seen.total, seen.available, needed].map(memory);
    match state {
        Severity::Ok => (
            t!(
                "machine.memory",
                total = total,
                available = available,
                lab = lab,
                needed = needed
            ),
            None,
        ),
        Severity::Note => (
            t!(
                "machine.memory_short",
                total = total,
                available = available,
                lab = lab,
                needed = needed
            ),
            Some("roadlab down --all".to_owned()),
        ),
        Severity::Problem => (
            t!(
                "machine.memory_too_small",
                total = total,
                lab = lab,
                needed = needed
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
) -> (Cow<'static, str>, Option<String>) {
    let (free, least) = (memory(disk.free), memory(least));
    let path = disk.path.display();
    let clear = Some("docker image prune".to_owned());
    match state {
        Severity::Ok => (
            t!("machine.disk", free = free, path = path, count = missing),
            None,
        ),
        Severity::Note => (
            t!(
                "machine.disk_short",
                free = free,
                path = path,
                count = missing
            ),
            clear,
        ),
        Severity::Problem => (
            t!(
                "machine.disk_full",
                free = free,
                path = path,
                count = missing,
                least = least
            ),
            clear,
        ),
    }
}

fn other_program(finding: &Finding) -> (Cow<'static, str>, Option<String>) {
    let Finding::PortInUse {
        port,
        services,
        process,
        container,
        needed_by,
    } = finding
    else {
        return (Cow::default(), None);
    };
    let who = match (container, process) {
        (Some(container), _) => t!("machine.container", name = container),
        (None, Some(process)) => t!(
            "machine.process",
            program = process.program,
            pid = process.pid
        ),
        (None, None) => t!("machine.somebody"),
    };
    let stop = match (container, process) {
        (Some(container), _) => format!("docker stop {container}"),
        (None, Some(process)) => format!("kill {}", process.pid),
        (None, None) => format!("sudo ss -ltnp 'sport = :{port}'"),
    };
    let services = services.iter().cloned().collect::<Vec<_>>().join(", ");
    match needed_by {
        Some(lab) => (
            t!("machine.port_needed", port = port, who = who, lab = lab),
            Some(stop),
        ),
        None => (
            t!(
                "machine.foreign",
                port = port,
                who = who,
                services = services
            ),
            Some("roadlab status".to_owned()),
        ),
    }
}

fn proxies_message(
    proxies: &Proxies,
    unknown_to_engine: bool,
) -> (Cow<'static, str>, Option<String>) {
    let shell: Vec<String> = proxies
        .shell
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let shell = match shell.is_empty() {
        true => t!("machine.nothing").into_owned(),
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
            t!("machine.proxy_unknown", shell = shell),
            Some(restart.to_owned()),
        ),
        false => {
            let engine = match proxies.engine.is_empty() {
                true => t!("machine.nothing").into_owned(),
                false => proxies.engine.join(" "),
            };
            (t!("machine.proxy", shell = shell, engine = engine), None)
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
