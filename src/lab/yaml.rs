//! YAML text becomes a tree of nodes that know their place. The YAML library has its home here.
//!
//! A tree, not structs: so that a file's problems can be told all at once, each with line, column and the nearest known key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use crate::problem::{LONGEST_LINE, Place, Problem};

/// The largest YAML file that is read, in bytes.
pub(crate) const LARGEST: usize = 1 << 20;

/// A YAML node and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub kind: Kind,
    line: usize,
    column: usize,
    source: Arc<Source>,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// A number, and how it was written (`1.10` and `08` are texts to those who want texts).
    Number(serde_json::Number, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

#[derive(Debug)]
struct Source {
    file: PathBuf,
    text: String,
    /// Where each line begins: a file can have a problem on each of its lines.
    lines: Vec<usize>,
}

impl Node {
    /// Parses one document. The error has the place and what is wrong with it.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, Problem> {
        if text.len() > LARGEST {
            let what = format!(
                "this file has {} bytes; at most {LARGEST} are read",
                text.len()
            );
            return Err(Problem::new(what).at(Place::file(file)));
        }
        let source = Arc::new(Source::new(file, text.trim_start_matches('\u{feff}')));
        if source.text.trim().is_empty() {
            return Err(Problem::new("this file is empty").at(Place::file(file)));
        }
        let options = serde_yaml::options! {
            strict_booleans: true,
            reject_unsupported_tags: true,
            budget: serde_yaml::budget! {
                max_depth: 32, max_nodes: 20_000, max_aliases: 256, max_anchors: 256, max_documents: 1,
                max_total_scalar_bytes: LARGEST, max_merge_keys: 256,
            },
        };
        let raw: Spanned<Raw> =
            serde_yaml::from_str_with_options(&source.text, options).map_err(|error| {
                let (line, column) = error
                    .location()
                    .map_or((0, 0), |l| (l.line() as usize, l.column() as usize));
                let what = first_line(&error.without_snippet().render());
                Problem::new(what).at(source.place(line, column))
            })?;
        Ok(raw.into_node(&source))
    }

    /// A node at the same place that holds nothing yet.
    pub(crate) fn clone_empty(&self) -> Self {
        Self {
            kind: Kind::Null,
            line: self.line,
            column: self.column,
            source: Arc::clone(&self.source),
        }
    }

    /// Where the node stands.
    pub(crate) fn place(&self) -> Place {
        self.source.place(self.line, self.column)
    }

    /// The file the node comes from.
    pub(crate) fn file(&self) -> &Path {
        &self.source.file
    }

    /// The node's kind in words, for "expected a list, found a text".
    pub(crate) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number(..) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The node as JSON data; keys become texts.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(truth) => Value::Bool(*truth),
            Kind::Number(number, _) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.text().unwrap_or_default(), value.to_json()));
                Value::Object(entries.collect())
            }
        }
    }

    /// A scalar as it was written; `None` for lists, mappings and nothing.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) | Kind::Number(_, text) => Some(text.clone()),
            Kind::Bool(truth) => Some(truth.to_string()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }
}

impl Source {
    fn new(file: &Path, text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            lines: [0].into_iter().chain(breaks).collect(),
        }
    }

    fn place(&self, line: usize, column: usize) -> Place {
        let start = self.lines.get(line.wrapping_sub(1));
        let text = start.and_then(|start| self.text[*start..].lines().next());
        // A line that does not fit on any screen is not shown.
        let text = text.filter(|text| text.len() <= LONGEST_LINE);
        Place {
            file: self.file.clone(),
            line,
            column,
            text: text.unwrap_or_default().to_owned(),
        }
    }
}

/// The library's first line in our words: its place is told separately, and its options are not the reader's.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = line
        .split(" at line ")
        .next()
        .unwrap_or(line)
        .trim_end_matches('.');
    if let Some(rest) = line.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(", set ").next().unwrap_or(rest);
        return format!("duplicate key `{key}`: the file has it further up already");
    }
    line.to_owned()
}

/// What the library hands over, before places are known.
enum Raw {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

trait IntoNode {
    fn into_node(self, source: &Arc<Source>) -> Node;
}

impl IntoNode for Spanned<Raw> {
    fn into_node(self, source: &Arc<Source>) -> Node {
        let location = self.referenced;
        let kind = match self.value {
            Raw::Null => Kind::Null,
            Raw::Bool(truth) => Kind::Bool(truth),
            Raw::Number(number) => {
                let span = self.defined.span();
                let written =
                    span.byte_offset()
                        .zip(span.byte_len())
                        .and_then(|(start, length)| {
                            source.text.get(start as usize..(start + length) as usize)
                        });
                let written = written.map(str::trim).filter(|w| !w.is_empty());
                let text = written.map_or_else(|| number.to_string(), str::to_owned);
                Kind::Number(number, text)
            }
            Raw::Text(text) => Kind::Text(text),
            Raw::List(items) => Kind::List(
                items
                    .into_iter()
                    .map(|item| item.into_node(source))
                    .collect(),
            ),
            Raw::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.into_node(source), value.into_node(source)))
                    .collect(),
            ),
        };
        Node {
            kind,
            line: location.line() as usize,
            column: location.column() as usize,
            source: Arc::clone(source),
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
        // JSON has no infinity; such a scalar stays the text it was.
        Ok(serde_json::Number::from_f64(number)
            .map_or_else(|| Raw::Text(number.to_string()), Raw::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Node, String> {
        Node::parse(Path::new("lab.yaml"), text).map_err(|p| p.to_string())
    }

    #[test]
    fn scalars_keep_what_they_were_written_as() {
        let node = parse("a: 1.10\nb: 08:00\nc: yes\nd: true\ne: 0x1F\nf: '7'\ng: ~\n").unwrap();
        assert_eq!(
            node.to_json().to_string(),
            r#"{"a":1.1,"b":"08:00","c":"yes","d":true,"e":31,"f":"7","g":null}"#
        );
        let Kind::Map(entries) = &node.kind else {
            panic!("a mapping")
        };
        let texts: Vec<_> = entries.iter().map(|(_, v)| v.text()).collect();
        let texts: Vec<_> = texts.iter().map(Option::as_deref).collect();
        assert_eq!(
            texts,
            [
                Some("1.10"),
                Some("08:00"),
                Some("yes"),
                Some("true"),
                Some("0x1F"),
                Some("7"),
                None
            ]
        );
    }

    #[test]
    fn nodes_know_their_line_and_column() {
        let node = parse("a:\n  - b: 1\n    c: [x, y]\n").unwrap();
        let Kind::Map(entries) = &node.kind else {
            panic!("a mapping")
        };
        let Kind::List(items) = &entries[0].1.kind else {
            panic!("a list")
        };
        let Kind::Map(inner) = &items[0].kind else {
            panic!("a mapping")
        };
        assert_eq!(inner[1].0.place().to_string(), "lab.yaml:3:5");
        assert_eq!(inner[1].1.place().text, "    c: [x, y]");
    }

    #[track_caller]
    fn refuses(text: &str, expected: &str) {
        let problem = parse(text).unwrap_err();
        assert!(
            problem.contains(expected),
            "{problem:?} does not contain {expected:?}"
        );
    }

    #[test]
    fn hostile_and_broken_files_are_refused_with_their_line() {
        refuses("", "empty");
        refuses("a: 1\nb: 2\na: 3\n", "lab.yaml:3:1: duplicate");
        refuses("a: [1\n", "lab.yaml:");
        refuses("a: 1\n---\nb: 2\n", "lab.yaml:");
        refuses("a:\n\tb: 1\n", "lab.yaml:2:");
        refuses(&"[".repeat(100_000), "lab.yaml:1:");
        refuses(&format!("a: {}", "x".repeat(LARGEST)), "at most");
    }

    #[test]
    fn an_alias_bomb_is_cut_short() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = level - 1;
            let refs = vec![format!("*a{before}"); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{refs}]\n"));
        }
        refuses(&text, "lab.yaml:");
    }
}
