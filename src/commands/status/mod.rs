//! `roadlab status`: the running labs with their addresses, health and progress, once or continuously.

mod view;

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::app::{Status, StatusCollector};
use crate::commands::{Context, bad_name};
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::LabId;
use crate::localized;
use crate::report::{self, Input, Key, Screen, output, sanitize, try_output};
use crate::runner::Failure;
use crate::text;

/// The interval between two updates.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long the command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    Once,
    UntilStopped,
}

impl Watch {
    /// Converts the option `--watch`.
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
    let engine = context.app.existing_engine().await?;
    let collector = StatusCollector::new(&context.app, &engine, wanted);
    let first = collector.collect().await?;
    context.reporter.finish();
    match watch {
        Watch::Once if context.global.json => {
            report::document(&first.to_json());
        }
        Watch::Once => lines(context, &first).iter().for_each(|line| output(line)),
        Watch::UntilStopped if !context.global.json && Screen::possible() => {
            on_screen(context, &collector, first).await?;
        }
        Watch::UntilStopped => over_pipe(context, &collector, first).await?,
    }
    Ok(Exit::Success)
}

fn lines(context: &Context, status: &Status) -> Vec<String> {
    let mut lines = status.lines(context.paint, context.wording(), context.width());
    if status.runs.is_empty() && status.unreadable.is_empty() {
        lines.insert(
            0,
            localized!("no labs are running; `roadlab list` shows the labs"),
        );
    }
    lines
}

/// Shows the status on the terminal and updates it in place.
async fn on_screen(
    context: &Context,
    collector: &StatusCollector<'_, impl Engine>,
    mut status: Status,
) -> Result<(), Failure> {
    let mut screen = Screen::enter().map_err(|error| {
        let reason = sanitize(&error.to_string());
        Failure::Environment(text!("cannot use the terminal: {reason}", reason))
    })?;
    let mut ticks = ticks();
    loop {
        screen.panel(fit_to_screen(lines(context, &status)));
        let next = async {
            ticks.tick().await;
            collector.collect().await
        };
        tokio::select! {
            collected = next => status = collected?,
            input = screen.input() => match input {
                Input::Gone | Input::Key(Key::Escape | Key::Char('q')) => return Ok(()),
                Input::Redraw => screen.clear(),
                Input::Key(_) => {}
            },
        }
    }
}

/// Ticks with a pause of at least `INTERVAL`: collecting may take as long, since engines measure memory once a second.
fn ticks() -> Interval {
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Cuts the lines to the height of the terminal, and says how many are left out.
fn fit_to_screen(mut lines: Vec<String>) -> Vec<String> {
    let (_, rows) = Screen::size();
    let room = rows.saturating_sub(1);
    if lines.len() > room {
        let more = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(localized!("… {count} more lines", count = more));
    }
    lines
}

/// Prints the status whenever its essence changes, until the reader closes the pipe.
async fn over_pipe(
    context: &Context,
    collector: &StatusCollector<'_, impl Engine>,
    mut status: Status,
) -> Result<(), Failure> {
    let mut printed = None;
    let mut ticks = ticks();
    loop {
        let stable_json = status.stable_json();
        if printed.as_ref() != Some(&stable_json) {
            let text = match context.global.json {
                true => report::json_line(&status.to_json()),
                false => format!("{}\n", lines(context, &status).join("\n")),
            };
            if !try_output(&text).await {
                return Ok(());
            }
            printed = Some(stable_json);
        }
        ticks.tick().await;
        status = collector.collect().await?;
    }
}
