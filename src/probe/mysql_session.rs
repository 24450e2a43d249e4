//! A session with a MySQL or MariaDB server.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, IoError, Opts, OptsBuilder, Row, ServerError};
use serde_json::{Map, Value};

use crate::engine::clock;
use crate::expect::{Actual, Status};
use crate::lab::SqlText;
use crate::probe::closing;
use crate::probe::error::ProbeError;
use crate::probe::mode::ProbeMode;
use crate::probe::mysql_values::{as_text, size, value};
use crate::probe::sql_statement::unique_names;
use crate::probe::stopwatch;
use crate::text;
use crate::text::Text;

/// How long a server may take to close a session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The most bytes of one answer, and of one packet, that are kept. Answers are held to less.
const MAX_RECEIVED: usize = 16 << 20;

/// Finds the tables of the session's database that number their rows, and their next numbers.
const NEXT_NUMBERS: &str = "SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND AUTO_INCREMENT IS NOT NULL ORDER BY TABLE_NAME";

/// Lets MySQL read the next numbers from the tables instead of its cache. MariaDB has no cache and no such variable.
const NO_CACHE: &str = "SET SESSION information_schema_stats_expiry = 0";

/// The user and the database of a session.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) database: Option<String>,
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// Why a statement has no result.
pub(super) enum SqlError {
    /// The server's answer is an error.
    Server(ServerError),
    /// A `query` that is a script.
    SeveralStatements,
    TooLarge,
    /// The connection is gone.
    Lost(Text),
}

impl SqlError {
    pub(super) fn text(self) -> Text {
        match self {
            Self::Server(error) => Text::quotation(error.message),
            Self::SeveralStatements => {
                text!("`query` holds several statements; use `script`")
            }
            Self::TooLarge => ProbeError::TooLarge.text(),
            Self::Lost(reason) => reason,
        }
    }
}

impl From<Error> for SqlError {
    fn from(error: Error) -> Self {
        match error {
            Error::Server(error) => Self::Server(error),
            error => Self::Lost(Text::quotation(error.to_string())),
        }
    }
}

/// An open session.
pub(crate) struct Session {
    connection: Conn,
    opts: Opts,
    /// Whether the connection can still be used.
    open: bool,
    /// How many statements of the last script were completed.
    completed: usize,
}

impl Session {
    /// Opens a session. The inner error is the server's refusal.
    pub(super) async fn open(
        port: u16,
        login: &Login,
    ) -> Result<Result<Self, ServerError>, ProbeError> {
        let opts = OptsBuilder::default()
            .ip_or_hostname(Ipv4Addr::LOCALHOST.to_string())
            .tcp_port(port)
            .user(Some(&login.user))
            .pass(login.password.as_ref())
            .db_name(login.database.as_ref())
            .connect_attribute("program_name", "roadlab")
            // An update counts the rows that it found, as PostgreSQL does.
            .client_found_rows(true)
            .prefer_socket(false)
            .stmt_cache_size(0)
            // Given here, the client does not read them from the server first.
            .max_allowed_packet(Some(MAX_RECEIVED))
            .wait_timeout(Some(28_800));
        let opts = Opts::from(opts);
        match Conn::new(opts.clone()).await {
            Ok(connection) => Ok(Ok(Self {
                connection,
                opts,
                open: true,
                completed: 0,
            })),
            Err(Error::Server(error)) => Ok(Err(error)),
            Err(Error::Io(IoError::Io(error)))
                if error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                Err(ProbeError::Refused { port })
            }
            Err(error) => Err(ProbeError::Unreachable {
                port,
                reason: Text::quotation(error.to_string()),
            }),
        }
    }

    /// Returns the server's number of the connection.
    pub(super) fn id(&self) -> u32 {
        self.connection.id()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open && !self.connection.is_disconnected()
    }

    /// Returns the rows of a query, as text.
    pub(super) async fn rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, SqlError> {
        let rows: Vec<Row> = self.connection.query(query).await?;
        let cells = |row: Row| row.unwrap().iter().map(as_text).collect();
        Ok(rows.into_iter().map(cells).collect())
    }

    /// Executes a query or a script, in a transaction unless the mode writes. If the caller drops the future, the statement is
    /// cancelled. Locks are waited for at most as long as the step allows.
    pub(super) async fn execute(
        self,
        text: &SqlText,
        mode: ProbeMode,
        timeout: Duration,
    ) -> (Result<Actual, SqlError>, Self) {
        let mut busy = Busy(Some(self));
        let answer = match &mut busy.0 {
            Some(session) => session.answer_in(text, mode, timeout).await,
            None => Ok(Actual::value(Value::Null)),
        };
        let mut session = busy.0.take().expect("only a drop takes it earlier");
        session.open &= !matches!(answer, Err(SqlError::Lost(_)));
        (answer, session)
    }

    async fn answer_in(
        &mut self,
        text: &SqlText,
        mode: ProbeMode,
        timeout: Duration,
    ) -> Result<Actual, SqlError> {
        if mode == ProbeMode::ReadWrite {
            return stopwatch::request(self.answer(text)).await;
        }
        let seconds = timeout.as_secs().max(1);
        let limit = format!(
            "SET SESSION lock_wait_timeout = {seconds}, SESSION innodb_lock_wait_timeout = {seconds}"
        );
        self.connection.query_drop(limit).await?;
        if mode == ProbeMode::ReadOnly {
            self.connection
                .query_drop("START TRANSACTION READ ONLY")
                .await?;
            return stopwatch::request(self.answer(text)).await;
        }
        let before = self.next_numbers().await?;
        self.connection
            .query_drop("START TRANSACTION READ WRITE")
            .await?;
        let answer = stopwatch::request(self.answer(text)).await;
        if !matches!(answer, Err(SqlError::Lost(_))) {
            self.connection.query_drop("ROLLBACK").await?;
            self.give_back_numbers(&before).await?;
        }
        answer
    }

    async fn next_numbers(&mut self) -> Result<Vec<Vec<Option<String>>>, SqlError> {
        match self.connection.query_drop(NO_CACHE).await {
            Ok(()) | Err(Error::Server(_)) => self.rows(NEXT_NUMBERS).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Gives back the numbers of rows that were rolled back, which a rollback does not. A table that another session uses at
    /// this moment keeps its gap.
    async fn give_back_numbers(&mut self, before: &[Vec<Option<String>>]) -> Result<(), SqlError> {
        let now = self.next_numbers().await?;
        for changed in before.iter().filter(|row| !now.contains(row)) {
            let [Some(table), Some(number)] = changed.as_slice() else {
                continue;
            };
            let table = table.replace('`', "``");
            let statements = format!(
                "SET SESSION lock_wait_timeout = 1; ALTER TABLE `{table}` AUTO_INCREMENT = {number}"
            );
            match self.connection.query_drop(statements).await {
                Ok(()) | Err(Error::Server(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn answer(&mut self, text: &SqlText) -> Result<Actual, SqlError> {
        self.completed = 0;
        let mut result = self.connection.query_iter(text.as_str()).await?;
        let mut received = 0;
        let mut rows = Vec::new();
        let mut affected = 0;
        let mut results = 0;
        while let Some(columns) = result.columns() {
            results += 1;
            self.completed = results - 1;
            affected = result.affected_rows();
            // The client does not move past a last result that has no columns.
            if columns.is_empty() && result.is_empty() {
                break;
            }
            if !columns.is_empty() {
                rows.clear();
            }
            let names = columns.iter().map(|column| column.name_str().into_owned());
            let names = unique_names(names);
            let convert = |row: Row| {
                let cells = row.unwrap();
                received += cells.iter().map(size).sum::<usize>();
                if received > MAX_RECEIVED {
                    return;
                }
                let cells = names.iter().zip(&cells).zip(columns.iter());
                let cells = cells.map(|((name, cell), column)| {
                    let value = match text {
                        SqlText::Query(_) => value(cell, column),
                        // The simple protocol of PostgreSQL has no types either.
                        SqlText::Script(_) => as_text(cell).into(),
                    };
                    (name.clone(), value)
                });
                rows.push(Value::Object(cells.collect::<Map<_, _>>()));
            };
            self.completed = results;
            result.for_each(convert).await?;
            if !columns.is_empty() {
                affected = rows.len() as u64;
            }
        }
        match (received > MAX_RECEIVED, text) {
            (true, _) => Err(SqlError::TooLarge),
            (false, SqlText::Query(_)) if results > 1 => Err(SqlError::SeveralStatements),
            _ => Ok(Actual::with_status(
                rows,
                Status::Success(i64::try_from(affected).unwrap_or(i64::MAX)),
            )),
        }
    }

    /// Returns how many statements of the last script were completed.
    pub(super) fn completed(&self) -> usize {
        self.completed
    }

    /// Resets the session after a statement: rolls back, releases locks, and forgets variables and temporary tables. Returns
    /// whether it can be used again.
    pub(super) async fn reset(&mut self) -> bool {
        self.open && matches!(self.connection.reset().await, Ok(true))
    }

    /// Closes the session in order.
    pub(super) async fn close(self) {
        // After the timeout the server is left alone.
        let _ = clock::timeout(CLOSE_TIMEOUT, self.connection.disconnect()).await;
    }
}

/// A session that executes a statement. Dropping it cancels the statement, so that no lock outlives the probe.
struct Busy(Option<Session>);

impl Drop for Busy {
    fn drop(&mut self) {
        let Some(session) = self.0.take() else {
            return;
        };
        closing::spawn(async move {
            let cancel = async {
                if let Ok(mut other) = Conn::new(session.opts.clone()).await {
                    let kill = format!("KILL QUERY {}", session.connection.id());
                    // If that fails, the statement ends with its own limits.
                    let _ = other.query_drop(kill).await;
                    let _ = other.disconnect().await;
                }
            };
            let _ = clock::timeout(CLOSE_TIMEOUT, cancel).await;
            session.close().await;
        });
    }
}
