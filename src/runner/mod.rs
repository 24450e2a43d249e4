//! Doing: performs plans, waits until services answer, plays steps, judges checks. It tells events and never prints.

mod act;
mod change_watcher;
mod check;
mod diagnostics;
mod disk_space;
mod execute;
mod failure;
mod health;
mod images;
mod live;
mod poll_backoff;
mod prove;
mod ready;
mod reap;
mod reset;
mod run_guard;
mod teardown;
#[cfg(test)]
mod tests;
mod up;

use crate::engine::Engine;
use crate::event::Event;
use crate::lab::{Instance, Lab};

pub use change_watcher::ChangeWatcher;
#[cfg(test)]
pub use check::CheckResult;
pub use check::{ExerciseResult, check_exercises, judge_quiz};
pub use failure::Failure;
pub use health::{ServiceHealth, health, health_of_engine};
pub use images::{ImageBuilder, Images, PullPolicy, get as get_images};
pub use live::{Live, require_same_network};
pub use poll_backoff::Changed;
pub use prove::{Proof, prove};
pub use reap::reap;
pub use reset::{reset, restart, solve};
pub use run_guard::{READY, ReaperCommand, RunGuard};
pub use teardown::{Removed, SweepMode, teardown};
pub use up::{Expiry, OnFailure, Up, plan_up, up};

/// What everything that runs a lab has at hand.
pub struct Runner<'a, E> {
    pub engine: &'a E,
    pub lab: &'a Lab,
    pub instance: &'a Instance,
    pub owner: &'a str,
    pub emit: &'a dyn Fn(Event),
}

impl<E: Engine> Runner<'_, E> {
    pub fn emit(&self, event: Event) {
        (self.emit)(event);
    }
}
