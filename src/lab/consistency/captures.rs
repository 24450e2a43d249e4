//! Checks that captured values are used only where they are filled in: in later steps of the same list.

use std::collections::BTreeSet;

use crate::lab::model::{Lab, Task};
use crate::lab::steps::{Measurement, Step, references};
use crate::lab::yaml::Problems;
use crate::problem::Problem;
use crate::text;

/// Checks every list of steps of a lab.
pub(crate) fn check(lab: &Lab, problems: &mut Problems) {
    let lists = lists(lab);
    let names: BTreeSet<&str> = lists
        .iter()
        .flatten()
        .filter_map(|step| captured(step))
        .collect();
    if names.is_empty() {
        return;
    }
    for list in &lists {
        let mut filled = BTreeSet::new();
        for step in list {
            check_probe(step, &names, &filled, problems);
            check_expectation(step, &names, problems);
            filled.extend(captured(step));
        }
    }
    for check in lab.exercises.iter().flat_map(|exercise| exercise.checks()) {
        let texts = check.hints.iter().flat_map(|hint| hint.when.texts());
        report_in_matcher(&check.step, texts, &names, problems);
    }
}

fn captured(step: &Step) -> Option<&str> {
    step.capture.as_ref().map(|capture| capture.name.as_str())
}

/// Returns the lists of steps that run together.
fn lists(lab: &Lab) -> Vec<Vec<&Step>> {
    let mut lists: Vec<Vec<&Step>> = vec![lab.start.iter().collect(), lab.health.iter().collect()];
    for exercise in &lab.exercises {
        let measured = exercise.measure.iter().flat_map(Measurement::steps);
        lists.extend(measured.map(|step| vec![step]));
        lists.push(exercise.prepare.iter().collect());
        let Task::Practical {
            checks,
            solution,
            right,
            wrong,
        } = &exercise.task
        else {
            continue;
        };
        lists.push(checks.iter().map(|check| &check.step).collect());
        lists.push(solution.iter().collect());
        lists.extend(right.iter().map(|answer| answer.steps.iter().collect()));
        lists.extend(wrong.iter().map(|answer| answer.steps.iter().collect()));
    }
    lists
}

fn check_probe(
    step: &Step,
    names: &BTreeSet<&str>,
    filled: &BTreeSet<&str>,
    problems: &mut Problems,
) {
    let references = step.act.references();
    let missing = references
        .iter()
        .filter(|name| names.contains(name.as_str()) && !filled.contains(name.as_str()));
    for name in missing {
        let what = text!("`${{{name}}}` is not captured before this step", name);
        let help = text!(
            "add `capture: {name}` to an earlier step of the same list; the lists of an exercise do not share captures",
            name
        );
        problems.push(Problem::new(what).at(step.place.clone()).help(help));
    }
}

fn check_expectation(step: &Step, names: &BTreeSet<&str>, problems: &mut Problems) {
    report_in_matcher(step, step.expect.texts().into_iter(), names, problems);
}

fn report_in_matcher<'t>(
    step: &Step,
    texts: impl Iterator<Item = &'t str>,
    names: &BTreeSet<&str>,
    problems: &mut Problems,
) {
    let used: BTreeSet<String> = texts.flat_map(references).collect();
    for name in used.iter().filter(|name| names.contains(name.as_str())) {
        let what = text!("`${{{name}}}` is not filled in in a matcher", name);
        let help = text!(
            "use it in the probe, for example as a condition of its query, and compare with a fixed value"
        );
        problems.push(Problem::new(what).at(step.place.clone()).help(help));
    }
}
