//! Runs of another state folder: they are shown with their owner, left alone, and removed only by name and with consent.

use std::process::Command;

use serde_json::Value;

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;

/// The program with another state folder, as another user or another `XDG_STATE_HOME` has it.
fn elsewhere(lab: &EngineLab, words: &str) -> Command {
    let mut command = lab.command(words);
    command.env("XDG_STATE_HOME", lab.copy.path("state-of-another"));
    command
}

#[track_caller]
fn run_elsewhere(lab: &EngineLab, words: &str, code: i32) -> ProgramOutput {
    ProgramOutput::of(&mut elsewhere(lab, words)).expect_code(code)
}

/// The orphan runs of the lab in a JSON document.
fn orphans<'a>(lab: &EngineLab, list: &'a Value) -> Vec<&'a Value> {
    let all = list.as_array().expect("a list of runs").iter();
    all.filter(|run| run["lab"] == lab.copy.id.as_str())
        .collect()
}

#[apply(engine_test)]
fn a_run_of_another_state_folder_is_shown_with_its_owner() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let id = &lab.copy.id;
    let state = lab.copy.path("state").join("roadlab");
    let command = format!("remove it with `roadlab down {id} --orphan`");
    for words in ["status --verbose", "gc --verbose"] {
        let shown = run_elsewhere(&lab, words, 0).stdout;
        let line = shown.lines().find(|line| line.contains(id.as_str()));
        let line = line.unwrap_or_else(|| panic!("{words} does not show it: {shown}"));
        assert!(line.contains(&state.display().to_string()), "{line}");
        assert!(line.contains("1 of 1 containers running"), "{line}");
        assert!(shown.contains(&command), "{shown}");
    }
    let status = run_elsewhere(&lab, "status LAB --json", 0).json();
    let run = &orphans(&lab, &status)[0]["orphan"];
    assert_eq!(run["reason"], "other_state_folder");
    assert_eq!(run["state_folder"], state.display().to_string());
    let doctor = ProgramOutput::of(&mut elsewhere(&lab, "doctor LAB --json")).json();
    let checks = doctor["checks"].as_array().expect("a list of checks");
    let check = checks.iter().find(|check| check["check"] == "orphan_runs");
    let check = check.expect("doctor reports the run");
    assert_eq!(orphans(&lab, &check["seen"]["runs"]).len(), 1, "{check}");
    // For its own state folder it is no orphan.
    let own = lab.run("status LAB --json", 0).json();
    assert_eq!(own[0]["orphan"], Value::Null);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_run_of_another_state_folder_is_removed_only_by_name_and_with_consent() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let left = lab.resources();
    for words in ["down LAB", "down --all", "gc"] {
        run_elsewhere(&lab, words, 0);
        assert_eq!(lab.resources(), left, "{words}");
    }
    let refused = run_elsewhere(&lab, "down LAB --orphan", 2).stderr;
    assert_eq!(
        refused,
        "error: removing a run of another state folder must be confirmed; add `--yes`\n"
    );
    run_elsewhere(&lab, "down LAB --orphan --yes --instance other", 0);
    assert_eq!(lab.resources(), left);
    let removed = run_elsewhere(&lab, "down LAB --orphan --yes", 0).stdout;
    assert!(removed.starts_with("removed 1 container, 1 network, 1 volume in "));
    assert_eq!(lab.resources(), [""; 0]);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_run_whose_journal_is_gone_is_shown_and_removed_by_name() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    std::fs::remove_dir_all(lab.copy.path("state")).expect("the state folder exists");
    let status = lab.run("status LAB", 0).stdout;
    assert!(
        status.contains("the journal of this run is missing"),
        "{status}"
    );
    let gc = lab.run("gc --json", 0).json();
    assert_eq!(orphans(&lab, &gc["orphan_runs"])[0]["reason"], "no_journal");
    lab.run("down LAB", 0);
    assert_eq!(lab.resources(), [""; 0]);
}

#[apply(engine_test)]
fn a_run_whose_journal_another_version_wrote_is_shown_and_left_alone() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let id = &lab.copy.id;
    let runs = lab.copy.path("state/roadlab/runs");
    let files = std::fs::read_dir(&runs).expect("the folder of the journals");
    let mut files = files.map(|file| file.expect("a file").path());
    // The baselines of a run are in a file beside its journal.
    let is_journal =
        |path: &std::path::PathBuf| !path.to_string_lossy().ends_with(".baselines.json");
    let journal = files.find(is_journal).expect("a journal");
    let newer = format!(
        r#"{{"version":99,"written_by":"roadlab 9.0.0","lab":"{id}","instance":"main","life":"process"}}"#
    );
    std::fs::write(&journal, &newer).expect("a file of the test");
    let problem = format!("{} was written by roadlab 9.0.0", journal.display());
    let left = lab.resources();
    for words in ["status", "gc"] {
        let shown = lab.run(words, 0).stdout;
        assert!(shown.contains(&problem), "{words}: {shown}");
        assert!(
            shown.contains(&format!("remove the run with `roadlab down {id}`")),
            "{words}: {shown}"
        );
    }
    let doctor = ProgramOutput::of(&mut lab.command("doctor LAB --json")).json();
    let checks = doctor["checks"].as_array().expect("a list of checks");
    assert!(checks.iter().any(|check| check["check"] == "journals"));
    assert_eq!(lab.resources(), left);
    assert_eq!(std::fs::read_to_string(&journal).ok(), Some(newer));
    lab.run("down LAB", 0);
    assert_eq!(lab.resources(), [""; 0]);
    assert!(!journal.exists());
}
