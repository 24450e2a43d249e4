//! Waits for a time of the wall clock or for a change of a journal, without polling.
//!
//! A timer of CLOCK_REALTIME fires at the right time although the machine slept or its clock was set meanwhile, which a
//! sleep on the monotonic clock does not. A thread of its own blocks on the timer and on inotify.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::sync::oneshot;

use crate::lab::RunId;
use crate::store::now;

/// The longest sleep if the system has no timer or no thread for this process.
const FALLBACK: Duration = Duration::from_secs(60);

/// Notices the changes of one journal from the moment it is created.
pub(super) struct JournalWait {
    /// `None` if the system has no more inotify instances: then only the time ends the wait.
    changes: Option<Arc<OwnedFd>>,
    file_name: String,
}

impl JournalWait {
    /// `folder` is the folder of the journals.
    pub(super) fn new(folder: &Path, run: &RunId) -> Self {
        Self {
            changes: watch(folder).ok().map(Arc::new),
            file_name: format!("{run}.json"),
        }
    }

    /// Waits until a time, in seconds since 1970, or until the journal is replaced or removed.
    pub(super) async fn until(&self, time: u64) {
        let (sender, receiver) = oneshot::channel();
        let (changes, file_name) = (self.changes.clone(), self.file_name.clone());
        let wait = move || {
            // The receiver is gone if the wait was cancelled.
            let _ = sender.send(block_until(time, changes.as_deref(), &file_name));
        };
        let thread = std::thread::Builder::new().spawn(wait);
        let waited = match thread {
            Ok(_) => receiver.await.is_ok_and(|waited| waited.is_ok()),
            Err(_) => false,
        };
        if !waited {
            let left = Duration::from_secs(time.saturating_sub(now()));
            tokio::time::sleep(left.min(FALLBACK)).await;
        }
    }
}

fn watch(folder: &Path) -> io::Result<OwnedFd> {
    let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let events = WatchFlags::MOVED_TO | WatchFlags::MOVED_FROM | WatchFlags::DELETE;
    inotify::add_watch(&inotify, folder, events | WatchFlags::ONLYDIR)?;
    Ok(inotify)
}

/// Blocks until a time, in seconds since 1970, or until a file of the watched folder is replaced or removed.
fn block_until(time: u64, changes: Option<&OwnedFd>, file_name: &str) -> io::Result<()> {
    let timer = timer(time)?;
    let mut fds = vec![PollFd::new(&timer, PollFlags::IN)];
    fds.extend(changes.map(|changes| PollFd::new(changes, PollFlags::IN)));
    loop {
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let timed_out = !fds[0].revents().is_empty();
        if timed_out || has_changed(changes, file_name)? {
            return Ok(());
        }
    }
}

/// Reads the events that are there, and returns whether one is about the file or events were lost.
fn has_changed(changes: Option<&OwnedFd>, file_name: &str) -> io::Result<bool> {
    let Some(changes) = changes else {
        return Ok(false);
    };
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(changes, &mut buffer);
    let mut changed = false;
    loop {
        match reader.next() {
            Ok(event) => {
                let name = event.file_name().map(|name| name.to_bytes());
                let lost = ReadFlags::IGNORED | ReadFlags::QUEUE_OVERFLOW;
                changed |= name == Some(file_name.as_bytes()) || event.events().intersects(lost);
            }
            Err(Errno::WOULDBLOCK) => return Ok(changed),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes a timer that fires at a time of the wall clock, in seconds since 1970.
fn timer(time: u64) -> io::Result<OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC)?;
    let spec = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: Timespec {
            // A time of zero would disarm the timer.
            tv_sec: i64::try_from(time).unwrap_or(i64::MAX).max(1),
            tv_nsec: 0,
        },
    };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &spec)?;
    Ok(timer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: u64 = 1 << 40;
    /// Only a broken wait takes this long.
    const BOUND: Duration = Duration::from_secs(60);

    fn run() -> RunId {
        RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap()
    }

    /// Changes a folder while its journal is waited for, and checks whether the wait ends.
    async fn check(change: impl FnOnce(&Path), expected: bool) {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join(format!("{}.json", run()));
        std::fs::write(&journal, "{}").unwrap();
        let wait = JournalWait::new(folder.path(), &run());
        change(folder.path());
        // A change is reported at once; what is no change is never reported.
        let bound = match expected {
            true => BOUND,
            false => Duration::from_millis(50),
        };
        let waited = crate::engine::clock::timeout(bound, wait.until(FAR)).await;
        assert_eq!(waited.is_ok(), expected);
    }

    #[tokio::test]
    async fn wait_ends_when_the_journal_is_replaced_or_removed() {
        let journal = format!("{}.json", run());
        check(
            |folder| std::fs::remove_file(folder.join(&journal)).unwrap(),
            true,
        )
        .await;
        check(
            |folder| {
                std::fs::write(folder.join("new"), "{}").unwrap();
                std::fs::rename(folder.join("new"), folder.join(&journal)).unwrap();
            },
            true,
        )
        .await;
        check(|folder| std::fs::remove_dir_all(folder).unwrap(), true).await;
    }

    #[tokio::test]
    async fn wait_goes_on_when_another_journal_changes() {
        check(|_| {}, false).await;
        check(
            |folder| {
                std::fs::write(folder.join("other.json"), "{}").unwrap();
                std::fs::remove_file(folder.join("other.json")).unwrap();
            },
            false,
        )
        .await;
    }

    #[tokio::test]
    async fn wait_ends_at_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let wait = JournalWait::new(folder.path(), &run());
        wait.until(0).await;
        let soon = now() + 1;
        wait.until(soon).await;
        assert!(now() >= soon);
    }
}
