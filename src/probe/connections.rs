//! The open connections to the services of a running lab.

use futures_util::future::{join, join_all, join3};

use crate::lab::ServiceName;
use crate::probe::pool::{ConnectionPool, Key};
use crate::probe::{amqp, closing, http, mongo, mysql_session, postgres_session, redis, sql};

/// The open connections to the services of a running lab. Dropping it closes them in the background;
/// [`Connections::close`] waits.
#[derive(Default)]
pub struct Connections {
    pub(super) http: http::HttpClient,
    pub(super) redis: ConnectionPool<redis::RedisConnection>,
    pub(super) sql: sql::Sessions,
    pub(super) mongo: ConnectionPool<mongo::Client>,
    pub(super) amqp: ConnectionPool<amqp::SharedConnection>,
}

impl Drop for Connections {
    /// Closes what is not in use in the background, so that servers do not report lost clients.
    fn drop(&mut self) {
        for session in self.sql.postgres.drain() {
            closing::spawn(session.close());
        }
        for session in self.sql.mysql.drain() {
            closing::spawn(session.close());
        }
        for client in self.mongo.drain() {
            closing::spawn(mongo::close(client));
        }
        for broker in self.amqp.drain() {
            closing::spawn(amqp::close(broker));
        }
    }
}

impl Connections {
    /// Closes all connections and waits until the servers have seen it. Later probes open new ones.
    pub async fn close(&self) {
        self.close_where(&|_| true).await;
    }

    /// Closes the connections to one service, such as before it restarts.
    pub async fn forget(&self, service: &ServiceName) {
        self.close_where(&|key| key.service == *service).await;
    }

    /// Closes the SQL sessions and waits until the servers have seen it.
    pub async fn close_sql(&self) {
        self.close_sql_where(&|_| true).await;
    }

    async fn close_sql_where(&self, matches: &dyn Fn(&Key) -> bool) {
        let sessions = self.sql.postgres.take(matches).await.into_iter();
        let mysql_sessions = self.sql.mysql.take(matches).await.into_iter();
        join(
            join_all(sessions.map(postgres_session::Session::close)),
            join_all(mysql_sessions.map(mysql_session::Session::close)),
        )
        .await;
    }

    async fn close_where(&self, matches: &dyn Fn(&Key) -> bool) {
        // A Redis server only needs the socket closed.
        self.redis.take(matches).await;
        let clients = self.mongo.take(matches).await.into_iter();
        let brokers = self.amqp.take(matches).await.into_iter();
        join3(
            self.close_sql_where(matches),
            join_all(clients.map(mongo::close)),
            join_all(brokers.map(amqp::close)),
        )
        .await;
    }
}
