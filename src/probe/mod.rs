//! Looking at services, each in its own protocol, from roadlab's own process.
//!
//! One file per protocol turns an act into an [`Actual`]. What holds of it is judged elsewhere. Services are dialled at
//! 127.0.0.1 only, within a deadline, and what they send is capped: a lab's server is a stranger.

mod amqp;
mod amqp_values;
mod dial;
mod exec;
mod file;
mod folder;
mod http;
mod kept;
mod log;
mod mongo;
mod redis;
mod relay;
mod sql;
mod sql_session;
mod sql_values;
mod tcp;

#[cfg(test)]
mod double;

use std::time::Duration;

use serde_json::Value;

use crate::engine::{Engine, EngineError, ErrorKind, clock};
use crate::expect::Actual;
use crate::lab::{Addresses, Lab, ServiceName, StepKind};

pub use kept::Connections;

/// The most that one look takes of what a service says, in bytes.
const MOST: usize = 1 << 20;

/// What probes need to know of a running lab.
pub struct Target<'a, E> {
    pub engine: &'a E,
    pub lab: &'a Lab,
    /// The command that brings the lab up.
    pub up: String,
    /// Where each running service answers.
    pub addresses: &'a Addresses,
    /// The learner's folder, if the lab has one.
    pub workspace: Option<&'a std::path::Path>,
    /// Kept open between looks.
    pub connections: &'a Connections,
}

/// Nothing could be seen, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Nobody answers, or what answers does not speak the protocol.
    #[error("{0}")]
    NoAnswer(String),
    /// Nothing listens at this port of 127.0.0.1.
    #[error("nothing listens at 127.0.0.1:{0}")]
    Refused(u16),
    /// The look itself cannot be made: no such program, a bad request.
    #[error("{0}")]
    CannotLook(String),
    /// It took longer than the step allows.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// Looks once, for at most `timeout`. A restart is no look: the runner does it.
pub async fn probe<E: Engine>(
    act: &StepKind,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let looking = async {
        match act {
            StepKind::Redis(probe) => redis::probe(probe, target).await.and_then(within_bounds),
            StepKind::Exec(probe) => exec::probe(probe, target, timeout).await,
            StepKind::Http(probe) => http::probe(probe, target).await,
            StepKind::Tcp(probe) => tcp::probe(probe, target, timeout).await,
            StepKind::Log(probe) => log::probe(probe, target, timeout).await,
            StepKind::File(probe) => file::probe(probe, target, timeout).await,
            StepKind::Sql(probe) => sql::probe(probe, target).await.and_then(within_bounds),
            StepKind::Mongo(probe) => {
                let looking = Box::pin(mongo::probe(probe, target, timeout));
                looking.await.and_then(within_bounds)
            }
            StepKind::Amqp(probe) => {
                let looking = Box::pin(amqp::probe(probe, target));
                looking.await.and_then(within_bounds)
            }
            StepKind::Restart(probe) => Err(ProbeError::CannotLook(format!(
                "restarting `{}` is not a look",
                probe.service
            ))),
        }
    };
    match clock::timeout(timeout, looking).await {
        Ok(seen) => seen,
        Err(_) => Err(ProbeError::TimedOut(timeout)),
    }
}

/// Refuses an answer that is larger than a check can mean.
fn within_bounds(actual: Actual) -> Result<Actual, ProbeError> {
    match size(&actual.value) {
        0..=MOST => Ok(actual),
        _ => Err(too_large()),
    }
}

fn too_large() -> ProbeError {
    ProbeError::CannotLook("the answer is larger than 1 MiB; ask for less of it".to_owned())
}

/// Roughly the bytes that a value takes.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.iter().map(|(k, v)| k.len() + size(v)).sum(),
    }
}

/// An engine's error about a service's container, as a look reports it.
fn unseen(service: &ServiceName, error: EngineError, timeout: Duration) -> ProbeError {
    match error.kind {
        ErrorKind::NotRunning if error.message.contains("paused") => {
            ProbeError::NoAnswer(format!("`{service}` is paused"))
        }
        ErrorKind::NotRunning | ErrorKind::NotFound => {
            ProbeError::NoAnswer(format!("`{service}` is not running"))
        }
        ErrorKind::Timeout => ProbeError::TimedOut(timeout),
        _ => ProbeError::CannotLook(error.message),
    }
}

/// Bytes as text; what is not UTF-8 is replaced, what is too long is cut.
fn text(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(MOST)];
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::double::{Double, Scene};
    use super::*;
    use crate::lab::{
        AmqpOperation, AmqpProbe, ExecProbe, LogProbe, MongoProbe, RedisProbe, Restart,
        RestartMode, SqlProbe, SqlText, TcpProbe,
    };
    use tokio::net::TcpListener;

    /// One look of each kind that connects, with the url it needs.
    fn connecting_looks() -> [(&'static str, StepKind); 5] {
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
    async fn nobody_there_is_no_answer() {
        for (url, act) in connecting_looks() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let seen = Scene::with_url(port, url).probe(&act).await;
            assert_eq!(seen, Err(ProbeError::Refused(port)), "{url}");
        }
    }

    /// As the engine's proxy does while a service starts.
    #[tokio::test]
    async fn accepted_and_closed_at_once_is_no_answer() {
        for (url, act) in connecting_looks() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let scene = Scene::with_url(port, url);
            let hang_up = async {
                loop {
                    drop(listener.accept().await);
                }
            };
            tokio::select! {
                seen = scene.probe(&act) => {
                    assert!(matches!(seen, Err(ProbeError::NoAnswer(_))), "{url}: {seen:?}");
                }
                () = hang_up => {}
            }
        }
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up_in_time() {
        let quick = Duration::from_millis(100);
        for (url, act) in connecting_looks() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let scene = Scene::with_url(port, url);
            let expected = match act {
                // Bare TCP says nothing either.
                StepKind::Tcp(_) => Ok(Actual::value(Value::Null)),
                _ => Err(ProbeError::TimedOut(quick)),
            };
            assert_eq!(scene.probe_within(&act, quick).await, expected, "{url}");
        }
    }

    #[tokio::test]
    async fn a_url_of_another_kind_is_refused() {
        for (_, act) in connecting_looks().into_iter().skip(2) {
            for url in [
                "mongodb+srv://x.example/x",
                "amqps://localhost/x",
                "nonsense",
            ] {
                let seen = Scene::with_url(1, url).probe(&act).await;
                assert!(
                    matches!(seen, Err(ProbeError::CannotLook(_))),
                    "{url}: {seen:?}"
                );
            }
            let seen = Scene::new(Double::default(), 1).probe(&act).await;
            let expected = "`db` has no url; add `url` to its `x-roadlab`";
            assert_eq!(seen, Err(ProbeError::CannotLook(expected.to_owned())));
        }
    }

    #[tokio::test]
    async fn a_service_that_is_not_up_has_no_address() {
        let mut scene = Scene::new(Double::default(), 1);
        scene.addresses.clear();
        let exec = ExecProbe {
            service: Scene::service(),
            run: vec!["true".to_owned()],
            user: None,
            workdir: None,
            env: std::collections::BTreeMap::new(),
        };
        let log = LogProbe {
            service: Scene::service(),
            tail: 1,
        };
        let acts = connecting_looks().map(|(_, act)| act);
        for act in acts
            .into_iter()
            .chain([StepKind::Exec(exec), StepKind::Log(log)])
        {
            let expected = "`db` is not running".to_owned();
            assert_eq!(scene.probe(&act).await, Err(ProbeError::NoAnswer(expected)));
        }
    }

    #[tokio::test]
    async fn a_restart_is_no_look() {
        let act = StepKind::Restart(Restart {
            service: Scene::service(),
            how: RestartMode::Stop,
        });
        let seen = Scene::new(Double::default(), 1).probe(&act).await;
        assert!(matches!(seen, Err(ProbeError::CannotLook(_))));
    }

    #[test]
    fn an_answer_may_be_large_but_not_huge() {
        let list = |count: usize| Actual::value(vec![Value::from("x".repeat(1024)); count]);
        assert!(within_bounds(list(1000)).is_ok());
        assert!(matches!(
            within_bounds(list(1025)),
            Err(ProbeError::CannotLook(_))
        ));
    }

    #[test]
    fn an_engine_error_tells_of_the_service() {
        #[track_caller]
        fn check(kind: ErrorKind, message: &str, expected: &str) {
            let service = ServiceName::new("db").unwrap();
            let error = EngineError::new(kind, message);
            let unseen = unseen(&service, error, Duration::from_millis(250));
            assert_eq!(unseen.to_string(), expected);
        }
        check(ErrorKind::NotRunning, "exited", "`db` is not running");
        check(ErrorKind::NotRunning, "x is paused", "`db` is paused");
        check(ErrorKind::NotFound, "gone", "`db` is not running");
        check(ErrorKind::Timeout, "slow", "no answer within 250 ms");
        check(
            ErrorKind::CannotRun,
            "no program `x`; is it in the image?",
            "no program `x`; is it in the image?",
        );
    }
}
