//! Why a probe has no result.

use std::time::Duration;

use crate::engine::{EngineError, ErrorKind};
use crate::lab::ServiceName;
use crate::text;
use crate::text::Text;

/// Why a probe has no result.
///
/// The kinds in which the service itself is at fault are those that may pass: the service is starting, stopped or removed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.text().localized())]
pub enum ProbeError {
    /// Nothing listens at the service's published port.
    Refused { port: u16 },
    /// The connection to the service's published port failed or broke.
    Unreachable { port: u16, reason: Text },
    /// The service's container does not run. `heal` is the command that starts it, where it is known.
    NotRunning {
        service: ServiceName,
        heal: Option<String>,
    },
    /// The service's container was removed by another program.
    Removed {
        service: ServiceName,
        /// The command that creates it again.
        up: String,
    },
    /// The service's container is paused. `heal` is the command that continues it, where it is known.
    Paused {
        service: ServiceName,
        heal: Option<String>,
    },
    /// The container exited while a program ran in it.
    ContainerExited {
        service: ServiceName,
        program: String,
    },
    /// The service is up and does not take requests yet, or does not speak the protocol.
    NoAnswer(Text),
    /// The service rejects the user or the password.
    AccessDenied { service: ServiceName, reason: Text },
    /// The program is not in the container, or cannot be run there.
    NoProgram(Text),
    /// The step cannot be executed as it is written.
    InvalidStep(Text),
    /// The answer is larger than a step can use.
    TooLarge,
    /// The engine failed in another way.
    Engine(Text),
    /// Another session holds a lock that the step waits for.
    Locked(LockHolder),
    /// The step took longer than its timeout.
    Timeout(Duration),
}

impl ProbeError {
    /// Converts an engine's error about a service's container.
    pub fn from_engine(service: &ServiceName, error: EngineError, timeout: Duration) -> Self {
        let service = service.clone();
        match error.kind {
            ErrorKind::Paused => Self::Paused {
                service,
                heal: None,
            },
            ErrorKind::NotRunning | ErrorKind::NotFound => Self::NotRunning {
                service,
                heal: None,
            },
            ErrorKind::NoProgram | ErrorKind::CannotRun => Self::NoProgram(error.text()),
            ErrorKind::Timeout => Self::Timeout(timeout),
            _ => Self::Engine(error.text()),
        }
    }

    /// Returns the message.
    pub fn text(&self) -> Text {
        match self {
            Self::Refused { port } => text!("nothing listens at 127.0.0.1:{port}", port),
            Self::Unreachable { port, reason } => {
                text!(
                    "127.0.0.1:{port} does not answer: {reason}",
                    port,
                    reason = *reason
                )
            }
            Self::NotRunning {
                service,
                heal: None,
            } => text!("`{service}` is not running", service),
            Self::NotRunning {
                service,
                heal: Some(command),
            } => text!(
                "`{service}` is not running; `{command}` starts it",
                service,
                command
            ),
            Self::Removed { service, up } => text!(
                "`{service}` was removed outside roadlab; create it again with `{command}`",
                service,
                command = up
            ),
            Self::Paused {
                service,
                heal: None,
            } => text!("`{service}` is paused", service),
            Self::Paused {
                service,
                heal: Some(command),
            } => text!(
                "`{service}` is paused; `{command}` continues it",
                service,
                command
            ),
            Self::ContainerExited { service, program } => text!(
                "`{service}` exited while `{program}` ran in it",
                service,
                program
            ),
            Self::AccessDenied { service, reason } => {
                text!(
                    "`{service}` denied access: {reason}",
                    service,
                    reason = *reason
                )
            }
            Self::Locked(holder) => holder.text(),
            Self::TooLarge => text!("the answer is larger than 1 MiB; request less"),
            Self::NoAnswer(text)
            | Self::NoProgram(text)
            | Self::InvalidStep(text)
            | Self::Engine(text) => text.clone(),
            Self::Timeout(limit) => match limit.as_millis() {
                0..1000 => text!(
                    "no answer within {milliseconds} ms",
                    milliseconds = limit.as_millis()
                ),
                _ => text!(
                    "no answer within {seconds} s",
                    seconds = format!("{:.1}", limit.as_secs_f64())
                ),
            },
        }
    }
}

/// A session that holds a lock.
#[derive(Debug, Clone)]
pub struct LockHolder {
    /// Its program, such as `psql`, and what identifies it on the server.
    pub who: Text,
    /// How to end what it does.
    pub way_out: WayOut,
}

/// How to make a session release its locks.
#[derive(Debug, Clone)]
pub enum WayOut {
    /// Its open transaction in PostgreSQL is idle; with its last statement if that is known.
    EndTransaction { last: Option<String> },
    /// It still executes a statement.
    Wait { statement: Option<String> },
    /// It is a prepared transaction with this id.
    EndPrepared { id: String },
    /// Its open transaction in MongoDB is idle.
    EndMongoTransaction,
}

impl LockHolder {
    fn text(&self) -> Text {
        let who = &self.who;
        match &self.way_out {
            WayOut::EndTransaction { last: Some(last) } => text!(
                "another session holds a lock: COMMIT or ROLLBACK there ({who}; its last statement: {last})",
                who = *who,
                last
            ),
            WayOut::EndTransaction { last: None } => text!(
                "another session holds a lock: COMMIT or ROLLBACK there ({who})",
                who = *who
            ),
            WayOut::Wait {
                statement: Some(statement),
            } => text!(
                "another session holds a lock: wait until its statement ends, or cancel it there ({who}; its statement: {statement})",
                who = *who,
                statement
            ),
            WayOut::Wait { statement: None } => text!(
                "another session holds a lock: wait until its statement ends, or cancel it there ({who})",
                who = *who
            ),
            WayOut::EndPrepared { id } => text!(
                "a prepared transaction holds a lock: run COMMIT PREPARED or ROLLBACK PREPARED with its id `{id}`",
                id
            ),
            WayOut::EndMongoTransaction => text!(
                "another session holds a lock: commit or abort its transaction there ({who})",
                who = *who
            ),
        }
    }
}

#[cfg(test)]
/// Tests compare errors as they are printed.
impl PartialEq for ProbeError {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.to_string() == other.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: ErrorKind, message: &str, expected: &str) {
        let service = ServiceName::new("db").unwrap();
        let error = EngineError::new(kind, Text::verbatim(message));
        let error = ProbeError::from_engine(&service, error, Duration::from_millis(250));
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_kind_of_an_engine_error_decides_and_not_its_message() {
        check(ErrorKind::NotRunning, "is paused", "`db` is not running");
        check(ErrorKind::Paused, "exited", "`db` is paused");
        check(ErrorKind::NotFound, "gone", "`db` is not running");
        check(ErrorKind::Timeout, "slow", "no answer within 250 ms");
        check(ErrorKind::CannotRun, "no program `x`", "no program `x`");
    }
}
