//! Published ports and networks on the real engine: what the lab file lists exists, and follows a changed lab file.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::engine_lab::EngineLab;
use crate::support::{ProgramOutput, eventually};

/// A copy of the smallest lab whose service has these additional keys.
fn lab(keys: &str, networks: &str) -> EngineLab {
    let lab = EngineLab::tiny();
    lab.copy.change(
        "compose.yaml",
        "service: redis }\n",
        &format!("service: redis }}\n{keys}"),
    );
    lab.copy.change(
        "compose.yaml",
        "volumes:\n",
        &format!("{networks}volumes:\n"),
    );
    lab
}

/// Asserts that a redis server answers at a port of this machine.
#[track_caller]
pub(crate) fn assert_answers(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the port is published");
    let timeout = Some(Duration::from_secs(30));
    stream.set_read_timeout(timeout).expect("a socket");
    stream.write_all(b"PING\r\n").expect("a connection");
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"+PONG\r\n", "port {port}");
}

/// The host ports of the only container, by container port and protocol.
fn host_ports(lab: &EngineLab, container: u16, protocol: &str) -> BTreeSet<u16> {
    let containers = lab.containers();
    let ports = containers[0]["Ports"]
        .as_array()
        .expect("a running container");
    let bindings = ports
        .iter()
        .filter(|port| port["PrivatePort"] == container && port["Type"] == protocol);
    let hosts = bindings.filter_map(|port| u16::try_from(port["PublicPort"].as_u64()?).ok());
    hosts.collect()
}

/// The networks that the only container is connected to, without the prefix of the run.
fn networks(lab: &EngineLab) -> BTreeSet<String> {
    let containers = lab.containers();
    let networks = containers[0]["NetworkSettings"]["Networks"].as_object();
    let names = networks.expect("networks").keys();
    names
        .map(|name| name.rsplit('-').next().unwrap_or(name).to_owned())
        .collect()
}

/// The networks of the lab on the engine, as `network NAME` without the prefix of the run.
fn left_networks(lab: &EngineLab) -> BTreeSet<String> {
    let left = lab.resources().into_iter();
    left.filter(|name| name.starts_with("network "))
        .map(|name| name.rsplit('-').next().unwrap_or(&name).to_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Starts a lab whose `compose.yaml` has a port in place of `written`, and returns it. Another program may take a free port first;
/// then another one is tried.
fn up_at_a_fixed_port(lab: &EngineLab, written: &str) -> u16 {
    let (mut written, mut fixed) = (written.to_owned(), 0);
    let started = eventually(|| {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        fixed = free.expect("a free port").port();
        let next = format!("'{fixed}:6379'");
        lab.copy.change("compose.yaml", &written, &next);
        written = next;
        let up = ProgramOutput::of(&mut lab.command("up LAB"));
        let taken = up.stderr.contains(&format!("port {fixed} is used by"));
        if !taken {
            up.expect_code(0);
        }
        !taken
    });
    assert!(started, "each port was taken");
    fixed
}

#[apply(engine_test)]
fn every_published_port_of_a_container_port_answers() {
    let lab = lab("    ports: ['0:6379', '6379/udp']\n", "");
    let fixed = up_at_a_fixed_port(&lab, "'0:6379'");
    let tcp = host_ports(&lab, 6379, "tcp");
    assert!(tcp.len() == 2 && tcp.contains(&fixed), "{tcp:?}");
    assert_eq!(host_ports(&lab, 6379, "udp").len(), 1);
    for port in tcp {
        assert_answers(port);
    }
    // Nothing has changed, so nothing is done.
    let ended = lab.run("up LAB", 0);
    assert!(!ended.stderr.contains("create"), "{ended:?}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn networks_follow_the_lab_file_and_are_restored() {
    let lab = lab(
        "    networks: [front, back]\n",
        "networks: { front: {}, back: {} }\n",
    );
    lab.run("up LAB", 0);
    assert_eq!(networks(&lab), set(&["back", "front"]));

    lab.copy
        .change("compose.yaml", "[front, back]", "[front, rear]");
    lab.copy.change("compose.yaml", "back: {}", "rear: {}");
    lab.run("up LAB", 0);
    assert_eq!(networks(&lab), set(&["front", "rear"]));
    assert_eq!(left_networks(&lab), set(&["front", "rear"]));

    for stop in [false, true] {
        let container = lab.containers()[0]["Id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let names: Vec<String> = lab.containers()[0]["NetworkSettings"]["Networks"]
            .as_object()
            .expect("networks")
            .keys()
            .cloned()
            .collect();
        if stop {
            let path = format!("/containers/{container}/stop?t=0");
            lab.request("POST", &path, &Value::Null);
        }
        for name in names {
            let body = json!({ "Container": container, "Force": true });
            if !stop {
                lab.request("POST", &format!("/networks/{name}/disconnect"), &body);
            }
            lab.request("DELETE", &format!("/networks/{name}"), &Value::Null);
        }
        assert_eq!(left_networks(&lab), set(&[]));
        lab.run("up LAB", 0);
        assert_eq!(networks(&lab), set(&["front", "rear"]));
        assert_eq!(lab.containers()[0]["Id"], container, "the container stays");
        for port in host_ports(&lab, 6379, "tcp") {
            assert_answers(port);
        }
    }
    lab.run("down LAB", 0);
}
