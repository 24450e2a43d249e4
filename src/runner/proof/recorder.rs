//! Records what the checks of an exercise see.

use crate::engine::Engine;
use crate::expect::Snapshot;
use crate::lab::{Check, Exercise, Lang};
use crate::proof::{Observation, Recording};
use crate::runner::check::{CheckContext, check_exercises};
use crate::runner::{Failure, Live, Runner};
use crate::store::Baselines;

/// Records what every check of an exercise sees now. `baselines` is what the checks saw when their exercises began.
pub async fn record<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercise: &Exercise,
    baselines: &Baselines,
) -> Result<Recording, Failure> {
    let context = CheckContext {
        lang: &Lang::english(),
        answer: &|_| None,
        baselines,
        report: &|_, _| (),
    };
    let results = check_exercises(runner, live, &[exercise], &context).await;
    let baseline = baselines.exercises.get(&exercise.id);
    let before = |check: &Check| baseline?.get(&check.id).map(Snapshot::actual);
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
                expect: match check.unchanged {
                    Some(_) => None,
                    None => Some(check.step.expect.clone()),
                },
                baseline: check.unchanged.as_ref().and_then(|_| before(check)),
            })
            .collect(),
    })
}
