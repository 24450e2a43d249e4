//! The results of the checks of an exercise, made of what their probes returned.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::event::{CheckResult, Outcome};
use crate::expect::{Actual, Change, Snapshot, ValueNames, Words};
use crate::lab::{
    Check, CheckId, Exercise, ExerciseId, Secrecy, Section, ServiceName, StepKind, Unchanged,
};
use crate::localized;
use crate::runner::Changed;
use crate::runner::act::{StepResult, evaluate};
use crate::runner::baseline::{changed, is_unchanged};
use crate::runner::denied::denies_access;
use crate::store::Baseline;

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

/// The checks of one exercise, and what the results of their probes are compared with.
#[derive(Clone, Copy)]
pub(super) struct ComparedChecks<'a> {
    pub(super) exercise: &'a Exercise,
    /// The words for the results.
    pub(super) section: &'a Section,
    pub(super) baseline: Option<&'a Baseline>,
}

impl ComparedChecks<'_> {
    /// Returns the results for values that the probes returned earlier, one for each check.
    pub(super) fn result_of(&self, actuals: &[Actual]) -> ExerciseResult {
        let checks = self.exercise.checks().iter().zip(actuals);
        let results = checks.map(|(check, actual)| {
            self.with_baseline(check, evaluate(&check.step, Ok(actual.clone())))
        });
        self.result(&results.collect::<Vec<_>>())
    }

    /// Compares a result with the baseline, if that is what the check expects.
    pub(super) fn with_baseline(&self, check: &Check, result: StepResult) -> StepResult {
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
    pub(super) fn result(&self, results: &[StepResult]) -> ExerciseResult {
        let actuals: Vec<Option<Actual>> =
            results.iter().map(|result| result.actual.clone()).collect();
        let changed = changed(self.exercise.checks(), &actuals, self.baseline);
        let failed = self.exercise.checks().iter().zip(results);
        let failed = failed.filter(|(_, result)| !result.outcome.passed());
        let denied = failed.filter_map(|(check, result)| {
            let step = &check.step.act;
            let denies = denies_access(step, result.error.as_ref(), result.actual.as_ref());
            step.service().filter(|_| denies).cloned()
        });
        let checks = self.exercise.checks().iter().zip(results);
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::lab::CheckRole;

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
}
