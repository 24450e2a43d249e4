//! "Why is it stuck?": a service that never answered, in words.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::event::NotReady;
use crate::plan::LikelyCause;
use crate::report::{Paint, duration, memory, sanitize, t, table};

/// What was waited for, what was seen, the likely cause, the log, and what to type next.
pub(crate) fn stuck(why: &NotReady, paint: Paint) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", paint.bad(&t!("word.error")), first(why))];
    let looked = t!("stuck.looked", probe = why.probe, count = why.attempts);
    let mut rows = vec![
        (t!("stuck.looked_for"), sanitize(&looked)),
        (t!("stuck.last_seen"), sanitize(&why.last)),
        (t!("stuck.container"), sanitize(&container(why))),
    ];
    rows.extend(cause(why).map(|cause| (t!("stuck.likely"), paint.warn(&sanitize(&cause)))));
    let rows = rows.into_iter();
    let rows = rows.map(|(label, text)| vec![format!("  {label}"), text]);
    lines.extend(table(&rows.collect::<Vec<_>>()));
    if !why.log.is_empty() {
        lines.push(format!("  {}", t!("stuck.log")));
        let log = why.log.iter().map(|line| paint.dim(&sanitize(line)));
        lines.extend(log.map(|line| format!("    {line}")));
    }
    lines.push(format!(
        "  {}",
        t!("stuck.next", lab = why.lab, service = why.service)
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
fn first(why: &NotReady) -> Cow<'static, str> {
    let time = duration(why.waited.as_millis() as u64);
    match &why.container {
        Some(end) if !end.running => t!("stuck.first_ended", service = why.service, time = time),
        Some(_) | None => t!("stuck.first", service = why.service, time = time),
    }
}

fn container(why: &NotReady) -> Cow<'static, str> {
    let limit = match why.memory_limit.and_then(|bytes| u64::try_from(bytes).ok()) {
        Some(bytes) => memory(bytes),
        None => t!("stuck.no_limit").into_owned(),
    };
    match &why.container {
        None => t!("stuck.unknown"),
        Some(end) if end.out_of_memory => {
            t!("stuck.out_of_memory", limit = limit, code = end.exit_code)
        }
        Some(end) if end.running => t!("stuck.running"),
        Some(end) if !end.error.is_empty() => t!("stuck.not_started", why = end.error),
        Some(end) if end.exit_code == 137 => t!("stuck.killed"),
        Some(end) => t!("stuck.exited", code = end.exit_code),
    }
}

/// The likely cause with what mends it.
fn cause(why: &NotReady) -> Option<String> {
    let service = &why.service;
    let text = match why.cause.as_ref()? {
        LikelyCause::OutOfMemory => t!("stuck.raise_memory", service = service),
        LikelyCause::WrongFormat => t!("stuck.wrong_format"),
        LikelyCause::NoSuchProgram => t!("stuck.no_program", service = service),
        LikelyCause::DiskFull => t!("stuck.disk_full"),
        LikelyCause::ReadOnly => t!("stuck.read_only"),
        LikelyCause::MissingVariable(name) => t!("stuck.variable", name = name, service = service),
        LikelyCause::AddressInUse => t!("stuck.address_in_use"),
        LikelyCause::PasswordRefused => t!("stuck.password"),
        LikelyCause::PermissionDenied(Some(path)) => t!("stuck.permission", path = path),
        LikelyCause::PermissionDenied(None) => t!("stuck.permission_somewhere"),
        LikelyCause::InsideOnly(port) => t!("stuck.inside_only", port = port),
        LikelyCause::OtherPorts { asked, open } => {
            let open: Vec<String> = open.iter().map(u16::to_string).collect();
            t!("stuck.other_ports", asked = asked, open = open.join(", "))
        }
        LikelyCause::CutOff(port) => t!("stuck.cut_off", port = port),
        LikelyCause::NothingListens(port) => t!("stuck.nothing_listens", port = port),
    };
    Some(text.into_owned())
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
        error: service `cache` ended before it was ready, after 0.4 s
          looked for  redis PING (7 times)
          last seen   nothing listens at 127.0.0.1:24030
          container   was killed: out of memory (limit 16 MiB, exit 137)
          likely      it needs more memory than it may use: raise `mem_limit` of `cache` in compose.yaml
          last lines of its log:
            loading\u{1b}[2J
          next: roadlab up shop --retain, which keeps it for a look with: roadlab logs shop cache
        ");
        let json = not_ready_json(&why);
        assert_eq!(json["container"]["exit_code"], 137);
        assert_eq!(json["log"][0], "loading\u{1b}[2J");
    }
}
