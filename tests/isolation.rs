//! Instances of a lab side by side, and resources of other users that have the same labels.

use serde_json::{Value, json};

use crate::support::engine_lab::{EngineLab, SERVICE};

#[apply(engine_test)]
fn two_instances_run_side_by_side() {
    let lab = EngineLab::tiny();
    let up = |words: &str| lab.run(&format!("up LAB --json {words}"), 0).json();
    let (one, two) = (up(""), up("--instance second"));
    let url = |up: &Value| up["services"][0]["url"].clone();
    assert_ne!(url(&one), url(&two));
    assert_eq!(lab.resources().len(), 6);
    let greeting = "redis-cli SET greeting hello";
    lab.run(
        &format!("shell LAB redis --instance second -- {greeting}"),
        0,
    );
    lab.run("check LAB greet --instance second", 0);
    lab.run("check LAB greet", 1);
    let status = lab.run("status LAB --json", 0).json();
    let instances = status.as_array().unwrap().iter();
    assert_eq!(
        instances
            .map(|run| (run["instance"].clone(), run["done"].clone()))
            .collect::<Vec<_>>(),
        [
            (json!("main"), json!([])),
            (json!("second"), json!(["greet"]))
        ]
    );
    lab.run("down LAB", 0);
    assert_eq!(lab.resources().len(), 3);
    lab.run("check LAB greet --instance second", 0);
    lab.run("down --all", 0);
}

/// Resources of the engine that have the labels of a lab but other names, as a derived image gives them.
struct Unowned<'a> {
    lab: &'a EngineLab,
    name: String,
}

impl<'a> Unowned<'a> {
    fn create(lab: &'a EngineLab) -> Self {
        let name = format!("other-{}", lab.copy.id);
        let containers = lab.containers();
        let (container, labels) = (&containers[0], &containers[0]["Labels"]);
        let post = |path: &str, body: Value| drop(lab.request("POST", path, &body));
        post(
            &format!("/containers/create?name={name}"),
            json!({ "Image": container["ImageID"], "Labels": labels }),
        );
        post(
            "/networks/create",
            json!({ "Name": name, "Labels": labels }),
        );
        post("/volumes/create", json!({ "Name": name, "Labels": labels }));
        Self { lab, name }
    }

    fn all(&self) -> Vec<String> {
        ["container", "network", "volume"]
            .map(|kind| format!("{kind} {}", self.name))
            .to_vec()
    }
}

impl Drop for Unowned<'_> {
    fn drop(&mut self) {
        for path in ["containers", "networks", "volumes"] {
            let path = format!("/{path}/{}?force=1&v=1", self.name);
            self.lab.request("DELETE", &path, &Value::Null);
        }
    }
}

#[apply(engine_test)]
fn resources_that_only_have_the_labels_are_not_touched() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let unowned = Unowned::create(&lab);
    assert_eq!(lab.run("up LAB --json", 0).json()["changed"], false);
    assert_eq!(lab.resources().len(), 6);
    lab.run("reset LAB --hard", 0);
    let down = lab.run("down LAB", 0).stdout;
    assert!(down.starts_with("removed 1 container, 1 network, 1 volume in "));
    lab.run("down --all", 0);
    lab.run("gc", 0);
    assert_eq!(lab.resources(), unowned.all());
}

#[apply(engine_test)]
fn a_port_of_another_instance_is_reported_with_its_container() {
    let lab = EngineLab::tiny();
    let up = lab.run("up LAB --json", 0).json();
    let service = &up["services"][0];
    let (port, container) = (&service["ports"]["6379"], service["container"].as_str());
    let fixed = format!("{SERVICE}    ports: [\"{port}:6379\"]\n");
    lab.copy.change("compose.yaml", SERVICE, &fixed);
    let output = lab.run("up LAB --instance second", 3).stderr;
    let container = container.expect("the service has a container");
    let message =
        format!("port {port} is used by container `{container}`; stop it, or let the lab");
    assert!(output.contains(&message), "{output}");
    assert_eq!(
        lab.resources().len(),
        3,
        "nothing of the second instance is left"
    );
    lab.run("down LAB", 0);
}
