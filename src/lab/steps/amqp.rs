//! Reads `amqp` probes from YAML. Each has exactly one operation.

use crate::lab::steps::model::{AmqpOperation, AmqpProbe, Binding, Publish, StreamOffset};
use crate::lab::steps::service_field::{ImpliedService, read_in_range, read_json, read_service};
use crate::lab::yaml::{Fields, Mapping, Node, Problems, mismatch, string};
use crate::problem::{Problem, code_list};
use crate::text;

/// How many messages of a stream are read by default and at most.
const DEFAULT_LIMIT: u16 = 100;
const MAX_LIMIT: i64 = 1000;

/// The keys of the operations.
const OPERATIONS: [&str; 12] = [
    "queue",
    "exchange",
    "stream",
    "get",
    "publish",
    "declare_queue",
    "declare_exchange",
    "bind",
    "unbind",
    "purge",
    "delete_queue",
    "delete_exchange",
];

/// Reads an `amqp` probe.
pub(crate) fn read_amqp(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: ImpliedService<'_>,
    problems: &mut Problems,
) -> Option<AmqpProbe> {
    let service = read_service(node, fields, implied, problems);
    let vhost = fields.string("vhost", problems);
    let queue = fields.string("queue", problems).map(AmqpOperation::Queue);
    let exchange = fields
        .string("exchange", problems)
        .map(AmqpOperation::Exchange);
    let from = fields.get("from").and_then(|from| offset(from, problems));
    let limit = read_in_range(fields, "limit", 1..=MAX_LIMIT, problems);
    let limit = limit.and_then(|limit| u16::try_from(limit).ok());
    let stream = fields
        .string("stream", problems)
        .map(|queue| AmqpOperation::Stream {
            queue,
            from: from.unwrap_or(StreamOffset::First),
            limit: limit.unwrap_or(DEFAULT_LIMIT),
        });
    let ack = fields.boolean("ack", problems).unwrap_or(false);
    let get = fields
        .string("get", problems)
        .map(|queue| AmqpOperation::Get { queue, ack });
    let publish = fields
        .get("publish")
        .and_then(|node| publish(node, problems));
    let declare_queue = fields
        .get("declare_queue")
        .and_then(|node| declare_queue(node, problems));
    let declare_exchange = fields
        .get("declare_exchange")
        .and_then(|node| declare_exchange(node, problems));
    let bind = fields
        .get("bind")
        .and_then(|node| binding(node, problems))
        .map(AmqpOperation::Bind);
    let unbind = fields
        .get("unbind")
        .and_then(|node| binding(node, problems))
        .map(AmqpOperation::Unbind);
    let purge = fields.string("purge", problems).map(AmqpOperation::Purge);
    let delete_queue = fields
        .string("delete_queue", problems)
        .map(AmqpOperation::DeleteQueue);
    let delete_exchange = fields
        .string("delete_exchange", problems)
        .map(AmqpOperation::DeleteExchange);
    let what = text!("an `amqp` probe needs exactly one operation");
    let help = text!("use one of {keys}", keys = code_list(OPERATIONS));
    let problem = Problem::new(what).at(node.place()).help(help);
    fields.exactly_one(&OPERATIONS, problem, problems)?;
    let mut operations = [
        queue,
        exchange,
        stream,
        get,
        publish,
        declare_queue,
        declare_exchange,
        bind,
        unbind,
        purge,
        delete_queue,
        delete_exchange,
    ]
    .into_iter()
    .flatten();
    Some(AmqpProbe {
        service: service?,
        vhost,
        operation: operations.next()?,
    })
}

/// Reads where a stream is read from: `first`, `last` or the number of a message.
fn offset(node: &Node, problems: &mut Problems) -> Option<StreamOffset> {
    let written = string(node, "from", problems)?;
    match written.as_str() {
        "first" => Some(StreamOffset::First),
        "last" => Some(StreamOffset::Last),
        number => match number.parse() {
            Ok(number) => Some(StreamOffset::Number(number)),
            Err(_) => {
                let expected = text!("`first`, `last` or the number of a message");
                problems.push(mismatch(node, "from", expected));
                None
            }
        },
    }
}

fn publish(node: &Node, problems: &mut Problems) -> Option<AmqpOperation> {
    let mut fields = Fields::open(node, Mapping::Publish, problems)?;
    let publish = Publish {
        exchange: fields.string("exchange", problems).unwrap_or_default(),
        routing_key: fields.string("routing_key", problems).unwrap_or_default(),
        body: fields.string("body", problems).unwrap_or_default(),
        persistent: fields.boolean("persistent", problems).unwrap_or(false),
        headers: read_json(&mut fields, "headers"),
        expiration: fields.string("expiration", problems),
        mandatory: fields.boolean("mandatory", problems).unwrap_or(false),
    };
    fields.close(problems);
    Some(AmqpOperation::Publish(Box::new(publish)))
}

fn declare_queue(node: &Node, problems: &mut Problems) -> Option<AmqpOperation> {
    let mut fields = Fields::open(node, Mapping::DeclareQueue, problems)?;
    let name = fields.required_string("name", node, problems);
    let durable = fields.boolean("durable", problems).unwrap_or(false);
    let exclusive = fields.boolean("exclusive", problems).unwrap_or(false);
    let auto_delete = fields.boolean("auto_delete", problems).unwrap_or(false);
    let arguments = read_json(&mut fields, "arguments");
    fields.close(problems);
    Some(AmqpOperation::DeclareQueue {
        name: name?,
        durable,
        exclusive,
        auto_delete,
        arguments,
    })
}

fn declare_exchange(node: &Node, problems: &mut Problems) -> Option<AmqpOperation> {
    let mut fields = Fields::open(node, Mapping::DeclareExchange, problems)?;
    let name = fields.required_string("name", node, problems);
    let kind = fields
        .string("kind", problems)
        .unwrap_or_else(|| "direct".to_owned());
    let durable = fields.boolean("durable", problems).unwrap_or(false);
    fields.close(problems);
    Some(AmqpOperation::DeclareExchange {
        name: name?,
        kind,
        durable,
    })
}

fn binding(node: &Node, problems: &mut Problems) -> Option<Binding> {
    let mut fields = Fields::open(node, Mapping::Binding, problems)?;
    let queue = fields.required_string("queue", node, problems);
    let exchange = fields.required_string("exchange", node, problems);
    let routing_key = fields.string("routing_key", problems).unwrap_or_default();
    let arguments = read_json(&mut fields, "arguments");
    fields.close(problems);
    Some(Binding {
        queue: queue?,
        exchange: exchange?,
        routing_key,
        arguments,
    })
}
