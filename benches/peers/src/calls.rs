//! Counts the calls of the engine's API that a program makes, between the program and the engine's socket.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::api;

/// A socket that passes everything on to the engine's.
pub(crate) struct Counter {
    _folder: TempDir,
    socket: PathBuf,
    count: Arc<AtomicUsize>,
}

impl Counter {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket)?;
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || pass_on(&client, &counted));
            }
        });
        Ok(Self {
            _folder: folder,
            socket,
            count,
        })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn reset(&self) {
        self.count.store(0, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn pass_on(client: &UnixStream, count: &AtomicUsize) {
    let Ok(engine) = UnixStream::connect(api::socket()) else {
        return;
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            copy(&engine, client, |_| ());
        });
        copy(client, &engine, |bytes| {
            if begins_request(bytes) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
}

/// Passes on what one side says until it has said all.
fn copy(mut from: &UnixStream, mut to: &UnixStream, mut inspect: impl FnMut(&[u8])) {
    let mut bytes = [0; 65536];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        inspect(&bytes[..length]);
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    // The other side may have hung up already.
    let _ = to.shutdown(Shutdown::Write);
}

/// Whether a piece of the stream begins a request. A client waits for the answer before the next one, so that each begins a piece.
fn begins_request(bytes: &[u8]) -> bool {
    let methods = ["GET /", "POST /", "PUT /", "DELETE /", "HEAD /"];
    methods
        .iter()
        .any(|method| bytes.starts_with(method.as_bytes()))
}
