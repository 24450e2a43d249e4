//! Reads steps and checks from YAML.

use std::time::Duration;

use crate::expect::{Matcher, ValuePath};
use crate::lab::id::CheckId;
use crate::lab::steps::amqp::read_amqp;
use crate::lab::steps::matcher::read_matcher;
use crate::lab::steps::model::{
    Capture, Check, CheckRole, ConditionalHint, DEFAULT_TIMEOUT, FileChange, FileProbe, Step,
    StepKind,
};
use crate::lab::steps::probes::{
    read_exec, read_file, read_http, read_log, read_mongo, read_redis, read_restart, read_sql,
    read_tcp,
};
use crate::lab::steps::service_field::ImpliedService;
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, string};
use crate::problem::{Problem, code_list};
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
    Restart,
}

impl StepKey {
    const ALL: [StepKey; 10] = [
        StepKey::Redis,
        StepKey::Exec,
        StepKey::Http,
        StepKey::Tcp,
        StepKey::Log,
        StepKey::File,
        StepKey::Sql,
        StepKey::Mongo,
        StepKey::Amqp,
        StepKey::Restart,
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
            StepKey::Restart => "restart",
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
            StepKey::Restart => Mapping::RestartAction,
        }
    }
}

/// The longest `within` and `timeout`.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// Reads a list of steps.
pub(crate) fn read_steps(
    nodes: &[&Node],
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Vec<Step> {
    nodes
        .iter()
        .filter_map(|node| {
            let mut fields = Fields::open(node, Mapping::Step, problems)?;
            let step = read_step(node, &mut fields, implied, problems);
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
            .map_err(|error| problems.push(Problem::new(error.text()).at(id.place())))
            .ok()
    });
    let role = match fields.boolean("guard", problems) {
        Some(true) => CheckRole::Guard,
        Some(false) | None => CheckRole::Goal,
    };
    let hints = fields.list("hints", problems);
    let hints = hints
        .into_iter()
        .filter_map(|hint| read_hint(hint, problems))
        .collect();
    let step = read_step(node, &mut fields, None, problems);
    match step.as_ref().map(|step| &step.act) {
        Some(StepKind::Restart(_)) => {
            let what = text!("`restart` is not allowed in a check");
            let help = text!("use it in `start` or `solution`");
            problems.push(Problem::new(what).at(node.place()).help(help));
        }
        Some(StepKind::File(FileProbe { change, .. })) if *change != FileChange::Nothing => {
            let what = text!("`write`, `copy_from` and `remove` are not allowed in a check");
            let help = text!("use them in `start` or `solution`");
            problems.push(Problem::new(what).at(node.place()).help(help));
        }
        _ => {}
    }
    fields.close(problems);
    Some(Check {
        id: id?,
        step: step?,
        role,
        hints,
    })
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

fn read_step(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
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
        [(key, value)] => read_kind(*key, *value, node, implied, problems),
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
    let within = read_wait(fields, "within", problems);
    let timeout = read_wait(fields, "timeout", problems).unwrap_or(DEFAULT_TIMEOUT);
    let capture = fields
        .get("capture")
        .and_then(|capture| read_capture(capture, problems));
    let service = present
        .first()
        .and_then(|(_, value)| value.as_ref()?.child("service"));
    Some(Step {
        act: act?,
        service_place: service.unwrap_or(node).place(),
        expect,
        within,
        timeout,
        capture,
        read_only: fields.string("read_only", problems),
        place: node.place(),
    })
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
        problems.push(Problem::new(what).at(owner.place()));
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
        StepKey::Restart => read_restart(node, inner, problems).map(StepKind::Restart),
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
    if wait > MAX_WAIT {
        let place = fields.get(key)?.place();
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
    let path = fields.get("path").and_then(|path| {
        let written = string(path, "path", problems)?;
        ValuePath::parse(&written)
            .map_err(|error| problems.push(Problem::new(error).at(path.place())))
            .ok()
    });
    fields.close(problems);
    Some(Capture { name: name?, path })
}
