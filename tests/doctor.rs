//! `roadlab doctor` finds what prevents a lab from running, and shows how to fix it.

use std::net::TcpListener;

use roadlab::diagnosis::System;
use serde_json::Value;

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;
use crate::support::offline::{NO_ENGINE, tiny};

/// The findings of one kind.
fn found<'a>(report: &'a Value, check: &str) -> Vec<&'a Value> {
    let all = report["checks"].as_array().expect("a list of checks");
    all.iter().filter(|found| found["check"] == check).collect()
}

#[apply(engine_test)]
fn another_server_at_a_default_port_is_reported_and_harmless() {
    // If another server has this port already, that one is found.
    let server = TcpListener::bind("127.0.0.1:5432").ok();
    let lab = EngineLab::copy_of("tests/labs/ports");
    let doctor = || lab.run("doctor LAB --json", 0).json();
    let check = || {
        let report = doctor();
        let ports = found(&report, "port");
        let port = ports.iter().find(|found| found["seen"]["port"] == 5432);
        let port = port.expect("the other server is found");
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
        assert_eq!(report["fine"], true);
    };
    check();

    lab.run("up LAB", 0);
    let status = lab.run("status LAB", 0).stdout;
    let guide = lab.run("show LAB connect", 0).stdout;
    assert!(guide.contains("Connect to redis://127.0.0.1:2"), "{guide}");
    assert!(!guide.contains("5432"), "{guide}");
    assert!(!status.contains("127.0.0.1:5432"), "{status}");
    lab.run("solve LAB connect", 0);
    check();
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_missing_engine_is_reported_with_the_next_command() {
    let copy = tiny();
    let output = ProgramOutput::of(
        copy.roadlab("doctor --offline")
            .env("DOCKER_HOST", NO_ENGINE),
    )
    .expect_code(3);
    assert!(
        output
            .stdout
            .starts_with("✗ engine  no container engine at unix:///nowhere/engine.sock"),
        "{output:?}"
    );
    assert!(
        output.stdout.contains("\n    fix: unset DOCKER_HOST\n"),
        "{output:?}"
    );
    assert!(!copy.path("state").exists());
    let korean = ProgramOutput::of(
        copy.roadlab("doctor --offline --lang ko")
            .env("DOCKER_HOST", NO_ENGINE),
    );
    assert!(
        korean.stdout.contains("해결: unset DOCKER_HOST"),
        "{korean:?}"
    );
}

#[apply(engine_test)]
fn a_lab_that_needs_too_much_memory_is_refused_first() {
    let copy = tiny();
    copy.change(
        "compose.yaml",
        "service: redis }\n",
        "service: redis }\n    mem_limit: 900000g\n",
    );
    for words in ["up LAB", "run LAB --auto"] {
        let mut command = copy.roadlab(&format!("{words} --engine /nowhere/engine.sock"));
        let output = ProgramOutput::of(&mut command).expect_code(3);
        assert!(output.stderr.contains("900000.0 GiB"), "{output:?}");
        assert!(output.stderr.contains("mem_limit"), "{output:?}");
    }
    let report = ProgramOutput::of(&mut copy.roadlab("doctor --offline --json LAB"))
        .expect_code(3)
        .json();
    assert_eq!(found(&report, "memory")[0]["state"], "problem");
}

#[apply(engine_test)]
fn an_unreadable_lab_is_reported() {
    let copy = tiny();
    copy.change("lab.yaml", "level: beginner", "level: easy");
    let report = ProgramOutput::of(&mut copy.roadlab("doctor --offline --json"))
        .expect_code(3)
        .json();
    assert_eq!(found(&report, "lab")[0]["seen"]["problems"], 1);
    let fix = found(&report, "lab")[0]["fix"].as_str().unwrap();
    assert!(fix.starts_with("roadlab validate "), "{fix}");
}

#[apply(engine_test)]
fn the_system_is_a_row_of_the_table() {
    let copy = tiny();
    let report = ProgramOutput::of(&mut copy.roadlab("doctor --offline --json LAB")).json();
    let [system] = found(&report, "system")[..] else {
        panic!("one system: {report}");
    };
    let name = system["seen"]["system"].as_str().unwrap();
    let mut rows = System::ALL.into_iter();
    let row = rows
        .find(|row| row.name() == name)
        .expect("a row of the table");
    assert_eq!(system["seen"]["experience"], row.experience().name());
    let what = system["what"].as_str().unwrap();
    assert!(what.starts_with(&row.text().localized()), "{what}");
}
