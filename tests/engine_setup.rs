//! Which commands may start a container engine. The tests run on a machine view without one: an empty `/run`, and a `dockerd`
//! and an `apt-get` that only record that they were run.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::offline::tiny;
use crate::support::{LabCopy, ProgramOutput};

/// Runs a command of roadlab in a mount namespace whose `/run` is empty, with recording programs first on the path.
fn without_engine(copy: &LabCopy, words: &str) -> ProgramOutput {
    let programs = copy.path("programs");
    std::fs::create_dir_all(&programs).expect("a temporary folder");
    for name in ["dockerd", "apt-get", "systemctl"] {
        let program = programs.join(name);
        let script = format!("#!/bin/sh\necho {name} >> '{}'\nexit 1\n", started(copy));
        std::fs::write(&program, script).expect("a temporary folder");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("a temporary file");
    }
    let roadlab = copy.roadlab(words);
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c"])
        .arg("mount -t tmpfs tmpfs /run && exec \"$@\"")
        .arg("sh")
        .arg(roadlab.get_program())
        .args(roadlab.get_args())
        .current_dir(copy.path("."))
        .envs(
            roadlab
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env_remove("DOCKER_HOST")
        .env_remove("DOCKER_CONTEXT")
        .env("HOME", copy.path("home"))
        .env("PATH", format!("{}:{path}", programs.display()));
    ProgramOutput::of(&mut command)
}

/// The file in which the recording programs leave their names.
fn started(copy: &LabCopy) -> String {
    copy.path("started").display().to_string()
}

#[apply(private_mount_test)]
fn commands_that_read_or_remove_never_start_an_engine() {
    let copy = tiny();
    let commands = [
        "down LAB",
        "down --all",
        "status",
        "status LAB",
        "logs LAB",
        "gc",
        "gc --everything",
        "hint LAB greet",
        "check LAB",
        "answer LAB when pairs",
        "shell LAB -- true",
        "open LAB",
        "reset LAB",
        "restart LAB",
        "solve LAB greet",
        "doctor LAB",
        "images list",
        "images remove LAB",
        "images export images.tar LAB",
        "engine status",
        "engine down",
        "list",
        "show LAB",
    ];
    let started: Vec<&str> = commands
        .into_iter()
        .filter(|words| {
            without_engine(&copy, &format!("--yes {words}"));
            let started = std::path::Path::new(&started(&copy)).exists();
            let _ = std::fs::remove_file(self::started(&copy));
            started
        })
        .collect();
    assert_eq!(started, [""; 0], "commands that started an engine");
}

#[apply(private_mount_test)]
fn commands_that_need_an_engine_start_one_with_consent_only() {
    let copy = tiny();
    for words in ["up LAB", "test LAB", "images pull LAB", "engine up"] {
        let ended = without_engine(&copy, &format!("{words} --json")).expect_code(3);
        assert_eq!(ended.json()["error"]["code"], "needs_consent", "{words}");
        let commands = &ended.json()["error"]["commands"];
        assert!(
            commands[0]
                .as_str()
                .is_some_and(|line| line.contains("dockerd")),
            "{ended:#?}"
        );
        assert!(!copy.path("started").exists(), "{words}");

        without_engine(&copy, &format!("{words} --yes")).expect_code(3);
        let started = std::fs::read_to_string(copy.path("started")).unwrap_or_default();
        assert_eq!(started, "dockerd\n", "{words}");
        std::fs::remove_file(copy.path("started")).expect("a temporary file");
    }
}
