//! "Why is it stuck?": a service that never answered, in words.

use serde_json::{Value, json};

use crate::event::NotReady;
use crate::localized;
use crate::plan::LikelyCause;
use crate::report::{Paint, duration, memory, sanitize, table};

/// What was waited for, what was seen, the likely cause, the log, and what to type next.
pub(crate) fn stuck(why: &NotReady, paint: Paint) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {}",
        paint.bad(&localized!("error")),
        first(why)
    )];
    let looked = localized!(
        "{probe} ({count} times)",
        probe = why.probe,
        count = why.attempts
    );
    let mut rows = vec![
        (localized!("probe"), sanitize(&looked)),
        (localized!("last result"), sanitize(&why.last)),
        (localized!("container"), sanitize(&container(why))),
    ];
    rows.extend(
        cause(why).map(|cause| (localized!("likely cause"), paint.warn(&sanitize(&cause)))),
    );
    let rows = rows.into_iter();
    let rows = rows.map(|(label, text)| vec![format!("  {label}"), text]);
    lines.extend(table(&rows.collect::<Vec<_>>()));
    if !why.log.is_empty() {
        lines.push(format!("  {}", localized!("last lines of the log:")));
        let log = why.log.iter().map(|line| paint.dim(&sanitize(line)));
        lines.extend(log.map(|line| format!("    {line}")));
    }
    lines.push(format!(
        "  {}",
        localized!("next: `roadlab up {lab} --retain` keeps the containers, `roadlab logs {lab} {service}` shows the log", lab = why.lab, service = why.service)
    ));
    lines
}

/// The same as data.
pub(crate) fn not_ready_json(why: &NotReady) -> Value {
    let end = why.container.as_ref();
    json!({
        "message": first(why),
        "lab": why.lab, "service": why.service, "probe": why.probe, "attempts": why.attempts, "last": why.last,
        "waited_millis": why.waited.as_millis() as u64,
        "ended": end.filter(|end| !end.running).map(|_| container(why)),
        "container": end.map(|end| json!({
            "running": end.running,
            "exit_code": (!end.running).then_some(end.exit_code),
            "out_of_memory": end.out_of_memory,
            "memory_limit": why.memory_limit,
            "error": end.error,
        })),
        "log": why.log,
        "likely": cause(why),
        "next": [format!("roadlab up {} --retain", why.lab), format!("roadlab logs {} {}", why.lab, why.service)],
    })
}

/// Which service, and for how long it was waited for.
fn first(why: &NotReady) -> String {
    let time = duration(why.waited.as_millis() as u64);
    match &why.container {
        Some(end) if !end.running => localized!(
            "service `{service}` exited after {time}, before it was ready",
            service = why.service,
            time
        ),
        Some(_) | None => localized!(
            "service `{service}` did not become ready within {time}",
            service = why.service,
            time
        ),
    }
}

fn container(why: &NotReady) -> String {
    let limit = match why.memory_limit.and_then(|bytes| u64::try_from(bytes).ok()) {
        Some(bytes) => memory(bytes),
        None => localized!("no limit"),
    };
    match &why.container {
        None => localized!("state unknown: the engine did not answer"),
        Some(end) if end.out_of_memory => {
            localized!(
                "killed: out of memory (limit {limit}, exit code {code})",
                limit,
                code = end.exit_code
            )
        }
        Some(end) if end.running => localized!("running"),
        Some(end) if !end.error.is_empty() => localized!("could not start: {why}", why = end.error),
        Some(end) if end.exit_code == 137 => localized!("killed from outside (exit code 137)"),
        Some(end) => localized!("exited (exit code {code})", code = end.exit_code),
    }
}

/// The likely cause with what mends it.
fn cause(why: &NotReady) -> Option<String> {
    let service = &why.service;
    let text = match why.cause.as_ref()? {
        LikelyCause::OutOfMemory => localized!(
            "it needs more memory than its limit: raise `mem_limit` of `{service}` in compose.yaml",
            service
        ),
        LikelyCause::WrongFormat => localized!(
            "its program is built for another processor architecture, or a script has no `#!` line"
        ),
        LikelyCause::NoSuchProgram => localized!(
            "a program is missing in the image: see `command` and `entrypoint` of `{service}` in compose.yaml",
            service
        ),
        LikelyCause::DiskFull => localized!(
            "the disk is full: `roadlab doctor` shows the free space, `docker image prune` frees some"
        ),
        LikelyCause::ReadOnly => localized!(
            "it writes to a read-only file system: mount a volume or `tmpfs` at that path"
        ),
        LikelyCause::MissingVariable(name) => localized!(
            "the image requires the variable {name}: set it under `environment` of `{service}` in compose.yaml",
            name,
            service
        ),
        LikelyCause::AddressInUse => localized!("two programs in its container use the same port"),
        LikelyCause::PasswordRefused => localized!(
            "the password of the probe is missing or wrong: compare `url` and `ready` of the service with its configuration"
        ),
        LikelyCause::PermissionDenied(Some(path)) => localized!(
            "its user has no permission for {path}: see `user` and the owner of what is mounted there",
            path
        ),
        LikelyCause::PermissionDenied(None) => {
            localized!("its user lacks a permission: see `user` and the owner of what is mounted")
        }
        LikelyCause::InsideOnly(port) => localized!(
            "it listens on port {port} inside its container only: configure it to listen on 0.0.0.0",
            port
        ),
        LikelyCause::OtherPorts { asked, open } => {
            let open: Vec<String> = open.iter().map(u16::to_string).collect();
            localized!(
                "nothing listens on port {asked} in its container, but on {open}: correct `ports`",
                asked,
                open = open.join(", ")
            )
        }
        LikelyCause::CutOff(port) => localized!(
            "it listens on port {port} in its container, but its published port is unreachable from here: the engine runs on another machine or network",
            port
        ),
        LikelyCause::NothingListens(port) => localized!(
            "it is running, but nothing listens on port {port} in its container yet: raise `ready_within`, or see its log",
            port
        ),
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ContainerStatus;
    use std::time::Duration;

    #[test]
    fn all_that_helps_is_said_and_the_next_command_last() {
        let why = NotReady {
            lab: "shop".into(),
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
        insta::assert_snapshot!(stuck(&why, Paint::Plain).join("\n"), @r"
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
