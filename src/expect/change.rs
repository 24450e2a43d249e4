//! The first place at which a value differs from an earlier one.

use serde_json::Value;

use crate::expect::actual::Actual;
use crate::expect::description::Words;
use crate::expect::difference::{Fields, differences, key, member_number};
use crate::expect::plain_value::{ValueNames, around, both, plain};
use crate::localized;

/// The first place at which a value differs from an earlier one. A value that is `None` does not exist there.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `row 12 (id: 12), name`; empty for the whole value.
    place: String,
    before: Option<Value>,
    now: Option<Value>,
}

impl Change {
    /// Returns the first difference between two values; `None` if they are the same.
    pub fn first(before: &Value, now: &Value, names: &ValueNames) -> Option<Self> {
        if before == now {
            return None;
        }
        let change = match (before, now) {
            (Value::Array(before), Value::Array(now)) => in_list(before, now, names),
            (before, now) => in_value(before, now, names),
        };
        Some(change.excerpt())
    }

    /// Returns the change in words for people.
    pub fn words(&self, names: &ValueNames) -> Words {
        let (before, now) = both(self.before.as_ref(), self.now.as_ref(), names);
        Words {
            expected: localized!(
                "as when the exercise began: {value}",
                value = self.at_place(&before)
            ),
            actual: self.at_place(&now),
            places: Vec::new(),
        }
    }

    /// Returns the earlier and the present value as a probe shows them.
    pub fn raw(&self) -> (String, String) {
        let text = |value: Option<&Value>| match value {
            Some(value) => Actual::value(value.clone()).text().localized(),
            None => localized!("nothing"),
        };
        let [before, now] = [&self.before, &self.now].map(|value| text(value.as_ref()));
        (self.at_place(&before), self.at_place(&now))
    }

    fn at_place(&self, value: &str) -> String {
        match self.place.as_str() {
            "" => value.to_owned(),
            place => format!("{place}: {value}"),
        }
    }

    /// Returns the change with only the part of two long texts around the first difference.
    fn excerpt(mut self) -> Self {
        let (Some(Value::String(before)), Some(Value::String(now))) = (&self.before, &self.now)
        else {
            return self;
        };
        let lines = (before.lines(), now.lines());
        let (before, now) = match lines.clone().0.count().max(lines.clone().1.count()) {
            0 | 1 => (Some(before.as_str()), Some(now.as_str())),
            _ => {
                let (mut before, mut now) = lines;
                let mut number = 0;
                let (before, now) = loop {
                    number += 1;
                    match (before.next(), now.next()) {
                        // Only the ends of the lines differ.
                        (None, None) => return self,
                        (before, now) if before != now => break (before, now),
                        _ => {}
                    }
                };
                let line = localized!("line {number}", number);
                self.place = match self.place.as_str() {
                    "" => line,
                    place => format!("{place}, {line}"),
                };
                (before, now)
            }
        };
        let same = before.unwrap_or_default().chars();
        let same = same
            .zip(now.unwrap_or_default().chars())
            .take_while(|(a, b)| a == b)
            .count();
        let cut = |text: &str| Value::from(around(text, same));
        (self.before, self.now) = (before.map(cut), now.map(cut));
        self
    }
}

/// Returns the first change of a list: an item that is gone or new if the lists have different lengths.
fn in_list(before: &[Value], now: &[Value], names: &ValueNames) -> Change {
    let differs = |at: &usize| before.get(*at) != now.get(*at);
    let first = (0..before.len().max(now.len())).find(differs);
    let first = first.unwrap_or_default();
    if before.len() != now.len() {
        let lacking =
            |of: &[Value], other: &[Value]| of.iter().position(|item| !other.contains(item));
        let (gone, new) = (lacking(before, now), lacking(now, before));
        let longer_now = now.len() > before.len();
        let change = |at: usize, gone: bool| Change {
            place: member_of(if gone { before } else { now }, at),
            before: before.get(at).filter(|_| gone).cloned(),
            now: now.get(at).filter(|_| !gone).cloned(),
        };
        return match (gone, new) {
            (_, Some(at)) if longer_now => change(at, false),
            (Some(at), _) => change(at, true),
            (None, Some(at)) => change(at, false),
            (None, None) => change(first, !longer_now),
        };
    }
    let inner = in_value(&before[first], &now[first], names);
    let mut place = member_of(before, first);
    let same = |a: &Value, b: &Value| a == b;
    let key = key(&before[first], &now[first], &same).filter(|_| !inner.place.is_empty());
    if let Some((Some(name), value)) = key {
        let name = names.field(name);
        place = format!("{place} ({name}: {})", plain(value, names));
    }
    if !inner.place.is_empty() {
        place = format!("{place}, {}", inner.place);
    }
    Change { place, ..inner }
}

fn in_value(before: &Value, now: &Value, names: &ValueNames) -> Change {
    let found = differences(before, now, Fields::Exactly, &|a, b| a == b, names);
    let first = found.into_iter().next();
    first.map_or_else(
        || Change {
            place: String::new(),
            before: Some(before.clone()),
            now: Some(now.clone()),
        },
        |found| Change {
            place: found.place,
            before: found.expected,
            now: found.actual,
        },
    )
}

fn member_of(items: &[Value], at: usize) -> String {
    member_number(items.get(at).unwrap_or(&Value::Null), at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(before: Value, now: Value, expected: &str) {
        let names = ValueNames::default();
        let change = Change::first(&before, &now, &names).expect("they differ");
        let words = change.words(&names);
        let was = words.expected.strip_prefix("as when the exercise began: ");
        assert_eq!(format!("{} → {}", was.unwrap(), words.actual), expected);
    }

    fn rows(count: usize) -> Vec<Value> {
        let row = |id| json!({"id": id, "name": format!("a customer with a long name {id}")});
        (1..=count).map(row).collect()
    }

    #[test]
    fn a_change_in_a_late_row_names_the_row_and_the_field() {
        let mut now = rows(400);
        now[389]["name"] = json!("Kim");
        check(
            json!(rows(400)),
            json!(now),
            "row 390 (id: 390), name: a customer with a long name 390 → row 390 (id: 390), name: Kim",
        );
        let (mut fewer, mut more) = (rows(400), rows(400));
        fewer.remove(299);
        check(
            json!(rows(400)),
            json!(fewer),
            "row 300: id: 300, name: a customer with a long name 300 → row 300: nothing",
        );
        more.insert(200, json!({"id": 0}));
        check(
            json!(rows(400)),
            json!(more),
            "row 201: nothing → row 201: id: 0",
        );
    }

    #[test]
    fn a_change_in_a_long_text_names_the_line_and_shows_the_place() {
        let lines = |count: usize| (1..=count).map(|at| format!("key-{at} value-{at}\n"));
        let before: String = lines(90).collect();
        let now = before.replace("value-77", "8");
        check(
            json!(before),
            json!(now),
            "line 77: key-77 value-77 → line 77: key-77 8",
        );
        let more: String = lines(91).collect();
        check(
            json!(before),
            json!(more),
            "line 91: nothing → line 91: key-91 value-91",
        );
        let long = "x".repeat(500);
        check(
            json!(format!("{long}a")),
            json!(format!("{long}b")),
            &format!("…{0}a → …{0}b", "x".repeat(24)),
        );
    }

    #[test]
    fn a_change_in_an_object_or_of_a_type_names_the_place() {
        check(
            json!({"a": {"list": [1, 2, 3]}, "b": 1}),
            json!({"a": {"list": [1, 2, 4]}, "b": 1}),
            "a.list, item 3: 3 → a.list, item 3: 4",
        );
        check(
            json!(["k", "8"]),
            json!(["k", 8]),
            "item 2: 8 (a text) → item 2: 8 (a number)",
        );
        let names = ValueNames::default();
        assert_eq!(Change::first(&json!([1]), &json!([1]), &names), None);
        let change = Change::first(&json!({"a": "1"}), &json!({}), &names).unwrap();
        assert_eq!(change.raw(), ("a: \"1\"".into(), "a: nothing".into()));
    }
}
