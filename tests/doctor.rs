//! `roadlab doctor`: what is in the way of a lab is found before anything is pulled or made, and named with what helps.

mod support;

#[path = "support/engine.rs"]
mod engine;

use std::net::TcpListener;

use serde_json::Value;

use crate::engine::EngineLab;
use crate::support::{Copy, Ended};

/// The tiny lab under its own name.
fn tiny() -> Copy {
    Copy::of("tests/labs/tiny", |_| "tiny".to_owned())
}

/// The findings of one kind.
fn found<'a>(said: &'a Value, check: &str) -> Vec<&'a Value> {
    let all = said["checks"].as_array().expect("a list of checks");
    all.iter().filter(|found| found["check"] == check).collect()
}

#[test]
fn a_foreign_server_at_a_customary_port_is_named_and_in_nobodys_way() {
    // If somebody else's server is there already, that one is found, only not as ours.
    let server = TcpListener::bind("127.0.0.1:5432").ok();
    let lab = EngineLab::copy_of("tests/labs/ports");
    let doctor = || lab.run("doctor LAB --json", 0).json();
    let check = || {
        let said = doctor();
        let ports = found(&said, "port");
        let port = ports.iter().find(|found| found["seen"]["port"] == 5432);
        let port = port.expect("a foreign server is found");
        assert_eq!(port["state"], "note");
        assert_eq!(port["seen"]["services"], serde_json::json!(["db"]));
        if server.is_some() {
            assert_eq!(port["seen"]["pid"], std::process::id());
            assert!(
                port["seen"]["program"]
                    .as_str()
                    .is_some_and(|name| !name.is_empty())
            );
        }
        assert_eq!(said["fine"], true);
    };
    check();

    lab.run("up LAB", 0);
    let status = lab.run("status LAB", 0).stdout;
    let guide = lab.run("show LAB connect", 0).stdout;
    assert!(guide.contains("Connect to port 2"), "{guide}");
    assert!(!guide.contains("5432"), "{guide}");
    assert!(!status.contains("127.0.0.1:5432"), "{status}");
    lab.run("solve LAB connect", 0);
    check();
    lab.run("down LAB", 0);
}

#[test]
fn a_machine_without_an_engine_is_told_the_next_command_and_nothing_is_made() {
    let copy = tiny();
    let ended = Ended::of(
        copy.roadlab("doctor --offline")
            .env("DOCKER_HOST", "unix:///nowhere/engine.sock"),
    )
    .with(3);
    assert!(
        ended
            .stdout
            .starts_with("✗ engine  no container engine at unix:///nowhere/engine.sock"),
        "{ended:?}"
    );
    assert!(
        ended.stdout.contains("\n    fix: unset DOCKER_HOST\n"),
        "{ended:?}"
    );
    assert!(!copy.path("state").exists());
    let korean = Ended::of(
        copy.roadlab("doctor --offline --lang ko")
            .env("DOCKER_HOST", "unix:///nowhere/engine.sock"),
    );
    assert!(
        korean.stdout.contains("해결: unset DOCKER_HOST"),
        "{korean:?}"
    );
}

#[test]
fn a_lab_that_is_larger_than_the_machine_is_refused_before_an_engine_is_looked_for() {
    let copy = tiny();
    copy.change(
        "compose.yaml",
        "service: redis }\n",
        "service: redis }\n    mem_limit: 900000g\n",
    );
    for words in ["up LAB", "run LAB --auto"] {
        let mut command = copy.roadlab(&format!("{words} --engine /nowhere/engine.sock"));
        let ended = Ended::of(&mut command).with(3);
        assert!(ended.stderr.contains("900000.0 GiB"), "{ended:?}");
        assert!(ended.stderr.contains("mem_limit"), "{ended:?}");
    }
    let said = Ended::of(&mut copy.roadlab("doctor --offline --json LAB"))
        .with(3)
        .json();
    assert_eq!(found(&said, "memory")[0]["state"], "problem");
}

#[test]
fn a_lab_that_cannot_be_read_is_found() {
    let copy = tiny();
    copy.change("lab.yaml", "level: beginner", "level: easy");
    let said = Ended::of(&mut copy.roadlab("doctor --offline --json"))
        .with(3)
        .json();
    assert_eq!(found(&said, "lab")[0]["seen"]["problems"], 1);
    let fix = found(&said, "lab")[0]["fix"].as_str().unwrap();
    assert!(fix.starts_with("roadlab validate "), "{fix}");
}
