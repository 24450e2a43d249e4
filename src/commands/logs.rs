//! `roadlab logs`: what the services wrote.

use futures_util::future::join_all;

use crate::commands::Context;
use crate::commands::restart::named;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::report::{clean, output};
use crate::runner::Failure;

pub(crate) async fn logs(
    context: &Context,
    name: &str,
    services: &[String],
    follow: bool,
    tail: u32,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let services = named(&lab, services)?;
    let engine = context.engine().await?;
    let tell = |event| context.tell(event);
    let runner = context.runner(&engine, &lab, &tell);
    let live = runner.live(None).await?;
    let width = services
        .iter()
        .map(|name| name.as_str().len())
        .max()
        .unwrap_or(0);
    let several = services.len() > 1;
    let prefix = |name: &str| match several {
        true => context.paint.dim(&format!("{name:width$} | ")),
        false => String::new(),
    };
    let containers = services
        .iter()
        .filter_map(|name| Some((name.as_str(), live.observed.container(name)?)));
    let containers: Vec<_> = containers.collect();
    context.reporter.finish();
    if follow {
        let followed = containers.iter().map(async |(name, container)| {
            let prefix = prefix(name);
            let line = |line: &str| output(&format!("{prefix}{}", clean(line)));
            engine.follow_logs(&container.id, tail, &line).await
        });
        for result in join_all(followed).await {
            result.map_err(Failure::engine("cannot follow the log"))?;
        }
        return Ok(Exit::Fine);
    }
    for (name, container) in containers {
        let log = engine
            .logs(&container.id, tail)
            .await
            .map_err(Failure::engine(format!("cannot read the log of `{name}`")))?;
        let prefix = prefix(name);
        log.lines()
            .for_each(|line| output(&format!("{prefix}{}", clean(line))));
    }
    Ok(Exit::Fine)
}
