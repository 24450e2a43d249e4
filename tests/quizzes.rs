//! Quizzes: in a session, in a pipe, and by `roadlab answer`.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::engine_lab::EngineLab;
use crate::support::terminal::Terminal;

/// A quiz of a lab of this repository, as its files have it.
struct Quiz {
    lab: String,
    id: String,
    choices: Vec<String>,
    answer: String,
    /// The entry in lab.yaml, and the section of the guide of each language.
    entry: String,
    sections: Vec<String>,
}

const LANGUAGES: [&str; 2] = ["en", "ko"];

/// Returns the quizzes of all labs of this repository.
fn quizzes() -> Vec<Quiz> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs");
    let labs = std::fs::read_dir(root).expect("there are labs").flatten();
    let mut labs: Vec<_> = labs.filter(|entry| entry.path().is_dir()).collect();
    labs.sort_by_key(|entry| entry.file_name());
    labs.iter()
        .flat_map(|entry| quizzes_of(&entry.path()))
        .collect()
}

fn quizzes_of(lab: &Path) -> Vec<Quiz> {
    let read = |file: &str| std::fs::read_to_string(lab.join(file)).expect("a file of the lab");
    let yaml = read("lab.yaml");
    let guides = LANGUAGES.map(|language| read(&format!("guide.{language}.md")));
    let name = lab
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let entries = yaml.split("\n  - id: ").skip(1);
    let quizzes = entries.filter(|entry| entry.contains("\n    quiz:\n"));
    let quizzes = quizzes.map(|entry| {
        let id = entry.lines().next().expect("an id").trim().to_owned();
        let value = |key: &str| {
            let line = entry.lines().find_map(|line| line.trim().strip_prefix(key));
            line.expect("a quiz has this key").trim().to_owned()
        };
        let choices = value("choices:");
        let choices = choices.trim_matches(['[', ']']).split(", ");
        let (_, quiz) = entry.split_once("\n    quiz:").expect("it is a quiz");
        let heading = format!("{{#{id}}}");
        let sections = guides.iter().map(|guide| {
            let mut sections = guide.split("\n## ").skip(1);
            let section = sections.find(|section| {
                let first = section.lines().next();
                first.is_some_and(|first| first.ends_with(&heading))
            });
            let section = section.expect("a section for the quiz");
            let section = section.replace(&heading, &format!("{{#{name}-{id}}}"));
            let section = without_measurements(&section);
            format!("\n## {}\n", without_addresses(&section))
        });
        Quiz {
            choices: choices.map(str::to_owned).collect(),
            answer: value("answer:"),
            // Without what it measures: the lab of the test does not have these services.
            entry: format!("\n  - id: {name}-{id}\n    quiz:{}\n", quiz.trim_end()),
            sections: sections.collect(),
            lab: name.clone(),
            id,
        }
    });
    let found: Vec<Quiz> = quizzes.collect();
    assert_eq!(found.len(), yaml.matches("\n    quiz:").count(), "{name}");
    found
}

/// Returns a section without the part below `{.measure}`.
fn without_measurements(section: &str) -> String {
    let parts = section.split("\n### ");
    let parts = parts.filter(|part| {
        let heading = part.lines().next();
        !heading.is_some_and(|heading| heading.ends_with("{.measure}"))
    });
    parts.collect::<Vec<_>>().join("\n### ")
}

/// Replaces names such as `{{ orders.url }}`, whose services the lab of the test does not have.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("{{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "name" + part.split_once("}}").map_or("", |(_, rest)| rest)
    })
}

/// A lab with every quiz of all labs of this repository, and no other exercise.
fn lab_of(quizzes: &[Quiz]) -> EngineLab {
    let lab = EngineLab::copy_of("tests/labs/tiny");
    let folder = lab.copy.path("labs").join(&lab.copy.id);
    let yaml = std::fs::read_to_string(folder.join("lab.yaml")).expect("the lab has one");
    let (start, _) = yaml
        .split_once("exercises:")
        .expect("the lab has exercises");
    let entries: String = quizzes.iter().map(|quiz| quiz.entry.as_str()).collect();
    let write = |file: &str, text: String| std::fs::write(folder.join(file), text).expect("a copy");
    write("lab.yaml", format!("{start}exercises:{entries}"));
    for (at, language) in LANGUAGES.iter().enumerate() {
        let sections: String = quizzes
            .iter()
            .map(|quiz| quiz.sections[at].as_str())
            .collect();
        let text = format!("# Quizzes\n\nAll of them.\n{sections}");
        write(&format!("guide.{language}.md"), text);
    }
    lab
}

/// Answers every quiz wrongly and then rightly, by its number.
fn answer_all_in_a_session(lang: &str, is_correct: &str, is_wrong: &str, solved: &str) {
    let quizzes = quizzes();
    assert!(!quizzes.is_empty());
    let lab = lab_of(&quizzes);
    let mut command = lab.command("");
    command.env("ROADLAB_LANG", lang);
    let mut terminal = Terminal::open(80, 24, &command);
    terminal.type_in(&format!(
        "roadlab --labs labs --offline run {} --down\r",
        lab.copy.id
    ));
    let count = quizzes.len();
    for (at, quiz) in quizzes.iter().enumerate() {
        let heading = format!("── {}/{count} ", at + 1);
        terminal.wait_for(&heading);
        let right = quiz
            .choices
            .iter()
            .position(|choice| *choice == quiz.answer);
        let right = right.expect("the right choice is among the choices");
        let wrong = (0..quiz.choices.len()).filter(|choice| *choice != right);
        for choice in wrong.chain([right]) {
            let name = &quiz.choices[choice];
            terminal.type_in(&(choice + 1).to_string());
            let sentence = if choice == right {
                is_correct
            } else {
                is_wrong
            };
            let sentence = sentence.replace("CHOICE", name);
            let what = format!("{} {}: {sentence}", quiz.lab, quiz.id);
            terminal.wait(&what, |screen| screen.contains(&sentence));
        }
        terminal.wait("solved", |screen| {
            screen.contains(&heading) && screen.contains(&format!("─ {solved} ─"))
        });
        terminal.type_in("n");
    }
    terminal.wait_for_prompt();
    let results = lab.run("list --json", 0).json();
    assert_eq!(results[0]["done"], count, "{results}");
}

#[apply(engine_test)]
fn every_quiz_of_every_lab_is_answered_by_number_in_a_session() {
    answer_all_in_a_session("en", "CHOICE is correct", "CHOICE is not correct", "solved");
}

#[apply(engine_test)]
fn every_quiz_of_every_lab_is_answered_in_a_korean_session() {
    answer_all_in_a_session(
        "ko",
        "정답입니다: CHOICE",
        "정답이 아닙니다: CHOICE",
        "해결",
    );
}

#[apply(engine_test)]
fn a_list_by_number_takes_enter_or_the_second_digit() {
    let quizzes = quizzes();
    assert!(quizzes.len() > 9, "a number may have two digits");
    let lab = lab_of(&quizzes);
    let mut terminal = Terminal::open(80, 24, &lab.command(""));
    terminal.type_in(&format!(
        "roadlab --labs labs --offline run {} --down\r",
        lab.copy.id
    ));
    terminal.wait_for("── 1/");
    terminal.type_in("l5");
    terminal.wait_for("Go to exercise: 5");
    terminal.type_in("\r");
    terminal.wait_for("── 5/");
    // With and without Enter, the second digit leads to the same exercise.
    terminal.type_in("l10\rp");
    terminal.wait_for("── 9/");
    // From another one, so that the heading is a new one.
    terminal.type_in("l5\r");
    terminal.wait_for("── 5/");
    terminal.type_in("l10p");
    terminal.wait_for("── 9/");
    terminal.type_in("q");
    terminal.wait_for("removed 1 container");
}

#[apply(engine_test)]
fn a_quiz_over_a_pipe_takes_numbers_and_names_and_names_what_is_neither() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    lab.run("solve LAB greet", 0);
    let mut session = lab.command("run LAB");
    let mut session = session.stdin(Stdio::piped()).spawn().expect("runs");
    let mut input = session.stdin.take().expect("a pipe");
    input.write_all(b"trust\n2\npairs\n").expect("it reads");
    drop(input);
    let output = session.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "[1-2] answer",
        "`trust` is not a choice",
        "scans is not correct",
        "pairs is correct",
        "solved 1 of 2",
    ] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn show_check_and_hint_of_a_quiz_name_the_command_that_answers_it() {
    let lab = EngineLab::tiny();
    let options = "--instance other";
    let command = format!(
        "answer with `roadlab answer {} {options} when CHOICE`",
        lab.copy.id
    );
    lab.run(&format!("up LAB {options}"), 0);
    for (arguments, code) in [
        ("show LAB when", 0),
        ("check LAB when", 1),
        ("hint LAB when", 0),
    ] {
        let ended = lab.run(&format!("{arguments} {options}"), code);
        assert!(ended.stdout.contains(&command), "{arguments}: {ended:#?}");
    }
    lab.run(&format!("answer LAB when 2 {options}"), 1);
    let answered = lab.run(&format!("answer LAB when 1 {options} --json"), 0);
    assert_eq!(answered.json()["choice"], "pairs");
    // What is answered needs no hint.
    let answered = lab.run(&format!("hint LAB when {options}"), 0).stdout;
    let expected = "this quiz is answered: `pairs` is correct\n";
    assert!(
        answered.contains(expected) && !answered.contains(&command),
        "{answered}"
    );
    lab.run(&format!("answer LAB when 3 {options}"), 2);
    // Without a choice, or without a quiz, what can be chosen is named.
    let open = lab.run(&format!("answer LAB when {options}"), 2).stderr;
    assert!(open.contains("choose one of `pairs`, `scans`"), "{open}");
    let which = lab.run(&format!("answer LAB {options}"), 2).stderr;
    assert!(which.contains("name a quiz: `when`"), "{which}");
    lab.run(&format!("check LAB when {options}"), 0);
    lab.run(&format!("down LAB {options}"), 0);
}
