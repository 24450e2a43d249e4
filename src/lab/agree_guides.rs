//! Do the guides agree with the lab? Sections, hints, choices that are owed, names in templates, the same in all languages.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::Lang;
use crate::lab::fields::Problems;
use crate::lab::guide::{Guide, Section};
use crate::lab::model::{Lab, Task};
use crate::lab::template::{Addresses, ServiceAddress, render, url};
use crate::problem::{Place, Problem, suggestion};

/// The fewest ordered hints of an exercise with checks.
const FEWEST_HINTS: usize = 2;

/// Compares every guide with the lab.
pub(crate) fn check(lab: &Lab, problems: &mut Problems) {
    let addresses = pretend_addresses(lab, problems);
    for guide in lab.guides.values() {
        guide_has_all(lab, guide, problems);
        templates(lab, guide, &addresses, problems);
    }
}

fn guide_has_all(lab: &Lab, guide: &Guide, problems: &mut Problems) {
    let at = |line: usize| guide.place(line);
    for exercise in &lab.exercises {
        let id = &exercise.id;
        let Some(section) = guide.sections.get(id) else {
            let help = format!("add `## Title {{#{id}}}`");
            let what = format!("this guide has no section for exercise `{id}`");
            problems.push(Problem::new(what).at(Place::file(&guide.file)).help(help));
            continue;
        };
        let mut owe = |what: String, help: String| {
            problems.push(Problem::new(what).at(at(section.line)).help(help));
        };
        match &exercise.task {
            Task::Practical { checks, wrong, .. } => {
                for check in checks
                    .iter()
                    .filter(|check| !section.checks.contains_key(check.id.as_str()))
                {
                    owe(
                        format!("`{id}` does not say what check `{}` looks for", check.id),
                        format!("add ``- `{}`: …`` below `{{.checks}}`", check.id),
                    );
                }
                for name in section
                    .checks
                    .keys()
                    .filter(|name| !checks.iter().any(|check| check.id.as_str() == *name))
                {
                    owe(
                        format!("`{id}` describes check `{name}`, which lab.yaml does not have"),
                        "remove the line".to_owned(),
                    );
                }
                if section.hints.len() < FEWEST_HINTS {
                    owe(
                        format!(
                            "`{id}` has {} of {FEWEST_HINTS} ordered hints",
                            section.hints.len()
                        ),
                        "add `### Hint {.hint}`".to_owned(),
                    );
                }
                let said = checks
                    .iter()
                    .flat_map(|check| &check.hints)
                    .map(|hint| hint.say.as_str());
                named_hints(
                    section,
                    said.chain(wrong.iter().filter_map(|w| w.hint.as_deref())),
                    &mut owe,
                );
            }
            Task::Quiz(quiz) => {
                for choice in quiz
                    .choices
                    .iter()
                    .filter(|choice| !section.choices.contains_key(*choice))
                {
                    owe(
                        format!("`{id}` does not describe choice `{choice}`"),
                        format!("add ``- `{choice}`: …`` below `{{.choices}}`"),
                    );
                }
                named_hints(section, quiz.hints.values().map(String::as_str), &mut owe);
            }
        }
    }
    for (id, section) in &guide.sections {
        if lab.exercise(id).is_none() {
            let help = suggestion(
                id.as_str(),
                lab.exercises
                    .iter()
                    .map(|e| e.id.as_str())
                    .collect::<Vec<_>>()
                    .iter()
                    .copied(),
            );
            problems.push(
                Problem::new(format!("lab.yaml has no exercise `{id}`"))
                    .at(at(section.line))
                    .help(help),
            );
        }
    }
    same_hints_in_all_languages(lab, guide, problems);
}

fn named_hints<'a>(
    section: &Section,
    said: impl Iterator<Item = &'a str>,
    owe: &mut impl FnMut(String, String),
) {
    let said: BTreeSet<&str> = said.collect();
    for name in said
        .iter()
        .filter(|name| !section.named_hints.contains_key(**name))
    {
        owe(
            format!("there is no hint `{name}` here"),
            format!("add `### Title {{.hint #{name}}}`"),
        );
    }
    for name in section
        .named_hints
        .keys()
        .filter(|name| !said.contains(name.as_str()))
    {
        owe(
            format!("nothing says hint `{name}`"),
            "point to it from a check's `hints`, or remove it".to_owned(),
        );
    }
}

/// A translation has as many ordered hints as the English guide, and an ending where it has one.
fn same_hints_in_all_languages(lab: &Lab, guide: &Guide, problems: &mut Problems) {
    let Some(english) = lab
        .guides
        .get(&Lang::english())
        .filter(|english| english.file != guide.file)
    else {
        return;
    };
    for (id, section) in &guide.sections {
        let Some(original) = english.sections.get(id) else {
            continue;
        };
        let place = guide.place(section.line);
        let (there, here) = (original.hints.len(), section.hints.len());
        // Fewer than are owed are told already, in whichever language they are missing.
        let owed = match lab.exercise(id).map(|exercise| &exercise.task) {
            Some(Task::Practical { .. }) => FEWEST_HINTS,
            Some(Task::Quiz(_)) | None => 0,
        };
        if there != here && there.min(here) >= owed {
            let what = format!("`{id}` has {here} ordered hints here and {there} in English");
            problems.push(Problem::new(what).at(place.clone()));
        }
        if original.after.is_some() != section.after.is_some() {
            problems.push(
                Problem::new(format!(
                    "`{id}` has an `.after` in only one of English and this language"
                ))
                .at(place),
            );
        }
    }
}

/// Addresses as they might be, to check the names that guides use.
fn pretend_addresses(lab: &Lab, problems: &mut Problems) -> Addresses {
    let mut addresses = BTreeMap::new();
    for service in lab.services.values() {
        let mut address = ServiceAddress {
            host: "127.0.0.1".to_owned(),
            ports: service
                .ports
                .iter()
                .map(|port| (port.container, port.container))
                .collect(),
            first: service.ports.first().map(|port| port.container),
            url: None,
            container: service.name.to_string(),
        };
        if let Some(template) = &service.interface.url {
            match url(template, &lab.vars, &address) {
                Ok(url) => address.url = Some(url),
                Err((_, reason)) => {
                    let what = format!("the url of service `{}`: {reason}", service.name);
                    let help = "names: host, port, ports[\"…\"], and the lab's vars";
                    problems.push(Problem::new(what).at(service.place.clone()).help(help));
                }
            }
        }
        addresses.insert(service.name.clone(), address);
    }
    addresses
}

fn templates(lab: &Lab, guide: &Guide, addresses: &Addresses, problems: &mut Problems) {
    for text in guide.texts() {
        if let Err((line, reason)) = render(&text.markdown, lab, addresses) {
            let place = guide.place(text.line + line - 1);
            let mut names: Vec<String> = lab
                .services
                .keys()
                .map(|name| format!("{}.url", name.as_str().replace('-', "_")))
                .collect();
            names.extend(lab.vars.keys().cloned());
            let help = format!("names here: lab, {}", names.join(", "));
            problems.push(
                Problem::new(format!("a `{{{{ … }}}}`: {reason}"))
                    .at(place)
                    .help(help),
            );
        }
    }
}
