//! Guards the runs of this process: if it ends in any way, the reaper removes them.
//!
//! The reaper is a detached process of the same program at the other end of a socket. It writes one byte when it is ready and
//! receives runs, one a line. When the socket closes, it reads the journal of each run and removes those that were not kept
//! (`reap.rs`). Nothing is created before it is ready.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use rustix::net::SendFlags;
use tokio::net::UnixStream;
use tokio::sync::OnceCell;

use crate::engine::clock;
use crate::lab::RunId;
use crate::runner::Failure;
use crate::store::{Journal, JournalLock, Lifetime, UnwritableJournal, open_log};
use crate::text;

/// Starting the reaper takes milliseconds, on a busy machine longer.
const START: Duration = Duration::from_secs(10);

/// The byte that the reaper writes when it is ready.
pub const READY: u8 = b'+';

/// The command that starts the reaper.
#[derive(Debug, Clone)]
pub struct ReaperCommand {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// The file of its standard error.
    pub log: PathBuf,
}

/// The runs that this process owns.
pub struct RunGuard {
    launch: ReaperCommand,
    folder: PathBuf,
    /// The locks of runs that were kept: no other process removes them while this one lives. Dropped before the reaper's
    /// socket.
    kept: RefCell<Vec<JournalLock>>,
    /// The runs that must be removed if this process ends now.
    runs: RefCell<BTreeMap<RunId, JournalLock>>,
    reaper: RefCell<Option<Rc<Reaper>>>,
}

struct Reaper {
    socket: UnixStream,
    /// Set when it has written its byte. Several runs may wait for that at the same time.
    ready: OnceCell<()>,
}

impl RunGuard {
    /// `folder` is the folder of the journals. Starts nothing yet.
    pub fn new(launch: ReaperCommand, folder: PathBuf) -> Self {
        Self {
            launch,
            folder,
            kept: RefCell::default(),
            runs: RefCell::default(),
            reaper: RefCell::default(),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the reaper if it was not started yet. Does not wait until it is ready.
    pub fn begin(&self) -> Result<(), Failure> {
        let mut reaper = self.reaper.borrow_mut();
        if reaper.is_none() {
            *reaper = Some(Rc::new(start(&self.launch).map_err(reaper_failure)?));
        }
        Ok(())
    }

    /// Guards a run from now on. Returns when the reaper has received it and the journal is written.
    pub async fn guard(&self, journal: &Journal) -> Result<(), Failure> {
        self.begin()?;
        self.wait_until_ready().await.map_err(reaper_failure)?;
        self.send(&journal.run).map_err(reaper_failure)?;
        let held = journal.write(&self.folder).map_err(unguarded)?;
        self.runs.borrow_mut().insert(journal.run.clone(), held);
        Ok(())
    }

    /// Guards the removal of a run: if this process ends before it is complete, the reaper goes on. The removal itself does not
    /// depend on that.
    pub fn end(&self, journal: &Journal) {
        let ending = Journal {
            life: Lifetime::Removing,
            ..journal.clone()
        };
        // A full disk or a missing reaper must not prevent the removal.
        if self.begin().is_ok() {
            let _ = self.send(&ending.run);
        }
        if let Ok(held) = ending.write(&self.folder) {
            self.runs.borrow_mut().insert(ending.run.clone(), held);
        }
    }

    /// Keeps a run after this process has ended. If it has a time limit, the reaper waits for it.
    pub fn keep(&self, journal: &Journal) -> Result<(), Failure> {
        if journal.until.is_some() && self.begin().is_ok() {
            // If the reaper was killed, the next command removes the run after its time.
            let _ = self.send(&journal.run);
        }
        let held = journal.write(&self.folder).map_err(not_kept)?;
        self.kept.borrow_mut().push(held);
        self.runs.borrow_mut().remove(&journal.run);
        Ok(())
    }

    /// Removes the journal of a run of which nothing is left.
    pub fn forget(&self, run: &RunId) {
        Journal::remove(&self.folder, run);
        self.runs.borrow_mut().remove(run);
    }

    /// Returns the runs that must be removed if this process ends now.
    pub fn runs(&self) -> Vec<RunId> {
        self.runs.borrow().keys().cloned().collect()
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let reaper = self.reaper.borrow().clone();
        let reaper = reaper.context("it was not started")?;
        let ready = reaper.ready.get_or_try_init(async || {
            let answer = clock::timeout(START, read_byte(&reaper.socket)).await;
            let ready = matches!(answer, Ok(Ok(READY)));
            anyhow::ensure!(ready, "it did not start; see {}", self.launch.log.display());
            Ok(())
        });
        ready.await.copied()
    }

    /// Sends a run to the reaper. A line fits into the socket's buffer, so this never blocks; it fails if the reaper ended.
    fn send(&self, run: &RunId) -> anyhow::Result<()> {
        let line = format!("{run}\n");
        let reaper = self.reaper.borrow();
        let reaper = reaper.as_ref().context("it was not started")?;
        let sent = rustix::net::send(&reaper.socket, line.as_bytes(), SendFlags::NOSIGNAL);
        anyhow::ensure!(sent == Ok(line.len()), "it has ended");
        Ok(())
    }
}

fn start(launch: &ReaperCommand) -> anyhow::Result<Reaper> {
    let (own, remote) = std::os::unix::net::UnixStream::pair().context("cannot create a socket")?;
    own.set_nonblocking(true)
        .context("cannot create a socket")?;
    let own = UnixStream::from_std(own).context("cannot create a socket")?;
    let log =
        open_log(&launch.log).with_context(|| format!("cannot write {}", launch.log.display()))?;
    Command::new(&launch.program)
        .arg0("roadlab")
        .args(&launch.arguments)
        // Its working folder must not keep a file system in use.
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(remote)))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot run {}", launch.program.display()))?;
    Ok(Reaper {
        socket: own,
        ready: OnceCell::new(),
    })
}

/// Reads one byte without exclusive access to the socket.
async fn read_byte(socket: &UnixStream) -> std::io::Result<u8> {
    let mut byte = [0];
    loop {
        socket.readable().await?;
        match socket.try_read(&mut byte) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn reaper_failure(error: impl Into<anyhow::Error>) -> Failure {
    Failure::Environment(text!(
        "cannot start the cleanup process: {reason}; nothing was created, so nothing is left behind",
        reason = format!("{:#}", error.into())
    ))
}

/// The run may exist; its journal says what it said before.
fn not_kept(error: UnwritableJournal) -> Failure {
    Failure::Environment(text!(
        "{reason}; a lab that this command started is removed when the command ends, and one that was running stays as it was",
        reason = error
    ))
}

fn unguarded(error: UnwritableJournal) -> Failure {
    Failure::Environment(text!(
        "{reason}; nothing was created, so nothing is left behind",
        reason = error
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Instance, LabId};

    #[test]
    fn a_run_that_cannot_be_kept_is_not_reported_as_never_created() {
        let folder = tempfile::tempdir().unwrap();
        let launch = ReaperCommand {
            program: "true".into(),
            arguments: Vec::new(),
            log: folder.path().join("log"),
        };
        let guard = RunGuard::new(launch, folder.path().to_owned());
        let journal = Journal {
            run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
            folder: "labs/redis".into(),
            workspace: None,
            life: Lifetime::Persistent,
            until: None,
            network: None,
            draw: None,
            paused: None,
        };
        // A journal that cannot be read is not overwritten.
        let file = folder.path().join(format!("{}.json", journal.run));
        std::fs::write(file, "{").unwrap();
        let text = guard.keep(&journal).unwrap_err().to_string();
        assert!(!text.contains("nothing was created"), "{text}");
        assert!(
            text.ends_with("one that was running stays as it was"),
            "{text}"
        );
    }
}
