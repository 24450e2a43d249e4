//! The program while it runs: its output line by line, and signals to it.

use std::io::{BufRead, BufReader, PipeReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::engine_lab::EngineLab;

/// The program while it runs, and what it writes to both of its streams.
pub(crate) struct RunningProgram {
    child: Child,
    lines: BufReader<PipeReader>,
}

impl RunningProgram {
    pub(crate) fn start(lab: &EngineLab, arguments: &str) -> Self {
        Self::of(&mut lab.command(arguments))
    }

    /// Starts it in a process group of its own, as a shell does.
    pub(crate) fn of(command: &mut Command) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        command
            .process_group(0)
            .stdout(writer.try_clone().expect("a pipe has two ends"))
            .stderr(writer);
        let child = command.spawn().expect("the program can be run");
        // The command would keep the pipe open.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            child,
            lines: BufReader::new(reader),
        }
    }

    /// Reads on until a line contains this.
    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, part: &str) {
        let mut output = String::new();
        while !output.lines().last().unwrap_or_default().contains(part) {
            let read = self.lines.read_line(&mut output);
            let count = read.expect("the output is text");
            assert!(count > 0, "it ended without {part:?}:\n{output}");
        }
    }

    /// Reads on until each of these was in a line, in any order.
    #[track_caller]
    pub(crate) fn wait_for_lines(&mut self, parts: &[&str]) {
        let mut output = String::new();
        while !parts.iter().all(|part| output.contains(part)) {
            let read = self.lines.read_line(&mut output);
            let count = read.expect("the output is text");
            assert!(count > 0, "it ended without {parts:?}:\n{output}");
        }
    }

    pub(crate) fn send_signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.id()).expect("a process has an id");
        kill_process(id, signal).expect("it still runs");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child process").is_some()
    }

    /// Sends SIGKILL, which has no effect if it has ended.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child process");
    }

    /// The id of its process, and of its process group.
    pub(crate) fn id(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_nonzero().get()
    }

    /// Reads the rest of the output and waits for the end.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        let output = std::io::read_to_string(self.lines).expect("the output is text");
        (self.child.wait().expect("the exit status"), output)
    }
}
