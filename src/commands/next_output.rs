//! What several commands show of the lab that fits next.

use crate::app::{AfterLab, NextLab};
use crate::commands::Context;
use crate::lab::{Lab, LabId};
use crate::localized;
use crate::report::sanitize;
use crate::text_plural;

/// Returns how much of a lab is left.
pub(super) fn amount(next: &NextLab) -> String {
    let all = next.summary.exercises.len();
    if next.left < all {
        return localized!(
            "{left} of {all} exercises left, about {minutes} min",
            left = next.left,
            all,
            minutes = next.minutes
        );
    }
    let exercises = text_plural!("{count} exercise", "{count} exercises", count = all);
    localized!(
        "{exercises}, about {minutes} min",
        exercises = exercises.localized(),
        minutes = next.minutes
    )
}

/// Returns what fits next for a learner who has just solved the last exercise of a lab; `None` if it was not the last.
pub(super) fn after_last(context: &Context, lab: &Lab) -> Option<String> {
    // Labs that cannot be listed are no reason to fail what the learner did.
    match context.app.next_after(lab).ok()? {
        AfterLab::NotSolved => None,
        AfterLab::Solved(None) => Some(localized!(
            "every exercise of {lab} is solved",
            lab = lab.id
        )),
        AfterLab::Solved(Some(next)) => Some(localized!(
            "every exercise of {lab} is solved; what fits next: `roadlab run {next}` ({amount})",
            lab = lab.id,
            next = match LabId::new(&next.lab) {
                Ok(lab) => context.app.lab_argument(&lab),
                Err(_) => sanitize(&next.lab),
            },
            amount = amount(&next)
        )),
    }
}
