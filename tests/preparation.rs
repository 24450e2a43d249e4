//! Steps of `prepare`: they run when an exercise begins, once, and a reset undoes them.

use serde_json::{Value, json};

use crate::support::engine_lab::{EngineLab, images};
use crate::support::terminal::Terminal;
use crate::support::{ProgramOutput, eventually};

struct Incident(EngineLab);

impl Incident {
    fn up() -> Self {
        Self::up_with("    prepare:\n")
    }

    /// With what stands in place of the key `prepare`.
    fn up_with(prepare: &str) -> Self {
        let lab = EngineLab::copy_of("tests/labs/incident");
        lab.copy.change("lab.yaml", "    prepare:\n", prepare);
        images(&lab.copy);
        lab.run("up LAB", 0);
        Self(lab)
    }

    #[track_caller]
    fn redis(&self, words: &str) -> String {
        let output = self.0.run(&format!("shell LAB a -- redis-cli {words}"), 0);
        output.stdout.trim().to_owned()
    }

    /// How often the exercise was prepared, and the fault of the server.
    #[track_caller]
    fn state(&self) -> (String, Value) {
        let status = self.0.run("status LAB --json", 0).json();
        let services = status[0]["services"].as_array().expect("rows").clone();
        let a = services.iter().find(|row| row["service"] == "a");
        (
            self.redis("GET begun"),
            a.expect("the service")["fault"].clone(),
        )
    }

    #[track_caller]
    fn assert_begun(&self) {
        assert_eq!(self.state(), ("1".to_owned(), json!("cut_off")));
    }

    #[track_caller]
    fn assert_whole(&self) {
        assert_eq!(self.state(), (String::new(), Value::Null));
    }

    /// Changes the record of what was prepared, as a process leaves it that ends in between. Another process has its number by
    /// now.
    fn interrupt(&self) {
        let process = std::process::id();
        self.0.change_baselines(|content| {
            content["prepared"]["incident"] = json!({ "running": { "process": process } });
            content["exercises"]
                .as_object_mut()
                .expect("the baselines")
                .remove("incident");
        });
    }
}

#[apply(engine_test)]
fn an_exercise_is_prepared_when_it_begins_and_never_twice() {
    let incident = Incident::up();
    let lab = &incident.0;
    // What its checks would see before is not its task.
    let early = lab.run("check LAB incident", 1).stdout;
    assert!(
        early.contains("the exercise has not begun: solve first first"),
        "{early}"
    );
    incident.assert_whole();

    incident.redis("SET first 1");
    // The check that lets it begin shows its task as well.
    let begun = lab.run("check LAB", 1).stdout;
    assert!(!begun.contains("has not begun"), "{begun}");
    incident.assert_begun();
    lab.run("check LAB incident", 1);
    incident.assert_begun();

    lab.run("reset LAB", 0);
    incident.assert_whole();
    lab.run("check LAB", 1);
    incident.assert_whole();

    lab.run("reset LAB --to incident", 0);
    incident.assert_begun();
    lab.run("solve LAB incident --yes", 0);
    assert_eq!(incident.state(), ("1".to_owned(), Value::Null));
    // The one after it needs it: it is prepared and solved on the way.
    lab.run("reset LAB --to after", 0);
    assert_eq!(incident.state(), ("1".to_owned(), Value::Null));
    lab.run("reset LAB --hard", 0);
    incident.assert_whole();
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_preparation_that_was_interrupted_is_not_repeated_before_a_reset() {
    let incident = Incident::up();
    let lab = &incident.0;
    incident.redis("SET first 1");
    lab.run("check LAB first", 0);
    incident.interrupt();
    let output = ProgramOutput::of(&mut lab.command("check LAB incident"));
    let expected = format!(
        "the preparation of `incident` was interrupted; to begin again: `roadlab reset {} --to incident`",
        lab.copy.id
    );
    assert!(output.stdout.contains(&expected), "{output:?}");
    assert_eq!(output.code, Some(1), "{output:?}");
    incident.assert_begun();
    // What it builds on is checked as before, and nothing else of the lab suffers.
    lab.run("check LAB first", 0);
    lab.run("solve LAB incident --yes", 0);
    lab.run("reset LAB", 0);
    lab.run("reset LAB --to incident", 0);
    incident.assert_begun();
    lab.run("check LAB incident", 1);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_preparation_that_failed_is_not_waited_for() {
    let fails = "    prepare:
      - redis: { service: a, command: [GET, first] }
        expect: { equals: never }
";
    let incident = Incident::up_with(fails);
    let lab = &incident.0;
    incident.redis("SET first 1");
    let failed = ProgramOutput::of(&mut lab.command("check LAB first"));
    assert!(failed.stderr.contains("never"), "{failed:?}");
    let checked = lab.run("check LAB incident", 1).stdout;
    assert!(checked.contains("was interrupted"), "{checked}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_lab_with_a_preparation_passes_its_test() {
    let lab = EngineLab::copy_of("tests/labs/incident");
    images(&lab.copy);
    let output = lab.run("test LAB", 0);
    assert!(
        output
            .stdout
            .contains("passes its test: 3 exercises, 4 checks"),
        "{output:?}"
    );
}

/// A preparation that lasts until the key `go` is there.
const UNTIL_GO: &str = "    prepare:
      - exec:
          service: a
          run:
            - sh
            - -c
            - 'redis-cli SET preparing 1; until [ \"$(redis-cli GET go)\" = 1 ]; do sleep 0.1; done'
        timeout: 3m
";

#[apply(engine_test)]
fn nothing_changes_the_lab_while_an_exercise_is_prepared() {
    let incident = Incident::up_with(UNTIL_GO);
    let lab = &incident.0;
    incident.redis("SET first 1");
    let checking = lab.command("check LAB first").spawn();
    let checking = checking.expect("the program can be run");
    assert!(eventually(|| incident.redis("GET preparing") == "1"));
    for command in ["reset LAB", "pause LAB"] {
        let refused = lab.run(command, 3).stderr;
        assert!(refused.contains("another roadlab"), "{command}: {refused}");
    }
    let waiting = lab.run("check LAB incident", 1).stdout;
    assert!(waiting.contains("is being prepared"), "{waiting}");
    incident.redis("SET go 1");
    let ended = checking.wait_with_output().expect("the program ends");
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(incident.redis("GET begun"), "1");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_key_does_not_cut_off_a_preparation_in_the_session() {
    let incident = Incident::up_with(UNTIL_GO);
    let lab = &incident.0;
    let mut terminal = Terminal::open(80, 24, &lab.command(""));
    let id = &lab.copy.id;
    terminal.start(&format!("roadlab --labs labs --offline run {id} --keep"));
    terminal.wait_for("0 of 1 checks pass");
    incident.redis("SET first 1");
    assert!(eventually(|| incident.redis("GET preparing") == "1"));
    terminal.type_in("n");
    incident.redis("SET go 1");
    terminal.wait_for("2/3 The incident");
    assert_eq!(incident.redis("GET begun"), "1");
    terminal.type_in("q");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_demonstration_prepares_exercises() {
    let incident = Incident::up();
    let lab = &incident.0;
    let ended = lab.run("run LAB --auto --yes", 0).stdout;
    assert!(ended.contains("solutions that pass: 3 of 3"), "{ended}");
    lab.run("down LAB", 0);
}
