//! A run that a signal or a failure ends leaves nothing: a service, a port, an image or a build that fails. `kill -9` is in
//! `sigkill/`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::json;

use crate::support::ProgramOutput;
use crate::support::engine_lab::{EngineLab, SERVICE};
use crate::support::process::RunningProgram;

/// Sends a signal to a command when it prints a line. The command exits with 128 and the number of the signal, and leaves
/// nothing.
#[track_caller]
fn stop_at(lab: &EngineLab, arguments: &str, line: &str, signal: Signal) {
    let mut running = RunningProgram::start(lab, arguments);
    running.wait_for_line(line);
    running.send_signal(signal);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(128 + signal.as_raw()), "{output}");
    assert!(
        output.contains("stopping: removing what was created"),
        "{output}"
    );
    assert_eq!(lab.resources(), [""; 0], "{output}");
}

#[apply(engine_test)]
fn up_can_be_stopped_while_it_creates_a_network() {
    stop_at(
        &EngineLab::never_ready(),
        "up LAB --json",
        "create network",
        Signal::INT,
    );
}

#[apply(engine_test)]
fn up_can_be_stopped_while_it_creates_a_container() {
    stop_at(
        &EngineLab::never_ready(),
        "up LAB --json",
        "create container",
        Signal::TERM,
    );
}

#[apply(engine_test)]
fn up_can_be_stopped_while_a_container_starts() {
    stop_at(
        &EngineLab::never_ready(),
        "up LAB --json",
        "\"start redis",
        Signal::HUP,
    );
}

#[apply(engine_test)]
fn up_can_be_stopped_while_it_waits() {
    let lab = EngineLab::never_ready();
    stop_at(&lab, "up LAB --json", "\"waiting\"", Signal::INT);
    stop_at(&lab, "up LAB --json", "\"waiting\"", Signal::TERM);
}

#[apply(engine_test)]
fn a_proof_can_be_stopped_while_it_waits() {
    stop_at(
        &EngineLab::never_ready(),
        "test LAB --json",
        "\"waiting\"",
        Signal::HUP,
    );
}

#[apply(engine_test)]
fn a_proof_of_two_labs_can_be_stopped_while_both_wait() {
    let lab = EngineLab::never_ready();
    let labs = lab.copy.path("labs");
    let copy = format!("{}-b", lab.copy.id);
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([labs.join(&lab.copy.id), labs.join(&copy)])
        .status();
    assert!(copied.expect("cp runs").success());
    let mut running = RunningProgram::start(&lab, &format!("test LAB {copy} --jobs 2 --json"));
    let events = [&lab.copy.id, &copy].map(|id| format!("\"lab\":\"{id}\""));
    running.wait_for_lines(&[&events[0], &events[1]]);
    running.send_signal(Signal::INT);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(130), "{output}");
    let status = lab.run("status --json", 0).json();
    let runs = status.as_array().expect("a list").iter();
    let own = |run: &&serde_json::Value| {
        run["lab"]
            .as_str()
            .is_some_and(|name| name.starts_with(&lab.copy.id))
    };
    assert_eq!(runs.filter(own).count(), 0, "{status} {output}");
    assert_eq!(lab.resources(), [""; 0], "{output}");
}

#[apply(engine_test)]
fn a_session_can_be_stopped_while_it_waits() {
    stop_at(
        &EngineLab::never_ready(),
        "run LAB --auto",
        "waiting for redis",
        Signal::TERM,
    );
}

/// The tiny lab with a solution that takes forever.
fn endless() -> EngineLab {
    let lab = EngineLab::tiny();
    let from = "solution:\n";
    let step =
        "redis: { service: redis, command: [GET, never] }\n        expect: { exists: true }\n";
    let to = format!("{from}      - {step}        within: 10m\n");
    lab.copy.change("lab.yaml", from, &to);
    lab
}

#[apply(engine_test)]
fn a_session_can_be_stopped_during_an_exercise() {
    stop_at(&endless(), "run LAB --auto", "A greeting", Signal::INT);
}

#[apply(engine_test)]
fn a_proof_can_be_stopped_during_an_exercise() {
    stop_at(
        &endless(),
        "test LAB --json --only greet",
        "\"playing\"",
        Signal::TERM,
    );
}

#[apply(engine_test)]
fn a_service_that_never_responds_is_reported_with_the_evidence() {
    let lab = EngineLab::tiny_with(
        "    command: [sh, -c, \"echo thinking; exec sleep infinity\"]\n    x-roadlab: { ready_within: 5s }\n",
    );
    let output = lab.run("up LAB", 5).stderr;
    assert_eq!(lab.resources(), [""; 0]);
    for part in [
        "error: service `redis` did not become ready within 5",
        "\n  probe         redis PING (",
        " times)\n  last result   ",
        "\n  last lines of the log:\n    thinking\n",
        &format!("\n  next: `roadlab up {} --retain`", lab.copy.id),
        "\nremoved what was created: 1 container, 1 network, 1 volume\n",
    ] {
        assert!(
            format!("\n{output}").contains(part),
            "{part:?} in:\n{output}"
        );
    }
    let error = lab.run("up LAB --json", 5).json();
    let error = &error["error"];
    assert_eq!(
        (&error["exit"], &error["code"], &error["service"]),
        (&5.into(), &"not_ready".into(), &"redis".into())
    );
    assert!(error["attempts"].as_u64() > Some(1), "{error}");
    assert_eq!(error["log"][0], "thinking");
}

#[apply(engine_test)]
fn a_service_that_exits_is_reported_with_its_exit_code() {
    let lab = EngineLab::tiny_with("    command: [sh, -c, \"echo giving up; exit 7\"]\n");
    let output = lab.run("up LAB", 5).stderr;
    assert_eq!(lab.resources(), [""; 0]);
    assert!(
        output.contains("error: service `redis` exited after "),
        "{output}"
    );
    assert!(output.contains("exited (exit code 7)"), "{output}");
    assert!(output.contains("\n    giving up\n"), "{output}");
}

#[apply(engine_test)]
fn a_retained_lab_can_be_inspected() {
    let lab = EngineLab::tiny_with("    command: [sh, -c, \"echo giving up; exit 7\"]\n");
    let output = lab.run("up LAB --retain", 5).stderr;
    let message = format!("remove them with `roadlab down {}`\n", lab.copy.id);
    assert!(output.contains(&message), "{output}");
    assert_eq!(lab.resources().len(), 3);
    assert!(lab.run("logs LAB", 0).stdout.contains("giving up"));
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_port_in_use_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let lab = EngineLab::tiny_with(&format!("    ports: [\"{port}:6379\"]\n"));
    let output = lab.run("up LAB", 3).stderr;
    assert_eq!(lab.resources(), [""; 0]);
    assert!(
        output.contains(&format!(
            "port {port} is used by another program; stop it, or let the lab choose a free port"
        )),
        "{output}"
    );
}

#[apply(engine_test)]
fn a_missing_image_is_reported_with_all_attempts() {
    let lab = EngineLab::tiny();
    let own = "    image: 127.0.0.1:1/none:1\n    ports: [\"6379\"]\n";
    lab.copy.change("compose.yaml", SERVICE, own);
    let output = ProgramOutput::of(&mut lab.copy.roadlab("up LAB")).expect_code(3);
    assert_eq!(lab.resources(), [""; 0]);
    for part in [
        "error: no image for service `redis`\n",
        "\n  - cannot pull image `127.0.0.1:1/none:1`: ",
        "\n  - the service has no recipe to build an image from",
    ] {
        assert!(output.stderr.contains(part), "{part:?} in {output:?}");
    }
    let offline = lab.run("up LAB", 3).stderr;
    let part = "\n  - image `127.0.0.1:1/none:1` is not on this machine, and --offline does not pull images\n";
    assert!(offline.contains(part), "{offline}");
}

/// A registry whose layer does not match its manifest, which the engine reports in the middle of a pull.
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
    // It ends with this process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut request = String::new();
            let mut lines = BufReader::new(&stream);
            // The head ends with an empty line.
            while lines.read_line(&mut request).is_ok_and(|count| count > 2) {}
            let (kind, body) = match request.split(' ').nth(1) {
                Some(path) if path.contains("/manifests/") => (kind, manifest.as_str()),
                Some(path) if path.contains("/blobs/") => {
                    ("application/octet-stream", layer.as_str())
                }
                _ => ("application/json", "{}"),
            };
            let body = if request.starts_with("HEAD") {
                ""
            } else {
                body
            };
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {kind}\r\n");
            // The engine may have disconnected.
            let _ = write!(
                &stream,
                "{head}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    port
}

#[apply(engine_test)]
fn a_corrupt_layer_is_reported_and_nothing_is_created() {
    let lab = EngineLab::tiny();
    let image = format!("127.0.0.1:{}/broken:1", broken_registry());
    let own = format!("    image: {image}\n    ports: [\"6379\"]\n");
    lab.copy.change("compose.yaml", SERVICE, &own);
    let output = ProgramOutput::of(&mut lab.copy.roadlab("up LAB")).expect_code(3);
    assert_eq!(lab.resources(), [""; 0]);
    let part = format!("\n  - cannot pull image `{image}`: ");
    assert!(output.stderr.contains(&part), "{output:?}");
    // The message of the engine.
    assert!(output.stderr.contains("verif"), "{output:?}");
    assert!(!output.stderr.contains("{\"message\""), "{output:?}");
}

#[apply(engine_test)]
fn a_failed_build_is_reported_with_its_last_lines() {
    let lab = EngineLab::tiny();
    let own = "    build: ./broken\n    ports: [\"6379\"]\n";
    lab.copy.change("compose.yaml", SERVICE, own);
    let folder = lab.copy.path(&format!("labs/{}/broken", lab.copy.id));
    std::fs::create_dir(&folder).unwrap();
    let recipe = std::fs::read_to_string(lab.copy.path("compose/redis/Dockerfile")).unwrap();
    let base: Vec<&str> = recipe.lines().take(2).collect();
    let broken = format!("{}\nRUN echo about to break && exit 9\n", base.join("\n"));
    std::fs::write(folder.join("Dockerfile"), broken).unwrap();
    let output = ProgramOutput::of(&mut lab.copy.roadlab("up LAB")).expect_code(6);
    assert_eq!(lab.resources(), [""; 0]);
    for part in ["cannot build the recipe", "about to break", "9"] {
        assert!(output.stderr.contains(part), "{part:?} in {output:?}");
    }
}

#[apply(engine_test)]
fn stopping_an_update_keeps_the_running_lab() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let to = format!("{SERVICE}    command: [sleep, infinity]\n");
    lab.copy.change("compose.yaml", SERVICE, &to);
    let mut running = RunningProgram::start(&lab, "up LAB --json");
    running.wait_for_line("\"waiting\"");
    running.send_signal(Signal::INT);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(130), "{output}");
    let before = lab.resources();
    assert_eq!(before.len(), 3, "{output}");
    lab.run("status", 0);
    assert_eq!(lab.resources(), before, "the data of the learner is kept");
    lab.run("down LAB", 0);
}
