//! Programs in containers: their outputs are kept apart and bounded, and they end for certain.
//!
//! The engine cannot end a program that it runs, and after the client has disconnected it reports that the program has
//! ended. So programs run under the container's own `timeout`, where there is one.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{Stream, StreamExt};

use super::client::Answer;
use super::{Docker, MIB, READ_TIMEOUT, errors, names};
use crate::engine::{
    ContainerExec, EngineError, ErrorKind, Exec, ExecOutput, Inspect, Result, clock,
};
use crate::text;
use crate::text::Text;

/// What `timeout` needs beyond its time: a second until it kills, and one to start and to report.
const GRACE: Duration = Duration::from_secs(2);
/// The engine knows an exit code a moment after the output has ended.
const EXIT_POLLS: usize = 50;
const EXIT_POLL: Duration = Duration::from_millis(10);
/// How long a container may take to end after its programs were killed with it; a busy engine reports that late.
const CONTAINER_EXIT: Duration = Duration::from_secs(3);
/// 128 and SIGKILL: the exit code of a program whose container is killed.
const KILLED: i64 = 137;

/// A program that has ended, with the time that it took.
struct Ended {
    output: ExecOutput,
    took: Duration,
}

impl ContainerExec for Docker {
    async fn exec(&self, container: &str, exec: &Exec, timeout: Duration) -> Result<ExecOutput> {
        let program = exec.run.first().map(String::as_str).unwrap_or_default();
        let operation = text!(
            "run `{program}` in container `{container}`",
            program = program.escape_debug(),
            container
        );
        names::resource(container)?;
        if program.is_empty() {
            return Err(
                EngineError::new(ErrorKind::CannotRun, text!("no program is given"))
                    .during(&operation),
            );
        }
        if self.without_timeout.borrow().contains(container) {
            return self
                .exec_directly(container, exec, timeout, &operation)
                .await;
        }
        // Whole seconds: some `timeout` programs accept no fractions.
        let seconds = timeout.as_millis().div_ceil(1000).max(1);
        let mut run: Vec<String> = ["timeout", "-k", "1", &seconds.to_string()]
            .map(str::to_owned)
            .into();
        run.extend(exec.run.iter().cloned());
        let limit =
            Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)).saturating_add(GRACE);
        match self
            .exec_once(container, exec, run, limit, &operation)
            .await
        {
            // The engine starts `timeout`, so that is the program that is missing.
            Err(error) if error.kind == ErrorKind::NoProgram => {}
            Err(error) => return Err(error),
            Ok(ended) if is_option_error(&ended.output) => {}
            Ok(ended) if ended.took >= timeout => {
                return Err(errors::exec_timeout(&operation, timeout));
            }
            Ok(ended) => return self.judge(container, &operation, ended.output).await,
        }
        self.without_timeout
            .borrow_mut()
            .insert(container.to_owned());
        self.exec_directly(container, exec, timeout, &operation)
            .await
    }
}

impl Docker {
    async fn exec_directly(
        &self,
        container: &str,
        exec: &Exec,
        timeout: Duration,
        operation: &Text,
    ) -> Result<ExecOutput> {
        let ended = self
            .exec_once(container, exec, exec.run.clone(), timeout, operation)
            .await?;
        self.judge(container, operation, ended.output).await
    }

    async fn exec_once(
        &self,
        container: &str,
        exec: &Exec,
        run: Vec<String>,
        limit: Duration,
        operation: &Text,
    ) -> Result<Ended> {
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(run),
            user: exec.user.clone(),
            working_dir: exec.workdir.clone(),
            env: Some(exec.env.clone()),
            ..Default::default()
        };
        let id = self.create_exec(container, config, operation).await?;
        let begun = clock::now();
        let running = async {
            let started = self
                .call(operation, limit, |client| {
                    client.start_exec(&id, None::<StartExecOptions>)
                })
                .await?;
            match started {
                StartExecResults::Attached { output, .. } => collect(output)
                    .await
                    .map_err(|error| self.translate(operation, error)),
                StartExecResults::Detached => Ok((Vec::new(), Vec::new())),
            }
        };
        // After the deadline nothing more is requested: the engine would report that the program has ended.
        let collected = clock::timeout(limit, running).await;
        let (stdout, stderr) = collected.map_err(|_| errors::exec_timeout(operation, limit))??;
        let took = clock::since(begun);
        let exit_code = self.exit_code(&id, operation).await?;
        let output = ExecOutput {
            exit_code,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        };
        match start_failure(&output) {
            Some(reason) => Err(errors::refused(operation, None, reason)),
            None => Ok(Ended { output, took }),
        }
    }

    /// Prepares a program in a container and returns its id.
    pub(super) async fn create_exec(
        &self,
        container: &str,
        config: ExecConfig,
        operation: &Text,
    ) -> Result<String> {
        let container = names::resource(container)?;
        let created = self
            .call(operation, READ_TIMEOUT, |client| {
                client.create_exec(container, config)
            })
            .await?;
        Ok(created.id)
    }

    /// Returns the exit code of a program whose output has ended.
    pub(super) async fn exit_code(&self, exec: &str, operation: &Text) -> Result<i64> {
        for _ in 0..EXIT_POLLS {
            let state = self
                .call(operation, READ_TIMEOUT, |client| client.inspect_exec(exec))
                .await?;
            match state.exit_code {
                Some(code) if state.running != Some(true) => return Ok(code),
                Some(_) | None => tokio::time::sleep(EXIT_POLL).await,
            }
        }
        Err(EngineError::new(
            ErrorKind::Other,
            text!("Docker does not report its exit code"),
        )
        .during(operation))
    }

    /// Fails if a program could not be started, or was killed with its container.
    async fn judge(
        &self,
        container: &str,
        operation: &Text,
        output: ExecOutput,
    ) -> Result<ExecOutput> {
        if let Some(reason) = timeout_failure(&output) {
            return Err(
                EngineError::new(ErrorKind::NoProgram, Text::quotation(reason)).during(operation),
            );
        }
        if output.exit_code == KILLED && self.is_exiting(container).await? {
            return Err(EngineError::new(
                ErrorKind::ContainerExited,
                text!("the container exited"),
            )
            .during(operation));
        }
        Ok(output)
    }

    /// Returns whether a container ends, after a program in it was killed.
    async fn is_exiting(&self, container: &str) -> Result<bool> {
        let begun = clock::now();
        while self.inspect(container).await?.running {
            if clock::since(begun) > CONTAINER_EXIT {
                return Ok(false);
            }
            tokio::time::sleep(EXIT_POLL).await;
        }
        Ok(true)
    }
}

/// Reads both streams to their end and keeps the first MiB of each.
async fn collect(
    mut output: impl Stream<Item = Answer<LogOutput>> + Unpin,
) -> Answer<(Vec<u8>, Vec<u8>)> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = output.next().await {
        match chunk? {
            LogOutput::StdErr { message } => append(&mut stderr, &message),
            chunk => append(&mut stdout, chunk.as_ref()),
        }
    }
    Ok((stdout, stderr))
}

fn append(collected: &mut Vec<u8>, bytes: &[u8]) {
    let free = MIB.saturating_sub(collected.len());
    collected.extend_from_slice(&bytes[..bytes.len().min(free)]);
}

/// Returns why the engine started nothing. It writes that in place of the program's output: Docker to standard output,
/// Podman to standard error.
fn start_failure(output: &ExecOutput) -> Option<&str> {
    let reason = match output.stdout.contains(errors::EXEC_REFUSED) {
        true => Some(output.stdout.as_str()),
        false => output.stderr.lines().next().and_then(|line| {
            let reason = line.strip_prefix("Error: ")?;
            reason.contains(": OCI ").then_some(reason)
        }),
    };
    reason.filter(|_| matches!(output.exit_code, 126 | 127))
}

/// Returns whether `timeout` does not know the option `-k`, as that of an old BusyBox.
fn is_option_error(output: &ExecOutput) -> bool {
    let stderr = output.stderr.trim_start();
    output.exit_code != 0
        && ["timeout: unrecognized option", "timeout: invalid option"]
            .iter()
            .any(|start| stderr.starts_with(start))
}

/// Returns why `timeout`, GNU's or BusyBox's, could not start the program.
fn timeout_failure(output: &ExecOutput) -> Option<&str> {
    let stderr = output.stderr.trim();
    let reason = ["timeout: failed to run command ", "timeout: can't execute "]
        .iter()
        .find_map(|start| stderr.strip_prefix(start));
    reason.filter(|_| matches!(output.exit_code, 126 | 127))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn output(exit_code: i64, stderr: &str) -> ExecOutput {
        ExecOutput {
            exit_code,
            stdout: String::new(),
            stderr: stderr.into(),
        }
    }

    #[test]
    fn missing_program_differs_from_a_program_that_fails() {
        let missing = output(
            127,
            "timeout: failed to run command '/nope': No such file or directory\n",
        );
        assert_eq!(
            timeout_failure(&missing),
            Some("'/nope': No such file or directory")
        );
        for other in [
            output(127, "sh: 1: nope: not found\n"),
            output(0, "timeout: failed to run command 'x'"),
        ] {
            assert_eq!(timeout_failure(&other), None);
        }
        assert!(is_option_error(&output(
            1,
            "timeout: unrecognized option: k\n"
        )));
        assert!(!is_option_error(&output(
            1,
            "curl: timeout: invalid option"
        )));
    }

    #[test]
    fn message_of_the_engine_in_place_of_output_is_the_reason() {
        let podman = "Error: runc: exec failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found\nError: read unixpacket @->/proc/self/fd/14/attach: read: connection reset by peer";
        let output = output(127, podman);
        let reason = start_failure(&output).unwrap();
        let error = errors::refused(&text!("run `nope`"), None, reason);
        assert_eq!(error.kind, ErrorKind::NoProgram);
        assert_eq!(
            error.to_string(),
            "cannot run `nope`: `nope` not found in image"
        );
        let own = ExecOutput {
            exit_code: 1,
            ..output.clone()
        };
        assert_eq!(start_failure(&own), None);
        let own = ExecOutput {
            stderr: "Error: no such table".into(),
            ..output
        };
        assert_eq!(start_failure(&own), None);
    }

    #[tokio::test]
    async fn streams_are_kept_apart_and_bounded() {
        let half = vec![b'x'; MIB / 2 + 1];
        let out = |bytes: &[u8]| {
            Ok(LogOutput::StdOut {
                message: bytes.to_vec().into(),
            })
        };
        let err = |bytes: &[u8]| {
            Ok(LogOutput::StdErr {
                message: bytes.to_vec().into(),
            })
        };
        let chunks = stream::iter([out(b"a"), err(b"b"), out(&half), out(&half), err(b"c")]);
        let (stdout, stderr) = collect(chunks).await.unwrap();
        assert_eq!((stdout.len(), stderr.as_slice()), (MIB, b"bc".as_slice()));
    }
}
