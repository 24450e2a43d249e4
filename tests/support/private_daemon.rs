//! A Docker daemon that only one test uses. It has its own namespaces for network, mounts and processes, and keeps all of its
//! data in a temporary folder. A test may freeze it, kill it, fill its disk and start it again.
//!
//! Its first process ends when the test closes a pipe, which happens however the test ends, and the kernel then ends all other
//! processes of the namespace.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness;
use crate::support::engine_lab::EngineLab;
use crate::support::{TIME_LIMIT, eventually};

/// The options of `unshare` for the namespaces of a daemon.
const NAMESPACES: [&str; 6] = [
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
];

/// The first process: each line that it reads starts the daemon. Perl enables the loopback interface because `ip` is not on
/// every machine. `bash` reaps orphaned processes, so that none of them looks as if it were running.
const INIT_SCRIPT: &str = r#"
mount -t tmpfs tmpfs /run || exit
perl -e '$up = pack("a16 s x14", "lo", 0x41); socket(S, 2, 1, 0) && ioctl(S, 0x8914, $up) or die "lo: $!"' || exit
[ -z "$2" ] || mount -t tmpfs -o "size=$2" tmpfs "$1/data" || exit
while read -r _; do
  dockerd --config-file "$1/daemon.json" >> "$1/log" 2>&1 < /dev/null &
done
"#;

/// A daemon without images and containers.
struct Daemon {
    folder: TempDir,
    init: Child,
    /// A line starts the daemon; closing it ends all processes.
    input: Option<ChildStdin>,
}

impl Daemon {
    /// `disk` limits the size of its data, such as `440m`; an empty text does not.
    fn start(disk: &str) -> Self {
        let folder = TempDir::with_prefix("roadlab-").expect("a temporary folder");
        let path = |below: &str| folder.path().join(below);
        fs::create_dir(path("data")).expect("the folder is writable");
        let settings = json!({
            "data-root": path("data"),
            "exec-root": path("exec"),
            "pidfile": path("docker.pid"),
            "hosts": [format!("unix://{}", path("docker.sock").display())],
            "default-address-pools": [{ "base": "10.213.0.0/22", "size": 24 }],
            "cgroup-parent": format!("/{}", name(folder.path())),
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
        });
        fs::write(path("daemon.json"), settings.to_string()).expect("the folder is writable");
        let mut init = Command::new("unshare")
            .args(NAMESPACES)
            .args(["bash", "-c", INIT_SCRIPT, "init"])
            .arg(folder.path())
            .arg(disk)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the harness has run unshare");
        let input = init.stdin.take();
        let mut daemon = Self {
            folder,
            init,
            input,
        };
        daemon.restart();
        daemon
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn restart(&mut self) {
        let input = self.input.as_mut().expect("it is not dropped");
        input.write_all(b"\n").expect("the first process runs");
        let start = Instant::now();
        while !self.responds() {
            let ended = self.init.try_wait().expect("a child process");
            let waits = start.elapsed() < TIME_LIMIT && ended.is_none();
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(waits, "the daemon never responds:\n{}", log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn responds(&self) -> bool {
        let response = UnixStream::connect(self.path("docker.sock")).and_then(|mut stream| {
            stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n")?;
            std::io::read_to_string(stream)
        });
        response.is_ok_and(|response| response.contains("200 OK"))
    }

    /// The id of the first process of its namespaces, as seen from this machine.
    fn init(&self) -> i32 {
        let unshare = self.init.id().cast_signed();
        child(unshare, "bash").expect("the first process runs")
    }

    /// The daemon itself, if it runs.
    fn dockerd(&self) -> Option<Pid> {
        child(self.init(), "dockerd").and_then(Pid::from_raw)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.input.take());
        let ended = self.init.wait();
        let group = name(self.folder.path());
        let gone = eventually(|| groups(&group).iter().all(|group| remove_group(group)));
        if !std::thread::panicking() {
            ended.expect("a child process");
            assert!(gone, "left: {:?}", groups(&group));
        }
    }
}

/// The tiny lab on a daemon of its own, with its image; the program runs in the network of that daemon. When this is dropped,
/// all resources of the daemon must be as they were before, whatever their labels.
pub(crate) struct PrivateDaemon {
    /// Dropped before its daemon.
    pub(crate) lab: EngineLab,
    daemon: Daemon,
    before: Vec<String>,
}

impl PrivateDaemon {
    pub(crate) fn start() -> Self {
        Self::with_disk("")
    }

    /// Starts a daemon that has this much disk for images and containers, such as `440m`.
    pub(crate) fn with_disk(disk: &str) -> Self {
        let mut lab = EngineLab::tiny();
        lab.run("images export images.tar LAB", 0);
        let daemon = Daemon::start(disk);
        lab.socket = daemon.path("docker.sock").display().to_string();
        lab.namespace = ["nsenter", "--net", "--target"].map(str::to_owned).into();
        lab.namespace.push(daemon.init().to_string());
        lab.run("images import images.tar", 0);
        fs::remove_file(lab.copy.path("images.tar")).expect("the copy is writable");
        let mut private = Self {
            lab,
            daemon,
            before: Vec::new(),
        };
        private.before = private.all_resources();
        private
    }

    /// All containers, networks and volumes of the daemon.
    pub(crate) fn all_resources(&self) -> Vec<String> {
        let list = |path, within: &str, id| {
            let all = self.lab.request("GET", path, &Value::Null);
            let all = all.pointer(within).and_then(Value::as_array).cloned();
            let all = all.unwrap_or_default().into_iter();
            let mut all: Vec<String> = all.map(|one| format!("{path} {}", one[id])).collect();
            all.sort();
            all
        };
        let mut all = list("/containers/json?all=1", "", "Id");
        // By name, because the daemon creates its own networks each time that it starts.
        all.extend(list("/networks", "", "Name"));
        all.extend(list("/volumes", "/Volumes", "Name"));
        all
    }

    /// The folder with the data of the daemon, by a path that leads into its mount namespace.
    pub(crate) fn data(&self) -> PathBuf {
        let data = self.daemon.path("data");
        let data = data.strip_prefix("/").expect("an absolute path");
        let root = format!("/proc/{}/root", self.daemon.init());
        Path::new(&root).join(data)
    }

    /// Sends a signal to the daemon. SIGSTOP has stopped all of its threads when this returns: one that has not noticed it yet
    /// would still answer.
    pub(crate) fn send_signal(&self, signal: Signal) {
        let daemon = self.daemon.dockerd().expect("the daemon runs");
        kill_process(daemon, signal).expect("the daemon runs");
        if signal == Signal::STOP {
            let stopped = eventually(|| threads(daemon).all(|status| status.contains("State:\tT")));
            assert!(stopped, "the daemon still runs");
        }
    }

    /// Sends a signal that ends the daemon, and waits until it has ended.
    pub(crate) fn end(&self, signal: Signal) {
        self.send_signal(signal);
        let ended = eventually(|| self.daemon.dockerd().is_none());
        assert!(ended, "the daemon still runs");
    }

    /// Starts the daemon that was ended, with the data that it has left.
    pub(crate) fn restart(&mut self) {
        self.daemon.restart();
    }
}

impl Drop for PrivateDaemon {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.all_resources(), self.before);
        }
    }
}

/// The reason why a private daemon cannot be started on this machine.
pub(crate) fn unavailable() -> Option<String> {
    if !harness::is_root() {
        return Some("only root can start one".to_owned());
    }
    let namespaces = [&NAMESPACES[..], &["true"]].concat();
    harness::fails("dockerd", &["--version"]).or_else(|| harness::fails("unshare", &namespaces))
}

/// The status of each thread of a process, as `/proc` shows it.
fn threads(process: Pid) -> impl Iterator<Item = String> {
    let folder = format!("/proc/{}/task", process.as_raw_nonzero());
    let threads = fs::read_dir(folder).expect("the process runs").flatten();
    threads.map(|thread| fs::read_to_string(thread.path().join("status")).unwrap_or_default())
}

/// The child of a process that has this name.
fn child(parent: i32, name: &str) -> Option<i32> {
    let processes = fs::read_dir("/proc").expect("/proc is readable");
    let mut pids = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = format!("PPid:\t{parent}");
    pids.find(|pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mut lines = status.lines();
        lines.next() == Some(&format!("Name:\t{name}")) && lines.any(|line| line == parent)
    })
}

/// The control groups of this name: one, or one for each controller of cgroup v1.
fn groups(name: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let parents = entries.map(|entry| entry.path()).chain([root.to_owned()]);
    let groups = parents.map(|parent| parent.join(name));
    groups.filter(|group| group.exists()).collect()
}

/// Removes a control group and those below it; returns false if one of them still has processes.
fn remove_group(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() && !remove_group(&entry.path()) {
            return false;
        }
    }
    fs::remove_dir(group).is_ok()
}

fn name(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str());
    name.expect("a name of letters").to_owned()
}
