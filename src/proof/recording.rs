//! What the checks of an exercise saw after an answer was played.

use std::time::Duration;

use crate::event::{CheckResult, Outcome};
use crate::expect::{Actual, Matcher};

/// What one check saw.
#[derive(Debug, Clone)]
pub struct Observation {
    pub result: CheckResult,
    /// What the probe returned; `None` if it could not run.
    pub actual: Option<Actual>,
    /// How long it was as expected before it no longer was, if it had to be for a while.
    pub held: Option<Duration>,
    /// What the check compares it with; `None` if it is compared with its baseline.
    pub expect: Option<Matcher>,
    /// What the check saw when the exercise began, if it compares with that.
    pub baseline: Option<Actual>,
}

/// An answer that was played, and what every check of the exercise saw then, in their order.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    pub observations: Vec<Observation>,
}

impl Observation {
    pub fn passed(&self) -> bool {
        self.result.outcome.passed()
    }

    /// Returns whether the check would only run once all others pass, as a ratio does.
    fn waits_for_others(&self) -> bool {
        matches!(self.result.outcome, Outcome::Fail { .. }) && self.actual.is_none()
    }
}

impl Recording {
    /// Returns whether every check passes.
    pub fn passed(&self) -> bool {
        self.observations.iter().all(Observation::passed)
    }

    /// Returns the checks that do not pass.
    pub fn failed(&self) -> impl Iterator<Item = &CheckResult> {
        let failed = self
            .observations
            .iter()
            .filter(|observation| !observation.passed());
        failed.map(|observation| &observation.result)
    }

    /// Returns the position of the only check that does not pass: the one that decides. What waits for it does not.
    pub fn deciding(&self) -> Option<usize> {
        let mut failed = self.observations.iter().enumerate();
        let (at, _) = failed.find(|(_, observation)| !observation.passed())?;
        failed
            .all(|(_, observation)| observation.passed() || observation.waits_for_others())
            .then_some(at)
    }

    /// Returns the hint that a learner is shown: that of the first check that fails, if what it saw has one.
    pub fn hint(&self) -> Option<&str> {
        self.failed().next()?.outcome.hint()
    }

    /// Returns the position of the first check that does not pass.
    pub fn first_failed(&self) -> Option<usize> {
        let mut observations = self.observations.iter();
        observations.position(|observation| !observation.passed())
    }
}
