//! How far a learner is in a lab: counted once, and in the same words wherever it is shown.

use std::collections::BTreeSet;
use std::slice;

use crate::lab::{ExerciseId, Lab};
use crate::localized;
use crate::store::{Progress, Standing};

/// How far a learner is in a lab.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    pub solved: usize,
    /// The number of exercises, if it is known.
    pub all: Option<usize>,
    /// The number of exercises that only their solutions solved.
    pub by_solution: usize,
    pub holding: Holding,
}

/// How many exercises have checks that all pass now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Holding {
    #[default]
    NotChecked,
    OfAll(usize),
    /// Only some exercises were checked.
    OfSome {
        passed: usize,
        checked: usize,
    },
}

impl Score {
    /// Counts the exercises of a lab in one instance. No checks run.
    pub fn new(lab: &Lab, progress: &Progress) -> Self {
        let exercises = lab.exercises.iter().map(|exercise| &exercise.id);
        Self::best_of(exercises, slice::from_ref(progress))
    }

    /// Counts exercises, each with its best standing in several instances. No checks run.
    pub fn best_of<'a>(
        exercises: impl IntoIterator<Item = &'a ExerciseId>,
        progress: &[Progress],
    ) -> Self {
        let (mut solved, mut by_solution, mut all) = (0, 0, 0);
        for exercise in exercises {
            let has = |standing: Standing| {
                progress
                    .iter()
                    .any(|one| one.standing(exercise) == standing)
            };
            all += 1;
            if has(Standing::Solved) {
                solved += 1;
            } else if has(Standing::SolutionPlayed) {
                by_solution += 1;
            }
        }
        Self {
            solved,
            all: Some(all),
            by_solution,
            holding: Holding::NotChecked,
        }
    }

    /// Counts the exercises in the progress of a lab whose files are not there.
    pub fn without_lab(progress: &Progress) -> Self {
        let known = progress.solved.keys().chain(progress.played.keys());
        let known: BTreeSet<&ExerciseId> = known.collect();
        Self {
            all: None,
            ..Self::best_of(known, slice::from_ref(progress))
        }
    }

    /// `solved 2 of 18 · solution played 1 · passing 3`.
    pub fn text(&self) -> String {
        let done = self.solved;
        let mut text = match self.all {
            Some(all) => localized!("solved {done} of {all}", done, all),
            None => localized!("solved {done}", done),
        };
        let by_solution = (self.by_solution > 0)
            .then(|| localized!("solution played {count}", count = self.by_solution));
        let holding = match self.holding {
            Holding::NotChecked => None,
            Holding::OfAll(passed) => Some(localized!("passing {passed}", passed)),
            // Its result stands above.
            Holding::OfSome { checked: 1, .. } => None,
            Holding::OfSome { passed, checked } => Some(localized!(
                "passing {passed} of these {checked}",
                passed,
                checked
            )),
        };
        for part in by_solution.into_iter().chain(holding) {
            text.push_str(&format!(" · {part}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::PlayReason;

    #[test]
    fn a_score_has_what_is_solved_and_what_holds() {
        let mut score = Score {
            solved: 2,
            all: Some(18),
            ..Score::default()
        };
        assert_eq!(score.text(), "solved 2 of 18");
        score.holding = Holding::OfAll(3);
        assert_eq!(score.text(), "solved 2 of 18 · passing 3");
        score.holding = Holding::OfSome {
            passed: 1,
            checked: 2,
        };
        score.by_solution = 1;
        assert_eq!(
            score.text(),
            "solved 2 of 18 · solution played 1 · passing 1 of these 2"
        );
        score.by_solution = 0;
        score.holding = Holding::OfSome {
            passed: 0,
            checked: 1,
        };
        assert_eq!(score.text(), "solved 2 of 18");
    }

    #[test]
    fn an_exercise_counts_once_and_one_that_the_lab_no_longer_has_does_not() {
        let ids = ["a", "b", "c", "gone"].map(|id| ExerciseId::new(id).unwrap());
        let [a, b, c, gone] = &ids;
        let (mut first, mut second) = (Progress::default(), Progress::default());
        first.finish_playing(&[a, b], None, PlayReason::Requested);
        second.solve(a);
        second.solve(gone);
        let text = |progress: &[Progress]| Score::best_of([a, b, c], progress).text();
        assert_eq!(text(&[]), "solved 0 of 3");
        let (both, one) = ([first, second], "solved 1 of 3");
        assert_eq!(text(&both), format!("{one} · solution played 1"));
        assert_eq!(text(&both[1..]), one);
        let [first, second] = &both;
        assert_eq!(
            Score::without_lab(first).text(),
            "solved 0 · solution played 2"
        );
        assert_eq!(Score::without_lab(second).text(), "solved 2");
    }
}
