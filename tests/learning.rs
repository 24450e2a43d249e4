//! What a learner reads: the closing text, hints without a name, words instead of matchers, commands with the instance.

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;
use crate::support::offline;
use crate::support::terminal::Terminal;

/// The tiny lab, whose first exercise has a closing text that names a command.
fn lab() -> EngineLab {
    let lab = EngineLab::tiny();
    lab.copy.change(
        "guide.en.md",
        "## What is it good at {#when}",
        "### What you have seen {.after}\n\nOne key, see `roadlab status {{ lab }}` and {{ redis.url }}.\n\n## What is it good at {#when}",
    );
    let korean =
        std::fs::read_to_string(lab.copy.path("labs").join(&lab.copy.id).join("guide.ko.md"));
    let korean = korean.expect("the lab has a Korean guide");
    let heading = korean.lines().find(|line| line.ends_with("{#when}"));
    let heading = heading.expect("the guide has this section");
    let closing = format!("### 알게 된 것 {{.after}}\n\n키 하나.\n\n{heading}");
    lab.copy.change("guide.ko.md", heading, &closing);
    lab
}

#[apply(engine_test)]
fn check_prints_the_closing_text_once_and_show_afterwards() {
    let lab = lab();
    let options = "--instance other";
    let command = format!("see `roadlab status {} {options}`", lab.copy.id);
    lab.run(&format!("up LAB {options}"), 0);
    let shown = |arguments: &str| {
        let ended = lab.run(&format!("{arguments} {options}"), 0);
        let title = ended.stdout.contains("What you have seen");
        assert_eq!(title, ended.stdout.contains(&command), "{ended:#?}");
        title
    };
    assert!(!shown("show LAB greet"));
    lab.run(
        &format!("shell LAB {options} -- redis-cli SET greeting hello"),
        0,
    );
    assert!(shown("check LAB greet"));
    assert!(!shown("check LAB greet"));
    assert!(shown("show LAB greet"));
    let json = lab
        .run(&format!("check LAB greet --json {options}"), 0)
        .json();
    let exercise = &json["exercises"][0];
    assert_eq!(exercise["newly_solved"], false, "{json}");
    let after = exercise["after"].as_str().expect("a text");
    assert!(after.contains(&command), "{after}");
    let json = lab
        .run(&format!("show LAB greet --json {options}"), 0)
        .json();
    assert_eq!(json["after"], after);
    lab.run(&format!("down LAB {options}"), 0);
}

#[apply(engine_test)]
fn a_failing_check_speaks_in_words_and_verbosely_in_matchers() {
    let lab = lab();
    lab.copy.change(
        "lab.yaml",
        "command: [GET, greeting] }\n        expect: { equals: hello }",
        "command: [MGET, greeting] }\n        expect: { path: \"$[0]\", at_least: 3 }",
    );
    lab.copy.change(
        "lab.yaml",
        "when: { equals: hallo }",
        "when: { path: \"$[0]\", equals: hallo }",
    );
    lab.run("up LAB", 0);
    let plain = lab.run("check LAB greet", 1).stdout;
    assert!(plain.contains("expected  at least 3"), "{plain}");
    assert!(plain.contains("actual    nothing"), "{plain}");
    assert!(!plain.contains("$[0]"), "{plain}");
    let verbose = lab.run("check LAB greet --verbose", 1).stdout;
    assert!(verbose.contains("$[0] at least 3"), "{verbose}");
    let json = lab.run("check LAB greet --json", 1).json();
    let check = &json["exercises"][0]["checks"][0];
    assert_eq!(check["words"]["expected"], "at least 3", "{check}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn hint_without_an_exercise_is_about_the_first_that_is_not_solved() {
    let lab = lab();
    let hint = lab.run("hint LAB", 0).stdout;
    assert!(hint.starts_with("greet  A greeting\n"), "{hint}");
    lab.run("up LAB", 0);
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    lab.run("check LAB greet", 0);
    let hint = lab.run("hint LAB", 0).stdout;
    assert!(hint.starts_with("when  What is it good at\n"), "{hint}");
    lab.run("answer LAB when 1", 0);
    let ended = lab.run("hint LAB", 2);
    assert!(ended.stderr.contains("is solved; name one"), "{ended:#?}");
    lab.run("down LAB", 0);
}

#[apply(test)]
fn hints_that_were_read_are_shown_again_without_the_next_one() {
    let copy = offline::tiny();
    let run = |words: &str| {
        let mut command = copy.roadlab(words);
        let output = ProgramOutput::of(command.env("DOCKER_HOST", offline::NO_ENGINE));
        output.expect_code(0)
    };
    let none = run("hint LAB greet --again").stdout;
    assert_eq!(none, "no hint of this exercise was shown yet\n");
    run("hint LAB greet");
    let second = run("hint LAB greet").stdout;
    let again = "\n`roadlab hint tiny greet --again` shows the hints before this one\n";
    assert!(second.ends_with(again), "{second}");
    run("answer LAB when pairs");
    for _ in 0..2 {
        let both = run("hint LAB greet --again").stdout;
        let expected = "Hint 1 of 2\nOne command is enough.\n\nHint 2 of 2\n";
        assert!(both.starts_with(expected), "{both}");
    }
    let json = run("hint LAB greet --again --json").json();
    assert_eq!(json["shown"][0], "One command is enough.");
    assert_eq!(json["number"], 2);
}

#[apply(engine_test)]
fn up_names_the_exercise_to_go_on_with() {
    let lab = lab();
    let id = &lab.copy.id;
    let next = |exercise: &str| {
        format!("\nnext: `roadlab show {id} {exercise}`, then `roadlab check {id} {exercise}`; or ")
    };
    let up = lab.run("up LAB", 0).stdout;
    assert!(up.contains(&next("greet")), "{up}");
    let last = format!("\nto remove it: `roadlab down {id}`\n");
    assert!(up.ends_with(&last), "{up}");
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    lab.run("check LAB greet", 0);
    let again = lab.run("up LAB", 0).stdout;
    assert!(again.contains(&next("when")), "{again}");
    lab.run("answer LAB when 1", 0);
    let solved = lab.run("up LAB", 0).stdout;
    let all = format!("\nevery exercise of {id} is solved");
    assert!(solved.contains(&all) && solved.ends_with(&last), "{solved}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn the_status_of_an_unknown_lab_is_an_error() {
    let lab = lab();
    let ended = lab.run("status nosuch", 2);
    assert!(ended.stderr.contains("no such lab: `nosuch`"), "{ended:#?}");
}

#[apply(engine_test)]
fn a_shell_that_a_restart_closes_prints_why_on_a_line_of_its_own() {
    let lab = lab();
    lab.run("up LAB", 0);
    let mut terminal = Terminal::open(100, 24, &lab.command(""));
    terminal.type_in(&format!("roadlab --labs labs shell {}\r", lab.copy.id));
    terminal.wait_for("127.0.0.1:6379>");
    lab.run("restart LAB --kill", 0);
    terminal.wait_for("\nthe shell was closed: `redis` was stopped or restarted\n");
    terminal.wait_for_prompt();
    lab.run("down LAB", 0);
}
