//! Doing: performs plans, waits until services answer, plays steps, judges checks. It tells events and never prints.

mod act;
mod check;
mod execute;
mod failure;
mod health;
mod images;
mod live;
mod pace;
mod prove;
mod ready;
mod reap;
mod reaper;
mod reset;
mod room;
mod stuck;
mod teardown;
#[cfg(test)]
mod tests;
mod up;
mod watch;

use crate::engine::Engine;
use crate::event::Event;
use crate::lab::{Instance, Lab};

#[cfg(test)]
pub use check::JudgedCheck;
pub use check::{Judged, check_exercises, judge_quiz};
pub use failure::Failure;
pub use health::{ServiceHealth, health, health_of_engine};
pub use images::{ImageMaking, ImageWish, Images, get as get_images};
pub use live::{Live, refuse_if_elsewhere};
pub use pace::Seen;
pub use prove::{Proof, prove};
pub use reap::reap;
pub use reaper::{Launch, READY, Watch};
pub use reset::{reset, restart, solve};
pub use teardown::{Removed, Sweep, teardown};
pub use up::{Ends, OnFailure, Up, plan_up, up};
pub use watch::Lookout;

/// What everything that runs a lab has at hand.
pub struct Runner<'a, E> {
    pub engine: &'a E,
    pub lab: &'a Lab,
    pub instance: &'a Instance,
    pub owner: &'a str,
    pub tell: &'a dyn Fn(Event),
}

impl<E: Engine> Runner<'_, E> {
    pub fn tell(&self, event: Event) {
        (self.tell)(event);
    }
}
