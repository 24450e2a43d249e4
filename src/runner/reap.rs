//! What the reaper does when the program at the other end of its socket is gone, however it ended.

use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::engine::Engine;
use crate::lab::RunId;
use crate::plan::Scope;
use crate::runner::{Failure, Removed, SweepMode, teardown};
use crate::store::{ClaimResult, Disposition, Journal, now};

/// Between two looks at a run for which somebody else answers, and two tries at one that cannot be removed: at first, at most.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// Between two looks at the clock. A clock may be set and a machine may sleep, so that one long sleep would not do; and a run
/// that was removed or given more time shows in its journal.
const TICK: Duration = Duration::from_secs(1);

/// An engine that is away this long is left to the next command.
const PATIENCE: Duration = Duration::from_secs(600);

/// The kernel frees the lock of a program that is gone about when it closes its socket, not at the same moment.
const FREED_WITHIN: Duration = Duration::from_secs(2);

/// Sees one run to its end: removes it unless it was kept, waits for its time if that is limited, leaves it to whoever
/// else answers for it. `connect` gives an engine that answers, `say` gets a line for each thing that happens. Notifying
/// `leave` ends a wait for the clock, which the next command can do as well; nothing else is ended by it.
pub async fn reap<D: Deref<Target: Engine + Sized>>(
    folder: &Path,
    owner: &str,
    run: &RunId,
    connect: impl AsyncFn() -> Result<D, Failure>,
    say: &dyn Fn(&str),
    leave: &Notify,
) {
    let begun = Instant::now();
    let mut pause = PAUSE;
    loop {
        match Journal::claim(folder, run) {
            ClaimResult::NotFound => return,
            ClaimResult::Unreadable(journal) => {
                say(&journal.text().localized());
                return;
            }
            ClaimResult::HeldByOther(journal) => {
                // Whoever keeps a run for a time has a reaper of its own that waits for that.
                let theirs = match journal.disposition(now()) {
                    Disposition::Remove => begun.elapsed() > PATIENCE,
                    Disposition::Keep | Disposition::KeepUntil(_) => begun.elapsed() > FREED_WITHIN,
                };
                if theirs {
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            ClaimResult::Acquired(journal, held) => match journal.disposition(now()) {
                Disposition::Keep => return,
                Disposition::KeepUntil(_) => {
                    tokio::select! {
                        () = tokio::time::sleep(TICK) => drop(held),
                        () = leave.notified() => return,
                    }
                }
                Disposition::Remove => {
                    let (journal, _held) = journal.end(held, folder);
                    say(&format!("run {run} of {}: removing", journal.lab));
                    let scope = Scope::run(owner, run);
                    match remove(&scope, &connect, say).await {
                        Ok(removed) => {
                            Journal::remove(folder, run);
                            say(&format!("run {run} of {}: removed {removed}", journal.lab));
                        }
                        Err(failure) => {
                            say(&format!(
                                "run {run} of {}: left to the next command: {failure}",
                                journal.lab
                            ));
                        }
                    }
                    return;
                }
            },
        }
    }
}

/// Tries until it works, as long as the engine may come back.
async fn remove<D: Deref<Target: Engine + Sized>>(
    scope: &Scope,
    connect: &impl AsyncFn() -> Result<D, Failure>,
    say: &dyn Fn(&str),
) -> Result<Removed, Failure> {
    let begun = Instant::now();
    let mut pause = PAUSE;
    let mut last = String::new();
    loop {
        let tried = async {
            let engine = connect().await?;
            teardown(&*engine, scope, SweepMode::UntilQuiet, &|_| {}).await
        };
        match tried.await {
            Ok(removed) => return Ok(removed),
            // Something holds on to it: trying on would not help.
            Err(failure @ Failure::Step(_)) => return Err(failure),
            Err(failure) if begun.elapsed() > PATIENCE => return Err(failure),
            Err(failure) => {
                let text = failure.to_string();
                if text != last {
                    say(&format!("not yet: {text}"));
                    last = text;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_RETRY);
    }
}
