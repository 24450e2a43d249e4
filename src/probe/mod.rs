//! Probes of services, each in the service's own protocol, from this process.
//!
//! One file per protocol converts a step to an [`Actual`]; matchers judge it elsewhere. Probes connect to published ports on
//! 127.0.0.1 only, within a deadline, and limit what a server may send: a lab's server is not trusted.

mod address;
mod amqp;
mod amqp_failure;
mod amqp_stream;
mod amqp_values;
mod closing;
mod connections;
mod dial;
mod error;
mod exec;
mod file;
mod folder;
mod http;
mod http_management;
mod limits;
mod log;
mod mode;
mod mongo;
mod mongo_locks;
mod mongo_transaction;
mod mysql;
mod mysql_locks;
mod mysql_session;
mod mysql_values;
mod open_transaction;
mod output_format;
mod pool;
mod postgres;
mod postgres_locks;
mod postgres_session;
mod postgres_values;
mod redis;
mod relay;
mod script_place;
mod sql;
mod sql_statement;
mod stopwatch;
mod target;
mod tcp;

#[cfg(test)]
mod double;

use std::cell::RefCell;
use std::time::Duration;

pub use closing::finish_closing;
pub use connections::Connections;
pub use error::{LockHolder, ProbeError, WayOut};
pub use mode::{ProbeMode, StepMode};
pub use open_transaction::open_transaction;
pub use stopwatch::measured;
pub use target::Target;

use crate::engine::{ContainerAccess, clock};
use crate::expect::Actual;
use crate::lab::{Effect, StepKind};
use crate::text;
use limits::check_size;

/// Executes a step once, for at most `timeout`. Fails for `restart` and faults, which the runner executes, and for a step that writes
/// by its form if the mode does not allow it.
pub async fn probe<E: ContainerAccess>(
    step: &StepKind,
    mode: ProbeMode,
    target: &Target<'_, E>,
    connections: &Connections,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    check_effect(step, mode)?;
    // Who keeps the step waiting, as far as the probe finds out.
    let holder = RefCell::new(None);
    let running = async {
        match step {
            StepKind::Redis(probe) => {
                let running = redis::run(probe, mode, target, &connections.redis);
                running.await.and_then(check_size)
            }
            StepKind::Exec(probe) => exec::run(probe, target, timeout).await,
            StepKind::Client(client) => {
                exec::run(&exec::client(client, target.lab)?, target, timeout).await
            }
            StepKind::Http(probe) => http::run(probe, target, &connections.http).await,
            StepKind::Tcp(probe) => tcp::run(probe, target, timeout).await,
            StepKind::Log(probe) => log::run(probe, target, timeout).await,
            StepKind::File(probe) => file::run(probe, target, timeout).await,
            StepKind::Sql(probe) => {
                let limits = sql_statement::Limits { mode, timeout };
                let running = Box::pin(sql::run(probe, limits, target, &connections.sql, &holder));
                running.await.and_then(check_size)
            }
            StepKind::Mongo(probe) => {
                let limits = mongo::Limits { mode, timeout };
                let running = mongo::run(probe, limits, target, &connections.mongo, &holder);
                let running = Box::pin(running);
                running.await.and_then(check_size)
            }
            StepKind::Amqp(probe) => {
                let running = amqp::run(probe, mode, target, &connections.amqp, &connections.http);
                let running = Box::pin(running);
                running.await.and_then(check_size)
            }
            StepKind::Restart(restart) => Err(ProbeError::InvalidStep(text!(
                "`{service}` cannot be restarted in a probe",
                service = restart.service
            ))),
            StepKind::Fault(fault) => Err(ProbeError::InvalidStep(text!(
                "`{key}` is an action and no probe",
                key = fault.kind.key()
            ))),
        }
    };
    let _turn = match step {
        StepKind::Sql(_) => connections.sql.turn().await,
        _ => None,
    };
    match clock::timeout(timeout, running).await {
        Ok(result) => result.map(|actual| actual.with_typing(step.typing())),
        Err(_) => Err(match holder.take() {
            Some(holder) => ProbeError::Locked(holder),
            None => ProbeError::Timeout(timeout),
        }),
    }
}

/// Refuses a step that writes in a mode that only reads. `validate` reports it earlier; a captured value may change a step.
fn check_effect(step: &StepKind, mode: ProbeMode) -> Result<(), ProbeError> {
    match (mode, step.effect()) {
        (ProbeMode::ReadWrite, _) | (_, Effect::Reads | Effect::RunsProgram) => Ok(()),
        (ProbeMode::RolledBack, Effect::CanWrite(_)) => Ok(()),
        (ProbeMode::ReadOnly, Effect::CanWrite(reason)) | (_, Effect::Writes(reason)) => {
            Err(ProbeError::InvalidStep(text!(
                "a check must only read: {reason}",
                reason = reason.what
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::double::{Double, Scene};
    use super::*;
    use crate::lab::{
        AmqpOperation, AmqpProbe, ExecProbe, LogProbe, MongoProbe, OutputFormat, RedisProbe,
        Restart, RestartMode, SqlProbe, SqlText, TcpProbe,
    };
    use serde_json::Value;
    use tokio::net::TcpListener;

    /// One probe of each kind that connects, with the url it needs.
    fn connecting_probes() -> [(&'static str, StepKind); 5] {
        let service = Scene::service;
        let redis = RedisProbe {
            service: service(),
            command: vec!["PING".to_owned()],
            db: 0,
        };
        let tcp = TcpProbe {
            service: service(),
            port: None,
            send: None,
        };
        let sql = SqlProbe {
            service: service(),
            text: SqlText::Query("SELECT 1".to_owned()),
            file: None,
            database: None,
            user: None,
            password: None,
        };
        let mongo = MongoProbe {
            service: service(),
            database: None,
            command: serde_json::json!({"ping": 1}),
        };
        let amqp = AmqpProbe {
            service: service(),
            vhost: None,
            operation: AmqpOperation::Queue("q".to_owned()),
        };
        [
            ("redis://localhost:PORT", StepKind::Redis(redis)),
            ("tcp://localhost:PORT", StepKind::Tcp(tcp)),
            ("postgres://kim:pw@localhost:PORT/x", StepKind::Sql(sql)),
            ("mongodb://kim:pw@localhost:PORT/x", StepKind::Mongo(mongo)),
            ("amqp://kim:pw@localhost:PORT/%2F", StepKind::Amqp(amqp)),
        ]
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        for (url, act) in connecting_probes() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let result = Scene::with_url(port, url).probe(&act).await;
            assert_eq!(result, Err(ProbeError::Refused { port }), "{url}");
        }
    }

    /// Docker's proxy does this while a service starts.
    #[tokio::test]
    async fn a_connection_that_is_accepted_and_closed_is_no_answer() {
        for (url, act) in connecting_probes() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let scene = Scene::with_url(port, url);
            let close = async {
                loop {
                    drop(listener.accept().await);
                }
            };
            tokio::select! {
                result = scene.probe(&act) => {
                    assert!(matches!(result, Err(ProbeError::NoAnswer(_))), "{url}: {result:?}");
                }
                () = close => {}
            }
        }
    }

    #[tokio::test]
    async fn a_silent_server_ends_in_a_timeout() {
        let quick = Duration::from_millis(100);
        for (url, act) in connecting_probes() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let scene = Scene::with_url(port, url);
            let expected = match act {
                // A TCP probe reports silence as null.
                StepKind::Tcp(_) => Ok(Actual::value(Value::Null)),
                _ => Err(ProbeError::Timeout(quick)),
            };
            assert_eq!(scene.probe_within(&act, quick).await, expected, "{url}");
        }
    }

    #[tokio::test]
    async fn a_url_of_another_protocol_is_an_invalid_step() {
        for (_, act) in connecting_probes().into_iter().skip(2) {
            for url in [
                "mongodb+srv://x.example/x",
                "amqps://localhost/x",
                "nonsense",
            ] {
                let result = Scene::with_url(1, url).probe(&act).await;
                assert!(
                    matches!(result, Err(ProbeError::InvalidStep(_))),
                    "{url}: {result:?}"
                );
            }
            let result = Scene::new(Double::default(), 1).probe(&act).await;
            let expected = "`db` has no url; add `url` to its `x-roadlab`";
            assert_eq!(result.unwrap_err().to_string(), expected);
        }
    }

    #[tokio::test]
    async fn a_service_without_a_container_is_not_running() {
        let mut scene = Scene::new(Double::default(), 1);
        scene.addresses.clear();
        let exec = ExecProbe {
            service: Scene::service(),
            run: vec!["true".to_owned()],
            user: None,
            workdir: None,
            env: std::collections::BTreeMap::new(),
            input: None,
            format: OutputFormat::Text,
        };
        let log = LogProbe {
            service: Scene::service(),
            tail: 1,
        };
        let acts = connecting_probes().map(|(_, act)| act);
        for act in acts
            .into_iter()
            .chain([StepKind::Exec(exec), StepKind::Log(log)])
        {
            let expected = ProbeError::NotRunning {
                service: Scene::service(),
                heal: None,
            };
            assert_eq!(scene.probe(&act).await, Err(expected));
        }
    }

    #[tokio::test]
    async fn a_restart_is_not_a_probe() {
        let act = StepKind::Restart(Restart {
            service: Scene::service(),
            how: RestartMode::Stop,
        });
        let result = Scene::new(Double::default(), 1).probe(&act).await;
        assert!(matches!(result, Err(ProbeError::InvalidStep(_))));
    }
}
