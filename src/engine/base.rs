//! The Debian base image of our recipes, made here where it cannot be pulled.
//!
//! `mmdebstrap` makes a root file system in a tar file; importing that is the engine's business, installing
//! `mmdebstrap` is `install`'s. No mirror is named: the tool knows Debian's own, the machine its proxy.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use super::clock::timeout;
use super::error::{EngineError, ErrorKind};
use super::install::{Tail, find_program};

type Result<T> = std::result::Result<T, EngineError>;

/// It takes half a minute with a fast network.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
const LOOK: Duration = Duration::from_millis(50);
/// How many lines of output an error shows.
const SHOWN: usize = 10;
const PREFIX: &str = "roadlab-base-";
const LOCK: &str = "lock";

/// A release of Debian that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    Bookworm,
    Trixie,
}

impl Suite {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// Bookworm would else get all of Perl, only to merge `/usr`, which the hook does before.
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

/// The release in the name of a base image; `None` for anything else, and for one that is pinned to a digest.
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

/// The name of the image that we make: never the official one.
pub fn local_name(suite: Suite) -> String {
    format!("roadlab/debian:{}", suite.name())
}

/// A root file system in a tar file; its folder goes when this is dropped.
#[derive(Debug)]
pub struct BaseTar {
    folder: WorkFolder,
}

impl BaseTar {
    pub fn path(&self) -> PathBuf {
        self.folder.path.join("base.tar")
    }
}

/// Makes the root file system of a release in a new folder below `folder`; dropping the future ends the work and
/// removes all of it.
pub async fn make(suite: Suite, folder: &Path, on_line: &mut dyn FnMut(&str)) -> Result<BaseTar> {
    if find_program("mmdebstrap").is_none() {
        return Err(EngineError::new(
            ErrorKind::NotFound,
            "cannot make a base image: `mmdebstrap` is not installed; run the command again with `--yes` to install it",
        ));
    }
    let failed =
        |error: &std::io::Error| other(suite, &format!(" in {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    sweep(folder);
    let tar = BaseTar {
        folder: WorkFolder::new(folder).map_err(|error| failed(&error))?,
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
    let ended = timeout(PATIENCE, async {
        loop {
            tokio::select! {
                ended = child.wait() => break ended,
                () = sleep(LOOK) => tail.read(on_line),
            }
        }
    });
    let ended = ended.await;
    tail.finish(on_line);
    match ended {
        Ok(Ok(status)) if status.success() => Ok(tar),
        Ok(Ok(status)) => Err(other(
            suite,
            &format!(": mmdebstrap failed ({status}){}", tail.shown(SHOWN)),
        )),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(other(
            suite,
            &format!(
                ": mmdebstrap has not ended after {} minutes{}",
                PATIENCE.as_secs() / 60,
                tail.shown(SHOWN)
            ),
        )),
    }
}

/// Whose rights the tool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rights {
    Root,
    User,
}

fn rights() -> Rights {
    match rustix::process::geteuid().is_root() {
        true => Rights::Root,
        false => Rights::User,
    }
}

/// The tool and its arguments.
fn command(suite: Suite, tar: &Path, rights: Rights) -> Vec<String> {
    // As root it mounts `/dev`, `/proc` and `/sys` of the machine below its folder. In namespaces of their own these
    // mounts cannot be met by who removes the folder, and nothing outlives the first process, nor that us.
    let apart: &[&str] = match rights {
        Rights::Root => &[
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ],
        Rights::User => &[],
    };
    let same = [
        "mmdebstrap",
        "--variant=minbase",
        "--include=ca-certificates,tini",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        // Packages that a recipe installs start no services, as in Debian's own image. Without the skip the tool would
        // remove that file in the end.
        "--skip=chroot/policy-rc.d",
        r#"--essential-hook=printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d""#,
        r#"--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log"#,
        // They are this machine's, and the image may travel.
        r#"--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf""#,
    ];
    let tar = tar.to_string_lossy();
    let words = apart.iter().chain(&same).chain(suite.arguments()).copied();
    words
        .chain([suite.name(), tar.as_ref()])
        .map(str::to_owned)
        .collect()
}

/// A private folder, locked as long as somebody works in it.
#[derive(Debug)]
struct WorkFolder {
    path: PathBuf,
    /// Held open for its lock.
    _lock: File,
}

impl WorkFolder {
    fn new(parent: &Path) -> std::io::Result<Self> {
        // The lock is taken before it gets its name there, so that `sweep` never sees it free.
        let lock = tempfile::NamedTempFile::new_in(parent)?;
        lock.as_file().lock()?;
        let path = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(parent)?
            .keep();
        let lock = lock.persist(path.join(LOCK))?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // A killed process may write for a moment more.
        for _ in 0..100 {
            match std::fs::remove_dir_all(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                _ => return,
            }
        }
    }
}

/// Removes what a killed run left; a folder whose lock is held is in use.
fn sweep(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let lock = File::open(entry.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            // Best effort: the next run tries again.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn other(suite: Suite, why: &str) -> EngineError {
    EngineError::new(
        ErrorKind::Other,
        format!("cannot make a base image of Debian {}{why}", suite.name()),
    )
}

#[cfg(test)]
mod tests;
