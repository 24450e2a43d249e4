//! Plays the answers to one exercise in a lab that is up, and shows what the checks saw after each.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::event::{Phase, PlayedAnswer};
use crate::lab::{Exercise, Task, Trial};
use crate::problem::{Code, Problem, suggestion};
use crate::proof::{Answer, AnswerKind, answers};
use crate::runner::proof::figures::{Proof, Stage};
use crate::runner::proof::prover::Prover;
use crate::runner::proof::seen::SeenAnswers;
use crate::runner::proof::{OtherDraw, ProofRequest};
use crate::runner::{Failure, Live, Runner};
use crate::store::Workspace;
use crate::text;

/// What is played of an exercise.
#[derive(Clone, Copy)]
pub struct PlayRequest<'a> {
    pub exercise: &'a Exercise,
    /// The answers of `trial.yaml`.
    pub trial: &'a Trial,
    /// The lab with other random values, if it has any.
    pub other: Option<OtherDraw<'a>>,
    /// Only this answer; all if there is none.
    pub answer: Option<&'a str>,
    /// Receives each answer when it was played.
    pub show: &'a dyn Fn(&PlayedAnswer),
    /// What was seen before and is not played again; what is played is added. If there is none, everything is played.
    pub seen: Option<&'a RefCell<SeenAnswers>>,
}

impl PlayRequest<'_> {
    fn answers(&self) -> Vec<Answer<'_>> {
        answers(self.exercise, self.trial.exercises.get(&self.exercise.id))
    }

    /// Refuses the name of an answer that the exercise does not have.
    pub fn check(&self) -> Result<(), Problem> {
        let Some(wanted) = self.answer else {
            return Ok(());
        };
        let answers = self.answers();
        if answers.iter().any(|answer| answer.id == wanted) {
            return Ok(());
        }
        let exercise = &self.exercise.id;
        let what = text!(
            "exercise `{exercise}` has no answer `{answer}`",
            exercise,
            answer = wanted
        );
        let help = suggestion(wanted, answers.iter().map(|answer| answer.id.as_str()));
        Err(Problem::new(what).code(Code::UnknownName).help(help))
    }
}

/// Plays answers to an exercise, each from its start, and judges them. Every service that it needs must be available.
///
/// # Errors
/// Only what makes it impossible to go on, such as an engine that does not answer.
pub async fn play<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    workspace: Option<&Workspace>,
    request: PlayRequest<'_>,
) -> Result<Proof, Failure> {
    request
        .check()
        .map_err(|problem| Failure::Problems(vec![problem]))?;
    let exercise = request.exercise;
    let only = BTreeSet::from([exercise.id.clone()]);
    let started = Cell::new(0);
    let proven = ProofRequest {
        trial: request.trial,
        other: request.other,
        only: &only,
        started: &started,
    };
    let mut prover = Prover::new(runner, live, workspace, proven);
    prover.show(request.show);
    if let Some(seen) = request.seen {
        prover.recall(seen);
    }
    prover.begin_stage(Stage::Answers);
    let all = request.answers();
    let chosen = all
        .iter()
        .find(|answer| Some(answer.id.as_str()) == request.answer);
    match (&exercise.task, chosen) {
        (Task::Quiz(quiz), _) => prover.quiz(exercise, quiz).await?,
        (Task::Practical { .. }, None) => prover.practical(exercise).await?,
        (Task::Practical { .. }, Some(answer)) => {
            prover.single(exercise, answer, phase(answer.kind)).await?;
        }
    }
    let proof = prover.finish();
    let (Some(other), Some(mut answers)) = (request.other, proven.with_other_draw(exercise)) else {
        return Ok(proof);
    };
    if let Some(chosen) = chosen {
        answers
            .own
            .retain(|answer| answer.id == chosen.id && answer.kind == AnswerKind::Solution);
        answers.refused.retain(|answer| answer.id == chosen.id);
    }
    if answers.count() == 0 {
        return Ok(proof);
    }
    let other_runner = Runner {
        lab: other.lab,
        ..*runner
    };
    let with_other = ProofRequest {
        trial: other.trial,
        other: None,
        ..proven
    };
    let mut second = Prover::new(&other_runner, live, workspace, with_other);
    second.show(request.show);
    second.begin_stage(Stage::OtherDraw);
    second.other_draw(&answers).await?;
    Ok(Proof::of_parts(runner.lab, vec![proof, second.finish()]))
}

fn phase(kind: AnswerKind) -> Phase {
    match kind {
        AnswerKind::Solution => Phase::Solution,
        AnswerKind::LeftOut { .. } => Phase::LeftOut,
        AnswerKind::RightAnswer => Phase::RightAnswer,
        AnswerKind::WrongAnswer => Phase::WrongAnswer,
        AnswerKind::OtherDraw => Phase::OtherDraw,
    }
}
