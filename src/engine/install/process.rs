//! Identifies running processes, so that no signal reaches a later process with the same id, and shows their commands.

use serde::{Deserialize, Serialize};

/// A process, identified by its id and its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: u32,
    /// Clock ticks since the machine started.
    pub started: u64,
}

impl ProcessId {
    /// Returns the process that runs under an id; `None` for a zombie.
    pub(super) fn running(pid: u32) -> Option<Self> {
        parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Returns whether the process still runs.
    pub(super) fn is_running(self) -> bool {
        Self::running(self.pid) == Some(self)
    }
}

/// Returns a command line as a POSIX shell reads it.
pub(in crate::engine) fn command_line(words: &[String]) -> String {
    crate::text::command_line(words.iter().map(String::as_str))
}

/// Parses `/proc/PID/stat`, see proc(5); `None` for a process that has ended.
fn parse_stat(text: &str) -> Option<ProcessId> {
    // The program's name may contain blanks and brackets.
    let (pid, rest) = text.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ended = matches!(*fields.first()?, "Z" | "X" | "x");
    let process = ProcessId {
        pid: pid.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    };
    (!ended).then_some(process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, program: &str, expected: Option<u64>) {
        let text = format!(
            "42 ({program}) {state} 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 777 123 45 18446744073709551615"
        );
        let started = parse_stat(&text).map(|process| process.started);
        assert_eq!(started, expected);
    }

    #[test]
    fn stat_is_parsed_whatever_the_program_is_called() {
        check("S", "dockerd", Some(777));
        check("R", "a) R (b", Some(777));
        check("T", "dockerd", Some(777));
    }

    #[test]
    fn zombie_does_not_run() {
        check("Z", "dockerd", None);
        check("X", "dockerd", None);
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_stat("42 (x) S"), None);
    }

    #[test]
    fn later_process_with_the_same_id_is_another_process() {
        let own = ProcessId::running(std::process::id()).unwrap();
        assert!(own.is_running());
        let later = ProcessId {
            started: own.started + 1,
            ..own
        };
        assert!(!later.is_running());
    }
}
