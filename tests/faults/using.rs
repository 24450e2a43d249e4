//! While a lab is used and left: a reader that goes away, a stop by Ctrl-Z, services that somebody else removes.

use std::io::{BufRead, BufReader};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::engine::EngineLab;
use crate::running::Running;
use crate::{EXTENDS, tiny_with};

/// Reads one line of what a command says and hangs up; returns how it ended and what it said on standard error.
fn head(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.spawn().expect("the program can be run");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    reader.read_line(&mut line).expect("it says text");
    assert!(!line.is_empty());
    drop(reader);
    let output = child.wait_with_output().expect("it ends");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn an_up_whose_reader_goes_away_goes_on() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let (code, said) = head(real.command("up LAB --json"));
    assert_eq!((code, said.as_str()), (Some(0), ""));
    real.run("check LAB greet", 1);
    real.run("down LAB", 0);
}

#[test]
fn a_demo_whose_reader_goes_away_ends_and_removes_the_lab() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let (code, said) = head(real.command("run LAB --auto"));
    assert_eq!(code, Some(141), "{said}");
    assert!(!said.contains("panic"), "{said}");
    assert_eq!(real.left(), [""; 0], "{said}");
}

#[test]
fn time_in_which_the_program_was_stopped_is_no_time_that_a_service_took() {
    // Longer than it may take, of which we are stopped for the most part.
    let slow = "sleep 6; echo nearly; sleep 1; exec redis-server --protected-mode no";
    let real = tiny_with(&format!(
        "    command: [sh, -c, \"{slow}\"]\n    x-roadlab: {{ ready_within: 5s }}\n"
    ));
    let mut up = Running::begin(&real, "up LAB --json");
    up.until("\"waiting\"");
    up.send(Signal::STOP);
    let logs = || real.run("logs LAB", 0).stdout;
    assert!(real.soon(|| logs().contains("nearly")));
    up.send(Signal::CONT);
    let (status, said) = up.end();
    assert_eq!(status.code(), Some(0), "{said}");
    real.run("down LAB", 0);
}

#[test]
fn a_service_that_somebody_removes_is_told_with_the_way_back() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let both = format!("{EXTENDS}  twin:\n{EXTENDS}    volumes: []\n");
    real.copy.change("compose.yaml", EXTENDS, &both);
    real.run("up LAB", 0);
    let all = real.containers();
    let redis = all
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["Labels"]["dev.roadlab.service"] == "redis");
    let id = redis.unwrap()["Id"].as_str().unwrap();
    real.ask(
        "DELETE",
        &format!("/containers/{id}?force=1&v=1"),
        &Value::Null,
    );
    let said = real.run("check LAB greet", 1);
    let told = format!(
        "`redis` was removed outside roadlab; create it again with `roadlab up {}`",
        real.copy.id
    );
    assert!(said.stdout.contains(&told), "{said:#?}");
    real.run("up LAB", 0);
    let said = real.run("check LAB greet", 1).stdout;
    assert!(!said.contains("outside"), "{said}");
    real.run("down LAB", 0);
}
