//! Whether a TCP port of this machine is free. Nothing else about ports is decided here.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::clock;

/// A server on this machine accepts a connection at once.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// Returns whether nothing accepts connections at this port of 127.0.0.1: no listener, and no forwarding rule of the
/// kernel, such as those of an engine without a proxy.
pub async fn is_port_free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    match TcpListener::bind(address).await.map(drop) {
        // The engine may bind low ports even if this user may not.
        Err(error) if error.kind() != ErrorKind::PermissionDenied => false,
        Ok(()) | Err(_) => !accepts(address).await,
    }
}

async fn accepts(address: (Ipv4Addr, u16)) -> bool {
    let connected = clock::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    matches!(connected, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net;

    #[tokio::test]
    async fn port_is_free_unless_it_is_listened_on() {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_port_free(port).await);
        drop(listener);
        assert!(is_port_free(port).await);
    }
}
