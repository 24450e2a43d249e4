//! Conversion between AMQP tables and JSON. Pure.

use lapin::types::{AMQPValue, FieldArray, FieldTable, LongString, ShortString};
use serde_json::{Map, Number, Value};

use crate::probe::error::ProbeError;
use crate::text;

/// Converts the name of a queue, an exchange or a header. AMQP allows 255 bytes.
pub(super) fn short(name: &str) -> Result<ShortString, ProbeError> {
    ShortString::try_new(name).map_err(|_| {
        ProbeError::InvalidStep(text!(
            "`{name}` is longer than the 255 bytes that AMQP allows",
            name
        ))
    })
}

/// Converts an object to a table, and null to an empty table.
pub(super) fn table(json: &Value) -> Result<FieldTable, ProbeError> {
    let mut table = FieldTable::default();
    match json {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                table.insert(short(name)?, field(value)?);
            }
        }
        other => {
            return Err(ProbeError::InvalidStep(text!(
                "expected an object of headers or arguments, found {value}",
                value = other
            )));
        }
    }
    Ok(table)
}

fn field(json: &Value) -> Result<AMQPValue, ProbeError> {
    Ok(match json {
        Value::Null => AMQPValue::Void,
        Value::Bool(truth) => AMQPValue::Boolean(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => AMQPValue::LongLongInt(integer),
            None => AMQPValue::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => AMQPValue::LongString(LongString::from(text.as_str())),
        Value::Array(items) => {
            let items = items.iter().map(field).collect::<Result<Vec<_>, _>>()?;
            AMQPValue::FieldArray(FieldArray::from(items))
        }
        Value::Object(_) => AMQPValue::FieldTable(table(json)?),
    })
}

/// Converts a table to an object. Times are seconds since 1970.
pub(super) fn json(table: &FieldTable) -> Value {
    let fields = table.into_iter();
    let fields = fields.map(|(name, value)| (name.to_string(), json_field(value)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// Converts bytes to text. What is not UTF-8 is replaced.
pub(super) fn lossy(bytes: &[u8]) -> Value {
    Value::from(String::from_utf8_lossy(bytes))
}

fn json_field(value: &AMQPValue) -> Value {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    match value {
        AMQPValue::Boolean(truth) => Value::from(*truth),
        AMQPValue::ShortShortInt(number) => Value::from(*number),
        AMQPValue::ShortShortUInt(number) => Value::from(*number),
        AMQPValue::ShortInt(number) => Value::from(*number),
        AMQPValue::ShortUInt(number) => Value::from(*number),
        AMQPValue::LongInt(number) => Value::from(*number),
        AMQPValue::LongUInt(number) => Value::from(*number),
        AMQPValue::LongLongInt(number) => Value::from(*number),
        AMQPValue::Timestamp(seconds) => Value::from(*seconds),
        AMQPValue::Float(number) => float(f64::from(*number)),
        AMQPValue::Double(number) => float(*number),
        AMQPValue::DecimalValue(number) => {
            float(f64::from(number.value) / 10_f64.powi(i32::from(number.scale)))
        }
        AMQPValue::ShortString(text) => Value::from(text.as_str()),
        AMQPValue::LongString(bytes) => lossy(bytes.as_bytes()),
        AMQPValue::ByteArray(bytes) => lossy(bytes.as_slice()),
        AMQPValue::FieldArray(items) => items.as_slice().iter().map(json_field).collect(),
        AMQPValue::FieldTable(table) => json(table),
        AMQPValue::Void => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn a_table_converts_to_json_and_back() {
        let written = value!({
            "a": "text", "b": 60000, "c": true, "d": 1.5, "e": null, "f": [1, "x"], "g": {"h": -1},
        });
        assert_eq!(json(&table(&written).unwrap()), written);
        assert_eq!(json(&table(&Value::Null).unwrap()), value!({}));
        assert!(table(&value!([1])).is_err());
        assert!(table(&value!({"x".repeat(256): 1})).is_err());
    }

    #[test]
    fn numbers_and_texts_get_the_types_that_brokers_expect() {
        let table = table(&value!({"x-message-ttl": 5, "x-queue-type": "quorum"})).unwrap();
        let types = table
            .inner()
            .values()
            .map(|value| value.get_type().get_id());
        assert_eq!(types.collect::<String>(), "lS");
    }
}
