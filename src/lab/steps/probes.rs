//! Reads probes and actions from YAML, one function for each.

use crate::lab::steps::model::{
    ClientInput, ExecProbe, FileChange, FileProbe, HttpBody, HttpProbe, LogProbe, Login,
    MongoProbe, OutputFormat, RedisProbe, Restart, RestartMode, SqlProbe, SqlText, TcpProbe,
};
use crate::lab::steps::service_field::{ImpliedService, read_in_range, read_service, read_words};
use crate::lab::yaml::{Fields, Mapping, Node, Problems, entries, string};
use crate::problem::{Code, Problem, nearest, suggestion};
use crate::text;

/// Reads a `redis` probe.
pub(crate) fn read_redis(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<RedisProbe> {
    let service = read_service(node, fields, implied, problems);
    let command = read_words(node, fields, "command", problems);
    let db = fields.integer("db", problems).unwrap_or(0);
    // Becomes several steps before they are read.
    fields.get("script_file");
    Some(RedisProbe {
        service: service?,
        command: command?,
        db,
    })
}

/// Reads an `exec` probe.
pub(crate) fn read_exec(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<ExecProbe> {
    let service = read_service(node, fields, implied, problems);
    let run = read_words(node, fields, "run", problems);
    let user = fields.string("user", problems);
    let workdir = fields.string("workdir", problems);
    let env = fields.string_map("env", problems).into_iter().collect();
    let input = fields.string("input", problems);
    // Becomes `input` before steps are read.
    fields.get("script_file");
    check_input_size(input.as_deref(), node, problems);
    let format = fields.string("parse", problems).map(|written| {
        let mut named = OutputFormat::NAMED.into_iter();
        let found = named.find(|(name, _)| *name == written);
        found.map(|(_, format)| format).unwrap_or_else(|| {
            let what = text!("unknown format `{written}`", written);
            let help = suggestion(&written, OutputFormat::NAMED.map(|(name, _)| name));
            let place = fields.get("parse").unwrap_or(node).place();
            problems.push(
                Problem::new(what)
                    .code(Code::UnknownName)
                    .at(place)
                    .help(help),
            );
            OutputFormat::Text
        })
    });
    Some(ExecProbe {
        service: service?,
        run: run?,
        user,
        workdir,
        env,
        input,
        format: format.unwrap_or(OutputFormat::Text),
    })
}

/// Refuses a path that would lead to another server than the service once it stands behind a host and a port.
pub(crate) fn check_server_path(written: &str, node: &Node, problems: &mut Problems) {
    if !written.starts_with('/') || written.starts_with("//") {
        let what = text!(
            "`path` must begin with a single `/`, not `{written}`",
            written
        );
        let help = text!("a path of the service itself, without a host");
        problems.push(Problem::new(what).at(node.place()).help(help));
    }
}

/// Reads an `http` probe.
pub(crate) fn read_http(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<HttpProbe> {
    let service = read_service(node, fields, implied, problems);
    let path = fields.required("path", node, problems).and_then(|path| {
        let written = string(path, "path", problems)?;
        check_server_path(&written, path, problems);
        Some(written)
    });
    let method = read_method(fields, problems).unwrap_or_else(|| "GET".to_owned());
    let query = fields.string_map("query", problems);
    let headers = fields.string_map("headers", problems);
    let auth = fields
        .get("auth")
        .and_then(|auth| read_login(auth, problems));
    let bearer = fields.string("bearer", problems);
    let json = fields
        .get("json")
        .map(|json| HttpBody::Json(json.to_json()));
    let body = fields.string("body", problems).map(HttpBody::Text);
    let form = Some(fields.string_map("form", problems))
        .filter(|form| !form.is_empty())
        .map(HttpBody::Form);
    let port = read_port(fields, problems);
    let mut bodies = [json, body, form].into_iter().flatten();
    let body = bodies.next().unwrap_or(HttpBody::Nothing);
    if bodies.next().is_some() {
        let what = text!("`json`, `body` and `form` are mutually exclusive");
        problems.push(Problem::new(what).at(node.place()));
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

/// The usual methods of HTTP requests. Servers may have others.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "LIST",
];

/// Reads the method of a request. One that is nearly a usual one is a problem.
fn read_method(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let method = fields.string("method", problems)?;
    let upper = method.to_ascii_uppercase();
    if !METHODS.contains(&upper.as_str()) && nearest(&upper, METHODS).is_some() {
        let place = fields.get("method")?.place();
        let what = text!("unknown method `{method}`", method);
        let help = suggestion(&upper, METHODS);
        let problem = Problem::new(what).code(Code::UnknownName);
        problems.push(problem.at(place).help(help));
    }
    Some(method)
}

fn read_login(node: &Node, problems: &mut Problems) -> Option<Login> {
    let mut fields = Fields::open(node, Mapping::Login, problems)?;
    let user = fields.required_string("user", node, problems);
    let password = fields.string("password", problems).unwrap_or_default();
    fields.close(problems);
    Some(Login {
        user: user?,
        password,
    })
}

fn read_port(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<u16> {
    let port = fields.integer("port", problems)?;
    let found = u16::try_from(port).ok().filter(|port| *port > 0);
    if found.is_none() {
        let place = fields.get("port")?.place();
        let what = text!("`port` must be from 1 to 65535, not `{port}`", port);
        problems.push(Problem::new(what).code(Code::Limit).at(place));
    }
    found
}

/// Reads a `tcp` probe.
pub(crate) fn read_tcp(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<TcpProbe> {
    let service = read_service(node, fields, implied, problems);
    let port = read_port(fields, problems);
    let send = fields.string("send", problems);
    Some(TcpProbe {
        service: service?,
        port,
        send,
    })
}

/// How many lines of a log are read by default and at most.
const DEFAULT_TAIL: u32 = 1000;
const MAX_TAIL: i64 = 10_000;

/// Reads a `log` probe.
pub(crate) fn read_log(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<LogProbe> {
    let service = read_service(node, fields, implied, problems);
    let tail = read_in_range(fields, "tail", 1..=MAX_TAIL, problems);
    let tail = tail.and_then(|tail| u32::try_from(tail).ok());
    Some(LogProbe {
        service: service?,
        tail: tail.unwrap_or(DEFAULT_TAIL),
    })
}

/// Reads a `file` probe.
pub(crate) fn read_file(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<FileProbe> {
    let service = match fields.contains("service") {
        true => Some(read_service(node, fields, None, problems)?),
        false => None,
    };
    let written = fields.required("path", node, problems)?;
    let path = string(written, "path", problems)?;
    let outside = path.split('/').any(|part| part == "..");
    if outside || service.is_some() != path.starts_with('/') {
        let problem = match service {
            Some(_) => Problem::new(text!(
                "`path` must be an absolute path in the container, not `{path}`",
                path
            )),
            None => Problem::new(text!(
                "`path` must be a path in the workspace, not `{path}`",
                path
            ))
            .help(text!("add `service` to read a file in a container")),
        };
        problems.push(problem.at(written.place()));
    }
    let write = fields.string("write", problems).map(FileChange::Write);
    let copy = fields.string("copy_from", problems);
    if copy
        .as_deref()
        .is_some_and(|from| from.starts_with('/') || from.split('/').any(|part| part == ".."))
    {
        let what = text!("`copy_from` must be a path in the lab's folder");
        problems.push(Problem::new(what).at(node.place()));
    }
    let copy = copy.map(FileChange::CopyFrom);
    let remove = fields
        .boolean("remove", problems)
        .filter(|remove| *remove)
        .map(|_| FileChange::Remove);
    let mut changes = [write, copy, remove].into_iter().flatten();
    let change = changes.next().unwrap_or(FileChange::Nothing);
    if changes.next().is_some() {
        let what = text!("`write`, `copy_from` and `remove` are mutually exclusive");
        problems.push(Problem::new(what).at(node.place()));
    }
    Some(FileProbe {
        service,
        path,
        change,
    })
}

/// Reads an `sql` probe.
pub(crate) fn read_sql(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<SqlProbe> {
    let service = read_service(node, fields, implied, problems);
    let query = fields.string("query", problems).map(SqlText::Query);
    let script = fields.string("script", problems).map(SqlText::Script);
    let database = fields.string("database", problems);
    let user = fields.string("user", problems);
    let password = fields.string("password", problems);
    let file = fields.string("script_file", problems);
    let what = text!("an `sql` probe needs either `query` or `script`");
    let problem = Problem::new(what).at(node.place());
    fields.exactly_one(&["query", "script"], problem, problems)?;
    Some(SqlProbe {
        service: service?,
        text: query.or(script)?,
        file,
        database,
        user,
        password,
    })
}

/// Reads a `mongo` probe.
pub(crate) fn read_mongo(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<MongoProbe> {
    let service = read_service(node, fields, implied, problems);
    let database = fields.string("database", problems);
    // Becomes several steps before they are read.
    fields.get("script_file");
    let command = fields.required("command", node, problems)?;
    if entries(command, "command", problems).is_empty() {
        let what = text!("`command` must be a database command, whose first key is its name");
        problems.push(Problem::new(what).at(command.place()));
    }
    Some(MongoProbe {
        service: service?,
        database,
        command: command.to_json(),
    })
}

/// Reads a `restart` action.
pub(crate) fn read_restart(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Restart> {
    let service = read_service(node, fields, None, problems);
    let how = match fields.boolean("kill", problems) {
        Some(true) => RestartMode::Kill,
        Some(false) | None => RestartMode::Stop,
    };
    Some(Restart {
        service: service?,
        how,
    })
}

fn check_input_size(input: Option<&str>, node: &Node, problems: &mut Problems) {
    if input.is_some_and(|input| input.len() > MAX_INPUT) {
        let what = text!("`input` is longer than {limit} bytes", limit = MAX_INPUT);
        problems.push(Problem::new(what).at(node.place()));
    }
}

/// The longest input of a client, in bytes: Linux allows 128 KiB in one environment variable.
const MAX_INPUT: usize = 100 << 10;

/// Reads a `client` action.
pub(crate) fn read_client(
    node: &Node,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<ClientInput> {
    let service = read_service(node, fields, None, problems);
    let input = fields.required_string("input", node, problems);
    // Becomes `input` before steps are read.
    fields.get("script_file");
    check_input_size(input.as_deref(), node, problems);
    Some(ClientInput {
        service: service?,
        input: input?,
    })
}
