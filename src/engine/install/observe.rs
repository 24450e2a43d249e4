//! Looks at the machine. Decides nothing and changes nothing.

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::sleep;

use super::packages::PackageManager;
use super::process::{Process, arguments, running};
use super::record::Record;
use super::situation::{Daemon, Leftover, Services, Site, Situation};
use crate::engine::clock::{self, timeout};

const PING: Duration = Duration::from_secs(3);
const DYING: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);

/// What became of a call to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Answered,
    /// Taken, and not answered in time.
    Silent,
    Denied,
    /// Nobody listens, or there is no socket.
    Nobody,
}

/// Everything `plan` needs to know; takes up to three seconds where a daemon is silent.
pub async fn observe(site: &Site) -> Situation {
    let services = services(site);
    let daemon = settled(site).await;
    let leftovers = match daemon {
        Daemon::Down => leftovers(site, services).await,
        Daemon::Answering | Daemon::Silent(_) | Daemon::Denied => vec![],
    };
    Situation {
        root: rustix::process::geteuid().is_root(),
        dockerd: find_program("dockerd").is_some(),
        mmdebstrap: find_program("mmdebstrap").is_some(),
        daemon,
        packages: packages(),
        services,
        // An empty folder is the mount point alone.
        cgroups: std::fs::read_dir("/sys/fs/cgroup").is_ok_and(|mut names| names.next().is_some()),
        leftovers,
        started: Record::read(&site.record(), &site.socket),
    }
}

/// A program on the path or where system programs lie, which are often not on a user's path.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Whether a daemon runs there. One that was killed a moment ago still takes calls until the kernel has closed its socket.
async fn settled(site: &Site) -> Daemon {
    let deadline = clock::now() + DYING;
    loop {
        let seen = daemon(site).await;
        if seen != Daemon::Silent(None) || clock::now() >= deadline {
            return seen;
        }
        sleep(LOOK).await;
    }
}

/// Whether a daemon runs there, at this moment.
pub(super) async fn daemon(site: &Site) -> Daemon {
    let process = daemon_process(site).map(|process| process.pid);
    match call(&site.socket).await {
        Call::Answered => Daemon::Answering,
        Call::Silent => Daemon::Silent(process),
        Call::Denied => Daemon::Denied,
        Call::Nobody if process.is_some() => Daemon::Silent(process),
        Call::Nobody => Daemon::Down,
    }
}

/// The daemon its pid file names, if it is one and lives.
pub(super) fn daemon_process(site: &Site) -> Option<Process> {
    let running = running(read_pid(&site.pid_file)?)?;
    (running.program == "dockerd").then_some(running.process)
}

/// What a killed daemon left. Seen with Docker 20.10: a pid file blocks the next start while its process is a zombie or
/// its number is taken by another; containerd's pid file likewise, for 15 s and then for good, as does a containerd that lives.
pub(super) async fn leftovers(site: &Site, services: Services) -> Vec<Leftover> {
    let mut found = vec![];
    let containerd = site.containerd_pid_file();
    found.extend(orphan(site).map(Leftover::Containerd));
    for file in [containerd, site.pid_file.clone()] {
        if file.is_file() {
            found.push(Leftover::PidFile(file));
        }
    }
    // systemd listens on sockets for daemons that it has not started yet.
    if services == Services::None {
        for socket in std::iter::once(&site.socket).chain(&site.containerd_socket) {
            let there = std::fs::metadata(socket).is_ok_and(|meta| meta.file_type().is_socket());
            if there && call(socket).await == Call::Nobody {
                found.push(Leftover::Socket(socket.clone()));
            }
        }
    }
    found
}

/// The containerd of this site's last daemon, if it lives.
fn orphan(site: &Site) -> Option<Process> {
    let running = running(read_pid(&site.containerd_pid_file())?)?;
    let config = site.containerd_config().canonicalize().ok()?;
    let ours = arguments(running.process.pid).iter().any(|argument| {
        Path::new(argument)
            .canonicalize()
            .is_ok_and(|path| path == config)
    });
    (running.program == "containerd" && ours).then_some(running.process)
}

fn read_pid(file: &Path) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Asks for `/_ping`. By hand, because this must work before there is anything to connect a client to.
async fn call(socket: &Path) -> Call {
    let asked = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream
            .write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
            .await?;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await?;
        Ok::<_, std::io::Error>(start)
    };
    match timeout(PING, asked).await {
        Ok(Ok(start)) if start.starts_with(b"HTTP/1.1 200") => Call::Answered,
        // Something else listens there, or the daemon is on its way up or down.
        Ok(Ok(_)) | Err(_) => Call::Silent,
        Ok(Err(error)) => match error.kind() {
            ErrorKind::PermissionDenied => Call::Denied,
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                Call::Silent
            }
            _ => Call::Nobody,
        },
    }
}

fn services(site: &Site) -> Services {
    match site.private {
        Some(_) => Services::None,
        None if Path::new("/run/systemd/system").is_dir() => Services::Systemd,
        None if Path::new("/run/openrc/softlevel").exists() => Services::OpenRc,
        None => Services::None,
    }
}

fn packages() -> Option<PackageManager> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system_id(&release);
    let program = PackageManager::PROGRAMS
        .into_iter()
        .find(|program| find_program(program).is_some())?;
    PackageManager::named(program, system)
}

/// `ID` of an `os-release` file.
fn system_id(release: &str) -> &str {
    let line = release.lines().find_map(|line| line.strip_prefix("ID="));
    line.unwrap_or("").trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_says_what_it_is() {
        assert_eq!(
            system_id("NAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n"),
            "debian"
        );
        assert_eq!(system_id("ID=\"amzn\"\nID_LIKE=\"fedora\"\n"), "amzn");
        assert_eq!(system_id(""), "");
    }

    #[test]
    fn amazon_s_engine_has_another_name_than_fedora_s() {
        assert_eq!(
            PackageManager::named("dnf", "amzn"),
            Some(PackageManager::Dnf("docker"))
        );
        assert_eq!(
            PackageManager::named("dnf", "fedora"),
            Some(PackageManager::Dnf("moby-engine"))
        );
        assert_eq!(PackageManager::named("brew", ""), None);
    }

    /// A site in an empty folder.
    fn site(folder: &Path) -> Site {
        let exec_root = folder.join("exec");
        std::fs::create_dir_all(exec_root.join("containerd")).unwrap();
        Site {
            state: folder.join("state"),
            socket: folder.join("docker.sock"),
            pid_file: folder.join("docker.pid"),
            exec_root,
            containerd_socket: None,
            private: None,
        }
    }

    #[tokio::test]
    async fn a_listener_that_says_nothing_is_not_down() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path());
        assert_eq!(daemon(&site).await, Daemon::Down, "no socket");

        let listener = tokio::net::UnixListener::bind(&site.socket).unwrap();
        let hang_up = async { drop(listener.accept().await.unwrap()) };
        let (seen, ()) = tokio::join!(daemon(&site), hang_up);
        assert_eq!(seen, Daemon::Silent(None));

        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 18];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"GET /_ping HTTP/1.");
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        };
        let (seen, ()) = tokio::join!(daemon(&site), answer);
        assert_eq!(seen, Daemon::Answering);

        drop(listener);
        assert_eq!(daemon(&site).await, Daemon::Down, "a stale socket");
    }

    #[tokio::test]
    async fn leftovers_are_files_of_processes_that_are_gone_or_others() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path());
        assert_eq!(leftovers(&site, Services::None).await, []);

        // Both numbers belong to this test by now: alive, but neither dockerd nor containerd.
        let own = std::process::id().to_string();
        std::fs::write(&site.pid_file, &own).unwrap();
        std::fs::write(site.containerd_pid_file(), &own).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&site.socket).unwrap());
        let files = [site.containerd_pid_file(), site.pid_file.clone()].map(Leftover::PidFile);
        let socket = Leftover::Socket(site.socket.clone());
        assert_eq!(daemon(&site).await, Daemon::Down);
        assert_eq!(leftovers(&site, Services::Systemd).await, files);
        let all = leftovers(&site, Services::None).await;
        assert_eq!(all, [&files[..], &[socket]].concat());
    }
}
