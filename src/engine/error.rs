//! What can go wrong with an engine, by kind: callers decide by kind, people read the text.

use crate::text;
use crate::text::Text;

/// An engine's error in our words: what, where, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct EngineError {
    pub kind: ErrorKind,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No engine at that address, or it went away.
    Unreachable,
    /// The socket is there, but not for this user.
    Denied,
    /// It took the call and did not answer in time.
    Timeout,
    /// What was named is not there.
    NotFound,
    /// A name is taken by something that is not ours.
    NameTaken,
    /// A host port is in use.
    PortTaken,
    /// The engine publishes ports where this program cannot reach them.
    PortsNotLocal,
    /// An address range overlaps with another network.
    SubnetTaken,
    /// The engine's disk is full.
    DiskFull,
    /// It is being removed by somebody else, or still in use.
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
    /// The registry could not be reached.
    RegistryUnreachable,
    /// The registry was reached and has no such image.
    NoSuchImage,
    /// The recipe cannot be built as it is written: its Dockerfile or its folder.
    InvalidRecipe,
    /// The engine does not build in the way that we ask it to.
    NoBuilder,
    /// A build ended with an error of the recipe's own.
    BuildFailed,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// What programs tell it by; a code once given keeps its meaning.
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::Unreachable => "engine_unreachable",
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

/// The command that lets a user connect to Docker's socket.
pub(crate) const JOIN_DOCKER_GROUP: &str = "sudo usermod -aG docker \"$USER\"";

impl EngineError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Makes the error of a user who may not connect to an engine's socket; `address` is shown.
    pub fn permission_denied(address: &str) -> Self {
        Self::new(
            ErrorKind::Denied,
            text!("permission denied on {address}", address),
        )
        .help(text!(
            "join the `docker` group with `{command}` and log in again (its members can do what root can), or use rootless Docker",
            command = JOIN_DOCKER_GROUP
        ))
    }

    /// Sets what could not be done; `operation` completes "cannot …".
    pub fn during(mut self, operation: &Text) -> Self {
        self.message = format!("cannot {}: {}", operation.localized(), self.message);
        self
    }

    /// Sets what to do about it.
    pub fn help(mut self, help: Text) -> Self {
        self.message = format!("{}; {}", self.message, help.localized());
        self
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.localized()
    }
}
