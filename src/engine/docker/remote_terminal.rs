//! A program in a container on a terminal whose screen and keyboard are elsewhere, such as on a web page.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

use super::output::{OutputEnd, pass_on};
use super::process_tag::{ProcessTag, ShellExit};
use super::terminal::{RESIZE_ATTEMPTS, RESIZE_INTERVAL, WAIT_FOR_SIZE, on_terminal};
use super::{Docker, READ_TIMEOUT, WRITE_TIMEOUT, errors};
use crate::engine::{ErrorKind, Result};
use crate::text;

/// The kind of terminal that programs see.
const TERM: &str = "TERM=xterm-256color";

/// The number of the signal that ends the programs of a terminal that is closed.
const HANGUP: u8 = 1;

/// How often, and how long after each other, a program that is to end is looked for.
const END_ATTEMPTS: u32 = 10;
const END_INTERVAL: Duration = Duration::from_millis(200);

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    pub rows: u16,
    pub columns: u16,
}

/// What goes to a program on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalInput {
    /// What was typed.
    Bytes(Vec<u8>),
    Resize(TerminalSize),
}

/// The terminal of a program, whose screen and keyboard are elsewhere.
pub struct RemoteTerminal<'a> {
    pub tag: &'a ProcessTag,
    pub size: TerminalSize,
    pub input: mpsc::Receiver<TerminalInput>,
    /// Notified when the terminal is closed, which ends the program.
    pub close: &'a Notify,
}

impl Docker {
    /// Runs a program, with variables of the form `NAME=value`, on a terminal until it ends or the terminal is closed. `on_output`
    /// gets what the program writes.
    ///
    /// Fails as [`ContainerExec::exec`](crate::engine::ContainerExec::exec) does, but with no timeout.
    pub async fn remote_shell(
        &self,
        container: &str,
        argv: &[String],
        env: &[String],
        mut terminal: RemoteTerminal<'_>,
        on_output: &dyn Fn(&[u8]),
    ) -> Result<ShellExit> {
        let mut waiting: Vec<String> = ["sh", "-c", WAIT_FOR_SIZE, "sh"].map(str::to_owned).into();
        waiting.extend(argv.iter().cloned());
        let ended = self
            .run_remotely(container, &waiting, env, &mut terminal, on_output)
            .await;
        match ended {
            // The image has no `sh`.
            Err(error) if error.kind == ErrorKind::NoProgram => {
                self.run_remotely(container, argv, env, &mut terminal, on_output)
                    .await
            }
            ended => ended,
        }
    }

    async fn run_remotely(
        &self,
        container: &str,
        argv: &[String],
        env: &[String],
        terminal: &mut RemoteTerminal<'_>,
        on_output: &dyn Fn(&[u8]),
    ) -> Result<ShellExit> {
        let operation = text!(
            "open `{program}` in container `{container}`",
            program = argv.first().map(String::as_str).unwrap_or_default(),
            container
        );
        let tag = terminal.tag;
        let env = [&[TERM.to_owned(), tag.variable()], env].concat();
        let id = self
            .create_exec(container, on_terminal(argv, env), &operation)
            .await?;
        let start = StartExecOptions {
            tty: true,
            ..Default::default()
        };
        let started = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.start_exec(&id, Some(start))
            })
            .await;
        let started = match started {
            Ok(started) => started,
            Err(error) => {
                // The engine may have started it without an answer in time.
                self.end_exec(container, &id, tag).await;
                return Err(error);
            }
        };
        let StartExecResults::Attached { output, input } = started else {
            return self.exit_code(&id, &operation).await.map(ShellExit::Ended);
        };
        let close = terminal.close;
        let ended = tokio::select! {
            ended = pass_on(output, on_output) => ended,
            never = self.pass_input(&id, terminal, input) => match never {},
            () = close.notified() => {
                self.end_exec(container, &id, tag).await;
                return Ok(ShellExit::Stopped(HANGUP));
            }
        };
        match ended {
            Ok(OutputEnd::Closed) => self.exit_code(&id, &operation).await.map(ShellExit::Ended),
            Ok(OutputEnd::NotStarted(reason)) => Err(errors::refused(&operation, None, &reason)),
            Err(error) => Err(self.translate(&operation, error)),
        }
    }

    /// Ends a program and all that it started. One that has not quite begun is waited for.
    async fn end_exec(&self, container: &str, id: &str, tag: &ProcessTag) {
        let operation = text!("end a program");
        for _ in 0..END_ATTEMPTS {
            let _ = self.kill_tagged(container, tag).await;
            let state = self.call(&operation, READ_TIMEOUT, |client| client.inspect_exec(id));
            match state.await {
                // It is not known as running before it has begun.
                Ok(state) if state.running == Some(true) || state.exit_code.is_none() => {
                    tokio::time::sleep(END_INTERVAL).await;
                }
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Passes input to a program. One that ended takes none, which is no error.
    async fn pass_input(
        &self,
        exec: &str,
        terminal: &mut RemoteTerminal<'_>,
        mut input: Pin<Box<dyn AsyncWrite + Send>>,
    ) -> Infallible {
        self.resize(exec, terminal.size).await;
        while let Some(next) = terminal.input.recv().await {
            match next {
                TerminalInput::Resize(new) => {
                    terminal.size = new;
                    self.resize(exec, new).await;
                }
                TerminalInput::Bytes(bytes) => {
                    let sent = input.write_all(&bytes).await;
                    if sent.is_err() || input.flush().await.is_err() {
                        break;
                    }
                }
            }
        }
        std::future::pending().await
    }

    /// Sets the size of a program's terminal. One that has not quite begun, or has just ended, has no size.
    async fn resize(&self, exec: &str, size: TerminalSize) {
        let operation = text!("resize the terminal");
        for _ in 0..RESIZE_ATTEMPTS {
            let options = ResizeExecOptions {
                width: size.columns,
                height: size.rows,
            };
            let resized = self.call(&operation, READ_TIMEOUT, |client| {
                client.resize_exec(exec, options)
            });
            match resized.await {
                Ok(()) => return,
                Err(_) => tokio::time::sleep(RESIZE_INTERVAL).await,
            }
        }
    }
}
