//! A mistyped name is refused with exit code 2 and a suggestion, before anything is done.

use crate::support::ProgramOutput;
use crate::support::offline::NO_ENGINE;
use crate::support::second_instance;

/// What is typed, and the suggested name.
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

#[apply(test)]
fn a_mistyped_name_gets_a_suggestion() {
    let copy = second_instance::tiny();
    let mut wrong = Vec::new();
    for (typed, expected) in CASES {
        let mut command = copy.roadlab(typed);
        let output = ProgramOutput::of(command.env("DOCKER_HOST", NO_ENGINE));
        let lines = output.stderr.lines();
        let suggestion = lines.filter_map(|line| {
            let line = line.trim();
            let message = line
                .strip_prefix("= did you mean ")
                .or(line.strip_prefix("tip: "))?;
            Some(
                message.contains(&format!("`{expected}`"))
                    || message.contains(&format!("'{expected}'")),
            )
        });
        if output.code != Some(2) || !suggestion.into_iter().any(|fits| fits) {
            wrong.push((typed, output));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[apply(test)]
fn unknown_references_in_lab_yaml_get_a_suggestion() {
    let copy = second_instance::tiny();
    copy.change(
        "lab.yaml",
        "        hint: spelling\n",
        "        hint: spelling\n        check: greetin\n",
    );
    let output = ProgramOutput::of(&mut copy.roadlab("validate --json")).expect_code(2);
    let problems = output.json()["problems"].take();
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

#[apply(test)]
fn down_suggests_nothing_for_an_unrelated_name() {
    let copy = second_instance::tiny();
    let mut command = copy.roadlab("down kafka");
    let output = ProgramOutput::of(command.env("DOCKER_HOST", NO_ENGINE)).expect_code(3);
    assert!(!output.stderr.contains("did you mean"), "{output:?}");
}
