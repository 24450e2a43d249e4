//! Reads steps and checks from YAML.

use std::time::Duration;

use serde_json::{Value, json};

use crate::expect::{Matcher, ValuePath};
use crate::lab::fields::{Fields, Problems, entries, text};
use crate::lab::read_amqp::amqp;
use crate::lab::read_matcher::matcher;
use crate::lab::step::*;
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
        act: Act::Restart(_),
        ..
    }) = &step
    {
        problems.push(Problem::new("a check looks, it does not restart").at(node.place()));
    }
    if let Some(Step {
        act: Act::File(FileProbe { change, .. }),
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

fn seen_hint(node: &Node, problems: &mut Problems) -> Option<SeenHint> {
    let mut fields = Fields::open(node, "hint", problems)?;
    let when = fields
        .required("when", node, problems)
        .map(|when| matcher(when, problems));
    let say = fields
        .required("say", node, problems)
        .and_then(|say| text(say, "say", problems));
    fields.close(problems);
    Some(SeenHint {
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
    let found: Vec<&str> = ACTS.into_iter().filter(|act| fields.has(act)).collect();
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
    Some(Step {
        act: act?,
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
) -> Option<Act> {
    let mut asked = ACTS
        .into_iter()
        .filter_map(|act| fields.get(act).map(|node| (act, node)));
    let Some((name, node)) = asked.next() else {
        problems.push(Problem::new("this probe says nothing").at(owner.place()));
        return None;
    };
    fields.ignore(&ACTS);
    let mut fields = Fields::open(node, name, problems)?;
    let act = match name {
        "redis" => redis(node, &mut fields, implied, problems).map(Act::Redis),
        "exec" => exec(node, &mut fields, implied, problems).map(Act::Exec),
        "http" => http(node, &mut fields, implied, problems).map(Act::Http),
        "tcp" => tcp(node, &mut fields, implied, problems).map(Act::Tcp),
        "log" => log(node, &mut fields, implied, problems).map(Act::Log),
        "file" => file(node, &mut fields, problems).map(Act::File),
        "sql" => sql(node, &mut fields, implied, problems).map(Act::Sql),
        "mongo" => mongo(node, &mut fields, implied, problems).map(Act::Mongo),
        "amqp" => amqp(node, &mut fields, implied, problems).map(Act::Amqp),
        _ => restart(node, &mut fields, problems).map(Act::Restart),
    };
    fields.close(problems);
    act
}

/// The service a probe is about, written or implied.
pub(crate) fn service(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<ServiceName> {
    let Some(written) = fields.get("service") else {
        if implied.is_none() {
            problems.push(Problem::new("this probe needs `service`: whom to ask").at(node.place()));
        }
        return implied.cloned();
    };
    let name = text(written, "service", problems)?;
    ServiceName::new(&name)
        .map_err(|e| problems.push(Problem::new(e.to_string()).at(written.place())))
        .ok()
}

fn redis(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<RedisProbe> {
    let service = service(node, fields, implied, problems);
    let command = fields.required("command", node, problems);
    let command = command
        .and_then(|_| fields.texts("command", problems))
        .filter(|words| !words.is_empty());
    let db = fields.integer("db", problems).unwrap_or(0);
    Some(RedisProbe {
        service: service?,
        command: command?,
        db,
    })
}

fn exec(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<ExecProbe> {
    let service = service(node, fields, implied, problems);
    let run = fields
        .required("run", node, problems)
        .and_then(|_| fields.texts("run", problems));
    let user = fields.text("user", problems);
    let workdir = fields.text("workdir", problems);
    let env = fields.text_map("env", problems).into_iter().collect();
    Some(ExecProbe {
        service: service?,
        run: run?,
        user,
        workdir,
        env,
    })
}

fn http(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<HttpProbe> {
    let service = service(node, fields, implied, problems);
    let path = fields.required("path", node, problems).and_then(|path| {
        let written = text(path, "path", problems)?;
        if !written.starts_with('/') || written.starts_with("//") {
            let what = format!("`{written}` must be a path that begins with one `/`");
            let help = "checks only reach the lab's own services, never another address";
            problems.push(Problem::new(what).at(path.place()).help(help));
        }
        Some(written)
    });
    let method = fields
        .text("method", problems)
        .unwrap_or_else(|| "GET".to_owned());
    let query = fields.text_map("query", problems);
    let headers = fields.text_map("headers", problems);
    let auth = fields.get("auth").and_then(|auth| login(auth, problems));
    let bearer = fields.text("bearer", problems);
    let json = fields
        .get("json")
        .map(|json| HttpBody::Json(json.to_json()));
    let body = fields.text("body", problems).map(HttpBody::Text);
    let form = Some(fields.text_map("form", problems))
        .filter(|form| !form.is_empty())
        .map(HttpBody::Form);
    let port = port(fields, problems);
    let mut bodies = [json, body, form].into_iter().flatten();
    let body = bodies.next().unwrap_or(HttpBody::Nothing);
    if bodies.next().is_some() {
        problems.push(
            Problem::new("a request carries one of `json`, `body` and `form`").at(node.place()),
        );
    }
    Some(HttpProbe {
        service: service?,
        port,
        method,
        path: path?,
        query,
        headers,
        auth,
        bearer,
        body,
    })
}

fn login(node: &Node, problems: &mut Problems) -> Option<Login> {
    let mut fields = Fields::open(node, "login", problems)?;
    let user = fields
        .required("user", node, problems)
        .and_then(|user| text(user, "user", problems));
    let password = fields.text("password", problems).unwrap_or_default();
    fields.close(problems);
    Some(Login {
        user: user?,
        password,
    })
}

fn port(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<u16> {
    let port = fields.integer("port", problems)?;
    let found = u16::try_from(port).ok().filter(|port| *port > 0);
    if found.is_none() {
        let place = fields.get("port")?.place();
        problems.push(Problem::new(format!("`{port}` is not a port: 1 to 65535")).at(place));
    }
    found
}

fn tcp(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<TcpProbe> {
    let service = service(node, fields, implied, problems);
    let port = port(fields, problems);
    let send = fields.text("send", problems);
    Some(TcpProbe {
        service: service?,
        port,
        send,
    })
}

fn log(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<LogProbe> {
    let service = service(node, fields, implied, problems);
    let tail = fields
        .integer("tail", problems)
        .and_then(|tail| u32::try_from(tail).ok())
        .unwrap_or(1000);
    Some(LogProbe {
        service: service?,
        tail: tail.min(10_000),
    })
}

fn file(node: &Node, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<FileProbe> {
    let service = match fields.has("service") {
        true => Some(service(node, fields, None, problems)?),
        false => None,
    };
    let written = fields.required("path", node, problems)?;
    let path = text(written, "path", problems)?;
    let outside = path.split('/').any(|part| part == "..");
    if outside || service.is_some() != path.starts_with('/') {
        let wanted = match service {
            Some(_) => "an absolute path in the container",
            None => "a path inside the workspace; name a `service` for a file in its container",
        };
        problems.push(Problem::new(format!("`{path}` must be {wanted}")).at(written.place()));
    }
    let write = fields.text("write", problems).map(FileChange::Write);
    let copy = fields.text("copy_from", problems);
    if copy
        .as_deref()
        .is_some_and(|from| from.starts_with('/') || from.split('/').any(|part| part == ".."))
    {
        problems
            .push(Problem::new("`copy_from` is a path below the lab's folder").at(node.place()));
    }
    let copy = copy.map(FileChange::CopyFrom);
    let remove = fields
        .bool("remove", problems)
        .filter(|remove| *remove)
        .map(|_| FileChange::Remove);
    let mut changes = [write, copy, remove].into_iter().flatten();
    let change = changes.next().unwrap_or(FileChange::Nothing);
    if changes.next().is_some() {
        problems.push(
            Problem::new("a file step does one of `write`, `copy_from` and `remove`")
                .at(node.place()),
        );
    }
    Some(FileProbe {
        service,
        path,
        change,
    })
}

fn sql(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<SqlProbe> {
    let service = service(node, fields, implied, problems);
    let query = fields.text("query", problems).map(SqlText::Query);
    let script = fields.text("script", problems).map(SqlText::Script);
    let database = fields.text("database", problems);
    let user = fields.text("user", problems);
    let password = fields.text("password", problems);
    let text = match (query, script) {
        (Some(text), None) | (None, Some(text)) => Some(text),
        _ => {
            problems
                .push(Problem::new("a sql step has either `query` or `script`").at(node.place()));
            None
        }
    };
    Some(SqlProbe {
        service: service?,
        text: text?,
        database,
        user,
        password,
    })
}

fn mongo(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<MongoProbe> {
    let service = service(node, fields, implied, problems);
    let database = fields.text("database", problems);
    let command = fields.required("command", node, problems)?;
    if entries(command, "command", problems).is_empty() {
        problems.push(
            Problem::new("`command` is a database command: its first key names it")
                .at(command.place()),
        );
    }
    Some(MongoProbe {
        service: service?,
        database,
        command: command.to_json(),
    })
}

fn restart(node: &Node, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Restart> {
    let service = service(node, fields, None, problems);
    let how = match fields.bool("kill", problems) {
        Some(true) => RestartHow::Kill,
        Some(false) | None => RestartHow::Stop,
    };
    Some(Restart {
        service: service?,
        how,
    })
}

/// A mapping as JSON, `{}` if it is not there.
pub(crate) fn object(fields: &mut Fields<'_>, key: &'static str) -> Value {
    fields.get(key).map_or_else(|| json!({}), Node::to_json)
}
