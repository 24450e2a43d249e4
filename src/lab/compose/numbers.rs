//! Reads the numbers of a Compose file as Compose does.

use crate::lab::yaml::{Kind, Node, Problems, parse_go_number};
use crate::problem::{Code, Problem, ProblemKind};
use crate::text;

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
                let value = match (name.as_str(), &value.kind) {
                    ("x-roadlab", _) => value.clone(),
                    (name, Kind::Map(_)) if TEXTS.contains(&name) => texts(value, problems),
                    _ => convert(value, Place::Other, problems),
                };
                (key.clone(), value)
            });
            Kind::Map(entries.collect())
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
    let entries = entries
        .iter()
        .map(|(key, value)| (key.clone(), convert(value, Place::Text, problems)));
    let mut converted = node.clone();
    converted.kind = Kind::Map(entries.collect());
    converted
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
}
