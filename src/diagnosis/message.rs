//! Findings as messages for people: what was found, what it means, and what to type.

use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnosis::{
    Clock, ClockSource, Disk, Experience, Finding, Memory, MissingImages, Proxies, Severity, System,
};
use crate::lab::LabId;
use crate::text;
use crate::text::{Text, command_line};

/// A finding in words.
#[derive(Debug, Clone)]
pub struct Message {
    /// What was found and, unless all is well, what it means.
    pub what: Text,
    /// What to type or do.
    pub fix: Option<Text>,
}

impl Message {
    fn ok(what: Text) -> Self {
        Self { what, fix: None }
    }

    fn with_fix(what: Text, fix: Text) -> Self {
        let fix = Some(fix);
        Self { what, fix }
    }

    /// A message whose fix is a command, which is the same in every language.
    fn with_command(what: Text, command: impl Into<String>) -> Self {
        Self::with_fix(what, Text::verbatim(command))
    }
}

impl Finding {
    /// Returns the subject of the finding in one word.
    pub fn subject(&self) -> Text {
        match self {
            Finding::NoEngine(_) | Finding::Engine { .. } => text!("engine"),
            Finding::System(_) => text!("system"),
            Finding::Limits { .. } => text!("limits"),
            Finding::Memory { .. } => text!("memory"),
            Finding::Disk { .. } => text!("disk"),
            Finding::PortInUse { .. } | Finding::PortsFree { .. } => text!("ports"),
            Finding::Proxies { .. } => text!("proxy"),
            Finding::Clock { .. } => text!("clock"),
            Finding::Folder(_) => text!("folder"),
            Finding::OrphanRuns(_) | Finding::UnreadableJournals(_) => text!("labs"),
            Finding::BrokenLab { .. } => text!("lab"),
        }
    }

    pub fn message(&self) -> Message {
        match self {
            Finding::NoEngine(none) => Message::with_command(none.why.clone(), &none.fix),
            Finding::Engine { engine, old } => {
                let (product, version, api) = (&engine.product, &engine.version, &engine.api);
                let (address, source) = (&engine.address, engine.source_text.clone());
                match old {
                    false => Message::ok(text!(
                        "{product} {version} (API {api}) answers at {address} ({source})",
                        product,
                        version,
                        api,
                        address,
                        source
                    )),
                    true => Message::with_fix(
                        text!(
                            "{product} {version} (API {api}) at {address} ({source}) is older than every version that roadlab is tested with; commands may fail",
                            product,
                            version,
                            api,
                            address,
                            source
                        ),
                        text!(
                            "install a newer version, see https://docs.docker.com/engine/install/"
                        ),
                    ),
                }
            }
            Finding::System(system) => system_message(*system),
            Finding::Limits {
                cgroup, unlimited, ..
            } => limits(cgroup.as_deref(), unlimited),
            Finding::Memory {
                memory,
                lab,
                needed,
            } => memory_message(self.severity(), *memory, lab, *needed),
            Finding::Disk {
                disk,
                missing,
                least,
                ..
            } => disk_message(self.severity(), disk, *missing, *least),
            Finding::PortInUse { .. } => port_in_use(self),
            Finding::PortsFree { ports } => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                Message::ok(text!(
                    "no other program uses the default ports of the services: {ports}",
                    ports = ports.join(", ")
                ))
            }
            Finding::Proxies {
                proxies,
                unknown_to_engine,
            } => proxy_message(proxies, *unknown_to_engine),
            Finding::Clock {
                clock,
                off,
                compared,
            } => clock_message(clock, *off, compared),
            Finding::Folder(folder) => {
                let path = folder.path.display();
                match &folder.problem {
                    None => Message::ok(text!("{path} is writable", path)),
                    Some(reason) => Message::with_command(
                        text!(
                            "cannot write to {path}, where roadlab keeps its files: {reason}",
                            path,
                            reason
                        ),
                        format!("sudo chown -R \"$(id -u)\" {}", quoted(&folder.path)),
                    ),
                }
            }
            Finding::OrphanRuns(orphans) => {
                let labs: BTreeSet<&str> =
                    orphans.iter().map(|orphan| orphan.lab.as_str()).collect();
                let labs: Vec<&str> = labs.into_iter().collect();
                let what = text!(
                    "started by another user or with another state folder, and left alone: {count} ({labs})",
                    count = orphans.len(),
                    labs = labs.join(", ")
                );
                Message::with_command(what, "roadlab status")
            }
            Finding::UnreadableJournals(files) => {
                let files: Vec<String> = files
                    .iter()
                    .map(|file| file.display().to_string())
                    .collect();
                let what = text!(
                    "the records of these running labs cannot be read: {files}",
                    files = files.join(", ")
                );
                Message::with_command(what, "roadlab status")
            }
            Finding::BrokenLab { folder, problems } => {
                let path = folder.display();
                let what = match problems {
                    1 => text!("{path} has 1 problem and cannot be started", path),
                    count => text!(
                        "{path} has {count} problems and cannot be started",
                        path,
                        count
                    ),
                };
                Message::with_command(what, format!("roadlab validate {}", quoted(folder)))
            }
        }
    }
}

fn system_message(system: System) -> Message {
    let (name, remark) = (system.text(), system.remark());
    let what = match system.experience() {
        Experience::Run => {
            return Message::ok(text!("{name}: {remark}", name, remark));
        }
        Experience::RunInPart => text!("{name}: tested in part; {remark}", name, remark),
        Experience::ReadAbout | Experience::NotRun => {
            text!(
                "{name}: roadlab was not tested there; {remark}",
                name,
                remark
            )
        }
    };
    Message::with_fix(
        what,
        text!("`roadlab test redis` shows whether labs work here"),
    )
}

fn limits(cgroup: Option<&str>, unlimited: &[String]) -> Message {
    let version = cgroup.unwrap_or("?");
    match unlimited.is_empty() {
        true => Message::ok(text!(
            "the engine enforces limits on memory and processes (cgroup v{version})",
            version
        )),
        false => Message::with_fix(
            text!(
                "the engine cannot limit {resources} (cgroup v{version}); a faulty lab may slow down or stop this machine",
                resources = unlimited.join(", "),
                version
            ),
            text!("add `cgroup_enable=memory` to the kernel command line, then run: sudo reboot"),
        ),
    }
}

fn memory_message(severity: Severity, memory: Memory, lab: &LabId, needed: u64) -> Message {
    let [total, available, needed] = [memory.total, memory.available, needed].map(format_bytes);
    match severity {
        Severity::Ok => Message::ok(text!(
            "{available} of {total} available; the largest lab, `{lab}`, uses up to {needed}",
            available,
            total,
            lab,
            needed
        )),
        Severity::Note => Message::with_command(
            text!(
                "only {available} of {total} available, and lab `{lab}` uses up to {needed}; stop other programs or labs if it becomes slow",
                available,
                total,
                lab,
                needed
            ),
            "roadlab down --all",
        ),
        Severity::Problem => Message::with_command(
            text!(
                "this machine has {total} of memory, but lab `{lab}` uses up to {needed}; it cannot run here unless `mem_limit` in its compose.yaml is lowered",
                total,
                lab,
                needed
            ),
            format!("roadlab show {lab}"),
        ),
    }
}

fn disk_message(severity: Severity, disk: &Disk, missing: MissingImages, least: u64) -> Message {
    let (free, path) = (format_bytes(disk.free), disk.path.display());
    let (count, size) = (missing.count, format_bytes(missing.bytes));
    match severity {
        Severity::Ok => Message::ok(match count {
            0 => text!("{free} free in {path}; no images to download", free, path),
            count => text!(
                "{free} free in {path}; images to download: {count}, at least {size}",
                free,
                path,
                count,
                size
            ),
        }),
        Severity::Note => Message::with_command(
            text!(
                "only {free} free in {path}; downloading may fill the disk; images to download: {count}, at least {size}",
                free,
                path,
                count,
                size
            ),
            "roadlab gc --images",
        ),
        Severity::Problem => Message::with_command(
            text!(
                "only {free} free in {path}, but at least {least} is needed; images to download: {count}, at least {size}",
                free,
                path,
                least = format_bytes(least),
                count,
                size
            ),
            "roadlab gc --images",
        ),
    }
}

fn port_in_use(finding: &Finding) -> Message {
    let Finding::PortInUse {
        port,
        services,
        process,
        container,
        needed_by,
    } = finding
    else {
        return Message::ok(Text::verbatim(""));
    };
    let (program, stop) = match (container, process) {
        (Some(name), _) => (
            text!("container `{name}`", name),
            format!("docker stop {name}"),
        ),
        (None, Some(process)) => (
            text!(
                "`{program}` (process {pid})",
                program = process.program,
                pid = process.pid
            ),
            format!("kill {}", process.pid),
        ),
        (None, None) => (
            text!("a program of another user"),
            format!("sudo ss -ltnp 'sport = :{port}'"),
        ),
    };
    match needed_by {
        Some(lab) => Message::with_command(
            text!(
                "port {port} is used by {program}; lab `{lab}` needs this port and cannot start",
                port,
                program,
                lab
            ),
            stop,
        ),
        None => {
            let services: Vec<&str> = services.iter().map(String::as_str).collect();
            Message::with_command(
                text!(
                    "port {port} is used by {program}, which is not a service of a lab; `roadlab status` shows the address of the lab's {services}",
                    port,
                    program,
                    services = services.join(", ")
                ),
                "roadlab status",
            )
        }
    }
}

fn proxy_message(proxies: &Proxies, unknown_to_engine: bool) -> Message {
    let shell: Vec<String> = proxies
        .shell
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let (shell, engine) = (shell.join(" "), proxies.engine.join(" "));
    if unknown_to_engine {
        return Message::with_command(
            text!(
                "this shell uses {proxy}, but the engine uses no proxy; it may be unable to pull images",
                proxy = shell
            ),
            match proxies.systemd {
                true => {
                    "sudo systemctl edit docker.service  # [Service] Environment=\"HTTPS_PROXY=…\"; then: sudo systemctl restart docker"
                }
                false => "roadlab engine down && roadlab engine up --yes",
            },
        );
    }
    Message::ok(match (shell.is_empty(), engine.is_empty()) {
        (false, false) => text!(
            "this shell uses {proxy}, the engine pulls images through {engine}",
            proxy = shell,
            engine
        ),
        (false, true) => text!("this shell uses {proxy}", proxy = shell),
        (true, _) => text!("the engine pulls images through {engine}", engine),
    })
}

fn clock_message(clock: &Clock, off: bool, compared: &[ClockSource]) -> Message {
    let fix = "sudo timedatectl set-ntp true";
    let seconds = clock.ahead.abs();
    if !off {
        let hosts: Vec<String> = compared
            .iter()
            .filter(|source| matches!(source, ClockSource::Host(_)))
            .map(ToString::to_string)
            .collect();
        return Message::ok(match hosts.is_empty() {
            true => text!("no file of a lab has a time in the future"),
            false => text!(
                "this machine's clock agrees with that of {hosts}",
                hosts = hosts.join(", ")
            ),
        });
    }
    let what = match (&clock.source, clock.ahead > 0) {
        (ClockSource::File(path), _) => text!(
            "{path} was last changed {seconds} s in the future; this machine's clock may be slow, which makes TLS certificates and expiry times unreliable",
            path = path.display(),
            seconds
        ),
        (ClockSource::Host(host), true) => text!(
            "this machine's clock is {seconds} s behind that of {host}; TLS certificates and expiry times may be judged wrongly",
            seconds,
            host
        ),
        (ClockSource::Host(host), false) => text!(
            "this machine's clock is {seconds} s ahead of that of {host}; TLS certificates and expiry times may be judged wrongly",
            seconds,
            host
        ),
    };
    Message::with_command(what, fix)
}

/// Formats a size as `256 MiB` or `1.5 GiB`.
pub fn format_bytes(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    match mib {
        ..1.0 => format!("{:.0} KiB", mib * 1024.0),
        ..1024.0 => format!("{mib:.0} MiB"),
        _ => format!("{:.1} GiB", mib / 1024.0),
    }
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    command_line([path.display().to_string().as_str()])
}
