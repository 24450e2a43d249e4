//! All that a reporter may learn while something runs. The runner tells; it never prints.

use std::time::Duration;

use serde::Serialize;

use crate::lab::CheckRole;
use crate::plan::LikelyCause;

/// Something that happened. `--json` prints one a line, so fields are only ever added.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event")]
pub enum Event {
    #[serde(rename = "pull_begun")]
    PullStarted { image: String },
    #[serde(rename = "pull_progress")]
    PullProgress {
        image: String,
        layer: String,
        status: String,
        /// Bytes, where the engine says so.
        current: Option<u64>,
        total: Option<u64>,
    },
    #[serde(rename = "pull_ended")]
    PullFinished {
        image: String,
        /// Why it could not be pulled.
        problem: Option<String>,
    },
    /// A file of images is written or read.
    #[serde(rename = "file_progress")]
    FileProgress {
        file: String,
        /// Bytes; in all as far as can be told before.
        current: u64,
        total: u64,
    },
    #[serde(rename = "build_begun")]
    BuildStarted {
        image: String,
        /// What is built and from what, for people.
        why: String,
    },
    #[serde(rename = "build_step")]
    BuildStep {
        image: String,
        /// From 1.
        step: u32,
        steps: u32,
        /// The instruction.
        name: String,
    },
    #[serde(rename = "build_line")]
    BuildLine { image: String, line: String },
    #[serde(rename = "build_ended")]
    BuildFinished { image: String, millis: u64 },
    /// A service is left out because its image cannot be had.
    #[serde(rename = "service_unavailable")]
    ServiceUnavailable { service: String, reason: String },
    #[serde(rename = "operation_begun")]
    OperationStarted { operation: String },
    #[serde(rename = "operation_ended")]
    OperationFinished { operation: String, millis: u64 },
    #[serde(rename = "waiting")]
    Waiting {
        service: String,
        attempts: u32,
        /// What the last look saw.
        last: String,
    },
    #[serde(rename = "ready")]
    Ready { service: String, millis: u64 },
    #[serde(rename = "step")]
    Step { step: String },
    /// A phase of the self-proof ended.
    #[serde(rename = "proved")]
    ProofPhaseFinished {
        exercise: String,
        phase: Phase,
        /// Why it does not hold.
        problem: Option<String>,
        millis: u64,
    },
    #[serde(rename = "note")]
    Note { text: String },
}

/// A service that never answered: everything that helps to see why.
#[derive(Debug, Clone)]
pub struct NotReady {
    pub lab: String,
    pub service: String,
    pub waited: Duration,
    /// What was looked for.
    pub probe: String,
    pub attempts: u32,
    /// What the last look saw.
    pub last: String,
    /// What became of the container, if the engine could say.
    pub container: Option<ContainerStatus>,
    /// Bytes that the service may use.
    pub memory_limit: Option<i64>,
    /// The last lines of its log.
    pub log: Vec<String>,
    pub cause: Option<LikelyCause>,
}

/// A container's state after a wait that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerStatus {
    pub running: bool,
    /// Of a container that ended.
    pub exit_code: i64,
    pub out_of_memory: bool,
    /// The engine's own words, if it could not start.
    pub error: String,
}

/// The result of one check: the only form in which it goes from the probe to text and JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The id of the check in its exercise; `answer` for a quiz.
    pub check: String,
    pub role: CheckRole,
    /// The sentence of the guide that says what is checked.
    pub about: String,
    pub outcome: Outcome,
}

/// The outcome of a check or a step. A value that does not match is an outcome, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The actual value matches.
    Pass,
    /// The actual value does not match.
    Fail {
        /// The value that must be there, in words.
        expected: String,
        /// The value that is there, in words.
        actual: String,
        /// The name of the hint for this actual value.
        hint: Option<String>,
    },
    /// There is no actual value: the service cannot be reached, the probe cannot run, or it timed out.
    ProbeError { reason: String },
}

impl Outcome {
    /// Returns the name of the outcome in JSON: `pass`, `fail` or `unseen`.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail { .. } => "fail",
            Outcome::ProbeError { .. } => "unseen",
        }
    }

    /// Returns whether the check passes.
    pub fn passed(&self) -> bool {
        matches!(self, Outcome::Pass)
    }

    /// Returns the expected value of a check that fails.
    pub fn expected(&self) -> Option<&str> {
        match self {
            Outcome::Fail { expected, .. } => Some(expected),
            Outcome::Pass | Outcome::ProbeError { .. } => None,
        }
    }

    /// Returns the actual value of a check that fails, or why there is none.
    pub fn actual(&self) -> Option<&str> {
        match self {
            Outcome::Pass => None,
            Outcome::Fail { actual, .. } => Some(actual),
            Outcome::ProbeError { reason } => Some(reason),
        }
    }

    /// Returns the name of the hint for the actual value.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Outcome::Fail { hint, .. } => hint.as_deref(),
            Outcome::Pass | Outcome::ProbeError { .. } => None,
        }
    }
}

/// What the self-proof is about to show, or failed to.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Every check fails at the start, every guard holds.
    Start,
    /// Every wrong answer fails, with its hint.
    Wrong,
    /// The solution passes.
    Solution,
    /// The solution passes when it is played again.
    SolutionAgain,
    /// After a reset every check fails again.
    Reset,
    /// A right answer to a quiz counts, a wrong one does not.
    Quiz,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Phase::Start => "fails at the start",
            Phase::Wrong => "wrong answers fail with their hint",
            Phase::Solution => "the solution passes",
            Phase::SolutionAgain => "the solution passes twice",
            Phase::Reset => "fails again after a reset",
            Phase::Quiz => "only the right choice counts",
        }
    }
}
