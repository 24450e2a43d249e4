//! Whatever is mistyped, the nearest that there is is named, with exit code 2 and before anything is done.

mod support;

#[path = "support/second.rs"]
mod second;

use crate::second::home;
use crate::support::Ended;

/// What is typed, and the name that was meant.
const CASES: [(&str, &str); 29] = [
    // Labs.
    ("show tinny", "tiny"),
    ("up tinny", "tiny"),
    ("run tinny", "tiny"),
    ("check tinny", "tiny"),
    ("down tinny", "tiny"),
    ("status tinny", "tiny"),
    ("test tinny", "tiny"),
    ("images pull tinny", "tiny"),
    ("images export out.tar tinny", "tiny"),
    // Exercises.
    ("show tiny gret", "greet"),
    ("check tiny gret", "greet"),
    ("hint tiny gret", "greet"),
    ("solve tiny gret", "greet"),
    ("answer tiny wen pairs", "when"),
    ("reset tiny --to gret", "greet"),
    // Services.
    ("restart tiny reddis", "redis"),
    ("logs tiny reddis", "redis"),
    ("shell tiny reddis -- ls", "redis"),
    // Choices.
    ("answer tiny when pears", "pairs"),
    // Instances that are up.
    ("check tiny --instance secnd", "second"),
    ("reset tiny --instance secnd", "second"),
    ("logs tiny --instance secnd", "second"),
    // Commands, options, their values.
    ("valdate", "validate"),
    ("images improt x", "import"),
    ("engine staus", "status"),
    ("check tiny --juni x", "--junit"),
    ("list --colour never", "--color"),
    ("list --color nevr", "never"),
    ("completions zshh", "zsh"),
];

#[test]
fn a_mistyped_name_is_told_with_the_one_that_was_meant() {
    let copy = home();
    let mut wrong = Vec::new();
    for (typed, meant) in CASES {
        let mut command = copy.roadlab(typed);
        let ended = Ended::of(command.env("DOCKER_HOST", "unix:///nowhere/engine.sock"));
        let lines = ended.stderr.lines();
        let suggestion = lines.filter_map(|line| {
            let line = line.trim();
            let told = line
                .strip_prefix("= did you mean ")
                .or(line.strip_prefix("tip: "))?;
            Some(told.contains(&format!("`{meant}`")) || told.contains(&format!("'{meant}'")))
        });
        if ended.code != Some(2) || !suggestion.into_iter().any(|fits| fits) {
            wrong.push((typed, ended));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_check_that_a_wrong_answer_names_and_a_hint_that_a_guide_has_are_suggested_in_files() {
    let copy = home();
    copy.change(
        "lab.yaml",
        "        hint: spelling\n",
        "        hint: spelling\n        check: greetin\n",
    );
    let ended = Ended::of(&mut copy.roadlab("validate --json")).with(2);
    let problems = ended.json()["problems"].take();
    let found = problems.as_array().expect("a list").iter().any(|problem| {
        let help = problem["help"].as_str().unwrap_or_default();
        problem["what"]
            .as_str()
            .unwrap_or_default()
            .contains("greetin")
            && help.contains("`greeting`")
    });
    assert!(found, "{problems:#}");
}

#[test]
fn what_is_like_nothing_that_there_is_is_no_mistake_of_down() {
    let copy = home();
    let mut command = copy.roadlab("down kafka");
    let ended = Ended::of(command.env("DOCKER_HOST", "unix:///nowhere/engine.sock")).with(3);
    assert!(!ended.stderr.contains("did you mean"), "{ended:?}");
}
