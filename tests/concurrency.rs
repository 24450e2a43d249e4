//! Several commands at the same time: each does its work or reports that another one works on the lab.

use std::thread;

use serde_json::Value;

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;

/// Runs commands side by side.
fn run_concurrently(lab: &EngineLab, commands: &[String]) -> Vec<ProgramOutput> {
    thread::scope(|scope| {
        let started = commands.iter().map(|words| {
            let mut command = lab.command(words);
            scope.spawn(move || ProgramOutput::of(&mut command))
        });
        let started: Vec<_> = started.collect();
        let output = started
            .into_iter()
            .map(|thread| thread.join().expect("the thread does not panic"));
        output.collect()
    })
}

fn both(words: &str) -> [String; 2] {
    [words.to_owned(), words.to_owned()]
}

#[apply(engine_test)]
fn concurrent_ups_create_the_lab_once() {
    let lab = EngineLab::tiny();
    for _ in 0..3 {
        let output = run_concurrently(&lab, &both("up LAB"));
        assert_eq!(lab.resources().len(), 3, "{output:#?}");
        assert!(
            output.iter().any(|output| output.code == Some(0)),
            "{output:#?}"
        );
        for output in output.iter().filter(|output| output.code != Some(0)) {
            assert_eq!(output.code, Some(3), "{output:#?}");
            let message = format!(") is working on {}: wait for it, or use", lab.copy.id);
            assert!(output.stderr.contains(&message), "{output:#?}");
        }
        lab.run("check LAB", 1);
        lab.run("down LAB", 0);
    }
}

#[apply(engine_test)]
fn concurrent_downs_both_succeed() {
    let lab = EngineLab::tiny();
    for _ in 0..3 {
        lab.run("up LAB", 0);
        let output = run_concurrently(&lab, &both("down LAB"));
        assert_eq!(lab.resources(), [""; 0], "{output:#?}");
        assert!(
            output.iter().all(|output| output.code == Some(0)),
            "{output:#?}"
        );
    }
}

#[apply(engine_test)]
fn gc_keeps_what_is_being_created() {
    let lab = EngineLab::tiny();
    // Slow, so that every gc runs during the creation.
    let from = "service: redis }\n";
    let slow = format!(
        "{from}    command: [sh, -c, \"sleep 1; exec redis-server --protected-mode no\"]\n"
    );
    lab.copy.change("compose.yaml", from, &slow);
    for _ in 0..3 {
        let commands = ["up LAB", "gc", "gc", "status", "gc"].map(str::to_owned);
        let output = run_concurrently(&lab, &commands);
        assert!(
            output.iter().all(|output| output.code == Some(0)),
            "{output:#?}"
        );
        assert_eq!(lab.resources().len(), 3, "{output:#?}");
        lab.run("check LAB", 1);
        lab.run("down LAB", 0);
    }
}

#[apply(engine_test)]
fn twenty_concurrent_instances_have_separate_ports_and_networks() {
    let lab = EngineLab::tiny();
    let of = |verb: &str| -> Vec<String> {
        (1..=20)
            .map(|n| format!("{verb} LAB --instance n{n}"))
            .collect()
    };
    let output = run_concurrently(&lab, &of("up --json"));
    assert!(
        output.iter().all(|output| output.code == Some(0)),
        "{output:#?}"
    );
    let mut ports: Vec<Value> = output
        .iter()
        .map(|output| output.json()["services"][0]["url"].take())
        .collect();
    ports.sort_by_key(Value::to_string);
    ports.dedup();
    assert_eq!((ports.len(), lab.resources().len()), (20, 60), "{ports:?}");
    let output = run_concurrently(&lab, &of("down"));
    assert!(
        output.iter().all(|output| output.code == Some(0)),
        "{output:#?}"
    );
    assert_eq!(lab.resources(), [""; 0]);
}
