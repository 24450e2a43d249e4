//! roadlab: hands-on data engineering labs. This page is the map.
//!
//! A lab file becomes a `Lab`; a `Lab` and what is observed become a `Plan`; the runner performs the plan through an
//! `Engine` and says what happens as `Event`s; reporters turn events into text. Checks go the same way: a probe yields an
//! `Actual`, a `Matcher` evaluates it, and the result is a `CheckResult`. Commands are thin faces of the application layer.
//!
//! # Rooms, in layers
//!
//! Imports point down only; rooms of one layer do not know each other. Layers 0 to 3 are pure: no async, file, clock,
//! environment or printing. `tests/tidy.rs` checks this page by reading `src/`.
//!
//! | layer | room | what lives there |
//! |---|---|---|
//! | 0 | `expect`, `hex`, `problem` | what must hold, and what a user can fix |
//! | 1 | `lab` | what a lab is: YAML, Compose subset, policy, guides |
//! | 2 | `plan` | decisions: what is observed and wanted becomes a plan |
//! | 2 | `diagnosis` | what is wrong with a machine, and why a service did not become ready |
//! | 3 | `event` | all that a reporter may learn |
//! | 4 | `engine`, `store`, `machine`, `report` | leaves: the engine, the disk, this machine, the screen and its keys |
//! | 5 | `probe` | looking at services, each in its own protocol |
//! | 6 | `runner` | doing: execute a plan, wait, play steps, judge, prove |
//! | 7 | `app` | the application: every operation once, for commands, sessions, JSON and later faces |
//! | 8 | `cli`, `commands`, `exit`, `signals` | the program |
//!
//! # Words
//!
//! - **lab**: a folder with services, exercises and guides. **instance**: one of several copies of a lab side by side.
//!   **run**: one life of an instance, from `up` to `down`. **journal**: what is written down of a run before it is made;
//!   its lock says that somebody answers for the run. **reaper**: the process that survives us and removes what nobody kept.
//! - **service**: a container of a lab. **recipe**: how its image is built where the official one cannot be had.
//! - **exercise**: one thing to do; **check**: one thing that must then hold; **guard**: a check that holds from the start.
//! - **step**: one probe or action with what must hold of it; **probe**: a look at a service in its own protocol.
//! - **actual**: the value that a probe returned; **matcher**: what must hold; **check result**: its outcome; **hint**: what helps.
//! - **sign**: something cheap to look at that moves when a learner did something; it asks for a look at the checks.
//! - **problem**: what is wrong with a file, where, and how to mend it; **failure**: why a command could not do its work.
//! - **need**: what a lab asks of a machine; **finding**: what was found out about a machine: fine, a note or a problem.
//! - **plan**: stages of operations; **observed**: what of ours is on the engine; **event**: something that happened.
//!
//! # Where this differs from the first design, and why
//!
//! - YAML is read into a tree that knows its places (`lab/yaml.rs`), not into serde structs: only so can all problems of a file
//!   be told at once, each with its line and the nearest known key.
//! - A step may also be the action `restart`, and there is a command of that name: what survives a restart is something to do.
//! - Host ports are chosen by us from the lab's and the service's names, so that addresses stay the same over a restart, a
//!   `reset --hard` and the next `up`.
//! - JSON paths are JSONPath (RFC 9535).

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
mod report;
pub mod runner;
pub mod signals;
pub mod store;
pub mod text;
#[cfg(test)]
mod translation_tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{Cli, Command};
use crate::commands::Context;
use crate::exit::Exit;
use crate::signals::{Cleanup, ShutdownEvent, ShutdownSignal, ShutdownState, Signals};

/// Parses the command line, does what it says, and returns the documented exit code.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report::report_panic));
    if commands::complete() {
        return finish(Exit::Success).into();
    }
    let exit = match cli::parse() {
        // After a panic, the reaper removes what was created.
        Ok(cli) => catch_unwind(AssertUnwindSafe(|| start(cli))).unwrap_or(Exit::RuntimeError),
        Err(exit) => exit,
    };
    finish(exit).into()
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
            commands::report_failure(&failure, report::Paint::Plain, cli.global.json);
            return Exit::from(&failure);
        }
    };
    // The reaper does not stop for a signal, and a shell ends its program first.
    let by_itself = matches!(cli.command, Command::Reap | Command::Shell { .. });
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
            commands::report_failure(&failure, context.paint, context.global.json);
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
    let cleanup = match context.watch.runs().is_empty() {
        true => Cleanup::NotNeeded,
        false => Cleanup::Needed,
    };
    let mut state = ShutdownState::Running.after(ShutdownEvent::Signal(signal), cleanup);
    while let ShutdownState::CleaningUp(_) = state {
        report::error(&localized!(
            "stopping: removing what was created (press Ctrl-C again to exit at once)"
        ));
        let event = tokio::select! {
            cleaned = context.remove_unfinished() => {
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
