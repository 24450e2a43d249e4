//! `roadlab shell`: a service's own client, inside its container.

use std::io::IsTerminal;

use crate::commands::Context;
use crate::commands::restart::select_services;
use crate::engine::Input;
use crate::engine::docker::{Docker, ShellExit};
use crate::exit::Exit;
use crate::lab::{Lab, ServiceName};
use crate::report::t;
use crate::runner::Failure;
use crate::signals::Signals;

pub(crate) async fn shell(
    context: &Context,
    name: &str,
    service: Option<&str>,
    command: &[String],
) -> Result<Exit, Failure> {
    let deaf = |error| {
        Failure::Environment(crate::text::Text::verbatim(format!(
            "cannot listen for signals: {error}"
        )))
    };
    let mut signals = Signals::listen().map_err(deaf)?;
    let found = tokio::select! {
        found = find(context, name, service, command) => found?,
        signal = signals.next() => return Ok(Exit::Signal(signal)),
    };
    context.reporter.finish();
    let failed = Failure::engine(crate::text::Text::verbatim(t!(
        "shell.failed",
        service = found.service.as_str()
    )));
    let (engine, container, argv) = (&found.engine, &found.container, &found.argv);
    let typed = std::io::stdin().is_terminal();
    // A command in the background must not be stopped for asking the terminal.
    let input = match typed && !command.is_empty() {
        true => Input::Empty,
        false => Input::Passed,
    };
    let stop = signals.next();
    let ended = match typed && console::user_attended() {
        true => engine.shell(container, argv, stop).await,
        false => engine.run_piped(container, argv, input, stop).await,
    };
    match ended.map_err(failed)? {
        ShellExit::Ended(0) => Ok(Exit::Success),
        ShellExit::Ended(code) => Ok(Exit::Command(u8::try_from(code).unwrap_or(1))),
        ShellExit::Stopped(signal) => Ok(Exit::Signal(signal)),
    }
}

/// What a shell is opened with.
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
    let service = chosen(&lab, service)?;
    let engine = context.engine().await?;
    let emit = |event| context.emit(event);
    let runner = context.runner(&engine, &lab, &emit);
    let live = runner.live(None).await?;
    let Some(container) = live.observed.container(&service) else {
        let (service, lab) = (
            service.as_str(),
            format!("{}{}", lab.id, context.instance_option()),
        );
        let what = t!("shell.no_container", service = service, lab = lab);
        return Err(Failure::Environment(crate::text::Text::verbatim(
            what.into_owned(),
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

/// The services that have a client of their own, with it.
pub(crate) fn shells(lab: &Lab) -> impl Iterator<Item = (ServiceName, Vec<String>)> {
    let services = lab.services.values();
    services.filter_map(|service| Some((service.name.clone(), service.interface.shell.clone()?)))
}

/// The service named, or the only one that has a client, or the first.
fn chosen(lab: &Lab, service: Option<&str>) -> Result<ServiceName, Failure> {
    let no_service = || {
        Failure::Usage(crate::text::Text::verbatim(
            t!("shell.no_service").into_owned(),
        ))
    };
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
            let (lab, names) = (lab.id.as_str(), names.join(", "));
            let what = t!("shell.which", lab = lab, names = names);
            Err(Failure::Usage(crate::text::Text::verbatim(
                what.into_owned(),
            )))
        }
    }
}
