//! Checks that each guide has what the lab requires: sections, descriptions, hints and valid templates.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::consistency::Broken;
use crate::lab::guide::{Guide, Section, Template, WideCode, wide_code};
use crate::lab::id::ExerciseId;
use crate::lab::lang::Lang;
use crate::lab::model::{Exercise, Lab, Quiz, Task, WrongAnswer};
use crate::lab::rendering::{render, template_errors};
use crate::lab::steps::Check;
use crate::lab::template::{Addresses, ServiceAddress, render_url};
use crate::lab::yaml::Problems;
use crate::problem::{Code, Place, Problem, ProblemKind, nearest, suggestion};
use crate::text;
use crate::text::Text;

/// The fewest ordered hints of an exercise with checks.
const MIN_HINTS: usize = 2;

/// Checks every guide of a lab.
pub(crate) fn check(lab: &Lab, broken: &Broken, problems: &mut Problems) {
    let addresses = example_addresses(lab, problems);
    let unknown = check_hint_names(lab, broken, problems);
    for guide in lab.guides.values() {
        check_sections(lab, broken, &unknown, guide, problems);
        check_same_as_english(lab, guide, problems);
        check_values(lab, broken, guide, problems);
        check_templates(lab, broken, guide, &addresses, problems);
    }
}

/// Checks that a guide has one section for each exercise, and no others.
fn check_sections(
    lab: &Lab,
    broken: &Broken,
    unknown: &BTreeSet<String>,
    guide: &Guide,
    problems: &mut Problems,
) {
    for exercise in &lab.exercises {
        let id = &exercise.id;
        if broken.has_exercise(id) || guide.broken.contains(id) {
            continue;
        }
        let Some(section) = guide.sections.get(id) else {
            // A section whose id is misspelt is reported below.
            let mut others = guide
                .sections
                .keys()
                .filter(|other| lab.exercise(other).is_none());
            if others.any(|other| nearest(other.as_str(), [id.as_str()]).is_some()) {
                continue;
            }
            let what = text!("missing section for exercise `{id}`", id);
            let help = text!("add a heading such as `## Title {{#{id}}}`", id);
            let place = Place::file(&guide.file);
            problems.push(
                Problem::new(what)
                    .code(Code::GuideMismatch)
                    .at(place)
                    .help(help),
            );
            continue;
        };
        let mut reporter = Reporter {
            guide,
            unknown,
            place: guide.place(section.line),
            problems,
        };
        check_measured(exercise, section, &mut reporter);
        match &exercise.task {
            Task::Practical { checks, wrong, .. } => {
                check_practical(id, section, checks, wrong, &mut reporter);
            }
            Task::Quiz(quiz) => check_quiz(id, section, quiz, &mut reporter),
        }
    }
    for (id, section) in &guide.sections {
        // With a broken exercise, its id may be the reason.
        if lab.exercise(id).is_none() && broken.exercises.is_empty() {
            let known = lab.exercises.iter().map(|exercise| exercise.id.as_str());
            let what = text!("no such exercise in lab.yaml: `{id}`", id);
            let place = guide.place(section.line);
            let help = suggestion(id.as_str(), known);
            problems.push(
                Problem::new(what)
                    .code(Code::UnknownName)
                    .at(place)
                    .help(help),
            );
        }
    }
}

/// Reports problems of one section at its heading.
struct Reporter<'a> {
    guide: &'a Guide,
    place: Place,
    /// Names of hints that are reported in lab.yaml.
    unknown: &'a BTreeSet<String>,
    problems: &'a mut Problems,
}

impl Reporter<'_> {
    fn report(&mut self, what: Text, help: Text) {
        let problem = Problem::new(what).at(self.place.clone()).help(help);
        self.problems.push(problem.code(Code::GuideMismatch));
    }

    /// Reports a problem at a line of the guide, if it is known.
    fn report_at(&mut self, line: Option<&usize>, what: Text, help: Text) {
        let place = line.map_or_else(|| self.place.clone(), |line| self.guide.place(*line));
        let problem = Problem::new(what).at(place).help(help);
        self.problems.push(problem.code(Code::GuideMismatch));
    }
}

fn check_practical(
    id: &ExerciseId,
    section: &Section,
    checks: &[Check],
    wrong: &[WrongAnswer],
    reporter: &mut Reporter<'_>,
) {
    let known: Vec<&str> = checks.iter().map(|check| check.id.as_str()).collect();
    check_items(id, section, &known, Items::Checks, reporter);
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
    let known: Vec<&str> = quiz.choices.iter().map(String::as_str).collect();
    check_items(id, section, &known, Items::Choices, reporter);
    let hints = quiz.hints.values().map(String::as_str).collect();
    check_named_hints(section, &hints, reporter);
}

/// Checks that a section describes every measurement and every side once.
fn check_measured(exercise: &Exercise, section: &Section, reporter: &mut Reporter<'_>) {
    let mut known: Vec<&str> = Vec::new();
    for measurement in &exercise.measure {
        let sides = measurement.sides.iter().map(|side| side.id.as_str());
        known.push(measurement.id.as_str());
        known.extend(sides);
    }
    known.sort_unstable();
    known.dedup();
    check_items(&exercise.id, section, &known, Items::Measured, reporter);
}

/// What a section describes in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Items {
    Checks,
    Choices,
    /// Measurements and their sides.
    Measured,
}

/// Checks that a section describes exactly the checks or choices of lab.yaml. One that is misspelt is one problem.
fn check_items(
    id: &ExerciseId,
    section: &Section,
    known: &[&str],
    items: Items,
    reporter: &mut Reporter<'_>,
) {
    let described = match items {
        Items::Checks => &section.checks,
        Items::Choices => &section.choices,
        Items::Measured => &section.measured,
    };
    let mut missing: Vec<&str> = known.to_vec();
    missing.retain(|name| !described.contains_key(*name));
    for name in described
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
    {
        let what = match items {
            Items::Checks => text!("no such check in exercise `{id}`: `{name}`", id, name),
            Items::Choices => text!("no such choice in exercise `{id}`: `{name}`", id, name),
            Items::Measured => text!(
                "no such measurement or side in exercise `{id}`: `{name}`",
                id,
                name
            ),
        };
        let help = match nearest(name, missing.iter().copied()) {
            Some(candidate) => {
                missing.retain(|missing| *missing != candidate);
                text!("did you mean `{candidate}`?", candidate)
            }
            None => text!("remove its description, or add it to lab.yaml"),
        };
        reporter.report_at(section.item_lines.get(name), what, help);
    }
    for name in missing {
        let (what, class) = match items {
            Items::Checks => (
                text!(
                    "missing description of check `{name}` of exercise `{id}`",
                    name,
                    id
                ),
                "checks",
            ),
            Items::Choices => (
                text!(
                    "missing description of choice `{name}` of exercise `{id}`",
                    name,
                    id
                ),
                "choices",
            ),
            Items::Measured => (
                text!(
                    "missing description of measurement or side `{name}` of exercise `{id}`",
                    name,
                    id
                ),
                "measure",
            ),
        };
        let help = text!(
            "add ``- `{name}`: …`` below the heading with `{{.{class}}}`",
            name,
            class
        );
        reporter.report(what, help);
    }
}

/// Checks that a section has exactly the named hints that lab.yaml refers to. A name that no guide has is a problem of
/// lab.yaml, which `check_hint_names` reports.
fn check_named_hints(section: &Section, used: &BTreeSet<&str>, reporter: &mut Reporter<'_>) {
    for name in used.iter().filter(|name| {
        !section.named_hints.contains_key(**name) && !reporter.unknown.contains(**name)
    }) {
        reporter.report(
            text!("missing hint `{name}`", name),
            text!("add `### Title {{.hint #{name}}}`", name),
        );
    }
    let unused = section
        .named_hints
        .keys()
        .filter(|name| !used.contains(name.as_str()));
    for name in
        unused.filter(|name| nearest(name, reporter.unknown.iter().map(String::as_str)).is_none())
    {
        let what = text!("unused hint `{name}`", name);
        let help = text!("refer to it in `hints` of a check in lab.yaml, or remove it");
        reporter.report_at(section.item_lines.get(name), what, help);
    }
}

/// Reports names of hints in lab.yaml that are misspelt: no guide has them, but all have one that is close.
fn check_hint_names(lab: &Lab, broken: &Broken, problems: &mut Problems) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    for exercise in lab
        .exercises
        .iter()
        .filter(|one| !broken.has_exercise(&one.id))
    {
        let mut used: Vec<(&str, Option<&Place>)> = Vec::new();
        match &exercise.task {
            Task::Practical { checks, wrong, .. } => {
                for check in checks {
                    used.extend(
                        check
                            .hints
                            .iter()
                            .map(|hint| (hint.say.as_str(), Some(&check.step.place))),
                    );
                }
                for answer in wrong {
                    let place = answer.steps.first().map(|step| &step.place);
                    used.extend(answer.hint.as_deref().map(|hint| (hint, place)));
                }
            }
            Task::Quiz(_) => {}
        }
        let guides: Vec<&Section> = lab
            .guides
            .values()
            .filter_map(|guide| guide.sections.get(&exercise.id))
            .collect();
        for (name, place) in &used {
            // Distances are computed for the few names that no guide has only.
            let has = |section: &&Section| section.named_hints.contains_key(*name);
            if guides.iter().any(has) {
                continue;
            }
            let close = guides.first().and_then(|section| {
                let names = section.named_hints.keys().map(String::as_str);
                nearest(name, names).map(str::to_owned)
            });
            let (Some(close), Some(place)) = (close, place) else {
                continue;
            };
            if !unknown.insert((*name).to_owned()) {
                continue;
            }
            let what = text!("no such hint in the guides: `{name}`", name);
            let help = text!("did you mean `{candidate}`?", candidate = close);
            problems.push(
                Problem::new(what)
                    .code(Code::UnknownName)
                    .at((*place).clone())
                    .help(help),
            );
        }
    }
    unknown
}

/// Checks that a translation has as many ordered hints as the English guide, and `.after` in the same sections.
fn check_same_as_english(lab: &Lab, guide: &Guide, problems: &mut Problems) {
    let english = lab.guides.get(&Lang::english());
    let Some(english) = english.filter(|english| english.file != guide.file) else {
        return;
    };
    for (id, section) in &guide.sections {
        if guide.broken.contains(id) || english.broken.contains(id) {
            continue;
        }
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
            problems.push(
                Problem::new(what)
                    .code(Code::GuideMismatch)
                    .at(place.clone()),
            );
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
        problems.push(Problem::new(what).code(Code::GuideMismatch).at(place));
    }
}

/// Checks that every value that a guide names is one that a check knows: one that its matcher or its hints compare with, or a
/// text in its probe.
fn check_values(lab: &Lab, broken: &Broken, guide: &Guide, problems: &mut Problems) {
    let known = |check: &Check, value: &str| {
        let hints = check.hints.iter().map(|hint| &hint.when);
        let mut matchers = hints.chain([&check.step.expect]);
        matchers.any(|matcher| matcher.mentions(value))
            || check.step.act.has_text(&|text| text.contains(value))
    };
    let mut report = |value: &str, line: usize, what: Text| {
        let exercises = lab.exercises.iter();
        let checks = exercises.flat_map(Exercise::checks);
        let texts: Vec<&str> = checks.flat_map(known_texts).collect();
        let help = suggestion(value, texts.iter().copied());
        let problem = Problem::new(what).code(Code::UnknownName);
        problems.push(problem.at(guide.place(line)).help(help));
    };
    // What is named for all may belong to an exercise that could not be read.
    for (value, line) in &guide.value_lines {
        let mut checks = lab.exercises.iter().flat_map(Exercise::checks);
        if broken.exercises.is_empty() && !checks.any(|check| known(check, value)) {
            let what = text!("no check compares with the value `{value}`", value);
            report(value, *line, what);
        }
    }
    for (id, section) in &guide.sections {
        let Some(exercise) = lab.exercise(id).filter(|_| !broken.has_exercise(id)) else {
            continue;
        };
        for (value, line) in &section.value_lines {
            if !exercise.checks().iter().any(|check| known(check, value)) {
                let what = text!(
                    "no check of exercise `{id}` compares with the value `{value}`",
                    id,
                    value
                );
                report(value, *line, what);
            }
        }
    }
}

/// Returns the texts that a check and its hints compare with.
fn known_texts(check: &Check) -> Vec<&str> {
    let hints = check.hints.iter().map(|hint| &hint.when);
    let matchers = hints.chain([&check.step.expect]);
    matchers.flat_map(|matcher| matcher.texts()).collect()
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

/// Checks that all names in a guide are known, and that code can be read.
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
        let errors = template_errors(&template.markdown, lab, addresses);
        let has_errors = !errors.is_empty();
        for error in errors {
            let place = guide.place(template.line + error.line - 1);
            problems.push(error.problem().at(place));
        }
        if !has_errors && let Ok(text) = render(&template.markdown, lab, addresses) {
            note_wide_code(&text, template, guide, problems);
        }
    }
}

/// Notes each block of code that a small terminal breaks in the middle of a line, so that it cannot be copied.
fn note_wide_code(text: &str, template: &Template, guide: &Guide, problems: &mut Problems) {
    /// The columns of a small terminal without the indentation of code.
    const LIMIT: usize = 76;
    for WideCode { line, width } in wide_code(text, LIMIT) {
        let what = text!(
            "a line of code is {width} columns wide: a terminal of 80 columns breaks it in the middle",
            width
        );
        let help = text!("keep code within {limit} columns", limit = LIMIT);
        let place = guide.place(template.line + line);
        let problem = Problem::new(what).kind(ProblemKind::Note).at(place);
        problems.push(problem.help(help));
    }
}
