//! AMQP operations as calls of pika, the Python client. `ch` is a channel.

use serde_json::Value;

use crate::lab::steps::{AmqpOperation, Binding, Publish};
use crate::lab::typed::words::WIDTH;

/// Returns the lines of the call that does what an operation does, with every argument that is not the default.
pub(super) fn lines(operation: &AmqpOperation) -> Vec<String> {
    let mut arguments = Vec::new();
    let name = match operation {
        AmqpOperation::Get { queue, ack } => {
            arguments.push(text(queue));
            flag(&mut arguments, "auto_ack", *ack);
            "basic_get"
        }
        AmqpOperation::Publish(publish) => {
            publish_arguments(&mut arguments, publish);
            "basic_publish"
        }
        AmqpOperation::DeclareQueue {
            name,
            durable,
            exclusive,
            auto_delete,
            arguments: options,
        } => {
            arguments.push(text(name));
            flag(&mut arguments, "durable", *durable);
            flag(&mut arguments, "exclusive", *exclusive);
            flag(&mut arguments, "auto_delete", *auto_delete);
            table(&mut arguments, "arguments", options);
            "queue_declare"
        }
        AmqpOperation::DeclareExchange {
            name,
            kind,
            durable,
        } => {
            arguments.extend([text(name), text(kind)]);
            flag(&mut arguments, "durable", *durable);
            "exchange_declare"
        }
        AmqpOperation::Bind(binding) => {
            binding_arguments(&mut arguments, binding);
            "queue_bind"
        }
        AmqpOperation::Unbind(binding) => {
            binding_arguments(&mut arguments, binding);
            "queue_unbind"
        }
        AmqpOperation::Purge(queue) => {
            arguments.push(text(queue));
            "queue_purge"
        }
        AmqpOperation::DeleteQueue(queue) => {
            arguments.push(text(queue));
            "queue_delete"
        }
        AmqpOperation::DeleteExchange(exchange) => {
            arguments.push(text(exchange));
            "exchange_delete"
        }
        // What only reads is no part of an answer.
        reading => return vec![format!("# {reading}")],
    };
    let mut lines = vec![format!("ch.{name}(")];
    for (at, argument) in arguments.iter().enumerate() {
        let end = if at + 1 == arguments.len() { ")" } else { "," };
        let last = lines.last_mut().expect("it begins with one");
        let space = if last.ends_with('(') { "" } else { " " };
        if at > 0 && last.chars().count() + argument.chars().count() + 2 > WIDTH {
            lines.push(format!("    {argument}{end}"));
        } else {
            last.push_str(&format!("{space}{argument}{end}"));
        }
    }
    lines
}

fn publish_arguments(arguments: &mut Vec<String>, publish: &Publish) {
    arguments.extend([
        text(&publish.exchange),
        text(&publish.routing_key),
        text(&publish.body),
    ]);
    let mut properties = Vec::new();
    if publish.persistent {
        properties.push("delivery_mode=2".to_owned());
    }
    table(&mut properties, "headers", &publish.headers);
    if let Some(expiration) = &publish.expiration {
        properties.push(format!("expiration={}", text(expiration)));
    }
    if !properties.is_empty() {
        arguments.push(format!("pika.BasicProperties({})", properties.join(", ")));
    }
    flag(arguments, "mandatory", publish.mandatory);
}

fn binding_arguments(arguments: &mut Vec<String>, binding: &Binding) {
    arguments.extend([text(&binding.queue), text(&binding.exchange)]);
    // Without a key, pika takes the name of the queue.
    arguments.push(text(&binding.routing_key));
    table(arguments, "arguments", &binding.arguments);
}

fn flag(arguments: &mut Vec<String>, name: &str, value: bool) {
    if value {
        arguments.push(format!("{name}=True"));
    }
}

fn table(arguments: &mut Vec<String>, name: &str, value: &Value) {
    let is_empty = value.as_object().is_none_or(serde_json::Map::is_empty);
    if !is_empty {
        arguments.push(format!("{name}={}", literal(value)));
    }
}

/// Returns a text as a Python string. JSON's escapes are Python's.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| format!("{}: {}", text(name), literal(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_argument_is_shown() {
        let declare = AmqpOperation::DeclareQueue {
            name: "parcels".to_owned(),
            durable: true,
            exclusive: false,
            auto_delete: false,
            arguments: json!({ "x-dead-letter-exchange": "failed", "x-max-length": 3 }),
        };
        assert_eq!(
            lines(&declare),
            [
                "ch.queue_declare(\"parcels\", durable=True,",
                "    arguments={\"x-dead-letter-exchange\": \"failed\", \"x-max-length\": 3})",
            ]
        );
        let publish = AmqpOperation::Publish(Box::new(Publish {
            exchange: String::new(),
            routing_key: "orders".to_owned(),
            body: "it's {\"id\": 1}".to_owned(),
            persistent: true,
            headers: json!({ "try": 1, "vip": true }),
            expiration: Some("500".to_owned()),
            mandatory: true,
        }));
        assert_eq!(
            lines(&publish),
            [
                r#"ch.basic_publish("", "orders", "it's {\"id\": 1}","#,
                r#"    pika.BasicProperties(delivery_mode=2, headers={"try": 1, "vip": True}, expiration="500"),"#,
                "    mandatory=True)",
            ]
        );
        let exchange = AmqpOperation::DeclareExchange {
            name: "order.placed".to_owned(),
            kind: "fanout".to_owned(),
            durable: true,
        };
        assert_eq!(
            lines(&exchange),
            [r#"ch.exchange_declare("order.placed", "fanout", durable=True)"#]
        );
        let bind = AmqpOperation::Bind(Binding {
            queue: "q".to_owned(),
            exchange: "x".to_owned(),
            routing_key: String::new(),
            arguments: Value::Null,
        });
        assert_eq!(lines(&bind), [r#"ch.queue_bind("q", "x", "")"#]);
    }
}
