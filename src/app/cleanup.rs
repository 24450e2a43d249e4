//! Cleaning up after runs that no process owns, and the locks that keep two processes from changing one instance.

use std::time::Duration;

use crate::app::App;
use crate::engine::{Engine, clock};
use crate::event::{Event, Warning};
use crate::lab::{Instance, LabId};
use crate::plan::{OrphanRun, Scope};
use crate::runner::{Failure, Removed, SweepMode, teardown};
use crate::store::{
    Baselines, ClaimResult, Disposition, Journal, JournalLock, Journals, Lifetime, Lock, LockError,
    now,
};
use crate::text;

/// How long the removal of an earlier run may take, and how often it is checked.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// How often in a row a run must be found in use before it counts as such.
const CONFIRMATIONS: u32 = 2;

/// The result of removing what an earlier run left.
enum CleanupResult {
    All,
    NotAll,
}

/// What was removed on request, and what is left.
#[derive(Debug)]
pub struct GarbageReport {
    /// The number of runs that were removed.
    pub removed: usize,
    /// The number of runs that are due for removal, and are in use or being removed.
    pub left: usize,
    pub journals: Journals,
    /// The runs that no journal of this state folder records.
    pub orphans: Vec<OrphanRun>,
}

impl App {
    /// Connects to the engine, removes the runs that no process owns, and reports what is left.
    pub async fn report_garbage(&self) -> Result<GarbageReport, Failure> {
        let journals = || Journals::read(&self.paths.runs());
        let count_due = |journals: &Journals| {
            let due = |journal: &&Journal| journal.disposition(now()) == Disposition::Remove;
            journals.readable.iter().filter(due).count()
        };
        let before = count_due(&journals());
        // Each connection removes them.
        let engine = self.existing_engine().await?;
        let orphans = self.orphan_runs(&engine, None).await?;
        let journals = journals();
        let left = count_due(&journals);
        Ok(GarbageReport {
            removed: before.saturating_sub(left),
            left,
            journals,
            orphans,
        })
    }

    /// Removes the runs that no process owns. Does not contact the engine if there is none.
    pub async fn collect_garbage(&self, engine: &impl Engine) {
        let due = |journal: &Journal| journal.disposition(now()) == Disposition::Remove;
        Journal::remove_half_written(&self.paths.runs());
        Baselines::remove_left_over(&self.paths.runs());
        for journal in Journal::all(&self.paths.runs()).into_iter().filter(due) {
            // Checked again under its lock: another process may have changed or removed it since.
            if let ClaimResult::Acquired(journal, held) =
                Journal::claim(&self.paths.runs(), &journal.run)
                && due(&journal)
            {
                self.collect(engine, journal, held).await;
            }
        }
    }

    async fn collect(
        &self,
        engine: &impl Engine,
        journal: Journal,
        claimed: JournalLock,
    ) -> CleanupResult {
        let life = journal.life;
        let (journal, _held) = journal.end(claimed, &self.paths.runs());
        let scope = Scope::run(&self.owner, &journal.run);
        let lab = &journal.lab;
        let (collected, warning) =
            match teardown(engine, &scope, SweepMode::UntilQuiet, &|_| {}).await {
                Ok(removed) => {
                    Journal::remove(&self.paths.runs(), &journal.run);
                    let lab = lab.to_string();
                    let removed = removed.summary();
                    let warning = match life {
                        Lifetime::Process | Lifetime::Removing => {
                            Warning::InterruptedRunRemoved { lab, removed }
                        }
                        Lifetime::Persistent => Warning::ExpiredRunRemoved { lab, removed },
                    };
                    (CleanupResult::All, warning)
                }
                Err(failure) => {
                    let warning = Warning::LeftoversRemain {
                        lab: lab.to_string(),
                        reason: failure.to_string(),
                    };
                    (CleanupResult::NotAll, warning)
                }
            };
        self.emit(Event::Warning(warning));
        collected
    }

    /// Locks this instance of a lab, unless this application has locked it already.
    pub(super) fn lock_once(&self, lab: &LabId) -> Result<Option<Lock>, LockError> {
        Lock::take_once(&self.paths.locks(), lab, &self.instance, self.lock_holder)
    }

    /// Locks this instance of a lab, and waits until nothing of an earlier run is being removed.
    pub async fn lock(&self, engine: &impl Engine, lab: &LabId) -> Result<Lock, Failure> {
        let lock = Lock::take(&self.paths.locks(), lab, &self.instance, self.lock_holder)?;
        let runs = self.paths.runs();
        let begun = clock::now();
        let ending = |journal: &Journal| {
            journal.lab == *lab
                && journal.instance == self.instance
                && journal.disposition(now()) == Disposition::Remove
        };
        let mut reported = false;
        let mut in_use = 0;
        let own = self.run_guard.runs();
        let others = |journal: &Journal| ending(journal) && !own.contains(&journal.run);
        while let Some(journal) = Journal::all(&runs).into_iter().find(others) {
            match Journal::claim(&runs, &journal.run) {
                // It is not in the list the next time.
                ClaimResult::NotFound | ClaimResult::Unreadable(_) => continue,
                ClaimResult::Acquired(journal, held) if ending(&journal) => {
                    match self.collect(engine, journal, held).await {
                        CleanupResult::All => continue,
                        // What cannot be removed becomes part of the next run.
                        CleanupResult::NotAll => return Ok(lock),
                    }
                }
                ClaimResult::Acquired(..) => continue,
                // A session in another terminal. It is checked more than once, because a process that removes a run records
                // that only a moment after it has the lock.
                ClaimResult::HeldByOther(journal) if journal.life == Lifetime::Process => {
                    in_use += 1;
                    if in_use > CONFIRMATIONS {
                        return Ok(lock);
                    }
                }
                ClaimResult::HeldByOther(_) => in_use = 0,
            }
            if clock::since(begun) > REMOVAL_TIMEOUT {
                return Err(Failure::Environment(text!(
                    "an earlier run of {lab} is still being removed; try again later, or see `roadlab gc`",
                    lab
                )));
            }
            if !reported && in_use == 0 {
                reported = true;
                self.emit(Event::Warning(Warning::WaitingForRemoval {
                    lab: lab.to_string(),
                }));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(lock)
    }

    /// Removes the runs that may not outlive this process.
    pub async fn remove_unfinished(&self) -> Result<Removed, Failure> {
        let connected = self.setup().existing_engine().await;
        let (engine, _) = connected.map_err(Failure::NoEngine)?;
        let mut removed = Removed::default();
        for run in self.run_guard.runs() {
            let scope = Scope::run(&self.owner, &run);
            removed += teardown(&engine, &scope, SweepMode::UntilQuiet, &|_| {}).await?;
            self.run_guard.forget(&run);
        }
        Ok(removed)
    }

    /// Locks an instance of a lab for removal: other processes may remove it at the same time, and none may change it. If
    /// the state folder cannot be written there is no lock, since removal must work all the same.
    pub fn lock_for_removal(
        &self,
        lab: &LabId,
        instance: &Instance,
    ) -> Result<Option<Lock>, Failure> {
        match Lock::share(&self.paths.locks(), lab, instance) {
            Ok(lock) => Ok(Some(lock)),
            Err(LockError::Disk { .. }) => Ok(None),
            Err(held @ LockError::InUse { .. }) => Err(held.into()),
        }
    }
}
