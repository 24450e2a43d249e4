//! Runs that no journal of this state folder records: finding them, and removing them by name.

use std::collections::BTreeSet;

use crate::app::App;
use crate::engine::Engine;
use crate::lab::LabId;
use crate::plan::{OrphanKind, OrphanRun, Scope, orphan_runs};
use crate::runner::{Failure, Removed, SweepMode, teardown};
use crate::store::Journals;
use crate::text;

impl App {
    /// Returns the orphan runs on the engine, of one lab or of all.
    pub async fn orphan_runs(
        &self,
        engine: &impl Engine,
        lab: Option<&LabId>,
    ) -> Result<Vec<OrphanRun>, Failure> {
        let scope = Scope {
            lab: lab.cloned(),
            ..Scope::default()
        };
        let observed = engine
            .observe(&scope)
            .await
            .map_err(Failure::engine(text!("cannot list the runs")))?;
        // Read after the engine: a run has a journal before its first resource, and until its last one is gone.
        let journals = Journals::read(&self.paths.runs());
        let readable = journals.readable.into_iter().map(|journal| journal.run);
        let unreadable = journals.unreadable.into_iter().map(|journal| journal.run);
        let recorded: BTreeSet<_> = readable.chain(unreadable).collect();
        Ok(orphan_runs(&observed, &self.owner, &recorded))
    }

    /// Returns the runs of other state folders of this instance of the labs.
    pub async fn runs_of_other_state_folders(
        &self,
        engine: &impl Engine,
        labs: &[LabId],
    ) -> Result<Vec<OrphanRun>, Failure> {
        let mut orphans = Vec::new();
        for lab in labs {
            orphans.extend(self.orphan_runs(engine, Some(lab)).await?);
        }
        orphans.retain(|orphan| {
            orphan.kind == OrphanKind::OtherStateFolder && orphan.instance == self.instance
        });
        Ok(orphans)
    }

    /// Removes orphan runs. The user has agreed to it.
    pub async fn remove_orphans(
        &self,
        engine: &impl Engine,
        orphans: &[OrphanRun],
    ) -> Result<Removed, Failure> {
        let mut removed = Removed::default();
        for orphan in orphans {
            let scope = Scope::run(&orphan.owner.id, &orphan.run);
            removed += teardown(engine, &scope, SweepMode::Once, &|event| self.emit(event)).await?;
        }
        Ok(removed)
    }
}
