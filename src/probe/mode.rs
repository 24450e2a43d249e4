//! What a probe may do to the service that it connects to.

use crate::lab::Step;

/// What a probe may do to the service that it connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeMode {
    /// It only reads, and leaves no trace but the server's statistics. SQL runs in a read-only transaction.
    ReadOnly,
    /// It may try to write, and what it writes is undone where the server can: SQL and MongoDB transactions are rolled back.
    RolledBack,
    /// It reads and writes.
    ReadWrite,
}

/// Returns the mode of a step, which depends on the list that it is in.
pub type StepMode = fn(&Step) -> ProbeMode;

impl ProbeMode {
    /// Returns the mode of a step of `checks`, `health` or `ready`. Such a step may try to write if its author explains why
    /// that changes nothing.
    pub fn of_check(step: &Step) -> Self {
        match step.read_only {
            None => Self::ReadOnly,
            Some(_) => Self::RolledBack,
        }
    }

    /// Returns the mode of a step of `start`, a solution or another answer.
    pub fn of_change(_: &Step) -> Self {
        Self::ReadWrite
    }
}
