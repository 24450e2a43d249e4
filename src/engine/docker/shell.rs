//! A learner's shell in a container: the terminal is handed over, and comes back as it was.

use std::io::{self, IsTerminal, Write};
use std::pin::{Pin, pin};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as ClientError;
use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use crossterm::terminal;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::piped::REFUSAL;
use super::process_tag::{ProcessTag, ShellExit};
use super::{CHANGE, Docker, LOOK, errors, names};
use crate::engine::{EngineError, ErrorKind, Result};

/// The engine answers a moment before the program is there: so often, and so long apart, its size is told.
const RESIZES: usize = 20;
const RESIZE: Duration = Duration::from_millis(10);

/// An older engine begins with a terminal of no size, and a program that reads that may wait for the terminal's own answer or
/// draw for no columns. So the program begins once there is a size, where the container has the tools to see it.
const SIZED: &str = "i=0; while [ \"$(stty size 2>&1)\" = '0 0' ] && [ $i -lt 100 ]; do i=$((i+1)); done; exec \"$@\"";

impl Docker {
    /// Runs a program on the learner's own terminal until it ends or `stop` brings a signal.
    pub async fn shell(
        &self,
        container: &str,
        argv: &[String],
        stop: impl Future<Output = u8>,
    ) -> Result<ShellExit> {
        let mut stop = pin!(stop);
        let mut sized: Vec<String> = ["sh", "-c", SIZED, "sh"].map(str::to_owned).into();
        sized.extend(argv.iter().cloned());
        match self.shell_of(container, &sized, stop.as_mut()).await {
            // There is no `sh` in there.
            Err(error) if error.kind == ErrorKind::CannotRun => {
                self.shell_of(container, argv, stop).await
            }
            ended => ended,
        }
    }

    async fn shell_of(
        &self,
        container: &str,
        argv: &[String],
        stop: Pin<&mut impl Future<Output = u8>>,
    ) -> Result<ShellExit> {
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let what = format!("open `{program}` in container `{container}`");
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(EngineError::new(
                ErrorKind::Other,
                format!("cannot {what}: a shell needs a terminal"),
            ));
        }
        let lost = |error: io::Error| {
            EngineError::new(ErrorKind::Other, format!("cannot {what}: {error}"))
        };
        let mark = ProcessTag::new();
        let terminal = std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned());
        let terminal = format!("TERM={terminal}");
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(true),
            // The engine's own keys begin with Ctrl-P, which shells use: these nobody types.
            detach_keys: Some("ctrl-@,ctrl-_,ctrl-@".into()),
            env: Some(vec![terminal, mark.variable()]),
            cmd: Some(argv.to_vec()),
            ..Default::default()
        };
        let named = names::resource(container)?;
        let made = self.client.ask(|client| client.create_exec(named, config));
        let id = self.call(&what, LOOK, made).await?.id;
        let mut resized = signal(SignalKind::window_change()).map_err(lost)?;
        let keys = keyboard().map_err(lost)?;
        let start = StartExecOptions {
            tty: true,
            ..Default::default()
        };
        let started = self
            .client
            .ask(|client| client.start_exec(&id, Some(start)));
        let StartExecResults::Attached { output, input } =
            self.call(&what, CHANGE, started).await?
        else {
            return self.exit_code(&id, &what).await.map(ShellExit::Ended);
        };
        let raw = RawTerminal::enter().map_err(lost)?;
        let ended = tokio::select! {
            shown = show(output) => shown.map_err(|error| self.translate(&what, error)),
            error = type_in(keys, input) => Err(lost(error)),
            never = self.follow_size(&id, &mut resized) => match never {},
            signal = stop => {
                drop(raw);
                self.kill_tagged(container, &mark).await;
                return Ok(ShellExit::Stopped(signal));
            }
        };
        drop(raw);
        match ended? {
            None => self.exit_code(&id, &what).await.map(ShellExit::Ended),
            Some(reason) => Err(errors::refused(&what, None, &reason)),
        }
    }

    /// Tells the program the terminal's size, now and whenever it changes.
    async fn follow_size(&self, exec: &str, resized: &mut Signal) -> std::convert::Infallible {
        loop {
            for _ in 0..RESIZES {
                let Ok((width, height)) = terminal::size() else {
                    break;
                };
                let size = ResizeExecOptions { width, height };
                let resize = self.client.ask(|client| client.resize_exec(exec, size));
                // A program that has not quite begun, or has just ended, has no size.
                match self.call("resize", LOOK, resize).await {
                    Ok(()) => break,
                    Err(_) => tokio::time::sleep(RESIZE).await,
                }
            }
            if resized.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Copies a program's output to the terminal until it ends; returns the engine's reason if there was no program to run.
async fn show(
    mut output: impl Stream<Item = std::result::Result<LogOutput, ClientError>> + Unpin,
) -> std::result::Result<Option<String>, ClientError> {
    let mut first = true;
    while let Some(chunk) = output.next().await {
        let chunk = chunk?;
        if std::mem::take(&mut first) && chunk.as_ref().starts_with(REFUSAL) {
            return Ok(Some(String::from_utf8_lossy(chunk.as_ref()).into_owned()));
        }
        let mut screen = io::stdout().lock();
        screen.write_all(chunk.as_ref())?;
        screen.flush()?;
    }
    Ok(None)
}

/// Copies what is typed to the program; returns only if that fails.
async fn type_in(
    mut keys: pipe::Receiver,
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
) -> io::Error {
    let mut typed = [0; 4096];
    loop {
        let sent = match keys.read(&mut typed).await {
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

/// The terminal, opened once more to be read without blocking: a thread that waits in `read` would eat the first key
/// after the shell, and making standard input itself non-blocking would change it for everybody who shares it.
fn keyboard() -> io::Result<pipe::Receiver> {
    pipe::OpenOptions::new()
        .unchecked(true)
        .open_receiver("/dev/tty")
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
