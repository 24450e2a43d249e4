//! Judges what was recorded while the answers to an exercise were played.

use crate::event::{CheckResult, Outcome, Phase};
use crate::lab::{Check, CheckRole, Secrecy, StepKind};
use crate::problem::Place;
use crate::proof::answer::{Answer, AnswerKind, Must};
use crate::proof::recording::Recording;
use crate::proof::weaken::{Weakened, weaken};
use crate::text;
use crate::text::Text;

/// The fewest right answers that an exercise needs beside its solution.
const RIGHT_ANSWERS: usize = 2;

/// Something that the proof found.
#[derive(Debug, Clone)]
pub struct Finding {
    pub phase: Phase,
    pub weight: Weight,
    /// The check that it is about.
    pub check: Option<String>,
    /// Where to mend it.
    pub place: Option<Place>,
    pub reason: Text,
    /// Whether it says that the checks accept a wrong answer, or could.
    pub permissive: bool,
}

/// Whether a finding fails the test of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Problem,
    /// Only in a strict test.
    Note,
}

impl Finding {
    /// Creates a problem.
    pub fn problem(phase: Phase, reason: Text) -> Self {
        Self {
            phase,
            weight: Weight::Problem,
            check: None,
            place: None,
            reason,
            permissive: false,
        }
    }

    /// Creates a problem that says that checks accept a wrong answer, or could.
    fn permissive(phase: Phase, reason: Text) -> Self {
        Self {
            permissive: true,
            ..Self::problem(phase, reason)
        }
    }

    fn of_check(self, result: &CheckResult, checks: &[Check]) -> Self {
        let check = checks
            .iter()
            .find(|check| check.id.as_str() == result.check);
        Self {
            check: Some(result.check.clone()),
            place: check.map(|check| check.step.place.clone()),
            ..self
        }
    }

    /// Adds the name of the answer.
    pub fn named(self, answer: &Answer<'_>) -> Self {
        let reason = text!("{name}: {reason}", name = answer.name, reason = self.reason);
        Self { reason, ..self }
    }

    /// Adds the place, unless there is one.
    pub fn at(self, place: Option<&Place>) -> Self {
        Self {
            place: self.place.or_else(|| place.cloned()),
            ..self
        }
    }
}

/// Judges the exercise before anything was done: its goals fail, its guards pass, and no hint is shown.
pub fn at_start(recording: &Recording, checks: &[Check], phase: Phase) -> Option<Finding> {
    let results = recording
        .observations
        .iter()
        .map(|observation| &observation.result);
    let mut wrong = results.filter_map(|result| {
        let check = &result.check;
        let reason = match (result.role, &result.outcome) {
            (CheckRole::Goal, Outcome::Fail { .. }) | (CheckRole::Guard, Outcome::Pass) => {
                return None;
            }
            (CheckRole::Goal, Outcome::Pass) => {
                text!("check `{check}` passes before anything was done", check)
            }
            (CheckRole::Goal, Outcome::ProbeError { .. }) => not_passed(result)?,
            (CheckRole::Guard, _) => text!(
                "before anything was done: {problem}",
                problem = not_passed(result)?
            ),
        };
        Some(Finding::problem(phase, reason).of_check(result, checks))
    });
    let hint = || {
        let hint = recording.hint()?;
        let reason = text!("shows hint `{hint}` before anything was done", hint);
        let first = recording.failed().next()?;
        Some(Finding::problem(phase, reason).of_check(first, checks))
    };
    wrong.next().or_else(hint)
}

/// Judges what must be true after an answer.
pub fn after(
    recording: &Recording,
    answer: &Answer<'_>,
    checks: &[Check],
    phase: Phase,
) -> Option<Finding> {
    let finding = match answer.must {
        Must::Fail { .. } if answer.is_left_out() => {
            let reason =
                text!("every check passes: a check is missing, or the step is `optional: true`");
            match recording.passed() {
                true => Finding::permissive(phase, reason),
                false => return None,
            }
        }
        Must::Fail { .. } if answer.kind == AnswerKind::OtherDraw => {
            let reason = text!(
                "every check passes: a check must compare with the random values, or learners can copy each other's answers"
            );
            match recording.passed() {
                true => Finding::permissive(phase, reason),
                false => return None,
            }
        }
        Must::Pass => not_solved(recording, checks, phase)?,
        Must::PassAsRight { .. } => {
            let failed = recording.failed().next()?;
            let reason = text!(
                "check `{check}` fails, so `indistinguishable` can go",
                check = failed.check
            );
            Finding::problem(phase, reason).of_check(failed, checks)
        }
        Must::Fail { check, hint } => not_refused(recording, check, hint, checks, phase)?,
    };
    let finding = finding.at(answer.place);
    Some(match answer.kind {
        AnswerKind::Solution => finding,
        AnswerKind::LeftOut { .. }
        | AnswerKind::RightAnswer
        | AnswerKind::WrongAnswer
        | AnswerKind::OtherDraw => finding.named(answer),
    })
}

/// Returns why an exercise is not solved.
fn not_solved(recording: &Recording, checks: &[Check], phase: Phase) -> Option<Finding> {
    let failed = recording.failed().next()?;
    Some(Finding::problem(phase, not_passed(failed)?).of_check(failed, checks))
}

fn not_passed(result: &CheckResult) -> Option<Text> {
    let check = &result.check;
    match &result.outcome {
        Outcome::Pass => None,
        Outcome::Fail {
            expected, actual, ..
        } => Some(text!(
            "check `{check}` fails: expected {expected}, got {actual}",
            check,
            expected,
            actual
        )),
        Outcome::ProbeError { reason } => {
            Some(text!("check `{check}` cannot run: {reason}", check, reason))
        }
    }
}

/// Returns why a wrong answer is not refused as it must be.
fn not_refused(
    recording: &Recording,
    check: Option<&str>,
    hint: Option<&str>,
    checks: &[Check],
    phase: Phase,
) -> Option<Finding> {
    if recording.passed() {
        return Some(Finding::permissive(phase, text!("every check passes")));
    }
    if let Some(check) = check
        && let Some(passed) = recording
            .observations
            .iter()
            .find(|observation| observation.result.check == check)
        && passed.passed()
    {
        let reason = text!("check `{check}` passes", check);
        return Some(Finding::permissive(phase, reason).of_check(&passed.result, checks));
    }
    let actual = actual_values(recording);
    let compared = |result: &CheckResult| matches!(result.outcome, Outcome::Fail { .. });
    if !recording.failed().any(compared) {
        let reason = text!("fails only because its probes cannot run: {actual}", actual);
        return Some(Finding::problem(phase, reason));
    }
    let hint = hint?;
    let reason = match recording.hint() {
        Some(shown) if shown == hint => return None,
        // Nothing that the checks see has changed, so no hint is shown at all.
        None if chosen_hint(recording, checks) == Some(hint) => return None,
        Some(other) => text!(
            "shows hint `{other}` instead of `{hint}`; got {actual}",
            other,
            hint,
            actual
        ),
        None => text!(
            "shows no hint instead of `{hint}`; got {actual}",
            hint,
            actual
        ),
    };
    Some(Finding::problem(phase, reason))
}

/// Returns the hint that fits what the checks saw, whether or not it was shown.
fn chosen_hint<'a>(recording: &Recording, checks: &'a [Check]) -> Option<&'a str> {
    let first = recording.first_failed()?;
    let (observation, check) = (recording.observations.get(first)?, checks.get(first)?);
    let actual = observation.actual.as_ref()?;
    let hint = check.hints.iter().find(|hint| hint.when.holds(actual))?;
    Some(hint.say.as_str())
}

/// Judges the hints: a check that is the first to fail after a wrong answer needs one for what it saw. Missing ones fail only a
/// strict test. `refused` are the wrong answers with their recordings.
pub fn without_hint(checks: &[Check], refused: &[(&Answer<'_>, &Recording)]) -> Vec<Finding> {
    let findings = checks.iter().enumerate().filter_map(|(at, check)| {
        let lacking = refused.iter().filter(|(_, recording)| {
            recording.first_failed() == Some(at)
                && recording.hint().is_none()
                && chosen_hint(recording, checks).is_none()
        });
        let names: Vec<String> = lacking.map(|(answer, _)| answer.name.localized()).collect();
        let (first, others) = names.split_first()?;
        let reason = match others.len() {
            0 => text!(
                "check `{check}` is the first that fails after {answer}, and none of its hints fits: add one",
                check = check.id,
                answer = first
            ),
            more => text!(
                "check `{check}` is the first that fails after {answer} and {count} more, and none of its hints fits: add one",
                check = check.id,
                answer = first,
                count = more
            ),
        };
        Some(Finding {
            weight: Weight::Note,
            check: Some(check.id.to_string()),
            place: Some(check.step.place.clone()),
            ..Finding::problem(Phase::WrongAnswer, reason)
        })
    });
    findings.collect()
}

/// Returns the actual values of the checks that do not pass.
fn actual_values(recording: &Recording) -> String {
    let values = recording.failed().filter_map(|check| {
        let actual = check.outcome.actual()?;
        Some(format!("`{}` {actual}", check.check))
    });
    values.collect::<Vec<_>>().join(", ")
}

/// Judges the number of right answers of an exercise. Too few fail only a strict test.
pub fn right_answers(count: usize, place: Option<&Place>) -> Option<Finding> {
    let finding = Finding {
        weight: Weight::Note,
        ..Finding::problem(
            Phase::RightAnswer,
            text!(
                "right answers beside the solution: {count}; at least {needed} are recommended, so that the checks are seen to accept other ways: add some to `right` in `lab.yaml` or `trial.yaml`",
                count,
                needed = RIGHT_ANSWERS
            ),
        )
    };
    (count < RIGHT_ANSWERS).then(|| finding.at(place))
}

/// Judges each check by the recordings of all wrong answers, the mutilated solutions and the exercise before anything was
/// done: a check that is never the only one that fails proves nothing.
pub fn indecisive(checks: &[Check], refused: &[Recording]) -> Vec<Finding> {
    let undecided = checks.iter().enumerate().filter(|(at, check)| {
        check.why.is_none()
            && !refused
                .iter()
                .any(|recording| recording.deciding() == Some(*at))
    });
    let findings = undecided.map(|(at, check)| {
        let fails = |recording: &Recording| recording.observations.get(at).is_some_and(|observation| !observation.passed());
        let reason = match (check.role, refused.iter().any(fails)) {
            (CheckRole::Guard, false) => {
                text!(
                    "no wrong answer breaks the guard `{guard}`: add one, or say in `why` why there is none",
                    guard = check.id
                )
            }
            (CheckRole::Guard | CheckRole::Goal, _) => text!(
                "no wrong answer fails by check `{check}` alone, so it proves nothing: add one, or say in `why` why there is none",
                check = check.id
            ),
        };
        about(check, Phase::Decides, reason)
    });
    findings.collect()
}

/// Judges each matcher by the same recordings: one that could be weaker without a wrong answer being accepted by its check is
/// too permissive already, or has a bound that nothing tests.
pub fn unnoticed(checks: &[Check], refused: &[Recording]) -> (usize, Vec<Finding>) {
    let mut count = 0;
    let mut findings = Vec::new();
    for (at, check) in checks.iter().enumerate() {
        // No wrong answer has a ratio that is only just too small: the margin is wide.
        if check.why.is_some() || matches!(check.step.act, StepKind::Ratio(_)) {
            continue;
        }
        for (form, weakened) in weaken(&check.step.expect).iter().enumerate() {
            count += 1;
            if !refused.iter().any(|recording| notices(recording, at, form)) {
                findings.push(about(
                    check,
                    Phase::Weakened,
                    unnoticed_text(check, weakened),
                ));
            }
        }
        if check.step.holds_for.is_some() {
            count += 1;
            let ended = |recording: &Recording| {
                let observation = recording.observations.get(at);
                observation.is_some_and(|observation| observation.held.is_some())
            };
            if !refused.iter().any(ended) {
                let reason = text!(
                    "check `{check}` could do without `holds_for`, and no wrong answer would notice: add one after which it passes only for a while, or say in `why` why there is none",
                    check = check.id
                );
                findings.push(about(check, Phase::Weakened, reason));
            }
        }
    }
    (count, findings)
}

/// Returns whether a check that fails would pass if its matcher had this weaker form.
fn notices(recording: &Recording, check: usize, form: usize) -> bool {
    let Some(observation) = recording
        .observations
        .get(check)
        .filter(|observation| !observation.passed())
    else {
        return false;
    };
    let Some((expect, actual)) = observation.expect.as_ref().zip(observation.actual.as_ref())
    else {
        return false;
    };
    let weakened = weaken(expect);
    let weakened = weakened.get(form);
    weakened.is_some_and(|weakened| weakened.matcher.holds(actual))
}

fn unnoticed_text(check: &Check, weakened: &Weakened) -> Text {
    match check.secrecy {
        Secrecy::Shown => text!(
            "check `{check}` could expect {weaker} instead of {rule}, and no wrong answer would notice: add one that does, or say in `why` why there is none",
            check = check.id,
            weaker = weakened.weaker,
            rule = weakened.rule
        ),
        Secrecy::Hidden => text!(
            "check `{check}` could expect less, and no wrong answer would notice: add one that does, or say in `why` why there is none",
            check = check.id
        ),
    }
}

fn about(check: &Check, phase: Phase, reason: Text) -> Finding {
    Finding {
        check: Some(check.id.to_string()),
        place: Some(check.step.place.clone()),
        ..Finding::permissive(phase, reason)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::expect::Actual;
    use crate::lab::Exercise;
    use crate::lab::testing::exercise;
    use crate::proof::answers;
    use crate::proof::recording::Observation;

    /// An exercise whose checks expect a number from 1 to 3 and the text `a`.
    const CHECKS: &str = "
      - id: count
        redis: { service: redis, command: [GET, count] }
        expect: { at_least: 1, at_most: 3 }
        hints: [ { when: { equals: 9 }, say: many } ]
      - id: name
        guard: true
        redis: { service: redis, command: [GET, name] }
        expect: { equals: a }
";

    fn one() -> Exercise {
        exercise(CHECKS)
    }

    /// Returns what the checks would record for these values.
    fn recording(exercise: &Exercise, values: &[Value]) -> Recording {
        let observations = exercise.checks().iter().zip(values).map(|(check, value)| {
            let actual = Actual::value(value.clone());
            let outcome = match check.step.expect.evaluate(&actual) {
                Ok(()) => Outcome::Pass,
                Err(mismatch) => Outcome::Fail {
                    expected: mismatch.expected.localized(),
                    actual: mismatch.actual.localized(),
                    hint: check
                        .hints
                        .iter()
                        .find(|hint| hint.when.holds(&actual))
                        .map(|hint| hint.say.clone()),
                },
            };
            Observation {
                result: CheckResult {
                    check: check.id.to_string(),
                    role: check.role,
                    about: String::new(),
                    outcome,
                    words: crate::expect::Words::default(),
                },
                actual: Some(actual),
                held: None,
                expect: Some(check.step.expect.clone()),
                baseline: None,
            }
        });
        Recording {
            observations: observations.collect(),
        }
    }

    fn texts(findings: &[Finding]) -> Vec<String> {
        let texts = findings.iter().map(|finding| finding.reason.localized());
        texts.collect()
    }

    #[track_caller]
    fn assert_text(finding: Option<Finding>, expected: Option<&str>) {
        let text = finding.map(|finding| finding.reason.localized());
        assert_eq!(text.as_deref(), expected);
    }

    #[test]
    fn before_anything_was_done_goals_fail_guards_pass_and_there_is_no_hint() {
        let one = one();
        let check = |values: [Value; 2], expected| {
            let recording = recording(&one, &values);
            assert_text(at_start(&recording, one.checks(), Phase::Start), expected);
        };
        check([json!(0), json!("a")], None);
        check(
            [json!(2), json!("a")],
            Some("check `count` passes before anything was done"),
        );
        check(
            [json!(0), json!("b")],
            Some("before anything was done: check `name` fails: expected \"a\", got \"b\""),
        );
        check(
            [json!(9), json!("a")],
            Some("shows hint `many` before anything was done"),
        );
    }

    #[test]
    fn a_wrong_answer_is_refused_with_its_check_and_its_hint() {
        let one = one();
        let answers = answers(&one, None);
        let check = |values: [Value; 2], check, hint, expected| {
            let answer = Answer {
                must: Must::Fail { check, hint },
                ..answers.last().unwrap().clone()
            };
            let recording = recording(&one, &values);
            let finding = after(&recording, &answer, one.checks(), Phase::WrongAnswer);
            assert_text(finding, expected);
        };
        let right = || [json!(2), json!("a")];
        let many = || [json!(9), json!("a")];
        check(many(), None, None, None);
        check(many(), Some("count"), Some("many"), None);
        check(
            right(),
            None,
            None,
            Some("wrong answer 1: every check passes"),
        );
        check(
            many(),
            Some("name"),
            None,
            Some("wrong answer 1: check `name` passes"),
        );
        check(
            [json!(8), json!("a")],
            None,
            Some("many"),
            Some("wrong answer 1: shows no hint instead of `many`; got `count` 8"),
        );
    }

    #[test]
    fn the_hint_is_that_of_the_first_check_that_fails() {
        let mut one = one();
        let crate::lab::Task::Practical { checks, .. } = &mut one.task else {
            panic!("it has checks");
        };
        checks.reverse();
        // `name` fails first and has no hint; `count` has one.
        let recording = recording(&one, &[json!("b"), json!(9)]);
        assert_eq!(recording.hint(), None);
        let answers = answers(&one, None);
        let answer = Answer {
            must: Must::Fail {
                check: None,
                hint: Some("many"),
            },
            ..answers.last().unwrap().clone()
        };
        assert_text(
            after(&recording, &answer, one.checks(), Phase::WrongAnswer),
            Some("wrong answer 1: shows no hint instead of `many`; got `name` \"b\", `count` 9"),
        );
    }

    #[test]
    fn a_first_failing_check_without_a_hint_is_a_note() {
        let one = one();
        let answers = answers(&one, None);
        let wrong = answers.last().unwrap();
        let judged = |values: &[[Value; 2]]| {
            let recordings: Vec<Recording> = values.iter().map(|of| recording(&one, of)).collect();
            let refused: Vec<_> = recordings.iter().map(|one| (wrong, one)).collect();
            without_hint(one.checks(), &refused)
        };
        assert_eq!(texts(&judged(&[[json!(9), json!("b")]])), [""; 0]);
        let found = judged(&[
            [json!(9), json!("a")],
            [json!(8), json!("b")],
            [json!(7), json!("a")],
            [json!(2), json!("b")],
        ]);
        assert_eq!(
            texts(&found),
            [
                "check `count` is the first that fails after wrong answer 1 and 1 more, and none of its hints fits: add one",
                "check `name` is the first that fails after wrong answer 1, and none of its hints fits: add one",
            ]
        );
        assert!(found.iter().all(|finding| finding.weight == Weight::Note));
    }

    #[test]
    fn an_indistinguishable_answer_is_accepted_or_its_note_can_go() {
        let one = one();
        let answers = answers(&one, None);
        let answer = Answer {
            must: Must::PassAsRight { reason: "same" },
            ..answers.last().unwrap().clone()
        };
        let judged = |values: [Value; 2]| {
            let recording = recording(&one, &values);
            after(&recording, &answer, one.checks(), Phase::WrongAnswer)
        };
        assert_text(judged([json!(2), json!("a")]), None);
        assert_text(
            judged([json!(9), json!("a")]),
            Some("wrong answer 1: check `count` fails, so `indistinguishable` can go"),
        );
    }

    #[test]
    fn a_solution_with_a_step_left_out_must_fail() {
        let one = one();
        let answers = answers(&one, None);
        let left_out = answers.iter().find(|answer| answer.is_left_out()).unwrap();
        let judged = |values: [Value; 2]| {
            let recording = recording(&one, &values);
            after(&recording, left_out, one.checks(), Phase::LeftOut)
        };
        assert_text(judged([json!(0), json!("a")]), None);
        let finding = judged([json!(2), json!("a")]).unwrap();
        assert!(finding.permissive);
        assert_text(
            Some(finding),
            Some(
                "the solution without step 1, `redis SET count 1`: every check passes: a check is missing, or the step is `optional: true`",
            ),
        );
    }

    #[test]
    fn a_check_that_never_decides_proves_nothing() {
        let mut one = one();
        let check = |one: &Exercise, refused: &[[Value; 2]], expected: &[&str]| {
            let refused: Vec<Recording> = refused.iter().map(|of| recording(one, of)).collect();
            assert_eq!(texts(&indecisive(one.checks(), &refused)), expected);
        };
        let count = [json!(0), json!("a")];
        let both = [json!(0), json!("b")];
        let name = [json!(1), json!("b")];
        check(&one, &[count.clone(), name], &[]);
        let proves_nothing = "no wrong answer fails by check `name` alone, so it proves nothing: add one, or say in `why` why there is none";
        check(&one, &[count.clone(), both], &[proves_nothing]);
        let unbroken =
            "no wrong answer breaks the guard `name`: add one, or say in `why` why there is none";
        check(&one, std::slice::from_ref(&count), &[unbroken]);
        let crate::lab::Task::Practical { checks, .. } = &mut one.task else {
            panic!("it has checks");
        };
        checks[1].why = Some("the service cannot change it".to_owned());
        check(&one, &[count], &[]);
    }

    #[test]
    fn a_matcher_that_could_be_weaker_is_found() {
        let one = one();
        let judged = |refused: &[[Value; 2]]| {
            let refused: Vec<Recording> = refused.iter().map(|of| recording(&one, of)).collect();
            let (count, findings) = unnoticed(one.checks(), &refused);
            assert_eq!(count, 3);
            texts(&findings)
        };
        let (zero, four) = ([json!(0), json!("a")], [json!(4), json!("a")]);
        let name = [json!(1), json!("b")];
        assert_eq!(judged(&[zero.clone(), four, name]), [""; 0]);
        // Far from the bound, and no value at all.
        let far = [json!(99), json!("a")];
        let absent = [json!(1), json!(null)];
        let weaker = |check: &str, weaker: &str, rule: &str| {
            format!(
                "check `{check}` could expect {weaker} instead of {rule}, and no wrong answer would notice: add one that does, or say in `why` why there is none"
            )
        };
        assert_eq!(
            judged(&[zero, far, absent]),
            [
                weaker("count", "at most 4", "at most 3"),
                weaker("name", "any value", "\"a\""),
            ]
        );
    }

    #[test]
    fn a_time_that_a_check_must_hold_needs_an_answer_after_which_it_ends() {
        let one = exercise(
            "
      - id: count
        redis: { service: redis, command: [GET, count] }
        expect: { not_equals: 3 }
        holds_for: 5s
",
        );
        let judged = |held: Option<Duration>| {
            let mut recording = recording(&one, &[json!(3)]);
            recording.observations[0].held = held;
            texts(&unnoticed(one.checks(), &[recording]).1)
        };
        assert_eq!(judged(Some(Duration::from_secs(1))), [""; 0]);
        assert_eq!(
            judged(None),
            [
                "check `count` could do without `holds_for`, and no wrong answer would notice: add one after which it passes only for a while, or say in `why` why there is none"
            ]
        );
    }

    #[test]
    fn too_few_right_answers_fail_only_a_strict_test() {
        let finding = right_answers(1, None).unwrap();
        assert_eq!(finding.weight, Weight::Note);
        assert!(right_answers(2, None).is_none());
    }
}
