//! `roadlab test`: a sound lab passes; each defect of a lab is reported with its exercise and phase.

use serde_json::{Value, json};

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;

/// Tests the tiny lab with these texts of `lab.yaml` replaced; returns the last event.
#[track_caller]
fn prove(changes: &[(&str, &str)], code: i32) -> Value {
    let lab = EngineLab::tiny();
    for (from, to) in changes {
        lab.copy.change("lab.yaml", from, to);
    }
    let output = lab.run("test LAB --json", code);
    assert_eq!(output.stderr, "");
    let event = output.json();
    assert_eq!(
        lab.resources(),
        [""; 0],
        "the proof removes what it created"
    );
    assert_eq!(
        (&event["event"], &event["lab"]),
        (&json!("tested"), &json!(lab.copy.id))
    );
    assert_eq!(event["sound"], code == 0);
    event
}

/// Asserts that the changed lab has exactly these problems: exercise, phase and text.
#[track_caller]
fn assert_unsound(changes: &[(&str, &str)], problems: &[(&str, &str, &str)]) {
    let event = prove(changes, 1);
    let expected = problems.iter().map(|(exercise, phase, problem)| {
        json!({ "exercise": exercise, "phase": phase, "problem": problem })
    });
    assert_eq!(event["problems"], Value::from_iter(expected));
}

#[apply(engine_test)]
fn a_sound_lab_proves_itself() {
    let event = prove(&[], 0);
    assert_eq!(event["problems"], json!([]));
    assert_eq!(event["not_run"], json!([]));
    let counted = ["exercises", "checks", "wrong_answers"].map(|name| event[name].as_u64());
    assert_eq!(counted, [Some(2), Some(3), Some(3)]);
}

#[apply(engine_test)]
fn a_check_that_always_passes_is_found() {
    assert_unsound(
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
                "before the solution, after the exercises that it needs: check `greeting` passes before anything was done",
            ),
            (
                "greet",
                "reset",
                "check `greeting` passes before anything was done",
            ),
        ],
    );
}

#[apply(engine_test)]
fn a_wrong_answer_that_passes_is_found() {
    assert_unsound(
        &[(
            "command: [SET, greeting, hallo]",
            "command: [SET, greeting, hello]",
        )],
        &[("greet", "wrong", "wrong answer 1: every check passes")],
    );
}

#[apply(engine_test)]
fn a_wrong_answer_with_the_wrong_hint_is_found() {
    assert_unsound(
        &[("hint: gone", "hint: spelling")],
        &[(
            "greet",
            "wrong",
            "wrong answer 2: shows hint `gone` instead of `spelling`",
        )],
    );
}

#[apply(engine_test)]
fn a_wrong_answer_without_a_hint_is_found() {
    assert_unsound(
        &[("equals: hallo", "equals: hola")],
        &[(
            "greet",
            "wrong",
            "wrong answer 1: shows no hint instead of `spelling`; got `greeting` \"hallo\"",
        )],
    );
}

#[apply(engine_test)]
fn a_solution_that_does_not_solve_is_found() {
    let fails = "check `greeting` fails: expected \"hello\", got \"nothing\"";
    let in_a_row = format!("after all earlier solutions: {fails}");
    assert_unsound(
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

#[apply(engine_test)]
fn a_solution_that_only_works_once_is_found() {
    let fails = "check `greeting` fails: expected \"hello\", got \"hellohello\"";
    assert_unsound(
        &[(
            "solution:\n      - redis: { service: redis, command: [SET, greeting, hello] }",
            "solution:\n      - redis: { service: redis, command: [APPEND, greeting, hello] }",
        )],
        &[("greet", "solution_again", fails)],
    );
}

#[apply(engine_test)]
fn a_reset_that_does_not_undo_is_found() {
    let event = prove(&[("command: [FLUSHALL]", "command: [DEL, other]")], 1);
    let problems = event["problems"].as_array().unwrap();
    assert!(
        problems.contains(&json!({
            "exercise": "greet", "phase": "reset",
            "problem": "check `greeting` passes before anything was done"
        })),
        "{event}"
    );
}

#[apply(engine_test)]
fn a_guard_that_no_wrong_answer_breaks_is_found() {
    assert_unsound(
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

#[apply(engine_test)]
fn a_new_lab_in_an_empty_folder_proves_itself_in_both_languages() {
    // It gets the image, which the new lab uses too.
    let lab = EngineLab::tiny();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = format!("new-{}", lab.copy.id);
    let roadlab = |words: &str| {
        let words = words.replace("NAME", &name);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_roadlab"));
        command.args(words.split(' ')).current_dir(folder.path());
        for home in ["STATE", "CACHE", "DATA"] {
            command.env(format!("XDG_{home}_HOME"), folder.path().join(home));
        }
        command.env_remove("ROADLAB_LABS");
        ProgramOutput::of(&mut command)
    };
    roadlab("new NAME").expect_code(0);
    for lang in ["en", "ko"] {
        let proof = roadlab(&format!("test NAME --offline --json --lang {lang}")).expect_code(0);
        let proof = proof.json();
        assert_eq!(
            (&proof["sound"], &proof["exercises"]),
            (&true.into(), &2.into()),
            "{proof}"
        );
    }
}
