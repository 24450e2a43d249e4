//! Watches a request that may wait for a lock of another session, whatever the server.

use std::cell::RefCell;
use std::time::Duration;

use crate::probe::error::LockHolder;
use crate::probe::mode::ProbeMode;

/// How long a request may wait before the reason is searched for, and the pause between two searches.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest part of a statement that is shown, in characters.
const SHOWN: usize = 100;

/// Searches the holder of a lock again and again while a request waits. Returns it, unless the mode writes: such a request may
/// wait for as long as its step allows, and `found` keeps the last result.
pub(super) async fn watch(
    mode: ProbeMode,
    found: &RefCell<Option<LockHolder>>,
    search: impl AsyncFn() -> Option<LockHolder>,
) -> LockHolder {
    loop {
        tokio::time::sleep(PATIENCE).await;
        match (search().await, mode) {
            (Some(holder), ProbeMode::ReadOnly | ProbeMode::RolledBack) => return holder,
            (holder, _) => drop(found.replace(holder)),
        }
    }
}

/// Returns a statement in one line, at most [`SHOWN`] characters of it.
pub(super) fn shorten(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    use tokio::sync::Notify;

    use crate::probe::error::WayOut;
    use crate::text::Text;

    /// Watches a request until the second search, and returns the holder if that ends it.
    async fn watched(mode: ProbeMode) -> (Option<LockHolder>, Option<LockHolder>) {
        let (found, searches, second) = (RefCell::default(), Cell::new(0), Notify::new());
        let search = async || {
            searches.set(searches.get() + 1);
            if searches.get() == 2 {
                second.notify_one();
            }
            Some(LockHolder {
                who: Text::verbatim("process 7"),
                way_out: WayOut::EndMongoTransaction,
            })
        };
        let ended = tokio::select! {
            holder = watch(mode, &found, search) => Some(holder),
            () = second.notified() => None,
        };
        (ended, found.into_inner())
    }

    #[tokio::test]
    async fn the_holder_ends_a_request_that_only_reads_and_no_request_that_writes() {
        let (reads, tries, writes) = tokio::join!(
            watched(ProbeMode::ReadOnly),
            watched(ProbeMode::RolledBack),
            watched(ProbeMode::ReadWrite)
        );
        assert!(matches!(reads, (Some(_), None)));
        assert!(matches!(tries, (Some(_), None)));
        assert!(matches!(writes, (None, Some(_))));
    }

    #[test]
    fn long_statements_are_shortened() {
        assert_eq!(shorten("SELECT\n 1"), "SELECT 1");
        assert_eq!(shorten(&"가".repeat(300)).chars().count(), SHOWN + 1);
    }
}
