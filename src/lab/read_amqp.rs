//! Reads `amqp` steps from YAML: exactly one operation each.

use crate::lab::fields::{Fields, Problems, text};
use crate::lab::read_probe::{object, service};
use crate::lab::read_step::Implied;
use crate::lab::step::{AmqpOperation, AmqpProbe, Binding, Publish};
use crate::lab::yaml::Node;
use crate::problem::Problem;

pub(crate) fn amqp(
    node: &Node,
    fields: &mut Fields<'_>,
    implied: Implied<'_>,
    problems: &mut Problems,
) -> Option<AmqpProbe> {
    let service = service(node, fields, implied, problems);
    let vhost = fields.text("vhost", problems);
    let queue = fields.text("queue", problems).map(AmqpOperation::Queue);
    let ack = fields.bool("ack", problems).unwrap_or(false);
    let get = fields
        .text("get", problems)
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
    let purge = fields.text("purge", problems).map(AmqpOperation::Purge);
    let delete_queue = fields
        .text("delete_queue", problems)
        .map(AmqpOperation::DeleteQueue);
    let delete_exchange = fields
        .text("delete_exchange", problems)
        .map(AmqpOperation::DeleteExchange);
    let mut operations = [
        queue,
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
    match (operations.next(), operations.next()) {
        (Some(operation), None) => Some(AmqpProbe {
            service: service?,
            vhost,
            operation,
        }),
        _ => {
            let help = "`queue`, `get`, `publish`, `declare_queue`, `declare_exchange`, `bind`, `unbind`, `purge`, \
                        `delete_queue` or `delete_exchange`";
            problems.push(
                Problem::new("an amqp step has exactly one operation")
                    .at(node.place())
                    .help(help),
            );
            None
        }
    }
}

fn publish(node: &Node, problems: &mut Problems) -> Option<AmqpOperation> {
    let mut fields = Fields::open(node, "publish", problems)?;
    let publish = Publish {
        exchange: fields.text("exchange", problems).unwrap_or_default(),
        routing_key: fields.text("routing_key", problems).unwrap_or_default(),
        body: fields.text("body", problems).unwrap_or_default(),
        persistent: fields.bool("persistent", problems).unwrap_or(false),
        headers: object(&mut fields, "headers"),
        expiration: fields.text("expiration", problems),
        mandatory: fields.bool("mandatory", problems).unwrap_or(false),
    };
    fields.close(problems);
    Some(AmqpOperation::Publish(Box::new(publish)))
}

fn declare_queue(node: &Node, problems: &mut Problems) -> Option<AmqpOperation> {
    let mut fields = Fields::open(node, "declare_queue", problems)?;
    let name = fields
        .required("name", node, problems)
        .and_then(|name| text(name, "name", problems));
    let durable = fields.bool("durable", problems).unwrap_or(false);
    let exclusive = fields.bool("exclusive", problems).unwrap_or(false);
    let auto_delete = fields.bool("auto_delete", problems).unwrap_or(false);
    let arguments = object(&mut fields, "arguments");
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
    let mut fields = Fields::open(node, "declare_exchange", problems)?;
    let name = fields
        .required("name", node, problems)
        .and_then(|name| text(name, "name", problems));
    let kind = fields
        .text("kind", problems)
        .unwrap_or_else(|| "direct".to_owned());
    let durable = fields.bool("durable", problems).unwrap_or(false);
    fields.close(problems);
    Some(AmqpOperation::DeclareExchange {
        name: name?,
        kind,
        durable,
    })
}

fn binding(node: &Node, problems: &mut Problems) -> Option<Binding> {
    let mut fields = Fields::open(node, "binding", problems)?;
    let queue = fields
        .required("queue", node, problems)
        .and_then(|queue| text(queue, "queue", problems));
    let exchange = fields
        .required("exchange", node, problems)
        .and_then(|exchange| text(exchange, "exchange", problems));
    let routing_key = fields.text("routing_key", problems).unwrap_or_default();
    let arguments = object(&mut fields, "arguments");
    fields.close(problems);
    Some(Binding {
        queue: queue?,
        exchange: exchange?,
        routing_key,
        arguments,
    })
}
