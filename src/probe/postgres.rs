//! The `sql` probe on a PostgreSQL server.

use std::cell::{Cell, RefCell};

use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Config, Error};

use crate::expect::Actual;
use crate::lab::{ServiceName, SqlProbe, SqlText};
use crate::probe::address::{url, url_port};
use crate::probe::error::{LockHolder, ProbeError};
use crate::probe::mode::ProbeMode;
use crate::probe::pool::{ConnectionPool, Key};
use crate::probe::postgres_locks;
use crate::probe::postgres_session::{Login, Session};
use crate::probe::script_place::{ErrorPlace, with_place};
use crate::probe::sql_statement::{Limits, is_reusable_after, mentions_databases};
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

pub(super) async fn run<E>(
    probe: &SqlProbe,
    limits: Limits,
    target: &Target<'_, E>,
    sessions: &ConnectionPool<Session>,
    holder: &RefCell<Option<LockHolder>>,
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
            // Sessions of checks have other settings.
            format!("{:?}", limits.mode),
        ],
    };
    if mentions_databases(&probe.text) {
        // A database with open connections can be neither dropped nor copied.
        let other = |key: &Key| key.service == *service && key.bound[0] != login.database;
        let others = sessions.take(&other).await.into_iter();
        futures_util::future::join_all(others.map(Session::close)).await;
    }
    let slot = match limits.mode {
        ProbeMode::ReadOnly => sessions.free_slot(&key),
        // Writes that are tried would wait for each other's locks.
        ProbeMode::RolledBack | ProbeMode::ReadWrite => sessions.slot(&key),
    };
    let mut idle = slot.lock().await;
    // Lets the session's task notice that the server has closed the connection.
    tokio::task::yield_now().await;
    let completed = Cell::new(0);
    let executed = async |session: Session, idle: &mut Option<Session>| {
        let pid = session.pid();
        tokio::select! {
            answer = execute(session, &probe.text, limits, idle, &completed) => answer,
            holder = postgres_locks::watch(port, &login, pid, limits.mode, holder) => {
                Err(ProbeError::Locked(holder))
            }
        }
    };
    if let Some(session) = idle.take().filter(|session| !session.is_closed()) {
        let answer = executed(session, &mut idle).await?;
        if !answer.as_ref().is_err_and(is_session_lost) {
            return evaluate(answer, probe, completed.get());
        }
    }
    let session = match Session::open(port, &login, limits.mode).await? {
        Ok(session) => session,
        Err(error) => return evaluate_refusal(error, service),
    };
    let answer = executed(session, &mut idle).await?;
    evaluate(answer, probe, completed.get())
}

/// Executes a statement and keeps the session if it can be used again. `completed` becomes the number of statements that were
/// completed.
async fn execute(
    session: Session,
    text: &SqlText,
    limits: Limits,
    idle: &mut Option<Session>,
    completed: &Cell<usize>,
) -> Result<Result<Actual, Error>, ProbeError> {
    let (answer, session) = session.execute(text, limits.mode, limits.timeout).await;
    completed.set(session.completed());
    if answer.is_err() && session.exceeded_limit() {
        return Err(ProbeError::TooLarge);
    }
    let reusable = is_reusable_after(text);
    let reset = match (reusable, limits.mode) {
        (false, ProbeMode::ReadWrite) => false,
        // Locks are released before the session is closed.
        _ => session.reset(limits.mode).await.is_ok(),
    };
    if reusable && reset {
        *idle = Some(session);
    } else {
        session.close().await;
    }
    Ok(answer)
}

/// Returns the port and the login: those of the service's url, unless the step has its own.
pub(super) fn login<E>(
    probe: &SqlProbe,
    target: &Target<'_, E>,
) -> Result<(u16, Login), ProbeError> {
    let service = &probe.service;
    let url = url(target, service)?;
    let config: Config = url.parse().map_err(|error| {
        let reason: Error = error;
        ProbeError::InvalidStep(text!(
            "the url of `{service}` is not a PostgreSQL url: {reason}",
            service,
            reason
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

/// Whether the session was ended, such as by a restart of the server.
fn is_session_lost(error: &Error) -> bool {
    match error.code() {
        Some(code) => code.code().starts_with("57P0"),
        None => true,
    }
}

fn evaluate(
    answer: Result<Actual, Error>,
    probe: &SqlProbe,
    completed: usize,
) -> Result<Actual, ProbeError> {
    answer.or_else(|error| match error.as_db_error() {
        Some(error) => {
            let character = match error.position() {
                Some(ErrorPosition::Original(character)) => usize::try_from(*character).ok(),
                Some(ErrorPosition::Internal { .. }) | None => None,
            };
            let place = ErrorPlace {
                character,
                completed,
            };
            let actual = Actual::error(error.code().code(), error.message());
            Ok(with_place(actual, probe, place))
        }
        None => Err(ProbeError::NoAnswer(text!(
            "`{service}` broke the connection: {reason}",
            service = probe.service,
            reason = with_source(&error)
        ))),
    })
}

/// Evaluates an error while connecting. A missing database is an answer; a login that fails or comes too early is an error.
fn evaluate_refusal(error: Error, service: &ServiceName) -> Result<Actual, ProbeError> {
    let Some(error) = error.as_db_error() else {
        return Err(ProbeError::NoAnswer(text!(
            "`{service}` does not answer as a PostgreSQL server does: {reason}",
            service,
            reason = with_source(&error)
        )));
    };
    let code = error.code().code();
    if code.starts_with("57P0") {
        return Err(ProbeError::NoAnswer(text!(
            "`{service}` does not accept connections: {reason}",
            service,
            reason = error.message()
        )));
    }
    if code.starts_with("28") {
        return Err(ProbeError::AccessDenied {
            service: service.clone(),
            reason: Text::verbatim(error.message()),
        });
    }
    Ok(Actual::error(code, error.message()))
}

fn with_source(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::double::Scene;

    #[tokio::test]
    async fn the_login_of_the_step_replaces_that_of_the_url() {
        let scene = Scene::with_url(7, "postgres://kim:p%40w@127.0.0.1:PORT/shop");
        let probe = |database: Option<&str>, password: Option<&str>| SqlProbe {
            service: Scene::service(),
            text: SqlText::Query(String::new()),
            file: None,
            database: database.map(str::to_owned),
            user: None,
            password: password.map(str::to_owned),
        };
        let (port, of_url) = login(&probe(None, None), &scene.target()).unwrap();
        let values = (of_url.database, of_url.user, of_url.password);
        let expected = ("shop".into(), "kim".into(), Some("p@w".into()));
        assert_eq!((port, values), (7, expected));
        let own = probe(Some("other"), Some("x"));
        let (_, own) = login(&own, &scene.target()).unwrap();
        assert_eq!(
            (own.database, own.password),
            ("other".into(), Some("x".into()))
        );
    }
}
