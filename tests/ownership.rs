//! Resources without the labels and the name of a run are never removed.

use serde_json::{Value, json};

use crate::support::engine_lab::EngineLab;
use crate::support::eventually;

/// A resource of another user; it is removed at the end of the test.
struct OtherResource<'a> {
    lab: &'a EngineLab,
    path: String,
}

impl Drop for OtherResource<'_> {
    fn drop(&mut self) {
        let path = format!("{}?force=1&v=1", self.path);
        self.lab.request("DELETE", &path, &Value::Null);
    }
}

impl<'a> OtherResource<'a> {
    /// A container of another user.
    fn container(lab: &'a EngineLab, name: &str, body: &Value) -> Self {
        let path = format!("/containers/create?name={name}");
        lab.request("POST", &path, body);
        Self {
            lab,
            path: format!("/containers/{name}"),
        }
    }

    fn start(&self) {
        let path = format!("{}/start", self.path);
        self.lab.request("POST", &path, &Value::Null);
    }

    #[track_caller]
    fn assert_running(&self) {
        let state = self
            .lab
            .request("GET", &format!("{}/json", self.path), &Value::Null);
        assert_eq!(state["State"]["Running"], true, "{state}");
    }
}

/// The container of the lab as the engine lists it, and its image.
fn lab_container(lab: &EngineLab) -> (Value, Value) {
    let container = lab.containers()[0].take();
    let image = container["ImageID"].clone();
    (container, image)
}

#[apply(engine_test)]
fn a_container_that_inherited_the_labels_from_an_image_is_not_touched() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let (container, _) = lab_container(&lab);
    let id = container["Id"].as_str().unwrap();
    let repo = format!("other-{}", lab.copy.id);
    lab.request(
        "POST",
        &format!("/commit?container={id}&repo={repo}"),
        &Value::Null,
    );
    let _image = OtherResource {
        lab: &lab,
        path: format!("/images/{repo}"),
    };
    // With another name, and with a name that begins like that of the service.
    let near = format!(
        "{}-copy",
        container["Names"][0]
            .as_str()
            .unwrap()
            .trim_start_matches('/')
    );
    let body = json!({ "Image": repo });
    let others =
        [repo.as_str(), near.as_str()].map(|name| OtherResource::container(&lab, name, &body));
    others.iter().for_each(OtherResource::start);
    assert_eq!(
        lab.containers().as_array().unwrap().len(),
        3,
        "the labels are inherited"
    );
    assert_eq!(lab.run("up LAB --json", 0).json()["changed"], false);
    lab.run("reset LAB --hard", 0);
    lab.run("down LAB", 0);
    lab.run("down --all", 0);
    lab.run("gc", 0);
    others.iter().for_each(OtherResource::assert_running);
    assert_eq!(lab.resources().len(), 2);
}

#[apply(engine_test)]
fn another_container_on_the_network_is_disconnected_and_keeps_running() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let (container, image) = lab_container(&lab);
    let networks = container["NetworkSettings"]["Networks"]
        .as_object()
        .unwrap();
    let network = networks.keys().next().unwrap();
    let name = format!("guest-{}", lab.copy.id);
    let body = json!({ "Image": image, "HostConfig": { "NetworkMode": network } });
    let guest = OtherResource::container(&lab, &name, &body);
    guest.start();
    let down = lab.run("down LAB", 0);
    let message = format!(
        "container `{name}` does not belong to roadlab and was disconnected from network `{network}`"
    );
    assert!(down.stderr.contains(&message), "{down:?}");
    assert_eq!(lab.resources(), [""; 0]);
    guest.assert_running();
}

#[apply(engine_test)]
fn a_volume_with_the_same_name_prefix_is_kept() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let (container, _) = lab_container(&lab);
    let name = format!(
        "{}-data-mine",
        container["Names"][0]
            .as_str()
            .unwrap()
            .trim_start_matches('/')
    );
    lab.request("POST", "/volumes/create", &json!({ "Name": name }));
    let volume = OtherResource {
        lab: &lab,
        path: format!("/volumes/{name}"),
    };
    lab.run("down LAB", 0);
    lab.run("down --all", 0);
    let kept = lab.request("GET", &volume.path, &Value::Null);
    assert_eq!(kept["Name"], name);
}

#[apply(engine_test)]
fn a_volume_in_use_by_another_container_is_reported() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let (container, image) = lab_container(&lab);
    let volume = container["Mounts"][0]["Name"].as_str().unwrap();
    let name = format!("user-{}", lab.copy.id);
    let body = json!({ "Image": image, "HostConfig": { "Binds": [format!("{volume}:/data")] } });
    let user = OtherResource::container(&lab, &name, &body);
    user.start();
    let output = lab.run("down LAB", 6).stderr;
    assert!(
        output.contains(&format!("it is used by `{name}`")),
        "{output}"
    );
    assert!(
        output.contains(&format!("docker volume rm {volume}")),
        "{output}"
    );
    assert_eq!(lab.resources(), [format!("volume {volume}")]);
    user.assert_running();
    drop(user);
    // The reaper of that removal may do it first.
    let removed = || {
        lab.run("gc", 0);
        lab.resources().is_empty()
    };
    assert!(eventually(removed), "{:?}", lab.resources());
}

#[apply(engine_test)]
fn an_anonymous_volume_is_removed_with_its_container() {
    let lab = EngineLab::tiny();
    // Without the volume of the lab, the engine creates the one that the image declares, without name and labels.
    let own = "    volumes: [\"redis-data:/data\"]\n";
    let path = lab.copy.path("compose/redis/compose.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(own).count(), 1);
    std::fs::write(&path, text.replace(own, "")).unwrap();
    let from = "\nvolumes:\n  redis-data: {}\n";
    lab.copy.change("compose.yaml", from, "");
    lab.run("up LAB", 0);
    let (container, _) = lab_container(&lab);
    let mounts = container["Mounts"].as_array().unwrap();
    let data = mounts
        .iter()
        .find(|mount| mount["Destination"] == "/data")
        .unwrap();
    let name = data["Name"].as_str().unwrap();
    let exists = || {
        let volumes = lab.request("GET", "/volumes", &Value::Null)["Volumes"].take();
        volumes
            .as_array()
            .unwrap()
            .iter()
            .any(|volume| volume["Name"] == name)
    };
    assert!(exists());
    lab.run("down LAB", 0);
    assert!(!exists());
}
