//! `roadlab engine`: sees, installs, starts and stops the container engine.

use serde_json::json;

use crate::cli::EngineCommand;
use crate::commands::Context;
use crate::engine::install::{Goal, describe, observe};
use crate::engine::locate::{locate, url};
use crate::engine::{EngineError, System};
use crate::event::Event;
use crate::exit::Exit;
use crate::report::{self, memory, output, sanitize, t, table};
use crate::runner::Failure;

pub(crate) async fn engine(context: &Context, command: EngineCommand) -> Result<Exit, Failure> {
    match command {
        EngineCommand::Status => status(context).await,
        EngineCommand::Up => up(context).await,
        EngineCommand::Down => down(context).await,
    }
}

async fn status(context: &Context) -> Result<Exit, Failure> {
    let setup = context.setup();
    let situation = observe(setup.site()).await;
    let found = locate(setup.explicit.as_deref());
    let connected = setup.connect_only().await;
    context.reporter.finish();
    let about = match &connected {
        Ok((docker, _)) => docker.system_info().await.ok(),
        Err(_) => None,
    };
    if context.global.json {
        report::document(&json!({
            "socket": found.as_ref().ok().map(|endpoint| &endpoint.socket),
            "source": found.as_ref().ok().map(|endpoint| &endpoint.source),
            "answers": connected.is_ok(),
            "problem": connected.as_ref().err().map(ToString::to_string),
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
        let machine = t!(
            "engine.machine_is",
            platform = sanitize(&about.platform),
            cpus = about.cpus,
            memory = memory(about.memory)
        );
        let rows = [
            (t!("engine.at"), url(&endpoint.socket)),
            (t!("engine.because"), sanitize(&endpoint.source)),
            (t!("engine.machine"), machine.into_owned()),
            (
                t!("engine.data"),
                sanitize(&about.root.display().to_string()),
            ),
        ];
        let rows = rows.map(|(label, text)| vec![format!("  {label}"), text]);
        table(&rows).iter().for_each(|line| output(line));
        if endpoint.socket == setup.site().socket {
            describe(&situation, setup.site())
                .iter()
                .skip(1)
                .for_each(|line| output(&format!("  {}", sanitize(line))));
        }
    }
    match connected {
        Ok(_) => Ok(Exit::Success),
        Err(error) if context.global.json => Ok(Exit::from(&no_engine(error))),
        Err(error) => Err(no_engine(error)),
    }
}

async fn up(context: &Context) -> Result<Exit, Failure> {
    let setup = context.setup();
    let mut on_line = |line: &str| {
        context.emit(Event::BuildLine {
            image: "engine".to_owned(),
            line: line.to_owned(),
        })
    };
    let (docker, endpoint) = match setup.connect(&mut on_line).await {
        Ok(found) => found,
        Err(error) => {
            // Without consent the commands are the answer.
            setup
                .make(Goal::Running, &mut on_line)
                .await
                .map_err(no_engine)?;
            return Err(no_engine(error));
        }
    };
    let about = docker.system_info().await.map_err(no_engine)?;
    context.reporter.finish();
    if context.global.json {
        report::document(
            &json!({ "socket": endpoint.socket, "source": endpoint.source, "version": about.version }),
        );
    } else {
        let (product, version) = (sanitize(&about.product), sanitize(&about.version));
        output(&t!(
            "engine.answers",
            product = product,
            version = version,
            place = url(&endpoint.socket),
            source = sanitize(&endpoint.source)
        ));
    }
    Ok(Exit::Success)
}

async fn down(context: &Context) -> Result<Exit, Failure> {
    let setup = context.setup();
    let situation = observe(setup.site()).await;
    let mut on_line = |line: &str| {
        context.emit(Event::BuildLine {
            image: "engine".to_owned(),
            line: line.to_owned(),
        })
    };
    // It only ever stops what roadlab started: asking for that is consent enough.
    setup
        .with_consent()
        .make(Goal::Stopped, &mut on_line)
        .await
        .map_err(no_engine)?;
    context.reporter.finish();
    match situation.started {
        Some(record) => output(&t!("engine.stopped", place = url(&record.socket))),
        None => output(&t!("engine.none")),
    }
    Ok(Exit::Success)
}

pub(crate) fn no_engine(error: EngineError) -> Failure {
    Failure::NoEngine(error)
}
