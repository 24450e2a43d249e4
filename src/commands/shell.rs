//! `roadlab shell`: runs a service's client, or another command, inside its container.

use std::io::IsTerminal;

use crate::app::{ClientCommand, ShellTarget};
use crate::commands::Context;
use crate::engine::Input;
use crate::engine::docker::{Docker, ShellExit};
use crate::exit::Exit;
use crate::lab::ServiceName;
use crate::localized;
use crate::report;
use crate::runner::Failure;
use crate::signals::Signals;
use crate::text;

pub(crate) async fn shell(
    context: &Context,
    name: &str,
    service: Option<&str>,
    command: &[String],
) -> Result<Exit, Failure> {
    let no_signals =
        |error| Failure::Environment(text!("cannot listen for signals: {error}", error));
    let mut signals = Signals::listen().map_err(no_signals)?;
    let (engine, service, target) = tokio::select! {
        found = find(context, name, service, command) => found?,
        signal = signals.next() => return Ok(Exit::Signal(signal.number())),
    };
    context.reporter.finish();
    let failed = Failure::engine(text!("cannot open a shell in `{service}`", service));
    let ClientCommand { argv, env } = &target.command;
    let (container, tag) = (&target.container, &target.recorded.tag);
    let typed = std::io::stdin().is_terminal();
    // A command in the background would be stopped for reading from the terminal.
    let input = match typed && !command.is_empty() {
        true => Input::Empty,
        false => Input::Passed,
    };
    let stop = async { signals.next().await.number() };
    // No person is at a terminal without a size, such as that of `script` behind a pipe: its lines end as those of a file do.
    let attended = console::user_attended() && console::Term::stdout().size_checked().is_some();
    let ended = match typed && attended {
        true => {
            let ended = engine.shell(container, argv, env, tag, stop).await;
            if let Ok(ShellExit::Ended(code)) = ended
                && target.has_stopped(&engine, code).await
            {
                let closed = localized!(
                    "the shell was closed: `{service}` was stopped or restarted",
                    service
                );
                // The program had no time to end its line.
                report::error(&format!("\n{closed}"));
            }
            ended
        }
        false => {
            engine
                .run_piped(container, argv, env, tag, input, stop)
                .await
        }
    };
    match ended.map_err(failed)? {
        ShellExit::Ended(0) => Ok(Exit::Success),
        ShellExit::Ended(code) => Ok(Exit::Command(u8::try_from(code).unwrap_or(1))),
        ShellExit::Stopped(signal) => Ok(Exit::Signal(signal)),
        ShellExit::OutputError(reason) => Err(Failure::Other(anyhow::anyhow!(localized!(
            "cannot write to standard output: {reason}",
            reason
        )))),
    }
}

async fn find(
    context: &Context,
    name: &str,
    service: Option<&str>,
    command: &[String],
) -> Result<(Docker, ServiceName, ShellTarget), Failure> {
    let lab = context.lab(name)?;
    let service = context.app.shell_service(&lab, service)?;
    let engine = context.app.existing_engine().await?;
    let target = context.app.shell_target(&engine, &lab, &service, command);
    let target = target.await?;
    Ok((engine, service, target))
}
