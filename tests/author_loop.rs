//! `roadlab author`: what is saved is tested on a lab that stays up; a mistake leaves it as it was; Ctrl-C removes it. And single
//! exercises and answers of `roadlab test`.

use rustix::process::Signal;

use crate::support::engine_lab::EngineLab;
use crate::support::process::RunningProgram;

#[apply(engine_test)]
fn an_author_sees_what_the_checks_make_of_what_is_saved() {
    let lab = EngineLab::tiny();
    let mut author = RunningProgram::start(&lab, "author LAB");
    author.wait_for_line("is up after");
    author.wait_for_line("waiting for a change");
    let before = lab.container();

    // A hint that the value never chooses: the raw value and each field are shown, with the line of the answer.
    lab.copy.change(
        "lab.yaml",
        "when: { equals: hallo }",
        "when: { equals: hullo }",
    );
    author.wait_for_line("lab.yaml: greet");
    author.wait_for_line("wrong answer 1: refused");
    author.wait_for_line("shows no hint instead of `spelling`");
    author.wait_for_line("greeting  \"hallo\"");
    author.wait_for_line("\"hello\": no · hint `spelling` when \"hullo\": no");
    author.wait_for_line("greet has 1 problem");
    author.wait_for_line("waiting for a change");

    // A mistake is shown with its line, and the lab stays up.
    lab.copy.change(
        "lab.yaml",
        "command: [GET, greeting]",
        "comand: [GET, greeting]",
    );
    author.wait_for_line("lab.yaml:");
    author.wait_for_line("the lab stays as it was");
    assert_eq!(lab.container(), before);

    lab.copy.change(
        "lab.yaml",
        "comand: [GET, greeting]",
        "command: [GET, greeting]",
    );
    author.wait_for_line("lab.yaml: no exercise changed");
    lab.copy.change(
        "lab.yaml",
        "when: { equals: hullo }",
        "when: { equals: hallo }",
    );
    // Only the hint changed, so nothing is played again.
    author.wait_for_line("greet passes its test: 4 answers, 4 of them not played again,");
    author.wait_for_line("waiting for a change");

    // A changed answer is played.
    lab.copy.change(
        "lab.yaml",
        "[SET, greeting, hallo]",
        "[SET, greeting, hullo]",
    );
    author.wait_for_line("greeting  \"hullo\"");
    author.wait_for_line("greet has 1 problem: 4 answers, 3 of them not played again,");
    author.wait_for_line("waiting for a change");
    lab.copy.change(
        "lab.yaml",
        "[SET, greeting, hullo]",
        "[SET, greeting, hallo]",
    );
    author.wait_for_line("greet passes its test: 4 answers, 4 of them not played again,");
    author.wait_for_line("waiting for a change");

    // The answers of trial.yaml come after a verdict by those of lab.yaml, if the checks changed.
    let trial = lab.copy.path("labs").join(&lab.copy.id).join("trial.yaml");
    let answer = "greet:\n  wrong:\n    - name: shouted\n      do: [ { redis: { service: redis, command: [SET, greeting, HELLO] } } ]\n";
    std::fs::write(&trial, answer).expect("a file");
    author.wait_for_line("greet passes its test: 5 answers, 4 of them not played again,");
    author.wait_for_line("waiting for a change");
    lab.copy.change(
        "lab.yaml",
        "command: [GET, greeting]",
        "command: [get, greeting]",
    );
    author.wait_for_line(
        "greet has no problem so far: 4 answers of `lab.yaml`, with 1 of `trial.yaml` to follow,",
    );
    author.wait_for_line("wrong answer `shouted`: refused");
    author.wait_for_line("greet passes its test: 5 answers, 4 of them not played again,");
    author.wait_for_line("waiting for a change");

    // A changed service is applied, and every exercise is played.
    let line = crate::support::engine_lab::SERVICE;
    lab.copy.change(
        "compose.yaml",
        line,
        &format!("{line}    environment: {{ A: b }}\n"),
    );
    author.wait_for_line("is up after");
    author.wait_for_line(
        "greet has no problem so far: 4 answers of `lab.yaml`, with 1 of `trial.yaml` to follow,",
    );
    author.wait_for_line("greet passes its test: 5 answers, 4 of them not played again,");
    author.wait_for_line("waiting for a change");
    assert_ne!(lab.container(), before);

    author.send_signal(Signal::INT);
    let (status, _) = author.finish();
    assert_eq!(status.code(), Some(130));
    lab.wait_until_removed();
}

#[apply(engine_test)]
fn one_exercise_and_one_answer_are_tested_alone() {
    let lab = EngineLab::tiny();
    let tested = lab.run("test LAB greet --json", 0).json();
    assert_eq!(
        (&tested["exercises"], &tested["sound"]),
        (&1.into(), &true.into())
    );
    let shown = lab.run("test LAB greet --answer 1", 0);
    assert!(
        shown
            .stdout
            .contains("✓ wrong answer 1: refused, hint `spelling`"),
        "{shown:?}"
    );
    assert!(shown.stdout.contains("✗ greeting  \"hallo\""), "{shown:?}");
    let solution = lab.run("test LAB greet --answer solution --json", 0);
    let lines = solution.stdout.lines();
    let observed = lines.filter(|line| line.contains("\"event\":\"observed\""));
    let observed: Vec<&str> = observed.collect();
    assert_eq!(observed.len(), 1, "{solution:?}");
    let solution: serde_json::Value = serde_json::from_str(observed[0]).expect("JSON");
    assert_eq!(
        (&solution["event"], &solution["passed"]),
        (&"observed".into(), &true.into())
    );
    assert_eq!(solution["checks"][0]["saw"], "hello");
    let unknown = lab.run("test LAB greet --answer solutoin", 2);
    assert!(
        unknown.stderr.contains("did you mean `solution`?"),
        "{unknown:?}"
    );
    let without = lab.run("test LAB --answer 1", 2);
    assert!(
        without.stderr.contains("one lab and one exercise"),
        "{without:?}"
    );
    assert_eq!(lab.resources(), [""; 0]);
}
