//! `roadlab check --watch`: looks again whenever the services change, until everything holds.

use serde_json::json;

use crate::commands::Context;
use crate::commands::check::{as_json, conditional_hint, record_solved};
use crate::engine::Engine;
use crate::event::Outcome;
use crate::exit::Exit;
use crate::lab::Exercise;
use crate::localized;
use crate::report::{self, Input, Key, Panel, Screen, output, sanitize};
use crate::runner::{
    ChangeWatcher, Changed, ExerciseResult, Failure, Live, Runner, check_exercises,
};
use crate::store::Progress;

/// Where changes are shown.
enum Show {
    /// Redrawn in place.
    Screen(Box<Screen>),
    /// A line for each exercise that changed.
    Lines,
    /// One JSON document for each exercise that changed.
    Json,
}

pub(crate) async fn watch<E: Engine>(
    context: &Context,
    runner: &Runner<'_, E>,
    live: &mut Live,
    exercises: &[&Exercise],
    progress: &mut Progress,
) -> Result<Exit, Failure> {
    let mut show = match (context.global.json, Screen::possible()) {
        (true, _) => Show::Json,
        (false, false) => Show::Lines,
        (false, true) => {
            let gone =
                |error| Failure::Environment(format!("the terminal cannot be used: {error}"));
            Show::Screen(Box::new(Screen::enter().map_err(gone)?))
        }
    };
    let mut watch = ChangeWatcher::new(exercises, live);
    let mut before: Vec<ExerciseResult> = Vec::new();
    loop {
        // An answer may be given in another terminal meanwhile.
        let answers = context.progress(&runner.lab.id)?.answers;
        let answer = |id: &_| answers.get(id).cloned();
        let judged = check_exercises(runner, live, exercises, &answer).await;
        if judged.iter().any(ExerciseResult::unseen)
            && let Ok(Changed::Yes) = live.refresh(runner).await
        {
            continue;
        }
        record_solved(&judged, progress)?;
        let changed: Vec<&ExerciseResult> = judged
            .iter()
            .enumerate()
            .filter(|(at, judged)| {
                before
                    .get(*at)
                    .is_none_or(|before| passes(before) != passes(judged))
            })
            .map(|(_, judged)| judged)
            .collect();
        let seen = if changed.is_empty() {
            Changed::No
        } else {
            Changed::Yes
        };
        match &mut show {
            Show::Json => {
                for judged in &changed {
                    let mut event = as_json(runner, live, judged, &context.lang);
                    event["event"] = json!("checked");
                    report::line(&event);
                }
            }
            Show::Lines => changed
                .iter()
                .for_each(|judged| output(&line(context, runner, judged))),
            Show::Screen(screen) => draw(context, runner, live, screen, &judged),
        }
        if judged.iter().all(ExerciseResult::passed) {
            return Ok(Exit::Success);
        }
        watch.record_check(runner, live, seen).await;
        before = judged;
        match &mut show {
            Show::Screen(screen) => loop {
                tokio::select! {
                    wait_for_change = watch.wait_for_change(runner, live) => {
                        wait_for_change?;
                        break;
                    }
                    input = screen.input() => match input {
                        Input::Key(Key::Char('q')) | Input::Gone => return Ok(Exit::CheckFailed),
                        Input::Redraw => {
                            screen.clear();
                            draw(context, runner, live, screen, &before);
                        }
                        Input::Key(_) => {}
                    },
                }
            },
            Show::Lines | Show::Json => watch.wait_for_change(runner, live).await?,
        }
    }
}

fn passes(judged: &ExerciseResult) -> Vec<bool> {
    judged
        .checks
        .iter()
        .map(|check| check.verdict.passed())
        .collect()
}

/// `✓ sessions  Sessions that end (4 of 4)`.
fn line<E: Engine>(context: &Context, runner: &Runner<'_, E>, judged: &ExerciseResult) -> String {
    let paint = context.paint;
    let mark = if judged.passed() {
        paint.good("✓")
    } else {
        paint.bad("✗")
    };
    let title = sanitize(&runner.lab.section(&judged.exercise, &context.lang).title);
    let passed = passes(judged).into_iter().filter(|passed| *passed).count();
    let count = format!("({passed}/{})", judged.checks.len());
    format!(
        "{mark} {}  {title} {}",
        paint.bold(judged.exercise.as_str()),
        paint.dim(&count)
    )
}

/// Several exercises a line each, around the first that is open; a single one with all its checks.
fn draw<E: Engine>(
    context: &Context,
    runner: &Runner<'_, E>,
    live: &Live,
    screen: &mut Screen,
    judged: &[ExerciseResult],
) {
    let (columns, rows) = Screen::size();
    let rows = rows.saturating_sub(1);
    let passed = judged.iter().filter(|judged| judged.passed()).count();
    let menu = vec![("q".to_owned(), localized!("quit"))];
    let lines = match judged {
        [one] => {
            let reports = one.reports(runner, &context.lang);
            let passed = reports
                .iter()
                .filter(|report| report.outcome == Outcome::Pass)
                .count();
            let state = localized!(
                "watching, {passed} of {all} checks pass",
                passed,
                all = reports.len()
            );
            let panel = Panel {
                title: sanitize(&runner.lab.section(&one.exercise, &context.lang).title),
                state,
                checks: reports,
                hint: conditional_hint(runner.lab, live, one, &context.lang),
                note: None,
                menu,
            };
            panel.lines(columns, rows, context.paint)
        }
        several => {
            let state = localized!(
                "watching, {passed} of {all} checks pass",
                passed,
                all = several.len()
            );
            let title = sanitize(&runner.lab.guide(&context.lang).title);
            let panel = Panel {
                title,
                state,
                menu,
                ..Panel::default()
            };
            let mut lines = panel.lines(columns, rows, context.paint);
            let room = rows.saturating_sub(lines.len());
            let open = several
                .iter()
                .position(|judged| !judged.passed())
                .unwrap_or(0);
            let first = open
                .saturating_sub(room / 2)
                .min(several.len().saturating_sub(room));
            let shown = several.iter().skip(first).take(room);
            let shown: Vec<String> = shown.map(|judged| line(context, runner, judged)).collect();
            lines.splice(1..1, shown);
            lines
        }
    };
    screen.panel(lines);
}
