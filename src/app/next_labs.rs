//! Which lab fits next: what was begun, then what builds on labs that are known.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::{App, Score};
use crate::lab::{Lab, LabId, Summary};
use crate::runner::Failure;
use crate::store::ProgressError;

/// The times of labs are rounded up to this many minutes.
const MINUTES: i64 = 5;

/// Why a lab is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NextReason {
    /// Some of its exercises are solved.
    Begun,
    /// It builds on nothing, or on labs that are known.
    Fits,
    /// It builds on labs that come first.
    Later,
}

/// A lab that is not finished.
#[derive(Debug, Clone)]
pub struct NextLab {
    pub lab: String,
    pub summary: Summary,
    pub reason: NextReason,
    /// The number of exercises that are not solved.
    pub left: usize,
    /// The time that they take, in minutes.
    pub minutes: i64,
    /// The labs that come first.
    pub after: Vec<String>,
}

/// The labs that are not finished.
#[derive(Debug)]
pub struct NextLabs {
    /// What fits best first.
    pub labs: Vec<NextLab>,
    /// Whether there is any lab, finished or not.
    pub any: bool,
    /// Why the progress in some labs is unknown. It counts as none.
    pub problems: Vec<ProgressError>,
}

/// What follows a lab.
#[derive(Debug, Clone)]
pub enum AfterLab {
    /// Some of its exercises are not solved.
    NotSolved,
    /// The lab that fits next, if any is left.
    Solved(Option<Box<NextLab>>),
}

/// A lab with the learner's progress.
struct Candidate {
    lab: String,
    summary: Summary,
    done: usize,
}

impl Candidate {
    fn left(&self) -> usize {
        self.summary.exercises.len().saturating_sub(self.done)
    }

    /// Returns whether enough of it is solved to go on with what builds on it: half of its exercises.
    fn is_known(&self) -> bool {
        self.done * 2 >= self.summary.exercises.len()
    }
}

impl App {
    /// Returns the labs that are not finished, what fits best first. No engine is needed.
    pub fn next_labs(&self) -> Result<NextLabs, Failure> {
        let (mut candidates, mut problems) = (Vec::new(), Vec::new());
        for entry in self.list_labs()?.entries {
            // `list` and `validate` show the problems of labs.
            let Ok(summary) = entry.summary else { continue };
            let score = entry.score.unwrap_or_else(|problem| {
                problems.push(problem);
                Score::default()
            });
            candidates.push(Candidate {
                lab: entry.name,
                summary,
                done: score.solved,
            });
        }
        Ok(NextLabs {
            any: !candidates.is_empty(),
            labs: in_order(candidates),
            problems,
        })
    }

    /// Returns whether every exercise of a lab is solved in this instance, and what fits next then.
    pub fn next_after(&self, lab: &Lab) -> Result<AfterLab, Failure> {
        let progress = self.progress(&lab.id)?;
        let mut exercises = lab.exercises.iter();
        if !exercises.all(|exercise| progress.is_solved(&exercise.id)) {
            return Ok(AfterLab::NotSolved);
        }
        let next = self.next_labs()?.labs.into_iter();
        // A lab of this name may stand in the list that is another one.
        let mut next = next.filter(|next| next.lab != lab.id.as_str());
        Ok(AfterLab::Solved(next.next().map(Box::new)))
    }
}

/// Returns the labs that are not finished in the order in which they fit.
fn in_order(candidates: Vec<Candidate>) -> Vec<NextLab> {
    let known: BTreeMap<&str, bool> = candidates
        .iter()
        .map(|one| (one.lab.as_str(), one.is_known()))
        .collect();
    // A lab that is not here cannot come first.
    let missing = |one: &Candidate| -> Vec<String> {
        let after = one.summary.after.iter().map(LabId::as_str);
        let after = after.filter(|lab| known.get(lab) == Some(&false));
        after.map(str::to_owned).collect()
    };
    let mut next: Vec<NextLab> = candidates
        .iter()
        .filter(|one| one.left() > 0)
        .map(|one| {
            let after = missing(one);
            let exercises = one.summary.exercises.len().max(1) as i64;
            let minutes = one.summary.minutes * one.left() as i64 / exercises;
            NextLab {
                lab: one.lab.clone(),
                summary: one.summary.clone(),
                reason: match (one.done, after.is_empty()) {
                    (1.., _) => NextReason::Begun,
                    (0, true) => NextReason::Fits,
                    (0, false) => NextReason::Later,
                },
                left: one.left(),
                minutes: (minutes + MINUTES - 1) / MINUTES * MINUTES,
                after,
            }
        })
        .collect();
    next.sort_by_key(|next| {
        let steps = steps_before(next, &candidates);
        let level = next.summary.level;
        (next.reason, steps, level, next.minutes, next.lab.clone())
    });
    next
}

/// Returns how many labs come before one, one after the other, however these depend on each other.
fn steps_before(next: &NextLab, candidates: &[Candidate]) -> usize {
    let mut before: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = next.after.iter().map(String::as_str).collect();
    while let Some(lab) = open.pop() {
        if before.insert(lab)
            && let Some(found) = candidates.iter().find(|one| one.lab == lab)
            && !found.is_known()
        {
            open.extend(found.summary.after.iter().map(LabId::as_str));
        }
    }
    before.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, lab};
    use crate::lab::{ExerciseId, Level};

    /// A lab of four exercises, of which some are solved.
    fn candidate(name: &str, level: Level, minutes: i64, done: usize, after: &[&str]) -> Candidate {
        let exercises = ["a", "b", "c", "d"].map(|id| ExerciseId::new(id).unwrap());
        Candidate {
            lab: name.to_owned(),
            summary: Summary {
                level,
                minutes,
                exercises: exercises.to_vec(),
                after: after.iter().map(|lab| LabId::new(lab).unwrap()).collect(),
                ..Summary::of(&lab(COMPOSE))
            },
            done,
        }
    }

    fn names(next: &[NextLab]) -> Vec<&str> {
        next.iter().map(|next| next.lab.as_str()).collect()
    }

    #[test]
    fn what_was_begun_comes_first_then_what_fits_then_what_builds_on_it() {
        let next = in_order(vec![
            candidate("flows", Level::Intermediate, 60, 0, &["tables"]),
            candidate("tables", Level::Beginner, 90, 0, &[]),
            candidate("graphs", Level::Intermediate, 30, 0, &[]),
            candidate("pairs", Level::Beginner, 60, 1, &[]),
            candidate("lakes", Level::Intermediate, 20, 0, &["flows"]),
            candidate("done", Level::Beginner, 60, 4, &[]),
        ]);
        assert_eq!(
            names(&next),
            ["pairs", "tables", "graphs", "flows", "lakes"]
        );
        let reasons: Vec<NextReason> = next.iter().map(|next| next.reason).collect();
        assert_eq!(
            reasons,
            [
                NextReason::Begun,
                NextReason::Fits,
                NextReason::Fits,
                NextReason::Later,
                NextReason::Later
            ]
        );
        assert_eq!((next[0].left, next[0].minutes), (3, 45));
        assert_eq!(next[3].after, ["tables"]);
    }

    #[test]
    fn half_of_a_lab_is_enough_to_go_on_with_what_builds_on_it() {
        for (done, reason) in [(1, NextReason::Later), (2, NextReason::Fits)] {
            let next = in_order(vec![
                candidate("tables", Level::Beginner, 90, done, &[]),
                candidate("flows", Level::Beginner, 60, 0, &["tables"]),
            ]);
            assert_eq!(names(&next), ["tables", "flows"]);
            assert_eq!(next[1].reason, reason, "{done} solved");
        }
    }

    #[test]
    fn labs_that_are_not_here_or_build_on_each_other_hide_nothing() {
        let next = in_order(vec![
            candidate("a", Level::Beginner, 10, 0, &["b"]),
            candidate("b", Level::Beginner, 20, 0, &["a"]),
            candidate("c", Level::Advanced, 30, 0, &["elsewhere"]),
        ]);
        assert_eq!(names(&next), ["c", "a", "b"]);
        assert_eq!(next[0].after, [""; 0]);
    }
}
