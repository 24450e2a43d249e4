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

/// The most connections with the same key, for statements that need one of their own while they run.
pub(super) const MAX_CONNECTIONS: usize = 4;

/// The connections of one protocol.
pub(super) struct ConnectionPool<C> {
    slots: RefCell<BTreeMap<Key, Vec<Slot<C>>>>,
}

impl<C> Default for ConnectionPool<C> {
    fn default() -> Self {
        Self {
            slots: RefCell::default(),
        }
    }
}

impl<C> ConnectionPool<C> {
    /// Returns the slot of a connection that many share at the same time. It is empty at first.
    pub(super) fn slot(&self, key: &Key) -> Slot<C> {
        let mut slots = self.slots.borrow_mut();
        let slots = slots.entry(key.clone()).or_default();
        if slots.is_empty() {
            slots.push(Slot::default());
        }
        Rc::clone(&slots[0])
    }

    /// Returns the slot of a connection that is used by one at a time: one without users, else a new one, and
    /// the one with the fewest users when there are [`MAX_CONNECTIONS`].
    pub(super) fn free_slot(&self, key: &Key) -> Slot<C> {
        let mut slots = self.slots.borrow_mut();
        let slots = slots.entry(key.clone()).or_default();
        // A user of a slot has a clone of it.
        let is_free = |slot: &&Slot<C>| Rc::strong_count(slot) == 1;
        if !slots.iter().any(|slot| is_free(&slot)) && slots.len() < MAX_CONNECTIONS {
            slots.push(Slot::default());
        }
        let least = slots.iter().min_by_key(|slot| Rc::strong_count(slot));
        Rc::clone(least.expect("there is at least one slot"))
    }

    /// Takes out all connections that are not in use.
    pub(super) fn drain(&mut self) -> Vec<C> {
        let slots = std::mem::take(self.slots.get_mut()).into_values().flatten();
        let free = slots.filter_map(|slot| slot.try_lock().ok()?.take());
        free.collect()
    }

    /// Takes out all connections whose key matches, each as soon as its slot is free.
    pub(super) async fn take(&self, matches: &dyn Fn(&Key) -> bool) -> Vec<C> {
        let slots: Vec<Slot<C>> = {
            let slots = self.slots.borrow();
            let matching = slots.iter().filter(|(key, _)| matches(key));
            matching
                .flat_map(|(_, slots)| slots.iter().map(Rc::clone))
                .collect()
        };
        let mut taken = Vec::new();
        for slot in slots {
            taken.extend(slot.lock().await.take());
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key {
            service: ServiceName::new("db").unwrap(),
            port: 1,
            bound: Vec::new(),
        }
    }

    #[tokio::test]
    async fn statements_one_after_the_other_use_one_connection() {
        let pool: ConnectionPool<u32> = ConnectionPool::default();
        *pool.free_slot(&key()).lock().await = Some(7);
        assert_eq!(*pool.free_slot(&key()).lock().await, Some(7));
        assert_eq!(*pool.slot(&key()).lock().await, Some(7));
        assert_eq!(pool.take(&|_| true).await, [7]);
    }

    #[tokio::test]
    async fn statements_at_the_same_time_use_several_connections_up_to_a_limit() {
        let pool: ConnectionPool<usize> = ConnectionPool::default();
        let slots: Vec<_> = (0..MAX_CONNECTIONS)
            .map(|_| pool.free_slot(&key()))
            .collect();
        for (at, slot) in slots.iter().enumerate() {
            *slot.lock().await = Some(at);
        }
        // The next one waits for one of them, and the one after it for another.
        let (one, other) = (pool.free_slot(&key()), pool.free_slot(&key()));
        assert!(!Rc::ptr_eq(&one, &other));
        assert!(slots.iter().any(|slot| Rc::ptr_eq(slot, &one)));
        drop((slots, one, other));
        let mut taken = pool.take(&|_| true).await;
        taken.sort_unstable();
        assert_eq!(taken, (0..MAX_CONNECTIONS).collect::<Vec<_>>());
    }
}
