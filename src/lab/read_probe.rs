//! Reads what a step does: one function for each probe, and the restart.

use serde_json::{Value, json};

use crate::lab::ServiceName;
use crate::lab::fields::{Fields, Problems, entries, text};
use crate::lab::read_step::Implied;
use crate::lab::step::{
    ExecProbe, FileChange, FileProbe, HttpBody, HttpProbe, LogProbe, Login, MongoProbe, RedisProbe,
    Restart, RestartMode, SqlProbe, SqlText, TcpProbe,
};
use crate::lab::yaml::Node;
use crate::problem::Problem;

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

pub(crate) fn redis(
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

pub(crate) fn exec(
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

pub(crate) fn http(
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

pub(crate) fn tcp(
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

pub(crate) fn log(
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

pub(crate) fn file(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<FileProbe> {
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

pub(crate) fn sql(
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

pub(crate) fn mongo(
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

pub(crate) fn restart(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Restart> {
    let service = service(node, fields, None, problems);
    let how = match fields.bool("kill", problems) {
        Some(true) => RestartMode::Kill,
        Some(false) | None => RestartMode::Stop,
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
