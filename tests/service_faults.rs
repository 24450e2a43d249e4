//! Faults of services on the real engine: what a service that is cut off, paused, stopped or removed looks like, and its repair.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::ProgramOutput;
use crate::support::engine_lab::{EngineLab, images};

/// What the program prints of a service that is not there.
const NOT_FOUND: &str = "Could not connect to Redis at a:6379: Name or service not known";

struct Peers(EngineLab);

impl Peers {
    fn up() -> Self {
        let lab = EngineLab::copy_of("tests/labs/peers");
        images(&lab.copy);
        lab.run("up LAB", 0);
        Self(lab)
    }

    /// Asks one server for the other from inside its container. The answer comes at once, or the name is not found.
    #[track_caller]
    fn ping(&self, from: &str, to: &str) -> String {
        let arguments = format!("shell LAB {from} -- redis-cli -h {to} PING");
        let output = ProgramOutput::of(&mut self.0.command(&arguments));
        format!("{}{}", output.stdout, output.stderr)
    }

    /// Asserts that one server does not get an answer from an address, whose packets may be lost.
    #[track_caller]
    fn assert_unreachable(&self, from: &str, to: &str) {
        let arguments = format!("shell LAB {from} -- timeout 5 redis-cli -h {to} PING");
        let output = ProgramOutput::of(&mut self.0.command(&arguments));
        assert!(!output.stdout.contains("PONG"), "{output:?}");
    }

    /// Asks a server over its published port.
    #[track_caller]
    fn assert_reachable(&self, service: &str) {
        let status = self.status();
        let url = status[service]["url"]
            .as_str()
            .expect("an address")
            .to_owned();
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
        crate::ports_and_networks::assert_answers(port.expect("a port"));
    }

    /// The services of the lab as `status` prints them, by name.
    #[track_caller]
    fn status(&self) -> BTreeMap<String, Value> {
        let status = self.0.run("status LAB --json", 0).json();
        let rows = status[0]["services"].as_array().expect("rows").clone();
        rows.into_iter()
            .map(|row| (row["service"].as_str().expect("a name").to_owned(), row))
            .collect()
    }

    #[track_caller]
    fn assert_faults(&self, expected: [Option<&str>; 2]) {
        let status = self.status();
        let faults = ["a", "b"].map(|service| status[service]["fault"].clone());
        assert_eq!(json!(faults), json!(expected));
    }

    /// The names of a service's faults as `status` prints them.
    #[track_caller]
    fn faults(&self, service: &str) -> Value {
        self.status()[service]["faults"].clone()
    }

    fn container(&self, service: &str) -> Value {
        let all = self.0.containers();
        let mut all = all.as_array().expect("a list").iter();
        let found = all.find(|one| one["Labels"]["dev.roadlab.service"] == service);
        found.expect("it has a container").clone()
    }

    fn address(&self, service: &str) -> Vec<Value> {
        let container = self.container(service);
        let networks = container["NetworkSettings"]["Networks"].as_object();
        let networks = networks.expect("networks").values();
        networks.map(|one| one["IPAddress"].clone()).collect()
    }

    fn id(&self, service: &str) -> String {
        let container = self.container(service);
        container["Id"].as_str().expect("an id").to_owned()
    }
}

#[apply(engine_test)]
fn a_service_that_is_cut_off_stays_reachable_and_has_its_address_again() {
    let peers = Peers::up();
    let lab = &peers.0;
    let address = peers.address("a");
    assert_eq!(
        (peers.ping("b", "a"), peers.ping("a", "b")),
        ("PONG\n".into(), "PONG\n".into())
    );

    lab.run("fault LAB cut a", 0);
    peers.assert_faults([Some("cut_off"), None]);
    assert_eq!(peers.ping("b", "a").trim(), NOT_FOUND);
    let at = address[0].as_str().expect("an address");
    peers.assert_unreachable("b", at);
    peers.assert_unreachable("a", "b");
    peers.assert_reachable("a");
    assert_eq!(peers.ping("a", "localhost"), "PONG\n");

    // Others that restart meanwhile do not take its address, and it may restart itself.
    lab.run("restart LAB b", 0);
    lab.run("restart LAB a --kill", 0);
    peers.assert_faults([Some("cut_off"), None]);
    peers.assert_reachable("a");

    lab.run("fault LAB heal a", 0);
    peers.assert_faults([None, None]);
    assert_eq!(peers.address("a"), address);
    assert_eq!(
        (peers.ping("b", "a"), peers.ping("a", "b")),
        ("PONG\n".into(), "PONG\n".into())
    );
    peers.assert_reachable("a");
    assert!(
        lab.run("up LAB", 0).stderr.is_empty(),
        "nothing is left to do"
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn up_and_reset_repair_what_was_cut_off_paused_stopped_or_removed() {
    let peers = Peers::up();
    let lab = &peers.0;
    let addresses = (peers.address("a"), peers.address("b"));
    for repair in ["up LAB", "reset LAB", "fault LAB heal"] {
        lab.run("fault LAB cut a", 0);
        lab.run("fault LAB pause b", 0);
        peers.assert_faults([Some("cut_off"), Some("paused")]);
        lab.run(repair, 0);
        peers.assert_faults([None, None]);

        lab.run("fault LAB stop a", 0);
        let id = peers.id("b");
        lab.request(
            "DELETE",
            &format!("/containers/{id}?force=1&v=1"),
            &Value::Null,
        );
        peers.assert_faults([Some("stopped"), Some("removed")]);
        lab.run(repair, 0);
        peers.assert_faults([None, None]);
        assert_eq!(
            (peers.address("a"), peers.address("b")),
            addresses,
            "{repair}"
        );
        assert_eq!(peers.ping("a", "b"), "PONG\n");
    }
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn faults_are_steps_that_a_reset_undoes() {
    let peers = Peers::up();
    let lab = &peers.0;
    let test = lab.run("test LAB --yes", 0);
    assert!(!test.stdout.contains("partition:"), "{}", test.stdout);
    let solved = lab.run("solve LAB partition", 0);
    assert!(solved.stdout.contains("roadlab fault"), "{}", solved.stdout);
    lab.run("solve LAB full", 0);
    let full = lab.run("check LAB --json", 0).json();
    assert_eq!(full["exercises"][1]["checks"][0]["outcome"], "pass");
    lab.run("reset LAB", 0);
    let reset = lab.run("check LAB --json", 1).json();
    assert_eq!(reset["exercises"][1]["checks"][0]["outcome"], "fail");
    peers.assert_faults([None, None]);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_full_disk_is_a_fault_that_everything_ends() {
    let peers = Peers::up();
    let lab = &peers.0;
    assert_eq!(peers.faults("a"), json!([]));
    for repair in [
        "up LAB",
        "reset LAB",
        "fault LAB heal",
        "reset LAB --to full",
    ] {
        lab.run("fault LAB fill a", 0);
        assert_eq!(peers.faults("a"), json!(["disk_full"]), "{repair}");
        let shown = lab.run("status LAB", 0).stdout;
        assert!(shown.contains("disk full"), "{shown}");
        lab.run(repair, 0);
        assert!(!peers.faults("a").to_string().contains("disk"), "{repair}");
    }
    lab.run("fault LAB heal", 0);
    let planned = lab.run("up LAB --dry-run", 0).stdout;
    assert!(!planned.contains("disk"), "{planned}");

    // Nothing can be seen of the disks of a paused service.
    lab.run("fault LAB fill a", 0);
    lab.run("fault LAB pause a", 0);
    assert_eq!(peers.faults("a"), json!(["paused"]));
    lab.run("fault LAB heal a", 0);
    assert_eq!(peers.faults("a"), json!([]));
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_cut_that_was_interrupted_is_shown_and_repaired() {
    let peers = Peers::up();
    let lab = &peers.0;
    let address = peers.address("a");
    let networks = |peers: &Peers| -> Vec<String> {
        let container = peers.container("a");
        let networks = container["NetworkSettings"]["Networks"].as_object();
        networks.expect("networks").keys().cloned().collect()
    };
    let own = networks(&peers);
    for repair in ["fault LAB heal a", "up LAB", "reset LAB"] {
        lab.run("fault LAB cut a", 0);
        // What a program leaves behind that was killed between the two steps of `cut`, or of `heal`.
        let connect = json!({
            "Container": peers.id("a"),
            "EndpointConfig": { "Aliases": ["a"], "IPAMConfig": { "IPv4Address": address[0] } },
        });
        lab.request("POST", &format!("/networks/{}/connect", own[0]), &connect);
        assert_eq!(networks(&peers).len(), 2);
        assert_eq!(peers.faults("a"), json!(["partly_cut_off"]));
        lab.run(repair, 0);
        assert_eq!(networks(&peers), own, "{repair}");
        assert_eq!(peers.faults("a"), json!([]), "{repair}");
        assert_eq!(peers.address("a"), address);
        assert_eq!(peers.ping("b", "a"), "PONG\n");
        peers.assert_reachable("a");
        let left = lab.resources();
        assert!(!left.iter().any(|one| one.contains("cut-off")), "{left:?}");
    }
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn heal_names_what_it_repaired() {
    let peers = Peers::up();
    let lab = &peers.0;
    let healed = |arguments: &str| lab.run(arguments, 0).json()["services"].clone();
    assert_eq!(lab.run("fault LAB heal", 0).stdout, "nothing to heal\n");
    assert_eq!(healed("fault LAB heal --json"), json!([]));
    lab.run("fault LAB cut b", 0);
    assert_eq!(healed("fault LAB heal a --json"), json!([]));
    assert_eq!(healed("fault LAB heal --json"), json!(["b"]));
    lab.run("fault LAB fill a", 0);
    lab.run("fault LAB stop b", 0);
    assert_eq!(healed("fault LAB heal --json"), json!(["a", "b"]));
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_paused_service_is_named_with_the_way_out() {
    let peers = Peers::up();
    let lab = &peers.0;
    let id = &lab.copy.id;
    // Longer than a person waits: the answer must not depend on it.
    lab.copy.change("lab.yaml", "timeout: 30s", "timeout: 10m");
    let check = || {
        let checked = lab.run("check LAB partition --json", 1).json();
        checked["exercises"][0]["checks"][0].clone()
    };
    let repaired =
        |state: &str, does: &str| format!("`a` is {state}; `roadlab fault {id} heal a` {does} it");
    lab.run("fault LAB pause a", 0);
    let paused = repaired("paused", "continues");
    assert_eq!(check()["actual"], paused.as_str());
    let shell = lab.run("shell LAB a", 3).stderr;
    assert!(shell.contains(&paused), "{shell}");
    let reset = lab.run("reset LAB", 0).stderr;
    assert!(reset.contains("a is paused: it continues"), "{reset}");
    assert!(!reset.contains("restarting"), "{reset}");

    lab.run("fault LAB stop a", 0);
    let stopped = repaired("not running", "starts");
    assert_eq!(check()["actual"], stopped.as_str());
    let shell = lab.run("shell LAB a", 3).stderr;
    assert!(shell.contains(&stopped), "{shell}");
    lab.run("down LAB", 0);
}
