//! The `redis` probe: sends one command over RESP3, which has a type for maps.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};
use redis::{RedisError, Value as Reply};
use serde_json::{Map, Value};

use crate::expect::Actual;
use crate::lab::{RedisProbe, ServiceName};
use crate::probe::address::{address, url_port};
use crate::probe::dial::{LimitedStream, ReceiveLimit, dial};
use crate::probe::error::ProbeError;
use crate::probe::mode::ProbeMode;
use crate::probe::pool::{ConnectionPool, Key};
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

/// Commands that change the state of their connection, or block it. Each runs on a connection of its own.
const OWN_CONNECTION: [&str; 30] = [
    "AUTH",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "QUIT",
    "READONLY",
    "RESET",
    "SELECT",
    "SHUTDOWN",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SYNC",
    "UNWATCH",
    "WAIT",
    "WAITAOF",
    "WATCH",
    "XREAD",
];

/// Whole numbers below this are exact as floating-point numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// An open connection; clones share it.
#[derive(Clone)]
pub(super) struct RedisConnection {
    connection: MultiplexedConnection,
    limit: ReceiveLimit,
}

/// Why there is no reply.
enum Failure {
    Redis(RedisError),
    TooLarge,
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

pub(super) async fn run<E>(
    probe: &RedisProbe,
    mode: ProbeMode,
    target: &Target<'_, E>,
    pool: &ConnectionPool<RedisConnection>,
) -> Result<Actual, ProbeError> {
    let Some((name, arguments)) = probe.command.split_first() else {
        return Err(ProbeError::InvalidStep(text!("the command is empty")));
    };
    let mut command = redis::cmd(name);
    for argument in arguments {
        command.arg(argument);
    }
    // PFCOUNT of one key updates the count that is cached in the value, of several keys it does not.
    if let ([key], true, true) = (
        arguments,
        name.eq_ignore_ascii_case("PFCOUNT"),
        mode != ProbeMode::ReadWrite,
    ) {
        command.arg(key);
    }
    let (port, login) = login(probe, target)?;
    if own_connection(&probe.command) {
        let reply = match connect(port, login, mode).await? {
            Ok(link) => send(link, &command).await,
            Err(error) => Err(error.into()),
        };
        return evaluate(reply, &probe.service);
    }
    let key = Key {
        service: probe.service.clone(),
        port,
        bound: vec![probe.db.to_string(), format!("{mode:?}")],
    };
    let slot = pool.slot(&key);
    // Lets the connection's task notice that the server has closed the connection.
    tokio::task::yield_now().await;
    let idle = slot.lock().await.clone();
    if let Some(link) = idle {
        match send(link, &command).await {
            Err(error) if is_connection_lost(&error) => *slot.lock().await = None,
            reply => return evaluate(reply, &probe.service),
        }
    }
    let link = {
        let mut idle = slot.lock().await;
        match idle.clone() {
            Some(link) => link,
            None => match connect(port, login, mode).await? {
                Ok(link) => idle.insert(link).clone(),
                Err(error) => return evaluate(Err(error.into()), &probe.service),
            },
        }
    };
    let reply = send(link, &command).await;
    if reply.as_ref().is_err_and(is_connection_lost) {
        *slot.lock().await = None;
    }
    evaluate(reply, &probe.service)
}

fn own_connection(command: &[String]) -> bool {
    let is = |word: &String, name: &str| word.eq_ignore_ascii_case(name);
    let name = &command[0];
    // XREADGROUP only holds the connection with BLOCK.
    let blocks = is(name, "XREADGROUP") && command.iter().any(|word| is(word, "BLOCK"));
    blocks || OWN_CONNECTION.iter().any(|own| is(name, own))
}

/// Returns the port, and the user and password of the service's url if it is a Redis url.
fn login<E>(
    probe: &RedisProbe,
    target: &Target<'_, E>,
) -> Result<(u16, RedisConnectionInfo), ProbeError> {
    let url = address(target, &probe.service)?.url.as_deref();
    let url = url.filter(|url| url.starts_with("redis://"));
    let bad = |error| {
        let service = &probe.service;
        let reason: redis::RedisError = error;
        ProbeError::InvalidStep(text!(
            "the url of `{service}` is not a Redis url: {reason}",
            service,
            reason
        ))
    };
    let info = url.map(|url| url.into_connection_info()).transpose();
    let info = info.map_err(bad)?;
    let named = info.as_ref().and_then(|info| match info.addr() {
        redis::ConnectionAddr::Tcp(_, port) => Some(*port),
        _ => None,
    });
    let port = url_port(target, &probe.service, named)?;
    let login = info.map_or_else(RedisConnectionInfo::default, |info| {
        info.redis_settings().clone()
    });
    let login = login.set_db(probe.db).set_skip_set_lib_name();
    Ok((port, login.set_protocol(ProtocolVersion::RESP3)))
}

async fn connect(
    port: u16,
    login: RedisConnectionInfo,
    mode: ProbeMode,
) -> Result<Result<RedisConnection, RedisError>, ProbeError> {
    let limit = ReceiveLimit::default();
    let socket = LimitedStream::new(dial(port).await?, &limit);
    // The timeout of the step is the only one.
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_connection_timeout(None);
    let connected = MultiplexedConnection::new_with_config(&login, socket, config).await;
    let link = match connected {
        Ok((connection, driver)) => {
            // Ends when the last clone of the connection is dropped.
            tokio::spawn(driver);
            RedisConnection { connection, limit }
        }
        Err(error) => return Ok(Err(error)),
    };
    if mode != ProbeMode::ReadWrite {
        // Reads then leave idle times and frequencies alone. Servers before 7.2 do not know it.
        let mut no_touch = redis::cmd("CLIENT");
        no_touch.arg("NO-TOUCH").arg("ON");
        if let Err(Failure::Redis(error)) = send(link.clone(), &no_touch).await
            && error.code().is_none()
        {
            return Ok(Err(error));
        }
    }
    Ok(Ok(link))
}

async fn send(mut link: RedisConnection, command: &redis::Cmd) -> Result<Reply, Failure> {
    link.limit.reset();
    let reply = link.connection.send_packed_command(command).await;
    reply.map_err(|error| match link.limit.is_exceeded() {
        true => Failure::TooLarge,
        false => Failure::Redis(error),
    })
}

fn is_connection_lost(failure: &Failure) -> bool {
    match failure {
        Failure::Redis(error) => {
            error.code().is_none() && (error.is_io_error() || error.is_unrecoverable_error())
        }
        Failure::TooLarge => false,
    }
}

fn evaluate(reply: Result<Reply, Failure>, service: &ServiceName) -> Result<Actual, ProbeError> {
    let error = match reply {
        Ok(Reply::ServerError(error)) => RedisError::from(error),
        Ok(reply) => return Ok(Actual::value(value(reply))),
        Err(Failure::Redis(error)) => error,
        Err(Failure::TooLarge) => return Err(ProbeError::TooLarge),
    };
    match error.code() {
        Some("LOADING") => Err(ProbeError::NoAnswer(text!(
            "`{service}` is still loading its data",
            service
        ))),
        Some(code) => {
            let message = error.detail().unwrap_or_default();
            Ok(Actual::error(code, format!("{code} {message}").trim_end()))
        }
        None => Err(ProbeError::NoAnswer(text!(
            "`{service}` does not answer as a Redis server does: {reason}",
            service,
            reason = Text::quotation(error.to_string())
        ))),
    }
}

/// Converts a reply to JSON: nil to null, maps to objects, sets and pushes to lists.
fn value(reply: Reply) -> Value {
    match reply {
        Reply::Nil => Value::Null,
        Reply::Int(number) => Value::from(number),
        Reply::BulkString(bytes) => Value::from(String::from_utf8_lossy(&bytes)),
        Reply::SimpleString(text) | Reply::VerbatimString { text, .. } => Value::from(text),
        Reply::Okay => Value::from("OK"),
        Reply::Array(items) | Reply::Set(items) | Reply::Push { data: items, .. } => {
            items.into_iter().map(value).collect()
        }
        Reply::Map(entries) => {
            let entries = entries.into_iter().map(|(k, v)| (name(k), value(v)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Reply::Attribute { data, .. } => value(*data),
        // redis-cli prints a whole score without a fraction, too.
        Reply::Double(number) if number.fract() == 0.0 && number.abs() < EXACT => {
            Value::from(number as i64)
        }
        // JSON has no infinity.
        Reply::Double(number) => serde_json::Number::from_f64(number)
            .map_or_else(|| Value::from(number.to_string()), Value::Number),
        Reply::Boolean(truth) => Value::from(truth),
        Reply::BigNumber(digits) => Value::from(String::from_utf8_lossy(&digits)),
        Reply::ServerError(error) => {
            let message = error.details().unwrap_or_default();
            Value::from(format!("{} {message}", error.code()).trim_end())
        }
        // Later versions of the library may add kinds of replies.
        other => Value::from(format!("{other:?}")),
    }
}

/// Converts the key of a map to text.
fn name(key: Reply) -> String {
    match value(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Converts a reply in wire format.
    #[track_caller]
    fn check(resp: &[u8], expected: &str) {
        let reply = redis::parse_redis_value(resp).unwrap();
        assert_eq!(value(reply).to_string(), expected);
    }

    #[test]
    fn replies_convert_to_json() {
        check(b"$-1\r\n", "null");
        check(b"_\r\n", "null");
        check(b":42\r\n", "42");
        check(b"+OK\r\n", r#""OK""#);
        check(b"$3\r\na\xffb\r\n", "\"a\u{fffd}b\"");
        check(b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", r#"["a",[1]]"#);
        check(b"%2\r\n+b\r\n:1\r\n:7\r\n#t\r\n", r#"{"b":1,"7":true}"#);
        check(b"~1\r\n+x\r\n", r#"["x"]"#);
        check(b",1.5\r\n", "1.5");
        check(b",4100\r\n", "4100");
        check(b",inf\r\n", r#""inf""#);
        check(b"=7\r\ntxt:abc\r\n", r#""abc""#);
        check(
            b"(123456789012345678901234567890\r\n",
            r#""123456789012345678901234567890""#,
        );
    }

    fn received(resp: &[u8]) -> Result<Reply, Failure> {
        Ok(redis::parse_redis_value(resp)?)
    }

    #[test]
    fn errors_keep_their_code_and_message() {
        let service = ServiceName::new("redis").unwrap();
        let reply = received(b"-WRONGTYPE Operation against a key\r\n");
        let seen = evaluate(reply, &service).unwrap();
        assert_eq!(
            seen.text().localized(),
            "error WRONGTYPE Operation against a key"
        );
        let reply = received(b"-ERR unknown command 'x'\r\n");
        let seen = evaluate(reply, &service).unwrap();
        assert_eq!(seen.text().localized(), "error ERR unknown command 'x'");
        let reply = received(b"-LOADING Redis is loading\r\n");
        assert!(matches!(
            evaluate(reply, &service),
            Err(ProbeError::NoAnswer(_))
        ));
    }

    #[test]
    fn commands_that_change_or_block_a_connection_run_on_their_own() {
        let own = |command: &str| {
            let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
            own_connection(&command)
        };
        assert!(own("multi"));
        assert!(own("BLPOP q 0"));
        assert!(own("XREADGROUP GROUP g c block 0 STREAMS s >"));
        assert!(!own("XREADGROUP GROUP g c STREAMS s >"));
        assert!(!own("GET k"));
    }
}
