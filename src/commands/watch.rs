//! `roadlab check --watch`: looks again whenever the services change, until everything holds.

use serde_json::json;

use crate::commands::Context;
use crate::commands::check::{as_json, hint_text, remember};
use crate::engine::Engine;
use crate::event::Outcome;
use crate::exit::Exit;
use crate::lab::Exercise;
use crate::report::{self, Input, Key, Panel, Screen, clean, output, t};
use crate::runner::{Failure, Judged, Live, Lookout, Runner, Seen, check_exercises};
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
    let mut watch = Lookout::new(exercises, live);
    let mut before: Vec<Judged> = Vec::new();
    loop {
        // An answer may be given in another terminal meanwhile.
        let answers = context.progress(&runner.lab.id)?.answers;
        let answer = |id: &_| answers.get(id).cloned();
        let judged = check_exercises(runner, live, exercises, &answer).await;
        if judged.iter().any(Judged::unseen)
            && let Ok(Seen::Change) = live.refresh(runner).await
        {
            continue;
        }
        remember(&judged, progress)?;
        let changed: Vec<&Judged> = judged
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
            Seen::Same
        } else {
            Seen::Change
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
        if judged.iter().all(Judged::passed) {
            return Ok(Exit::Fine);
        }
        watch.looked(runner, live, seen).await;
        before = judged;
        match &mut show {
            Show::Screen(screen) => loop {
                tokio::select! {
                    stirred = watch.stirred(runner, live) => {
                        stirred?;
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
            Show::Lines | Show::Json => watch.stirred(runner, live).await?,
        }
    }
}

fn passes(judged: &Judged) -> Vec<bool> {
    judged
        .checks
        .iter()
        .map(|check| check.verdict.passed())
        .collect()
}

/// `✓ sessions  Sessions that end (4 of 4)`.
fn line<E: Engine>(context: &Context, runner: &Runner<'_, E>, judged: &Judged) -> String {
    let paint = context.paint;
    let mark = if judged.passed() {
        paint.good("✓")
    } else {
        paint.bad("✗")
    };
    let title = clean(&runner.lab.section(&judged.exercise, &context.lang).title);
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
    judged: &[Judged],
) {
    let (columns, rows) = Screen::size();
    let rows = rows.saturating_sub(1);
    let passed = judged.iter().filter(|judged| judged.passed()).count();
    let menu = vec![("q".to_owned(), t!("session.menu_quit").into_owned())];
    let lines = match judged {
        [one] => {
            let reports = one.reports(runner, &context.lang);
            let passed = reports
                .iter()
                .filter(|report| report.outcome == Outcome::Pass)
                .count();
            let state = t!(
                "session.state_watching",
                passed = passed,
                all = reports.len()
            );
            let panel = Panel {
                title: clean(&runner.lab.section(&one.exercise, &context.lang).title),
                state: state.into_owned(),
                checks: reports,
                hint: hint_text(runner.lab, live, one, &context.lang),
                note: None,
                menu,
            };
            panel.lines(columns, rows, context.paint)
        }
        several => {
            let state = t!(
                "session.state_watching",
                passed = passed,
                all = several.len()
            );
            let title = clean(&runner.lab.guide(&context.lang).title);
            let panel = Panel {
                title,
                state: state.into_owned(),
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
