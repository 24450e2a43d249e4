//! One exercise of a session as it is on the screen.

use std::time::Instant;

use super::after_session::AfterSession;
use super::menu::Question;
use crate::runner::ExerciseResult;

/// Where the session goes from an exercise.
pub(super) enum Navigation {
    To(usize),
    Leave(AfterSession),
}

/// One exercise as it is on the screen.
pub(super) struct ExerciseView {
    pub(super) at: usize,
    pub(super) result: Option<ExerciseResult>,
    /// The actual values before the learner did anything; they lead to no hint.
    pub(super) baseline: Option<Vec<String>>,
    /// Whether it was solved at least once while it was shown.
    pub(super) solved: bool,
    /// The hint that was printed above the panel, because its code does not fit into it.
    pub(super) printed_hint: Option<String>,
    pub(super) note: Option<String>,
    pub(super) question: Option<Question>,
    /// When its time was added to the progress last.
    pub(super) since: Instant,
}

/// Returns the actual value of every check, in words.
pub(super) fn actual_values(result: &ExerciseResult) -> Vec<String> {
    let checks = result.checks.iter();
    let values = checks.map(|check| check.outcome.actual().unwrap_or_default().to_owned());
    values.collect()
}

/// Returns the checks whose actual value is another than before.
pub(super) fn changed_since(result: &ExerciseResult, baseline: &[String]) -> ExerciseResult {
    let values = actual_values(result).into_iter();
    let changed = values
        .zip(&result.checks)
        .zip(baseline)
        .filter(|((now, _), before)| now != *before);
    ExerciseResult {
        checks: changed.map(|((_, check), _)| check.clone()).collect(),
        ..result.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{CheckResult, Outcome};
    use crate::expect::Words;
    use crate::lab::{CheckRole, ExerciseId};
    use crate::runner::Changed;

    #[test]
    fn only_checks_with_another_value_have_changed() {
        let check = |id: &str, actual: &str| CheckResult {
            check: id.to_owned(),
            role: CheckRole::Goal,
            about: String::new(),
            outcome: Outcome::Fail {
                expected: "x".to_owned(),
                actual: actual.to_owned(),
                hint: Some(id.to_owned()),
            },
            words: Words::default(),
        };
        let result = |checks: Vec<CheckResult>| ExerciseResult {
            exercise: ExerciseId::new("one").unwrap(),
            checks,
            actuals: Vec::new(),
            changed: Changed::Yes,
        };
        let before = vec![check("undone", "null"), check("done", "null")];
        let before = actual_values(&result(before));
        let now = result(vec![check("undone", "null"), check("done", "wrong")]);
        assert_eq!(now.hint(), Some("undone"));
        assert_eq!(changed_since(&now, &before).hint(), Some("done"));
        let unchanged = result(vec![check("undone", "null")]);
        assert_eq!(changed_since(&unchanged, &before).hint(), None);
    }
}
