//! A service that did not become ready: what was probed and seen, the likely cause, the log, and what to type next.

use serde_json::{Value, json};

use crate::diagnosis::{KILLED, LikelyCause};
use crate::event::NotReady;
use crate::report::{Paint, duration, memory, sanitize, table};
use crate::text::Text;
use crate::{localized, text};

/// Returns everything that is known as lines for the terminal.
pub(crate) fn not_ready_lines(why: &NotReady, paint: Paint) -> Vec<String> {
    let error = paint.bad(&localized!("error"));
    let mut lines = vec![format!("{error}: {}", summary(why).localized())];
    let probe = text!(
        "{probe} ({count} times)",
        probe = why.probe,
        count = why.attempts
    );
    let mut rows = vec![
        (text!("probe"), sanitize(&probe.localized())),
        (text!("last result"), sanitize(&why.last)),
        (text!("container"), sanitize(&container(why).localized())),
    ];
    let cause = cause(why).map(|cause| paint.warn(&sanitize(&cause.localized())));
    rows.extend(cause.map(|cause| (text!("likely cause"), cause)));
    let rows = rows.into_iter();
    let rows = rows.map(|(label, text)| vec![format!("  {}", label.localized()), text]);
    lines.extend(table(&rows.collect::<Vec<_>>()));
    if !why.log.is_empty() {
        lines.push(format!("  {}", localized!("last lines of the log:")));
        let log = why.log.iter().map(|line| paint.dim(&sanitize(line)));
        lines.extend(log.map(|line| format!("    {line}")));
    }
    let (lab, service) = (&why.argument, &why.service);
    let next = localized!(
        "next: `roadlab up {lab} --retain` keeps the containers, `roadlab logs {lab} {service}` shows the log",
        lab,
        service
    );
    lines.push(format!("  {next}"));
    lines
}

/// Returns the same as data.
pub(crate) fn not_ready_json(why: &NotReady) -> Value {
    let end = why.container.as_ref();
    json!({
        "message": summary(why).localized(),
        "lab": why.lab, "service": why.service, "probe": why.probe, "attempts": why.attempts, "last": why.last,
        "waited_millis": why.waited.as_millis() as u64,
        "ended": end.filter(|end| !end.running).map(|_| container(why).localized()),
        "container": end.map(|end| json!({
            "running": end.running,
            "exit_code": (!end.running).then_some(end.exit_code),
            "out_of_memory": end.out_of_memory,
            "memory_limit": why.memory_limit,
            "error": end.error,
        })),
        "log": why.log,
        "likely": cause(why).map(|cause| cause.localized()),
        "next": [format!("roadlab up {} --retain", why.argument), format!("roadlab logs {} {}", why.argument, why.service)],
    })
}

/// Which service failed, and after how long.
fn summary(why: &NotReady) -> Text {
    let (service, time) = (&why.service, duration(why.waited.as_millis() as u64));
    match &why.container {
        Some(end) if !end.running => text!(
            "service `{service}` exited after {time}, before it was ready",
            service,
            time
        ),
        Some(_) | None => text!(
            "service `{service}` did not become ready within {time}",
            service,
            time
        ),
    }
}

fn container(why: &NotReady) -> Text {
    let limit = match why.memory_limit.and_then(|bytes| u64::try_from(bytes).ok()) {
        Some(bytes) => Text::verbatim(memory(bytes)),
        None => text!("no limit"),
    };
    match &why.container {
        None => text!("state unknown: the engine did not answer"),
        Some(end) if end.out_of_memory => text!(
            "killed: out of memory (limit {limit}, exit code {code})",
            limit,
            code = end.exit_code
        ),
        Some(end) if end.running => text!("running"),
        Some(end) if !end.error.is_empty() => {
            text!("could not start: {why}", why = end.error)
        }
        Some(end) if end.exit_code == KILLED => text!(
            "killed from outside, or out of memory (limit {limit}, exit code {code})",
            limit,
            code = end.exit_code
        ),
        Some(end) => text!("exited (exit code {code})", code = end.exit_code),
    }
}

/// The likely cause and what to do about it.
fn cause(why: &NotReady) -> Option<Text> {
    let service = &why.service;
    Some(match why.cause.as_ref()? {
        LikelyCause::OutOfMemory => text!(
            "it needs more memory than its limit: raise `mem_limit` of `{service}` in compose.yaml",
            service
        ),
        LikelyCause::PossiblyOutOfMemory => text!(
            "unless something else killed it, it needs more memory than its limit: raise `mem_limit` of `{service}` in compose.yaml",
            service
        ),
        LikelyCause::WrongFormat => text!(
            "its program is built for another processor architecture, or a script has no `#!` line"
        ),
        LikelyCause::NoSuchProgram => text!(
            "a program is missing in the image: see `command` and `entrypoint` of `{service}` in compose.yaml",
            service
        ),
        LikelyCause::DiskFull => text!(
            "the disk is full: `roadlab doctor` shows the free space, `roadlab gc --images` frees some"
        ),
        LikelyCause::ReadOnly => {
            text!("it writes to a read-only file system: mount a volume or `tmpfs` at that path")
        }
        LikelyCause::MissingVariable(name) => text!(
            "the image requires the variable {name}: set it under `environment` of `{service}` in compose.yaml",
            name,
            service
        ),
        LikelyCause::AddressInUse => {
            text!("two programs in its container use the same port")
        }
        LikelyCause::PasswordRefused => text!(
            "the password of the probe is missing or wrong: compare `url` and `ready` of the service with its configuration"
        ),
        LikelyCause::PermissionDenied(Some(path)) => text!(
            "its user has no permission for {path}: see `user` and the owner of what is mounted there",
            path
        ),
        LikelyCause::PermissionDenied(None) => {
            text!("its user lacks a permission: see `user` and the owner of what is mounted")
        }
        LikelyCause::LoopbackOnly(port) => text!(
            "it listens on port {port} inside its container only: configure it to listen on 0.0.0.0",
            port
        ),
        LikelyCause::OtherPorts { expected, open } => {
            let open: Vec<String> = open.iter().map(u16::to_string).collect();
            text!(
                "nothing listens on port {asked} in its container, but on {open}: correct `ports`",
                asked = expected,
                open = open.join(", ")
            )
        }
        LikelyCause::Unreachable(port) => text!(
            "it listens on port {port} in its container, but its published port is unreachable from here: the engine runs on another machine or network",
            port
        ),
        LikelyCause::NothingListens(port) => text!(
            "it is running, but nothing listens on port {port} in its container yet: raise `ready_within`, or see its log",
            port
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ContainerStatus;
    use std::time::Duration;

    #[test]
    fn everything_known_is_shown_and_the_next_command_last() {
        let why = NotReady {
            lab: "shop".into(),
            argument: "shop".into(),
            service: "cache".into(),
            waited: Duration::from_millis(412),
            probe: "redis PING".into(),
            attempts: 7,
            last: "nothing listens at 127.0.0.1:24030".into(),
            container: Some(ContainerStatus {
                running: false,
                exit_code: 137,
                out_of_memory: true,
                error: String::new(),
            }),
            memory_limit: Some(16 << 20),
            log: vec!["loading\u{1b}[2J".into()],
            cause: Some(LikelyCause::OutOfMemory),
        };
        insta::assert_snapshot!(not_ready_lines(&why, Paint::Plain).join("\n"), @r"
        error: service `cache` exited after 0.4 s, before it was ready
          probe         redis PING (7 times)
          last result   nothing listens at 127.0.0.1:24030
          container     killed: out of memory (limit 16 MiB, exit code 137)
          likely cause  it needs more memory than its limit: raise `mem_limit` of `cache` in compose.yaml
          last lines of the log:
            loading\u{1b}[2J
          next: `roadlab up shop --retain` keeps the containers, `roadlab logs shop cache` shows the log
        ");
        let json = not_ready_json(&why);
        assert_eq!(json["container"]["exit_code"], 137);
        assert_eq!(json["log"][0], "loading\u{1b}[2J");
    }
}
