//! Measures how long the sides of a measurement take for the same question.
//!
//! The sides run in turn, A B A B, so that whatever slows the machine down slows all of them. No time is kept before all sides
//! have given the same result, and a side whose result changes in the middle ends the measurement.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::Engine;
use crate::event::{Outcome, SideTimes};
use crate::expect::{Disagreement, ValuePath, first_disagreement};
use crate::lab::{CheckId, Measurement, Side, Step, Touched};
use crate::probe::{ProbeMode, measured};
use crate::runner::act::{Captures, run_step_once};
use crate::runner::{Live, Runner};
use crate::text;
use crate::text::Text;

/// Rounds before the measured ones: connections are open and caches are filled then.
const WARM_UP: usize = 3;

/// The fewest measured rounds, and the time after which there are no more than these.
const FEWEST: usize = 5;
const BUDGET: Duration = Duration::from_secs(10);

/// What a measurement found.
#[derive(Debug, Clone)]
pub enum MeasureOutcome {
    /// Every side gave the same result. The sides are in the lab's order.
    Measured(Vec<SideTimes>),
    /// A side gave no result.
    Failed { side: CheckId, reason: Text },
    /// Two sides gave different results, so their times say nothing.
    Different {
        first: CheckId,
        second: CheckId,
        at: Disagreement,
    },
}

/// Measures all sides in `rounds` rounds, or in fewer if that takes longer than ten seconds.
pub async fn measure<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    measurement: &Measurement,
    rounds: usize,
) -> MeasureOutcome {
    let sides = &measurement.sides;
    let mut times = vec![Vec::with_capacity(rounds); sides.len()];
    // The first side's first result is what all others must equal, from the first round to the last.
    let mut expected: Option<Value> = None;
    let mut begun = Instant::now();
    for round in 0..WARM_UP + rounds {
        if round == WARM_UP {
            begun = Instant::now();
        }
        if round >= WARM_UP + FEWEST.min(rounds) && begun.elapsed() > BUDGET {
            break;
        }
        for (at, side) in sides.iter().enumerate() {
            let (result, time) = measured(value(runner, live, &side.step)).await;
            let result = result.and_then(|value| selected(side, value));
            let result = match result {
                Ok(result) => result,
                Err(reason) => {
                    return MeasureOutcome::Failed {
                        side: side.id.clone(),
                        reason,
                    };
                }
            };
            match &expected {
                None => expected = Some(result),
                Some(expected) => {
                    if let Some(difference) = first_disagreement(expected, &result) {
                        return MeasureOutcome::Different {
                            first: sides[0].id.clone(),
                            second: side.id.clone(),
                            at: difference,
                        };
                    }
                }
            }
            if round >= WARM_UP {
                times[at].push(time);
            }
        }
    }
    let mut found = Vec::new();
    for (side, times) in sides.iter().zip(times) {
        let touched = match &side.touched {
            None => None,
            Some(touched) => match count(runner, live, touched).await {
                Ok(count) => Some((count, touched.unit)),
                Err(reason) => {
                    return MeasureOutcome::Failed {
                        side: side.id.clone(),
                        reason,
                    };
                }
            },
        };
        found.push(SideTimes::new(side.id.clone(), times, touched));
    }
    MeasureOutcome::Measured(found)
}

/// Runs a step once and returns its value, or why it has none.
async fn value<E: Engine>(runner: &Runner<'_, E>, live: &Live, step: &Step) -> Result<Value, Text> {
    let mode = ProbeMode::of_check(step);
    let result = run_step_once(runner, live, step, mode, &Captures::new()).await;
    match (result.outcome, result.actual) {
        (Outcome::Pass, Some(actual)) => Ok(actual.value),
        (Outcome::ProbeError { reason }, _) => Err(Text::verbatim(reason)),
        (Outcome::Fail { actual, .. }, Some(_)) => Err(Text::verbatim(actual)),
        (Outcome::Fail { .. } | Outcome::Pass, None) => Err(text!("no result")),
    }
}

fn selected(side: &Side, value: Value) -> Result<Value, Text> {
    let Some(path) = &side.path else {
        return Ok(value);
    };
    path.select(&value)
        .ok_or_else(|| text!("the result has nothing at its `path`"))
}

async fn count<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    touched: &Touched,
) -> Result<u64, Text> {
    let value = value(runner, live, &touched.step).await?;
    total(&touched.path, &value).ok_or_else(|| text!("`touched` selects no number"))
}

/// Adds up the numbers that a path selects.
fn total(path: &ValuePath, value: &Value) -> Option<u64> {
    match path.select(value)? {
        Value::Array(numbers) if !numbers.is_empty() => numbers.iter().map(whole).sum(),
        number => whole(&number),
    }
}

/// Returns a count, which some services give as a floating-point number.
fn whole(number: &Value) -> Option<u64> {
    number
        .as_u64()
        .or_else(|| Some(number.as_f64()?.round().max(0.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_touched_is_added_up() {
        let path = |text: &str| ValuePath::parse(text).unwrap();
        let value = json!({"plan": [{"rows": 3}, {"rows": 4}], "name": "x"});
        assert_eq!(total(&path("$.plan[*].rows"), &value), Some(7));
        assert_eq!(total(&path("$.plan[0].rows"), &value), Some(3));
        assert_eq!(total(&path("$.name"), &value), None);
        assert_eq!(total(&path("$.missing"), &value), None);
    }
}
