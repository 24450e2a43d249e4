//! `roadlab shell`: runs a service's client, or another command, inside its container.

use std::io::IsTerminal;
use std::time::Duration;

use crate::app::{ClientCommand, client_command, select_services};
use crate::commands::{Context, format};
use crate::engine::docker::{Docker, ShellExit};
use crate::engine::{ErrorKind, Input, Inspect as _};
use crate::exit::Exit;
use crate::lab::{Lab, ServiceName};
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
    let found = tokio::select! {
        found = find(context, name, service, command) => found?,
        signal = signals.next() => return Ok(Exit::Signal(signal.number())),
    };
    context.reporter.finish();
    let failed = Failure::engine(text!(
        "cannot open a shell in `{service}`",
        service = found.service
    ));
    let (engine, container) = (&found.engine, &found.container);
    let ClientCommand { argv, env } = &found.command;
    let typed = std::io::stdin().is_terminal();
    // A command in the background would be stopped for reading from the terminal.
    let input = match typed && !command.is_empty() {
        true => Input::Empty,
        false => Input::Passed,
    };
    let stop = async { signals.next().await.number() };
    let ended = match typed && console::user_attended() {
        true => {
            let ended = engine.shell(container, argv, env, stop).await;
            if found.was_cut(&ended).await {
                // The program had no time to end its line.
                report::error(&format!("\n{}", closed(&found.service)));
            }
            ended
        }
        false => engine.run_piped(container, argv, env, input, stop).await,
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

/// How often a container is inspected after its shell ended, and how long to wait in between.
const INSPECTIONS: u32 = 8;
const INSPECTION_INTERVAL: Duration = Duration::from_millis(40);

/// The container and the command of a shell.
struct Target {
    engine: Docker,
    service: ServiceName,
    container: String,
    /// When the container was started.
    started: Option<Duration>,
    command: ClientCommand,
}

impl Target {
    /// Returns whether a shell ended because its container was stopped, restarted or removed.
    async fn was_cut<T>(&self, ended: &Result<ShellExit, T>) -> bool {
        // The engine has no exit code of a program that ended with its container.
        let Ok(ShellExit::Ended(_)) = ended else {
            return false;
        };
        // The engine reports the end of a program a moment before that of its container.
        for _ in 0..INSPECTIONS {
            let cut = match self.engine.inspect(&self.container).await {
                Ok(state) => !state.running || state.started != self.started,
                Err(error) => error.kind == ErrorKind::NotFound,
            };
            if cut {
                return true;
            }
            tokio::time::sleep(INSPECTION_INTERVAL).await;
        }
        false
    }
}

/// The reason why a shell ended that the user did not end.
pub(super) fn closed(service: &ServiceName) -> String {
    localized!(
        "the shell was closed: `{service}` was stopped or restarted",
        service
    )
}

async fn find(
    context: &Context,
    name: &str,
    service: Option<&str>,
    command: &[String],
) -> Result<Target, Failure> {
    let lab = context.lab(name)?;
    let service = select_service(&lab, &format::lab_argument(&context.app, &lab), service)?;
    let engine = context.app.existing_engine().await?;
    let live = context.app.observe(&engine, &lab).await?.live;
    let Some(container) = live.observed.container(&service) else {
        return Err(Failure::Environment(text!(
            "service `{service}` has no container; start it with `roadlab up {lab}`",
            service,
            lab = format::lab_argument(&context.app, &lab)
        )));
    };
    let url = live
        .addresses
        .get(&service)
        .and_then(|address| address.url.as_deref());
    let definition = lab
        .services
        .get(&service)
        .expect("a selected service is of the lab");
    let command = client_command(definition, url, command);
    let container = container.id.clone();
    let started = engine
        .inspect(&container)
        .await
        .ok()
        .and_then(|state| state.started);
    Ok(Target {
        engine,
        service,
        container,
        started,
        command,
    })
}

/// Returns the named service, else the only one that has a client, else the one with the name of the lab, else the first one.
fn select_service(
    lab: &Lab,
    argument: &str,
    service: Option<&str>,
) -> Result<ServiceName, Failure> {
    let no_service = || Failure::Usage(text!("this lab has no services"));
    if let Some(service) = service {
        let found = select_services(lab, &[service.to_owned()])?;
        return found.into_iter().next().ok_or_else(no_service);
    }
    let with_client: Vec<&ServiceName> = lab
        .services
        .values()
        .filter(|service| service.interface.shell.is_some())
        .map(|service| &service.name)
        .collect();
    match with_client.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let first = lab.services.keys().next().cloned();
            first.ok_or_else(no_service)
        }
        several if several.iter().any(|name| name.as_str() == lab.id.as_str()) => {
            let named = several.iter().find(|name| name.as_str() == lab.id.as_str());
            named.map(|name| (*name).clone()).ok_or_else(no_service)
        }
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            Err(Failure::Usage(text!(
                "specify a service: `roadlab shell {lab} SERVICE`, one of: {names}",
                lab = argument,
                names = names.join(", ")
            )))
        }
    }
}
