//! Runs the checks of exercises.

use futures_util::future::join_all;

use crate::engine::Engine;
use crate::event::{CheckResult, Outcome};
use crate::expect::Actual;
use crate::lab::{Check, CheckRole, Exercise, ExerciseId, Lang, Quiz, Secrecy, Section, Task};
use crate::localized;
use crate::probe::ProbeMode;
use crate::runner::act::{Captures, capture, run_step};
use crate::runner::{Live, Runner};

/// The results of the checks of one exercise.
#[derive(Debug, Clone)]
pub struct ExerciseResult {
    pub exercise: ExerciseId,
    pub checks: Vec<CheckResult>,
    /// What the probe of each check returned, in the same order; `None` if it could not run. A quiz has none.
    pub actuals: Vec<Option<Actual>>,
}

impl ExerciseResult {
    /// Returns whether every check passes.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.outcome.passed())
    }

    /// Returns how many checks pass.
    pub fn passed_checks(&self) -> usize {
        let passed = self.checks.iter().filter(|check| check.outcome.passed());
        passed.count()
    }

    /// Returns whether each check passes, in order.
    pub fn outcomes(&self) -> Vec<bool> {
        let checks = self.checks.iter();
        checks.map(|check| check.outcome.passed()).collect()
    }

    /// Returns whether a probe failed: its service may be gone, or have another address.
    pub fn has_probe_error(&self) -> bool {
        let failed = |check: &CheckResult| matches!(check.outcome, Outcome::ProbeError { .. });
        self.checks.iter().any(failed)
    }

    /// Returns the name of the hint of the first check that fails and has one.
    pub fn hint(&self) -> Option<&str> {
        self.checks.iter().find_map(|check| check.outcome.hint())
    }
}

/// Checks several exercises at the same time. `answer` returns the learner's choice in a quiz; `lang` is the language of the
/// sentences in the results.
pub async fn check_exercises<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercises: &[&Exercise],
    lang: &Lang,
    answer: &dyn Fn(&ExerciseId) -> Option<String>,
) -> Vec<ExerciseResult> {
    let results = exercises.iter().map(async |exercise| {
        let section = runner.lab.section(&exercise.id, lang);
        let (checks, actuals) = match &exercise.task {
            Task::Practical { checks, .. } => run_checks(runner, live, checks, section).await,
            Task::Quiz(quiz) => {
                let answer = CheckResult {
                    check: "answer".to_owned(),
                    role: CheckRole::Goal,
                    about: section.title.clone(),
                    outcome: check_answer(quiz, answer(&exercise.id).as_deref()),
                };
                (vec![answer], Vec::new())
            }
        };
        ExerciseResult {
            exercise: exercise.id.clone(),
            checks,
            actuals,
        }
    });
    join_all(results).await
}

/// Runs the checks of one exercise in order: one may capture a value for the next, and two that read the same queue would
/// disturb each other.
async fn run_checks<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    checks: &[Check],
    section: &Section,
) -> (Vec<CheckResult>, Vec<Option<Actual>>) {
    let mut captures = Captures::new();
    let mut results = Vec::new();
    let mut actuals = Vec::new();
    for check in checks {
        let result = run_step(
            runner,
            live,
            &check.step,
            ProbeMode::of_check(&check.step),
            &captures,
        )
        .await;
        let actual = result.actual.as_ref();
        capture(check.step.capture.as_ref(), actual, &mut captures);
        let mut outcome = result.outcome;
        if let Outcome::Fail {
            hint,
            expected,
            actual: shown,
        } = &mut outcome
        {
            if check.secrecy == Secrecy::Hidden {
                for value in [expected, shown] {
                    *value = localized!("hidden: this is the answer");
                }
            }
            let fits = |actual| check.hints.iter().find(|hint| hint.when.holds(actual));
            *hint = actual.and_then(fits).map(|hint| hint.say.clone());
        }
        let id = check.id.to_string();
        let about = section.checks.get(&id).unwrap_or(&section.title);
        results.push(CheckResult {
            about: about.clone(),
            check: id,
            role: check.role,
            outcome,
        });
        actuals.push(result.actual);
    }
    (results, actuals)
}

/// Checks a choice in a quiz. The outcome does not reveal the right one.
pub fn check_answer(quiz: &Quiz, answer: Option<&str>) -> Outcome {
    let expected = localized!("one of {choices}", choices = quiz.choices.join(", "));
    match answer {
        Some(answer) if answer == quiz.answer => Outcome::Pass,
        Some(answer) => Outcome::Fail {
            expected,
            actual: answer.to_owned(),
            hint: quiz.hints.get(answer).cloned(),
        },
        None => Outcome::Fail {
            expected,
            actual: localized!("no answer yet"),
            hint: None,
        },
    }
}
