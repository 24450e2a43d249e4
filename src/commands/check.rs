//! `roadlab check`: which exercises are solved, and what is different where they are not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::app::{Holding, Score, select_exercises};
use crate::commands::check_output::{
    Detail, junit_cases, result_json, result_lines, unavailable_line,
};
use crate::commands::closing::closing_lines;
use crate::commands::{Context, check_output, junit, next_output};
use crate::event::Event;
use crate::exit::Exit;
use crate::lab::{Exercise, ExerciseId};
use crate::localized;
use crate::problem::code_list;
use crate::report::{self, OutputMode, Paint, Wording, check_lines, error, output};
use crate::runner::{CheckStage, ExerciseResult, Failure, Undecided};

pub(crate) async fn check(
    context: &Context,
    name: &str,
    names: &[String],
    junit: Option<&Path>,
) -> Result<Exit, Failure> {
    // On a terminal, so that something is seen at once.
    context.app.emit(Event::OperationStarted {
        operation: localized!("checking {lab}", lab = name),
    });
    let lab = context.lab(name)?;
    let selected = select_exercises(&lab, names)?;
    let engine = context.app.existing_engine().await?;
    let running = context.app.running(&engine, &lab).await?;
    let (available, unavailable) = running.live.by_availability(selected);
    let before = running.progress()?;
    let known = KnownResults::new(&available, context.global.output_mode(), context.width());
    let detail = match names.len() {
        1 => Detail::AllChecks,
        _ => Detail::FailedChecks,
    };
    let show = |result: &ExerciseResult| {
        let lines = result_lines(context, &running, result, detail);
        lines.iter().for_each(|line| output(line));
    };
    let queue = RefCell::new(ResultQueue::new(&available));
    let report = |stage, result: &ExerciseResult| {
        context.reporter.finish();
        known.report(stage, result, context.paint);
        // The closing text of what is solved now follows its result, once it is recorded.
        let is_new = result.passed() && !before.is_solved(&result.exercise);
        if stage == CheckStage::Final && !context.global.json {
            queue
                .borrow_mut()
                .add(result, is_new)
                .iter()
                .for_each(&show);
        }
    };
    let results = running
        .check_reporting(&available, Undecided::Await, &report)
        .await;
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
        let shown = queue.borrow().shown();
        for (at, result) in results.iter().enumerate().skip(shown) {
            show(result);
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
            ..Score::new(&lab, &now)
        };
        output(&format!("\n{}", score.text()));
        let denied: BTreeSet<_> = results.iter().flat_map(|one| &one.denied).collect();
        if let Some(text) = check_output::way_out(&context.app, &lab, denied) {
            output(&context.paint.warn(&text));
        }
        if results.iter().any(newly_solved)
            && let Some(text) = next_output::after_last(context, &lab)
        {
            output(&context.paint.good(&text));
        }
    }
    // An exercise that was named must pass; of all exercises, those that are available must.
    let all_checked = names.is_empty() || unavailable.is_empty();
    match all_checked && passed == results.len() {
        true => Ok(Exit::Success),
        false => Ok(Exit::CheckFailed),
    }
}

/// The results of exercises in the order of the lab, each as soon as it and those before it are known.
struct ResultQueue {
    order: Vec<ExerciseId>,
    known: BTreeMap<ExerciseId, ExerciseResult>,
    shown: usize,
    /// Exercises after whose result something else is shown, so that it waits for the end.
    held: BTreeSet<ExerciseId>,
}

impl ResultQueue {
    fn new(exercises: &[&Exercise]) -> Self {
        Self {
            order: exercises.iter().map(|one| one.id.clone()).collect(),
            known: BTreeMap::new(),
            shown: 0,
            held: BTreeSet::new(),
        }
    }

    /// Adds a final result and returns those that can be shown now. One that `waits`, and what follows it, is not among them.
    fn add(&mut self, result: &ExerciseResult, waits: bool) -> Vec<ExerciseResult> {
        let id = &result.exercise;
        if waits {
            self.held.insert(id.clone());
        }
        self.known.insert(id.clone(), result.clone());
        let mut ready = Vec::new();
        while let Some(next) = self.order.get(self.shown)
            && !self.held.contains(next)
            && let Some(result) = self.known.remove(next)
        {
            self.shown += 1;
            ready.push(result);
        }
        ready
    }

    /// Returns how many results were shown, from the first.
    fn shown(&self) -> usize {
        self.shown
    }
}

/// Shows on stderr what is known while checks are waited for: once, as soon as every exercise was probed.
struct KnownResults {
    /// The exercises that were not probed yet.
    left: RefCell<BTreeSet<ExerciseId>>,
    waiting: RefCell<Vec<(Duration, ExerciseResult)>>,
    /// JSON has all results at the end.
    mode: OutputMode,
    /// The columns of the terminal; `None` for a pipe.
    width: Option<usize>,
}

impl KnownResults {
    fn new(exercises: &[&Exercise], mode: OutputMode, width: Option<usize>) -> Self {
        Self {
            left: RefCell::new(exercises.iter().map(|one| one.id.clone()).collect()),
            waiting: RefCell::default(),
            mode,
            width,
        }
    }

    fn report(&self, stage: CheckStage, result: &ExerciseResult, paint: Paint) {
        let mut left = self.left.borrow_mut();
        let first = left.remove(&result.exercise);
        let mut waiting = self.waiting.borrow_mut();
        if let CheckStage::Waiting { within } = stage {
            waiting.push((within, result.clone()));
        }
        if !first || !left.is_empty() || self.mode == OutputMode::Json {
            return;
        }
        for (within, result) in waiting.drain(..) {
            for check in result.checks.iter().filter(|check| check.outcome.passed()) {
                check_lines(check, Wording::Plain, self.width, paint)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, lab};
    use crate::runner::Changed;

    #[test]
    fn results_are_shown_in_order_as_soon_as_they_are_known() {
        let one = lab(COMPOSE).exercises.remove(0);
        let names = ["a", "b", "c", "d"];
        let exercises = names.map(|id| Exercise {
            id: ExerciseId::new(id).unwrap(),
            ..one.clone()
        });
        let mut queue = ResultQueue::new(&exercises.iter().collect::<Vec<_>>());
        let mut add = |id: &str, waits: bool| {
            let result = ExerciseResult {
                exercise: ExerciseId::new(id).unwrap(),
                checks: Vec::new(),
                actuals: Vec::new(),
                held: Vec::new(),
                changed: Changed::No,
                denied: BTreeSet::new(),
                undecided: None,
            };
            let ready = queue.add(&result, waits).into_iter();
            let ready: Vec<String> = ready.map(|result| result.exercise.to_string()).collect();
            ready.join(" ")
        };
        assert_eq!(add("b", false), "");
        assert_eq!(add("a", false), "a b");
        assert_eq!(add("d", false), "");
        assert_eq!(add("c", true), "");
        assert_eq!(queue.shown(), 2);
    }
}
