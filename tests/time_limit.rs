//! Labs with a time limit (`--ttl`) are removed when it expires, even if the program has ended.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;
use crate::support::eventually;

/// The process that waits for the expiry.
#[track_caller]
fn waiting_reaper(lab: &EngineLab) -> Pid {
    assert!(
        eventually(|| lab.processes().len() == 1),
        "{:?}",
        lab.processes()
    );
    Pid::from_raw(lab.processes()[0].0).expect("a process has an id")
}

/// The expiry of the lab, in seconds since 1970.
fn expiry(lab: &EngineLab) -> Value {
    lab.run("status LAB --json", 0).json()[0]["until"].take()
}

#[apply(engine_test)]
fn a_lab_is_removed_when_its_time_limit_expires() {
    let lab = EngineLab::tiny();
    let up = lab.run("up LAB --ttl 2s --json", 0).json();
    assert!(up["until"].is_u64(), "{up}");
    assert!(
        eventually(|| lab.resources().is_empty()),
        "{:?}",
        lab.resources()
    );
    lab.wait_for_processes();
    let gc = lab.run("gc", 0).stdout;
    // The runs of other tests follow, as runs of other state folders.
    assert!(gc.starts_with("no leftovers\n"), "{gc}");
}

#[apply(engine_test)]
fn the_expiry_is_shown_and_can_be_extended() {
    let lab = EngineLab::tiny();
    let up = lab.run("up LAB --ttl 1h30m", 0).stdout;
    assert!(up.contains("\n  expires in "), "{up}");
    let first = expiry(&lab);
    waiting_reaper(&lab);
    let status = lab.run("status LAB", 0).stdout;
    assert!(status.contains("expires in "), "{status}");
    assert_eq!(lab.run("up LAB --json", 0).json()["until"], first);
    lab.run("up LAB --ttl 3h", 0);
    assert!(expiry(&lab).as_u64() > first.as_u64());
    waiting_reaper(&lab);
    let extended = expiry(&lab);
    let from = "service: redis }\n";
    let to = format!("{from}    mem_limit: 100m\n");
    lab.copy.change("compose.yaml", from, &to);
    assert_eq!(lab.run("up LAB --json", 0).json()["until"], extended);
    waiting_reaper(&lab);
    lab.run("reset LAB --hard", 0);
    assert_eq!(expiry(&lab), extended, "a hard reset keeps it");
    assert!(
        eventually(|| lab.processes().len() == 1),
        "{:?}",
        lab.processes()
    );
    lab.run("down LAB", 0);
    lab.wait_for_processes();
}

#[apply(engine_test)]
fn the_next_command_removes_an_expired_lab_without_a_reaper() {
    let lab = EngineLab::tiny();
    // Long enough that the reaper is killed before the expiry.
    lab.run("up LAB --ttl 30s", 0);
    kill_process(waiting_reaper(&lab), Signal::KILL).expect("it runs");
    lab.wait_for_processes();
    assert_eq!(lab.resources().len(), 3);
    let message = format!(
        "{} expired: removed 1 container, 1 network, 1 volume\n",
        lab.copy.id
    );
    let removed = || lab.run("status LAB", 0).stderr == message;
    assert!(eventually(removed));
    assert_eq!(lab.resources(), [""; 0]);
}

#[apply(engine_test)]
fn a_waiting_reaper_ends_on_sigterm_and_keeps_the_lab() {
    let lab = EngineLab::tiny();
    lab.run("up LAB --ttl 1h", 0);
    let pid = waiting_reaper(&lab);
    // The reaper may not have noticed the end of the program yet.
    let has_ended = || {
        let _ = kill_process(pid, Signal::TERM);
        lab.processes().is_empty()
    };
    assert!(eventually(has_ended), "{:?}", lab.processes());
    assert_eq!(lab.resources().len(), 3);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_session_can_keep_its_lab_for_a_limited_time() {
    let lab = EngineLab::tiny();
    let output = lab.run("run LAB --auto --keep --ttl 2s", 0).stdout;
    assert!(output.contains("\nexpires in "), "{output}");
    assert!(
        eventually(|| lab.resources().is_empty()),
        "{:?}",
        lab.resources()
    );
}

#[apply(engine_test)]
fn a_time_limit_needs_a_unit_and_keep() {
    let lab = EngineLab::tiny();
    for (words, part) in [
        (
            "up LAB --ttl 5",
            "use a duration such as 30s, 90m, 2h or 1h30m",
        ),
        ("up LAB --ttl 0s", "use a duration such as"),
        ("up LAB --ttl 99999999h", "use a duration such as"),
        ("run LAB --ttl 5m", "--keep"),
    ] {
        let output = ProgramOutput::of(&mut lab.command(words))
            .expect_code(2)
            .stderr;
        assert!(output.contains(part), "{output}");
    }
}
