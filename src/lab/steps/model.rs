//! Steps: a probe of a service or an action, and the expected result. The `probe` room runs them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::expect::{Matcher, Typing, ValuePath};
use crate::lab::id::{CheckId, ServiceName};
use crate::problem::Place;

/// The default time limit of one attempt.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// A step of `ready`, `start`, `health`, a check, a solution or a wrong answer.
#[derive(Debug, Clone)]
pub struct Step {
    pub act: StepKind,
    /// The expected result; by default an answer without an error.
    pub expect: Matcher,
    /// Retry until the result is as expected, at most this long. `None`: try once.
    pub within: Option<Duration>,
    /// The result must stay as expected for this long.
    pub holds_for: Option<Duration>,
    /// The time limit of one attempt.
    pub timeout: Duration,
    pub capture: Option<Capture>,
    /// Why a step that can write by its form only reads, in the words of the author.
    pub read_only: Option<String>,
    /// Whether a solution fails without the step.
    pub necessity: Necessity,
    pub place: Place,
    /// The place of the service's name, or of the probe or action if the name is implied.
    pub service_place: Place,
}

/// Whether a solution fails without one of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Necessity {
    Required,
    Optional,
}

/// Stores the result of a step, so that later steps can refer to it as `${name}`.
#[derive(Debug, Clone)]
pub struct Capture {
    pub name: String,
    pub path: Option<ValuePath>,
}

/// A check of an exercise.
#[derive(Debug, Clone)]
pub struct Check {
    pub id: CheckId,
    pub step: Step,
    /// Compares with what the check saw when the exercise began, instead of `step.expect`.
    pub unchanged: Option<Unchanged>,
    pub role: CheckRole,
    pub secrecy: Secrecy,
    /// Why the proof does not require that a wrong answer needs this check or its matchers, in the words of the author.
    pub why: Option<String>,
    pub hints: Vec<ConditionalHint>,
}

/// Requires what the check saw when the exercise began.
#[derive(Debug, Clone)]
pub struct Unchanged {
    /// The part that must stay; `None` for the whole value.
    pub path: Option<ValuePath>,
}

/// Whether the expected and the actual value of a check are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    Shown,
    /// The values would give the answer away, so they are never printed.
    Hidden,
}

/// The purpose of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckRole {
    /// It fails at first and passes once the exercise is solved.
    Goal,
    /// It passes from the start and must keep passing.
    Guard,
}

/// A hint for a certain result of a check.
#[derive(Debug, Clone)]
pub struct ConditionalHint {
    pub when: Matcher,
    /// The id of a hint in the guide.
    pub say: String,
}

/// The probe or action of a step.
#[derive(Debug, Clone, PartialEq)]
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
    Ratio(RatioProbe),
    Restart(Restart),
    Fault(Fault),
    Client(ClientInput),
}

/// A Redis command.
#[derive(Debug, Clone, PartialEq)]
pub struct RedisProbe {
    pub service: ServiceName,
    pub command: Vec<String>,
    pub db: i64,
}

/// A program that runs inside the container of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecProbe {
    pub service: ServiceName,
    pub run: Vec<String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    pub env: BTreeMap<String, String>,
    /// Text for the standard input of the program.
    pub input: Option<String>,
    pub format: OutputFormat,
}

/// How the output of a program is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    Text,
    /// One value, or a list of several.
    Json,
    /// A list of texts.
    Lines,
    /// A list of objects by the names in the first line.
    Table,
}

impl OutputFormat {
    /// The formats that have a name in lab.yaml.
    pub const NAMED: [(&str, OutputFormat); 3] = [
        ("json", OutputFormat::Json),
        ("lines", OutputFormat::Lines),
        ("table", OutputFormat::Table),
    ];
}

/// An HTTP request to a published port of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpProbe {
    pub service: ServiceName,
    /// The container port; `None` for the first of the service.
    pub port: Option<u16>,
    pub method: String,
    /// The path, which begins with `/`.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub auth: Option<Login>,
    pub bearer: Option<String>,
    pub body: HttpBody,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum HttpBody {
    Nothing,
    Text(String),
    Json(Value),
    Form(Vec<(String, String)>),
}

/// The user and password of an HTTP request.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

/// A TCP connection: what to send, if anything, and what the server sends first.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpProbe {
    pub service: ServiceName,
    pub port: Option<u16>,
    pub send: Option<String>,
}

/// The last lines of the log of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct LogProbe {
    pub service: ServiceName,
    pub tail: u32,
}

/// A file in the learner's workspace or in the container of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct FileProbe {
    /// `None` for a file in the workspace.
    pub service: Option<ServiceName>,
    pub path: String,
    pub change: FileChange,
}

/// The change that a file step makes before it reads the file.
#[derive(Debug, Clone, PartialEq)]
pub enum FileChange {
    Nothing,
    Write(String),
    /// The path of a file in the lab's folder.
    CopyFrom(String),
    Remove,
}

/// A SQL query, or a script of several statements.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlProbe {
    pub service: ServiceName,
    pub text: SqlText,
    /// The file that the script is from, in the lab's folder.
    pub file: Option<String>,
    pub database: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
}

/// The text of an SQL step.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlText {
    Query(String),
    Script(String),
}

impl SqlText {
    /// Returns the statements.
    pub fn as_str(&self) -> &str {
        match self {
            SqlText::Query(text) | SqlText::Script(text) => text,
        }
    }
}

/// A MongoDB database command as relaxed extended JSON. Its first key is the name of the command.
#[derive(Debug, Clone, PartialEq)]
pub struct MongoProbe {
    pub service: ServiceName,
    pub database: Option<String>,
    pub command: Value,
}

/// An AMQP 0-9-1 operation.
#[derive(Debug, Clone, PartialEq)]
pub struct AmqpProbe {
    pub service: ServiceName,
    pub vhost: Option<String>,
    pub operation: AmqpOperation,
}

/// The operation of an AMQP step.
#[derive(Debug, Clone, PartialEq)]
pub enum AmqpOperation {
    /// A passive declare, which returns the numbers of messages and consumers.
    Queue(String),
    /// A passive declare of an exchange.
    Exchange(String),
    /// Reads messages of a stream, which removes none.
    Stream {
        queue: String,
        from: StreamOffset,
        limit: u16,
    },
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

/// Where reading a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOffset {
    /// The first message that the stream still has.
    First,
    /// The last chunk of messages.
    Last,
    /// The message with this number.
    Number(u32),
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    pub exchange: String,
    pub routing_key: String,
    pub body: String,
    pub persistent: bool,
    pub headers: Value,
    /// Milliseconds, as a string, as AMQP requires.
    pub expiration: Option<String>,
    pub mandatory: bool,
}

/// A binding of a queue to an exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    pub queue: String,
    pub exchange: String,
    pub routing_key: String,
    pub arguments: Value,
}

/// How many times as long one side of a measurement takes as another one.
#[derive(Debug, Clone, PartialEq)]
pub struct RatioProbe {
    /// A measurement of the exercise.
    pub measurement: CheckId,
    /// The side whose time is divided by that of `faster`.
    pub slower: CheckId,
    pub faster: CheckId,
}

/// Stops a service and starts it again, with the same container and data.
#[derive(Debug, Clone, PartialEq)]
pub struct Restart {
    pub service: ServiceName,
    pub how: RestartMode,
}

/// A fault of a service, or the end of one. It lasts until a step, `roadlab fault … heal`, `reset` or `up` undoes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub service: ServiceName,
    pub kind: FaultKind,
}

/// What happens to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// It is cut off from its peers. Probes, its client and its web interface still reach it.
    Cut,
    /// It is connected to its peers again, under the same names and address.
    Reconnect,
    /// Its processes stand still; connections stay open and get no answer.
    Pause,
    Stop(RestartMode),
    /// It is started, or continues if it is paused, and is waited for.
    Start,
    /// The file system in memory at this path is filled.
    FillDisk(String),
    /// What filled it is removed.
    FreeDisk(String),
}

/// Text that a learner would type into a service's own client, in the service's container.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientInput {
    pub service: ServiceName,
    pub input: String,
}

/// How a service is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartMode {
    /// With SIGTERM or the image's stop signal, like a planned restart.
    Stop,
    /// With SIGKILL, like a crash.
    Kill,
}

impl StepKind {
    /// Returns the service that the step is about; `None` for a file of the workspace and for a measurement.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            StepKind::Redis(probe) => Some(&probe.service),
            StepKind::Exec(probe) => Some(&probe.service),
            StepKind::Http(probe) => Some(&probe.service),
            StepKind::Tcp(probe) => Some(&probe.service),
            StepKind::Log(probe) => Some(&probe.service),
            StepKind::File(probe) => probe.service.as_ref(),
            StepKind::Sql(probe) => Some(&probe.service),
            StepKind::Mongo(probe) => Some(&probe.service),
            StepKind::Amqp(probe) => Some(&probe.service),
            StepKind::Ratio(_) => None,
            StepKind::Restart(restart) => Some(&restart.service),
            StepKind::Fault(fault) => Some(&fault.service),
            StepKind::Client(client) => Some(&client.service),
        }
    }

    /// Returns the key in lab.yaml.
    pub fn key(&self) -> &'static str {
        match self {
            StepKind::Redis(_) => "redis",
            StepKind::Exec(_) => "exec",
            StepKind::Http(_) => "http",
            StepKind::Tcp(_) => "tcp",
            StepKind::Log(_) => "log",
            StepKind::File(_) => "file",
            StepKind::Sql(_) => "sql",
            StepKind::Mongo(_) => "mongo",
            StepKind::Amqp(_) => "amqp",
            StepKind::Ratio(_) => "measure",
            StepKind::Restart(_) => "restart",
            StepKind::Fault(fault) => fault.kind.key(),
            StepKind::Client(_) => "client",
        }
    }

    /// Returns whether the protocol of the step knows types. PostgreSQL returns the rows of a script as text.
    pub fn typing(&self) -> Typing {
        match self {
            StepKind::Http(_)
            | StepKind::Mongo(_)
            | StepKind::Amqp(_)
            | StepKind::Ratio(_)
            | StepKind::Sql(SqlProbe {
                text: SqlText::Query(_),
                ..
            })
            | StepKind::Exec(ExecProbe {
                format: OutputFormat::Json,
                ..
            }) => Typing::Typed,
            StepKind::Sql(_)
            | StepKind::Redis(_)
            | StepKind::Exec(_)
            | StepKind::Tcp(_)
            | StepKind::Log(_)
            | StepKind::File(_)
            | StepKind::Restart(_)
            | StepKind::Fault(_)
            | StepKind::Client(_) => Typing::TextOnly,
        }
    }
}

impl FaultKind {
    /// Returns the key in lab.yaml.
    pub fn key(&self) -> &'static str {
        match self {
            FaultKind::Cut | FaultKind::Reconnect => "network",
            FaultKind::Pause => "pause",
            FaultKind::Stop(_) => "stop",
            FaultKind::Start => "start",
            FaultKind::FillDisk(_) | FaultKind::FreeDisk(_) => "disk",
        }
    }
}
