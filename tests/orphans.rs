//! Runs of another state folder: they are shown with their owner, left alone, and removed only by name and with consent.

mod support;

#[path = "support/engine.rs"]
mod engine;

use std::process::Command;

use serde_json::Value;

use crate::engine::EngineLab;
use crate::support::Ended;

fn tiny() -> EngineLab {
    EngineLab::copy_of("tests/labs/tiny")
}

/// The program with another state folder, as another user or another `XDG_STATE_HOME` has it.
fn elsewhere(real: &EngineLab, words: &str) -> Command {
    let mut command = real.command(words);
    command.env("XDG_STATE_HOME", real.copy.path("state-of-another"));
    command
}

#[track_caller]
fn run_elsewhere(real: &EngineLab, words: &str, code: i32) -> Ended {
    Ended::of(&mut elsewhere(real, words)).with(code)
}

/// The orphan runs of the lab in a JSON document.
fn orphans<'a>(real: &EngineLab, list: &'a Value) -> Vec<&'a Value> {
    let all = list.as_array().expect("a list of runs").iter();
    all.filter(|run| run["lab"] == real.copy.id.as_str())
        .collect()
}

#[test]
fn a_run_of_another_state_folder_is_shown_with_its_owner() {
    let real = tiny();
    real.run("up LAB", 0);
    let id = &real.copy.id;
    let state = real.copy.path("state").join("roadlab");
    let command = format!("remove it with `roadlab down {id} --orphan`");
    for words in ["status", "gc"] {
        let shown = run_elsewhere(&real, words, 0).stdout;
        let line = shown.lines().find(|line| line.contains(id.as_str()));
        let line = line.unwrap_or_else(|| panic!("{words} does not show it: {shown}"));
        assert!(line.contains(&state.display().to_string()), "{line}");
        assert!(line.contains("1 of 1 containers running"), "{line}");
        assert!(shown.contains(&command), "{shown}");
    }
    let status = run_elsewhere(&real, "status LAB --json", 0).json();
    let run = &orphans(&real, &status)[0]["orphan"];
    assert_eq!(run["reason"], "other_state_folder");
    assert_eq!(run["state_folder"], state.display().to_string());
    let doctor = Ended::of(&mut elsewhere(&real, "doctor LAB --json")).json();
    let checks = doctor["checks"].as_array().expect("a list of checks");
    let check = checks.iter().find(|check| check["check"] == "orphan_runs");
    let check = check.expect("doctor reports the run");
    assert_eq!(orphans(&real, &check["seen"]).len(), 1, "{check}");
    // For its own state folder it is no orphan.
    let own = real.run("status LAB --json", 0).json();
    assert_eq!(own[0]["orphan"], Value::Null);
    real.run("down LAB", 0);
}

#[test]
fn a_run_of_another_state_folder_is_removed_only_by_name_and_with_consent() {
    let real = tiny();
    real.run("up LAB", 0);
    let left = real.left();
    for words in ["down LAB", "down --all", "gc"] {
        run_elsewhere(&real, words, 0);
        assert_eq!(real.left(), left, "{words}");
    }
    let refused = run_elsewhere(&real, "down LAB --orphan", 2).stderr;
    assert_eq!(
        refused,
        "error: removing a run of another state folder must be confirmed; add `--yes`\n"
    );
    run_elsewhere(&real, "down LAB --orphan --yes --instance other", 0);
    assert_eq!(real.left(), left);
    let removed = run_elsewhere(&real, "down LAB --orphan --yes", 0).stdout;
    assert!(removed.starts_with("removed 1 container, 1 network, 1 volume in "));
    assert_eq!(real.left(), [""; 0]);
    real.run("down LAB", 0);
}

#[test]
fn a_run_whose_journal_is_gone_is_shown_and_removed_by_name() {
    let real = tiny();
    real.run("up LAB", 0);
    std::fs::remove_dir_all(real.copy.path("state")).expect("the state folder exists");
    let status = real.run("status LAB", 0).stdout;
    assert!(
        status.contains("the journal of this run is missing"),
        "{status}"
    );
    let gc = real.run("gc --json", 0).json();
    assert_eq!(
        orphans(&real, &gc["orphan_runs"])[0]["reason"],
        "no_journal"
    );
    real.run("down LAB", 0);
    assert_eq!(real.left(), [""; 0]);
}

#[test]
fn a_run_whose_journal_another_version_wrote_is_shown_and_left_alone() {
    let real = tiny();
    real.run("up LAB", 0);
    let id = &real.copy.id;
    let runs = real.copy.path("state/roadlab/runs");
    let mut files = std::fs::read_dir(&runs).expect("the folder of the journals");
    let journal = files.next().expect("a journal").expect("a file").path();
    let newer = format!(
        r#"{{"version":99,"written_by":"roadlab 9.0.0","lab":"{id}","instance":"main","life":"process"}}"#
    );
    std::fs::write(&journal, &newer).expect("a file of the test");
    let problem = format!("{} was written by roadlab 9.0.0", journal.display());
    let left = real.left();
    for words in ["status", "gc"] {
        let shown = real.run(words, 0).stdout;
        assert!(shown.contains(&problem), "{words}: {shown}");
        assert!(
            shown.contains(&format!("remove the run with `roadlab down {id}`")),
            "{words}: {shown}"
        );
    }
    let doctor = Ended::of(&mut real.command("doctor LAB --json")).json();
    let checks = doctor["checks"].as_array().expect("a list of checks");
    assert!(checks.iter().any(|check| check["check"] == "journals"));
    assert_eq!(real.left(), left);
    assert_eq!(std::fs::read_to_string(&journal).ok(), Some(newer));
    real.run("down LAB", 0);
    assert_eq!(real.left(), [""; 0]);
    assert!(!journal.exists());
}
