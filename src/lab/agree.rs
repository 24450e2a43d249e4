//! Do a lab's files agree? Services that steps name, sections that guides owe, hints that checks point to, cycles.

use std::collections::BTreeMap;

use crate::lab::fields::Problems;
use crate::lab::guide::{Guide, Section};
use crate::lab::model::{Exercise, Lab, Task};
use crate::lab::step::{Act, Step};
use crate::lab::template::{Addresses, ServiceAddress, render, url};
use crate::lab::{Presence, ServiceName};
use crate::problem::{Place, Problem, suggestion};

/// The fewest ordered hints of an exercise with checks.
const FEWEST_HINTS: usize = 2;

/// Compares everything with everything; `exercises` are the places of the lab's exercises, in order.
pub(crate) fn check(lab: &Lab, place: &Place, exercises: &[Place], problems: &mut Problems) {
    services_of_steps(lab, problems);
    optional_services(lab, exercises, problems);
    cycle(lab, problems);
    for (exercise, place) in lab.exercises.iter().zip(exercises) {
        guards_are_broken(exercise, place, problems);
    }
    let addresses = pretend_addresses(lab, problems);
    for guide in lab.guides.values() {
        guide_has_all(lab, guide, problems);
        templates(lab, guide, &addresses, problems);
    }
    if lab.exercises.is_empty() {
        problems.push(Problem::new("this lab has no exercise").at(place.clone()));
    }
}

/// Every step of a lab, wherever it stands.
fn all_steps(lab: &Lab) -> impl Iterator<Item = &Step> {
    let exercises = lab
        .exercises
        .iter()
        .flat_map(|exercise| match &exercise.task {
            Task::Deed {
                checks,
                solution,
                wrong,
            } => {
                let wrong = wrong.iter().flat_map(|wrong| &wrong.steps);
                let steps = checks
                    .iter()
                    .map(|check| &check.step)
                    .chain(solution)
                    .chain(wrong);
                steps.collect::<Vec<_>>()
            }
            Task::Quiz(_) => Vec::new(),
        });
    lab.start.iter().chain(&lab.health).chain(exercises)
}

fn services_of_steps(lab: &Lab, problems: &mut Problems) {
    let known: Vec<&str> = lab.services.keys().map(ServiceName::as_str).collect();
    for step in all_steps(lab) {
        let place = || step.place.clone();
        let Some(name) = step.act.service() else {
            if lab.workspace.is_none() {
                let help = "add `workspace`, or name the `service` whose file it is";
                problems.push(
                    Problem::new("this lab has no workspace for this file")
                        .at(place())
                        .help(help),
                );
            }
            continue;
        };
        let Some(service) = lab.services.get(name) else {
            let help = suggestion(name.as_str(), known.iter().copied());
            problems.push(
                Problem::new(format!("there is no service `{name}`"))
                    .at(place())
                    .help(help),
            );
            continue;
        };
        let port = match &step.act {
            Act::Http(probe) => probe.port,
            Act::Tcp(probe) => probe.port,
            _ => None,
        };
        let published = |port: u16| service.ports.iter().any(|p| p.container == port);
        let needs_port = !matches!(
            step.act,
            Act::Exec(_) | Act::Log(_) | Act::File(_) | Act::Restart(_)
        );
        if port.is_some_and(|port| !published(port)) || (needs_port && service.ports.is_empty()) {
            let what = match port {
                Some(port) => format!("service `{name}` does not publish port {port}"),
                None => format!("service `{name}` publishes no port to ask it at"),
            };
            problems.push(
                Problem::new(what)
                    .at(place())
                    .help("add the port to its `ports` in compose.yaml"),
            );
        }
        let needs_url = matches!(step.act, Act::Sql(_) | Act::Mongo(_) | Act::Amqp(_));
        if needs_url && service.talk.url.is_none() {
            let help = "add `url` to the service's `x-roadlab`";
            problems.push(
                Problem::new(format!("service `{name}` has no url to connect with"))
                    .at(place())
                    .help(help),
            );
        }
    }
}

fn optional_services(lab: &Lab, exercises: &[Place], problems: &mut Problems) {
    let optional = |name: &ServiceName| {
        lab.services
            .get(name)
            .is_some_and(|s| s.talk.presence == Presence::Optional)
    };
    for (exercise, place) in lab.exercises.iter().zip(exercises) {
        for name in exercise
            .needs_service
            .iter()
            .filter(|name| !lab.services.contains_key(name))
        {
            let help = suggestion(
                name.as_str(),
                lab.services
                    .keys()
                    .map(ServiceName::as_str)
                    .collect::<Vec<_>>()
                    .iter()
                    .copied(),
            );
            problems.push(
                Problem::new(format!("there is no service `{name}`"))
                    .at(place.clone())
                    .help(help),
            );
        }
        let checks = exercise
            .checks()
            .iter()
            .filter_map(|check| check.step.act.service());
        let undeclared =
            checks.filter(|name| optional(name) && !exercise.needs_service.contains(name));
        if let Some(name) = undeclared.into_iter().next() {
            let help = format!("add `needs_service: [{name}]`");
            let what = format!(
                "exercise `{}` checks the optional service `{name}`",
                exercise.id
            );
            problems.push(Problem::new(what).at(place.clone()).help(help));
        }
    }
}

/// `depends_on` must not go in a circle.
fn cycle(lab: &Lab, problems: &mut Problems) {
    fn visit<'a>(
        lab: &'a Lab,
        name: &'a ServiceName,
        trail: &mut Vec<&'a ServiceName>,
        done: &mut Vec<&'a ServiceName>,
    ) -> Option<Vec<&'a ServiceName>> {
        if let Some(at) = trail.iter().position(|seen| *seen == name) {
            return Some(trail[at..].to_vec());
        }
        if done.contains(&name) {
            return None;
        }
        trail.push(name);
        let service = lab.services.get(name);
        let found = service
            .into_iter()
            .flat_map(|s| s.depends_on.keys())
            .find_map(|next| visit(lab, next, trail, done));
        trail.pop();
        done.push(name);
        found
    }
    let mut done = Vec::new();
    for (name, service) in &lab.services {
        if let Some(circle) = visit(lab, name, &mut Vec::new(), &mut done) {
            let names: Vec<&str> = circle
                .iter()
                .chain(circle.first())
                .map(|name| name.as_str())
                .collect();
            let place = circle
                .first()
                .and_then(|name| lab.services.get(name))
                .unwrap_or(service)
                .place
                .clone();
            let what = format!(
                "services depend on one another in a circle: {}",
                names.join(" → ")
            );
            problems.push(
                Problem::new(what)
                    .at(place)
                    .help("remove one of the `depends_on`"),
            );
            return;
        }
    }
}

fn guards_are_broken(exercise: &Exercise, place: &Place, problems: &mut Problems) {
    let Task::Deed { checks, wrong, .. } = &exercise.task else {
        return;
    };
    for wrong in wrong {
        let unknown = wrong
            .check
            .as_deref()
            .filter(|id| !checks.iter().any(|check| check.id.as_str() == *id));
        if let Some(id) = unknown {
            let help = suggestion(
                id,
                checks
                    .iter()
                    .map(|c| c.id.as_str())
                    .collect::<Vec<_>>()
                    .iter()
                    .copied(),
            );
            problems.push(
                Problem::new(format!("there is no check `{id}`"))
                    .at(place.clone())
                    .help(help),
            );
        }
    }
    if checks
        .iter()
        .all(|check| check.role == crate::lab::CheckRole::Guard)
        && !checks.is_empty()
    {
        let what = format!(
            "exercise `{}` has only guards, so it would count as solved from the start",
            exercise.id
        );
        problems.push(Problem::new(what).at(place.clone()));
    }
}

fn guide_has_all(lab: &Lab, guide: &Guide, problems: &mut Problems) {
    let at = |line: usize| Place {
        line,
        column: 1,
        ..Place::file(&guide.file)
    };
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
            Task::Deed { checks, wrong, .. } => {
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
    let said: std::collections::BTreeSet<&str> = said.collect();
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
        .get(&crate::lab::Lang::english())
        .filter(|english| english.file != guide.file)
    else {
        return;
    };
    for (id, section) in &guide.sections {
        let Some(original) = english.sections.get(id) else {
            continue;
        };
        let place = Place {
            line: section.line,
            column: 1,
            ..Place::file(&guide.file)
        };
        if original.hints.len() != section.hints.len() {
            let what = format!(
                "`{id}` has {} ordered hints here and {} in English",
                section.hints.len(),
                original.hints.len()
            );
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
        if let Some(template) = &service.talk.url {
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
        if let Err((line, reason)) = render(&text.markdown, &lab.id, &lab.vars, addresses) {
            let place = Place {
                line: text.line + line - 1,
                column: 1,
                ..Place::file(&guide.file)
            };
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
