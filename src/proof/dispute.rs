//! A disputed verdict: what a learner's checks saw, in a file that an author can judge without an engine.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::expect::{Actual, Parts, Snapshot};
use crate::lab::{Check, Draw, Exercise, Secrecy, Unchanged};
use crate::proof::recording::{Observation, Recording};
use crate::text::Text;
use crate::{hex, text};

/// The version of the file.
pub const DISPUTE_VERSION: u32 = 1;

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// Parts of the names of fields whose values are secrets, in lower case.
const SECRET_NAMES: [&str; 6] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "authorization",
];

/// The file of `roadlab dispute`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dispute {
    pub version: u32,
    /// The version of roadlab.
    pub roadlab: String,
    pub lab: String,
    /// The SHA-256 of the lab's files.
    pub digest: String,
    /// The image of each service, by the service's name.
    pub images: BTreeMap<String, String>,
    pub exercise: String,
    /// The draw of the random values, if the lab has any.
    #[serde(default)]
    pub draw: Option<Draw>,
    /// What the learner writes about it.
    pub message: Option<String>,
    /// Whether the exercise passes.
    pub passed: bool,
    /// Whether roadlab played the solution of the exercise.
    pub solution_played: bool,
    pub observations: Vec<DisputedObservation>,
    /// The files of the workspace that the learner changed, with their text; null for one that was removed.
    pub files: BTreeMap<String, Option<String>>,
    /// The last lines that were typed into the clients of services, by service.
    pub typed: BTreeMap<String, Vec<String>>,
}

/// What one check saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DisputedObservation {
    pub check: String,
    /// The step of the check, for people.
    pub step: String,
    /// The SHA-256 of the step, to find out whether it has changed since.
    pub step_digest: String,
    /// `pass`, `fail` or `unseen`, as in `roadlab check --json`.
    pub outcome: String,
    /// What was expected and what was there, for people.
    pub expected: Option<String>,
    pub actual: Option<String>,
    pub hint: Option<String>,
    /// What the probe returned; null for a secret, or if it could not run.
    pub value: Option<Actual>,
    /// What the check saw when the exercise began, if it compares with that.
    pub baseline: Option<Actual>,
    /// Whether the value is left out because it is a secret of the lab.
    pub secret: bool,
}

/// What a check of the lab decides now about an observation of a dispute.
#[derive(Debug, Clone)]
pub struct CaseVerdict {
    pub check: String,
    /// The outcome when it was recorded; `None` if the check was not recorded.
    pub then: Option<String>,
    pub now: CaseOutcome,
    /// Whether the step of the check has changed since, so that it may see something else.
    pub step_changed: bool,
}

/// What a check decides about a recorded value.
#[derive(Debug, Clone)]
pub enum CaseOutcome {
    Pass,
    Fail {
        expected: Text,
        actual: Text,
        hint: Option<String>,
    },
    /// It cannot be decided, for this reason.
    Unknown(Text),
}

/// Returns the observations of a recording without secrets, for a file.
pub fn disputed(recording: &Recording, checks: &[Check]) -> Vec<DisputedObservation> {
    let mut secrets = Vec::new();
    for observation in &recording.observations {
        let values = observation.actual.iter().chain(&observation.baseline);
        values.for_each(|actual| collect_secrets(&actual.value, &mut secrets));
    }
    let observations = recording.observations.iter().zip(checks);
    let disputed = observations.map(|(observation, check)| of(observation, check, &secrets));
    disputed.collect()
}

fn of(observation: &Observation, check: &Check, secrets: &[String]) -> DisputedObservation {
    let outcome = &observation.result.outcome;
    let secret = check.secrecy == Secrecy::Hidden;
    let shown = |text: &str| (!secret).then(|| without(text, secrets));
    let value = |actual: &Option<Actual>| {
        let actual = actual.clone().filter(|_| !secret)?;
        let mut value = actual.value.clone();
        hide(&mut value, secrets);
        Some(Actual { value, ..actual })
    };
    DisputedObservation {
        check: check.id.to_string(),
        step: without(&check.step.act.to_string(), secrets),
        step_digest: step_digest(check),
        outcome: outcome.name().to_owned(),
        expected: outcome.expected().and_then(shown),
        actual: outcome.actual().and_then(shown),
        hint: outcome.hint().map(str::to_owned),
        value: value(&observation.actual),
        baseline: value(&observation.baseline),
        secret,
    }
}

fn step_digest(check: &Check) -> String {
    hex::encode(&Sha256::digest(format!("{:?}", check.step.act)))
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// Collects the texts of fields with the name of a secret, such as an access token that a check got.
fn collect_secrets(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if is_secret_name(name) && !text.is_empty() => {
                        secrets.push(text.clone());
                    }
                    value => collect_secrets(value, secrets),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_secrets(item, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn hide(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => *text = without(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|item| hide(item, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn without(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret.as_str(), HIDDEN)
    })
}

/// Returns the lines that were typed into a client, but for those with a secret.
pub fn typed_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let lines = lines.into_iter().map(str::trim_end);
    let shown = lines.filter(|line| {
        let lower = line.to_lowercase();
        !line.is_empty() && !lower.starts_with("auth ") && !is_secret_name(&lower)
    });
    shown.map(str::to_owned).collect()
}

/// Judges the observations of a dispute by the checks of the lab as they are now.
pub fn judge_case(dispute: &Dispute, exercise: &Exercise) -> Vec<CaseVerdict> {
    let checks = exercise.checks().iter();
    let verdicts = checks.map(|check| {
        let mut observations = dispute.observations.iter();
        let observation = observations.find(|of| of.check == check.id.as_str());
        let now = match observation {
            None => CaseOutcome::Unknown(text!("the check was added later")),
            Some(observation) => decide(check, observation),
        };
        CaseVerdict {
            check: check.id.to_string(),
            then: observation.map(|of| of.outcome.clone()),
            now,
            step_changed: observation.is_some_and(|of| of.step_digest != step_digest(check)),
        }
    });
    verdicts.collect()
}

fn decide(check: &Check, observation: &DisputedObservation) -> CaseOutcome {
    if observation.secret {
        return CaseOutcome::Unknown(text!("the value is a secret, which the file does not have"));
    }
    let Some(actual) = &observation.value else {
        let reason = observation.actual.clone().unwrap_or_default();
        return CaseOutcome::Unknown(text!("the probe could not run: {reason}", reason));
    };
    if let Some(unchanged) = &check.unchanged {
        return decide_unchanged(unchanged, actual, observation.baseline.as_ref());
    }
    match check.step.expect.evaluate(actual) {
        Ok(()) => CaseOutcome::Pass,
        Err(mismatch) => {
            let hint = check.hints.iter().find(|hint| hint.when.holds(actual));
            CaseOutcome::Fail {
                expected: mismatch.expected,
                actual: mismatch.actual,
                hint: hint.map(|hint| hint.say.clone()),
            }
        }
    }
}

fn decide_unchanged(
    unchanged: &Unchanged,
    actual: &Actual,
    baseline: Option<&Actual>,
) -> CaseOutcome {
    let Some(before) = baseline else {
        return CaseOutcome::Unknown(text!(
            "the file does not have what the check saw when the exercise began"
        ));
    };
    let parts = match &unchanged.path {
        Some(path) => Parts::Paths(vec![path]),
        None => Parts::Whole,
    };
    match Snapshot::of(actual).same(&Snapshot::of(before), &parts) {
        true => CaseOutcome::Pass,
        false => CaseOutcome::Fail {
            expected: before.text(),
            actual: actual.text(),
            hint: None,
        },
    }
}

/// Returns an entry for `trial.yaml` with what is known of the answer.
pub fn trial_entry(dispute: &Dispute) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let kind = if dispute.passed { "wrong" } else { "right" };
    let name = dispute.message.as_deref().unwrap_or("disputed answer");
    let mut entry = format!(
        "{}:\n  {kind}:\n    - name: {}\n      do:\n",
        dispute.exercise,
        quoted(name)
    );
    let mut steps = 0;
    for (path, text) in &dispute.files {
        // Writing to a String cannot fail.
        let _ = match text {
            Some(text) => writeln!(
                entry,
                "        - file: {{ path: {}, write: {} }}",
                quoted(path),
                quoted(text)
            ),
            None => writeln!(
                entry,
                "        - file: {{ path: {}, remove: true }}",
                quoted(path)
            ),
        };
        steps += 1;
    }
    for (service, lines) in &dispute.typed {
        let input = lines.join("\n") + "\n";
        let _ = writeln!(
            entry,
            "        - client: {{ service: {service}, input: {} }}",
            quoted(&input)
        );
        steps += 1;
    }
    if steps == 0 {
        entry.push_str("        - {}   # the steps of the answer\n");
    }
    entry
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::{CheckResult, Outcome};
    use crate::lab::testing::exercise;

    const CHECKS: &str = "
      - id: login
        redis: { service: redis, command: [HGETALL, login] }
        expect: { path: $.access_token, exists: true }
      - id: answer
        secret: true
        redis: { service: redis, command: [GET, answer] }
        expect: { equals: seven }
      - id: name
        redis: { service: redis, command: [GET, name] }
        expect: { equals: a }
";

    fn observation(value: Value, outcome: Outcome) -> Observation {
        Observation {
            result: CheckResult {
                check: String::new(),
                role: crate::lab::CheckRole::Goal,
                about: String::new(),
                outcome,
                words: crate::expect::Words::default(),
            },
            actual: Some(Actual::value(value)),
            held: None,
            expect: None,
            baseline: None,
        }
    }

    fn dispute(exercise: &Exercise) -> Dispute {
        let fail = Outcome::Fail {
            expected: "\"a\"".to_owned(),
            actual: "\"key-4711\"".to_owned(),
            hint: None,
        };
        let hidden = Outcome::Fail {
            expected: "hidden".to_owned(),
            actual: "hidden".to_owned(),
            hint: None,
        };
        let recording = Recording {
            observations: vec![
                observation(json!({ "access_token": "key-4711" }), Outcome::Pass),
                observation(json!("eight"), hidden),
                observation(json!("key-4711"), fail),
            ],
        };
        Dispute {
            version: DISPUTE_VERSION,
            roadlab: "0.0.0".to_owned(),
            lab: "x".to_owned(),
            digest: String::new(),
            images: BTreeMap::new(),
            exercise: "one".to_owned(),
            draw: None,
            message: Some("it is \"right\"".to_owned()),
            passed: false,
            solution_played: false,
            observations: disputed(&recording, exercise.checks()),
            files: BTreeMap::from([("a.yml".to_owned(), Some("x: 1\n".to_owned()))]),
            typed: BTreeMap::from([("redis".to_owned(), vec!["SET name a".to_owned()])]),
        }
    }

    #[test]
    fn secrets_of_the_lab_and_of_its_services_are_left_out() {
        let dispute = dispute(&exercise(CHECKS));
        let text = serde_json::to_string(&dispute).unwrap();
        for secret in ["key-4711", "eight", "seven"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(dispute.observations[1].secret);
        let again: Dispute = serde_json::from_str(&text).unwrap();
        assert_eq!(again, dispute);
    }

    #[test]
    fn typed_secrets_are_left_out() {
        let lines = ["AUTH kim pw", "SET a 1", "", "CREATE USER x PASSWORD 'y'"];
        assert_eq!(typed_lines(lines), ["SET a 1"]);
    }

    #[test]
    fn recorded_values_are_judged_by_the_checks_as_they_are_now() {
        let dispute = dispute(&exercise(CHECKS));
        let judged = |checks: &str| {
            let verdicts = judge_case(&dispute, &exercise(checks)).into_iter();
            let verdicts = verdicts.map(|verdict| {
                let now = match &verdict.now {
                    CaseOutcome::Pass => "pass".to_owned(),
                    CaseOutcome::Fail { actual, .. } => format!("fail {actual:?}"),
                    CaseOutcome::Unknown(reason) => format!("{reason:?}"),
                };
                let changed = if verdict.step_changed {
                    ", changed"
                } else {
                    ""
                };
                format!("{}: {now}{changed}", verdict.check)
            });
            verdicts.collect::<Vec<_>>()
        };
        let secret = "answer: \"the value is a secret, which the file does not have\"";
        let fails = "name: fail \"\\\"(hidden)\\\"\"";
        assert_eq!(judged(CHECKS), ["login: pass", secret, fails]);
        let accepts = CHECKS.replace("equals: a", "exists: true");
        let accepts = accepts.replace("[GET, name]", "[GET, title]");
        assert_eq!(judged(&accepts)[2], "name: pass, changed");
        let added = CHECKS.replace("id: name", "id: other");
        assert_eq!(judged(&added)[2], "other: \"the check was added later\"");
    }

    #[test]
    fn an_entry_for_the_trial_has_what_is_known_of_the_answer() {
        let entry = trial_entry(&dispute(&exercise(CHECKS)));
        insta::assert_snapshot!(entry, @r#"
        one:
          right:
            - name: "it is \"right\""
              do:
                - file: { path: "a.yml", write: "x: 1\n" }
                - client: { service: redis, input: "SET name a\n" }
        "#);
    }
}
