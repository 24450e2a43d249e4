//! Steps of `prepare`: they run when an exercise begins, once, and a reset undoes them.

use serde_json::{Value, json};

use crate::support::ProgramOutput;
use crate::support::engine_lab::{EngineLab, images};

struct Incident(EngineLab);

impl Incident {
    fn up() -> Self {
        let lab = EngineLab::copy_of("tests/labs/incident");
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

    /// Changes the record of what was prepared, as a process leaves it that ends in between.
    fn interrupt(&self) {
        let runs = self.0.copy.path("state/roadlab/runs");
        let files = std::fs::read_dir(runs).expect("the runs");
        let mut files = files.map(|file| file.expect("a file").path());
        let file = files.find(|file| file.to_string_lossy().ends_with(".baselines.json"));
        let file = file.expect("the baselines");
        let text = std::fs::read_to_string(&file).expect("the baselines");
        let mut all: Value = serde_json::from_str(&text).expect("JSON");
        let content = match all.get("prepared") {
            Some(_) => &mut all,
            None => all
                .as_object_mut()
                .expect("an object")
                .values_mut()
                .find(|value| value.get("prepared").is_some())
                .expect("what was prepared"),
        };
        content["prepared"]["incident"] = json!({ "running": { "process": i32::MAX } });
        content["exercises"]
            .as_object_mut()
            .expect("the baselines")
            .remove("incident");
        std::fs::write(&file, all.to_string()).expect("the baselines");
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
    lab.run("check LAB first", 0);
    incident.assert_begun();
    lab.run("check LAB", 1);
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
    assert!(output.stderr.contains(&expected), "{output:?}");
    incident.assert_begun();
    lab.run("reset LAB --to incident", 0);
    incident.assert_begun();
    lab.run("check LAB incident", 1);
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
