//! Matchers compare the result of a probe with what is expected.

use regex::Regex;
use serde_json::Value;

use crate::expect::actual::{Actual, shorten};
use crate::expect::decimal::Decimal;
use crate::expect::path::ValuePath;
use crate::expect::value_type::{Typing, ValueType, date, number};
use crate::text;
use crate::text::Text;

/// Rules that must all hold for the value that `path` selects, or for the whole value.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    pub path: Option<ValuePath>,
    /// Replaces whether the protocol of the probe knows types.
    pub typing: Option<Typing>,
    pub rules: Vec<Rule>,
}

/// One expectation.
#[derive(Debug, Clone)]
pub enum Rule {
    Equals(Value),
    NotEquals(Value),
    OneOf(Vec<Value>),
    Contains(Value),
    SameItems(Vec<Value>),
    Matches(Regex),
    AtLeast(Decimal),
    AtMost(Decimal),
    Length(Box<Matcher>),
    Exists,
    Absent,
    Type(Vec<ValueType>),
    Rows(Vec<Value>),
    Columns(Vec<Value>),
    Status(Box<Matcher>),
    Error(String),
    All(Vec<Matcher>),
    Any(Vec<Matcher>),
    Not(Box<Matcher>),
}

/// The parts of a value that matter.
#[derive(Debug, Clone, PartialEq)]
pub enum Parts<'a> {
    Whole,
    /// What these paths select; nothing if there are none.
    Paths(Vec<&'a ValuePath>),
}

impl<'a> Parts<'a> {
    /// Returns the parts that one of two needs.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Parts::Paths(mut paths), Parts::Paths(more)) => {
                paths.extend(more);
                Parts::Paths(paths)
            }
            _ => Parts::Whole,
        }
    }

    /// Returns the parts of a value.
    pub fn select(&self, value: &Value) -> Vec<Option<Value>> {
        match self {
            Parts::Whole => vec![Some(value.clone())],
            Parts::Paths(paths) => paths.iter().map(|path| path.select(value)).collect(),
        }
    }
}

/// The expected and the actual value of a matcher that does not hold.
#[derive(Debug, Clone)]
pub struct Mismatch {
    pub expected: Text,
    pub actual: Text,
}

impl Matcher {
    /// Compares a result with the rules.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn evaluate(&self, actual: &Actual) -> Result<(), Mismatch> {
        match self.typing.filter(|typing| *typing != actual.typing) {
            Some(typing) => self.evaluate_typed(&actual.clone().with_typing(typing)),
            None => self.evaluate_typed(actual),
        }
    }

    fn evaluate_typed(&self, actual: &Actual) -> Result<(), Mismatch> {
        if !self.expects_error()
            && let Some(error) = &actual.error
        {
            return Err(Mismatch {
                expected: self.text(),
                actual: text!("error {error}", error),
            });
        }
        if !actual.success && actual.error.is_none() && !self.mentions_status() {
            return Err(Mismatch {
                expected: text!("success and {expected}", expected = self.text()),
                actual: actual.text(),
            });
        }
        let selected = match &self.path {
            Some(path) => path.select(&actual.value),
            None => Some(actual.value.clone()),
        };
        for rule in &self.rules {
            if !rule.holds(selected.as_ref(), actual) {
                return Err(Mismatch {
                    expected: self.describe_rule(rule),
                    actual: self.describe_actual(rule, selected.as_ref(), actual),
                });
            }
        }
        Ok(())
    }

    /// Returns whether all rules hold.
    pub fn holds(&self, actual: &Actual) -> bool {
        self.evaluate(actual).is_ok()
    }

    /// Returns every field in words, and whether it holds. Those of the matchers in `all` are fields too.
    pub fn fields(&self, actual: &Actual) -> Vec<(Text, bool)> {
        let retyped;
        let actual = match self.typing.filter(|typing| *typing != actual.typing) {
            Some(typing) => {
                retyped = actual.clone().with_typing(typing);
                &retyped
            }
            None => actual,
        };
        if self.rules.is_empty() {
            return vec![(self.text(), self.holds(actual))];
        }
        // A result that is an error, or no success, fails every field that does not speak of it.
        let answered = match &actual.error {
            Some(_) => self.expects_error(),
            None => actual.success || self.mentions_status(),
        };
        let selected = match &self.path {
            Some(path) => path.select(&actual.value),
            None => Some(actual.value.clone()),
        };
        let fields = self.rules.iter().flat_map(|rule| match rule {
            Rule::All(inner) => {
                let actual = narrowed(actual, selected.as_ref());
                inner.iter().flat_map(|one| one.fields(&actual)).collect()
            }
            rule => {
                let holds = answered && rule.holds(selected.as_ref(), actual);
                vec![(self.describe_rule(rule), holds)]
            }
        });
        fields.collect()
    }

    /// Returns whether the matcher, or one that it combines, expects an error.
    pub(super) fn expects_error(&self) -> bool {
        self.any_rule(&|rule| matches!(rule, Rule::Error(_)))
    }

    /// Returns the parts of a value that decide whether the matcher holds.
    pub fn parts(&self) -> Parts<'_> {
        if let Some(path) = &self.path {
            return Parts::Paths(vec![path]);
        }
        let rules = self.rules.iter().map(|rule| match rule {
            Rule::Status(_) | Rule::Error(_) => Parts::Paths(Vec::new()),
            Rule::All(inner) | Rule::Any(inner) => {
                let inner = inner.iter().map(Matcher::parts);
                inner.fold(Parts::Paths(Vec::new()), Parts::and)
            }
            Rule::Not(inner) => inner.parts(),
            _ => Parts::Whole,
        });
        rules.fold(Parts::Paths(Vec::new()), Parts::and)
    }

    /// Returns every text that the matcher compares with, and the names of fields.
    pub fn texts(&self) -> Vec<&str> {
        fn of_value<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
            match value {
                Value::String(text) => texts.push(text),
                Value::Array(items) => items.iter().for_each(|item| of_value(item, texts)),
                Value::Object(fields) => {
                    for (name, item) in fields {
                        texts.push(name);
                        of_value(item, texts);
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        let mut texts = Vec::new();
        for rule in &self.rules {
            match rule {
                Rule::Equals(value) | Rule::NotEquals(value) | Rule::Contains(value) => {
                    of_value(value, &mut texts);
                }
                Rule::OneOf(values)
                | Rule::SameItems(values)
                | Rule::Rows(values)
                | Rule::Columns(values) => values.iter().for_each(|v| of_value(v, &mut texts)),
                Rule::Matches(regex) => texts.push(regex.as_str()),
                Rule::Error(text) => texts.push(text),
                Rule::Length(inner) | Rule::Status(inner) | Rule::Not(inner) => {
                    texts.extend(inner.texts());
                }
                Rule::All(inner) | Rule::Any(inner) => {
                    texts.extend(inner.iter().flat_map(Matcher::texts));
                }
                Rule::AtLeast(_)
                | Rule::AtMost(_)
                | Rule::Exists
                | Rule::Absent
                | Rule::Type(_) => {}
            }
        }
        texts
    }

    pub(super) fn mentions_status(&self) -> bool {
        self.any_rule(&|rule| matches!(rule, Rule::Status(_)))
    }

    fn any_rule(&self, found: &dyn Fn(&Rule) -> bool) -> bool {
        self.rules.iter().any(|rule| {
            found(rule)
                || match rule {
                    Rule::All(inner) | Rule::Any(inner) => inner.iter().any(|m| m.any_rule(found)),
                    Rule::Not(inner) => inner.any_rule(found),
                    _ => false,
                }
        })
    }

    /// Returns whether the matcher compares with this text, or with a field of this name.
    pub fn mentions(&self, text: &str) -> bool {
        let in_path = self.path.as_ref().map(ToString::to_string);
        in_path.is_some_and(|path| path.contains(text)) || self.texts().contains(&text)
    }

    fn describe_rule(&self, rule: &Rule) -> Text {
        match &self.path {
            Some(path) => text!("{path} {expected}", path, expected = rule.text()),
            None => rule.text(),
        }
    }

    fn describe_actual(&self, rule: &Rule, selected: Option<&Value>, actual: &Actual) -> Text {
        match rule {
            Rule::Status(_) => actual.text(),
            Rule::Error(_) if actual.error.is_none() => {
                text!("no error, {actual}", actual = actual.text())
            }
            Rule::All(inner) => inner
                .iter()
                .find_map(|m| m.evaluate(&narrowed(actual, selected)).err())
                .map_or_else(|| actual.text(), |mismatch| mismatch.actual),
            Rule::Length(_) => match selected.and_then(length) {
                Some(length) => text!("length {expected}", expected = length),
                None => describe(selected),
            },
            _ if actual.error.is_some() => actual.text(),
            _ => describe(selected),
        }
    }

    /// Describes the expectation.
    pub fn text(&self) -> Text {
        let rules = join(self.rules.iter().map(Rule::text), Conjunction::And);
        match (&self.path, rules) {
            (Some(path), Some(rules)) => text!("{path} {expected}", path, expected = rules),
            (None, Some(rules)) => rules,
            (_, None) => text!("a successful response"),
        }
    }
}

impl Rule {
    pub(super) fn holds(&self, selected: Option<&Value>, actual: &Actual) -> bool {
        match self {
            Rule::Exists => selected.is_some_and(|v| !v.is_null()),
            Rule::Absent => actual.error.is_none() && selected.is_none_or(Value::is_null),
            Rule::Status(matcher) => actual
                .status
                .is_some_and(|status| matcher.holds(&Actual::value(status))),
            Rule::Error(part) => actual
                .error
                .as_ref()
                .is_some_and(|e| e.code == *part || e.message.contains(part.as_str())),
            Rule::All(inner) => {
                let actual = narrowed(actual, selected);
                inner.iter().all(|m| m.holds(&actual))
            }
            Rule::Any(inner) => {
                let actual = narrowed(actual, selected);
                inner.iter().any(|m| m.holds(&actual))
            }
            Rule::Not(inner) => !inner.holds(&narrowed(actual, selected)),
            Rule::NotEquals(value) => selected.is_none_or(|v| !same(v, value, actual.typing)),
            _ => selected.is_some_and(|value| self.holds_of(value, actual.typing)),
        }
    }

    fn holds_of(&self, value: &Value, typing: Typing) -> bool {
        match self {
            Rule::Equals(expected) => same(value, expected, typing),
            Rule::OneOf(options) => options.iter().any(|option| same(value, option, typing)),
            Rule::Contains(part) => contains(value, part, typing),
            Rule::SameItems(items) => value
                .as_array()
                .is_some_and(|actual| same_items(actual, items, typing)),
            Rule::Matches(regex) => text(value, typing).is_some_and(|t| regex.is_match(&t)),
            Rule::AtLeast(limit) => number(value, typing).is_some_and(|n| n >= *limit),
            Rule::AtMost(limit) => number(value, typing).is_some_and(|n| n <= *limit),
            Rule::Length(matcher) => {
                length(value).is_some_and(|n| matcher.holds(&Actual::value(n)))
            }
            Rule::Type(types) => types.iter().any(|of| of.includes(value, typing)),
            Rule::Rows(rows) => value.as_array().is_some_and(|actual| {
                actual.len() == rows.len()
                    && actual
                        .iter()
                        .zip(rows)
                        .all(|(a, b)| same(&cells(a), b, typing))
            }),
            Rule::Columns(columns) => value
                .as_array()
                .and_then(|rows| rows.first())
                .and_then(Value::as_object)
                .is_some_and(|row| {
                    row.keys()
                        .map(String::as_str)
                        .eq(columns.iter().filter_map(Value::as_str))
                }),
            Rule::NotEquals(_)
            | Rule::Exists
            | Rule::Absent
            | Rule::Status(_)
            | Rule::Error(_)
            | Rule::All(_)
            | Rule::Any(_)
            | Rule::Not(_) => false,
        }
    }
}

/// Returns the result with its value replaced by what a path selected.
fn narrowed(actual: &Actual, selected: Option<&Value>) -> Actual {
    Actual {
        value: selected.cloned().unwrap_or(Value::Null),
        ..actual.clone()
    }
}

/// The smallest number that is known as a floating-point number only, because JSON integers have 64 bits.
const BEYOND_INTEGERS: f64 = 18_446_744_073_709_551_616.0;

/// Compares values as data: `8` equals `8.0`, and a date equals the same moment in another form. Where the protocol
/// transfers text, a text that is a number equals that number.
fn same(a: &Value, b: &Value, typing: Typing) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, typing))
        }
        // Texts are compared as texts: `007` is not `7`.
        (Value::String(a), Value::String(b)) => a == b,
        _ => {
            if let (Some(a_number), Some(b_number)) = (number(a, typing), number(b, typing)) {
                let huge = |value: &Value| {
                    let float = value.as_f64().filter(|_| value.is_f64());
                    float.is_some_and(|float| float.abs() >= BEYOND_INTEGERS)
                };
                return match huge(a) || huge(b) {
                    true => rounded(&a_number) == rounded(&b_number),
                    false => a_number == b_number,
                };
            }
            if let (Some(a), Some(b)) = (date(a), date(b)) {
                return a == b;
            }
            match (a, b) {
                (Value::Object(a), Value::Object(b)) => {
                    let same_field = |(key, value): (&String, &Value)| {
                        b.get(key).is_some_and(|other| same(value, other, typing))
                    };
                    a.len() == b.len() && a.iter().all(same_field)
                }
                _ => a == b,
            }
        }
    }
}

/// Returns the nearest floating-point number.
fn rounded(number: &Decimal) -> Option<f64> {
    number.as_str().parse().ok()
}

fn same_items(actual: &[Value], expected: &[Value], typing: Typing) -> bool {
    let mut left: Vec<&Value> = actual.iter().collect();
    expected.iter().all(|item| {
        let found = left.iter().position(|v| same(v, item, typing));
        found.map(|at| left.swap_remove(at)).is_some()
    }) && left.is_empty()
}

fn contains(value: &Value, part: &Value, typing: Typing) -> bool {
    match (value, part) {
        (Value::Array(items), _) => items.iter().any(|item| same(item, part, typing)),
        (Value::Object(map), Value::Object(part)) => part.iter().all(|(key, want)| {
            map.get(key)
                .is_some_and(|have| same(have, want, typing) || contains_object(have, want, typing))
        }),
        // A part of a text may be written without quotation marks, such as `contains: 42`.
        _ => match (text(value, typing), text(part, Typing::TextOnly)) {
            (Some(value), Some(part)) => value.contains(&part),
            _ => false,
        },
    }
}

/// Nested objects are compared in part too; nested strings are not.
fn contains_object(value: &Value, part: &Value, typing: Typing) -> bool {
    value.is_object() && part.is_object() && contains(value, part, typing)
}

/// Returns a text. Where the protocol transfers text, any scalar is one.
fn text(value: &Value, typing: Typing) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if typing == Typing::TextOnly => Some(number.to_string()),
        Value::Bool(truth) if typing == Typing::TextOnly => Some(truth.to_string()),
        _ => None,
    }
}

fn length(value: &Value) -> Option<u64> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    Some(length as u64)
}

/// Returns a row as the list of its cells, whether it is an object or a list.
fn cells(row: &Value) -> Value {
    match row {
        Value::Object(map) => Value::Array(map.values().cloned().collect()),
        other => other.clone(),
    }
}

/// Describes the value that a path selected.
fn describe(value: Option<&Value>) -> Text {
    match value {
        None => text!("no value"),
        Some(value) => Text::verbatim(shorten(&value.to_string())),
    }
}

impl Rule {
    /// Describes the expectation.
    fn text(&self) -> Text {
        let json = |value: &Value| shorten(&value.to_string());
        let list = |values: &[Value]| json(&Value::Array(values.to_vec()));
        match self {
            Rule::Equals(value) => Text::verbatim(json(value)),
            Rule::NotEquals(value) => text!("not {value}", value = json(value)),
            Rule::OneOf(values) => text!("one of {values}", values = list(values)),
            Rule::Contains(value) => text!("contains {value}", value = json(value)),
            Rule::SameItems(values) => text!("{values} in any order", values = list(values)),
            Rule::Matches(regex) => text!("matches /{regex}/", regex),
            Rule::AtLeast(limit) => text!("at least {limit}", limit),
            Rule::AtMost(limit) => text!("at most {limit}", limit),
            Rule::Length(matcher) => text!("length {expected}", expected = matcher.text()),
            Rule::Exists => text!("any value"),
            Rule::Absent => text!("no value"),
            Rule::Type(types) => {
                let names: Vec<&str> = types.iter().map(|of| of.name()).collect();
                text!("type {types}", types = names.join(" | "))
            }
            Rule::Rows(rows) => text!("rows {rows}", rows = list(rows)),
            Rule::Columns(columns) => text!("columns {columns}", columns = list(columns)),
            Rule::Status(matcher) => text!("status {expected}", expected = matcher.text()),
            Rule::Error(error) => text!("error {error}", error),
            Rule::All(inner) => combine(inner, Conjunction::And),
            Rule::Any(inner) => combine(inner, Conjunction::Or),
            Rule::Not(inner) => text!("not ({expected})", expected = inner.text()),
        }
    }
}

/// The word between expectations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conjunction {
    And,
    Or,
}

fn combine(matchers: &[Matcher], conjunction: Conjunction) -> Text {
    let texts = matchers.iter().map(Matcher::text);
    join(texts, conjunction).unwrap_or_else(|| text!("any value"))
}

fn join(texts: impl Iterator<Item = Text>, conjunction: Conjunction) -> Option<Text> {
    texts.reduce(|left, right| match conjunction {
        Conjunction::And => text!("{left} and {right}", left, right),
        Conjunction::Or => text!("{left} or {right}", left, right),
    })
}

#[cfg(test)]
mod tests;
