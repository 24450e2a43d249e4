//! The commands of a learner on the Redis lab: up, check, hint, solve, answer, reset, restart, shell and down.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::engine_lab::EngineLab;

fn redis() -> EngineLab {
    EngineLab::copy_of("labs/redis")
}

/// The containers of the lab, by service.
fn containers(lab: &EngineLab) -> Vec<Value> {
    let mut list = lab
        .containers()
        .as_array()
        .expect("a list of containers")
        .clone();
    list.sort_by_key(|container| container["Labels"]["dev.roadlab.service"].to_string());
    list
}

fn ids(lab: &EngineLab) -> Vec<String> {
    let ids = containers(lab);
    ids.iter()
        .map(|container| container["Id"].to_string())
        .collect()
}

fn check(lab: &EngineLab, words: &str, code: i32) -> Value {
    lab.run(&format!("check LAB {words} --json"), code).json()
}

#[apply(engine_test)]
fn up_is_idempotent_and_down_leaves_nothing() {
    let lab = redis();
    let id = &lab.copy.id;
    let plan = lab.run("up LAB --dry-run", 0).stdout;
    assert!(plan.contains("create container") && plan.contains("wait until redis is ready"));
    assert_eq!(lab.resources(), [""; 0], "a plan creates nothing");

    let up = lab.run("up LAB --json", 0).json();
    assert_eq!((&up["event"], &up["changed"]), (&json!("up"), &json!(true)));
    let there = ids(&lab);
    assert_eq!((there.len(), lab.resources().len()), (1, 3));
    let again = lab.run("up LAB --json", 0).json();
    assert_eq!(again["changed"], false);
    assert_eq!(again["services"], up["services"]);
    let output = lab.run("up LAB", 0).stdout;
    assert!(
        output.starts_with(&format!("{id} is already up, nothing to do (")),
        "{output}"
    );
    assert_eq!(lab.run("up LAB --dry-run", 0).stdout, "nothing to do\n");
    assert_eq!(ids(&lab), there);

    let status = lab.run("status LAB --json", 0).json();
    let service = &status[0]["services"][0];
    assert_eq!(
        [&status[0]["lab"], &status[0]["done"], &service["running"]],
        [&json!(id), &json!([]), &json!(true)]
    );
    assert_eq!(service["url"], up["services"][0]["url"]);

    // Down finds the resources by their labels and needs no files of the lab.
    std::fs::remove_dir_all(lab.copy.path("labs").join(id)).unwrap();
    let down = lab.run("down LAB", 0).stdout;
    assert!(
        down.starts_with("removed 1 container, 1 network, 1 volume in "),
        "{down}"
    );
    assert_eq!(lab.resources(), [""; 0]);
    let unknown = lab.run("down LAB", 2).stderr;
    assert!(unknown.contains("no such lab: "), "{unknown}");
    let status = lab.run("status LAB --json", 2).json();
    assert_eq!(status["error"]["code"], "problems", "{status}");
}

#[apply(engine_test)]
fn commands_on_a_lab_that_is_not_up_show_the_next_command() {
    let lab = redis();
    let id = &lab.copy.id;
    let expected = format!("error: lab `{id}` is not running: start it with `roadlab up {id}`\n");
    for words in [
        "check LAB",
        "solve LAB settings",
        "reset LAB",
        "restart LAB",
    ] {
        assert_eq!(lab.run(words, 3).stderr, expected, "{words}");
    }
}

#[apply(engine_test)]
fn commands_name_the_instance_that_runs() {
    let lab = redis();
    let id = &lab.copy.id;
    lab.run("up LAB --instance two", 0);
    for (words, command) in [
        ("check LAB settings", "--instance two settings`"),
        ("reset LAB --hard", "--instance two --hard`"),
        ("restart LAB", "--instance two`"),
        ("logs LAB", "--instance two`"),
        ("solve LAB settings", "--instance two settings`"),
    ] {
        let stderr = lab.run(words, 3).stderr;
        assert!(stderr.contains("running: `two`"), "{words}: {stderr}");
        assert!(stderr.contains(command), "{words}: {stderr}");
    }
    let error = lab.run("check LAB --json", 3).json()["error"].take();
    assert_eq!(error["running_instances"], json!(["two"]));
    let down = lab.run("down LAB", 0).stdout;
    let command = format!("roadlab down {id} --instance two");
    assert!(down.contains(&command), "{down}");
    lab.run("down LAB --instance two", 0);
}

#[apply(engine_test)]
fn every_exercise_fails_at_first_and_shows_what_it_expects() {
    let lab = redis();
    lab.run("up LAB", 0);
    let output = check(&lab, "", 1);
    assert_eq!(
        (&output["passed"], &output["unavailable"]),
        (&json!(0), &json!([]))
    );
    let exercises = output["exercises"].as_array().unwrap();
    assert!(exercises.len() >= 10, "{output}");
    for exercise in exercises {
        assert_eq!(exercise["passed"], false);
        let checks = exercise["checks"].as_array().unwrap();
        let first = checks.iter().find(|check| check["outcome"] != "pass");
        let first = first.unwrap_or_else(|| panic!("no check fails: {exercise}"));
        assert_eq!(first["outcome"], "fail", "{exercise}");
        // An open question has neither a task to describe nor a mistake to give a hint for.
        let fields: &[&str] = match exercise["exercise"].as_str().unwrap().starts_with("quiz") {
            true => &["expected", "actual"],
            false => &["about", "expected", "actual", "hint_text"],
        };
        for field in fields {
            let text = first[*field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{field}: {exercise}");
        }
    }

    let file = lab.copy.path("checks.xml");
    lab.run("check LAB settings --junit checks.xml", 1);
    let xml = std::fs::read_to_string(&file).unwrap();
    assert!(xml.contains("failures=\"3\""), "{xml}");
    assert!(xml.contains("name=\"plain-pairs\""), "{xml}");
    lab.run("solve LAB settings", 0);
    lab.run("check LAB settings --junit checks.xml", 0);
    let xml = std::fs::read_to_string(&file).unwrap();
    assert!(xml.contains("failures=\"0\""), "{xml}");
    lab.run("down LAB", 0);
}

/// The outcome of each check, without what it found, which may be a time or statistics.
fn outcomes(output: &Value) -> Vec<String> {
    let exercises = output["exercises"]
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

#[apply(engine_test)]
fn reset_undoes_what_was_solved() {
    let lab = redis();
    lab.run("up LAB", 0);
    let at_first = outcomes(&check(&lab, "", 1));
    let solved = lab.run("solve LAB settings --json", 0).json();
    assert_eq!(solved["solved"], json!(["settings"]));
    let output = check(&lab, "settings", 0);
    assert_eq!(output["passed"], 1);
    let status = lab.run("status LAB --json", 0).json();
    assert_eq!(status[0]["done"], json!([]));
    assert_eq!(status[0]["solution_played"], json!(["settings"]));
    assert_eq!(status[0]["holding"], json!(["settings"]));

    lab.run("reset LAB", 0);
    assert_eq!(outcomes(&check(&lab, "", 1)), at_first);
    let status = lab.run("status LAB --json", 0).json();
    assert_eq!(status[0]["solution_played"], json!(["settings"]));
    assert_eq!(status[0]["holding"], json!([]));

    // To the start of the third exercise: the two before it are solved, and the learner asked for one of them only.
    lab.run("reset LAB --to counters", 0);
    check(&lab, "settings sessions", 0);
    check(&lab, "counters", 1);
    assert_eq!(
        lab.run("status LAB --json", 0).json()[0]["solution_played"],
        json!(["settings"])
    );

    let (before, port) = (ids(&lab), ports(&lab));
    let hard = lab.run("reset LAB --hard --json", 0).json();
    assert_eq!(hard["hard"], true);
    assert_ne!(ids(&lab), before, "the container is a new one");
    assert_eq!(ports(&lab), port, "the address is the same");
    assert_eq!(outcomes(&check(&lab, "", 1)), at_first);
    assert_eq!(lab.resources().len(), 3);
    lab.run("down LAB", 0);
}

/// The published ports of each container, in the order of their numbers: the engine lists them in any order.
fn ports(lab: &EngineLab) -> Vec<Vec<String>> {
    let all = containers(lab);
    all.iter().map(sorted_ports).collect()
}

fn sorted_ports(container: &Value) -> Vec<String> {
    let ports = container["Ports"].as_array().into_iter().flatten();
    let mut ports: Vec<String> = ports.map(ToString::to_string).collect();
    ports.sort();
    ports
}

#[apply(engine_test)]
fn hints_are_numbered_and_describe_what_the_checks_found() {
    let lab = redis();
    lab.run("up LAB", 0);
    let hint = || lab.run("hint LAB settings --json", 0).json();
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
    lab.run(typed, 0);
    lab.run(
        "shell LAB redis -- redis-cli MSET config:checkout:currency EUR config:checkout:retries 3",
        0,
    );
    let output = check(&lab, "settings", 1);
    assert_eq!(output["exercises"][0]["checks"][1]["hint"], "one-word");
    assert_eq!(
        hint()["seen"],
        output["exercises"][0]["checks"][1]["hint_text"]
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_quiz_accepts_only_the_right_choice() {
    let lab = redis();
    let answer = |choice: &str, code: i32| {
        let words = format!("answer LAB quiz-when {choice} --json");
        lab.run(&words, code).json()
    };
    lab.run("up LAB", 0);
    let open = check(&lab, "quiz-when", 1)["exercises"][0]["checks"][0].take();
    let how = open["hint_text"].as_str().unwrap_or_default();
    assert!(how.starts_with("answer with `roadlab answer "), "{open}");
    let wrong = answer("ledger", 1);
    assert_eq!(wrong["right"], false);
    assert!(wrong["text"].as_str().is_some_and(|text| !text.is_empty()));
    assert_eq!(answer("sessions", 0)["right"], true);
    assert_eq!(check(&lab, "quiz-when", 0)["passed"], 1);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn up_recreates_only_the_changed_service() {
    let lab = redis();
    let spare = "volumes:\n  redis-data: {}\n";
    lab.copy.change(
        "compose.yaml",
        spare,
        &format!(
            "  spare:\n    extends: {{ file: ../../compose/redis/compose.yaml, service: redis }}\n    volumes: []\n    x-roadlab: {{ shell: [sh] }}\n\n{spare}"
        ),
    );
    lab.run("up LAB", 0);
    lab.run("shell LAB redis -- redis-cli SET mine kept", 0);
    let before = containers(&lab);
    lab.copy.change(
        "compose.yaml",
        "    x-roadlab: { shell: [sh] }\n",
        "    x-roadlab: { shell: [sh] }\n    mem_limit: 192m\n",
    );
    let plan = lab.run("up LAB --dry-run --json", 0).json();
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
    assert_eq!(containers(&lab)[1]["Id"], before[1]["Id"], "only a plan");

    assert_eq!(lab.run("up LAB --json", 0).json()["changed"], true);
    let after = containers(&lab);
    assert_eq!(after[0]["Id"], before[0]["Id"]);
    assert_ne!(after[1]["Id"], before[1]["Id"]);
    assert_eq!(sorted_ports(&after[1]), sorted_ports(&before[1]));
    let kept = lab.run("shell LAB redis -- redis-cli GET mine", 0);
    assert_eq!(kept.stdout, "kept\n");
    assert_eq!(lab.run("up LAB --dry-run", 0).stdout, "nothing to do\n");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn shell_logs_and_restart_work_on_a_service() {
    let lab = redis();
    lab.run("up LAB", 0);
    let shell = |words: &str, code: i32| lab.run(&format!("shell LAB redis -- {words}"), code);
    assert_eq!(shell("redis-cli PING", 0).stdout, "PONG\n");
    shell("false", 1);
    shell("redis-cli SET mine kept", 0);
    shell("redis-cli SAVE", 0);
    let (before, id) = (ids(&lab), containers(&lab)[0]["Id"].clone());
    let started = || {
        let path = format!("/containers/{}/json", id.as_str().unwrap());
        lab.request("GET", &path, &Value::Null)["State"]["StartedAt"].clone()
    };
    let first = started();
    let output = lab.run("restart LAB --json", 0).json();
    assert_eq!(output["restarted"], json!(["redis"]));
    let second = started();
    assert_ne!(second, first);
    assert_eq!(shell("redis-cli GET mine", 0).stdout, "kept\n");
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH);
    let since = clock().expect("a clock");
    lab.run("restart LAB redis --kill", 0);
    assert_ne!(started(), second);
    // A crash comes without SIGTERM, on which a service would save its data.
    let filters = format!("{{\"container\":[{id}],\"event\":[\"kill\"]}}");
    let filters = filters
        .replace('"', "%22")
        .replace('{', "%7B")
        .replace('}', "%7D");
    let (first, last) = (since.as_secs(), clock().expect("a clock").as_secs() + 1);
    let nanos = since.subsec_nanos();
    let path = format!("/events?since={first}.{nanos:09}&until={last}&filters={filters}");
    let signal = lab.request("GET", &path, &Value::Null)["Actor"]["Attributes"]["signal"].clone();
    assert_eq!(signal, "9");
    assert_eq!(shell("redis-cli GET mine", 0).stdout, "kept\n");
    assert_eq!(ids(&lab), before, "it is the same container");
    let log = lab.run("logs LAB redis", 0).stdout;
    assert!(log.contains("Ready to accept connections"), "{log}");
    assert_eq!(lab.run("logs LAB --tail 1", 0).stdout.lines().count(), 1);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn an_automatic_session_solves_and_removes_the_lab() {
    let lab = redis();
    let output = lab.run("run LAB --auto", 0);
    assert_eq!(lab.resources(), [""; 0]);
    assert!(output.stdout.contains("Settings: one name, one value"));
}
