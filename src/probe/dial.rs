//! Sockets to published ports, limited in what a server may send.

use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::probe::error::ProbeError;
use crate::text::Text;

/// The most bytes that a server may send during one probe. Answers are held to less; this bounds the memory of clients that
/// read whatever length a server announces.
const MAX_RECEIVED: usize = 16 << 20;

/// Connects to a published port.
pub(super) async fn dial(port: u16) -> Result<TcpStream, ProbeError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => ProbeError::Refused { port },
        _ => ProbeError::Unreachable {
            port,
            reason: Text::quotation(error.to_string()),
        },
    };
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    let socket = socket.map_err(failed)?;
    socket.set_nodelay(true).map_err(failed)?;
    Ok(socket)
}

/// How many bytes a server may still send.
#[derive(Clone, Default)]
pub(super) struct ReceiveLimit(Arc<AtomicUsize>);

impl ReceiveLimit {
    /// Allows the full amount again, as before each probe.
    pub(super) fn reset(&self) {
        self.0.store(MAX_RECEIVED, Ordering::Relaxed);
    }

    /// Whether the server was cut off for sending too much.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// A socket that fails when the server sends too much, and whose shutdown waits until the server has closed its side.
pub(super) struct LimitedStream {
    socket: TcpStream,
    limit: ReceiveLimit,
    shut: bool,
}

impl LimitedStream {
    pub(super) fn new(socket: TcpStream, limit: &ReceiveLimit) -> Self {
        limit.reset();
        Self {
            socket,
            limit: limit.clone(),
            shut: false,
        }
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.limit.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::other("the server sends more than it may")));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        let left = left.saturating_sub(buffer.filled().len() - before);
        self.limit.0.store(left, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LimitedStream {
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

    /// Waits until the server has closed its side: until then a PostgreSQL backend counts as using its database.
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
                // The server has closed the connection.
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
    async fn a_server_that_sends_too_much_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = dial(listener.local_addr().unwrap().port()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let flood = tokio::spawn(async move {
            let bytes = vec![b'x'; 1 << 20];
            while server.write_all(&bytes).await.is_ok() {}
        });
        let mut stream = LimitedStream::new(socket, &ReceiveLimit::default());
        let mut seen = Vec::new();
        let error = stream.read_to_end(&mut seen).await.unwrap_err();
        assert_eq!(error.to_string(), "the server sends more than it may");
        assert!(seen.len() < MAX_RECEIVED + (1 << 20));
        drop(stream);
        flood.await.unwrap();
    }

    #[tokio::test]
    async fn a_shutdown_waits_until_the_server_has_closed_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = dial(listener.local_addr().unwrap().port()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut stream = LimitedStream::new(socket, &ReceiveLimit::default());
        let close = async {
            let mut received = Vec::new();
            server.read_to_end(&mut received).await.unwrap();
            server.write_all(b"last words").await.unwrap();
            drop(server);
        };
        let (shut, ()) = tokio::join!(stream.shutdown(), close);
        shut.unwrap();
    }

    #[tokio::test]
    async fn a_refused_connection_is_reported_with_its_port() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let expected = format!("nothing listens at 127.0.0.1:{port}");
        let error = dial(port).await.unwrap_err();
        assert!(matches!(error, ProbeError::Refused { port: refused } if refused == port));
        assert_eq!(error.to_string(), expected);
    }
}
