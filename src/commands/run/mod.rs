//! `roadlab run`: a lab from the first line of its guide to its removal: in a terminal, over a pipe, or by itself (`--auto`).

mod auto;
mod deeds;
mod live;
mod menu;
mod plain;
mod session;
mod view;

use std::time::Instant;

use crate::commands::Context;
use crate::commands::up::get_images;
use crate::exit::Exit;
use crate::lab::Lab;
use crate::plan::Scope;
use crate::report::{Screen, duration, output, t};
use crate::runner::{self, Failure, OnFailure, Sweep, Up, teardown};
use crate::store::{Journal, Life};

use session::Session;

/// What becomes of the lab when the session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
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
    leaving: Leaving,
) -> Result<Exit, Failure> {
    if context.global.json {
        let what =
            "`run` is for reading: `check --json`, `test --json` and `up --json` are for programs";
        return Err(Failure::Usage(what.to_owned()));
    }
    let begun = Instant::now();
    let lab = context.lab(name)?;
    let engine = context.engine().await?;
    let lock = context.lock(&lab.id)?;
    let tell = |event| context.tell(event);
    let runner = context.runner(&engine, &lab, &tell);
    let images = get_images(context, &runner).await?;
    let workspace = context.workspace(&lab);
    let was_up = !runner.observe().await?.is_empty();
    let up = Up {
        paths: &context.paths,
        images: &images,
        workspace: workspace.as_ref(),
        life: if leaving == Leaving::Keep {
            Life::Kept
        } else {
            Life::Process
        },
        on_failure: OnFailure::TearDown,
        active: &context.active,
    };
    let live = runner::up(&runner, &up).await?.live;
    context.reporter.finish();
    let mut session = Session {
        context,
        runner: &runner,
        lab: &lab,
        live,
        workspace,
        progress: context.progress(&lab.id)?,
        was_up,
    };
    let usual = match (leaving, was_up) {
        // A lab that was up before is not ours to remove unasked.
        (Leaving::Keep, _) | (Leaving::Ask, true) => Leaving::Keep,
        (Leaving::TearDown, _) | (Leaving::Ask, false) => Leaving::TearDown,
    };
    let (exit, leaving) = match mode {
        Mode::Auto => {
            session.welcome(&mut output, begun);
            let exit = session.play_all().await?;
            drop(lock);
            (exit, usual)
        }
        Mode::Guided if Screen::possible() => {
            // Others may reset or restart this lab from another terminal meanwhile.
            drop(lock);
            session.live(&engine, begun, leaving).await?
        }
        Mode::Guided => {
            drop(lock);
            session.welcome(&mut output, begun);
            (session.guide_by_lines().await?, usual)
        }
    };
    session.progress.write()?;
    session.live.connections.close().await;
    match leaving {
        Leaving::Keep => {
            keep(context, &lab)?;
            let command = format!("roadlab down {}{}", lab.id, context.instance_option());
            output(&format!(
                "\n{}",
                t!("session.stays_up", lab = lab.id, command = command)
            ));
        }
        Leaving::Ask | Leaving::TearDown => {
            let _lock = context.lock(&lab.id)?;
            let begun = Instant::now();
            let scope = Scope::instance(&context.owner, &lab.id, &context.instance);
            let removed = teardown(&engine, &scope, Sweep::Once, &tell).await?;
            let runs = context.paths.runs();
            if let Some(journal) = Journal::find(&runs, &lab.id, &context.instance) {
                Journal::remove(&runs, &journal.run);
            }
            context.active.borrow_mut().take();
            context.reporter.finish();
            let time = duration(begun.elapsed().as_millis() as u64);
            output(&format!(
                "\n{}",
                t!("session.removed", what = removed, time = time)
            ));
        }
    }
    Ok(exit)
}

/// From here on the lab outlives this process.
fn keep(context: &Context, lab: &Lab) -> Result<(), Failure> {
    let runs = context.paths.runs();
    if let Some(mut journal) = Journal::find(&runs, &lab.id, &context.instance) {
        journal.life = Life::Kept;
        journal.write(&runs)?;
    }
    context.active.borrow_mut().take();
    Ok(())
}
