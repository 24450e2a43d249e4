//! Running programs in containers: output apart and capped, an end for sure.
//!
//! The engine cannot end a program it runs, and after the client has gone it claims that the program has ended. So
//! programs run under the container's own `timeout`, where there is one.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as ClientError;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{Stream, StreamExt};

use super::{Docker, LOOK, MIB, errors, names};
use crate::engine::{EngineError, ErrorKind, Exec, ExecOutput, Result, clock};

/// What `timeout` takes beyond its time: a second until it kills, and one to start and to report.
const GRACE: Duration = Duration::from_secs(2);
/// The engine knows an exit code a moment after the output has ended.
const EXIT_POLLS: usize = 50;
const EXIT_POLL: Duration = Duration::from_millis(10);
/// The programs of a container that is killed end before it does; a busy engine tells that late.
const ENDED_WITHIN: Duration = Duration::from_secs(3);
/// 128 and SIGKILL: what a program ends with when its container dies.
const KILLED: i64 = 137;

/// How a run ended, before anybody has judged it.
struct Ended {
    output: ExecOutput,
    took: Duration,
}

impl Docker {
    pub(super) async fn run(
        &self,
        container: &str,
        exec: &Exec,
        timeout: Duration,
    ) -> Result<ExecOutput> {
        let program = exec.run.first().map(String::as_str).unwrap_or_default();
        let what = format!(
            "run `{}` in container `{container}`",
            program.escape_debug()
        );
        names::resource(container)?;
        if program.is_empty() {
            return Err(EngineError::new(
                ErrorKind::CannotRun,
                format!("cannot {what}: no program is named"),
            ));
        }
        if self.untimed.borrow().contains(container) {
            return self.run_untimed(container, exec, timeout, &what).await;
        }
        // Whole seconds: not every `timeout` takes fractions.
        let seconds = timeout.as_millis().div_ceil(1000).max(1);
        let mut run: Vec<String> = ["timeout", "-k", "1", &seconds.to_string()]
            .map(str::to_owned)
            .into();
        run.extend(exec.run.iter().cloned());
        let limit =
            Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)).saturating_add(GRACE);
        let ended = match self.run_once(container, exec, run, limit, &what).await {
            Err(error)
                if error.kind == ErrorKind::CannotRun && error.message.contains("`timeout`") =>
            {
                None
            }
            Err(error) => return Err(error),
            Ok(ended) if misses_timeout(&ended.output) => None,
            Ok(ended) => Some(ended),
        };
        match ended {
            Some(ended) if ended.took >= timeout => Err(errors::overran(&what, timeout)),
            Some(ended) => self.judge(container, &what, ended.output).await,
            None => {
                self.untimed.borrow_mut().insert(container.to_owned());
                self.run_untimed(container, exec, timeout, &what).await
            }
        }
    }

    async fn run_untimed(
        &self,
        container: &str,
        exec: &Exec,
        timeout: Duration,
        what: &str,
    ) -> Result<ExecOutput> {
        let ended = self
            .run_once(container, exec, exec.run.clone(), timeout, what)
            .await?;
        self.judge(container, what, ended.output).await
    }

    async fn run_once(
        &self,
        container: &str,
        exec: &Exec,
        run: Vec<String>,
        limit: Duration,
        what: &str,
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
        let id = self
            .call(
                what,
                LOOK,
                self.client
                    .ask(|client| client.create_exec(container, config)),
            )
            .await?
            .id;
        let begun = clock::now();
        let running = async {
            let started = self
                .client
                .ask(|client| client.start_exec(&id, None::<StartExecOptions>));
            let started = self.call(what, limit, started).await?;
            match started {
                StartExecResults::Attached { output, .. } => collect(output)
                    .await
                    .map_err(|error| self.translate(what, error)),
                StartExecResults::Detached => Ok((Vec::new(), Vec::new())),
            }
        };
        // Once the time is up nothing is asked any more: the engine's answer would be a lie.
        let collected = clock::timeout(limit, running).await;
        let (stdout, stderr) = collected.map_err(|_| errors::overran(what, limit))??;
        let took = clock::since(begun);
        let exit_code = self.exit_code(&id, what).await?;
        let output = ExecOutput {
            exit_code,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        };
        match unstarted(&output) {
            Some(reason) => Err(errors::refused(what, None, reason)),
            None => Ok(Ended { output, took }),
        }
    }

    pub(super) async fn exit_code(&self, exec: &str, what: &str) -> Result<i64> {
        for _ in 0..EXIT_POLLS {
            let state = self
                .call(
                    what,
                    LOOK,
                    self.client.ask(|client| client.inspect_exec(exec)),
                )
                .await?;
            match state.exit_code {
                Some(code) if state.running != Some(true) => return Ok(code),
                Some(_) | None => tokio::time::sleep(EXIT_POLL).await,
            }
        }
        Err(EngineError::new(
            ErrorKind::Other,
            format!("cannot {what}: the engine does not tell its exit code"),
        ))
    }

    /// Tells a program that could not be run, or that died with its container, from one that ended.
    async fn judge(&self, container: &str, what: &str, output: ExecOutput) -> Result<ExecOutput> {
        if let Some(reason) = unrunnable(&output) {
            return Err(EngineError::new(
                ErrorKind::CannotRun,
                format!("cannot {what}: {reason}"),
            ));
        }
        if output.exit_code == KILLED && self.has_ended(container).await? {
            return Err(EngineError::new(
                ErrorKind::ContainerExited,
                format!("cannot {what}: the container ended meanwhile"),
            ));
        }
        Ok(output)
    }

    /// Whether a container ends, seen from a program in it that was killed a moment ago.
    async fn has_ended(&self, container: &str) -> Result<bool> {
        let begun = clock::now();
        while self.look_at_container(container).await?.running {
            if clock::since(begun) > ENDED_WITHIN {
                return Ok(false);
            }
            tokio::time::sleep(EXIT_POLL).await;
        }
        Ok(true)
    }
}

/// Reads both streams to their end and keeps the first MiB of each.
async fn collect(
    mut output: impl Stream<Item = std::result::Result<LogOutput, ClientError>> + Unpin,
) -> std::result::Result<(Vec<u8>, Vec<u8>), ClientError> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = output.next().await {
        match chunk? {
            LogOutput::StdErr { message } => keep(&mut stderr, &message),
            chunk => keep(&mut stdout, chunk.as_ref()),
        }
    }
    Ok((stdout, stderr))
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = MIB.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// Why nothing ran, which the engine tells as if the program had said it: Docker on standard output, Podman on standard
/// error.
fn unstarted(output: &ExecOutput) -> Option<&str> {
    let reason = match output.stdout.contains("OCI runtime exec failed") {
        true => Some(output.stdout.as_str()),
        false => output.stderr.lines().next().and_then(|line| {
            let reason = line.strip_prefix("Error: ")?;
            reason.contains(": OCI ").then_some(reason)
        }),
    };
    reason.filter(|_| matches!(output.exit_code, 126 | 127))
}

/// An old BusyBox has a `timeout` that does not know `-k`.
fn misses_timeout(output: &ExecOutput) -> bool {
    let said = output.stderr.trim_start();
    output.exit_code != 0
        && ["timeout: unrecognized option", "timeout: invalid option"]
            .iter()
            .any(|start| said.starts_with(start))
}

/// What `timeout` says of a program that it cannot run, GNU's or BusyBox's.
fn unrunnable(output: &ExecOutput) -> Option<&str> {
    let said = output.stderr.trim();
    let told = ["timeout: failed to run command ", "timeout: can't execute "]
        .iter()
        .find_map(|start| said.strip_prefix(start));
    told.filter(|_| matches!(output.exit_code, 126 | 127))
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
    fn a_program_that_is_not_there_is_told_from_one_that_fails_itself() {
        let gone = output(
            127,
            "timeout: failed to run command '/nope': No such file or directory\n",
        );
        assert_eq!(
            unrunnable(&gone),
            Some("'/nope': No such file or directory")
        );
        assert_eq!(unrunnable(&output(127, "sh: 1: nope: not found\n")), None);
        assert_eq!(
            unrunnable(&output(0, "timeout: failed to run command 'x'")),
            None
        );
        assert!(misses_timeout(&output(
            1,
            "timeout: unrecognized option: k\n"
        )));
        assert!(!misses_timeout(&output(1, "curl: timeout: invalid option")));
    }

    #[test]
    fn what_the_engine_says_in_place_of_a_program_is_its_reason() {
        let podman = "Error: runc: exec failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found\nError: read unixpacket @->/proc/self/fd/14/attach: read: connection reset by peer";
        let output = output(127, podman);
        let reason = unstarted(&output).unwrap();
        let error = errors::refused("run `nope`", None, reason);
        assert_eq!(
            (error.kind, error.message.as_str()),
            (
                ErrorKind::CannotRun,
                "`nope` not found in image: cannot run `nope`"
            )
        );
        let own = ExecOutput {
            exit_code: 1,
            ..output.clone()
        };
        assert_eq!(unstarted(&own), None);
        let own = ExecOutput {
            stderr: "Error: no such table".into(),
            ..output
        };
        assert_eq!(unstarted(&own), None);
    }

    #[tokio::test]
    async fn streams_are_kept_apart_and_cut() {
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
