//! The runner executes plans, waits for services, runs steps and checks. It emits events and never prints.

mod act;
mod baseline;
mod change_watcher;
mod check;
mod check_probes;
mod check_results;
mod container;
mod denied;
mod diagnostics;
mod disk_space;
mod disks;
mod execute;
mod failure;
mod fault;
mod health;
mod images;
mod initial_data;
mod journal_wait;
mod live;
mod measure;
mod own_files;
mod poll_backoff;
mod proof;
mod ready;
mod reap;
mod reset;
mod run_guard;
mod subnets;
mod teardown;
#[cfg(test)]
mod tests;
mod unavailable;
mod up;

use crate::engine::Engine;
use crate::event::Event;
use crate::lab::{Instance, Lab};
use crate::store::LabsOption;

pub use baseline::{
    begin_exercise, changed, late_baseline, move_baselines, passes, record_baselines, snapshots,
};
pub use change_watcher::ChangeWatcher;
pub use check::{CheckContext, CheckStage, Undecided, check_answer, check_exercises, interrupted};
pub use check_results::ExerciseResult;
pub use disks::{full_disks, observe_disks};
pub use execute::execute;
pub use failure::{Failure, NotRunning};
pub use fault::{apply_fault, repair_services};
pub use health::{ServiceHealth, health, health_of_engine};
pub use images::{CameWith, ImageBuilder, Images, PullPolicy, get as get_images};
pub use live::{Live, require_same_network};
pub use measure::{Effort, MeasureOutcome, measure};
pub use own_files::own_files;
pub use poll_backoff::Changed;
pub use proof::{
    OtherDraw, PlayRequest, Proof, ProofRequest, SeenAnswers, Strictness, play, prove, record,
};
pub use reap::reap;
pub use reset::{create_missing, prepare, reset, restart, solve};
pub use run_guard::{READY, ReaperCommand, RunGuard};
pub use teardown::{Removed, SweepMode, teardown};
pub use up::{
    Expiry, OnFailure, Up, UpResult, abandon_started, joined_services, keep_started, new_draw,
    plan_up, run_labels, up,
};

/// A lab in one instance on an engine, and the sink for events.
pub struct Runner<'a, E> {
    pub engine: &'a E,
    pub lab: &'a Lab,
    pub instance: &'a Instance,
    /// The owner label of this user's resources.
    pub owner: &'a str,
    /// The option `--labs` for the commands in texts.
    pub labs: &'a LabsOption,
    pub emit: &'a dyn Fn(Event),
}

impl<E: Engine> Runner<'_, E> {
    /// Reports an event.
    pub fn emit(&self, event: Event) {
        (self.emit)(event);
    }
}
