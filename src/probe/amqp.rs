//! The `amqp` probe: executes one AMQP 0-9-1 operation on a channel of its own.

use std::sync::Arc;
use std::time::Duration;

use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Error, ErrorKind};
use lapin::{Confirmation, ExchangeKind};
use serde_json::{Value, json};

use crate::engine::clock;
use crate::expect::Actual;
use crate::lab::{AmqpOperation, AmqpProbe, Login, Publish, ServiceName};
use crate::probe::address::{url, url_port};
use crate::probe::amqp_failure::Failure;
use crate::probe::amqp_stream;
use crate::probe::amqp_values::{self, short, table};
use crate::probe::dial::dial;
use crate::probe::error::ProbeError;
use crate::probe::http::HttpClient;
use crate::probe::http_management::{Inspected, Management};
use crate::probe::mode::ProbeMode;
use crate::probe::pool::{ConnectionPool, Key};
use crate::probe::relay::Relay;
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

/// A connection to a broker, which all probes of it share.
pub(super) type SharedConnection = Arc<BrokerConnection>;

pub(super) struct BrokerConnection {
    connection: Connection,
    /// Limits what the library receives: it accepts messages of whatever length a broker announces.
    relay: Relay,
}

impl BrokerConnection {
    fn is_open(&self) -> bool {
        self.connection.status().connected()
    }
}

/// The largest frame, in bytes: the default of RabbitMQ.
const MAX_FRAME: u32 = 128 << 10;

/// How long a broker may take to close a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// AMQP's delivery modes.
const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

pub(super) async fn run<E>(
    probe: &AmqpProbe,
    mode: ProbeMode,
    target: &Target<'_, E>,
    pool: &ConnectionPool<SharedConnection>,
    http: &HttpClient,
) -> Result<Actual, ProbeError> {
    let service = &probe.service;
    let uri = uri(probe, target)?;
    let key = Key {
        service: service.clone(),
        port: uri.authority.port,
        bound: vec![uri.vhost.clone()],
    };
    let slot = pool.slot(&key);
    let management = match mode {
        ProbeMode::ReadOnly | ProbeMode::RolledBack => {
            let user = &uri.authority.userinfo;
            let login = Login {
                user: user.username.clone(),
                password: user.password.clone(),
            };
            Management::of(login, &uri.vhost, target, service, http)
        }
        ProbeMode::ReadWrite => None,
    };
    let management = management.as_ref();
    let idle = slot.lock().await.clone();
    if let Some(connection) = idle.filter(|connection| connection.is_open()) {
        match execute(&connection, &probe.operation, management).await {
            Err(Failure::Broker(error)) if is_connection_lost(&error) || !connection.is_open() => {}
            result => return evaluate(result, service),
        }
    }
    let connection = {
        let mut idle = slot.lock().await;
        match idle.clone().filter(|connection| connection.is_open()) {
            Some(connection) => connection,
            None => match connect(uri).await? {
                Ok(connection) => Arc::clone(idle.insert(Arc::new(connection))),
                Err(error) => return evaluate(Err(error.into()), service),
            },
        }
    };
    evaluate(
        execute(&connection, &probe.operation, management).await,
        service,
    )
}

/// Closes a connection and waits for the broker to confirm.
pub(super) async fn close(connection: SharedConnection) {
    if let Ok(reason) = short("probe done") {
        // If the broker is gone, there is nothing to close.
        let closing = connection.connection.close(200, reason);
        let _ = clock::timeout(CLOSE_TIMEOUT, closing).await;
    }
}

fn uri<E>(probe: &AmqpProbe, target: &Target<'_, E>) -> Result<AMQPUri, ProbeError> {
    let service = &probe.service;
    let url = url(target, service)?;
    let invalid = |reason: Text| {
        ProbeError::InvalidStep(text!(
            "the url of `{service}` cannot be used for AMQP: {reason}",
            service,
            reason
        ))
    };
    let uri = url
        .parse::<AMQPUri>()
        .map_err(|error| invalid(Text::verbatim(error)))?;
    if uri.scheme != AMQPScheme::AMQP {
        return Err(invalid(text!("it must start with `amqp://`")));
    }
    let mut uri = AMQPUri {
        vhost: probe.vhost.clone().unwrap_or(uri.vhost),
        ..uri
    };
    short(&uri.vhost)?;
    uri.authority.port = url_port(target, service, Some(uri.authority.port))?;
    uri.authority.host = "127.0.0.1".to_owned();
    uri.query.frame_max = Some(MAX_FRAME);
    Ok(uri)
}

async fn connect(mut uri: AMQPUri) -> Result<Result<BrokerConnection, Error>, ProbeError> {
    // The library connects on a thread that cannot be stopped, so a server that refuses connections is found first.
    drop(dial(uri.authority.port).await?);
    let properties = ConnectionProperties::default().with_connection_name("roadlab".into());
    let relay = Relay::to(uri.authority.port).await?;
    uri.authority.port = relay.port;
    let connected = Connection::connect_uri(uri, properties).await;
    Ok(connected.map(|connection| BrokerConnection { connection, relay }))
}

/// Whether the connection is lost, whatever the operation.
fn is_connection_lost(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::IOError(_)
        | ErrorKind::InvalidConnectionState(_)
        | ErrorKind::MissingHeartbeatError => true,
        // 320 CONNECTION_FORCED: the broker stops, or the virtual host was deleted.
        ErrorKind::ProtocolError(error) => error.get_id() == 320,
        _ => false,
    }
}

fn evaluate(result: Result<Actual, Failure>, service: &ServiceName) -> Result<Actual, ProbeError> {
    let error = match result {
        Ok(actual) => return Ok(actual),
        Err(Failure::Probe(error)) => return Err(error),
        Err(Failure::Broker(error)) => error,
    };
    match error.kind() {
        ErrorKind::ProtocolError(error) => Ok(Actual::error(
            error.get_id().to_string(),
            error.get_message().as_str(),
        )),
        _ => Err(ProbeError::NoAnswer(text!(
            "`{service}` does not answer as an AMQP broker does: {reason}",
            service,
            reason = Text::quotation(error.to_string())
        ))),
    }
}

async fn execute(
    connection: &BrokerConnection,
    operation: &AmqpOperation,
    management: Option<&Management>,
) -> Result<Actual, Failure> {
    connection.relay.reset();
    let working = async {
        if let Some(known) = inspect(operation, management).await? {
            return Ok(known);
        }
        let channel = connection.connection.create_channel().await?;
        let value = perform(&channel, operation).await?;
        // A message that was requeued is in its queue only when the broker has closed the channel.
        channel.close(200, short("probe done")?).await?;
        Ok(Actual::value(value))
    };
    let result = working.await;
    match connection.relay.is_exceeded() {
        true => Err(ProbeError::TooLarge.into()),
        false => result,
    }
}

/// Inspects a queue or an exchange over the broker's management interface, as far as AMQP would leave a trace: the broker logs
/// each passive declare of a missing queue as an error, and one of a queue that expires begins its time again. Returns nothing
/// if AMQP can be used.
async fn inspect(
    operation: &AmqpOperation,
    management: Option<&Management>,
) -> Result<Option<Actual>, ProbeError> {
    let (kind, name) = match operation {
        AmqpOperation::Queue(name) => ("queue", name),
        AmqpOperation::Stream { queue, .. } => ("queue", queue),
        AmqpOperation::Exchange(name) if !name.is_empty() => ("exchange", name),
        _ => return Ok(None),
    };
    let found = match management {
        Some(management) => management.inspect(kind, name).await,
        None => Inspected::Unknown,
    };
    Ok(match (operation, found) {
        (_, Inspected::Missing) => {
            let vhost = management.map_or("", |management| management.vhost.as_str());
            let message = format!("NOT_FOUND - no {kind} '{name}' in vhost '{vhost}'");
            Some(Actual::error("404", message))
        }
        (AmqpOperation::Queue(_), Inspected::Found(queue)) if queue.expires() => {
            Some(Actual::value(queue.counts()))
        }
        (AmqpOperation::Stream { .. }, Inspected::Found(queue)) if queue.kind() != "stream" => {
            return Err(ProbeError::InvalidStep(text!(
                "`{queue}` is not a stream: reading it would remove its messages",
                queue = name
            )));
        }
        (AmqpOperation::Stream { .. }, Inspected::Unknown) => {
            return Err(ProbeError::InvalidStep(text!(
                "cannot find out whether `{queue}` is a stream: publish the management interface's port 15672",
                queue = name
            )));
        }
        _ => None,
    })
}

async fn perform(channel: &Channel, operation: &AmqpOperation) -> Result<Value, Failure> {
    let none = FieldTable::default();
    Ok(match operation {
        AmqpOperation::Queue(name) => {
            let options = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            counts(&channel.queue_declare(short(name)?, options, none).await?)
        }
        AmqpOperation::Exchange(name) => {
            let options = ExchangeDeclareOptions {
                passive: true,
                ..ExchangeDeclareOptions::default()
            };
            // The broker ignores the kind.
            let declared =
                channel.exchange_declare(short(name)?, ExchangeKind::Direct, options, none);
            declared.await?;
            Value::Bool(true)
        }
        AmqpOperation::Stream { queue, from, limit } => {
            amqp_stream::read(channel, queue, *from, *limit).await?
        }
        AmqpOperation::Get { queue, ack } => get(channel, queue, *ack).await?,
        AmqpOperation::Publish(message) => publish(channel, message).await?,
        AmqpOperation::DeclareQueue {
            name,
            durable,
            exclusive,
            auto_delete,
            arguments,
        } => {
            let options = QueueDeclareOptions {
                durable: *durable,
                exclusive: *exclusive,
                auto_delete: *auto_delete,
                ..QueueDeclareOptions::default()
            };
            let arguments = table(arguments)?;
            counts(
                &channel
                    .queue_declare(short(name)?, options, arguments)
                    .await?,
            )
        }
        AmqpOperation::DeclareExchange {
            name,
            kind,
            durable,
        } => {
            let options = ExchangeDeclareOptions {
                durable: *durable,
                ..ExchangeDeclareOptions::default()
            };
            let kind = match kind.as_str() {
                "direct" => ExchangeKind::Direct,
                "fanout" => ExchangeKind::Fanout,
                "headers" => ExchangeKind::Headers,
                "topic" => ExchangeKind::Topic,
                other => ExchangeKind::Custom(short(other)?.to_string()),
            };
            let declared = channel.exchange_declare(short(name)?, kind, options, none);
            declared.await?;
            Value::Bool(true)
        }
        AmqpOperation::Bind(binding) => {
            let (queue, exchange) = (short(&binding.queue)?, short(&binding.exchange)?);
            let (key, arguments) = (short(&binding.routing_key)?, table(&binding.arguments)?);
            let options = QueueBindOptions::default();
            let bound = channel.queue_bind(queue, exchange, key, options, arguments);
            bound.await?;
            Value::Bool(true)
        }
        AmqpOperation::Unbind(binding) => {
            let (queue, exchange) = (short(&binding.queue)?, short(&binding.exchange)?);
            let (key, arguments) = (short(&binding.routing_key)?, table(&binding.arguments)?);
            let unbound = channel.queue_unbind(queue, exchange, key, arguments);
            unbound.await?;
            Value::Bool(true)
        }
        AmqpOperation::Purge(name) => {
            let options = QueuePurgeOptions::default();
            json!({ "messages": channel.queue_purge(short(name)?, options).await? })
        }
        AmqpOperation::DeleteQueue(name) => {
            let options = QueueDeleteOptions::default();
            json!({ "messages": channel.queue_delete(short(name)?, options).await? })
        }
        AmqpOperation::DeleteExchange(name) => {
            let options = ExchangeDeleteOptions::default();
            channel.exchange_delete(short(name)?, options).await?;
            Value::Bool(true)
        }
    })
}

fn counts(queue: &lapin::Queue) -> Value {
    json!({ "messages": queue.message_count(), "consumers": queue.consumer_count() })
}

/// Gets one message, and requeues it unless it is to be removed.
async fn get(channel: &Channel, queue: &str, remove: bool) -> Result<Value, Failure> {
    let options = BasicGetOptions { no_ack: false };
    let Some(message) = channel.basic_get(short(queue)?, options).await? else {
        return Ok(Value::Null);
    };
    let tag = message.delivery.delivery_tag;
    if remove {
        let options = BasicAckOptions { multiple: false };
        channel.basic_ack(tag, options).await?;
    } else {
        let options = BasicNackOptions {
            multiple: false,
            requeue: true,
        };
        channel.basic_nack(tag, options).await?;
    }
    Ok(message_json(&message))
}

fn message_json(message: &BasicGetMessage) -> Value {
    let delivery = &message.delivery;
    let headers = delivery.properties.headers().as_ref();
    json!({
        "body": amqp_values::lossy(&delivery.data),
        "routing_key": delivery.routing_key.as_str(),
        "exchange": delivery.exchange.as_str(),
        "redelivered": delivery.redelivered,
        "headers": headers.map_or_else(|| json!({}), amqp_values::json),
        "delivery_mode": delivery.properties.delivery_mode(),
    })
}

/// Publishes a message and waits for the broker's confirmation.
async fn publish(channel: &Channel, message: &Publish) -> Result<Value, Failure> {
    let mode = match message.persistent {
        true => PERSISTENT,
        false => TRANSIENT,
    };
    let mut properties = BasicProperties::default()
        .with_delivery_mode(mode)
        .with_headers(table(&message.headers)?);
    if let Some(expiration) = &message.expiration {
        properties = properties.with_expiration(short(expiration)?);
    }
    let options = BasicPublishOptions {
        mandatory: message.mandatory,
        ..BasicPublishOptions::default()
    };
    let (exchange, key) = (short(&message.exchange)?, short(&message.routing_key)?);
    let confirms = ConfirmSelectOptions::default();
    channel.confirm_select(confirms).await?;
    let body = message.body.as_bytes();
    let sent = channel.basic_publish(exchange, key, options, body, properties);
    let confirmation: Confirmation = sent.await?.await?;
    let confirmed = confirmation.is_ack();
    Ok(json!({ "confirmed": confirmed, "returned": confirmation.take_message().is_some() }))
}
