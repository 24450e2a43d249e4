//! A session with a PostgreSQL server.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use crate::engine::clock;
use crate::expect::Actual;
use crate::lab::SqlText;
use crate::probe::dial::{LimitedStream, ReceiveLimit, dial};
use crate::probe::error::ProbeError;
use crate::probe::sql_values::{unique_names, value};

/// How long a server may take to close a session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Resets what a statement can leave behind. `DISCARD ALL` would also discard the statements of the client library.
const RESET: &str = "RESET ALL; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

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
}

impl Session {
    pub(super) async fn open(port: u16, login: &Login) -> Result<Result<Self, Error>, ProbeError> {
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
        Ok(connected.map(|(client, connection)| Self {
            client,
            driver: tokio::spawn(async {
                // The client reports the same error.
                let _ = connection.await;
            }),
            limit,
            port,
        }))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Executes a query or a script. If the caller drops the future, the statement is cancelled.
    pub(super) async fn execute(self, text: &SqlText) -> (Result<Actual, Error>, Self) {
        self.limit.reset();
        let mut busy = Busy(Some(self));
        let answer = match &busy.0 {
            Some(session) => session.answer(text).await,
            None => Ok(Actual::value(Value::Null)),
        };
        let session = busy.0.take();
        (answer, session.expect("only a drop takes it earlier"))
    }

    async fn answer(&self, text: &SqlText) -> Result<Actual, Error> {
        let (types, text) = match text {
            SqlText::Query(query) => (self.types(query).await?, query),
            SqlText::Script(script) => (Vec::new(), script),
        };
        let messages = self.client.simple_query(text).await?;
        Ok(last_rows(&messages, &types))
    }

    /// Returns the types of a query's columns, which the text protocol does not send with the rows.
    async fn types(&self, query: &str) -> Result<Vec<Type>, Error> {
        let statement = self.client.prepare(query).await?;
        let types = statement.columns().iter();
        Ok(types.map(|column| column.type_().clone()).collect())
    }

    /// Resets the session. Fails in a transaction that has failed.
    pub(super) async fn reset(&self) -> Result<(), Error> {
        self.client.batch_execute(RESET).await
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
        let (Some(session), Ok(runtime)) = (self.0.take(), Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
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
                names = unique_names(columns.iter().map(|column| column.name()));
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
    Actual::with_status(rows, affected, true)
}
