//! Standard output that cannot be written, that nobody reads, and that is read no further. No engine is needed.

mod support;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Copy, Ended};

const FULL: &str =
    "error: cannot write to standard output: No space left on device (os error 28)\n";

/// How long a program may take on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

fn tiny() -> Copy {
    Copy::of("tests/labs/tiny", |_| "tiny".to_owned())
}

fn full_disk() -> File {
    let file = OpenOptions::new().write(true).open("/dev/full");
    file.expect("Linux has /dev/full")
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child of this test") {
            return status;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("a child of this test");
    panic!("the program did not end");
}

#[test]
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
        let ended = Ended::of(copy.roadlab(words).stdout(full_disk()));
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(6), FULL),
            "{words}"
        );
    }
}

#[test]
fn a_full_disk_under_standard_error_is_no_error() {
    let copy = tiny();
    let ended = Ended::of(copy.roadlab("list").stderr(full_disk())).with(0);
    assert!(ended.stdout.contains("tiny"), "{ended:#?}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let copy = tiny();
    for words in ["list", "list --json", "schema", "man", "--help"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = Ended::of(copy.roadlab(words).stdout(writer)).with(0);
        assert_eq!(ended.stderr, "", "{words}");
    }
}

#[test]
fn ctrl_c_is_handled_while_nobody_reads_the_output() {
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
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        if caught.is_some_and(|mask| mask & 0b10 != 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the program does not handle SIGINT");
}
