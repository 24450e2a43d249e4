//! `list` and `roadmap`, which need no engine and reflect edits of a lab at once.

use serde_json::{Value, json};

use crate::support::offline::NO_ENGINE;
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
    let row = "tiny  beginner  5 min  256 MiB  0/2  Tiny: one key";
    assert_eq!(run(&copy, "list").stdout, format!("{row}\n\n{next}\n"));
    let korean = run(&copy, "list --lang ko").stdout;
    let row = "tiny  초급  5분  256 MiB  0/2  아주 작은 랩: 키 하나\n";
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
