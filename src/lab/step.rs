//! A step: one look at a service, or one deed, and what must hold of it. Pure data; `probe/` does the looking.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expect::{Matcher, ValuePath};
use crate::lab::{CheckId, ServiceName};
use crate::problem::Place;

/// How long one look may take if the step does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// One step of `ready`, `start`, `health`, a solution, a wrong answer, or within a check.
#[derive(Debug, Clone)]
pub struct Step {
    pub act: StepKind,
    /// What must hold; without it the service must answer without an error.
    pub expect: Matcher,
    /// Look again until it holds, at most this long. `None`: look once.
    pub within: Option<Duration>,
    /// How long one look may take.
    pub timeout: Duration,
    pub capture: Option<Capture>,
    pub place: Place,
    /// Where its service is named; the step itself if it is implied.
    pub service_place: Place,
}

/// Keeps what a step saw for later steps, as `${name}`.
#[derive(Debug, Clone)]
pub struct Capture {
    pub name: String,
    pub path: Option<ValuePath>,
}

/// One check of an exercise.
#[derive(Debug, Clone)]
pub struct Check {
    pub id: CheckId,
    pub step: Step,
    pub role: CheckRole,
    pub hints: Vec<ConditionalHint>,
}

/// What a check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckRole {
    /// Fails at the start and passes once the exercise is solved.
    Goal,
    /// Holds from the start and must go on holding.
    Guard,
}

/// A hint that belongs to what a check saw.
#[derive(Debug, Clone)]
pub struct ConditionalHint {
    pub when: Matcher,
    /// The name of a hint block in the guide.
    pub say: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StepKind {
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
pub struct RedisProbe {
    pub service: ServiceName,
    pub command: Vec<String>,
    pub db: i64,
}

/// A program run inside a service's container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecProbe {
    pub service: ServiceName,
    pub run: Vec<String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    pub env: BTreeMap<String, String>,
}

/// One HTTP request to a service's published port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpProbe {
    pub service: ServiceName,
    /// The container port; `None` is the service's first.
    pub port: Option<u16>,
    pub method: String,
    /// Begins with `/`.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub auth: Option<Login>,
    pub bearer: Option<String>,
    pub body: HttpBody,
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum HttpBody {
    Nothing,
    Text(String),
    Json(Value),
    Form(Vec<(String, String)>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Login {
    pub user: String,
    pub password: String,
}

/// A TCP connection: optional words, and what the server sends first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TcpProbe {
    pub service: ServiceName,
    pub port: Option<u16>,
    pub send: Option<String>,
}

/// The last lines of a service's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogProbe {
    pub service: ServiceName,
    pub tail: u32,
}

/// A file in the learner's workspace, or in a service's container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileProbe {
    /// `None` is the workspace.
    pub service: Option<ServiceName>,
    pub path: String,
    pub change: FileChange,
}

/// What a file step does to the file before it looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FileChange {
    Nothing,
    Write(String),
    /// A path below the lab's folder.
    CopyFrom(String),
    Remove,
}

/// One SQL statement that gives rows, or a script of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SqlProbe {
    pub service: ServiceName,
    pub text: SqlText,
    pub database: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SqlText {
    Query(String),
    Script(String),
}

/// One MongoDB database command, as relaxed extended JSON; the first key names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MongoProbe {
    pub service: ServiceName,
    pub database: Option<String>,
    pub command: Value,
}

/// One AMQP 0-9-1 operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AmqpProbe {
    pub service: ServiceName,
    pub vhost: Option<String>,
    pub operation: AmqpOperation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AmqpOperation {
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
pub struct Publish {
    pub exchange: String,
    pub routing_key: String,
    pub body: String,
    pub persistent: bool,
    pub headers: Value,
    /// Milliseconds, as text, as AMQP wants it.
    pub expiration: Option<String>,
    pub mandatory: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    pub queue: String,
    pub exchange: String,
    pub routing_key: String,
    pub arguments: Value,
}

/// Stops a service and starts it again, keeping its container and data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    pub service: ServiceName,
    pub how: RestartMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartMode {
    /// SIGTERM (or the image's stop signal), as a planned restart does.
    Stop,
    /// SIGKILL, as a crash or a power cut does.
    Kill,
}

impl StepKind {
    /// The service a step is about; `None` for a file of the workspace.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            StepKind::Redis(p) => Some(&p.service),
            StepKind::Exec(p) => Some(&p.service),
            StepKind::Http(p) => Some(&p.service),
            StepKind::Tcp(p) => Some(&p.service),
            StepKind::Log(p) => Some(&p.service),
            StepKind::File(p) => p.service.as_ref(),
            StepKind::Sql(p) => Some(&p.service),
            StepKind::Mongo(p) => Some(&p.service),
            StepKind::Amqp(p) => Some(&p.service),
            StepKind::Restart(p) => Some(&p.service),
        }
    }

    /// The same act with `${name}` of captures filled in.
    pub fn with_captures(&self, captures: &BTreeMap<String, String>) -> Self {
        if captures.is_empty() {
            return self.clone();
        }
        let with_captures = serde_json::to_value(self).map(|value| fill(value, captures));
        with_captures
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
impl std::fmt::Display for StepKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |words: &[String]| {
            let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
            quoted.join(" ")
        };
        match self {
            StepKind::Redis(p) => write!(f, "redis {}", words(&p.command)),
            StepKind::Exec(p) => write!(f, "{}: {}", p.service, words(&p.run)),
            StepKind::Http(p) => {
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
            StepKind::Tcp(p) => write!(f, "connect to {}", p.service),
            StepKind::Log(p) => write!(f, "log of {}", p.service),
            StepKind::File(p) => match &p.change {
                FileChange::Nothing => write!(f, "file {}", p.path),
                FileChange::Write(_) => write!(f, "write {}", p.path),
                FileChange::CopyFrom(from) => write!(f, "copy {from} to {}", p.path),
                FileChange::Remove => write!(f, "remove {}", p.path),
            },
            StepKind::Sql(p) => match &p.text {
                SqlText::Query(text) | SqlText::Script(text) => write!(f, "sql {}", one_line(text)),
            },
            StepKind::Mongo(p) => write!(f, "mongo {}", p.command),
            StepKind::Amqp(p) => write!(f, "amqp {}", p.operation),
            StepKind::Restart(p) => match p.how {
                RestartMode::Stop => write!(f, "restart {}", p.service),
                RestartMode::Kill => write!(f, "kill and start {}", p.service),
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
