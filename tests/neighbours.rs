//! Neighbours on one engine: copies of a lab side by side, and other people's things that only look like ours.

mod support;

#[path = "support/engine.rs"]
mod engine;

use serde_json::{Value, json};

use crate::engine::EngineLab;

fn tiny() -> EngineLab {
    EngineLab::copy_of("tests/labs/tiny")
}

#[test]
fn two_copies_live_side_by_side() {
    let real = tiny();
    let up = |words: &str| real.run(&format!("up LAB --json {words}"), 0).json();
    let (one, two) = (up(""), up("--instance second"));
    let url = |up: &Value| up["services"][0]["url"].clone();
    assert_ne!(url(&one), url(&two));
    assert_eq!(real.left().len(), 6);
    real.run("solve LAB greet --instance second", 0);
    real.run("check LAB greet --instance second", 0);
    real.run("check LAB greet", 1);
    let status = real.run("status --json", 0).json();
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
    real.run("down LAB", 0);
    assert_eq!(real.left().len(), 3);
    real.run("check LAB greet --instance second", 0);
    real.run("down --all", 0);
}

/// Things on the engine that carry our labels but not our name, as a derived image or a curious person would make them.
struct Foreign<'a> {
    real: &'a EngineLab,
    name: String,
}

impl<'a> Foreign<'a> {
    fn make(real: &'a EngineLab) -> Self {
        let name = format!("somebody-elses-{}", real.copy.id);
        let containers = real.containers();
        let (ours, labels) = (&containers[0], &containers[0]["Labels"]);
        let post = |path: &str, body: Value| drop(real.ask("POST", path, &body));
        post(
            &format!("/containers/create?name={name}"),
            json!({ "Image": ours["ImageID"], "Labels": labels }),
        );
        post(
            "/networks/create",
            json!({ "Name": name, "Labels": labels }),
        );
        post("/volumes/create", json!({ "Name": name, "Labels": labels }));
        Self { real, name }
    }

    fn all(&self) -> Vec<String> {
        ["container", "network", "volume"]
            .map(|kind| format!("{kind} {}", self.name))
            .to_vec()
    }
}

impl Drop for Foreign<'_> {
    fn drop(&mut self) {
        for path in ["containers", "networks", "volumes"] {
            let path = format!("/{path}/{}?force=1&v=1", self.name);
            self.real.ask("DELETE", &path, &Value::Null);
        }
    }
}

#[test]
fn what_merely_carries_our_labels_is_never_touched() {
    let real = tiny();
    real.run("up LAB", 0);
    let foreign = Foreign::make(&real);
    assert_eq!(real.run("up LAB --json", 0).json()["changed"], false);
    assert_eq!(real.left().len(), 6);
    real.run("reset LAB --hard", 0);
    let down = real.run("down LAB", 0).stdout;
    assert!(down.starts_with("removed 1 container, 1 network, 1 volume in "));
    real.run("down --all", 0);
    real.run("gc", 0);
    assert_eq!(real.left(), foreign.all());
}

#[test]
fn a_port_that_another_copy_has_is_told_with_its_holder() {
    let real = tiny();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let extends = "service: redis }\n";
    let fixed = format!("{extends}    ports: [\"{port}:6379\"]\n");
    real.copy.change("compose.yaml", extends, &fixed);
    let up = real.run("up LAB --json", 0).json();
    let service = &up["services"][0];
    assert_eq!(service["ports"]["6379"], port);
    let holder = service["container"].as_str().unwrap();
    let said = real.run("up LAB --instance second", 3).stderr;
    let told = format!("port {port} is used by container {holder}: stop it, or let the lab");
    assert!(said.contains(&told), "{said}");
    assert_eq!(real.left().len(), 3, "nothing of the second is left");
    real.run("down LAB", 0);
}
