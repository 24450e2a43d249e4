//! Ends the run of a session: it stays up, or it is removed.

use std::collections::BTreeSet;

use crate::app::App;
use crate::engine::Engine;
use crate::lab::RunId;
use crate::plan::Scope;
use crate::runner::{Expiry, Failure, Removed, SweepMode, teardown};
use crate::store::{ClaimResult, Journal, Lifetime};

/// What became of the run of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// It stays up, if given until this time in seconds since 1970.
    StaysUp(Option<u64>),
    Removed(Removed),
    /// Another process removed it before the session ended.
    AlreadyRemoved,
}

impl App {
    /// Lets a run outlive this process; its time to expire starts now.
    pub fn keep_run(&self, journal: &Journal, expiry: Expiry) -> Result<SessionEnd, Failure> {
        if self.is_removed(&journal.run) {
            return Ok(SessionEnd::AlreadyRemoved);
        }
        // Another process may have changed when it expires.
        let runs = BTreeSet::from([&journal.run]);
        let folder = self.run_guard.folder();
        let current = match Journal::find(folder, &journal.lab, &journal.instance, &runs) {
            Ok(Some(current)) if current.run == journal.run => current,
            Err(unreadable) if unreadable.run == journal.run => return Err(unreadable.into()),
            Ok(_) | Err(_) => journal.clone(),
        };
        let persistent = Journal {
            life: Lifetime::Persistent,
            until: expiry.until(current.until),
            ..current
        };
        self.run_guard.keep(&persistent)?;
        Ok(SessionEnd::StaysUp(persistent.until))
    }

    /// Removes a run and nothing of a later run of the same instance.
    pub async fn remove_run(
        &self,
        engine: &impl Engine,
        journal: &Journal,
    ) -> Result<SessionEnd, Failure> {
        let _lock = self.lock_for_removal(&journal.lab, &journal.instance)?;
        self.run_guard.end(journal);
        let scope = Scope::run(&self.owner, &journal.run);
        let removed = teardown(engine, &scope, SweepMode::Once, &*self.events).await?;
        self.run_guard.forget(&journal.run);
        match removed == Removed::default() {
            true => Ok(SessionEnd::AlreadyRemoved),
            false => Ok(SessionEnd::Removed(removed)),
        }
    }

    /// Returns whether another process removed a run or is removing it.
    fn is_removed(&self, run: &RunId) -> bool {
        match Journal::claim(self.run_guard.folder(), run) {
            ClaimResult::NotFound => true,
            ClaimResult::Unreadable(_) => false,
            ClaimResult::HeldByOther(journal) | ClaimResult::Acquired(journal, _) => {
                journal.life == Lifetime::Removing
            }
        }
    }
}
