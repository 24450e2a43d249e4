//! A transaction that stays open, as a learner's forgotten one does. Only the test of a lab opens one.

use crate::lab::{SqlProbe, StepKind};
use crate::probe::error::ProbeError;
use crate::probe::mode::ProbeMode;
use crate::probe::mysql_session::SqlError;
use crate::probe::sql::{Server, server};
use crate::probe::sql_session::SqlSession;
use crate::probe::target::Target;
use crate::probe::{mongo_transaction, mysql_session, postgres_session};
use crate::text::Text;

/// Locks every table of the database as an `UPDATE` would.
const LOCK_POSTGRES_TABLES: &str = "BEGIN; DO $roadlab$ DECLARE one record; BEGIN
    FOR one IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
    LOOP EXECUTE format('LOCK TABLE %I.%I IN ROW EXCLUSIVE MODE', one.schemaname, one.tablename); END LOOP;
    END $roadlab$";

/// Returns the statements that lock every table of the database, as an `UPDATE` of no row would.
const LOCK_MYSQL_TABLES: &str =
    "SELECT CONCAT('SELECT 1 FROM `', REPLACE(TABLE_NAME, '`', '``'), '` LIMIT 0 FOR UPDATE')
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'";

/// An open transaction. It ends with [`end`](Self::end), or when it is dropped.
pub struct OpenTransaction(Session);

enum Session {
    Postgres(postgres_session::Session),
    MySql(mysql_session::Session),
    Mongo(Box<mongo_transaction::Transaction>),
}

/// Opens a transaction in the database of a step, with a lock on every table or collection. Returns `None` for a step of another
/// kind.
pub async fn open_transaction<E>(
    act: &StepKind,
    target: &Target<'_, E>,
) -> Result<Option<OpenTransaction>, ProbeError> {
    let session = match act {
        StepKind::Sql(probe) => match server(&probe.service, target)? {
            Server::Postgres => Session::Postgres(in_postgres(probe, target).await?),
            Server::MySql => Session::MySql(in_mysql(probe, target).await?),
        },
        StepKind::Mongo(probe) => {
            Session::Mongo(Box::new(mongo_transaction::open(probe, target).await?))
        }
        _ => return Ok(None),
    };
    Ok(Some(OpenTransaction(session)))
}

async fn in_postgres<E>(
    probe: &SqlProbe,
    target: &Target<'_, E>,
) -> Result<postgres_session::Session, ProbeError> {
    let refused =
        |error: tokio_postgres::Error| ProbeError::NoAnswer(Text::quotation(error.to_string()));
    let (port, login) = postgres_session::Session::login(probe, target)?;
    let opened = postgres_session::Session::open(port, &login, ProbeMode::ReadWrite).await?;
    let session = opened.map_err(refused)?;
    match session.rows(LOCK_POSTGRES_TABLES).await {
        Ok(_) => Ok(session),
        Err(error) => {
            session.close().await;
            Err(refused(error))
        }
    }
}

async fn in_mysql<E>(
    probe: &SqlProbe,
    target: &Target<'_, E>,
) -> Result<mysql_session::Session, ProbeError> {
    let refused = |error: SqlError| ProbeError::NoAnswer(error.text());
    let (port, login) = mysql_session::Session::login(probe, target)?;
    let opened = mysql_session::Session::open(port, &login).await?;
    let mut session = opened.map_err(|error| refused(SqlError::Server(error)))?;
    match lock_mysql_tables(&mut session).await {
        Ok(()) => Ok(session),
        Err(error) => {
            session.close().await;
            Err(refused(error))
        }
    }
}

async fn lock_mysql_tables(session: &mut mysql_session::Session) -> Result<(), SqlError> {
    let statements = session.rows(LOCK_MYSQL_TABLES).await?;
    session.rows("START TRANSACTION").await?;
    for statement in statements.into_iter().flatten().flatten() {
        session.rows(&statement).await?;
    }
    Ok(())
}

impl OpenTransaction {
    /// Rolls the transaction back and ends its session.
    pub async fn end(self) {
        match self.0 {
            Session::Postgres(session) => session.close().await,
            Session::MySql(session) => session.close().await,
            Session::Mongo(transaction) => transaction.abort().await,
        }
    }
}
