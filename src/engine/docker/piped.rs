//! A program in a container without a terminal: standard input is passed in, both outputs are passed out, apart and as
//! they come.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;

use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::images::file_error;
use super::output::{CopyError, OutputEnd, OutputWriter, copy};
use super::process_tag::{ProcessTag, ShellExit};
use super::{Docker, WRITE_TIMEOUT, errors};
use crate::engine::{Input, Result};
use crate::text;

/// 128 and SIGPIPE: the exit code of a program whose output is not read any more.
const SIGPIPE_EXIT: i64 = 141;

impl Docker {
    /// Runs a program on the standard streams of this process until it ends, its output is not read any more, or `stop`
    /// returns the number of a signal.
    ///
    /// Fails as [`ContainerExec::exec`](crate::engine::ContainerExec::exec) does, but with no timeout.
    pub async fn run_piped(
        &self,
        container: &str,
        argv: &[String],
        env: &[String],
        tag: &ProcessTag,
        stdin: Input,
        stop: impl Future<Output = u8>,
    ) -> Result<ShellExit> {
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let operation = text!(
            "run `{program}` in container `{container}`",
            program,
            container
        );
        let config = ExecConfig {
            attach_stdin: Some(stdin == Input::Passed),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv.to_vec()),
            env: Some([&[tag.variable()], env].concat()),
            ..Default::default()
        };
        let id = self.create_exec(container, config, &operation).await?;
        let writer = OutputWriter::standard().map_err(|error| file_error(&operation, &error))?;
        let started = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.start_exec(&id, None::<StartExecOptions>)
            })
            .await?;
        let StartExecResults::Attached { output, input } = started else {
            return self.exit_code(&id, &operation).await.map(ShellExit::Ended);
        };
        let copied = tokio::select! {
            copied = copy(output, writer) => copied,
            never = pass_input(stdin, input) => match never {},
            signal = stop => {
                let _ = self.kill_tagged(container, tag).await;
                return Ok(ShellExit::Stopped(signal));
            }
        };
        match copied {
            Ok(OutputEnd::Closed) => self.exit_code(&id, &operation).await.map(ShellExit::Ended),
            Ok(OutputEnd::NotStarted(reason)) => Err(errors::refused(&operation, None, &reason)),
            Err(CopyError::Engine(error)) => Err(self.translate(&operation, error)),
            Err(CopyError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                let _ = self.kill_tagged(container, tag).await;
                Ok(ShellExit::Ended(SIGPIPE_EXIT))
            }
            Err(CopyError::Write(error)) => {
                let _ = self.kill_tagged(container, tag).await;
                Ok(ShellExit::OutputError(error))
            }
        }
    }
}

/// Passes standard input to its end; the program ends by itself when it needs no more.
async fn pass_input(stdin: Input, mut input: Pin<Box<dyn AsyncWrite + Send>>) -> Infallible {
    if stdin == Input::Passed {
        // A program that stops reading its input is no error.
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut input).await;
        let _ = input.shutdown().await;
    }
    std::future::pending().await
}
