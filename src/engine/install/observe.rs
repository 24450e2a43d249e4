//! Inspects the machine. Decides nothing and changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::site::{DaemonRecord, DaemonSite};
use crate::engine::docker::Docker;
use crate::engine::locate::{Endpoint, EndpointSource};
use crate::engine::{ErrorKind, System, clock};

const PING: Duration = Duration::from_secs(3);

/// What [`super::plan`] needs to know of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineState {
    /// Whether this process runs as root.
    pub root: bool,
    /// Whether packages are installed with `apt-get`.
    pub apt: bool,
    /// Whether systemd starts services.
    pub systemd: bool,
    /// Whether control groups are mounted; containers need them.
    pub cgroups: bool,
    /// Whether `dockerd` is installed.
    pub dockerd: bool,
    /// Whether `mmdebstrap` is installed.
    pub mmdebstrap: bool,
    pub daemon: DaemonState,
    /// The daemon that roadlab started, if it still runs.
    pub started: Option<DaemonRecord>,
}

/// The state of the daemon at a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaemonState {
    Running,
    /// It accepts connections and does not answer: it starts, or it is frozen.
    Unresponsive,
    /// This user may not connect to the socket.
    Denied,
    Stopped,
}

/// Inspects the machine; takes up to three seconds if the daemon does not answer.
pub async fn observe(site: &DaemonSite) -> MachineState {
    MachineState {
        root: rustix::process::geteuid().is_root(),
        apt: find_program("apt-get").is_some(),
        systemd: Path::new("/run/systemd/system").is_dir(),
        // An empty folder is the mount point alone.
        cgroups: std::fs::read_dir("/sys/fs/cgroup").is_ok_and(|mut names| names.next().is_some()),
        dockerd: find_program("dockerd").is_some(),
        mmdebstrap: find_program("mmdebstrap").is_some(),
        daemon: daemon_state(&site.socket).await,
        started: DaemonRecord::read(site),
    }
}

/// Finds a program on the path or in the folders of system programs, which are often not on a user's path.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Returns the state of the daemon at a socket, within three seconds.
pub(super) async fn daemon_state(socket: &Path) -> DaemonState {
    let endpoint = Endpoint {
        socket: socket.to_owned(),
        source: EndpointSource::System,
    };
    let Ok(docker) = Docker::connect(&endpoint) else {
        return DaemonState::Stopped;
    };
    match clock::timeout(PING, docker.ping()).await {
        Ok(Ok(())) => DaemonState::Running,
        Ok(Err(error)) => match error.kind {
            ErrorKind::Unreachable => DaemonState::Stopped,
            ErrorKind::Denied => DaemonState::Denied,
            _ => DaemonState::Unresponsive,
        },
        Err(_) => DaemonState::Unresponsive,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn daemon_runs_if_it_answers() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        assert_eq!(daemon_state(&socket).await, DaemonState::Stopped);

        let listener = UnixListener::bind(&socket).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 10];
            stream.read_exact(&mut request).unwrap();
            assert_eq!(&request, b"GET /_ping");
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
                .unwrap();
            listener
        });
        assert_eq!(daemon_state(&socket).await, DaemonState::Running);

        drop(server.join().unwrap());
        let stale = daemon_state(&socket).await;
        assert_eq!(stale, DaemonState::Stopped, "a socket without a listener");
    }

    #[tokio::test]
    async fn daemon_that_never_answers_is_unresponsive() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(daemon_state(&socket).await, DaemonState::Unresponsive);
    }
}
