//! Faults that an engine of one's own is needed for: it is killed, frozen, filled up, pruned and started again. Whatever
//! happens, all that is on that engine afterwards was there before, and no process of ours is left.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/private.rs"]
mod private;
#[path = "support/running.rs"]
mod running;

#[path = "daemon/room.rs"]
mod room;
#[path = "daemon/stranger.rs"]
mod stranger;

use rustix::process::{Pid, Signal, kill_process};

use crate::private::PrivateDaemon;
use crate::running::Running;

const SERVICE: &str = "service: redis }\n";

/// Replaces what the lab's service runs.
#[track_caller]
fn runs(private: &PrivateDaemon, command: &str) {
    let to = format!("{SERVICE}    command: {command}\n");
    private.real.copy.change("compose.yaml", SERVICE, &to);
}

/// The service starts and never answers, but stops when it is asked to.
fn stuck(private: &PrivateDaemon) {
    runs(
        private,
        "[sh, -c, \"trap exit TERM; sleep infinity & wait\"]",
    );
}

fn log(private: &PrivateDaemon) -> String {
    let log = private.real.copy.path("state/roadlab/reaper.log");
    std::fs::read_to_string(log).unwrap_or_default()
}

#[test]
fn a_daemon_that_was_killed_is_not_running() {
    let Some(mut private) = PrivateDaemon::open() else {
        return;
    };
    private.end(Signal::KILL);
    let said = private.real.run("up LAB", 3).stderr;
    let told = format!(
        "error: Docker is not running at unix://{} (`--engine`); start an engine there, or omit `--engine`\n",
        private.real.socket
    );
    assert_eq!(said, told);
    private.start_again();
}

#[test]
fn a_daemon_that_is_frozen_is_not_waited_for() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    private.send(Signal::STOP);
    let said = private.real.run("up LAB", 3).stderr;
    private.send(Signal::CONT);
    let told = format!(
        "error: Docker does not answer at unix://{} (`--engine`); it is frozen or overloaded: inspect it with `roadlab engine status`, then restart it\n",
        private.real.socket
    );
    assert_eq!(said, told);
}

#[test]
fn a_daemon_that_freezes_while_we_are_killed_is_waited_for() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    stuck(&private);
    let mut running = Running::begin(&private.real, "up LAB --json");
    // The call that creates it is on its way.
    running.until("create container");
    private.send(Signal::STOP);
    running.send(Signal::KILL);
    running.end();
    let removing = private.real.soon(|| log(&private).contains("removing"));
    private.send(Signal::CONT);
    assert!(removing, "{}", log(&private));
    let gone = private.real.soon(|| private.real.processes().is_empty());
    assert!(gone, "{}", log(&private));
    assert!(log(&private).contains(": removed "), "{}", log(&private));
}

/// The daemon ends while a command is at work: the command says so, not that a service is at fault, and ends. When the daemon
/// is back nothing has come back with it, and `down` removes what is there.
#[track_caller]
fn ends_with(signal: Signal, mut private: PrivateDaemon, words: &str, until: &str, told: &str) {
    let mut running = Running::begin(&private.real, words);
    running.until(until);
    private.end(signal);
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains(told), "{said}");
    for wrong in ["memory", "ended", "did not become ready", "panicked"] {
        assert!(!said.contains(wrong), "{wrong}: {said}");
    }
    private.start_again();
    let containers = private.real.containers();
    let containers = containers.as_array().expect("a list");
    assert!(containers.iter().all(|one| one["State"] != "running"));
    private.real.run("down LAB", 0);
    let gone = private.real.soon(|| private.real.processes().is_empty());
    assert!(gone, "{}", log(&private));
}

/// The lab is up.
fn up() -> Option<PrivateDaemon> {
    let private = PrivateDaemon::open()?;
    private.real.run("up LAB", 0);
    Some(private)
}

#[test]
fn checks_that_are_watched_end_with_the_daemon() {
    let words = "check LAB --watch";
    for signal in [Signal::KILL, Signal::TERM] {
        let Some(private) = up() else { return };
        let told = "error: Docker stopped meanwhile: ";
        ends_with(signal, private, words, "greet", told);
    }
}

#[test]
fn a_log_that_is_followed_ends_with_the_daemon() {
    let words = "logs LAB --follow";
    for signal in [Signal::KILL, Signal::TERM] {
        let Some(private) = up() else { return };
        let told = "error: cannot read the log of `redis`: ";
        ends_with(signal, private, words, "Ready to accept", told);
    }
}

#[test]
fn a_session_ends_with_the_daemon_that_stops() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    let from = "solution:\n";
    let step = "redis: { service: redis, command: [GET, never] }\n        expect: { exists: true }";
    let to = format!("{from}      - {step}\n        within: 10m\n");
    private.real.copy.change("lab.yaml", from, &to);
    let told = "error: Docker stopped meanwhile: ";
    ends_with(Signal::TERM, private, "run LAB --auto", "A greeting", told);
}

#[test]
fn an_up_that_waits_ends_with_the_daemon() {
    for signal in [Signal::KILL, Signal::TERM] {
        let Some(private) = PrivateDaemon::open() else {
            return;
        };
        stuck(&private);
        let told = "cannot look at `redis`: ";
        ends_with(signal, private, "up LAB --json", "\"waiting\"", told);
    }
}

#[test]
fn nothing_comes_back_with_the_daemon_and_up_repairs_the_lab() {
    let Some(mut private) = up() else { return };
    private.real.run("solve LAB greet", 0);
    private.end(Signal::KILL);
    private.start_again();
    let stale = private.real.run("status", 0).stdout;
    let row = stale.lines().find(|line| line.contains("redis"));
    let row = row.expect("a row for the service").trim_end();
    assert!(row.contains("● redis  Exited ("), "{stale}");
    assert!(!row.contains("127.0.0.1"), "it answers nowhere: {stale}");
    let unseen = private.real.run("check LAB greet", 1).stdout;
    assert!(unseen.contains("`redis` is not running"), "{unseen}");
    let up = private.real.run("up LAB --json", 0).json();
    assert_eq!(up["changed"], true);
    private.real.run("check LAB greet", 0);
    private.end(Signal::TERM);
    private.start_again();
    private.real.run("reset LAB", 0);
    private.real.run("down LAB", 0);
}

#[test]
fn what_is_left_when_all_died_is_collected_when_the_daemon_is_back() {
    let Some(mut private) = PrivateDaemon::open() else {
        return;
    };
    stuck(&private);
    let mut running = Running::begin(&private.real, "up LAB --json");
    running.until("\"waiting\"");
    let mut processes = private.real.processes();
    // The reaper first, so that it does not learn of the program's death.
    processes.sort_by_key(|(_, command)| !command.contains("__reap"));
    for (id, _) in &processes {
        let id = Pid::from_raw(*id).expect("a process has an id");
        kill_process(id, Signal::KILL).expect("it still runs");
    }
    assert_eq!(processes.len(), 2, "{processes:?}");
    running.end();
    private.end(Signal::KILL);
    private.start_again();
    assert_eq!(private.real.left().len(), 3);
    let said = private.real.run("gc", 0).stderr;
    assert!(said.contains("1 container, 1 network, 1 volume"), "{said}");
    assert_eq!(private.real.left(), [""; 0]);
}
