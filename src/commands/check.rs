//! `roadlab check`: which exercises are solved, and what is different where they are not.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::app::select_exercises;
use crate::commands::check_output::{
    Detail, junit_cases, result_json, result_lines, unavailable_line,
};
use crate::commands::closing::closing_lines;
use crate::commands::format::{Holding, Score};
use crate::commands::{Context, format, junit};
use crate::exit::Exit;
use crate::lab::{Exercise, ExerciseId};
use crate::localized;
use crate::problem::code_list;
use crate::report::{self, Paint, Wording, check_lines, error, output};
use crate::runner::{CheckStage, ExerciseResult, Failure};

pub(crate) async fn check(
    context: &Context,
    name: &str,
    names: &[String],
    junit: Option<&Path>,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let selected = select_exercises(&lab, names)?;
    let engine = context.app.existing_engine().await?;
    let running = context.app.running(&engine, &lab).await?;
    let (available, unavailable): (Vec<&Exercise>, Vec<&Exercise>) = selected
        .into_iter()
        .partition(|exercise| running.live.is_available(exercise));
    let before = running.progress()?;
    let known = KnownResults::new(&available, context.global.json);
    let report = |stage, result: &ExerciseResult| known.report(stage, result, context.paint);
    let results = running.check_reporting(&available, &report).await;
    let now = running.progress()?;
    let newly_solved = |result: &ExerciseResult| {
        let id = &result.exercise;
        now.is_solved(id) && !before.is_solved(id)
    };
    running.live.connections.close().await;
    let results = results?;
    context.reporter.finish();
    let passed = results.iter().filter(|result| result.passed()).count();
    if let Some(path) = junit {
        let cases = results.iter();
        let cases = cases.flat_map(|result| junit_cases(lab.id.as_str(), result));
        junit::save(path, lab.id.as_str(), &cases.collect::<Vec<_>>())?;
    }
    if context.global.json {
        let exercises = results.iter().map(|result| {
            let mut document = result_json(context, &running, result);
            document["newly_solved"] = newly_solved(result).into();
            document
        });
        let unavailable = unavailable.iter();
        let unavailable = unavailable.map(|exercise| exercise.id.as_str());
        report::document(&json!({
            "lab": lab.id.as_str(),
            "instance": context.app.instance.as_str(),
            "passed": passed,
            "exercises": exercises.collect::<Vec<_>>(),
            "unavailable": unavailable.collect::<Vec<_>>(),
        }));
    } else {
        let detail = match names.len() {
            1 => Detail::AllChecks,
            _ => Detail::FailedChecks,
        };
        for (at, result) in results.iter().enumerate() {
            let lines = result_lines(context, &running, result, detail);
            lines.iter().for_each(|line| output(line));
            let exercise = lab.exercise(&result.exercise);
            if let Some(exercise) = exercise.filter(|_| newly_solved(result))
                && let Some(text) = closing_lines(context, &lab, exercise, &running.live.addresses)
            {
                output(&text);
                if at + 1 < results.len() {
                    output("");
                }
            }
        }
        for exercise in &unavailable {
            output(&unavailable_line(&running, exercise, context.paint));
        }
        let checked = results.len();
        let score = Score {
            holding: match names.is_empty() {
                true => Holding::OfAll(passed),
                false => Holding::OfSome { passed, checked },
            },
            ..format::score(&lab, &now)
        };
        output(&format!("\n{}", score.text()));
    }
    // An exercise that was named must pass; of all exercises, those that are available must.
    let all_checked = names.is_empty() || unavailable.is_empty();
    match all_checked && passed == results.len() {
        true => Ok(Exit::Success),
        false => Ok(Exit::CheckFailed),
    }
}

/// Shows on stderr what is known while checks are waited for: once, as soon as every exercise was probed.
struct KnownResults {
    /// The exercises that were not probed yet.
    left: RefCell<BTreeSet<ExerciseId>>,
    waiting: RefCell<Vec<(Duration, ExerciseResult)>>,
    shown: bool,
}

impl KnownResults {
    fn new(exercises: &[&Exercise], json: bool) -> Self {
        Self {
            left: RefCell::new(exercises.iter().map(|one| one.id.clone()).collect()),
            waiting: RefCell::default(),
            shown: !json,
        }
    }

    fn report(&self, stage: CheckStage, result: &ExerciseResult, paint: Paint) {
        let mut left = self.left.borrow_mut();
        let first = left.remove(&result.exercise);
        let mut waiting = self.waiting.borrow_mut();
        if let CheckStage::Waiting { within } = stage {
            waiting.push((within, result.clone()));
        }
        if !first || !left.is_empty() || !self.shown {
            return;
        }
        for (within, result) in waiting.drain(..) {
            for check in result.checks.iter().filter(|check| check.outcome.passed()) {
                check_lines(check, Wording::Plain, None, paint)
                    .iter()
                    .for_each(|line| error(line));
            }
            let open = result.checks.iter().filter(|check| !check.outcome.passed());
            error(&paint.dim(&localized!(
                "{exercise}: waiting at most {time} for {checks}",
                exercise = result.exercise,
                time = report::duration(within.as_millis() as u64),
                checks = code_list(open.map(|check| &check.check))
            )));
        }
    }
}
