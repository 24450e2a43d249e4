//! The logs of services: the lines that exist in the order in which they were written, then new ones as they arrive.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::{join_all, try_join_all};

use crate::app::App;
use crate::engine::{Engine, EngineError, ErrorKind, Follow, LogLine, LogOptions, clock};
use crate::lab::{Lab, ServiceName};
use crate::runner::Failure;
use crate::text;

/// The time within which a restarted container runs again, so that its log continues; on a busy machine that takes long.
const RESTART: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

/// Which lines are read.
#[derive(Debug, Clone, Copy)]
pub struct LogQuery {
    pub follow: Follow,
    /// The number of last lines of each service.
    pub tail: u32,
    /// The age of the oldest line.
    pub since: Option<Duration>,
}

/// A service whose log is read.
#[derive(Debug)]
pub struct LogSource<'a> {
    pub service: &'a ServiceName,
    /// The position of the service in its lab.
    pub place: usize,
    pub container: String,
    /// The time of the last line that was reported; only later ones are.
    pub last: Cell<Option<Duration>>,
}

impl LogSource<'_> {
    /// The engine filters by whole seconds, so lines of the last second that were reported are left out here.
    fn is_new(&self, line: &LogLine) -> bool {
        self.last.get().is_none_or(|last| line.at > last)
    }
}

/// What a followed log reports.
#[derive(Debug, Clone, Copy)]
pub enum LogEvent<'a> {
    Line(&'a LogLine),
    /// The container was removed, or stopped and did not start again.
    Ended,
}

/// The logs of the services that have a container, in the order of the lab.
pub struct ServiceLogs<'a, E> {
    engine: &'a E,
    pub sources: Vec<LogSource<'a>>,
}

impl App {
    /// Finds the logs of services of this instance. Fails if none of the services has a container.
    pub async fn service_logs<'a, E: Engine>(
        &self,
        engine: &'a E,
        lab: &'a Lab,
        services: &'a [ServiceName],
    ) -> Result<ServiceLogs<'a, E>, Failure> {
        let live = self.observe(engine, lab).await?.live;
        let source = |service| {
            Some(LogSource {
                service,
                container: live.observed.container(service)?.id.clone(),
                place: lab.services.keys().position(|name| name == service)?,
                last: Cell::new(None),
            })
        };
        let sources: Vec<LogSource<'_>> = services.iter().filter_map(source).collect();
        if sources.is_empty() {
            let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
            return Err(Failure::Environment(text!(
                "no container for {services}; start it with `roadlab up {lab}`",
                services = names.join(", "),
                lab = self.lab_argument(&lab.id)
            )));
        }
        Ok(ServiceLogs { engine, sources })
    }
}

impl<E: Engine> ServiceLogs<'_, E> {
    /// Returns the log of each service by itself, so that one which fails does not end the others.
    pub fn separate(self) -> Vec<Self> {
        let engine = self.engine;
        let alone = |source| Self {
            engine,
            sources: vec![source],
        };
        self.sources.into_iter().map(alone).collect()
    }

    /// Reports the lines that exist, oldest first. With [`Follow::Yes`] it then reports new ones until every container has
    /// ended; the caller may drop the future before.
    pub async fn read(
        &self,
        query: LogQuery,
        on_event: &impl Fn(&LogSource<'_>, LogEvent<'_>),
    ) -> Result<(), Failure> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let since = query.since.map(|ago| now.saturating_sub(ago));
        let existing = LogOptions {
            tail: Some(query.tail),
            since: since.map(seconds),
            follow: Follow::No,
        };
        for (at, line) in history(self.engine, &self.sources, &existing).await? {
            // The engine filters by whole seconds.
            if since.is_none_or(|since| line.at >= since) {
                let source = &self.sources[at];
                source.last.set(Some(line.at));
                on_event(source, LogEvent::Line(&line));
            }
        }
        if query.follow == Follow::No {
            return Ok(());
        }
        let followed = self.sources.iter().map(async |source| {
            follow(self.engine, source, &existing, on_event).await?;
            on_event(source, LogEvent::Ended);
            Ok::<_, Failure>(())
        });
        try_join_all(followed).await.map(drop)
    }
}

/// Returns the lines that exist, oldest first, each with the index of its source.
async fn history(
    engine: &impl Engine,
    sources: &[LogSource<'_>],
    options: &LogOptions,
) -> Result<Vec<(usize, LogLine)>, Failure> {
    let lines = RefCell::new(Vec::new());
    let read = sources.iter().enumerate().map(async |(at, source)| {
        let options = LogOptions {
            since: source.last.get().map(seconds).or(options.since),
            ..*options
        };
        let keep = |line| {
            if source.is_new(&line) {
                lines.borrow_mut().push((at, line));
            }
        };
        let read = engine.stream_log(&source.container, &options, &keep).await;
        read.map_err(failed(source))
    });
    for read in join_all(read).await {
        read?;
    }
    let mut lines = lines.into_inner();
    lines.sort_by_key(|(_, line)| line.at);
    Ok(lines)
}

/// Reports the lines that a container writes from now on, also after restarts, until the container is removed.
async fn follow(
    engine: &impl Engine,
    source: &LogSource<'_>,
    first: &LogOptions,
    on_event: &impl Fn(&LogSource<'_>, LogEvent<'_>),
) -> Result<(), Failure> {
    loop {
        let reported = source.last.get();
        let options = LogOptions {
            tail: if reported.is_some() { None } else { first.tail },
            since: reported.map(seconds).or(first.since),
            follow: Follow::Yes,
        };
        let fresh = |line: LogLine| {
            if reported.is_none_or(|last| line.at > last) {
                source.last.set(Some(line.at));
                on_event(source, LogEvent::Line(&line));
            }
        };
        match engine.stream_log(&source.container, &options, &fresh).await {
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
        let back = restarts(engine, &source.container).await;
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

fn failed(source: &LogSource<'_>) -> impl FnOnce(EngineError) -> Failure {
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
    fn following_ends_when_the_container_is_removed() {
        let service = ServiceName::new("redis").unwrap();
        let engine = Fake::default();
        let logs = ServiceLogs {
            engine: &engine,
            sources: vec![LogSource {
                service: &service,
                container: "gone".to_owned(),
                place: 0,
                last: Cell::new(None),
            }],
        };
        let options = LogOptions {
            tail: Some(1),
            since: None,
            follow: Follow::No,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let followed = runtime.unwrap().block_on(async {
            let missing = history(&engine, &logs.sources, &options).await;
            assert!(missing.is_err());
            follow(&engine, &logs.sources[0], &options, &|_, _| {}).await
        });
        assert!(followed.is_ok());
    }
}
