//! The program while it runs: what it says, and signals to it.

use std::io::{BufRead, BufReader, PipeReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::engine::EngineLab;

/// The program while it runs, and all that it says on either stream.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<PipeReader>,
}

impl Running {
    pub(crate) fn begin(real: &EngineLab, words: &str) -> Self {
        Self::of(&mut real.command(words))
    }

    /// In a group of its own, as a shell starts it.
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

    /// Reads on until it has said this.
    #[track_caller]
    pub(crate) fn until(&mut self, part: &str) {
        let mut said = String::new();
        while !said.lines().last().unwrap_or_default().contains(part) {
            let read = self.lines.read_line(&mut said).expect("it says text");
            assert!(read > 0, "it never said {part:?}, but:\n{said}");
        }
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(
            Pid::from_raw(self.id()).expect("a process has an id"),
            signal,
        )
        .expect("it still runs");
    }

    /// The id of its process, and of its group.
    pub(crate) fn id(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_nonzero().get()
    }

    /// Reads to the end.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let said = std::io::read_to_string(self.lines).expect("it says text");
        (self.child.wait().expect("it ends"), said)
    }
}
