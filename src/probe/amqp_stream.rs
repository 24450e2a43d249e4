//! Reads the messages of a stream. A stream keeps its messages when they are read.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};

use crate::engine::clock;
use crate::lab::StreamOffset;
use crate::probe::amqp_failure::Failure;
use crate::probe::amqp_values::{self, short};

/// The header of a delivery with the number of the message.
const OFFSET: &str = "x-stream-offset";

/// How long the broker may take for the next message before the stream counts as read to its end.
const PAUSE: Duration = Duration::from_millis(500);

/// Reads at most `limit` messages.
pub(super) async fn read(
    channel: &Channel,
    queue: &str,
    from: StreamOffset,
    limit: u16,
) -> Result<Value, Failure> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel
        .queue_declare(short(queue)?, options, FieldTable::default())
        .await?;
    let limit = usize::from(limit).min(declared.message_count() as usize);
    if limit == 0 {
        return Ok(json!([]));
    }
    // The broker needs a limit of unacknowledged messages for a stream.
    channel
        .basic_qos(
            u16::try_from(limit).unwrap_or(u16::MAX),
            BasicQosOptions::default(),
        )
        .await?;
    let mut arguments = FieldTable::default();
    let (first, offset) = match from {
        StreamOffset::First => (0, AMQPValue::LongString("first".into())),
        StreamOffset::Last => (0, AMQPValue::LongString("last".into())),
        StreamOffset::Number(number) => (i64::from(number), AMQPValue::LongLongInt(number.into())),
    };
    arguments.insert(short(OFFSET)?, offset);
    let tag = short("roadlab")?;
    let options = BasicConsumeOptions::default();
    let mut consumer = channel
        .basic_consume(short(queue)?, tag.clone(), options, arguments)
        .await?;
    let mut messages = Vec::new();
    while messages.len() < limit {
        let Ok(Some(delivery)) = clock::timeout(PAUSE, consumer.next()).await else {
            break;
        };
        let delivery = delivery?;
        channel
            .basic_ack(delivery.delivery_tag, BasicAckOptions::default())
            .await?;
        let message = message_json(&delivery);
        // The broker delivers whole chunks, which may begin before the number.
        if message["offset"]
            .as_i64()
            .is_none_or(|offset| offset >= first)
        {
            messages.push(message);
        }
    }
    channel
        .basic_cancel(tag, BasicCancelOptions::default())
        .await?;
    Ok(Value::Array(messages))
}

fn message_json(delivery: &Delivery) -> Value {
    let headers = delivery.properties.headers().as_ref();
    let mut headers = headers.map_or_else(|| json!({}), amqp_values::json);
    let offset = headers
        .as_object_mut()
        .and_then(|headers| headers.remove(OFFSET));
    json!({
        "offset": offset,
        "body": amqp_values::lossy(&delivery.data),
        "routing_key": delivery.routing_key.as_str(),
        "exchange": delivery.exchange.as_str(),
        "headers": headers,
        "delivery_mode": delivery.properties.delivery_mode(),
    })
}
