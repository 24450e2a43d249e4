//! How much of an answer a step can use.

use serde_json::Value;

use crate::expect::Actual;
use crate::probe::error::ProbeError;

/// The most bytes of an answer that a step uses.
pub(super) const MAX_ANSWER: usize = 1 << 20;

/// Refuses an answer that is larger than `MAX_ANSWER`.
pub(super) fn check_size(actual: Actual) -> Result<Actual, ProbeError> {
    match size(&actual.value) {
        0..=MAX_ANSWER => Ok(actual),
        _ => Err(ProbeError::TooLarge),
    }
}

/// Returns about the number of bytes in a value.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.iter().map(|(k, v)| k.len() + size(v)).sum(),
    }
}

/// Returns bytes as text, cut at `MAX_ANSWER`. What is not UTF-8 is replaced.
pub(super) fn lossy_text(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(MAX_ANSWER)];
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_more_than_a_mebibyte_is_refused() {
        let list = |count: usize| Actual::value(vec![Value::from("x".repeat(1024)); count]);
        assert!(check_size(list(1000)).is_ok());
        assert_eq!(check_size(list(1025)), Err(ProbeError::TooLarge));
    }
}
