//! A shell in a container on the user's terminal, which is restored afterwards.

use std::io::{self, IsTerminal};
use std::pin::{Pin, pin};
use std::time::Duration;

use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use crossterm::terminal;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::images::file_error;
use super::output::{CopyError, OutputEnd, OutputWriter, copy};
use super::process_tag::{ProcessTag, ShellExit};
use super::{Docker, READ_TIMEOUT, WRITE_TIMEOUT, errors};
use crate::engine::{EngineError, ErrorKind, Result};
use crate::text;

/// The engine answers a moment before the program exists: how often its size is set, and how far apart.
pub(super) const RESIZE_ATTEMPTS: usize = 20;
pub(super) const RESIZE_INTERVAL: Duration = Duration::from_millis(10);

/// The size of a terminal that does not know its own: columns and rows.
const DEFAULT_SIZE: (u16, u16) = (80, 24);

/// Waits until the terminal has a size before it starts the program. An older engine starts with none, and a program
/// that reads that would wait for an answer of the terminal or draw for no columns. Needs `stty` in the container.
pub(super) const WAIT_FOR_SIZE: &str = "i=0; while [ \"$(stty size 2>&1)\" = '0 0' ] && [ $i -lt 100 ]; do i=$((i+1)); done; exec \"$@\"";

impl Docker {
    /// Runs a program, with variables of the form `NAME=value`, on the user's own terminal until it ends or `stop` returns the number of a signal.
    ///
    /// Fails as [`ContainerExec::exec`](crate::engine::ContainerExec::exec) does, but with no timeout.
    pub async fn shell(
        &self,
        container: &str,
        argv: &[String],
        env: &[String],
        tag: &ProcessTag,
        stop: impl Future<Output = u8>,
    ) -> Result<ShellExit> {
        let mut stop = pin!(stop);
        let mut waiting: Vec<String> = ["sh", "-c", WAIT_FOR_SIZE, "sh"].map(str::to_owned).into();
        waiting.extend(argv.iter().cloned());
        let ended = self
            .run_on_terminal(container, &waiting, env, tag, stop.as_mut())
            .await;
        match ended {
            // The image has no `sh`.
            Err(error) if error.kind == ErrorKind::NoProgram => {
                self.run_on_terminal(container, argv, env, tag, stop).await
            }
            ended => ended,
        }
    }

    async fn run_on_terminal(
        &self,
        container: &str,
        argv: &[String],
        env: &[String],
        tag: &ProcessTag,
        stop: Pin<&mut impl Future<Output = u8>>,
    ) -> Result<ShellExit> {
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let operation = text!(
            "open `{program}` in container `{container}`",
            program,
            container
        );
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(
                EngineError::new(ErrorKind::Other, text!("a shell needs a terminal"))
                    .during(&operation),
            );
        }
        let failed = |error: io::Error| file_error(&operation, &error);
        let terminal = std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned());
        let terminal = format!("TERM={terminal}");
        let config = on_terminal(argv, [&[terminal, tag.variable()], env].concat());
        let id = self.create_exec(container, config, &operation).await?;
        let mut resized = signal(SignalKind::window_change()).map_err(failed)?;
        let keys = keyboard().map_err(failed)?;
        let writer = OutputWriter::standard().map_err(failed)?;
        let start = StartExecOptions {
            tty: true,
            ..Default::default()
        };
        let started = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.start_exec(&id, Some(start))
            })
            .await?;
        let StartExecResults::Attached { output, input } = started else {
            return self.exit_code(&id, &operation).await.map(ShellExit::Ended);
        };
        let raw = RawTerminal::enter().map_err(failed)?;
        let ended = tokio::select! {
            copied = copy(output, writer) => copied,
            error = pass_keys(keys, input) => Err(CopyError::Write(error)),
            never = self.follow_size(&id, &mut resized) => match never {},
            signal = stop => {
                drop(raw);
                let _ = self.kill_tagged(container, tag).await;
                return Ok(ShellExit::Stopped(signal));
            }
        };
        drop(raw);
        match ended {
            Ok(OutputEnd::Closed) => self.exit_code(&id, &operation).await.map(ShellExit::Ended),
            Ok(OutputEnd::NotStarted(reason)) => Err(errors::refused(&operation, None, &reason)),
            Err(CopyError::Engine(error)) => Err(self.translate(&operation, error)),
            Err(CopyError::Write(error)) => Err(failed(error)),
        }
    }

    /// Sets the program's terminal to the size of the user's, now and whenever that changes.
    async fn follow_size(&self, exec: &str, resized: &mut Signal) -> std::convert::Infallible {
        let operation = text!("resize the terminal");
        loop {
            for _ in 0..RESIZE_ATTEMPTS {
                let Ok(size) = terminal::size() else {
                    break;
                };
                let (width, height) = usable_size(size);
                let size = ResizeExecOptions { width, height };
                let resize = self
                    .call(&operation, READ_TIMEOUT, |client| {
                        client.resize_exec(exec, size)
                    })
                    .await;
                // A program that has not quite begun, or has just ended, has no size.
                match resize {
                    Ok(()) => break,
                    Err(_) => tokio::time::sleep(RESIZE_INTERVAL).await,
                }
            }
            if resized.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Returns the settings of a program on a terminal.
pub(super) fn on_terminal(argv: &[String], env: Vec<String>) -> ExecConfig {
    ExecConfig {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(true),
        // The engine's default begins with Ctrl-P, which shells use; this sequence is never typed.
        detach_keys: Some("ctrl-@,ctrl-_,ctrl-@".into()),
        env: Some(env),
        cmd: Some(argv.to_vec()),
        ..Default::default()
    }
}

/// Returns the size for the program's terminal. One without a size, such as that of `script` behind a pipe, would make the program
/// query the terminal for it and wait for an answer that never comes.
fn usable_size((width, height): (u16, u16)) -> (u16, u16) {
    match (width, height) {
        (0, _) | (_, 0) => DEFAULT_SIZE,
        known => known,
    }
}

/// Passes what is typed to the program; returns only if that fails.
async fn pass_keys(
    mut keys: pipe::Receiver,
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
) -> io::Error {
    let mut typed = [0; 4096];
    loop {
        let sent = match keys.read(&mut typed).await {
            // The terminal is gone; the program reads the end of its input and ends.
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

/// Opens the terminal once more to read it without blocking: a thread that waits in `read` would take the first key
/// after the shell, and making standard input itself non-blocking would change it for all programs that share it.
fn keyboard() -> io::Result<pipe::Receiver> {
    pipe::OpenOptions::new()
        .unchecked(true)
        .open_receiver("/dev/tty")
}

/// A terminal that passes every key unchanged; dropping this restores it.
struct RawTerminal;

impl RawTerminal {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode().map(|()| Self)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Fails only if the terminal is gone.
        let _ = terminal::disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_without_a_size_gets_the_usual_one() {
        assert_eq!(usable_size((120, 40)), (120, 40));
        assert_eq!(usable_size((0, 0)), DEFAULT_SIZE);
        assert_eq!(usable_size((80, 0)), DEFAULT_SIZE);
    }
}
