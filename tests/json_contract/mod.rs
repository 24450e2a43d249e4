//! The `--json` output of every command, compared with the recorded contract in `json_contract/documents.txt`: fields may be
//! added, and none may be removed, renamed or given another type.
//!
//! `UPDATE_JSON_CONTRACT=1` adds the lines of new fields to the file. It never removes one.

mod events;
mod shape;

use std::io::{BufRead, BufReader};
use std::process::Command;

use serde_json::Value;

use self::shape::{Contract, Shapes};
use crate::support::engine_lab::EngineLab;
use crate::support::offline::tiny;
use crate::support::{LabCopy, ProgramOutput};

const DOCUMENTS: &str = "tests/json_contract/documents.txt";
const EVENTS: &str = "tests/json_contract/events.txt";

/// A measurement of the tiny lab's last exercise, and what its guides say about it.
const MEASURE: &str = "  - id: when
    measure:
      - id: question
        sides:
          - { id: kept, redis: { service: redis, command: [GET, kept] } }
          - id: other
            redis: { service: redis, command: [GET, other] }
            touched: { redis: { service: redis, command: [DBSIZE] }, path: $, unit: keys }
    quiz:
";
const MEASURED: &str =
    "### Measured {.measure}\n\n- `question`: Which?\n- `kept`: kept\n- `other`: other\n\n";

/// Runs a command that must not need an engine and records its document.
#[track_caller]
fn record(shapes: &mut Shapes, copy: &LabCopy, name: &str, words: &str, code: i32) -> Value {
    let mut command = copy.roadlab(&format!("{words} --json"));
    command.env("DOCKER_HOST", "unix:///nowhere/engine.sock");
    record_output(shapes, &mut command, name, code)
}

#[track_caller]
fn record_output(shapes: &mut Shapes, command: &mut Command, name: &str, code: i32) -> Value {
    let document = ProgramOutput::of(command).expect_code(code).json();
    shapes.add(name, &document);
    document
}

/// Records every line of a command that prints events, and its last line under the command's own name.
#[track_caller]
fn record_events(shapes: &mut Shapes, lab: &EngineLab, name: &str, words: &str, code: i32) {
    let ended = lab.run(&format!("{words} --json"), code);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let event: Value = serde_json::from_str(line).expect("one JSON document per line");
        if at + 1 == lines.len() {
            shapes.add(name, &event);
        } else {
            Contract::read(EVENTS).check_event(&event);
        }
    }
}

#[apply(test)]
fn documents_that_need_no_engine_keep_their_fields() {
    let mut shapes = Shapes::default();
    let copy = tiny();
    record(&mut shapes, &copy, "show lab", "show LAB", 0);
    record(&mut shapes, &copy, "show exercise", "show LAB greet", 0);
    record(&mut shapes, &copy, "show exercise", "show LAB when", 0);
    record(&mut shapes, &copy, "answer", "answer LAB when scans", 1);
    record(&mut shapes, &copy, "answer", "answer LAB when pairs", 0);
    record(&mut shapes, &copy, "list", "list", 0);
    record(&mut shapes, &copy, "report", "report LAB", 0);
    record(&mut shapes, &copy, "roadmap", "roadmap", 0);
    record(&mut shapes, &copy, "next", "next", 0);
    record(&mut shapes, &copy, "validate", "validate", 0);
    record(&mut shapes, &copy, "new", "new another", 0);
    record(&mut shapes, &copy, "error problems", "up nothing", 2);
    record(&mut shapes, &copy, "error usage", "down", 2);
    record(
        &mut shapes,
        &copy,
        "error problems",
        "answer LAB when nothing",
        2,
    );
    record(&mut shapes, &copy, "error engine", "status LAB", 3);
    record(
        &mut shapes,
        &copy,
        "engine status without an engine",
        "engine status",
        3,
    );
    let document = record(
        &mut shapes,
        &copy,
        "doctor without an engine",
        "doctor LAB --offline",
        3,
    );
    assert_eq!(document["fine"], false, "no engine answers");
    record(
        &mut shapes,
        &copy,
        "pack",
        "pack LAB -o a.lab --no-images",
        0,
    );
    record(&mut shapes, &copy, "add", "add a.lab", 0);
    copy.change("guide.en.md", "One command is enough.", "Two are.");
    record(
        &mut shapes,
        &copy,
        "pack",
        "pack LAB -o a.lab --no-images",
        0,
    );
    record(&mut shapes, &copy, "update", "update", 0);
    record(&mut shapes, &copy, "remove", "remove LAB --yes", 0);
    copy.change("lab.yaml", "minutes: 5", "minuts: 5");
    record(&mut shapes, &copy, "list", "list", 0);
    record(&mut shapes, &copy, "validate", "validate", 2);
    record(&mut shapes, &copy, "error problems", "show LAB", 2);
    Contract::read(DOCUMENTS).check(&shapes, |_| false);
}

#[apply(engine_test)]
fn documents_of_a_running_lab_keep_their_fields() {
    let mut shapes = Shapes::default();
    let lab = EngineLab::tiny();
    let mut record = |name: &str, words: &str, code: i32| {
        let command = &mut lab.command(&format!("{words} --json"));
        record_output(&mut shapes, command, name, code)
    };
    record("engine status", "engine status", 0);
    record("engine up", "engine up", 0);
    record("up --dry-run", "up LAB --dry-run", 0);
    record("status", "status", 0);
    record("error not up", "check LAB", 3);
    record("images", "images list LAB", 0);
    record("images", "images pull LAB", 0);
    record("images export", "images export images.tar LAB", 0);
    record("images import", "images import images.tar", 0);
    record("up", "up LAB --ttl 1h --timings", 0);
    record("status", "status LAB", 0);
    record("check", "check LAB", 1);
    record("hint", "hint LAB greet", 0);
    lab.run("shell LAB -- redis-cli SET greeting hallo", 0);
    record("hint", "hint LAB greet", 0);
    record("check", "check LAB", 1);
    record("solve", "solve LAB greet", 0);
    record("check", "check LAB greet", 0);
    record("reset", "reset LAB", 0);
    record("reset", "reset LAB --to when --hard", 0);
    record("status", "status LAB", 0);
    lab.run("answer LAB when pairs", 0);
    record("status", "status LAB", 0);
    record("reset", "reset LAB --progress --yes", 0);
    record("pause", "pause LAB", 0);
    record("status", "status LAB", 0);
    record("up", "up LAB", 0);
    record("restart", "restart LAB", 0);
    record("restart", "restart LAB redis --kill", 0);
    record("logs", "logs LAB --tail 1", 0);
    lab.copy
        .change("lab.yaml", "  - id: when\n    quiz:\n", MEASURE);
    for (guide, heading) in [
        ("guide.en.md", "### Choices {.choices}\n"),
        ("guide.ko.md", "### 선택 {.choices}\n"),
    ] {
        lab.copy
            .change(guide, heading, &format!("{MEASURED}{heading}"));
    }
    record("measure different", "measure LAB when", 1);
    lab.run("shell LAB -- redis-cli DEL kept", 0);
    record("measure", "measure LAB when --rounds 5", 0);
    record("error usage", "open LAB", 2);
    // A run of another state folder, which these commands show.
    let other = EngineLab::tiny();
    other.run("up LAB", 0);
    record("status", "status", 0);
    record("doctor", "doctor LAB", 0);
    record("gc", "gc", 0);
    other.run("down LAB", 0);
    record("list while a lab runs", "list", 0);
    let mut watch = lab
        .command("check LAB --watch --json")
        .spawn()
        .expect("the program can be run");
    let stdout = watch.stdout.take().expect("its output is piped");
    let first = BufReader::new(stdout).lines().next().expect("an event");
    let first = first.expect("UTF-8");
    watch.kill().expect("it still runs");
    watch.wait().expect("it ends");
    shapes.add(
        "check --watch",
        &serde_json::from_str(&first).expect("JSON"),
    );
    let down = &mut lab.command("down LAB --json");
    record_output(&mut shapes, down, "down", 0);
    record_events(&mut shapes, &lab, "up", "up LAB", 0);
    // The sides of its measurement disagree: a problem of the lab.
    record_events(&mut shapes, &lab, "test", "test LAB", 1);
    lab.run("answer LAB when pairs", 0);
    let down = &mut lab.command("down LAB --forget --yes --json");
    record_output(&mut shapes, down, "down", 0);
    Contract::read(DOCUMENTS).check(&shapes, |_| false);
}

#[apply(engine_test)]
fn the_document_of_a_service_that_never_answers_keeps_its_fields() {
    let mut shapes = Shapes::default();
    let lab = EngineLab::tiny();
    let from = "service: redis }\n";
    let stuck = format!(
        "{from}    command: [sh, -c, \"echo thinking; exec sleep infinity\"]\n    x-roadlab: {{ ready_within: 5s }}\n"
    );
    lab.copy.change("compose.yaml", from, &stuck);
    record_events(&mut shapes, &lab, "error not ready", "up LAB --timings", 5);
    Contract::read(DOCUMENTS).check(&shapes, |_| false);
}

#[apply(engine_test)]
fn the_documents_of_web_interfaces_keep_their_fields() {
    let mut shapes = Shapes::default();
    let lab = EngineLab::tiny();
    let from = "service: redis }\n";
    let web = format!(
        "{from}    x-roadlab: {{ web: [ {{ title: Redis, port: 6379, login: nobody }} ] }}\n"
    );
    lab.copy.change("compose.yaml", from, &web);
    lab.run("up LAB", 0);
    let open = &mut lab.command("open LAB --json");
    open.env_remove("DISPLAY");
    open.env_remove("WAYLAND_DISPLAY");
    record_output(&mut shapes, open, "open", 0);
    lab.run("down LAB", 0);
    Contract::read(DOCUMENTS).check(&shapes, |_| false);
}
