//! `roadlab dispute` writes what the checks saw, and `roadlab test --case` judges it without an engine.

use serde_json::Value;

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;

#[apply(engine_test)]
fn a_disputed_verdict_is_judged_without_an_engine() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    lab.run("shell LAB -- redis-cli SET greeting hallo", 0);
    let written = lab.run("dispute LAB greet --message mine", 0);
    let file = format!("roadlab-dispute-{}-greet.json", lab.copy.id);
    assert!(written.stdout.contains(&file), "{written:?}");
    let passes = "all checks of `greet` pass at the moment";
    assert!(!written.stdout.contains(passes), "{written:?}");
    let dispute: Value = {
        let text = std::fs::read_to_string(lab.copy.path(&file)).expect("the file is written");
        serde_json::from_str(&text).expect("JSON")
    };
    assert_eq!(dispute["passed"], false);
    assert_eq!(dispute["message"], "mine");
    assert_eq!(dispute["observations"][0]["value"]["value"], "hallo");
    assert!(dispute["images"]["redis"].is_string(), "{dispute}");
    // A second dispute leaves the first one alone.
    let second = lab.run("dispute LAB greet --json", 0).json();
    assert_eq!(
        second["file"],
        format!("roadlab-dispute-{}-greet-2.json", lab.copy.id)
    );
    // An answer that passes can be disputed too.
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    let third = lab.run("dispute LAB greet", 0).stdout;
    assert!(
        third.contains("-greet-3.json") && third.contains(passes),
        "{third}"
    );
    lab.run("down LAB", 0);
    let case = |code: i32| {
        let mut command = lab.copy.roadlab(&format!("test LAB --case {file} --json"));
        command.env("DOCKER_HOST", "unix:///nowhere/engine.sock");
        ProgramOutput::of(&mut command).expect_code(code).json()
    };
    let judged = case(1);
    let first = &judged["checks"][0];
    assert_eq!(
        (&first["check"], &first["outcome"], &first["hint"]),
        (&"greeting".into(), &"fail".into(), &"spelling".into())
    );
    assert!(
        judged["trial"]
            .as_str()
            .is_some_and(|entry| entry.contains("right:\n    - name: \"mine\"")),
        "{judged}"
    );
    lab.copy.change(
        "lab.yaml",
        "expect: { equals: hello }",
        "expect: { one_of: [hello, hallo] }",
    );
    let judged = case(0);
    assert_eq!(judged["checks"][0]["then"], "fail");
    assert_eq!(
        (&judged["passed"], &judged["then_passed"]),
        (&true.into(), &false.into())
    );
}

#[apply(engine_test)]
fn a_quiz_has_nothing_to_dispute() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let refused = lab.run("dispute LAB when", 2);
    assert!(refused.stderr.contains("is a quiz"), "{refused:?}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_dispute_separates_an_own_answer_from_a_played_solution() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let played = || {
        let file = lab.run("dispute LAB greet --json", 0).json()["file"].take();
        let file = lab.copy.path(file.as_str().expect("it is named"));
        let text = std::fs::read_to_string(file).expect("the file is written");
        let dispute: Value = serde_json::from_str(&text).expect("JSON");
        dispute["solution_played"] == true
    };
    lab.run("shell LAB -- redis-cli SET greeting hallo", 0);
    assert!(!played());
    lab.run("solve LAB greet", 0);
    assert!(played());
    lab.run("shell LAB -- redis-cli SET greeting hallo", 0);
    assert!(!played(), "another answer came after it");
    lab.run("reset LAB --to when", 0);
    assert!(played());
    lab.run("reset LAB --to greet", 0);
    assert!(!played());
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    assert!(!played());
    lab.run("down LAB", 0);
}
