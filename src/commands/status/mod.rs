//! `roadlab status`: what runs, where it answers, how it is, how far the learner is; once, or for as long as one watches.

mod look;
mod view;

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use self::look::{Run, StatusCollector};
use crate::commands::{Context, bad_name};
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::LabId;
use crate::report::{self, Input, Key, Screen, output, sanitize, t, try_output};
use crate::runner::Failure;

/// Between two looks while somebody watches.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the command goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    Once,
    UntilStopped,
}

impl Watch {
    /// What `--watch` says.
    pub(crate) fn of(watch: bool) -> Self {
        match watch {
            true => Self::UntilStopped,
            false => Self::Once,
        }
    }
}

pub(crate) async fn status(
    context: &Context,
    lab: Option<&str>,
    watch: Watch,
) -> Result<Exit, Failure> {
    let wanted = lab
        .map(|lab| LabId::new(lab).map_err(bad_name("lab")))
        .transpose()?;
    let engine = context.existing_engine().await?;
    let eyes = StatusCollector::new(context, &engine, wanted);
    let first = eyes.look().await?;
    context.reporter.finish();
    match watch {
        Watch::Once if context.global.json => {
            report::document(&first.iter().map(Run::to_json).collect::<Vec<_>>());
        }
        Watch::Once => lines(context, &first).iter().for_each(|line| output(line)),
        Watch::UntilStopped if !context.global.json && Screen::possible() => {
            on_screen(context, &eyes, first).await?;
        }
        Watch::UntilStopped => over_pipe(context, &eyes, first).await?,
    }
    Ok(Exit::Success)
}

fn lines(context: &Context, runs: &[Run]) -> Vec<String> {
    match runs.is_empty() {
        true => vec![t!("status.nothing").into_owned()],
        false => runs
            .iter()
            .flat_map(|run| run.lines(context.paint))
            .collect(),
    }
}

/// Draws what there is in place, about every second.
async fn on_screen(
    context: &Context,
    eyes: &StatusCollector<'_, impl Engine>,
    mut runs: Vec<Run>,
) -> Result<(), Failure> {
    let mut screen = Screen::enter().map_err(|error| {
        let why = sanitize(&error.to_string());
        Failure::Environment(t!("status.no_terminal", why = why).into_owned())
    })?;
    let mut pace = pace();
    loop {
        screen.panel(fitting(lines(context, &runs)));
        let next = async {
            pace.tick().await;
            eyes.look().await
        };
        tokio::select! {
            looked = next => runs = looked?,
            input = screen.input() => match input {
                Input::Gone | Input::Key(Key::Escape | Key::Char('q')) => return Ok(()),
                Input::Redraw => screen.clear(),
                Input::Key(_) => {}
            },
        }
    }
}

/// A look may itself take a second: the engine measures memory once in a while only.
fn pace() -> Interval {
    let mut pace = interval_at(Instant::now() + PAUSE, PAUSE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// As many lines as the terminal has room for, and how many more there are.
fn fitting(mut lines: Vec<String>) -> Vec<String> {
    let (_, rows) = Screen::size();
    let room = rows.saturating_sub(1);
    if lines.len() > room {
        let more = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(t!("status.more", lines = more).into_owned());
    }
    lines
}

/// Prints what there is each time that it has changed, until nobody reads any more. What changes all the time does not count.
async fn over_pipe(
    context: &Context,
    eyes: &StatusCollector<'_, impl Engine>,
    mut runs: Vec<Run>,
) -> Result<(), Failure> {
    let mut said = None;
    let mut pace = pace();
    loop {
        let now: Vec<_> = runs.iter().map(Run::essence).collect();
        if said.as_ref() != Some(&now) {
            let text = match context.global.json {
                true => report::json_line(&runs.iter().map(Run::to_json).collect::<Vec<_>>()),
                false => format!("{}\n", lines(context, &runs).join("\n")),
            };
            if !try_output(&text) {
                return Ok(());
            }
            said = Some(now);
        }
        pace.tick().await;
        runs = eyes.look().await?;
    }
}
