//! Do a lab's files agree? Services that steps name, checks that wrong answers name, cycles.

use crate::lab::agree_guides;
use crate::lab::fields::Problems;
use crate::lab::model::{Exercise, Lab, Task};
use crate::lab::step::{Step, StepKind};
use crate::lab::{Presence, ServiceName};
use crate::problem::{Place, Problem, suggestion};

/// Compares everything with everything; `exercises` are the places of the lab's exercises, in order.
pub(crate) fn check(lab: &Lab, place: &Place, exercises: &[Place], problems: &mut Problems) {
    services_of_steps(lab, problems);
    optional_services(lab, exercises, problems);
    cycle(lab, problems);
    for (exercise, place) in lab.exercises.iter().zip(exercises) {
        guards_are_broken(exercise, place, problems);
    }
    agree_guides::check(lab, problems);
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
            Task::Practical {
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
                    .at(step.service_place.clone())
                    .help(help),
            );
            continue;
        };
        let port = match &step.act {
            StepKind::Http(probe) => probe.port,
            StepKind::Tcp(probe) => probe.port,
            _ => None,
        };
        let published = |port: u16| service.ports.iter().any(|p| p.container == port);
        let needs_port = !matches!(
            step.act,
            StepKind::Exec(_) | StepKind::Log(_) | StepKind::File(_) | StepKind::Restart(_)
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
        let needs_url = matches!(
            step.act,
            StepKind::Sql(_) | StepKind::Mongo(_) | StepKind::Amqp(_)
        );
        if needs_url && service.interface.url.is_none() {
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
            .is_some_and(|s| s.interface.presence == Presence::Optional)
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
    let Task::Practical { checks, wrong, .. } = &exercise.task else {
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
