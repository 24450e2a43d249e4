//! What happens to the lab when a session ends.

/// What happens to the lab when a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterSession {
    /// The learner decides, where one can answer.
    Ask,
    Keep,
    TearDown,
}
