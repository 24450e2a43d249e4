//! `roadlab engine`: shows, installs, starts and stops the container engine.

use serde_json::json;

use crate::cli::EngineCommand;
use crate::commands::Context;
use crate::engine::install::observe;
use crate::engine::locate::{locate, url};
use crate::engine::{EngineError, SetupOutcome, System};
use crate::event::Event;
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, memory, output, sanitize, table};
use crate::runner::Failure;

pub(crate) async fn engine(context: &Context, command: EngineCommand) -> Result<Exit, Failure> {
    match command {
        EngineCommand::Status => status(context).await,
        EngineCommand::Up => up(context).await,
        EngineCommand::Down => down(context).await,
    }
}

async fn status(context: &Context) -> Result<Exit, Failure> {
    let setup = context.app.setup();
    let found = locate(setup.explicit.as_deref());
    let connected = setup.existing_engine().await;
    context.reporter.finish();
    let about = match &connected {
        Ok((docker, _)) => docker.system_info().await.ok(),
        Err(_) => None,
    };
    if context.global.json {
        report::document(&json!({
            "socket": found.as_ref().ok().map(|endpoint| report::json_path(&endpoint.socket)),
            "source": found.as_ref().ok().map(|endpoint| endpoint.source.to_string()),
            "answers": connected.is_ok(),
            "problem": connected.as_ref().err().map(EngineError::to_string),
            "product": about.as_ref().map(|about| &about.product), "version": about.as_ref().map(|about| &about.version),
            "api": about.as_ref().map(|about| &about.api), "platform": about.as_ref().map(|about| &about.platform),
            "memory": about.as_ref().map(|about| about.memory), "cpus": about.as_ref().map(|about| about.cpus),
        }));
    } else if let (Ok((_, endpoint)), Some(about)) = (&connected, &about) {
        output(&format!(
            "{} {} (API {})",
            sanitize(&about.product),
            sanitize(&about.version),
            sanitize(&about.api)
        ));
        let machine = localized!(
            "{platform}, {cpus} CPUs, {memory}",
            platform = sanitize(&about.platform),
            cpus = about.cpus,
            memory = memory(about.memory)
        );
        let mut rows = vec![
            (localized!("address"), url(&endpoint.socket)),
            (
                localized!("selected by"),
                sanitize(&endpoint.source.to_string()),
            ),
            (localized!("machine"), machine),
            (
                localized!("data"),
                sanitize(&about.root.display().to_string()),
            ),
        ];
        if endpoint.socket == setup.site().socket
            && let Some(record) = observe(setup.site()).await.started
        {
            let started = localized!(
                "by roadlab, process {pid}; stop it with `roadlab engine down`",
                pid = record.process.pid
            );
            let log = setup.site().daemon_log();
            rows.push((localized!("started"), started));
            rows.push((localized!("log"), sanitize(&log.display().to_string())));
        }
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(label, text)| vec![format!("  {label}"), text])
            .collect();
        table(&rows).iter().for_each(|line| output(line));
    }
    match connected {
        Ok(_) => Ok(Exit::Success),
        Err(error) if context.global.json => Ok(Exit::from(&Failure::NoEngine(error))),
        Err(error) => Err(Failure::NoEngine(error)),
    }
}

async fn up(context: &Context) -> Result<Exit, Failure> {
    let outcome = context
        .app
        .setup()
        .engine_or_install(&mut |line| emit_line(context, line))
        .await;
    let (docker, endpoint) = match outcome.map_err(Failure::NoEngine)? {
        SetupOutcome::Done(found) => found,
        SetupOutcome::NeedsConsent(commands) => return Err(Failure::NeedsConsent(commands)),
    };
    let about = docker.system_info().await.map_err(Failure::NoEngine)?;
    context.reporter.finish();
    if context.global.json {
        report::document(&json!({
            "socket": report::json_path(&endpoint.socket), "source": endpoint.source.to_string(), "version": about.version
        }));
    } else {
        let (product, version) = (sanitize(&about.product), sanitize(&about.version));
        output(&localized!(
            "{product} {version} is running at {place} ({source})",
            product,
            version,
            place = url(&endpoint.socket),
            source = sanitize(&endpoint.source.to_string())
        ));
    }
    Ok(Exit::Success)
}

async fn down(context: &Context) -> Result<Exit, Failure> {
    let setup = context.app.setup();
    let started = observe(setup.site()).await.started;
    setup
        .stop_engine(&mut |line| emit_line(context, line))
        .await
        .map_err(Failure::NoEngine)?;
    context.reporter.finish();
    match started {
        Some(record) => output(&localized!(
            "stopped Docker at {place}",
            place = url(&record.socket)
        )),
        None => output(&localized!("no engine was running")),
    }
    Ok(Exit::Success)
}

/// Reports a line of the installation's output.
fn emit_line(context: &Context, line: &str) {
    context.app.emit(Event::engine_setup_line(line));
}
