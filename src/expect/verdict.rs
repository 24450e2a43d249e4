//! The result of a check.

/// The result of a check. A check that fails is a result, never an `Err`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The actual value is as expected.
    Pass,
    /// The actual value is not as expected.
    Fail {
        /// The expected value, as a text.
        expected: String,
        /// The actual value, as a text.
        actual: String,
        /// The name of the hint for this value.
        hint: Option<String>,
    },
    /// There is no result: the service is down, the probe cannot run, or it timed out.
    ProbeError {
        /// The reason.
        reason: String,
    },
}

impl Verdict {
    /// Returns whether the check passed.
    pub fn passed(&self) -> bool {
        matches!(self, Verdict::Pass)
    }

    /// Returns the name of the hint for the actual value, if there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Verdict::Fail { hint, .. } => hint.as_deref(),
            Verdict::Pass | Verdict::ProbeError { .. } => None,
        }
    }
}
