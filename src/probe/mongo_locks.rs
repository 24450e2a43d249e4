//! Whose open transaction a MongoDB command waits for.

use bson::{Document, doc};
use mongodb::options::ClientOptions;

use crate::probe::error::{LockHolder, WayOut};
use crate::text;

/// The name of roadlab's connections.
pub(super) const APPLICATION: &str = "roadlab";

/// The codes of errors that name a lock of another session: LockTimeout, WriteConflict.
pub(super) const LOCK_CODES: [i32; 2] = [24, 112];

/// Whether a command of roadlab must be waiting for a lock at this moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    MustBeSeen,
    AreKnown,
}

/// Returns a session of another program whose transaction is open.
pub(super) async fn holder(options: &ClientOptions, waits: Waits) -> Option<LockHolder> {
    // The connection of the probe is in use.
    let client = mongodb::Client::with_options(options.clone()).ok()?;
    let database = client.database("admin");
    let operations = |all_users: bool| {
        database.run_command(doc! {
            "aggregate": 1,
            "pipeline": [ { "$currentOp": { "allUsers": all_users, "idleSessions": true } } ],
            "cursor": { "batchSize": 1000 },
        })
    };
    // A user without the privilege `inprog` may see the own sessions only, which are those of the learner's client.
    let reply = match operations(true).await {
        Ok(reply) => Ok(reply),
        Err(_) => operations(false).await,
    };
    client.shutdown().immediate(true).await;
    let reply = reply.ok()?;
    let operations = reply
        .get_document("cursor")
        .ok()?
        .get_array("firstBatch")
        .ok()?;
    let operations: Vec<&Document> = operations
        .iter()
        .filter_map(bson::Bson::as_document)
        .collect();
    lock_holder(&operations, waits)
}

fn lock_holder(operations: &[&Document], waits: Waits) -> Option<LockHolder> {
    let own = |operation: &&&Document| {
        operation
            .get_str("appName")
            .is_ok_and(|name| name == APPLICATION)
    };
    let is_waiting = |operation: &&Document| operation.get_bool("waitingForLock").unwrap_or(false);
    if waits == Waits::MustBeSeen && !operations.iter().filter(own).any(is_waiting) {
        return None;
    }
    let mut others = operations.iter().filter(|operation| !own(operation));
    let session =
        others.find(|operation| operation.contains_key("transaction") && !is_waiting(operation))?;
    let text = |key: &str| session.get_str(key).unwrap_or_default().to_owned();
    let (program, client) = (text("appName"), text("client"));
    Some(LockHolder {
        who: match program.is_empty() {
            false => text!("`{program}` at {client}", program, client),
            true => text!("a client at {client}", client),
        },
        way_out: WayOut::EndMongoTransaction,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::error::ProbeError;

    #[test]
    fn the_open_transaction_of_another_program_is_the_holder() {
        let idle = doc! {"type": "idleSession", "appName": "mongosh 2.5", "client": "172.17.0.1:5", "transaction": {"parameters": {}}};
        let waiting = doc! {"type": "op", "appName": "roadlab", "waitingForLock": true};
        let plain = doc! {"type": "op", "appName": "mongosh 2.5", "waitingForLock": false};
        let holder = lock_holder(&[&plain, &waiting, &idle], Waits::MustBeSeen).unwrap();
        assert_eq!(
            ProbeError::Locked(holder).to_string(),
            "another session holds a lock: commit or abort its transaction there (`mongosh 2.5` at 172.17.0.1:5)"
        );
        assert!(lock_holder(&[&plain, &idle], Waits::MustBeSeen).is_none());
        assert!(lock_holder(&[&plain, &idle], Waits::AreKnown).is_some());
        assert!(lock_holder(&[&waiting, &plain], Waits::AreKnown).is_none());
    }
}
