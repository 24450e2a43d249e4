//! Faults that an engine of one's own is needed for: it is killed, frozen, filled up, pruned and started again. Whatever
//! happens, all that is on that engine afterwards was there before, and no process of ours is left.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/private.rs"]
mod private;
#[path = "support/running.rs"]
mod running;

use rustix::process::Signal;

use crate::private::Private;
use crate::running::Running;

const SERVICE: &str = "service: redis }\n";

/// Replaces what the lab's service runs.
#[track_caller]
fn runs(private: &Private, command: &str) {
    let to = format!("{SERVICE}    command: {command}\n");
    private.real.copy.change("compose.yaml", SERVICE, &to);
}

/// The service starts and never answers.
fn stuck(private: &Private) {
    runs(private, "[sleep, infinity]");
}

fn log(private: &Private) -> String {
    let log = private.real.copy.path("state/roadlab/reaper.log");
    std::fs::read_to_string(log).unwrap_or_default()
}

#[test]
fn a_daemon_that_was_killed_is_not_running() {
    let Some(mut private) = Private::open() else {
        return;
    };
    private.end(Signal::KILL);
    let said = private.real.run("up LAB", 3).stderr;
    let told = format!(
        "error: Docker is not running at unix://{} (`--engine`): start an engine there, or leave out `--engine`\n",
        private.real.socket
    );
    assert_eq!(said, told);
    private.start_again();
}

#[test]
fn a_daemon_that_is_frozen_is_not_waited_for() {
    let Some(private) = Private::open() else {
        return;
    };
    private.send(Signal::STOP);
    let said = private.real.run("up LAB", 3).stderr;
    private.send(Signal::CONT);
    let told = format!(
        "error: Docker does not answer at unix://{} (`--engine`): it is frozen or overloaded; look at `roadlab engine status`, then restart it\n",
        private.real.socket
    );
    assert_eq!(said, told);
}

#[test]
fn a_daemon_that_freezes_while_we_are_killed_is_waited_for() {
    let Some(private) = Private::open() else {
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
