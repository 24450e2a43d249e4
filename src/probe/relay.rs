//! A relay in front of a server, for client libraries that open their own sockets: it limits what the server may send.

use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::probe::dial::{LimitedStream, ReceiveLimit, dial};
use crate::probe::error::ProbeError;
use crate::text;

/// A local port that forwards to another local port. Dropping the relay closes all its connections.
pub(super) struct Relay {
    pub(super) port: u16,
    limit: ReceiveLimit,
    forwarding: JoinHandle<()>,
}

impl Relay {
    pub(super) async fn to(server: u16) -> Result<Self, ProbeError> {
        let cannot = |error: std::io::Error| {
            ProbeError::NoAnswer(text!("cannot open a local port: {reason}", reason = error))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(cannot)?;
        let port = listener.local_addr().map_err(cannot)?.port();
        let limit = ReceiveLimit::default();
        limit.reset();
        let granted = limit.clone();
        let forwarding = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(forward(client, server, granted.clone()));
                // Drops the connections that have ended.
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            port,
            limit,
            forwarding,
        })
    }

    /// Allows the full amount again, as before each probe.
    pub(super) fn reset(&self) {
        self.limit.reset();
    }

    /// Whether the server was cut off for sending too much.
    pub(super) fn is_exceeded(&self) -> bool {
        self.limit.is_exceeded()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

/// Forwards bytes in both directions until one side has closed the connection.
async fn forward(mut client: TcpStream, server: u16, limit: ReceiveLimit) {
    let Ok(server) = dial(server).await else {
        return;
    };
    let mut server = LimitedStream::new(server, &limit);
    // Without this, small requests are delayed by Nagle's algorithm.
    if client.set_nodelay(true).is_ok() {
        // After an error both sides see the end of the connection.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_and_the_end_are_forwarded_in_both_directions() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let relay = Relay::to(port).await.unwrap();
        let serve = async {
            let (mut server, _) = listener.accept().await.unwrap();
            let mut word = [0; 4];
            server.read_exact(&mut word).await.unwrap();
            assert_eq!(&word, b"ping");
            server.write_all(b"pong").await.unwrap();
        };
        let request = async {
            let mut client = dial(relay.port).await.unwrap();
            client.write_all(b"ping").await.unwrap();
            let mut received = Vec::new();
            client.read_to_end(&mut received).await.unwrap();
            received
        };
        let (received, ()) = tokio::join!(request, serve);
        assert_eq!(received, b"pong");
        assert!(!relay.is_exceeded());
    }

    #[tokio::test]
    async fn a_server_that_sends_too_much_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let relay = Relay::to(port).await.unwrap();
        let serve = async {
            let (mut server, _) = listener.accept().await.unwrap();
            let bytes = vec![b'x'; 1 << 20];
            let mut sent = 0;
            while server.write_all(&bytes).await.is_ok() {
                sent += bytes.len();
            }
            sent
        };
        let request = async {
            let mut client = dial(relay.port).await.unwrap();
            let mut received = Vec::new();
            // The end may be an error.
            let _ = client.read_to_end(&mut received).await;
            received.len()
        };
        let (received, sent) = tokio::join!(request, serve);
        assert!(relay.is_exceeded());
        assert!(
            received < 32 << 20 && sent < 64 << 20,
            "{received} of {sent}"
        );
        relay.reset();
        assert!(!relay.is_exceeded());
    }

    #[tokio::test]
    async fn a_dropped_relay_closes_its_port() {
        let relay = Relay::to(1).await.unwrap();
        let port = relay.port;
        drop(relay);
        // The port is free once the runtime has seen that.
        while TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    }
}
