//! Where two values differ.

use serde_json::Value;

/// A place at which two values differ. A value that is `None` does not exist there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// `schedules[0].day`; empty for the whole value.
    pub(super) place: String,
    pub(super) expected: Option<Value>,
    pub(super) actual: Option<Value>,
}

/// Whether an object may have fields that are not expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields {
    Exactly,
    AtLeast,
}

/// Returns the places at which a value differs from what is expected, in order. `same` compares values.
pub(super) fn differences(
    expected: &Value,
    actual: &Value,
    fields: Fields,
    same: &dyn Fn(&Value, &Value) -> bool,
) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", expected, actual, fields, same, &mut found);
    found
}

fn compare(
    place: &str,
    expected: &Value,
    actual: &Value,
    fields: Fields,
    same: &dyn Fn(&Value, &Value) -> bool,
    found: &mut Vec<Difference>,
) {
    if same(actual, expected) {
        return;
    }
    let one_sided = |place: String, expected: Option<&Value>, actual: Option<&Value>| Difference {
        place,
        expected: expected.cloned(),
        actual: actual.cloned(),
    };
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) if !is_scalar(expected) => {
            for (name, value) in expected {
                let place = field(place, name);
                match actual.get(name) {
                    Some(other) => compare(&place, value, other, fields, same, found),
                    None => found.push(one_sided(place, Some(value), None)),
                }
            }
            let surplus = actual
                .iter()
                .filter(|(name, _)| !expected.contains_key(*name));
            found.extend(
                surplus
                    .filter(|_| fields == Fields::Exactly)
                    .map(|(name, value)| one_sided(field(place, name), None, Some(value))),
            );
        }
        (Value::Array(expected), Value::Array(actual)) => {
            for at in 0..expected.len().max(actual.len()) {
                let place = format!("{place}[{at}]");
                match (expected.get(at), actual.get(at)) {
                    (Some(expected), Some(actual)) => {
                        compare(&place, expected, actual, fields, same, found);
                    }
                    (expected, actual) => found.push(one_sided(place, expected, actual)),
                }
            }
        }
        _ => found.push(one_sided(place.to_owned(), Some(expected), Some(actual))),
    }
}

/// Whether an object is a date, a number or an id in extended JSON.
fn is_scalar(map: &serde_json::Map<String, Value>) -> bool {
    map.keys().next().is_some_and(|name| name.starts_with('$'))
}

fn field(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(expected: Value, actual: Value, fields: Fields, places: &[&str]) {
        let found = differences(&expected, &actual, fields, &|a, b| a == b);
        let found: Vec<&str> = found.iter().map(|found| found.place.as_str()).collect();
        assert_eq!(found, places);
    }

    #[test]
    fn the_places_that_differ_are_found() {
        let day = |day: &str| json!({"schedules": [{"day": {"$date": day}, "hours": 8}], "x": 1});
        check(day("a"), day("a"), Fields::Exactly, &[]);
        check(day("a"), day("b"), Fields::Exactly, &["schedules[0].day"]);
        check(
            json!({"a": 1}),
            json!({"b": 1}),
            Fields::Exactly,
            &["a", "b"],
        );
        check(json!({"a": 1}), json!({"b": 1}), Fields::AtLeast, &["a"]);
        check(
            json!([1, 2]),
            json!([1, 3, 4]),
            Fields::Exactly,
            &["[1]", "[2]"],
        );
        check(json!("a"), json!([1]), Fields::Exactly, &[""]);
    }
}
