//! Reads the numbers of a Compose file as Compose does, and refuses the values that it takes for something else than a text.

use time::{Date, Month};

use crate::lab::yaml::{Kind, Node, Problems, parse_go_number};
use crate::problem::{Code, Problem, ProblemKind};
use crate::text;
use crate::text::Text;

/// The mappings whose values become texts, in which the form of a number can be seen.
const TEXTS: [&str; 5] = ["environment", "labels", "args", "sysctls", "annotations"];

/// Writes every number as Compose does: `1.10` becomes `1.1` and `0755` becomes `493`. Where that can be seen, a note says so.
/// What `x-roadlab` contains is not for Compose.
pub(crate) fn with_numbers_of_compose(node: &Node, problems: &mut Problems) -> Node {
    convert(node, Place::Other, problems)
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Directly in one of the mappings of `TEXTS`.
    Text,
    Other,
}

fn convert(node: &Node, place: Place, problems: &mut Problems) -> Node {
    let kind = match &node.kind {
        Kind::Number(_, written) => match parse_go_number(written) {
            Some(number) => {
                if place == Place::Text && number.text != *written {
                    problems.push(note(node, written, &number.text));
                }
                Kind::Number(number.value, number.text)
            }
            None => return node.clone(),
        },
        Kind::List(items) => {
            let items = items.iter();
            Kind::List(
                items
                    .map(|item| convert(item, Place::Other, problems))
                    .collect(),
            )
        }
        Kind::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let name = key.as_string().unwrap_or_default();
                check_key(key, problems);
                let value = match (name.as_str(), &value.kind) {
                    ("x-roadlab", _) => value.clone(),
                    // Compose does not check what extensions contain.
                    (name, _) if name.starts_with("x-") => {
                        let mut inner = Vec::new();
                        let value = convert(value, Place::Other, &mut inner);
                        let is_note = |problem: &Problem| problem.kind == ProblemKind::Note;
                        problems.extend(inner.into_iter().filter(is_note));
                        value
                    }
                    (name, Kind::Map(_)) if TEXTS.contains(&name) => texts(value, problems),
                    _ => convert(value, Place::Other, problems),
                };
                (key.clone(), value)
            });
            Kind::Map(entries.collect())
        }
        Kind::String(text) if is_date(text) && node.is_written_as(text) => {
            let what = text!(
                "`{date}` is a date for Compose, which refuses it",
                date = text
            );
            problems.push(in_quotes(node, what));
            return node.broken();
        }
        Kind::Null | Kind::Bool(_) | Kind::String(_) => return node.clone(),
    };
    let mut converted = node.clone();
    converted.kind = kind;
    converted
}

/// Converts the values of a mapping of texts.
fn texts(node: &Node, problems: &mut Problems) -> Node {
    let Kind::Map(entries) = &node.kind else {
        return node.clone();
    };
    let entries = entries.iter().map(|(key, value)| {
        check_key(key, problems);
        (key.clone(), convert(value, Place::Text, problems))
    });
    let mut converted = node.clone();
    converted.kind = Kind::Map(entries.collect());
    converted
}

fn check_key(key: &Node, problems: &mut Problems) {
    if !matches!(key.kind, Kind::String(_)) {
        let what = text!("a key must be a string, not {key}", key = key.describe());
        problems.push(in_quotes(key, what));
    }
}

fn in_quotes(node: &Node, what: Text) -> Problem {
    let problem = Problem::new(what).code(Code::WrongType).at(node.place());
    problem.help(text!("write it in quotes"))
}

/// Returns whether Compose takes a plain scalar for a date, by the rules of `gopkg.in/yaml.v3`: `2001-01-01`, alone or with a time.
fn is_date(text: &str) -> bool {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let number = |part: &str, highest: u8| {
        let is_short = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let number = part.parse::<u8>().ok().filter(|number| *number <= highest);
        number.filter(|_| is_short)
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let exists = |year: i32, month: u8, day: u8| {
        let month = Month::try_from(month).ok()?;
        Date::from_calendar_date(year, month, day).ok()
    };
    let found = year
        .parse()
        .ok()
        .zip(number(month, 12))
        .zip(number(day, 31));
    let found = found.and_then(|((year, month), day)| exists(year, month, day));
    let is_day = is_year && found.is_some();
    let is_time = |time: &str| {
        let mut parts = time.splitn(3, ':');
        let mut next = |highest| {
            parts
                .next()
                .is_some_and(|part| number(part, highest).is_some())
        };
        next(23)
            && next(59)
            && parts
                .next()
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    is_day && time.is_none_or(is_time)
}

fn note(node: &Node, written: &str, number: &str) -> Problem {
    let what = text!(
        "`{written}` is the number {number}, as Compose reads it",
        written,
        number
    );
    let help = text!("write it in quotes to keep it as it is");
    Problem::new(what)
        .code(Code::WrongType)
        .at(node.place())
        .kind(ProblemKind::Note)
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn numbers_are_converted_and_noted_where_they_become_texts() {
        let text = "environment: { A: 1.10, B: '1.10', C: 5, D: 0755 }\nmem_limit: 10_000_000\nx-roadlab: { port: 010 }\n";
        let node = Node::parse_compose(Path::new("c.yaml"), Path::new(""), text).unwrap();
        let mut notes = Vec::new();
        let converted = with_numbers_of_compose(&node, &mut notes);
        let of = |mapping: &str, key: &str| {
            converted
                .child(mapping)
                .and_then(|node| node.child(key))
                .and_then(Node::as_string)
        };
        let environment =
            ["A", "B", "C", "D"].map(|key| of("environment", key).unwrap_or_default());
        assert_eq!(environment, ["1.1", "1.10", "5", "493"]);
        assert_eq!(
            converted
                .child("mem_limit")
                .and_then(Node::as_string)
                .as_deref(),
            Some("10000000")
        );
        assert_eq!(of("x-roadlab", "port").as_deref(), Some("010"));
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        assert_eq!(
            notes,
            [
                "c.yaml:1:19: `1.10` is the number 1.1, as Compose reads it (write it in quotes to keep it as it is)",
                "c.yaml:1:45: `0755` is the number 493, as Compose reads it (write it in quotes to keep it as it is)",
            ]
        );
    }

    #[test]
    fn keys_are_strings_and_dates_are_in_quotes() {
        let text = "\
x-more: &more { D: 2001-01-01 }
services:
  1: { command: ['2001-01-01', 2001-1-2 10:20:30, 2001-13-01, 2001-02-29, 2001-00-01, 12-01-01] }
  '2': { environment: { <<: *more, M: 2001-01-01T10:20:30Z, 3: x } }
";
        let node = Node::parse_compose(Path::new("c.yaml"), Path::new(""), text).unwrap();
        let mut problems = Vec::new();
        with_numbers_of_compose(&node, &mut problems);
        let mut printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        printed.sort();
        assert_eq!(
            printed,
            [
                "c.yaml:1:20: `2001-01-01` is a date for Compose, which refuses it (write it in quotes)",
                "c.yaml:3:32: `2001-1-2 10:20:30` is a date for Compose, which refuses it (write it in quotes)",
                "c.yaml:3:3: a key must be a string, not `1` (write it in quotes)",
                "c.yaml:4:39: `2001-01-01T10:20:30Z` is a date for Compose, which refuses it (write it in quotes)",
                "c.yaml:4:61: a key must be a string, not `3` (write it in quotes)",
            ]
        );
    }
}
