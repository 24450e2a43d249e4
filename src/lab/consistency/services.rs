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
use crate::lab::yaml::{Kind, Node, Problems};
use crate::problem::{Code, Place, Problem, ProblemKind, suggestion};
use crate::text;

/// Checks a lab; `exercises` are the nodes of its exercises, in order.
pub(crate) fn check(lab: &Lab, broken: &Broken, exercises: &[Node], problems: &mut Problems) {
    let is_broken = |step: &&Step| {
        let service = step.act.service();
        service.is_some_and(|name| broken.services.contains(name))
    };
    let steps: Vec<&Step> = all_steps(lab).filter(|step| !is_broken(step)).collect();
    check_disks(lab, &steps, problems);
    let needed = needed_services(lab, broken, exercises);
    let lacking = lacks(lab, &steps);
    let lacking = lacking.filter(|(lack, _)| !broken.workspace || *lack != Lack::Workspace);
    report(lab, lacking.chain(needed), problems);
    check_checked_services(lab, exercises, problems);
    check_cycles(lab.services.values(), problems);
    lab.services
        .values()
        .for_each(|service| note_late_health_check(service, problems));
}

/// Returns every step of a lab.
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
    let ready = lab.services.values();
    let ready = ready.flat_map(|service| &service.interface.ready);
    lab_steps.chain(exercises).chain(measured).chain(ready)
}

/// What a step needs and the lab does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lack<'a> {
    Workspace,
    Service(&'a ServiceName),
    /// A published port; without a number, any.
    Port(&'a ServiceName, Option<u16>),
    Client(&'a ServiceName),
    Url(&'a ServiceName),
    /// A url of the protocol of a probe, which has this key.
    Protocol(&'a ServiceName, &'static str),
}

impl Lack<'_> {
    /// Returns the problem without a place.
    fn problem(self, lab: &Lab) -> Problem {
        match self {
            Lack::Workspace => {
                let what = text!("this lab has no workspace for this file");
                let help = text!(
                    "add `workspace` to lab.yaml, or `service` to read a file in a container"
                );
                Problem::new(what).code(Code::UnreadableFile).help(help)
            }
            Lack::Service(name) => {
                let known = lab.services.keys().map(ServiceName::as_str);
                let help = suggestion(name.as_str(), known);
                let what = text!("no such service: `{name}`", name);
                Problem::new(what).code(Code::UnknownName).help(help)
            }
            Lack::Port(name, port) => {
                let what = match port {
                    Some(port) => {
                        text!("service `{name}` does not publish port {port}", name, port)
                    }
                    None => text!("service `{name}` publishes no port", name),
                };
                let help = text!("add the port to `ports` in compose.yaml");
                Problem::new(what).code(Code::Port).help(help)
            }
            Lack::Client(name) => {
                let what = text!("service `{name}` has no client", name);
                let help = text!("add `shell` to `x-roadlab` of the service");
                Problem::new(what).code(Code::UnknownName).help(help)
            }
            Lack::Url(name) => {
                let what = text!("service `{name}` has no `url` to connect to", name);
                let help = text!("add `url` to `x-roadlab` of the service");
                Problem::new(what).help(help)
            }
            Lack::Protocol(name, probe) => {
                let what = text!(
                    "the `url` of service `{name}` is of another protocol than `{probe}`",
                    name,
                    probe
                );
                let help = text!("use the probe for its protocol, or change `url` in `x-roadlab`");
                Problem::new(what).help(help)
            }
        }
    }
}

/// Reports each lack once, at the first of its places.
fn report<'a>(lab: &Lab, lacks: impl Iterator<Item = (Lack<'a>, Place)>, problems: &mut Problems) {
    let mut places: BTreeMap<Lack<'a>, Vec<Place>> = BTreeMap::new();
    for (lack, place) in lacks {
        places.entry(lack).or_default().push(place);
    }
    problems.extend(places.into_iter().map(|(lack, places)| {
        let inactive = match lack {
            Lack::Service(name) => lab.inactive.get_key_value(name),
            _ => None,
        };
        match inactive {
            Some((name, profiles)) => inactive_but_used(name, profiles.clone()),
            None => lack.problem(lab).at_first_of(places),
        }
    }));
}

/// Checks the services of steps, their ports and their addresses.
pub(crate) fn check_steps<'a>(
    lab: &'a Lab,
    steps: impl Iterator<Item = &'a Step>,
    problems: &mut Problems,
) {
    let steps: Vec<&Step> = steps.collect();
    check_disks(lab, &steps, problems);
    report(lab, lacks(lab, &steps), problems);
}

/// Returns what steps lack, with their places.
fn lacks<'a>(lab: &'a Lab, steps: &[&'a Step]) -> impl Iterator<Item = (Lack<'a>, Place)> {
    let lack = move |step: &&'a Step| Some((lack_of(lab, step)?, step.service_place.clone()));
    steps.iter().filter_map(lack)
}

fn lack_of<'a>(lab: &Lab, step: &'a Step) -> Option<Lack<'a>> {
    let Some(name) = step.act.service() else {
        let needs_workspace = matches!(step.act, StepKind::File(_));
        return (needs_workspace && lab.workspace.is_none()).then_some(Lack::Workspace);
    };
    let Some(service) = lab.services.get(name) else {
        return Some(Lack::Service(name));
    };
    let port = |port: Option<u16>| {
        let mut published = service.ports.iter().map(|published| published.container);
        let found = published.any(|published| port.is_none_or(|port| port == published));
        (!found).then_some(Lack::Port(name, port))
    };
    let url = |schemes: &[&str]| match &service.interface.url {
        None => Some(Lack::Url(name)),
        Some(url) => {
            let scheme = url.split_once("://").map(|(scheme, _)| scheme);
            let scheme = scheme.unwrap_or_default().to_ascii_lowercase();
            let fits = schemes.contains(&scheme.as_str());
            (!fits).then_some(Lack::Protocol(name, step.act.key()))
        }
    };
    match &step.act {
        StepKind::Redis(_) => port(None),
        StepKind::Http(probe) => port(probe.port),
        StepKind::Tcp(probe) => port(probe.port),
        StepKind::Sql(_) => port(None).or(url(&SQL_SCHEMES)),
        StepKind::Mongo(_) => port(None).or(url(&["mongodb"])),
        StepKind::Amqp(_) => port(None).or(url(&["amqp"])),
        StepKind::Client(_) => service
            .interface
            .shell
            .is_none()
            .then_some(Lack::Client(name)),
        StepKind::Exec(_)
        | StepKind::Log(_)
        | StepKind::File(_)
        | StepKind::Ratio(_)
        | StepKind::Restart(_)
        | StepKind::Fault(_) => None,
    }
}

/// The schemes of the servers that an `sql` probe connects to.
const SQL_SCHEMES: [&str; 4] = ["postgres", "postgresql", "mysql", "mariadb"];

fn check_disks(lab: &Lab, steps: &[&Step], problems: &mut Problems) {
    for step in steps {
        let service = step.act.service().and_then(|name| lab.services.get(name));
        if let (StepKind::Fault(fault), Some(service)) = (&step.act, service) {
            check_disk(fault, service, step, problems);
        }
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

/// Returns the services of `needs_service` that do not exist, each with its place.
fn needed_services<'a>(
    lab: &'a Lab,
    broken: &'a Broken,
    exercises: &'a [Node],
) -> impl Iterator<Item = (Lack<'a>, Place)> {
    let exercises = lab.exercises.iter().zip(exercises);
    let needed = exercises.flat_map(|(exercise, node)| {
        let needed = exercise.needs_service.iter();
        needed.map(move |name| (name, needed_place(node, name)))
    });
    needed
        .filter(move |(name, _)| {
            !lab.services.contains_key(*name) && !broken.services.contains(*name)
        })
        .map(|(name, place)| (Lack::Service(name), place))
}

/// Returns where an exercise of lab.yaml names a service that it needs.
fn needed_place(exercise: &Node, name: &ServiceName) -> Place {
    let items = match exercise.child("needs_service").map(|node| &node.kind) {
        Some(Kind::List(items)) => items.as_slice(),
        _ => &[],
    };
    let mut items = items.iter();
    let item = items.find(|item| item.as_string().as_deref() == Some(name.as_str()));
    item.unwrap_or(exercise).place()
}

/// Checks that an exercise needs every optional service that it checks.
fn check_checked_services(lab: &Lab, exercises: &[Node], problems: &mut Problems) {
    let optional = |name: &ServiceName| {
        let service = lab.services.get(name);
        service.is_some_and(|service| service.interface.presence == Presence::Optional)
    };
    for (exercise, node) in lab.exercises.iter().zip(exercises) {
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
            problems.push(Problem::new(what).at(node.place()).help(help));
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

#[cfg(test)]
mod tests {
    use crate::lab::testing::{COMPOSE, GUIDE, LAB, files, problems};

    #[track_caller]
    fn check(lab: &str, compose: &str, expected: &[&str]) {
        let found = problems(&files(lab, compose, GUIDE));
        let found = found
            .iter()
            .map(|problem| problem.replace("labs/small/", ""));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[track_caller]
    fn with_interface(interface: &str, expected: &[&str]) {
        let interface = format!("64m\n    x-roadlab: {{ {interface} }}\n");
        check(LAB, &COMPOSE.replace("64m\n", &interface), expected);
    }

    #[test]
    fn what_many_steps_lack_is_one_problem() {
        check(
            LAB,
            &COMPOSE.replace("  redis:", "  cache:"),
            &["lab.yaml:7:27: no such service: `redis`, on 3 lines (available: `cache`)"],
        );
        check(
            LAB,
            &COMPOSE.replace("    ports: ['6379']\n", ""),
            &[
                "lab.yaml:7:27: service `redis` publishes no port, on 3 lines (add the port to `ports` in compose.yaml)",
            ],
        );
        let probe = "redis: { service: redis, command: [GET, a] }";
        let lab = |other: &str| LAB.replace(probe, other);
        check(
            &lab("file: { path: a }"),
            COMPOSE,
            &[
                "lab.yaml:7:15: this lab has no workspace for this file (add `workspace` to lab.yaml, or `service` to read a file in a container)",
            ],
        );
        // A workspace that lab.yaml names is not missed.
        let named = |workspace: &str| {
            let minutes = format!("minutes: 5\n{workspace}\n");
            lab("file: { path: a }").replace("minutes: 5\n", &minutes)
        };
        check(
            &named("workspce: files"),
            COMPOSE,
            &["lab.yaml:3:1: unknown key `workspce` in a lab (did you mean `workspace`?)"],
        );
        check(
            &named("workspace: files"),
            COMPOSE,
            &["lab.yaml:3:12: no such folder in the lab: files"],
        );
        check(
            &lab("http: { service: redis, port: 80, path: / }"),
            COMPOSE,
            &[
                "lab.yaml:7:26: service `redis` does not publish port 80 (add the port to `ports` in compose.yaml)",
            ],
        );
        check(
            &LAB.replace("    checks:", "    needs_service: [app]\n    checks:"),
            COMPOSE,
            &["lab.yaml:5:21: no such service: `app` (available: `redis`)"],
        );
    }

    #[test]
    fn ready_steps_need_ports_and_urls_too() {
        with_interface("ready: [ { tcp: { port: 6379 } } ]", &[]);
        with_interface(
            "ready: [ { tcp: { port: 80 } } ]",
            &[
                "compose.yaml:6:34: service `redis` does not publish port 80 (add the port to `ports` in compose.yaml)",
            ],
        );
        with_interface(
            "ready: [ { sql: { query: SELECT 1 } } ]",
            &[
                "compose.yaml:6:34: service `redis` has no `url` to connect to (add `url` to `x-roadlab` of the service)",
            ],
        );
    }

    #[test]
    fn a_url_is_of_the_protocol_of_the_probe() {
        let sql = "ready: [ { sql: { query: SELECT 1 } } ]";
        let mongo = "ready: [ { mongo: { command: { ping: 1 } } } ]";
        let amqp = "ready: [ { amqp: { exchange: amq.direct } } ]";
        for (ready, scheme) in [
            (sql, "postgres"),
            (sql, "postgresql"),
            (sql, "mysql"),
            (sql, "MariaDB"),
            (mongo, "mongodb"),
            (amqp, "amqp"),
        ] {
            let url = format!("url: '{scheme}://{{{{ host }}}}:{{{{ port }}}}'");
            with_interface(&format!("{ready}, {url}"), &[]);
        }
        for (ready, probe, column) in [(sql, "sql", 34), (mongo, "mongo", 36), (amqp, "amqp", 35)] {
            let problem = format!(
                "compose.yaml:6:{column}: the `url` of service `redis` is of another protocol than `{probe}` (use the probe for its protocol, or change `url` in `x-roadlab`)"
            );
            for url in ["redis://{{ host }}:{{ port }}", "{{ host }}:{{ port }}"] {
                with_interface(&format!("{ready}, url: '{url}'"), &[&problem]);
            }
        }
    }

    #[test]
    fn a_service_without_ports_and_url_is_one_problem() {
        let compose = COMPOSE.replace("    ports: ['6379']\n", "");
        let probe = "redis: { service: redis, command: [GET, a] }\n        expect: { equals: b }";
        let amqp =
            "amqp: { service: redis, queue: q }\n        expect: { contains: { messages: 1 } }";
        assert!(LAB.contains(probe));
        check(
            &LAB.replace(probe, amqp),
            &compose,
            &[
                "lab.yaml:7:26: service `redis` publishes no port, on 3 lines (add the port to `ports` in compose.yaml)",
            ],
        );
    }
}
