//! `roadlab test`: a sound lab passes; each defect of a lab is reported with its exercise and phase.

use serde_json::{Value, json};

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;
use crate::support::schema::Schema;

/// Tests the tiny lab with these texts of `lab.yaml` replaced; returns the last event.
#[track_caller]
fn prove(changes: &[(&str, &str)], code: i32) -> Value {
    let lab = EngineLab::tiny();
    for (from, to) in changes {
        lab.copy.change("lab.yaml", from, to);
    }
    let output = lab.run("test LAB --json", code);
    assert_valid_lines(&output);
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
    assert_eq!(found(&prove(changes, 1), "problems"), problems);
}

/// Returns the findings of a proof: exercise, phase and text.
fn found<'a>(event: &'a Value, list: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let problems = event[list].as_array().expect("a list").iter();
    let text = |problem: &'a Value, key: &str| problem[key].as_str().expect("a text");
    problems
        .map(|problem| {
            let [exercise, phase, text] =
                ["exercise", "phase", "problem"].map(|key| text(problem, key));
            (exercise, phase, text)
        })
        .collect()
}

/// Asserts that every line is valid by `roadlab schema events`.
#[track_caller]
fn assert_valid_lines(output: &ProgramOutput) {
    Schema::new(roadlab::event::schema()).assert_valid_lines(&output.stdout);
}

#[apply(engine_test)]
fn a_sound_lab_proves_itself() {
    let event = prove(&[], 0);
    assert_eq!(event["problems"], json!([]));
    assert_eq!(event["not_run"], json!([]));
    let counted = ["exercises", "checks", "wrong_answers"].map(|name| event[name].as_u64());
    assert_eq!(counted, [Some(2), Some(3), Some(4)]);
    let counted = [
        "right_answers",
        "left_out",
        "weakened",
        "permissive",
        "played",
    ];
    let counted = counted.map(|name| event[name].as_u64());
    assert_eq!(counted, [Some(0), Some(0), Some(2), Some(0), Some(4)]);
    let few = "right answers beside the solution: 0; at least 2 are recommended, so that the checks are seen to accept other ways: add some to `right` in `lab.yaml` or `trial.yaml`";
    assert_eq!(found(&event, "notes"), [("greet", "right", few)]);
}

#[apply(engine_test)]
fn a_wrong_answer_whose_first_failing_check_has_no_hint_is_a_note() {
    let event = prove(
        &[("          - { when: { equals: \"2\" }, say: gone }\n", "")],
        0,
    );
    let no_hint = "check `kept` is the first that fails after wrong answer 3, and none of its hints fits: add one";
    assert!(
        found(&event, "notes").contains(&("greet", "wrong", no_hint)),
        "{event}"
    );
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
            (
                "greet",
                "solution",
                "before the solution, after the exercises that it needs: check `greeting` passes before anything was done",
            ),
            ("greet", "wrong", "wrong answer 1: every check passes"),
            (
                "greet",
                "decides",
                "no wrong answer fails by check `greeting` alone, so it proves nothing: add one, or say in `why` why there is none",
            ),
            (
                "greet",
                "weakened",
                &could_be("greeting", "anything", "no value"),
            ),
            (
                "greet",
                "weakened",
                &could_be("greeting", "anything", "any value"),
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
        &[
            ("greet", "wrong", "wrong answer 1: every check passes"),
            (
                "greet",
                "weakened",
                &could_be("greeting", "any value", "\"hello\""),
            ),
        ],
    );
}

#[apply(engine_test)]
fn a_wrong_answer_with_the_wrong_hint_is_found() {
    assert_unsound(
        &[("hint: gone", "hint: spelling")],
        &[(
            "greet",
            "wrong",
            "wrong answer 2: shows hint `gone` instead of `spelling`; got `kept` null",
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
    let passes = "check `greeting` passes before anything was done";
    let problems = found(&event, "problems");
    assert!(problems.contains(&("greet", "reset", passes)), "{event}");
}

#[apply(engine_test)]
fn a_guard_that_no_wrong_answer_breaks_is_found() {
    assert_unsound(
        &[
            ("[DEL, kept]", "[DEL, greeting]"),
            ("hint: gone", "check: greeting"),
            ("[SET, kept, \"2\"]", "[DEL, greeting]"),
            ("check: kept", "check: greeting"),
            (
                "- { when: { absent: true }, say: gone }",
                "- { when: { absent: true }, say: gone }\n          - { when: { equals: \"2\" }, say: gone }",
            ),
        ],
        &[
            (
                "greet",
                "decides",
                "no wrong answer breaks the guard `kept`: add one, or say in `why` why there is none",
            ),
            ("greet", "weakened", &could_be("kept", "any value", "\"1\"")),
        ],
    );
}

/// The finding that a check could be weaker.
fn could_be(check: &str, weaker: &str, rule: &str) -> String {
    format!(
        "check `{check}` could expect {weaker} instead of {rule}, and no wrong answer would notice: add one that does, or say in `why` why there is none"
    )
}

const SOLUTION: &str =
    "solution:\n      - redis: { service: redis, command: [SET, greeting, hello] }\n";

#[apply(engine_test)]
fn a_step_of_the_solution_that_no_check_notices_is_found() {
    let unchecked =
        format!("{SOLUTION}      - redis: {{ service: redis, command: [SET, polite, yes] }}\n");
    let passes = "the solution without step 2, `redis SET polite yes`: every check passes: a check is missing, or the step is `optional: true`";
    assert_unsound(&[(SOLUTION, &unchecked)], &[("greet", "left_out", passes)]);
    let optional = unchecked.replace("polite, yes] }", "polite, yes] }\n        optional: true");
    let event = prove(&[(SOLUTION, &optional)], 0);
    assert_eq!(event["left_out"], 1);
}

#[apply(engine_test)]
fn another_right_answer_that_is_refused_is_found() {
    let right = format!(
        "{SOLUTION}    right:\n      - name: in capitals\n        do: [ {{ redis: {{ service: redis, command: [SET, greeting, HELLO] }} }} ]\n"
    );
    let refused =
        "right answer `in capitals`: check `greeting` fails: expected \"hello\", got \"HELLO\"";
    assert_unsound(&[(SOLUTION, &right)], &[("greet", "right", refused)]);
}

#[apply(engine_test)]
fn a_check_that_proves_nothing_is_found() {
    let check = "      - id: kept\n";
    let there = "      - id: there\n        redis: { service: redis, command: [GET, greeting] }\n        expect: { exists: true }\n";
    let proves_nothing = "no wrong answer fails by check `there` alone, so it proves nothing: add one, or say in `why` why there is none";
    let lab = EngineLab::tiny();
    lab.copy
        .change("lab.yaml", check, &format!("{there}{check}"));
    for guide in ["guide.en.md", "guide.ko.md"] {
        lab.copy
            .change(guide, "- `kept`:", "- `there`: it is there\n- `kept`:");
    }
    let event = lab.run("test LAB --json", 1).json();
    assert_eq!(
        found(&event, "problems"),
        [("greet", "decides", proves_nothing)]
    );
    assert_eq!(event["problems"][0]["check"], "there");
    assert!(event["problems"][0]["line"].as_u64() > Some(1), "{event}");
    let why = there.replace("expect:", "why: it is shown to learners\n        expect:");
    lab.copy.change("lab.yaml", there, &why);
    lab.run("test LAB", 0);
}

#[apply(engine_test)]
fn a_matcher_that_could_be_weaker_is_found() {
    assert_unsound(
        &[
            ("[SET, greeting, hallo]", "[SET, other, hallo]"),
            ("hint: spelling", "check: greeting"),
        ],
        &[(
            "greet",
            "weakened",
            &could_be("greeting", "any value", "\"hello\""),
        )],
    );
}

#[apply(engine_test)]
fn a_step_that_fails_is_a_problem_of_its_exercise_and_the_rest_goes_on() {
    let lab = EngineLab::tiny();
    lab.copy.change(
        "lab.yaml",
        "command: [SET, greeting, hallo]",
        "command: [STE, greeting, hallo]",
    );
    let junit = lab.copy.path("proof.xml");
    let event = lab
        .run(&format!("test LAB --json --junit {}", junit.display()), 1)
        .json();
    let [(exercise, phase, problem)] = found(&event, "problems")[..] else {
        panic!("{event}");
    };
    assert_eq!((exercise, phase), ("greet", "wrong"));
    assert!(
        problem.starts_with("wrong answer 1: `redis STE greeting hallo`: "),
        "{problem}"
    );
    assert_eq!(event["wrong_answers"], 3, "the other answers were played");
    let xml = std::fs::read_to_string(junit).expect("the report is written");
    assert!(xml.contains("STE greeting hallo"), "{xml}");
}

#[apply(engine_test)]
fn answers_of_the_trial_are_played() {
    let lab = EngineLab::tiny();
    let trial = "greet:
  right:
    - name: typed
      do: [ { client: { service: redis, input: \"SET greeting hello\\n\" } } ]
    - name: appended
      do: [ { redis: { service: redis, command: [APPEND, greeting, hello] } } ]
  wrong:
    - name: with a time to live
      do: [ { redis: { service: redis, command: [SET, greeting, hello, EX, \"100\"] } } ]
      indistinguishable: the check does not read it
";
    std::fs::write(trial_file(&lab), trial).expect("a file");
    let event = lab.run("test LAB --json --strict", 0).json();
    assert_eq!(
        (&event["right_answers"], &event["wrong_answers"]),
        (&2.into(), &5.into())
    );
    let same = json!([{
        "exercise": "greet",
        "answer": "wrong answer `with a time to live`",
        "reason": "the check does not read it",
    }]);
    assert_eq!(event["indistinguishable"], same);
    let refused = trial.replace("hello, EX, \"100\"]", "hullo]");
    std::fs::write(trial_file(&lab), refused).expect("a file");
    let event = lab.run("test LAB --json --only greet", 1).json();
    let can_go =
        "wrong answer `with a time to live`: check `greeting` fails, so `indistinguishable` can go";
    assert_eq!(found(&event, "problems"), [("greet", "wrong", can_go)]);
    std::fs::write(trial_file(&lab), "gret: {}\n").expect("a file");
    let refused = lab.run("test LAB", 2);
    assert!(
        refused.stderr.contains("no such exercise: `gret`"),
        "{refused:?}"
    );
    lab.run("validate labs", 2);
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
        let proof = format!("test NAME --strict --offline --json --lang {lang}");
        let proof = roadlab(&proof).expect_code(0);
        let proof = proof.json();
        assert_eq!(
            (&proof["sound"], &proof["exercises"]),
            (&true.into(), &2.into()),
            "{proof}"
        );
    }
}

/// Adds more exercises like its first one to the tiny lab.
fn add_exercises_like_the_first(lab: &EngineLab, more: &[&str]) {
    for (file, first, next) in [
        ("lab.yaml", "  - id: greet\n", "  - id: when\n"),
        (
            "guide.en.md",
            "## A greeting {#greet}",
            "## What is it good at",
        ),
        ("guide.ko.md", "{#greet}", "{#when}"),
    ] {
        let path = lab.copy.path("labs").join(&lab.copy.id).join(file);
        let text = std::fs::read_to_string(path).expect("a file of the lab");
        // From the beginning of the line.
        let start = |of: &str| {
            let at = text.find(of).expect("the exercise is in the file");
            text[..at].rfind('\n').map_or(0, |line| line + 1)
        };
        let exercise = &text[start(first)..start(next)];
        let copies = more.iter().map(|name| {
            exercise
                .replace("greet\n", &format!("{name}\n"))
                .replace("#greet", &format!("#{name}"))
        });
        let all = format!("{exercise}{}", copies.collect::<String>());
        lab.copy.change(file, exercise, &all);
    }
}

/// Returns the last event without its times, which differ.
fn without_times(mut event: Value) -> Value {
    let fields = event.as_object_mut().expect("an object");
    fields.retain(|name, _| !name.ends_with("millis"));
    event
}

#[apply(engine_test)]
fn several_instances_find_the_same_as_one() {
    let names = ["again", "and-again", "once-more", "at-last"];
    let lab = EngineLab::tiny();
    // A problem of each exercise.
    lab.copy.change("lab.yaml", "hint: gone", "hint: spelling");
    add_exercises_like_the_first(&lab, &names);
    let mut results = Vec::new();
    // Without known times the parts are long enough for three instances.
    for (jobs, instances) in [("3", 3), ("1", 1)] {
        let junit = lab.copy.path(&format!("proof-{jobs}.xml"));
        let command = format!("test LAB --json --jobs {jobs} --junit {}", junit.display());
        let output = lab.run(&command, 1);
        assert_valid_lines(&output);
        let lines = output.stdout.lines();
        let events: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let of = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
        let used: std::collections::BTreeSet<&str> = events
            .iter()
            .filter_map(|event| event["instance"].as_str())
            .collect();
        assert_eq!(used.len(), instances, "{used:?}");
        // The steps of an answer belong to its exercise, also if those of another instance stand between them.
        for event in of("step").chain(of("playing")) {
            assert_eq!(event["lab"], lab.copy.id, "{event}");
            assert!(event["instance"].is_string(), "{event}");
        }
        let numbers: Vec<Option<u64>> = of("playing")
            .map(|event| event["number"].as_u64())
            .collect();
        let all = 1..=numbers.len() as u64;
        assert_eq!(numbers, all.map(Some).collect::<Vec<_>>());
        let tested: Vec<&str> = of("part_tested")
            .filter_map(|event| event["exercise"].as_str())
            .collect();
        assert_eq!(tested.len(), 2 + names.len(), "{tested:?}");
        let xml = std::fs::read_to_string(junit).expect("a report");
        let result = without_times(output.json());
        assert_eq!(found(&result, "problems").len(), 1 + names.len());
        results.push((result, xml));
        assert_eq!(lab.resources(), [""; 0]);
    }
    assert_eq!(results[0], results[1]);
}

#[apply(engine_test)]
fn what_has_no_time_is_named_and_no_problem() {
    let lab = EngineLab::tiny();
    add_exercises_like_the_first(&lab, &["again"]);
    let event = lab.run("test LAB --json --within 1s", 0).json();
    assert_eq!(event["out_of_time"], json!(["greet", "again", "when"]));
    assert_eq!(
        (&event["exercises"], &event["sound"]),
        (&json!(0), &json!(true))
    );
    let output = lab.run("test LAB --within 1s", 0);
    let line = "  not run, since the time was over: greet, again, when\n";
    assert!(output.stdout.contains(line), "{output:?}");
    let event = lab.run("test LAB --json --within 1h", 0).json();
    assert_eq!(
        (&event["out_of_time"], &event["exercises"]),
        (&json!([]), &json!(3))
    );
}

#[apply(engine_test)]
fn a_lab_that_does_not_start_leaves_the_others_alone() {
    let broken = EngineLab::tiny_with("    command: [sh, -c, exit 1]\n");
    let folder = broken.copy.path("labs");
    let sound = format!("{}-b", broken.copy.id);
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(folder.join(&broken.copy.id))
        .arg(folder.join(&sound))
        .status();
    assert!(copied.expect("cp runs").success());
    let compose = folder.join(&sound).join("compose.yaml");
    let text = std::fs::read_to_string(&compose).expect("a file");
    std::fs::write(
        &compose,
        text.replace("    command: [sh, -c, exit 1]\n", ""),
    )
    .expect("a file");
    let output = broken.run(&format!("test LAB {sound} --json --jobs 2"), 5);
    let event = output.json();
    assert_eq!(
        (&event["event"], &event["lab"], &event["sound"]),
        (&json!("tested"), &json!(sound), &json!(true))
    );
}

fn trial_file(lab: &EngineLab) -> std::path::PathBuf {
    lab.copy.path("labs").join(&lab.copy.id).join("trial.yaml")
}
