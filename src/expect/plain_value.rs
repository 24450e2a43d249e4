//! Values as people read them: `8`, `Spring sale`, `kim, lee`, `day: 2026-03-01, hours: 8`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::localized;

/// The most characters of a value, and the most items of a list.
const MAX_LENGTH: usize = 160;
const MAX_ITEMS: usize = 12;

/// The most characters of two texts that are shown before the first one that differs, and from it on.
const BEFORE: usize = 24;
const FROM: usize = 100;

/// What a lab calls texts and fields in a language: a check compares with `never`, and a learner reads `끝나지 않음`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueNames(BTreeMap<String, String>);

impl ValueNames {
    /// Adds the names of `others` for what has none here.
    pub fn extend_missing(&mut self, others: &Self) {
        for (value, name) in &others.0 {
            let entry = self.0.entry(value.clone());
            entry.or_insert_with(|| name.clone());
        }
    }

    /// Returns the values that have a name.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the name of a text or a field.
    pub(super) fn get(&self, value: &str) -> Option<&str> {
        self.0.get(value).map(String::as_str)
    }

    /// Returns the name of a field, or the field itself.
    pub(super) fn field<'n>(&'n self, field: &'n str) -> &'n str {
        self.get(field).unwrap_or(field)
    }
}

impl From<BTreeMap<String, String>> for ValueNames {
    fn from(names: BTreeMap<String, String>) -> Self {
        Self(names)
    }
}

/// Returns a value for people.
pub(super) fn plain(value: &Value, names: &ValueNames) -> String {
    limited(&match value {
        Value::Null => localized!("nothing"),
        Value::String(text) if text.is_empty() => localized!("an empty text"),
        Value::String(text) => word(text, names).unwrap_or_else(|| visible(text)),
        Value::Array(items) if items.is_empty() => localized!("an empty list"),
        Value::Array(items) => list(items, names),
        Value::Object(map) if map.is_empty() => localized!("an empty object"),
        Value::Object(map) => scalar(map).unwrap_or_else(|| fields(map, names)),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    })
}

/// Returns the items of a list, with commas.
pub(super) fn list(items: &[Value], names: &ValueNames) -> String {
    let shown = items.iter().take(MAX_ITEMS);
    let shown = shown.map(|item| nested(item, names));
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
fn nested(value: &Value, names: &ValueNames) -> String {
    match value {
        Value::String(text) if names.get(text).is_some() => plain(value, names),
        Value::String(text) if text.is_empty() || text.contains([',', ':', '{', '[']) => {
            format!("{text:?}")
        }
        Value::Array(items) => format!("[{}]", list(items, names)),
        Value::Object(map) => scalar(map).unwrap_or_else(|| format!("{{{}}}", fields(map, names))),
        other => plain(other, names),
    }
}

fn fields(map: &Map<String, Value>, names: &ValueNames) -> String {
    let fields = map.iter();
    let fields =
        fields.map(|(name, value)| format!("{}: {}", names.field(name), nested(value, names)));
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

/// Returns two different values for people, in a form in which they do not look the same. A value that is `None` does not exist.
pub(super) fn both(
    one: Option<&Value>,
    other: Option<&Value>,
    names: &ValueNames,
) -> (String, String) {
    let plain = |value: &Value| plain(value, names);
    let text = |value: Option<&Value>| value.map_or_else(|| localized!("nothing"), plain);
    let (Some(one), Some(other)) = (one, other) else {
        return (text(one), text(other));
    };
    if let (Value::String(a), Value::String(b)) = (one, other)
        && a.chars().count().max(b.chars().count()) > BEFORE + FROM
    {
        let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
        let part = |text: &str| plain(&Value::from(around(text, same)));
        let parts = (part(a), part(b));
        if parts.0 != parts.1 {
            return parts;
        }
    }
    let plain = (plain(one), plain(other));
    if plain.0 != plain.1 {
        return plain;
    }
    match (typed(one, plain.0), typed(other, plain.1)) {
        // Only white space, or what is behind the end of a long value.
        (a, b) if a == b => (one.to_string(), other.to_string()),
        typed => typed,
    }
}

/// Returns a value with its type, where two values of different types look the same.
pub(super) fn typed(value: &Value, text: String) -> String {
    match value {
        Value::String(_) => localized!("{value} (a text)", value = text),
        Value::Number(number) if number.is_f64() => {
            localized!("{value} (a floating-point number)", value = text)
        }
        Value::Number(_) => localized!("{value} (a number)", value = text),
        Value::Bool(_) => localized!("{value} (a boolean)", value = text),
        Value::Object(map) if map.contains_key("$date") => {
            localized!("{value} (a date)", value = text)
        }
        Value::Object(map) if map.contains_key("$numberDecimal") => {
            localized!("{value} (a decimal)", value = text)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => text,
    }
}

/// Returns a text without what is far from one of its characters.
pub(super) fn around(text: &str, at: usize) -> String {
    let length = text.chars().count();
    if length <= BEFORE + FROM {
        return text.to_owned();
    }
    let first = at.saturating_sub(BEFORE);
    let shown: String = text.chars().skip(first).take(at - first + FROM).collect();
    let start = if first > 0 { "…" } else { "" };
    let end = if at + FROM < length { "…" } else { "" };
    format!("{start}{shown}{end}")
}

/// Returns the words that checks of labs answer with, in the language of the person.
fn word(text: &str, names: &ValueNames) -> Option<String> {
    if let Some(name) = names.get(text) {
        return Some(name.to_owned());
    }
    Some(match text {
        "accepted" => localized!("accepted"),
        "refused" => localized!("refused"),
        "a date" => localized!("a date"),
        "a number" => localized!("a number"),
        "a text" => localized!("a text"),
        "a boolean" => localized!("a boolean"),
        "a view" => localized!("a view"),
        "a table" => localized!("a table"),
        "yes" => localized!("yes"),
        "no" => localized!("no"),
        _ => return None,
    })
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
        assert_eq!(plain(&value, &ValueNames::default()), expected);
    }

    #[test]
    fn two_different_values_never_have_the_same_text() {
        let check = |one: Value, other: Value, expected: (&str, &str)| {
            let (one, other) = both(Some(&one), Some(&other), &ValueNames::default());
            assert_eq!((one.as_str(), other.as_str()), expected);
        };
        check(json!(8), json!(9), ("8", "9"));
        check(json!(8), json!("8"), ("8 (a number)", "8 (a text)"));
        check(
            json!("true"),
            json!(true),
            ("true (a text)", "true (a boolean)"),
        );
        check(json!("a \nb"), json!("a\nb"), ("\"a \\nb\"", "\"a\\nb\""));
        let long = "x".repeat(500);
        let shown = |end: &str| format!("…{}{end}", "x".repeat(24));
        let (one, other) = (json!(format!("{long}a")), json!(format!("{long}b")));
        check(one, other, (&shown("a"), &shown("b")));
        let none = both(None, Some(&json!(1)), &ValueNames::default());
        assert_eq!(none, ("nothing".into(), "1".into()));
    }

    #[test]
    fn a_value_has_the_name_that_the_lab_gives_it() {
        let names = [("never", "끝나지 않음"), ("how", "방식"), ("a, b", "둘 다")];
        let names = names.map(|(value, name)| (value.to_owned(), name.to_owned()));
        let names = ValueNames::from(BTreeMap::from(names));
        assert_eq!(plain(&json!("never"), &names), "끝나지 않음");
        assert_eq!(plain(&json!({"how": "a, b"}), &names), "방식: 둘 다");
        assert_eq!(
            plain(&json!(["never", "never ever"]), &names),
            "끝나지 않음, never ever"
        );
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
        let long = plain(&json!("x".repeat(500)), &ValueNames::default());
        assert!(long.chars().count() < 165);
    }
}
