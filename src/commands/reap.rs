//! The process of the reaper, which `runner/run_guard.rs` starts: receives runs on its socket until that closes, then removes
//! those that were not kept.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as Socket;

use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::RunId;
use crate::report::{self, sanitize};
use crate::runner::{Failure, READY, reap as reap_run};
use crate::text;

pub(crate) async fn reap(context: &Context) -> Result<Exit, Failure> {
    let mut terminate = detach()?;
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    let socket = socket.map(Socket::from).and_then(|socket| {
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket)
    });
    let socket =
        socket.map_err(|_| Failure::Usage(text!("only roadlab itself runs this command")))?;
    let (lines, mut answer) = socket.into_split();
    // If the program has ended already, its runs are removed all the same.
    let _ = answer.write_all(&[READY]).await;
    let mut lines = BufReader::new(lines).lines();
    let mut runs = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await {
        runs.extend(RunId::new(&line));
    }
    runs.sort();
    runs.dedup();
    let folder = context.app.paths.runs();
    let connect = async || {
        let connected = context.app.setup().existing_engine().await;
        connected
            .map(|(engine, _)| Box::new(engine))
            .map_err(Failure::NoEngine)
    };
    let log = |line: &str| report::error(&sanitize(line));
    let leave = Notify::new();
    let reaping = runs
        .iter()
        .map(|run| reap_run(&folder, &context.app.owner, run, connect, &log, &leave));
    // When the machine shuts down, a reaper that only waits for a time ends.
    let terminated = async {
        while terminate.recv().await.is_some() {
            leave.notify_waiters();
        }
    };
    tokio::select! {
        _ = join_all(reaping) => {}
        () = terminated => {}
    }
    Ok(Exit::Success)
}

/// Starts a session of its own, and ignores the signals of a terminal and of its process group. Returns SIGTERM, which is
/// handled by the caller.
fn detach() -> Result<Signal, Failure> {
    // Only the leader of a process group cannot start a session, and roadlab does not start the reaper as one.
    let _ = rustix::process::setsid();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ] {
        // The first listener replaces the signal's default action for good.
        let _ = signal(kind).map_err(|error| Failure::Other(error.into()))?;
    }
    signal(SignalKind::terminate()).map_err(|error| Failure::Other(error.into()))
}
