//! What the checks of exercises saw after steps that were played before, so that what changes only the judgement of an answer,
//! such as a matcher or a hint, needs no answer to be played again.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::event::Outcome;
use crate::expect::Actual;
use crate::lab::{Exercise, ExerciseId, Lab, Lang, Step, StepKind};
use crate::proof::Recording;
use crate::runner::check_results::ComparedChecks;
use crate::runner::proof::recorder::recording;
use crate::store::Baseline;

/// What was seen in a lab that is up. It must be forgotten when a service or a file of the lab changes, but for the files that
/// describe exercises.
#[derive(Debug, Default)]
pub struct SeenAnswers {
    exercises: BTreeMap<ExerciseId, SeenExercise>,
}

#[derive(Debug, Default)]
struct SeenExercise {
    setting: String,
    answers: BTreeMap<(Playing, String), SeenAnswer>,
}

/// What was seen after an answer.
#[derive(Debug)]
struct SeenAnswer {
    /// What the probe of each check returned.
    actuals: Vec<Actual>,
    /// What the checks saw when the exercise began.
    baseline: Option<Baseline>,
    /// How long each step took, if that is asked for.
    took: Vec<Duration>,
}

/// How steps were played, since the exercise began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Playing {
    /// Up to the end: each did what it should.
    Complete,
    /// Up to the end, twice.
    Twice,
    /// Also after one that failed, and without all patience.
    LeftOut,
}

/// Steps that were played.
pub(super) struct PlayedSteps<'a> {
    pub(super) playing: Playing,
    pub(super) steps: &'a [&'a Step],
    pub(super) baseline: Option<&'a Baseline>,
    pub(super) took: &'a [Duration],
}

impl SeenAnswers {
    pub fn forget_all(&mut self) {
        self.exercises.clear();
    }

    /// Returns whether an exercise was played, and its checks look at the same as then.
    pub fn knows(&self, lab: &Lab, exercise: &Exercise) -> bool {
        let known = self.exercises.get(&exercise.id);
        known.is_some_and(|known| known.setting == setting(lab, exercise))
    }

    /// Returns whether an exercise was played, and its checks would look at something else now: what it builds on has changed.
    pub fn is_outdated(&self, lab: &Lab, exercise: &Exercise) -> bool {
        self.exercises.contains_key(&exercise.id) && !self.knows(lab, exercise)
    }

    /// Judges what was seen after these steps, by the checks as they are now; `None` if it is not known. Returns how long the
    /// steps took, too.
    pub(super) fn recall(
        &self,
        lab: &Lab,
        exercise: &Exercise,
        (playing, steps): (Playing, &[&Step]),
    ) -> Option<(Recording, Vec<Duration>)> {
        let known = self.exercises.get(&exercise.id);
        let known = known.filter(|known| known.setting == setting(lab, exercise))?;
        let seen = known.answers.get(&(playing, steps_text(steps)))?;
        let compared = ComparedChecks {
            exercise,
            section: lab.section(&exercise.id, &Lang::english()),
            baseline: seen.baseline.as_ref(),
        };
        let result = compared.result_of(&seen.actuals);
        let recording = recording(exercise, result, seen.baseline.as_ref());
        Some((recording, seen.took.clone()))
    }

    /// Keeps what was seen after these steps, unless a check could not be probed or did not hold for as long as it must.
    pub(super) fn keep(
        &mut self,
        lab: &Lab,
        exercise: &Exercise,
        played: PlayedSteps<'_>,
        recording: &Recording,
    ) {
        let known = self.exercises.entry(exercise.id.clone()).or_default();
        let setting = setting(lab, exercise);
        if known.setting != setting {
            *known = SeenExercise {
                setting,
                ..SeenExercise::default()
            };
        }
        let observations = recording.observations.iter();
        let actuals = observations.map(|observation| {
            let failed = matches!(observation.result.outcome, Outcome::ProbeError { .. });
            let actual = observation.actual.clone();
            actual.filter(|_| !failed && observation.held.is_none())
        });
        if let Some(actuals) = actuals.collect() {
            let seen = SeenAnswer {
                actuals,
                baseline: played.baseline.cloned(),
                took: played.took.to_vec(),
            };
            let key = (played.playing, steps_text(played.steps));
            known.answers.insert(key, seen);
        }
    }
}

/// Returns everything but the answer that decides what the checks of an exercise see, in a form without places. What the checks
/// expect belongs to it only if one of them is waited for, is measured once the others pass, or captures a value.
fn setting(lab: &Lab, exercise: &Exercise) -> String {
    let mut text = String::new();
    for needed in lab.prerequisites(&exercise.id) {
        write_steps(needed.played_steps(), &mut text);
    }
    text.push_str("prepare:\n");
    write_steps(&exercise.prepare, &mut text);
    let checks = exercise.checks();
    let waits = checks.iter().any(|check| {
        let step = &check.step;
        let captures = step.capture.is_some();
        let is_ratio = matches!(step.act, StepKind::Ratio(_));
        captures || is_ratio || step.within.is_some() || step.holds_for.is_some()
    });
    for check in checks {
        let (step, unchanged) = (&check.step, check.unchanged.is_some());
        let probe = (
            &check.id,
            &step.act,
            step.timeout,
            &step.capture,
            &step.read_only,
        );
        // Writing to a String cannot fail.
        let _ = match waits {
            true => write!(
                text,
                "{probe:?}{:?}{:?}",
                (&check.unchanged, check.role, &step.expect, &check.hints),
                (step.within, step.holds_for)
            ),
            false => write!(text, "{probe:?}{unchanged}"),
        };
    }
    if waits {
        let sides = exercise.measure.iter().flat_map(|of| &of.sides);
        sides.for_each(|side| write_steps([&side.step], &mut text));
    }
    text
}

fn steps_text(steps: &[&Step]) -> String {
    let mut text = String::new();
    write_steps(steps.iter().copied(), &mut text);
    text
}

/// Writes what steps do and what each waits for.
fn write_steps<'a>(steps: impl IntoIterator<Item = &'a Step>, text: &mut String) {
    for step in steps {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:?}",
            (
                &step.act,
                &step.expect,
                (step.within, step.holds_for, step.timeout),
                &step.capture
            )
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::lab::load;
    use crate::lab::testing::{COMPOSE, GUIDE, LAB, files};

    /// Two exercises, of which the second needs the first.
    fn two(change: impl Fn(&str) -> String) -> Lab {
        let (head, one) = LAB.split_once("  - id: one\n").unwrap();
        let two = format!("  - id: two\n    needs: [one]\n{one}");
        let yaml = format!("{head}  - id: one\n{one}{}", change(&two));
        let (title, section) = GUIDE.split_once("## One {#one}").unwrap();
        let guide = format!("{title}## One {{#one}}{section}\n## Two {{#two}}{section}");
        let loaded = load(Path::new("labs/small"), &files(&yaml, COMPOSE, &guide));
        loaded.expect("the lab is sound").lab
    }

    fn second(lab: &Lab) -> &Exercise {
        &lab.exercises[1]
    }

    fn solution(exercise: &Exercise) -> Vec<&Step> {
        exercise.played_steps().collect()
    }

    fn complete<'a>(steps: &'a [&'a Step]) -> (Playing, &'a [&'a Step]) {
        (Playing::Complete, steps)
    }

    fn recorded(exercise: &Exercise, actual: Option<Actual>) -> Recording {
        let compared = ComparedChecks {
            exercise,
            section: &crate::lab::Section::default(),
            baseline: None,
        };
        let mut result = compared.result_of(&[Actual::value(Value::Null)]);
        result.actuals = vec![actual];
        recording(exercise, result, None)
    }

    /// Returns what is known of the second exercise after its solution, of which its check saw `b`.
    fn seen(lab: &Lab, actual: Option<Actual>) -> SeenAnswers {
        let exercise = second(lab);
        let mut seen = SeenAnswers::default();
        let played = PlayedSteps {
            playing: Playing::Complete,
            steps: &solution(exercise),
            baseline: None,
            took: &[Duration::from_millis(5)],
        };
        seen.keep(lab, exercise, played, &recorded(exercise, actual));
        seen
    }

    /// Returns whether the solution passes in the changed lab by what was seen in the lab as it was; `None` if it must be played.
    fn recalled(before: &Lab, now: &Lab) -> Option<bool> {
        let seen = seen(before, Some(Actual::value(json!("b"))));
        let recalled = seen.recall(now, second(now), complete(&solution(second(now))))?;
        assert_eq!(recalled.1, [Duration::from_millis(5)]);
        Some(recalled.0.passed())
    }

    #[test]
    fn what_a_check_expects_is_judged_by_what_it_saw() {
        let before = two(str::to_owned);
        assert_eq!(recalled(&before, &before), Some(true));
        let other = two(|text| text.replace("equals: b", "equals: c"));
        assert_eq!(recalled(&before, &other), Some(false));
        let below = two(|text| format!("  # a comment\n{text}"));
        assert_eq!(recalled(&before, &below), Some(true));
    }

    #[test]
    fn what_a_check_sees_after_other_steps_must_be_played() {
        let before = two(str::to_owned);
        for (from, to) in [
            ("command: [GET, a]", "command: [GET, b]"),
            ("command: [SET, a, b]", "command: [SET, a, d]"),
            (
                "    solution:",
                "    prepare: [ { redis: { service: redis, command: [DEL, b] } } ]\n    solution:",
            ),
        ] {
            let now = two(|text| text.replacen(from, to, 1));
            assert_eq!(recalled(&before, &now), None, "{to}");
        }
        // The solution of the exercise that it needs.
        let mut now = two(str::to_owned);
        let other = two(|text| text.replacen("[SET, a, b]", "[SET, a, d]", 1));
        now.exercises[0].task = other.exercises[1].task.clone();
        assert_eq!(recalled(&before, &now), None);
        let seen = seen(&before, Some(Actual::value(json!("b"))));
        let outdated = [&before, &now].map(|lab| seen.is_outdated(lab, second(lab)));
        assert_eq!(outdated, [false, true]);
        assert!(
            !seen.is_outdated(&now, &now.exercises[0]),
            "it was not played"
        );
    }

    #[test]
    fn a_check_that_is_waited_for_must_be_played_if_it_expects_something_else() {
        let waits = |text: &str| text.replace("{ equals: b }", "{ equals: b }\n        within: 2s");
        let before = two(waits);
        assert_eq!(recalled(&before, &before), Some(true));
        let now = two(|text| waits(text).replace("equals: b", "equals: c"));
        assert_eq!(recalled(&before, &now), None);
        let captures = |text: &str| {
            text.replace(
                "{ equals: b }",
                "{ equals: b }\n        capture: { name: one }",
            )
        };
        let before_capture = two(captures);
        assert_eq!(recalled(&before_capture, &before_capture), Some(true));
        let now = two(|text| captures(text).replace("equals: b", "equals: c"));
        assert_eq!(recalled(&before_capture, &now), None);
        assert_eq!(recalled(&two(str::to_owned), &before), None);
    }

    #[test]
    fn what_was_not_seen_or_is_forgotten_must_be_played() {
        let lab = two(str::to_owned);
        let exercise = second(&lab);
        let solution = solution(exercise);
        let recalled = |seen: &SeenAnswers, of| seen.recall(&lab, exercise, of).is_some();
        assert!(!recalled(&seen(&lab, None), complete(&solution)));
        let mut seen = seen(&lab, Some(Actual::value(json!("b"))));
        assert!(seen.knows(&lab, exercise));
        assert!(!recalled(&seen, complete(&[])));
        assert!(recalled(&seen, complete(&solution)));
        for other in [Playing::Twice, Playing::LeftOut] {
            assert!(!recalled(&seen, (other, &solution)), "{other:?}");
        }
        seen.forget_all();
        assert!(!seen.knows(&lab, exercise));
        assert!(!recalled(&seen, complete(&solution)));
    }
}
