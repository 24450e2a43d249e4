//! The Debian base image of the recipes, created on this machine where it cannot be pulled.
//!
//! `mmdebstrap` creates a root file system in a tar file. The engine imports it, and `install` installs `mmdebstrap`:
//! neither happens here. No mirror is configured: the tool knows Debian's own, and the machine its proxy.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use super::clock::timeout;
use super::error::{EngineError, ErrorKind};
use super::install::{Tail, find_program};
use super::roles::Result;
use crate::text;

/// With a fast network it takes half a minute.
const TIMEOUT: Duration = Duration::from_secs(20 * 60);
const OUTPUT_POLL: Duration = Duration::from_millis(50);
/// How many lines of output an error shows.
const SHOWN_LINES: usize = 10;
/// How often, and how far apart, a folder is removed. For 30 s if a killed process still writes there: it ends only when its last
/// call has ended, which a busy disk delays by seconds. For 2 s after any other error.
const REMOVAL_ATTEMPTS: usize = 100;
const REMOVAL_ATTEMPTS_IN_USE: usize = 1500;
const REMOVAL_INTERVAL: Duration = Duration::from_millis(20);
const PREFIX: &str = "roadlab-base-";
const LOCK: &str = "lock";

/// A release of Debian whose base image can be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    Bookworm,
    Trixie,
}

impl Suite {
    /// Returns the release's name, such as `trixie`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The hook merges `/usr` before the packages are installed; otherwise bookworm would install all of Perl for it.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Bookworm => &[
                "--include=usr-is-merged",
                "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            ],
            Self::Trixie => &[],
        }
    }
}

/// Returns the release in the name of a base image; `None` for other images and for one with a digest.
pub fn suite(base_image: &str) -> Option<Suite> {
    let name = base_image.strip_prefix("docker.io/").unwrap_or(base_image);
    let tag = name
        .strip_prefix("library/")
        .unwrap_or(name)
        .strip_prefix("debian:")?;
    match tag.strip_suffix("-slim").unwrap_or(tag) {
        "bookworm" | "12" => Some(Suite::Bookworm),
        "trixie" | "13" => Some(Suite::Trixie),
        _ => None,
    }
}

/// Returns the name of the image that roadlab creates. It is never the official one.
pub fn local_name(suite: Suite) -> String {
    format!("roadlab/debian:{}", suite.name())
}

/// A root file system in a tar file. Its folder is removed when this is dropped.
#[derive(Debug)]
pub struct BaseTar {
    folder: WorkFolder,
}

impl BaseTar {
    /// Returns the tar file.
    pub fn path(&self) -> PathBuf {
        self.folder.path.join("base.tar")
    }
}

/// Creates the root file system of a release in a new folder below `folder`, and calls `on_line` with each line of output.
/// Dropping the future kills the tool and removes the folder, see [`finish_removals`].
///
/// Fails with [`ErrorKind::NoProgram`] if `mmdebstrap` is not installed, [`ErrorKind::Timeout`] or [`ErrorKind::Other`].
pub async fn make(suite: Suite, folder: &Path, on_line: &mut dyn FnMut(&str)) -> Result<BaseTar> {
    let operation = text!(
        "create a base image of Debian {release}",
        release = suite.name()
    );
    if find_program("mmdebstrap").is_none() {
        return Err(
            EngineError::new(ErrorKind::NoProgram, text!("`mmdebstrap` is not installed"))
                .during(&operation)
                .help(text!("run the command again with `--yes` to install it")),
        );
    }
    let error = |reason| EngineError::new(ErrorKind::Other, reason).during(&operation);
    let failed = |reason: &std::io::Error| {
        error(text!(
            "{folder}: {reason}",
            folder = folder.display(),
            reason = *reason
        ))
    };
    let tar = BaseTar {
        folder: prepare(folder).await.map_err(|error| failed(&error))?,
    };
    let log = tar.folder.path.join("log");
    let file = File::create(&log).map_err(|error| failed(&error))?;
    let mut tail = Tail::at_end(&log).map_err(|error| failed(&error))?;
    let command = command(suite, &tar.path(), rights());
    let (program, arguments) = command.split_first().expect("a command has a program");
    // Dropped before the folder, so that nothing writes there any more.
    let mut child = Command::new(find_program(program).unwrap_or_else(|| program.into()))
        .args(arguments)
        .env("TMPDIR", &tar.folder.path)
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(|error| failed(&error))?)
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    let ended = timeout(TIMEOUT, async {
        loop {
            tokio::select! {
                ended = child.wait() => break ended,
                () = sleep(OUTPUT_POLL) => tail.read(on_line),
            }
        }
    });
    let ended = ended.await;
    tail.finish(on_line);
    match ended {
        Ok(Ok(status)) if status.success() => Ok(tar),
        Ok(Ok(status)) => Err(error(text!(
            "mmdebstrap failed ({status}){output}",
            status,
            output = tail.shown(SHOWN_LINES)
        ))),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(EngineError::new(
            ErrorKind::Timeout,
            text!(
                "mmdebstrap did not end within {minutes} minutes{output}",
                minutes = TIMEOUT.as_secs() / 60,
                output = tail.shown(SHOWN_LINES)
            ),
        )
        .during(&operation)),
    }
}

/// Removes what earlier processes left below a folder and makes a new work folder there, on a thread of its own: a root
/// file system has thousands of files.
async fn prepare(folder: &Path) -> std::io::Result<WorkFolder> {
    let folder = folder.to_owned();
    let prepared = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        sweep(&folder);
        WorkFolder::new(&folder)
    });
    prepared
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The user that runs the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Privileges {
    Root,
    User,
}

fn rights() -> Privileges {
    match rustix::process::geteuid().is_root() {
        true => Privileges::Root,
        false => Privileges::User,
    }
}

/// Returns the tool and its arguments.
fn command(suite: Suite, tar: &Path, rights: Privileges) -> Vec<String> {
    // As root it mounts `/dev`, `/proc` and `/sys` of the machine below its folder. In namespaces of their own these
    // mounts are not visible when the folder is removed, and all processes end with the first one, and that with roadlab.
    let isolation: &[&str] = match rights {
        Privileges::Root => &[
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ],
        Privileges::User => &[],
    };
    let same = [
        "mmdebstrap",
        "--variant=minbase",
        "--include=ca-certificates,tini",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        // Packages that a recipe installs start no services, as in Debian's own image. Without `--skip` the tool would
        // remove that file at the end.
        "--skip=chroot/policy-rc.d",
        r#"--essential-hook=printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d""#,
        r#"--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log"#,
        // They describe this machine, and the image may be used on another.
        r#"--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf""#,
    ];
    let tar = tar.to_string_lossy();
    let words = isolation
        .iter()
        .chain(&same)
        .chain(suite.arguments())
        .copied();
    words
        .chain([suite.name(), tar.as_ref()])
        .map(str::to_owned)
        .collect()
}

/// A private folder, locked as long as it is in use. Dropping this removes it.
#[derive(Debug)]
struct WorkFolder {
    path: PathBuf,
    /// Open as long as the folder is locked.
    lock: Option<File>,
}

impl WorkFolder {
    fn new(parent: &Path) -> std::io::Result<Self> {
        // The file is locked before it gets its name in the folder, so that `sweep` never finds it unlocked.
        let lock = tempfile::NamedTempFile::new_in(parent)?;
        lock.as_file().lock()?;
        let path = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(parent)?
            .keep();
        let lock = lock.persist(path.join(LOCK))?;
        Ok(Self {
            path,
            lock: Some(lock),
        })
    }
}

/// The threads that remove work folders.
static REMOVALS: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

impl Drop for WorkFolder {
    /// Removes the folder on a thread of its own: a killed process may write for a moment more, and the caller must not
    /// wait for that.
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        let lock = self.lock.take();
        let removal = thread::Builder::new().spawn(move || {
            remove(&path);
            drop(lock);
        });
        // Without a thread the folder stays, unlocked, until `sweep` removes it.
        if let (Ok(removal), Ok(mut removals)) = (removal, REMOVALS.lock()) {
            removals.push(removal);
        }
    }
}

/// Waits until the work folders that were dropped are removed, at most half a minute for each. To be called before the
/// process ends, outside of the runtime.
pub fn finish_removals() {
    let removals = match REMOVALS.lock() {
        Ok(mut removals) => std::mem::take(&mut *removals),
        Err(_) => return,
    };
    for removal in removals {
        // Its panic was reported, and `sweep` removes what is left.
        let _ = removal.join();
    }
}

fn remove(folder: &Path) {
    for attempt in 1..REMOVAL_ATTEMPTS_IN_USE {
        let Err(error) = std::fs::remove_dir_all(folder) else {
            return;
        };
        match error.kind() {
            io::ErrorKind::NotFound => return,
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::ResourceBusy => {}
            _ if attempt >= REMOVAL_ATTEMPTS => return,
            _ => {}
        }
        thread::sleep(REMOVAL_INTERVAL);
    }
}

/// Removes the folders that killed processes left; one whose lock is held is in use.
fn sweep(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let lock = File::open(entry.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            // If that fails, the next call tries again.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
