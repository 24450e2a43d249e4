//! One MongoDB database command, and the reply as relaxed extended JSON.

use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::Database;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, ServerAddress, ServerMonitoringMode, Tls};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::expect::Actual;
use crate::lab::{MongoProbe, ServiceName};
use crate::probe::dial::{dial, url, url_port};
use crate::probe::kept::Key;
use crate::probe::{Target, Unseen};

/// A client with its connections; clones share them.
pub(super) type Client = mongodb::Client;

/// The wire protocol's number for OP_MSG.
const OP_MSG: i32 = 2013;

/// Reply fields of the cluster's own book-keeping.
const BOOK_KEEPING: [&str; 2] = ["$clusterTime", "operationTime"];

pub(super) async fn look<E>(
    probe: &MongoProbe,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, Unseen> {
    let service = &probe.service;
    let command = command(&probe.command)?;
    let url = url(target, service)?;
    let options = options(url, target, service, timeout).await?;
    let Some(ServerAddress::Tcp {
        port: Some(port), ..
    }) = options.hosts.first()
    else {
        return Err(not_mongo(service, "it names no port"));
    };
    let port = *port;
    let database = probe
        .database
        .as_ref()
        .or(options.default_database.as_ref());
    let database = database.map_or("test", String::as_str).to_owned();
    greet(port, service).await?;

    let key = Key {
        service: service.clone(),
        port,
        bound: Vec::new(),
    };
    let slot = target.connections.mongo.slot(&key);
    let kept = slot.lock().await.clone();
    if let Some(client) = kept {
        match ask(&client.database(&database), &command).await {
            Err(error) if hung_up(&error) => *slot.lock().await = None,
            reply => return judge(reply, service),
        }
    }
    let client = slot.lock().await.clone();
    let client = match client {
        Some(client) => client,
        None => {
            let client = Client::with_options(options);
            let client = client.map_err(|error| not_mongo(service, &error.to_string()))?;
            slot.lock().await.insert(client).clone()
        }
    };
    let reply = ask(&client.database(&database), &command).await;
    let refused = |error: &Error| !matches!(*error.kind, ErrorKind::Command(_));
    if reply.as_ref().is_err_and(refused) {
        // The next look starts afresh instead of waiting for the driver's next try.
        *slot.lock().await = None;
    }
    judge(reply, service)
}

/// Closes a client's connections.
pub(super) async fn close(client: Client) {
    client.shutdown().immediate(true).await;
}

async fn ask(database: &Database, command: &Document) -> Result<Document, Error> {
    database.run_command(command.clone()).await
}

/// The service's url, held to one server of this machine, without TLS, and without surprises.
async fn options<E>(
    url: &str,
    target: &Target<'_, E>,
    service: &ServiceName,
    timeout: Duration,
) -> Result<ClientOptions, Unseen> {
    if !url.starts_with("mongodb://") {
        return Err(not_mongo(service, "it does not begin with `mongodb://`"));
    }
    let options = ClientOptions::parse(url).await;
    let mut options = options.map_err(|error| not_mongo(service, &error.to_string()))?;
    let named = match options.hosts.first() {
        Some(ServerAddress::Tcp { port, .. }) => *port,
        _ => None,
    };
    options.hosts = vec![ServerAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port: Some(url_port(target, service, named)?),
    }];
    options.app_name = Some("roadlab".to_owned());
    options.direct_connection = Some(true);
    options.repl_set_name = None;
    options.load_balanced = None;
    options.tls = Some(Tls::Disabled);
    options.connect_timeout = Some(timeout);
    options.server_selection_timeout = Some(timeout);
    options.server_monitoring_mode = Some(ServerMonitoringMode::Poll);
    options.max_pool_size = Some(1);
    options.min_pool_size = None;
    Ok(options)
}

fn not_mongo(service: &ServiceName, why: &str) -> Unseen {
    Unseen::CannotLook(format!(
        "the url of `{service}` cannot be used for MongoDB: {why}"
    ))
}

/// Asks whether a MongoDB server is there. The driver itself would wait and ask again, twice a second.
async fn greet(port: u16, service: &ServiceName) -> Result<(), Unseen> {
    let silent = |error: std::io::Error| {
        Unseen::NoAnswer(format!(
            "`{service}` does not answer as MongoDB does: {error}"
        ))
    };
    let mut socket = dial(port).await?;
    socket.write_all(&hello()).await.map_err(silent)?;
    let mut head = [0; 16];
    socket.read_exact(&mut head).await.map_err(silent)?;
    match head.ends_with(&OP_MSG.to_le_bytes()) {
        true => Ok(()),
        false => Err(silent(std::io::Error::other("it speaks otherwise"))),
    }
}

/// A `hello` as the wire protocol wants it: length, request, reply to, opcode, flags, one section, document.
fn hello() -> Vec<u8> {
    let hello = doc! { "hello": 1, "$db": "admin" };
    let hello = hello.to_vec().expect("a document of two fields is valid");
    let length = i32::try_from(21 + hello.len()).expect("it is short");
    let head = [length, 1, 0, OP_MSG, 0].map(i32::to_le_bytes).concat();
    [head, vec![0], hello].concat()
}

/// The driver lost the server, or could not reach it.
fn hung_up(error: &Error) -> bool {
    matches!(
        *error.kind,
        ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. }
    )
}

fn judge(reply: Result<Document, Error>, service: &ServiceName) -> Result<Actual, Unseen> {
    let error = match reply {
        Ok(reply) => return Ok(write_error(&reply).unwrap_or_else(|| Actual::value(value(reply)))),
        Err(error) => error,
    };
    match *error.kind {
        ErrorKind::Command(ref error) => {
            Ok(command_error(error.code, &error.code_name, &error.message))
        }
        ErrorKind::Authentication { ref message, .. } => Err(Unseen::NoAnswer(format!(
            "`{service}` does not let us in: {message}"
        ))),
        ref kind => Err(Unseen::NoAnswer(format!("`{service}` broke off: {kind}"))),
    }
}

/// The first error of a write whose command as such went well.
fn write_error(reply: &Document) -> Option<Actual> {
    let of_document = || match reply.get("writeErrors")?.as_array()?.first()? {
        Bson::Document(error) => Some(error),
        _ => None,
    };
    let of_concern = || reply.get("writeConcernError")?.as_document();
    let error = of_document().or_else(of_concern)?;
    let code = error
        .get("code")
        .map(|code| code.clone().into_relaxed_extjson());
    let code = code.and_then(|code| i32::try_from(code.as_i64()?).ok())?;
    // Servers name the code of a command, not of each write.
    let name = match (error.get_str("codeName"), code) {
        (Ok(name), _) => name,
        (Err(_), 121) => "DocumentValidationFailure",
        (Err(_), 11000) => "DuplicateKey",
        (Err(_), _) => "",
    };
    Some(command_error(
        code,
        name,
        error.get_str("errmsg").unwrap_or_default(),
    ))
}

/// Code by name, or by number if it has none; the number is found in the message too.
fn command_error(code: i32, name: &str, message: &str) -> Actual {
    let number = code.to_string();
    let name = if name.is_empty() { &number } else { name };
    Actual::error(name, format!("{number} {message}"))
}

fn command(json: &Value) -> Result<Document, Unseen> {
    let cannot = |why: &str| Unseen::CannotLook(format!("this is no MongoDB command: {why}"));
    let Value::Object(fields) = json else {
        return Err(cannot("it must be an object whose first key names it"));
    };
    if fields.is_empty() {
        return Err(cannot("it is empty"));
    }
    Document::try_from(fields.clone()).map_err(|error| cannot(&error.to_string()))
}

fn value(mut reply: Document) -> Value {
    for field in BOOK_KEEPING {
        reply.remove(field);
    }
    Bson::Document(reply).into_relaxed_extjson()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(json: Value, expected: Document) {
        let seen = command(&json).unwrap();
        assert_eq!(seen, expected);
        assert!(seen.keys().eq(expected.keys()), "the order of the keys");
    }

    #[test]
    fn commands_keep_their_order_and_types() {
        check(
            json!({"find": "orders", "filter": {"z": 1, "a": 1.5}, "big": 5_000_000_000_i64}),
            doc! {"find": "orders", "filter": {"z": 1, "a": 1.5}, "big": 5_000_000_000_i64},
        );
        let id = "65f0a0a0a0a0a0a0a0a0a0a0";
        check(
            json!({"find": "x", "filter": {"_id": {"$oid": id}, "at": {"$gte": {"$date": "2024-01-01T00:00:00Z"}}}}),
            doc! {"find": "x", "filter": {
                "_id": bson::oid::ObjectId::parse_str(id).unwrap(),
                "at": {"$gte": bson::DateTime::from_millis(1_704_067_200_000)},
            }},
        );
        check(
            json!({"aggregate": "x", "pipeline": [{"$match": {"n": {"$regex": "^a", "$options": "i"}, "t": {"$type": "string"}}}]}),
            doc! {"aggregate": "x", "pipeline": [{"$match": {"n": {"$regex": "^a", "$options": "i"}, "t": {"$type": "string"}}}]},
        );
        assert!(command(&json!([])).is_err());
        assert!(command(&json!({})).is_err());
        assert!(command(&json!({"x": {"$oid": "no"}})).is_err());
    }

    #[test]
    fn replies_become_relaxed_json() {
        let reply = doc! {
            "ok": 1.0,
            "n": 3_i64,
            "at": bson::DateTime::from_millis(1_704_067_200_000),
            "none": Bson::Null,
            "$clusterTime": {"x": 1},
            "operationTime": 1,
        };
        assert_eq!(
            value(reply).to_string(),
            r#"{"ok":1.0,"n":3,"at":{"$date":"2024-01-01T00:00:00Z"},"none":null}"#
        );
    }

    #[test]
    fn errors_are_known_by_name_and_number() {
        let reply = doc! {"ok": 1.0, "n": 0, "writeErrors": [
            {"index": 0, "code": 11000, "errmsg": "E11000 duplicate key error"},
        ]};
        let seen = write_error(&reply).unwrap().error.unwrap();
        assert_eq!(seen.code, "DuplicateKey");
        assert_eq!(seen.message, "11000 E11000 duplicate key error");
        let unnamed = command_error(31254, "", "Cannot do exclusion")
            .error
            .unwrap();
        assert_eq!(unnamed.code, "31254");
        assert!(write_error(&doc! {"ok": 1.0}).is_none());
    }
}
