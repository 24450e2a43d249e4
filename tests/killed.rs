//! `kill -9` at any moment: the reaper removes what was being made within seconds. If it was killed too, the next command does.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/running.rs"]
mod running;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::engine::EngineLab;
use crate::running::Running;
use crate::support::Ended;

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

fn tiny() -> EngineLab {
    EngineLab::copy_of("tests/labs/tiny")
}

/// A lab that starts and never answers.
fn stuck() -> EngineLab {
    let real = tiny();
    let to = format!("{EXTENDS}    command: [sleep, infinity]\n");
    real.copy.change("compose.yaml", EXTENDS, &to);
    real
}

/// Nothing is left, without anybody's help.
#[track_caller]
fn gone(real: &EngineLab) {
    let gone = real.soon(|| real.left().is_empty() && real.processes().is_empty());
    let (left, processes) = (real.left(), real.processes());
    let log = std::fs::read_to_string(real.copy.path("state/roadlab/reaper.log"));
    assert!(gone, "{left:?} {processes:?} {log:?}");
    let gc = real.run("gc", 0);
    assert_eq!(
        (gc.stdout.as_str(), gc.stderr.as_str()),
        ("nothing was left behind\n", "")
    );
}

/// The reaper of what runs now.
#[track_caller]
fn reaper(real: &EngineLab) -> Pid {
    let processes = real.processes();
    let found = processes
        .iter()
        .find(|(_, command)| command.contains("__reap"));
    let (pid, _) = found.unwrap_or_else(|| panic!("no reaper: {processes:?}"));
    Pid::from_raw(*pid).expect("a process has an id")
}

#[track_caller]
fn killed(real: &EngineLab, words: &str, moment: &str) {
    let mut running = Running::begin(real, words);
    running.until(moment);
    running.send(Signal::KILL);
    assert_eq!(running.end().0.code(), None);
    gone(real);
}

#[test]
fn an_up_that_is_killed_while_it_creates_is_cleaned_up() {
    killed(&stuck(), "up LAB --json", "create network");
    killed(&stuck(), "up LAB --json", "create container");
}

#[test]
fn an_up_that_is_killed_while_it_starts_or_waits_is_cleaned_up() {
    killed(&stuck(), "up LAB --json", "\"start redis");
    killed(&stuck(), "up LAB --json", "\"waiting\"");
}

#[test]
fn a_session_and_a_proof_that_are_killed_are_cleaned_up() {
    killed(&stuck(), "run LAB --auto", "waiting for redis");
    killed(&stuck(), "test LAB --json", "\"waiting\"");
}

/// Whether a journal says that its run must go.
fn is_ending(real: &EngineLab) -> bool {
    let journals = std::fs::read_dir(real.copy.path("state/roadlab/runs"));
    let mut journals = journals.into_iter().flatten().flatten();
    journals.any(|entry| {
        // What is being written has not got its name yet, and does not count yet.
        let is_whole = entry.path().extension().is_some_and(|end| end == "json");
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        is_whole && text.contains("\"life\": \"ending\"")
    })
}

#[test]
fn a_removal_that_is_killed_is_finished() {
    let real = tiny();
    for words in ["down LAB", "reset LAB --hard"] {
        real.run("up LAB", 0);
        let running = Running::begin(&real, words);
        assert!(real.soon(|| is_ending(&real)), "{words}");
        running.send(Signal::KILL);
        running.end();
        gone(&real);
    }
}

#[test]
fn a_kept_lab_survives_its_makers_and_its_reapers_death() {
    let real = tiny();
    real.run("up LAB", 0);
    let kept = real.left();
    assert_eq!(kept.len(), 3);
    assert!(
        real.soon(|| real.processes().is_empty()),
        "{:?}",
        real.processes()
    );
    real.run("gc", 0);
    assert_eq!(real.left(), kept);
    real.run("down LAB", 0);
}

/// Ends the reaper, then the program: then nobody is left who could clean up.
#[track_caller]
fn both_killed(real: &EngineLab) {
    let mut running = Running::begin(real, "up LAB --json");
    running.until("\"waiting\"");
    kill_process(reaper(real), Signal::KILL).expect("it runs");
    running.send(Signal::KILL);
    running.end();
    assert!(real.soon(|| real.processes().is_empty()));
    assert_eq!(real.left().len(), 3);
}

#[test]
fn what_is_left_when_the_reaper_was_killed_too_is_collected() {
    let real = stuck();
    both_killed(&real);
    let gc = real.run("gc", 0);
    assert_eq!(real.left(), [""; 0], "{gc:?}");
    let told = format!(
        "cleaned up an interrupted run of {}: 1 container, 1 network, 1 volume\n",
        real.copy.id
    );
    assert_eq!((gc.stdout.as_str(), gc.stderr), ("", told));
}

#[test]
fn the_next_command_collects_as_well() {
    let real = stuck();
    both_killed(&real);
    real.run("status", 0);
    assert_eq!(real.left(), [""; 0]);
}

#[test]
fn a_lab_can_be_brought_up_at_once_after_a_kill() {
    let real = stuck();
    let mut running = Running::begin(&real, "up LAB --json");
    running.until("\"waiting\"");
    running.send(Signal::KILL);
    running.end();
    let to = format!("{EXTENDS}    command: [sleep, infinity]\n");
    real.copy.change("compose.yaml", &to, EXTENDS);
    real.run("up LAB", 0);
    let kept = real.left();
    assert_eq!(kept.len(), 3);
    assert!(real.soon(|| real.processes().is_empty()));
    assert_eq!(
        real.left(),
        kept,
        "the reaper of the killed run does not touch it"
    );
    real.run("check LAB", 1);
    real.run("down LAB", 0);
}

#[test]
fn ctrl_c_twice_leaves_at_once_and_the_reaper_finishes() {
    let real = stuck();
    let mut running = Running::begin(&real, "up LAB --json");
    running.until("\"waiting\"");
    let group = Pid::from_raw(running.id()).expect("a process has an id");
    // A terminal tells the whole group; the reaper is not in it.
    kill_process_group(group, Signal::INT).expect("it runs");
    running.until("stopping");
    kill_process_group(group, Signal::INT).expect("it runs");
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(
        said.contains("left at once: removing goes on in the background"),
        "{said}"
    );
    gone(&real);
}

#[test]
fn the_reaper_ignores_signals_that_are_not_meant_for_it() {
    let real = stuck();
    let mut running = Running::begin(&real, "up LAB --json");
    running.until("\"waiting\"");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        kill_process(reaper(&real), signal).expect("it runs");
    }
    running.send(Signal::KILL);
    running.end();
    gone(&real);
}

#[test]
fn a_stopped_program_that_is_killed_is_cleaned_up() {
    let real = stuck();
    let mut running = Running::begin(&real, "up LAB --json");
    running.until("\"waiting\"");
    running.send(Signal::STOP);
    running.send(Signal::KILL);
    running.end();
    gone(&real);
}

#[test]
fn a_fault_of_our_own_is_told_and_leaves_nothing() {
    let real = stuck();
    let mut command = real.command("up LAB");
    let ended = Ended::of(command.env("ROADLAB_TEST_PANIC", "Waiting")).with(6);
    let part = "error: roadlab itself failed: made to fail at Waiting (src/";
    assert!(ended.stderr.contains(part), "{ended:?}");
    gone(&real);
}
