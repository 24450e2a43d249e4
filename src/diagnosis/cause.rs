//! The likely cause why a service did not become ready. There is one only where the evidence names it.

use std::collections::BTreeSet;

use regex::Regex;

use crate::diagnosis::{BindScope, ListeningSocket};

/// The exit code of a process that SIGKILL ended: 128 + 9.
pub const KILLED: i64 = 137;

/// What is known about a service that did not become ready.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// What the last probe saw.
    pub last: &'a str,
    /// How the last probe failed.
    pub failure: ProbeFailure,
    /// The engine's own error, for a container that could not start.
    pub error: &'a str,
    /// The last lines of the service's log.
    pub log: &'a [String],
    /// The engine reported it.
    pub out_of_memory: bool,
    pub has_memory_limit: bool,
    /// The exit code of a container that ended.
    pub exit: Option<i64>,
    /// The container port that the probe calls.
    pub port: Option<u16>,
    /// The listening sockets in the container; `None` if they are not known.
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
pub enum LikelyCause {
    OutOfMemory,
    /// The container has a memory limit and was killed, and the engine does not report why. With control groups of version 1
    /// it misses that memory ran out if the group is removed first.
    PossiblyOutOfMemory,
    /// The program is built for another processor architecture, or is not a program.
    WrongFormat,
    NoSuchProgram,
    DiskFull,
    ReadOnly,
    /// The image requires this environment variable.
    MissingVariable(String),
    AddressInUse,
    /// The service requires a password that the probe does not have.
    PasswordRefused,
    /// With the path, if the log names it.
    PermissionDenied(Option<String>),
    /// The service listens on the loopback address of its container only.
    LoopbackOnly(u16),
    /// The service listens on other ports.
    OtherPorts {
        expected: u16,
        open: Vec<u16>,
    },
    /// The service listens in the container, but the published port is unreachable from the host.
    Unreachable(u16),
    /// The service runs and does not listen on any port yet.
    NothingListens(u16),
}

/// Returns the likely cause, by the most reliable evidence.
pub fn likely_cause(evidence: &Evidence<'_>) -> Option<LikelyCause> {
    if evidence.out_of_memory {
        return Some(LikelyCause::OutOfMemory);
    }
    if let Some(cause) = cause_in_log(evidence) {
        return Some(cause);
    }
    if evidence.exit == Some(KILLED) && evidence.has_memory_limit {
        return Some(LikelyCause::PossiblyOutOfMemory);
    }
    match evidence.failure {
        ProbeFailure::AccessDenied => Some(LikelyCause::PasswordRefused),
        ProbeFailure::Refused | ProbeFailure::Other => ports(evidence),
    }
}

/// Searches the errors and the log for a cause, the last line first.
fn cause_in_log(evidence: &Evidence<'_>) -> Option<LikelyCause> {
    let log = evidence.log.iter().rev().map(String::as_str);
    let lines = [evidence.error, evidence.last].into_iter().chain(log);
    let ended = evidence.exit.is_some_and(|code| code != 0);
    let found = lines.filter_map(cause_in_line);
    // A service that runs may log errors that do no harm. Then only what the probe met counts.
    found.into_iter().find(|cause| match cause {
        LikelyCause::PasswordRefused => true,
        _ => ended || !evidence.error.is_empty(),
    })
}

fn cause_in_line(line: &str) -> Option<LikelyCause> {
    let lower = line.to_lowercase();
    let contains = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if contains(&["exec format error"]) {
        return Some(LikelyCause::WrongFormat);
    }
    if contains(&["no space left on device", "disk is full"]) {
        return Some(LikelyCause::DiskFull);
    }
    if contains(&["read-only file system"]) {
        return Some(LikelyCause::ReadOnly);
    }
    if contains(&["address already in use"]) {
        return Some(LikelyCause::AddressInUse);
    }
    if let Some(name) = variable(line) {
        return Some(LikelyCause::MissingVariable(name));
    }
    if contains(&REFUSALS) {
        return Some(LikelyCause::PasswordRefused);
    }
    if contains(&["permission denied", "operation not permitted"]) {
        return Some(LikelyCause::PermissionDenied(path(line)));
    }
    if contains(&[
        "executable file not found",
        "command not found",
        ": not found",
    ]) {
        return Some(LikelyCause::NoSuchProgram);
    }
    None
}

/// How servers refuse a client that is not authenticated.
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

/// Returns the variable that a line requires: `POSTGRES_PASSWORD must be set`, `specify … MYSQL_ROOT_PASSWORD`.
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

/// Returns the first absolute path in a line.
fn path(line: &str) -> Option<String> {
    let pattern = Regex::new(r#"(?:^|[\s'"`(:=])(/[^\s'"`):,;]+)"#).ok()?;
    Some(pattern.captures(line)?.get(1)?.as_str().to_owned())
}

/// Compares the open ports of a running service with the port that the probe uses.
fn ports(evidence: &Evidence<'_>) -> Option<LikelyCause> {
    let (expected, listening) = (evidence.port?, evidence.listening?);
    if evidence.exit.is_some() {
        return None;
    }
    let at = |scope: BindScope| {
        let there = listening.iter().filter(move |socket| socket.scope == scope);
        there.map(|socket| socket.port).collect::<BTreeSet<u16>>()
    };
    let (anyone, loopback) = (at(BindScope::Anyone), at(BindScope::Loopback));
    if anyone.contains(&expected) {
        let refused = evidence.failure == ProbeFailure::Refused;
        return refused.then_some(LikelyCause::Unreachable(expected));
    }
    if loopback.contains(&expected) {
        return Some(LikelyCause::LoopbackOnly(expected));
    }
    match anyone.is_empty() {
        true => Some(LikelyCause::NothingListens(expected)),
        false => Some(LikelyCause::OtherPorts {
            expected,
            open: anyone.into_iter().collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that ended with these last words.
    #[track_caller]
    fn ended(words: &str, expected: Option<LikelyCause>) {
        let log = [words.to_owned(), "shutting down".to_owned()];
        let evidence = Evidence {
            failure: ProbeFailure::Refused,
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
            Some(LikelyCause::WrongFormat),
        );
        ended(
            "FATAL: could not write lock file: No space left on device",
            Some(LikelyCause::DiskFull),
        );
        ended(
            "mkdir: cannot create directory '/data/x': Read-only file system",
            Some(LikelyCause::ReadOnly),
        );
        ended(
            "Could not create server TCP listening socket *:6379: bind: Address already in use",
            Some(LikelyCause::AddressInUse),
        );
        ended(
            "chown: changing ownership of '/var/lib/postgresql/data': Operation not permitted",
            Some(LikelyCause::PermissionDenied(Some(
                "/var/lib/postgresql/data".into(),
            ))),
        );
        ended(
            "Can't open the append-only file: Permission denied",
            Some(LikelyCause::PermissionDenied(None)),
        );
        ended(
            "sh: 1: redis-servr: not found",
            Some(LikelyCause::NoSuchProgram),
        );
        ended("Ready to accept connections", None);
    }

    #[test]
    fn a_variable_that_is_expected_for_is_named() {
        let missing = |name: &str| Some(LikelyCause::MissingVariable(name.into()));
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
        assert_eq!(likely_cause(&evidence), Some(LikelyCause::PasswordRefused));
        evidence.last = "no answer within 2000 ms";
        evidence.failure = ProbeFailure::AccessDenied;
        assert_eq!(likely_cause(&evidence), Some(LikelyCause::PasswordRefused));
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
        assert_eq!(likely_cause(&evidence), Some(LikelyCause::OutOfMemory));
    }

    #[test]
    fn who_was_killed_without_a_reason_may_have_run_out_of_memory() {
        let mut evidence = Evidence {
            exit: Some(KILLED),
            has_memory_limit: true,
            ..Evidence::default()
        };
        let possible = Some(LikelyCause::PossiblyOutOfMemory);
        assert_eq!(likely_cause(&evidence), possible);
        let log = ["no space left on device".to_owned()];
        evidence.log = &log;
        assert_eq!(likely_cause(&evidence), Some(LikelyCause::DiskFull));
        (evidence.log, evidence.has_memory_limit) = (&[], false);
        assert_eq!(likely_cause(&evidence), None);
    }

    #[test]
    fn open_ports_show_where_it_listens() {
        let socket = |port, scope| ListeningSocket {
            port,
            scope,
            inode: 1,
        };
        #[track_caller]
        fn check(listening: &[ListeningSocket], expected: Option<LikelyCause>) {
            let evidence = Evidence {
                last: "nothing listens at 127.0.0.1:24030",
                port: Some(6379),
                listening: Some(listening),
                ..Evidence::default()
            };
            assert_eq!(likely_cause(&evidence), expected);
        }
        check(&[socket(6379, BindScope::Anyone)], None);
        let evidence = Evidence {
            // The kind of the failure decides, not its text.
            last: "no se puede conectar",
            failure: ProbeFailure::Refused,
            port: Some(6379),
            listening: Some(&[socket(6379, BindScope::Anyone)]),
            ..Evidence::default()
        };
        assert_eq!(
            likely_cause(&evidence),
            Some(LikelyCause::Unreachable(6379))
        );
        check(&[], Some(LikelyCause::NothingListens(6379)));
        check(
            &[
                socket(6379, BindScope::Loopback),
                socket(22, BindScope::Anyone),
            ],
            Some(LikelyCause::LoopbackOnly(6379)),
        );
        check(
            &[socket(6380, BindScope::Anyone)],
            Some(LikelyCause::OtherPorts {
                expected: 6379,
                open: vec![6380],
            }),
        );
    }
}
