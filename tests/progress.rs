//! Progress that several programs change at the same time: nothing that a learner did is lost.

use std::fmt::Write;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::engine_lab::EngineLab;
use crate::support::terminal::Terminal;
use crate::support::{LabCopy, ProgramOutput, eventually};

/// How often each program changes something.
const ROUNDS: usize = 100;

/// The number of exercises of each kind; a lab has at most 100 in all.
const EXERCISES: usize = 50;

/// Writes a lab with `EXERCISES` exercises, each solved by a key in Redis, and as many quizzes whose right choice is `a`.
fn write_exercises(copy: &LabCopy) {
    let mut lab = "level: beginner\nminutes: 5\nroadmap: [redis]\nexercises:\n".to_owned();
    let mut guide = "# Many exercises\n\nEach is solved by one key.\n".to_owned();
    for number in 0..EXERCISES {
        write!(
            lab,
            "  - id: key-{number}
    checks:
      - id: stored
        redis: {{ service: redis, command: [GET, k{number}] }}
        expect: {{ equals: v }}
    solution:
      - redis: {{ service: redis, command: [SET, k{number}, v] }}
    wrong:
      - do: [ {{ redis: {{ service: redis, command: [SET, k{number}, w] }} }} ]
  - id: quiz-{number}
    quiz: {{ choices: [a, b], answer: a, hints: {{ b: no }} }}
"
        )
        .expect("a String can be written");
        write!(
            guide,
            "
## Key {number} {{#key-{number}}}

Store it.

### Checks {{.checks}}

- `stored`: it is stored

### Hint {{.hint}}

Use `SET`.

### Hint {{.hint}}

`SET k{number} v`

## Quiz {number} {{#quiz-{number}}}

Which one?

### Choices {{.choices}}

- `a`: this one
- `b`: that one

### No {{.hint #no}}

The other one.
"
        )
        .expect("a String can be written");
    }
    let folder = copy.path("labs").join(&copy.id);
    std::fs::write(folder.join("lab.yaml"), lab).expect("a file of the copy");
    std::fs::write(folder.join("guide.en.md"), guide).expect("a file of the copy");
    std::fs::remove_file(folder.join("guide.ko.md")).expect("a file of the copy");
}

fn progress(copy: &LabCopy) -> Value {
    let file = copy.path(&format!("state/roadlab/progress/{}@main.json", copy.id));
    let text = std::fs::read(file).expect("there is progress");
    serde_json::from_slice(&text).expect("progress is JSON")
}

/// Returns the exercises of a kind that a part of the progress lacks.
fn missing(progress: &Value, part: &str, kind: &str) -> Vec<String> {
    let ids = (0..EXERCISES).map(|number| format!("{kind}-{number}"));
    ids.filter(|id| progress[part].get(id).is_none()).collect()
}

fn spawn(copy: &LabCopy, arguments: &str) -> Child {
    let mut command = copy.roadlab(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program can be run")
}

#[apply(test)]
fn answers_of_several_processes_are_all_kept() {
    let copy = LabCopy::of("tests/labs/tiny", |_| "tiny".to_owned());
    write_exercises(&copy);
    let numbers: Vec<usize> = (0..EXERCISES).collect();
    for (choice, code) in [("b", 1), ("a", 0)] {
        for together in numbers.chunks(4) {
            let answer =
                |number: &usize| spawn(&copy, &format!("answer LAB quiz-{number} {choice}"));
            for mut child in together.iter().map(answer).collect::<Vec<_>>() {
                assert_eq!(child.wait().expect("it ends").code(), Some(code));
            }
        }
        let answers = progress(&copy)["answers"].take();
        for number in &numbers {
            assert_eq!(answers[format!("quiz-{number}")], choice, "{answers}");
        }
    }
    assert_eq!(missing(&progress(&copy), "solved", "quiz"), [""; 0]);
}

#[apply(test)]
fn an_unreadable_or_newer_progress_file_is_reported_and_kept() {
    let copy = LabCopy::of("tests/labs/tiny", |_| "tiny".to_owned());
    let folder = copy.path("state/roadlab/progress");
    std::fs::create_dir_all(&folder).expect("a folder of the copy");
    let file = folder.join("tiny@main.json");
    for content in ["{", r#"{ "version": 3, "answers": 7 }"#] {
        std::fs::write(&file, content).expect("a file of the copy");
        let failed = ProgramOutput::of(&mut copy.roadlab("answer LAB when pairs")).expect_code(3);
        assert!(failed.stderr.contains("tiny@main.json"), "{failed:?}");
        let way_out = "roadlab reset tiny --progress";
        assert!(failed.stderr.contains(way_out), "{failed:?}");
        assert!(!failed.stderr.contains("EOF"), "{failed:?}");
        let listed = ProgramOutput::of(&mut copy.roadlab("list")).expect_code(0);
        assert!(listed.stdout.contains("progress unknown"), "{listed:?}");
        assert!(listed.stderr.contains("tiny@main.json"), "{listed:?}");
        // What only shows the guide warns and goes on.
        for shown in ["show LAB", "show LAB when"] {
            let shown = ProgramOutput::of(&mut copy.roadlab(shown)).expect_code(0);
            assert!(!shown.stdout.is_empty(), "{shown:?}");
            assert!(shown.stderr.contains("tiny@main.json"), "{shown:?}");
        }
        assert_eq!(
            std::fs::read_to_string(&file).expect("it is there"),
            content
        );
    }
}

#[apply(engine_test)]
fn answers_checks_and_a_session_lose_nothing_in_a_hundred_rounds() {
    let lab = EngineLab::copy_of("tests/labs/tiny");
    write_exercises(&lab.copy);
    lab.run("up LAB", 0);
    let mut watch = lab.command("check LAB --watch --json");
    let log = lab.copy.path("watch.log");
    let file = std::fs::File::create(&log).expect("a file of the copy");
    watch.stdout(Stdio::null()).stderr(file);
    let mut watch = watch.spawn().expect("the program can be run");
    let mut session = Terminal::open(80, 24, &lab.command(""));
    let id = &lab.copy.id;
    session.type_in(&format!("roadlab --labs labs --offline run {id} --keep\r"));
    session.wait_for("── 1/");
    for round in 0..ROUNDS {
        // The session records a hint, the watch a solved exercise, a third program an answer.
        let number = round / 2;
        session.type_in("h");
        let (choice, code) = match round % 2 {
            0 => ("b", 1),
            _ => ("a", 0),
        };
        if code == 1 {
            lab.run(&format!("shell LAB -- redis-cli SET k{number} v"), 0);
        }
        lab.run(&format!("answer LAB quiz-{number} {choice}"), code);
        let answers = progress(&lab.copy)["answers"].take();
        for earlier in 0..number {
            assert_eq!(answers[format!("quiz-{earlier}")], "a", "{answers}");
        }
        assert_eq!(answers[format!("quiz-{number}")], choice, "{answers}");
    }
    // The watch and the session may be behind.
    let recorded = || {
        let progress = progress(&lab.copy);
        missing(&progress, "solved", "key").is_empty() && progress["hints"]["key-0"] == 2
    };
    let log = || std::fs::read_to_string(&log).expect("a file of the copy");
    assert!(eventually(recorded), "{}{:?}", log(), progress(&lab.copy));
    let progress = progress(&lab.copy);
    assert_eq!(missing(&progress, "answers", "quiz"), [""; 0]);
    assert_eq!(missing(&progress, "solved", "quiz"), [""; 0]);
    session.type_in("q");
    session.wait_for("stays up");
    assert!(watch.wait().expect("it ends").success());
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn damaged_progress_is_reported_by_status_and_a_reset_starts_again() {
    let lab = EngineLab::copy_of("tests/labs/tiny");
    lab.run("up LAB", 0);
    lab.run("answer LAB when pairs", 0);
    let file = lab
        .copy
        .path("state/roadlab/progress")
        .join(format!("{}@main.json", lab.copy.id));
    let damaged = "{ \"version\": 2,\n oops";
    std::fs::write(&file, damaged).expect("a file of the copy");
    let status = lab.run("status LAB", 0).stdout;
    assert!(!status.contains("solved 0"), "{status}");
    let way_out = format!("roadlab reset {} --progress", lab.copy.id);
    for part in ["progress unknown", "@main.json", "line 2", &way_out] {
        assert!(status.contains(part), "no {part}: {status}");
    }
    // There is no terminal for the question.
    lab.run("reset LAB --progress", 2);
    assert_eq!(
        std::fs::read_to_string(&file).expect("it is there"),
        damaged
    );
    let reset = lab.run("reset LAB --progress --yes", 0).stdout;
    assert!(reset.contains("kept as"), "{reset}");
    lab.run("check LAB", 1);
    let folder = file.parent().expect("a folder");
    let kept = std::fs::read_dir(folder).expect("it is there").flatten();
    let kept = kept.map(|entry| std::fs::read_to_string(entry.path()).expect("a file"));
    assert_eq!(kept.filter(|content| content == damaged).count(), 1);
    lab.run("down LAB", 0);
}
