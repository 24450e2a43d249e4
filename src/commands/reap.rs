//! The reaper's process, which `runner/reaper.rs` starts: it hears which runs there are until its socket ends, then sees to them.

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
use crate::runner::{Failure, READY, reap as see_to};

pub(crate) async fn reap(context: &Context) -> Result<Exit, Failure> {
    let mut terminated = detach()?;
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    let socket = socket.map(Socket::from).and_then(|socket| {
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket)
    });
    let socket = socket.map_err(|_| {
        Failure::Usage(crate::text::Text::verbatim(
            "roadlab starts this by itself".to_owned(),
        ))
    })?;
    let (lines, mut answer) = socket.into_split();
    // A program that is gone already is what we are for.
    let _ = answer.write_all(&[READY]).await;
    let mut lines = BufReader::new(lines).lines();
    let mut runs = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await {
        runs.extend(RunId::new(&line));
    }
    runs.sort();
    runs.dedup();
    let folder = context.paths.runs();
    let connect = async || {
        let connected = context.setup().connect_only().await;
        connected
            .map(|(engine, _)| Box::new(engine))
            .map_err(Failure::NoEngine)
    };
    let say = |line: &str| report::error(&sanitize(line));
    let leave = Notify::new();
    let seen_to = runs
        .iter()
        .map(|run| see_to(&folder, &context.owner, run, connect, &say, &leave));
    // A machine that shuts down asks everybody to end: whoever only waits for the clock does.
    let leaving = async {
        while terminated.recv().await.is_some() {
            leave.notify_waiters();
        }
    };
    tokio::select! {
        _ = join_all(seen_to) => {}
        () = leaving => {}
    }
    Ok(Exit::Success)
}

/// A session of our own, and no ear for what a terminal or its group is told: not Ctrl-C, not the terminal's hang-up. Returns
/// the signal to end, which does nothing by itself either.
fn detach() -> Result<Signal, Failure> {
    // Only a leader of a group cannot have a session of its own, and such a one was not started by us.
    let _ = rustix::process::setsid();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ] {
        // From the first listener on a signal does nothing by itself.
        let _ = signal(kind).map_err(|error| Failure::Other(error.into()))?;
    }
    signal(SignalKind::terminate()).map_err(|error| Failure::Other(error.into()))
}
