//! Judges the checks of exercises: what was seen, what must hold, and the hint that fits.

use futures_util::future::join_all;

use crate::engine::Engine;
use crate::event::{CheckReport, Outcome};
use crate::expect::Verdict;
use crate::lab::{Check, CheckRole, Exercise, ExerciseId, Lang, Quiz, Task};
use crate::runner::act::{Captures, StepOutcome, capture, step_outcome};
use crate::runner::{Live, Runner};

/// One exercise and what came of its checks.
#[derive(Debug, Clone)]
pub struct ExerciseResult {
    pub exercise: ExerciseId,
    pub checks: Vec<CheckResult>,
}

#[derive(Debug, Clone)]
pub struct CheckResult {
    pub id: String,
    pub role: CheckRole,
    pub verdict: Verdict,
}

impl ExerciseResult {
    /// Every check holds.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.verdict.passed())
    }

    /// Something could not be looked at: its service may be gone, or at another place.
    pub fn unseen(&self) -> bool {
        let unseen = |check: &CheckResult| matches!(check.verdict, Verdict::ProbeError { .. });
        self.checks.iter().any(unseen)
    }

    /// The hint of the first check that fails and has one.
    pub fn hint(&self) -> Option<&str> {
        self.checks.iter().find_map(|check| check.verdict.hint())
    }

    /// For reports, with the guide's sentences.
    pub fn reports<E: Engine>(&self, runner: &Runner<'_, E>, lang: &Lang) -> Vec<CheckReport> {
        let section = runner.lab.section(&self.exercise, lang);
        let report = |check: &CheckResult| {
            let (outcome, expected, actual) = match &check.verdict {
                Verdict::Pass => (Outcome::Pass, None, None),
                Verdict::Fail {
                    expected, actual, ..
                } => (Outcome::Fail, Some(expected.clone()), Some(actual.clone())),
                Verdict::ProbeError { reason } => (Outcome::ProbeError, None, Some(reason.clone())),
            };
            CheckReport {
                exercise: self.exercise.to_string(),
                check: check.id.clone(),
                about: section
                    .checks
                    .get(&check.id)
                    .unwrap_or(&section.title)
                    .clone(),
                outcome,
                expected,
                actual,
                hint: check.verdict.hint().map(str::to_owned),
            }
        };
        self.checks.iter().map(report).collect()
    }
}

/// Judges several exercises side by side. Answers to quizzes come from the learner's progress.
pub async fn check_exercises<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercises: &[&Exercise],
    answer: &dyn Fn(&ExerciseId) -> Option<String>,
) -> Vec<ExerciseResult> {
    let judged = exercises.iter().map(async |exercise| {
        let checks = match &exercise.task {
            Task::Practical { checks, .. } => judge_checks(runner, live, checks).await,
            Task::Quiz(quiz) => vec![CheckResult {
                id: "answer".to_owned(),
                role: CheckRole::Goal,
                verdict: judge_quiz(quiz, answer(&exercise.id).as_deref()),
            }],
        };
        ExerciseResult {
            exercise: exercise.id.clone(),
            checks,
        }
    });
    join_all(judged).await
}

/// The checks of one exercise, in order: one may keep a value for the next, and two looks into one queue would disturb
/// each other.
async fn judge_checks<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    checks: &[Check],
) -> Vec<CheckResult> {
    let mut captures = Captures::new();
    let mut judged = Vec::new();
    for check in checks {
        let outcome = step_outcome(runner, live, &check.step, &captures).await;
        if let StepOutcome::Holds(actual) | StepOutcome::Differs(actual, _) = &outcome {
            capture(check.step.capture.as_ref(), actual, &mut captures);
        }
        judged.push(judge(check, &outcome));
    }
    judged
}

fn judge(check: &Check, outcome: &StepOutcome) -> CheckResult {
    let verdict = match outcome {
        StepOutcome::Holds(_) => Verdict::Pass,
        StepOutcome::Differs(actual, difference) => Verdict::Fail {
            expected: difference.expected.localized(),
            actual: difference.actual.localized(),
            hint: check
                .hints
                .iter()
                .find(|hint| hint.when.holds(actual))
                .map(|hint| hint.say.clone()),
        },
        StepOutcome::ProbeError(reason) => Verdict::ProbeError {
            reason: reason.to_string(),
        },
    };
    CheckResult {
        id: check.id.to_string(),
        role: check.role,
        verdict,
    }
}

/// Judges a choice. The right one is not told.
pub fn judge_quiz(quiz: &Quiz, answer: Option<&str>) -> Verdict {
    let expected = format!("one of {}", quiz.choices.join(", "));
    match answer {
        Some(answer) if answer == quiz.answer => Verdict::Pass,
        Some(answer) => Verdict::Fail {
            expected,
            actual: answer.to_owned(),
            hint: quiz.hints.get(answer).cloned(),
        },
        None => Verdict::Fail {
            expected,
            actual: "no answer yet".to_owned(),
            hint: None,
        },
    }
}
