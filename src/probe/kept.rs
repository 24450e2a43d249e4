//! Connections that stay open between looks, so that twenty checks connect once.
//!
//! One thread, so interior mutability is enough; no borrow is held across an await.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::future::{join_all, join3};
use tokio::sync::Mutex;

use crate::lab::ServiceName;
use crate::probe::{amqp, http, mongo, redis, sql_session};

/// Open connections by service. Dropping it closes them without waiting; [`Connections::close`] waits.
#[derive(Default)]
pub struct Connections {
    pub(super) http: http::Requests,
    pub(super) redis: ConnectionPool<redis::Link>,
    pub(super) sql: ConnectionPool<sql_session::Session>,
    pub(super) mongo: ConnectionPool<mongo::Client>,
    pub(super) amqp: ConnectionPool<amqp::Broker>,
}

impl Connections {
    /// Closes all connections and waits until the servers have seen it. Looks open new ones as they need them.
    pub async fn close(&self) {
        self.close_where(&|_| true).await;
    }

    /// Closes the connections to one service, as before it restarts.
    pub async fn forget(&self, service: &ServiceName) {
        self.close_where(&|key| key.service == *service).await;
    }

    async fn close_where(&self, wanted: &dyn Fn(&Key) -> bool) {
        // Redis only needs the socket closed.
        self.redis.take(wanted).await;
        let sessions = self.sql.take(wanted).await.into_iter();
        let clients = self.mongo.take(wanted).await.into_iter();
        let brokers = self.amqp.take(wanted).await.into_iter();
        join3(
            join_all(sessions.map(sql_session::Session::close)),
            join_all(clients.map(mongo::close)),
            join_all(brokers.map(amqp::close)),
        )
        .await;
    }
}

/// Whom a connection is to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) service: ServiceName,
    /// The published port; it moves when a container is started again.
    pub(super) port: u16,
    /// Database, user, virtual host: whatever a connection is bound to.
    pub(super) bound: Vec<String>,
}

/// A place for one connection. Whoever holds the lock may open, use or drop it.
pub(super) type Slot<C> = Rc<Mutex<Option<C>>>;

/// The connections of one protocol.
pub(super) struct ConnectionPool<C> {
    slots: RefCell<BTreeMap<Key, Slot<C>>>,
}

impl<C> Default for ConnectionPool<C> {
    fn default() -> Self {
        Self {
            slots: RefCell::default(),
        }
    }
}

impl<C> ConnectionPool<C> {
    /// The place for a connection, empty at first.
    pub(super) fn slot(&self, key: &Key) -> Slot<C> {
        Rc::clone(self.slots.borrow_mut().entry(key.clone()).or_default())
    }

    /// Takes out all connections that are wanted, each as soon as nobody uses it.
    pub(super) async fn take(&self, wanted: &dyn Fn(&Key) -> bool) -> Vec<C> {
        let slots: Vec<Slot<C>> = {
            let slots = self.slots.borrow();
            let wanted = slots.iter().filter(|(key, _)| wanted(key));
            wanted.map(|(_, slot)| Rc::clone(slot)).collect()
        };
        let mut taken = Vec::new();
        for slot in slots {
            taken.extend(slot.lock().await.take());
        }
        taken
    }
}
