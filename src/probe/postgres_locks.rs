//! Who holds a lock that a PostgreSQL session waits for.

use std::cell::RefCell;
use std::time::Duration;

use crate::probe::error::{LockHolder, WayOut};
use crate::probe::mode::ProbeMode;
use crate::probe::postgres_session::{Login, Session};
use crate::text;

/// How long a statement may wait before the reason is searched for, and the pause between two searches.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest part of a statement that is shown, in characters.
const SHOWN: usize = 100;

/// Watches a session that executes a statement. Returns who holds the lock that it waits for, unless the mode writes: such a
/// statement may wait for as long as its step allows, and `found` keeps the last result.
pub(super) async fn watch(
    port: u16,
    login: &Login,
    pid: Option<i32>,
    mode: ProbeMode,
    found: &RefCell<Option<LockHolder>>,
) -> LockHolder {
    let Some(pid) = pid else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(PATIENCE).await;
        let holder = holder(port, login, pid).await;
        match (holder, mode) {
            (Some(holder), ProbeMode::ReadOnly | ProbeMode::RolledBack) => return holder,
            (holder, _) => drop(found.replace(holder)),
        }
    }
}

/// Returns who holds the lock that a session waits for: the first in the chain of those that wait for each other.
async fn holder(port: u16, login: &Login, pid: i32) -> Option<LockHolder> {
    let opened = Session::open(port, login, ProbeMode::ReadOnly).await;
    let session = opened.ok()?.ok()?;
    let query = format!(
        "WITH RECURSIVE holder(pid, depth) AS (
           SELECT unnest(pg_blocking_pids({pid})), 1
           UNION SELECT unnest(pg_blocking_pids(pid)), depth + 1 FROM holder WHERE pid > 0 AND depth < 10)
         SELECT pid, application_name, state, query, (SELECT min(gid) FROM pg_prepared_xacts)
         FROM holder LEFT JOIN pg_stat_activity USING (pid)
         WHERE cardinality(pg_blocking_pids(pid)) = 0 ORDER BY state = 'active', pid LIMIT 1"
    );
    let rows = session.rows(&query).await;
    session.close().await;
    let row = rows.ok()?.into_iter().next()?;
    let cell = |at: usize| row.get(at).cloned().flatten();
    lock_holder(cell(0)?, cell(1), cell(2), cell(3), cell(4))
}

fn lock_holder(
    pid: String,
    program: Option<String>,
    state: Option<String>,
    query: Option<String>,
    prepared: Option<String>,
) -> Option<LockHolder> {
    let who = match program.filter(|program| !program.is_empty()) {
        Some(program) => text!("`{program}`, process {pid}", program, pid = &pid),
        None => text!("process {pid}", pid = &pid),
    };
    let statement = query.filter(|query| !query.is_empty() && !query.starts_with("<insufficient"));
    let statement = statement.map(|statement| shorten(&statement));
    let way_out = match state.as_deref() {
        // The server reports a prepared transaction as process 0.
        _ if pid == "0" => WayOut::EndPrepared { id: prepared? },
        Some(idle) if idle.starts_with("idle in transaction") => {
            WayOut::EndTransaction { last: statement }
        }
        Some("active") => WayOut::Wait { statement },
        Some(_) => WayOut::EndTransaction { last: statement },
        None => WayOut::Wait { statement: None },
    };
    Some(LockHolder { who, way_out })
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
    use crate::probe::error::ProbeError;

    #[track_caller]
    fn check(cells: [&str; 5], expected: &str) {
        let cell = |at: usize| {
            Some(cells[at])
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
        };
        let holder = lock_holder(cells[0].to_owned(), cell(1), cell(2), cell(3), cell(4));
        assert_eq!(ProbeError::Locked(holder.unwrap()).to_string(), expected);
    }

    #[test]
    fn the_holder_of_a_lock_is_named_with_the_way_out() {
        check(
            [
                "7",
                "psql",
                "idle in transaction",
                "ALTER TABLE t\n  ADD x int",
                "",
            ],
            "another session holds a lock: COMMIT or ROLLBACK there (`psql`, process 7; its last statement: ALTER TABLE t ADD x int)",
        );
        check(
            [
                "7",
                "",
                "idle in transaction (aborted)",
                "<insufficient privilege>",
                "",
            ],
            "another session holds a lock: COMMIT or ROLLBACK there (process 7)",
        );
        check(
            ["7", "psql", "active", "SELECT pg_sleep(60)", ""],
            "another session holds a lock: wait until its statement ends, or cancel it there (`psql`, process 7; its statement: SELECT pg_sleep(60))",
        );
        check(
            ["0", "", "", "", "late"],
            "a prepared transaction holds a lock: run COMMIT PREPARED or ROLLBACK PREPARED with its id `late`",
        );
    }

    #[test]
    fn long_statements_are_shortened() {
        assert_eq!(shorten("SELECT\n 1"), "SELECT 1");
        assert_eq!(shorten(&"가".repeat(300)).chars().count(), SHOWN + 1);
    }
}
