//! What a guess and the files of a new lab have in common.

/// An exercise that new labs have for services of one protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Example {
    Redis,
    Sql,
    Mongo,
    Amqp,
}

/// Returns a text as a scalar of YAML.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
