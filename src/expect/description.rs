//! What a matcher expected and what was there, in words: without JSONPath, regular expressions, error codes and JSON.

use serde_json::Value;

use crate::expect::actual::{Actual, ServiceError};
use crate::expect::difference::{Difference, DifferenceKind, Fields, differences};
use crate::expect::matcher::{Matcher, Rule};
use crate::expect::plain_value::{ValueNames, both, limited, list, plain, typed};
use crate::expect::value_type::ValueType;
use crate::{localized, text_plural};

/// The most places that are named of a value that differs.
const MAX_PLACES: usize = 3;

/// The longest whole values that are shown instead of the places at which they differ, in characters.
const SHORT: usize = 48;

/// The expected and the actual value of a matcher that does not hold, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Empty if only the sentence of the check can say it.
    pub expected: String,
    pub actual: String,
    /// The places at which a large value differs; `expected` and `actual` are empty then.
    pub places: Vec<DifferentPlace>,
}

/// A place at which a value differs, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferentPlace {
    /// `schedules, row 1, day`; of a list, where the list is.
    pub place: String,
    /// Empty for a member that a list should not have.
    pub expected: String,
    /// Empty for a member that a list lacks.
    pub actual: String,
}

impl Words {
    fn new(expected: Option<String>, actual: String) -> Self {
        Self {
            expected: expected.unwrap_or_default(),
            actual,
            places: Vec::new(),
        }
    }
}

impl Matcher {
    /// Describes why this matcher does not hold, with the names that the lab gives to values.
    pub fn words(&self, actual: &Actual, names: &ValueNames) -> Words {
        match self.typing.filter(|typing| *typing != actual.typing) {
            Some(typing) => self.words_typed(&actual.clone().with_typing(typing), names),
            None => self.words_typed(actual, names),
        }
    }

    fn words_typed(&self, actual: &Actual, names: &ValueNames) -> Words {
        if let Some(error) = &actual.error
            && !self.expects_error()
        {
            return Words::new(self.expectation(names), refusal(error, names));
        }
        if !actual.success && actual.error.is_none() && !self.mentions_status() {
            return Words::new(self.expectation(names), failure(actual, names));
        }
        let selected = match &self.path {
            Some(path) => path.select(&actual.value),
            None => Some(actual.value.clone()),
        };
        let failing = |rule: &&Rule| !rule.holds(selected.as_ref(), actual);
        let Some(rule) = self.rules.iter().find(failing) else {
            return Words::default();
        };
        let words = self.words_of(rule, selected.as_ref(), actual, names);
        match self.label(names) {
            Some(label) => words.below(&label),
            None => words,
        }
    }

    fn words_of(
        &self,
        rule: &Rule,
        selected: Option<&Value>,
        actual: &Actual,
        names: &ValueNames,
    ) -> Words {
        let plain = |value: &Value| plain(value, names);
        // A path that can select several values selects a list, also of one.
        let several = self.path.as_ref().is_some_and(|path| !path.is_singular());
        let alone = |value: &Value| match value {
            Value::Array(items) if several => match items.as_slice() {
                [only] => plain(only),
                [] => localized!("nothing"),
                items => list(items, names),
            },
            value => plain(value),
        };
        let expected = rule.words(names);
        let seen = || selected.map_or_else(|| localized!("nothing"), &alone);
        match (rule, selected) {
            (Rule::Status(_), _) => Words::new(expected, failure(actual, names)),
            (Rule::Error(code), _) => Words::new(
                expected,
                match &actual.error {
                    None => localized!("was accepted"),
                    Some(error) => other_refusal(code, error, names),
                },
            ),
            (Rule::All(inner), _) => {
                let actual = narrowed(actual, selected);
                let failing = inner.iter().find(|inner| !inner.holds(&actual));
                failing.map_or_else(Words::default, |inner| inner.words(&actual, names))
            }
            // The sentence of the check is the question.
            (Rule::Equals(Value::Bool(expected)), value) if self.label(names).is_none() => {
                Words::new(
                    Some(yes_or_no(*expected)),
                    match value {
                        Some(Value::Bool(value)) => yes_or_no(*value),
                        _ => seen(),
                    },
                )
            }
            (Rule::Equals(expected), Some(value)) => {
                let same = |a: &Value, b: &Value| Rule::Equals(b.clone()).holds(Some(a), actual);
                let (expected, value) = match (expected, value) {
                    (Value::Array(one), Value::Array(other)) => match (&one[..], &other[..]) {
                        ([one], [other]) => (one, other),
                        _ => (expected, value),
                    },
                    both => both,
                };
                let found = differences(expected, value, Fields::Exactly, &same, names);
                let texts = (alone(expected), alone(value));
                compared(found, texts, (expected, value), names)
            }
            (Rule::Contains(part @ Value::Object(_)), Some(value @ Value::Object(_))) => {
                // As the rule: only objects are compared in part.
                let same = |a: &Value, b: &Value| match (a, b) {
                    (Value::Object(_), Value::Object(_)) => {
                        Rule::Contains(b.clone()).holds(Some(a), actual)
                    }
                    (a, b) => Rule::Equals(b.clone()).holds(Some(a), actual),
                };
                let found = differences(part, value, Fields::AtLeast, &same, names);
                compared(found, (plain(part), plain(value)), (part, value), names)
            }
            (Rule::SameItems(items), Some(Value::Array(actual_items))) => {
                same_items(items, actual_items, actual, names)
            }
            (Rule::Rows(rows), Some(Value::Array(actual_rows))) => {
                table_difference(rows, actual_rows, actual, names)
            }
            (Rule::Columns(_), Some(Value::Array(rows))) => {
                let columns = rows.first().and_then(Value::as_object);
                let columns = columns.map(|row| row.keys().map(String::as_str).collect::<Vec<_>>());
                let columns = columns.unwrap_or_default().join(", ");
                Words::new(expected, localized!("columns {columns}", columns))
            }
            (Rule::Length(inner), Some(value @ Value::String(text))) => Words::new(
                inner
                    .expectation(names)
                    .map(|size| localized!("{size} characters", size)),
                localized!(
                    "{count} characters: {text}",
                    count = text.chars().count(),
                    text = plain(value)
                ),
            ),
            (Rule::Length(_), Some(value)) => Words::new(expected, size(value, names)),
            (Rule::Type(_), Some(value)) => Words::new(expected, typed(value, seen())),
            // Both bounds of a range belong together.
            (Rule::AtLeast(_) | Rule::AtMost(_), _) => Words::new(self.range(), seen()),
            _ if actual.error.is_some() => {
                let refused = actual.error.as_ref().map(|error| refusal(error, names));
                Words::new(expected, refused.unwrap_or_default())
            }
            // What only a pattern can say of a large value is not said at all.
            (_, Some(Value::Object(_) | Value::Array(_) | Value::String(_)))
                if expected.is_none() && seen().chars().count() > 2 * SHORT =>
            {
                Words::new(None, localized!("something else; `--verbose` shows it"))
            }
            _ => Words::new(expected, seen()),
        }
    }

    /// Returns what must hold, in words; `None` if that needs a regular expression or the like.
    pub fn expectation(&self, names: &ValueNames) -> Option<String> {
        let texts = self.rules.iter().map(|rule| rule.words(names));
        let texts: Option<Vec<String>> = texts.collect();
        let text = texts.filter(|texts| !texts.is_empty())?.join(", ");
        Some(match self.label(names) {
            Some(label) => format!("{label}: {text}"),
            None => text,
        })
    }

    /// Returns how many there must be, for a matcher of a length.
    fn count(&self, names: &ValueNames) -> Option<String> {
        let of = |limit: &dyn std::fmt::Display| localized!("{size} of them", size = limit);
        let bound = |rule: &Rule| match rule {
            Rule::AtLeast(limit) => Some(localized!("at least {limit}", limit = of(limit))),
            Rule::AtMost(limit) => Some(localized!("at most {limit}", limit = of(limit))),
            Rule::Equals(number) => Some(of(number)),
            _ => None,
        };
        let bounds: Option<Vec<String>> = self.rules.iter().map(bound).collect();
        match bounds.filter(|bounds| !bounds.is_empty()) {
            Some(bounds) => Some(bounds.join(", ")),
            None => Some(of(&self.expectation(names)?)),
        }
    }

    fn range(&self) -> Option<String> {
        let low = self.rules.iter().find_map(|rule| match rule {
            Rule::AtLeast(limit) => Some(limit),
            _ => None,
        });
        let high = self.rules.iter().find_map(|rule| match rule {
            Rule::AtMost(limit) => Some(limit),
            _ => None,
        });
        Some(match (low, high) {
            (Some(low), Some(high)) => localized!("from {low} to {high}", low, high),
            (Some(limit), None) => localized!("at least {limit}", limit),
            (None, Some(limit)) => localized!("at most {limit}", limit),
            (None, None) => return None,
        })
    }

    /// Returns the names of a path that has nothing but one or two names: `messages`, `data.state`.
    fn label(&self, value_names: &ValueNames) -> Option<String> {
        let path = self.path.as_ref()?.to_string();
        let names = path.strip_prefix("$.")?;
        // The envelope of a reply says nothing.
        if names.starts_with("cursor.") || matches!(names, "value" | "values" | "n" | "ok") {
            return None;
        }
        let simple = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let fits = names.split('.').count() <= 2 && names.split('.').all(simple);
        let names = names.split('.').map(|name| value_names.field(name));
        fits.then(|| names.collect::<Vec<_>>().join("."))
    }
}

impl Words {
    /// Returns everything in one sentence.
    pub fn sentence(&self) -> String {
        let compared = |expected: &str, actual: &str| match (expected, actual) {
            ("", actual) => localized!("got {actual}", actual),
            (expected, "") => localized!("expected {expected}", expected),
            (expected, actual) => localized!("expected {expected}, got {actual}", expected, actual),
        };
        if self.places.is_empty() {
            return compared(&self.expected, &self.actual);
        }
        let places = self.places.iter().map(|at| {
            let text = match (at.expected.as_str(), at.actual.as_str()) {
                (missing, "") => localized!("missing: {items}", items = missing),
                ("", surplus) => localized!("not expected: {items}", items = surplus),
                (expected, actual) => compared(expected, actual),
            };
            match at.place.as_str() {
                "" => text,
                place => format!("{place}: {text}"),
            }
        });
        let more = Some(self.actual.clone()).filter(|more| !more.is_empty());
        places.chain(more).collect::<Vec<_>>().join("; ")
    }

    /// Returns the words for a value that has a name in a larger one.
    fn below(mut self, label: &str) -> Self {
        if self.places.is_empty() {
            if !self.expected.is_empty() {
                self.expected = format!("{label}: {}", self.expected);
            }
            self.actual = format!("{label}: {}", self.actual);
        }
        for place in &mut self.places {
            place.place = match place.place.as_str() {
                "" => label.to_owned(),
                // A member of the whole value.
                inner if inner.contains(' ') => format!("{label}, {inner}"),
                inner => format!("{label}.{inner}"),
            };
        }
        self
    }
}

impl Rule {
    /// Returns what must hold, in words; `None` if that needs a regular expression or the like.
    fn words(&self, names: &ValueNames) -> Option<String> {
        let plain = |value: &Value| plain(value, names);
        let list = |items: &[Value]| list(items, names);
        Some(match self {
            Rule::Equals(value) => match value {
                Value::Array(items) if items.len() == 1 => list(items),
                value => plain(value),
            },
            Rule::NotEquals(value) => localized!("anything but {value}", value = plain(value)),
            Rule::OneOf(values) => localized!("one of: {values}", values = list(values)),
            Rule::Contains(part @ Value::Object(_)) => plain(part),
            Rule::Contains(part) => localized!("with {part} in it", part = plain(part)),
            Rule::SameItems(items) => in_any_order(items, names),
            Rule::AtLeast(limit) => localized!("at least {limit}", limit),
            Rule::AtMost(limit) => localized!("at most {limit}", limit),
            Rule::Length(inner) => inner.count(names)?,
            Rule::Exists => localized!("something"),
            Rule::Absent => localized!("nothing"),
            Rule::Rows(rows) => limited(&rows_of(rows, names)),
            Rule::Columns(columns) => {
                localized!("columns {columns}", columns = list(columns))
            }
            Rule::Status(inner) => {
                localized!("status {expected}", expected = inner.expectation(names)?)
            }
            Rule::Error(code) => expected_refusal(code, names),
            Rule::All(inner) => joined(inner, ", ", names)?,
            Rule::Any(inner) => match refusals(inner) {
                Some(reasons) => localized!(
                    "is refused, {reason}",
                    reason = reasons.join(&localized!(" or "))
                ),
                None => joined(inner, &localized!(" or "), names)?,
            },
            Rule::Not(inner) => match inner.rules.as_slice() {
                [Rule::Contains(part)] => localized!("without {part}", part = plain(part)),
                [Rule::Equals(value)] => localized!("anything but {value}", value = plain(value)),
                _ => localized!("not: {expected}", expected = inner.expectation(names)?),
            },
            Rule::Type(types) => {
                let names: Vec<String> = types.iter().map(|of| type_name(*of)).collect();
                names.join(&localized!(" or "))
            }
            Rule::Matches(_) => return None,
        })
    }
}

/// Returns the reasons for which something may be refused, if these matchers expect nothing else.
fn refusals(matchers: &[Matcher]) -> Option<Vec<String>> {
    let reasons = matchers
        .iter()
        .map(|matcher| match matcher.rules.as_slice() {
            [Rule::Error(code)] => reason(code),
            _ => None,
        });
    reasons.collect()
}

fn joined(matchers: &[Matcher], between: &str, names: &ValueNames) -> Option<String> {
    let texts = matchers.iter().map(|matcher| matcher.expectation(names));
    let texts: Option<Vec<String>> = texts.collect();
    let text = texts.filter(|texts| !texts.is_empty())?.join(between);
    (text.chars().count() <= 2 * SHORT).then_some(text)
}

/// Returns the result with its value replaced by what a path selected.
fn narrowed(actual: &Actual, selected: Option<&Value>) -> Actual {
    Actual {
        value: selected.cloned().unwrap_or(Value::Null),
        ..actual.clone()
    }
}

/// Returns short values as a whole, and of large ones the places that differ.
fn compared(
    found: Vec<Difference>,
    (expected, actual): (String, String),
    (expected_value, value): (&Value, &Value),
    names: &ValueNames,
) -> Words {
    let short = |text: &str| text.chars().count() <= SHORT;
    let nothing = match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    let value_differs =
        |found: &Difference| found.place.is_empty() && found.kind != DifferenceKind::Member;
    let whole = nothing || found.iter().any(value_differs);
    let objects = expected_value.is_object() && value.is_object();
    if let [
        Difference {
            kind: DifferenceKind::Order,
            place,
            ..
        },
    ] = found.as_slice()
        && place.is_empty()
    {
        return Words::new(Some(expected), in_another_order(&actual));
    }
    if whole || (!objects && short(&expected) && short(&actual)) {
        let (expected, actual) = match expected == actual {
            true => both(Some(expected_value), Some(value), names),
            false if expected_value.is_string() && value.is_string() => {
                both(Some(expected_value), Some(value), names)
            }
            false => (expected, actual),
        };
        return Words::new(Some(expected), actual);
    }
    places(found, names)
}

fn in_another_order(items: &str) -> String {
    localized!("the same in another order: {items}", items)
}

fn places(found: Vec<Difference>, names: &ValueNames) -> Words {
    let plain = |value: &Value| plain(value, names);
    let row = |value: &Value| row(value, names);
    let more = found.len().saturating_sub(MAX_PLACES);
    let shown = found.into_iter().take(MAX_PLACES);
    let places = shown.map(|found| {
        let (one, other) = (found.expected.as_ref(), found.actual.as_ref());
        let (expected, actual) = match (found.kind, one, other) {
            (DifferenceKind::Member, Some(missing), _) => (row(missing), String::new()),
            (DifferenceKind::Member, None, surplus) => {
                (String::new(), surplus.map(row).unwrap_or_default())
            }
            (DifferenceKind::Order, Some(one), Some(other)) => {
                (plain(one), in_another_order(&plain(other)))
            }
            (DifferenceKind::Row, Some(one), Some(other)) => (row(one), row(other)),
            (_, one, other) => both(one, other, names),
        };
        DifferentPlace {
            place: found.place,
            expected,
            actual,
        }
    });
    Words {
        expected: String::new(),
        actual: match more {
            0 => String::new(),
            _ => text_plural!(
                "and {count} more difference",
                "and {count} more differences",
                count = more
            )
            .localized(),
        },
        places: places.collect(),
    }
}

fn yes_or_no(answer: bool) -> String {
    match answer {
        true => localized!("yes"),
        false => localized!("no"),
    }
}

fn type_name(of: ValueType) -> String {
    match of {
        ValueType::String => localized!("a text"),
        ValueType::Number => localized!("a number"),
        ValueType::Integer => localized!("an integer"),
        ValueType::Boolean => localized!("a boolean"),
        ValueType::List => localized!("a list"),
        ValueType::Object => localized!("an object"),
        ValueType::Null => localized!("nothing"),
        ValueType::Date => localized!("a date"),
        ValueType::Decimal => localized!("a decimal"),
    }
}

fn in_any_order(items: &[Value], names: &ValueNames) -> String {
    match items {
        [only] => plain(only, names),
        items => localized!("{values} in any order", values = list(items, names)),
    }
}

fn same_items(expected: &[Value], items: &[Value], actual: &Actual, names: &ValueNames) -> Words {
    let list = |items: &[Value]| list(items, names);
    let same = |a: &Value, b: &Value| Rule::Equals(b.clone()).holds(Some(a), actual);
    let mut surplus: Vec<&Value> = items.iter().collect();
    let mut missing = Vec::new();
    for item in expected {
        match surplus.iter().position(|other| same(other, item)) {
            Some(at) => drop(surplus.remove(at)),
            None => missing.push(item.clone()),
        }
    }
    let surplus: Vec<Value> = surplus.into_iter().cloned().collect();
    let seen = match items {
        [] => return Words::new(Some(in_any_order(expected, names)), localized!("nothing")),
        items => list(items),
    };
    let mut notes = Vec::new();
    if expected.len() > 1 {
        if !missing.is_empty() {
            notes.push(localized!("missing: {items}", items = list(&missing)));
        }
        if !surplus.is_empty() {
            notes.push(localized!("not expected: {items}", items = list(&surplus)));
        }
    }
    let seen = match notes.is_empty() {
        true => seen,
        false => format!("{seen} ({})", notes.join("; ")),
    };
    Words::new(Some(in_any_order(expected, names)), seen)
}

/// Returns the rows that differ: the fields of a row by the names of the columns.
fn table_difference(
    rows: &[Value],
    actual_rows: &[Value],
    actual: &Actual,
    names: &ValueNames,
) -> Words {
    let named = |row: &Value, like: Option<&Value>| match (row, like) {
        (Value::Array(cells), Some(Value::Object(columns))) if cells.len() == columns.len() => {
            let names = columns.keys().cloned();
            Value::Object(names.zip(cells.iter().cloned()).collect())
        }
        (row, _) => row.clone(),
    };
    let same = |a: &Value, b: &Value| Rule::Equals(b.clone()).holds(Some(a), actual);
    let first = actual_rows.first();
    let expected: Vec<Value> = rows.iter().map(|row| named(row, first)).collect();
    if let ([expected], [row]) = (expected.as_slice(), actual_rows) {
        let found = differences(expected, row, Fields::Exactly, &same, names);
        return places(found, names);
    }
    if actual_rows.is_empty() {
        let rows = limited(&rows_of(&expected, names));
        return Words::new(Some(rows), localized!("no rows"));
    }
    let table = |rows: &[Value]| Value::Array(rows.to_vec());
    let (one, other) = (table(&expected), table(actual_rows));
    let found = differences(&one, &other, Fields::Exactly, &same, names);
    match found.as_slice() {
        [
            Difference {
                kind: DifferenceKind::Order,
                ..
            },
        ] => Words::new(
            Some(limited(&rows_of(&expected, names))),
            in_another_order(&limited(&rows_of(actual_rows, names))),
        ),
        _ => places(found, names),
    }
}

fn rows_of(rows: &[Value], names: &ValueNames) -> String {
    let rows = rows.iter().map(|one| row(one, names));
    rows.collect::<Vec<_>>().join("; ")
}

fn row(row: &Value, names: &ValueNames) -> String {
    match row {
        Value::Array(cells) if !cells.is_empty() => list(cells, names),
        Value::Object(map) if !map.is_empty() => {
            let cells: Vec<Value> = map.values().cloned().collect();
            list(&cells, names)
        }
        other => plain(other, names),
    }
}

/// Returns how many items or characters a value has, and a short list itself.
fn size(value: &Value, names: &ValueNames) -> String {
    match value {
        Value::Array(items) if items.is_empty() => localized!("nothing"),
        Value::Array(items) => {
            let text = list(items, names);
            let count = items.len();
            match text.chars().count() <= 2 * SHORT {
                true => localized!("{count} of them: {items}", count, items = text),
                false => localized!("{size} of them", size = count),
            }
        }
        Value::Object(map) => localized!("{size} of them", size = map.len()),
        other => plain(other, names),
    }
}

/// Returns what is expected if a service has to refuse something; a lab can also raise an error with a message of its own.
fn expected_refusal(code: &str, names: &ValueNames) -> String {
    match (code, reason(code)) {
        ("accepted", _) => localized!("is accepted"),
        (_, Some(reason)) => localized!("is refused, {reason}", reason),
        (code, None) if is_code(code) => localized!("is refused"),
        (message, None) => names.field(message).to_owned(),
    }
}

fn refusal(error: &ServiceError, names: &ValueNames) -> String {
    let message = message(error);
    // PostgreSQL: RAISE EXCEPTION, by which a check of a lab says what it found.
    match (error.code.as_str(), message) {
        ("P0001", "accepted") => localized!("was accepted"),
        ("P0001", message) => names.field(message).to_owned(),
        ("42P01" | "42703" | "NOT_FOUND" | "404", message) => missing_thing(message)
            .unwrap_or_else(|| {
                let what = message.trim_end_matches(" does not exist");
                localized!("does not exist: {what}", what)
            }),
        (_, message) => match reason_of(error) {
            Some(reason) => localized!("was refused, {reason}", reason),
            None if message.is_empty() => localized!("was refused"),
            None => localized!("was refused: {message}", message),
        },
    }
}

/// Returns what does not exist, by the message of PostgreSQL or of an AMQP broker: `relation "team" does not exist`,
/// `no queue 'orders' in vhost 'shop'`.
fn missing_thing(message: &str) -> Option<String> {
    let words: Vec<&str> = message.split(' ').collect();
    let (kind, name) = match words.as_slice() {
        ["no", kind @ ("queue" | "exchange"), name, "in", "vhost", _] => (*kind, *name),
        [kind @ ("relation" | "column"), name, "does", "not", "exist"] => (*kind, *name),
        _ => return None,
    };
    let name = name.trim_matches(['\'', '"']);
    Some(match kind {
        "queue" => localized!("there is no queue {name}", name),
        "exchange" => localized!("there is no exchange {name}", name),
        "column" => localized!("there is no column {name}", name),
        _ => localized!("there is no table or view {name}", name),
    })
}

/// Returns how something was refused for another reason than the expected one.
fn other_refusal(expected: &str, error: &ServiceError, names: &ValueNames) -> String {
    match (reason(expected), reason_of(error)) {
        (Some(_), Some(reason)) => localized!("was refused, but {reason}", reason),
        _ => refusal(error, names),
    }
}

/// Returns the first line of the message, without a code in front of it.
fn message(error: &ServiceError) -> &str {
    let line = error.message.lines().next().unwrap_or_default().trim();
    let code = |word: &str| word == error.code || word.bytes().all(|byte| byte.is_ascii_digit());
    match line.split_once(' ') {
        Some((first, rest)) if code(first) => rest,
        // AMQP: `NOT_FOUND - no queue 'orders' in vhost 'shop'`.
        Some((first, rest)) if is_code(first) => rest.strip_prefix("- ").unwrap_or(line),
        _ => line,
    }
}

/// Returns why a service refused something, by its code or by the number in front of the message (MongoDB).
fn reason_of(error: &ServiceError) -> Option<String> {
    let number = error.message.split(' ').next().unwrap_or_default();
    reason(&error.code).or_else(|| reason(number))
}

/// Whether this is a code of a protocol rather than a part of a message.
fn is_code(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !text.is_empty() && text.chars().all(letters)
}

/// Returns why a service refused something: SQLSTATE of PostgreSQL, codes of MongoDB, error words of Redis, AMQP.
fn reason(code: &str) -> Option<String> {
    Some(match code {
        "23502" => localized!("because a value is missing"),
        "23503" => localized!("because what it refers to does not exist"),
        "23505" | "11000" | "DuplicateKey" => localized!("because it exists already"),
        "23514" | "23P01" | "121" | "DocumentValidationFailure" => {
            localized!("because it breaks a rule")
        }
        "22P02" | "22007" | "22008" | "22003" | "42804" => {
            localized!("because the value does not fit the type")
        }
        "40001" | "112" => localized!("because another transaction was faster"),
        "WRONGTYPE" => localized!("because the key holds another type"),
        "42P01" | "42703" | "26" | "NOT_FOUND" | "404" => {
            localized!("because it does not exist")
        }
        _ => return None,
    })
}

/// Returns a status that is not the expected one, with the message in the body if there is one.
fn failure(actual: &Actual, names: &ValueNames) -> String {
    let plain = |value: &Value| plain(value, names);
    let message = ["message", "error", "detail", "reason", "title"];
    let text = message
        .iter()
        .find_map(|name| actual.value.get(name)?.as_str());
    let text = match (text, &actual.value) {
        (Some(text), _) => plain(&Value::from(text)),
        (None, Value::Null) => String::new(),
        (None, Value::String(text)) if text.is_empty() => String::new(),
        (None, value) => plain(value),
    };
    match (actual.status, text.is_empty()) {
        (Some(404), false) if matches!(text.as_str(), "Object Not Found" | "Not Found") => {
            localized!("does not exist")
        }
        (Some(status), true) => localized!("status {expected}", expected = status),
        (Some(status), false) => localized!("status {status}: {message}", status, message = text),
        (None, _) => text,
    }
}

#[cfg(test)]
mod tests;
