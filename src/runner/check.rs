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
use crate::expect::{Actual, Change, Snapshot, ValueNames, Words};
use crate::lab::{
    Check, CheckId, CheckRole, Exercise, ExerciseId, Lang, Quiz, Secrecy, Section, ServiceName,
    StepKind, Task, Unchanged,
};
use crate::localized;
use crate::runner::act::{Captures, LONGEST_PAUSE, PAUSE, StepResult, not_held};
use crate::runner::baseline::{changed, is_unchanged};
use crate::runner::check_probes::{measure_last, probe_all, probe_check};
use crate::runner::denied::denies_access;
use crate::runner::{Changed, Live, Runner};
use crate::store::{Baseline, Baselines, Preparation};
use crate::text;
use crate::text::Text;

/// The results of the checks of one exercise.
#[derive(Debug, Clone)]
pub struct ExerciseResult {
    pub exercise: ExerciseId,
    pub checks: Vec<CheckResult>,
    /// What the probe of each check returned, in the same order; `None` if it could not run. A quiz has none.
    pub actuals: Vec<Option<Actual>>,
    /// How long each check was as expected that had to be for a while and was not; a quiz has none.
    pub held: Vec<Option<Duration>>,
    /// Whether anything that the checks see changed since the exercise began. If not, no check has a hint.
    pub changed: Changed,
    /// The services that refused the user of the lab, so that checks failed.
    pub denied: BTreeSet<ServiceName>,
    /// How long checks that do not pass have left to pass without further work; `None` if the results are final.
    pub undecided: Option<Duration>,
}

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

    /// Returns the name of the hint of the first check that fails, if what it saw has one.
    pub fn hint(&self) -> Option<&str> {
        let mut failed = self.checks.iter().filter(|check| !check.outcome.passed());
        failed.next()?.outcome.hint()
    }
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
                    section,
                    baseline: context.baselines.exercises.get(&exercise.id),
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
            "the exercise has not begun: solve {exercises} first",
            exercises = needs.join(", ")
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

/// The checks of one exercise, and what they are compared with.
struct CheckRun<'a, 'b, E> {
    runner: &'a Runner<'b, E>,
    live: &'a Live,
    exercise: &'a Exercise,
    checks: &'a [Check],
    section: &'a Section,
    baseline: Option<&'a Baseline>,
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
            .map(|(check, result)| self.compared(check, result))
            .collect();
        self.measure(&mut results).await;
        let begun = clock::now();
        let mut result = self.result(&results);
        let waits = self.undecided == Undecided::Await;
        loop {
            if let Some(within) = self.longest_wait(&result).filter(|_| waits) {
                report(CheckStage::Waiting { within }, &result);
                self.wait(&mut results, &captures, result.changed).await;
                self.measure(&mut results).await;
                result = self.result(&results);
            }
            // What must hold for a while is only waited for once everything else is as it should be.
            let Some(within) = self.longest_hold(&result) else {
                break;
            };
            let pending = self.result(&self.not_held_yet(&results));
            report(CheckStage::Waiting { within }, &pending);
            self.hold(&mut results, &captures).await;
            result = self.result(&results);
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
        self.compared(check, result)
    }

    /// Compares a result with the baseline, if that is what the check expects.
    fn compared(&self, check: &Check, result: StepResult) -> StepResult {
        let outcome = match (&check.unchanged, &result.actual) {
            (Some(unchanged), Some(actual)) => self.compare(check, unchanged, actual),
            _ => result.outcome,
        };
        StepResult {
            outcome,
            actual: result.actual,
            error: result.error,
            held: result.held,
        }
    }

    fn compare(&self, check: &Check, unchanged: &Unchanged, actual: &Actual) -> Outcome {
        if is_unchanged(check, unchanged, actual, self.baseline) {
            return Outcome::Pass;
        }
        let baseline = self.baseline.and_then(|baseline| baseline.get(&check.id));
        let Some(before) = baseline.map(Snapshot::actual) else {
            return Outcome::Pass;
        };
        let (before, now) = match change(unchanged, &before, actual, &ValueNames::default()) {
            Some(change) => change.raw(),
            // A status or an error is another one.
            None => (before.text().localized(), actual.text().localized()),
        };
        Outcome::Fail {
            expected: localized!("as when the exercise began: {value}", value = before),
            actual: now,
            hint: None,
        }
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

    /// Returns the expected and the actual value of a check that fails, in words; of a secret only that it is one.
    fn words(&self, check: &Check, outcome: &Outcome, actual: Option<&Actual>) -> Words {
        let (Outcome::Fail { .. }, Some(actual)) = (outcome, actual) else {
            return Words::default();
        };
        if check.secrecy == Secrecy::Hidden {
            return hidden_words();
        }
        let names = &self.section.values;
        let Some(unchanged) = &check.unchanged else {
            let words = check.step.expect.words(actual, names);
            let known = time_to_live(&check.step.act, actual);
            return match known.or_else(|| self.ratio(&check.step.act, actual)) {
                Some(actual) if words.places.is_empty() => Words { actual, ..words },
                _ => words,
            };
        };
        let baseline = self.baseline.and_then(|baseline| baseline.get(&check.id));
        let before = baseline.map(Snapshot::actual);
        let change = before.and_then(|before| change(unchanged, &before, actual, names));
        change.map_or_else(Words::default, |change| change.words(names))
    }

    /// Returns a ratio in words, with the names of the sides.
    fn ratio(&self, act: &StepKind, actual: &Actual) -> Option<String> {
        let StepKind::Ratio(ratio) = act else {
            return None;
        };
        let name = |id: &CheckId| {
            let named = self.section.measured.get(id.as_str());
            named.map_or_else(|| id.to_string(), Clone::clone)
        };
        Some(localized!(
            "{slower} took {ratio} times as long as {faster}",
            slower = name(&ratio.slower),
            ratio = actual.value.as_f64()?,
            faster = name(&ratio.faster)
        ))
    }

    /// Returns the results with their hints, which are only about what was changed.
    fn result(&self, results: &[StepResult]) -> ExerciseResult {
        let actuals: Vec<Option<Actual>> =
            results.iter().map(|result| result.actual.clone()).collect();
        let changed = changed(self.checks, &actuals, self.baseline);
        let failed = self.checks.iter().zip(results);
        let failed = failed.filter(|(_, result)| !result.outcome.passed());
        let denied = failed.filter_map(|(check, result)| {
            let step = &check.step.act;
            let denies = denies_access(step, result.error.as_ref(), result.actual.as_ref());
            step.service().filter(|_| denies).cloned()
        });
        let checks = self.checks.iter().zip(results);
        let checks = checks.map(|(check, result)| {
            let id = check.id.to_string();
            let about = self.section.checks.get(&id).unwrap_or(&self.section.title);
            let outcome = outcome(check, result, changed);
            CheckResult {
                about: about.clone(),
                check: id,
                role: check.role,
                words: self.words(check, &outcome, result.actual.as_ref()),
                outcome,
            }
        });
        ExerciseResult {
            exercise: self.exercise.id.clone(),
            checks: checks.collect(),
            actuals,
            held: results.iter().map(|result| result.held).collect(),
            changed,
            denied: denied.collect(),
            undecided: None,
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

/// Returns the outcome of a check with its hint, and without the values of a secret.
fn outcome(check: &Check, result: &StepResult, changed: Changed) -> Outcome {
    let Outcome::Fail {
        expected, actual, ..
    } = &result.outcome
    else {
        return result.outcome.clone();
    };
    let (expected, got) = match check.secrecy {
        Secrecy::Shown => (expected.clone(), actual.clone()),
        Secrecy::Hidden => (
            localized!("hidden, because it is the answer"),
            localized!("hidden"),
        ),
    };
    let seen = result.actual.as_ref().filter(|_| changed == Changed::Yes);
    let fits = |actual| check.hints.iter().find(|hint| hint.when.holds(actual));
    Outcome::Fail {
        expected,
        actual: got,
        hint: seen.and_then(fits).map(|hint| hint.say.clone()),
    }
}

/// Returns what Redis means by a time to live below zero.
fn time_to_live(act: &StepKind, actual: &Actual) -> Option<String> {
    const COMMANDS: [&str; 4] = ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"];
    let StepKind::Redis(probe) = act else {
        return None;
    };
    let command = probe.command.first()?.to_ascii_uppercase();
    match (COMMANDS.contains(&command.as_str()), actual.value.as_i64()?) {
        (true, -1) => Some(localized!("no time to live")),
        (true, -2) => Some(localized!("there is no such key")),
        _ => None,
    }
}

fn hidden_words() -> Words {
    Words {
        expected: localized!("hidden, because it is the answer"),
        ..Words::default()
    }
}

/// Returns the first place at which a check sees another value than when the exercise began, if there is one and both are
/// values.
fn change(
    unchanged: &Unchanged,
    before: &Actual,
    actual: &Actual,
    names: &ValueNames,
) -> Option<Change> {
    if before.error.is_some() || actual.error.is_some() || before.status != actual.status {
        return None;
    }
    let part = |actual: &Actual| match &unchanged.path {
        Some(path) => path.select(&actual.value).unwrap_or_default(),
        None => actual.value.clone(),
    };
    Change::first(&part(before), &part(actual), names)
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_secret_value_has_one_line() {
        let check = crate::lab::testing::exercise(
            "
      - id: name
        secret: true
        redis: { service: redis, command: [GET, name] }
        expect: { equals: a }
",
        )
        .checks()[0]
            .clone();
        let actual = Actual::value(json!("b"));
        let result = StepResult {
            outcome: Outcome::Fail {
                expected: "a".to_owned(),
                actual: "b".to_owned(),
                hint: None,
            },
            actual: Some(actual),
            error: None,
            held: None,
        };
        let outcome = outcome(&check, &result, Changed::Yes);
        assert_eq!(hidden_words().actual, "");
        let hidden = (outcome.expected(), outcome.actual());
        let both = (Some("hidden, because it is the answer"), Some("hidden"));
        assert_eq!(hidden, both);
    }

    #[test]
    fn the_hint_is_that_of_the_first_check_that_fails() {
        let check = |outcome: Outcome| CheckResult {
            check: "one".to_owned(),
            role: CheckRole::Goal,
            about: String::new(),
            outcome,
            words: Words::default(),
        };
        let fails = |hint: Option<&str>| {
            check(Outcome::Fail {
                expected: String::new(),
                actual: String::new(),
                hint: hint.map(str::to_owned),
            })
        };
        let hint = |checks: Vec<CheckResult>| {
            let result = ExerciseResult {
                exercise: ExerciseId::new("one").unwrap(),
                checks,
                actuals: Vec::new(),
                held: Vec::new(),
                changed: Changed::Yes,
                denied: BTreeSet::new(),
                undecided: None,
            };
            result.hint().map(str::to_owned)
        };
        let pass = || check(Outcome::Pass);
        assert_eq!(hint(vec![pass(), pass()]), None);
        assert_eq!(
            hint(vec![pass(), fails(Some("a")), fails(Some("b"))]),
            Some("a".to_owned())
        );
        assert_eq!(hint(vec![pass(), fails(None), fails(Some("b"))]), None);
    }

    #[test]
    fn a_time_to_live_below_zero_has_words() {
        let checks = crate::lab::testing::exercise(
            "
      - id: ends
        redis: { service: redis, command: [ttl, a] }
        expect: { at_least: 1 }
      - id: count
        redis: { service: redis, command: [GET, a] }
        expect: { at_least: 1 }
",
        );
        let [ends, count] = checks.checks() else {
            panic!("two checks")
        };
        let of = |check: &Check, value: i64| time_to_live(&check.step.act, &Actual::value(value));
        assert_eq!(of(ends, -1).as_deref(), Some("no time to live"));
        assert_eq!(of(ends, -2).as_deref(), Some("there is no such key"));
        assert_eq!(of(ends, 30), None);
        assert_eq!(of(count, -1), None);
    }

    #[test]
    fn what_was_there_at_the_start_is_compared_in_words() {
        let words = |before: Actual, now: Actual| {
            let names = ValueNames::default();
            let change = change(&Unchanged { path: None }, &before, &now, &names);
            change.map_or_else(Words::default, |change| change.words(&names))
        };
        let of = |value: Value| Actual::value(value);
        let changed = words(of(json!([3500, null])), of(json!([3500, 1])));
        assert_eq!(
            changed.expected,
            "as when the exercise began: item 2: nothing"
        );
        assert_eq!(changed.actual, "item 2: 1");
        assert_eq!(words(of(json!("8")), of(json!("8"))), Words::default());
        // An error is described as a whole.
        let gone = Actual::error("42P01", "relation \"a\" does not exist");
        assert_eq!(words(of(json!(1)), gone), Words::default());
    }
}
