//! One exercise of a session as it is on the screen.

use std::time::Instant;

use super::after_session::AfterSession;
use super::menu::Question;
use crate::runner::{Changed, ExerciseResult};

/// Where the session goes from an exercise.
pub(super) enum Navigation {
    To(usize),
    Leave(AfterSession),
}

/// How much room the panel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PanelSize {
    Whole,
    /// The title and the keys only, so that what was printed above is in sight.
    Folded,
}

/// One exercise as it is on the screen.
pub(super) struct ExerciseView {
    pub(super) at: usize,
    pub(super) result: Option<ExerciseResult>,
    /// Whether it was solved at least once while it was shown.
    pub(super) solved: bool,
    /// The hint that was printed above the panel, because its code does not fit into it.
    pub(super) printed_hint: Option<String>,
    pub(super) note: Option<String>,
    pub(super) question: Option<Question>,
    pub(super) size: PanelSize,
    /// When its time was added to the progress last.
    pub(super) since: Instant,
}

impl ExerciseView {
    /// Returns whether an outcome is another one than before.
    pub(super) fn changed(&self, results: &[ExerciseResult]) -> Changed {
        let before = self.result.as_ref().map(ExerciseResult::outcomes);
        match before == results.first().map(ExerciseResult::outcomes) {
            true => Changed::No,
            false => Changed::Yes,
        }
    }

    /// Returns whether it was solved while it was shown, and what it saw last still passes.
    pub(super) fn passes(&self) -> bool {
        self.solved && self.result.as_ref().is_none_or(ExerciseResult::passed)
    }
}
