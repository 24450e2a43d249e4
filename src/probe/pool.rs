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

/// The number of users of a connection from which another one is quicker, although opening it takes time.
const QUEUE: usize = 4;

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
    /// Returns the slot of a connection, which is empty at first.
    pub(super) fn slot(&self, key: &Key) -> Slot<C> {
        self.any_slot(key, 1)
    }

    /// Returns one of at most `most` slots that are equal: the one with the fewest users, or a new one if each has a queue.
    pub(super) fn any_slot(&self, key: &Key, most: usize) -> Slot<C> {
        let mut slots = self.slots.borrow_mut();
        let slots = slots.entry(key.clone()).or_default();
        // Each user of a slot, waiting or not, has a reference beside that of the pool.
        let users = |slot: &Slot<C>| Rc::strong_count(slot) - 1;
        let least = slots.iter().min_by_key(|slot| users(slot));
        match least {
            Some(slot) if users(slot) < QUEUE || slots.len() >= most => Rc::clone(slot),
            _ => {
                let slot = Slot::default();
                slots.push(Rc::clone(&slot));
                slot
            }
        }
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
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn what_runs_at_the_same_time_has_a_few_connections() {
        let pool = ConnectionPool::<u32>::default();
        let key = Key {
            service: ServiceName::new("db").unwrap(),
            port: 1,
            bound: Vec::new(),
        };
        let connect = async |number: u32| {
            let slot = pool.any_slot(&key, 2);
            let mut connection = slot.lock().await;
            tokio::task::yield_now().await;
            *connection.get_or_insert(number)
        };
        // What comes alone uses the first one again.
        assert_eq!((connect(1).await, connect(2).await), (1, 1));
        let used = join_all((3..13).map(connect)).await;
        assert_eq!(used, [1, 1, 1, 1, 7, 7, 7, 7, 1, 7]);
        assert_eq!(connect(13).await, 1);
        assert_eq!(pool.take(&|_| true).await, [1, 7]);
        let other = Key {
            port: 2,
            ..key.clone()
        };
        let alone = async |number: u32| *pool.slot(&other).lock().await.get_or_insert(number);
        assert_eq!(join_all((20..30).map(alone)).await, [20; 10]);
    }
}
