//! Reads steps and checks from YAML.

use std::time::Duration;

use crate::expect::Matcher;
use crate::lab::id::{CheckId, ServiceName};
use crate::lab::steps::amqp::read_amqp;
use crate::lab::steps::faults::{read_disk, read_network, read_pause, read_start, read_stop};
use crate::lab::steps::model::{
    Capture, Check, CheckRole, ConditionalHint, DEFAULT_TIMEOUT, Necessity, Secrecy, Step,
    StepKind, Unchanged,
};
use crate::lab::steps::possible::read_matcher_of;
use crate::lab::steps::probes::{
    read_client, read_exec, read_file, read_http, read_log, read_mongo, read_redis, read_restart,
    read_sql, read_tcp,
};
use crate::lab::steps::ratio::check_margin;
use crate::lab::steps::ratio::read_ratio;
use crate::lab::steps::read_only::{Effect, Reason};
use crate::lab::steps::service_field::{ImpliedService, read_path};
use crate::lab::variables::is_variable_name;
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
    let before = problems.len();
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
    let step = read_step(node, &mut fields, StepList::Check, problems);
    let act = step.as_ref().map(|step| &step.act);
    let hints = fields.list("hints", problems);
    let hints = hints
        .into_iter()
        .filter_map(|hint| read_hint(hint, act, problems))
        .collect();
    let expect = fields.get("expect").map(Node::place);
    fields.close(problems);
    if let Some(step) = &step
        && matches!(step.act, StepKind::Ratio(_))
        && problems.len() == before
    {
        let place = expect.unwrap_or_else(|| step.service_place.clone());
        check_margin(&step.expect, place, problems);
    }
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

fn read_hint(
    node: &Node,
    act: Option<&StepKind>,
    problems: &mut Problems,
) -> Option<ConditionalHint> {
    let mut fields = Fields::open(node, Mapping::Hint, problems)?;
    let when = fields
        .required("when", node, problems)
        .map(|when| read_matcher_of(when, act, problems));
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
        [(key, _)] => fields
            .filled(key.name(), problems)
            .and_then(|node| read_kind(*key, node, list.implied(), problems)),
        [] => {
            let kinds = StepKey::ALL.map(StepKey::name);
            let what = text!("missing probe or action in a step");
            let help = text!("add one of {kinds}", kinds = code_list(kinds));
            fields.report_missing(&kinds, Problem::new(what).at(node.place()).help(help));
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
        .filled("expect", problems)
        .map_or_else(Matcher::default, |expect| {
            read_matcher_of(expect, act.as_ref(), problems)
        });
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
    let probe = present.first().and_then(|(_, value)| *value);
    let service = probe.and_then(|probe| probe.child("service"));
    Some(Step {
        act: act?.0,
        service_place: service.or(probe).unwrap_or(node).place(),
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

/// Reads a probe or an action. Of one with a problem, nothing is derived.
fn read_kind(
    key: StepKey,
    node: &Node,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<StepKind> {
    let before = problems.len();
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
    kind.filter(|_| problems.len() == before)
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
    if let Kind::String(_) = &node.kind {
        return Some(Capture {
            name: read_capture_name(node, problems)?,
            path: None,
        });
    }
    let mut fields = Fields::open(node, Mapping::Capture, problems)?;
    let name = fields.required("name", node, problems);
    let name = name.and_then(|name| read_capture_name(name, problems));
    let path = fields
        .get("path")
        .and_then(|path| read_path(path, problems));
    fields.close(problems);
    Some(Capture { name: name?, path })
}

/// Reads the name of a capture, which later steps refer to as `${name}`.
fn read_capture_name(node: &Node, problems: &mut Problems) -> Option<String> {
    let name = string(node, "name", problems)?;
    if !is_variable_name(&name) {
        let what = text!("`{name}` cannot be the name of a capture", name);
        let help = text!("use letters, digits and `_`, and begin with a letter");
        let problem = Problem::new(what).code(Code::InvalidName);
        problems.push(problem.at(node.place()).help(help));
    }
    Some(name)
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
                "s.yaml:1:17: `cut` must be `true` or `false`, not `3`",
                "s.yaml:1:10: missing key `service` in a `network` action",
            ],
        );
        check(
            StepList::Start,
            "disk: { service: a, path: data, fill: true }",
            &["s.yaml:1:27: `path` must be an absolute path in the container, not `data`"],
        );
    }

    #[test]
    fn a_command_without_words_is_a_problem_wherever_it_stands() {
        for list in [StepList::Start, StepList::Solution, StepList::Check] {
            check(
                list,
                "redis: { service: r, command: [] }",
                &["s.yaml:1:31: `command` is empty"],
            );
            check(
                list,
                "exec: { service: r, run: [] }",
                &["s.yaml:1:26: `run` is empty"],
            );
        }
    }

    #[test]
    fn a_misspelt_key_is_one_problem() {
        let start = |yaml: &str, expected: &str| check(StepList::Start, yaml, &[expected]);
        start(
            "redsi: { service: r, command: [PING] }",
            "s.yaml:1:1: unknown key `redsi` in a step (did you mean `redis`?)",
        );
        start(
            "rdis: { service: r, command: [PING] }",
            "s.yaml:1:1: unknown key `rdis` in a step (did you mean `redis`?)",
        );
        start(
            "redis: { servce: r, command: [PING] }",
            "s.yaml:1:10: unknown key `servce` in a `redis` probe (did you mean `service`?)",
        );
        start(
            "sql: { service: r, qeury: SELECT 1 }",
            "s.yaml:1:20: unknown key `qeury` in an `sql` probe (did you mean `query`?)",
        );
        start(
            "amqp: { service: r, declare_que: { name: a } }",
            "s.yaml:1:21: unknown key `declare_que` in an `amqp` probe (did you mean `declare_queue`?)",
        );
        // The operation has another type, and is there.
        start(
            "amqp: { service: r, declare_queue: drafts }",
            "s.yaml:1:36: a `declare_queue` operation must be a mapping, not `drafts`",
        );
    }

    #[test]
    fn a_step_needs_one_probe_a_statement_and_an_operation() {
        let keys = "`redis`, `exec`, `http`, `tcp`, `log`, `file`, `sql`, `mongo`, `amqp`, `measure`, `restart`, `network`, `pause`, `stop`, `start`, `disk`, `client`";
        let start = |yaml: &str, expected: &str| check(StepList::Start, yaml, &[expected]);
        start(
            "within: 2s",
            &format!("s.yaml:1:1: missing probe or action in a step (add one of {keys})"),
        );
        start(
            "fault: { service: r }",
            &format!("s.yaml:1:1: unknown key `fault` in a step (use one of {keys})"),
        );
        start(
            "sql: { service: r }",
            "s.yaml:1:6: an `sql` probe needs either `query` or `script`",
        );
        start(
            "sql: { service: r, query: SELECT 1, script: SELECT 1 }",
            "s.yaml:1:6: an `sql` probe needs either `query` or `script`",
        );
        let operations = "`queue`, `exchange`, `stream`, `get`, `publish`, `declare_queue`, `declare_exchange`, `bind`, `unbind`, `purge`, `delete_queue`, `delete_exchange`";
        let expected = format!(
            "s.yaml:1:7: an `amqp` probe needs exactly one operation (use one of {operations})"
        );
        start("amqp: { service: r }", &expected);
        start("amqp: { service: r, get: a, purge: a }", &expected);
    }

    #[test]
    fn a_key_with_another_word_is_one_problem() {
        let start = |yaml: &str, expected: &str| check(StepList::Start, yaml, &[expected]);
        start(
            "exec: { service: r, command: [ls] }",
            "s.yaml:1:21: unknown key `command` in an `exec` probe (missing here: `run`)",
        );
        start(
            "http: { service: r, url: /x }",
            "s.yaml:1:21: unknown key `url` in an `http` probe (missing here: `path`)",
        );
        start(
            "http: { service: r, path: /, auth: { username: a } }",
            "s.yaml:1:38: unknown key `username` in a login (missing here: `user`)",
        );
    }

    #[test]
    fn what_is_empty_is_named() {
        let start = |yaml: &str, expected: &str| check(StepList::Start, yaml, &[expected]);
        start("redis:", "s.yaml:1:1: `redis` is empty");
        start(
            "{ redis: { service: r, command: [PING] }, expect: }",
            "s.yaml:1:43: `expect` is empty",
        );
        start(
            "amqp: { service: r, queue: }",
            "s.yaml:1:21: `queue` is empty",
        );
    }

    #[test]
    fn numbers_and_names_of_probes_have_limits() {
        let start = |yaml: &str, expected: &[&str]| check(StepList::Start, yaml, expected);
        start("log: { service: r, tail: 10000 }", &[]);
        for tail in ["-5", "0", "10001"] {
            let problem = format!("s.yaml:1:26: `tail` must be from 1 to 10000, not {tail}");
            start(&format!("log: {{ service: r, tail: {tail} }}"), &[&problem]);
        }
        start("amqp: { service: r, stream: s, limit: 1000 }", &[]);
        start(
            "amqp: { service: r, stream: s, limit: 1001 }",
            &["s.yaml:1:39: `limit` must be from 1 to 1000, not 1001"],
        );
        for method in ["GET", "post", "PROPFIND", "PURGE", "LIST"] {
            start(
                &format!("http: {{ service: r, path: /, method: {method} }}"),
                &[],
            );
        }
        start(
            "http: { service: r, path: /, method: POTS }",
            &["s.yaml:1:38: unknown method `POTS` (did you mean `POST`?)"],
        );
    }

    #[test]
    fn a_capture_has_a_name_that_references_can_have() {
        let capture = |capture: &str, expected: &[&str]| {
            let yaml =
                format!("{{ redis: {{ service: r, command: [GET, a] }}, capture: {capture} }}");
            check(StepList::Start, &yaml, expected);
        };
        capture("a_b", &[]);
        capture("{ name: a2 }", &[]);
        let help = "(use letters, digits and `_`, and begin with a letter)";
        let problem = |column: usize| {
            format!("s.yaml:1:{column}: `a-b` cannot be the name of a capture {help}")
        };
        capture("a-b", &[&problem(54)]);
        capture("{ name: a-b }", &[&problem(62)]);
    }

    #[track_caller]
    fn check_whole_check(keys: &str, expected: &[&str]) {
        let node = Node::parse(Path::new("s.yaml"), keys).unwrap();
        let mut problems = Vec::new();
        read_check(&node, &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(printed, expected);
    }

    #[test]
    fn matchers_of_a_probe_that_cannot_be_read_are_not_judged() {
        let check = |probe: &str, expected: &[&str]| {
            let hints = "hints: [ { when: { error: x }, say: a } ]";
            check_whole_check(&format!("{{ id: c, {probe}, {hints} }}"), expected);
        };
        let impossible = "`error` can never hold here: `exec` returns no error of the service (compare `status` instead)";
        check(
            "exec: { service: r, run: [ls] }",
            &[&format!("s.yaml:1:62: {impossible}")],
        );
        check(
            "exec: { service: r, run: [ls], parse: yaml }",
            &["s.yaml:1:48: unknown format `yaml` (available: `json`, `lines`, `table`)"],
        );
        check(
            "exec: { service: r, run: [ls], contain: x }",
            &[
                "s.yaml:1:41: unknown key `contain` in an `exec` probe (available: `env`, `input`, `parse`, `run`, `script_file`, `service`, `user`, `workdir`)",
            ],
        );
        check_whole_check(
            "{ id: c, redis: { service: r, command: [GET, a] }, expect: { one_of: a } }",
            &["s.yaml:1:70: `one_of` must be a list, not `a`"],
        );
    }

    #[test]
    fn a_check_with_another_word_for_its_id_or_its_hint_is_one_problem() {
        check_whole_check(
            "{ name: c, redis: { service: r, command: [GET, a] } }",
            &["s.yaml:1:3: unknown key `name` in a check (missing here: `id`)"],
        );
        check_whole_check(
            "{ id: c, redis: { service: r, command: [GET, a] }, hints: [ { when: { equals: b }, hint: h } ] }",
            &["s.yaml:1:84: unknown key `hint` in a hint (missing here: `say`)"],
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
