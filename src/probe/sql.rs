//! The `sql` probe: which server it is for, and what both kinds of server have in common.

use std::cell::RefCell;
use std::time::Duration;

use crate::expect::Actual;
use crate::lab::{ServiceName, SqlProbe, SqlText};
use crate::probe::address::url;
use crate::probe::connections::Connections;
use crate::probe::error::{LockHolder, ProbeError};
use crate::probe::mode::ProbeMode;
use crate::probe::target::Target;
use crate::probe::{mysql, postgres};
use crate::text;

/// Statements after which a session can be reset and used again. After any other statement it is closed.
const REUSABLE_AFTER: [&str; 11] = [
    "SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "INSERT", "UPDATE", "DELETE", "MERGE",
    "REPLACE",
];

/// The kinds of server that an `sql` step connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

/// What a statement may do, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) mode: ProbeMode,
    pub(super) timeout: Duration,
}

/// Runs a query or a script on the server that the url of the service names.
pub(super) async fn run<E>(
    probe: &SqlProbe,
    limits: Limits,
    target: &Target<'_, E>,
    connections: &Connections,
    holder: &RefCell<Option<LockHolder>>,
) -> Result<Actual, ProbeError> {
    match server(&probe.service, target)? {
        Server::Postgres => {
            postgres::run(probe, limits, target, &connections.postgres, holder).await
        }
        Server::MySql => mysql::run(probe, limits, target, &connections.mysql, holder).await,
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

pub(super) fn mentions_databases(text: &SqlText) -> bool {
    text.as_str().to_ascii_lowercase().contains("database")
}

/// Whether a session can be used again after a statement.
pub(super) fn is_reusable_after(text: &SqlText) -> bool {
    let SqlText::Query(query) = text else {
        return false;
    };
    let rest = skip_blanks(query);
    let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next();
    let is = |name: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(name));
    REUSABLE_AFTER.into_iter().any(is)
}

/// Returns the query without leading blanks, comments and parentheses. After nested comments the session is closed, which is
/// safe.
fn skip_blanks(query: &str) -> &str {
    let blank = |c: char| c.is_whitespace() || c == '(';
    let mut rest = query.trim_start_matches(blank);
    loop {
        let after = match rest {
            line if line.starts_with("--") => line.split_once('\n'),
            block if block.starts_with("/*") => block.split_once("*/"),
            other => return other,
        };
        rest = after.map_or("", |(_, after)| after.trim_start_matches(blank));
    }
}

/// Returns column names as unique keys of an object: a second `count` becomes `count_2`.
pub(super) fn unique_names(columns: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let numbered = (2..).map(|number| format!("{column}_{number}"));
        let mut wishes = std::iter::once(column.clone()).chain(numbered);
        names.extend(wishes.find(|wish| !names.contains(wish)));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, reusable: bool) {
        let text = SqlText::Query(query.to_owned());
        assert_eq!(is_reusable_after(&text), reusable, "{query:?}");
    }

    #[test]
    fn a_session_is_reused_after_certain_statements_only() {
        check("select 1", true);
        check("  -- all\n/* of */ (SELECT 1)", true);
        check("WITH x AS (SELECT 1) TABLE x", true);
        check("insert into t values (1)", true);
        check("BEGIN", false);
        check("SET search_path = x", false);
        check("selection", false);
        check("CREATE DATABASE x", false);
        check("", false);
        check("-- SELECT", false);
        check("/* SELECT", false);
        assert!(!is_reusable_after(&SqlText::Script("SELECT 1".to_owned())));
    }

    #[test]
    fn the_scheme_of_the_url_names_the_server() {
        assert_eq!(of_url("postgres://lab@127.0.0.1/x"), Some(Server::Postgres));
        assert_eq!(of_url("PostgreSQL://127.0.0.1"), Some(Server::Postgres));
        assert_eq!(of_url("mysql://lab:lab@127.0.0.1:1/x"), Some(Server::MySql));
        assert_eq!(of_url("mariadb://127.0.0.1"), Some(Server::MySql));
        assert_eq!(of_url("http://127.0.0.1"), None);
        assert_eq!(of_url("127.0.0.1"), None);
    }

    #[test]
    fn columns_with_the_same_name_are_numbered() {
        let columns = ["count", "a", "count", "count_2", "count"];
        let names = unique_names(columns.into_iter().map(str::to_owned));
        assert_eq!(names, ["count", "a", "count_2", "count_2_2", "count_3"]);
    }
}
