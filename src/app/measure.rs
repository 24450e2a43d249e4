//! Measurements of exercises in a running lab.

use crate::app::{App, RunningLab};
use crate::engine::Engine;
use crate::lab::{Exercise, Lab, Measurement};
use crate::runner::{self, Effort, Failure, MeasureOutcome};
use crate::text;

/// A measurement of an exercise, with the texts of the guide.
#[derive(Debug, Clone)]
pub struct MeasureReport {
    pub id: String,
    /// The question that all sides answered.
    pub question: String,
    pub outcome: MeasureOutcome,
}

impl App {
    /// Returns the exercise that a measurement is for: the named one, or the only one that has any.
    pub fn measured_exercise<'a>(
        &self,
        lab: &'a Lab,
        named: Option<&'a Exercise>,
    ) -> Result<&'a Exercise, Failure> {
        let all: Vec<&Exercise> = match named {
            Some(exercise) => vec![exercise],
            None => lab.exercises.iter().collect(),
        };
        let measured: Vec<&Exercise> = all
            .into_iter()
            .filter(|exercise| !exercise.measure.is_empty())
            .collect();
        match (measured.as_slice(), named) {
            ([only], _) => Ok(only),
            ([], Some(exercise)) => Err(Failure::Usage(text!(
                "exercise `{exercise}` of lab `{lab}` measures nothing",
                exercise = exercise.id,
                lab = lab.id
            ))),
            ([], None) => Err(Failure::Usage(text!(
                "lab `{lab}` measures nothing",
                lab = lab.id
            ))),
            (several, _) => Err(Failure::Usage(text!(
                "several exercises of `{lab}` measure something; name one: {exercises}",
                lab = lab.id,
                exercises = several
                    .iter()
                    .map(|exercise| format!("`{}`", exercise.id))
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        }
    }

    /// Returns the name of a side in the guide's language.
    pub fn side_name(&self, lab: &Lab, exercise: &Exercise, side: &str) -> String {
        let section = lab.section(&exercise.id, &self.lang);
        let name = section.measured.get(side);
        name.map_or_else(|| side.to_owned(), Clone::clone)
    }
}

impl<E: Engine> RunningLab<'_, E> {
    /// Runs the measurements of an exercise, one after the other, each in at most `rounds` rounds. Changes nothing.
    pub async fn measure(&self, exercise: &Exercise, rounds: usize) -> Vec<MeasureReport> {
        let mut reports = Vec::new();
        for measurement in &exercise.measure {
            reports.push(self.measure_one(exercise, measurement, rounds).await);
        }
        reports
    }

    /// Runs one measurement of an exercise in at most `rounds` rounds. Changes nothing.
    pub async fn measure_one(
        &self,
        exercise: &Exercise,
        measurement: &Measurement,
        rounds: usize,
    ) -> MeasureReport {
        let effort = Effort::of_rounds(rounds);
        let outcome = runner::measure(&self.runner, &self.live, measurement, effort).await;
        let id = measurement.id.to_string();
        MeasureReport {
            question: self.app.side_name(self.lab, exercise, &id),
            id,
            outcome,
        }
    }
}
