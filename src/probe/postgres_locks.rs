//! Who holds a lock that a PostgreSQL session waits for.

use crate::probe::error::{LockHolder, WayOut};
use crate::probe::lock_watch::shorten;
use crate::probe::mode::ProbeMode;
use crate::probe::postgres_session::{Login, Session};
use crate::text;

/// Returns who holds the lock that a session waits for: the first in the chain of those that wait for each other.
pub(super) async fn holder(port: u16, login: &Login, pid: i64) -> Option<LockHolder> {
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
}
