//! Removes the runs whose owner is gone, in the reaper's process.

use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::journal_wait::JournalWait;
use crate::engine::Engine;
use crate::lab::RunId;
use crate::plan::Scope;
use crate::runner::{Failure, Removed, SweepMode, teardown};
use crate::store::{ClaimResult, Disposition, Journal, now};

/// The first pause between two attempts; it doubles with each attempt.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest pause while another process holds the journal.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts to remove a run.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// A run whose engine is away this long is left to the next command.
const ENGINE_TIMEOUT: Duration = Duration::from_secs(600);

/// The kernel frees the lock of an ended process about when it closes its socket, not at the same moment.
const LOCK_RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Removes a run whose owner is gone, unless it is kept; waits first if it is kept until a time.
///
/// Leaves a run to the process that holds its journal. `connect` returns an engine that answers, and `report` gets a line for
/// each thing that is done. A notification of `leave` ends the wait for a time, which the next command takes over; it ends
/// nothing else.
pub async fn reap<D: Deref<Target: Engine + Sized>>(
    folder: &Path,
    owner: &str,
    run: &RunId,
    connect: impl AsyncFn() -> Result<D, Failure>,
    report: &dyn Fn(&str),
    leave: &Notify,
) {
    let begun = Instant::now();
    let mut pause = PAUSE;
    let mut wait = None;
    loop {
        match Journal::claim(folder, run) {
            ClaimResult::NotFound => return,
            ClaimResult::Unreadable(journal) => {
                report(&journal.text().localized());
                return;
            }
            ClaimResult::HeldByOther(journal) => {
                // A process that keeps a run until a time has a reaper of its own that waits for it.
                let patience = match journal.disposition(now()) {
                    Disposition::Remove => ENGINE_TIMEOUT,
                    Disposition::Keep | Disposition::KeepUntil(_) => LOCK_RELEASE_TIMEOUT,
                };
                if begun.elapsed() > patience {
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            ClaimResult::Acquired(journal, lock) => match journal.disposition(now()) {
                Disposition::Keep => return,
                Disposition::KeepUntil(time) => {
                    let Some(wait) = &wait else {
                        // The journal is read again, as it may have changed before the wait began.
                        wait = Some(JournalWait::new(folder, run));
                        continue;
                    };
                    tokio::select! {
                        () = wait.until(time) => drop(lock),
                        () = leave.notified() => return,
                    }
                }
                Disposition::Remove => {
                    let (journal, _lock) = journal.end(lock, folder);
                    let lab = &journal.lab;
                    report(&format!("run {run} of {lab}: removing"));
                    let scope = Scope::run(owner, run);
                    match remove(&scope, &connect, report).await {
                        Ok(removed) => {
                            Journal::remove(folder, run);
                            report(&format!("run {run} of {lab}: removed {removed}"));
                        }
                        Err(failure) => report(&format!(
                            "run {run} of {lab}: left to the next command: {failure}"
                        )),
                    }
                    return;
                }
            },
        }
    }
}

/// Removes everything of a scope, again and again while the engine is away.
async fn remove<D: Deref<Target: Engine + Sized>>(
    scope: &Scope,
    connect: &impl AsyncFn() -> Result<D, Failure>,
    report: &dyn Fn(&str),
) -> Result<Removed, Failure> {
    let begun = Instant::now();
    let mut pause = PAUSE;
    let mut reported = false;
    loop {
        let attempt = async {
            let engine = connect().await?;
            teardown(&*engine, scope, SweepMode::UntilQuiet, &|_| {}).await
        };
        match attempt.await {
            Ok(removed) => return Ok(removed),
            // A resource is in use: another attempt would fail, too.
            Err(failure @ (Failure::Step(_) | Failure::StepLocked(_))) => return Err(failure),
            Err(failure) if begun.elapsed() > ENGINE_TIMEOUT => return Err(failure),
            Err(failure) => {
                if !std::mem::replace(&mut reported, true) {
                    report(&format!("not yet: {failure}"));
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_RETRY);
    }
}
