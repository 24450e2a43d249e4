//! Why a service most likely never answered: only what the evidence itself names, and nothing where it names nothing.

use std::collections::BTreeSet;

use regex::Regex;

use crate::plan::{BindScope, ListeningSocket};

/// What is known of a service that did not become ready.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// What the last look saw.
    pub last: &'a str,
    /// How the last probe failed.
    pub failure: ProbeFailure,
    /// The engine's own error, for a container that could not start.
    pub error: &'a str,
    /// The last lines of the service's log.
    pub log: &'a [String],
    pub out_of_memory: bool,
    /// The exit code of a container that ended.
    pub exit: Option<i64>,
    /// The container port that the probe calls.
    pub port: Option<u16>,
    /// Who listens inside; `None` if that could not be seen.
    pub listening: Option<&'a [ListeningSocket]>,
}

/// How a probe failed, as far as that tells the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProbeFailure {
    /// The published port refused the connection.
    Refused,
    /// The service rejected the user or the password.
    AccessDenied,
    #[default]
    Other,
}

/// A likely cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    OutOfMemory,
    /// The program is built for another kind of processor, or is no program.
    WrongFormat,
    NoSuchProgram,
    DiskFull,
    ReadOnly,
    /// The image asks for this variable.
    MissingVariable(String),
    AddressInUse,
    /// The service asks for a password that the probe does not have.
    PasswordRefused,
    /// With the path, where it is named.
    PermissionDenied(Option<String>),
    /// It listens, but for programs in its own container only.
    InsideOnly(u16),
    /// It listens elsewhere.
    OtherPorts {
        asked: u16,
        open: Vec<u16>,
    },
    /// It listens where it should, and the published port does not lead there from here.
    CutOff(u16),
    /// It runs, and listens nowhere yet.
    NothingListens(u16),
}

/// The likely cause; the surest evidence first.
pub fn likely_cause(evidence: &Evidence<'_>) -> Option<Cause> {
    if evidence.out_of_memory {
        return Some(Cause::OutOfMemory);
    }
    if let Some(cause) = cause_in_log(evidence) {
        return Some(cause);
    }
    match evidence.failure {
        ProbeFailure::AccessDenied => Some(Cause::PasswordRefused),
        ProbeFailure::Refused | ProbeFailure::Other => ports(evidence),
    }
}

/// What a service says as it gives up, the last line first.
fn cause_in_log(evidence: &Evidence<'_>) -> Option<Cause> {
    let log = evidence.log.iter().rev().map(String::as_str);
    let said = [evidence.error, evidence.last].into_iter().chain(log);
    let ended = evidence.exit.is_some_and(|code| code != 0);
    let found = said.filter_map(cause_in_line);
    // A running service may complain of many things that do it no harm: then only what the probe met counts.
    found.into_iter().find(|cause| match cause {
        Cause::PasswordRefused => true,
        _ => ended || !evidence.error.is_empty(),
    })
}

fn cause_in_line(line: &str) -> Option<Cause> {
    let lower = line.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["exec format error"]) {
        return Some(Cause::WrongFormat);
    }
    if says(&["no space left on device", "disk is full"]) {
        return Some(Cause::DiskFull);
    }
    if says(&["read-only file system"]) {
        return Some(Cause::ReadOnly);
    }
    if says(&["address already in use"]) {
        return Some(Cause::AddressInUse);
    }
    if let Some(name) = variable(line) {
        return Some(Cause::MissingVariable(name));
    }
    if says(&REFUSALS) {
        return Some(Cause::PasswordRefused);
    }
    if says(&["permission denied", "operation not permitted"]) {
        return Some(Cause::PermissionDenied(path(line)));
    }
    if says(&[
        "executable file not found",
        "command not found",
        ": not found",
    ]) {
        return Some(Cause::NoSuchProgram);
    }
    None
}

/// How servers say that they do not know who calls.
const REFUSALS: [&str; 11] = [
    "noauth",
    "wrongpass",
    "authentication required",
    "authentication failed",
    "auth failed",
    "requires authentication",
    "access_refused",
    "access refused",
    "access denied",
    "401 unauthorized",
    "status 401",
];

/// The variable that a line asks for: `POSTGRES_PASSWORD must be set`, `specify … MYSQL_ROOT_PASSWORD`.
fn variable(line: &str) -> Option<String> {
    let patterns = [
        r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b[^.]*?\b(?:must be|is not set|not set|is required|is missing|is unset|unbound variable|parameter not set)",
        r"(?i:\b(?:specify|set|provide|missing|required)\b[^.]*?\s)\W*(?-i:([A-Z][A-Z0-9]*_[A-Z0-9_]+))\b",
    ];
    patterns.iter().find_map(|pattern| {
        let found = Regex::new(pattern).ok()?.captures(line)?;
        Some(found.get(1)?.as_str().to_owned())
    })
}

/// The first absolute path in a line.
fn path(line: &str) -> Option<String> {
    let pattern = Regex::new(r#"(?:^|[\s'"`(:=])(/[^\s'"`):,;]+)"#).ok()?;
    Some(pattern.captures(line)?.get(1)?.as_str().to_owned())
}

/// What the open ports say of a service that runs.
fn ports(evidence: &Evidence<'_>) -> Option<Cause> {
    let (asked, listening) = (evidence.port?, evidence.listening?);
    if evidence.exit.is_some() {
        return None;
    }
    let at = |reach: BindScope| {
        let there = listening.iter().filter(move |socket| socket.reach == reach);
        there.map(|socket| socket.port).collect::<BTreeSet<u16>>()
    };
    let (anybody, inside) = (at(BindScope::Anybody), at(BindScope::Inside));
    if anybody.contains(&asked) {
        let refused = evidence.failure == ProbeFailure::Refused;
        return refused.then_some(Cause::CutOff(asked));
    }
    if inside.contains(&asked) {
        return Some(Cause::InsideOnly(asked));
    }
    match anybody.is_empty() {
        true => Some(Cause::NothingListens(asked)),
        false => Some(Cause::OtherPorts {
            asked,
            open: anybody.into_iter().collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that ended with these last words.
    #[track_caller]
    fn ended(words: &str, expected: Option<Cause>) {
        let log = [words.to_owned(), "shutting down".to_owned()];
        let evidence = Evidence {
            last: "nothing listens at 127.0.0.1:24030",
            log: &log,
            exit: Some(1),
            port: Some(6379),
            ..Evidence::default()
        };
        assert_eq!(likely_cause(&evidence), expected, "{words}");
    }

    #[test]
    fn last_words_name_the_cause() {
        ended(
            "exec /entrypoint.sh: exec format error",
            Some(Cause::WrongFormat),
        );
        ended(
            "FATAL: could not write lock file: No space left on device",
            Some(Cause::DiskFull),
        );
        ended(
            "mkdir: cannot create directory '/data/x': Read-only file system",
            Some(Cause::ReadOnly),
        );
        ended(
            "Could not create server TCP listening socket *:6379: bind: Address already in use",
            Some(Cause::AddressInUse),
        );
        ended(
            "chown: changing ownership of '/var/lib/postgresql/data': Operation not permitted",
            Some(Cause::PermissionDenied(Some(
                "/var/lib/postgresql/data".into(),
            ))),
        );
        ended(
            "Can't open the append-only file: Permission denied",
            Some(Cause::PermissionDenied(None)),
        );
        ended("sh: 1: redis-servr: not found", Some(Cause::NoSuchProgram));
        ended("Ready to accept connections", None);
    }

    #[test]
    fn a_variable_that_is_asked_for_is_named() {
        let missing = |name: &str| Some(Cause::MissingVariable(name.into()));
        ended(
            "You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.",
            missing("POSTGRES_PASSWORD"),
        );
        ended(
            "error: MONGO_INITDB_ROOT_PASSWORD is not set",
            missing("MONGO_INITDB_ROOT_PASSWORD"),
        );
        ended(
            "/app/start.sh: line 3: DATABASE_URL: unbound variable",
            missing("DATABASE_URL"),
        );
        ended("PANIC: MAX_CONNECTIONS reached", None);
    }

    #[test]
    fn what_the_probe_met_counts_while_the_service_runs() {
        let log = ["warning: permission denied: /proc/sys".to_owned()];
        let mut evidence = Evidence {
            last: "expected \"PONG\", saw error NOAUTH Authentication required.",
            log: &log,
            port: Some(6379),
            ..Evidence::default()
        };
        assert_eq!(likely_cause(&evidence), Some(Cause::PasswordRefused));
        evidence.last = "no answer within 2000 ms";
        evidence.failure = ProbeFailure::AccessDenied;
        assert_eq!(likely_cause(&evidence), Some(Cause::PasswordRefused));
        evidence.failure = ProbeFailure::Other;
        assert_eq!(likely_cause(&evidence), None);
    }

    #[test]
    fn memory_outweighs_words() {
        let log = ["Permission denied".to_owned()];
        let evidence = Evidence {
            log: &log,
            out_of_memory: true,
            exit: Some(137),
            ..Evidence::default()
        };
        assert_eq!(likely_cause(&evidence), Some(Cause::OutOfMemory));
    }

    #[test]
    fn open_ports_say_where_it_listens() {
        let socket = |port, reach| ListeningSocket {
            port,
            reach,
            inode: 1,
        };
        #[track_caller]
        fn check(listening: &[ListeningSocket], expected: Option<Cause>) {
            let evidence = Evidence {
                last: "nothing listens at 127.0.0.1:24030",
                port: Some(6379),
                listening: Some(listening),
                ..Evidence::default()
            };
            assert_eq!(likely_cause(&evidence), expected);
        }
        check(&[socket(6379, BindScope::Anybody)], None);
        let evidence = Evidence {
            // The kind of the failure decides, not its text.
            last: "no se puede conectar",
            failure: ProbeFailure::Refused,
            port: Some(6379),
            listening: Some(&[socket(6379, BindScope::Anybody)]),
            ..Evidence::default()
        };
        assert_eq!(likely_cause(&evidence), Some(Cause::CutOff(6379)));
        check(&[], Some(Cause::NothingListens(6379)));
        check(
            &[
                socket(6379, BindScope::Inside),
                socket(22, BindScope::Anybody),
            ],
            Some(Cause::InsideOnly(6379)),
        );
        check(
            &[socket(6380, BindScope::Anybody)],
            Some(Cause::OtherPorts {
                asked: 6379,
                open: vec![6380],
            }),
        );
    }
}
