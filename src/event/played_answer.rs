//! What the checks of an exercise saw after an answer, as data for the author of a lab.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// An answer that was played, and what every check saw then.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlayedAnswer {
    /// The id of the exercise.
    pub exercise: String,
    /// What was played, in words.
    pub answer: String,
    /// How `roadlab test --answer` names it; null before anything was played.
    pub name: Option<String>,
    /// Whether every check passes.
    pub passed: bool,
    /// Whether that is what the answer must lead to.
    pub as_expected: bool,
    /// Why it is not; null if it is.
    pub problem: Option<String>,
    /// The file in which the problem is.
    pub file: Option<String>,
    /// The line in that file.
    pub line: Option<usize>,
    /// The hint that a learner is shown.
    pub hint: Option<String>,
    /// The checks in their order; empty if the answer could not be played.
    pub checks: Vec<CheckView>,
}

/// What one check saw.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckView {
    /// The id of the check.
    pub check: String,
    /// Whether it must hold from the start on.
    pub guard: bool,
    /// Whether it passes.
    pub passed: bool,
    /// The raw value that the probe returned; null if there is none.
    pub saw: Value,
    /// The exit code, HTTP status or number of rows, where the probe has one.
    pub status: Option<i64>,
    /// Whether the status means success.
    pub success: bool,
    /// The error that the service returned, or why the probe could not run.
    pub error: Option<String>,
    /// The fields of the matcher.
    pub fields: Vec<FieldView>,
    /// The conditional hints in their order. The first that holds is the hint of the check.
    pub hints: Vec<HintView>,
}

/// One field of a matcher.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FieldView {
    /// What it expects, in words.
    pub expects: String,
    /// Whether that is so.
    pub holds: bool,
}

/// A conditional hint of a check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HintView {
    /// The name of the hint.
    pub hint: String,
    /// When it is shown, in words.
    pub when: String,
    /// Whether that is so.
    pub holds: bool,
}
