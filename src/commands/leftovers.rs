//! What runs left behind for which nobody answers any more, and who may work on an instance now, and from where.

use std::time::Duration;

use crate::commands::Context;
use crate::engine::{Engine, clock};
use crate::event::Event;
use crate::lab::LabId;
use crate::localized;
use crate::plan::Scope;
use crate::runner::{Failure, Live, Removed, Runner, SweepMode, require_same_network, teardown};
use crate::store::{
    ClaimResult, Disposition, Journal, JournalLock, Lifetime, Lock, LockError, now,
};

/// How long the removal of an earlier run is waited for, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// So many times in a row a run must be seen alive.
const ALIVE: u32 = 2;

/// What came of removing what an earlier run left.
enum Collected {
    All,
    NotAll,
}

impl Context {
    /// Removes what nobody answers for; asks the engine only if there is such a run.
    pub(crate) async fn collect_garbage(&self, engine: &impl Engine) {
        let due = |journal: &Journal| journal.disposition(now()) == Disposition::Remove;
        Journal::remove_half_written(&self.paths.runs());
        for journal in Journal::all(&self.paths.runs()).into_iter().filter(due) {
            // Asked again with its lock: it may have been kept or removed since.
            if let ClaimResult::Ours(journal, held) =
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
    ) -> Collected {
        let life = journal.life;
        let (journal, _held) = journal.end(claimed, &self.paths.runs());
        let scope = Scope::run(&self.owner, &journal.run);
        let lab = &journal.lab;
        let (collected, text) = match teardown(engine, &scope, SweepMode::UntilQuiet, &|_| {}).await
        {
            Ok(removed) => {
                Journal::remove(&self.paths.runs(), &journal.run);
                let text = match life {
                    Lifetime::Process | Lifetime::Removing => {
                        localized!(
                            "cleaned up an interrupted run of {lab}: {removed}",
                            lab,
                            removed
                        )
                    }
                    Lifetime::Persistent => {
                        localized!("{lab} expired: removed {removed}", lab, removed)
                    }
                };
                (Collected::All, text)
            }
            Err(failure) => {
                let text = localized!(
                    "cannot remove the leftovers of {lab}: {failure}",
                    lab,
                    failure
                );
                (Collected::NotAll, text)
            }
        };
        self.emit(Event::Note { text });
        collected
    }

    /// Makes sure that nobody else changes this instance meanwhile, and that nothing of an earlier run is still being removed.
    pub(crate) async fn lock(&self, engine: &impl Engine, lab: &LabId) -> Result<Lock, Failure> {
        let lock = Lock::take(&self.paths.locks(), lab, &self.instance)?;
        let runs = self.paths.runs();
        let begun = clock::now();
        let ending = |journal: &Journal| {
            journal.lab == *lab
                && journal.instance == self.instance
                && journal.disposition(now()) == Disposition::Remove
        };
        let mut told = false;
        let mut alive = 0;
        let mine = self.watch.runs();
        let others = |journal: &Journal| ending(journal) && !mine.contains(&journal.run);
        while let Some(journal) = Journal::all(&runs).into_iter().find(others) {
            match Journal::claim(&runs, &journal.run) {
                ClaimResult::Gone => continue,
                ClaimResult::Ours(journal, held) if ending(&journal) => {
                    match self.collect(engine, journal, held).await {
                        Collected::All => continue,
                        // What is held on to by somebody else is taken into the next run.
                        Collected::NotAll => return Ok(lock),
                    }
                }
                ClaimResult::Ours(..) => continue,
                // A session is on in another terminal. It is asked more than once, since whoever removes a run says so only
                // a moment after it has the lock.
                ClaimResult::JournalLock(journal) if journal.life == Lifetime::Process => {
                    alive += 1;
                    if alive > ALIVE {
                        return Ok(lock);
                    }
                }
                ClaimResult::JournalLock(_) => alive = 0,
            }
            if clock::since(begun) > PATIENCE {
                let what = localized!(
                    "an earlier run of {lab} is still being removed; try again later, or see `roadlab gc`",
                    lab
                );
                return Err(Failure::Environment(what));
            }
            if !told && alive == 0 {
                told = true;
                let text = localized!("waiting until an earlier run of {lab} is removed", lab);
                self.emit(Event::Note { text });
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(lock)
    }

    /// The running lab, to look at its services and to change them: its addresses lead to it from here.
    pub(crate) async fn live<E: Engine>(&self, runner: &Runner<'_, E>) -> Result<Live, Failure> {
        let workspace = self.workspace(runner.lab);
        let live = runner
            .live(workspace.map(|workspace| workspace.path))
            .await?;
        let known = Journal::find(&self.paths.runs(), &runner.lab.id, &self.instance);
        require_same_network(&live.observed, known.as_ref(), runner)?;
        Ok(live)
    }

    /// Removes the runs that must be gone before we are.
    pub(crate) async fn remove_unfinished(&self) -> Result<Removed, Failure> {
        let connected = self.setup().connect_only().await;
        let (engine, _) = connected.map_err(Failure::NoEngine)?;
        let mut removed = Removed::default();
        for run in self.watch.runs() {
            let scope = Scope::run(&self.owner, &run);
            removed += teardown(&engine, &scope, SweepMode::UntilQuiet, &|_| {}).await?;
            self.watch.forget(&run);
        }
        Ok(removed)
    }

    /// Lets others remove this instance at the same time, and nobody do anything else with it. Where nothing can be written
    /// there is no lock, and removing must work all the same.
    pub(crate) fn lock_for_removal(&self, lab: &LabId) -> Result<Option<Lock>, Failure> {
        match Lock::share(&self.paths.locks(), lab, &self.instance) {
            Ok(lock) => Ok(Some(lock)),
            Err(LockError::Disk(_)) => Ok(None),
            Err(held @ LockError::JournalLock { .. }) => Err(held.into()),
        }
    }
}
