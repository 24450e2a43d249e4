//! The lines of `--json` that are results: those of `roadlab test` and of `roadlab check --watch`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{Phase, PlayedAnswer};

/// A result among the events of a command.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event")]
pub enum ResultLine {
    /// The test of a lab ended. The last line of `roadlab test --json` for each lab.
    #[serde(rename = "tested")]
    Tested(Box<TestedLab>),
    /// An exercise was checked and its result changed. A line of `roadlab check --watch --json`.
    #[serde(rename = "checked")]
    Checked(CheckedExercise),
    /// An exercise cannot be checked, because services that it needs are unavailable. A line of `roadlab check --watch --json`.
    #[serde(rename = "unavailable")]
    Unavailable {
        /// The id of the exercise.
        exercise: String,
        /// The names of the services.
        needs: Vec<String>,
    },
    /// What the checks saw after an answer. A line of `roadlab author --json` and of `roadlab test --answer --json`.
    #[serde(rename = "observed")]
    Observed(Box<PlayedAnswer>),
    /// Files of the lab were saved. A line of `roadlab author --json`.
    #[serde(rename = "saved")]
    Saved {
        /// The files that changed.
        files: Vec<String>,
        /// The exercises that are played because of that.
        exercises: Vec<String>,
    },
    /// The saved files have problems, and the lab stays as it was. A line of `roadlab author --json`.
    #[serde(rename = "broken")]
    Broken {
        /// The problems, as `roadlab validate --json` prints them.
        #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
        problems: Vec<serde_json::Value>,
    },
    /// An exercise was played and judged. A line of `roadlab author --json`.
    #[serde(rename = "verdict")]
    Verdict(JudgedExercise),
}

/// The verdict on an exercise whose files changed. A line of `roadlab author --json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct JudgedExercise {
    /// The id of the exercise.
    pub exercise: String,
    /// Whether it passes its test; if there is a `rest`, whether it has no problem so far.
    pub sound: bool,
    /// The number of answers that were judged.
    pub answers: usize,
    /// How many of them were not played again, because only what the checks expect of them could have changed.
    pub recalled: usize,
    /// How many answers of trial.yaml are played next, after which there is another verdict.
    pub rest: usize,
    /// Why it does not pass.
    pub problems: Vec<TestProblem>,
    /// What fails only a strict test.
    pub notes: Vec<TestProblem>,
    /// Milliseconds since the change was seen.
    pub millis: u64,
}

/// The result of the test of a lab.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct TestedLab {
    /// The id of the lab.
    pub lab: String,
    /// Whether the lab passes.
    pub sound: bool,
    /// What was tested.
    #[serde(flatten)]
    pub figures: ProofFigures,
    /// The exercises that were left out because a service that they need is unavailable.
    pub not_run: Vec<String>,
    /// The exercises that were left out because the time of `--within` was over.
    pub out_of_time: Vec<String>,
    /// Milliseconds until the first instance of the lab was ready.
    pub ready_millis: u64,
    /// The median duration of a reset, in milliseconds.
    pub reset_millis: u64,
    /// The number of resets.
    pub resets: usize,
    /// Milliseconds for everything.
    pub millis: u64,
    /// Why the lab does not pass.
    pub problems: Vec<TestProblem>,
    /// What fails only a strict test.
    pub notes: Vec<TestProblem>,
}

/// What the test of a lab covered and found, in figures.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct ProofFigures {
    /// The number of exercises that were tested.
    pub exercises: usize,
    /// The number of their checks, a quiz being one.
    pub checks: usize,
    /// The number of wrong answers, wrong choices of quizzes included.
    pub wrong_answers: usize,
    /// The number of right answers beside the solutions.
    pub right_answers: usize,
    /// The number of solutions with a step left out.
    pub left_out: usize,
    /// The number of right answers with the random values of another draw, which must fail.
    pub other_draw: usize,
    /// The number of weaker matchers that were compared with what the checks saw.
    pub weakened: usize,
    /// The number of findings that say that checks accept, or could accept, a wrong answer: the problems of the phases
    /// `left_out`, `decides`, `weakened` and `other_draw`, and wrong answers that were accepted.
    pub permissive: usize,
    /// The wrong answers that leave the state of a right one and are accepted.
    pub indistinguishable: Vec<IndistinguishableAnswer>,
    /// The number of answers that were played, without those of the needed exercises.
    pub played: usize,
}

/// A wrong answer that leaves the state of a right one.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct IndistinguishableAnswer {
    /// The id of the exercise.
    pub exercise: String,
    /// The name of the answer.
    pub answer: String,
    /// Why it cannot be told from a right one, in the words of the author.
    pub reason: String,
}

/// A finding of the test.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TestProblem {
    /// The id of the exercise.
    pub exercise: String,
    /// The phase.
    pub phase: Phase,
    /// What is wrong, for people.
    pub problem: String,
    /// The id of the check; null if it is about no single check.
    pub check: Option<String>,
    /// The path of the file in which to mend it; null if it is not known.
    pub file: Option<String>,
    /// The line in the file.
    pub line: Option<usize>,
}

/// The result of an exercise.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckedExercise {
    /// The id of the exercise.
    pub exercise: String,
    /// Its title in the language of the guide.
    pub title: String,
    /// Whether every check passes.
    pub passed: bool,
    /// The results of its checks, in order.
    pub checks: Vec<CheckedCheck>,
}

/// The result of a check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckedCheck {
    /// The id of the check; `answer` for a quiz.
    pub check: String,
    /// The sentence of the guide that says what is checked.
    pub about: String,
    /// `pass`, `fail`, or `unseen` if the probe could not run.
    pub outcome: String,
    /// The value that must be there, for people; null if the check passes.
    pub expected: Option<String>,
    /// The value that is there, for people; null if the check passes.
    pub actual: Option<String>,
    /// The name of the hint for the actual value; null if there is none.
    pub hint: Option<String>,
    /// The text of the hint in the language of the guide; null if there is none.
    pub hint_text: Option<String>,
}
