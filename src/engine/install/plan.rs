//! Decides what to do about an engine, and shows it as commands that a user would type. Pure.

use super::observe::{DaemonState, MachineState};
use super::process::command_line;
use super::site::{DaemonRecord, DaemonSite};
use crate::engine::error::{EngineError, ErrorKind};
use crate::engine::locate::url;
use crate::text;
use crate::text::Text;

/// What the machine should be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A running engine.
    Running,
    /// The engine that roadlab started is stopped.
    Stopped,
    /// `mmdebstrap` is installed, which makes base images where none can be pulled.
    BaseTool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Updates the package lists. A failure is not fatal: the broken list of another program need not matter.
    UpdatePackageLists,
    InstallPackages(&'static [&'static str]),
    MountControlGroups,
    /// Has systemd start the daemon, and waits for its answer.
    StartService,
    /// Starts the daemon detached with this command line, waits for its answer, and records that roadlab started it.
    StartDaemon(Vec<String>),
    /// Waits until a daemon that is already there answers.
    Wait,
    StopDaemon(DaemonRecord),
}

/// Without the recommended packages the engine would find no certificates for a pull.
const ENGINE: &[&str] = &["docker.io", "ca-certificates"];

/// Ubuntu does not have Debian's keys, and `mount` is only recommended.
const BASE_TOOL: &[&str] = &["mmdebstrap", "debian-archive-keyring", "mount"];

const STOP_SERVICE: &str = "systemctl stop docker.socket docker";

/// Returns the actions that reach a goal, in order; none if it is reached. The error says what the user can do instead.
pub fn plan(
    machine: &MachineState,
    goal: Goal,
    site: &DaemonSite,
) -> Result<Vec<Action>, EngineError> {
    match goal {
        Goal::Running => start(machine, site),
        Goal::Stopped => stop(machine, site),
        Goal::BaseTool if machine.mmdebstrap => Ok(Vec::new()),
        Goal::BaseTool if machine.apt => Ok(install(BASE_TOOL)),
        Goal::BaseTool => Err(EngineError::new(
            ErrorKind::Other,
            text!("roadlab installs `mmdebstrap` on Debian and Ubuntu only"),
        )
        .help(text!(
            "copy images from another machine with `roadlab images export` and `roadlab images import`"
        ))),
    }
}

fn start(machine: &MachineState, site: &DaemonSite) -> Result<Vec<Action>, EngineError> {
    match machine.daemon {
        DaemonState::Running => return Ok(Vec::new()),
        DaemonState::Unresponsive => return Ok(vec![Action::Wait]),
        DaemonState::Denied => {
            return Err(EngineError::permission_denied(&Text::verbatim(url(
                &site.socket
            ))));
        }
        DaemonState::Stopped => {}
    }
    let mut actions = match (machine.dockerd, machine.apt) {
        (true, _) => Vec::new(),
        (false, true) => install(ENGINE),
        (false, false) => {
            return Err(EngineError::new(
                ErrorKind::Unreachable,
                text!("Docker Engine is not installed, and roadlab installs it on Debian and Ubuntu only"),
            )
            .help(text!(
                "install it with `curl -fsSL https://get.docker.com | sudo sh`, see https://docs.docker.com/engine/install/"
            )));
        }
    };
    match machine.systemd {
        true => actions.push(Action::StartService),
        false => {
            if !machine.cgroups {
                actions.push(Action::MountControlGroups);
            }
            actions.push(Action::StartDaemon(site.command.clone()));
        }
    }
    Ok(actions)
}

fn stop(machine: &MachineState, site: &DaemonSite) -> Result<Vec<Action>, EngineError> {
    match (&machine.started, machine.daemon) {
        (Some(record), _) => Ok(vec![Action::StopDaemon(record.clone())]),
        (None, DaemonState::Stopped) => Ok(Vec::new()),
        (None, _) => {
            let address = url(&site.socket);
            let command = match machine.systemd {
                true => STOP_SERVICE,
                false => "kill $(cat /var/run/docker.pid)",
            };
            Err(EngineError::new(
                ErrorKind::Other,
                text!("roadlab did not start the engine at {address}", address),
            )
            .help(text!("stop it with `{command}`", command)))
        }
    }
}

fn install(packages: &'static [&'static str]) -> Vec<Action> {
    vec![
        Action::UpdatePackageLists,
        Action::InstallPackages(packages),
    ]
}

/// Returns the actions as the user would type them, one command each.
pub fn commands(actions: &[Action], machine: &MachineState) -> Vec<String> {
    let lines = actions.iter().filter_map(Action::shell);
    lines
        .map(|line| match machine.root {
            true => line,
            // The redirection, too, needs root.
            false if line.ends_with('&') => format!("sudo sh -c '{line}'"),
            false => format!("sudo {line}"),
        })
        .collect()
}

impl Action {
    /// Returns the command line to run; `None` for what is not a command.
    pub(super) fn command(&self) -> Option<Vec<String>> {
        let fixed: &[&str] = match self {
            Action::UpdatePackageLists => &["apt-get", "update"],
            Action::InstallPackages(packages) => {
                // On a machine that just booted, an update in the background may hold the lock.
                let install = [
                    "apt-get",
                    "install",
                    "-y",
                    "--no-install-recommends",
                    "-o",
                    "DPkg::Lock::Timeout=120",
                ];
                let words = install.iter().chain(*packages);
                return Some(words.map(|word| (*word).to_owned()).collect());
            }
            // Every engine since 20.10 supports version 2, and it needs no package.
            Action::MountControlGroups => &["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"],
            Action::StartService => &["systemctl", "start", "docker"],
            Action::StartDaemon(_) | Action::Wait | Action::StopDaemon(_) => return None,
        };
        Some(fixed.iter().map(|word| (*word).to_owned()).collect())
    }

    /// Returns the action as a shell command; `None` for a wait.
    pub(super) fn shell(&self) -> Option<String> {
        match self {
            Action::StartDaemon(command) => Some(format!(
                "setsid {} >/var/log/dockerd.log 2>&1 &",
                command_line(command)
            )),
            Action::StopDaemon(record) => Some(format!("kill {}", record.process.pid)),
            other => other.command().map(|command| command_line(&command)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn fresh_debian() -> MachineState {
        MachineState {
            root: true,
            apt: true,
            systemd: false,
            cgroups: true,
            dockerd: false,
            mmdebstrap: false,
            daemon: DaemonState::Stopped,
            started: None,
        }
    }

    fn installed() -> MachineState {
        MachineState {
            dockerd: true,
            ..fresh_debian()
        }
    }

    /// The plan as the user would type it, or why there is none.
    #[track_caller]
    fn check(machine: &MachineState, goal: Goal, expected: &[&str]) {
        let site = DaemonSite::system(Path::new("/s"));
        let actual = match plan(machine, goal, &site) {
            Ok(actions) => commands(&actions, machine),
            Err(error) => vec![format!("error: {error}")],
        };
        assert_eq!(actual, expected);
    }

    const UPDATE: &str = "apt-get update";
    const INSTALL: &str = "apt-get install -y --no-install-recommends -o 'DPkg::Lock::Timeout=120' docker.io ca-certificates";
    const START: &str = "setsid dockerd >/var/log/dockerd.log 2>&1 &";

    #[test]
    fn fresh_machine_gets_the_engine_installed_and_started() {
        check(&fresh_debian(), Goal::Running, &[UPDATE, INSTALL, START]);
        let systemd = MachineState {
            systemd: true,
            cgroups: false,
            ..fresh_debian()
        };
        let service = "systemctl start docker";
        check(&systemd, Goal::Running, &[UPDATE, INSTALL, service]);
    }

    #[test]
    fn only_what_is_missing_is_done() {
        check(&installed(), Goal::Running, &[START]);
        let no_cgroups = MachineState {
            cgroups: false,
            ..installed()
        };
        let mount = "mount -t cgroup2 cgroup2 /sys/fs/cgroup";
        check(&no_cgroups, Goal::Running, &[mount, START]);
        let running = MachineState {
            daemon: DaemonState::Running,
            ..installed()
        };
        check(&running, Goal::Running, &[]);
        let unresponsive = MachineState {
            daemon: DaemonState::Unresponsive,
            ..installed()
        };
        let site = DaemonSite::system(Path::new("/s"));
        let actions = plan(&unresponsive, Goal::Running, &site).unwrap();
        assert_eq!(actions, [Action::Wait]);
    }

    #[test]
    fn user_other_than_root_sees_commands_with_sudo() {
        let user = MachineState {
            root: false,
            ..fresh_debian()
        };
        let sudo = |command: &str| format!("sudo {command}");
        let expected = [
            sudo(UPDATE),
            sudo(INSTALL),
            "sudo sh -c 'setsid dockerd >/var/log/dockerd.log 2>&1 &'".to_owned(),
        ];
        check(
            &user,
            Goal::Running,
            &expected.each_ref().map(String::as_str),
        );
    }

    #[test]
    fn other_systems_get_the_official_command() {
        let fedora = MachineState {
            apt: false,
            ..fresh_debian()
        };
        check(
            &fedora,
            Goal::Running,
            &[
                "error: Docker Engine is not installed, and roadlab installs it on Debian and Ubuntu only; install it with \
                 `curl -fsSL https://get.docker.com | sudo sh`, see https://docs.docker.com/engine/install/",
            ],
        );
        check(
            &fedora,
            Goal::BaseTool,
            &[
                "error: roadlab installs `mmdebstrap` on Debian and Ubuntu only; copy images from another machine with \
                 `roadlab images export` and `roadlab images import`",
            ],
        );
    }

    #[test]
    fn denied_user_is_an_error() {
        let denied = MachineState {
            root: false,
            daemon: DaemonState::Denied,
            ..installed()
        };
        let site = DaemonSite::system(Path::new("/s"));
        let error = plan(&denied, Goal::Running, &site).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
    }

    #[test]
    fn only_the_daemon_that_roadlab_started_is_stopped() {
        let site = DaemonSite::system(Path::new("/s"));
        let running = MachineState {
            daemon: DaemonState::Running,
            ..installed()
        };
        let ours = MachineState {
            started: Some(DaemonRecord::example(42, &site)),
            ..running.clone()
        };
        check(&ours, Goal::Stopped, &["kill 42"]);
        check(&fresh_debian(), Goal::Stopped, &[]);
        let foreign =
            "error: roadlab did not start the engine at unix:///var/run/docker.sock; stop it with";
        let kill = format!("{foreign} `kill $(cat /var/run/docker.pid)`");
        check(&running, Goal::Stopped, &[&kill]);
        let systemd = MachineState {
            systemd: true,
            ..running
        };
        let service = format!("{foreign} `{STOP_SERVICE}`");
        check(&systemd, Goal::Stopped, &[&service]);
    }

    #[test]
    fn base_tool_is_installed_if_it_is_missing() {
        check(
            &fresh_debian(),
            Goal::BaseTool,
            &[
                UPDATE,
                "apt-get install -y --no-install-recommends -o 'DPkg::Lock::Timeout=120' mmdebstrap debian-archive-keyring mount",
            ],
        );
        let there = MachineState {
            mmdebstrap: true,
            ..fresh_debian()
        };
        check(&there, Goal::BaseTool, &[]);
    }
}
