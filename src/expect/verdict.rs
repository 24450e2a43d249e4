//! What came of one check.

/// The outcome of one check. A check that fails is a verdict, never an `Err`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What was seen is what must hold.
    Pass,
    /// It was seen, and it is something else.
    Fail {
        /// What must hold, in words.
        expected: String,
        /// What was seen, in words.
        actual: String,
        /// The name of the hint that what was seen points to.
        hint: Option<String>,
    },
    /// Nothing could be seen: the service is away, the probe cannot run, or it took too long.
    ProbeError {
        /// Why not.
        reason: String,
    },
}

impl Verdict {
    /// Whether the check holds.
    pub fn passed(&self) -> bool {
        matches!(self, Verdict::Pass)
    }

    /// The hint that what was seen points to, if any.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Verdict::Fail { hint, .. } => hint.as_deref(),
            Verdict::Pass | Verdict::ProbeError { .. } => None,
        }
    }
}
