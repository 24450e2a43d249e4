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
pub(crate) use check::JudgedCheck;
pub(crate) use check::{Judged, check_exercises, judge_quiz};
pub(crate) use failure::Failure;
pub(crate) use health::{ServiceHealth, health, health_of_engine};
pub(crate) use images::{ImageMaking, ImageWish, Images, get as get_images};
pub(crate) use live::{Live, refuse_if_elsewhere};
pub(crate) use pace::Seen;
pub(crate) use prove::{Proof, prove};
pub(crate) use reap::reap;
pub(crate) use reaper::{Launch, READY, Watch};
pub(crate) use reset::{reset, restart, solve};
pub(crate) use teardown::{Removed, Sweep, teardown};
pub(crate) use up::{Ends, OnFailure, Up, plan_up, up};
pub(crate) use watch::Lookout;

/// What everything that runs a lab has at hand.
pub(crate) struct Runner<'a, E> {
    pub(crate) engine: &'a E,
    pub(crate) lab: &'a Lab,
    pub(crate) instance: &'a Instance,
    pub(crate) owner: &'a str,
    pub(crate) tell: &'a dyn Fn(Event),
}

impl<E: Engine> Runner<'_, E> {
    pub(crate) fn tell(&self, event: Event) {
        (self.tell)(event);
    }
}
