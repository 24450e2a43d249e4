//! Failures of the daemon: it is killed, frozen, filled up, pruned and started again. Each test has a daemon of its own and
//! leaves on it what was there before.

mod port_conflicts;
mod resource_exhaustion;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::engine_lab::SERVICE;
use crate::support::eventually;
use crate::support::private_daemon::PrivateDaemon;
use crate::support::process::RunningProgram;

/// Replaces the command of the lab's service.
#[track_caller]
fn set_command(daemon: &PrivateDaemon, command: &str) {
    let to = format!("{SERVICE}    command: {command}\n");
    daemon.lab.copy.change("compose.yaml", SERVICE, &to);
}

/// Makes the service start, never get ready, and exit on SIGTERM.
fn never_ready(daemon: &PrivateDaemon) {
    set_command(
        daemon,
        "[sh, -c, \"trap exit TERM; sleep infinity & wait\"]",
    );
}

#[apply(private_daemon_test)]
fn a_killed_daemon_is_reported_as_not_running() {
    let mut daemon = PrivateDaemon::start();
    daemon.end(Signal::KILL);
    let output = daemon.lab.run("up LAB", 3).stderr;
    let message = format!(
        "error: Docker is not running at unix://{} (`--engine`); start an engine there, or omit `--engine`\n",
        daemon.lab.socket
    );
    assert_eq!(output, message);
    daemon.restart();
}

#[apply(private_daemon_test)]
fn a_frozen_daemon_is_given_up() {
    let daemon = PrivateDaemon::start();
    daemon.send_signal(Signal::STOP);
    let output = daemon.lab.run("up LAB", 3).stderr;
    daemon.send_signal(Signal::CONT);
    let message = format!(
        "error: Docker does not answer at unix://{} (`--engine`); it is frozen or overloaded: inspect it with `roadlab engine status`, then restart it\n",
        daemon.lab.socket
    );
    assert_eq!(output, message);
}

#[apply(private_daemon_test)]
fn the_reaper_waits_for_a_frozen_daemon() {
    let daemon = PrivateDaemon::start();
    never_ready(&daemon);
    let mut running = RunningProgram::start(&daemon.lab, "up LAB --json");
    // The engine has not answered this call yet.
    running.wait_for_line("create container");
    daemon.send_signal(Signal::STOP);
    running.send_signal(Signal::KILL);
    running.finish();
    let removing = eventually(|| daemon.lab.reaper_log().contains("removing"));
    daemon.send_signal(Signal::CONT);
    assert!(removing, "{}", daemon.lab.reaper_log());
    let gone = eventually(|| daemon.lab.processes().is_empty());
    assert!(gone, "{}", daemon.lab.reaper_log());
    assert!(
        daemon.lab.reaper_log().contains(": removed "),
        "{}",
        daemon.lab.reaper_log()
    );
}

/// Ends the daemon while a command runs. The command reports that and exits, and blames no service. When the daemon is back, no
/// container has restarted, and `down` removes what is left.
#[track_caller]
fn ends_with(signal: Signal, mut daemon: PrivateDaemon, words: &str, until: &str, message: &str) {
    let mut running = RunningProgram::start(&daemon.lab, words);
    running.wait_for_line(until);
    daemon.end(signal);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(3), "{output}");
    assert!(output.contains(message), "{output}");
    for wrong in ["memory", "ended", "did not become ready", "panicked"] {
        assert!(!output.contains(wrong), "{wrong}: {output}");
    }
    daemon.restart();
    let containers = daemon.lab.containers();
    let containers = containers.as_array().expect("a list");
    assert!(containers.iter().all(|one| one["State"] != "running"));
    daemon.lab.run("down LAB", 0);
    let gone = eventually(|| daemon.lab.processes().is_empty());
    assert!(gone, "{}", daemon.lab.reaper_log());
}

/// A daemon with a lab that is up.
fn with_lab() -> PrivateDaemon {
    let daemon = PrivateDaemon::start();
    daemon.lab.run("up LAB", 0);
    daemon
}

#[apply(private_daemon_test)]
fn watched_checks_end_with_the_daemon() {
    let words = "check LAB --watch";
    for signal in [Signal::KILL, Signal::TERM] {
        let daemon = with_lab();
        let message = "error: Docker stopped while the command was running: ";
        ends_with(signal, daemon, words, "greet", message);
    }
}

#[apply(private_daemon_test)]
fn a_followed_log_ends_with_the_daemon() {
    let words = "logs LAB --follow";
    for signal in [Signal::KILL, Signal::TERM] {
        let daemon = with_lab();
        let message = "error: cannot read the log of `redis`: ";
        ends_with(signal, daemon, words, "Ready to accept", message);
    }
}

#[apply(private_daemon_test)]
fn a_session_ends_with_the_daemon() {
    let daemon = PrivateDaemon::start();
    let from = "solution:\n";
    let step = "redis: { service: redis, command: [GET, never] }\n        expect: { exists: true }";
    let to = format!("{from}      - {step}\n        within: 10m\n");
    daemon.lab.copy.change("lab.yaml", from, &to);
    let message = "error: Docker stopped while the command was running: ";
    ends_with(
        Signal::TERM,
        daemon,
        "run LAB --auto",
        "A greeting",
        message,
    );
}

#[apply(private_daemon_test)]
fn a_waiting_up_ends_with_the_daemon() {
    for signal in [Signal::KILL, Signal::TERM] {
        let daemon = PrivateDaemon::start();
        never_ready(&daemon);
        let message = "cannot inspect the container of `redis`: ";
        ends_with(signal, daemon, "up LAB --json", "\"waiting\"", message);
    }
}

#[apply(private_daemon_test)]
fn no_container_restarts_with_the_daemon_and_up_repairs_the_lab() {
    let mut daemon = with_lab();
    daemon.lab.run("solve LAB greet", 0);
    daemon.end(Signal::KILL);
    daemon.restart();
    let stale = daemon.lab.run("status", 0).stdout;
    let row = stale.lines().find(|line| line.contains("redis"));
    let row = row.expect("a row for the service").trim_end();
    assert!(row.contains("● redis  ended "), "{stale}");
    assert!(!row.contains("127.0.0.1"), "it has no address: {stale}");
    let checked = daemon.lab.run("check LAB greet", 1).stdout;
    assert!(checked.contains("`redis` is not running"), "{checked}");
    let up = daemon.lab.run("up LAB --json", 0).json();
    assert_eq!(up["changed"], true);
    daemon.lab.run("check LAB greet", 0);
    daemon.end(Signal::TERM);
    daemon.restart();
    daemon.lab.run("reset LAB", 0);
    daemon.lab.run("down LAB", 0);
}

#[apply(private_daemon_test)]
fn a_paused_lab_stays_paused_over_a_restart_of_the_daemon() {
    for signal in [Signal::KILL, Signal::TERM] {
        let mut daemon = with_lab();
        daemon.lab.run("solve LAB greet", 0);
        daemon.lab.run("pause LAB", 0);
        daemon.end(signal);
        daemon.restart();
        let paused = daemon.lab.run("status", 0).stdout;
        assert!(paused.contains("continue with `roadlab up "), "{paused}");
        daemon.lab.run("up LAB", 0);
        daemon.lab.run("check LAB greet", 0);
        daemon.lab.run("down LAB", 0);
    }
}

#[apply(private_daemon_test)]
fn gc_cleans_up_after_program_reaper_and_daemon_were_killed() {
    let mut daemon = PrivateDaemon::start();
    never_ready(&daemon);
    let mut running = RunningProgram::start(&daemon.lab, "up LAB --json");
    running.wait_for_line("\"waiting\"");
    let mut processes = daemon.lab.processes();
    // The reaper first, so that it does not notice the end of the program.
    processes.sort_by_key(|(_, command)| !command.contains("__reap"));
    for (id, _) in &processes {
        let id = Pid::from_raw(*id).expect("a process has an id");
        kill_process(id, Signal::KILL).expect("it still runs");
    }
    assert_eq!(processes.len(), 2, "{processes:?}");
    running.finish();
    daemon.end(Signal::KILL);
    daemon.restart();
    assert_eq!(daemon.lab.resources().len(), 3);
    let output = daemon.lab.run("gc", 0).stderr;
    assert!(
        output.contains("1 container, 1 network, 1 volume"),
        "{output}"
    );
    assert_eq!(daemon.lab.resources(), [""; 0]);
}
