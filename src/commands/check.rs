//! `roadlab check`: what is solved, and what is seen where it is not.

use std::path::Path;

use serde_json::json;

use crate::commands::{Context, exercise};
use crate::engine::Engine;
use crate::event::{CheckReport, Outcome};
use crate::exit::Exit;
use crate::lab::{Exercise, Lab, Lang, Task, render};
use crate::report::{self, JunitCase, Paint, check_lines, markdown, output, sanitize, t};
use crate::runner::{ExerciseResult, Failure, Live, Runner, check_exercises};
use crate::store::{Progress, SolvedBy};

pub(crate) async fn check(
    context: &Context,
    name: &str,
    names: &[String],
    watch: bool,
    junit: Option<&Path>,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let wanted: Vec<&Exercise> = match names {
        [] => lab.exercises.iter().collect(),
        names => names
            .iter()
            .map(|name| exercise(&lab, name))
            .collect::<Result<_, _>>()?,
    };
    let engine = context.engine().await?;
    let emit = |event| context.emit(event);
    let runner = context.runner(&engine, &lab, &emit);
    let mut live = context.live(&runner).await?;
    let mut progress = context.progress(&lab.id)?;
    let (available, unavailable): (Vec<&Exercise>, Vec<&Exercise>) =
        wanted.into_iter().partition(|exercise| {
            exercise
                .needs_service
                .iter()
                .all(|name| live.addresses.contains_key(name))
        });
    if watch {
        context.reporter.finish();
        let ended =
            super::watch::watch(context, &runner, &mut live, &available, &mut progress).await;
        live.connections.close().await;
        return ended;
    }
    let judged = check_exercises(&runner, &live, &available, &|id| {
        progress.answers.get(id).cloned()
    })
    .await;
    live.connections.close().await;
    record_solved(&judged, &mut progress)?;
    context.reporter.finish();
    let passed = judged.iter().filter(|judged| judged.passed()).count();
    let results: Vec<Checked<'_>> = judged
        .iter()
        .map(|judged| Checked {
            judged,
            reports: judged.reports(&runner, &context.lang),
        })
        .collect();
    if let Some(path) = junit {
        write_junit(path, &lab, &results)?;
    }
    if context.global.json {
        let exercises: Vec<_> = results
            .iter()
            .map(|result| as_json(&runner, &live, result.judged, &context.lang))
            .collect();
        report::document(
            &json!({ "lab": lab.id.as_str(), "instance": context.instance.as_str(), "passed": passed,
            "exercises": exercises, "unavailable": unavailable.iter().map(|e| e.id.as_str()).collect::<Vec<_>>() }),
        );
    } else {
        let few = names.len() == 1;
        results
            .iter()
            .for_each(|result| say(&lab, &live, result, &context.lang, context.paint, few));
        for exercise in unavailable {
            let services: Vec<&str> = exercise
                .needs_service
                .iter()
                .map(|name| name.as_str())
                .collect();
            let why = t!("learn.unavailable", services = services.join(", "));
            output(&context.paint.dim(&format!("– {}  {why}", exercise.id)));
        }
        let score = t!("session.done", done = passed, all = results.len());
        output(&format!("\n{score}"));
    }
    match passed == results.len() {
        true => Ok(Exit::Success),
        false => Ok(Exit::CheckFailed),
    }
}

struct Checked<'a> {
    judged: &'a ExerciseResult,
    reports: Vec<CheckReport>,
}

/// Notes what is solved now.
pub(crate) fn record_solved(
    judged: &[ExerciseResult],
    progress: &mut Progress,
) -> Result<(), Failure> {
    let fresh: Vec<_> = judged
        .iter()
        .filter(|judged| judged.passed() && !progress.done.contains_key(&judged.exercise))
        .collect();
    for judged in &fresh {
        progress.finish(&judged.exercise, SolvedBy::Learner);
    }
    if !fresh.is_empty() {
        progress.write()?;
    }
    Ok(())
}

fn say(lab: &Lab, live: &Live, result: &Checked<'_>, lang: &Lang, paint: Paint, whole: bool) {
    let section = lab.section(&result.judged.exercise, lang);
    let mark = if result.judged.passed() {
        paint.good("✓")
    } else {
        paint.bad("✗")
    };
    output(&format!(
        "{mark} {}  {}",
        paint.bold(result.judged.exercise.as_str()),
        sanitize(&section.title)
    ));
    if result.judged.passed() && !whole {
        return;
    }
    for report in result
        .reports
        .iter()
        .filter(|report| whole || report.outcome != Outcome::Pass)
    {
        check_lines(report, paint)
            .iter()
            .for_each(|line| output(line));
    }
    if let Some(text) = conditional_hint(lab, live, result.judged, lang) {
        let text = markdown(
            &text,
            console::Term::stdout().is_term().then_some(90),
            paint,
        );
        output(&format!(
            "    {} {}",
            paint.warn(&t!("session.hint")),
            text.trim().replace('\n', "\n    ")
        ));
    }
}

/// The text of the hint that fits what the checks saw.
pub(crate) fn conditional_hint(
    lab: &Lab,
    live: &Live,
    judged: &ExerciseResult,
    lang: &Lang,
) -> Option<String> {
    let section = lab.section(&judged.exercise, lang);
    let text = section.named_hints.get(judged.hint()?)?;
    render(&text.markdown, lab, &live.addresses).ok()
}

/// One exercise and its checks, as data.
pub(crate) fn as_json<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    judged: &ExerciseResult,
    lang: &Lang,
) -> serde_json::Value {
    let lab = runner.lab;
    let section = lab.section(&judged.exercise, lang);
    let first_hint = section
        .hints
        .first()
        .and_then(|hint| render(&hint.markdown, lab, &live.addresses).ok());
    let id = &judged.exercise;
    let quiz = lab
        .exercise(id)
        .is_some_and(|exercise| matches!(exercise.task, Task::Quiz(_)));
    let open_quiz =
        || quiz.then(|| t!("author.open_quiz", lab = lab.id, exercise = id).into_owned());
    let reports = judged.reports(runner, lang);
    let checks = reports.iter().map(|report| {
        // A check that saw no known mistake still has the exercise's first hint to offer.
        let named = report.hint.as_ref().and_then(|name| section.named_hints.get(name));
        let named = named.and_then(|text| render(&text.markdown, lab, &live.addresses).ok());
        let text = (report.outcome != Outcome::Pass).then(|| named.or_else(|| first_hint.clone()).or_else(open_quiz)).flatten();
        json!({ "check": report.check, "about": report.about, "outcome": report.outcome, "expected": report.expected,
            "actual": report.actual, "hint": report.hint, "hint_text": text })
    });
    json!({ "exercise": judged.exercise.as_str(), "title": section.title, "passed": judged.passed(),
        "checks": checks.collect::<Vec<_>>() })
}

fn write_junit(path: &Path, lab: &Lab, results: &[Checked<'_>]) -> Result<(), Failure> {
    let cases = results.iter().flat_map(|result| {
        result.reports.iter().map(|report| JunitCase {
            suite: format!("{}.{}", lab.id, report.exercise),
            name: report.check.clone(),
            problem: match report.outcome {
                Outcome::Pass => None,
                Outcome::Fail => Some(format!(
                    "expected {}, saw {}",
                    report.expected.as_deref().unwrap_or_default(),
                    report.actual.as_deref().unwrap_or_default()
                )),
                Outcome::ProbeError => Some(format!(
                    "cannot look: {}",
                    report.actual.as_deref().unwrap_or_default()
                )),
            },
        })
    });
    save_junit(path, lab.id.as_str(), &cases.collect::<Vec<_>>())
}

/// Writes cases to a file as JUnit XML.
pub(crate) fn save_junit(path: &Path, name: &str, cases: &[JunitCase]) -> Result<(), Failure> {
    let xml = report::junit(name, cases)?;
    std::fs::write(path, xml).map_err(|error| {
        Failure::Usage(crate::text::Text::verbatim(format!(
            "cannot write {}: {error}",
            path.display()
        )))
    })
}

/// Judges one exercise of a running lab and notes it if it is solved.
pub(crate) async fn check_one<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercise: &Exercise,
    progress: &mut Progress,
) -> Result<ExerciseResult, Failure> {
    let judged = check_exercises(runner, live, &[exercise], &|id| {
        progress.answers.get(id).cloned()
    })
    .await;
    record_solved(&judged, progress)?;
    judged.into_iter().next().ok_or_else(|| {
        Failure::Usage(crate::text::Text::verbatim(
            "no exercise to check".to_owned(),
        ))
    })
}
