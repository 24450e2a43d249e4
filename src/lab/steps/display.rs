//! Steps in one line, as a person would type them.

use std::fmt::{Display, Formatter, Result};

use crate::lab::steps::model::{
    AmqpOperation, FaultKind, FileChange, HttpBody, RestartMode, SqlText, StepKind,
};
use crate::text::command_line;

impl Display for StepKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            StepKind::Redis(p) => write!(f, "redis {}", typed(&p.command)),
            StepKind::Exec(p) => write!(f, "{}: {}", p.service, typed(&p.run)),
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
            StepKind::Sql(p) => match (&p.file, &p.text) {
                (Some(file), _) => write!(f, "sql {file}"),
                (None, SqlText::Query(text) | SqlText::Script(text)) => {
                    write!(f, "sql {}", one_line(text))
                }
            },
            StepKind::Mongo(p) => write!(f, "mongo {}", p.command),
            StepKind::Amqp(p) => write!(f, "amqp {}", p.operation),
            StepKind::Ratio(p) => write!(f, "measure {}", p.measurement),
            StepKind::Restart(p) => match p.how {
                RestartMode::Stop => write!(f, "restart {}", p.service),
                RestartMode::Kill => write!(f, "kill and start {}", p.service),
            },
            StepKind::Fault(p) => match &p.kind {
                FaultKind::Cut => write!(f, "cut off {}", p.service),
                FaultKind::Reconnect => write!(f, "reconnect {}", p.service),
                FaultKind::Pause => write!(f, "pause {}", p.service),
                FaultKind::Stop(RestartMode::Stop) => write!(f, "stop {}", p.service),
                FaultKind::Stop(RestartMode::Kill) => write!(f, "kill {}", p.service),
                FaultKind::Start => write!(f, "start {}", p.service),
                FaultKind::FillDisk(path) => write!(f, "fill {path} of {}", p.service),
                FaultKind::FreeDisk(path) => write!(f, "free {path} of {}", p.service),
            },
            StepKind::Client(p) => write!(f, "client of {}: {}", p.service, one_line(&p.input)),
        }
    }
}

impl Display for AmqpOperation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            AmqpOperation::Queue(queue) => write!(f, "queue {queue}"),
            AmqpOperation::Exchange(exchange) => write!(f, "exchange {exchange}"),
            AmqpOperation::Stream { queue, .. } => write!(f, "read stream {queue}"),
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

/// Returns words as they would be typed in a shell, in one line.
fn typed(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| one_line(word)).collect();
    command_line(words.iter().map(String::as_str))
}

/// Replaces all whitespace, including line breaks, with single spaces.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
