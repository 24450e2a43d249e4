//! `roadlab engine`: shows, installs, starts and stops the container engine.

use serde_json::json;

use crate::cli::EngineCommand;
use crate::commands::Context;
use crate::engine::EngineError;
use crate::engine::locate::url;
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
    let status = context.app.engine_status().await;
    context.reporter.finish();
    let (about, endpoint) = (status.info.as_ref(), status.endpoint.as_ref());
    if context.global.json {
        report::document(&json!({
            "socket": endpoint.map(|endpoint| report::json_path(&endpoint.socket)),
            "source": endpoint.map(|endpoint| endpoint.source.to_string()),
            "answers": status.connected.is_ok(),
            "problem": status.connected.as_ref().err().map(EngineError::to_string),
            "product": about.map(|about| &about.product), "version": about.map(|about| &about.version),
            "api": about.map(|about| &about.api), "platform": about.map(|about| &about.platform),
            "memory": about.map(|about| about.memory), "cpus": about.map(|about| about.cpus),
        }));
    } else if let (Some(endpoint), Some(about)) = (endpoint, about) {
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
                sanitize(&endpoint.source.text().localized()),
            ),
            (localized!("machine"), machine),
            (
                localized!("data"),
                sanitize(&about.root.display().to_string()),
            ),
        ];
        if let Some(record) = &status.started {
            let started = localized!(
                "by roadlab, process {pid}; stop it with `roadlab engine down`",
                pid = record.process.pid
            );
            let log = context.app.setup().site().daemon_log();
            rows.push((localized!("started"), started));
            rows.push((localized!("log"), sanitize(&log.display().to_string())));
        }
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(label, text)| vec![format!("  {label}"), text])
            .collect();
        table(&rows).iter().for_each(|line| output(line));
    }
    match status.connected {
        Ok(()) => Ok(Exit::Success),
        Err(error) if context.global.json => Ok(Exit::from(&Failure::NoEngine(error))),
        Err(error) => Err(Failure::NoEngine(error)),
    }
}

async fn up(context: &Context) -> Result<Exit, Failure> {
    let (endpoint, about) = context.app.start_engine().await?;
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
            source = sanitize(&endpoint.source.text().localized())
        ));
    }
    Ok(Exit::Success)
}

async fn down(context: &Context) -> Result<Exit, Failure> {
    let started = context.app.stop_engine().await?;
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
