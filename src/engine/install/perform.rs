//! Performs a plan: runs commands, starts and stops the daemon.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use super::daemon::{self, LAST_LINES, io_error};
use super::observe::find_program;
use super::output_tail::{OutputTail, append};
use super::plan::Action;
use super::process::command_line;
use super::site::DaemonSite;
use crate::engine::clock::timeout;
use crate::engine::error::{EngineError, ErrorKind};
use crate::text;

type Result<T> = std::result::Result<T, EngineError>;

/// How often the output of a command is read.
const POLL: Duration = Duration::from_millis(50);
const SERVICE: Duration = Duration::from_secs(120);

/// Performs actions in order, up to the first that fails. `on_line` gets each command and its output.
///
/// Needs root. A package manager has no deadline and a process group of its own, so that neither a deadline nor Ctrl-C at
/// the terminal ends it half-way.
pub(in crate::engine) async fn perform(
    actions: &[Action],
    site: &DaemonSite,
    on_line: &mut dyn FnMut(&str),
) -> Result<()> {
    std::fs::create_dir_all(&site.state).map_err(|error| {
        io_error(error).during(&text!("create {folder}", folder = site.state.display()))
    })?;
    for action in actions {
        if let Some(line) = action.shell() {
            on_line(&format!("$ {line}"));
        }
        let command = action.command().unwrap_or_default();
        match action {
            Action::UpdatePackageLists => {
                if let Err(error) = run(&command, site, None, on_line).await {
                    on_line(&error.to_string());
                }
            }
            Action::InstallPackages(_) => run(&command, site, None, on_line).await?,
            Action::MountControlGroups => run(&command, site, Some(SERVICE), on_line).await?,
            Action::StartService => {
                run(&command, site, Some(SERVICE), on_line).await?;
                daemon::wait(site, None).await?;
            }
            Action::StartDaemon(command) => daemon::start(command, site).await?,
            Action::Wait => daemon::wait(site, None).await?,
            Action::StopDaemon(record) => daemon::stop(record, site).await?,
        }
    }
    Ok(())
}

/// Runs a command to its end, at most `limit`. Its output goes to the setup log and to `on_line`.
async fn run(
    command: &[String],
    site: &DaemonSite,
    limit: Option<Duration>,
    on_line: &mut dyn FnMut(&str),
) -> Result<()> {
    let operation = text!("run `{command}`", command = command_line(command));
    let failed = |error: std::io::Error| io_error(error).during(&operation);
    let (name, arguments) = command.split_first().expect("a command has a program");
    let log = site.setup_log();
    let file = append(&log).map_err(failed)?;
    let mut tail = OutputTail::at_end(&log).map_err(failed)?;
    let mut child = Command::new(find_program(name).unwrap_or_else(|| name.into()))
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(failed)?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let ended = async {
        loop {
            tokio::select! {
                ended = child.wait() => break ended,
                () = sleep(POLL) => tail.read(on_line),
            }
        }
    };
    let status = match limit {
        None => ended.await.map_err(failed)?,
        Some(limit) => match timeout(limit, ended).await {
            Ok(ended) => ended.map_err(failed)?,
            Err(_) => {
                return Err(EngineError::new(
                    ErrorKind::Timeout,
                    text!(
                        "it did not end within {seconds} s",
                        seconds = limit.as_secs()
                    ),
                )
                .during(&operation));
            }
        },
    };
    tail.finish(on_line);
    if status.success() {
        return Ok(());
    }
    let reason = match tail.last_lines(LAST_LINES) {
        Some(lines) => text!("{status}; its last lines:\n{lines}", status, lines),
        None => text::Text::verbatim(status.to_string()),
    };
    Err(EngineError::new(ErrorKind::Other, reason).during(&operation))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Checks the output and the result of a shell command.
    async fn check(script: &str, limit: Option<Duration>, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let site = DaemonSite::system(folder.path());
        let command = ["sh", "-c", script].map(str::to_owned);
        let mut lines = vec![];
        let result = run(&command, &site, limit, &mut |line| {
            lines.push(line.to_owned())
        })
        .await;
        let result = result.map_err(|error| error.to_string());
        assert_eq!(format!("{lines:?} {result:?}"), expected);
    }

    #[tokio::test]
    async fn command_reports_its_output_and_fails_with_the_last_of_it() {
        check("echo a; echo b >&2", None, r#"["a", "b"] Ok(())"#).await;
        check(
            "exit 3",
            None,
            r#"[] Err("cannot run `sh -c 'exit 3'`: exit status: 3")"#,
        )
        .await;
        check(
            "echo a; false",
            None,
            r#"["a"] Err("cannot run `sh -c 'echo a; false'`: exit status: 1; its last lines:\n  a")"#,
        )
        .await;
        check(
            "sleep 5",
            Some(Duration::ZERO),
            r#"[] Err("cannot run `sh -c 'sleep 5'`: it did not end within 0 s")"#,
        )
        .await;
    }

    #[tokio::test]
    async fn failed_update_of_package_lists_does_not_stop_the_plan() {
        let folder = tempfile::tempdir().unwrap();
        let site = DaemonSite {
            // Not a folder that a log can be created in.
            state: Path::new("/proc/self").to_owned(),
            ..DaemonSite::system(folder.path())
        };
        let mut lines = vec![];
        let actions = [Action::UpdatePackageLists];
        let result = perform(&actions, &site, &mut |line| lines.push(line.to_owned())).await;
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(lines[0], "$ apt-get update");
        assert!(
            lines[1].starts_with("cannot run `apt-get update`: "),
            "{lines:?}"
        );
    }
}
