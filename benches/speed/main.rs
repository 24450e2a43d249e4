//! How fast roadlab is, as ratios to what the engine itself needs and to Compose, on one machine in one run.
//!
//! `cargo bench --bench speed -- [--rounds N] [--twenty] [--json]`. Every round measures everything once, so that a busy
//! moment of the machine hits all sides; the first round warms up and is not counted. Slow is told, never a failure.
//! `$ROADLAB` and `$COMPOSE` name other programs to measure.

mod api;
mod compose;
mod floor;
mod program;
mod rounds;
mod table;
mod twenty;

use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::compose::Compose;
use crate::program::Program;
use crate::rounds::Interrupt;
use crate::table::say;

/// What was asked for.
struct Options {
    rounds: usize,
    twenty: bool,
    json: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benchmarks without it, and only wants to know that they start.
    if !arguments.iter().any(|argument| argument == "--bench") {
        say("to measure: cargo bench --bench speed");
        return ExitCode::SUCCESS;
    }
    match options(&arguments).and_then(|options| measure(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("cannot measure: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options {
        rounds: 7,
        twenty: false,
        json: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--bench" => {}
            "--twenty" => options.twenty = true,
            "--json" => options.json = true,
            "--rounds" => {
                let count = rest.next().and_then(|count| count.parse().ok());
                options.rounds = count
                    .filter(|count| *count > 0)
                    .context("`--rounds` needs a number of rounds")?;
            }
            other => bail!("unknown option `{other}`: --rounds N, --twenty, --json"),
        }
    }
    Ok(options)
}

fn measure(options: &Options) -> anyhow::Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let program = Program::find()?;
    let compose = Compose::find();
    if let Err(why) = &compose {
        eprint(&format!("Compose is left out: {why}"));
    }
    let compose = compose.ok();
    program.run(&["images", "pull", "redis"])?;
    let mut table = rounds::all(&program, compose.as_ref(), options.rounds, &mut interrupt)?;
    if options.twenty {
        eprint("twenty at once");
        twenty::at_once(&program, compose.as_ref(), &mut table)?;
    }
    match options.json {
        true => say(&table.json()),
        false => say(&table.text()),
    }
    Ok(())
}

/// A line about how far we are.
fn eprint(line: &str) {
    use std::io::Write;
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{line}");
}
