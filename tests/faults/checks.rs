//! Checks whose program cannot run, does not end, or loses its container.

use serde_json::Value;

use super::programs;
use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;
use crate::support::eventually;
use crate::support::process::RunningProgram;

/// A time limit that a check exceeds, and one that none does, however busy the machine is.
const SHORT: &str = "3s";
const LONG: &str = "10m";

/// The tiny lab, up, whose first check runs a program in the service.
#[track_caller]
fn running_check(lines: &str, run: &str, timeout: &str) -> EngineLab {
    let lab = EngineLab::tiny_with(lines);
    let from = "redis: { service: redis, command: [GET, greeting] }\n";
    let to = format!("exec: {{ service: redis, run: {run} }}\n        timeout: {timeout}\n");
    lab.copy.change("lab.yaml", from, &to);
    lab.run("up LAB", 0);
    lab
}

/// The outcome of the first check, and what it found.
#[track_caller]
fn first_check(output: &ProgramOutput) -> (String, String) {
    let check = &output.json()["exercises"][0]["checks"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&check["outcome"]), text(&check["actual"]))
}

#[track_caller]
fn check(lab: &EngineLab, code: i32) -> (String, String) {
    first_check(&lab.run("check LAB greet --json", code))
}

fn error(reason: &str) -> (String, String) {
    ("unseen".to_owned(), reason.to_owned())
}

/// Waits until no program with this in its command line runs in the service.
#[track_caller]
fn assert_killed(lab: &EngineLab, part: &str) {
    let is_left = || programs(lab).iter().any(|line| line.contains(part));
    assert!(eventually(|| !is_left()), "{:?}", programs(lab));
}

#[apply(engine_test)]
fn a_missing_program_is_not_a_failed_check() {
    let lab = running_check("", "[/nope]", LONG);
    let (outcome, output) = check(&lab, 1);
    assert_eq!(outcome, "unseen", "{output}");
    assert!(output.contains("/nope"), "{output}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_program_that_never_exits_is_killed_at_its_timeout() {
    let lab = running_check("", "[sleep, \"47\"]", SHORT);
    assert_eq!(check(&lab, 1), error("no answer within 3.0 s"));
    assert_killed(&lab, "sleep");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_program_with_endless_output_is_killed_at_its_timeout() {
    let lab = running_check("", "[sh, -c, \"yes; true\"]", SHORT);
    assert_eq!(check(&lab, 1), error("no answer within 3.0 s"));
    assert_killed(&lab, "yes");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_background_child_that_holds_the_output_does_not_delay_the_check() {
    let lab = running_check("", "[sh, -c, \"sleep 600 & echo hello\"]", LONG);
    assert_eq!(check(&lab, 0).0, "pass");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_child_that_runs_out_of_memory_fails_only_its_check() {
    // `tail` keeps all of an endless line in memory.
    let lab = running_check(
        "    mem_limit: 32m\n",
        "[sh, -c, \"tail /dev/zero; echo $?\"]",
        LONG,
    );
    let only_the_child_was_killed = || {
        let checked = check(&lab, 1);
        let path = format!("/containers/{}/json", lab.container());
        let state = lab.request("GET", &path, &Value::Null);
        let running = state["State"]["Running"] == true;
        if running {
            assert_eq!(checked, ("fail".to_owned(), "\"137\"".to_owned()));
        } else {
            // On a busy machine the kernel may kill the server as well, before the memory of the child is free again.
            assert_eq!(state["State"]["OOMKilled"], true, "{state}");
            lab.run("up LAB", 0);
        }
        running
    };
    assert!((0..5).any(|_| only_the_child_was_killed()));
    let kept = &lab.run("check LAB greet --json", 1).json()["exercises"][0]["checks"][1];
    assert_eq!(kept["outcome"], "pass", "{kept}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_paused_or_stopped_service_is_reported() {
    let lab = running_check("", "[\"true\"]", LONG);
    let post = |what: &str| {
        let path = format!("/containers/{}/{what}", lab.container());
        drop(lab.request("POST", &path, &Value::Null));
    };
    let repaired = |state: &str, does: &str| {
        let id = &lab.copy.id;
        format!("`redis` is {state}; `roadlab fault {id} heal redis` {does} it")
    };
    post("pause");
    assert_eq!(check(&lab, 1), error(&repaired("paused", "continues")));
    post("unpause");
    post("kill");
    assert_eq!(check(&lab, 1), error(&repaired("not running", "starts")));
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_service_that_exits_during_a_check_is_reported() {
    let lab = running_check("", "[sleep, \"47\"]", LONG);
    let check = RunningProgram::start(&lab, "check LAB greet --json");
    assert!(eventually(
        || programs(&lab).contains(&"sleep 47".to_owned())
    ));
    let path = format!("/containers/{}/kill", lab.container());
    lab.request("POST", &path, &Value::Null);
    let (status, output) = check.finish();
    assert_eq!(status.code(), Some(1), "{output}");
    let output = ProgramOutput {
        code: Some(1),
        stdout: output,
        stderr: String::new(),
    };
    assert_eq!(
        first_check(&output),
        error("`redis` exited while `sleep` ran in it")
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn checks_work_after_docker_restart() {
    let lab = EngineLab::tiny_with("");
    lab.run("up LAB", 0);
    lab.run("solve LAB greet", 0);
    let path = format!("/containers/{}/restart", lab.container());
    lab.request("POST", &path, &Value::Null);
    // The service is not ready yet when the engine responds.
    assert!(eventually(|| ProgramOutput::of(
        &mut lab.command("check LAB greet")
    )
    .code
        == Some(0)));
    lab.run("down LAB", 0);
}
