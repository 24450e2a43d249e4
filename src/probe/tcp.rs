//! The `tcp` probe: connects and reads the first bytes that the server sends.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::clock;
use crate::expect::Actual;
use crate::lab::TcpProbe;
use crate::probe::address::port;
use crate::probe::dial::dial;
use crate::probe::error::ProbeError;
use crate::probe::limits::lossy_text;
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

/// How long a server may take to send its first bytes.
const FIRST_BYTES: Duration = Duration::from_millis(150);

/// The pause after which the server is taken to have sent everything.
const PAUSE: Duration = Duration::from_millis(10);

/// The most bytes that are read.
const MAX_LENGTH: u64 = 4096;

pub(super) async fn run<E>(
    probe: &TcpProbe,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let port = port(target, &probe.service, probe.port)?;
    let mut socket = dial(port).await?;
    let request = probe.send.as_deref().unwrap_or_default();
    // If the server has closed the connection, reading reports it.
    let _ = socket.write_all(request.as_bytes()).await;
    let mut socket = socket.take(MAX_LENGTH);
    let mut received = Vec::new();
    let mut wait = FIRST_BYTES.min(timeout / 2);
    loop {
        match clock::timeout(wait, socket.read_buf(&mut received)).await {
            Err(_) if received.is_empty() => return Ok(Actual::value(Value::Null)),
            Ok(Ok(0)) if received.is_empty() => return Err(closed()),
            Ok(Err(error)) if received.is_empty() => {
                return Err(match error.kind() {
                    io::ErrorKind::ConnectionReset => closed(),
                    _ => ProbeError::Unreachable {
                        port,
                        reason: Text::quotation(error.to_string()),
                    },
                });
            }
            Ok(Ok(1..)) => wait = PAUSE,
            Err(_) | Ok(Ok(0) | Err(_)) => return Ok(Actual::value(lossy_text(&received))),
        }
    }
}

/// Docker's proxy accepts connections before the service in the container listens.
fn closed() -> ProbeError {
    ProbeError::NoAnswer(text!(
        "the connection was accepted and closed: nothing listens inside the container"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::StepKind;
    use crate::probe::double::{Double, Scene};
    use tokio::net::{TcpListener, TcpStream};

    /// Probes a server that handles its only connection with `serve`.
    async fn probe_server<F: Future<Output = ()>>(
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
    async fn the_value_is_what_the_server_sends_first() {
        let result = probe_server(None, async |mut socket| {
            socket.write_all(b"220 hello ").await.unwrap();
            socket.write_all(b"there\r\n").await.unwrap();
            tokio::time::sleep(FIRST_BYTES * 2).await;
        });
        assert_eq!(result.await, Ok(Actual::value("220 hello there\r\n")));
    }

    #[tokio::test]
    async fn the_request_is_sent_and_answered() {
        let result = probe_server(Some("ping"), async |mut socket| {
            let mut request = [0; 4];
            socket.read_exact(&mut request).await.unwrap();
            socket.write_all(&request).await.unwrap();
        });
        assert_eq!(result.await, Ok(Actual::value("ping")));
    }

    #[tokio::test]
    async fn silence_is_null_and_a_closed_connection_is_an_error() {
        let result = probe_server(None, async |socket| {
            tokio::time::sleep(FIRST_BYTES * 2).await;
            drop(socket);
        });
        assert_eq!(result.await, Ok(Actual::value(Value::Null)));
        let result = probe_server(None, async |socket| drop(socket));
        assert_eq!(result.await, Err(closed()));
    }

    #[tokio::test]
    async fn the_bytes_of_a_server_that_never_stops_are_cut() {
        let result = probe_server(None, async |mut socket| {
            let flood = vec![b'x'; 1 << 16];
            while socket.write_all(&flood).await.is_ok() {}
        });
        let value = result.await.unwrap().value;
        assert_eq!(value.as_str().map(str::len), Some(4096));
    }
}
