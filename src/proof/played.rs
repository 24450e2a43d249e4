//! Describes what the checks of an exercise saw after an answer, for the author of the lab.

use serde_json::Value;

use crate::event::{CheckView, FieldView, HintView, Outcome, PlayedAnswer};
use crate::lab::{Check, CheckRole, Exercise};
use crate::localized;
use crate::proof::answer::Answer;
use crate::proof::judge::Finding;
use crate::proof::recording::{Observation, Recording};

/// Describes an answer that was played; without an answer, the exercise before anything was done.
pub fn played(
    exercise: &Exercise,
    answer: Option<&Answer<'_>>,
    recording: Option<&Recording>,
    finding: Option<&Finding>,
) -> PlayedAnswer {
    let place = finding.and_then(|finding| finding.place.as_ref());
    let place = place.filter(|place| place.line > 0);
    let checks = exercise.checks().iter();
    let observations = recording.map_or(&[][..], |recording| &recording.observations);
    PlayedAnswer {
        exercise: exercise.id.to_string(),
        answer: match answer {
            Some(answer) => answer.name.localized(),
            None => localized!("before anything was done"),
        },
        name: answer.map(|answer| answer.id.clone()),
        passed: recording.is_some_and(Recording::passed),
        as_expected: finding.is_none(),
        problem: finding.map(|finding| finding.reason.localized()),
        file: place.map(|place| place.file.display().to_string()),
        line: place.map(|place| place.line),
        hint: recording.and_then(|recording| recording.hint().map(str::to_owned)),
        checks: checks
            .zip(observations)
            .map(|(check, observation)| view(check, observation))
            .collect(),
    }
}

fn view(check: &Check, observation: &Observation) -> CheckView {
    let actual = observation.actual.as_ref();
    let error = actual.and_then(|actual| actual.error.as_ref());
    let error = match &observation.result.outcome {
        Outcome::ProbeError { reason } => Some(reason.clone()),
        Outcome::Pass | Outcome::Fail { .. } => error.map(ToString::to_string),
    };
    let fields = match (&observation.expect, actual) {
        (Some(expect), Some(actual)) => expect.fields(actual),
        _ => Vec::new(),
    };
    let mut fields: Vec<FieldView> = fields
        .into_iter()
        .map(|(expects, holds)| FieldView {
            expects: expects.localized(),
            holds,
        })
        .collect();
    if observation.expect.is_none() {
        let before = observation.baseline.as_ref();
        fields.push(FieldView {
            expects: match before {
                Some(before) => localized!(
                    "as when the exercise began: {value}",
                    value = before.text().localized()
                ),
                None => localized!("as when the exercise began"),
            },
            holds: observation.passed(),
        });
    }
    CheckView {
        check: check.id.to_string(),
        guard: check.role == CheckRole::Guard,
        passed: observation.passed(),
        saw: actual.map_or(Value::Null, |actual| actual.value.clone()),
        status: actual.and_then(|actual| actual.status),
        success: actual.is_some_and(|actual| actual.success),
        error,
        fields,
        hints: check
            .hints
            .iter()
            .map(|hint| HintView {
                hint: hint.say.clone(),
                when: hint.when.text().localized(),
                holds: actual.is_some_and(|actual| hint.when.holds(actual)),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::CheckResult;
    use crate::expect::{Actual, Words};
    use crate::lab::testing::exercise;

    const CHECKS: &str = "
      - id: count
        redis: { service: redis, command: [GET, count] }
        expect: { at_least: 1, at_most: 3 }
        hints: [ { when: { equals: 8 }, say: eight }, { when: { at_least: 4 }, say: many } ]
";

    #[test]
    fn every_field_and_every_hint_holds_or_not() {
        let exercise = exercise(CHECKS);
        let check = &exercise.checks()[0];
        let actual = Actual::value(json!(9));
        let recording = Recording {
            observations: vec![Observation {
                result: CheckResult {
                    check: "count".to_owned(),
                    role: check.role,
                    about: String::new(),
                    outcome: Outcome::Fail {
                        expected: "at most 3".to_owned(),
                        actual: "9".to_owned(),
                        hint: Some("many".to_owned()),
                    },
                    words: Words::default(),
                },
                expect: Some(check.step.expect.clone()),
                actual: Some(actual),
                baseline: None,
                held: None,
            }],
        };
        let played = played(&exercise, None, Some(&recording), None);
        assert!(!played.passed && played.as_expected);
        assert_eq!(played.hint.as_deref(), Some("many"));
        let view = &played.checks[0];
        assert_eq!(view.saw, json!(9));
        let fields: Vec<_> = view
            .fields
            .iter()
            .map(|field| (field.expects.as_str(), field.holds))
            .collect();
        assert_eq!(fields, [("at least 1", true), ("at most 3", false)]);
        let hints: Vec<_> = view
            .hints
            .iter()
            .map(|hint| (hint.hint.as_str(), hint.holds))
            .collect();
        assert_eq!(hints, [("eight", false), ("many", true)]);
    }
}
