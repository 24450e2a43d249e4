//! A pool of open connections of one protocol, so that twenty checks connect once.
//!
//! Everything runs on one thread, so interior mutability is enough. No borrow is held across an await.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Mutex;

use crate::lab::ServiceName;

/// What a connection is bound to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) service: ServiceName,
    /// The published port, which changes when a container is started again.
    pub(super) port: u16,
    /// The database, the user, the virtual host: whatever else belongs to the connection.
    pub(super) bound: Vec<String>,
}

/// The place of one connection. The holder of its lock may open, use or drop the connection.
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
    /// Returns the slot of a connection, which is empty at first.
    pub(super) fn slot(&self, key: &Key) -> Slot<C> {
        Rc::clone(self.slots.borrow_mut().entry(key.clone()).or_default())
    }

    /// Takes out all connections that are not in use.
    pub(super) fn drain(&mut self) -> Vec<C> {
        let slots = std::mem::take(self.slots.get_mut()).into_values();
        let free = slots.filter_map(|slot| slot.try_lock().ok()?.take());
        free.collect()
    }

    /// Takes out all connections whose key matches, each as soon as its slot is free.
    pub(super) async fn take(&self, matches: &dyn Fn(&Key) -> bool) -> Vec<C> {
        let slots: Vec<Slot<C>> = {
            let slots = self.slots.borrow();
            let matching = slots.iter().filter(|(key, _)| matches(key));
            matching.map(|(_, slot)| Rc::clone(slot)).collect()
        };
        let mut taken = Vec::new();
        for slot in slots {
            taken.extend(slot.lock().await.take());
        }
        taken
    }
}
