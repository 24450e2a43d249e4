//! `roadlab test`: a sound lab passes, and each way of being unsound is told with its exercise and phase.

mod support;

#[path = "support/engine.rs"]
mod engine;

use serde_json::{Value, json};

use crate::engine::EngineLab;
use crate::support::Ended;

/// Tests a copy of the tiny lab in which this text of `lab.yaml` is replaced: what it says at the end.
#[track_caller]
fn tested(changes: &[(&str, &str)], code: i32) -> Value {
    let real = EngineLab::copy_of("tests/labs/tiny");
    for (from, to) in changes {
        real.copy.change("lab.yaml", from, to);
    }
    let ended = real.run("test LAB --json", code);
    assert_eq!(ended.stderr, "");
    let said = ended.json();
    assert_eq!(real.left(), [""; 0], "the proof removes what it made");
    assert_eq!(
        (&said["event"], &said["lab"]),
        (&json!("tested"), &json!(real.copy.id))
    );
    assert_eq!(said["sound"], code == 0);
    said
}

/// The changed lab is not sound, for exactly these reasons: exercise, phase and why.
#[track_caller]
fn unsound(changes: &[(&str, &str)], problems: &[(&str, &str, &str)]) {
    let said = tested(changes, 1);
    let told = problems.iter().map(|(exercise, phase, problem)| {
        json!({ "exercise": exercise, "phase": phase, "problem": problem })
    });
    assert_eq!(said["problems"], Value::from_iter(told));
}

#[test]
fn a_sound_lab_proves_itself() {
    let said = tested(&[], 0);
    assert_eq!(said["problems"], json!([]));
    assert_eq!(said["not_run"], json!([]));
    let counted = ["exercises", "checks", "wrong_answers"].map(|name| said[name].as_u64());
    assert_eq!(counted, [Some(2), Some(3), Some(3)]);
}

#[test]
fn a_check_that_always_holds_is_found() {
    unsound(
        &[(
            "expect: { equals: hello }",
            "expect: { any: [{ absent: true }, { exists: true }] }",
        )],
        &[
            (
                "greet",
                "start",
                "check `greeting` passes before anything was done",
            ),
            ("greet", "wrong", "wrong answer 1: every check passes"),
            (
                "greet",
                "solution",
                "before the solution, with what it needs: check `greeting` passes before anything was done",
            ),
            (
                "greet",
                "reset",
                "check `greeting` passes before anything was done",
            ),
        ],
    );
}

#[test]
fn a_wrong_answer_that_passes_is_found() {
    unsound(
        &[(
            "command: [SET, greeting, hallo]",
            "command: [SET, greeting, hello]",
        )],
        &[("greet", "wrong", "wrong answer 1: every check passes")],
    );
}

#[test]
fn a_wrong_answer_that_gets_another_hint_is_found() {
    unsound(
        &[("hint: gone", "hint: spelling")],
        &[(
            "greet",
            "wrong",
            "wrong answer 2: gets hint `gone`, not `spelling`",
        )],
    );
}

#[test]
fn a_wrong_answer_that_gets_no_hint_is_found() {
    unsound(
        &[("equals: hallo", "equals: hola")],
        &[(
            "greet",
            "wrong",
            "wrong answer 1: gets no hint, not `spelling`; saw `greeting` \"hallo\"",
        )],
    );
}

#[test]
fn a_solution_that_does_not_solve_is_found() {
    let fails = "check `greeting` fails: expected \"hello\", saw \"nothing\"";
    let in_a_row = format!("played in a row: {fails}");
    unsound(
        &[(
            "solution:\n      - redis: { service: redis, command: [SET, greeting, hello] }",
            "solution:\n      - redis: { service: redis, command: [SET, greeting, nothing] }",
        )],
        &[
            ("greet", "solution", fails),
            ("greet", "solution_again", fails),
            ("greet", "solution", &in_a_row),
        ],
    );
}

#[test]
fn a_solution_that_only_works_once_is_found() {
    let fails = "check `greeting` fails: expected \"hello\", saw \"hellohello\"";
    unsound(
        &[(
            "solution:\n      - redis: { service: redis, command: [SET, greeting, hello] }",
            "solution:\n      - redis: { service: redis, command: [APPEND, greeting, hello] }",
        )],
        &[("greet", "solution_again", fails)],
    );
}

#[test]
fn a_reset_that_does_not_undo_is_found() {
    let said = tested(&[("command: [FLUSHALL]", "command: [DEL, other]")], 1);
    let problems = said["problems"].as_array().unwrap();
    assert!(
        problems.contains(&json!({
            "exercise": "greet", "phase": "reset",
            "problem": "check `greeting` passes before anything was done"
        })),
        "{said}"
    );
}

#[test]
fn a_guard_that_no_wrong_answer_breaks_is_found() {
    unsound(
        &[
            ("[DEL, kept]", "[DEL, greeting]"),
            ("hint: gone", "check: greeting"),
            (
                "- { when: { absent: true }, say: gone }",
                "- { when: { absent: true }, say: gone }\n          - { when: { equals: \"2\" }, say: gone }",
            ),
        ],
        &[("greet", "wrong", "no wrong answer breaks the guard `kept`")],
    );
}

#[test]
fn a_new_lab_made_in_an_empty_folder_proves_itself_in_both_languages() {
    // It sees to it that there is an image, which is the new lab's too: the same recipe.
    let real = EngineLab::copy_of("tests/labs/tiny");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = format!("new-{}", real.copy.id);
    let roadlab = |words: &str| {
        let words = words.replace("NAME", &name);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_roadlab"));
        command.args(words.split(' ')).current_dir(folder.path());
        for home in ["STATE", "CACHE", "DATA"] {
            command.env(format!("XDG_{home}_HOME"), folder.path().join(home));
        }
        command.env_remove("ROADLAB_LABS");
        Ended::of(&mut command)
    };
    roadlab("new NAME").with(0);
    for lang in ["en", "ko"] {
        let proof = roadlab(&format!("test NAME --offline --json --lang {lang}")).with(0);
        let proof = proof.json();
        assert_eq!(
            (&proof["sound"], &proof["exercises"]),
            (&true.into(), &2.into()),
            "{proof}"
        );
    }
}
