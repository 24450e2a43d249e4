//! A step: one look at a service, or one deed, and what must hold of it. Pure data; `probe/` does the looking.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expect::{Matcher, ValuePath};
use crate::lab::{CheckId, ServiceName};
use crate::problem::Place;

/// How long one look may take if the step does not say.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// One step of `ready`, `start`, `health`, a solution, a wrong answer, or within a check.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) act: Act,
    /// What must hold; without it the service must answer without an error.
    pub(crate) expect: Matcher,
    /// Look again until it holds, at most this long. `None`: look once.
    pub(crate) within: Option<Duration>,
    /// How long one look may take.
    pub(crate) timeout: Duration,
    pub(crate) capture: Option<Capture>,
    pub(crate) place: Place,
    /// Where its service is named; the step itself if it is implied.
    pub(crate) service_place: Place,
}

/// Keeps what a step saw for later steps, as `${name}`.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) path: Option<ValuePath>,
}

/// One check of an exercise.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) id: CheckId,
    pub(crate) step: Step,
    pub(crate) role: CheckRole,
    pub(crate) hints: Vec<SeenHint>,
}

/// What a check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckRole {
    /// Fails at the start and passes once the exercise is solved.
    Goal,
    /// Holds from the start and must go on holding.
    Guard,
}

/// A hint that belongs to what a check saw.
#[derive(Debug, Clone)]
pub(crate) struct SeenHint {
    pub(crate) when: Matcher,
    /// The name of a hint block in the guide.
    pub(crate) say: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Act {
    Redis(RedisProbe),
    Exec(ExecProbe),
    Http(HttpProbe),
    Tcp(TcpProbe),
    Log(LogProbe),
    File(FileProbe),
    Sql(SqlProbe),
    Mongo(MongoProbe),
    Amqp(AmqpProbe),
    Restart(Restart),
}

/// One Redis command; its arguments are texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RedisProbe {
    pub(crate) service: ServiceName,
    pub(crate) command: Vec<String>,
    pub(crate) db: i64,
}

/// A program run inside a service's container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExecProbe {
    pub(crate) service: ServiceName,
    pub(crate) run: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) workdir: Option<String>,
    pub(crate) env: BTreeMap<String, String>,
}

/// One HTTP request to a service's published port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HttpProbe {
    pub(crate) service: ServiceName,
    /// The container port; `None` is the service's first.
    pub(crate) port: Option<u16>,
    pub(crate) method: String,
    /// Begins with `/`.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) auth: Option<Login>,
    pub(crate) bearer: Option<String>,
    pub(crate) body: HttpBody,
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum HttpBody {
    Nothing,
    Text(String),
    Json(Value),
    Form(Vec<(String, String)>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// A TCP connection: optional words, and what the server sends first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TcpProbe {
    pub(crate) service: ServiceName,
    pub(crate) port: Option<u16>,
    pub(crate) send: Option<String>,
}

/// The last lines of a service's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogProbe {
    pub(crate) service: ServiceName,
    pub(crate) tail: u32,
}

/// A file in the learner's workspace, or in a service's container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileProbe {
    /// `None` is the workspace.
    pub(crate) service: Option<ServiceName>,
    pub(crate) path: String,
    pub(crate) change: FileChange,
}

/// What a file step does to the file before it looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum FileChange {
    Nothing,
    Write(String),
    /// A path below the lab's folder.
    CopyFrom(String),
    Remove,
}

/// One SQL statement that gives rows, or a script of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SqlProbe {
    pub(crate) service: ServiceName,
    pub(crate) text: SqlText,
    pub(crate) database: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum SqlText {
    Query(String),
    Script(String),
}

/// One MongoDB database command, as relaxed extended JSON; the first key names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MongoProbe {
    pub(crate) service: ServiceName,
    pub(crate) database: Option<String>,
    pub(crate) command: Value,
}

/// One AMQP 0-9-1 operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AmqpProbe {
    pub(crate) service: ServiceName,
    pub(crate) vhost: Option<String>,
    pub(crate) operation: AmqpOperation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum AmqpOperation {
    /// Passive declare: message and consumer counts.
    Queue(String),
    Get {
        queue: String,
        ack: bool,
    },
    Publish(Box<Publish>),
    DeclareQueue {
        name: String,
        durable: bool,
        exclusive: bool,
        auto_delete: bool,
        arguments: Value,
    },
    DeclareExchange {
        name: String,
        kind: String,
        durable: bool,
    },
    Bind(Binding),
    Unbind(Binding),
    Purge(String),
    DeleteQueue(String),
    DeleteExchange(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Publish {
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) body: String,
    pub(crate) persistent: bool,
    pub(crate) headers: Value,
    /// Milliseconds, as text, as AMQP wants it.
    pub(crate) expiration: Option<String>,
    pub(crate) mandatory: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Binding {
    pub(crate) queue: String,
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) arguments: Value,
}

/// Stops a service and starts it again, keeping its container and data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Restart {
    pub(crate) service: ServiceName,
    pub(crate) how: RestartHow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RestartHow {
    /// SIGTERM (or the image's stop signal), as a planned restart does.
    Stop,
    /// SIGKILL, as a crash or a power cut does.
    Kill,
}

impl Act {
    /// The service a step is about; `None` for a file of the workspace.
    pub(crate) fn service(&self) -> Option<&ServiceName> {
        match self {
            Act::Redis(p) => Some(&p.service),
            Act::Exec(p) => Some(&p.service),
            Act::Http(p) => Some(&p.service),
            Act::Tcp(p) => Some(&p.service),
            Act::Log(p) => Some(&p.service),
            Act::File(p) => p.service.as_ref(),
            Act::Sql(p) => Some(&p.service),
            Act::Mongo(p) => Some(&p.service),
            Act::Amqp(p) => Some(&p.service),
            Act::Restart(p) => Some(&p.service),
        }
    }

    /// The same act with `${name}` of captures filled in.
    pub(crate) fn filled(&self, captures: &BTreeMap<String, String>) -> Self {
        if captures.is_empty() {
            return self.clone();
        }
        let filled = serde_json::to_value(self).map(|value| fill(value, captures));
        filled
            .and_then(serde_json::from_value)
            .unwrap_or_else(|_| self.clone())
    }
}

fn fill(value: Value, captures: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(captures.iter().fold(text, |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        })),
        Value::Array(items) => items.into_iter().map(|item| fill(item, captures)).collect(),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(k, v)| (k, fill(v, captures)))
                .collect(),
        ),
        other => other,
    }
}

/// The step as a person would type it, in one line.
impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |words: &[String]| {
            let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
            quoted.join(" ")
        };
        match self {
            Act::Redis(p) => write!(f, "redis {}", words(&p.command)),
            Act::Exec(p) => write!(f, "{}: {}", p.service, words(&p.run)),
            Act::Http(p) => {
                write!(f, "{} {}", p.method, p.path)?;
                for (index, (key, value)) in p.query.iter().enumerate() {
                    write!(f, "{}{key}={value}", if index == 0 { '?' } else { '&' })?;
                }
                match &p.body {
                    HttpBody::Json(json) => write!(f, " {json}"),
                    HttpBody::Text(text) => write!(f, " {}", one_line(text)),
                    HttpBody::Nothing | HttpBody::Form(_) => Ok(()),
                }
            }
            Act::Tcp(p) => write!(f, "connect to {}", p.service),
            Act::Log(p) => write!(f, "log of {}", p.service),
            Act::File(p) => match &p.change {
                FileChange::Nothing => write!(f, "file {}", p.path),
                FileChange::Write(_) => write!(f, "write {}", p.path),
                FileChange::CopyFrom(from) => write!(f, "copy {from} to {}", p.path),
                FileChange::Remove => write!(f, "remove {}", p.path),
            },
            Act::Sql(p) => match &p.text {
                SqlText::Query(text) | SqlText::Script(text) => write!(f, "sql {}", one_line(text)),
            },
            Act::Mongo(p) => write!(f, "mongo {}", p.command),
            Act::Amqp(p) => write!(f, "amqp {}", p.operation),
            Act::Restart(p) => match p.how {
                RestartHow::Stop => write!(f, "restart {}", p.service),
                RestartHow::Kill => write!(f, "kill and start {}", p.service),
            },
        }
    }
}

impl std::fmt::Display for AmqpOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AmqpOperation::Queue(queue) => write!(f, "queue {queue}"),
            AmqpOperation::Get { queue, .. } => write!(f, "get {queue}"),
            AmqpOperation::Publish(p) => write!(
                f,
                "publish to `{}` with key `{}`",
                p.exchange, p.routing_key
            ),
            AmqpOperation::DeclareQueue { name, .. } => write!(f, "declare queue {name}"),
            AmqpOperation::DeclareExchange { name, kind, .. } => {
                write!(f, "declare {kind} exchange {name}")
            }
            AmqpOperation::Bind(b) => write!(
                f,
                "bind {} to {} with key `{}`",
                b.queue, b.exchange, b.routing_key
            ),
            AmqpOperation::Unbind(b) => write!(f, "unbind {} from {}", b.queue, b.exchange),
            AmqpOperation::Purge(queue) => write!(f, "purge {queue}"),
            AmqpOperation::DeleteQueue(queue) => write!(f, "delete queue {queue}"),
            AmqpOperation::DeleteExchange(exchange) => write!(f, "delete exchange {exchange}"),
        }
    }
}

fn quote(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "-_./:=@%+,*".contains(c));
    match plain {
        true => word.to_owned(),
        false => format!("\"{}\"", one_line(word).replace('"', "\\\"")),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
