//! What to do about an engine, decided from what was seen; and the same as commands that a person would type.

use std::path::PathBuf;

use super::packages::{Package, PackageManager, words};
use super::record::{By, Record};
use super::situation::{Daemon, Leftover, Services, Site, Situation};
use crate::engine::error::{EngineError, ErrorKind};
use crate::engine::locate::url;
use crate::text::Text;

/// What somebody wants of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// An engine that answers.
    Running,
    /// The engine that we started, stopped.
    Stopped,
    /// `mmdebstrap`, which makes base images where none can be pulled.
    BaseTool,
}

/// One thing to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Brings the package lists up to date. May fail: a broken list of somebody else's need not matter.
    Refresh(Vec<String>),
    /// Installs packages.
    Install(Vec<String>),
    /// Mounts control groups.
    Mount(Vec<String>),
    Clean(Leftover),
    /// Has the service manager start the daemon, waits for its answer and notes that it was us.
    StartService(Vec<String>, By),
    /// Starts the daemon itself, detached, waits for its answer and notes that it was us.
    StartProgram {
        command: Vec<String>,
        log: PathBuf,
    },
    /// Waits for a daemon that runs already.
    Wait,
    /// Stops the daemon that we started.
    Stop(Record),
}

/// The actions that make a wish true; none if it is true already. The error says why it cannot be, and what to do.
pub fn plan(situation: &Situation, wish: Goal, site: &Site) -> Result<Vec<Action>, EngineError> {
    match wish {
        Goal::Running => running(situation, site),
        Goal::Stopped => stopped(situation, site),
        Goal::BaseTool if situation.mmdebstrap => Ok(vec![]),
        Goal::BaseTool => install(situation, Package::Mmdebstrap),
    }
}

fn running(situation: &Situation, site: &Site) -> Result<Vec<Action>, EngineError> {
    match situation.daemon {
        Daemon::Answering => return Ok(vec![]),
        Daemon::Silent(_) => return Ok(vec![Action::Wait]),
        Daemon::Denied => {
            return Err(EngineError::permission_denied(&url(&site.socket)));
        }
        Daemon::Down => {}
    }
    let mut actions = match situation.dockerd {
        true => vec![],
        false => install(situation, Package::Engine)?,
    };
    // Version 2 needs no package, and every engine since 20.10 takes it.
    if !situation.cgroups && situation.services == Services::None {
        actions.push(Action::Mount(words(&[
            "mount",
            "-t",
            "cgroup2",
            "cgroup2",
            "/sys/fs/cgroup",
        ])));
    }
    actions.extend(situation.leftovers.iter().cloned().map(Action::Clean));
    actions.push(match situation.services {
        Services::Systemd => {
            Action::StartService(words(&["systemctl", "start", "docker"]), By::Systemd)
        }
        Services::OpenRc => {
            Action::StartService(words(&["rc-service", "docker", "start"]), By::OpenRc)
        }
        Services::None => Action::StartProgram {
            command: site.command(),
            log: site.daemon_log(),
        },
    });
    Ok(actions)
}

fn stopped(situation: &Situation, site: &Site) -> Result<Vec<Action>, EngineError> {
    match (&situation.started, situation.daemon) {
        (Some(record), _) => Ok(vec![Action::Stop(record.clone())]),
        (None, Daemon::Down) => Ok(vec![]),
        (None, Daemon::Answering | Daemon::Silent(_) | Daemon::Denied) => {
            let how = match (situation.services, situation.daemon) {
                (Services::Systemd, _) => "`systemctl stop docker.socket docker`".to_owned(),
                (Services::OpenRc, _) => "`rc-service docker stop`".to_owned(),
                (Services::None, Daemon::Silent(Some(pid))) => format!("`kill {pid}`"),
                (Services::None, _) => format!("`kill $(cat {})`", site.pid_file.display()),
            };
            Err(EngineError::new(
                ErrorKind::Other,
                Text::verbatim(format!(
                    "the engine at {} was not started by roadlab, so it is left alone: stop it with {how}",
                    url(&site.socket)
                )),
            ))
        }
    }
}

fn install(situation: &Situation, package: Package) -> Result<Vec<Action>, EngineError> {
    let wanted = match package {
        Package::Engine => "Docker Engine",
        Package::Mmdebstrap => "mmdebstrap",
    };
    let Some(manager) = situation.packages else {
        return Err(EngineError::new(
            ErrorKind::Other,
            Text::verbatim(format!(
                "cannot install {wanted}: there is none of {} here; install it by hand, then try again",
                PackageManager::PROGRAMS.join(", ")
            )),
        ));
    };
    let names = manager.names(package);
    if names.is_empty() {
        return Err(EngineError::new(
            ErrorKind::Other,
            Text::verbatim(format!(
                "cannot install {wanted}: this system has no package of it; bring images from another machine with `roadlab images export` and `roadlab images import`"
            )),
        ));
    }
    let refresh = manager.refresh().map(Action::Refresh);
    let install = Action::Install(manager.install(&names));
    Ok(refresh.into_iter().chain([install]).collect())
}

/// The actions as a person would type them, a line each.
pub fn commands(actions: &[Action], situation: &Situation) -> Vec<String> {
    let lines = actions.iter().filter_map(Action::shell);
    match situation.root {
        true => lines.collect(),
        false => lines
            .map(|line| match line.contains(['>', '&']) {
                // The redirection, too, needs the rights.
                true => format!("sudo sh -c {}", quoted(&line)),
                false => format!("sudo {line}"),
            })
            .collect(),
    }
}

impl Action {
    /// `None` for a wait.
    pub(super) fn shell(&self) -> Option<String> {
        match self {
            Self::Refresh(command)
            | Self::Install(command)
            | Self::Mount(command)
            | Self::StartService(command, _) => Some(joined(command)),
            Self::Clean(Leftover::PidFile(path) | Leftover::Socket(path)) => {
                Some(format!("rm -f {}", quoted(&path.to_string_lossy())))
            }
            Self::Clean(Leftover::Containerd(process)) => Some(format!("kill {}", process.pid)),
            Self::StartProgram { command, log } => {
                let log = log.to_string_lossy();
                let command = joined(command);
                Some(format!(
                    "setsid {command} </dev/null >>{} 2>&1 &",
                    quoted(&log)
                ))
            }
            Self::Wait => None,
            Self::Stop(record) => Some(match record.by {
                By::Program => format!("kill {}", record.process.pid),
                By::Systemd => joined(&stop_service(By::Systemd)),
                By::OpenRc => joined(&stop_service(By::OpenRc)),
            }),
        }
    }
}

/// How a service manager stops the engine; empty for a program.
pub(super) fn stop_service(by: By) -> Vec<String> {
    match by {
        By::Program => vec![],
        // The socket first, or the next caller would wake the service up again.
        By::Systemd => words(&["systemctl", "stop", "docker.socket", "docker"]),
        By::OpenRc => words(&["rc-service", "docker", "stop"]),
    }
}

/// A command as a shell takes it.
pub(in crate::engine) fn joined(command: &[String]) -> String {
    let words: Vec<_> = command.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
