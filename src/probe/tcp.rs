//! A bare TCP connection: who is there, and what they say first.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::clock;
use crate::expect::Actual;
use crate::lab::TcpProbe;
use crate::probe::dial::{dial, port};
use crate::probe::{ProbeError, Target, text};

/// How long a server may take to say its first words.
const PATIENCE: Duration = Duration::from_millis(150);

/// How long a pause ends its words.
const PAUSE: Duration = Duration::from_millis(10);

/// The most that is heard, in bytes.
const HEARD: u64 = 4096;

pub(super) async fn probe<E>(
    probe: &TcpProbe,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let port = port(target, &probe.service, probe.port)?;
    let mut socket = dial(port).await?;
    let words = probe.send.as_deref().unwrap_or_default();
    // A server that hung up is found when reading.
    let _ = socket.write_all(words.as_bytes()).await;
    let mut socket = socket.take(HEARD);
    let mut heard = Vec::new();
    let mut patience = PATIENCE.min(timeout / 2);
    loop {
        match clock::timeout(patience, socket.read_buf(&mut heard)).await {
            Err(_) if heard.is_empty() => return Ok(Actual::value(Value::Null)),
            Ok(Ok(0)) if heard.is_empty() => return Err(hung_up()),
            Ok(Err(error)) if heard.is_empty() => {
                return Err(match error.kind() {
                    io::ErrorKind::ConnectionReset => hung_up(),
                    _ => ProbeError::NoAnswer(format!("127.0.0.1:{port}: {error}")),
                });
            }
            Ok(Ok(1..)) => patience = PAUSE,
            Err(_) | Ok(Ok(0) | Err(_)) => return Ok(Actual::value(text(&heard))),
        }
    }
}

/// The engine's proxy takes connections before anybody listens behind it.
fn hung_up() -> ProbeError {
    ProbeError::NoAnswer("accepted and closed: nothing listens inside the container".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::StepKind;
    use crate::probe::double::{Double, Scene};
    use tokio::net::{TcpListener, TcpStream};

    /// Looks at a server that treats its one connection as told.
    async fn look_at<F: Future<Output = ()>>(
        send: Option<&str>,
        serve: impl FnOnce(TcpStream) -> F,
    ) -> Result<Actual, ProbeError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scene = Scene::new(Double::default(), listener.local_addr().unwrap().port());
        let act = StepKind::Tcp(TcpProbe {
            service: Scene::service(),
            port: None,
            send: send.map(str::to_owned),
        });
        let served = async { serve(listener.accept().await.unwrap().0).await };
        tokio::join!(scene.probe(&act), served).0
    }

    #[tokio::test]
    async fn the_value_is_what_the_server_says_first() {
        let seen = look_at(None, async |mut socket| {
            socket.write_all(b"220 hello ").await.unwrap();
            socket.write_all(b"there\r\n").await.unwrap();
            tokio::time::sleep(PATIENCE * 2).await;
        });
        assert_eq!(seen.await, Ok(Actual::value("220 hello there\r\n")));
    }

    #[tokio::test]
    async fn a_server_may_answer_what_was_sent() {
        let seen = look_at(Some("ping"), async |mut socket| {
            let mut said = [0; 4];
            socket.read_exact(&mut said).await.unwrap();
            socket.write_all(&said).await.unwrap();
        });
        assert_eq!(seen.await, Ok(Actual::value("ping")));
    }

    #[tokio::test]
    async fn silence_is_null_and_hanging_up_is_no_answer() {
        let seen = look_at(None, async |socket| {
            tokio::time::sleep(PATIENCE * 2).await;
            drop(socket);
        });
        assert_eq!(seen.await, Ok(Actual::value(Value::Null)));
        let seen = look_at(None, async |socket| drop(socket));
        assert_eq!(seen.await, Err(hung_up()));
    }

    #[tokio::test]
    async fn a_server_that_never_stops_is_cut() {
        let seen = look_at(None, async |mut socket| {
            let flood = vec![b'x'; 1 << 16];
            while socket.write_all(&flood).await.is_ok() {}
        });
        let value = seen.await.unwrap().value;
        assert_eq!(value.as_str().map(str::len), Some(4096));
    }
}
