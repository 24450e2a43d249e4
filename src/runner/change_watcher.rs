//! Watches a lab for deeds: waits until services give a sign that checks may see something else now.

use std::cell::Cell;
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
use crate::probe::probe;
use crate::runner::poll_backoff::{Changed, PollBackoff, SignalValues};
use crate::runner::{Failure, Live, Runner};
use crate::store::Workspace;

/// Between two looks at the signs. A deed is seen after one of these at the latest, where its service shows a sign.
const TICK: Duration = Duration::from_millis(400);

/// A service that does not even show a sign in this time has changed.
const SIGN_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a deed shows first.
#[derive(Debug, Clone, PartialEq)]
enum SignalSource {
    /// Redis counts changes, and calls of every command.
    Redis(ServiceName),
    /// PostgreSQL's write-ahead log grows with each change.
    Sql(Box<SqlProbe>),
    /// MongoDB counts changed documents and commands.
    Mongo(MongoProbe),
    /// A queue's own counts.
    Queue(AmqpProbe),
    /// The learner's files.
    Workspace(PathBuf),
    /// What the service received.
    Traffic(ServiceName),
}

/// Watches what the checks of some exercises look at.
pub struct ChangeWatcher {
    sources: Vec<SignalSource>,
    pace: PollBackoff,
    begun: Instant,
    /// Events before this are known.
    since: SystemTime,
    events: Cell<u64>,
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
        for source in checks.filter_map(|check| source(&check.step.act)) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        Self {
            sources,
            pace: PollBackoff::default(),
            begun: Instant::now(),
            since: SystemTime::now(),
            events: Cell::new(0),
        }
    }

    /// Returns when the checks should be looked at again: soon after a deed, else after five seconds. Fails when the engine
    /// is gone: what is seen of the services then is no answer of theirs.
    pub async fn wait_for_change<E: Engine>(
        &mut self,
        runner: &Runner<'_, E>,
        live: &Live,
    ) -> Result<(), Failure> {
        let scope = Scope::instance(runner.owner, &runner.lab.id, runner.instance);
        let count = self.events.clone();
        let emit = |_| count.set(count.get() + 1);
        let events = async {
            let _ = runner.engine.events(&scope, self.since, &emit).await;
            runner.check_engine().await?;
            // An engine that cannot tell events leaves the other signs.
            std::future::pending().await
        };
        let ticks = async {
            loop {
                let mut shown = SignalValues::new();
                for source in &self.sources {
                    shown.extend(
                        signs(source, runner, live)
                            .await
                            .into_iter()
                            .map(|sign| (sign.name, sign.shows)),
                    );
                }
                shown.insert("events".to_owned(), count.get().to_string());
                if self.pace.due(self.begun.elapsed(), shown) {
                    return Ok(());
                }
                tokio::time::sleep(TICK).await;
            }
        };
        let wait_for_change = tokio::select! {
            wait_for_change = ticks => wait_for_change,
            gone = events => gone,
        };
        self.events.set(count.get());
        wait_for_change
    }

    /// A full look was made.
    pub async fn record_check<E: Engine>(
        &mut self,
        runner: &Runner<'_, E>,
        live: &Live,
        seen: Changed,
    ) {
        // Programs that our own look ran inside containers are no news.
        self.since = SystemTime::now();
        let all = join_all(
            self.sources
                .iter()
                .map(|source| signs(source, runner, live)),
        )
        .await;
        let moved_by_us = all.into_iter().flatten().filter(|sign| sign.ours);
        let after = moved_by_us.map(|sign| (sign.name, sign.shows)).collect();
        self.pace.record_check(self.begun.elapsed(), seen, after);
    }
}

struct ChangeSignal {
    name: String,
    shows: String,
    /// Our own full looks move it too.
    ours: bool,
}

/// Where a deed would show that this look is about. Programs and files inside containers show nothing but events.
fn source(act: &StepKind) -> Option<SignalSource> {
    match act {
        StepKind::Redis(probe) => Some(SignalSource::Redis(probe.service.clone())),
        StepKind::Sql(probe) => {
            let log = "SELECT pg_current_wal_insert_lsn()::text";
            Some(SignalSource::Sql(Box::new(SqlProbe {
                text: SqlText::Query(log.to_owned()),
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
        StepKind::Exec(_) | StepKind::Log(_) | StepKind::File(_) | StepKind::Restart(_) => None,
    }
}

async fn signs<E: Engine>(
    source: &SignalSource,
    runner: &Runner<'_, E>,
    live: &Live,
) -> Vec<ChangeSignal> {
    let act = match source {
        SignalSource::Workspace(folder) => {
            return vec![ChangeSignal {
                name: "workspace".to_owned(),
                shows: Workspace::stamp(folder),
                ours: false,
            }];
        }
        SignalSource::Traffic(service) => {
            let Some(container) = live.observed.container(service) else {
                return Vec::new();
            };
            let received_bytes =
                clock::timeout(SIGN_TIMEOUT, runner.engine.received_bytes(&container.id)).await;
            let shows = match received_bytes {
                Ok(Ok(bytes)) => bytes.to_string(),
                Ok(Err(_)) | Err(_) => String::new(),
            };
            return vec![ChangeSignal {
                name: format!("traffic of {service}"),
                shows,
                ours: true,
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
    let seen = match probe(&act, &live.target(runner), &live.connections, SIGN_TIMEOUT).await {
        Ok(actual) => actual.value,
        Err(unseen) => {
            return vec![ChangeSignal {
                name,
                shows: unseen.to_string(),
                ours: false,
            }];
        }
    };
    match source {
        SignalSource::Redis(_) => {
            let (changes, calls) = redis_counts(seen.as_str().unwrap_or_default());
            let calls = ChangeSignal {
                name: format!("{name} calls"),
                shows: calls,
                ours: true,
            };
            vec![
                ChangeSignal {
                    name,
                    shows: changes,
                    ours: false,
                },
                calls,
            ]
        }
        SignalSource::Mongo(_) => vec![ChangeSignal {
            name,
            shows: mongo_counts(&seen),
            ours: false,
        }],
        _ => vec![ChangeSignal {
            name,
            shows: seen.to_string(),
            ours: false,
        }],
    }
}

/// Counters that only change with data, and the number of all calls but `INFO` itself, out of `INFO all`.
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

/// Changed documents, and calls of the commands that change something, out of `serverStatus`.
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
    fn redis_counts_changes_and_calls_but_not_our_own_question() {
        let info = "# Persistence\r\nrdb_changes_since_last_save:7\r\n# Stats\r\nexpired_keys:1\r\nevicted_keys:0\r\n\
            # Commandstats\r\ncmdstat_set:calls=3,usec=9,usec_per_call=3.00\r\ncmdstat_info:calls=90,usec=1\r\n\
            cmdstat_config|get:calls=2,usec=9\r\n";
        assert_eq!(redis_counts(info), ("7 1 0".to_owned(), "5".to_owned()));
        assert_eq!(redis_counts("nonsense"), (String::new(), "0".to_owned()));
    }

    #[test]
    fn mongo_counts_what_changes_data() {
        let status = |inserted: u32, finds: u32| {
            json!({ "metrics": { "document": { "inserted": inserted, "returned": finds },
                "commands": { "find": { "total": finds }, "insert": { "total": inserted } } } })
        };
        assert_eq!(mongo_counts(&status(1, 1)), mongo_counts(&status(1, 9)));
        assert_ne!(mongo_counts(&status(1, 1)), mongo_counts(&status(2, 1)));
    }
}
