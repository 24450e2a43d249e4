//! "Why is it stuck?": a service that never becomes ready says why, in time, and leaves nothing behind.

mod support;

#[path = "support/engine.rs"]
mod engine;

use serde_json::Value;

use crate::engine::EngineLab;
use crate::support::Ended;

/// Brings the lab up in vain, twice: for programs and for people.
#[track_caller]
fn fails(lab: &EngineLab) -> (Value, String) {
    let ended = lab.run("up LAB --json", 5);
    assert_eq!(lab.left(), [""; 0], "a lab that did not come up is removed");
    let people = Ended::of(&mut lab.command("up LAB")).with(5);
    assert_eq!(people.stdout, "");
    (ended.json()["error"].take(), people.stderr)
}

#[test]
fn a_password_that_the_probe_lacks_is_named_with_all_the_evidence() {
    let lab = EngineLab::copy_of("tests/labs/stuck");
    let (error, people) = fails(&lab);
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
    for line in ["NOAUTH", "likely", "password", "next: roadlab up"] {
        assert!(people.contains(line), "{line}: {people}");
    }
    let korean = Ended::of(&mut lab.command("up LAB --lang ko")).with(5);
    assert!(korean.stderr.contains("비밀번호"), "{korean:?}");
}

#[test]
fn a_service_that_ends_at_once_is_not_waited_for() {
    let lab = EngineLab::copy_of("tests/labs/stuck");
    let command = "command: [redis-server, --requirepass, sesame]";
    lab.copy.change(
        "compose.yaml",
        command,
        "command: [sh, -c, \"echo CACHE_TOKEN must be set; exit 7\"]",
    );
    lab.copy
        .change("compose.yaml", "ready_within: 2s", "ready_within: 60s");
    let (error, people) = fails(&lab);
    assert!(error["waited_millis"].as_u64() < Some(60_000), "{error}");
    assert_eq!(error["container"]["running"], false);
    assert_eq!(error["container"]["exit_code"], 7);
    assert_eq!(error["log"], serde_json::json!(["CACHE_TOKEN must be set"]));
    assert!(
        error["likely"].as_str().unwrap().contains("CACHE_TOKEN"),
        "{error}"
    );
    assert!(people.contains("exited (exit code 7)"), "{people}");
}

#[test]
fn a_service_that_needs_more_memory_than_it_may_use_is_told_its_limit() {
    let lab = EngineLab::copy_of("tests/labs/stuck");
    let command = "command: [redis-server, --requirepass, sesame]";
    // A file without lines has no last ten of them: all of it is kept.
    lab.copy
        .change("compose.yaml", command, "command: [tail, /dev/zero]");
    let (error, people) = fails(&lab);
    assert_eq!(error["container"]["out_of_memory"], true, "{error}");
    assert_eq!(error["container"]["exit_code"], 137);
    assert_eq!(error["container"]["memory_limit"], 32 << 20);
    assert!(
        error["likely"].as_str().unwrap().contains("mem_limit"),
        "{error}"
    );
    assert!(people.contains("out of memory (limit 32 MiB"), "{people}");
}

#[test]
fn a_server_at_another_port_than_the_probe_calls_is_found() {
    let lab = EngineLab::copy_of("tests/labs/stuck");
    let command = "command: [redis-server, --requirepass, sesame]";
    lab.copy.change(
        "compose.yaml",
        command,
        "command: [redis-server, --port, \"6380\"]",
    );
    let (error, _) = fails(&lab);
    let likely = error["likely"].as_str().unwrap();
    assert!(
        likely.contains("6379") && likely.contains("6380"),
        "{likely}"
    );
}
