//! `roadlab run`: a session through a whole lab, in a terminal, over a pipe, or automatic (`--auto`).

mod after_session;
mod auto;
mod exercise_view;
mod key_actions;
mod live;
mod menu;
mod plain;
mod reading;
mod session;
mod view;

use std::time::{Duration, Instant};

use crate::app::{DrawOf, InitialData, SessionEnd, UpOptions};
use crate::commands::confirmation::{Confirmation, confirm};
use crate::commands::{Context, format, next_output};
use crate::exit::Exit;
use crate::lab::Lab;
use crate::localized;
use crate::report::{Screen, duration, output};
use crate::runner::{Expiry, Failure, OnFailure};
use crate::store::Lifetime;
use crate::text;

pub(crate) use after_session::AfterSession;
use session::Session;

/// How a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Guided,
    /// All solutions are played without a person.
    Auto,
}

pub(crate) async fn run(
    context: &Context,
    name: &str,
    mode: Mode,
    after_session: AfterSession,
    ttl: Option<Duration>,
) -> Result<Exit, Failure> {
    if context.global.json {
        return Err(Failure::Usage(text!(
            "`run` has no JSON output; use `check --json`, `test --json` or `up --json`"
        )));
    }
    let begun = Instant::now();
    let lab = context.lab_with(name, &DrawOf::NewRun)?;
    context.app.require_memory(&lab)?;
    let engine = context.app.engine().await?;
    if mode == Mode::Auto
        && context.app.exists(&engine, &lab).await?
        && confirm_demonstration(context, &lab).await? == Confirmation::Declined
    {
        output(&localized!("declined; nothing was changed"));
        return Ok(Exit::Success);
    }
    let options = UpOptions {
        lifetime: match after_session {
            AfterSession::Keep => Lifetime::Persistent,
            AfterSession::Prompt | AfterSession::TearDown => Lifetime::Process,
        },
        expiry: ttl.map_or(Expiry::Unchanged, Expiry::After),
        on_failure: OnFailure::TearDown,
        initial_data: InitialData::Copied,
    };
    let started = context.app.up(&engine, &lab, options).await?;
    context.reporter.finish();
    let (journal, lock, was_up) = (started.journal, started.lock, started.was_up);
    let mut session = Session {
        context,
        running: started.running,
        progress: context.app.progress(&lab.id)?,
        was_up,
        chosen_by_digit: false,
    };
    let default = after_session.without_prompt(was_up);
    let (exit, after_session) = match mode {
        Mode::Auto => {
            session.welcome(&mut output, begun);
            let exit = session.run_all().await?;
            drop(lock);
            (exit, default)
        }
        Mode::Guided if Screen::possible() => {
            // Another terminal may reset or restart this lab during the session.
            drop(lock);
            session.live(&engine, begun, after_session).await?
        }
        Mode::Guided => {
            drop(lock);
            session.welcome(&mut output, begun);
            (session.guide_by_lines().await?, default)
        }
    };
    session.running.live.connections.close().await;
    let end_begun = Instant::now();
    let end = match after_session {
        AfterSession::Keep => context.app.keep_run(&journal, options.expiry)?,
        AfterSession::Prompt | AfterSession::TearDown => {
            let end = context.app.remove_run(&engine, &journal).await?;
            context.reporter.finish();
            end
        }
    };
    let argument = context.app.lab_argument(&lab.id);
    let text = match &end {
        SessionEnd::StaysUp(_) => localized!(
            "{lab} stays up; remove it with `{command}`",
            lab = lab.id,
            command = format!("roadlab down {argument}")
        ),
        SessionEnd::Removed(removed) => localized!(
            "removed {what} in {time}",
            what = removed,
            time = duration(end_begun.elapsed().as_millis() as u64)
        ),
        SessionEnd::AlreadyRemoved => localized!(
            "{lab} was removed in the meantime; start it again with `{command}`",
            lab = lab.id,
            command = format!("roadlab up {argument}")
        ),
    };
    output(&format!("\n{text}"));
    if let SessionEnd::StaysUp(Some(until)) = end {
        output(&format::expiry(until));
    }
    if mode == Mode::Guided
        && let Some(text) = next_output::after_last(context, &lab)
    {
        output(&text);
    }
    Ok(exit)
}

/// Asks whether the services of a lab that is up may be reset for a demonstration: what the learner did there would be lost.
async fn confirm_demonstration(context: &Context, lab: &Lab) -> Result<Confirmation, Failure> {
    let name = context.app.lab_argument(&lab.id);
    let own = format!("roadlab run {} --auto --instance demo", lab.id);
    let lines = [
        localized!(
            "{name} is up: the demonstration wipes the data of its services, before it begins and at its end; your progress and files stay",
            name
        ),
        localized!(
            "`{command}` plays it in an instance of its own",
            command = own
        ),
    ];
    let question = localized!("Wipe the data of the services and play all solutions? [y/N]");
    let refused = text!(
        "{name} is up, and `--auto` wipes the data of its services: confirm that with `--yes`, or play it in an instance of its own with `{command}`",
        name,
        command = own
    );
    confirm(context, &lines, &question, refused).await
}
