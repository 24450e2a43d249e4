//! Faults while a lab is created: builds, names, commands, health checks, probes, the state folder.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::engine_lab::{EngineLab, SERVICE, request};
use crate::support::eventually;
use crate::support::process::RunningProgram;
use crate::support::{ProgramOutput, run_like};

/// The resources of the engine that have a label, by a path of its API.
fn labelled(lab: &EngineLab, path: &str, label: &str) -> Value {
    let filter = format!("filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D");
    lab.request("GET", &format!("{path}?all=1&{filter}"), &Value::Null)
}

#[apply(engine_test)]
fn an_interrupted_build_leaves_no_container_and_no_image() {
    let lab = EngineLab::tiny();
    let own = "    build: ./slow\n    ports: [\"6379\"]\n";
    lab.copy.change("compose.yaml", SERVICE, own);
    let folder = lab.copy.path(&format!("labs/{}/slow", lab.copy.id));
    std::fs::create_dir(&folder).unwrap();
    let recipe = std::fs::read_to_string(lab.copy.path("compose/redis/Dockerfile")).unwrap();
    let base: Vec<&str> = recipe.lines().take(2).collect();
    let label = format!("test={}", lab.copy.id);
    let slow = format!("{}\nLABEL {label}\nRUN sleep 300\n", base.join("\n"));
    std::fs::write(folder.join("Dockerfile"), slow).unwrap();
    let label = label.replace('=', "%3D");
    let containers = || labelled(&lab, "/containers/json", &label);
    let mut up = RunningProgram::of(&mut lab.copy.roadlab("up LAB --json"));
    up.wait_for_line("sleep 300");
    assert!(eventually(|| containers() != json!([])));
    up.send_signal(Signal::INT);
    let (status, output) = up.finish();
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(eventually(|| containers() == json!([])), "{}", containers());
    // Completed steps stay in the build cache, without a name.
    let images = labelled(&lab, "/images/json", &label);
    for image in images.as_array().unwrap() {
        assert_eq!(image["RepoTags"], json!(["<none>:<none>"]), "{images}");
        let id = image["Id"].as_str().unwrap();
        lab.request("DELETE", &format!("/images/{id}"), &Value::Null);
    }
    let runs = std::fs::read_dir(lab.copy.path("state/roadlab/runs"));
    assert_eq!(runs.into_iter().flatten().count(), 0, "no journal is left");
}

/// A proxy of the engine that creates another container under each requested name, just before the request.
fn racing_proxy(lab: &EngineLab) -> String {
    let path = lab.copy.path("engine.sock").display().to_string();
    let listener = UnixListener::bind(&path).expect("the copy is writable");
    let engine = lab.socket.clone();
    let image = lab.run("images list LAB --json", 0).json()[0]["id"].clone();
    // It ends with this process.
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = UnixStream::connect(&engine).expect("the engine listens");
            let (engine, image) = (engine.clone(), image.clone());
            thread::spawn(move || {
                let (back, to) = (server.try_clone(), client.try_clone());
                let (mut back, mut to) = (back.expect("a socket"), to.expect("a socket"));
                let there = thread::spawn(move || std::io::copy(&mut back, &mut to));
                // A connection has several requests, one after the other. A closed one ends the loop.
                let mut bytes = vec![0; 1 << 16];
                while let Ok(count @ 1..) = client.read(&mut bytes) {
                    let request = String::from_utf8_lossy(&bytes[..count]).into_owned();
                    if let Some(rest) = request.strip_prefix("POST /containers/create?") {
                        let name = rest.split_once("name=").expect("a name").1;
                        let name = name.split(['&', ' ']).next().expect("a name");
                        create(&engine, name, &image);
                    }
                    if server.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
                let _ = server.shutdown(std::net::Shutdown::Write);
                let _ = there.join();
            });
        }
    });
    path
}

fn create(engine: &str, name: &str, image: &Value) {
    let body = json!({ "Image": image, "Cmd": ["true"] });
    let path = format!("/containers/create?name={name}");
    let created = request(Path::new(engine), "POST", &path, &body);
    assert!(created["Id"].is_string(), "{created}");
}

#[apply(engine_test)]
fn an_unowned_container_with_the_same_name_is_reported_and_kept() {
    let lab = EngineLab::tiny();
    let socket = racing_proxy(&lab);
    let output = lab.run(&format!("--engine {socket} up LAB"), 6).stderr;
    assert_eq!(lab.resources(), [""; 0]);
    let name = format!("roadlab-{}-", lab.copy.id);
    let all = lab.request("GET", "/containers/json?all=1", &Value::Null);
    let names = all.as_array().unwrap().iter();
    let names = names.filter_map(|container| container["Names"][0].as_str());
    let names: Vec<&str> = names.filter(|known| known.contains(&name)).collect();
    for name in &names {
        lab.request(
            "DELETE",
            &format!("/containers{name}?force=1&v=1"),
            &Value::Null,
        );
    }
    let [name] = names[..] else {
        panic!("{names:?}")
    };
    assert!(output.contains(name.trim_start_matches('/')), "{output}");
}

#[apply(engine_test)]
fn a_missing_command_is_reported() {
    let lab = EngineLab::tiny_with("    entrypoint: [/nope]\n    command: []\n");
    let output = lab.run("up LAB", 6).stderr;
    assert_eq!(lab.resources(), [""; 0]);
    assert!(output.contains("`/nope` not found in image"), "{output}");
}

#[apply(engine_test)]
fn a_crash_loop_is_reported_at_its_third_restart() {
    // Without it, the wait would end after the time limit of the test.
    let lab = EngineLab::tiny_with(
        "    command: [sh, -c, \"echo giving up; exit 7\"]\n    restart: always\n    x-roadlab: { ready_within: 1h }\n",
    );
    let error = lab.run("up LAB --json", 5).json()["error"].take();
    assert_eq!(lab.resources(), [""; 0]);
    assert_eq!(error["log"][0], "giving up", "{error}");
    let last = error["last"].as_str().unwrap();
    assert!(last.starts_with("its program ended"), "{error}");
}

/// Starts a service that has only a health check of the engine; returns the error.
#[track_caller]
fn fail_health_check(healthcheck: &str) -> Value {
    let lab = EngineLab::tiny();
    let interface = "x-roadlab: { ready: [], ready_within: 3m }";
    let own = format!("{SERVICE}    healthcheck: {healthcheck}\n    {interface}\n");
    lab.copy.change("compose.yaml", SERVICE, &own);
    let error = lab.run("up LAB --json", 5).json()["error"].take();
    assert_eq!(lab.resources(), [""; 0]);
    assert_eq!(error["container"]["running"], true, "{error}");
    error
}

#[apply(engine_test)]
fn a_failed_health_check_is_reported_with_its_output() {
    let error =
        fail_health_check("{ test: \"echo not today; exit 1\", interval: 200ms, retries: 2 }");
    assert_eq!(error["last"], "health check failed: not today", "{error}");
}

#[apply(engine_test)]
fn a_health_check_that_hangs_fails() {
    let error = fail_health_check("{ test: sleep 30, interval: 200ms, timeout: 1s, retries: 1 }");
    let last = error["last"].as_str().unwrap();
    assert!(last.starts_with("health check failed: "), "{error}");
}

#[apply(engine_test)]
fn a_port_without_a_listener_in_the_container_is_not_ready() {
    let probe = "x-roadlab: { ready: [ { tcp: {} } ], ready_within: 6s }";
    let lab = EngineLab::tiny_with(&format!("    command: [sleep, infinity]\n    {probe}\n"));
    let error = lab.run("up LAB --json", 5).json()["error"].take();
    assert_eq!(lab.resources(), [""; 0]);
    let last = error["last"].as_str().unwrap();
    assert!(
        last.contains("nothing listens inside the container"),
        "{error}"
    );
}

/// Runs the program in a mount namespace of its own, after a script that changes it; `$1` is the state folder.
fn run_with_mounts(lab: &EngineLab, script: &str, arguments: &str) -> ProgramOutput {
    let like = lab.command(arguments);
    let script = format!("set -e; {script}; shift; exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]);
    command.arg(lab.copy.path("state")).arg(like.get_program());
    command.args(like.get_args());
    run_like(&mut command, &like);
    std::fs::create_dir_all(lab.copy.path("state")).expect("the copy is writable");
    ProgramOutput::of(&mut command)
}

const READ_ONLY: &str = "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"";
const FULL: &str =
    "mount -t tmpfs -o size=64k none \"$1\"; cat /dev/zero >\"$1/full\" 2>/dev/null || true";

#[apply(mount_test)]
fn nothing_is_created_if_the_state_folder_is_not_writable() {
    let lab = EngineLab::tiny();
    let runs = format!("set -- \"$1/roadlab/runs\" \"$@\"; mkdir -p \"$1\"; {READ_ONLY}; shift");
    for (script, reason) in [
        (READ_ONLY, "Read-only file system"),
        (FULL, "No space left on device"),
        (&runs, "nothing was created, so nothing is left behind"),
    ] {
        let output = run_with_mounts(&lab, script, "up LAB")
            .expect_code(3)
            .stderr;
        assert_eq!(lab.resources(), [""; 0], "{output}");
        assert!(output.contains("cannot write "), "{output}");
        assert!(output.contains("/state/"), "the path is shown: {output}");
        assert!(output.contains(reason), "{output}");
    }
}

#[apply(mount_test)]
fn down_works_if_the_state_folder_is_not_writable() {
    let lab = EngineLab::tiny();
    for full in [false, true] {
        lab.run("up LAB", 0);
        let used = "cp -a \"$1\" \"$1.copy\"; mount -t tmpfs none \"$1\"; cp -a \"$1.copy/.\" \"$1\"; \
            mount -o remount,size=64k \"$1\"; cat /dev/zero >\"$1/full\" 2>/dev/null || true";
        let script = if full { used } else { READ_ONLY };
        let down = run_with_mounts(&lab, script, "down LAB").expect_code(0);
        assert!(
            down.stdout
                .starts_with("removed 1 container, 1 network, 1 volume in "),
            "{down:?}"
        );
        assert_eq!(lab.resources(), [""; 0], "{down:?}");
    }
}

#[apply(engine_test)]
fn gc_ignores_the_age_of_a_run() {
    let lab = EngineLab::tiny_with(
        "    command: [sh, -c, \"sleep 600\"]\n    x-roadlab: { ready_within: 10m }\n",
    );
    let mut up = RunningProgram::start(&lab, "up LAB --json");
    up.wait_for_line("\"waiting\"");
    let state = lab.copy.path("state");
    let aged = Command::new("find")
        .arg(&state)
        .args(["-exec", "touch", "-h", "-d", "2 days ago", "{}", "+"])
        .status();
    assert!(aged.unwrap().success());
    let before = lab.container();
    lab.run("gc", 0);
    assert_eq!(lab.container(), before);
    up.send_signal(Signal::INT);
    let (status, output) = up.finish();
    assert_eq!(status.code(), Some(130), "{output}");
}
