//! `list` and `roadmap`, which need no engine and reflect edits of a lab at once.

use serde_json::{Value, json};

use crate::support::engine_lab::EngineLab;
use crate::support::offline::NO_ENGINE;
use crate::support::terminal::Terminal;
use crate::support::{LabCopy, ProgramOutput};

fn tiny() -> LabCopy {
    LabCopy::of("tests/labs/tiny", |_| "tiny".to_owned())
}

#[track_caller]
fn run(copy: &LabCopy, words: &str) -> ProgramOutput {
    let mut command = copy.roadlab(words);
    // These commands need no engine.
    let output = ProgramOutput::of(command.env("DOCKER_HOST", NO_ENGINE)).expect_code(0);
    assert_eq!(output.stderr, "");
    output
}

#[apply(test)]
fn list_shows_what_one_chooses_a_lab_by() {
    let copy = tiny();
    let next = "`roadlab show LAB` describes a lab, `roadlab run LAB` starts it";
    let row = "tiny  beginner  5 min  256 MiB  solved 0 of 2  Tiny: one key";
    assert_eq!(run(&copy, "list").stdout, format!("{row}\n\n{next}\n"));
    let korean = run(&copy, "list --lang ko").stdout;
    let row = "tiny  초급  5분  256 MiB  해결 0/2  아주 작은 랩: 키 하나\n";
    assert!(korean.starts_with(row), "{korean}");
    run(&copy, "answer tiny when pairs");
    let lab = &run(&copy, "list --json").json()[0];
    assert_eq!((&lab["done"], &lab["exercises"]), (&json!(1), &json!(2)));
    assert_eq!(
        (&lab["up"], &lab["languages"]),
        (&json!([]), &json!(["en", "ko"]))
    );
}

#[apply(test)]
fn show_lists_services_that_can_reach_other_machines() {
    let copy = tiny();
    let printed = run(&copy, "show LAB").stdout;
    let reach = "  services with access to other machines and the internet: redis\n";
    assert!(printed.contains(reach), "{printed}");
    assert_eq!(
        run(&copy, "show LAB --json").json()["outgoing"],
        json!(["redis"])
    );
    let text = std::fs::read_to_string(copy.path("labs/tiny/compose.yaml")).unwrap();
    let inside = format!("{text}networks: {{ default: {{ internal: true }} }}\n");
    std::fs::write(copy.path("labs/tiny/compose.yaml"), inside).unwrap();
    let printed = run(&copy, "show LAB").stdout;
    let reach = "  no service has access to other machines or the internet\n";
    assert!(printed.contains(reach), "{printed}");
    assert_eq!(run(&copy, "show LAB --json").json()["outgoing"], json!([]));
}

#[apply(test)]
fn show_prints_the_title_once_also_where_it_does_not_fit_the_screen() {
    let copy = tiny();
    let mut command = copy.roadlab("");
    let mut terminal = Terminal::open(80, 8, command.env("DOCKER_HOST", NO_ENGINE));
    let screen = terminal.run("roadlab --labs labs show tiny");
    assert!(screen.contains("What is it good at"), "{screen}");
    assert!(!screen.contains("Tiny: one key"), "{screen}");
}

#[apply(test)]
fn list_reflects_edits_at_once() {
    let copy = tiny();
    run(&copy, "list");
    copy.change("guide.en.md", "# Tiny: one key", "# Tiny: two keys");
    let after = run(&copy, "list").stdout;
    assert!(after.contains("Tiny: two keys"), "{after}");
    copy.change("lab.yaml", "minutes: 5", "minuts: 5");
    let after = run(&copy, "list").stdout;
    assert!(
        after.starts_with("tiny  has problems: `roadlab validate "),
        "{after}"
    );
    copy.change("lab.yaml", "minuts: 5", "minutes: 7");
    let service = copy.path("compose/redis/compose.yaml");
    let text = std::fs::read_to_string(&service).unwrap();
    std::fs::write(&service, text.replace("256m", "128m")).unwrap();
    let after = run(&copy, "list").stdout;
    assert!(after.contains("7 min  128 MiB"), "{after}");
}

#[apply(test)]
fn list_works_with_a_broken_cache() {
    let copy = tiny();
    let first = run(&copy, "list").stdout;
    let cache = copy.path("cache/roadlab/summaries.json");
    assert!(cache.exists());
    std::fs::write(&cache, "{\"labs\":[").unwrap();
    assert_eq!(run(&copy, "list").stdout, first);
    // A cache that cannot be written only makes it slower.
    std::fs::remove_file(&cache).unwrap();
    std::fs::create_dir(&cache).unwrap();
    assert_eq!(run(&copy, "list").stdout, first);
}

/// A topic of the roadmap, at any depth.
fn topic<'a>(tree: &'a Value, id: &str) -> Option<&'a Value> {
    let mut topics = tree.as_array().into_iter().flatten();
    topics.find_map(|found| match found["id"] == id {
        true => Some(found),
        false => topic(&found["topics"], id),
    })
}

#[apply(test)]
fn roadmap_shows_covered_done_and_missing_topics() {
    let copy = tiny();
    let state = |words: &str| {
        let tree = run(&copy, words).json();
        let found = |id: &str| topic(&tree, id).unwrap_or(&Value::Null).clone();
        (found("redis"), found("neo4j"))
    };
    let (redis, neo4j) = state("roadmap --json");
    assert_eq!(redis["state"], "open");
    assert_eq!(
        redis["labs"],
        json!([{ "lab": "tiny", "done": 0, "exercises": 2 }])
    );
    assert_eq!(
        (&neo4j["state"], &neo4j["labs"]),
        (&json!("no_lab"), &json!([]))
    );
    run(&copy, "answer tiny when pairs");
    assert_eq!(state("roadmap --json").0["state"], "begun");
    let shown = run(&copy, "roadmap").stdout;
    assert!(
        shown.contains("   ├─ ◐ Redis  tiny 1/2\n   └─ · DynamoDB\n"),
        "{shown}"
    );
    assert!(
        shown.contains("1 of 74 topics have a lab, 0 done\n"),
        "{shown}"
    );
    let korean = run(&copy, "roadmap --lang ko").stdout;
    assert!(korean.starts_with("컴퓨터 기초\n├─ · 터미널\n"), "{korean}");
}

#[apply(test)]
fn an_unknown_topic_is_a_problem() {
    let copy = tiny();
    copy.change("lab.yaml", "[redis]", "[rediss]");
    let output = ProgramOutput::of(&mut copy.roadlab("validate labs/tiny")).expect_code(2);
    assert_eq!(
        output.stdout,
        "\
error: labs/tiny/lab.yaml:3:11: no such topic: `rediss` (did you mean `redis`?) [unknown-name]
1 problem in 1 folder
"
    );
}

/// Adds a lab `second` that builds on the one of a copy.
fn add_second_lab(copy: &LabCopy) {
    let (from, to) = (
        copy.path(&format!("labs/{}", copy.id)),
        copy.path("labs/second"),
    );
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(from)
        .arg(&to)
        .status();
    assert!(copied.unwrap().success());
    let file = to.join("lab.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("after: [{}]\n{text}", copy.id)).unwrap();
}

#[apply(test)]
fn next_shows_what_fits_and_then_what_builds_on_it() {
    let copy = tiny();
    add_second_lab(&copy);
    let printed = run(&copy, "next").stdout;
    let expected = "\
fits next
  tiny    2 exercises, about 5 min  Tiny: one key

later
  second  2 exercises, about 5 min  Tiny: one key (after tiny)

next: `roadlab run tiny`
";
    assert_eq!(printed, expected);
    // Half of it is solved now.
    run(&copy, "answer tiny when pairs");
    let next = run(&copy, "next --json").json();
    assert_eq!(
        (&next[0]["reason"], &next[0]["left"]),
        (&json!("begun"), &json!(1))
    );
    assert_eq!(
        (&next[1]["lab"], &next[1]["reason"]),
        (&json!("second"), &json!("fits"))
    );
    let printed = run(&copy, "show second").stdout;
    assert!(printed.contains("\nbuilds on tiny\n"), "{printed}");
    let roadmap = run(&copy, "roadmap").stdout;
    assert!(
        roadmap.contains("\n◐ tiny 1/2\n  ↳ ○ second 0/2\n"),
        "{roadmap}"
    );
}

#[apply(engine_test)]
fn the_last_exercise_of_a_lab_names_what_fits_next() {
    let lab = EngineLab::tiny();
    add_second_lab(&lab.copy);
    lab.run("up LAB", 0);
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    let half = lab.run("check LAB greet", 0).stdout;
    assert!(!half.contains("every exercise"), "{half}");
    let last = lab.run("answer LAB when pairs", 0).stdout;
    let id = &lab.copy.id;
    let expected = format!(
        "\nevery exercise of {id} is solved; what fits next: `roadlab run second` (2 exercises, about 5 min)\n"
    );
    assert!(last.contains(&expected), "{last}");
    let again = lab.run("check LAB greet", 0).stdout;
    assert!(!again.contains("every exercise"), "{again}");
    lab.run("down LAB", 0);
}
