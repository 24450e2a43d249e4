//! Whose is what: nothing is removed on a label's word alone, and nothing of anybody else is ever removed.

mod support;

#[path = "support/engine.rs"]
mod engine;

use serde_json::{Value, json};

use crate::engine::EngineLab;

fn tiny() -> EngineLab {
    EngineLab::copy_of("tests/labs/tiny")
}

/// A foreign thing that is removed when the test ends.
struct Own<'a> {
    real: &'a EngineLab,
    path: String,
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        let path = format!("{}?force=1&v=1", self.path);
        self.real.ask("DELETE", &path, &Value::Null);
    }
}

impl<'a> Own<'a> {
    /// A container of somebody else, started if it is to run.
    fn container(real: &'a EngineLab, name: &str, body: &Value) -> Self {
        let path = format!("/containers/create?name={name}");
        real.ask("POST", &path, body);
        Self {
            real,
            path: format!("/containers/{name}"),
        }
    }

    fn start(&self) {
        let path = format!("{}/start", self.path);
        self.real.ask("POST", &path, &Value::Null);
    }

    #[track_caller]
    fn runs(&self) {
        let state = self
            .real
            .ask("GET", &format!("{}/json", self.path), &Value::Null);
        assert_eq!(state["State"]["Running"], true, "{state}");
    }
}

/// The container of the lab as the engine tells of it, and its image.
fn ours(real: &EngineLab) -> (Value, Value) {
    let ours = real.containers()[0].take();
    let image = ours["ImageID"].clone();
    (ours, image)
}

#[test]
fn a_container_of_an_image_that_inherited_our_labels_is_never_touched() {
    let real = tiny();
    real.run("up LAB", 0);
    let (ours, _) = ours(&real);
    let id = ours["Id"].as_str().unwrap();
    let repo = format!("somebody-elses-{}", real.copy.id);
    real.ask(
        "POST",
        &format!("/commit?container={id}&repo={repo}"),
        &Value::Null,
    );
    let _image = Own {
        real: &real,
        path: format!("/images/{repo}"),
    };
    // By another name, and by one that begins as ours does.
    let near = format!(
        "{}-copy",
        ours["Names"][0].as_str().unwrap().trim_start_matches('/')
    );
    let body = json!({ "Image": repo });
    let foreign = [repo.as_str(), near.as_str()].map(|name| Own::container(&real, name, &body));
    foreign.iter().for_each(Own::start);
    assert_eq!(
        real.containers().as_array().unwrap().len(),
        3,
        "the labels are inherited"
    );
    assert_eq!(real.run("up LAB --json", 0).json()["changed"], false);
    real.run("reset LAB --hard", 0);
    real.run("down LAB", 0);
    real.run("down --all", 0);
    real.run("gc", 0);
    foreign.iter().for_each(Own::runs);
    assert_eq!(real.left().len(), 2);
}

#[test]
fn a_foreign_container_on_our_network_is_taken_off_it_and_goes_on() {
    let real = tiny();
    real.run("up LAB", 0);
    let (ours, image) = ours(&real);
    let networks = ours["NetworkSettings"]["Networks"].as_object().unwrap();
    let network = networks.keys().next().unwrap();
    let name = format!("guest-{}", real.copy.id);
    let body = json!({ "Image": image, "HostConfig": { "NetworkMode": network } });
    let guest = Own::container(&real, &name, &body);
    guest.start();
    let down = real.run("down LAB", 0);
    let told = format!(
        "container {name} is not ours and was on network {network}: it was taken off it and goes on"
    );
    assert!(down.stderr.contains(&told), "{down:?}");
    assert_eq!(real.left(), [""; 0]);
    guest.runs();
}

#[test]
fn a_volume_whose_name_begins_as_ours_is_kept() {
    let real = tiny();
    real.run("up LAB", 0);
    let (ours, _) = ours(&real);
    let name = format!(
        "{}-data-mine",
        ours["Names"][0].as_str().unwrap().trim_start_matches('/')
    );
    real.ask("POST", "/volumes/create", &json!({ "Name": name }));
    let volume = Own {
        real: &real,
        path: format!("/volumes/{name}"),
    };
    real.run("down LAB", 0);
    real.run("down --all", 0);
    let kept = real.ask("GET", &volume.path, &Value::Null);
    assert_eq!(kept["Name"], name);
}

#[test]
fn a_volume_of_ours_that_somebody_else_uses_is_told_with_its_user() {
    let real = tiny();
    real.run("up LAB", 0);
    let (ours, image) = ours(&real);
    let volume = ours["Mounts"][0]["Name"].as_str().unwrap();
    let name = format!("user-{}", real.copy.id);
    let body = json!({ "Image": image, "HostConfig": { "Binds": [format!("{volume}:/data")] } });
    let user = Own::container(&real, &name, &body);
    user.start();
    let said = real.run("down LAB", 6).stderr;
    assert!(
        said.contains(&format!("container `{name}` uses it")),
        "{said}"
    );
    assert!(
        said.contains(&format!("docker volume rm {volume}")),
        "{said}"
    );
    assert_eq!(real.left(), [format!("volume {volume}")]);
    user.runs();
    drop(user);
    // The reaper of that removal may be at it still; whoever comes first does it.
    let collected = || {
        real.run("gc", 0);
        real.left().is_empty()
    };
    assert!(real.soon(collected), "{:?}", real.left());
}

#[test]
fn a_volume_without_a_name_goes_with_its_container() {
    let real = tiny();
    // Without the lab's own volume the image's stays, which has no name and no labels.
    let own = "    volumes: [\"redis-data:/data\"]\n";
    let path = real.copy.path("compose/redis/compose.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(own).count(), 1);
    std::fs::write(&path, text.replace(own, "")).unwrap();
    let from = "\nvolumes:\n  redis-data: {}\n";
    real.copy.change("compose.yaml", from, "");
    real.run("up LAB", 0);
    let (ours, _) = ours(&real);
    let mounts = ours["Mounts"].as_array().unwrap();
    let data = mounts
        .iter()
        .find(|mount| mount["Destination"] == "/data")
        .unwrap();
    let name = data["Name"].as_str().unwrap();
    let there = || {
        let volumes = real.ask("GET", "/volumes", &Value::Null)["Volumes"].take();
        volumes
            .as_array()
            .unwrap()
            .iter()
            .any(|volume| volume["Name"] == name)
    };
    assert!(there());
    real.run("down LAB", 0);
    assert!(!there());
}
