//! A service that never gets ready is reported with the likely cause, and leaves nothing.

use std::path::Path;

use serde_json::Value;

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;

/// Runs `up`, which fails, twice. Returns the JSON error and the text for people.
#[track_caller]
fn fail_up(lab: &EngineLab) -> (Value, String) {
    let output = lab.run("up LAB --json", 5);
    assert_eq!(
        lab.resources(),
        [""; 0],
        "a lab that failed to start is removed"
    );
    let people = ProgramOutput::of(&mut lab.command("up LAB")).expect_code(5);
    assert_eq!(people.stdout, "");
    (output.json()["error"].take(), people.stderr)
}

#[apply(engine_test)]
fn a_missing_password_is_reported_with_the_evidence() {
    let lab = EngineLab::copy_of("tests/labs/stuck");
    let (error, people) = fail_up(&lab);
    assert_eq!(error["service"], "redis");
    assert!(error["probe"].as_str().unwrap().contains("PING"), "{error}");
    assert!(error["attempts"].as_u64().unwrap() > 1, "{error}");
    assert!(
        error["last"].as_str().unwrap().contains("NOAUTH"),
        "{error}"
    );
    assert_eq!(error["container"]["running"], true);
    assert_eq!(error["container"]["exit_code"], Value::Null);
    let log = error["log"].to_string();
    assert!(log.contains("Ready to accept connections"), "{log}");
    assert!(
        error["likely"].as_str().unwrap().contains("password"),
        "{error}"
    );
    for line in ["NOAUTH", "likely", "password", "next: `roadlab up"] {
        assert!(people.contains(line), "{line}: {people}");
    }
    let korean = ProgramOutput::of(&mut lab.command("up LAB --lang ko")).expect_code(5);
    assert!(korean.stderr.contains("비밀번호"), "{korean:?}");
}

#[apply(engine_test)]
fn a_service_that_exits_is_not_waited_for() {
    let lab = EngineLab::copy_of("tests/labs/stuck");
    let command = "command: [redis-server, --requirepass, sesame]";
    lab.copy.change(
        "compose.yaml",
        command,
        "command: [sh, -c, \"echo CACHE_TOKEN must be set; exit 7\"]",
    );
    lab.copy
        .change("compose.yaml", "ready_within: 6s", "ready_within: 1h");
    let (error, people) = fail_up(&lab);
    assert!(error["waited_millis"].as_u64() < Some(3_600_000), "{error}");
    assert_eq!(error["container"]["running"], false);
    assert_eq!(error["container"]["exit_code"], 7);
    assert_eq!(error["log"], serde_json::json!(["CACHE_TOKEN must be set"]));
    assert!(
        error["likely"].as_str().unwrap().contains("CACHE_TOKEN"),
        "{error}"
    );
    assert!(people.contains("exited (exit code 7)"), "{people}");
}

#[apply(engine_test)]
fn a_service_killed_for_memory_is_reported_with_its_limit() {
    let lab = EngineLab::copy_of("tests/labs/stuck");
    let command = "command: [redis-server, --requirepass, sesame]";
    // `tail` keeps all of an endless line in memory.
    lab.copy
        .change("compose.yaml", command, "command: [tail, /dev/zero]");
    lab.copy
        .change("compose.yaml", "ready_within: 6s", "ready_within: 1h");
    let (error, people) = fail_up(&lab);
    // With control groups of version 1, the engine itself can miss why (`LikelyCause::PossiblyOutOfMemory`).
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        assert_eq!(error["container"]["out_of_memory"], true, "{error}");
    }
    assert_eq!(error["container"]["exit_code"], 137, "{error}");
    assert_eq!(error["container"]["memory_limit"], 32 << 20);
    assert!(
        error["likely"].as_str().unwrap().contains("mem_limit"),
        "{error}"
    );
    assert!(
        people.contains("out of memory (limit 32 MiB, exit code 137)"),
        "{people}"
    );
}

#[apply(engine_test)]
fn a_server_on_another_port_is_reported_as_the_likely_cause() {
    let lab = EngineLab::copy_of("tests/labs/stuck");
    let command = "command: [redis-server, --requirepass, sesame]";
    lab.copy.change(
        "compose.yaml",
        command,
        "command: [redis-server, --port, \"6380\"]",
    );
    let (error, _) = fail_up(&lab);
    let likely = error["likely"].as_str().unwrap();
    assert!(
        likely.contains("6379") && likely.contains("6380"),
        "{likely}"
    );
}
