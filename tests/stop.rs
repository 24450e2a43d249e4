//! However a run ends, nothing of it is left: by a signal at any moment, or because a service, a port, an image or a recipe
//! is not as it must be. `kill -9` has a file of its own.

mod support;

#[path = "support/engine.rs"]
mod engine;

#[path = "support/running.rs"]
mod running;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::json;

use crate::engine::EngineLab;
use crate::running::Running;

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

/// The tiny lab with lines more in its service.
#[track_caller]
fn tiny_with(lines: &str) -> EngineLab {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let to = format!("{EXTENDS}{lines}");
    real.copy.change("compose.yaml", EXTENDS, &to);
    real
}

/// A lab that starts and never answers.
fn stuck() -> EngineLab {
    tiny_with("    command: [sleep, infinity]\n")
}

/// A signal at a moment of a command ends it with 128 and its number, and nothing is left.
#[track_caller]
fn stopped(real: &EngineLab, words: &str, moment: &str, signal: Signal) {
    let mut running = Running::begin(real, words);
    running.until(moment);
    running.send(signal);
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(128 + signal.as_raw()), "{said}");
    assert!(said.contains("stopping: removing what was made"), "{said}");
    assert_eq!(real.left(), [""; 0], "{said}");
}

#[test]
fn up_is_stopped_while_a_network_is_made() {
    stopped(&stuck(), "up LAB --json", "create network", Signal::INT);
}

#[test]
fn up_is_stopped_while_a_container_is_made() {
    stopped(&stuck(), "up LAB --json", "create container", Signal::TERM);
}

#[test]
fn up_is_stopped_while_a_container_starts() {
    stopped(&stuck(), "up LAB --json", "\"start redis", Signal::HUP);
}

#[test]
fn up_is_stopped_while_it_waits() {
    let real = stuck();
    stopped(&real, "up LAB --json", "\"waiting\"", Signal::INT);
    stopped(&real, "up LAB --json", "\"waiting\"", Signal::TERM);
}

#[test]
fn a_proof_is_stopped_while_it_waits() {
    stopped(&stuck(), "test LAB --json", "\"waiting\"", Signal::HUP);
}

#[test]
fn a_session_is_stopped_while_it_waits() {
    stopped(
        &stuck(),
        "run LAB --auto",
        "waiting for redis",
        Signal::TERM,
    );
}

/// The tiny lab whose solution takes for ever.
fn endless() -> EngineLab {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let from = "solution:\n";
    let step =
        "redis: { service: redis, command: [GET, never] }\n        expect: { exists: true }\n";
    let to = format!("{from}      - {step}        within: 10m\n");
    real.copy.change("lab.yaml", from, &to);
    real
}

#[test]
fn a_session_is_stopped_in_the_middle_of_an_exercise() {
    stopped(&endless(), "run LAB --auto", "A greeting", Signal::INT);
}

#[test]
fn a_proof_is_stopped_in_the_middle_of_an_exercise() {
    stopped(&endless(), "test LAB --json", "\"wrong\"", Signal::TERM);
}

#[test]
fn a_service_that_never_answers_is_told_with_all_that_was_seen() {
    let real = tiny_with(
        "    command: [sh, -c, \"echo thinking; exec sleep infinity\"]\n    x-roadlab: { ready_within: 1s }\n",
    );
    let said = real.run("up LAB", 5).stderr;
    assert_eq!(real.left(), [""; 0]);
    for part in [
        "error: service `redis` did not become ready within 1.",
        "\n  probe         redis PING (",
        " times)\n  last result   ",
        "\n  last lines of the log:\n    thinking\n",
        &format!("\n  next: `roadlab up {} --retain`", real.copy.id),
        "\nremoved what was created: 1 container, 1 network, 1 volume\n",
    ] {
        assert!(format!("\n{said}").contains(part), "{part:?} in:\n{said}");
    }
    let error = real.run("up LAB --json", 5).json();
    let error = &error["error"];
    assert_eq!(
        (&error["exit"], &error["code"], &error["service"]),
        (&5.into(), &"not_ready".into(), &"redis".into())
    );
    assert!(error["attempts"].as_u64() > Some(1), "{error}");
    assert_eq!(error["log"][0], "thinking");
}

#[test]
fn a_service_that_ends_is_told_with_its_exit_code() {
    let real = tiny_with("    command: [sh, -c, \"echo giving up; exit 7\"]\n");
    let said = real.run("up LAB", 5).stderr;
    assert_eq!(real.left(), [""; 0]);
    assert!(
        said.contains("error: service `redis` exited after "),
        "{said}"
    );
    assert!(said.contains("exited (exit code 7)"), "{said}");
    assert!(said.contains("\n    giving up\n"), "{said}");
}

#[test]
fn a_lab_that_is_retained_can_be_looked_at() {
    let real = tiny_with("    command: [sh, -c, \"echo giving up; exit 7\"]\n");
    let said = real.run("up LAB --retain", 5).stderr;
    let told = format!("`roadlab down {}` removes it\n", real.copy.id);
    assert!(said.contains(&told), "{said}");
    assert_eq!(real.left().len(), 3);
    assert!(real.run("logs LAB", 0).stdout.contains("giving up"));
    real.run("down LAB", 0);
}

#[test]
fn a_port_that_somebody_uses_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let real = tiny_with(&format!("    ports: [\"{port}:6379\"]\n"));
    let said = real.run("up LAB", 3).stderr;
    assert_eq!(real.left(), [""; 0]);
    assert!(
        said.contains(&format!(
            "port {port} is used by another program: stop it, or let the lab choose a free port"
        )),
        "{said}"
    );
}

#[test]
fn an_image_that_is_nowhere_is_told_with_all_that_was_tried() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let own = "    image: 127.0.0.1:1/none:1\n    ports: [\"6379\"]\n";
    real.copy.change("compose.yaml", EXTENDS, own);
    let said = crate::support::Ended::of(&mut real.copy.roadlab("up LAB")).with(3);
    assert_eq!(real.left(), [""; 0]);
    for part in [
        "error: no image for service `redis`\n",
        "\n  - pulling 127.0.0.1:1/none:1: ",
        "\n  - the service has no recipe to build an image from",
    ] {
        assert!(said.stderr.contains(part), "{part:?} in {said:?}");
    }
    let offline = real.run("up LAB", 3).stderr;
    let part = "\n  - image `127.0.0.1:1/none:1` is not on this machine, and --offline does not pull images\n";
    assert!(offline.contains(part), "{offline}");
}

/// A registry whose layer is not what its manifest says: the engine tells it in the middle of a pull that began well.
fn broken_registry() -> u16 {
    let digest = |fill: &str| format!("sha256:{}", fill.repeat(64));
    let layer = "x".repeat(1000);
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let part = |media: &str, size: usize, digest: &str| json!({ "mediaType": media, "size": size, "digest": digest });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind,
        "config": part("application/vnd.docker.container.image.v1+json", 2, &digest("b")),
        "layers": [part("application/vnd.docker.image.rootfs.diff.tar.gzip", layer.len(), &digest("a"))],
    });
    let manifest = manifest.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut asked = String::new();
            let mut lines = BufReader::new(&stream);
            // The head ends with an empty line.
            while lines.read_line(&mut asked).is_ok_and(|count| count > 2) {}
            let (kind, body) = match asked.split(' ').nth(1) {
                Some(path) if path.contains("/manifests/") => (kind, manifest.as_str()),
                Some(path) if path.contains("/blobs/") => {
                    ("application/octet-stream", layer.as_str())
                }
                _ => ("application/json", "{}"),
            };
            let body = if asked.starts_with("HEAD") { "" } else { body };
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {kind}\r\n");
            // The engine may have hung up.
            let _ = write!(
                &stream,
                "{head}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    port
}

#[test]
fn a_registry_that_sends_something_else_is_told_and_nothing_is_made() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let image = format!("127.0.0.1:{}/broken:1", broken_registry());
    let own = format!("    image: {image}\n    ports: [\"6379\"]\n");
    real.copy.change("compose.yaml", EXTENDS, &own);
    let said = crate::support::Ended::of(&mut real.copy.roadlab("up LAB")).with(3);
    assert_eq!(real.left(), [""; 0]);
    let part = format!("\n  - pulling {image}: ");
    assert!(said.stderr.contains(&part), "{said:?}");
    // After five good items, in the engine's own words.
    assert!(said.stderr.contains("verif"), "{said:?}");
    assert!(!said.stderr.contains("{\"message\""), "{said:?}");
}

#[test]
fn a_recipe_that_fails_is_told_with_its_last_lines() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let own = "    build: ./broken\n    ports: [\"6379\"]\n";
    real.copy.change("compose.yaml", EXTENDS, own);
    let folder = real.copy.path(&format!("labs/{}/broken", real.copy.id));
    std::fs::create_dir(&folder).unwrap();
    let recipe = std::fs::read_to_string(real.copy.path("compose/redis/Dockerfile")).unwrap();
    let base: Vec<&str> = recipe.lines().take(2).collect();
    let broken = format!("{}\nRUN echo about to break && exit 9\n", base.join("\n"));
    std::fs::write(folder.join("Dockerfile"), broken).unwrap();
    let said = crate::support::Ended::of(&mut real.copy.roadlab("up LAB")).with(6);
    assert_eq!(real.left(), [""; 0]);
    for part in ["cannot build the recipe", "about to break", "9"] {
        assert!(said.stderr.contains(part), "{part:?} in {said:?}");
    }
}

#[test]
fn a_stop_while_a_running_lab_changes_keeps_the_lab() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    real.run("up LAB", 0);
    let to = format!("{EXTENDS}    command: [sleep, infinity]\n");
    real.copy.change("compose.yaml", EXTENDS, &to);
    let mut running = Running::begin(&real, "up LAB --json");
    running.until("\"waiting\"");
    running.send(Signal::INT);
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(130), "{said}");
    let kept = real.left();
    assert_eq!(kept.len(), 3, "{said}");
    real.run("status", 0);
    assert_eq!(real.left(), kept, "the learner's data is still there");
    real.run("down LAB", 0);
}
