//! Faults while a lab is used: closed output, Ctrl-Z, services that are removed.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::engine_lab::{EngineLab, SERVICE};
use crate::support::process::RunningProgram;
use crate::support::{ProgramOutput, eventually};

/// Reads one line of the output of a command and closes it; returns the exit code and standard error.
fn head(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.spawn().expect("the program can be run");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    reader.read_line(&mut line).expect("the output is text");
    assert!(!line.is_empty());
    drop(reader);
    let output = child.wait_with_output().expect("the program ends");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[apply(engine_test)]
fn up_continues_when_its_output_is_closed() {
    let lab = EngineLab::tiny();
    let (code, printed) = head(lab.command("up LAB --json"));
    assert_eq!((code, printed.as_str()), (Some(0), ""));
    lab.run("check LAB greet", 1);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn an_automatic_session_ends_and_cleans_up_when_its_output_is_closed() {
    let lab = EngineLab::tiny();
    let mut command = lab.command("run LAB --auto");
    let mut child = command.spawn().expect("the program can be run");
    // Closed while the services start: later, all the output of a small lab may be in the pipe already.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(141), "{printed}");
    assert!(!printed.contains("panic"), "{printed}");
    assert_eq!(lab.resources(), [""; 0], "{printed}");
}

/// The service gets ready when the test allows it. Until then the program is stopped for as long as the service may take, and
/// would give up if that time counted. When it continues, the service is ready already, so that what is left of the time does
/// not matter.
#[apply(engine_test)]
fn time_stopped_by_ctrl_z_does_not_count_against_a_service() {
    const READY_WITHIN: Duration = Duration::from_secs(12);
    let wait = "until [ -e /tmp/go ]; do sleep 0.1; done; exec redis-server --protected-mode no";
    let lab = EngineLab::tiny_with(&format!(
        "    command: [sh, -c, \"{wait}\"]\n    x-roadlab: {{ ready_within: {}s }}\n",
        READY_WITHIN.as_secs()
    ));
    let mut up = RunningProgram::start(&lab, "up LAB --json");
    up.wait_for_line("\"waiting\"");
    up.send_signal(Signal::STOP);
    let stopped = Instant::now();
    lab.run("shell LAB redis -- touch /tmp/go", 0);
    let ping = || ProgramOutput::of(&mut lab.command("shell LAB redis -- redis-cli PING")).stdout;
    assert!(eventually(|| ping() == "PONG\n"));
    // The time itself is what is tested.
    std::thread::sleep(READY_WITHIN.saturating_sub(stopped.elapsed()));
    up.send_signal(Signal::CONT);
    let (status, output) = up.finish();
    assert_eq!(status.code(), Some(0), "{output}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_service_that_was_removed_is_reported_with_the_next_command() {
    let lab = EngineLab::tiny();
    let both = format!("{SERVICE}  twin:\n{SERVICE}    volumes: []\n");
    lab.copy.change("compose.yaml", SERVICE, &both);
    lab.run("up LAB", 0);
    let all = lab.containers();
    let redis = all
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["Labels"]["dev.roadlab.service"] == "redis");
    let id = redis.unwrap()["Id"].as_str().unwrap();
    lab.request(
        "DELETE",
        &format!("/containers/{id}?force=1&v=1"),
        &Value::Null,
    );
    let printed = lab.run("check LAB greet", 1);
    let message = format!(
        "`redis` was removed outside roadlab; create it again with `roadlab up {}`",
        lab.copy.id
    );
    assert!(printed.stdout.contains(&message), "{printed:#?}");
    lab.run("up LAB", 0);
    let printed = lab.run("check LAB greet", 1).stdout;
    assert!(!printed.contains("outside"), "{printed}");
    lab.run("down LAB", 0);
}
