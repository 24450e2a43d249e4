//! Who holds a lock that a MySQL or MariaDB session waits for.

use crate::probe::error::{LockHolder, WayOut};
use crate::probe::lock_watch::shorten;
use crate::probe::mysql_session::{Login, Session};
use crate::text;

/// Returns the oldest other transaction while a session waits for a lock. Which of several transactions holds it, only the
/// performance schema could tell, which MariaDB and small servers have switched off. A user without the privilege `PROCESS`
/// sees none.
pub(super) async fn holder(port: u16, login: &Login, id: i64) -> Option<LockHolder> {
    let mut session = Session::open(port, login).await.ok()?.ok()?;
    let query = format!(
        "SELECT other.ID, other.COMMAND, other.INFO
         FROM information_schema.PROCESSLIST own, information_schema.PROCESSLIST other
         JOIN information_schema.INNODB_TRX trx ON trx.trx_mysql_thread_id = other.ID
         WHERE own.ID = {id} AND other.ID <> {id}
           AND (own.STATE LIKE '%lock%' OR {id} IN
                (SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'))
         ORDER BY trx.trx_started, other.ID LIMIT 1"
    );
    let rows = session.rows(&query).await;
    session.close().await;
    let mut row = rows.ok()?.into_iter().next()?.into_iter();
    let mut cell = || row.next().flatten();
    Some(lock_holder(&cell()?, &cell()?, cell()))
}

/// Returns the holder of a lock from the number of its connection, its command and its statement. The command is `Sleep`
/// between two statements of a transaction.
fn lock_holder(id: &str, command: &str, statement: Option<String>) -> LockHolder {
    let way_out = match command {
        "Sleep" => WayOut::EndTransaction { last: None },
        _ => WayOut::Wait {
            statement: statement.map(|statement| shorten(&statement)),
        },
    };
    LockHolder {
        who: text!("connection {id}", id),
        way_out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::error::ProbeError;

    #[track_caller]
    fn check(command: &str, statement: Option<&str>, expected: &str) {
        let holder = lock_holder("7", command, statement.map(str::to_owned));
        assert_eq!(ProbeError::Locked(holder).to_string(), expected);
    }

    #[test]
    fn the_holder_of_a_lock_is_named_with_the_way_out() {
        check(
            "Sleep",
            None,
            "another session holds a lock: COMMIT or ROLLBACK there (connection 7)",
        );
        check(
            "Query",
            Some("SELECT  SLEEP(60)"),
            "another session holds a lock: wait until its statement ends, or cancel it there (connection 7; its statement: SELECT SLEEP(60))",
        );
    }
}
