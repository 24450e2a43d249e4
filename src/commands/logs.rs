//! `roadlab logs`: the log of the services, in the order in which they wrote it.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::{join_all, try_join_all};
use serde_json::json;

use crate::app::select_services;
use crate::commands::{Context, format};
use crate::engine::{Engine, EngineError, ErrorKind, Follow, LogLine, LogOptions, clock};
use crate::exit::Exit;
use crate::lab::ServiceName;
use crate::localized;
use crate::report::{self, Paint, error, output, sanitize};
use crate::runner::Failure;
use crate::text;

/// The time within which a restarted container runs again, so that its log continues.
const RESTART: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(100);

/// Which lines are shown.
pub(crate) struct LogQuery {
    follow: Follow,
    /// The number of last lines of each service.
    tail: u32,
    /// The age of the oldest line.
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

/// A container whose log is shown.
struct Source<'a> {
    service: &'a ServiceName,
    container: &'a str,
    /// The position of the service in its lab, which decides its colour.
    place: usize,
    /// The time of the last line that was shown.
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
    let engine = context.app.existing_engine().await?;
    let live = context.app.observe(&engine, &lab).await?.live;
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
        return Err(Failure::Environment(text!(
            "no container for {services}; start it with `roadlab up {lab}`",
            services = names.join(", "),
            lab = format::lab_argument(&context.app, &lab)
        )));
    }
    let widths = sources.iter().map(|source| source.service.as_str().len());
    let width = widths.max().unwrap_or(0);
    let show = |source: &Source<'_>, line: &LogLine| {
        source.last.set(Some(line.at));
        let service = source.service.as_str();
        let text = match (context.global.json, sources.len()) {
            (true, _) => report::json_line(
                &json!({ "service": service, "at": line.at.as_secs_f64(), "line": line.text }),
            ),
            (false, 1) => readable(&line.text, context.paint),
            (false, _) => {
                let prefix = context
                    .paint
                    .nth(source.place, &format!("{service:width$} |"));
                format!("{prefix} {}", readable(&line.text, context.paint))
            }
        };
        output(&text);
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
    // The lines that exist are shown in one order for all services, new ones as they arrive.
    for (at, line) in history(&engine, &sources, &there).await? {
        // The engine filters by whole seconds.
        if since.is_none_or(|since| line.at >= since) {
            show(&sources[at], &line);
        }
    }
    if wanted.follow == Follow::Yes {
        let followed = sources.iter().map(async |source| {
            follow(&engine, source, &there, &show).await?;
            if sources.len() > 1 {
                error(&localized!("{service} exited", service = source.service));
            }
            Ok::<_, Failure>(())
        });
        tokio::select! {
            ended = try_join_all(followed) => drop(ended?),
            () = report::output_closed() => {}
        }
    }
    Ok(Exit::Success)
}

/// Returns a line with its colors on a terminal that shows them, and without them elsewhere.
fn readable(line: &str, paint: Paint) -> String {
    match paint {
        // The output lets colors pass and escapes every other control character.
        Paint::Colored if line.contains('\u{1b}') => format!("{line}\u{1b}[0m"),
        Paint::Colored => line.to_owned(),
        Paint::Plain => sanitize(&console::strip_ansi_codes(line)),
    }
}

/// Returns the lines that exist, oldest first, each with the index of its source.
async fn history(
    engine: &impl Engine,
    sources: &[Source<'_>],
    options: &LogOptions,
) -> Result<Vec<(usize, LogLine)>, Failure> {
    let lines = RefCell::new(Vec::new());
    let read = sources.iter().enumerate().map(async |(at, source)| {
        let keep = |line| lines.borrow_mut().push((at, line));
        let read = engine.stream_log(source.container, options, &keep).await;
        read.map_err(failed(source))
    });
    for read in join_all(read).await {
        read?;
    }
    let mut lines = lines.into_inner();
    lines.sort_by_key(|(_, line)| line.at);
    Ok(lines)
}

/// Shows the lines that a container writes from now on, also after restarts, until the container is removed.
async fn follow(
    engine: &impl Engine,
    source: &Source<'_>,
    first: &LogOptions,
    show: &impl Fn(&Source<'_>, &LogLine),
) -> Result<(), Failure> {
    loop {
        // The engine filters by whole seconds, so lines of the last second that were shown are left out here.
        let shown = source.last.get();
        let options = LogOptions {
            tail: if shown.is_some() { None } else { first.tail },
            since: shown.map(seconds).or(first.since),
            follow: Follow::Yes,
        };
        let fresh = |line: LogLine| {
            if shown.is_none_or(|shown| line.at > shown) {
                show(source, &line);
            }
        };
        match engine.stream_log(source.container, &options, &fresh).await {
            Err(error)
                if matches!(
                    error.kind,
                    ErrorKind::NotFound | ErrorKind::NotRunning | ErrorKind::Paused
                ) =>
            {
                return Ok(());
            }
            read => read.map_err(failed(source))?,
        }
        let back = restarts(engine, source.container).await;
        if !back.map_err(failed(source))? {
            return Ok(());
        }
    }
}

/// Returns whether a container that stopped runs again soon. Fails if the engine does not answer.
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
    Failure::engine(text!(
        "cannot read the log of `{service}`",
        service = source.service
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Fake;

    #[test]
    fn colors_of_a_log_are_shown_or_left_out_but_not_spelled() {
        let line = "\u{1b}[38;5;214m[warning]\u{1b}[0m closed";
        assert_eq!(readable(line, Paint::Plain), "[warning] closed");
        assert!(readable(line, Paint::Colored).starts_with(line));
    }

    #[test]
    fn following_ends_when_the_container_is_removed() {
        let service = ServiceName::new("redis").unwrap();
        let source = Source {
            service: &service,
            container: "gone",
            place: 0,
            last: Cell::new(None),
        };
        let options = LogOptions {
            tail: Some(1),
            since: None,
            follow: Follow::No,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let followed = runtime.unwrap().block_on(async {
            let engine = Fake::default();
            let missing = history(&engine, std::slice::from_ref(&source), &options).await;
            assert!(missing.is_err());
            follow(&engine, &source, &options, &|_, _| {}).await
        });
        assert!(followed.is_ok());
    }
}
