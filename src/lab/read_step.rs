//! Reads steps and checks from YAML.

use std::time::Duration;

use crate::expect::{Matcher, ValuePath};
use crate::lab::fields::{Fields, Problems, text};
use crate::lab::read_amqp::amqp;
use crate::lab::read_matcher::matcher;
use crate::lab::read_probe::{exec, file, http, log, mongo, redis, restart, sql, tcp};
use crate::lab::step::{
    Capture, Check, CheckRole, ConditionalHint, DEFAULT_TIMEOUT, FileChange, FileProbe, Step,
    StepKind,
};
use crate::lab::yaml::{Kind, Node};
use crate::lab::{CheckId, ServiceName};
use crate::problem::Problem;

/// What a step may do, in the order they are looked for.
const ACTS: [&str; 10] = [
    "redis", "exec", "http", "tcp", "log", "file", "sql", "mongo", "amqp", "restart",
];

/// The longest that a step may wait or look.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The service that steps without `service` are about: known in `x-roadlab`, not elsewhere.
pub(crate) type Implied<'a> = Option<&'a ServiceName>;

/// Reads a list of steps.
pub(crate) fn steps(nodes: &[&Node], implied: Implied<'_>, problems: &mut Problems) -> Vec<Step> {
    nodes
        .iter()
        .filter_map(|node| step(node, implied, problems))
        .collect()
}

/// Reads one step that is not a check.
pub(crate) fn step(node: &Node, implied: Implied<'_>, problems: &mut Problems) -> Option<Step> {
    let mut fields = Fields::open(node, "step", problems)?;
    let step = step_fields(node, &mut fields, implied, problems);
    fields.close(problems);
    step
}

/// Reads one check: a step with an id, a role and hints. It must say what to expect.
pub(crate) fn check(node: &Node, problems: &mut Problems) -> Option<Check> {
    let mut fields = Fields::open(node, "check", problems)?;
    let id = fields.required("id", node, problems).and_then(|id| {
        let written = text(id, "id", problems)?;
        CheckId::new(&written)
            .map_err(|e| problems.push(Problem::new(e.to_string()).at(id.place())))
            .ok()
    });
    let role = match fields.bool("guard", problems) {
        Some(true) => CheckRole::Guard,
        Some(false) | None => CheckRole::Goal,
    };
    let hints = fields.list("hints", problems);
    let hints = hints
        .into_iter()
        .filter_map(|hint| seen_hint(hint, problems))
        .collect();
    let step = step_fields(node, &mut fields, None, problems);
    if let Some(Step {
        act: StepKind::Restart(_),
        ..
    }) = &step
    {
        problems.push(Problem::new("a check looks, it does not restart").at(node.place()));
    }
    if let Some(Step {
        act: StepKind::File(FileProbe { change, .. }),
        ..
    }) = &step
        && *change != FileChange::Nothing
    {
        problems
            .push(Problem::new("a check looks at a file, it does not change it").at(node.place()));
    }
    fields.close(problems);
    Some(Check {
        id: id?,
        step: step?,
        role,
        hints,
    })
}

fn seen_hint(node: &Node, problems: &mut Problems) -> Option<ConditionalHint> {
    let mut fields = Fields::open(node, "hint", problems)?;
    let when = fields
        .required("when", node, problems)
        .map(|when| matcher(when, problems));
    let say = fields
        .required("say", node, problems)
        .and_then(|say| text(say, "say", problems));
    fields.close(problems);
    Some(ConditionalHint {
        when: when?,
        say: say?,
    })
}

fn step_fields(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<Step> {
    let found: Vec<&'static str> = ACTS.into_iter().filter(|act| fields.has(act)).collect();
    let act = match found.as_slice() {
        [_] => act(fields, node, implied, problems),
        [] => {
            let help = format!("one of {}", ACTS.map(|act| format!("`{act}`")).join(", "));
            problems.push(
                Problem::new("a step needs exactly one probe or action")
                    .at(node.place())
                    .help(help),
            );
            fields.ignore(&ACTS);
            None
        }
        several => {
            let what = format!(
                "a step has exactly one probe or action, this one has {}",
                several.join(" and ")
            );
            problems.push(
                Problem::new(what)
                    .at(node.place())
                    .help("make them steps of their own"),
            );
            fields.ignore(&ACTS);
            None
        }
    };
    let expect = fields
        .get("expect")
        .map_or_else(Matcher::default, |expect| matcher(expect, problems));
    let within = wait(fields, "within", problems);
    let timeout = wait(fields, "timeout", problems).unwrap_or(DEFAULT_TIMEOUT);
    let capture = fields
        .get("capture")
        .and_then(|capture| read_capture(capture, problems));
    let service_place = found
        .first()
        .and_then(|act| service_node(fields.get(act)?))
        .unwrap_or(node)
        .place();
    Some(Step {
        act: act?,
        service_place,
        expect,
        within,
        timeout,
        capture,
        place: node.place(),
    })
}

fn wait(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Option<Duration> {
    let wait = fields.duration(key, problems)?;
    if wait > LONGEST_WAIT {
        let place = fields.get(key)?.place();
        problems.push(
            Problem::new(format!("`{key}` is at most {} s", LONGEST_WAIT.as_secs())).at(place),
        );
    }
    Some(wait)
}

fn read_capture(node: &Node, problems: &mut Problems) -> Option<Capture> {
    if let Kind::Text(name) = &node.kind {
        return Some(Capture {
            name: name.clone(),
            path: None,
        });
    }
    let mut fields = Fields::open(node, "capture", problems)?;
    let name = fields
        .required("name", node, problems)
        .and_then(|name| text(name, "name", problems));
    let path = fields.get("path").and_then(|path| {
        let written = text(path, "path", problems)?;
        let what = |error| {
            Problem::new(format!("`{written}` is not a JSONPath: {error}")).at(path.place())
        };
        ValuePath::parse(&written)
            .map_err(|error| problems.push(what(error)))
            .ok()
    });
    fields.close(problems);
    Some(Capture { name: name?, path })
}

fn act(
    fields: &mut Fields<'_>,
    owner: &Node,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<StepKind> {
    let mut asked = ACTS
        .into_iter()
        .filter_map(|act| fields.get(act).map(|node| (act, node)));
    let Some((name, node)) = asked.next() else {
        problems.push(Problem::new("this probe says nothing").at(owner.place()));
        return None;
    };
    fields.ignore(&ACTS);
    let mut fields = Fields::open(node, noun(name), problems)?;
    let act = match name {
        "redis" => redis(node, &mut fields, implied, problems).map(StepKind::Redis),
        "exec" => exec(node, &mut fields, implied, problems).map(StepKind::Exec),
        "http" => http(node, &mut fields, implied, problems).map(StepKind::Http),
        "tcp" => tcp(node, &mut fields, implied, problems).map(StepKind::Tcp),
        "log" => log(node, &mut fields, implied, problems).map(StepKind::Log),
        "file" => file(node, &mut fields, problems).map(StepKind::File),
        "sql" => sql(node, &mut fields, implied, problems).map(StepKind::Sql),
        "mongo" => mongo(node, &mut fields, implied, problems).map(StepKind::Mongo),
        "amqp" => amqp(node, &mut fields, implied, problems).map(StepKind::Amqp),
        _ => restart(node, &mut fields, problems).map(StepKind::Restart),
    };
    fields.close(problems);
    act
}

/// The value of `service` in a probe.
fn service_node(probe: &Node) -> Option<&Node> {
    let Kind::Map(entries) = &probe.kind else {
        return None;
    };
    let found = entries
        .iter()
        .find(|(key, _)| key.text().as_deref() == Some("service"));
    found.map(|(_, value)| value)
}

/// What an act is called in problems.
fn noun(act: &str) -> &'static str {
    match act {
        "redis" => "redis probe",
        "exec" => "exec probe",
        "http" => "http probe",
        "tcp" => "tcp probe",
        "log" => "log probe",
        "file" => "file probe",
        "sql" => "sql probe",
        "mongo" => "mongo probe",
        "amqp" => "amqp probe",
        _ => "restart action",
    }
}
