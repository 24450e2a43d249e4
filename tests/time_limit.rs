//! A lab that is kept for a time only: it goes by itself, whoever is gone by then.

mod support;

#[path = "support/engine.rs"]
mod engine;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::engine::EngineLab;
use crate::support::Ended;

fn tiny() -> EngineLab {
    EngineLab::copy_of("tests/labs/tiny")
}

/// The one process that waits for the lab's time.
#[track_caller]
fn waiting(real: &EngineLab) -> Pid {
    assert!(
        real.soon(|| real.processes().len() == 1),
        "{:?}",
        real.processes()
    );
    Pid::from_raw(real.processes()[0].0).expect("a process has an id")
}

fn until(real: &EngineLab) -> Value {
    real.run("status --json", 0).json()[0]["until"].take()
}

#[test]
fn a_kept_lab_goes_by_itself_when_its_time_is_over() {
    let real = tiny();
    real.run("up LAB --ttl 2s", 0);
    assert_eq!(real.left().len(), 3);
    assert!(real.soon(|| real.left().is_empty()), "{:?}", real.left());
    assert!(
        real.soon(|| real.processes().is_empty()),
        "{:?}",
        real.processes()
    );
    assert_eq!(real.run("gc", 0).stdout, "nothing was left behind\n");
}

#[test]
fn when_it_goes_is_told_and_can_be_put_off() {
    let real = tiny();
    let up = real.run("up LAB --ttl 1h30m", 0).stdout;
    assert!(up.contains("\n  removed by itself in "), "{up}");
    let first = until(&real);
    waiting(&real);
    let status = real.run("status", 0).stdout;
    assert!(status.contains("removed by itself in "), "{status}");
    assert_eq!(real.run("up LAB --json", 0).json()["until"], first);
    real.run("up LAB --ttl 3h", 0);
    assert!(until(&real).as_u64() > first.as_u64());
    waiting(&real);
    let put_off = until(&real);
    let from = "service: redis }\n";
    let to = format!("{from}    mem_limit: 100m\n");
    real.copy.change("compose.yaml", from, &to);
    assert_eq!(real.run("up LAB --json", 0).json()["until"], put_off);
    waiting(&real);
    real.run("reset LAB --hard", 0);
    assert_eq!(until(&real), put_off, "a hard reset keeps it");
    assert!(
        real.soon(|| real.processes().len() == 1),
        "{:?}",
        real.processes()
    );
    real.run("down LAB", 0);
    assert!(
        real.soon(|| real.processes().is_empty()),
        "{:?}",
        real.processes()
    );
}

#[test]
fn when_nobody_waits_any_more_the_next_command_does_it() {
    let real = tiny();
    real.run("up LAB --ttl 2s", 0);
    kill_process(waiting(&real), Signal::KILL).expect("it runs");
    assert!(real.soon(|| real.processes().is_empty()));
    let told = format!(
        "the time of {} was over: removed 1 container, 1 network, 1 volume\n",
        real.copy.id
    );
    let collected = || real.run("status", 0).stderr == told;
    assert!(real.soon(collected));
    assert_eq!(real.left(), [""; 0]);
}

#[test]
fn a_machine_that_shuts_down_need_not_wait_for_it() {
    let real = tiny();
    real.run("up LAB --ttl 1h", 0);
    let pid = waiting(&real);
    // It may still be on its way from hearing that the program is gone to waiting.
    let asked = || {
        let _ = kill_process(pid, Signal::TERM);
        real.processes().is_empty()
    };
    assert!(real.soon(asked), "{:?}", real.processes());
    assert_eq!(real.left().len(), 3);
    real.run("down LAB", 0);
}

#[test]
fn a_session_may_leave_its_lab_for_a_time() {
    let real = tiny();
    let said = real.run("run LAB --auto --keep --ttl 2s", 0).stdout;
    assert!(said.contains("\nremoved by itself in "), "{said}");
    assert!(real.soon(|| real.left().is_empty()), "{:?}", real.left());
}

#[test]
fn a_time_is_written_with_its_unit_and_belongs_to_what_is_kept() {
    let real = tiny();
    for (words, part) in [
        (
            "up LAB --ttl 5",
            "write a time such as 30s, 90m, 2h or 1h30m",
        ),
        ("up LAB --ttl 0s", "write a time such as"),
        ("up LAB --ttl 99999999h", "write a time such as"),
        ("run LAB --ttl 5m", "--keep"),
    ] {
        let said = Ended::of(&mut real.command(words)).with(2).stderr;
        assert!(said.contains(part), "{said}");
    }
}
