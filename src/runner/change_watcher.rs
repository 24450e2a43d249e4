//! Watches the services of a lab, and waits until the results of its checks may have changed.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::engine::{Engine, clock};
use crate::lab::{
    AmqpOperation, AmqpProbe, Exercise, MongoProbe, RedisProbe, ServiceName, SqlProbe, SqlText,
    StepKind,
};
use crate::plan::Scope;
use crate::probe::{ProbeMode, probe};
use crate::runner::poll_backoff::{Changed, PollBackoff, SignalValues, UndecidedTime};
use crate::runner::{ExerciseResult, Failure, Live, Runner};
use crate::store::Workspace;

/// The time between two polls of the change signals, and so the longest delay for a service that has one.
const POLL: Duration = Duration::from_millis(400);

/// A service whose signal cannot be read within this time has changed.
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(1);

/// A cheap value that changes when a learner did something.
#[derive(Debug, Clone, PartialEq)]
enum SignalSource {
    /// Redis's counters of changes and of command calls.
    Redis(ServiceName),
    /// The position of PostgreSQL's write-ahead log.
    Sql(Box<SqlProbe>),
    /// MongoDB's counters of changed documents and of commands.
    Mongo(MongoProbe),
    /// The counters of a RabbitMQ queue.
    Queue(AmqpProbe),
    /// The learner's files.
    Workspace(PathBuf),
    /// The bytes that the service received.
    Traffic(ServiceName),
}

/// Watches the services that the checks of some exercises use.
pub struct ChangeWatcher {
    sources: Vec<SignalSource>,
    /// Those of traffic. The engine measures it once a second and answers only then, which must not delay the others.
    traffic: Vec<SignalSource>,
    /// Whether the next value of the traffic is the one after the checks, which cause some themselves.
    checks_caused_traffic: bool,
    backoff: PollBackoff,
    begun: Instant,
    /// The start of the events that were not received yet.
    since: SystemTime,
    events: Cell<u64>,
    /// When the checks began to be due for the last time.
    due: Instant,
    /// Whether a signal shows that something was done since the checks ran.
    signalled: bool,
    /// How long results may still change by themselves.
    undecided: UndecidedTime,
}

impl ChangeWatcher {
    pub fn new(exercises: &[&Exercise], live: &Live) -> Self {
        let mut sources: Vec<SignalSource> = live
            .workspace
            .iter()
            .cloned()
            .map(SignalSource::Workspace)
            .collect();
        let checks = exercises.iter().flat_map(|exercise| exercise.checks());
        for source in checks.filter_map(|check| source(&check.step.act, live)) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        let (traffic, sources) = sources
            .into_iter()
            .partition(|source| matches!(source, SignalSource::Traffic(_)));
        Self {
            sources,
            traffic,
            checks_caused_traffic: false,
            backoff: PollBackoff::default(),
            begun: Instant::now(),
            since: SystemTime::now(),
            events: Cell::new(0),
            due: Instant::now(),
            signalled: false,
            undecided: UndecidedTime::default(),
        }
    }

    /// Decides on the results of checks that did not wait: those that had the time that they may take since the last change are
    /// final.
    pub fn decide(&mut self, changed: Changed, results: &mut [ExerciseResult]) {
        let within = results.iter().filter_map(|result| result.undecided).max();
        let begins = changed == Changed::Yes || std::mem::take(&mut self.signalled);
        let pause = POLL.max(self.due.elapsed() * 2);
        self.undecided
            .record(self.begun.elapsed(), within, begins, pause);
        if self.undecided.is_over() {
            results
                .iter_mut()
                .for_each(|result| result.undecided = None);
        }
    }

    /// Waits until the checks should run again: until a signal changes, at most five seconds, and less while results are
    /// undecided. Fails if the engine does not answer any more.
    pub async fn wait_for_change<E: Engine>(
        &mut self,
        runner: &Runner<'_, E>,
        live: &Live,
    ) -> Result<(), Failure> {
        // For the learner's statements it is as for steps.
        live.end_sql_sessions().await;
        let scope = Scope::instance(runner.owner, &runner.lab.id, runner.instance);
        let count = self.events.clone();
        let emit = |_| count.set(count.get() + 1);
        let events = async {
            let _ = runner.engine.events(&scope, self.since, &emit).await;
            runner.check_engine().await?;
            // Without events the other signals are left.
            std::future::pending().await
        };
        let measured = RefCell::new(None);
        let (sources, traffic) = (&self.sources, &self.traffic);
        let measurements = async {
            loop {
                let values = values(traffic, runner, live).await;
                measured.replace(Some(values));
                tokio::time::sleep(POLL).await;
            }
        };
        let polls = async {
            loop {
                let mut values = values(sources, runner, live).await;
                if let Some(measured) = measured.take() {
                    if std::mem::take(&mut self.checks_caused_traffic) {
                        self.backoff.accept(&measured);
                    }
                    values.extend(measured);
                }
                values.insert("events".to_owned(), count.get().to_string());
                let now = self.begun.elapsed();
                if self.backoff.is_due(now, values) || self.undecided.is_due(now) {
                    return Ok(());
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let result = tokio::select! {
            due = polls => due,
            gone = events => gone,
            never = measurements => never,
        };
        self.events.set(count.get());
        self.signalled = self.backoff.has_clear_signal();
        self.due = Instant::now();
        result
    }

    /// Records that the checks ran.
    pub async fn record_check<E: Engine>(
        &mut self,
        runner: &Runner<'_, E>,
        live: &Live,
        changed: Changed,
    ) {
        // The checks themselves ran programs in containers.
        self.since = SystemTime::now();
        let all = join_all(
            self.sources
                .iter()
                .map(|source| signals(source, runner, live)),
        )
        .await;
        let own = all.into_iter().flatten().filter(|signal| signal.own);
        let after = own.map(|signal| (signal.name, signal.value)).collect();
        self.backoff
            .record_check(self.begun.elapsed(), changed, &after);
        self.checks_caused_traffic = true;
    }
}

/// Returns the present values of the signals of several sources.
async fn values<E: Engine>(
    sources: &[SignalSource],
    runner: &Runner<'_, E>,
    live: &Live,
) -> SignalValues {
    let all = join_all(sources.iter().map(|source| signals(source, runner, live))).await;
    let signals = all.into_iter().flatten();
    signals.map(|signal| (signal.name, signal.value)).collect()
}

/// The value of a signal.
struct ChangeSignal {
    name: String,
    value: String,
    /// Whether the checks themselves change it.
    own: bool,
}

/// Returns the signal that changes with the result of a probe. Programs and files inside containers have only the engine's
/// events.
fn source(act: &StepKind, live: &Live) -> Option<SignalSource> {
    match act {
        StepKind::Redis(probe) => Some(SignalSource::Redis(probe.service.clone())),
        StepKind::Sql(probe) => {
            let url = live.addresses.get(&probe.service)?.url.as_deref();
            if !url.is_some_and(|url| url.starts_with("postgres")) {
                return Some(SignalSource::Traffic(probe.service.clone()));
            }
            let log = "SELECT pg_current_wal_insert_lsn()::text";
            Some(SignalSource::Sql(Box::new(SqlProbe {
                text: SqlText::Query(log.to_owned()),
                file: None,
                // A session in the learner's database would keep it from being renamed, copied or dropped.
                database: Some("postgres".to_owned()),
                ..probe.clone()
            })))
        }
        StepKind::Mongo(probe) => {
            let command = json!({ "serverStatus": 1, "wiredTiger": 0, "repl": 0, "locks": 0, "tcmalloc": 0, "network": 0 });
            Some(SignalSource::Mongo(MongoProbe {
                service: probe.service.clone(),
                database: Some("admin".to_owned()),
                command,
            }))
        }
        StepKind::Amqp(probe) => {
            let queue = match &probe.operation {
                AmqpOperation::Queue(queue) | AmqpOperation::Get { queue, .. } => queue.clone(),
                _ => return Some(SignalSource::Traffic(probe.service.clone())),
            };
            Some(SignalSource::Queue(AmqpProbe {
                operation: AmqpOperation::Queue(queue),
                ..probe.clone()
            }))
        }
        StepKind::Http(probe) => Some(SignalSource::Traffic(probe.service.clone())),
        StepKind::Tcp(probe) => Some(SignalSource::Traffic(probe.service.clone())),
        StepKind::Exec(_)
        | StepKind::Log(_)
        | StepKind::File(_)
        | StepKind::Ratio(_)
        | StepKind::Restart(_)
        | StepKind::Fault(_)
        | StepKind::Client(_) => None,
    }
}

async fn signals<E: Engine>(
    source: &SignalSource,
    runner: &Runner<'_, E>,
    live: &Live,
) -> Vec<ChangeSignal> {
    let act = match source {
        SignalSource::Workspace(folder) => {
            let folder = folder.clone();
            let stamp = tokio::task::spawn_blocking(move || Workspace::stamp(&folder));
            return vec![ChangeSignal {
                name: "workspace".to_owned(),
                value: stamp.await.unwrap_or_default(),
                own: false,
            }];
        }
        SignalSource::Traffic(service) => {
            let Some(container) = live.observed.container(service) else {
                return Vec::new();
            };
            let received_bytes =
                clock::timeout(SIGNAL_TIMEOUT, runner.engine.received_bytes(&container.id)).await;
            let value = match received_bytes {
                Ok(Ok(bytes)) => bytes.to_string(),
                Ok(Err(_)) | Err(_) => String::new(),
            };
            return vec![ChangeSignal {
                name: format!("traffic of {service}"),
                value,
                own: true,
            }];
        }
        SignalSource::Redis(service) => StepKind::Redis(RedisProbe {
            service: service.clone(),
            command: vec!["INFO".to_owned(), "all".to_owned()],
            db: 0,
        }),
        SignalSource::Sql(probe) => StepKind::Sql((**probe).clone()),
        SignalSource::Mongo(probe) => StepKind::Mongo(probe.clone()),
        SignalSource::Queue(probe) => StepKind::Amqp(probe.clone()),
    };
    let name = act.to_string();
    let actual = match probe(
        &act,
        ProbeMode::ReadOnly,
        &live.target(runner),
        &live.connections,
        SIGNAL_TIMEOUT,
    )
    .await
    {
        Ok(actual) => actual.value,
        Err(_) => {
            return vec![ChangeSignal {
                name,
                value: String::new(),
                own: false,
            }];
        }
    };
    match source {
        SignalSource::Redis(_) => {
            let (changes, calls) = redis_counts(actual.as_str().unwrap_or_default());
            let calls = ChangeSignal {
                name: format!("{name} calls"),
                value: calls,
                own: true,
            };
            vec![
                ChangeSignal {
                    name,
                    value: changes,
                    own: false,
                },
                calls,
            ]
        }
        SignalSource::Mongo(_) => vec![ChangeSignal {
            name,
            value: mongo_counts(&actual),
            own: false,
        }],
        _ => vec![ChangeSignal {
            name,
            value: actual.to_string(),
            own: false,
        }],
    }
}

/// Extracts from `INFO all` the counters that only change with data, and the number of calls of all commands but `INFO`.
fn redis_counts(info: &str) -> (String, String) {
    let mut changes = Vec::new();
    let mut calls = 0;
    for line in info.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        match key {
            "rdb_changes_since_last_save" | "expired_keys" | "evicted_keys" | "run_id" => {
                changes.push(value.trim())
            }
            _ if key.starts_with("cmdstat_") && key != "cmdstat_info" => {
                let count = value
                    .strip_prefix("calls=")
                    .and_then(|rest| rest.split(',').next());
                calls += count
                    .and_then(|count| count.parse::<u64>().ok())
                    .unwrap_or(0);
            }
            _ => {}
        }
    }
    (changes.join(" "), calls.to_string())
}

/// Extracts from `serverStatus` the counters of changed documents and of commands that change something.
fn mongo_counts(status: &Value) -> String {
    let metrics = &status["metrics"];
    let changing = [
        "collMod",
        "create",
        "createIndexes",
        "delete",
        "drop",
        "dropDatabase",
        "dropIndexes",
        "findAndModify",
        "insert",
        "renameCollection",
        "update",
    ];
    let calls = changing.map(|command| metrics["commands"][command]["total"].to_string());
    let documents = &metrics["document"];
    let changed = ["deleted", "inserted", "updated"].map(|kind| documents[kind].to_string());
    [calls.join(" "), changed.join(" ")].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_counters_leave_out_info_itself() {
        let info = "# Persistence\r\nrdb_changes_since_last_save:7\r\n# Stats\r\nexpired_keys:1\r\nevicted_keys:0\r\n\
            # Commandstats\r\ncmdstat_set:calls=3,usec=9,usec_per_call=3.00\r\ncmdstat_info:calls=90,usec=1\r\n\
            cmdstat_config|get:calls=2,usec=9\r\n";
        assert_eq!(redis_counts(info), ("7 1 0".to_owned(), "5".to_owned()));
        assert_eq!(redis_counts("nonsense"), (String::new(), "0".to_owned()));
    }

    #[test]
    fn mongo_counters_change_with_data_only() {
        let status = |inserted: u32, finds: u32| {
            json!({ "metrics": { "document": { "inserted": inserted, "returned": finds },
                "commands": { "find": { "total": finds }, "insert": { "total": inserted } } } })
        };
        assert_eq!(mongo_counts(&status(1, 1)), mongo_counts(&status(1, 9)));
        assert_ne!(mongo_counts(&status(1, 1)), mongo_counts(&status(2, 1)));
    }
}
