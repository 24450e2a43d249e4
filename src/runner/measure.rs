//! Measures how long the sides of a measurement take for the same question.
//!
//! The sides run in turn, A B A B, so that whatever slows the machine down slows all of them. No time is kept before all sides
//! have given the same result, and a side whose result changes in the middle ends the measurement.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::Engine;
use crate::event::{Outcome, SideTimes};
use crate::expect::{Actual, Disagreement, ValuePath, first_disagreement};
use crate::lab::{CheckId, Measurement, RatioProbe, Side, Step, Touched};
use crate::probe::{ProbeError, ProbeMode, measured};
use crate::runner::act::{Captures, run_step_once};
use crate::runner::{Live, Runner};
use crate::text;
use crate::text::Text;

/// How often the sides of a measurement run.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds before the measured ones: connections are open and caches are filled then.
    warm_up: usize,
    /// The most measured rounds.
    rounds: usize,
    /// The fewest measured rounds, and the time after which there are no more than these.
    fewest: usize,
    budget: Duration,
}

impl Effort {
    /// For a check, which asks for a ratio with a wide margin.
    pub const CHECK: Self = Self {
        warm_up: 2,
        rounds: 9,
        fewest: 3,
        budget: Duration::from_secs(3),
    };

    /// To find out whether the sides give the same result.
    pub const ONCE: Self = Self {
        warm_up: 0,
        rounds: 1,
        fewest: 1,
        budget: Duration::ZERO,
    };

    /// For times that a person reads: at most this many rounds, or fewer if they take longer than ten seconds.
    pub fn of_rounds(rounds: usize) -> Self {
        Self {
            warm_up: 3,
            rounds,
            fewest: rounds.min(5),
            budget: Duration::from_secs(10),
        }
    }
}

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

/// Measures all sides.
pub async fn measure<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    measurement: &Measurement,
    effort: Effort,
) -> MeasureOutcome {
    let sides = &measurement.sides;
    let mut times = vec![Vec::with_capacity(effort.rounds); sides.len()];
    // The first side's first result is what all others must equal, from the first round to the last.
    let mut expected: Option<Value> = None;
    let mut begun = Instant::now();
    for round in 0..effort.warm_up + effort.rounds {
        if round == effort.warm_up {
            begun = Instant::now();
        }
        if round >= effort.warm_up + effort.fewest && begun.elapsed() > effort.budget {
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
            if round >= effort.warm_up {
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

impl MeasureOutcome {
    /// Returns why there are no times.
    pub fn problem(&self) -> Option<Text> {
        match self {
            Self::Measured(_) => None,
            Self::Failed { side, reason } => Some(text!(
                "no answer from {name}: {reason}",
                name = side,
                reason = *reason
            )),
            Self::Different { first, second, at } => {
                let place = match at.place.as_str() {
                    "" => String::new(),
                    place => format!("{place}: "),
                };
                let values = format!("{place}{} ≠ {}", at.first, at.second);
                Some(match first == second {
                    true => text!(
                        "the result of {first} changed meanwhile: {values}",
                        first,
                        values
                    ),
                    false => text!(
                        "{first} and {second} give different results: {values}",
                        first,
                        second,
                        values
                    ),
                })
            }
        }
    }
}

/// Measures how many times as long one side takes as another, with two digits after the point. Only these two sides run.
pub(super) async fn measure_ratio<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    measurements: &[Measurement],
    ratio: &RatioProbe,
) -> Result<Actual, ProbeError> {
    let invalid = || ProbeError::InvalidStep(text!("there is no such measurement"));
    let mut known = measurements.iter();
    let measurement = known
        .find(|known| known.id == ratio.measurement)
        .ok_or_else(invalid)?;
    let sides = [&ratio.slower, &ratio.faster].map(|id| {
        let mut sides = measurement.sides.iter();
        sides.find(|side| side.id == *id).map(|side| Side {
            touched: None,
            ..side.clone()
        })
    });
    let compared = Measurement {
        id: measurement.id.clone(),
        sides: sides.into_iter().flatten().collect(),
    };
    let outcome = measure(runner, live, &compared, Effort::CHECK).await;
    if let Some(problem) = outcome.problem() {
        return Err(ProbeError::NoAnswer(problem));
    }
    match outcome {
        MeasureOutcome::Measured(times) if times.len() == 2 => {
            Ok(Actual::value(times_as_long(&times[0], &times[1])))
        }
        _ => Err(invalid()),
    }
}

fn times_as_long(slower: &SideTimes, faster: &SideTimes) -> f64 {
    let least = Duration::from_nanos(1);
    let ratio = slower.median().as_secs_f64() / faster.median().max(least).as_secs_f64();
    (ratio * 100.0).round() / 100.0
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
    fn a_ratio_has_two_digits_after_the_point() {
        let side = |micros: &[u64]| {
            let times = micros.iter().copied().map(Duration::from_micros);
            SideTimes::new(CheckId::new("a").unwrap(), times.collect(), None)
        };
        assert_eq!(
            times_as_long(&side(&[900, 1000, 90_000]), &side(&[300])),
            3.33
        );
        assert_eq!(times_as_long(&side(&[1]), &side(&[0])), 1000.0);
    }

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
