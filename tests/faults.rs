//! Faults that come while a lab is made, used or left: each is provoked on the real engine, told in plain words, and leaves
//! nothing behind. Signals and failures of an `up` have files of their own (`stop.rs`, `stuck.rs`), `kill -9` too (`killed.rs`).

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/running.rs"]
mod running;

#[path = "faults/checks.rs"]
mod checks;
#[path = "faults/making.rs"]
mod making;
#[path = "faults/using.rs"]
mod using;

use crate::engine::EngineLab;
use crate::support::Ended;

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

/// The tiny lab with lines more in its service.
#[track_caller]
fn tiny_with(lines: &str) -> EngineLab {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let to = format!("{EXTENDS}{lines}");
    real.copy.change("compose.yaml", EXTENDS, &to);
    real
}

/// The id of the lab's first container.
#[track_caller]
fn container(real: &EngineLab) -> String {
    let id = real.containers()[0]["Id"].as_str().map(str::to_owned);
    id.expect("the lab is up")
}

/// The command lines of what runs in the service, but for the look itself.
#[track_caller]
fn programs(real: &EngineLab) -> Vec<String> {
    let mut look = real.command("shell LAB redis -- sh -c");
    look.arg("for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$file; echo; done 2>/dev/null");
    let said = Ended::of(&mut look).with(0).stdout;
    let lines = said.lines().map(str::trim);
    let programs = lines.filter(|line| !line.is_empty() && !line.contains("/proc/"));
    programs.map(str::to_owned).collect()
}
