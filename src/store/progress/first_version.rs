//! The first version of the file, which is read as one of today.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::lab::ExerciseId;
use crate::store::progress::{Played, Progress};

/// The first version of the file.
#[derive(Deserialize)]
pub(super) struct FirstVersion {
    done: BTreeMap<ExerciseId, Done>,
    hints: BTreeMap<ExerciseId, usize>,
    answers: BTreeMap<ExerciseId, String>,
    #[serde(default)]
    seconds: BTreeMap<ExerciseId, u64>,
}

/// When and how an exercise was solved, in the first version of the file.
#[derive(Deserialize)]
struct Done {
    at: u64,
    by: SolvedBy,
}

/// Who solved an exercise, in the first version of the file.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum SolvedBy {
    #[serde(rename = "learner")]
    Learner,
    #[serde(rename = "solution")]
    Solution,
}

impl From<FirstVersion> for Progress {
    fn from(first: FirstVersion) -> Self {
        let mut progress = Self {
            hints: first.hints,
            answers: first.answers,
            seconds: first.seconds,
            ..Self::default()
        };
        for (exercise, done) in first.done {
            match done.by {
                SolvedBy::Learner => drop(progress.solved.insert(exercise, done.at)),
                SolvedBy::Solution => {
                    // The choice was the solution's.
                    progress.answers.remove(&exercise);
                    let played = Played {
                        at: done.at,
                        run: None,
                        playing: false,
                        preparation: false,
                    };
                    progress.played.insert(exercise, played);
                }
            }
        }
        progress
    }
}
