//! The `sql` probe: which server it is for.

use std::cell::RefCell;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::expect::Actual;
use crate::lab::{ServiceName, SqlProbe};
use crate::probe::address::url;
use crate::probe::error::{LockHolder, ProbeError};
use crate::probe::pool::{ConnectionPool, MAX_CONNECTIONS};
use crate::probe::sql_statement::Limits;
use crate::probe::target::Target;
use crate::probe::{mysql, mysql_session, postgres_session, sql_session};
use crate::text;

/// The kinds of server that an `sql` step connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

/// The open sessions with both kinds of server.
pub(super) struct Sessions {
    pub(super) postgres: ConnectionPool<postgres_session::Session>,
    pub(super) mysql: ConnectionPool<mysql_session::Session>,
    /// Whose turn it is. The time of a statement begins when it has a turn, so that many checks do not wait for each other
    /// until their time is over.
    turns: Semaphore,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            postgres: ConnectionPool::default(),
            mysql: ConnectionPool::default(),
            turns: Semaphore::new(MAX_CONNECTIONS),
        }
    }
}

impl Sessions {
    /// Waits until a statement may run. It may until the turn is dropped.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.turns.acquire().await.ok()
    }
}

/// Runs a query or a script on the server that the url of the service names.
pub(super) async fn run<E>(
    probe: &SqlProbe,
    limits: Limits,
    target: &Target<'_, E>,
    sessions: &Sessions,
    holder: &RefCell<Option<LockHolder>>,
) -> Result<Actual, ProbeError> {
    match server(&probe.service, target)? {
        Server::Postgres => {
            sql_session::run(probe, limits, target, &sessions.postgres, holder).await
        }
        Server::MySql => mysql::run(probe, limits, target, &sessions.mysql, holder).await,
    }
}

/// Returns the kind of a service's server.
pub(super) fn server<E>(
    service: &ServiceName,
    target: &Target<'_, E>,
) -> Result<Server, ProbeError> {
    let url = url(target, service)?;
    of_url(url).ok_or_else(|| {
        ProbeError::InvalidStep(text!(
            "the url of `{service}` names no SQL server: it must start with `postgres://`, `mysql://` or `mariadb://`",
            service
        ))
    })
}

/// Returns the kind of server that a url names by its scheme.
fn of_url(url: &str) -> Option<Server> {
    match url.split_once(':')?.0.to_ascii_lowercase().as_str() {
        "postgres" | "postgresql" => Some(Server::Postgres),
        "mysql" | "mariadb" => Some(Server::MySql),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_of_the_url_names_the_server() {
        assert_eq!(of_url("postgres://lab@127.0.0.1/x"), Some(Server::Postgres));
        assert_eq!(of_url("PostgreSQL://127.0.0.1"), Some(Server::Postgres));
        assert_eq!(of_url("mysql://lab:lab@127.0.0.1:1/x"), Some(Server::MySql));
        assert_eq!(of_url("mariadb://127.0.0.1"), Some(Server::MySql));
        assert_eq!(of_url("http://127.0.0.1"), None);
        assert_eq!(of_url("127.0.0.1"), None);
    }
}
