//! Checks that each guide has what the lab requires: sections, descriptions, hints and valid templates.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::consistency::Broken;
use crate::lab::guide::{Guide, Section};
use crate::lab::id::ExerciseId;
use crate::lab::lang::Lang;
use crate::lab::model::{Lab, Quiz, Task, WrongAnswer};
use crate::lab::rendering::render;
use crate::lab::steps::Check;
use crate::lab::template::{Addresses, ServiceAddress, render_url};
use crate::lab::yaml::Problems;
use crate::problem::{Place, Problem, suggestion};
use crate::text;
use crate::text::Text;

/// The fewest ordered hints of an exercise with checks.
const MIN_HINTS: usize = 2;

/// Checks every guide of a lab.
pub(crate) fn check(lab: &Lab, broken: &Broken, problems: &mut Problems) {
    let addresses = example_addresses(lab, problems);
    for guide in lab.guides.values() {
        check_sections(lab, broken, guide, problems);
        check_same_as_english(lab, guide, problems);
        check_templates(lab, broken, guide, &addresses, problems);
    }
}

/// Checks that a guide has one section for each exercise, and no others.
fn check_sections(lab: &Lab, broken: &Broken, guide: &Guide, problems: &mut Problems) {
    for exercise in &lab.exercises {
        let id = &exercise.id;
        if broken.has_exercise(id) || guide.broken.contains(id) {
            continue;
        }
        let Some(section) = guide.sections.get(id) else {
            let what = text!("missing section for exercise `{id}`", id);
            let help = text!("add a heading such as `## Title {{#{id}}}`", id);
            let place = Place::file(&guide.file);
            problems.push(Problem::new(what).at(place).help(help));
            continue;
        };
        let mut reporter = Reporter {
            place: guide.place(section.line),
            problems,
        };
        match &exercise.task {
            Task::Practical { checks, wrong, .. } => {
                check_practical(id, section, checks, wrong, &mut reporter);
            }
            Task::Quiz(quiz) => check_quiz(id, section, quiz, &mut reporter),
        }
    }
    for (id, section) in &guide.sections {
        if lab.exercise(id).is_none() && !broken.has_exercise(id) {
            let known = lab.exercises.iter().map(|exercise| exercise.id.as_str());
            let what = text!("no such exercise in lab.yaml: `{id}`", id);
            let place = guide.place(section.line);
            let help = suggestion(id.as_str(), known);
            problems.push(Problem::new(what).at(place).help(help));
        }
    }
}

/// Reports problems of one section at its heading.
struct Reporter<'a> {
    place: Place,
    problems: &'a mut Problems,
}

impl Reporter<'_> {
    fn report(&mut self, what: Text, help: Text) {
        let problem = Problem::new(what).at(self.place.clone()).help(help);
        self.problems.push(problem);
    }
}

fn check_practical(
    id: &ExerciseId,
    section: &Section,
    checks: &[Check],
    wrong: &[WrongAnswer],
    reporter: &mut Reporter<'_>,
) {
    let known: BTreeSet<&str> = checks.iter().map(|check| check.id.as_str()).collect();
    for check in known
        .iter()
        .filter(|check| !section.checks.contains_key(**check))
    {
        reporter.report(
            text!(
                "missing description of check `{check}` of exercise `{id}`",
                check,
                id
            ),
            text!(
                "add ``- `{check}`: …`` below the heading with `{{.checks}}`",
                check
            ),
        );
    }
    for check in section
        .checks
        .keys()
        .filter(|check| !known.contains(check.as_str()))
    {
        reporter.report(
            text!("no such check in exercise `{id}`: `{check}`", id, check),
            text!("remove its description, or add the check to lab.yaml"),
        );
    }
    if section.hints.len() < MIN_HINTS {
        reporter.report(
            text!(
                "exercise `{id}` has {count} of at least {min} ordered hints",
                id,
                count = section.hints.len(),
                min = MIN_HINTS
            ),
            text!("add `### Hint {{.hint}}`"),
        );
    }
    let hints = checks.iter().flat_map(|check| &check.hints);
    let hints = hints.map(|hint| hint.say.as_str());
    let hints = hints.chain(wrong.iter().filter_map(|wrong| wrong.hint.as_deref()));
    check_named_hints(section, &hints.collect(), reporter);
}

fn check_quiz(id: &ExerciseId, section: &Section, quiz: &Quiz, reporter: &mut Reporter<'_>) {
    for choice in quiz
        .choices
        .iter()
        .filter(|choice| !section.choices.contains_key(*choice))
    {
        reporter.report(
            text!(
                "missing description of choice `{choice}` of exercise `{id}`",
                choice,
                id
            ),
            text!(
                "add ``- `{choice}`: …`` below the heading with `{{.choices}}`",
                choice
            ),
        );
    }
    let hints = quiz.hints.values().map(String::as_str).collect();
    check_named_hints(section, &hints, reporter);
}

/// Checks that a section has exactly the named hints that lab.yaml refers to.
fn check_named_hints(section: &Section, used: &BTreeSet<&str>, reporter: &mut Reporter<'_>) {
    for name in used
        .iter()
        .filter(|name| !section.named_hints.contains_key(**name))
    {
        reporter.report(
            text!("missing hint `{name}`", name),
            text!("add `### Title {{.hint #{name}}}`", name),
        );
    }
    for name in section
        .named_hints
        .keys()
        .filter(|name| !used.contains(name.as_str()))
    {
        reporter.report(
            text!("unused hint `{name}`", name),
            text!("refer to it in `hints` of a check in lab.yaml, or remove it"),
        );
    }
}

/// Checks that a translation has as many ordered hints as the English guide, and `.after` in the same sections.
fn check_same_as_english(lab: &Lab, guide: &Guide, problems: &mut Problems) {
    let english = lab.guides.get(&Lang::english());
    let Some(english) = english.filter(|english| english.file != guide.file) else {
        return;
    };
    for (id, section) in &guide.sections {
        let Some(original) = english.sections.get(id) else {
            continue;
        };
        let place = guide.place(section.line);
        let (expected, actual) = (original.hints.len(), section.hints.len());
        // Too few hints are reported already, in the language that lacks them.
        let min = match lab.exercise(id).map(|exercise| &exercise.task) {
            Some(Task::Practical { .. }) => MIN_HINTS,
            Some(Task::Quiz(_)) | None => 0,
        };
        if expected != actual && expected.min(actual) >= min {
            let what = text!(
                "exercise `{id}` has {actual} ordered hints here, but {expected} in English",
                id,
                actual,
                expected
            );
            problems.push(Problem::new(what).at(place.clone()));
        }
        let what = match (original.after.is_some(), section.after.is_some()) {
            (true, false) => text!(
                "exercise `{id}` has a section `.after` in English, but not here",
                id
            ),
            (false, true) => text!(
                "exercise `{id}` has a section `.after` here, but not in English",
                id
            ),
            (true, true) | (false, false) => continue,
        };
        problems.push(Problem::new(what).at(place));
    }
}

/// Returns addresses such as those of a running lab, to check the names in templates.
fn example_addresses(lab: &Lab, problems: &mut Problems) -> Addresses {
    let mut addresses = BTreeMap::new();
    for service in lab.services.values() {
        let ports = service.ports.iter();
        let mut address = ServiceAddress {
            host: "127.0.0.1".to_owned(),
            ports: ports.map(|port| (port.container, port.container)).collect(),
            first: service.ports.first().map(|port| port.container),
            url: None,
            container: service.name.to_string(),
        };
        if let Some(template) = &service.interface.url {
            match render_url(template, &lab.vars, &address) {
                Ok(url) => address.url = Some(url),
                Err(error) => problems.push(error.problem().at(service.place.clone())),
            }
        }
        addresses.insert(service.name.clone(), address);
    }
    addresses
}

/// Checks that all names in a guide are known.
fn check_templates(
    lab: &Lab,
    broken: &Broken,
    guide: &Guide,
    addresses: &Addresses,
    problems: &mut Problems,
) {
    // The names of a service that could not be read are unknown, but not wrong.
    if !broken.services.is_empty() {
        return;
    }
    for template in guide.templates() {
        if let Err(error) = render(&template.markdown, lab, addresses) {
            let place = guide.place(template.line + error.line - 1);
            problems.push(error.problem().at(place));
        }
    }
}
