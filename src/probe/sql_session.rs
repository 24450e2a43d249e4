//! Runs a statement in a session with an SQL server. What differs between the servers is in `mysql.rs` and `postgres.rs`.

use std::cell::RefCell;

use crate::expect::Actual;
use crate::lab::{ServiceName, SqlProbe};
use crate::probe::error::{LockHolder, ProbeError};
use crate::probe::lock_watch::watch;
use crate::probe::mode::ProbeMode;
use crate::probe::pool::{ConnectionPool, Key};
use crate::probe::sql_statement::{Limits, mentions_databases};
use crate::probe::target::Target;

/// A session with a server of one kind.
pub(super) trait SqlSession: Sized {
    /// The user and the database.
    type Login;
    /// Why a statement has no result.
    type Error;
    /// Why the server does not open a session.
    type Refusal;

    /// Returns the port and the login: those of the service's url, unless the step has its own.
    fn login<E>(probe: &SqlProbe, target: &Target<'_, E>)
    -> Result<(u16, Self::Login), ProbeError>;

    /// Returns what a session is bound to besides its service and port.
    fn bound(login: &Self::Login) -> Vec<String>;

    /// Returns whether an idle session of the service is in the way of a statement that creates or drops databases.
    fn hinders_databases(idle: &Key, login: &Self::Login) -> bool;

    /// Opens a session for probes of one mode. The inner error is the server's refusal.
    async fn open(
        port: u16,
        login: &Self::Login,
        mode: ProbeMode,
    ) -> Result<Result<Self, Self::Refusal>, ProbeError>;

    fn is_open(&self) -> bool;

    /// Returns the server's number of the session, if it is known.
    fn id(&self) -> Option<i64>;

    /// Returns who holds the lock that a session waits for.
    async fn lock_holder(port: u16, login: &Self::Login, id: i64) -> Option<LockHolder>;

    /// Executes a statement and resets the session.
    async fn run(self, probe: &SqlProbe, limits: Limits) -> Result<Executed<Self>, ProbeError>;

    /// Returns whether the session was ended, such as by a restart of the server.
    fn is_lost(error: &Self::Error) -> bool;

    /// Evaluates an error of a statement. `completed` is the number of statements that were completed.
    fn evaluate(
        error: Self::Error,
        probe: &SqlProbe,
        completed: usize,
    ) -> Result<Actual, ProbeError>;

    /// Evaluates an error while connecting. A missing database is an answer; a login that fails or comes too early is an error.
    fn evaluate_refusal(error: Self::Refusal, service: &ServiceName) -> Result<Actual, ProbeError>;

    async fn close(self);
}

/// A statement that was executed.
pub(super) struct Executed<S: SqlSession> {
    pub(super) answer: Result<Actual, S::Error>,
    /// How many statements were completed.
    pub(super) completed: usize,
    /// The session, if it can be used again.
    pub(super) reusable: Option<S>,
}

/// What becomes of a session after a statement.
pub(super) enum AfterStatement {
    Reuse,
    Close,
}

impl<S: SqlSession> Executed<S> {
    /// Keeps the session for the next statement, or closes it.
    pub(super) async fn in_session(
        session: S,
        after: AfterStatement,
        answer: Result<Actual, S::Error>,
        completed: usize,
    ) -> Self {
        let reusable = match after {
            AfterStatement::Reuse => Some(session),
            AfterStatement::Close => {
                session.close().await;
                None
            }
        };
        Self {
            answer,
            completed,
            reusable,
        }
    }
}

/// Runs a query or a script in an idle session, or in a new one if there is none or the server has ended it.
pub(super) async fn run<S: SqlSession, E>(
    probe: &SqlProbe,
    limits: Limits,
    target: &Target<'_, E>,
    sessions: &ConnectionPool<S>,
    holder: &RefCell<Option<LockHolder>>,
) -> Result<Actual, ProbeError> {
    let (port, login) = S::login(probe, target)?;
    let service = &probe.service;
    let mut bound = S::bound(&login);
    // Sessions of checks have other settings.
    bound.push(format!("{:?}", limits.mode));
    let key = Key {
        service: service.clone(),
        port,
        bound,
    };
    if mentions_databases(&probe.text) {
        let other = |key: &Key| key.service == *service && S::hinders_databases(key, &login);
        let others = sessions.take(&other).await.into_iter();
        futures_util::future::join_all(others.map(S::close)).await;
    }
    let slot = match limits.mode {
        ProbeMode::ReadOnly => sessions.free_slot(&key),
        // Writes that are tried would wait for each other's locks.
        ProbeMode::RolledBack | ProbeMode::ReadWrite => sessions.slot(&key),
    };
    let mut idle = slot.lock().await;
    // Lets a session's task notice that the server has closed the connection.
    tokio::task::yield_now().await;
    let execute = async |session: S| {
        let id = session.id();
        let search = async || S::lock_holder(port, &login, id?).await;
        tokio::select! {
            executed = session.run(probe, limits) => executed,
            holder = watch(limits.mode, holder, search) => Err(ProbeError::Locked(holder)),
        }
    };
    if let Some(session) = idle.take().filter(S::is_open) {
        let executed = execute(session).await?;
        *idle = executed.reusable;
        match executed.answer {
            Ok(actual) => return Ok(actual),
            Err(error) if !S::is_lost(&error) => {
                return S::evaluate(error, probe, executed.completed);
            }
            Err(_) => {}
        }
    }
    let session = match S::open(port, &login, limits.mode).await? {
        Ok(session) => session,
        Err(error) => return S::evaluate_refusal(error, service),
    };
    let executed = execute(session).await?;
    *idle = executed.reusable;
    let completed = executed.completed;
    let evaluate = |error| S::evaluate(error, probe, completed);
    executed.answer.or_else(evaluate)
}

/// Returns the value of a step, or else the one of the service's url.
pub(super) fn own_or(own: Option<&String>, of_url: Option<&str>) -> Option<String> {
    own.cloned().or_else(|| of_url.map(str::to_owned))
}
