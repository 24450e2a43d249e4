//! A matcher judges what a probe saw.

use regex::Regex;
use serde_json::Value;

use crate::expect::actual::shorten;
use crate::expect::{Actual, ValuePath};

/// All rules must hold of what `path` selects (or of the whole value).
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    pub path: Option<ValuePath>,
    pub rules: Vec<Rule>,
}

/// One thing that must hold.
#[derive(Debug, Clone)]
pub enum Rule {
    Equals(Value),
    NotEquals(Value),
    OneOf(Vec<Value>),
    Contains(Value),
    SameItems(Vec<Value>),
    Matches(Regex),
    AtLeast(f64),
    AtMost(f64),
    Length(Box<Matcher>),
    Exists,
    Absent,
    Rows(Vec<Value>),
    Columns(Vec<Value>),
    Status(Box<Matcher>),
    Error(String),
    All(Vec<Matcher>),
    Any(Vec<Matcher>),
    Not(Box<Matcher>),
}

/// Why a matcher does not hold: both sides in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    pub expected: String,
    pub actual: String,
}

impl Matcher {
    /// `Ok` if everything holds, else the first difference.
    pub fn evaluate(&self, actual: &Actual) -> Result<(), Mismatch> {
        if !self.expects_error()
            && let Some(error) = &actual.error
        {
            return Err(Mismatch {
                expected: self.to_string(),
                actual: format!("error {error}"),
            });
        }
        if !actual.success && actual.error.is_none() && !self.mentions_status() {
            return Err(Mismatch {
                expected: format!("success and {self}"),
                actual: actual.describe(),
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

    /// Whether everything holds.
    pub fn holds(&self, actual: &Actual) -> bool {
        self.evaluate(actual).is_ok()
    }

    /// A matcher that names an error wants one; one that only combines others leaves the question to them.
    fn expects_error(&self) -> bool {
        self.any_rule(&|rule| matches!(rule, Rule::Error(_)))
    }

    fn mentions_status(&self) -> bool {
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

    fn describe_rule(&self, rule: &Rule) -> String {
        match &self.path {
            Some(path) => format!("{path} {rule}"),
            None => rule.to_string(),
        }
    }

    fn describe_actual(&self, rule: &Rule, selected: Option<&Value>, actual: &Actual) -> String {
        match rule {
            Rule::Status(_) => actual.describe(),
            Rule::Error(_) if actual.error.is_none() => format!("no error, {}", actual.describe()),
            Rule::All(inner) => inner
                .iter()
                .find_map(|m| m.evaluate(&narrowed(actual, selected)).err())
                .map_or_else(|| actual.describe(), |difference| difference.actual),
            Rule::Length(_) => match selected.and_then(length) {
                Some(n) => format!("length {n}"),
                None => describe(selected),
            },
            _ if actual.error.is_some() => actual.describe(),
            _ => describe(selected),
        }
    }
}

impl Rule {
    fn holds(&self, selected: Option<&Value>, actual: &Actual) -> bool {
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
            Rule::NotEquals(value) => selected.is_none_or(|v| !same(v, value)),
            _ => selected.is_some_and(|value| self.holds_of(value)),
        }
    }

    fn holds_of(&self, value: &Value) -> bool {
        match self {
            Rule::Equals(expected) => same(value, expected),
            Rule::OneOf(options) => options.iter().any(|option| same(value, option)),
            Rule::Contains(part) => contains(value, part),
            Rule::SameItems(items) => value.as_array().is_some_and(|v| same_items(v, items)),
            Rule::Matches(regex) => text(value).is_some_and(|t| regex.is_match(&t)),
            Rule::AtLeast(limit) => number(value).is_some_and(|n| n >= *limit),
            Rule::AtMost(limit) => number(value).is_some_and(|n| n <= *limit),
            Rule::Length(matcher) => {
                length(value).is_some_and(|n| matcher.holds(&Actual::value(n)))
            }
            Rule::Rows(rows) => value.as_array().is_some_and(|actual| {
                actual.len() == rows.len()
                    && actual.iter().zip(rows).all(|(a, b)| same(&cells(a), b))
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

/// The same look, narrowed to what a path selected.
fn narrowed(actual: &Actual, selected: Option<&Value>) -> Actual {
    Actual {
        value: selected.cloned().unwrap_or(Value::Null),
        ..actual.clone()
    }
}

/// Equal as data. A text that is a number equals that number: some protocols only know texts.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::Number(_), Value::Number(_) | Value::String(_))
        | (Value::String(_), Value::Number(_)) => {
            // Integers first: a float cannot tell large ids apart.
            match (integer(a), integer(b)) {
                (Some(a), Some(b)) => a == b,
                _ => number(a).is_some() && number(a) == number(b),
            }
        }
        (a, b) => a == b,
    }
}

fn same_items(actual: &[Value], expected: &[Value]) -> bool {
    let mut left: Vec<&Value> = actual.iter().collect();
    expected.iter().all(|item| {
        let found = left.iter().position(|v| same(v, item));
        found.map(|at| left.swap_remove(at)).is_some()
    }) && left.is_empty()
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Array(items), _) => items.iter().any(|item| same(item, part)),
        (Value::Object(map), Value::Object(part)) => part.iter().all(|(key, want)| {
            map.get(key)
                .is_some_and(|have| same(have, want) || contains_object(have, want))
        }),
        _ => match (text(value), text(part)) {
            (Some(value), Some(part)) => value.contains(&part),
            _ => false,
        },
    }
}

/// Objects inside objects are compared in part too; texts inside are not.
fn contains_object(value: &Value, part: &Value) -> bool {
    value.is_object() && part.is_object() && contains(value, part)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
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

/// A row as the list of its cells, whether it came as an object or a list.
fn cells(row: &Value) -> Value {
    match row {
        Value::Object(map) => Value::Array(map.values().cloned().collect()),
        other => other.clone(),
    }
}

fn describe(value: Option<&Value>) -> String {
    match value {
        None => "nothing there".to_owned(),
        Some(Value::Null) => "nothing (null)".to_owned(),
        Some(value) => shorten(&value.to_string()),
    }
}

impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path} ")?;
        }
        if self.rules.is_empty() {
            return f.write_str("an answer");
        }
        join(f, &self.rules, " and ")
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |values: &[Value]| shorten(&Value::Array(values.to_vec()).to_string());
        match self {
            Rule::Equals(value) => f.write_str(&shorten(&value.to_string())),
            Rule::NotEquals(value) => write!(f, "not {}", shorten(&value.to_string())),
            Rule::OneOf(values) => write!(f, "one of {}", list(values)),
            Rule::Contains(value) => write!(f, "contains {}", shorten(&value.to_string())),
            Rule::SameItems(values) => write!(f, "{} in any order", list(values)),
            Rule::Matches(regex) => write!(f, "matches /{regex}/"),
            Rule::AtLeast(limit) => write!(f, "at least {limit}"),
            Rule::AtMost(limit) => write!(f, "at most {limit}"),
            Rule::Length(matcher) => write!(f, "length {matcher}"),
            Rule::Exists => f.write_str("something there"),
            Rule::Absent => f.write_str("nothing there"),
            Rule::Rows(rows) => write!(f, "rows {}", list(rows)),
            Rule::Columns(columns) => write!(f, "columns {}", list(columns)),
            Rule::Status(matcher) => write!(f, "status {matcher}"),
            Rule::Error(part) => write!(f, "error {part}"),
            Rule::All(inner) => join(f, inner, " and "),
            Rule::Any(inner) => join(f, inner, " or "),
            Rule::Not(inner) => write!(f, "not ({inner})"),
        }
    }
}

fn join<T: std::fmt::Display>(
    f: &mut std::fmt::Formatter<'_>,
    items: &[T],
    separator: &str,
) -> std::fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
