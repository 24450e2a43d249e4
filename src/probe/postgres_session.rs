//! A session with a PostgreSQL server.

use std::cell::Cell;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::join;
use serde_json::{Map, Value};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage, SimpleQueryRow};

use crate::engine::clock;
use crate::expect::{Actual, Status};
use crate::lab::SqlText;
use crate::probe::closing;
use crate::probe::dial::{LimitedStream, ReceiveLimit, dial};
use crate::probe::error::ProbeError;
use crate::probe::mode::ProbeMode;
use crate::probe::postgres_values::value;
use crate::probe::sql_statement::unique_names;
use crate::probe::stopwatch;

/// How long a server may take to close a session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Resets what a statement can leave behind. `DISCARD ALL` would also discard the statements of the client library.
const RESET: &str = "RESET ALL; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

/// Ends the transaction of a check and resets what a rollback leaves.
const END_CHECK: &str = "ROLLBACK; SELECT pg_advisory_unlock_all(); DISCARD SEQUENCES";

/// Keeps the errors and statements of checks out of the server's log, where the user may do that.
const KEEP_OUT_OF_LOG: &str = "SELECT set_config(name, value, false) FROM pg_roles, (VALUES
    ('log_min_messages', 'fatal'), ('log_statement', 'none'), ('log_duration', 'off'), ('log_min_duration_statement', '-1'))
    AS setting(name, value) WHERE rolname = current_user AND rolsuper";

/// Makes the sequences part of the transaction, so that a rollback takes back the numbers that a tried statement takes: a
/// change of a sequence's parameters gives it a new file until the end of the transaction. A sequence that another open
/// transaction uses is left out, so that the check does not wait for it.
const KEEP_SEQUENCES: &str = "DO $roadlab$ DECLARE one record; BEGIN
    PERFORM set_config('lock_timeout', '50ms', true);
    FOR one IN SELECT seqrelid::regclass AS name, seqstart FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
      WHERE relpersistence <> 't' AND pg_has_role(relowner, 'USAGE') LIMIT 500
    LOOP
      BEGIN EXECUTE format('ALTER SEQUENCE %s START WITH %s', one.name, one.seqstart);
      EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP; END $roadlab$";

/// The user and the database of a session.
pub(super) struct Login {
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// An open session.
pub(crate) struct Session {
    client: Client,
    /// Ends when the server has closed the connection.
    driver: JoinHandle<()>,
    limit: ReceiveLimit,
    port: u16,
    /// The server's process, if it is known.
    pid: Option<i32>,
    /// Whether the last statement was rolled back already.
    rolled_back: Cell<bool>,
    /// How many statements of the last script were completed.
    completed: AtomicUsize,
}

impl Session {
    /// Opens a session for probes of one mode.
    pub(super) async fn open(
        port: u16,
        login: &Login,
        mode: ProbeMode,
    ) -> Result<Result<Self, Error>, ProbeError> {
        let mut config = Config::new();
        config.user(&login.user).dbname(&login.database);
        config.application_name("roadlab");
        config.ssl_mode(SslMode::Disable);
        if let Some(password) = &login.password {
            config.password(password);
        }
        let limit = ReceiveLimit::default();
        let socket = LimitedStream::new(dial(port).await?, &limit);
        let connected = config.connect_raw(socket, NoTls).await;
        let (client, connection) = match connected {
            Ok(connected) => connected,
            Err(error) => return Ok(Err(error)),
        };
        let mut session = Self {
            client,
            driver: tokio::spawn(async {
                // The client reports the same error.
                let _ = connection.await;
            }),
            limit,
            port,
            pid: None,
            rolled_back: Cell::new(false),
            completed: AtomicUsize::new(0),
        };
        Ok(session.prepare(mode).await.map(|()| session))
    }

    /// Prepares a new session. What a server refuses here it can do without.
    async fn prepare(&mut self, mode: ProbeMode) -> Result<(), Error> {
        let refused = |error: Error| match error.as_db_error() {
            Some(_) => Ok(Vec::new()),
            None => Err(error),
        };
        if mode != ProbeMode::ReadWrite {
            self.rows(KEEP_OUT_OF_LOG).await.or_else(refused)?;
        }
        let pid = self.rows("SELECT pg_backend_pid()").await;
        let pid = pid.or_else(refused)?.into_iter().flatten().next().flatten();
        self.pid = pid.and_then(|pid| pid.parse().ok());
        Ok(())
    }

    /// Returns the server's process.
    pub(super) fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Returns the rows of a query, as text.
    pub(super) async fn rows(&self, query: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let messages = self.client.simple_query(query).await?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let cells = |row: SimpleQueryRow| {
            let cells = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
            cells.collect()
        };
        Ok(rows.map(cells).collect())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Executes a query or a script, and rolls it back unless the mode writes. If the caller drops the future, the statement
    /// is cancelled. Locks are waited for at most as long as the step allows.
    pub(super) async fn execute(
        self,
        text: &SqlText,
        mode: ProbeMode,
        timeout: Duration,
    ) -> (Result<Actual, Error>, Self) {
        self.limit.reset();
        let mut busy = Busy(Some(self));
        let answer = match (&busy.0, mode) {
            (Some(session), ProbeMode::ReadWrite) => session.answer(text).await,
            (Some(session), mode) => session.answer_in_transaction(text, mode, timeout).await,
            (None, _) => Ok(Actual::value(Value::Null)),
        };
        let session = busy.0.take();
        (answer, session.expect("only a drop takes it earlier"))
    }

    async fn answer(&self, text: &SqlText) -> Result<Actual, Error> {
        let (types, text) = match text {
            SqlText::Query(query) => (self.types(query).await?, query),
            SqlText::Script(script) => (Vec::new(), script),
        };
        let messages = stopwatch::request(self.messages(text)).await?;
        Ok(last_rows(&messages, &types))
    }

    /// Sends statements, counts those that complete, and returns everything that the server answers.
    async fn messages(&self, text: &str) -> Result<Vec<SimpleQueryMessage>, Error> {
        self.completed.store(0, Ordering::Relaxed);
        let mut received = pin!(self.client.simple_query_raw(text).await?);
        let mut messages = Vec::new();
        while let Some(message) = received.try_next().await? {
            if matches!(message, SimpleQueryMessage::CommandComplete(_)) {
                self.completed.fetch_add(1, Ordering::Relaxed);
            }
            messages.push(message);
        }
        Ok(messages)
    }

    /// Begins a transaction and executes a query or a script in it.
    async fn answer_in_transaction(
        &self,
        text: &SqlText,
        mode: ProbeMode,
        timeout: Duration,
    ) -> Result<Actual, Error> {
        let writes = mode == ProbeMode::RolledBack;
        // Another isolation level can make transactions of other sessions fail.
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED {}",
            if writes { "READ WRITE" } else { "READ ONLY" }
        );
        let limit = format!("SET LOCAL lock_timeout = {}", timeout.as_millis());
        if !writes {
            return self.read(text, &format!("{begin}; {limit}")).await;
        }
        self.client.batch_execute(&begin).await?;
        let kept = self.client.batch_execute(KEEP_SEQUENCES).await;
        // A server without them, or a user who may not change them.
        let again = match kept {
            Ok(()) => String::new(),
            Err(_) => format!("ROLLBACK; {begin}; "),
        };
        let start = format!("{again}{limit}");
        self.client.batch_execute(&start).await?;
        let answer = self.answer(text).await?;
        // A deferred constraint would be checked at a commit, which does not come.
        let check = "SET CONSTRAINTS ALL IMMEDIATE";
        self.client.batch_execute(check).await?;
        Ok(answer)
    }

    /// Executes a query or a script in a read-only transaction, which `start` begins. A lab has dozens of such checks, so the
    /// answers of the server are waited for twice, not four times: what executes nothing is sent together with the beginning, and
    /// the end together with the text.
    async fn read(&self, text: &SqlText, start: &str) -> Result<Actual, Error> {
        let begin = self.client.batch_execute(start);
        let (types, text) = match text {
            SqlText::Query(query) => {
                let (begun, types) = join(begin, self.types(query)).await;
                begun?;
                (types?, query)
            }
            SqlText::Script(script) => {
                begin.await?;
                (Vec::new(), script)
            }
        };
        let end = self.client.batch_execute(END_CHECK);
        let messages = stopwatch::request(self.messages(text));
        let (messages, ended) = join(messages, end).await;
        self.rolled_back.set(ended.is_ok());
        Ok(last_rows(&messages?, &types))
    }

    /// Returns the types of a query's columns, which the text protocol does not send with the rows.
    async fn types(&self, query: &str) -> Result<Vec<Type>, Error> {
        let statement = self.client.prepare(query).await?;
        let types = statement.columns().iter();
        Ok(types.map(|column| column.type_().clone()).collect())
    }

    /// Resets the session after a statement: rolls back its transaction if it has one of its own. Fails in a transaction of the
    /// statement that has failed.
    pub(super) async fn reset(&self, mode: ProbeMode) -> Result<(), Error> {
        if self.rolled_back.take() {
            return Ok(());
        }
        let reset = match mode {
            ProbeMode::ReadOnly | ProbeMode::RolledBack => END_CHECK,
            ProbeMode::ReadWrite => RESET,
        };
        self.client.batch_execute(reset).await
    }

    /// Returns how many statements of the last script were completed.
    pub(super) fn completed(&self) -> usize {
        self.completed.load(Ordering::Relaxed)
    }

    /// Whether the server was cut off for sending too much.
    pub(super) fn exceeded_limit(&self) -> bool {
        self.limit.is_exceeded()
    }

    /// Closes the session and waits until the server has closed its side.
    pub(super) async fn close(self) {
        drop(self.client);
        // After the timeout the server is left alone.
        let _ = clock::timeout(CLOSE_TIMEOUT, self.driver).await;
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
                if let Ok(socket) = dial(session.port).await {
                    // If that fails, closing the session ends the statement a little later.
                    let token = session.client.cancel_token();
                    let _ = token.cancel_query_raw(socket, NoTls).await;
                }
            };
            let _ = clock::timeout(CLOSE_TIMEOUT, cancel).await;
            session.close().await;
        });
    }
}

/// Returns the rows of the last statement that returned rows, and the number of rows that the last statement affected.
fn last_rows(messages: &[SimpleQueryMessage], types: &[Type]) -> Actual {
    let mut names = Vec::new();
    let mut rows = Vec::new();
    let mut affected = 0;
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                names = unique_names(columns.iter().map(|column| column.name().to_owned()));
                rows.clear();
            }
            SimpleQueryMessage::Row(row) => {
                let cells = names.iter().enumerate().map(|(index, name)| {
                    let of = types.get(index).unwrap_or(&Type::TEXT);
                    (name.clone(), value(row.get(index), of))
                });
                rows.push(Value::Object(cells.collect::<Map<_, _>>()));
            }
            SimpleQueryMessage::CommandComplete(count) => affected = *count,
            _ => {}
        }
    }
    let affected = i64::try_from(affected).unwrap_or(i64::MAX);
    Actual::with_status(rows, Status::Success(affected))
}
