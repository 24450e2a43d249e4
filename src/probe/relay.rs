//! A way to a server for clients that dial themselves: it is cut when the server sends more than it may.

use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::probe::ProbeError;
use crate::probe::dial::{Allowance, Capped, dial};

/// A port of our own that leads to another port of this machine. Dropping it cuts all connections.
pub(super) struct Relay {
    pub(super) port: u16,
    allowance: Allowance,
    carrying: JoinHandle<()>,
}

impl Relay {
    pub(super) async fn to(server: u16) -> Result<Self, ProbeError> {
        let cannot =
            |error: std::io::Error| ProbeError::CannotLook(format!("no free port: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(cannot)?;
        let port = listener.local_addr().map_err(cannot)?.port();
        let allowance = Allowance::default();
        allowance.renew();
        let granted = allowance.clone();
        let carrying = tokio::spawn(async move {
            let mut ways = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                ways.spawn(carry(client, server, granted.clone()));
                // Those that have ended.
                while ways.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            port,
            allowance,
            carrying,
        })
    }

    /// Grants the full amount anew, as before each look.
    pub(super) fn renew(&self) {
        self.allowance.renew();
    }

    /// Whether the server was cut off for sending too much.
    pub(super) fn is_spent(&self) -> bool {
        self.allowance.is_spent()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// Carries bytes both ways until one side has hung up.
async fn carry(mut client: TcpStream, server: u16, allowance: Allowance) {
    let Ok(server) = dial(server).await else {
        return;
    };
    let mut server = Capped::new(server, &allowance);
    // Without this, small requests would wait for one another.
    if client.set_nodelay(true).is_ok() {
        // Both sides hear of an error by the connection's end.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn what_is_said_is_carried_both_ways_and_so_is_the_end() {
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
        let ask = async {
            let mut client = dial(relay.port).await.unwrap();
            client.write_all(b"ping").await.unwrap();
            let mut said = Vec::new();
            client.read_to_end(&mut said).await.unwrap();
            said
        };
        let (said, ()) = tokio::join!(ask, serve);
        assert_eq!(said, b"pong");
        assert!(!relay.is_spent());
    }

    #[tokio::test]
    async fn a_server_that_floods_is_cut_off() {
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
        let ask = async {
            let mut client = dial(relay.port).await.unwrap();
            let mut said = Vec::new();
            // An end or an error: what matters is that it comes.
            let _ = client.read_to_end(&mut said).await;
            said.len()
        };
        let (heard, sent) = tokio::join!(ask, serve);
        assert!(relay.is_spent());
        assert!(heard < 32 << 20 && sent < 64 << 20, "{heard} of {sent}");
        relay.renew();
        assert!(!relay.is_spent());
    }

    #[tokio::test]
    async fn dropped_it_is_gone() {
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
