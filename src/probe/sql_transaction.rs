//! A transaction that stays open, as a learner's forgotten one does. Only the test of a lab opens one.

use crate::lab::SqlProbe;
use crate::probe::error::ProbeError;
use crate::probe::mode::ProbeMode;
use crate::probe::sql::login;
use crate::probe::sql_session::Session;
use crate::probe::target::Target;
use crate::text::Text;

/// Locks every table of the database as an `UPDATE` would.
const LOCK_TABLES: &str = "BEGIN; DO $roadlab$ DECLARE one record; BEGIN
    FOR one IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
    LOOP EXECUTE format('LOCK TABLE %I.%I IN ROW EXCLUSIVE MODE', one.schemaname, one.tablename); END LOOP;
    END $roadlab$";

/// An open transaction. It ends with [`end`](Self::end), or when it is dropped.
pub struct OpenTransaction(Session);

/// Opens a transaction in the database of an SQL step, with a lock on every table.
pub async fn open_transaction<E>(
    probe: &SqlProbe,
    target: &Target<'_, E>,
) -> Result<OpenTransaction, ProbeError> {
    let (port, login) = login(probe, target)?;
    let opened = Session::open(port, &login, ProbeMode::ReadWrite).await?;
    let refused =
        |error: tokio_postgres::Error| ProbeError::NoAnswer(Text::verbatim(error.to_string()));
    let session = opened.map_err(refused)?;
    match session.rows(LOCK_TABLES).await {
        Ok(_) => Ok(OpenTransaction(session)),
        Err(error) => {
            session.close().await;
            Err(refused(error))
        }
    }
}

impl OpenTransaction {
    /// Rolls the transaction back and ends its session.
    pub async fn end(self) {
        self.0.close().await;
    }
}
