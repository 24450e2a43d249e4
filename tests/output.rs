//! Standard output that is full, closed, or not read. No engine is needed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::{Child, ExitStatus, Stdio};

use crate::support::offline::tiny;
use crate::support::{ProgramOutput, eventually};

const FULL: &str =
    "error: cannot write to standard output: No space left on device (os error 28)\n";

fn full_disk() -> File {
    let file = OpenOptions::new().write(true).open("/dev/full");
    file.expect("Linux has /dev/full")
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    let has_ended = || child.try_wait().expect("a child process").is_some();
    let ended = eventually(has_ended);
    if !ended {
        child.kill().expect("a child process");
    }
    assert!(ended, "the program did not end");
    child.wait().expect("a child process")
}

#[apply(test)]
fn a_full_disk_is_an_error() {
    let copy = tiny();
    let commands = [
        "list",
        "list --json",
        "show tiny",
        "roadmap",
        "schema",
        "man",
        "completions bash",
        "--help",
        "up --help",
        "--version",
    ];
    for words in commands {
        let ended = ProgramOutput::of(copy.roadlab(words).stdout(full_disk()));
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(6), FULL),
            "{words}"
        );
    }
}

#[apply(test)]
fn a_full_disk_under_standard_error_is_no_error() {
    let copy = tiny();
    let ended = ProgramOutput::of(copy.roadlab("list").stderr(full_disk())).expect_code(0);
    assert!(ended.stdout.contains("tiny"), "{ended:#?}");
}

#[apply(test)]
fn a_closed_pipe_is_no_error() {
    let copy = tiny();
    for words in ["list", "list --json", "schema", "man", "--help"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = ProgramOutput::of(copy.roadlab(words).stdout(writer)).expect_code(0);
        assert_eq!(ended.stderr, "", "{words}");
    }
}

#[apply(test)]
fn ctrl_c_is_handled_while_the_output_is_not_read() {
    let copy = tiny();
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    // As much as a pipe takes by default, so that the program's first write blocks.
    writer.write_all(&[b' '; 65536]).expect("an empty pipe");
    let mut command = copy.roadlab("schema");
    let mut child = command
        .stdout(Stdio::from(writer))
        .spawn()
        .expect("the program can be run");
    wait_until_interrupts_are_handled(&child);
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(killed.expect("kill can be run").success());
    assert_eq!(wait(&mut child).code(), Some(130));
    drop(reader);
}

/// Waits until a program has a handler for SIGINT, by proc(5).
#[track_caller]
fn wait_until_interrupts_are_handled(child: &Child) {
    let handles_interrupts = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask & 0b10 != 0)
    };
    let handled = eventually(handles_interrupts);
    assert!(handled, "the program does not handle SIGINT");
}
