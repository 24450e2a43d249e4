//! Checks that steps and exercises refer to existing services, that `depends_on` has no cycle, and that services have time for
//! their first health check.

use std::collections::BTreeMap;

use crate::lab::compose::inactive_but_used;
use crate::lab::consistency::Broken;
use crate::lab::id::ServiceName;
use crate::lab::model::{Lab, Task};
use crate::lab::service::{Presence, Service};
use crate::lab::size::parse_size;
use crate::lab::steps::{Fault, FaultKind, Measurement, Step, StepKind};
use crate::lab::yaml::Problems;
use crate::problem::{Code, Place, Problem, ProblemKind, suggestion};
use crate::text;

/// Checks a lab; `exercises` are the places of its exercises, in order.
pub(crate) fn check(lab: &Lab, broken: &Broken, exercises: &[Place], problems: &mut Problems) {
    for step in all_steps(lab) {
        let service = step.act.service();
        if !service.is_some_and(|name| broken.services.contains(name)) {
            check_step(lab, step, problems);
        }
    }
    check_needed_services(lab, broken, exercises, problems);
    check_cycles(lab.services.values(), problems);
    lab.services
        .values()
        .for_each(|service| note_late_health_check(service, problems));
}

/// Returns every step of a lab that is not in `x-roadlab`.
fn all_steps(lab: &Lab) -> impl Iterator<Item = &Step> {
    let exercises = lab
        .exercises
        .iter()
        .flat_map(|exercise| match &exercise.task {
            Task::Practical {
                checks,
                solution,
                right,
                wrong,
            } => {
                let right = right.iter().flat_map(|right| &right.steps);
                let wrong = wrong.iter().flat_map(|wrong| &wrong.steps);
                let checks = checks.iter().map(|check| &check.step);
                let answers = solution.iter().chain(right).chain(wrong);
                checks.chain(answers).collect::<Vec<_>>()
            }
            Task::Quiz(_) => Vec::new(),
        });
    let measured = lab.exercises.iter().flat_map(|exercise| &exercise.measure);
    let measured = measured.flat_map(Measurement::steps);
    let prepared = lab.exercises.iter().flat_map(|exercise| &exercise.prepare);
    let lab_steps = lab.start.iter().chain(&lab.health).chain(prepared);
    lab_steps.chain(exercises).chain(measured)
}

fn no_such_service(lab: &Lab, name: &ServiceName, place: &Place) -> Problem {
    if let Some(profiles) = lab.inactive.get(name) {
        return inactive_but_used(name, profiles.clone());
    }
    let known = lab.services.keys().map(ServiceName::as_str);
    let help = suggestion(name.as_str(), known);
    Problem::new(text!("no such service: `{name}`", name))
        .at(place.clone())
        .code(Code::UnknownName)
        .help(help)
}

/// Checks the service of a step, its ports and its address.
pub(crate) fn check_step(lab: &Lab, step: &Step, problems: &mut Problems) {
    let place = || step.place.clone();
    let Some(name) = step.act.service() else {
        if lab.workspace.is_none() && matches!(step.act, StepKind::File(_)) {
            let what = text!("this lab has no workspace for this file");
            let help =
                text!("add `workspace` to lab.yaml, or `service` to read a file in a container");
            problems.push(
                Problem::new(what)
                    .code(Code::UnreadableFile)
                    .at(place())
                    .help(help),
            );
        }
        return;
    };
    let Some(service) = lab.services.get(name) else {
        problems.push(no_such_service(lab, name, &step.service_place));
        return;
    };
    let port = match &step.act {
        StepKind::Http(probe) => probe.port,
        StepKind::Tcp(probe) => probe.port,
        _ => None,
    };
    let published = |port: u16| service.ports.iter().any(|p| p.container == port);
    let needs_port = !matches!(
        step.act,
        StepKind::Exec(_)
            | StepKind::Log(_)
            | StepKind::File(_)
            | StepKind::Restart(_)
            | StepKind::Fault(_)
            | StepKind::Client(_)
    );
    if matches!(step.act, StepKind::Client(_)) && service.interface.shell.is_none() {
        let what = text!("service `{name}` has no client", name);
        let help = text!("add `shell` to `x-roadlab` of the service");
        problems.push(
            Problem::new(what)
                .code(Code::UnknownName)
                .at(place())
                .help(help),
        );
    }
    let what = match port {
        Some(port) if !published(port) => Some(text!(
            "service `{name}` does not publish port {port}",
            name,
            port
        )),
        None if needs_port && service.ports.is_empty() => {
            Some(text!("service `{name}` publishes no port", name))
        }
        _ => None,
    };
    if let Some(what) = what {
        let help = text!("add the port to `ports` in compose.yaml");
        problems.push(Problem::new(what).code(Code::Port).at(place()).help(help));
    }
    if let StepKind::Fault(fault) = &step.act {
        check_disk(fault, service, step, problems);
    }
    let needs_url = matches!(
        step.act,
        StepKind::Sql(_) | StepKind::Mongo(_) | StepKind::Amqp(_)
    );
    if needs_url && service.interface.url.is_none() {
        let what = text!("service `{name}` has no `url` to connect to", name);
        let help = text!("add `url` to `x-roadlab` of the service");
        problems.push(Problem::new(what).at(place()).help(help));
    }
}

/// Checks that a disk which is filled is a file system in memory: it has a size, and it is not the machine's disk.
fn check_disk(fault: &Fault, service: &Service, step: &Step, problems: &mut Problems) {
    let (FaultKind::FillDisk(path) | FaultKind::FreeDisk(path)) = &fault.kind else {
        return;
    };
    let name = &service.name;
    let Some(options) = service.tmpfs.get(path) else {
        let what = text!("`{path}` is not a `tmpfs` of service `{name}`", path, name);
        let help = text!(
            "add `tmpfs: [\"{path}:size=64m\"]` to the service: only a disk with a size of its own can be filled",
            path
        );
        problems.push(Problem::new(what).at(step.place.clone()).help(help));
        return;
    };
    let size = options
        .split(',')
        .find_map(|option| option.strip_prefix("size="));
    let size = size.and_then(parse_size);
    if let Some((size, limit)) = size.zip(service.limits.memory)
        && fault.kind == FaultKind::FillDisk(path.clone())
        && size.saturating_mul(2) > limit
    {
        let what = text!(
            "the `tmpfs` at `{path}` may fill more than half of the memory of service `{name}`",
            path,
            name
        );
        let help = text!("give it a smaller `size`, or the service a larger `mem_limit`");
        problems.push(Problem::new(what).at(step.place.clone()).help(help));
    }
}

/// Checks `needs_service`: the services exist, and every optional service that is checked is named.
fn check_needed_services(lab: &Lab, broken: &Broken, exercises: &[Place], problems: &mut Problems) {
    let optional = |name: &ServiceName| {
        let service = lab.services.get(name);
        service.is_some_and(|service| service.interface.presence == Presence::Optional)
    };
    for (exercise, place) in lab.exercises.iter().zip(exercises) {
        let needed = exercise.needs_service.iter();
        let missing = |name: &&ServiceName| {
            !lab.services.contains_key(name) && !broken.services.contains(name)
        };
        for name in needed.filter(missing) {
            problems.push(no_such_service(lab, name, place));
        }
        let checks = exercise.checks().iter();
        let mut checked = checks.filter_map(|check| check.step.act.service());
        let undeclared =
            |name: &&ServiceName| optional(name) && !exercise.needs_service.contains(name);
        if let Some(name) = checked.find(undeclared) {
            let what = text!(
                "exercise `{id}` checks the optional service `{name}`",
                id = exercise.id,
                name
            );
            let help = text!("add `needs_service: [{name}]`", name);
            problems.push(Problem::new(what).at(place.clone()).help(help));
        }
    }
}

/// Checks that `depends_on` has no cycle. Only the first cycle is reported.
pub(crate) fn check_cycles<'a>(
    services: impl Iterator<Item = &'a Service>,
    problems: &mut Problems,
) {
    let services: BTreeMap<&ServiceName, &Service> =
        services.map(|service| (&service.name, service)).collect();
    let mut done = Vec::new();
    for (name, service) in &services {
        let Some(cycle) = find_cycle(&services, name, &mut Vec::new(), &mut done) else {
            continue;
        };
        let names = cycle.iter().chain(cycle.first());
        let names: Vec<&str> = names.map(|name| name.as_str()).collect();
        let first = cycle.first().and_then(|name| services.get(name));
        let what = text!("cycle in `depends_on`: {names}", names = names.join(" → "));
        let help = text!("remove one of these dependencies");
        let place = first.unwrap_or(service).place.clone();
        problems.push(Problem::new(what).code(Code::Order).at(place).help(help));
        return;
    }
}

fn find_cycle<'a>(
    services: &BTreeMap<&'a ServiceName, &'a Service>,
    name: &'a ServiceName,
    path: &mut Vec<&'a ServiceName>,
    done: &mut Vec<&'a ServiceName>,
) -> Option<Vec<&'a ServiceName>> {
    if let Some(at) = path.iter().position(|visited| *visited == name) {
        return Some(path[at..].to_vec());
    }
    if done.contains(&name) {
        return None;
    }
    path.push(name);
    let service = services.get(name).copied();
    let found = service
        .into_iter()
        .flat_map(|service| service.depends_on.keys())
        .find_map(|next| find_cycle(services, next, path, done));
    path.pop();
    done.push(name);
    found
}

/// Notes that the engine runs the first health check of a service, which alone decides, only after its `ready_within`.
fn note_late_health_check(service: &Service, problems: &mut Problems) {
    let within = service.interface.ready_within;
    let first = service.first_health_check().filter(|first| *first > within);
    let Some(first) = first else {
        return;
    };
    let what = text!(
        "the engine runs the first health check of `{name}` after {seconds} s, and `up` waits for its result",
        name = service.name,
        seconds = first.as_secs_f64()
    );
    let help = text!("shorten `interval` of its `healthcheck`, or add `ready` to its `x-roadlab`");
    let note = Problem::new(what)
        .code(Code::Health)
        .kind(ProblemKind::Note);
    problems.push(note.at(service.place.clone()).help(help));
}
