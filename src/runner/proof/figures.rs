//! The result of a proof.

use crate::event::{ProofFigures, TestProblem};
use crate::lab::ExerciseId;
use crate::proof::{Finding, Weight};
use crate::report::json_path;

/// The result of the proof of a lab.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    pub figures: ProofFigures,
    /// The duration of each reset, in milliseconds.
    pub resets: Vec<u64>,
    pub problems: Vec<ProofProblem>,
}

/// A statement of the proof that does not hold.
#[derive(Debug, Clone)]
pub struct ProofProblem {
    pub problem: TestProblem,
    /// Whether it fails the test.
    pub weight: Weight,
}

impl ProofProblem {
    pub(super) fn new(exercise: &ExerciseId, finding: &Finding) -> Self {
        let place = finding.place.as_ref().filter(|place| place.line > 0);
        Self {
            problem: TestProblem {
                exercise: exercise.to_string(),
                phase: finding.phase,
                problem: finding.reason.localized(),
                check: finding.check.clone(),
                file: place.map(|place| json_path(&place.file)),
                line: place.map(|place| place.line),
            },
            weight: finding.weight,
        }
    }
}

impl Proof {
    /// Returns what fails the test, and what fails only a strict test.
    pub fn by_weight(&self, strict: bool) -> (Vec<TestProblem>, Vec<TestProblem>) {
        by_weight(&self.problems, strict)
    }
}

/// Returns what fails the test, and what fails only a strict test.
pub(super) fn by_weight(
    problems: &[ProofProblem],
    strict: bool,
) -> (Vec<TestProblem>, Vec<TestProblem>) {
    let fails = |problem: &&ProofProblem| strict || problem.weight == Weight::Problem;
    let (fail, rest): (Vec<_>, Vec<_>) = problems.iter().partition(fails);
    let [fail, rest] = [fail, rest].map(|found| {
        let problems = found.into_iter().map(|found| found.problem.clone());
        problems.collect()
    });
    (fail, rest)
}
