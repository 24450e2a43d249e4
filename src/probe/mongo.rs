//! One MongoDB database command, and the reply as relaxed extended JSON.

use std::rc::Rc;
use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{AuthMechanism, ClientOptions, ServerAddress, ServerMonitoringMode, Tls};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::expect::Actual;
use crate::lab::{MongoProbe, ServiceName};
use crate::probe::dial::{dial, url, url_port};
use crate::probe::kept::Key;
use crate::probe::relay::Relay;
use crate::probe::{ProbeError, Target, too_large};

/// A client with its connections; clones share them.
#[derive(Clone)]
pub(super) struct Client {
    driver: mongodb::Client,
    /// The driver takes whatever length a server announces.
    relay: Rc<Relay>,
}

/// The wire protocol's number for OP_MSG.
const OP_MSG: i32 = 2013;

/// Reply fields of the cluster's own book-keeping.
const BOOK_KEEPING: [&str; 2] = ["$clusterTime", "operationTime"];

pub(super) async fn probe<E>(
    probe: &MongoProbe,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let service = &probe.service;
    let command = command(&probe.command)?;
    let url = url(target, service)?;
    let mut options = options(url, target, service, timeout).await?;
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
        match ask(&client, &database, &command).await? {
            Err(error) if hung_up(&error) => *slot.lock().await = None,
            reply => return judge(reply, service),
        }
    }
    let client = slot.lock().await.clone();
    let client = match client {
        Some(client) => client,
        None => {
            let relay = Rc::new(Relay::to(port).await?);
            options.hosts = here(relay.port);
            let driver = mongodb::Client::with_options(options);
            let driver = driver.map_err(|error| not_mongo(service, &error.to_string()))?;
            let client = Client { driver, relay };
            slot.lock().await.insert(client).clone()
        }
    };
    let reply = ask(&client, &database, &command).await?;
    let refused = |error: &Error| !matches!(*error.kind, ErrorKind::Command(_));
    if reply.as_ref().is_err_and(refused) {
        // The next look starts afresh instead of waiting for the driver's next try.
        *slot.lock().await = None;
    }
    judge(reply, service)
}

/// Closes a client's connections.
pub(super) async fn close(client: Client) {
    client.driver.shutdown().immediate(true).await;
}

async fn ask(
    client: &Client,
    database: &str,
    command: &Document,
) -> Result<Result<Document, Error>, ProbeError> {
    client.relay.renew();
    let database = client.driver.database(database);
    let reply = database.run_command(command.clone()).await;
    match client.relay.is_spent() {
        true => Err(too_large()),
        false => Ok(reply),
    }
}

fn here(port: u16) -> Vec<ServerAddress> {
    vec![ServerAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
    }]
}

/// The service's url, held to one server of this machine, without TLS, and without surprises.
async fn options<E>(
    url: &str,
    target: &Target<'_, E>,
    service: &ServiceName,
    timeout: Duration,
) -> Result<ClientOptions, ProbeError> {
    if !url.starts_with("mongodb://") {
        return Err(not_mongo(service, "it does not begin with `mongodb://`"));
    }
    let options = ClientOptions::parse(url).await;
    let mut options = options.map_err(|error| not_mongo(service, &error.to_string()))?;
    let named = match options.hosts.first() {
        Some(ServerAddress::Tcp { port, .. }) => *port,
        _ => None,
    };
    options.hosts = here(url_port(target, service, named)?);
    // Other ways to log in read tokens of this machine and hand them to the server.
    let mechanism = options
        .credential
        .as_ref()
        .and_then(|login| login.mechanism.as_ref());
    if !matches!(
        mechanism,
        None | Some(AuthMechanism::ScramSha1 | AuthMechanism::ScramSha256)
    ) {
        return Err(not_mongo(
            service,
            "it logs in otherwise than with a password",
        ));
    }
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

fn not_mongo(service: &ServiceName, why: &str) -> ProbeError {
    ProbeError::CannotLook(format!(
        "the url of `{service}` cannot be used for MongoDB: {why}"
    ))
}

/// Asks whether a MongoDB server is there. The driver itself would wait and ask again, twice a second.
async fn greet(port: u16, service: &ServiceName) -> Result<(), ProbeError> {
    let silent = |error: std::io::Error| {
        ProbeError::NoAnswer(format!(
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

fn judge(reply: Result<Document, Error>, service: &ServiceName) -> Result<Actual, ProbeError> {
    let error = match reply {
        Ok(reply) => return Ok(write_error(&reply).unwrap_or_else(|| Actual::value(value(reply)))),
        Err(error) => error,
    };
    match *error.kind {
        ErrorKind::Command(ref error) => {
            Ok(command_error(error.code, &error.code_name, &error.message))
        }
        ErrorKind::Authentication { ref message, .. } => Err(ProbeError::NoAnswer(format!(
            "`{service}` does not let us in: {message}"
        ))),
        ref kind => Err(ProbeError::NoAnswer(format!(
            "`{service}` broke off: {kind}"
        ))),
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

fn command(json: &Value) -> Result<Document, ProbeError> {
    let cannot = |why: &str| ProbeError::CannotLook(format!("this is no MongoDB command: {why}"));
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

    /// The driver would read a token of this machine and hand it to the lab's server.
    #[tokio::test]
    async fn no_token_of_this_machine_is_handed_over() {
        use crate::probe::double::Scene;
        for way in [
            "authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s",
            "authMechanism=MONGODB-X509",
            "authMechanism=PLAIN",
        ] {
            let url = format!("mongodb://kim:pw@127.0.0.1:PORT/x?authSource=$external&{way}");
            let scene = Scene::with_url(1, &url);
            let url = url.replace("PORT", "1");
            let seen = options(
                &url,
                &scene.target(),
                &Scene::service(),
                Duration::from_secs(1),
            )
            .await;
            assert!(matches!(seen, Err(ProbeError::CannotLook(_))), "{way}");
        }
        let scene = Scene::with_url(1, "");
        let url = "mongodb://kim:pw@127.0.0.1:1/x?authMechanism=SCRAM-SHA-256";
        let seen = options(
            url,
            &scene.target(),
            &Scene::service(),
            Duration::from_secs(1),
        )
        .await;
        assert!(seen.is_ok());
    }
}
