use crate::lab::testing::{COMPOSE, GUIDE, LAB, files, problems};

const NAME: &str =
    "use 1 to 40 lowercase letters, digits, `-` and `_`, beginning with a letter or digit";

#[track_caller]
fn check(lab: &str, expected: &[&str]) {
    let found = problems(&files(lab, COMPOSE, GUIDE));
    let found = found
        .iter()
        .map(|problem| problem.replace("labs/small/lab.yaml:", ""));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[track_caller]
fn replaced(from: &str, to: &str, expected: &[&str]) {
    assert!(LAB.contains(from), "{from}");
    check(&LAB.replacen(from, to, 1), expected);
}

/// The lab with a second exercise.
#[track_caller]
fn with_quiz(quiz: &str, expected: &[&str]) {
    check(&format!("{LAB}  - id: two\n    {quiz}\n"), expected);
}

#[test]
fn a_name_that_is_not_valid_is_a_problem_at_its_place() {
    replaced(
        "    checks:",
        "    needs: [Settings]\n    needs_service: [Grafana Server, redis]\n    checks:",
        &[
            &format!("5:13: invalid name `Settings`: {NAME}"),
            &format!("6:21: invalid name `Grafana Server`: {NAME}"),
        ],
    );
    replaced(
        "minutes: 5",
        "minutes: 5\nvars: { a-b: x }",
        &[
            "3:9: `a-b` cannot be the name of a variable (use letters, digits and `_`, and begin with a letter)",
        ],
    );
}

#[test]
fn a_misspelt_key_hides_no_exercise_behind_other_problems() {
    replaced(
        "exercises:",
        "exercices:",
        &["3:1: unknown key `exercices` in a lab (did you mean `exercises`?)"],
    );
    replaced(
        "    wrong: [",
        "    wrng: [",
        &["10:5: unknown key `wrng` in an exercise (did you mean `wrong`?)"],
    );
    with_quiz(
        "quizz: { choices: [a, b], answer: a }",
        &["12:5: unknown key `quizz` in an exercise (did you mean `quiz`?)"],
    );
}

#[test]
fn a_key_with_another_word_is_one_problem() {
    replaced(
        "wrong: [ { do:",
        "wrong: [ { steps:",
        &["10:16: unknown key `steps` in a wrong answer (missing here: `do`)"],
    );
    replaced(
        "  - id: one",
        "  - name: one",
        &["4:5: unknown key `name` in an exercise (missing here: `id`)"],
    );
}

#[test]
fn a_command_without_words_is_the_only_problem_of_a_check() {
    replaced(
        "command: [GET, a]",
        "command: []",
        &["7:43: `command` is empty"],
    );
}

#[test]
fn an_exercise_has_checks_a_solution_and_wrong_answers() {
    let help = "(`roadlab test` uses checks, solution and wrong answers to test a lab)";
    replaced(
        "solution: [ { redis: { service: redis, command: [SET, a, b] } } ]",
        "solution: []",
        &[&format!("4:5: an exercise needs a solution {help}")],
    );
    replaced(
        "wrong: [ { do: [ { redis: { service: redis, command: [SET, a, c] } } ] } ]",
        "wrong: []",
        &[&format!(
            "4:5: an exercise needs at least one wrong answer {help}"
        )],
    );
    replaced(
        "solution: [ { redis: { service: redis, command: [SET, a, b] } } ]",
        "solution: 5",
        &["9:15: `solution` must be a list, not `5`"],
    );
}

#[test]
fn the_check_of_an_answer_is_reported_at_its_place_unless_checks_have_problems() {
    let named = LAB.replace("a, c] } } ] } ]", "a, c] } } ], check: hold } ]");
    check(
        &named,
        &["10:84: no such check: `hold` (did you mean `holds`?)"],
    );
    check(
        &named.replacen("redis: {", "redsi: {", 1),
        &["7:9: unknown key `redsi` in a check (did you mean `redis`?)"],
    );
}

#[test]
fn a_side_that_cannot_be_read_is_not_missing_too() {
    let side = "redis: { service: redis, command: [GET, a] } }";
    let measure = format!(
        "    measure:\n      - id: m\n        sides:\n          - {{ idd: get, {side}\n          - {{ id: hash, {side}\n    checks:\n"
    );
    let ratio = "      - id: faster\n        measure: { id: m, slower: get, faster: hash }\n        expect: { at_least: 2 }\n    solution:";
    let lab = LAB.replace("    checks:\n", &measure);
    check(
        &lab.replace("    solution:", ratio),
        &["8:15: unknown key `idd` in a side of a measurement (did you mean `id`?)"],
    );
}

#[test]
fn choices_differ_and_are_at_least_two() {
    with_quiz(
        "quiz: { choices: [a, b, a], answer: a }",
        &["12:29: duplicate choice `a` (remove one of the two)"],
    );
    with_quiz(
        "quiz: { choices: [a], answer: a, hints: { b: x } }",
        &["12:11: a quiz needs at least two choices"],
    );
}

#[test]
fn a_format_in_quotes_is_named_as_such() {
    replaced(
        "minutes: 5",
        "minutes: 5\nformat: '1'",
        &[
            "3:9: format `1` of lab.yaml is unknown; this roadlab reads 1 (write the value itself, without quotes)",
        ],
    );
    replaced(
        "minutes: 5",
        "minutes: 5\nformat: '2'",
        &["3:9: format `2` of lab.yaml is unknown; this roadlab reads 1 (use a newer roadlab)"],
    );
}
