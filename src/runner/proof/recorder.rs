//! Records what the checks of an exercise see.

use crate::engine::Engine;
use crate::expect::Snapshot;
use crate::lab::{Exercise, Lang};
use crate::proof::{Observation, Recording};
use crate::runner::check::{CheckContext, Undecided, check_exercises};
use crate::runner::{ExerciseResult, Live, Runner};
use crate::store::{Baseline, Baselines};

/// Records what every check of an exercise sees now, as a learner's check would.
pub async fn record<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercise: &Exercise,
    baselines: &Baselines,
) -> Recording {
    let context = CheckContext {
        lang: &Lang::english(),
        answer: &|_| None,
        baselines,
        undecided: Undecided::Await,
        report: &|_, _| (),
    };
    let results = check_exercises(runner, live, &[exercise], &context).await;
    let baseline = baselines.exercises.get(&exercise.id);
    let result = results.into_iter().next();
    result.map_or_else(Recording::default, |result| {
        recording(exercise, result, baseline)
    })
}

/// Makes a recording of the result of an exercise.
pub(super) fn recording(
    exercise: &Exercise,
    result: ExerciseResult,
    baseline: Option<&Baseline>,
) -> Recording {
    let actuals = result.actuals.into_iter().zip(result.held);
    let checks = exercise.checks().iter();
    let observations = result.checks.into_iter().zip(actuals).zip(checks);
    let observations = observations.map(|((result, (actual, held)), check)| {
        let before = baseline.and_then(|baseline| baseline.get(&check.id));
        Observation {
            result,
            actual,
            held,
            expect: match check.unchanged {
                Some(_) => None,
                None => Some(check.step.expect.clone()),
            },
            baseline: match check.unchanged {
                Some(_) => before.map(Snapshot::actual),
                None => None,
            },
        }
    });
    Recording {
        observations: observations.collect(),
    }
}
