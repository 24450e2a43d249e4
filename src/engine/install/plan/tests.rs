use std::path::{Path, PathBuf};

use super::super::process::Process;
use super::*;

/// A fresh Debian machine: root, no Docker, no service manager.
fn fresh() -> Situation {
    Situation {
        root: true,
        dockerd: false,
        mmdebstrap: false,
        daemon: Daemon::Down,
        packages: Some(PackageManager::Apt),
        services: Services::None,
        cgroups: true,
        leftovers: vec![],
        started: None,
    }
}

fn stopped_debian() -> Situation {
    Situation {
        dockerd: true,
        ..fresh()
    }
}

fn record(by: By) -> Record {
    Record {
        process: Process {
            pid: 42,
            started: 7,
        },
        socket: PathBuf::from("/var/run/docker.sock"),
        log: None,
        by,
    }
}

/// The plan as typed, or why there is none.
#[track_caller]
fn check(situation: &Situation, wish: Goal, expected: &[&str]) {
    let site = Site::system(Path::new("/s"));
    let actual = match plan(situation, wish, &site) {
        Ok(actions) => commands(&actions, situation),
        Err(error) => vec![format!("error: {error}")],
    };
    assert_eq!(actual, expected);
}

const START: &str = "setsid dockerd </dev/null >>/s/dockerd.log 2>&1 &";

#[test]
fn a_fresh_machine_gets_the_engine_installed_and_started() {
    check(
        &fresh(),
        Goal::Running,
        &[
            "apt-get update",
            "apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 docker.io ca-certificates",
            START,
        ],
    );
}

#[test]
fn each_system_is_asked_in_its_own_words() {
    #[track_caller]
    fn check_manager(manager: PackageManager, services: Services, expected: &[&str]) {
        let situation = Situation {
            packages: Some(manager),
            services,
            ..fresh()
        };
        check(&situation, Goal::Running, expected);
    }
    check_manager(
        PackageManager::Dnf("moby-engine"),
        Services::Systemd,
        &["dnf install -y moby-engine", "systemctl start docker"],
    );
    check_manager(
        PackageManager::Pacman,
        Services::Systemd,
        &[
            "pacman -Sy --needed --noconfirm docker",
            "systemctl start docker",
        ],
    );
    check_manager(
        PackageManager::Apk,
        Services::OpenRc,
        &["apk add --update-cache docker", "rc-service docker start"],
    );
    check_manager(
        PackageManager::Zypper,
        Services::Systemd,
        &[
            "zypper --non-interactive install docker",
            "systemctl start docker",
        ],
    );
}

#[test]
fn only_what_is_missing_is_done() {
    check(&stopped_debian(), Goal::Running, &[START]);
    let answering = Situation {
        daemon: Daemon::Answering,
        ..stopped_debian()
    };
    check(&answering, Goal::Running, &[]);
    let silent = Situation {
        daemon: Daemon::Silent(Some(9)),
        ..stopped_debian()
    };
    check(&silent, Goal::Running, &[]);
    let site = Site::system(Path::new("/s"));
    assert_eq!(plan(&silent, Goal::Running, &site).unwrap(), [Action::Wait]);
    let installed_without_a_manager = Situation {
        packages: None,
        ..stopped_debian()
    };
    check(&installed_without_a_manager, Goal::Running, &[START]);
}

#[test]
fn control_groups_are_mounted_where_nobody_else_does() {
    let bare = Situation {
        cgroups: false,
        ..stopped_debian()
    };
    check(
        &bare,
        Goal::Running,
        &["mount -t cgroup2 cgroup2 /sys/fs/cgroup", START],
    );
    let systemd = Situation {
        services: Services::Systemd,
        ..bare
    };
    check(&systemd, Goal::Running, &["systemctl start docker"]);
}

#[test]
fn what_a_killed_daemon_left_goes_before_the_start() {
    let killed = Situation {
        leftovers: vec![
            Leftover::Containerd(Process {
                pid: 41,
                started: 6,
            }),
            Leftover::PidFile(PathBuf::from("/var/run/docker.pid")),
            Leftover::Socket(PathBuf::from("/var/run/docker.sock")),
        ],
        ..stopped_debian()
    };
    check(
        &killed,
        Goal::Running,
        &[
            "kill 41",
            "rm -f /var/run/docker.pid",
            "rm -f /var/run/docker.sock",
            START,
        ],
    );
}

#[test]
fn without_root_the_commands_ask_for_it() {
    let user = Situation {
        root: false,
        ..fresh()
    };
    check(
        &user,
        Goal::Running,
        &[
            "sudo apt-get update",
            "sudo apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 docker.io ca-certificates",
            "sudo sh -c 'setsid dockerd </dev/null >>/s/dockerd.log 2>&1 &'",
        ],
    );
}

#[test]
fn only_what_we_started_is_stopped() {
    let answering = Situation {
        daemon: Daemon::Answering,
        ..stopped_debian()
    };
    let ours = |by, daemon| Situation {
        daemon,
        started: Some(record(by)),
        ..answering.clone()
    };
    check(
        &ours(By::Program, Daemon::Answering),
        Goal::Stopped,
        &["kill 42"],
    );
    check(
        &ours(By::Program, Daemon::Silent(None)),
        Goal::Stopped,
        &["kill 42"],
    );
    check(
        &ours(By::Systemd, Daemon::Answering),
        Goal::Stopped,
        &["systemctl stop docker.socket docker"],
    );
    check(
        &ours(By::OpenRc, Daemon::Answering),
        Goal::Stopped,
        &["rc-service docker stop"],
    );
    check(&fresh(), Goal::Stopped, &[]);
    check(
        &answering,
        Goal::Stopped,
        &[
            "error: the engine at unix:///var/run/docker.sock was not started by roadlab, so it is left alone: stop it with `kill $(cat /var/run/docker.pid)`",
        ],
    );
    let systemd = Situation {
        services: Services::Systemd,
        ..answering
    };
    check(
        &systemd,
        Goal::Stopped,
        &[
            "error: the engine at unix:///var/run/docker.sock was not started by roadlab, so it is left alone: stop it with `systemctl stop docker.socket docker`",
        ],
    );
}

#[test]
fn the_tool_for_base_images_is_a_wish_of_its_own() {
    check(
        &fresh(),
        Goal::BaseTool,
        &[
            "apt-get update",
            "apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 mmdebstrap debian-archive-keyring mount",
        ],
    );
    let there = Situation {
        mmdebstrap: true,
        ..fresh()
    };
    check(&there, Goal::BaseTool, &[]);
    let arch = Situation {
        packages: Some(PackageManager::Pacman),
        ..fresh()
    };
    check(
        &arch,
        Goal::BaseTool,
        &[
            "error: cannot install mmdebstrap: this system has no package of it; bring images from another machine with `roadlab images export` and `roadlab images import`",
        ],
    );
}

#[test]
fn what_cannot_be_done_says_why() {
    let bare = Situation {
        packages: None,
        ..fresh()
    };
    check(
        &bare,
        Goal::Running,
        &[
            "error: cannot install Docker Engine: there is none of apt-get, dnf, pacman, apk, zypper here; install it by hand, then try again",
        ],
    );
    let denied = Situation {
        root: false,
        daemon: Daemon::Denied,
        ..stopped_debian()
    };
    check(
        &denied,
        Goal::Running,
        &[
            "error: permission denied on unix:///var/run/docker.sock; join the `docker` group with `sudo usermod -aG docker \"$USER\"` and log in again (its members can do what root can), or use rootless Docker",
        ],
    );
}

#[test]
fn words_survive_a_shell() {
    let command = ["a b", "it's", "", "--x=/y", "$HOME"].map(str::to_owned);
    assert_eq!(joined(&command), r"'a b' 'it'\''s' '' --x=/y '$HOME'");
}
