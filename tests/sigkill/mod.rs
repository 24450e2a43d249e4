//! `kill -9` at chosen moments, and at random ones in `random.rs`. The reaper removes what was being created. If it was killed
//! too, the next command does.

mod random;

use std::panic::{AssertUnwindSafe, catch_unwind};

use roadlab::app::{App, InitialData, Options, Trust, UpOptions};
use roadlab::engine::Consent;
use roadlab::event::Event;
use roadlab::lab::{Instance, Lang};
use roadlab::runner::{Expiry, OnFailure, PullPolicy, ReaperCommand};
use roadlab::store::{Lifetime, Paths};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::engine_lab::{EngineLab, SERVICE};
use crate::support::eventually;
use crate::support::process::RunningProgram;

/// The reaper that runs now.
#[track_caller]
fn reaper(lab: &EngineLab) -> Pid {
    let processes = lab.processes();
    let found = processes
        .iter()
        .find(|(_, command)| command.contains("__reap"));
    let (pid, _) = found.unwrap_or_else(|| panic!("no reaper: {processes:?}"));
    Pid::from_raw(*pid).expect("a process has an id")
}

/// Kills a command when it prints a line, and waits until nothing is left.
#[track_caller]
fn kill_at(lab: &EngineLab, arguments: &str, line: &str) {
    let mut running = RunningProgram::start(lab, arguments);
    running.wait_for_line(line);
    running.send_signal(Signal::KILL);
    assert_eq!(running.finish().0.code(), None);
    lab.wait_until_removed();
}

#[apply(engine_test)]
fn up_killed_during_creation_is_cleaned_up() {
    kill_at(&EngineLab::never_ready(), "up LAB --json", "create network");
    kill_at(
        &EngineLab::never_ready(),
        "up LAB --json",
        "create container",
    );
}

#[apply(engine_test)]
fn up_killed_while_starting_or_waiting_is_cleaned_up() {
    kill_at(&EngineLab::never_ready(), "up LAB --json", "\"start redis");
    kill_at(&EngineLab::never_ready(), "up LAB --json", "\"waiting\"");
}

#[apply(engine_test)]
fn a_killed_session_or_proof_is_cleaned_up() {
    kill_at(
        &EngineLab::never_ready(),
        "run LAB --auto",
        "waiting for redis",
    );
    kill_at(&EngineLab::never_ready(), "test LAB --json", "\"waiting\"");
}

/// Whether a journal says that its run is being removed.
fn is_ending(lab: &EngineLab) -> bool {
    let journals = std::fs::read_dir(lab.copy.path("state/roadlab/runs"));
    let mut journals = journals.into_iter().flatten().flatten();
    journals.any(|entry| {
        // A journal that is being written has another extension.
        let is_whole = entry.path().extension().is_some_and(|end| end == "json");
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        is_whole && text.contains("\"life\": \"ending\"")
    })
}

/// Kills a command that removes a lab while it removes it; returns whether the signal came in time.
fn kill_during_removal(lab: &EngineLab, arguments: &str) -> bool {
    lab.run("up LAB", 0);
    let mut running = RunningProgram::start(lab, arguments);
    while !is_ending(lab) {
        if running.has_ended() {
            lab.run("down LAB", 0);
            return false;
        }
    }
    running.kill();
    running.finish();
    let removed = || lab.processes().is_empty() && lab.resources().is_empty();
    let settled = eventually(|| removed() || random::is_up(lab));
    assert!(settled, "{:?} {}", lab.resources(), lab.reaper_log());
    // The signal may have come after the lab was up again.
    if !removed() {
        lab.run("down LAB", 0);
        return false;
    }
    lab.wait_until_removed();
    true
}

#[apply(engine_test)]
fn a_killed_removal_is_completed() {
    let lab = EngineLab::tiny();
    for arguments in ["down LAB", "reset LAB --hard"] {
        let killed = (0..20).any(|_| kill_during_removal(&lab, arguments));
        assert!(killed, "{arguments} always ended before it was killed");
    }
}

#[apply(engine_test)]
fn a_lab_outlives_the_program_and_the_reaper_that_created_it() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let before = lab.resources();
    assert_eq!(before.len(), 3);
    lab.wait_for_processes();
    lab.run("gc", 0);
    assert_eq!(lab.resources(), before);
    lab.run("down LAB", 0);
}

/// Kills the reaper, then the program, so that no process is left that could clean up.
#[track_caller]
fn kill_both(lab: &EngineLab) {
    let mut running = RunningProgram::start(lab, "up LAB --json");
    running.wait_for_line("\"waiting\"");
    kill_process(reaper(lab), Signal::KILL).expect("it runs");
    running.send_signal(Signal::KILL);
    running.finish();
    lab.wait_for_processes();
    assert_eq!(lab.resources().len(), 3);
}

#[apply(engine_test)]
fn gc_cleans_up_after_the_reaper_was_killed_too() {
    let lab = EngineLab::never_ready();
    kill_both(&lab);
    let gc = lab.run("gc", 0);
    assert_eq!(lab.resources(), [""; 0], "{gc:?}");
    let message = format!(
        "cleaned up an interrupted run of {}: 1 container, 1 network, 1 volume\n",
        lab.copy.id
    );
    assert_eq!(gc.stderr, message);
    // The runs of other tests are shown as runs of other state folders.
    assert!(!gc.stdout.contains(&lab.copy.id), "{}", gc.stdout);
}

#[apply(engine_test)]
fn the_next_command_cleans_up_too() {
    let lab = EngineLab::never_ready();
    kill_both(&lab);
    lab.run("status", 0);
    assert_eq!(lab.resources(), [""; 0]);
}

#[apply(engine_test)]
fn up_works_at_once_after_a_kill() {
    let lab = EngineLab::never_ready();
    let mut running = RunningProgram::start(&lab, "up LAB --json");
    running.wait_for_line("\"waiting\"");
    running.send_signal(Signal::KILL);
    running.finish();
    let to = format!("{SERVICE}    command: [sleep, infinity]\n");
    lab.copy.change("compose.yaml", &to, SERVICE);
    lab.run("up LAB", 0);
    let before = lab.resources();
    assert_eq!(before.len(), 3);
    lab.wait_for_processes();
    assert_eq!(
        lab.resources(),
        before,
        "the reaper of the killed run keeps it"
    );
    lab.run("check LAB", 1);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn the_reaper_ignores_signals_of_the_terminal() {
    let lab = EngineLab::never_ready();
    let mut running = RunningProgram::start(&lab, "up LAB --json");
    running.wait_for_line("\"waiting\"");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        kill_process(reaper(&lab), signal).expect("it runs");
    }
    running.send_signal(Signal::KILL);
    running.finish();
    lab.wait_until_removed();
}

#[apply(engine_test)]
fn a_suspended_and_killed_program_is_cleaned_up() {
    let lab = EngineLab::never_ready();
    let mut running = RunningProgram::start(&lab, "up LAB --json");
    running.wait_for_line("\"waiting\"");
    running.send_signal(Signal::STOP);
    running.send_signal(Signal::KILL);
    running.finish();
    lab.wait_until_removed();
}

/// Starts a lab as the program does, with a reporter that panics while the services are waited for.
fn panic_while_waiting(lab: &EngineLab) {
    let folder = |below: &str| lab.copy.path(below).join("roadlab");
    let paths = Paths {
        state: folder("state"),
        cache: folder("cache"),
        data: folder("data"),
    };
    let roadlab = env!("CARGO_BIN_EXE_roadlab");
    let state = lab.copy.path("state").display().to_string();
    let reaper = ReaperCommand {
        program: "/bin/sh".into(),
        arguments: [
            "-c",
            "XDG_STATE_HOME=\"$1\" exec \"$2\" --engine \"$3\" __reap",
            "sh",
            &state,
            roadlab,
            &lab.socket,
        ]
        .map(str::to_owned)
        .to_vec(),
        log: paths.state.join("reaper.log"),
    };
    let options = Options {
        labs: Some(lab.copy.path("labs")),
        engine: Some(lab.socket.clone()),
        consent: Consent::NotGiven,
        trust: Trust::NotGranted,
        pull_policy: PullPolicy::Offline,
    };
    let events = Box::new(|event| {
        if let Event::Waiting { .. } = event {
            std::panic::panic_any(MadeToFail);
        }
    });
    let (instance, lang) = (Instance::new("main").expect("a name"), Lang::english());
    let app = App::new(options, paths, instance, lang, reaper, events);
    let up = UpOptions {
        lifetime: Lifetime::Persistent,
        expiry: Expiry::Unchanged,
        on_failure: OnFailure::TearDown,
        initial_data: InitialData::Copied,
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let engine = app.existing_engine().await.expect("the engine runs");
        let lab = app.open(&lab.copy.id).expect("the lab is sound").lab;
        app.up(&engine, &lab, up)
            .await
            .map(drop)
            .expect("it panics before");
    });
}

/// What the reporter panics with.
struct MadeToFail;

#[apply(engine_test)]
fn a_panic_leaves_nothing() {
    let lab = EngineLab::never_ready();
    let ended = catch_unwind(AssertUnwindSafe(|| panic_while_waiting(&lab)));
    assert!(ended.expect_err("it panics").is::<MadeToFail>());
    lab.wait_until_removed();
}
