//! Random `kill -9` over everything that makes and removes labs, and what was left of them: nothing.
//!
//! `cargo bench --bench kills -- [--kills N] [--seed N]`. The same seed brings the same commands and moments back.

#[path = "../tests/support/engine.rs"]
mod engine;
#[path = "../tests/support/kills.rs"]
mod kills;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};

use crate::kills::{Kill, Random, kill, lab};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benchmarks without it, and only wants to know that they start.
    if !arguments.iter().any(|argument| argument == "--bench") {
        say("to kill: cargo bench --bench kills");
        return ExitCode::SUCCESS;
    }
    match options(&arguments) {
        Ok((count, seed)) => all(count, seed),
        Err(error) => {
            say(&format!("cannot begin: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// How many kills, and the seed.
fn options(arguments: &[String]) -> anyhow::Result<(usize, u64)> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let (mut count, mut seed) = (200, time.as_secs());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || {
            let number = rest.next().and_then(|number| number.parse::<u64>().ok());
            number.with_context(|| format!("`{argument}` needs a number"))
        };
        match argument.as_str() {
            "--bench" => {}
            "--kills" => count = number()?.max(1).try_into()?,
            "--seed" => seed = number()?,
            other => bail!("unknown option `{other}`: --kills N, --seed N"),
        }
    }
    Ok((count, seed))
}

fn all(count: usize, seed: u64) -> ExitCode {
    say(&format!("{count} kills, seed {seed}"));
    let real = lab();
    let mut random = Random::new(seed);
    let mut kills = Vec::new();
    for number in 0..count {
        let kill = kill(&real, number, &mut random);
        if is_leak(&kill) {
            let (left, processes) = (&kill.left, &kill.processes);
            say(&format!(
                "{}: {left:?} {processes:?}; {}",
                kill.what, kill.said
            ));
        }
        kills.push(kill);
    }
    let leaks = kills.iter().filter(|kill| is_leak(kill)).count();
    let processes: usize = kills.iter().map(|kill| kill.processes.len()).sum();
    let mut times: Vec<Duration> = kills.iter().filter_map(|kill| kill.clean_after).collect();
    times.sort_unstable();
    let seconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
    let hit = kills.iter().filter(|kill| kill.hit).count();
    say(&format!(
        "kills                {count}, {hit} before the command had ended"
    ));
    say(&format!("leaks                {leaks}"));
    say(&format!("processes left       {processes}"));
    say(&format!(
        "clean after, median  {:.1} s",
        seconds(times.get(times.len() / 2))
    ));
    say(&format!(
        "clean after, worst   {:.1} s",
        seconds(times.last())
    ));
    match leaks {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn is_leak(kill: &Kill) -> bool {
    kill.clean_after.is_none() || !kill.left.is_empty() || !kill.processes.is_empty()
}

/// A line of the result.
fn say(line: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stdout(), "{line}");
}
