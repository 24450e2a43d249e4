//! `up --timings` and `up --trace`: where the time of a start went.

use serde_json::Value;

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;

/// The lines of the waterfall of an output, from the one with this name.
fn part<'o>(output: &'o ProgramOutput, name: &str) -> &'o str {
    let mut lines = output.stdout.lines();
    let found = lines.find(|line| line.trim_start().starts_with(name));
    found.unwrap_or_else(|| panic!("{name:?} in:\n{}", output.stdout))
}

#[apply(engine_test)]
fn the_parts_of_a_start_are_shown_and_written_for_a_trace_viewer() {
    let lab = EngineLab::tiny();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.json");
    let command = format!("up LAB --timings --trace {}", file.display());
    let output = lab.run(&command, 0);
    for name in [
        "read the lab",
        "find the engine",
        "create network",
        "start redis",
    ] {
        assert!(part(&output, name).contains(" ms"), "{}", output.stdout);
    }
    assert!(
        part(&output, "wait until redis").contains(['█', '▏']),
        "{}",
        output.stdout
    );
    part(&output, "in total");

    let trace: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let find = |name: &str| {
        let is_it = |event: &&Value| event["name"].as_str().unwrap().starts_with(name);
        let event = events
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{name}: {trace}"));
        let begin = event["ts"].as_u64().unwrap();
        (begin, begin + event["dur"].as_u64().unwrap())
    };
    let (created, started, waited) = (
        find("create container"),
        find("start redis"),
        find("wait until"),
    );
    assert!(created.1 <= started.0 && started.1 <= waited.0, "{trace}");
    assert!(events.iter().all(|event| event["ph"] == "X"), "{trace}");

    // A lab that is up is looked at and left as it is.
    let again = lab.run("up LAB --timings", 0);
    part(&again, "find out what is there");
    assert!(!again.stdout.contains("create network"), "{}", again.stdout);
    let json = lab.run("up LAB --timings --json", 0).stdout;
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    let timings = last["timings"].as_array().unwrap();
    let names: Vec<&str> = timings
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names.first(), Some(&"read the lab"), "{last}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_start_that_fails_shows_where_its_time_went() {
    let lab = EngineLab::tiny_with(
        "    command: [sh, -c, \"exec sleep infinity\"]\n    x-roadlab: { ready_within: 1s }\n",
    );
    let output = lab.run("up LAB --timings", 5);
    assert!(
        part(&output, "wait until redis").contains(['█', '▏']),
        "{}",
        output.stdout
    );
    let failed = lab.run("up LAB --timings --json", 5).json();
    let timings = failed["timings"].as_array().expect("beside the error");
    let is_wait = |part: &Value| part["name"] == "wait until redis is ready";
    assert!(timings.iter().any(is_wait), "{failed}");
}

#[apply(engine_test)]
fn a_trace_that_cannot_be_written_is_an_error_and_the_lab_is_up() {
    let lab = EngineLab::tiny();
    let output = lab.run("up LAB --trace /nonexistent/trace.json", 2);
    assert!(
        output.stderr.contains("/nonexistent/trace.json"),
        "{}",
        output.stderr
    );
    assert!(lab.run("status LAB", 0).stdout.contains("redis"));
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_trace_replaces_nothing_but_a_trace() {
    let lab = EngineLab::tiny();
    let file = lab.copy.path("thesis.json");
    std::fs::write(&file, "words").unwrap();
    std::os::unix::fs::symlink(&file, lab.copy.path("link.json")).unwrap();
    for path in ["thesis.json", "link.json", "."] {
        lab.run(&format!("up LAB --trace {path}"), 2);
        assert_eq!(lab.resources(), [""; 0], "{path}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "words");
    lab.run("up LAB --trace new.json", 0);
    lab.run("up LAB --trace new.json", 0);
    lab.run("down LAB", 0);
}
