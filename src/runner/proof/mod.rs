//! The proof of a lab: the runner plays every answer in a running lab and records what the checks saw; [`crate::proof`]
//! judges the recordings.

mod figures;
mod play;
mod player;
mod recorder;

use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::event::Phase;
use crate::lab::{Exercise, ExerciseId, Task, Trial};
use crate::runner::{Failure, Live, Runner};
use crate::store::Workspace;

pub use figures::Proof;
pub use play::{PlayRequest, play};
pub use recorder::record;

use player::Player;

/// What is proven.
#[derive(Debug, Clone, Copy)]
pub struct ProofRequest<'a> {
    /// The answers of `trial.yaml`.
    pub trial: &'a Trial,
    /// Only these exercises; all if there are none.
    pub only: &'a BTreeSet<ExerciseId>,
}

/// Proves a lab that is up and at its start, except the exercises that need an unavailable service. What is wrong with one
/// exercise does not keep the others from being proven.
///
/// # Errors
/// Only what makes it impossible to go on, such as an engine that does not answer.
pub async fn prove<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    workspace: Option<&Workspace>,
    request: ProofRequest<'_>,
) -> Result<Proof, Failure> {
    let lab = runner.lab;
    let selected =
        |exercise: &&Exercise| request.only.is_empty() || request.only.contains(&exercise.id);
    let exercises: Vec<&Exercise> = lab
        .exercises
        .iter()
        .filter(|exercise| live.is_available(exercise))
        .filter(selected)
        .collect();
    let mut player = Player::new(runner, live, workspace, request.trial, &exercises);
    player.all_fail(&exercises, Phase::Start).await?;
    for exercise in &exercises {
        match &exercise.task {
            Task::Practical { .. } => player.practical(exercise).await?,
            Task::Quiz(quiz) => player.quiz(exercise, quiz),
        }
    }
    if request.only.is_empty() {
        player.in_sequence(&exercises).await?;
    }
    player.after_reset(&exercises).await?;
    if request.only.is_empty() {
        player.with_open_transaction(&exercises).await?;
    }
    let proof = player.finish();
    live.connections.close().await;
    Ok(proof)
}
