//! Check results as lines for people and as JSON.

use serde_json::{Value, json};

use crate::app::{App, RunningLab};
use crate::commands::Context;
use crate::commands::closing::closing_markdown;
use crate::commands::quiz_output;
use crate::engine::Engine;
use crate::event::{CheckResult, Outcome};
use crate::expect::Words;
use crate::lab::{Exercise, Lab, Quiz, ServiceName, Task};
use crate::localized;
use crate::problem::code_list;
use crate::report::{JunitCase, Paint, check_lines, markdown, sanitize, wrap};
use crate::runner::ExerciseResult;

/// How much is shown of an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Every check.
    AllChecks,
    /// The checks that do not pass.
    FailedChecks,
}

/// Returns the result of an exercise as JSON.
pub(super) fn result_json<E: Engine>(
    context: &Context,
    running: &RunningLab<'_, E>,
    result: &ExerciseResult,
) -> Value {
    let section = running.lab.section(&result.exercise, &running.app.lang);
    let exercise = running.lab.exercise(&result.exercise);
    let after = exercise.filter(|_| result.passed()).and_then(|exercise| {
        closing_markdown(context, running.lab, exercise, &running.live.addresses)
    });
    let checks = result.checks.iter().map(|check| {
        json!({
            "check": check.check,
            "about": check.about,
            "outcome": check.outcome.name(),
            "expected": check.outcome.expected(),
            "actual": check.outcome.actual(),
            "words": words_json(check),
            "hint": check.outcome.hint(),
            "hint_text": running.hint_for(result, check),
        })
    });
    json!({
        "exercise": result.exercise.as_str(),
        "title": section.title,
        "passed": result.passed(),
        "after": after,
        "checks": checks.collect::<Vec<_>>(),
    })
}

/// Returns the expected and the actual value of a check that fails, in words.
fn words_json(check: &CheckResult) -> Value {
    let words = &check.words;
    if *words == Words::default() {
        return Value::Null;
    }
    let places = words
        .places
        .iter()
        .map(|at| json!({ "place": at.place, "expected": at.expected, "actual": at.actual }));
    json!({
        "expected": words.expected,
        "actual": words.actual,
        "places": places.collect::<Vec<_>>(),
    })
}

/// Returns the result of an exercise in lines: its title, checks and the hint for what was found.
pub(super) fn result_lines<E: Engine>(
    context: &Context,
    running: &RunningLab<'_, E>,
    result: &ExerciseResult,
    detail: Detail,
) -> Vec<String> {
    let paint = context.paint;
    let mut lines = vec![title_line(running, result, paint)];
    if result.passed() && detail == Detail::FailedChecks {
        return lines;
    }
    if let Some(exercise) = running.lab.exercise(&result.exercise)
        && let Task::Quiz(quiz) = &exercise.task
        && !result.passed()
    {
        lines.extend(quiz_lines(
            running,
            result,
            exercise,
            quiz,
            context.width(),
            paint,
        ));
        return lines;
    }
    let checks = result.checks.iter();
    let shown = checks.filter(|check| detail == Detail::AllChecks || !check.outcome.passed());
    let (wording, width) = (context.wording(), context.width());
    lines.extend(shown.flat_map(|check| check_lines(check, wording, width, paint)));
    lines.extend(hint_line(running, result, paint));
    lines
}

fn hint_line<E: Engine>(
    running: &RunningLab<'_, E>,
    result: &ExerciseResult,
    paint: Paint,
) -> Option<String> {
    let text = running.conditional_hint(result)?;
    let terminal = console::Term::stdout();
    let columns = usize::from(terminal.size().1);
    let width = terminal
        .is_term()
        .then(|| columns.saturating_sub(9).max(20));
    let text = markdown(&text, width, paint);
    Some(format!(
        "    {} {}",
        paint.warn(&localized!("hint")),
        text.trim().replace('\n', "\n    ")
    ))
}

/// Returns what was answered to a quiz that is not solved, with its hint and how to answer.
fn quiz_lines<E: Engine>(
    running: &RunningLab<'_, E>,
    result: &ExerciseResult,
    exercise: &Exercise,
    quiz: &Quiz,
    width: Option<usize>,
    paint: Paint,
) -> Vec<String> {
    let (app, lab) = (running.app, running.lab);
    let actual = result
        .checks
        .iter()
        .find_map(|check| check.outcome.actual());
    let answer = actual.and_then(|actual| quiz.choice(actual)).map_or_else(
        || localized!("no answer yet"),
        |choice| localized!("{choice} is not correct", choice),
    );
    let mut lines = vec![format!("  {} {answer}", paint.bad("✗"))];
    lines.extend(hint_line(running, result, paint));
    let how = [
        quiz_output::how_to_read(app, lab, exercise),
        quiz_output::how_to_answer(app, lab, exercise, quiz),
    ];
    let how = how
        .iter()
        .flat_map(|line| wrap(&format!("    {line}"), 6, width));
    lines.extend(how);
    lines
}

/// `✓ sessions  Sessions that end (4/4)`.
pub(super) fn summary_line<E: Engine>(
    running: &RunningLab<'_, E>,
    result: &ExerciseResult,
    paint: Paint,
) -> String {
    let count = format!("({}/{})", result.passed_checks(), result.checks.len());
    let title = title_line(running, result, paint);
    format!("{title} {}", paint.dim(&count))
}

fn title_line<E: Engine>(
    running: &RunningLab<'_, E>,
    result: &ExerciseResult,
    paint: Paint,
) -> String {
    let section = running.lab.section(&result.exercise, &running.app.lang);
    let symbol = if result.passed() {
        paint.good("✓")
    } else {
        paint.bad("✗")
    };
    format!(
        "{symbol} {}  {}",
        paint.bold(result.exercise.as_str()),
        sanitize(&section.title)
    )
}

/// Returns a line that says which unavailable services an exercise needs.
pub(super) fn unavailable_line<E: Engine>(
    running: &RunningLab<'_, E>,
    exercise: &Exercise,
    paint: Paint,
) -> String {
    let reason = missing_services(running, exercise).unwrap_or_default();
    paint.dim(&format!("– {}  {reason}", exercise.id))
}

/// Returns which unavailable services an exercise needs, in words.
pub(super) fn missing_services<E: Engine>(
    running: &RunningLab<'_, E>,
    exercise: &Exercise,
) -> Option<String> {
    let missing = running.live.missing_services(exercise);
    let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
    let services = names.join(", ");
    if names.is_empty() {
        return None;
    }
    Some(match running.trust_command(&missing) {
        Some(command) => localized!(
            "not available: it needs {services}, and that needs `--trust`: `{command}`",
            services,
            command
        ),
        None => localized!("not available: it needs {services}", services),
    })
}

/// Returns how to go on where services refuse the user of the lab; `None` if none does.
pub(super) fn way_out<'s>(
    app: &App,
    lab: &Lab,
    denied: impl IntoIterator<Item = &'s ServiceName>,
) -> Option<String> {
    let services: Vec<&ServiceName> = denied.into_iter().collect();
    (!services.is_empty()).then(|| {
        localized!(
            "{services}: refuses the user of this lab. If you changed its password or its rights, change them back; or `{command}` creates the services again, which wipes their data and keeps your progress",
            services = code_list(services),
            command = format!("roadlab reset {} --hard", app.lab_argument(&lab.id))
        )
    })
}

/// Returns a test case for each check of an exercise.
pub(super) fn junit_cases<'r>(
    lab: &'r str,
    result: &'r ExerciseResult,
) -> impl Iterator<Item = JunitCase> + 'r {
    result.checks.iter().map(move |check| JunitCase {
        suite: format!("{lab}.{}", result.exercise),
        name: check.check.clone(),
        problem: match &check.outcome {
            Outcome::Pass => None,
            Outcome::Fail {
                expected, actual, ..
            } => Some(localized!(
                "expected {expected}, got {actual}",
                expected,
                actual
            )),
            Outcome::ProbeError { reason } => Some(localized!("cannot check: {reason}", reason)),
        },
    })
}
