//! Reads steps and checks from YAML.

use std::time::Duration;

use crate::expect::{Matcher, ValuePath};
use crate::lab::id::{CheckId, ServiceName};
use crate::lab::steps::amqp::read_amqp;
use crate::lab::steps::faults::{read_disk, read_network, read_pause, read_start, read_stop};
use crate::lab::steps::matcher::read_matcher;
use crate::lab::steps::model::{
    Capture, Check, CheckRole, ConditionalHint, DEFAULT_TIMEOUT, Necessity, Secrecy, Step,
    StepKind, Unchanged,
};
use crate::lab::steps::possible::check_matcher;
use crate::lab::steps::probes::{
    read_client, read_exec, read_file, read_http, read_log, read_mongo, read_redis, read_restart,
    read_sql, read_tcp,
};
use crate::lab::steps::ratio::read_ratio;
use crate::lab::steps::read_only::{Effect, Reason};
use crate::lab::steps::service_field::ImpliedService;
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, mismatch, string};
use crate::problem::{Code, Problem, code_list};
use crate::text;

/// The key of a step that names its probe or action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StepKey {
    Redis,
    Exec,
    Http,
    Tcp,
    Log,
    File,
    Sql,
    Mongo,
    Amqp,
    Measure,
    Restart,
    Network,
    Pause,
    Stop,
    Start,
    Disk,
    Client,
}

impl StepKey {
    const ALL: [StepKey; 17] = [
        StepKey::Redis,
        StepKey::Exec,
        StepKey::Http,
        StepKey::Tcp,
        StepKey::Log,
        StepKey::File,
        StepKey::Sql,
        StepKey::Mongo,
        StepKey::Amqp,
        StepKey::Measure,
        StepKey::Restart,
        StepKey::Network,
        StepKey::Pause,
        StepKey::Stop,
        StepKey::Start,
        StepKey::Disk,
        StepKey::Client,
    ];

    fn name(self) -> &'static str {
        match self {
            StepKey::Redis => "redis",
            StepKey::Exec => "exec",
            StepKey::Http => "http",
            StepKey::Tcp => "tcp",
            StepKey::Log => "log",
            StepKey::File => "file",
            StepKey::Sql => "sql",
            StepKey::Mongo => "mongo",
            StepKey::Amqp => "amqp",
            StepKey::Measure => "measure",
            StepKey::Restart => "restart",
            StepKey::Network => "network",
            StepKey::Pause => "pause",
            StepKey::Stop => "stop",
            StepKey::Start => "start",
            StepKey::Disk => "disk",
            StepKey::Client => "client",
        }
    }

    fn mapping(self) -> Mapping {
        match self {
            StepKey::Redis => Mapping::RedisProbe,
            StepKey::Exec => Mapping::ExecProbe,
            StepKey::Http => Mapping::HttpProbe,
            StepKey::Tcp => Mapping::TcpProbe,
            StepKey::Log => Mapping::LogProbe,
            StepKey::File => Mapping::FileProbe,
            StepKey::Sql => Mapping::SqlProbe,
            StepKey::Mongo => Mapping::MongoProbe,
            StepKey::Amqp => Mapping::AmqpProbe,
            StepKey::Measure => Mapping::RatioProbe,
            StepKey::Restart => Mapping::RestartAction,
            StepKey::Network => Mapping::NetworkAction,
            StepKey::Pause => Mapping::PauseAction,
            StepKey::Stop => Mapping::StopAction,
            StepKey::Start => Mapping::StartAction,
            StepKey::Disk => Mapping::DiskAction,
            StepKey::Client => Mapping::ClientAction,
        }
    }
}

/// The longest `within` and `timeout`.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// The list that a step is in, which decides what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepList<'a> {
    /// `ready` of a service, whose steps need not name it.
    Ready(&'a ServiceName),
    Start,
    Health,
    Check,
    /// A side of a measurement, or what finds out how much it reads.
    Measure,
    Solution,
    /// A right or wrong answer.
    Answer,
}

impl<'a> StepList<'a> {
    fn implied(self) -> ImpliedService<'a> {
        match self {
            StepList::Ready(service) => Some(service),
            _ => None,
        }
    }

    /// Returns the key of a list whose steps only observe.
    fn name(self) -> Option<&'static str> {
        match self {
            StepList::Ready(_) => Some("ready"),
            StepList::Health => Some("health"),
            StepList::Check => Some("checks"),
            StepList::Measure => Some("measure"),
            StepList::Start | StepList::Solution | StepList::Answer => None,
        }
    }
}

/// Reads a list of steps.
pub(crate) fn read_steps(
    nodes: &[&Node],
    list: StepList<'_>,
    problems: &mut Problems,
) -> Vec<Step> {
    nodes
        .iter()
        .filter_map(|node| {
            let mut fields = Fields::open(node, Mapping::Step, problems)?;
            let step = read_step(node, &mut fields, list, problems);
            fields.close(problems);
            step
        })
        .collect()
}

/// Reads a check: a step with an id, a role and hints.
pub(crate) fn read_check(node: &Node, problems: &mut Problems) -> Option<Check> {
    let mut fields = Fields::open(node, Mapping::Check, problems)?;
    let id = fields.required("id", node, problems).and_then(|id| {
        let written = string(id, "id", problems)?;
        CheckId::new(&written)
            .map_err(|error| {
                problems.push(
                    Problem::new(error.text())
                        .code(Code::InvalidName)
                        .at(id.place()),
                )
            })
            .ok()
    });
    let guard = fields.boolean("guard", problems);
    let unchanged = fields
        .get("unchanged")
        .and_then(|node| read_unchanged(node, problems));
    let role = match (guard, &unchanged) {
        (Some(true), _) | (_, Some(_)) => CheckRole::Guard,
        (Some(false) | None, None) => CheckRole::Goal,
    };
    if unchanged.is_some() {
        refuse_with_unchanged(&fields, problems);
    }
    let secrecy = match fields.boolean("secret", problems) {
        Some(true) => Secrecy::Hidden,
        Some(false) | None => Secrecy::Shown,
    };
    let why = fields.string("why", problems);
    let hints = fields.list("hints", problems);
    let hints = hints
        .into_iter()
        .filter_map(|hint| read_hint(hint, problems))
        .collect();
    let step = read_step(node, &mut fields, StepList::Check, problems);
    if let (Some(Kind::List(hints)), Some(step)) =
        (fields.get("hints").map(|hints| &hints.kind), &step)
    {
        for when in hints.iter().filter_map(|hint| hint.child("when")) {
            check_matcher(when, &step.act, problems);
        }
    }
    fields.close(problems);
    Some(Check {
        id: id?,
        step: step?,
        unchanged,
        role,
        secrecy,
        why,
        hints,
    })
}

/// Reads `unchanged`: `true`, or the path of the part that must stay.
fn read_unchanged(node: &Node, problems: &mut Problems) -> Option<Unchanged> {
    if let Kind::Bool(true) = node.kind {
        return Some(Unchanged { path: None });
    }
    if !matches!(node.kind, Kind::Map(_)) {
        let expected = text!("`true` or a mapping with a `path`");
        problems.push(mismatch(node, "unchanged", expected));
        return None;
    }
    let mut fields = Fields::open(node, Mapping::Unchanged, problems)?;
    let path = fields.required("path", node, problems);
    let path = path.and_then(|path| read_path(path, problems));
    fields.close(problems);
    Some(Unchanged { path: Some(path?) })
}

/// Reports keys of a check that contradict `unchanged`.
fn refuse_with_unchanged(fields: &Fields<'_>, problems: &mut Problems) {
    let reasons = [
        (
            "expect",
            text!("`unchanged` stands in place of `expect`: remove one of them"),
        ),
        (
            "guard",
            text!("`unchanged` is a guard by itself: remove `guard`"),
        ),
        (
            "within",
            text!("what must stay as it is needs no time: remove `within`"),
        ),
    ];
    for (key, help) in reasons {
        if let Some(at) = fields.key(key) {
            let what = text!("`{key}` is not allowed together with `unchanged`", key);
            problems.push(Problem::new(what).at(at.place()).help(help));
        }
    }
}

fn read_hint(node: &Node, problems: &mut Problems) -> Option<ConditionalHint> {
    let mut fields = Fields::open(node, Mapping::Hint, problems)?;
    let when = fields
        .required("when", node, problems)
        .map(|when| read_matcher(when, problems));
    let say = fields.required_string("say", node, problems);
    fields.close(problems);
    Some(ConditionalHint {
        when: when?,
        say: say?,
    })
}

pub(super) fn read_step(
    node: &Node,
    fields: &mut Fields<'_>,
    list: StepList<'_>,
    problems: &mut Problems,
) -> Option<Step> {
    let mut present: Vec<(StepKey, Option<&Node>)> = Vec::new();
    for key in StepKey::ALL {
        let value = fields.get(key.name());
        if fields.contains(key.name()) {
            present.push((key, value));
        }
    }
    let act = match present.as_slice() {
        [(key, value)] => read_kind(*key, *value, node, list.implied(), problems),
        [] => {
            let kinds = code_list(StepKey::ALL.map(StepKey::name));
            let what = text!("missing probe or action in a step");
            let help = text!("add one of {kinds}", kinds);
            problems.push(Problem::new(what).at(node.place()).help(help));
            None
        }
        several => {
            let kinds = code_list(several.iter().map(|(key, _)| key.name()));
            let what = text!("several probes or actions in one step: {kinds}", kinds);
            let help = text!("write one step for each");
            problems.push(Problem::new(what).at(node.place()).help(help));
            None
        }
    };
    let expect = fields
        .get("expect")
        .map_or_else(Matcher::default, |expect| read_matcher(expect, problems));
    if let Some((expect, act)) = fields.get("expect").zip(act.as_ref()) {
        check_matcher(expect, act, problems);
    }
    let within = read_wait(fields, "within", problems);
    let holds_for = read_wait(fields, "holds_for", problems);
    let timeout = read_wait(fields, "timeout", problems).unwrap_or(DEFAULT_TIMEOUT);
    let capture = fields
        .get("capture")
        .and_then(|capture| read_capture(capture, problems));
    let read_only = fields.string("read_only", problems);
    let optional = fields.boolean("optional", problems);
    let act = act.zip(present.first().map(|(key, _)| key.name()));
    check_list(list, act.as_ref(), fields, problems);
    let service = present
        .first()
        .and_then(|(_, value)| value.as_ref()?.child("service"));
    Some(Step {
        act: act?.0,
        service_place: service.unwrap_or(node).place(),
        expect,
        within,
        holds_for,
        timeout,
        capture,
        read_only,
        necessity: match optional {
            Some(true) => Necessity::Optional,
            Some(false) | None => Necessity::Required,
        },
        place: node.place(),
    })
}

/// Reports what a step may not be or have in its list.
fn check_list(
    list: StepList<'_>,
    act: Option<&(StepKind, &'static str)>,
    fields: &Fields<'_>,
    problems: &mut Problems,
) {
    let mut refuse = |key: &'static str, what, help| {
        let place = fields.key(key).map(Node::place);
        let problem = Problem::new(what).help(help);
        problems.extend(place.map(|place| problem.at(place)));
    };
    if let (Some(list), Some((act, key))) = (list.name(), act) {
        let explained = fields.contains("read_only");
        let reason = match act.effect() {
            Effect::Reads | Effect::RunsProgram => None,
            Effect::CanWrite(reason) => (!explained).then_some(reason),
            Effect::Writes(reason) => Some(reason),
        };
        if let Some(Reason { what, help }) = reason {
            let what = text!("`{list}` must only read: {reason}", list, reason = what);
            refuse(key, what, help);
        }
    }
    if let Some((StepKind::Ratio(_), key)) = act {
        if list != StepList::Check {
            refuse(
                key,
                text!("`measure` is only allowed in `checks`"),
                text!("move it to a check of the exercise"),
            );
        }
        for key in [
            "within",
            "holds_for",
            "timeout",
            "capture",
            "guard",
            "unchanged",
        ] {
            refuse(
                key,
                text!("`{key}` is not allowed together with `measure`", key),
                text!("remove it; the sides are measured once everything else passes"),
            );
        }
    }
    if list.name().is_none() && fields.contains("read_only") {
        refuse(
            "read_only",
            text!("`read_only` is only allowed in `checks`, `health` and `ready`"),
            text!("remove it"),
        );
    }
    let observes = |(act, _): &(StepKind, &str)| match act.effect() {
        Effect::Reads | Effect::RunsProgram => true,
        Effect::CanWrite(_) => list.name().is_some(),
        Effect::Writes(_) => false,
    };
    if fields.contains("holds_for") && !act.is_none_or(observes) {
        refuse(
            "holds_for",
            text!("what changes something must not be repeated for `holds_for`"),
            text!("let a step that only reads follow, with `holds_for`"),
        );
    }
    if matches!(list, StepList::Ready(_)) && fields.contains("holds_for") {
        refuse(
            "holds_for",
            text!("`holds_for` is not allowed in `ready`"),
            text!("remove it; a service is ready as soon as all steps pass"),
        );
    }
    if list != StepList::Solution && fields.contains("optional") {
        refuse(
            "optional",
            text!("`optional` is only allowed in `solution`"),
            text!("remove it"),
        );
    }
}

fn read_kind(
    key: StepKey,
    value: Option<&Node>,
    owner: &Node,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<StepKind> {
    let Some(node) = value else {
        let what = text!("`{key}` is empty", key = key.name());
        problems.push(
            Problem::new(what)
                .code(Code::UnreadableFile)
                .at(owner.place()),
        );
        return None;
    };
    let mut fields = Fields::open(node, key.mapping(), problems)?;
    let inner = &mut fields;
    let kind = match key {
        StepKey::Redis => read_redis(node, inner, implied, problems).map(StepKind::Redis),
        StepKey::Exec => read_exec(node, inner, implied, problems).map(StepKind::Exec),
        StepKey::Http => read_http(node, inner, implied, problems).map(StepKind::Http),
        StepKey::Tcp => read_tcp(node, inner, implied, problems).map(StepKind::Tcp),
        StepKey::Log => read_log(node, inner, implied, problems).map(StepKind::Log),
        StepKey::File => read_file(node, inner, problems).map(StepKind::File),
        StepKey::Sql => read_sql(node, inner, implied, problems).map(StepKind::Sql),
        StepKey::Mongo => read_mongo(node, inner, implied, problems).map(StepKind::Mongo),
        StepKey::Amqp => read_amqp(node, inner, implied, problems).map(StepKind::Amqp),
        StepKey::Measure => read_ratio(node, inner, problems).map(StepKind::Ratio),
        StepKey::Restart => read_restart(node, inner, problems).map(StepKind::Restart),
        StepKey::Network => read_network(node, inner, problems).map(StepKind::Fault),
        StepKey::Pause => read_pause(node, inner, problems).map(StepKind::Fault),
        StepKey::Stop => read_stop(node, inner, problems).map(StepKind::Fault),
        StepKey::Start => read_start(node, inner, problems).map(StepKind::Fault),
        StepKey::Disk => read_disk(node, inner, problems).map(StepKind::Fault),
        StepKey::Client => read_client(node, inner, problems).map(StepKind::Client),
    };
    fields.close(problems);
    kind
}

fn read_wait(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Duration> {
    let wait = fields.duration(key, problems)?;
    let place = fields.get(key)?.place();
    if wait.is_zero() {
        let what = text!("`{key}` must be longer than 0 s", key);
        let help = text!("remove it, or give a time such as `5s`");
        problems.push(Problem::new(what).at(place.clone()).help(help));
    }
    if wait > MAX_WAIT {
        let what = text!(
            "`{key}` must be at most {limit} s",
            key,
            limit = MAX_WAIT.as_secs()
        );
        problems.push(Problem::new(what).at(place));
    }
    Some(wait)
}

fn read_capture(node: &Node, problems: &mut Problems) -> Option<Capture> {
    if let Kind::String(name) = &node.kind {
        return Some(Capture {
            name: name.clone(),
            path: None,
        });
    }
    let mut fields = Fields::open(node, Mapping::Capture, problems)?;
    let name = fields.required_string("name", node, problems);
    let path = fields
        .get("path")
        .and_then(|path| read_path(path, problems));
    fields.close(problems);
    Some(Capture { name: name?, path })
}

pub(super) fn read_path(node: &Node, problems: &mut Problems) -> Option<ValuePath> {
    let written = string(node, "path", problems)?;
    ValuePath::parse(&written)
        .map_err(|error| problems.push(Problem::new(error).at(node.place())))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[track_caller]
    fn check(list: StepList<'_>, yaml: &str, expected: &[&str]) {
        let node = Node::parse(Path::new("s.yaml"), yaml).unwrap();
        let mut problems = Vec::new();
        read_steps(&[&node], list, &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(printed, expected);
    }

    #[test]
    fn a_client_types_only_where_services_may_change() {
        let yaml = "client: { service: redis, input: SET a 1 }";
        for list in [StepList::Start, StepList::Solution, StepList::Answer] {
            check(list, yaml, &[]);
        }
        let service = ServiceName::new("redis").unwrap();
        for list in [StepList::Ready(&service), StepList::Health, StepList::Check] {
            let problem = format!(
                "s.yaml:1:1: `{}` must only read: the input of `client` can change the service (use it in `start`, `solution`, `right` or `wrong`)",
                list.name().unwrap()
            );
            check(list, yaml, &[&problem]);
        }
    }

    #[test]
    fn only_what_reads_can_be_repeated_for_a_while() {
        let reads = "{ redis: { service: r, command: [GET, a] }, holds_for: 5s }";
        for list in [StepList::Start, StepList::Health, StepList::Check] {
            check(list, reads, &[]);
        }
        let problem = "s.yaml:1:53: what changes something must not be repeated for `holds_for` (let a step that only reads follow, with `holds_for`)";
        check(
            StepList::Solution,
            "{ redis: { service: r, command: [SET, a, bcd] }, holds_for: 5s }"
                .replace("bcd", "b  ")
                .as_str(),
            &[&problem.replace(":53:", ":50:")],
        );
        check(
            StepList::Answer,
            "{ pause: { service: r }, holds_for: 5s }",
            &[&problem.replace(":53:", ":26:")],
        );
        let service = ServiceName::new("r").unwrap();
        check(
            StepList::Ready(&service),
            "{ redis: { command: [PING] }, holds_for: 5s }",
            &[
                "s.yaml:1:31: `holds_for` is not allowed in `ready` (remove it; a service is ready as soon as all steps pass)",
            ],
        );
    }

    #[test]
    fn a_time_of_nothing_is_refused() {
        for key in ["within", "holds_for", "timeout"] {
            check(
                StepList::Check,
                &format!("{{ {key}: 0s, redis: {{ service: r, command: [GET, a] }} }}"),
                &[&format!(
                    "s.yaml:1:{column}: `{key}` must be longer than 0 s (remove it, or give a time such as `5s`)",
                    column = key.len() + 5
                )],
            );
        }
    }

    #[test]
    fn faults_are_only_where_services_may_change() {
        let faults = [
            "network: { service: a, cut: true }",
            "network: { service: a, cut: false }",
            "pause: { service: a }",
            "stop: { service: a, kill: true }",
            "start: { service: a }",
            "disk: { service: a, path: /data, fill: true }",
        ];
        for yaml in faults {
            for list in [StepList::Start, StepList::Solution, StepList::Answer] {
                check(list, yaml, &[]);
            }
            let key = yaml.split(':').next().unwrap();
            let problem = format!(
                "s.yaml:1:1: `health` must only read: `{key}` is an action (use it in `start`, `solution`, `right` or `wrong`)"
            );
            check(StepList::Health, yaml, &[&problem]);
        }
    }

    #[test]
    fn a_fault_names_its_service_and_what_happens() {
        check(
            StepList::Start,
            "network: { cut: 3 }",
            &[
                "s.yaml:1:10: missing key `service` in a probe",
                "s.yaml:1:17: `cut` must be `true` or `false`, not `3`",
            ],
        );
        check(
            StepList::Start,
            "disk: { service: a, path: data, fill: true }",
            &["s.yaml:1:27: `path` must be an absolute path in the container, not `data`"],
        );
    }

    #[track_caller]
    fn check_unchanged(keys: &str, expected: &[&str]) {
        let yaml = format!("{{ id: c, redis: {{ service: r, command: [GET, a] }}, {keys} }}");
        let node = Node::parse(Path::new("s.yaml"), &yaml).unwrap();
        let mut problems = Vec::new();
        let check = read_check(&node, &mut problems).unwrap();
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(printed, expected);
        let guard = check.unchanged.is_some() || keys.contains("guard: true");
        assert_eq!(check.role == CheckRole::Guard, guard);
    }

    #[test]
    fn unchanged_stands_in_place_of_an_expectation() {
        check_unchanged("unchanged: true", &[]);
        check_unchanged("unchanged: { path: $.a }", &[]);
        check_unchanged("guard: true", &[]);
        check_unchanged(
            "unchanged: false",
            &["s.yaml:1:63: `unchanged` must be `true` or a mapping with a `path`, not `false`"],
        );
        check_unchanged(
            "unchanged: {}",
            &["s.yaml:1:63: missing key `path` in `unchanged`"],
        );
        check_unchanged(
            "unchanged: true, expect: { equals: 1 }, guard: true, within: 1s",
            &[
                "s.yaml:1:69: `expect` is not allowed together with `unchanged` (`unchanged` stands in place of `expect`: remove one of them)",
                "s.yaml:1:92: `guard` is not allowed together with `unchanged` (`unchanged` is a guard by itself: remove `guard`)",
                "s.yaml:1:105: `within` is not allowed together with `unchanged` (what must stay as it is needs no time: remove `within`)",
            ],
        );
    }

    #[test]
    fn steps_that_only_observe_must_read_or_explain_themselves() {
        let delete = "{ sql: { service: db, query: DELETE FROM t } }";
        let refused = "s.yaml:1:3: `checks` must only read: the SQL statement `DELETE` can write (to only try it, explain so with `read_only: TEXT`: the step is then always rolled back)";
        check(StepList::Check, delete, &[refused]);
        check(
            StepList::Health,
            delete,
            &[&refused.replace("checks", "health")],
        );
        check(StepList::Start, delete, &[]);
        check(
            StepList::Check,
            "{ sql: { service: db, query: DELETE FROM t }, read_only: it is only tried }",
            &[],
        );
        check(
            StepList::Check,
            "{ sql: { service: db, script: BEGIN; DELETE FROM t; COMMIT }, read_only: it is only tried }",
            &[
                "s.yaml:1:3: `checks` must only read: the SQL statement `BEGIN` begins or ends a transaction (omit it: the step runs in a transaction that is always rolled back)",
            ],
        );
        check(
            StepList::Health,
            "restart: { service: db }",
            &[
                "s.yaml:1:1: `health` must only read: `restart` is an action (use it in `start` or `solution`)",
            ],
        );
    }

    #[test]
    fn keys_of_other_lists_are_problems() {
        let yaml =
            "{ redis: { service: r, command: [GET, a] }, optional: true, read_only: it reads }";
        let optional = "s.yaml:1:45: `optional` is only allowed in `solution` (remove it)";
        let read_only = "s.yaml:1:61: `read_only` is only allowed in `checks`, `health` and `ready` (remove it)";
        check(StepList::Solution, yaml, &[read_only]);
        check(StepList::Health, yaml, &[optional]);
        check(StepList::Answer, yaml, &[read_only, optional]);
    }
}
