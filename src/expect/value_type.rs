//! The types of values, and which types a protocol knows.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::expect::decimal::Decimal;

/// Whether the protocol of a probe knows types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Typing {
    /// The text `8` is not the number 8.
    Typed,
    /// The protocol transfers text, so a text that is a number equals that number.
    TextOnly,
}

/// A type that a matcher can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    String,
    /// An integer, a floating-point number or a decimal.
    Number,
    /// A whole number that the service returns as an integer, not as a floating-point number or a decimal.
    Integer,
    Boolean,
    List,
    Object,
    Null,
    /// A date of MongoDB.
    Date,
    /// A Decimal128 of MongoDB.
    Decimal,
}

impl ValueType {
    pub const ALL: [Self; 9] = [
        Self::String,
        Self::Number,
        Self::Integer,
        Self::Boolean,
        Self::List,
        Self::Object,
        Self::Null,
        Self::Date,
        Self::Decimal,
    ];

    /// Returns the name in lab.yaml.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Object => "object",
            Self::Null => "null",
            Self::Date => "date",
            Self::Decimal => "decimal",
        }
    }

    /// Returns whether a value has this type. Where the protocol transfers text, a text can be a number too.
    pub fn includes(self, value: &Value, typing: Typing) -> bool {
        let numeric_text = || match (typing, value) {
            (Typing::TextOnly, Value::String(text)) => Decimal::parse(text),
            _ => None,
        };
        match self {
            Self::String => value.is_string(),
            Self::Number => number(value, typing).is_some(),
            Self::Integer => {
                value.is_i64()
                    || value.is_u64()
                    || extended(value, "$numberLong").is_some()
                    || extended(value, "$numberInt").is_some()
                    || numeric_text().is_some_and(|number| number.is_integer())
            }
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object() && !is_extended(value),
            Self::Null => value.is_null(),
            Self::Date => extended(value, "$date").is_some(),
            Self::Decimal => extended(value, "$numberDecimal").is_some(),
        }
    }
}

impl FromStr for ValueType {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|of| of.name() == name).ok_or(())
    }
}

/// Returns the value of a number: a JSON number, a number of extended JSON, or a text where the protocol transfers text.
pub(super) fn number(value: &Value, typing: Typing) -> Option<Decimal> {
    const NUMBERS: [&str; 4] = [
        "$numberDecimal",
        "$numberLong",
        "$numberInt",
        "$numberDouble",
    ];
    match value {
        Value::Number(number) => Decimal::parse(&number.to_string()),
        Value::String(text) if typing == Typing::TextOnly => Decimal::parse(text),
        Value::Object(_) => {
            let text = NUMBERS
                .iter()
                .find_map(|key| extended(value, key)?.as_str());
            Decimal::parse(text?)
        }
        _ => None,
    }
}

/// Returns the moment of a date in extended JSON, in nanoseconds since 1970.
pub(super) fn date(value: &Value) -> Option<i128> {
    match extended(value, "$date")? {
        Value::String(text) => {
            let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            Some(date.unix_timestamp_nanos())
        }
        // A year that RFC 3339 cannot express.
        other => {
            let millis = number(other, Typing::Typed)?;
            Some(millis.as_str().parse::<i128>().ok()? * 1_000_000)
        }
    }
}

/// Returns the content of `{ "$key": content }`, as extended JSON writes a type that JSON lacks.
fn extended<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let fields = value.as_object()?;
    fields.get(key).filter(|_| fields.len() == 1)
}

/// Returns whether an object is a value of another type in extended JSON, such as `{ "$oid": … }`.
fn is_extended(value: &Value) -> bool {
    let mut keys = value
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.keys());
    keys.next().is_some_and(|key| key.starts_with('$'))
}
