//! An engine that hangs or disappears during a command. The program reports it and exits, and the reaper cleans up when the
//! engine is back.

use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::engine_lab::EngineLab;
use crate::support::engine_proxy::EngineProxy;
use crate::support::eventually;
use crate::support::process::RunningProgram;

#[apply(engine_test)]
fn the_reaper_waits_for_an_engine_that_hangs() {
    let lab = EngineLab::never_ready();
    let proxy = EngineProxy::open(&lab);
    let mut running =
        RunningProgram::start(&lab, &format!("--engine {} up LAB --json", proxy.path));
    running.wait_for_line("\"waiting\"");
    proxy.hang(true);
    running.send_signal(Signal::KILL);
    running.finish();
    assert!(
        eventually(|| lab.reaper_log().contains("removing")),
        "{}",
        lab.reaper_log()
    );
    assert_eq!(lab.resources().len(), 3);
    proxy.hang(false);
    lab.wait_until_removed();
}

#[apply(engine_test)]
fn the_reaper_cleans_up_when_the_engine_is_back() {
    let lab = EngineLab::never_ready();
    let mut proxy = EngineProxy::open(&lab);
    let mut running =
        RunningProgram::start(&lab, &format!("--engine {} up LAB --json", proxy.path));
    running.wait_for_line("\"waiting\"");
    proxy.close();
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(3), "{output}");
    assert!(
        output.contains("cleanup continues in the background: "),
        "{output}"
    );
    assert!(
        eventually(|| lab.reaper_log().contains("not yet: ")),
        "{}",
        lab.reaper_log()
    );
    assert_eq!(lab.resources().len(), 3);
    proxy.reopen();
    lab.wait_until_removed();
}

#[apply(engine_test)]
fn a_second_ctrl_c_exits_at_once_and_the_reaper_finishes() {
    let lab = EngineLab::never_ready();
    let proxy = EngineProxy::open(&lab);
    let mut running =
        RunningProgram::start(&lab, &format!("--engine {} up LAB --json", proxy.path));
    running.wait_for_line("\"waiting\"");
    // The removal after the first signal does not end before the second one.
    proxy.hang(true);
    let group = Pid::from_raw(running.id()).expect("a process has an id");
    // A terminal signals the whole group; the reaper is not in it.
    kill_process_group(group, Signal::INT).expect("it runs");
    running.wait_for_line("stopping");
    kill_process_group(group, Signal::INT).expect("it runs");
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(
        output.contains("exiting at once; removal continues in the background"),
        "{output}"
    );
    proxy.hang(false);
    lab.wait_until_removed();
}
