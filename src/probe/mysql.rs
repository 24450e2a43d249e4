//! The `sql` probe on a MySQL or MariaDB server.

use std::cell::RefCell;

use mysql_async::{Opts, ServerError};

use crate::expect::Actual;
use crate::lab::{ServiceName, SqlProbe, not_undone_by_mysql};
use crate::probe::address::{url, url_port};
use crate::probe::error::{LockHolder, ProbeError};
use crate::probe::mode::ProbeMode;
use crate::probe::mysql_locks;
use crate::probe::mysql_session::{Login, Session, SqlError};
use crate::probe::pool::{ConnectionPool, Key};
use crate::probe::script_place::{ErrorPlace, with_place};
use crate::probe::sql_session::{self, AfterStatement, Executed, SqlSession, own_or};
use crate::probe::sql_statement::{Limits, is_reusable_after};
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

/// The codes of the server's errors that decide what an error means (MySQL Server Error Message Reference).
const SHUTTING_DOWN: u16 = 1053;
const TOO_MANY_CONNECTIONS: u16 = 1040;
const LOCK_WAIT_TIMEOUT: u16 = 1205;

pub(super) async fn run<E>(
    probe: &SqlProbe,
    limits: Limits,
    target: &Target<'_, E>,
    sessions: &ConnectionPool<Session>,
    holder: &RefCell<Option<LockHolder>>,
) -> Result<Actual, ProbeError> {
    let statement = not_undone_by_mysql(probe.text.as_str());
    if let (ProbeMode::RolledBack, Some(statement)) = (limits.mode, statement) {
        return Err(ProbeError::InvalidStep(text!(
            "a check must only read: the server cannot roll back `{statement}`",
            statement
        )));
    }
    sql_session::run(probe, limits, target, sessions, holder).await
}

impl SqlSession for Session {
    type Login = Login;
    type Error = SqlError;
    type Refusal = ServerError;

    fn login<E>(probe: &SqlProbe, target: &Target<'_, E>) -> Result<(u16, Login), ProbeError> {
        let service = &probe.service;
        let url = url(target, service)?;
        let opts = parse(url).map_err(|reason| {
            ProbeError::InvalidStep(text!(
                "the url of `{service}` is not a MySQL url: {reason}",
                service,
                reason
            ))
        })?;
        let port = url_port(target, service, Some(opts.tcp_port()))?;
        let login = Login {
            database: own_or(probe.database.as_ref(), opts.db_name()),
            user: own_or(probe.user.as_ref(), opts.user()).unwrap_or_else(|| "root".to_owned()),
            password: own_or(probe.password.as_ref(), opts.pass()),
        };
        Ok((port, login))
    }

    fn bound(login: &Login) -> Vec<String> {
        vec![
            login.database.clone().unwrap_or_default(),
            login.user.clone(),
            login.password.clone().unwrap_or_default(),
        ]
    }

    /// A session in a database that is dropped and created again would be in no database.
    fn hinders_databases(_: &Key, _: &Login) -> bool {
        true
    }

    async fn open(
        port: u16,
        login: &Login,
        _: ProbeMode,
    ) -> Result<Result<Self, ServerError>, ProbeError> {
        Session::open(port, login).await
    }

    fn is_open(&self) -> bool {
        Session::is_open(self)
    }

    fn id(&self) -> Option<i64> {
        Some(Session::id(self).into())
    }

    async fn lock_holder(port: u16, login: &Login, id: i64) -> Option<LockHolder> {
        mysql_locks::holder(port, login, id).await
    }

    async fn run(self, probe: &SqlProbe, limits: Limits) -> Result<Executed<Self>, ProbeError> {
        let executed = self.execute(&probe.text, limits.mode, limits.timeout);
        let (answer, mut session) = executed.await;
        let completed = session.completed();
        if matches!(answer, Err(SqlError::TooLarge)) {
            session.close().await;
            return Err(ProbeError::TooLarge);
        }
        // The reset rolls back and releases locks, also before the session is closed.
        let reset = session.reset().await;
        let after = match reset && is_reusable_after(&probe.text) {
            true => AfterStatement::Reuse,
            false => AfterStatement::Close,
        };
        Ok(Executed::in_session(session, after, answer, completed).await)
    }

    fn is_lost(error: &SqlError) -> bool {
        matches!(error, SqlError::Lost(_))
    }

    fn evaluate(error: SqlError, probe: &SqlProbe, completed: usize) -> Result<Actual, ProbeError> {
        match error {
            SqlError::Server(error) if error.code == LOCK_WAIT_TIMEOUT => {
                Err(ProbeError::NoAnswer(Text::quotation(error.message)))
            }
            SqlError::Server(error) => {
                let place = ErrorPlace {
                    character: None,
                    completed,
                };
                let actual = Actual::error(error.state, error.message);
                Ok(with_place(actual, probe, place))
            }
            error @ SqlError::SeveralStatements => Err(ProbeError::InvalidStep(error.text())),
            SqlError::TooLarge => Err(ProbeError::TooLarge),
            SqlError::Lost(reason) => Err(ProbeError::NoAnswer(text!(
                "`{service}` broke the connection: {reason}",
                service = probe.service,
                reason
            ))),
        }
    }

    fn evaluate_refusal(error: ServerError, service: &ServiceName) -> Result<Actual, ProbeError> {
        match error.code {
            SHUTTING_DOWN | TOO_MANY_CONNECTIONS => Err(ProbeError::NoAnswer(text!(
                "`{service}` does not accept connections: {reason}",
                service,
                reason = Text::quotation(error.message)
            ))),
            _ if error.state == "28000" => Err(ProbeError::AccessDenied {
                service: service.clone(),
                reason: Text::quotation(error.message),
            }),
            _ => Ok(Actual::error(error.state, error.message)),
        }
    }

    async fn close(self) {
        Session::close(self).await;
    }
}

/// Parses a url of the form `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, also with the scheme `mariadb`. Options are for other
/// clients.
fn parse(url: &str) -> Result<Opts, mysql_async::UrlError> {
    let address = url.split_once(':').map_or(url, |(_, address)| address);
    let address = address.split('?').next().unwrap_or_default();
    Opts::from_url(&format!("mysql:{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::SqlText;
    use crate::probe::double::Scene;

    #[tokio::test]
    async fn the_login_of_the_step_replaces_that_of_the_url() {
        let scene = Scene::with_url(7, "mariadb://kim:p%40w@127.0.0.1:PORT/shop?charset=utf8");
        let probe = |database: Option<&str>, user: Option<&str>| SqlProbe {
            service: Scene::service(),
            text: SqlText::Query(String::new()),
            file: None,
            database: database.map(str::to_owned),
            user: user.map(str::to_owned),
            password: None,
        };
        let (port, of_url) = Session::login(&probe(None, None), &scene.target()).unwrap();
        let values = (of_url.database, of_url.user, of_url.password);
        let expected = (Some("shop".into()), "kim".into(), Some("p@w".into()));
        assert_eq!((port, values), (7, expected));
        let (_, own) =
            Session::login(&probe(Some("other"), Some("root")), &scene.target()).unwrap();
        assert_eq!(
            (own.database, own.user),
            (Some("other".into()), "root".into())
        );
    }

    #[tokio::test]
    async fn a_check_refuses_a_statement_that_the_server_cannot_roll_back() {
        let scene = Scene::with_url(7, "mysql://lab@127.0.0.1:PORT/shop");
        let probe = SqlProbe {
            service: Scene::service(),
            text: SqlText::Script("INSERT INTO t VALUES (1); ALTER TABLE t ADD x INT".to_owned()),
            file: None,
            database: None,
            user: None,
            password: None,
        };
        let limits = Limits {
            mode: ProbeMode::RolledBack,
            timeout: std::time::Duration::from_secs(1),
        };
        let holder = RefCell::default();
        let sessions = ConnectionPool::default();
        let answer = run(&probe, limits, &scene.target(), &sessions, &holder).await;
        assert_eq!(
            answer.unwrap_err().to_string(),
            "a check must only read: the server cannot roll back `ALTER`"
        );
    }
}
