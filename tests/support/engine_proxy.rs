//! A proxy in front of the engine, for tests of an engine that hangs or disappears.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::engine_lab::EngineLab;

/// How often a stream checks whether it may go on.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A proxy of the engine that can hang, be closed and opened again.
pub(crate) struct EngineProxy {
    pub(crate) path: String,
    engine: String,
    hangs: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
}

impl EngineProxy {
    pub(crate) fn open(lab: &EngineLab) -> Self {
        let proxy = Self {
            path: lab.copy.path("engine.sock").display().to_string(),
            engine: lab.socket.clone(),
            hangs: Arc::default(),
            closed: Arc::default(),
        };
        proxy.listen();
        proxy
    }

    fn listen(&self) {
        let listener = UnixListener::bind(&self.path).expect("the copy is writable");
        let (engine, hangs, closed) =
            (self.engine.clone(), self.hangs.clone(), self.closed.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let server = UnixStream::connect(&engine).expect("the engine listens");
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone(), to.try_clone());
                    let (from, to) = (from.expect("a socket"), to.expect("a socket"));
                    let (hangs, closed) = (hangs.clone(), closed.clone());
                    thread::spawn(move || copy(from, to, &hangs, &closed));
                }
            }
        });
    }

    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    /// Stops listening and closes all connections.
    pub(crate) fn close(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = UnixStream::connect(&self.path);
        std::fs::remove_file(&self.path).expect("the copy is writable");
    }

    pub(crate) fn reopen(&mut self) {
        self.closed = Arc::default();
        self.listen();
    }
}

/// Copies bytes one way until one end or the proxy is closed.
fn copy(mut from: UnixStream, mut to: UnixStream, hangs: &AtomicBool, closed: &AtomicBool) {
    from.set_read_timeout(Some(POLL_INTERVAL))
        .expect("a socket");
    let mut bytes = [0; 65536];
    while !closed.load(Ordering::SeqCst) {
        if hangs.load(Ordering::SeqCst) {
            thread::sleep(POLL_INTERVAL);
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => {
                if to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
    if closed.load(Ordering::SeqCst) {
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    }
}
