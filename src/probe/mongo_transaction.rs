//! A transaction of MongoDB that stays open, as a learner's forgotten one does. Only the test of a lab opens one.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::ClientSession;
use mongodb::error::Error;

use crate::lab::MongoProbe;
use crate::probe::address::url;
use crate::probe::error::ProbeError;
use crate::probe::mongo::options;
use crate::probe::target::Target;
use crate::text::Text;

/// The name of the connection: not that of roadlab's other connections, which never count as those of another session.
const APPLICATION: &str = "roadlab test";

/// How long to wait for the connection.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An open transaction.
pub(super) struct Transaction {
    client: mongodb::Client,
    session: ClientSession,
}

/// Opens a transaction in the database of a step, with a lock on every collection as an update of no document would take.
pub(super) async fn open<E>(
    probe: &MongoProbe,
    target: &Target<'_, E>,
) -> Result<Transaction, ProbeError> {
    let refused = |error: Error| ProbeError::NoAnswer(Text::quotation(error.to_string()));
    let url = url(target, &probe.service)?;
    let mut options = options(url, target, &probe.service, TIMEOUT).await?;
    options.app_name = Some(APPLICATION.to_owned());
    let database = probe.database.clone();
    let database = database.or_else(|| options.default_database.clone());
    let database = database.unwrap_or_else(|| "test".to_owned());
    let client = mongodb::Client::with_options(options).map_err(refused)?;
    match lock_collections(&client, &database).await {
        Ok(session) => Ok(Transaction { client, session }),
        Err(error) => {
            client.shutdown().immediate(true).await;
            Err(refused(error))
        }
    }
}

async fn lock_collections(
    client: &mongodb::Client,
    database: &str,
) -> Result<ClientSession, Error> {
    let database = client.database(database);
    let filter = doc! { "type": "collection", "name": { "$not": { "$regex": "^system[.]" } } };
    let reply = database.run_command(doc! { "listCollections": 1, "nameOnly": true, "filter": filter, "cursor": { "batchSize": 1000 } });
    let reply = reply.await?;
    let mut session = client.start_session().await?;
    session.start_transaction().await?;
    for name in names(&reply) {
        let nothing =
            doc! { "q": { "$expr": false }, "u": { "$set": { "roadlab": 1 } }, "multi": true };
        let update = doc! { "update": name, "updates": [nothing] };
        database.run_command(update).session(&mut session).await?;
    }
    Ok(session)
}

/// Returns the names of the collections in a reply of `listCollections`.
fn names(reply: &Document) -> Vec<&str> {
    let batch = reply.get_document("cursor");
    let batch = batch.and_then(|cursor| cursor.get_array("firstBatch"));
    let collections = batch.into_iter().flatten();
    let collections = collections.filter_map(|collection| collection.as_document());
    collections
        .filter_map(|collection| collection.get_str("name").ok())
        .collect()
}

impl Transaction {
    /// Aborts the transaction and closes the connections.
    pub(super) async fn abort(mut self) {
        // The server aborts the transaction of a session whose connection is gone a minute later.
        let _ = self.session.abort_transaction().await;
        self.client.shutdown().immediate(true).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collections_of_a_reply_have_their_names() {
        let reply = doc! { "cursor": { "firstBatch": [
            { "name": "orders", "type": "collection" }, { "name": "people", "type": "collection" },
        ] }, "ok": 1 };
        assert_eq!(names(&reply), ["orders", "people"]);
        assert!(names(&doc! { "ok": 1 }).is_empty());
    }
}
