//! Starts the daemon detached from us, waits until it answers, and stops the one that we started.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::{SHOWN, Tail, io, run, tail};
use crate::engine::clock;
use crate::engine::error::{EngineError, ErrorKind};
use crate::engine::install::observe::{daemon, daemon_process, find_program};
use crate::engine::install::plan::{joined, stop_service};
use crate::engine::install::process::{Process, running};
use crate::engine::install::record::{By, Record};
use crate::engine::install::situation::{Daemon, Site};
use crate::engine::locate::url;
use crate::text::Text;

type Result<T> = std::result::Result<T, EngineError>;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// Whether a process ended in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Yes,
    No,
}

/// Whose start is waited for.
pub(super) enum Awaited<'a> {
    /// Ours: over when it ends.
    Program(&'a mut Child, &'a mut Tail),
    /// A service manager's: it may take a moment to appear.
    Service,
    /// Somebody's that is there already: over when it goes away.
    Running,
}

/// Starts the daemon in a session of its own, so that no terminal takes it along, and waits for its answer.
pub(super) async fn start(command: &[String], log: &Path, site: &Site) -> Result<()> {
    // A package may have started it while it was being installed.
    if daemon(site).await != Daemon::Down {
        return wait(site, Awaited::Running).await;
    }
    let failed = |error: &std::io::Error| io(&format!("cannot start `{}`", joined(command)), error);
    let file = tail::append(log).map_err(|error| failed(&error))?;
    let mut tail = Tail::at_end(log).map_err(|error| failed(&error))?;
    let mut child = detached(command)
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(|error| failed(&error))?)
        .stderr(file)
        .current_dir("/")
        .spawn()
        .map_err(|error| failed(&error))?;
    // `setsid` and prefixes become the daemon: its id and start time are the child's.
    let process = child.id().and_then(running).map(|running| running.process);
    if let Some(process) = process {
        let record = Record {
            process,
            socket: site.socket.clone(),
            log: Some(log.to_owned()),
            by: By::Program,
        };
        write(&record, site)?;
    }
    wait(site, Awaited::Program(&mut child, &mut tail)).await
}

fn detached(command: &[String]) -> Command {
    let (name, arguments) = command.split_first().expect("a command has a program");
    let program = find_program(name).unwrap_or_else(|| name.into());
    match find_program("setsid") {
        Some(setsid) => {
            let mut command = Command::new(setsid);
            command.arg(program).args(arguments);
            command
        }
        None => {
            let mut command = Command::new(program);
            command.args(arguments).process_group(0);
            command
        }
    }
}

/// Waits until the daemon answers.
pub(super) async fn wait(site: &Site, mut awaited: Awaited<'_>) -> Result<()> {
    let deadline = clock::now() + START;
    loop {
        let seen = daemon(site).await;
        if seen == Daemon::Answering {
            return Ok(());
        }
        match &mut awaited {
            Awaited::Program(child, tail) => {
                if let Ok(Some(status)) = child.try_wait() {
                    tail.finish(&mut |_| {});
                    // Best effort: a record of a process that is gone counts as none anyway.
                    let _ = std::fs::remove_file(site.record());
                    return Err(EngineError::new(
                        ErrorKind::Unreachable,
                        Text::verbatim(format!(
                            "dockerd did not start ({status}){}",
                            tail.shown(SHOWN)
                        )),
                    ));
                }
            }
            Awaited::Running if seen == Daemon::Down => {
                return Err(EngineError::new(
                    ErrorKind::Unreachable,
                    Text::verbatim(format!(
                        "Docker at {} went away while it was waited for: try `roadlab engine up` again",
                        url(&site.socket)
                    )),
                ));
            }
            Awaited::Running | Awaited::Service => {}
        }
        if clock::now() >= deadline {
            return Err(late(site, awaited, seen));
        }
        sleep(LOOK).await;
    }
}

/// What to say of a daemon that has not answered by its deadline.
fn late(site: &Site, awaited: Awaited<'_>, seen: Daemon) -> EngineError {
    let (who, next) = match (awaited, seen) {
        (Awaited::Program(child, tail), _) => {
            tail.finish(&mut |_| {});
            let pid = child
                .id()
                .map_or(String::new(), |pid| format!(" (process {pid})"));
            let said = tail.shown(SHOWN);
            let next = format!("it still tries, `roadlab engine down` stops it{said}");
            (format!("dockerd{pid}"), next)
        }
        (_, Daemon::Silent(Some(pid))) => (
            format!("dockerd (process {pid})"),
            format!("if it is frozen, `kill -9 {pid}`, then `roadlab engine up`"),
        ),
        (_, _) => (
            "Docker".to_owned(),
            "look at what its service says".to_owned(),
        ),
    };
    let place = url(&site.socket);
    let seconds = START.as_secs();
    EngineError::new(
        ErrorKind::Timeout,
        Text::verbatim(format!(
            "{who} does not answer at {place} after {seconds} s: {next}"
        )),
    )
}

/// Notes that a service manager started the daemon for us.
pub(super) fn note(site: &Site, by: By) -> Result<()> {
    let Some(process) = daemon_process(site) else {
        return Ok(());
    };
    let record = Record {
        process,
        socket: site.socket.clone(),
        log: None,
        by,
    };
    write(&record, site)
}

/// Stops the daemon that we started, and forgets it.
pub(super) async fn stop(
    record: &Record,
    site: &Site,
    on_line: &mut dyn FnMut(&str),
) -> Result<()> {
    let pid = record.process.pid;
    match record.by {
        By::Program => {
            if signal(record.process, Signal::TERM, STOP).await? == Ended::No {
                let seconds = STOP.as_secs();
                return Err(EngineError::new(
                    ErrorKind::Timeout,
                    Text::verbatim(format!(
                        "dockerd (process {pid}) has not ended after {seconds} s: it still stops containers or is frozen; try again, or `kill -9 {pid}`"
                    )),
                ));
            }
        }
        by @ (By::Systemd | By::OpenRc) => {
            run(&stop_service(by), site, Some(super::SERVICE), on_line).await?;
        }
    }
    match std::fs::remove_file(site.record()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(
            &format!("cannot remove {}", site.record().display()),
            &error,
        )),
        _ => Ok(()),
    }
}

/// Sends a signal to a process if it still is the one that was meant, and waits for its end.
pub(super) async fn signal(process: Process, signal: Signal, patience: Duration) -> Result<Ended> {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    if process.runs()
        && let Some(pid) = pid
    {
        match kill_process(pid, signal) {
            // It ended in between.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => {
                return Err(io(
                    &format!("cannot stop process {}", process.pid),
                    &error.into(),
                ));
            }
        }
    }
    let deadline = clock::now() + patience;
    while process.runs() {
        if clock::now() >= deadline {
            return Ok(Ended::No);
        }
        sleep(LOOK).await;
    }
    Ok(Ended::Yes)
}

fn write(record: &Record, site: &Site) -> Result<()> {
    let file = site.record();
    record
        .write(&file)
        .map_err(|error| io(&format!("cannot write {}", file.display()), &error))
}
