//! The error of every call to an engine.
//!
//! Callers decide by [`ErrorKind`]; the texts are for people and cannot be compared. Reading what Docker itself wrote
//! never happens here but in `docker/errors.rs`.

use crate::text;
use crate::text::Text;

/// The command that lets a user connect to Docker's socket.
pub const JOIN_DOCKER_GROUP: &str = "sudo usermod -aG docker \"$USER\"";

/// An error of a container engine.
///
/// Shown as `cannot OPERATION: REASON; HELP`, without the parts that are not known. Two parts are boxed to keep results
/// small.
#[derive(Debug, Clone)]
pub struct EngineError {
    /// What callers decide by.
    pub kind: ErrorKind,
    /// What could not be done, such as "start container `db`".
    pub operation: Option<Box<Text>>,
    /// Why it could not be done.
    pub reason: Text,
    /// What to do about it.
    pub help: Option<Box<Text>>,
}

/// What went wrong with a call to an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No engine listens at the address, or the connection to it was lost.
    Unreachable,
    /// The engine closed the connection in the middle of its answer.
    StreamCut,
    /// The user has no permission to connect to the engine's socket.
    Denied,
    /// The engine accepted the call and did not answer within the deadline, or a program did not end within its time.
    Timeout,
    /// The container, network or volume does not exist.
    NotFound,
    /// The name is used by a resource that roadlab did not create.
    NameTaken,
    /// A host port is in use.
    PortTaken,
    /// The engine publishes ports where this program cannot connect to them.
    PortsNotLocal,
    /// The address range overlaps with that of another network.
    SubnetTaken,
    /// The engine's disk is full.
    DiskFull,
    /// The resource is in use, or its removal is in progress.
    Busy,
    /// The container is not running.
    NotRunning,
    /// The container is paused.
    Paused,
    /// The container ended while a program ran in it.
    ContainerExited,
    /// The program is not in the image, or is not executable.
    NoProgram,
    /// A program could not be started for another reason.
    CannotRun,
    /// The registry could not be reached, or stopped sending.
    RegistryUnreachable,
    /// The image is not present, or the registry does not have it.
    NoSuchImage,
    /// The recipe is invalid: its Dockerfile or its folder.
    InvalidRecipe,
    /// The engine or the recipe requires BuildKit.
    NoBuilder,
    /// A build ended with an error of the recipe's own.
    BuildFailed,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Returns the code of this kind in `--json` output. A code never changes its meaning; several kinds may share one.
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::Unreachable | ErrorKind::StreamCut => "engine_unreachable",
            ErrorKind::Denied => "engine_denied",
            ErrorKind::Timeout => "engine_timeout",
            ErrorKind::NotFound => "not_found",
            ErrorKind::NameTaken => "name_taken",
            ErrorKind::PortTaken => "port_taken",
            ErrorKind::PortsNotLocal => "elsewhere",
            ErrorKind::SubnetTaken => "subnet_taken",
            ErrorKind::DiskFull => "disk_full",
            ErrorKind::Busy => "busy",
            ErrorKind::NotRunning | ErrorKind::Paused => "not_running",
            ErrorKind::ContainerExited => "died",
            ErrorKind::NoProgram | ErrorKind::CannotRun => "cannot_run",
            ErrorKind::RegistryUnreachable => "registry_unreachable",
            ErrorKind::NoSuchImage => "no_such_image",
            ErrorKind::InvalidRecipe => "bad_recipe",
            ErrorKind::BuildFailed => "build_failed",
            ErrorKind::NoBuilder => "no_builder",
            ErrorKind::Other => "engine",
        }
    }
}

impl EngineError {
    /// Makes an error of which only the reason is known.
    pub fn new(kind: ErrorKind, reason: Text) -> Self {
        Self {
            kind,
            operation: None,
            reason,
            help: None,
        }
    }

    /// Makes the error of a user who may not connect to an engine's socket; `address` is shown.
    pub fn permission_denied(address: &Text) -> Self {
        Self::new(
            ErrorKind::Denied,
            text!("permission denied on {address}", address = *address),
        )
        .help(text!(
            "join the `docker` group with `{command}` and log in again (its members can do what root can), or use rootless Docker",
            command = JOIN_DOCKER_GROUP
        ))
    }

    /// Sets what could not be done; `operation` completes "cannot …".
    pub fn during(mut self, operation: &Text) -> Self {
        self.operation = Some(Box::new(operation.clone()));
        self
    }

    /// Sets what to do about it.
    pub fn help(mut self, help: Text) -> Self {
        self.help = Some(Box::new(help));
        self
    }

    /// Returns the whole message.
    pub fn text(&self) -> Text {
        match &self.operation {
            Some(operation) => text!(
                "cannot {operation}: {cause}",
                operation = **operation,
                cause = self.cause()
            ),
            None => self.cause(),
        }
    }

    /// Returns the reason and what to do, for a message that names what was being done itself.
    pub fn cause(&self) -> Text {
        match &self.help {
            Some(help) => text!("{reason}; {help}", reason = self.reason, help = **help),
            None => self.reason.clone(),
        }
    }
}

impl std::fmt::Display for EngineError {
    /// Writes the message in the language of the process.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text().localized())
    }
}

impl std::error::Error for EngineError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: EngineError, expected: &str) {
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn message_has_the_parts_that_are_known() {
        let error = EngineError::new(ErrorKind::Busy, text!("it is in use"));
        check(error.clone(), "it is in use");
        check(
            error.clone().help(text!("try again")),
            "it is in use; try again",
        );
        let operation = text!("remove volume `{name}`", name = "data");
        let error = error.during(&operation);
        check(error.clone(), "cannot remove volume `data`: it is in use");
        check(
            error.help(text!("try again")),
            "cannot remove volume `data`: it is in use; try again",
        );
    }
}
