//! The Redis lab of this repository, played on the real engine as a learner would: up, check, hint, solve, answer, reset,
//! restart, shell, down.

mod support;

#[path = "support/engine.rs"]
mod engine;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::engine::EngineLab;

fn redis() -> EngineLab {
    EngineLab::copy_of("labs/redis")
}

/// The containers of the lab, by service.
fn containers(real: &EngineLab) -> Vec<Value> {
    let mut list = real
        .containers()
        .as_array()
        .expect("a list of containers")
        .clone();
    list.sort_by_key(|container| container["Labels"]["dev.roadlab.service"].to_string());
    list
}

fn ids(real: &EngineLab) -> Vec<String> {
    let ids = containers(real);
    ids.iter()
        .map(|container| container["Id"].to_string())
        .collect()
}

fn check(real: &EngineLab, words: &str, code: i32) -> Value {
    real.run(&format!("check LAB {words} --json"), code).json()
}

#[test]
fn twice_up_is_once_up_and_down_leaves_nothing() {
    let real = redis();
    let id = &real.copy.id;
    let plan = real.run("up LAB --dry-run", 0).stdout;
    assert!(plan.contains("create container") && plan.contains("wait until redis is ready"));
    assert_eq!(real.left(), [""; 0], "a plan creates nothing");

    let up = real.run("up LAB --json", 0).json();
    assert_eq!((&up["event"], &up["changed"]), (&json!("up"), &json!(true)));
    let there = ids(&real);
    assert_eq!((there.len(), real.left().len()), (1, 3));
    let again = real.run("up LAB --json", 0).json();
    assert_eq!(again["changed"], false);
    assert_eq!(again["services"], up["services"]);
    let said = real.run("up LAB", 0).stdout;
    assert!(
        said.starts_with(&format!("{id} is up already, nothing to do (")),
        "{said}"
    );
    assert_eq!(real.run("up LAB --dry-run", 0).stdout, "nothing to do\n");
    assert_eq!(ids(&real), there);

    let status = real.run("status LAB --json", 0).json();
    let service = &status[0]["services"][0];
    assert_eq!(
        [&status[0]["lab"], &status[0]["done"], &service["running"]],
        [&json!(id), &json!([]), &json!(true)]
    );
    assert_eq!(service["url"], up["services"][0]["url"]);

    // What is removed is found by its labels: the lab's files are not needed.
    std::fs::remove_dir_all(real.copy.path("labs").join(id)).unwrap();
    let down = real.run("down LAB", 0).stdout;
    assert!(
        down.starts_with("removed 1 container, 1 network, 1 volume in "),
        "{down}"
    );
    assert_eq!(real.left(), [""; 0]);
    assert_eq!(real.run("down LAB", 0).stdout, "nothing of it is there\n");
    assert_eq!(real.run("status --json", 0).json(), json!([]));
}

#[test]
fn what_is_not_up_is_told_with_the_next_command() {
    let real = redis();
    let id = &real.copy.id;
    let expected = format!("error: lab `{id}` is not up: start it with `roadlab up {id}`\n");
    for words in [
        "check LAB",
        "solve LAB settings",
        "reset LAB",
        "restart LAB",
    ] {
        assert_eq!(real.run(words, 3).stderr, expected, "{words}");
    }
}

#[test]
fn every_exercise_fails_at_first_and_says_what_it_expected() {
    let real = redis();
    real.run("up LAB", 0);
    let said = check(&real, "", 1);
    assert_eq!(
        (&said["passed"], &said["unavailable"]),
        (&json!(0), &json!([]))
    );
    let exercises = said["exercises"].as_array().unwrap();
    assert!(exercises.len() >= 10, "{said}");
    for exercise in exercises {
        assert_eq!(exercise["passed"], false);
        let checks = exercise["checks"].as_array().unwrap();
        let first = checks.iter().find(|check| check["outcome"] != "pass");
        let first = first.unwrap_or_else(|| panic!("no check fails: {exercise}"));
        assert_eq!(first["outcome"], "fail", "{exercise}");
        // An open question has neither a deed to describe nor a mistake to hint at.
        let told: &[&str] = match exercise["exercise"].as_str().unwrap().starts_with("quiz") {
            true => &["expected", "actual"],
            false => &["about", "expected", "actual", "hint_text"],
        };
        for told in told {
            let text = first[*told].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{told}: {exercise}");
        }
    }

    let file = real.copy.path("checks.xml");
    real.run("check LAB settings --junit checks.xml", 1);
    let xml = std::fs::read_to_string(&file).unwrap();
    assert!(xml.contains("failures=\"2\""), "{xml}");
    assert!(xml.contains("name=\"plain-pairs\""), "{xml}");
    real.run("solve LAB settings", 0);
    real.run("check LAB settings --junit checks.xml", 0);
    let xml = std::fs::read_to_string(&file).unwrap();
    assert!(xml.contains("failures=\"0\""), "{xml}");
    real.run("down LAB", 0);
}

/// What came of each check, without what it saw: some see time or statistics.
fn outcomes(said: &Value) -> Vec<String> {
    let exercises = said["exercises"]
        .as_array()
        .expect("a list of exercises")
        .iter();
    let checks = exercises.flat_map(|exercise| {
        let checks = exercise["checks"]
            .as_array()
            .expect("a list of checks")
            .iter();
        checks.map(|check| {
            format!(
                "{}/{}: {}",
                exercise["exercise"], check["check"], check["outcome"]
            )
        })
    });
    checks.collect()
}

#[test]
fn a_reset_undoes_what_was_solved() {
    let real = redis();
    real.run("up LAB", 0);
    let at_first = outcomes(&check(&real, "", 1));
    let solved = real.run("solve LAB settings --json", 0).json();
    assert_eq!(solved["solved"], json!(["settings"]));
    let said = check(&real, "settings", 0);
    assert_eq!(said["passed"], 1);
    let status = real.run("status --json", 0).json();
    assert_eq!(status[0]["done"], json!(["settings"]));

    real.run("reset LAB", 0);
    assert_eq!(outcomes(&check(&real, "", 1)), at_first);
    assert_eq!(real.run("status --json", 0).json()[0]["done"], json!([]));

    // To where the third exercise begins: the two before it are solved, it and those after it are not.
    real.run("reset LAB --to counters", 0);
    check(&real, "settings sessions", 0);
    check(&real, "counters", 1);
    assert_eq!(
        real.run("status --json", 0).json()[0]["done"],
        json!(["sessions", "settings"])
    );

    let (before, port) = (ids(&real), ports(&real));
    let hard = real.run("reset LAB --hard --json", 0).json();
    assert_eq!(hard["hard"], true);
    assert_ne!(ids(&real), before, "the container is a new one");
    assert_eq!(ports(&real), port, "the address is the same");
    assert_eq!(outcomes(&check(&real, "", 1)), at_first);
    assert_eq!(real.left().len(), 3);
    real.run("down LAB", 0);
}

fn ports(real: &EngineLab) -> Vec<Value> {
    let all = containers(real);
    all.iter()
        .map(|container| container["Ports"].clone())
        .collect()
}

#[test]
fn hints_count_up_and_tell_what_the_checks_see() {
    let real = redis();
    real.run("up LAB", 0);
    let hint = || real.run("hint LAB settings --json", 0).json();
    let first = hint();
    assert_eq!(first["number"], 1);
    let second = hint();
    assert_eq!(second["number"], 2);
    assert_ne!(first["hint"], second["hint"]);
    let of = first["of"].as_u64().unwrap();
    (2..of).for_each(|_| drop(hint()));
    assert_eq!(
        hint()["number"],
        json!(of),
        "there is no hint after the last"
    );

    let typed = "shell LAB redis -- redis-cli SET config:checkout:banner Spring";
    real.run(typed, 0);
    real.run(
        "shell LAB redis -- redis-cli MSET config:checkout:currency EUR config:checkout:retries 3",
        0,
    );
    let said = check(&real, "settings", 1);
    assert_eq!(said["exercises"][0]["checks"][1]["hint"], "one-word");
    assert_eq!(
        hint()["seen"],
        said["exercises"][0]["checks"][1]["hint_text"]
    );
    real.run("down LAB", 0);
}

#[test]
fn a_quiz_takes_only_the_right_choice() {
    let real = redis();
    let answer = |choice: &str, code: i32| {
        let words = format!("answer LAB quiz-when {choice} --json");
        real.run(&words, code).json()
    };
    real.run("up LAB", 0);
    let open = check(&real, "quiz-when", 1)["exercises"][0]["checks"][0].take();
    let how = open["hint_text"].as_str().unwrap_or_default();
    assert!(how.starts_with("answer with `roadlab answer "), "{open}");
    let wrong = answer("ledger", 1);
    assert_eq!(wrong["right"], false);
    assert!(wrong["text"].as_str().is_some_and(|text| !text.is_empty()));
    assert_eq!(answer("sessions", 0)["right"], true);
    assert_eq!(check(&real, "quiz-when", 0)["passed"], 1);
    real.run("down LAB", 0);
}

#[test]
fn drift_makes_only_that_service_again() {
    let real = redis();
    let spare = "volumes:\n  redis-data: {}\n";
    real.copy.change(
        "compose.yaml",
        spare,
        &format!(
            "  spare:\n    extends: {{ file: ../../compose/redis/compose.yaml, service: redis }}\n    volumes: []\n    x-roadlab: {{ shell: [sh] }}\n\n{spare}"
        ),
    );
    real.run("up LAB", 0);
    real.run("shell LAB redis -- redis-cli SET mine kept", 0);
    let before = containers(&real);
    real.copy.change(
        "compose.yaml",
        "    x-roadlab: { shell: [sh] }\n",
        "    x-roadlab: { shell: [sh] }\n    mem_limit: 192m\n",
    );
    let plan = real.run("up LAB --dry-run --json", 0).json();
    let plan: Vec<&str> = plan["plan"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    let name = |container: &Value| {
        let name = container["Names"][0].as_str().unwrap();
        name.trim_start_matches('/').to_owned()
    };
    let (spare, image) = (name(&before[1]), before[1]["Image"].as_str().unwrap());
    assert_eq!(plan.len(), 4, "{plan:#?}");
    assert_eq!(plan[0], format!("1. remove container {spare} (changed)"));
    assert!(
        plan[1].starts_with(&format!("2. create container {spare} from "))
            && plan[1].ends_with(" (changed)"),
        "{plan:#?} {image}"
    );
    assert_eq!(plan[2], "3. start spare (changed)");
    assert_eq!(plan[3], "4. wait until spare is ready");
    assert_eq!(containers(&real)[1]["Id"], before[1]["Id"], "only a plan");

    assert_eq!(real.run("up LAB --json", 0).json()["changed"], true);
    let after = containers(&real);
    assert_eq!(after[0]["Id"], before[0]["Id"]);
    assert_ne!(after[1]["Id"], before[1]["Id"]);
    assert_eq!(after[1]["Ports"], before[1]["Ports"]);
    let kept = real.run("shell LAB redis -- redis-cli GET mine", 0);
    assert_eq!(kept.stdout, "kept\n");
    assert_eq!(real.run("up LAB --dry-run", 0).stdout, "nothing to do\n");
    real.run("down LAB", 0);
}

#[test]
fn a_service_is_entered_read_and_restarted() {
    let real = redis();
    real.run("up LAB", 0);
    let shell = |words: &str, code: i32| real.run(&format!("shell LAB redis -- {words}"), code);
    assert_eq!(shell("redis-cli PING", 0).stdout, "PONG\n");
    shell("false", 1);
    shell("redis-cli SET mine kept", 0);
    shell("redis-cli SAVE", 0);
    let (before, id) = (ids(&real), containers(&real)[0]["Id"].clone());
    let started = || {
        let path = format!("/containers/{}/json", id.as_str().unwrap());
        real.ask("GET", &path, &Value::Null)["State"]["StartedAt"].clone()
    };
    let first = started();
    let said = real.run("restart LAB --json", 0).json();
    assert_eq!(said["restarted"], json!(["redis"]));
    let second = started();
    assert_ne!(second, first);
    assert_eq!(shell("redis-cli GET mine", 0).stdout, "kept\n");
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH);
    let since = clock().expect("a clock");
    real.run("restart LAB redis --kill", 0);
    assert_ne!(started(), second);
    // A crash comes without the polite signal, on which a quick service would save its data.
    let filters = format!("{{\"container\":[{id}],\"event\":[\"kill\"]}}");
    let filters = filters
        .replace('"', "%22")
        .replace('{', "%7B")
        .replace('}', "%7D");
    let (begun, ended) = (since.as_secs(), clock().expect("a clock").as_secs() + 1);
    let nanos = since.subsec_nanos();
    let path = format!("/events?since={begun}.{nanos:09}&until={ended}&filters={filters}");
    let signal = real.ask("GET", &path, &Value::Null)["Actor"]["Attributes"]["signal"].clone();
    assert_eq!(signal, "9");
    assert_eq!(shell("redis-cli GET mine", 0).stdout, "kept\n");
    assert_eq!(ids(&real), before, "it is the same container");
    let log = real.run("logs LAB redis", 0).stdout;
    assert!(log.contains("Ready to accept connections"), "{log}");
    assert_eq!(real.run("logs LAB --tail 1", 0).stdout.lines().count(), 1);
    real.run("down LAB", 0);
}

#[test]
fn a_lab_plays_itself_and_is_gone() {
    let real = redis();
    let said = real.run("run LAB --auto", 0);
    assert_eq!(real.left(), [""; 0]);
    assert!(said.stdout.contains("Settings: one name, one value"));
}
