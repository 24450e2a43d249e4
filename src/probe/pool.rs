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

    /// Returns one of at most `most` slots that are equal: the first that is free, else the one for which the fewest wait.
    pub(super) fn any_slot(&self, key: &Key, most: usize) -> Slot<C> {
        let mut slots = self.slots.borrow_mut();
        let slots = slots.entry(key.clone()).or_default();
        // Whoever uses a slot, or waits for it, has a reference too.
        let free = slots.iter().find(|slot| Rc::strong_count(slot) == 1);
        if free.is_none() && slots.len() < most {
            slots.push(Slot::default());
            return Rc::clone(&slots[slots.len() - 1]);
        }
        let least = || slots.iter().min_by_key(|slot| Rc::strong_count(slot));
        free.or_else(least).map(Rc::clone).unwrap_or_default()
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
        let used = tokio::join!(connect(3), connect(4), connect(5), connect(6));
        assert_eq!(used, (1, 4, 1, 4));
        assert_eq!(connect(7).await, 1);
        assert_eq!(pool.take(&|_| true).await, [1, 4]);
        let alone = async |number: u32| *pool.slot(&key).lock().await.get_or_insert(number);
        assert_eq!(tokio::join!(alone(8), alone(9)), (8, 8));
    }
}
