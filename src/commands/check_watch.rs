//! `roadlab check --watch`: checks again whenever the services change, until every check passes.

use std::collections::BTreeSet;

use serde_json::json;

use crate::app::{RunningLab, select_exercises};
use crate::commands::Context;
use crate::commands::check_output::{result_json, summary_line, unavailable_line, way_out};
use crate::commands::closing::closing_lines;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::{Exercise, ExerciseId};
use crate::localized;
use crate::report::{self, Input, Key, MenuItem, Panel, Screen, Shown, output, sanitize};
use crate::runner::{Changed, ExerciseResult, Failure};
use crate::text;

/// Where results are shown.
enum View {
    /// Redrawn in place.
    Screen(Box<Screen>),
    /// A line for each exercise that changed.
    Lines,
    /// A JSON document for each exercise that changed.
    Json,
}

pub(crate) async fn check_watch(
    context: &Context,
    name: &str,
    names: &[String],
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let selected = select_exercises(&lab, names)?;
    let engine = context.app.existing_engine().await?;
    let mut running = context.app.running(&engine, &lab).await?;
    let (available, unavailable) = running.live.by_availability(selected);
    context.reporter.finish();
    for exercise in &unavailable {
        if context.global.json {
            let missing = running.live.missing_services(exercise);
            report::line(&json!({
                "event": "unavailable",
                "exercise": exercise.id.as_str(),
                "needs": missing.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
            }));
        } else {
            output(&unavailable_line(&running, exercise, context.paint));
        }
    }
    let exit = match available.is_empty() && !unavailable.is_empty() {
        true => Ok(Exit::CheckFailed),
        false => watch(context, &mut running, &available).await,
    };
    running.live.connections.close().await;
    match exit? {
        // An exercise that was named must pass.
        Exit::Success if !names.is_empty() && !unavailable.is_empty() => Ok(Exit::CheckFailed),
        exit => Ok(exit),
    }
}

async fn watch<E: Engine>(
    context: &Context,
    running: &mut RunningLab<'_, E>,
    exercises: &[&Exercise],
) -> Result<Exit, Failure> {
    let mut view = match (context.global.json, Screen::possible()) {
        (true, _) => View::Json,
        (false, false) => View::Lines,
        (false, true) => View::Screen(Box::new(enter_screen()?)),
    };
    let mut watcher = running.change_watcher(exercises);
    let mut before: Vec<ExerciseResult> = Vec::new();
    let mut solved: BTreeSet<ExerciseId> = running.progress()?.solved.into_keys().collect();
    loop {
        let mut results = running.check_current(exercises).await?;
        let changed: Vec<usize> = results
            .iter()
            .enumerate()
            .filter(|(at, result)| {
                let before = before.get(*at).map(ExerciseResult::outcomes);
                before != Some(result.outcomes())
            })
            .map(|(at, _)| at)
            .collect();
        let is_changed = match changed.is_empty() {
            true => Changed::No,
            false => Changed::Yes,
        };
        watcher.decide(is_changed, &mut results);
        let changed = changed.into_iter().map(|at| &results[at]);
        let recorded = running.progress()?.solved.into_keys();
        let fresh: Vec<&Exercise> = recorded
            .filter(|exercise| solved.insert(exercise.clone()))
            .filter_map(|exercise| running.lab.exercise(&exercise))
            .collect();
        match &mut view {
            View::Json => {
                for result in changed {
                    let mut event = result_json(context, running, result);
                    event["event"] = json!("checked");
                    report::line(&event);
                }
            }
            View::Lines => changed.for_each(|result| {
                output(&summary_line(running, result, context.paint));
            }),
            View::Screen(screen) => draw(context, running, screen, &results),
        }
        for exercise in fresh {
            let addresses = &running.live.addresses;
            let text = closing_lines(context, running.lab, exercise, addresses);
            let text = text.map(|text| format!("{text}\n"));
            match (&mut view, text) {
                (View::Json, _) | (_, None) => {}
                (View::Lines, Some(text)) => output(&text),
                (View::Screen(screen), Some(text)) => {
                    screen.print_above(&text);
                    draw(context, running, screen, &results);
                }
            }
        }
        if results.iter().all(ExerciseResult::passed) {
            return Ok(Exit::Success);
        }
        watcher
            .record_check(&running.runner, &running.live, is_changed)
            .await;
        before = results;
        let View::Screen(screen) = &mut view else {
            tokio::select! {
                changed = watcher.wait_for_change(&running.runner, &running.live) => changed?,
                () = report::output_closed() => return Ok(Exit::CheckFailed),
            }
            continue;
        };
        loop {
            tokio::select! {
                changed = watcher.wait_for_change(&running.runner, &running.live) => {
                    changed?;
                    break;
                }
                input = screen.input() => match input {
                    Input::Key(Key::Char('q')) | Input::Gone => return Ok(Exit::CheckFailed),
                    Input::Redraw => {
                        screen.clear();
                        draw(context, running, screen, &before);
                    }
                    Input::Key(_) => {}
                },
            }
        }
    }
}

fn enter_screen() -> Result<Screen, Failure> {
    Screen::enter()
        .map_err(|error| Failure::Environment(text!("cannot use the terminal: {why}", why = error)))
}

/// Draws a single exercise with all its checks, or several in a line each around the first that is not solved.
fn draw<E: Engine>(
    context: &Context,
    running: &RunningLab<'_, E>,
    screen: &mut Screen,
    results: &[ExerciseResult],
) {
    let (columns, rows) = Screen::size();
    let rows = rows.saturating_sub(1);
    let menu = vec![MenuItem {
        key: "q".to_owned(),
        does: localized!("quit"),
        shown: Shown::Always,
    }];
    let state = |passed: usize, all: usize| {
        localized!("watching, {passed} of {all} checks pass", passed, all)
    };
    let lines = match results {
        [one] => {
            let section = running.lab.section(&one.exercise, &context.app.lang);
            let panel = Panel {
                title: sanitize(&section.title),
                state: state(one.passed_checks(), one.checks.len()),
                checks: one.checks.clone(),
                hint: running.conditional_hint(one),
                wording: context.wording(),
                note: way_out(&context.app, running.lab, &one.denied),
                more: format!(
                    "roadlab check {} {}",
                    context.app.lab_argument(&running.lab.id),
                    one.exercise
                ),
                menu,
            };
            panel.lines(columns, rows, context.paint)
        }
        several => {
            let passed = several.iter().filter(|result| result.passed()).count();
            let panel = Panel {
                title: sanitize(&running.lab.guide(&context.app.lang).title),
                state: state(passed, several.len()),
                menu,
                ..Panel::default()
            };
            let mut lines = panel.lines(columns, rows, context.paint);
            let room = rows.saturating_sub(lines.len());
            let open = several.iter().position(|result| !result.passed());
            let first = open
                .unwrap_or(0)
                .saturating_sub(room / 2)
                .min(several.len().saturating_sub(room));
            let shown = several.iter().skip(first).take(room);
            let shown: Vec<String> = shown
                .map(|result| summary_line(running, result, context.paint))
                .collect();
            lines.splice(1..1, shown);
            lines
        }
    };
    screen.panel(lines);
}
