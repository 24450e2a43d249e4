//! `roadlab shell`: a service's own client, inside its container.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::commands::Context;
use crate::commands::restart::named;
use crate::engine::{Engine, Exec};
use crate::exit::Exit;
use crate::lab::{Lab, ServiceName};
use crate::report::error;
use crate::runner::Failure;

/// A command without a terminal may take this long.
const LONGEST: Duration = Duration::from_secs(3600);

pub(crate) async fn shell(
    context: &Context,
    name: &str,
    service: Option<&str>,
    command: &[String],
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let service = chosen(&lab, service)?;
    let engine = context.engine().await?;
    let tell = |event| context.tell(event);
    let runner = context.runner(&engine, &lab, &tell);
    let live = runner.live(None).await?;
    let Some(container) = live.observed.container(&service) else {
        return Err(Failure::Environment(format!(
            "service `{service}` has no container: `roadlab up {}`",
            lab.id
        )));
    };
    let client = lab
        .services
        .get(&service)
        .and_then(|service| service.talk.shell.clone());
    let argv = match command {
        [] => client.unwrap_or_else(|| vec!["sh".to_owned()]),
        command => command.to_vec(),
    };
    context.reporter.finish();
    let context_text = || format!("cannot open a shell in `{service}`");
    let code = if console::user_attended() && std::io::stdin().is_terminal() {
        engine
            .shell(&container.id, &argv, None)
            .await
            .map_err(Failure::engine(context_text()))?
    } else {
        let exec = Exec {
            run: argv,
            user: None,
            workdir: None,
            env: Vec::new(),
        };
        let done = engine
            .exec(&container.id, &exec, LONGEST)
            .await
            .map_err(Failure::engine(context_text()))?;
        // The program's own bytes are the result: they are handed on as they are, to a pipe.
        let _ = std::io::stdout().write_all(done.stdout.as_bytes());
        if !done.stderr.is_empty() {
            error(done.stderr.trim_end());
        }
        done.exit_code
    };
    match code {
        0 => Ok(Exit::Fine),
        code => Ok(Exit::Command(u8::try_from(code).unwrap_or(1))),
    }
}

/// The services that have a client of their own, with it.
pub(crate) fn clients(lab: &Lab) -> impl Iterator<Item = (ServiceName, Vec<String>)> {
    let services = lab.services.values();
    services.filter_map(|service| Some((service.name.clone(), service.talk.shell.clone()?)))
}

/// The service named, or the only one that has a client, or the first.
fn chosen(lab: &Lab, service: Option<&str>) -> Result<ServiceName, Failure> {
    if let Some(service) = service {
        let found = named(lab, &[service.to_owned()])?;
        return found
            .into_iter()
            .next()
            .ok_or_else(|| Failure::Usage("which service?".to_owned()));
    }
    let with_client: Vec<&ServiceName> = lab
        .services
        .values()
        .filter(|service| service.talk.shell.is_some())
        .map(|service| &service.name)
        .collect();
    match with_client.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let first = lab.services.keys().next().cloned();
            first.ok_or_else(|| Failure::Usage("this lab has no service".to_owned()))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            Err(Failure::Usage(format!(
                "which service? `roadlab shell {} SERVICE`: {}",
                lab.id,
                names.join(", ")
            )))
        }
    }
}
