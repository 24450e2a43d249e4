//! One session with a PostgreSQL server.

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
use crate::probe::ProbeError;
use crate::probe::dial::{Allowance, Capped, dial};
use crate::probe::sql_values::{unique_names, value};

/// How long a server may take to end a session.
const FAREWELL: Duration = Duration::from_secs(1);

/// Undoes what a harmless statement can leave behind. `DISCARD ALL` would also take the client's own statements.
const RESET: &str = "RESET ALL; SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

/// As whom to connect, and to which database.
pub(super) struct Login {
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// An open session.
pub(crate) struct Session {
    client: Client,
    /// Ends when the server has hung up.
    driver: JoinHandle<()>,
    allowance: Allowance,
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
        let allowance = Allowance::default();
        let socket = Capped::new(dial(port).await?, &allowance);
        let connected = config.connect_raw(socket, NoTls).await;
        Ok(connected.map(|(client, connection)| Self {
            client,
            driver: tokio::spawn(async {
                // The client hears of the same error.
                let _ = connection.await;
            }),
            allowance,
            port,
        }))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a query or a script. If the caller stops waiting, the server is told to stop working.
    pub(super) async fn ask(self, text: &SqlText) -> (Result<Actual, Error>, Self) {
        self.allowance.renew();
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

    /// The types of a query's columns. The text protocol that gives the rows does not tell.
    async fn types(&self, query: &str) -> Result<Vec<Type>, Error> {
        let statement = self.client.prepare(query).await?;
        let types = statement.columns().iter();
        Ok(types.map(|column| column.type_().clone()).collect())
    }

    /// Makes a session as good as new. It fails if a transaction was left broken.
    pub(super) async fn reset(&self) -> Result<(), Error> {
        self.client.batch_execute(RESET).await
    }

    /// Whether the server was cut off for sending too much.
    pub(super) fn is_flooded(&self) -> bool {
        self.allowance.is_spent()
    }

    /// Ends the session and waits until the server has.
    pub(super) async fn close(self) {
        drop(self.client);
        // A server that does not hang up is left alone.
        let _ = clock::timeout(FAREWELL, self.driver).await;
    }
}

/// A session that works on something. Dropped meanwhile, it cancels that, so that no lock outlives the look.
struct Busy(Option<Session>);

impl Drop for Busy {
    fn drop(&mut self) {
        let (Some(session), Ok(runtime)) = (self.0.take(), Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            let cancel = async {
                if let Ok(socket) = dial(session.port).await {
                    // Best effort: the session is closed anyway.
                    let token = session.client.cancel_token();
                    let _ = token.cancel_query_raw(socket, NoTls).await;
                }
            };
            let _ = clock::timeout(FAREWELL, cancel).await;
            session.close().await;
        });
    }
}

/// The rows of the last statement that gave rows, and how many rows the last statement was about.
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
