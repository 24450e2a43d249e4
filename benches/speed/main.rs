//! How fast roadlab is, as ratios to what the engine itself needs and to Compose, on one machine in one run.
//!
//! `cargo bench --bench speed -- [--rounds N] [--twenty] [--page] [--json]`. `--page` measures the page of `roadlab web` in
//! Chromium, and nothing else. Every round measures everything once, so that a busy
//! moment of the machine hits all sides; the first round warms up and is not counted. A slow result is reported and is no failure.
//! `$ROADLAB` and `$COMPOSE` name other programs to measure.

mod api;
mod compose;
mod first_data;
mod floor;
mod page;
mod program;
mod rounds;
mod table;
mod twenty;

use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::compose::Compose;
use crate::program::Program;
use crate::rounds::Interrupt;
use crate::table::{Table, print_line};

/// The options of the command line.
struct Options {
    rounds: usize,
    twenty: bool,
    page: bool,
    json: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benchmarks without it, and only wants to know that they start.
    if !arguments.iter().any(|argument| argument == "--bench") {
        print_line("to measure: cargo bench --bench speed");
        return ExitCode::SUCCESS;
    }
    match options(&arguments).and_then(|options| measure(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_line(&format!("cannot measure: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options {
        rounds: 7,
        twenty: false,
        page: false,
        json: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--bench" => {}
            "--twenty" => options.twenty = true,
            "--page" => options.page = true,
            "--json" => options.json = true,
            "--rounds" => {
                let count = rest.next().and_then(|count| count.parse().ok());
                options.rounds = count
                    .filter(|count| *count > 0)
                    .context("`--rounds` needs a number of rounds")?;
            }
            other => bail!("unknown option `{other}`: --rounds N, --twenty, --page, --json"),
        }
    }
    Ok(options)
}

fn measure(options: &Options) -> anyhow::Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let program = Program::find()?;
    if options.page {
        program.run(&["images", "pull", "redis"])?;
        let mut table = Table::default();
        page::measure(&program, &mut table)?;
        print_table(&table, options);
        return Ok(());
    }
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
    print_table(&table, options);
    Ok(())
}

fn print_table(table: &Table, options: &Options) {
    match options.json {
        true => print_line(&table.json()),
        false => print_line(&table.text()),
    }
}

/// Prints a line of progress.
fn eprint(line: &str) {
    use std::io::Write;
    // A closed standard output is no failure.
    let _ = writeln!(std::io::stderr(), "{line}");
}
