//! The `sql` probe on a PostgreSQL server.

use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Config, Error};

use crate::expect::Actual;
use crate::lab::{ServiceName, SqlProbe};
use crate::probe::address::{url, url_port};
use crate::probe::error::{LockHolder, ProbeError};
use crate::probe::mode::ProbeMode;
use crate::probe::pool::Key;
use crate::probe::postgres_locks;
use crate::probe::postgres_session::{Login, Session};
use crate::probe::script_place::{ErrorPlace, with_place};
use crate::probe::sql_session::{AfterStatement, Executed, SqlSession, own_or};
use crate::probe::sql_statement::{Limits, is_reusable_after};
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

impl SqlSession for Session {
    type Login = Login;
    type Error = Error;
    type Refusal = Error;

    fn login<E>(probe: &SqlProbe, target: &Target<'_, E>) -> Result<(u16, Login), ProbeError> {
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
        let user =
            own_or(probe.user.as_ref(), config.get_user()).unwrap_or_else(|| "postgres".to_owned());
        let password = config.get_password().map(String::from_utf8_lossy);
        let login = Login {
            database: own_or(probe.database.as_ref(), config.get_dbname())
                .unwrap_or_else(|| user.clone()),
            password: own_or(probe.password.as_ref(), password.as_deref()),
            user,
        };
        Ok((port, login))
    }

    fn bound(login: &Login) -> Vec<String> {
        vec![
            login.database.clone(),
            login.user.clone(),
            login.password.clone().unwrap_or_default(),
        ]
    }

    /// A database with open connections can be neither dropped nor copied.
    fn hinders_databases(idle: &Key, login: &Login) -> bool {
        idle.bound[0] != login.database
    }

    async fn open(
        port: u16,
        login: &Login,
        mode: ProbeMode,
    ) -> Result<Result<Self, Error>, ProbeError> {
        Session::open(port, login, mode).await
    }

    fn is_open(&self) -> bool {
        !self.is_closed()
    }

    fn id(&self) -> Option<i64> {
        self.pid().map(i64::from)
    }

    async fn lock_holder(port: u16, login: &Login, id: i64) -> Option<LockHolder> {
        postgres_locks::holder(port, login, id).await
    }

    async fn run(self, probe: &SqlProbe, limits: Limits) -> Result<Executed<Self>, ProbeError> {
        let text = &probe.text;
        let (answer, session) = self.execute(text, limits.mode, limits.timeout).await;
        let completed = session.completed();
        if answer.is_err() && session.exceeded_limit() {
            return Err(ProbeError::TooLarge);
        }
        let reusable = is_reusable_after(text);
        let reset = match (reusable, limits.mode) {
            (false, ProbeMode::ReadWrite) => false,
            // Locks are released before the session is closed.
            _ => session.reset(limits.mode).await.is_ok(),
        };
        let after = match reusable && reset {
            true => AfterStatement::Reuse,
            false => AfterStatement::Close,
        };
        Ok(Executed::in_session(session, after, answer, completed).await)
    }

    fn is_lost(error: &Error) -> bool {
        match error.code() {
            Some(code) => code.code().starts_with("57P0"),
            None => true,
        }
    }

    fn evaluate(error: Error, probe: &SqlProbe, completed: usize) -> Result<Actual, ProbeError> {
        match error.as_db_error() {
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
                reason = Text::quotation(with_source(&error))
            ))),
        }
    }

    fn evaluate_refusal(error: Error, service: &ServiceName) -> Result<Actual, ProbeError> {
        let Some(error) = error.as_db_error() else {
            return Err(ProbeError::NoAnswer(text!(
                "`{service}` does not answer as a PostgreSQL server does: {reason}",
                service,
                reason = Text::quotation(with_source(&error))
            )));
        };
        let code = error.code().code();
        if code.starts_with("57P0") {
            return Err(ProbeError::NoAnswer(text!(
                "`{service}` does not accept connections: {reason}",
                service,
                reason = Text::quotation(error.message())
            )));
        }
        if code.starts_with("28") {
            return Err(ProbeError::AccessDenied {
                service: service.clone(),
                reason: Text::quotation(error.message()),
            });
        }
        Ok(Actual::error(code, error.message()))
    }

    async fn close(self) {
        Session::close(self).await;
    }
}

fn with_source(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::SqlText;
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
        let (port, of_url) = Session::login(&probe(None, None), &scene.target()).unwrap();
        let values = (of_url.database, of_url.user, of_url.password);
        let expected = ("shop".into(), "kim".into(), Some("p@w".into()));
        assert_eq!((port, values), (7, expected));
        let own = probe(Some("other"), Some("x"));
        let (_, own) = Session::login(&own, &scene.target()).unwrap();
        assert_eq!(
            (own.database, own.password),
            ("other".into(), Some("x".into()))
        );
    }
}
