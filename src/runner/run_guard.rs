//! What survives us: the runs that must be gone if this program ends now, and the process that sees to it.
//!
//! The reaper is this program once more, detached, at the other end of a socket. It says one byte when it is ready and is told
//! runs, one a line. When the socket ends, however that came, it looks at the journal of each and removes those that were not
//! kept (`reap.rs`). Nothing is created before it is ready.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use rustix::net::SendFlags;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use crate::engine::clock;
use crate::lab::RunId;
use crate::runner::Failure;
use crate::store::{Journal, JournalLock, Lifetime, open_log};

/// A reaper that starts takes milliseconds; a machine that is busy takes longer.
const START: Duration = Duration::from_secs(10);

/// What a reaper says when it is ready.
pub const READY: u8 = b'+';

/// How a reaper is started.
#[derive(Debug, Clone)]
pub struct ReaperCommand {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Where its standard error goes.
    pub log: PathBuf,
}

/// The runs that this program answers for.
pub struct RunGuard {
    launch: ReaperCommand,
    folder: PathBuf,
    /// The locks of runs that were kept; while we live nobody else ends them. Dropped before the reaper's socket.
    kept: RefCell<Vec<JournalLock>>,
    /// Runs that must be gone if we end now.
    runs: RefCell<BTreeMap<RunId, JournalLock>>,
    reaper: RefCell<Option<Reaper>>,
}

struct Reaper {
    socket: UnixStream,
    ready: bool,
}

impl RunGuard {
    /// `folder` is that of the journals. Nothing is started yet.
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

    /// Starts the reaper, if there is none yet; it gets ready while we go on.
    pub fn begin(&self) -> Result<(), Failure> {
        let mut reaper = self.reaper.borrow_mut();
        if reaper.is_none() {
            *reaper = Some(start(&self.launch).map_err(no_reaper)?);
        }
        Ok(())
    }

    /// Answers for a run from now on: if we are gone, it goes. Returns when the reaper knows of it.
    pub async fn guard(&self, journal: &Journal) -> Result<(), Failure> {
        self.begin()?;
        self.wait_until_ready().await.map_err(no_reaper)?;
        self.emit(&journal.run).map_err(no_reaper)?;
        let held = journal.write(&self.folder).map_err(state_is_needed)?;
        self.runs.borrow_mut().insert(journal.run.clone(), held);
        Ok(())
    }

    /// A run is to be removed now: if we are gone before it is, the reaper goes on. Removing does not depend on it.
    pub fn end(&self, journal: &Journal) {
        let ending = Journal {
            life: Lifetime::Removing,
            ..journal.clone()
        };
        // A disk that is full or a reaper that does not start must not keep anybody from removing.
        if self.begin().is_ok() {
            let _ = self.emit(&ending.run);
        }
        if let Ok(held) = ending.write(&self.folder) {
            self.runs.borrow_mut().insert(ending.run.clone(), held);
        }
    }

    /// A run stays when we are gone. If its time is limited, the reaper waits for that.
    pub fn keep(&self, journal: &Journal) -> Result<(), Failure> {
        if journal.until.is_some() && self.begin().is_ok() {
            // If it was killed meanwhile, the next command ends the run when its time is over.
            let _ = self.emit(&journal.run);
        }
        let held = journal.write(&self.folder).map_err(state_is_needed)?;
        self.kept.borrow_mut().push(held);
        self.runs.borrow_mut().remove(&journal.run);
        Ok(())
    }

    /// Nothing of a run is left.
    pub fn forget(&self, run: &RunId) {
        Journal::remove(&self.folder, run);
        self.runs.borrow_mut().remove(run);
    }

    /// The runs that must be gone if we end now.
    pub fn runs(&self) -> Vec<RunId> {
        self.runs.borrow().keys().cloned().collect()
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let taken = self.reaper.borrow_mut().take();
        let mut reaper = taken.context("it was never started")?;
        if !reaper.ready {
            let said = clock::timeout(START, reaper.socket.read_u8()).await;
            let ready = matches!(said, Ok(Ok(READY)));
            anyhow::ensure!(ready, "it did not start; see {}", self.launch.log.display());
            reaper.ready = true;
        }
        *self.reaper.borrow_mut() = Some(reaper);
        Ok(())
    }

    /// A line fits into the socket's buffer, so this never waits; it fails if the reaper is gone.
    fn emit(&self, run: &RunId) -> anyhow::Result<()> {
        let line = format!("{run}\n");
        let reaper = self.reaper.borrow();
        let reaper = reaper.as_ref().context("it was never started")?;
        let told = rustix::net::send(&reaper.socket, line.as_bytes(), SendFlags::NOSIGNAL);
        anyhow::ensure!(told == Ok(line.len()), "it is gone");
        Ok(())
    }
}

fn start(launch: &ReaperCommand) -> anyhow::Result<Reaper> {
    let (ours, its) = std::os::unix::net::UnixStream::pair().context("no socket")?;
    ours.set_nonblocking(true).context("no socket")?;
    let ours = UnixStream::from_std(ours).context("no socket")?;
    let log =
        open_log(&launch.log).with_context(|| format!("cannot write {}", launch.log.display()))?;
    Command::new(&launch.program)
        .arg0("roadlab")
        .args(&launch.arguments)
        // No folder and no file system stays in use on its account.
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(its)))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot run {}", launch.program.display()))?;
    Ok(Reaper {
        socket: ours,
        ready: false,
    })
}

fn no_reaper(error: impl Into<anyhow::Error>) -> Failure {
    Failure::Environment(crate::text::Text::verbatim(format!(
        "no process to clean up after this one: {:#}; without it nothing is created, so that nothing can be left behind",
        error.into()
    )))
}

fn state_is_needed(error: anyhow::Error) -> Failure {
    Failure::Environment(crate::text::Text::verbatim(format!(
        "{error:#}: without its journal nothing is created, so that nothing can be left behind"
    )))
}
