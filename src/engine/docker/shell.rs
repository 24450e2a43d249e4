//! A learner's shell in a container: the terminal is handed over, and comes back as it was.

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error as ClientError;
use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use crossterm::terminal;
use futures_util::{Stream, StreamExt};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWrite, AsyncWriteExt, Interest};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CHANGE, Docker, LOOK, names};
use crate::engine::{EngineError, ErrorKind, Result};

impl Docker {
    /// Runs a program on the learner's own terminal until it ends; returns its exit code.
    pub(crate) async fn shell(
        &self,
        container: &str,
        argv: &[String],
        user: Option<&str>,
    ) -> Result<i64> {
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let what = format!("open `{program}` in container `{container}`");
        let stdin = io::stdin();
        if !stdin.is_terminal() || !io::stdout().is_terminal() {
            return Err(EngineError::new(
                ErrorKind::Other,
                format!("cannot {what}: a shell needs a terminal"),
            ));
        }
        let lost = |error: io::Error| {
            EngineError::new(ErrorKind::Other, format!("cannot {what}: {error}"))
        };
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(true),
            // The engine's own keys begin with Ctrl-P, which shells use: these nobody types.
            detach_keys: Some("ctrl-@,ctrl-_,ctrl-@".into()),
            env: Some(vec![format!(
                "TERM={}",
                std::env::var("TERM").as_deref().unwrap_or("xterm")
            )]),
            cmd: Some(argv.to_vec()),
            user: user.map(str::to_owned),
            ..Default::default()
        };
        let made = self.client.create_exec(names::resource(container)?, config);
        let id = self.call(&what, LOOK, made).await?.id;
        let mut resized = signal(SignalKind::window_change()).map_err(lost)?;
        let keys = AsyncFd::with_interest(stdin.as_fd(), Interest::READABLE).map_err(lost)?;
        let start = StartExecOptions {
            tty: true,
            ..Default::default()
        };
        let started = self.client.start_exec(&id, Some(start));
        let StartExecResults::Attached { output, input } =
            self.call(&what, CHANGE, started).await?
        else {
            return self.exit_code(&id, &what).await;
        };
        let raw = RawTerminal::enter().map_err(lost)?;
        let ended = tokio::select! {
            shown = show(output) => shown.map_err(|error| self.translate(&what, error)),
            error = type_in(&keys, input) => Err(lost(error)),
            never = self.follow_size(&id, &mut resized) => match never {},
        };
        drop(raw);
        ended?;
        self.exit_code(&id, &what).await
    }

    /// Tells the program the terminal's size, now and whenever it changes.
    async fn follow_size(&self, exec: &str, resized: &mut Signal) -> std::convert::Infallible {
        loop {
            if let Ok((width, height)) = terminal::size() {
                // A program that has just ended has no size.
                let size = ResizeExecOptions { width, height };
                let _ = self
                    .call("resize", LOOK, self.client.resize_exec(exec, size))
                    .await;
            }
            if resized.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Copies a program's output to the terminal until it ends.
async fn show(
    mut output: impl Stream<Item = std::result::Result<LogOutput, ClientError>> + Unpin,
) -> std::result::Result<(), ClientError> {
    while let Some(chunk) = output.next().await {
        let mut screen = io::stdout().lock();
        screen.write_all(chunk?.as_ref())?;
        screen.flush()?;
    }
    Ok(())
}

/// Copies what is typed to the program; returns only if that fails.
async fn type_in(
    keys: &AsyncFd<BorrowedFd<'_>>,
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
) -> io::Error {
    let mut typed = [0; 4096];
    loop {
        let sent = match read_keys(keys, &mut typed).await {
            // The terminal is gone; the program hears of it and ends.
            Ok(0) => match input.shutdown().await {
                Ok(()) => return std::future::pending().await,
                Err(error) => Err(error),
            },
            Ok(count) => input.write_all(&typed[..count]).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent.and(input.flush().await) {
            return error;
        }
    }
}

/// Reads what is there, without ever blocking: a thread that waits in `read` would eat the first key after the shell.
async fn read_keys(keys: &AsyncFd<BorrowedFd<'_>>, typed: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut ready = keys.readable().await?;
        let waiting =
            usize::try_from(rustix::io::ioctl_fionread(keys.get_ref())?).unwrap_or(usize::MAX);
        if waiting > 0 {
            let room = typed.len().min(waiting);
            return Ok(rustix::io::read(keys.get_ref(), &mut typed[..room])?);
        }
        if ready.ready().is_read_closed() {
            return Ok(0);
        }
        ready.clear_ready();
    }
}

/// A terminal that hands on every key as it is; dropping this puts it back.
struct RawTerminal;

impl RawTerminal {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode().map(|()| Self)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = terminal::disable_raw_mode();
    }
}
