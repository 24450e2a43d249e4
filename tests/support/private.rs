//! An engine that only one test has: a Docker daemon with namespaces of its own for network, mounts and processes, and all
//! that it keeps in a folder of its own. It may be frozen, killed, filled up and started again.
//!
//! Its first process ends with the pipe that this test holds, however the test ends, and the kernel ends all others with it.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::{EngineLab, soon};

/// What keeps the namespaces of a daemon apart from those of this machine.
const APART: [&str; 6] = [
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
];

/// The first process: each line that it reads starts the daemon once more. `ip`, which would set the loopback up in better
/// style, is not on every machine; `bash` collects the processes that others leave, so that none seems to live on.
const FIRST: &str = r#"
mount -t tmpfs tmpfs /run || exit
perl -e '$up = pack("a16 s x14", "lo", 0x41); socket(S, 2, 1, 0) && ioctl(S, 0x8914, $up) or die "lo: $!"' || exit
[ -z "$2" ] || mount -t tmpfs -o "size=$2" tmpfs "$1/data" || exit
while read -r _; do
  dockerd --config-file "$1/daemon.json" >> "$1/log" 2>&1 < /dev/null &
done
"#;

/// A daemon with nothing in it.
struct Daemon {
    folder: TempDir,
    first: Child,
    /// Dropped to end it all.
    starts: Option<ChildStdin>,
}

impl Daemon {
    /// `disk` is the size of what it has for images and containers, if that is to be limited: `440m`.
    fn start(disk: &str) -> Self {
        let folder = TempDir::with_prefix("roadlab-").expect("a temporary folder");
        let path = |below: &str| folder.path().join(below);
        fs::create_dir(path("data")).expect("a folder of ours");
        let settings = json!({
            "data-root": path("data"),
            "exec-root": path("exec"),
            "pidfile": path("docker.pid"),
            "hosts": [format!("unix://{}", path("docker.sock").display())],
            "default-address-pools": [{ "base": "10.213.0.0/22", "size": 24 }],
            "cgroup-parent": format!("/{}", name(folder.path())),
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
        });
        fs::write(path("daemon.json"), settings.to_string()).expect("a file of ours");
        let mut first = Command::new("unshare")
            .args(APART)
            .args(["bash", "-c", FIRST, "first"])
            .arg(folder.path())
            .arg(disk)
            .stdin(Stdio::piped())
            .spawn()
            .expect("unshare was seen to work");
        let starts = first.stdin.take();
        let mut daemon = Self {
            folder,
            first,
            starts,
        };
        daemon.start_again();
        daemon
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn start_again(&mut self) {
        let starts = self.starts.as_mut().expect("it is not dropped");
        starts.write_all(b"\n").expect("its first process lives");
        let begun = Instant::now();
        while !self.answers() {
            let ended = self.first.try_wait().expect("it can be waited for");
            let waits = begun.elapsed() < Duration::from_secs(60) && ended.is_none();
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(waits, "the daemon never answers:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> bool {
        let asked = UnixStream::connect(self.path("docker.sock")).and_then(|mut stream| {
            stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n")?;
            std::io::read_to_string(stream)
        });
        asked.is_ok_and(|answer| answer.contains("200 OK"))
    }

    /// The first process of its namespaces, as this machine numbers it.
    fn first(&self) -> i32 {
        let unshare = self.first.id().cast_signed();
        child(unshare, "bash").expect("the first process lives")
    }

    /// The daemon itself, if it runs.
    fn dockerd(&self) -> Option<Pid> {
        child(self.first(), "dockerd").and_then(Pid::from_raw)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.starts.take());
        let ended = self.first.wait();
        let group = name(self.folder.path());
        let gone = soon(|| groups(&group).iter().all(|group| remove_group(group)));
        if !std::thread::panicking() {
            ended.expect("it can be waited for");
            assert!(gone, "still there: {:?}", groups(&group));
        }
    }
}

/// The tiny lab on an engine of its own, with its image, and roadlab beside that engine. When this is dropped, all that is on
/// the engine must be as it was before, whatever its labels.
pub(crate) struct PrivateDaemon {
    /// Dropped before its engine.
    pub(crate) real: EngineLab,
    daemon: Daemon,
    before: Vec<String>,
}

impl PrivateDaemon {
    /// `None`, and a word about it, on a machine where it cannot be done.
    pub(crate) fn open() -> Option<Self> {
        Self::with_disk("")
    }

    /// With so much room for images and containers: `440m`.
    pub(crate) fn with_disk(disk: &str) -> Option<Self> {
        if let Err(why) = possible() {
            let missing = format!("NOT TRIED: a daemon of the test's own: {why}\n");
            let said = std::io::stderr().write_all(missing.as_bytes());
            said.expect("standard error is open");
            return None;
        }
        let mut real = EngineLab::copy_of("tests/labs/tiny");
        real.run("images export images.tar LAB", 0);
        let daemon = Daemon::start(disk);
        real.socket = daemon.path("docker.sock").display().to_string();
        real.within = ["nsenter", "--net", "--target"].map(str::to_owned).into();
        real.within.push(daemon.first().to_string());
        real.run("images import images.tar", 0);
        fs::remove_file(real.copy.path("images.tar")).expect("a file of ours");
        let mut private = Self {
            real,
            daemon,
            before: Vec::new(),
        };
        private.before = private.everything();
        Some(private)
    }

    /// All containers, networks and volumes of the engine, whosever they are.
    pub(crate) fn everything(&self) -> Vec<String> {
        let list = |path, within: &str, id| {
            let all = self.real.ask("GET", path, &Value::Null);
            let all = all.pointer(within).and_then(Value::as_array).cloned();
            let all = all.unwrap_or_default().into_iter();
            let mut all: Vec<String> = all.map(|one| format!("{path} {}", one[id])).collect();
            all.sort();
            all
        };
        let mut all = list("/containers/json?all=1", "", "Id");
        // The engine makes its own ones anew when it starts.
        all.extend(list("/networks", "", "Name"));
        all.extend(list("/volumes", "/Volumes", "Name"));
        all
    }

    /// A process in the engine's namespaces that lives as long as they do.
    pub(crate) fn first(&self) -> i32 {
        self.daemon.first()
    }

    /// Sends a signal to the daemon.
    pub(crate) fn send(&self, signal: Signal) {
        let daemon = self.daemon.dockerd().expect("the daemon runs");
        kill_process(daemon, signal).expect("the daemon runs");
    }

    /// Ends the daemon and waits until it is gone.
    pub(crate) fn end(&self, signal: Signal) {
        self.send(signal);
        assert!(soon(|| self.daemon.dockerd().is_none()), "it never ends");
    }

    /// Starts the daemon that was ended, as somebody finds it who comes back: with what the last one left in its folder.
    pub(crate) fn start_again(&mut self) {
        self.daemon.start_again();
    }
}

impl Drop for PrivateDaemon {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.everything(), self.before);
        }
    }
}

fn possible() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("only root can have one".to_owned());
    }
    let works = |program: &str, words: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(words).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!("{program}: {output:?}")),
            Err(error) => Err(format!("{program}: {error}")),
        }
    };
    works("dockerd", &["--version"])?;
    works("unshare", &[&APART[..], &["true"]].concat())
}

/// The child of a process that has this name.
fn child(parent: i32, name: &str) -> Option<i32> {
    let processes = fs::read_dir("/proc").expect("processes can be seen");
    let mut pids = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = format!("PPid:\t{parent}");
    pids.find(|pid: &i32| {
        let about = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mut lines = about.lines();
        lines.next() == Some(&format!("Name:\t{name}")) && lines.any(|line| line == parent)
    })
}

/// The control groups of this name: one, or one for each of the older kernel's controllers.
fn groups(name: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let below = fs::read_dir(root).into_iter().flatten().flatten();
    let places = below.map(|entry| entry.path()).chain([root.to_owned()]);
    let groups = places.map(|place| place.join(name));
    groups.filter(|group| group.exists()).collect()
}

/// Whether a group is gone with those below it; one whose processes still end is not.
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
