//! The proof of a lab: the runner plays every answer in a running lab and records what the checks saw; [`crate::proof`]
//! judges the recordings.

mod figures;
mod play;
mod player;
mod prover;
mod recorder;
mod seen;
mod solution;

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::event::Phase;
use crate::lab::{Exercise, ExerciseId, Lab, Task, Trial};
use crate::proof::{self, Answer, Part, WaitingPart, expected_duration, of_other_draw};
use crate::runner::{Failure, Live, Runner};
use crate::store::Workspace;

pub use figures::{Proof, Strictness};
pub use play::{PlayRequest, play};
pub use recorder::record;
pub use seen::SeenAnswers;

use figures::Stage;
use prover::Prover;

/// What is proven of a lab.
#[derive(Debug, Clone, Copy)]
pub struct ProofRequest<'a> {
    /// The answers of `trial.yaml`.
    pub trial: &'a Trial,
    /// The lab with other random values, if it has any.
    pub other: Option<OtherDraw<'a>>,
    /// Only these exercises; all if there are none.
    pub only: &'a BTreeSet<ExerciseId>,
    /// How many answers were started in all instances together.
    pub started: &'a Cell<usize>,
}

/// A lab with other random values than the one that is proven.
#[derive(Debug, Clone, Copy)]
pub struct OtherDraw<'a> {
    pub lab: &'a Lab,
    pub trial: &'a Trial,
}

/// What is played of an exercise with other random values.
struct OtherAnswers<'a> {
    exercise: &'a Exercise,
    /// Its answers with these values.
    own: Vec<Answer<'a>>,
    /// The right answers with the values of the first draw, which must fail.
    refused: Vec<Answer<'a>>,
}

impl OtherAnswers<'_> {
    /// Returns how many answers are played.
    fn count(&self) -> usize {
        self.own.len().min(1) + self.refused.len()
    }
}

impl ProofRequest<'_> {
    /// Returns what is played of an exercise with other random values; `None` if it uses none.
    fn with_other_draw<'e>(&'e self, exercise: &'e Exercise) -> Option<OtherAnswers<'e>> {
        let other = self.other?;
        let in_trial = self.trial.exercises.get(&exercise.id);
        let in_trial = in_trial.is_some_and(|answers| !answers.random.is_empty());
        if exercise.random.is_empty() && !in_trial {
            return None;
        }
        let exercise_there = other.lab.exercise(&exercise.id)?;
        let own = proof::answers(exercise_there, other.trial.exercises.get(&exercise.id));
        let refused = of_other_draw(&self.answers(exercise), &own);
        (!own.is_empty()).then_some(OtherAnswers {
            exercise: exercise_there,
            own,
            refused,
        })
    }

    fn selects(&self, exercise: &Exercise) -> bool {
        self.only.is_empty() || self.only.contains(&exercise.id)
    }

    /// Returns the answers to an exercise; none to a quiz.
    fn answers<'e>(&'e self, exercise: &'e Exercise) -> Vec<Answer<'e>> {
        proof::answers(exercise, self.trial.exercises.get(&exercise.id))
    }

    /// Returns the parts of the proof, in the order of the lab.
    pub fn parts(&self, lab: &Lab) -> Vec<WaitingPart> {
        let selected = lab.exercises.iter().filter(|one| self.selects(one));
        let expected = |answers: &[Answer<'_>]| {
            expected_duration(answers.iter().map(|answer| answer.steps.as_slice()))
        };
        let solutions = lab.exercises.iter().flat_map(|exercise| {
            let solution = self.answers(exercise).into_iter().next();
            solution.filter(|_| self.only.is_empty())
        });
        let whole = WaitingPart {
            part: Part::Lab,
            expected: expected(&solutions.collect::<Vec<_>>()),
            known: None,
        };
        let exercises = selected.map(|exercise| WaitingPart {
            part: Part::Exercise(exercise.id.clone()),
            expected: {
                let mut answers = self.answers(exercise);
                if let Some(other) = self.with_other_draw(exercise) {
                    answers.extend(other.own.into_iter().take(1));
                    answers.extend(other.refused);
                }
                expected(&answers)
            },
            known: None,
        });
        [whole].into_iter().chain(exercises).collect()
    }
}

/// Proves a part of a lab that is up, except the exercises that need an unavailable service. What is wrong with one exercise
/// does not keep the others from being proven. The part of the whole lab needs a lab to which nothing was done.
///
/// # Errors
/// Only what makes it impossible to go on with this instance, such as an engine that does not answer.
pub async fn prove<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    workspace: Option<&Workspace>,
    request: ProofRequest<'_>,
    part: &Part,
) -> Result<Proof, Failure> {
    let selected = runner.lab.exercises.iter();
    let selected = selected.filter(|exercise| request.selects(exercise));
    let exercises = selected.filter(|exercise| match part {
        Part::Lab => true,
        Part::Exercise(id) => exercise.id == *id,
    });
    let (exercises, not_run) = live.by_availability(exercises);
    let mut prover = Prover::new(runner, live, workspace, request);
    let mut parts = Vec::new();
    match part {
        Part::Lab => {
            prover.all_fail(&exercises, Phase::Start).await?;
            if request.only.is_empty() {
                prover.begin_stage(Stage::Sequence);
                prover.in_sequence(&exercises).await?;
                prover.begin_stage(Stage::Reset);
                prover.after_reset(&exercises).await?;
                prover.begin_stage(Stage::OpenTransaction);
                prover.with_open_transaction(&exercises).await?;
            }
        }
        Part::Exercise(_) => {
            prover.begin_stage(Stage::Answers);
            for exercise in &exercises {
                match &exercise.task {
                    Task::Practical { .. } => prover.practical(exercise).await?,
                    Task::Quiz(quiz) => prover.quiz(exercise, quiz).await?,
                }
            }
            let count = prover.answers();
            if let Some(other) = request.other {
                parts.push(prover.finish());
                let other_runner = Runner {
                    lab: other.lab,
                    ..*runner
                };
                let with_other = ProofRequest {
                    trial: other.trial,
                    other: None,
                    ..request
                };
                let mut second = Prover::new(&other_runner, live, workspace, with_other);
                second = second.counts_to(count);
                second.begin_stage(Stage::OtherDraw);
                for answers in exercises
                    .iter()
                    .filter_map(|one| request.with_other_draw(one))
                {
                    second.other_draw(&answers).await?;
                }
                parts.push(second.finish());
                prover = Prover::new(runner, live, workspace, request);
            }
            // Without the part of the whole lab, each exercise is reset for itself.
            if !request.only.is_empty() {
                prover.begin_stage(Stage::Reset);
                prover.after_reset(&exercises).await?;
            }
        }
    }
    parts.push(prover.finish());
    let mut proof = Proof::of_parts(runner.lab, parts);
    if let Part::Exercise(_) = part {
        let not_run = not_run.into_iter().map(|exercise| exercise.id.clone());
        proof.not_run.extend(not_run);
    }
    live.connections.close().await;
    Ok(proof)
}
