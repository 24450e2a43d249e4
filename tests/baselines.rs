//! What the checks saw when an exercise began: `unchanged`, hints and waiting, on the engine.

use serde_json::Value;

use crate::support::engine_lab::{EngineLab, images};

/// The tiny lab with `unchanged` in place of its guard, and a goal that is waited for.
fn lab() -> EngineLab {
    let lab = EngineLab::tiny();
    let change = |from: &str, to: &str| lab.copy.change("lab.yaml", from, to);
    change("        guard: true\n", "");
    let guard = "command: [GET, kept] }\n        expect: { equals: \"1\" }\n";
    change(guard, "command: [GET, kept] }\n        unchanged: true\n");
    change(
        "      - id: greeting\n",
        "      - id: greeting\n        within: 1s\n",
    );
    lab
}

fn redis(lab: &EngineLab, words: &str) {
    lab.run(&format!("shell LAB redis -- redis-cli {words}"), 0);
}

/// The outcomes and hints of the checks `greeting` and `kept`.
fn check(lab: &EngineLab, code: i32) -> [(String, Value); 2] {
    let checked = lab.run("check LAB greet --json", code).json();
    [0, 1].map(|at| {
        let check = &checked["exercises"][0]["checks"][at];
        let outcome = check["outcome"].as_str().expect("a check has an outcome");
        (outcome.to_owned(), check["hint"].clone())
    })
}

fn seen(outcome: &str, hint: Option<&str>) -> (String, Value) {
    (outcome.to_owned(), hint.map_or(Value::Null, Value::from))
}

#[apply(engine_test)]
fn an_exercise_is_compared_with_how_it_began() {
    let lab = lab();
    lab.run("up LAB", 0);
    // Nothing was changed: there is nothing to wait for and no hint.
    let fresh = lab.run("check LAB greet", 1);
    assert!(!fresh.stderr.contains("waiting"), "{}", fresh.stderr);
    assert_eq!(check(&lab, 1), [seen("fail", None), seen("pass", None)]);
    redis(&lab, "SET greeting hallo");
    let wrong = lab.run("check LAB greet", 1);
    assert!(wrong.stderr.contains("waiting"), "{}", wrong.stderr);
    let hint = Some("spelling");
    assert_eq!(check(&lab, 1), [seen("fail", hint), seen("pass", None)]);
    redis(&lab, "SET greeting hello");
    check(&lab, 0);
    redis(&lab, "DEL kept");
    let gone = [seen("pass", None), seen("fail", Some("gone"))];
    assert_eq!(check(&lab, 1), gone);
    // Neither a restart nor another `up` makes this the start.
    redis(&lab, "SAVE");
    lab.run("restart LAB", 0);
    lab.run("up LAB", 0);
    assert_eq!(check(&lab, 1), gone);
    lab.run("reset LAB", 0);
    redis(&lab, "SET greeting hello");
    check(&lab, 0);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn what_could_not_be_seen_at_the_beginning_is_compared_with_what_is_seen_first() {
    let lab = lab();
    lab.run("up LAB", 0);
    // As if the service had not answered when the exercise began.
    lab.change_baselines(|known| {
        let checks = known["exercises"]["greet"].as_object_mut();
        let removed = checks.expect("its checks").remove("kept");
        removed.expect("its baseline");
    });

    assert_eq!(check(&lab, 1), [seen("fail", None), seen("pass", None)]);
    redis(&lab, "SET greeting hello");
    check(&lab, 0);
    redis(&lab, "SET kept 2");
    assert_eq!(check(&lab, 1)[1].0, "fail");
    lab.run("down LAB", 0);
}

/// The lab with an exercise that builds on another, and must leave what that one made as it is.
fn lab_in_two_steps() -> EngineLab {
    let lab = EngineLab::copy_of("tests/labs/incident");
    images(&lab.copy);
    lab.copy
        .change("lab.yaml", "needs: [incident]", "needs: [first]");
    let goal = "command: [GET, after] }\n        expect: { equals: \"1\" }\n";
    let guard = "      - id: first-kept\n        redis: { service: a, command: [GET, first] }\n        unchanged: true\n";
    lab.copy.change("lab.yaml", goal, &format!("{goal}{guard}"));
    let task = "Set `after` to `1` on `a`.\n\n### Checks {.checks}\n\n";
    let about = "- `first-kept`: the key `first` is as it was\n";
    lab.copy
        .change("guide.en.md", task, &format!("{task}{about}"));
    lab
}

#[apply(engine_test)]
fn what_builds_on_an_unsolved_exercise_is_not_judged() {
    let lab = lab_in_two_steps();
    let redis = |words: &str| lab.run(&format!("shell LAB a -- redis-cli {words}"), 0);
    lab.run("up LAB", 0);
    redis("SET after 1");
    redis("SET first 9");
    for command in ["check LAB after", "check LAB"] {
        let early = lab.run(command, 1).stdout;
        let reason =
            "the exercise has not begun: solve first first, or let `roadlab reset LAB --to after` do it".replace("LAB", &lab.copy.id);
        assert!(early.contains(&reason), "{command}: {early}");
    }
    assert_eq!(lab.run("list --json", 0).json()[0]["done"], 0);

    // The check that lets it begin judges it as well: what is there then is what it has to leave alone.
    redis("SET first 1");
    let begun = lab.run("check LAB", 1).stdout;
    assert!(
        !begun.contains("has not begun: solve first first"),
        "{begun}"
    );
    lab.run("check LAB after", 0);
    redis("SET first 2");
    let broken = lab.run("check LAB after", 1).stdout;
    assert!(!broken.contains("has not begun"), "{broken}");

    lab.run("reset LAB", 0);
    lab.run("check LAB after", 1);
    lab.run("solve LAB after --yes", 0);
    lab.run("check LAB after", 0);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_reset_that_fails_is_named_until_one_succeeds() {
    let lab = EngineLab::tiny();
    // What the solution needs is not undone by a reset.
    let from = "solution:\n";
    let step = "redis: { service: redis, command: [ACL, GETUSER, learner] }\n        expect: { exists: true }\n";
    lab.copy
        .change("lab.yaml", from, &format!("{from}      - {step}"));
    lab.run("up LAB", 0);
    let warned = |arguments: &str, code: i32| {
        let output = lab.run(arguments, code).stderr;
        output.contains("the last reset of this lab did not finish")
    };
    assert!(!warned("check LAB greet", 1));
    lab.run("reset LAB --to when", 6);
    let output = lab.run("check LAB greet", 1).stderr;
    let again = format!("`roadlab reset {} --to when` does it again", lab.copy.id);
    assert!(output.contains(&again), "{output}");
    redis(&lab, "ACL SETUSER learner on");
    lab.run("reset LAB --to when", 0);
    assert!(!warned("check LAB greet", 0));
    lab.run("down LAB", 0);
}
