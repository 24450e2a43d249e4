//! The Docker daemon on a machine without systemd: starts it detached, waits for its answer, and stops it again.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::observe::{DaemonState, daemon_state, find_program};
use super::output_tail::{OutputTail, append};
use super::process::{ProcessId, command_line};
use super::site::{DaemonRecord, DaemonSite};
use crate::engine::clock;
use crate::engine::error::{EngineError, ErrorKind};
use crate::engine::locate::url;
use crate::text;

type Result<T> = std::result::Result<T, EngineError>;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);
/// How many lines of output an error shows.
pub(super) const LAST_LINES: usize = 10;
const POLL: Duration = Duration::from_millis(50);

/// Starts the daemon in a session of its own, so that no terminal ends it, and waits for its answer.
pub(super) async fn start(command: &[String], site: &DaemonSite) -> Result<()> {
    // The package may have started it.
    if daemon_state(&site.socket).await != DaemonState::Stopped {
        return wait(site, None).await;
    }
    let operation = text!("start `{command}`", command = command_line(command));
    let failed = |error: std::io::Error| io_error(error).during(&operation);
    let log = site.daemon_log();
    let file = append(&log).map_err(failed)?;
    let mut tail = OutputTail::at_end(&log).map_err(failed)?;
    let (name, arguments) = command.split_first().expect("a command has a program");
    let mut child = Command::new("setsid")
        .arg(find_program(name).unwrap_or_else(|| name.into()))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(failed)?)
        .stderr(file)
        .current_dir("/")
        .spawn()
        .map_err(failed)?;
    // `setsid` replaces itself by the daemon: the child's id and start time become the daemon's.
    if let Some(process) = child.id().and_then(ProcessId::running) {
        let record = DaemonRecord {
            process,
            socket: site.socket.clone(),
        };
        record.write(site).map_err(failed)?;
    }
    wait(site, Some((&mut child, &mut tail))).await
}

/// Waits until the daemon answers, at most a minute. `started` is the daemon's process and log, if roadlab started it.
pub(super) async fn wait(
    site: &DaemonSite,
    mut started: Option<(&mut Child, &mut OutputTail)>,
) -> Result<()> {
    let deadline = clock::now() + START;
    loop {
        if daemon_state(&site.socket).await == DaemonState::Running {
            return Ok(());
        }
        if let Some((child, tail)) = &mut started
            && let Ok(Some(status)) = child.try_wait()
        {
            tail.finish(&mut |_| {});
            // The record of a process that is gone is treated as none.
            let _ = std::fs::remove_file(site.record());
            return Err(EngineError::new(
                ErrorKind::Unreachable,
                match tail.last_lines(LAST_LINES) {
                    Some(lines) => text!(
                        "dockerd did not start ({status}); its last lines:\n{lines}",
                        status,
                        lines
                    ),
                    None => text!("dockerd did not start ({status})", status),
                },
            ));
        }
        if clock::now() >= deadline {
            return Err(EngineError::new(
                ErrorKind::Timeout,
                text!(
                    "Docker does not answer at {address} after {seconds} s",
                    address = url(&site.socket),
                    seconds = START.as_secs()
                ),
            )
            .help(match started {
                Some(_) => text!(
                    "read {log}, and stop it with `roadlab engine down`",
                    log = site.daemon_log().display()
                ),
                None => text!("restart Docker if it is frozen"),
            }));
        }
        sleep(POLL).await;
    }
}

/// Stops the daemon that roadlab started, and removes its record.
pub(super) async fn stop(record: &DaemonRecord, site: &DaemonSite) -> Result<()> {
    let process = record.process;
    let operation = text!("stop dockerd (process {pid})", pid = process.pid);
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid.filter(|_| process.is_running()) {
        match kill_process(pid, Signal::TERM) {
            // It ended in between.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(io_error(error.into()).during(&operation)),
        }
    }
    let deadline = clock::now() + STOP;
    while process.is_running() {
        if clock::now() >= deadline {
            return Err(EngineError::new(
                ErrorKind::Timeout,
                text!(
                    "it did not end within {seconds} s",
                    seconds = STOP.as_secs()
                ),
            )
            .during(&operation)
            .help(text!(
                "try again, or end it with `kill -9 {pid}` if it is frozen",
                pid = process.pid
            )));
        }
        sleep(POLL).await;
    }
    match std::fs::remove_file(site.record()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io_error(error).during(&operation))
        }
        _ => Ok(()),
    }
}

pub(super) fn io_error(error: std::io::Error) -> EngineError {
    EngineError::new(ErrorKind::Other, text::Text::quotation(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn site(folder: &Path, script: &str) -> DaemonSite {
        let state = folder.join("state");
        std::fs::create_dir_all(&state).unwrap();
        DaemonSite {
            state,
            socket: folder.join("docker.sock"),
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        }
    }

    #[test]
    fn record_is_read_while_its_daemon_runs_at_its_socket() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path(), "");
        assert_eq!(DaemonRecord::read(&site), None);

        let mut record = DaemonRecord {
            process: ProcessId::running(std::process::id()).unwrap(),
            socket: site.socket.clone(),
        };
        record.write(&site).unwrap();
        assert_eq!(DaemonRecord::read(&site), Some(record.clone()));
        let other = DaemonSite {
            socket: folder.path().join("other.sock"),
            ..site.clone()
        };
        assert_eq!(DaemonRecord::read(&other), None, "another socket");

        record.process.started += 1;
        record.write(&site).unwrap();
        assert_eq!(DaemonRecord::read(&site), None, "a later process");

        std::fs::write(site.record(), "{").unwrap();
        assert_eq!(DaemonRecord::read(&site), None, "a damaged file");
    }

    #[tokio::test]
    async fn daemon_that_ends_at_once_is_shown_with_its_last_output() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path(), "echo no space; exit 1");
        let error = start(&site.command, &site).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "dockerd did not start (exit status: 1); its last lines:\n  no space"
        );
        assert!(!site.record().exists());
    }

    #[tokio::test]
    async fn daemon_is_stopped_and_its_record_removed() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path(), "");
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let record = DaemonRecord {
            process: ProcessId::running(child.id()).unwrap(),
            socket: site.socket.clone(),
        };
        record.write(&site).unwrap();
        let waiting = std::thread::spawn(move || child.wait().unwrap());
        stop(&record, &site).await.unwrap();
        assert!(!waiting.join().unwrap().success());
        assert!(!site.record().exists());
        // Stopping it again changes nothing.
        stop(&record, &site).await.unwrap();
    }
}
