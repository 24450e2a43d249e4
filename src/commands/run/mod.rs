//! `roadlab run`: a lab from the first line of its guide to its removal: in a terminal, over a pipe, or by itself (`--auto`).

mod auto;
mod key_actions;
mod live;
mod menu;
mod plain;
mod session;
mod view;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::commands::Context;
use crate::commands::up::{ends, get_images};
use crate::exit::Exit;
use crate::lab::RunId;
use crate::plan::Scope;
use crate::report::{Screen, duration, output, t};
use crate::runner::{self, Expiry, Failure, OnFailure, Removed, SweepMode, Up, teardown};
use crate::store::{ClaimResult, Journal, Lifetime};

use session::Session;

/// What becomes of the lab when the session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterSession {
    /// The learner is asked, where somebody can answer.
    Ask,
    Keep,
    TearDown,
}

/// How a session goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Guided,
    /// Solutions are played by themselves.
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
        let what =
            "`run` is for reading: `check --json`, `test --json` and `up --json` are for programs";
        return Err(Failure::Usage(crate::text::Text::verbatim(what.to_owned())));
    }
    let begun = Instant::now();
    let lab = context.lab(name)?;
    context.require_memory(&lab)?;
    let engine = context.engine().await?;
    let lock = context.lock(&engine, &lab.id).await?;
    let emit = |event| context.emit(event);
    let runner = context.runner(&engine, &lab, &emit);
    let images = get_images(context, &runner).await?;
    let workspace = context.workspace(&lab);
    let was_up = !runner.observe().await?.is_empty();
    let up = Up {
        images: &images,
        workspace: workspace.as_ref(),
        life: if after_session == AfterSession::Keep {
            Lifetime::Persistent
        } else {
            Lifetime::Process
        },
        on_failure: OnFailure::TearDown,
        ends: ttl.map_or(Expiry::Unchanged, Expiry::After),
        watch: &context.watch,
    };
    let done = runner::up(&runner, &up).await?;
    let (live, mut journal) = (done.live, done.journal);
    context.reporter.finish();
    let mut session = Session {
        context,
        runner: &runner,
        lab: &lab,
        live,
        workspace: workspace.clone(),
        progress: context.progress(&lab.id)?,
        was_up,
    };
    let usual = match (after_session, was_up) {
        // A lab that was up before is not ours to remove unasked.
        (AfterSession::Keep, _) | (AfterSession::Ask, true) => AfterSession::Keep,
        (AfterSession::TearDown, _) | (AfterSession::Ask, false) => AfterSession::TearDown,
    };
    let (exit, after_session) = match mode {
        Mode::Auto => {
            session.welcome(&mut output, begun);
            let exit = session.play_all().await?;
            drop(lock);
            (exit, usual)
        }
        Mode::Guided if Screen::possible() => {
            // Others may reset or restart this lab from another terminal meanwhile.
            drop(lock);
            session.live(&engine, begun, after_session).await?
        }
        Mode::Guided => {
            drop(lock);
            session.welcome(&mut output, begun);
            (session.guide_by_lines().await?, usual)
        }
    };
    session.progress.write()?;
    session.live.connections.close().await;
    let gone = || {
        let command = format!("roadlab up {}{}", lab.id, context.instance_option());
        t!("session.gone", lab = lab.id, command = command)
    };
    match after_session {
        AfterSession::Keep if is_gone(context.watch.folder(), &journal.run) => {
            output(&format!("\n{}", gone()));
        }
        AfterSession::Keep => {
            journal.life = Lifetime::Persistent;
            // The time counts from when the learner leaves.
            journal.until = up.ends.until(journal.until);
            context.watch.keep(&journal)?;
            let command = format!("roadlab down {}{}", lab.id, context.instance_option());
            output(&format!(
                "\n{}",
                t!("session.stays_up", lab = lab.id, command = command)
            ));
            if let Some(until) = journal.until {
                output(&ends(until));
            }
        }
        AfterSession::Ask | AfterSession::TearDown => {
            let _lock = context.lock_for_removal(&lab.id)?;
            context.watch.end(&journal);
            let begun = Instant::now();
            // Another run may be up by now, which is not ours to remove.
            let scope = Scope::run(&context.owner, &journal.run);
            let removed = teardown(&engine, &scope, SweepMode::Once, &emit).await?;
            context.watch.forget(&journal.run);
            context.reporter.finish();
            let time = duration(begun.elapsed().as_millis() as u64);
            let text = match removed == Removed::default() {
                true => gone(),
                false => t!("session.removed", what = removed, time = time),
            };
            output(&format!("\n{text}"));
        }
    }
    Ok(exit)
}

/// Whether a run was removed in another terminal, or is being removed there.
fn is_gone(folder: &Path, run: &RunId) -> bool {
    match Journal::claim(folder, run) {
        ClaimResult::Gone => true,
        ClaimResult::JournalLock(journal) | ClaimResult::Ours(journal, _) => {
            journal.life == Lifetime::Removing
        }
    }
}
