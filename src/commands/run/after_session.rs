//! What happens to the lab when a session ends.

/// What happens to the lab when a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterSession {
    /// The learner is prompted, if there is a terminal.
    Prompt,
    Keep,
    TearDown,
}
