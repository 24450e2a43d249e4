//! What can go wrong with an engine, by kind: callers decide by kind, people read the text.

/// An engine's error in our words: what, where, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct EngineError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
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
    Elsewhere,
    /// An address range overlaps with another network.
    SubnetTaken,
    /// The engine's disk is full.
    DiskFull,
    /// It is being removed by somebody else, or still in use.
    Busy,
    /// The container is not running, or paused.
    NotRunning,
    /// The program is not in the image, or cannot be run.
    CannotRun,
    /// The registry could not be reached.
    RegistryUnreachable,
    /// The registry was reached and has no such image.
    NoSuchImage,
    /// The recipe cannot be built as it is written: its Dockerfile or its folder.
    BadRecipe,
    /// A build ended with an error of the recipe's own.
    BuildFailed,
    /// Anything else.
    Other,
}

impl EngineError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}
