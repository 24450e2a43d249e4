//! Plays one answer to an exercise in an instance of its own, to see what the checks make of it.

use crate::app::test_instance::{AtEnd, TestInstance};
use crate::app::{App, find_exercise};
use crate::engine::Engine;
use crate::event::PlayedAnswer;
use crate::lab::{Instance, Lab};
use crate::runner::{self, Failure, OtherDraw, PlayRequest, Proof, Runner};
use crate::text;

/// The answer to play.
#[derive(Debug)]
pub struct SingleAnswer<'a> {
    pub exercise: &'a str,
    /// `solution`, `without-2`, the name of an answer, or the number of a wrong one.
    pub answer: &'a str,
    /// Whether the instance stays up afterwards, in the state that the answer left.
    pub keep: bool,
}

/// The result of an answer.
#[derive(Debug)]
pub struct SingleAnswerReport {
    pub proof: Proof,
    /// The instance that was kept.
    pub kept: Option<Instance>,
}

impl App {
    /// Plays an answer and removes the instance, also if that fails, unless it is to be kept.
    pub async fn play_answer<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        wanted: &SingleAnswer<'_>,
        show: &dyn Fn(&PlayedAnswer),
    ) -> Result<SingleAnswerReport, Failure> {
        let trial = self.trial(lab)?;
        let other = self.with_other_draw(lab)?;
        let request = PlayRequest {
            exercise: find_exercise(lab, wanted.exercise)?,
            trial: &trial,
            other: other.as_ref().map(|(lab, trial)| OtherDraw { lab, trial }),
            answer: Some(wanted.answer),
            show,
            seen: None,
        };
        request
            .check()
            .map_err(|problem| Failure::Problems(vec![problem]))?;
        self.require_trusted_memory(lab)?;
        let instance = self.test_instance_name(1)?;
        let runner = Runner {
            instance: &instance,
            ..self.runner(engine, lab)
        };
        let images = self.get_images(&runner).await?;
        let test = TestInstance::new(self, &runner, AtEnd::of(wanted.keep))?;
        let done = test.start(&images).await?;
        let mut live = done.live;
        let proof = match live.is_available(request.exercise) {
            true => runner::play(&runner, &mut live, test.workspace(), request).await,
            false => Err(Failure::Environment(text!(
                "exercise `{exercise}` needs a service that is unavailable",
                exercise = request.exercise.id
            ))),
        };
        live.connections.close().await;
        test.end(&done.journal).await?;
        Ok(SingleAnswerReport {
            proof: proof?,
            kept: wanted.keep.then_some(instance),
        })
    }
}
