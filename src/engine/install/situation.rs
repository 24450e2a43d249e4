//! What `engine up` and `down` need to know of a machine, and of the place a daemon has on it.

use std::path::{Path, PathBuf};

use super::packages::PackageManager;
use super::process::Process;
use super::record::Record;
use crate::engine::locate::{SYSTEM_SOCKET, url};

/// The place of one daemon: the system's own, or a private one for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Our own folder, for the record of what we started and its log.
    pub state: PathBuf,
    pub socket: PathBuf,
    pub pid_file: PathBuf,
    /// Where the daemon keeps its running containerd.
    pub exec_root: PathBuf,
    /// A containerd of the system's own, which the daemon takes if this socket is there.
    pub containerd_socket: Option<PathBuf>,
    /// Flags of a private daemon; `None` for the system's, which has `/etc/docker/daemon.json`.
    pub private: Option<Private>,
}

/// What makes a daemon a private one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Private {
    /// A program that ends in running its own arguments, such as `unshare --net`.
    pub prefix: Vec<String>,
    pub data_root: PathBuf,
    pub extra_args: Vec<String>,
}

impl Site {
    /// The system's daemon; `state` is a folder of ours.
    pub fn system(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            socket: PathBuf::from(SYSTEM_SOCKET),
            pid_file: PathBuf::from("/var/run/docker.pid"),
            exec_root: PathBuf::from("/var/run/docker"),
            containerd_socket: Some(PathBuf::from("/run/containerd/containerd.sock")),
            private: None,
        }
    }

    pub fn record(&self) -> PathBuf {
        self.state.join("engine.json")
    }

    /// What a daemon that we started says.
    pub fn daemon_log(&self) -> PathBuf {
        self.state.join("dockerd.log")
    }

    /// What package and service managers said.
    pub fn setup_log(&self) -> PathBuf {
        self.state.join("engine-setup.log")
    }

    pub(super) fn containerd_pid_file(&self) -> PathBuf {
        self.exec_root.join("containerd/containerd.pid")
    }

    pub(super) fn containerd_config(&self) -> PathBuf {
        self.exec_root.join("containerd/containerd.toml")
    }

    /// The daemon with its flags.
    pub(super) fn command(&self) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let Some(private) = &self.private else {
            return vec!["dockerd".to_owned()];
        };
        let mut command = private.prefix.clone();
        command.extend([
            "dockerd".to_owned(),
            format!("--host=unix://{}", text(&self.socket)),
            format!("--data-root={}", text(&private.data_root)),
            format!("--exec-root={}", text(&self.exec_root)),
            format!("--pidfile={}", text(&self.pid_file)),
        ]);
        command.extend(private.extra_args.iter().cloned());
        command
    }
}

/// What was seen on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    pub root: bool,
    /// Whether there is a `dockerd`.
    pub dockerd: bool,
    /// Whether there is an `mmdebstrap`.
    pub mmdebstrap: bool,
    pub daemon: Daemon,
    pub packages: Option<PackageManager>,
    pub services: Services,
    /// Whether control groups are mounted; containers need them.
    pub cgroups: bool,
    /// Only looked for while no daemon runs.
    pub leftovers: Vec<Leftover>,
    /// The daemon that we started, if it still runs.
    pub started: Option<Record>,
}

/// Whether a daemon runs at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    Answering,
    /// It runs and does not answer: starting, frozen or overloaded. With its process, where that is known.
    Silent(Option<u32>),
    /// There is a socket, and this user may not use it.
    Denied,
    Down,
}

/// Who starts services on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    Systemd,
    OpenRc,
    None,
}

/// What a killed daemon left behind, as far as it keeps the next one from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftover {
    /// Its process is gone, not yet reaped, or another program by now.
    PidFile(PathBuf),
    /// Nobody listens.
    Socket(PathBuf),
    /// A containerd that outlived its daemon. Containers do not need it to go on.
    Containerd(Process),
}

/// `engine status` in words, a line each.
pub fn describe(situation: &Situation, site: &Site) -> Vec<String> {
    let place = url(&site.socket);
    let mut lines = vec![match situation.daemon {
        Daemon::Answering => format!("Docker answers at {place}"),
        Daemon::Silent(Some(pid)) => {
            format!("Docker runs as process {pid} and does not answer at {place}")
        }
        Daemon::Silent(None) => format!("something listens and does not answer at {place}"),
        Daemon::Denied => format!("permission denied on {place}"),
        Daemon::Down if situation.dockerd => {
            format!("Docker is installed and not running at {place}")
        }
        Daemon::Down => "Docker Engine is not installed".to_owned(),
    }];
    match &situation.started {
        Some(record) => lines.push(format!(
            "started by roadlab as process {}; stop it with `roadlab engine down`",
            record.process.pid
        )),
        None if situation.daemon != Daemon::Down => lines.push("not started by roadlab".to_owned()),
        None => {}
    }
    if let Some(log) = situation
        .started
        .as_ref()
        .and_then(|record| record.log.as_ref())
    {
        lines.push(format!("log: {}", log.display()));
    }
    for leftover in &situation.leftovers {
        lines.push(format!("left behind by a killed daemon: {leftover}"));
    }
    lines
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PidFile(path) | Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Containerd(process) => write!(f, "containerd, process {}", process.pid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::By;
    use super::*;

    #[test]
    fn the_system_s_daemon_has_no_flags_and_a_private_one_all_of_them() {
        let site = Site::system(Path::new("/s"));
        assert_eq!(site.command(), ["dockerd"]);
        let private = Site {
            socket: PathBuf::from("/p/sock"),
            pid_file: PathBuf::from("/p/pid"),
            exec_root: PathBuf::from("/p/exec"),
            private: Some(Private {
                prefix: vec!["unshare".to_owned(), "--net".to_owned()],
                data_root: PathBuf::from("/p/data"),
                extra_args: vec!["--debug".to_owned()],
            }),
            ..site
        };
        assert_eq!(
            private.command().join(" "),
            "unshare --net dockerd --host=unix:///p/sock --data-root=/p/data --exec-root=/p/exec --pidfile=/p/pid --debug"
        );
    }

    #[test]
    fn the_status_says_who_started_it_and_what_was_left_behind() {
        let down = Situation {
            root: true,
            dockerd: true,
            mmdebstrap: false,
            daemon: Daemon::Down,
            packages: None,
            services: Services::None,
            cgroups: true,
            leftovers: vec![Leftover::PidFile(PathBuf::from("/var/run/docker.pid"))],
            started: None,
        };
        let up = Situation {
            daemon: Daemon::Answering,
            leftovers: vec![],
            ..down.clone()
        };
        let record = Record {
            process: Process {
                pid: 42,
                started: 7,
            },
            socket: PathBuf::from(SYSTEM_SOCKET),
            log: Some(PathBuf::from("/s/dockerd.log")),
            by: By::Program,
        };
        let ours = Situation {
            started: Some(record),
            ..up.clone()
        };
        #[track_caller]
        fn check(situation: &Situation, expected: &[&str]) {
            assert_eq!(
                describe(situation, &Site::system(Path::new("/s"))),
                expected
            );
        }
        check(
            &down,
            &[
                "Docker is installed and not running at unix:///var/run/docker.sock",
                "left behind by a killed daemon: /var/run/docker.pid",
            ],
        );
        check(
            &up,
            &[
                "Docker answers at unix:///var/run/docker.sock",
                "not started by roadlab",
            ],
        );
        check(
            &ours,
            &[
                "Docker answers at unix:///var/run/docker.sock",
                "started by roadlab as process 42; stop it with `roadlab engine down`",
                "log: /s/dockerd.log",
            ],
        );
    }
}
