//! Whether a port of this machine can be had.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// A server of this machine takes a call at once.
const CALL: Duration = Duration::from_millis(200);

/// Whether nobody is at this port of 127.0.0.1: no listener, and nobody whom the kernel forwards calls to, as it does for an
/// engine without a proxy.
pub fn is_port_free(port: u16) -> bool {
    let place = (Ipv4Addr::LOCALHOST, port);
    match TcpListener::bind(place).map(drop) {
        // Low ports are not for everybody; the engine may have them.
        Err(error) if error.kind() != ErrorKind::PermissionDenied => false,
        Ok(()) | Err(_) => TcpStream::connect_timeout(&place.into(), CALL).is_err(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_unless_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_port_free(port));
        drop(listener);
        assert!(is_port_free(port));
    }
}
