//! Records what the checks of an exercise see.

use crate::engine::Engine;
use crate::lab::{Exercise, Lang};
use crate::proof::{Observation, Recording};
use crate::runner::check::check_exercises;
use crate::runner::{Failure, Live, Runner};

/// Records what every check of an exercise sees now.
pub async fn record<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercise: &Exercise,
) -> Result<Recording, Failure> {
    let no_answer = |_: &_| None;
    let results = check_exercises(runner, live, &[exercise], &Lang::english(), &no_answer).await;
    let checks = exercise.checks().iter();
    let observations = results.into_iter().flat_map(|result| {
        let actuals = result.actuals.into_iter();
        result.checks.into_iter().zip(actuals)
    });
    let observations = observations.zip(checks);
    Ok(Recording {
        observations: observations
            .map(|((result, actual), check)| Observation {
                result,
                actual,
                expect: Some(check.step.expect.clone()),
                baseline: None,
            })
            .collect(),
    })
}
