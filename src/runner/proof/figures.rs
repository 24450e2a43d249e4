//! The result of a proof.

use crate::event::{ProofFigures, TestProblem};
use crate::lab::{ExerciseId, Lab};
use crate::proof::{Finding, Weight};
use crate::report::json_path;

/// The result of the proof of a lab.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    pub figures: ProofFigures,
    /// The number of answers that were judged by what was seen when they were played before.
    pub recalled: usize,
    /// The duration of each reset, in milliseconds.
    pub resets: Vec<u64>,
    pub problems: Vec<ProofProblem>,
    /// The exercises that were left out because a service that they need is unavailable.
    pub not_run: Vec<ExerciseId>,
}

/// What fails the test of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Problems; notes are shown.
    Normal,
    /// Problems and notes.
    Strict,
}

/// A statement of the proof that does not hold.
#[derive(Debug, Clone)]
pub struct ProofProblem {
    pub problem: TestProblem,
    /// Whether it fails the test.
    pub weight: Weight,
    pub(super) stage: Stage,
}

/// The stages of a proof, in the order in which their problems are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Start,
    Answers,
    OtherDraw,
    Sequence,
    Reset,
    OpenTransaction,
}

impl ProofProblem {
    pub(super) fn new(exercise: &ExerciseId, stage: Stage, finding: &Finding) -> Self {
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
            stage,
        }
    }
}

impl Proof {
    /// Puts the parts of a proof together: the result does not depend on the order in which they were played.
    pub fn of_parts(lab: &Lab, parts: Vec<Proof>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            add(&mut whole.figures, part.figures);
            whole.recalled += part.recalled;
            whole.resets.extend(part.resets);
            whole.problems.extend(part.problems);
            whole.not_run.extend(part.not_run);
        }
        let exercises = &lab.exercises;
        let position = |id: &str| exercises.iter().position(|one| one.id.as_str() == id);
        whole
            .problems
            .sort_by_key(|found| (position(&found.problem.exercise), found.stage));
        let same = &mut whole.figures.indistinguishable;
        same.sort_by_key(|answer| position(&answer.exercise));
        whole.not_run.sort_by_key(|id| position(id.as_str()));
        whole
    }

    /// Returns the part of an exercise whose instance failed.
    pub fn failed(exercise: &ExerciseId, finding: &Finding) -> Self {
        Self {
            problems: vec![ProofProblem::new(exercise, Stage::Answers, finding)],
            ..Self::default()
        }
    }

    /// Returns what fails the test, and what fails only a strict test.
    pub fn by_weight(&self, strictness: Strictness) -> (Vec<TestProblem>, Vec<TestProblem>) {
        by_weight(&self.problems, strictness)
    }
}

fn add(sum: &mut ProofFigures, part: ProofFigures) {
    let ProofFigures {
        exercises,
        checks,
        wrong_answers,
        right_answers,
        left_out,
        other_draw,
        weakened,
        permissive,
        indistinguishable,
        played,
    } = part;
    sum.exercises += exercises;
    sum.checks += checks;
    sum.wrong_answers += wrong_answers;
    sum.right_answers += right_answers;
    sum.left_out += left_out;
    sum.other_draw += other_draw;
    sum.weakened += weakened;
    sum.permissive += permissive;
    sum.indistinguishable.extend(indistinguishable);
    sum.played += played;
}

/// Returns what fails the test, and what fails only a strict test.
pub(super) fn by_weight(
    problems: &[ProofProblem],
    strictness: Strictness,
) -> (Vec<TestProblem>, Vec<TestProblem>) {
    let fails = |problem: &&ProofProblem| match (strictness, problem.weight) {
        (Strictness::Strict, _) | (_, Weight::Problem) => true,
        (Strictness::Normal, Weight::Note) => false,
    };
    let (fail, rest): (Vec<_>, Vec<_>) = problems.iter().partition(fails);
    let [fail, rest] = [fail, rest].map(|found| {
        let problems = found.into_iter().map(|found| found.problem.clone());
        problems.collect()
    });
    (fail, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{IndistinguishableAnswer, Phase};
    use crate::lab::testing::{COMPOSE, lab};
    use crate::text;

    #[test]
    fn the_order_of_the_parts_does_not_matter() {
        let mut lab = lab(COMPOSE);
        let mut second = lab.exercises[0].clone();
        second.id = ExerciseId::new("second").unwrap();
        let first = lab.exercises[0].id.clone();
        lab.exercises = vec![lab.exercises[0].clone(), second];
        let problem = |exercise: &ExerciseId, stage, reason: &str| {
            let finding = Finding::problem(Phase::Solution, text::Text::verbatim(reason));
            ProofProblem::new(exercise, stage, &finding)
        };
        let second = lab.exercises[1].id.clone();
        let part = |exercise: &ExerciseId| Proof {
            figures: ProofFigures {
                played: 2,
                indistinguishable: vec![IndistinguishableAnswer {
                    exercise: exercise.to_string(),
                    ..IndistinguishableAnswer::default()
                }],
                ..ProofFigures::default()
            },
            recalled: 3,
            resets: vec![7],
            problems: vec![problem(exercise, Stage::Answers, "answers")],
            not_run: Vec::new(),
        };
        let of_lab = Proof {
            problems: vec![
                problem(&second, Stage::Start, "start"),
                problem(&first, Stage::Sequence, "sequence"),
                problem(&second, Stage::Reset, "reset"),
            ],
            ..Proof::default()
        };
        let parts = [of_lab, part(&first), part(&second)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let parts = order.map(|at: usize| parts[at].clone());
            let whole = Proof::of_parts(&lab, parts.to_vec());
            let counts = (whole.figures.played, whole.recalled, whole.resets.len());
            assert_eq!(counts, (4, 6, 2));
            let problems = whole.problems.iter();
            let found: Vec<(&str, &str)> = problems
                .map(|found| (&*found.problem.exercise, &*found.problem.problem))
                .collect();
            let (one, two) = (first.as_str(), second.as_str());
            assert_eq!(
                found,
                [
                    (one, "answers"),
                    (one, "sequence"),
                    (two, "start"),
                    (two, "answers"),
                    (two, "reset")
                ]
            );
            let same = whole.figures.indistinguishable.iter();
            let same: Vec<&str> = same.map(|answer| &*answer.exercise).collect();
            assert_eq!(same, [one, two]);
        }
    }
}
