//! Parses YAML into a tree of nodes that know their place. Only this file uses the YAML library.
//!
//! A tree instead of structs, because only then can all problems of a file be reported at once, each with its line,
//! column and the nearest known key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::{MergeKeyPolicy, Span, Spanned, Tagged};

use crate::lab::lines::LineStarts;
use crate::lab::yaml::go_number::parse_go_number;
use crate::problem::{Code, MAX_LINE_LENGTH, Place, Problem};
use crate::text;
use crate::text::Text;

/// The largest YAML file that is read, in bytes.
const MAX_FILE_SIZE: usize = 1 << 20;

/// The kind of a file, on which its limits and the form of its numbers depend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// lab.yaml and others.
    Lab,
    /// trial.yaml, which has as many answers as its author has thought of.
    Trial,
    /// A Compose file, whose plain scalars are numbers where Compose takes them for numbers.
    Compose,
}

impl Format {
    /// The most nodes of a file.
    fn max_nodes(self) -> usize {
        match self {
            Format::Lab | Format::Compose => 20_000,
            Format::Trial => 200_000,
        }
    }

    /// The most anchors, aliases and merge keys. What they stand for counts as nodes.
    fn max_aliases(self) -> usize {
        match self {
            Format::Lab => 256,
            Format::Trial | Format::Compose => 2_000,
        }
    }
}

/// A YAML node and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub kind: Kind,
    pub tag: MergeTag,
    /// Whether a problem of this node is reported already. Readers treat it as absent, so that it has no consequences.
    broken: bool,
    line: usize,
    column: usize,
    source: Arc<Source>,
}

/// A tag that says how Compose merges a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeTag {
    None,
    /// `!reset` removes the value.
    Reset,
    /// `!override` replaces the value instead of merging it.
    Override,
}

/// The value of a node.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// A number and how it is written, because `1.10` and `08` may be meant as strings.
    Number(serde_json::Number, String),
    String(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

#[derive(Debug)]
struct Source {
    file: PathBuf,
    /// The folder that relative paths in the file are relative to.
    folder: PathBuf,
    text: String,
    format: Format,
    lines: LineStarts,
}

impl Node {
    /// Parses one document.
    ///
    /// # Errors
    /// The first syntax error, with its place.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, Problem> {
        let folder = file.parent().unwrap_or(Path::new(""));
        Self::parse_as(Format::Lab, file, folder, text)
    }

    /// Parses `trial.yaml`, which may be longer than other files.
    ///
    /// # Errors
    /// The first syntax error, with its place.
    pub(crate) fn parse_trial(file: &Path, text: &str) -> Result<Self, Problem> {
        let folder = file.parent().unwrap_or(Path::new(""));
        Self::parse_as(Format::Trial, file, folder, text)
    }

    /// Parses a Compose file whose relative paths are relative to `folder`.
    ///
    /// # Errors
    /// The first syntax error, with its place.
    pub(crate) fn parse_compose(file: &Path, folder: &Path, text: &str) -> Result<Self, Problem> {
        Self::parse_as(Format::Compose, file, folder, text)
    }

    fn parse_as(format: Format, file: &Path, folder: &Path, text: &str) -> Result<Self, Problem> {
        if text.len() > MAX_FILE_SIZE {
            let what = text!(
                "this file is too large: {size} bytes, the limit is {limit}",
                size = text.len(),
                limit = MAX_FILE_SIZE
            );
            return Err(Problem::new(what)
                .code(Code::UnreadableFile)
                .at(Place::file(file)));
        }
        let source = Arc::new(Source::new(
            file,
            folder,
            text.trim_start_matches('\u{feff}'),
            format,
        ));
        if source.text.trim().is_empty() {
            return Err(Problem::new(text!("this file is empty"))
                .code(Code::UnreadableFile)
                .at(Place::file(file)));
        }
        let options = |merge_keys: MergeKeyPolicy| {
            serde_yaml::options! {
                strict_booleans: true,
                merge_keys: merge_keys,
                budget: serde_yaml::budget! {
                    max_depth: 32, max_nodes: format.max_nodes(), max_aliases: format.max_aliases(),
                    max_anchors: format.max_aliases(), max_documents: 1, max_total_scalar_bytes: MAX_FILE_SIZE,
                    max_merge_keys: format.max_aliases(),
                    // What an alias stands for counts as nodes, so that one anchor may be used often.
                    enforce_alias_anchor_ratio: false,
                },
            }
        };
        let parse = |merge_keys: MergeKeyPolicy| -> Result<Parsed, serde_yaml::Error> {
            serde_yaml::from_str_with_options(&source.text, options(merge_keys))
        };
        // The library merges what several `<<` of a mapping name; Compose refuses them.
        let may_repeat = format == Format::Compose && source.text.matches(MERGE_KEY).count() > 1;
        let repeated = || {
            let error = parse(MergeKeyPolicy::AsOrdinary).err();
            error.filter(|error| duplicate_key(error) == Some(MERGE_KEY))
        };
        let raw: Parsed = parse(MergeKeyPolicy::Merge)
            .and_then(|raw| match may_repeat.then(repeated).flatten() {
                Some(error) => Err(error),
                None => Ok(raw),
            })
            .map_err(|error| {
                let (line, column) = error
                    .location()
                    .map_or((0, 0), |l| (l.line() as usize, l.column() as usize));
                let place = source.place(line, column);
                let problem = Problem::new(message(&error, &place))
                    .code(Code::Syntax)
                    .at(place);
                match error.without_snippet() {
                    serde_yaml::Error::UnknownAnchor { .. } => {
                        problem.help(text!("define it above with `&`, or correct the name"))
                    }
                    serde_yaml::Error::DuplicateMappingKey { .. }
                        if duplicate_key(&error) == Some(MERGE_KEY) =>
                    {
                        let help = text!("write one `<<` with a list, such as `<<: [*one, *two]`");
                        problem.code(Code::DuplicateName).help(help)
                    }
                    serde_yaml::Error::DuplicateMappingKey { .. } => problem
                        .code(Code::DuplicateName)
                        .help(text!("remove one of the two")),
                    serde_yaml::Error::Budget {
                        breach: BudgetBreach::Documents { .. },
                        ..
                    } => problem.help(text!("write the second one into a file of its own")),
                    serde_yaml::Error::Budget { .. } => problem.code(Code::Limit),
                    serde_yaml::Error::NonFiniteFloat { .. } => problem,
                    _ if source.is_indented_by_tab(line) => {
                        problem.help(text!("indent with blanks: YAML does not allow tabs there"))
                    }
                    _ => problem.help(text!(
                        "check the indentation, quotes and brackets of this line and the one above"
                    )),
                }
            })?;
        raw.into_node(&source)
    }

    /// Returns the text of a file that is no YAML as a node.
    pub(crate) fn of_text(file: &Path, text: &str) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        let text = text.trim_start_matches('\u{feff}');
        let source = Source::new(file, folder, text, Format::Lab);
        Self {
            kind: Kind::String(source.text.clone()),
            tag: MergeTag::None,
            broken: false,
            line: 1,
            column: 1,
            source: Arc::new(source),
        }
    }

    /// Returns the lines of the node's file, each with its place.
    pub(crate) fn text_lines(&self) -> Vec<Self> {
        let lines = self.source.text.lines().enumerate();
        lines
            .map(|(at, line)| Self {
                line: at + 1,
                column: 1,
                ..self.with_kind(Kind::String(line.to_owned()))
            })
            .collect()
    }

    /// Returns an empty node at the same place.
    pub(crate) fn clone_empty(&self) -> Self {
        Self {
            kind: Kind::Null,
            tag: self.tag,
            broken: false,
            line: self.line,
            column: self.column,
            source: Arc::clone(&self.source),
        }
    }

    /// Returns a node in place of one whose problem is reported.
    pub(crate) fn broken(&self) -> Self {
        Self {
            broken: true,
            ..self.clone_empty()
        }
    }

    /// Returns whether a problem of this node is reported already.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Returns a node of the same place with another value.
    pub(crate) fn with_kind(&self, kind: Kind) -> Self {
        Self {
            kind,
            ..self.clone_empty()
        }
    }

    /// Returns the place of the node.
    pub(crate) fn place(&self) -> Place {
        self.source.place(self.line, self.column)
    }

    /// Returns whether a text stands at the node's place as it is, and not in quotes or by another name.
    pub(crate) fn is_written_as(&self, text: &str) -> bool {
        let line = self.place().text;
        let mut characters = line.chars().skip(self.column.saturating_sub(1));
        text.chars().all(|one| characters.next() == Some(one))
    }

    /// Returns the file that contains the node.
    pub(crate) fn file(&self) -> &Path {
        &self.source.file
    }

    /// Returns the folder that relative paths in the file are relative to.
    pub(crate) fn folder(&self) -> &Path {
        &self.source.folder
    }

    /// Describes the node for problems: a scalar by its value, anything else by its type.
    pub(crate) fn describe(&self) -> Text {
        match (&self.kind, self.as_string()) {
            (_, Some(value)) => text!("`{value}`", value),
            (Kind::List(_), None) => text!("a list"),
            (Kind::Map(_), None) => text!("a mapping"),
            (_, None) => text!("null"),
        }
    }

    /// Returns the value of a key, if the node is a mapping that has it.
    pub(crate) fn child(&self, key: &str) -> Option<&Node> {
        let Kind::Map(entries) = &self.kind else {
            return None;
        };
        let is_key = |(node, _): &&(Node, Node)| node.as_string().as_deref() == Some(key);
        entries.iter().find(is_key).map(|(_, value)| value)
    }

    /// Returns the node of a key itself, if the node is a mapping that has it.
    pub(crate) fn key_of(&self, key: &str) -> Option<&Node> {
        let Kind::Map(entries) = &self.kind else {
            return None;
        };
        let mut keys = entries.iter().map(|(key, _)| key);
        keys.find(|node| node.as_string().as_deref() == Some(key))
    }

    /// Converts the node to JSON; keys become strings.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(truth) => Value::Bool(*truth),
            Kind::Number(number, _) => Value::Number(number.clone()),
            Kind::String(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.as_string().unwrap_or_default(), value.to_json()));
                Value::Object(entries.collect())
            }
        }
    }

    /// Returns a scalar as it is written; `None` for null, lists and mappings.
    pub(crate) fn as_string(&self) -> Option<String> {
        match &self.kind {
            Kind::String(text) | Kind::Number(_, text) => Some(text.clone()),
            Kind::Bool(truth) => Some(truth.to_string()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }
}

impl Source {
    fn new(file: &Path, folder: &Path, text: &str, format: Format) -> Self {
        Self {
            file: file.to_owned(),
            folder: folder.to_owned(),
            text: text.to_owned(),
            format,
            lines: LineStarts::of(text),
        }
    }

    /// Returns what is written at a place, without blanks around it.
    fn written(&self, span: Span) -> Option<&str> {
        let (start, length) = span.byte_offset().zip(span.byte_len())?;
        let written = self.text.get(start as usize..(start + length) as usize)?;
        Some(written.trim()).filter(|written| !written.is_empty())
    }

    /// Returns whether a block of text in a Compose file ends with the file, without a line break. The library adds one, and
    /// Compose does not.
    fn ends_without_break(&self, span: Span) -> bool {
        let end = span.byte_offset().zip(span.byte_len());
        let at_end =
            end.is_some_and(|(start, length)| (start + length) as usize >= self.text.len());
        let in_quotes = || {
            let written = self.written(span);
            written.is_some_and(|written| written.starts_with(['"', '\'']))
        };
        self.format == Format::Compose && at_end && !self.text.ends_with('\n') && !in_quotes()
    }

    /// Returns whether a tab is in the indentation of a line, or of one beside it.
    fn is_indented_by_tab(&self, line: usize) -> bool {
        let lines = self.text.lines().skip(line.saturating_sub(2)).take(3);
        let mut indentations = lines.map(|line| &line[..line.len() - line.trim_start().len()]);
        indentations.any(|indentation| indentation.contains('\t'))
    }

    fn place(&self, line: usize, column: usize) -> Place {
        let start = self.lines.start(line);
        let text = start.and_then(|start| self.text[start..].lines().next());
        // A line that fits on no screen is not shown.
        let text = text.filter(|text| text.len() <= MAX_LINE_LENGTH);
        Place {
            file: self.file.clone(),
            line,
            column,
            text: text.unwrap_or_default().to_owned(),
        }
    }
}

/// The key whose value is merged into its mapping.
const MERGE_KEY: &str = "<<";

/// Returns the key that a mapping has twice, if that is the error.
fn duplicate_key(error: &serde_yaml::Error) -> Option<&str> {
    match error.without_snippet() {
        serde_yaml::Error::DuplicateMappingKey { key, .. } => key.as_deref(),
        _ => None,
    }
}

/// Describes a syntax error. The place is reported separately, and the library's options do not concern the reader.
fn message(error: &serde_yaml::Error, place: &Place) -> Text {
    let error = error.without_snippet();
    if let serde_yaml::Error::UnknownAnchor { .. } = error {
        let written = place.text.chars().skip(place.column.saturating_sub(1));
        let is_name = |c: &char| !c.is_whitespace() && !",[]{}".contains(*c);
        let name: String = written
            .skip_while(|c| *c == '*')
            .take_while(is_name)
            .collect();
        return text!("no anchor `{name}` is defined before this line", name);
    }
    if let serde_yaml::Error::DuplicateMappingKey { key, .. } = error {
        let key = key.clone().unwrap_or_default();
        return text!("duplicate key `{key}`", key);
    }
    if let serde_yaml::Error::NonFiniteFloat { value, .. } = error {
        return text!("`{value}` is no finite number: write it in quotes", value);
    }
    if let serde_yaml::Error::Budget { breach, .. } = error {
        return match breach {
            BudgetBreach::Documents { .. } => text!("a second document begins here"),
            BudgetBreach::Nodes { nodes } => {
                text!("this file has more than {limit} values", limit = nodes - 1)
            }
            BudgetBreach::Depth { depth } => {
                text!("more than {limit} levels of nesting", limit = depth - 1)
            }
            BudgetBreach::Aliases { .. }
            | BudgetBreach::Anchors { .. }
            | BudgetBreach::MergeKeys { .. } => text!("this file has too many anchors and aliases"),
            _ => text!("this file is too large"),
        };
    }
    let rendered = error.render();
    let line = rendered.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = line.split(" at line ").next().unwrap_or(line);
    Text::verbatim(line.trim_end_matches('.'))
}

/// A value that the library returns, with its tag and place.
type Parsed = Spanned<Tagged<Raw>>;

/// The value that the library returns, before places are resolved.
enum Raw {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    List(Vec<Parsed>),
    Map(Vec<(Parsed, Parsed)>),
}

/// The tags that YAML defines begin with this.
const YAML_TAG: &str = "tag:yaml.org,2002:";

trait IntoNode {
    fn into_node(self, source: &Arc<Source>) -> Result<Node, Problem>;
}

impl IntoNode for Parsed {
    /// The place of a value that came by an alias or a merge key is where it is written, not where it is used.
    fn into_node(self, source: &Arc<Source>) -> Result<Node, Problem> {
        let location = self.defined;
        let (line, column) = (location.line() as usize, location.column() as usize);
        let Tagged(raw, tag) = self.value;
        let is_untagged = tag.is_none();
        let tag = match tag.as_deref() {
            None | Some("!") => MergeTag::None,
            Some("!reset") => MergeTag::Reset,
            Some("!override") => MergeTag::Override,
            Some(tag) if tag.starts_with(YAML_TAG) => MergeTag::None,
            Some(tag) => {
                let what = text!("unknown tag `{tag}`", tag);
                let help = text!("remove it; only `!reset` and `!override` of Compose are known");
                return Err(Problem::new(what)
                    .code(Code::UnknownName)
                    .at(source.place(line, column))
                    .help(help));
            }
        };
        let kind = match raw {
            Raw::Null => Kind::Null,
            Raw::Bool(truth) => Kind::Bool(truth),
            Raw::Number(number) => {
                // With a tag such as `!!int`, a number may be in quotes.
                let text = source.written(location.span());
                let text = text.filter(|text| !text.starts_with(['"', '\'']));
                let text = text.map_or_else(|| number.to_string(), str::to_owned);
                Kind::Number(number, text)
            }
            Raw::String(mut text) => {
                if source.ends_without_break(location.span()) && text.ends_with('\n') {
                    text.pop();
                }
                // In quotes, what is written differs from the text.
                let is_plain = source.written(location.span()) == Some(text.as_str());
                match parse_go_number(&text).filter(|_| is_plain) {
                    Some(number) if source.format == Format::Compose && is_untagged => {
                        Kind::Number(number.value, text)
                    }
                    _ => Kind::String(text),
                }
            }
            Raw::List(items) => {
                let items = items.into_iter().map(|item| item.into_node(source));
                Kind::List(items.collect::<Result<_, _>>()?)
            }
            Raw::Map(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| Ok((key.into_node(source)?, value.into_node(source)?)));
                Kind::Map(entries.collect::<Result<_, Problem>>()?)
            }
        };
        Ok(Node {
            kind,
            tag,
            broken: false,
            line,
            column,
            source: Arc::clone(source),
        })
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
            .map_or_else(|| Raw::String(number.to_string()), Raw::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::String(text))
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
    fn a_trial_may_use_one_anchor_often_and_a_lab_may_not_have_as_many_aliases() {
        let text = |aliases: usize| format!("a: &x [1]\nb: [{}1]\n", "*x, ".repeat(aliases));
        let trial = |aliases| Node::parse_trial(Path::new("trial.yaml"), &text(aliases));
        assert!(trial(1_000).is_ok());
        assert!(parse(&text(200)).is_ok());
        let refused = parse(&text(300)).unwrap_err();
        assert!(
            refused.contains("too many anchors and aliases"),
            "{refused}"
        );
        assert!(trial(3_000).is_err());
    }

    #[test]
    fn scalars_keep_how_they_are_written() {
        let node = parse("a: 1.10\nb: 08:00\nc: yes\nd: true\ne: 0x1F\nf: '7'\ng: ~\n").unwrap();
        assert_eq!(
            node.to_json().to_string(),
            r#"{"a":1.1,"b":"08:00","c":"yes","d":true,"e":31,"f":"7","g":null}"#
        );
        let Kind::Map(entries) = &node.kind else {
            panic!("a mapping")
        };
        let strings: Vec<_> = entries.iter().map(|(_, v)| v.as_string()).collect();
        let strings: Vec<_> = strings.iter().map(Option::as_deref).collect();
        assert_eq!(
            strings,
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
    fn broken_and_hostile_files_are_refused_with_their_line() {
        refuses("", "empty");
        refuses("a: 1\nb: 2\na: 3\n", "lab.yaml:3:1: duplicate key `a`");
        refuses("a: [1\n", "lab.yaml:");
        refuses("a: 1\n---\nb: 2\n", "lab.yaml:");
        refuses("a:\n\tb: 1\n", "lab.yaml:2:");
        refuses(&"[".repeat(100_000), "lab.yaml:1:");
        refuses(&format!("a: {}", "x".repeat(MAX_FILE_SIZE)), "the limit is");
    }

    #[test]
    fn a_mapping_of_a_compose_file_has_one_merge_key() {
        let text = "a: &a { x: 1 }\nb: &b { y: 2 }\nc:\n  <<: *a\n  <<: *b\n";
        let of_compose = |text: &str| Node::parse_compose(Path::new("c.yaml"), Path::new(""), text);
        let refused = of_compose(text).unwrap_err().to_string();
        let expected = "c.yaml:5:3: duplicate key `<<` (write one `<<` with a list, such as `<<: [*one, *two]`)";
        assert_eq!(refused, expected);
        assert!(parse(text).is_ok());
        let several = text.replace("  <<: *b\n", "d:\n  <<: [*a, *b]\n  e: { <<: *b }\n");
        let node = of_compose(&several).unwrap();
        assert_eq!(
            node.child("d").map(Node::to_json),
            Some(serde_json::json!({ "e": { "y": 2 }, "x": 1, "y": 2 }))
        );
    }

    #[test]
    fn a_value_by_alias_stands_where_it_is_written() {
        let node = parse("a: &a\n  b: 1\nc:\n  <<: *a\nd: *a\n").unwrap();
        for user in ["c", "d"] {
            let Some(Kind::Map(entries)) = node.child(user).map(|node| &node.kind) else {
                panic!("a mapping")
            };
            assert_eq!(entries[0].0.place().to_string(), "lab.yaml:2:3", "{user}");
            assert_eq!(entries[0].1.place().to_string(), "lab.yaml:2:6", "{user}");
        }
    }

    #[test]
    fn tags_of_compose_are_kept_and_others_refused() {
        let node = parse(
            "a: !reset []\nb: !override [x]\nc: !reset null\nd: !reset 1\ne: !!str 5\nf: !override { a: b }\n",
        )
        .unwrap();
        let tag = |key: &str| node.child(key).map(|node| node.tag);
        for (key, expected) in [
            ("a", MergeTag::Reset),
            ("b", MergeTag::Override),
            ("c", MergeTag::Reset),
            ("d", MergeTag::Reset),
            ("e", MergeTag::None),
            ("f", MergeTag::Override),
        ] {
            assert_eq!(tag(key), Some(expected), "{key}");
        }
        refuses("a:\n  b: !include x\n", "lab.yaml:2:");
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = level - 1;
            let refs = vec![format!("*a{before}"); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{refs}]\n"));
        }
        refuses(&text, "lab.yaml:");
    }
}
