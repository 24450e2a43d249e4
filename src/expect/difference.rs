//! Where two values differ.

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::expect::plain_value::{ValueNames, plain};
use crate::localized;

/// The longest lists whose members are matched with each other; the members of longer ones are compared by their position.
const MAX_MATCHED: usize = 500;

/// A place at which two values differ. A value that is `None` does not exist there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub(super) kind: DifferenceKind,
    /// `schedules, row 1, day`, `row 4 (city: Jeju), sum`; empty for the whole value. For another number of members, that of the list.
    pub(super) place: String,
    pub(super) expected: Option<Value>,
    pub(super) actual: Option<Value>,
}

/// How two values differ at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DifferenceKind {
    Value,
    /// Another row stands in place of the expected one.
    Row,
    /// The list of this place has the same members in another order.
    Order,
    /// The list of this place has another number of members: this one is missing or not expected.
    Member,
}

/// Whether an object may have fields that are not expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields {
    Exactly,
    AtLeast,
}

/// Returns the places at which a value differs from what is expected, in order. `same` compares an actual with an expected
/// value. Members of lists are matched with each other, so that a member that is missing is one difference.
pub(super) fn differences(
    expected: &Value,
    actual: &Value,
    fields: Fields,
    same: Same<'_>,
    names: &ValueNames,
) -> Vec<Difference> {
    let mut comparison = Comparison {
        fields,
        same,
        names,
        found: Vec::new(),
    };
    comparison.values(&Place::Whole, expected, actual);
    comparison.found
}

/// Whether an actual value is as an expected one.
type Same<'a> = &'a dyn Fn(&Value, &Value) -> bool;

struct Comparison<'a> {
    fields: Fields,
    same: Same<'a>,
    /// The names of values and fields in the places.
    names: &'a ValueNames,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn values(&mut self, place: &Place, expected: &Value, actual: &Value) {
        if (self.same)(actual, expected) {
            return;
        }
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) if !is_scalar(expected) => {
                for (name, value) in expected {
                    let place = place.field(self.names.field(name));
                    match actual.get(name) {
                        Some(other) => self.values(&place, value, other),
                        None => self.one_sided(DifferenceKind::Value, place, Some(value), None),
                    }
                }
                let surplus = actual
                    .iter()
                    .filter(|(name, _)| !expected.contains_key(*name));
                let exactly = self.fields == Fields::Exactly;
                for (name, value) in surplus.filter(|_| exactly) {
                    let place = place.field(self.names.field(name));
                    self.one_sided(DifferenceKind::Value, place, None, Some(value));
                }
            }
            (Value::Array(expected), Value::Array(actual)) => self.lists(place, expected, actual),
            _ => self.one_sided(
                DifferenceKind::Value,
                place.clone(),
                Some(expected),
                Some(actual),
            ),
        }
    }

    fn lists(&mut self, place: &Place, expected: &[Value], actual: &[Value]) {
        let longest = expected.len().max(actual.len());
        let same_number = expected.len() == actual.len();
        // The rows are the same ones, also if several have the same name.
        let same_rows = || {
            let mut pairs = expected.iter().zip(actual);
            pairs.all(|(one, other)| self.key(one, other).is_some())
        };
        if same_number && (longest > MAX_MATCHED || same_rows()) {
            for (at, (one, other)) in expected.iter().zip(actual).enumerate() {
                if !(self.same)(other, one) {
                    self.member(&self.place_of(place, at, one, other), one, other);
                }
            }
            return;
        }
        if longest > MAX_MATCHED {
            let end = expected
                .iter()
                .zip(actual)
                .position(|(a, b)| !(self.same)(b, a));
            let end = end.unwrap_or(expected.len().min(actual.len()));
            return self.members(place, &expected[end..], (end, &actual[end..]));
        }
        let (ids, actual_ids) = self.classes(expected, actual);
        let sorted = |ids: &[usize]| {
            let mut ids = ids.to_vec();
            ids.sort_unstable();
            ids
        };
        if sorted(&ids) == sorted(&actual_ids) {
            let list = |items: &[Value]| Some(Value::Array(items.to_vec()));
            self.found.push(Difference {
                kind: DifferenceKind::Order,
                place: place.clone().text(),
                expected: list(expected),
                actual: list(actual),
            });
            return;
        }
        for operation in capture_diff_slices(Algorithm::Myers, &ids, &actual_ids) {
            if let DiffOp::Equal { .. } = operation {
                continue;
            }
            let (old, new) = (operation.old_range(), operation.new_range());
            self.members(place, &expected[old], (new.start, &actual[new]));
        }
    }

    /// Compares members of lists that follow each other and of which none equals another. Those with the same first field belong
    /// together, and others by their position if there are as many of them.
    fn members(&mut self, place: &Place, expected: &[Value], (first, actual): (usize, &[Value])) {
        let mut left: Vec<usize> = (0..actual.len()).collect();
        let mut pairs: Vec<(usize, Option<usize>)> = Vec::new();
        let by_position = expected.len() == actual.len();
        for (at, item) in expected.iter().enumerate() {
            let by_key = left.iter().position(|other| {
                let key = self.key(item, &actual[*other]);
                key.is_some_and(|(_, first)| !first.is_null())
            });
            pairs.push((at, by_key.map(|found| left.remove(found))));
        }
        if by_position {
            let open = pairs.iter_mut().filter(|(_, other)| other.is_none());
            for ((_, other), rest) in open.zip(left.drain(..)) {
                *other = Some(rest);
            }
        }
        for (at, other) in pairs {
            let item = &expected[at];
            match other {
                Some(other) => {
                    let place = self.place_of(place, first + other, item, &actual[other]);
                    self.member(&place, item, &actual[other]);
                }
                None => {
                    self.one_sided(DifferenceKind::Member, place.clone(), Some(item), None);
                }
            }
        }
        for other in left {
            let surplus = Some(&actual[other]);
            self.one_sided(DifferenceKind::Member, place.clone(), None, surplus);
        }
    }

    /// Compares two members of a list. A row of two fields, of which the first names it, needs no name for the second. Two rows
    /// that differ in the field that names them and in others are one difference.
    fn member(&mut self, place: &Place, expected: &Value, actual: &Value) {
        let two = |value: &Value| value.as_object().is_some_and(|row| row.len() == 2);
        let before = self.found.len();
        self.values(place, expected, actual);
        let has_key = self.key(expected, actual).is_some();
        let found = &mut self.found[before..];
        if two(expected)
            && two(actual)
            && has_key
            && let [only] = found
            && only.kind == DifferenceKind::Value
        {
            only.place = place.clone().text();
        }
        let several = self.found.len() > before + 1;
        if several && !has_key && is_flat(expected) && is_flat(actual) {
            self.found.truncate(before);
            let (place, expected, actual) = (place.clone(), Some(expected), Some(actual));
            self.one_sided(DifferenceKind::Row, place, expected, actual);
        }
    }

    fn key<'v>(&self, expected: &'v Value, actual: &Value) -> Option<(Option<&'v str>, &'v Value)> {
        key(expected, actual, self.same)
    }

    /// Returns the place of a member of a list: its number from 1, and what names it.
    fn place_of(&self, list: &Place, at: usize, expected: &Value, actual: &Value) -> Place {
        let number = member_number(actual, at);
        let named = self.key(expected, actual);
        let named = named.filter(|_| fields_of(actual) > 1);
        list.member(match named {
            Some((name, value)) => {
                let value = plain(value, self.names);
                match name {
                    Some(name) => format!("{number} ({}: {value})", self.names.field(name)),
                    None => format!("{number} ({value})"),
                }
            }
            None => number,
        })
    }

    /// Returns a number for each member of two lists, which is the same for members that are the same.
    fn classes(&self, expected: &[Value], actual: &[Value]) -> (Vec<usize>, Vec<usize>) {
        let class = |value: &Value, among: &[Value]| {
            among.iter().position(|other| (self.same)(value, other))
        };
        let ids: Vec<usize> = expected
            .iter()
            .map(|value| class(value, expected).unwrap_or_default())
            .collect();
        let strangers = expected.len();
        let others = actual.iter().enumerate().map(|(at, value)| {
            let known = class(value, expected);
            known.unwrap_or_else(|| strangers + class(value, actual).unwrap_or(at))
        });
        (ids, others.collect())
    }

    fn one_sided(
        &mut self,
        kind: DifferenceKind,
        place: Place,
        expected: Option<&Value>,
        actual: Option<&Value>,
    ) {
        self.found.push(Difference {
            kind,
            place: place.text(),
            expected: expected.cloned(),
            actual: actual.cloned(),
        });
    }
}

/// Whether an object is a date, a number or an id in extended JSON.
fn is_scalar(map: &serde_json::Map<String, Value>) -> bool {
    map.keys().next().is_some_and(|name| name.starts_with('$'))
}

/// Where a comparison is.
#[derive(Debug, Clone)]
enum Place {
    Whole,
    /// A member of a list: `row 4 (city: Jeju)`, `schedules, row 1`.
    Member(String),
    /// `arguments.priority`, also in a member.
    Field(String),
}

impl Place {
    fn field(&self, name: &str) -> Self {
        Self::Field(match self {
            Self::Whole => name.to_owned(),
            Self::Member(member) => format!("{member}, {name}"),
            Self::Field(place) => format!("{place}.{name}"),
        })
    }

    fn member(&self, member: String) -> Self {
        Self::Member(match self {
            Self::Whole => member,
            Self::Member(place) | Self::Field(place) => format!("{place}, {member}"),
        })
    }

    fn text(self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Member(place) | Self::Field(place) => place,
        }
    }
}

/// Whether a value is a row without lists or objects in it.
fn is_flat(row: &Value) -> bool {
    let flat = |value: &Value| match value {
        Value::Array(_) => false,
        Value::Object(map) => is_scalar(map),
        _ => true,
    };
    match row {
        Value::Object(fields) => fields.values().all(flat),
        Value::Array(cells) => cells.iter().all(flat),
        _ => false,
    }
}

/// Returns the number of a member of a list, from 1.
pub(super) fn member_number(item: &Value, at: usize) -> String {
    let number = at + 1;
    match item {
        Value::Array(_) | Value::Object(_) => localized!("row {number}", number),
        _ => localized!("item {number}", number),
    }
}

fn fields_of(row: &Value) -> usize {
    match row {
        Value::Object(fields) => fields.len(),
        Value::Array(cells) => cells.len(),
        _ => 0,
    }
}

/// Returns the first field of a row if it is the same in two rows: it tells which row it is. Its name is `None` if fields have
/// none.
pub(super) fn key<'v>(
    one: &'v Value,
    other: &Value,
    same: Same<'_>,
) -> Option<(Option<&'v str>, &'v Value)> {
    let (name, value, counterpart) = match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let (name, value) = one.iter().next()?;
            (Some(name.as_str()), value, other.get(name)?)
        }
        (Value::Array(one), Value::Array(other)) => (None, one.first()?, other.first()?),
        _ => return None,
    };
    let names = !value.is_array() && !value.is_null();
    (names && same(counterpart, value)).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `place: actual, expected`, one for each difference.
    #[track_caller]
    fn check(expected: Value, actual: Value, fields: Fields, differs: &[&str]) {
        let found = differences(
            &expected,
            &actual,
            fields,
            &|a, b| a == b,
            &ValueNames::default(),
        );
        let text = |value: &Option<Value>| {
            let text = value.as_ref().map(ToString::to_string);
            text.unwrap_or_else(|| "-".to_owned())
        };
        let found: Vec<String> = found
            .iter()
            .map(|one| {
                let order = match one.kind {
                    DifferenceKind::Order => "order ",
                    DifferenceKind::Member => "member ",
                    DifferenceKind::Row => "another ",
                    DifferenceKind::Value => "",
                };
                let (actual, expected) = (text(&one.actual), text(&one.expected));
                format!("{order}{}: {actual}, {expected}", one.place)
            })
            .collect();
        assert_eq!(found, differs);
    }

    #[test]
    fn the_places_that_differ_are_found() {
        let day = |day: &str| json!({"schedules": [{"day": {"$date": day}, "hours": 8}], "x": 1});
        check(day("a"), day("a"), Fields::Exactly, &[]);
        check(
            day("a"),
            day("b"),
            Fields::Exactly,
            &[r#"schedules, row 1, day: {"$date":"b"}, {"$date":"a"}"#],
        );
        check(
            json!({"a": 1}),
            json!({"b": 1}),
            Fields::Exactly,
            &["a: -, 1", "b: 1, -"],
        );
        check(
            json!({"a": 1}),
            json!({"b": 1}),
            Fields::AtLeast,
            &["a: -, 1"],
        );
        check(json!("a"), json!([1]), Fields::Exactly, &[r#": [1], "a""#]);
    }

    #[test]
    fn a_member_that_is_missing_or_new_is_one_difference() {
        let rows = |ids: &[u32]| {
            let rows = ids.iter().map(|id| json!({"id": id, "value": id * 2}));
            Value::Array(rows.collect())
        };
        check(
            rows(&[1, 2, 3, 4, 5]),
            rows(&[1, 3, 4, 5]),
            Fields::Exactly,
            &[r#"member : -, {"id":2,"value":4}"#],
        );
        check(
            json!({"list": [1, 2, 3]}),
            json!({"list": [7, 1, 2, 3]}),
            Fields::Exactly,
            &["member list: 7, -"],
        );
        check(
            json!([1, 2]),
            json!([1, 3, 4]),
            Fields::Exactly,
            &["member : -, 2", "member : 3, -", "member : 4, -"],
        );
    }

    #[test]
    fn a_row_that_differs_has_its_number_and_its_name() {
        check(
            json!([{"city": "Busan", "a": 1, "b": 2}, {"city": "Jeju", "a": 3, "b": 4}]),
            json!([{"city": "Busan", "a": 1, "b": 2}, {"city": "Jeju", "a": 3, "b": 5}]),
            Fields::Exactly,
            &["row 2 (city: Jeju), b: 5, 4"],
        );
        check(
            json!([{"claim": "zero", "verdict": "refused"}]),
            json!([{"claim": "zero", "verdict": "accepted"}]),
            Fields::Exactly,
            &[r#"row 1 (claim: zero): "accepted", "refused""#],
        );
        check(
            json!([1, 2, 3]),
            json!([1, 5, 3]),
            Fields::Exactly,
            &["item 2: 5, 2"],
        );
        // Another row in its place.
        check(
            json!([{"mail": "a", "number": "1"}, {"mail": "b", "number": "2"}]),
            json!([{"mail": "a", "number": "1"}, {"mail": "c", "number": "3"}]),
            Fields::Exactly,
            &[r#"another row 2: {"mail":"c","number":"3"}, {"mail":"b","number":"2"}"#],
        );
        // The same name twice.
        check(
            json!([["R-1", "no"], ["R-1", "yes"], ["R-2", "yes"]]),
            json!([["R-1", "yes"], ["R-1", "yes"], ["R-2", "no"]]),
            Fields::Exactly,
            &[
                r#"row 1 (R-1), item 2: "yes", "no""#,
                r#"row 3 (R-2), item 2: "no", "yes""#,
            ],
        );
        // Rows with the same first field belong together, wherever they stand.
        check(
            json!([{"id": 1, "x": 1}, {"id": 2, "x": 2}]),
            json!([{"id": 2, "x": 3}]),
            Fields::Exactly,
            &[r#"member : -, {"id":1,"x":1}"#, "row 1 (id: 2): 3, 2"],
        );
    }

    #[test]
    fn another_order_is_one_difference() {
        check(
            json!([1, 2, 3]),
            json!([3, 1, 2]),
            Fields::Exactly,
            &["order : [3,1,2], [1,2,3]"],
        );
        // A member twice in place of another one is no other order.
        check(
            json!(["a", "b"]),
            json!(["a", "a"]),
            Fields::Exactly,
            &[r#"item 2: "a", "b""#],
        );
    }

    #[test]
    fn long_lists_are_compared_by_position() {
        let list = |last: usize| Value::from((1..900).chain([last]).collect::<Vec<_>>());
        check(list(1), list(2), Fields::Exactly, &["item 900: 2, 1"]);
    }
}
