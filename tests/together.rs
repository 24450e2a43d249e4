//! Several roadlabs at the same moment: each either does its work or says that another one is at it.

mod support;

#[path = "support/engine.rs"]
mod engine;

use std::thread;

use serde_json::Value;

use crate::engine::EngineLab;
use crate::support::Ended;

fn tiny() -> EngineLab {
    EngineLab::copy_of("tests/labs/tiny")
}

/// Runs commands side by side.
fn at_once(real: &EngineLab, commands: &[String]) -> Vec<Ended> {
    thread::scope(|scope| {
        let begun = commands.iter().map(|words| {
            let mut command = real.command(words);
            scope.spawn(move || Ended::of(&mut command))
        });
        let begun: Vec<_> = begun.collect();
        let ended = begun
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        ended.collect()
    })
}

fn both(words: &str) -> [String; 2] {
    [words.to_owned(), words.to_owned()]
}

#[test]
fn two_ups_of_one_lab_make_it_once() {
    let real = tiny();
    for _ in 0..3 {
        let ended = at_once(&real, &both("up LAB"));
        assert_eq!(real.left().len(), 3, "{ended:#?}");
        assert!(
            ended.iter().any(|ended| ended.code == Some(0)),
            "{ended:#?}"
        );
        for ended in ended.iter().filter(|ended| ended.code != Some(0)) {
            assert_eq!(ended.code, Some(3), "{ended:#?}");
            let told = format!(") is working on {}: wait for it, or use", real.copy.id);
            assert!(ended.stderr.contains(&told), "{ended:#?}");
        }
        real.run("check LAB", 1);
        real.run("down LAB", 0);
    }
}

#[test]
fn two_downs_of_one_lab_are_both_fine() {
    let real = tiny();
    for _ in 0..3 {
        real.run("up LAB", 0);
        let ended = at_once(&real, &both("down LAB"));
        assert_eq!(real.left(), [""; 0], "{ended:#?}");
        assert!(
            ended.iter().all(|ended| ended.code == Some(0)),
            "{ended:#?}"
        );
    }
}

#[test]
fn gc_never_takes_what_is_being_made() {
    let real = tiny();
    // So slow that every gc comes while it is being made.
    let from = "service: redis }\n";
    let slow = format!(
        "{from}    command: [sh, -c, \"sleep 1; exec redis-server --protected-mode no\"]\n"
    );
    real.copy.change("compose.yaml", from, &slow);
    for _ in 0..3 {
        let commands = ["up LAB", "gc", "gc", "status", "gc"].map(str::to_owned);
        let ended = at_once(&real, &commands);
        assert!(
            ended.iter().all(|ended| ended.code == Some(0)),
            "{ended:#?}"
        );
        assert_eq!(real.left().len(), 3, "{ended:#?}");
        real.run("check LAB", 1);
        real.run("down LAB", 0);
    }
}

#[test]
fn twenty_copies_at_once_have_ports_and_networks_of_their_own() {
    let real = tiny();
    let of = |verb: &str| -> Vec<String> {
        (1..=20)
            .map(|n| format!("{verb} LAB --instance n{n}"))
            .collect()
    };
    let ended = at_once(&real, &of("up --json"));
    assert!(
        ended.iter().all(|ended| ended.code == Some(0)),
        "{ended:#?}"
    );
    let mut ports: Vec<Value> = ended
        .iter()
        .map(|ended| ended.json()["services"][0]["url"].take())
        .collect();
    ports.sort_by_key(Value::to_string);
    ports.dedup();
    assert_eq!((ports.len(), real.left().len()), (20, 60), "{ports:?}");
    let ended = at_once(&real, &of("down"));
    assert!(
        ended.iter().all(|ended| ended.code == Some(0)),
        "{ended:#?}"
    );
    assert_eq!(real.left(), [""; 0]);
}
