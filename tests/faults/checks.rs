//! What a check says of a program that cannot run, does not end, or loses its container.

use serde_json::Value;

use crate::engine::EngineLab;
use crate::running::Running;
use crate::support::Ended;
use crate::{container, programs, tiny_with};

/// The tiny lab, up, whose first check runs a program in the service.
#[track_caller]
fn running_check(lines: &str, run: &str) -> EngineLab {
    let real = tiny_with(lines);
    let from = "redis: { service: redis, command: [GET, greeting] }\n";
    let to = format!("exec: {{ service: redis, run: {run} }}\n        timeout: 1s\n");
    real.copy.change("lab.yaml", from, &to);
    real.run("up LAB", 0);
    real
}

/// What came of the first check, and what was seen.
#[track_caller]
fn seen(ended: &Ended) -> (String, String) {
    let check = &ended.json()["exercises"][0]["checks"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&check["outcome"]), text(&check["actual"]))
}

#[track_caller]
fn check(real: &EngineLab, code: i32) -> (String, String) {
    seen(&real.run("check LAB greet --json", code))
}

fn unseen(reason: &str) -> (String, String) {
    ("unseen".to_owned(), reason.to_owned())
}

#[test]
fn a_program_that_is_not_in_the_image_is_no_wrong_answer() {
    let real = running_check("", "[/nope]");
    let (outcome, said) = check(&real, 1);
    assert_eq!(outcome, "unseen", "{said}");
    assert!(said.contains("/nope"), "{said}");
    real.run("down LAB", 0);
}

#[test]
fn a_program_that_does_not_end_is_ended_and_leaves_no_process() {
    let real = running_check("", "[sleep, \"47\"]");
    assert_eq!(check(&real, 1), unseen("no answer within 1000 ms"));
    let left = programs(&real);
    assert!(!left.iter().any(|line| line.contains("sleep")), "{left:?}");
    real.run("down LAB", 0);
}

#[test]
fn a_program_that_never_stops_talking_is_ended_and_leaves_no_process() {
    let real = running_check("", "[sh, -c, \"yes; true\"]");
    assert_eq!(check(&real, 1), unseen("no answer within 1000 ms"));
    let left = programs(&real);
    assert!(!left.iter().any(|line| line.contains("yes")), "{left:?}");
    real.run("down LAB", 0);
}

#[test]
fn a_child_that_holds_the_output_does_not_hold_up_the_check() {
    let real = running_check("", "[sh, -c, \"sleep 600 & echo hello\"]");
    real.copy.change("lab.yaml", "timeout: 1s", "timeout: 1m");
    assert_eq!(check(&real, 0).0, "pass");
    real.run("down LAB", 0);
}

#[test]
fn a_child_that_runs_out_of_memory_fails_its_check_and_nothing_else() {
    // A file without lines has no last ten of them: all of it is kept.
    let real = running_check(
        "    mem_limit: 32m\n",
        "[sh, -c, \"tail /dev/zero; echo $?\"]",
    );
    real.copy.change("lab.yaml", "timeout: 1s", "timeout: 1m");
    assert_eq!(check(&real, 1), ("fail".to_owned(), "\"137\"".to_owned()));
    let state = real.ask(
        "GET",
        &format!("/containers/{}/json", container(&real)),
        &Value::Null,
    );
    assert_eq!(state["State"]["Running"], true, "{state}");
    let kept = &real.run("check LAB greet --json", 1).json()["exercises"][0]["checks"][1];
    assert_eq!(kept["outcome"], "pass", "{kept}");
    real.run("down LAB", 0);
}

#[test]
fn a_service_that_is_paused_or_dead_is_told() {
    let real = running_check("", "[\"true\"]");
    let post = |what: &str| {
        let path = format!("/containers/{}/{what}", container(&real));
        drop(real.ask("POST", &path, &Value::Null));
    };
    post("pause");
    assert_eq!(check(&real, 1), unseen("`redis` is paused"));
    post("unpause");
    post("kill");
    assert_eq!(check(&real, 1), unseen("`redis` is not running"));
    real.run("down LAB", 0);
}

#[test]
fn a_service_that_dies_during_a_check_is_told() {
    let real = running_check("", "[sleep, \"47\"]");
    real.copy.change("lab.yaml", "timeout: 1s", "timeout: 1m");
    let check = Running::begin(&real, "check LAB greet --json");
    assert!(real.soon(|| programs(&real).contains(&"sleep 47".to_owned())));
    let path = format!("/containers/{}/kill", container(&real));
    real.ask("POST", &path, &Value::Null);
    let (status, said) = check.end();
    assert_eq!(status.code(), Some(1), "{said}");
    let ended = Ended {
        code: Some(1),
        stdout: said,
        stderr: String::new(),
    };
    assert_eq!(
        seen(&ended),
        unseen("`redis` exited while `sleep` ran in it")
    );
    real.run("down LAB", 0);
}

#[test]
fn a_service_that_was_restarted_by_hand_is_found_again() {
    let real = tiny_with("");
    real.run("up LAB", 0);
    real.run("solve LAB greet", 0);
    let path = format!("/containers/{}/restart", container(&real));
    real.ask("POST", &path, &Value::Null);
    // It is not there the moment the engine answers.
    assert!(real.soon(|| Ended::of(&mut real.command("check LAB greet")).code == Some(0)));
    real.run("down LAB", 0);
}
