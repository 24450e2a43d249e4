//! Values as people read them: `8`, `Spring sale`, `kim, lee`, `day: 2026-03-01, hours: 8`.

use serde_json::{Map, Value};

use crate::localized;

/// The most characters of a value, and the most items of a list.
const MAX_LENGTH: usize = 160;
const MAX_ITEMS: usize = 12;

/// Returns a value for people.
pub(super) fn plain(value: &Value) -> String {
    limited(&match value {
        Value::Null => localized!("nothing"),
        Value::String(text) if text.is_empty() => localized!("an empty text"),
        Value::String(text) => visible(text),
        Value::Array(items) if items.is_empty() => localized!("an empty list"),
        Value::Array(items) => list(items),
        Value::Object(map) if map.is_empty() => localized!("an empty object"),
        Value::Object(map) => scalar(map).unwrap_or_else(|| fields(map)),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    })
}

/// Returns the items of a list, with commas.
pub(super) fn list(items: &[Value]) -> String {
    let shown = items.iter().take(MAX_ITEMS).map(nested);
    let text = shown.collect::<Vec<_>>().join(", ");
    match items.len() > MAX_ITEMS {
        false => text,
        true => localized!(
            "{items}, … ({count} in all)",
            items = text,
            count = items.len()
        ),
    }
}

/// Returns a value within another one, where commas and spaces could be mistaken for those of the list.
fn nested(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.contains([',', ':', '{', '[']) => {
            format!("{text:?}")
        }
        Value::Array(items) => format!("[{}]", list(items)),
        Value::Object(map) => scalar(map).unwrap_or_else(|| format!("{{{}}}", fields(map))),
        other => plain(other),
    }
}

fn fields(map: &Map<String, Value>) -> String {
    let fields = map.iter();
    let fields = fields.map(|(name, value)| format!("{name}: {}", nested(value)));
    fields.collect::<Vec<_>>().join(", ")
}

/// Returns a date, a number or an id in extended JSON as such.
fn scalar(map: &Map<String, Value>) -> Option<String> {
    let (name, value) = map.iter().next().filter(|_| map.len() == 1)?;
    match (name.as_str(), value) {
        ("$date", Value::String(moment)) => {
            let day = moment.strip_suffix("T00:00:00Z");
            Some(day.unwrap_or(moment).to_owned())
        }
        ("$oid" | "$numberDecimal" | "$numberLong" | "$numberDouble", Value::String(text)) => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// Returns a text with its blanks at the ends and its control characters made visible, and its lines in one.
fn visible(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    match lines.as_slice() {
        [only] if only.trim() == text => (*only).to_owned(),
        [_] => format!("{text:?}"),
        lines => lines.join(" ⏎ "),
    }
}

pub(super) fn limited(text: &str) -> String {
    match text.char_indices().nth(MAX_LENGTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: Value, expected: &str) {
        assert_eq!(plain(&value), expected);
    }

    #[test]
    fn values_are_shown_without_the_signs_of_json() {
        check(json!(null), "nothing");
        check(json!("Spring sale"), "Spring sale");
        check(json!("\"Spring sale\""), "\"Spring sale\"");
        check(json!(" EUR"), "\" EUR\"");
        check(json!(["kim", 3, "a, b"]), "kim, 3, \"a, b\"");
        check(
            json!({"day": {"$date": "2026-03-01T00:00:00Z"}, "hours": [8, 4]}),
            "day: 2026-03-01, hours: [8, 4]",
        );
        check(json!("one\r\ntwo\r\n"), "one ⏎ two");
        check(
            json!([{"id": "T-1", "amount": 300}]),
            "{id: T-1, amount: 300}",
        );
        check(
            json!((0..14).collect::<Vec<_>>()),
            "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (14 in all)",
        );
        assert!(plain(&json!("x".repeat(500))).chars().count() < 165);
    }
}
