//! The result of a proof.

use crate::event::Phase;
use crate::lab::ExerciseId;
use crate::problem::Place;
use crate::proof::{Finding, Weight};
use crate::text::Text;

/// The result of the proof of a lab.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// The number of exercises that were proven.
    pub exercises: usize,
    /// The number of their checks, a quiz being one.
    pub checks: usize,
    /// The number of wrong answers, wrong choices of quizzes included.
    pub wrong_answers: usize,
    /// The number of right answers beside the solutions.
    pub right_answers: usize,
    /// The number of solutions with a step left out.
    pub left_out: usize,
    /// The number of weaker matchers that were compared with what the checks saw.
    pub weakened: usize,
    /// The number of answers that were played.
    pub played: usize,
    /// The wrong answers that are accepted because they leave the state of a right one.
    pub indistinguishable: Vec<Indistinguishable>,
    /// The duration of each reset, in milliseconds.
    pub resets: Vec<u64>,
    pub problems: Vec<ProofProblem>,
}

/// A wrong answer that leaves the state of a right one.
#[derive(Debug, Clone)]
pub struct Indistinguishable {
    pub exercise: ExerciseId,
    pub answer: Text,
    /// Why, in the words of the author.
    pub reason: String,
}

/// A statement of the proof that does not hold.
#[derive(Debug, Clone)]
pub struct ProofProblem {
    pub exercise: ExerciseId,
    pub phase: Phase,
    /// Whether it fails the test.
    pub weight: Weight,
    pub check: Option<String>,
    /// Where to mend it.
    pub place: Option<Place>,
    /// Why it does not hold.
    pub reason: String,
    /// Whether it says that the checks accept a wrong answer, or could.
    pub permissive: bool,
}

impl ProofProblem {
    pub(super) fn new(exercise: &ExerciseId, finding: &Finding) -> Self {
        Self {
            exercise: exercise.clone(),
            phase: finding.phase,
            weight: finding.weight,
            check: finding.check.clone(),
            place: finding.place.clone(),
            reason: finding.reason.localized(),
            permissive: finding.permissive,
        }
    }
}

impl Proof {
    /// Returns the findings that say that checks accept a wrong answer, or could.
    pub fn permissive(&self) -> usize {
        let problems = self.problems.iter();
        problems.filter(|problem| problem.permissive).count()
    }
}
