//! roadlab: hands-on labs for data engineering. This page describes how the crate is organised.
//!
//! A lab file becomes a `Lab`. A `Lab` and what is observed on the engine become a `Plan`. The runner executes the plan through
//! an `Engine` and reports `Event`s; reporters turn events into text. Checks work the same way: a probe returns an `Actual`
//! value, a `Matcher` evaluates it, and the result is a `CheckResult`. `app` offers every operation once; the commands, the
//! guided session and `--json` are thin faces over it.
//!
//! The modules below the command line are public. Fuzz targets, benchmarks and the integration tests use them as any other
//! crate would; start with [`app::App`] and [`lab::load`].
//!
//! # Modules, in layers
//!
//! Imports point to lower layers only; modules of one layer do not import each other. Layers 0 to 6 are pure: no async code,
//! files, clock, environment or printing. `tests/architecture` checks this table against the code.
//!
//! | layer | module | contents |
//! |---|---|---|
//! | 0 | `text`, `hex` | texts for people and their translation; hexadecimal digits |
//! | 1 | `expect`, `problem` | matchers and their results; problems that the user can fix |
//! | 2 | `lab` | the definition of a lab: YAML, Compose subset, policy, guides |
//! | 3 | `plan` | the decision what to create, start and remove |
//! | 4 | `diagnosis` | what is wrong with a machine, and why a service did not become ready |
//! | 5 | `event` | everything that a reporter can report |
//! | 6 | `proof` | the judgement of the test of a lab, and of what a learner's checks saw |
//! | 7 | `engine`, `store`, `machine`, `report` | the container engine, files, this machine, output; they do not know each other |
//! | 8 | `probe` | probes of services, each in its own protocol |
//! | 9 | `runner` | execution: plans, readiness, steps, checks, the test of a lab |
//! | 10 | `app` | the application: every operation once |
//! | 11 | `web` | the labs in a browser |
//! | 12 | `cli`, `commands`, `exit`, `signals` | the command line |
//!
//! # Glossary
//!
//! - **lab**: a folder with services, exercises and guides. **instance**: one of several copies of a lab that run side by side.
//!   **run**: the life of an instance, from `up` to `down`.
//! - **package**: a lab in one file, with its part of the catalogue and its images. **origin**: where a lab comes from that was added.
//! - **journal**: the record of a run, written before the run is created. **reaper**: a background process that removes the runs
//!   of a program that has ended. **orphan run**: a run that no journal of this state folder records.
//! - **service**: a container of a lab. **recipe**: the instructions to build an image where the official one is unavailable.
//! - **exercise**: a task for the learner. **check**: a condition that holds when the exercise is solved. **guard**: a check that
//!   holds from the start and must continue to hold. **hint**: help for an exercise.
//! - **random value**: a value that differs by learner. **draw**: the choice of all random values of a run.
//! - **step**: a probe or an action, with the expected result. **probe**: a request to a service in its own protocol.
//!   **matcher**: the expected result of a step. **change signal**: a cheap value that is polled to decide whether to check again.
//! - **fault**: what a lab or a learner does to a service: it is cut off, paused, stopped, or its disk is full.
//! - **measurement**: a question that is put to several **sides**, to compare how long each takes.
//! - **proof**: the test of a lab. **answer**: steps that the proof plays. **observation**: what a check saw. **recording**: the
//!   observations of all checks after an answer. **dispute**: a file with a learner's recording, for the author of the lab.
//! - **problem**: what is wrong with a file, where, and how to fix it. **failure**: why a command failed. **finding**: a result of
//!   `doctor`: ok, a note or a problem.
//! - **plan**: stages of operations. **observed**: roadlab's resources on the engine. **event**: something that happened.
//!
//! `docs/src/design.md` explains the decisions behind this structure.

// The futures of the checks are nested more deeply than the compiler's default.
#![recursion_limit = "256"]

pub mod app;
mod cli;
mod commands;
pub mod diagnosis;
pub mod engine;
pub mod event;
pub mod exit;
pub mod expect;
pub mod hex;
pub mod lab;
pub mod machine;
pub mod plan;
pub mod probe;
pub mod problem;
pub mod proof;
mod report;
pub mod runner;
pub mod signals;
pub mod store;
pub mod text;
mod web;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{Cli, Command};
use crate::commands::Context;
use crate::exit::Exit;
use crate::signals::{Cleanup, ShutdownEvent, ShutdownSignal, ShutdownState, Signals};

/// Parses the command line, does what it says, and returns the documented exit code.
pub fn main() -> ExitCode {
    let program = || {
        if commands::complete() {
            return Exit::Success;
        }
        cli::parse().map_or_else(|exit| exit, start)
    };
    finish(until_panic(program)).into()
}

/// Runs the program. A panic is reported as an internal error; the reaper removes what was created.
fn until_panic(program: impl FnOnce() -> Exit) -> Exit {
    std::panic::set_hook(Box::new(report::report_panic));
    catch_unwind(AssertUnwindSafe(program)).unwrap_or(Exit::RuntimeError)
}

/// Writes the rest of the output. Output that cannot be written is an error, but after a signal nothing waits for it.
fn finish(exit: Exit) -> Exit {
    const AFTER_SIGNAL: Duration = Duration::from_secs(1);
    if let Exit::Signal(_) = exit {
        report::flush_blocking(Some(AFTER_SIGNAL));
        return exit;
    }
    match report::flush_blocking(None) {
        None => exit,
        Some(problem) => {
            report::error(&localized!("error: {problem}", problem));
            report::flush_blocking(None);
            Exit::RuntimeError
        }
    }
}

fn start(cli: Cli) -> Exit {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    match engine::clock::install(&mut builder).and_then(|()| builder.build()) {
        Ok(runtime) => {
            let exit = runtime.block_on(run(cli));
            runtime.block_on(probe::finish_closing());
            engine::base::finish_removals();
            // A thread that waits for a key press must not hold up the end.
            runtime.shutdown_timeout(Duration::ZERO);
            exit
        }
        Err(error) => {
            report::error(&localized!("error: cannot start: {error}", error));
            Exit::RuntimeError
        }
    }
}

async fn run(cli: Cli) -> Exit {
    let context = match Context::new(&cli) {
        Ok(context) => context,
        Err(failure) => {
            commands::report_failure(&failure, report::Paint::Plain, cli.global.output_mode());
            return Exit::from(&failure);
        }
    };
    // The reaper does not stop for a signal, and a shell and the page end their programs first.
    let by_itself = matches!(
        cli.command,
        Command::Reap | Command::Shell { .. } | Command::Web { .. }
    );
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            report::error(&localized!(
                "error: cannot listen for signals: {error}",
                error
            ));
            return Exit::RuntimeError;
        }
    };
    let ended = tokio::select! {
        ended = report::with_backpressure(commands::run(&context, cli.command)) => ended,
        signal = signals.next(), if !by_itself => {
            context.reporter.finish();
            return stopped(&context, signal, &mut signals).await;
        }
    };
    context.reporter.finish();
    let exit = match ended {
        Ok(exit) => exit,
        Err(failure) => {
            commands::report_end(&context, &failure);
            Exit::from(&failure)
        }
    };
    // A reader that has stopped reading must not keep a signal from being handled.
    tokio::select! {
        () = report::flush() => exit,
        signal = signals.next(), if !by_itself => Exit::Signal(signal.number()),
    }
}

/// Removes unfinished runs after a first signal, unless a second one ends the program at once.
async fn stopped(context: &Context, signal: ShutdownSignal, signals: &mut Signals) -> Exit {
    let cleanup = match context.app.run_guard.runs().is_empty() {
        true => Cleanup::NotNeeded,
        false => Cleanup::Needed,
    };
    let mut state = ShutdownState::Running.after(ShutdownEvent::Signal(signal), cleanup);
    while let ShutdownState::CleaningUp(_) = state {
        report::error(&localized!(
            "stopping: removing what was created (press Ctrl-C again to exit at once)"
        ));
        let event = tokio::select! {
            cleaned = context.app.remove_unfinished() => {
                report::error(&match cleaned {
                    Ok(removed) => localized!("removed {removed}", removed),
                    Err(failure) => localized!("cannot remove everything: {failure}; removal continues in the background, and `roadlab gc` retries it", failure),
                });
                ShutdownEvent::CleanupFinished
            }
            next = signals.next() => {
                report::error(&localized!("exiting at once; removal continues in the background"));
                ShutdownEvent::Signal(next)
            }
        };
        state = state.after(event, cleanup);
    }
    match state {
        ShutdownState::Running | ShutdownState::CleaningUp(_) => Exit::RuntimeError,
        ShutdownState::Exiting(signal) => Exit::Signal(signal.number()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set in the process of the test that panics: a panic hook is that of a whole process.
    const PANICS: &str = "ROADLAB_UNIT_TEST_PANICS";

    #[test]
    fn a_panic_is_reported_as_an_internal_error() {
        if std::env::var_os(PANICS).is_some() {
            assert_eq!(until_panic(|| panic!("made to fail")), Exit::RuntimeError);
            return;
        }
        let mut test = std::process::Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "tests::a_panic_is_reported_as_an_internal_error"]);
        let output = test.env(PANICS, "1").output().unwrap();
        let reported = String::from_utf8_lossy(&output.stderr);
        let expected = "error: internal error in roadlab: made to fail (src/lib.rs:";
        assert!(reported.starts_with(expected), "{output:?}");
        assert!(output.status.success(), "{output:?}");
    }
}
