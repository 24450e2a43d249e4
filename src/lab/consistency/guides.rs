//! Checks that each guide has what the lab requires: sections, descriptions, hints and valid templates.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::consistency::Broken;
use crate::lab::guide::{Class, Guide, Section, Template, WideCode, wide_code};
use crate::lab::id::ExerciseId;
use crate::lab::lang::Lang;
use crate::lab::model::{Exercise, Lab, Task};
use crate::lab::rendering::{render, template_errors};
use crate::lab::steps::Check;
use crate::lab::template::{Addresses, ServiceAddress, render_url};
use crate::lab::yaml::{Kind, Node, Problems};
use crate::problem::{Code, Place, Problem, ProblemKind, code_list, nearest, suggestion};
use crate::text;
use crate::text::Text;

/// The fewest ordered hints of an exercise with checks.
const MIN_HINTS: usize = 2;

/// Checks every guide of a lab; `exercises` are the nodes of its exercises, in order.
pub(crate) fn check(lab: &Lab, broken: &Broken, exercises: &[Node], problems: &mut Problems) {
    let addresses = example_addresses(lab, problems);
    let misspelt = find_misspelt(lab, broken, exercises, problems);
    for guide in lab.guides.values() {
        check_sections(lab, broken, &misspelt, guide, problems);
        check_same_as_english(lab, guide, problems);
        check_values(lab, broken, guide, problems);
        check_templates(lab, broken, guide, &addresses, problems);
    }
}

/// Names that are misspelt in lab.yaml and reported there, each with the name that the guides have.
#[derive(Debug, Default)]
struct Misspelt {
    exercises: BTreeMap<ExerciseId, ExerciseId>,
    /// By exercise and name.
    hints: BTreeMap<(ExerciseId, String), String>,
    /// Checks and choices, by exercise and name.
    items: BTreeMap<(ExerciseId, String), String>,
}

impl Misspelt {
    /// Returns the section of an exercise.
    fn section<'a>(&self, guide: &'a Guide, exercise: &ExerciseId) -> Option<&'a Section> {
        let id = self.exercises.get(exercise).unwrap_or(exercise);
        guide.sections.get(id)
    }

    /// Returns the names of the hints that an exercise refers to, as the guides should have them.
    fn hints<'a>(&'a self, exercise: &'a Exercise) -> BTreeSet<&'a str> {
        let names = hint_references(exercise).into_iter();
        let corrected = names.map(|name| {
            let key = (exercise.id.clone(), name.to_owned());
            self.hints.get(&key).map_or(name, String::as_str)
        });
        corrected.collect()
    }

    /// Returns the checks or choices of an exercise, as the guides should have them.
    fn items<'a>(&'a self, exercise: &ExerciseId, names: &[&'a str]) -> Vec<&'a str> {
        let corrected = names.iter().map(|name| {
            let key = (exercise.clone(), (*name).to_owned());
            self.items.get(&key).map_or(*name, String::as_str)
        });
        corrected.collect()
    }
}

/// Finds and reports what is misspelt in lab.yaml: no guide has the name, but all have the same one that is close.
fn find_misspelt(
    lab: &Lab,
    broken: &Broken,
    exercises: &[Node],
    problems: &mut Problems,
) -> Misspelt {
    let mut misspelt = Misspelt::default();
    for (exercise, node) in lab.exercises.iter().zip(exercises) {
        if broken.has_exercise(&exercise.id) {
            continue;
        }
        if let Some(id) = similar_section(lab, &exercise.id) {
            let place = node.child("id").unwrap_or(node).place();
            let what = text!("no such exercise in the guides: `{id}`", id = exercise.id);
            problems.push(misspelt_problem(what, id.as_str()).at(place));
            misspelt.exercises.insert(exercise.id.clone(), id);
        }
        let guides = lab.guides.values();
        let sections = guides.filter_map(|guide| misspelt.section(guide, &exercise.id));
        let sections: Vec<&Section> = sections.filter(|section| !section.broken).collect();
        let nodes = hint_nodes(node, exercise);
        for (name, similar) in misspelt_hints(exercise, &sections) {
            let place = nodes.get(name).unwrap_or(&node).place();
            let what = text!("no such hint in the guides: `{name}`", name);
            problems.push(misspelt_problem(what, similar).at(place));
            let key = (exercise.id.clone(), name.to_owned());
            misspelt.hints.insert(key, similar.to_owned());
        }
        for items in [Items::Checks, Items::Choices] {
            let nodes = items.nodes(node);
            for (name, similar) in misspelt_items(exercise, items, &sections) {
                let is_named = |node: &&Node| node.as_string().as_deref() == Some(name);
                let named = nodes.iter().copied().find(is_named);
                let place = named.unwrap_or(node).place();
                let what = match items {
                    Items::Choices => text!("no such choice in the guides: `{name}`", name),
                    Items::Checks | Items::Measured => {
                        text!("no such check in the guides: `{name}`", name)
                    }
                };
                problems.push(misspelt_problem(what, similar).at(place));
                let key = (exercise.id.clone(), name.to_owned());
                misspelt.items.insert(key, similar.to_owned());
            }
        }
    }
    misspelt
}

/// Returns the checks or choices that are misspelt in lab.yaml, each with the name that all guides have. With one guide, that one may
/// be wrong.
fn misspelt_items<'a>(
    exercise: &'a Exercise,
    items: Items,
    sections: &[&'a Section],
) -> Vec<(&'a str, &'a str)> {
    let Some(first) = sections.first().filter(|_| sections.len() > 1) else {
        return Vec::new();
    };
    let known = items.of(exercise);
    let having = |name: &str| {
        let sections = sections.iter();
        let described = sections.filter(|section| items.described(section).contains_key(name));
        described.count()
    };
    let unknown = known.iter().copied().filter(|name| having(name) == 0);
    let with_similar = unknown.filter_map(|name| {
        let names = items.described(first).keys().map(String::as_str);
        let common = names.filter(|other| having(other) == sections.len());
        let undeclared = common.filter(|other| !known.contains(other));
        Some((name, nearest(name, undeclared)?))
    });
    with_similar.collect()
}

fn misspelt_problem(what: Text, similar: &str) -> Problem {
    let help = text!("did you mean `{candidate}`?", candidate = similar);
    Problem::new(what).code(Code::UnknownName).help(help)
}

/// Returns the section that all guides have for an exercise under a similar id. With one guide, that one may be wrong.
fn similar_section(lab: &Lab, exercise: &ExerciseId) -> Option<ExerciseId> {
    let having = |id: &ExerciseId| {
        let guides = lab.guides.values();
        guides
            .filter(|guide| guide.sections.contains_key(id))
            .count()
    };
    if lab.guides.len() < 2 || having(exercise) > 0 {
        return None;
    }
    let ids = lab.guides.values().next()?.sections.keys();
    let unknown = ids.filter(|id| lab.exercise(id).is_none() && having(id) == lab.guides.len());
    let similar = nearest(exercise.as_str(), unknown.map(ExerciseId::as_str))?;
    ExerciseId::new(similar).ok()
}

/// Returns the names of hints that are misspelt in lab.yaml, each with the one that all sections have. Of two names, the one
/// that is written more often is right.
fn misspelt_hints<'a>(
    exercise: &'a Exercise,
    sections: &[&'a Section],
) -> BTreeMap<&'a str, &'a str> {
    let Some(first) = sections.first() else {
        return BTreeMap::new();
    };
    let having = |name: &str| {
        let sections = sections.iter();
        sections
            .filter(|section| section.named_hints.contains_key(name))
            .count()
    };
    let references = hint_references(exercise);
    let uses = |name: &str| references.iter().filter(|other| **other == name).count();
    let unknown = references.iter().copied();
    let unknown = unknown.filter(|name| having(name) == 0 && uses(name) <= sections.len());
    let with_similar = unknown.filter_map(|name| {
        let names = first.named_hints.keys().map(String::as_str);
        let common = names.filter(|other| having(other) == sections.len());
        Some((name, nearest(name, common)?))
    });
    with_similar.collect()
}

/// Returns the names of hints that an exercise refers to, each as often as it does.
fn hint_references(exercise: &Exercise) -> Vec<&str> {
    match &exercise.task {
        Task::Practical { checks, wrong, .. } => {
            let hints = checks.iter().flat_map(|check| &check.hints);
            let hints = hints.map(|hint| hint.say.as_str());
            let of_answers = wrong.iter().filter_map(|wrong| wrong.hint.as_deref());
            hints.chain(of_answers).collect()
        }
        Task::Quiz(quiz) => quiz.hints.values().map(String::as_str).collect(),
    }
}

/// Returns the nodes in which an exercise of lab.yaml refers to hints, by name. Of several with one name, it is the first.
fn hint_nodes<'a>(node: &'a Node, exercise: &Exercise) -> BTreeMap<String, &'a Node> {
    let keys = match &exercise.task {
        Task::Practical { .. } => vec!["say", "hint"],
        Task::Quiz(quiz) => quiz.hints.keys().map(String::as_str).collect(),
    };
    let mut found = BTreeMap::new();
    collect_values(node, &keys, &mut found);
    found
}

/// Collects the nodes that one of the keys has, at any depth, by their values.
fn collect_values<'a>(node: &'a Node, keys: &[&str], found: &mut BTreeMap<String, &'a Node>) {
    match &node.kind {
        Kind::List(items) => items
            .iter()
            .for_each(|item| collect_values(item, keys, found)),
        Kind::Map(entries) => {
            for (key, child) in entries {
                let key = key.as_string().unwrap_or_default();
                match child.as_string().filter(|_| keys.contains(&key.as_str())) {
                    Some(value) => {
                        found.entry(value).or_insert(child);
                    }
                    None => collect_values(child, keys, found),
                }
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => {}
    }
}

/// Checks that a guide has one section for each exercise, and no others.
fn check_sections(
    lab: &Lab,
    broken: &Broken,
    misspelt: &Misspelt,
    guide: &Guide,
    problems: &mut Problems,
) {
    // A missing section belongs below the one of the exercise before it, or below the introduction.
    let mut above = 1;
    for exercise in &lab.exercises {
        let id = &exercise.id;
        let section = misspelt.section(guide, id);
        above = section.map_or(above, |section| section.line);
        match section {
            Some(section) if section.broken || broken.has_exercise(id) => {}
            Some(section) => {
                let mut reporter = Reporter {
                    guide,
                    place: guide.place(section.line),
                    problems,
                };
                check_section(exercise, section, misspelt, &mut reporter);
            }
            None if broken.has_exercise(id) || may_have_section(lab, guide, id) => {}
            None => {
                let what = text!("missing section for exercise `{id}`", id);
                let help = text!("add a heading such as `## Title {{#{id}}}`", id);
                let problem = Problem::new(what).code(Code::GuideMismatch);
                problems.push(problem.at(guide.place(above)).help(help));
            }
        }
    }
    for (id, section) in &guide.sections {
        let is_reported = misspelt.exercises.values().any(|similar| similar == id);
        // With a broken exercise, its id may be the reason.
        if lab.exercise(id).is_none() && !is_reported && broken.exercises.is_empty() {
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

/// Returns whether a problem that is reported elsewhere may hide the section of an exercise: a heading with a mistake, or an id
/// that is misspelt.
fn may_have_section(lab: &Lab, guide: &Guide, exercise: &ExerciseId) -> bool {
    let ids = guide.sections.keys();
    let mut unknown = ids.filter(|id| lab.exercise(id).is_none());
    guide.unread || unknown.any(|id| nearest(id.as_str(), [exercise.as_str()]).is_some())
}

/// Reports problems of one section, at its heading or at a line of it.
struct Reporter<'a> {
    guide: &'a Guide,
    place: Place,
    problems: &'a mut Problems,
}

impl Reporter<'_> {
    fn report(&mut self, what: Text, help: Text) {
        self.report_at(None, what, help);
    }

    /// Reports a problem at a line of the guide, if it is known.
    fn report_at(&mut self, line: Option<usize>, what: Text, help: Text) {
        let place = line.map_or_else(|| self.place.clone(), |line| self.guide.place(line));
        let problem = Problem::new(what).at(place).help(help);
        self.problems.push(problem.code(Code::GuideMismatch));
    }
}

/// Checks that a section has what the exercise requires.
fn check_section(
    exercise: &Exercise,
    section: &Section,
    misspelt: &Misspelt,
    reporter: &mut Reporter<'_>,
) {
    let id = &exercise.id;
    check_measured(exercise, section, reporter);
    let checks = misspelt.items(id, &Items::Checks.of(exercise));
    check_items(id, section, &checks, Items::Checks, reporter);
    match &exercise.task {
        Task::Practical { .. } => {
            check_items(id, section, &[], Items::Choices, reporter);
            check_ordered_hints(id, section, reporter);
        }
        Task::Quiz(_) => {
            let choices = misspelt.items(id, &Items::Choices.of(exercise));
            check_items(id, section, &choices, Items::Choices, reporter);
        }
    }
    check_named_hints(section, &misspelt.hints(exercise), reporter);
}

fn check_ordered_hints(id: &ExerciseId, section: &Section, reporter: &mut Reporter<'_>) {
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
}

/// Checks that a section describes every measurement and every side once.
fn check_measured(exercise: &Exercise, section: &Section, reporter: &mut Reporter<'_>) {
    let known = Items::Measured.of(exercise);
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

impl Items {
    /// Returns the class of the heading above the list.
    fn class(self) -> Class {
        match self {
            Items::Checks => Class::Checks,
            Items::Choices => Class::Choices,
            Items::Measured => Class::Measure,
        }
    }

    /// Returns what a section describes, by name.
    fn described(self, section: &Section) -> &BTreeMap<String, String> {
        match self {
            Items::Checks => &section.checks,
            Items::Choices => &section.choices,
            Items::Measured => &section.measured,
        }
    }

    /// Returns the names that an exercise has of what a section describes.
    fn of(self, exercise: &Exercise) -> Vec<&str> {
        match (self, &exercise.task) {
            (Items::Checks, _) => {
                let checks = exercise.checks().iter();
                checks.map(|check| check.id.as_str()).collect()
            }
            (Items::Choices, Task::Quiz(quiz)) => quiz.choices.iter().map(String::as_str).collect(),
            (Items::Choices, Task::Practical { .. }) => Vec::new(),
            (Items::Measured, _) => {
                let mut known: Vec<&str> = Vec::new();
                for measurement in &exercise.measure {
                    let sides = measurement.sides.iter().map(|side| side.id.as_str());
                    known.push(measurement.id.as_str());
                    known.extend(sides);
                }
                known.sort_unstable();
                known.dedup();
                known
            }
        }
    }

    /// Returns the nodes in which an exercise of lab.yaml names its checks or choices.
    fn nodes(self, exercise: &Node) -> Vec<&Node> {
        let list = match self {
            Items::Checks => exercise.child("checks"),
            Items::Choices => exercise
                .child("quiz")
                .and_then(|quiz| quiz.child("choices")),
            Items::Measured => None,
        };
        match list.map(|list| &list.kind) {
            Some(Kind::List(items)) => {
                let named = items.iter().map(|item| item.child("id").unwrap_or(item));
                named.collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Checks that a section describes exactly the checks or choices of lab.yaml. One that is misspelt is one problem.
fn check_items(
    id: &ExerciseId,
    section: &Section,
    known: &[&str],
    items: Items,
    reporter: &mut Reporter<'_>,
) {
    let heading = section.heading_lines.get(&items.class()).copied();
    if heading.is_none() {
        if !known.is_empty() {
            report_missing_list(id, section, known, items.class(), reporter);
        }
        return;
    }
    let described = items.described(section);
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
        let help = match take_nearest(name, &mut missing) {
            Some(candidate) => text!("did you mean `{candidate}`?", candidate),
            None => text!("remove its description, or add it to lab.yaml"),
        };
        reporter.report_at(section.item_lines.get(name).copied(), what, help);
    }
    for name in missing {
        let what = match items {
            Items::Checks => text!(
                "missing description of check `{name}` of exercise `{id}`",
                name,
                id
            ),
            Items::Choices => text!(
                "missing description of choice `{name}` of exercise `{id}`",
                name,
                id
            ),
            Items::Measured => text!(
                "missing description of measurement or side `{name}` of exercise `{id}`",
                name,
                id
            ),
        };
        let help = text!(
            "add ``- `{name}`: …`` below the heading with `{{.{class}}}`",
            name,
            class = items.class().name()
        );
        reporter.report_at(heading, what, help);
    }
}

/// Reports that a section has no list of some class: at the heading of the list, if the section has one without its class.
fn report_missing_list(
    id: &ExerciseId,
    section: &Section,
    known: &[&str],
    class: Class,
    reporter: &mut Reporter<'_>,
) {
    let list = section.line_of_list(known);
    let heading = list.and_then(|line| reporter.guide.heading_above(line));
    let heading = heading.filter(|line| *line != section.line);
    let class = class.name();
    let what = text!(
        "no heading of exercise `{id}` has the class `.{class}`",
        id,
        class
    );
    let help = match heading {
        Some(_) => text!("add `{{.{class}}}` to this heading", class),
        None => text!(
            "add `### Title {{.{class}}}`, and below it ``- `ID`: …`` for each of {names}",
            class,
            names = code_list(known)
        ),
    };
    reporter.report_at(heading, what, help);
}

/// Removes and returns the nearest of the names that are missing, if one is close enough.
fn take_nearest<'a>(name: &str, missing: &mut Vec<&'a str>) -> Option<&'a str> {
    let candidate = nearest(name, missing.iter().copied())?;
    missing.retain(|missing| *missing != candidate);
    Some(candidate)
}

/// Checks that a section has exactly the named hints that lab.yaml refers to. One that is misspelt is one problem.
fn check_named_hints(section: &Section, used: &BTreeSet<&str>, reporter: &mut Reporter<'_>) {
    let mut missing: Vec<&str> = used.iter().copied().collect();
    missing.retain(|name| !section.named_hints.contains_key(*name));
    let names = section.named_hints.keys();
    for name in names.filter(|name| !used.contains(name.as_str())) {
        let what = text!("unused hint `{name}`", name);
        let help = match take_nearest(name, &mut missing) {
            Some(candidate) => text!("did you mean `{candidate}`?", candidate),
            None => text!("refer to it in `hints` of a check in lab.yaml, or remove it"),
        };
        reporter.report_at(section.item_lines.get(name).copied(), what, help);
    }
    for name in missing {
        reporter.report(
            text!("missing hint `{name}`", name),
            text!("add `### Title {{.hint #{name}}}`", name),
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
        let original = english.sections.get(id);
        let Some(original) = original.filter(|one| !one.broken && !section.broken) else {
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
                Err(error) => {
                    let place = service.interface.url_place.as_ref();
                    let place = place.unwrap_or(&service.place).clone();
                    problems.push(error.problem().at(place));
                }
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
