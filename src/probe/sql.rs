//! SQL over PostgreSQL's own protocol: a query's rows with their types, or a script.

use tokio_postgres::{Config, Error};

use crate::expect::Actual;
use crate::lab::{ServiceName, SqlProbe, SqlText};
use crate::probe::dial::{url, url_port};
use crate::probe::kept::Key;
use crate::probe::sql_session::{Login, Session};
use crate::probe::{ProbeError, Target, too_large};

/// Statements that leave a session as it was, once its settings are reset. After any other it is closed.
const HARMLESS: [&str; 10] = [
    "SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "INSERT", "UPDATE", "DELETE", "MERGE",
];

pub(super) async fn probe<E>(
    probe: &SqlProbe,
    target: &Target<'_, E>,
) -> Result<Actual, ProbeError> {
    let (port, login) = login(probe, target)?;
    let service = &probe.service;
    let key = Key {
        service: service.clone(),
        port,
        bound: vec![
            login.database.clone(),
            login.user.clone(),
            login.password.clone().unwrap_or_default(),
        ],
    };
    let sessions = &target.connections.sql;
    if speaks_of_databases(&probe.text) {
        // A database that somebody is connected to can be neither dropped nor copied.
        let other = |kept: &Key| kept.service == *service && kept.bound[0] != login.database;
        let others = sessions.take(&other).await.into_iter();
        futures_util::future::join_all(others.map(Session::close)).await;
    }
    let slot = sessions.slot(&key);
    let mut kept = slot.lock().await;
    // Lets the session's task see that the server has hung up meanwhile.
    tokio::task::yield_now().await;
    if let Some(session) = kept.take().filter(|session| !session.is_closed()) {
        let answer = ask(session, &probe.text, &mut kept).await?;
        if !answer.as_ref().is_err_and(hung_up) {
            return judge(answer, service);
        }
    }
    let session = match Session::open(port, &login).await? {
        Ok(session) => session,
        Err(error) => return refused(error, service),
    };
    judge(ask(session, &probe.text, &mut kept).await?, service)
}

/// Asks, and keeps the session if it is as good as new.
async fn ask(
    session: Session,
    text: &SqlText,
    kept: &mut Option<Session>,
) -> Result<Result<Actual, Error>, ProbeError> {
    let (answer, session) = session.ask(text).await;
    if answer.is_err() && session.is_flooded() {
        return Err(too_large());
    }
    let harmless = matches!(text, SqlText::Query(query) if is_harmless(query));
    if harmless && session.reset().await.is_ok() {
        *kept = Some(session);
    } else {
        session.close().await;
    }
    Ok(answer)
}

/// Where to connect and as whom: the service's url, unless the step says otherwise.
fn login<E>(probe: &SqlProbe, target: &Target<'_, E>) -> Result<(u16, Login), ProbeError> {
    let service = &probe.service;
    let url = url(target, service)?;
    let config: Config = url.parse().map_err(|error| {
        ProbeError::CannotLook(format!(
            "the url of `{service}` is not one of PostgreSQL: {error}"
        ))
    })?;
    let port = url_port(target, service, config.get_ports().first().copied())?;
    let or = |own: &Option<String>, of_url: Option<&str>| {
        own.clone().or_else(|| of_url.map(str::to_owned))
    };
    let user = or(&probe.user, config.get_user()).unwrap_or_else(|| "postgres".to_owned());
    let password = config.get_password().map(String::from_utf8_lossy);
    let login = Login {
        database: or(&probe.database, config.get_dbname()).unwrap_or_else(|| user.clone()),
        password: or(&probe.password, password.as_deref()),
        user,
    };
    Ok((port, login))
}

/// The server ended the session: it restarts, or somebody ended it.
fn hung_up(error: &Error) -> bool {
    match error.code() {
        Some(code) => code.code().starts_with("57P0"),
        None => true,
    }
}

fn judge(answer: Result<Actual, Error>, service: &ServiceName) -> Result<Actual, ProbeError> {
    answer.or_else(|error| match error.as_db_error() {
        Some(said) => Ok(Actual::error(said.code().code(), said.message())),
        None => Err(ProbeError::NoAnswer(format!(
            "`{service}` broke off: {}",
            words(&error)
        ))),
    })
}

/// Why there is no session. A missing database is an answer; not being let in, or too early, is none.
fn refused(error: Error, service: &ServiceName) -> Result<Actual, ProbeError> {
    let Some(said) = error.as_db_error() else {
        let what = words(&error);
        return Err(ProbeError::NoAnswer(format!(
            "`{service}` does not answer as PostgreSQL does: {what}"
        )));
    };
    let code = said.code().code();
    if code.starts_with("57P0") || code.starts_with("28") {
        let what = format!("`{service}` does not let us in: {}", said.message());
        return Err(ProbeError::NoAnswer(what));
    }
    Ok(Actual::error(code, said.message()))
}

fn words(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn speaks_of_databases(text: &SqlText) -> bool {
    let (SqlText::Query(text) | SqlText::Script(text)) = text;
    text.to_ascii_lowercase().contains("database")
}

fn is_harmless(query: &str) -> bool {
    let rest = skip_blanks(query);
    let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next();
    let is = |name: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(name));
    HARMLESS.into_iter().any(is)
}

/// What is left after blanks, comments and opening parentheses. A comment within a comment only makes it cautious.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::double::Scene;

    #[tokio::test]
    async fn the_step_goes_before_the_url() {
        let scene = Scene::with_url(7, "postgres://kim:p%40w@127.0.0.1:PORT/shop");
        let probe = |database: Option<&str>, password: Option<&str>| SqlProbe {
            service: Scene::service(),
            text: SqlText::Query(String::new()),
            database: database.map(str::to_owned),
            user: None,
            password: password.map(str::to_owned),
        };
        let (port, of_url) = login(&probe(None, None), &scene.target()).unwrap();
        let words = (of_url.database, of_url.user, of_url.password);
        let expected = ("shop".into(), "kim".into(), Some("p@w".into()));
        assert_eq!((port, words), (7, expected));
        let own = probe(Some("other"), Some("x"));
        let (_, own) = login(&own, &scene.target()).unwrap();
        assert_eq!(
            (own.database, own.password),
            ("other".into(), Some("x".into()))
        );
    }

    #[track_caller]
    fn check(query: &str, harmless: bool) {
        assert_eq!(is_harmless(query), harmless, "{query:?}");
    }

    #[test]
    fn sessions_are_kept_after_harmless_statements_only() {
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
    }
}
