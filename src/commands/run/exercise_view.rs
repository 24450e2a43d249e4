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

/// Returns the exercise to which the learner goes on from one: the next in the list, and from the last one the first other one
/// that is open. `open` is whether each exercise can still be solved.
pub(super) fn following(at: usize, open: &[bool]) -> Option<usize> {
    let next = at + 1;
    match next < open.len() {
        true => Some(next),
        false => open.iter().take(at).position(|open| *open),
    }
}

/// How much room the panel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PanelSize {
    Whole,
    /// The title and the keys only, so that what was printed above is in sight.
    Folded,
    /// Like `Folded`, while the text of the exercise is read.
    Reading,
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
    /// The lines of the text of the exercise that were not shown yet.
    pub(super) unread: Vec<String>,
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

    /// Returns whether an outcome or the hint is another one than that in sight, so that the checks must be shown.
    pub(super) fn must_show(&self, results: &[ExerciseResult]) -> bool {
        let hint = |result: &ExerciseResult| result.hint().map(str::to_owned);
        self.result.as_ref().is_some_and(|before| {
            self.changed(results) == Changed::Yes || hint(before) != results.first().and_then(hint)
        })
    }

    /// Returns whether it was solved while it was shown, and what it saw last still passes.
    pub(super) fn passes(&self) -> bool {
        self.solved && self.result.as_ref().is_none_or(ExerciseResult::passed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::event::{CheckResult, Outcome};
    use crate::expect::Words;
    use crate::lab::{CheckRole, ExerciseId};

    /// The result of two checks, of which the first passes or not and the second fails.
    fn result(first: bool, hint: Option<&str>) -> ExerciseResult {
        let fail = |hint: Option<&str>| Outcome::Fail {
            expected: String::new(),
            actual: String::new(),
            hint: hint.map(str::to_owned),
        };
        let first = if first { Outcome::Pass } else { fail(hint) };
        let checks = [first, fail(hint)].map(|outcome| CheckResult {
            check: "one".to_owned(),
            role: CheckRole::Goal,
            about: String::new(),
            outcome,
            words: Words::default(),
        });
        ExerciseResult {
            exercise: ExerciseId::new("one").unwrap(),
            checks: checks.to_vec(),
            actuals: Vec::new(),
            held: Vec::new(),
            changed: Changed::Yes,
            denied: BTreeSet::new(),
            undecided: None,
        }
    }

    #[test]
    fn another_outcome_or_hint_is_shown_while_the_text_is_read_and_the_first_result_is_not() {
        let mut view = ExerciseView {
            at: 0,
            result: None,
            solved: false,
            printed_hint: None,
            note: None,
            question: None,
            size: PanelSize::Reading,
            unread: Vec::new(),
            since: Instant::now(),
        };
        assert!(!view.must_show(&[result(false, None)]));
        view.result = Some(result(false, None));
        assert!(!view.must_show(&[result(false, None)]));
        assert!(view.must_show(&[result(true, None)]));
        assert!(view.must_show(&[result(false, Some("forever"))]));
    }

    #[test]
    fn the_last_exercise_leads_to_the_first_open_one() {
        assert_eq!(following(0, &[true, false, true]), Some(1));
        assert_eq!(following(1, &[true, false, false]), Some(2));
        assert_eq!(following(2, &[false, true, false]), Some(1));
        assert_eq!(following(2, &[true, true, true]), Some(0));
        // Only the last one is open, or none.
        assert_eq!(following(2, &[false, false, true]), None);
        assert_eq!(following(2, &[false; 3]), None);
        assert_eq!(following(0, &[true]), None);
    }
}
