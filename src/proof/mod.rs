//! The proof of a lab, judged: which answers are played, and what must be true of what the checks saw.
//!
//! The runner plays the answers and records an [`Observation`] for each check. Everything here decides on recordings alone, so
//! nothing is played again to find out whether a check is too permissive, and an author can judge the recording of a learner
//! without an engine.

mod answer;
mod dispute;
mod judge;
mod played;
mod recording;
mod schedule;
mod weaken;

pub use answer::{Answer, AnswerKind, Must, answers, of_other_draw};
pub use dispute::{
    CaseOutcome, CaseVerdict, DISPUTE_VERSION, Dispute, DisputedObservation, disputed, judge_case,
    trial_entry, typed_lines,
};
pub use judge::{
    Finding, Weight, after, at_start, indecisive, right_answers, unnoticed, without_hint,
};
pub use played::played;
pub use recording::{Observation, Recording};
pub use schedule::{LabWork, Limits, Part, Schedule, WaitingPart, expected_duration};
pub use weaken::{Weakened, weaken};
