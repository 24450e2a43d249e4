//! `roadlab shell`: runs a service's client, or another command, inside its container.

use std::io::IsTerminal;

use crate::app::select_services;
use crate::commands::{Context, format};
use crate::engine::Input;
use crate::engine::docker::{Docker, ShellExit};
use crate::exit::Exit;
use crate::lab::{Lab, ServiceName};
use crate::localized;
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
    let (engine, container, argv) = (&found.engine, &found.container, &found.argv);
    let typed = std::io::stdin().is_terminal();
    // A command in the background would be stopped for reading from the terminal.
    let input = match typed && !command.is_empty() {
        true => Input::Empty,
        false => Input::Passed,
    };
    let stop = async { signals.next().await.number() };
    let ended = match typed && console::user_attended() {
        true => engine.shell(container, argv, stop).await,
        false => engine.run_piped(container, argv, input, stop).await,
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

/// The container and the command of a shell.
struct Target {
    engine: Docker,
    service: ServiceName,
    container: String,
    argv: Vec<String>,
}

async fn find(
    context: &Context,
    name: &str,
    service: Option<&str>,
    command: &[String],
) -> Result<Target, Failure> {
    let lab = context.lab(name)?;
    let service = select_service(&lab, service)?;
    let engine = context.existing_engine().await?;
    let live = context.observe(&engine, &lab).await?.live;
    let Some(container) = live.observed.container(&service) else {
        return Err(Failure::Environment(text!(
            "service `{service}` has no container; start it with `roadlab up {lab}`",
            service,
            lab = format::lab_argument(context, &lab)
        )));
    };
    let client = lab
        .services
        .get(&service)
        .and_then(|service| service.interface.shell.clone());
    let argv = match command {
        [] => client.unwrap_or_else(|| vec!["sh".to_owned()]),
        command => command.to_vec(),
    };
    let container = container.id.clone();
    Ok(Target {
        engine,
        service,
        container,
        argv,
    })
}

/// Returns the named service, else the only one that has a client, else the first one.
fn select_service(lab: &Lab, service: Option<&str>) -> Result<ServiceName, Failure> {
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
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            Err(Failure::Usage(text!(
                "specify a service: `roadlab shell {lab} SERVICE`, one of: {names}",
                lab = lab.id,
                names = names.join(", ")
            )))
        }
    }
}
