//! A program in a container without a terminal: standard input goes in, both outputs come out, apart and as they come.

use std::convert::Infallible;
use std::io::{self, ErrorKind as IoError, Write};
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error as ClientError;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::process_tag::{ProcessTag, ShellExit};
use super::{CHANGE, Docker, LOOK, errors, names};
use crate::engine::{EngineError, ErrorKind, Input, Result};

/// 128 and SIGPIPE: nobody reads the output any more.
const NOBODY_READS: i64 = 141;
/// What the engine says as if it were the program, if there is none.
pub(super) const REFUSAL: &[u8] = b"OCI runtime exec failed";

impl Docker {
    /// Runs a program on this process's standard streams until it ends, nobody reads it any more, or `stop` brings a signal.
    pub async fn run_piped(
        &self,
        container: &str,
        argv: &[String],
        stdin: Input,
        stop: impl Future<Output = u8>,
    ) -> Result<ShellExit> {
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let what = format!("run `{program}` in container `{container}`");
        let mark = ProcessTag::new();
        let config = ExecConfig {
            attach_stdin: Some(stdin == Input::Passed),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv.to_vec()),
            env: Some(vec![mark.variable()]),
            ..Default::default()
        };
        let named = names::resource(container)?;
        let made = self.client.ask(|client| client.create_exec(named, config));
        let id = self.call(&what, LOOK, made).await?.id;
        let started = self
            .client
            .ask(|client| client.start_exec(&id, None::<StartExecOptions>));
        let StartExecResults::Attached { output, input } =
            self.call(&what, CHANGE, started).await?
        else {
            return self.exit_code(&id, &what).await.map(ShellExit::Ended);
        };
        let shown = tokio::select! {
            shown = show(output) => shown,
            never = feed(stdin, input) => match never {},
            signal = stop => {
                self.kill_tagged(container, &mark).await;
                return Ok(ShellExit::Stopped(signal));
            }
        };
        match shown {
            Ok(None) => self.exit_code(&id, &what).await.map(ShellExit::Ended),
            Ok(Some(reason)) => Err(errors::refused(&what, None, &reason)),
            Err(Broken::Engine(error)) => Err(self.translate(&what, error)),
            Err(Broken::Here(error)) if error.kind() == IoError::BrokenPipe => {
                self.kill_tagged(container, &mark).await;
                Ok(ShellExit::Ended(NOBODY_READS))
            }
            Err(Broken::Here(error)) => Err(EngineError::new(
                ErrorKind::Other,
                format!("cannot {what}: {error}"),
            )),
        }
    }
}

/// On which side a stream broke.
enum Broken {
    Engine(ClientError),
    Here(io::Error),
}

/// Copies both outputs until they end; returns the engine's reason if there was no program to run.
async fn show(
    mut output: impl Stream<Item = std::result::Result<LogOutput, ClientError>> + Unpin,
) -> std::result::Result<Option<String>, Broken> {
    let mut first = true;
    while let Some(chunk) = output.next().await {
        let chunk = chunk.map_err(Broken::Engine)?;
        let bytes = chunk.as_ref();
        if std::mem::take(&mut first) && bytes.starts_with(REFUSAL) {
            return Ok(Some(String::from_utf8_lossy(bytes).into_owned()));
        }
        let written = match &chunk {
            LogOutput::StdErr { .. } => write(&mut io::stderr().lock(), bytes),
            _ => write(&mut io::stdout().lock(), bytes),
        };
        written.map_err(Broken::Here)?;
    }
    Ok(None)
}

fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).and_then(|()| to.flush())
}

/// Hands standard input on to its end; the program says itself when it has had enough.
async fn feed(stdin: Input, mut input: Pin<Box<dyn AsyncWrite + Send>>) -> Infallible {
    if stdin == Input::Passed {
        // A program that reads no more is no fault.
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut input).await;
        let _ = input.shutdown().await;
    }
    std::future::pending().await
}
