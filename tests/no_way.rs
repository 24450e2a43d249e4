//! Requests that cannot be meant and engines that cannot be used: one clear error each with the way out, a documented exit
//! code, and nothing is created. No engine is needed.

mod support;

#[path = "support/nothing.rs"]
mod nothing;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::nothing::{says, tiny};
use crate::support::{Copy, Ended};

#[test]
fn a_name_that_is_not_known_offers_the_nearest() {
    let copy = tiny();
    says(
        &copy,
        "up tyny",
        2,
        "error: no such lab: `tyny`\n  = did you mean `tiny`?\n",
    );
    says(
        &copy,
        "up kafka",
        2,
        "error: no such lab: `kafka`\n  = available: `tiny`\n",
    );
    says(
        &copy,
        "check LAB gret",
        2,
        "error: no such exercise in lab `tiny`: `gret`\n  = did you mean `greet`?\n",
    );
    says(
        &copy,
        "restart LAB rediss",
        2,
        "error: no such service in lab `tiny`: `rediss`\n  = did you mean `redis`?\n",
    );
    says(
        &copy,
        "answer LAB when pair",
        2,
        "error: no such choice: `pair`\n  = did you mean `pairs`?\n",
    );
}

#[test]
fn a_request_that_cannot_be_meant_is_told() {
    let copy = tiny();
    says(
        &copy,
        "up LAB --instance A",
        2,
        "error: --instance: invalid name `A`: use 1 to 40 lower case letters, digits, `-` and `_`, beginning with a letter or digit\n",
    );
    says(
        &copy,
        "answer LAB greet hello",
        2,
        "error: `greet` is not a quiz: do it, then `roadlab check tiny greet`\n",
    );
    says(
        &copy,
        "down",
        2,
        "error: which lab? `roadlab down LAB`, or `roadlab down --all`\n",
    );
    says(
        &copy,
        "up LAB --labs nowhere",
        2,
        "error: there is no folder of labs at nowhere (from `--labs` or $ROADLAB_LABS)\n",
    );
}

#[test]
fn an_engine_that_is_not_there_is_told_with_the_way_out() {
    let copy = tiny();
    let host = |address: &str, stderr: &str| {
        let ended = Ended::of(copy.roadlab("up LAB").env("DOCKER_HOST", address)).with(3);
        assert_eq!((ended.stderr.as_str(), ended.stdout.as_str()), (stderr, ""));
    };
    host(
        "unix:///nope.sock",
        "error: no Docker at unix:///nope.sock (from $DOCKER_HOST): start an engine there, or `unset DOCKER_HOST` to look in the usual places\n",
    );
    host(
        "tcp://127.0.0.1:2375",
        "error: `tcp://127.0.0.1:2375` (from $DOCKER_HOST) is not a local Unix socket: ports and lab files would not be on this machine; `unset DOCKER_HOST` to look in the usual places\n",
    );
    says(
        &copy,
        "up LAB --engine ./labs/tiny/lab.yaml",
        3,
        "error: unix://./labs/tiny/lab.yaml (from `--engine`) is not a socket: start an engine there, or leave out `--engine`\n",
    );
}

#[test]
fn an_engine_that_never_answers_is_not_waited_for_without_end() {
    let copy = tiny();
    let _listener = UnixListener::bind(copy.path("silent.sock")).unwrap();
    says(
        &copy,
        "up LAB --engine ./silent.sock",
        3,
        "error: Docker does not answer at unix://./silent.sock (`--engine`): it is frozen or overloaded; look at `roadlab engine status`, then restart it\n",
    );
}

#[test]
fn an_engine_that_went_away_is_not_running() {
    let copy = tiny();
    drop(UnixListener::bind(copy.path("dead.sock")).unwrap());
    says(
        &copy,
        "up LAB --engine ./dead.sock",
        3,
        "error: Docker is not running at unix://./dead.sock (`--engine`): start an engine there, or leave out `--engine`\n",
    );
}

/// The same command as a user who is not root; `None` if this machine has no way to do that.
fn as_somebody_else(copy: &Copy, command: &Command) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args());
        return Some(with_surroundings(same, command));
    }
    // Others may neither reach the build's folder nor this one: it is opened, and the program lies in it.
    let open = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
            .expect("a path of ours");
    };
    open(&copy.path("."));
    let program = copy.path("roadlab");
    std::fs::hard_link(command.get_program(), &program)
        .or_else(|_| std::fs::copy(command.get_program(), &program).map(drop))
        .expect("the program can lie here");
    open(&program);
    let mut other = Command::new("setpriv");
    other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    let can = Ended::of(Command::new("sh").args(["-c", "command -v setpriv"]));
    other.arg(program).args(command.get_args());
    (can.code == Some(0)).then(|| with_surroundings(other, command))
}

fn with_surroundings(mut command: Command, like: &Command) -> Command {
    command.current_dir(like.get_current_dir().expect("it runs in a folder"));
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[test]
fn an_engine_that_others_may_not_use_says_how_to_be_let_in() {
    let copy = tiny();
    let socket = copy.path("closed.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).unwrap();
    let command = copy.roadlab("up LAB --engine ./closed.sock");
    if let Some(mut command) = as_somebody_else(&copy, &command) {
        let ended = Ended::of(&mut command).with(3);
        assert_eq!(
            ended.stderr,
            "error: permission denied on unix://./closed.sock (`--engine`): join the docker group with `sudo usermod -aG docker $USER` and log in again (that group may do all that root may), or use rootless Docker\n"
        );
    }
}

#[test]
fn a_lab_is_read_before_an_engine_is_looked_for() {
    let copy = tiny();
    copy.change("lab.yaml", "level: beginner", "level: easy");
    let mut command = copy.roadlab("up LAB --json --engine /nowhere/engine.sock");
    let said = Ended::of(&mut command).with(2).json();
    let problems = said["error"]["problems"].as_array().unwrap();
    assert_eq!((problems.len(), &problems[0]["line"]), (1, &1.into()));
    assert_eq!(said["error"]["code"], "problems");
    copy.change("lab.yaml", "level: easy", "level: beginner");
    let said = Ended::of(&mut command).with(3).json();
    assert_eq!(said["error"]["exit"], 3);
    assert_eq!(said["error"]["code"], "engine_unreachable");
}
