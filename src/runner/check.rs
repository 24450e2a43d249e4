//! Runs the checks of exercises.
//!
//! Every check is probed once, at once. Only then are those waited for that have `within` and do not pass, and only if
//! something changed since the exercise began. What follows a learner's work does not wait: it checks again.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::engine::{Engine, clock};
use crate::event::{CheckResult, Outcome};
use crate::expect::Words;
use crate::lab::{Check, CheckRole, Exercise, ExerciseId, Lang, Quiz, Section, StepKind, Task};
use crate::localized;
use crate::runner::act::{Captures, LONGEST_PAUSE, PAUSE, StepResult, not_held};
use crate::runner::check_probes::{measure_last, probe_all, probe_check};
use crate::runner::check_results::{ComparedChecks, ExerciseResult};
use crate::runner::{Changed, Live, Runner};
use crate::store::{Baselines, Preparation};
use crate::text;
use crate::text::Text;

/// What is known of the results of an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStage {
    /// Some checks do not pass yet and are waited for, at most this long.
    Waiting {
        within: Duration,
    },
    Final,
}

/// What happens to checks that do not pass and have `within`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecided {
    /// They are waited for.
    Await,
    /// They are returned as they are, because the exercise is checked again soon.
    Return,
}

/// What checks need besides the lab and its services.
pub struct CheckContext<'a> {
    /// The language of the sentences in the results.
    pub lang: &'a Lang,
    /// Returns the learner's choice in a quiz.
    pub answer: &'a dyn Fn(&ExerciseId) -> Option<String>,
    /// What the checks saw when the exercises began.
    pub baselines: &'a Baselines,
    pub undecided: Undecided,
    /// Receives the results of each exercise as soon as they are known: at once, and again after a wait.
    pub report: &'a dyn Fn(CheckStage, &ExerciseResult),
}

/// Checks several exercises at the same time.
pub async fn check_exercises<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercises: &[&Exercise],
    context: &CheckContext<'_>,
) -> Vec<ExerciseResult> {
    let results = exercises.iter().map(async |exercise| {
        let section = runner.lab.section(&exercise.id, context.lang);
        match &exercise.task {
            Task::Practical { checks, .. } if context.baselines.awaits_beginning(exercise) => {
                let prepared = context.baselines.prepared.get(&exercise.id);
                let why = why_not_begun(runner, exercise, prepared.copied());
                let result = not_begun(exercise, checks, section, &why);
                (context.report)(CheckStage::Final, &result);
                result
            }
            Task::Practical { checks, .. } => {
                let run = CheckRun {
                    runner,
                    live,
                    exercise,
                    checks,
                    compared: ComparedChecks {
                        exercise,
                        section,
                        baseline: context.baselines.exercises.get(&exercise.id),
                    },
                    undecided: context.undecided,
                };
                run.complete(context.report).await
            }
            Task::Quiz(quiz) => {
                let choice = (context.answer)(&exercise.id);
                let answer = CheckResult {
                    check: "answer".to_owned(),
                    role: CheckRole::Goal,
                    about: section.title.clone(),
                    outcome: check_answer(quiz, choice.as_deref()),
                    words: Words::default(),
                };
                let result = ExerciseResult {
                    exercise: exercise.id.clone(),
                    checks: vec![answer],
                    actuals: Vec::new(),
                    held: Vec::new(),
                    changed: match choice {
                        Some(_) => Changed::Yes,
                        None => Changed::No,
                    },
                    denied: BTreeSet::new(),
                    undecided: None,
                };
                (context.report)(CheckStage::Final, &result);
                result
            }
        }
    });
    join_all(results).await
}

/// Returns why an exercise has not begun.
fn why_not_begun<E: Engine>(
    runner: &Runner<'_, E>,
    exercise: &Exercise,
    preparation: Option<Preparation>,
) -> Text {
    let open = exercise.needs.iter();
    let open = open.filter(|need| runner.lab.exercise(need).is_some());
    let needs: Vec<&str> = open.map(|need| need.as_str()).collect();
    match preparation {
        Some(preparation) if preparation.is_interrupted() => interrupted(runner, exercise),
        Some(_) => text!("the exercise is being prepared; try again in a moment"),
        None if needs.is_empty() => text!("the exercise has not begun; try again in a moment"),
        None => text!(
            "the exercise has not begun: solve {exercises} first, or let `roadlab reset {lab} --to {exercise}` do it",
            exercises = needs.join(", "),
            lab = runner.name(),
            exercise = exercise.id
        ),
    }
}

/// Returns that the preparation of an exercise was interrupted, and how to begin again.
pub fn interrupted<E: Engine>(runner: &Runner<'_, E>, exercise: &Exercise) -> Text {
    text!(
        "the preparation of `{exercise}` was interrupted; to begin again: `roadlab reset {lab} --to {exercise}`",
        exercise = exercise.id,
        lab = runner.name()
    )
}

/// Returns the result of an exercise that has not begun: what its checks would see is not yet its task.
fn not_begun(
    exercise: &Exercise,
    checks: &[Check],
    section: &Section,
    why: &Text,
) -> ExerciseResult {
    let results = checks.iter().map(|check| CheckResult {
        check: check.id.to_string(),
        role: check.role,
        about: section
            .checks
            .get(check.id.as_str())
            .cloned()
            .unwrap_or_default(),
        outcome: Outcome::ProbeError {
            reason: why.localized(),
        },
        words: Words::default(),
    });
    ExerciseResult {
        exercise: exercise.id.clone(),
        checks: results.collect(),
        actuals: vec![None; checks.len()],
        held: vec![None; checks.len()],
        changed: Changed::No,
        denied: BTreeSet::new(),
        undecided: None,
    }
}

/// The checks of one exercise while they are probed.
struct CheckRun<'a, 'b, E> {
    runner: &'a Runner<'b, E>,
    live: &'a Live,
    exercise: &'a Exercise,
    checks: &'a [Check],
    compared: ComparedChecks<'a>,
    undecided: Undecided,
}

impl<E: Engine> CheckRun<'_, '_, E> {
    /// Probes every check once and waits for those that can still change, if anything changed since the exercise began and
    /// they are to be waited for.
    async fn complete(&self, report: &dyn Fn(CheckStage, &ExerciseResult)) -> ExerciseResult {
        let captures = RefCell::new(Captures::new());
        let probed = probe_all(self.runner, self.live, self.checks, &captures).await;
        let checks = self.checks.iter().zip(probed);
        let mut results: Vec<StepResult> = checks
            .map(|(check, result)| self.compared.with_baseline(check, result))
            .collect();
        self.measure(&mut results).await;
        let begun = clock::now();
        let mut result = self.compared.result(&results);
        let waits = self.undecided == Undecided::Await;
        loop {
            if let Some(within) = self.longest_wait(&result).filter(|_| waits) {
                report(CheckStage::Waiting { within }, &result);
                self.wait(&mut results, &captures, result.changed).await;
                self.measure(&mut results).await;
                result = self.compared.result(&results);
            }
            // What must hold for a while is only waited for once everything else is as it should be.
            let Some(within) = self.longest_hold(&result) else {
                break;
            };
            let pending = self.compared.result(&self.not_held_yet(&results));
            report(CheckStage::Waiting { within }, &pending);
            self.hold(&mut results, &captures).await;
            result = self.compared.result(&results);
            let again = waits && self.may_hold_later(&result, clock::since(begun));
            if result.passed() || !again {
                break;
            }
        }
        if !waits {
            result.undecided = self.longest_wait(&result);
        }
        report(CheckStage::Final, &result);
        result
    }

    /// Measures the ratios, if all other checks pass.
    async fn measure(&self, results: &mut [StepResult]) {
        measure_last(self.runner, self.live, self.exercise, results).await;
    }

    /// Returns the longest time for which a check must hold, if all checks pass and anything was changed.
    fn longest_hold(&self, result: &ExerciseResult) -> Option<Duration> {
        let waits = result.passed() && result.changed == Changed::Yes;
        let times = self.checks.iter().filter_map(|check| check.step.holds_for);
        times.max().filter(|_| waits)
    }

    /// Whether a check that did not hold has time left until which it must begin to.
    fn may_hold_later(&self, result: &ExerciseResult, elapsed: Duration) -> bool {
        let checks = self.checks.iter().zip(&result.checks);
        let mut failed = checks.filter(|(_, result)| !result.outcome.passed());
        failed.all(|(check, _)| check.step.within.is_some_and(|within| elapsed < within))
    }

    /// Returns the results while it is not known whether the checks hold for as long as they must.
    fn not_held_yet(&self, results: &[StepResult]) -> Vec<StepResult> {
        let checks = self.checks.iter().zip(results);
        let pending = checks.map(|(check, result)| match check.step.holds_for {
            None => result.clone(),
            Some(time) => StepResult {
                outcome: Outcome::Fail {
                    expected: localized!(
                        "{expected}, for {time} s",
                        expected = check.step.expect.text(),
                        time = time.as_secs_f64()
                    ),
                    actual: localized!("so far"),
                    hint: None,
                },
                ..result.clone()
            },
        });
        pending.collect()
    }

    /// Probes the checks that must hold for a while until one does not, or until they have held for as long as they must.
    async fn hold(&self, results: &mut [StepResult], captures: &RefCell<Captures>) {
        let begun = clock::now();
        loop {
            let held = clock::since(begun);
            let left = |check: &Check| check.step.holds_for.map(|time| time.saturating_sub(held));
            let pending: Vec<(usize, Duration)> = (0..self.checks.len())
                .filter_map(|at| Some((at, left(&self.checks[at])?)))
                .filter(|(_, left)| !left.is_zero())
                .collect();
            let Some(longest) = pending.iter().map(|(_, left)| *left).max() else {
                break;
            };
            tokio::time::sleep(LONGEST_PAUSE.min(longest)).await;
            for (at, _) in pending {
                let check = &self.checks[at];
                let result = self.probe(check, captures).await;
                let passed = result.outcome.passed();
                results[at] = match check.step.holds_for.filter(|_| !passed) {
                    Some(time) => not_held(result, time, held),
                    None => result,
                };
                if !passed {
                    return;
                }
            }
        }
        for (check, result) in self.checks.iter().zip(results) {
            if check.step.holds_for.is_none() && !is_ratio(check) {
                *result = self.probe(check, captures).await;
            }
        }
    }

    async fn probe(&self, check: &Check, captures: &RefCell<Captures>) -> StepResult {
        let result = probe_check(self.runner, self.live, check, captures).await;
        self.compared.with_baseline(check, result)
    }

    /// Returns the longest time that a check which does not pass may take, unless there is no reason to wait.
    fn longest_wait(&self, result: &ExerciseResult) -> Option<Duration> {
        let checks = self.checks.iter().zip(&result.checks);
        let failed = checks.filter(|(_, result)| !result.outcome.passed());
        let waits = failed.filter_map(|(check, _)| patience(check, result.changed));
        waits.max()
    }

    /// Probes the checks with `within` that do not pass until they pass or their time is over. When one passes, those that
    /// still fail have their whole time again, since they may depend on it.
    async fn wait(
        &self,
        results: &mut [StepResult],
        captures: &RefCell<Captures>,
        changed: Changed,
    ) {
        let mut since = clock::now();
        let mut pause = PAUSE;
        loop {
            let waited_for = |check: &Check, since: Instant| {
                let deadline = patience(check, changed).map(|within| since + within);
                deadline.is_some_and(|deadline| clock::now() + pause <= deadline)
            };
            let pending: Vec<usize> = (0..self.checks.len())
                .filter(|at| !results[*at].outcome.passed() && waited_for(&self.checks[*at], since))
                .filter(|at| !results[*at].is_of_paused_service())
                .collect();
            let lost = pending.iter().any(|at| results[*at].actual.is_none());
            // Without its engine a service does not come back within the time of a check.
            if pending.is_empty() || lost && self.runner.check_engine().await.is_err() {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            for at in pending {
                results[at] = self.probe(&self.checks[at], captures).await;
                if results[at].outcome.passed() {
                    since = clock::now();
                    pause = PAUSE;
                }
            }
        }
        // The others may depend on what was waited for, and a guard must hold at the end.
        for (check, result) in self.checks.iter().zip(results) {
            if check.step.within.is_none() && !is_ratio(check) {
                *result = self.probe(check, captures).await;
            }
        }
    }
}

/// Whether a check asks for a ratio, which is measured last.
fn is_ratio(check: &Check) -> bool {
    matches!(check.step.act, StepKind::Ratio(_))
}

/// Returns how long to wait for a check that does not pass. A goal cannot pass before anything was changed; a guard can, where
/// a service needs a moment to settle.
fn patience(check: &Check, changed: Changed) -> Option<Duration> {
    match (changed, check.role) {
        (Changed::No, CheckRole::Goal) => None,
        (Changed::No, CheckRole::Guard) | (Changed::Yes, _) => check.step.within,
    }
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
