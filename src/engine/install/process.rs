//! Processes as `/proc` shows them: alive, and still the one that was meant.

use serde::{Deserialize, Serialize};

/// A process, told apart from a later one with the same id by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// Clock ticks since the machine started.
    pub started: u64,
}

/// A process that is alive, and the name of its program, cut off after 15 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) program: String,
}

impl Process {
    /// Whether it still runs; one that ended and was not yet reaped does not.
    pub fn runs(self) -> bool {
        running(self.pid).is_some_and(|running| running.process == self)
    }
}

/// What runs under an id. A thread's id is none.
pub(super) fn running(pid: u32) -> Option<Running> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    // `/proc` answers for the ids of threads, too.
    let leader = thread_group(&read("status")?)?;
    let running = parse_stat(&read("stat")?)?;
    (leader == pid && running.process.pid == pid).then_some(running)
}

/// The arguments of a process.
pub(super) fn arguments(pid: u32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = bytes.split(|byte| *byte == 0);
    arguments
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

/// `/proc/PID/stat`, as in proc(5); `None` for a process that has ended.
fn parse_stat(text: &str) -> Option<Running> {
    // The program's name may hold blanks and brackets of its own.
    let (pid, rest) = text.split_once(" (")?;
    let (program, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let state = *fields.first()?;
    let started = fields.get(19)?.parse().ok()?;
    let process = Process {
        pid: pid.parse().ok()?,
        started,
    };
    (!matches!(state, "Z" | "X" | "x")).then(|| Running {
        process,
        program: program.to_owned(),
    })
}

fn thread_group(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    line?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, program: &str, expected: Option<(&str, u64)>) {
        let text = format!(
            "42 ({program}) {state} 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 777 123 45 18446744073709551615"
        );
        let actual = parse_stat(&text);
        let actual = actual
            .as_ref()
            .map(|running| (running.program.as_str(), running.process.started));
        assert_eq!(actual, expected);
    }

    #[test]
    fn a_process_is_read_whatever_its_program_is_called() {
        check("S", "dockerd", Some(("dockerd", 777)));
        check("R", "a) R (b", Some(("a) R (b", 777)));
        check("T", "dockerd", Some(("dockerd", 777)));
    }

    #[test]
    fn one_that_ended_does_not_run_though_nobody_reaped_it() {
        check("Z", "dockerd", None);
        check("X", "dockerd", None);
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_stat("42 (x) S"), None);
    }

    #[test]
    fn this_process_runs_and_its_threads_are_not_processes() {
        let own = running(std::process::id()).unwrap().process;
        assert!(own.runs());
        let other = Process {
            started: own.started + 1,
            ..own
        };
        assert!(!other.runs());
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        for thread in threads.map(|thread| thread.unwrap().file_name()) {
            let id: u32 = thread.to_str().unwrap().parse().unwrap();
            assert_eq!(running(id).is_some(), id == own.pid, "{id}");
        }
    }
}
