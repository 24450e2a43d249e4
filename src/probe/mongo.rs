//! The `mongo` probe: runs one database command. The value is the reply as relaxed extended JSON.

use std::cell::RefCell;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{AuthMechanism, ClientOptions, ServerAddress, ServerMonitoringMode, Tls};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::expect::Actual;
use crate::lab::{MONGO_TRANSACTIONAL, MongoProbe, ServiceName};
use crate::probe::address::{url, url_port};
use crate::probe::dial::dial;
use crate::probe::error::{LockHolder, ProbeError};
use crate::probe::lock_watch::watch;
use crate::probe::mode::ProbeMode;
use crate::probe::mongo_locks::{self, APPLICATION, LOCK_CODES, Waits};
use crate::probe::pool::{ConnectionPool, Key};
use crate::probe::relay::Relay;
use crate::probe::stopwatch;
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

/// A client with its connections; clones share them.
#[derive(Clone)]
pub(super) struct Client {
    driver: mongodb::Client,
    /// Limits what the driver receives: it accepts whatever length a server announces.
    relay: Arc<Relay>,
    /// How to connect again, such as to find out what the first connection waits for.
    options: ClientOptions,
}

/// What a command may do, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) mode: ProbeMode,
    pub(super) timeout: Duration,
}

/// The opcode of OP_MSG in the wire protocol.
const OP_MSG: i32 = 2013;

/// Fields that a cluster adds to every reply.
const CLUSTER_FIELDS: [&str; 2] = ["$clusterTime", "operationTime"];

pub(super) async fn run<E>(
    probe: &MongoProbe,
    limits: Limits,
    target: &Target<'_, E>,
    pool: &ConnectionPool<Client>,
    holder: &RefCell<Option<LockHolder>>,
) -> Result<Actual, ProbeError> {
    let service = &probe.service;
    let command = command(&probe.command)?;
    let url = url(target, service)?;
    let mut options = options(url, target, service, limits.timeout).await?;
    let Some(ServerAddress::Tcp {
        port: Some(port), ..
    }) = options.hosts.first()
    else {
        return Err(invalid_url(service, text!("it has no port")));
    };
    let port = *port;
    let database = probe
        .database
        .as_ref()
        .or(options.default_database.as_ref());
    let database = database.map_or("test", String::as_str).to_owned();
    let key = Key {
        service: service.clone(),
        port,
        bound: Vec::new(),
    };
    let slot = pool.slot(&key);
    let idle = slot.lock().await.clone();
    if let Some(client) = idle {
        match execute(&client, &database, &command, limits.mode, holder).await? {
            Err(error) if is_connection_lost(&error) => *slot.lock().await = None,
            reply => return evaluate(reply, service),
        }
    }
    let client = slot.lock().await.clone();
    let client = match client {
        Some(client) => client,
        None => {
            check_server(port, service).await?;
            let relay = Arc::new(Relay::to(port).await?);
            options.hosts = local(relay.port);
            let driver = mongodb::Client::with_options(options.clone());
            let driver =
                driver.map_err(|error| invalid_url(service, Text::verbatim(error.to_string())))?;
            let client = Client {
                driver,
                relay,
                options,
            };
            slot.lock().await.insert(client).clone()
        }
    };
    let reply = execute(&client, &database, &command, limits.mode, holder).await?;
    let refused = |error: &Error| !matches!(*error.kind, ErrorKind::Command(_));
    if reply.as_ref().is_err_and(refused) {
        // The next probe connects again instead of waiting for the driver's next attempt.
        *slot.lock().await = None;
    }
    evaluate(reply, service)
}

/// Closes a client's connections.
pub(super) async fn close(client: Client) {
    client.driver.shutdown().immediate(true).await;
}

/// Executes a command, and stops when another session holds the lock that it waits for and the mode does not write.
async fn execute(
    client: &Client,
    database: &str,
    command: &Document,
    mode: ProbeMode,
    holder: &RefCell<Option<LockHolder>>,
) -> Result<Result<Document, Error>, ProbeError> {
    client.relay.reset();
    let search = async || mongo_locks::holder(&client.options, Waits::MustBeSeen).await;
    let reply = tokio::select! {
        reply = run_command(client, database, command, mode) => reply,
        holder = watch(mode, holder, search) => {
            return Err(ProbeError::Locked(holder));
        }
    };
    if client.relay.is_exceeded() {
        return Err(ProbeError::TooLarge);
    }
    let is_locked = |error: &Error| match *error.kind {
        ErrorKind::Command(ref error) => LOCK_CODES.contains(&error.code),
        _ => false,
    };
    if mode != ProbeMode::ReadWrite && reply.as_ref().is_err_and(is_locked) {
        let holder = mongo_locks::holder(&client.options, Waits::AreKnown).await;
        if let Some(holder) = holder {
            return Err(ProbeError::Locked(holder));
        }
    }
    Ok(reply)
}

async fn run_command(
    client: &Client,
    name: &str,
    command: &Document,
    mode: ProbeMode,
) -> Result<Document, Error> {
    let database = client.driver.database(name);
    let first = command.keys().next().map_or("", String::as_str);
    if mode == ProbeMode::RolledBack && MONGO_TRANSACTIONAL.contains(&first) {
        match run_in_transaction(client, name, command).await {
            // A server that is no replica set has no transactions; then the author's word counts that nothing is written.
            Err(error) if is_without_transactions(&error) => {}
            reply => return reply,
        }
    }
    let reply = stopwatch::request(database.run_command(command.clone()).into_future()).await?;
    if mode != ProbeMode::ReadWrite {
        close_cursor(client, &reply).await;
    }
    Ok(reply)
}

/// Runs a command in a transaction and aborts it.
async fn run_in_transaction(
    client: &Client,
    database: &str,
    command: &Document,
) -> Result<Document, Error> {
    let mut session = client.driver.start_session().await?;
    session.start_transaction().await?;
    let database = client.driver.database(database);
    let reply = database
        .run_command(command.clone())
        .session(&mut session)
        .await;
    // A transaction that has failed is aborted already.
    let _ = session.abort_transaction().await;
    reply
}

/// Whether a server has no transactions: 20 IllegalOperation, 263 OperationNotSupportedInTransaction.
fn is_without_transactions(error: &Error) -> bool {
    match *error.kind {
        ErrorKind::Command(ref error) => [20, 263].contains(&error.code),
        ErrorKind::Transaction { .. } | ErrorKind::SessionsNotSupported => true,
        _ => false,
    }
}

/// Closes the cursor that a reply leaves open when there are more documents than it contains.
async fn close_cursor(client: &Client, reply: &Document) {
    let Ok(cursor) = reply.get_document("cursor") else {
        return;
    };
    if let (Ok(id), Ok(namespace)) = (cursor.get_i64("id"), cursor.get_str("ns"))
        && id != 0
        && let Some((database, collection)) = namespace.split_once('.')
    {
        let kill = doc! { "killCursors": collection, "cursors": [id] };
        // If that fails, the server closes the cursor after ten minutes.
        let _ = client.driver.database(database).run_command(kill).await;
    }
}

fn local(port: u16) -> Vec<ServerAddress> {
    vec![ServerAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
    }]
}

/// Converts the service's url to options for one server of this machine, without TLS.
pub(super) async fn options<E>(
    url: &str,
    target: &Target<'_, E>,
    service: &ServiceName,
    timeout: Duration,
) -> Result<ClientOptions, ProbeError> {
    if !url.starts_with("mongodb://") {
        return Err(invalid_url(
            service,
            text!("it must start with `mongodb://`"),
        ));
    }
    let options = ClientOptions::parse(url).await;
    let mut options =
        options.map_err(|error| invalid_url(service, Text::verbatim(error.to_string())))?;
    let named = match options.hosts.first() {
        Some(ServerAddress::Tcp { port, .. }) => *port,
        _ => None,
    };
    options.hosts = local(url_port(target, service, named)?);
    // Other mechanisms send tokens of this machine to the server.
    let mechanism = options
        .credential
        .as_ref()
        .and_then(|login| login.mechanism.as_ref());
    if !matches!(
        mechanism,
        None | Some(AuthMechanism::ScramSha1 | AuthMechanism::ScramSha256)
    ) {
        return Err(invalid_url(
            service,
            text!("only login with a password is supported"),
        ));
    }
    options.app_name = Some(APPLICATION.to_owned());
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

fn invalid_url(service: &ServiceName, reason: Text) -> ProbeError {
    ProbeError::InvalidStep(text!(
        "the url of `{service}` cannot be used for MongoDB: {reason}",
        service,
        reason
    ))
}

/// Checks that a MongoDB server answers. The driver itself would retry twice a second.
async fn check_server(port: u16, service: &ServiceName) -> Result<(), ProbeError> {
    let failed = |error: std::io::Error| {
        ProbeError::NoAnswer(text!(
            "`{service}` does not answer as a MongoDB server does: {reason}",
            service,
            reason = Text::quotation(error.to_string())
        ))
    };
    let mut socket = dial(port).await?;
    socket.write_all(&hello()).await.map_err(failed)?;
    let mut head = [0; 16];
    socket.read_exact(&mut head).await.map_err(failed)?;
    match head.ends_with(&OP_MSG.to_le_bytes()) {
        true => Ok(()),
        false => Err(ProbeError::NoAnswer(text!(
            "`{service}` does not speak the MongoDB protocol",
            service
        ))),
    }
}

/// Returns a `hello` message of the wire protocol: length, request id, response to, opcode, flags, section kind, document.
fn hello() -> Vec<u8> {
    let hello = doc! { "hello": 1, "$db": "admin" };
    let hello = hello.to_vec().expect("a document of two fields is valid");
    let length = i32::try_from(21 + hello.len()).expect("it is short");
    let head = [length, 1, 0, OP_MSG, 0].map(i32::to_le_bytes).concat();
    [head, vec![0], hello].concat()
}

/// Whether the driver lost its connection to the server.
fn is_connection_lost(error: &Error) -> bool {
    matches!(
        *error.kind,
        ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. }
    )
}

fn evaluate(reply: Result<Document, Error>, service: &ServiceName) -> Result<Actual, ProbeError> {
    let error = match reply {
        Ok(reply) => return Ok(write_error(&reply).unwrap_or_else(|| Actual::value(value(reply)))),
        Err(error) => error,
    };
    match *error.kind {
        ErrorKind::Command(ref error) => {
            Ok(command_error(error.code, &error.code_name, &error.message))
        }
        ErrorKind::Authentication { ref message, .. } => Err(ProbeError::AccessDenied {
            service: service.clone(),
            reason: Text::quotation(message),
        }),
        ref kind => Err(ProbeError::NoAnswer(text!(
            "`{service}` broke the connection: {reason}",
            service,
            reason = Text::quotation(kind.to_string())
        ))),
    }
}

/// Returns the first write error in the reply of a command that succeeded otherwise.
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
    // Servers name the code of a failed command, not of a failed write.
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

/// Returns an error with the name of its code, or the number if it has no name. The message starts with the number.
fn command_error(code: i32, name: &str, message: &str) -> Actual {
    let number = code.to_string();
    let name = if name.is_empty() { &number } else { name };
    Actual::error(name, format!("{number} {message}"))
}

fn command(json: &Value) -> Result<Document, ProbeError> {
    let invalid =
        |reason: Text| ProbeError::InvalidStep(text!("invalid MongoDB command: {reason}", reason));
    let Value::Object(fields) = json else {
        return Err(invalid(text!(
            "it must be an object whose first key is the command"
        )));
    };
    if fields.is_empty() {
        return Err(invalid(text!("it is empty")));
    }
    Document::try_from(fields.clone()).map_err(|error| invalid(Text::verbatim(error.to_string())))
}

fn value(mut reply: Document) -> Value {
    for field in CLUSTER_FIELDS {
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
    fn commands_keep_the_order_and_the_types_of_their_fields() {
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
    fn replies_convert_to_relaxed_json() {
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
    fn errors_have_the_name_and_the_number_of_their_code() {
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

    /// These mechanisms would send a token of this machine to the lab's server.
    #[tokio::test]
    async fn no_token_of_this_machine_is_sent_to_a_server() {
        use crate::probe::double::Scene;
        for mechanism in [
            "authMechanism=MONGODB-OIDC&authMechanismProperties=ENVIRONMENT:k8s",
            "authMechanism=MONGODB-X509",
            "authMechanism=PLAIN",
        ] {
            let url = format!("mongodb://kim:pw@127.0.0.1:PORT/x?authSource=$external&{mechanism}");
            let scene = Scene::with_url(1, &url);
            let url = url.replace("PORT", "1");
            let seen = options(
                &url,
                &scene.target(),
                &Scene::service(),
                Duration::from_secs(1),
            )
            .await;
            assert!(
                matches!(seen, Err(ProbeError::InvalidStep(_))),
                "{mechanism}"
            );
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
