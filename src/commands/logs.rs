//! `roadlab logs`: what the services wrote, in the order in which they wrote it.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::{join_all, try_join_all};
use serde_json::json;
use tokio::sync::Notify;

use crate::commands::Context;
use crate::commands::restart::select_services;
use crate::engine::{Engine, EngineError, ErrorKind, Follow, LogLine, LogOptions, clock};
use crate::exit::Exit;
use crate::lab::ServiceName;
use crate::report::{self, error, sanitize, t, try_output};
use crate::runner::Failure;

/// A service that is restarted comes back within this time; its log then goes on.
const RESTART: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(100);

/// What was asked for.
pub(crate) struct LogQuery {
    follow: Follow,
    /// Of each service.
    tail: u32,
    /// How long ago the first line may have been written.
    since: Option<Duration>,
}

impl LogQuery {
    pub(crate) fn new(follow: bool, tail: u32, since: Option<Duration>) -> Self {
        let follow = if follow { Follow::Yes } else { Follow::No };
        Self {
            follow,
            tail,
            since,
        }
    }
}

/// A container whose log is told.
struct Source<'a> {
    service: &'a ServiceName,
    container: &'a str,
    /// The service's place in its lab, which its colour comes from.
    place: usize,
    /// When its last line was written that was told.
    last: Cell<Option<Duration>>,
}

pub(crate) async fn logs(
    context: &Context,
    name: &str,
    services: &[String],
    wanted: LogQuery,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let services = select_services(&lab, services)?;
    let engine = context.engine().await?;
    let emit = |event| context.emit(event);
    let runner = context.runner(&engine, &lab, &emit);
    let live = runner.live(None).await?;
    context.reporter.finish();
    let source = |service| {
        Some(Source {
            service,
            container: &live.observed.container(service)?.id,
            place: lab.services.keys().position(|name| name == service)?,
            last: Cell::new(None),
        })
    };
    let sources: Vec<Source<'_>> = services.iter().filter_map(source).collect();
    if sources.is_empty() {
        let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
        let up = format!("{}{}", lab.id, context.instance_option());
        let what = t!("logs.no_container", services = names.join(", "), lab = up);
        return Err(Failure::Environment(what.into_owned()));
    }
    let widths = sources.iter().map(|source| source.service.as_str().len());
    let width = widths.max().unwrap_or(0);
    let nobody_reads = Notify::new();
    let say = |source: &Source<'_>, line: &LogLine| {
        source.last.set(Some(line.at));
        let service = source.service.as_str();
        let text = match (context.global.json, sources.len()) {
            (true, _) => report::json_line(
                &json!({ "service": service, "at": line.at.as_secs_f64(), "line": line.text }),
            ),
            (false, 1) => sanitize(&line.text),
            (false, _) => {
                let prefix = context
                    .paint
                    .nth(source.place, &format!("{service:width$} |"));
                format!("{prefix} {}", sanitize(&line.text))
            }
        };
        if !try_output(&text) {
            nobody_reads.notify_one();
        }
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let since = wanted.since.map(|ago| now.saturating_sub(ago));
    let there = LogOptions {
        tail: Some(wanted.tail),
        since: since.map(seconds),
        follow: Follow::No,
    };
    // What is there already is told in one order for all; what comes is told as it comes.
    for (at, line) in history(&engine, &sources, &there).await? {
        // The engine knows whole seconds only.
        if since.is_none_or(|since| line.at >= since) {
            say(&sources[at], &line);
        }
    }
    if wanted.follow == Follow::Yes {
        let followed = sources.iter().map(async |source| {
            follow(&engine, source, &there, &say).await?;
            if sources.len() > 1 {
                error(&t!("logs.ended", service = source.service.as_str()));
            }
            Ok::<_, Failure>(())
        });
        tokio::select! {
            ended = try_join_all(followed) => drop(ended?),
            () = nobody_reads.notified() => {}
        }
    }
    Ok(Exit::Success)
}

/// The lines that are there, oldest first, each with the place of its source.
async fn history(
    engine: &impl Engine,
    sources: &[Source<'_>],
    wish: &LogOptions,
) -> Result<Vec<(usize, LogLine)>, Failure> {
    let lines = RefCell::new(Vec::new());
    let told = sources.iter().enumerate().map(async |(at, source)| {
        let keep = |line| lines.borrow_mut().push((at, line));
        let told = engine.stream_log(source.container, wish, &keep).await;
        told.map_err(failed(source))
    });
    for told in join_all(told).await {
        told?;
    }
    let mut lines = lines.into_inner();
    lines.sort_by_key(|(_, line)| line.at);
    Ok(lines)
}

/// Tells what a container writes from now on, until it is gone; one that is restarted goes on.
async fn follow(
    engine: &impl Engine,
    source: &Source<'_>,
    first: &LogOptions,
    say: &impl Fn(&Source<'_>, &LogLine),
) -> Result<(), Failure> {
    loop {
        // The engine knows whole seconds only: what was told in the last one is left out here.
        let told = source.last.get();
        let wish = LogOptions {
            tail: if told.is_some() { None } else { first.tail },
            since: told.map(seconds).or(first.since),
            follow: Follow::Yes,
        };
        let fresh = |line: LogLine| {
            if told.is_none_or(|told| line.at > told) {
                say(source, &line);
            }
        };
        match engine.stream_log(source.container, &wish, &fresh).await {
            Err(error)
                if matches!(
                    error.kind,
                    ErrorKind::NotFound | ErrorKind::NotRunning | ErrorKind::Paused
                ) =>
            {
                return Ok(());
            }
            told => told.map_err(failed(source))?,
        }
        let back = restarts(engine, source.container).await;
        if !back.map_err(failed(source))? {
            return Ok(());
        }
    }
}

/// Fails if the engine is gone: it stopped the container, which did not end by itself.
async fn restarts(engine: &impl Engine, container: &str) -> Result<bool, EngineError> {
    let back = async {
        loop {
            match engine.inspect(container).await {
                Ok(state) if state.running => return Ok(true),
                Ok(_) => tokio::time::sleep(POLL).await,
                Err(error) if error.kind == ErrorKind::Unreachable => return Err(error),
                Err(_) => return Ok(false),
            }
        }
    };
    clock::timeout(RESTART, back).await.unwrap_or(Ok(false))
}

fn seconds(at: Duration) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

fn failed(source: &Source<'_>) -> impl FnOnce(EngineError) -> Failure {
    Failure::engine(t!("logs.failed", service = source.service.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Fake;

    #[test]
    fn a_container_that_is_gone_has_no_log_to_follow() {
        let service = ServiceName::new("redis").unwrap();
        let source = Source {
            service: &service,
            container: "gone",
            place: 0,
            last: Cell::new(None),
        };
        let wish = LogOptions {
            tail: Some(1),
            since: None,
            follow: Follow::No,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let followed = runtime.unwrap().block_on(async {
            let engine = Fake::default();
            let missing = history(&engine, std::slice::from_ref(&source), &wish).await;
            assert!(missing.is_err());
            follow(&engine, &source, &wish, &|_, _| {}).await
        });
        assert!(followed.is_ok());
    }
}
