//! Where a service answers, and the socket to it. Always 127.0.0.1: `localhost` may be another machine's idea.

use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::lab::{Presence, ServiceAddress, ServiceName};
use crate::probe::{ProbeError, Target};

/// The most that a server may send between two looks, in bytes. Answers are held to less; this bounds memory.
const FLOOD: usize = 16 << 20;

/// Where a service answers.
pub(super) fn address<'a, E>(
    target: &Target<'a, E>,
    service: &ServiceName,
) -> Result<&'a ServiceAddress, ProbeError> {
    let address = target.addresses.get(service);
    address.ok_or_else(|| {
        let known = target.lab.services.get(service);
        let must_be = known.is_some_and(|known| known.interface.presence == Presence::Required);
        // A lab that is up has a container of each service but those that may be left out.
        ProbeError::NoAnswer(match must_be {
            true => format!(
                "`{service}` was removed outside roadlab: `{}` makes it again",
                target.up
            ),
            false => format!("`{service}` is not running"),
        })
    })
}

/// The same for a service that must run to be dialled: one that publishes ports has them while it runs.
fn running<'a, E>(
    target: &Target<'a, E>,
    service: &ServiceName,
) -> Result<&'a ServiceAddress, ProbeError> {
    let address = address(target, service)?;
    match address.first.is_some() && address.ports.is_empty() {
        true => Err(ProbeError::NoAnswer(format!("`{service}` is not running"))),
        false => Ok(address),
    }
}

/// The published port of a container port, or of the service's first one.
pub(super) fn port<E>(
    target: &Target<'_, E>,
    service: &ServiceName,
    container: Option<u16>,
) -> Result<u16, ProbeError> {
    let address = running(target, service)?;
    address.port(container).ok_or_else(|| {
        ProbeError::CannotLook(match container {
            Some(port) => format!("`{service}` does not publish port {port}"),
            None => format!("`{service}` publishes no port"),
        })
    })
}

/// The port that a service's url names if it is one of its own, else its first one.
pub(super) fn url_port<E>(
    target: &Target<'_, E>,
    service: &ServiceName,
    named: Option<u16>,
) -> Result<u16, ProbeError> {
    let address = address(target, service)?;
    let own = named.filter(|named| address.ports.values().any(|port| port == named));
    own.map_or_else(|| port(target, service, None), Ok)
}

/// The service's url, which `sql`, `mongo` and `amqp` steps connect with.
pub(super) fn url<'a, E>(
    target: &Target<'a, E>,
    service: &ServiceName,
) -> Result<&'a str, ProbeError> {
    let url = running(target, service)?.url.as_deref();
    url.ok_or_else(|| {
        ProbeError::CannotLook(format!(
            "`{service}` has no url; add `url` to its `x-roadlab`"
        ))
    })
}

/// Connects to a published port of this machine.
pub(super) async fn dial(port: u16) -> Result<TcpStream, ProbeError> {
    let silent = |error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => ProbeError::Refused(port),
        _ => ProbeError::NoAnswer(format!("127.0.0.1:{port} does not answer: {error}")),
    };
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    let socket = socket.map_err(silent)?;
    socket.set_nodelay(true).map_err(silent)?;
    Ok(socket)
}

/// What a server may still send, in bytes.
#[derive(Clone, Default)]
pub(super) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    /// Grants the full amount anew, as before each look.
    pub(super) fn renew(&self) {
        self.0.store(FLOOD, Ordering::Relaxed);
    }

    /// Whether the server was cut off for sending too much.
    pub(super) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// A socket that stops reading when the server sends too much, and that is shut down only when the server has hung up.
pub(super) struct Capped {
    socket: TcpStream,
    allowance: Allowance,
    shut: bool,
}

impl Capped {
    pub(super) fn new(socket: TcpStream, allowance: &Allowance) -> Self {
        allowance.renew();
        Self {
            socket,
            allowance: allowance.clone(),
            shut: false,
        }
    }
}

impl AsyncRead for Capped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.allowance.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::other("the server sends more than it may")));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        let left = left.saturating_sub(buffer.filled().len() - before);
        self.allowance.0.store(left, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Capped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// A PostgreSQL backend still counts as using its database until it has hung up, so this waits for that.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.shut = true;
        }
        loop {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // It has hung up, in one way or the other.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_server_that_floods_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = dial(listener.local_addr().unwrap().port()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let flood = tokio::spawn(async move {
            let bytes = vec![b'x'; 1 << 20];
            while server.write_all(&bytes).await.is_ok() {}
        });
        let mut capped = Capped::new(socket, &Allowance::default());
        let mut seen = Vec::new();
        let error = capped.read_to_end(&mut seen).await.unwrap_err();
        assert_eq!(error.to_string(), "the server sends more than it may");
        assert!(seen.len() < FLOOD + (1 << 20));
        drop(capped);
        flood.await.unwrap();
    }

    #[tokio::test]
    async fn a_shutdown_waits_for_the_server_to_hang_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = dial(listener.local_addr().unwrap().port()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut capped = Capped::new(socket, &Allowance::default());
        let hang_up = async {
            let mut said = Vec::new();
            server.read_to_end(&mut said).await.unwrap();
            server.write_all(b"last words").await.unwrap();
            drop(server);
        };
        let (shut, ()) = tokio::join!(capped.shutdown(), hang_up);
        shut.unwrap();
    }

    #[tokio::test]
    async fn nobody_there_is_said_with_the_port() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let expected = format!("nothing listens at 127.0.0.1:{port}");
        assert_eq!(dial(port).await.unwrap_err().to_string(), expected);
    }
}
