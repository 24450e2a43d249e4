//! Faults while a lab is created, used or removed. Each is reported, and leaves nothing. Signals are in `shutdown.rs`, services
//! that never get ready in `startup_failures.rs`, and `kill -9` in `sigkill/`.

mod checks;
mod creation;
mod usage;

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;

/// The command lines of what runs in the service, without the program that lists them.
#[track_caller]
fn programs(lab: &EngineLab) -> Vec<String> {
    let mut list = lab.command("shell LAB redis -- sh -c");
    list.arg("for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$file; echo; done 2>/dev/null");
    let output = ProgramOutput::of(&mut list).expect_code(0).stdout;
    let lines = output.lines().map(str::trim);
    let programs = lines.filter(|line| !line.is_empty() && !line.contains("/proc/"));
    programs.map(str::to_owned).collect()
}
