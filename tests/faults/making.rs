//! While a lab is made: recipes, names, programs, health checks, probes, the folder for what is written down.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::engine::EngineLab;
use crate::running::Running;
use crate::support::Ended;
use crate::{EXTENDS, container, tiny_with};

/// What is on the engine under a label, by a path of its API.
fn labelled(real: &EngineLab, path: &str, label: &str) -> Value {
    let filter = format!("filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D");
    real.ask("GET", &format!("{path}?all=1&{filter}"), &Value::Null)
}

#[test]
fn a_build_that_is_interrupted_leaves_no_container_and_no_image() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let own = "    build: ./slow\n    ports: [\"6379\"]\n";
    real.copy.change("compose.yaml", EXTENDS, own);
    let folder = real.copy.path(&format!("labs/{}/slow", real.copy.id));
    std::fs::create_dir(&folder).unwrap();
    let recipe = std::fs::read_to_string(real.copy.path("compose/redis/Dockerfile")).unwrap();
    let base: Vec<&str> = recipe.lines().take(2).collect();
    let label = format!("test={}", real.copy.id);
    let slow = format!("{}\nLABEL {label}\nRUN sleep 300\n", base.join("\n"));
    std::fs::write(folder.join("Dockerfile"), slow).unwrap();
    let label = label.replace('=', "%3D");
    let containers = || labelled(&real, "/containers/json", &label);
    let mut up = Running::of(&mut real.copy.roadlab("up LAB --json"));
    up.until("sleep 300");
    assert!(real.soon(|| containers() != json!([])));
    up.send(Signal::INT);
    let (status, said) = up.end();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(real.soon(|| containers() == json!([])), "{}", containers());
    // Steps that were done stay as the builder's cache, without a name.
    let images = labelled(&real, "/images/json", &label);
    for image in images.as_array().unwrap() {
        assert_eq!(image["RepoTags"], json!(["<none>:<none>"]), "{images}");
        let id = image["Id"].as_str().unwrap();
        real.ask("DELETE", &format!("/images/{id}"), &Value::Null);
    }
    let runs = std::fs::read_dir(real.copy.path("state/roadlab/runs"));
    assert_eq!(
        runs.into_iter().flatten().count(),
        0,
        "nothing is written down"
    );
}

/// A socket before the engine's, which makes a container of somebody else's under each name that we ask for, just before us.
fn quicker(real: &EngineLab) -> String {
    let path = real.copy.path("engine.sock").display().to_string();
    let listener = UnixListener::bind(&path).expect("a path of ours");
    let engine = real.socket.clone();
    let image = real.run("images list LAB --json", 0).json()[0]["id"].clone();
    // It ends with the test's process.
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = UnixStream::connect(&engine).expect("the engine listens");
            let (engine, image) = (engine.clone(), image.clone());
            thread::spawn(move || {
                let mut head = vec![0; 4096];
                let count = client.read(&mut head).expect("a request");
                let asked = String::from_utf8_lossy(&head[..count]).into_owned();
                if let Some(rest) = asked.strip_prefix("POST /containers/create?") {
                    let name = rest.split_once("name=").expect("a name").1;
                    let name = name.split(['&', ' ']).next().expect("a name");
                    create(&engine, name, &image);
                }
                server
                    .write_all(&head[..count])
                    .expect("the engine listens");
                let (back, to) = (server.try_clone(), client.try_clone());
                let (mut back, mut to) = (back.expect("a socket"), to.expect("a socket"));
                let there = thread::spawn(move || std::io::copy(&mut back, &mut to));
                // Whoever hangs up has heard enough.
                let _ = std::io::copy(&mut client, &mut server);
                let _ = there.join();
            });
        }
    });
    path
}

fn create(engine: &str, name: &str, image: &Value) {
    let body = json!({ "Image": image, "Cmd": ["true"] }).to_string();
    let mut stream = UnixStream::connect(engine).expect("the engine listens");
    let length = body.len();
    write!(
        stream,
        "POST /containers/create?name={name} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("the engine takes a request");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the engine answers");
    assert!(answer.contains(" 201 "), "{answer}");
}

#[test]
fn a_container_of_our_name_that_is_not_ours_is_named_and_kept() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let socket = quicker(&real);
    let said = real.run(&format!("--engine {socket} up LAB"), 6).stderr;
    assert_eq!(real.left(), [""; 0]);
    let name = format!("roadlab-{}-", real.copy.id);
    let all = real.ask("GET", "/containers/json?all=1", &Value::Null);
    let names = all.as_array().unwrap().iter();
    let names = names.filter_map(|container| container["Names"][0].as_str());
    let theirs: Vec<&str> = names.filter(|known| known.contains(&name)).collect();
    for name in &theirs {
        real.ask(
            "DELETE",
            &format!("/containers{name}?force=1&v=1"),
            &Value::Null,
        );
    }
    let [theirs] = theirs[..] else {
        panic!("{theirs:?}")
    };
    assert!(said.contains(theirs.trim_start_matches('/')), "{said}");
}

#[test]
fn a_command_that_is_not_in_the_image_is_told() {
    let real = tiny_with("    entrypoint: [/nope]\n    command: []\n");
    let said = real.run("up LAB", 6).stderr;
    assert_eq!(real.left(), [""; 0]);
    assert!(said.contains("`/nope` not found in image"), "{said}");
}

#[test]
fn a_service_that_crashes_again_and_again_is_not_started_again() {
    let real =
        tiny_with("    command: [sh, -c, \"echo giving up; exit 7\"]\n    restart: always\n");
    let error = real.run("up LAB --json", 5).json()["error"].take();
    assert_eq!(real.left(), [""; 0]);
    assert_eq!(error["container"]["exit_code"], 7, "{error}");
    assert_eq!(error["log"], json!(["giving up"]), "it ran once");
}

/// A service that only the engine's own health check tells of.
#[track_caller]
fn sick(healthcheck: &str) -> Value {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let talk = "x-roadlab: { ready: [], ready_within: 20s }";
    let own = format!("{EXTENDS}    healthcheck: {healthcheck}\n    {talk}\n");
    real.copy.change("compose.yaml", EXTENDS, &own);
    let error = real.run("up LAB --json", 5).json()["error"].take();
    assert_eq!(real.left(), [""; 0]);
    assert_eq!(error["container"]["running"], true, "{error}");
    error
}

#[test]
fn a_health_check_that_fails_is_told_with_what_it_said() {
    let error = sick("{ test: \"echo not today; exit 1\", interval: 200ms, retries: 2 }");
    assert_eq!(error["last"], "health check failed: not today", "{error}");
}

#[test]
fn a_health_check_that_hangs_counts_as_one_that_fails() {
    let error = sick("{ test: sleep 30, interval: 200ms, timeout: 1s, retries: 1 }");
    let last = error["last"].as_str().unwrap();
    assert!(last.starts_with("health check failed: "), "{error}");
}

#[test]
fn a_port_that_only_the_engine_answers_is_not_ready() {
    let probe = "x-roadlab: { ready: [ { tcp: {} } ], ready_within: 2s }";
    let real = tiny_with(&format!("    command: [sleep, infinity]\n    {probe}\n"));
    let error = real.run("up LAB --json", 5).json()["error"].take();
    assert_eq!(real.left(), [""; 0]);
    let last = error["last"].as_str().unwrap();
    assert!(
        last.contains("nothing listens inside the container"),
        "{error}"
    );
}

/// The program in mounts of its own, after a script that changes them; `$1` is the folder for what it writes down.
fn mounted(real: &EngineLab, script: &str, words: &str) -> Ended {
    let like = real.command(words);
    let script = format!("set -e; {script}; shift; exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]);
    command.arg(real.copy.path("state")).arg(like.get_program());
    command.args(like.get_args());
    command.current_dir(like.get_current_dir().expect("a folder"));
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    std::fs::create_dir_all(real.copy.path("state")).expect("a folder of ours");
    Ended::of(&mut command)
}

const READ_ONLY: &str = "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"";
const FULL: &str =
    "mount -t tmpfs -o size=64k none \"$1\"; cat /dev/zero >\"$1/full\" 2>/dev/null || true";

#[test]
fn where_nothing_can_be_written_down_nothing_is_made() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let runs = format!("set -- \"$1/roadlab/runs\" \"$@\"; mkdir -p \"$1\"; {READ_ONLY}; shift");
    for (script, reason) in [
        (READ_ONLY, "Read-only file system"),
        (FULL, "No space left on device"),
        (&runs, "nothing was created, so that nothing is left behind"),
    ] {
        let said = mounted(&real, script, "up LAB").with(3).stderr;
        assert_eq!(real.left(), [""; 0], "{said}");
        assert!(said.contains("error: cannot write "), "{said}");
        assert!(said.contains("/state/"), "it says where: {said}");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn removing_needs_nothing_written_down() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    for full in [false, true] {
        real.run("up LAB", 0);
        let used = "cp -a \"$1\" \"$1.copy\"; mount -t tmpfs none \"$1\"; cp -a \"$1.copy/.\" \"$1\"; \
            mount -o remount,size=64k \"$1\"; cat /dev/zero >\"$1/full\" 2>/dev/null || true";
        let script = if full { used } else { READ_ONLY };
        let down = mounted(&real, script, "down LAB").with(0);
        assert!(
            down.stdout
                .starts_with("removed 1 container, 1 network, 1 volume in "),
            "{down:?}"
        );
        assert_eq!(real.left(), [""; 0], "{down:?}");
    }
}

#[test]
fn a_run_is_never_too_old() {
    let real =
        tiny_with("    command: [sh, -c, \"sleep 600\"]\n    x-roadlab: { ready_within: 10m }\n");
    let mut up = Running::begin(&real, "up LAB --json");
    up.until("\"waiting\"");
    let state = real.copy.path("state");
    let aged = Command::new("find")
        .arg(&state)
        .args(["-exec", "touch", "-h", "-d", "2 days ago", "{}", "+"])
        .status();
    assert!(aged.unwrap().success());
    let before = container(&real);
    real.run("gc", 0);
    assert_eq!(container(&real), before);
    up.send(Signal::INT);
    let (status, said) = up.end();
    assert_eq!(status.code(), Some(130), "{said}");
}
