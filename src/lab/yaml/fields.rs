//! Reads the fields of a YAML mapping and collects every problem instead of stopping at the first.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::lab::yaml::mapping::Mapping;
use crate::lab::yaml::node::{Kind, MergeTag, Node};
use crate::problem::{Code, Problem, code_list, nearest, suggestion};
use crate::text;
use crate::text::Text;

/// A mapping that is being read field by field. A key that is never read is a problem.
pub(crate) struct Fields<'a> {
    mapping: Mapping,
    entries: Vec<(&'a Node, &'a Node)>,
    known: BTreeSet<&'static str>,
    extensions: Extensions,
    missing: Vec<Missing>,
}

/// Keys of which a mapping needs one and has none, and the problem unless another key explains it.
struct Missing {
    keys: Vec<&'static str>,
    problem: Problem,
}

/// Whether a mapping may have keys that begin with `x-`, as the Compose Specification allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extensions {
    Allowed,
    Unknown,
}

/// The most unknown keys of one mapping that are reported.
const MAX_UNKNOWN_KEYS: usize = 20;

/// All problems found so far.
pub(crate) type Problems = Vec<Problem>;

impl<'a> Fields<'a> {
    /// Opens a mapping. Any other node is a problem and has no fields.
    pub(crate) fn open(node: &'a Node, mapping: Mapping, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            let what = text!(
                "{subject} must be a mapping, not {actual}",
                subject = mapping.noun(),
                actual = node.describe()
            );
            problems.push(Problem::new(what).code(Code::WrongType).at(node.place()));
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| key.as_string().is_none()) {
            problems.push(
                Problem::new(text!("a key must be a string"))
                    .code(Code::WrongType)
                    .at(key.place()),
            );
        }
        Some(Self {
            mapping,
            entries: entries.iter().map(|(key, value)| (key, value)).collect(),
            known: BTreeSet::new(),
            extensions: Extensions::Unknown,
            missing: Vec::new(),
        })
    }

    /// Opens a Compose mapping, which may have keys of its own that begin with `x-`.
    pub(crate) fn open_compose(
        node: &'a Node,
        mapping: Mapping,
        problems: &mut Problems,
    ) -> Option<Self> {
        let fields = Self::open(node, mapping, problems)?;
        Some(Self {
            extensions: Extensions::Allowed,
            ..fields
        })
    }

    /// Returns the value of a key, unless it is missing or empty.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.insert(key);
        let value = self.entry(key)?.1;
        let absent = matches!(value.kind, Kind::Null) || value.tag == MergeTag::Reset;
        (!absent).then_some(value)
    }

    /// Returns the value of a key. A key without a value is a problem.
    pub(crate) fn filled(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<&'a Node> {
        let value = self.get(key);
        if let Some((at, node)) = self.entry(key)
            && matches!(node.kind, Kind::Null)
            && node.tag != MergeTag::Reset
            && !node.is_broken()
        {
            let problem = Problem::new(text!("`{key}` is empty", key));
            problems.push(problem.code(Code::WrongType).at(at.place()));
        }
        value
    }

    /// Accepts keys that have no effect.
    pub(crate) fn accept(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// Returns whether a key is present, even without a value.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Returns whether a key that was not read is one of these, misspelt. It is reported when the mapping is closed.
    pub(crate) fn has_misspelt(&self, keys: &[&str]) -> bool {
        let names = self.entries.iter().filter_map(|(key, _)| key.as_string());
        let mut unread = names.filter(|name| !self.known.contains(name.as_str()));
        unread.any(|name| nearest(&name, keys.iter().copied()).is_some())
    }

    /// Returns the node of a key itself, for problems that point at it.
    pub(crate) fn key(&self, key: &str) -> Option<&'a Node> {
        Some(self.entry(key)?.0)
    }

    fn entry(&self, key: &str) -> Option<(&'a Node, &'a Node)> {
        let is_key = |(node, _): &&(&Node, &Node)| node.as_string().as_deref() == Some(key);
        self.entries.iter().find(is_key).copied()
    }

    /// Reads a string; numbers and booleans are taken as written, but not where Compose refuses them.
    pub(crate) fn string(&mut self, key: &'static str, problems: &mut Problems) -> Option<String> {
        let node = self.get(key)?;
        match self.mapping.is_compose() && !NUMERIC_STRINGS.contains(&key) {
            true => quoted_string(node, key, problems),
            false => string(node, key, problems),
        }
    }

    /// Reads `true` or `false`. Compose reads `yes`, `on` and others too.
    pub(crate) fn boolean(&mut self, key: &'static str, problems: &mut Problems) -> Option<bool> {
        let node = self.get(key)?;
        match &node.kind {
            Kind::String(written) if self.mapping.is_compose() => {
                match written.to_ascii_lowercase().as_str() {
                    "true" | "y" | "yes" | "on" => Some(true),
                    "false" | "n" | "no" | "off" => Some(false),
                    _ => boolean(node, key, problems),
                }
            }
            _ => boolean(node, key, problems),
        }
    }

    /// Reads an integer.
    pub(crate) fn integer(&mut self, key: &'static str, problems: &mut Problems) -> Option<i64> {
        let node = self.get(key)?;
        match &node.kind {
            Kind::Number(number, _) if number.as_i64().is_some() => number.as_i64(),
            Kind::Number(number, _) if self.mapping.is_compose() && is_whole(number) => {
                number.as_f64().map(|number| number as i64)
            }
            // Compose reads numbers in quotes too, as those that come from a variable are.
            Kind::String(written)
                if self.mapping.is_compose() && written.parse::<i64>().is_ok() =>
            {
                written.parse().ok()
            }
            _ => {
                let problem = mismatch(node, key, text!("an integer"));
                let is_integer = |written: &str| written.parse::<i64>().is_ok();
                problems.push(explain_quotes(problem, node, is_integer));
                None
            }
        }
    }

    /// Reads a duration such as `500ms`, `2s` or `1m30s`.
    pub(crate) fn duration(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let node = self.get(key)?;
        let parsed = match &node.kind {
            Kind::String(zero) if self.mapping.is_compose() && zero == "0" => Some(Duration::ZERO),
            _ => node.as_string().as_deref().and_then(parse_duration),
        };
        if parsed.is_none() {
            let expected = text!("a duration such as `500ms`, `2s` or `1m`");
            problems.push(mismatch(node, key, expected));
        }
        parsed
    }

    /// Returns the items of a list.
    pub(crate) fn list(&mut self, key: &'static str, problems: &mut Problems) -> Vec<&'a Node> {
        self.get(key)
            .map(|node| list(node, key, problems))
            .unwrap_or_default()
    }

    /// Reads a list of strings.
    pub(crate) fn strings(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Vec<String>> {
        let node = self.get(key)?;
        let read = match self.mapping.is_compose() {
            true => quoted_string,
            false => string,
        };
        let items = list(node, key, problems);
        let strings = items
            .into_iter()
            .filter_map(|item| read(item, key, problems));
        Some(strings.collect())
    }

    /// Returns the items of a list, or the single value.
    pub(crate) fn one_or_many(&mut self, key: &'static str) -> Vec<&'a Node> {
        match self.get(key) {
            None => Vec::new(),
            Some(node) => match &node.kind {
                Kind::List(items) => items.iter().filter(|item| !item.is_broken()).collect(),
                _ => vec![node],
            },
        }
    }

    /// Reads a mapping of strings to strings.
    pub(crate) fn string_map(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Vec<(String, String)> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        entries(node, key, problems)
            .into_iter()
            .filter_map(|(name, value)| Some((name, string(value, key, problems)?)))
            .collect()
    }

    /// Reads a value that must be present; `owner` is where the problem points if it is missing.
    pub(crate) fn required(
        &mut self,
        key: &'static str,
        owner: &Node,
        problems: &mut Problems,
    ) -> Option<&'a Node> {
        let value = self.filled(key, problems);
        let is_reset = |(_, value): (&Node, &Node)| value.tag == MergeTag::Reset;
        if self.entry(key).is_none_or(is_reset) {
            let what = text!(
                "missing key `{key}` in {mapping}",
                key,
                mapping = self.mapping.noun()
            );
            let problem = Problem::new(what).code(Code::MissingKey);
            self.report_missing(&[key], problem.at(owner.place()));
        }
        value
    }

    /// Reports that the mapping has none of these keys, of which it needs one. A key that is never read may explain it, so it is
    /// decided when the mapping is closed.
    pub(crate) fn report_missing(&mut self, keys: &[&'static str], problem: Problem) {
        self.known.extend(keys);
        let keys = keys.to_vec();
        self.missing.push(Missing { keys, problem });
    }

    /// Returns the one of these keys that is present with a value. None or several are the problem.
    pub(crate) fn exactly_one(
        &mut self,
        keys: &[&'static str],
        problem: Problem,
        problems: &mut Problems,
    ) -> Option<&'static str> {
        self.known.extend(keys);
        let present = keys.iter().copied().filter(|key| self.contains(key));
        match present.collect::<Vec<_>>().as_slice() {
            [key] => self.filled(key, problems).map(|_| *key),
            [] => {
                self.report_missing(keys, problem);
                None
            }
            _ => {
                problems.push(problem);
                None
            }
        }
    }

    /// Reads a string that must be present.
    pub(crate) fn required_string(
        &mut self,
        key: &'static str,
        owner: &Node,
        problems: &mut Problems,
    ) -> Option<String> {
        self.required(key, owner, problems)?;
        self.string(key, problems)
    }

    /// Closes the mapping: every key that was never read is a problem, and so is what is missing. Where one explains the other, it is
    /// one problem.
    pub(crate) fn close(self, problems: &mut Problems) {
        #[cfg(test)]
        read_keys::record(self.mapping, &self.known);
        let unknown: Vec<(String, &Node)> = self.unknown_keys().take(MAX_UNKNOWN_KEYS).collect();
        let known = || self.known.iter().copied();
        let is_misspelt = |missing: &&Missing| {
            let mut names = unknown.iter().map(|(name, _)| name);
            names.any(|name| nearest(name, missing.keys.iter().copied()).is_some())
        };
        let missing: Vec<&Missing> = self
            .missing
            .iter()
            .filter(|one| !is_misspelt(one))
            .collect();
        let is_other_word = |name: &str| !missing.is_empty() && nearest(name, known()).is_none();
        if !unknown.iter().any(|(name, _)| is_other_word(name)) {
            problems.extend(missing.iter().map(|one| one.problem.clone()));
        }
        for (name, key) in &unknown {
            let mapping = self.mapping.noun();
            let what = text!("unknown key `{name}` in {mapping}", name, mapping);
            let help = match is_other_word(name) {
                true => missing_help(&missing),
                false => suggestion(name, known()),
            };
            problems.push(
                Problem::new(what)
                    .code(Code::UnknownKey)
                    .at(key.place())
                    .help(help),
            );
        }
    }

    /// Returns the keys that were never read, but for extensions.
    fn unknown_keys(&self) -> impl Iterator<Item = (String, &'a Node)> {
        self.entries.iter().filter_map(move |(key, _)| {
            let name = key.as_string()?;
            let extension = self.extensions == Extensions::Allowed && name.starts_with("x-");
            // A misspelt `x-roadlab` would be ignored, with all that it says.
            let misspelt =
                self.known.contains("x-roadlab") && nearest(&name, ["x-roadlab"]).is_some();
            let extension = extension && !misspelt;
            (!extension && !self.known.contains(name.as_str())).then_some((name, *key))
        })
    }
}

/// Returns the help for an unknown key that stands in place of a missing one.
fn missing_help(missing: &[&Missing]) -> Text {
    let keys = code_list(missing.iter().flat_map(|one| &one.keys));
    match missing.iter().all(|one| one.keys.len() == 1) {
        true => text!("missing here: {keys}", keys),
        false => text!("use one of {keys}", keys),
    }
}

/// Records which keys the readers read, so that tests can compare them with the JSON Schema.
#[cfg(test)]
pub(crate) mod read_keys {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    use super::Mapping;

    pub(crate) type ReadKeys = BTreeMap<Mapping, BTreeSet<&'static str>>;

    thread_local! {
        static READ_KEYS: RefCell<ReadKeys> = RefCell::default();
    }

    pub(super) fn record(mapping: Mapping, keys: &BTreeSet<&'static str>) {
        READ_KEYS.with_borrow_mut(|read| read.entry(mapping).or_default().extend(keys));
    }

    /// Returns the keys that this thread's readers read since the last call.
    pub(crate) fn take() -> ReadKeys {
        READ_KEYS.take()
    }
}

/// Returns the entries of a mapping whose keys are free names.
pub(crate) fn entries<'a>(
    node: &'a Node,
    key: &str,
    problems: &mut Problems,
) -> Vec<(String, &'a Node)> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .filter(|(_, value)| !value.is_broken() && value.tag != MergeTag::Reset)
            .filter_map(|(key, value)| Some((key.as_string()?, value)))
            .collect(),
        Kind::Null => Vec::new(),
        _ => {
            problems.push(mismatch(node, key, text!("a mapping")));
            Vec::new()
        }
    }
}

/// Returns the entries of a mapping whose keys are free names, with the nodes of the keys.
pub(crate) fn keyed_entries<'a>(
    node: &'a Node,
    key: &str,
    problems: &mut Problems,
) -> Vec<(&'a Node, &'a Node)> {
    // Reports a value that is no mapping.
    entries(node, key, problems);
    let Kind::Map(entries) = &node.kind else {
        return Vec::new();
    };
    entries
        .iter()
        .filter(|(_, value)| !value.is_broken() && value.tag != MergeTag::Reset)
        .map(|(key, value)| (key, value))
        .collect()
}

/// Returns the items of a list.
pub(crate) fn list<'a>(node: &'a Node, key: &str, problems: &mut Problems) -> Vec<&'a Node> {
    match &node.kind {
        Kind::List(items) => items.iter().filter(|item| !item.is_broken()).collect(),
        _ => {
            problems.push(mismatch(node, key, text!("a list")));
            Vec::new()
        }
    }
}

/// Reads a scalar as a string.
pub(crate) fn string(node: &Node, key: &str, problems: &mut Problems) -> Option<String> {
    let string = node.as_string();
    if string.is_none() {
        problems.push(mismatch(node, key, text!("a string")));
    }
    string
}

/// The strings of Compose that may be written as numbers.
const NUMERIC_STRINGS: [&str; 4] = ["published", "size", "mode", "version"];

/// Reads a string of a Compose file. A number or a boolean must be in quotes there.
pub(crate) fn quoted_string(node: &Node, key: &str, problems: &mut Problems) -> Option<String> {
    match &node.kind {
        Kind::Number(..) | Kind::Bool(_) => {
            let problem = mismatch(node, key, text!("a string"));
            problems.push(problem.help(text!("write it in quotes")));
            None
        }
        _ => string(node, key, problems),
    }
}

/// Returns whether a number is an integer, however it is written.
fn is_whole(number: &serde_json::Number) -> bool {
    let number = number.as_f64();
    number.is_some_and(|number| number.fract() == 0.0 && number.abs() < 1e15)
}

/// Reads `true` or `false`.
pub(crate) fn boolean(node: &Node, key: &str, problems: &mut Problems) -> Option<bool> {
    match node.kind {
        Kind::Bool(value) => Some(value),
        _ => {
            let problem = mismatch(node, key, text!("`true` or `false`"));
            let is_boolean = |written: &str| matches!(written, "true" | "false");
            problems.push(explain_quotes(problem, node, is_boolean));
            None
        }
    }
}

/// Adds the way out to the problem of a text that would be right as a number, `true` or `false`.
pub(crate) fn explain_quotes(
    problem: Problem,
    node: &Node,
    is_right: impl Fn(&str) -> bool,
) -> Problem {
    match &node.kind {
        Kind::String(written) if is_right(written) => {
            problem.help(text!("write the value itself, without quotes"))
        }
        _ => problem,
    }
}

/// Creates the problem of a value that has the wrong type or form.
pub(crate) fn mismatch(node: &Node, key: &str, expected: Text) -> Problem {
    let actual = node.describe();
    let what = text!(
        "`{key}` must be {expected}, not {actual}",
        key,
        expected,
        actual
    );
    Problem::new(what).code(Code::WrongType).at(node.place())
}

/// Parses `500ms`, `2s`, `1m30s`, `1h` or `1d`, as the Compose Specification writes durations.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let seconds = match &rest[..unit_end] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 7.0 * 86_400.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(amount * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = &rest[unit_end..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn durations_follow_the_compose_specification() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("4000000000000000h4000000000000000h"), None);
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("+5s"), Some(Duration::from_secs(5)));
        assert_eq!(
            parse_duration("1d12h"),
            Some(Duration::from_secs(36 * 3600))
        );
        assert_eq!(parse_duration("1w"), Some(Duration::from_secs(7 * 86_400)));
        assert_eq!(parse_duration("100µs"), Some(Duration::from_micros(100)));
        assert_eq!(parse_duration("100ns"), Some(Duration::from_nanos(100)));
        for invalid in ["", "5", "s", "5 s", "5x", "-1s", "9e999s"] {
            assert_eq!(parse_duration(invalid), None, "{invalid:?}");
        }
    }

    #[test]
    fn zero_needs_no_unit_in_a_compose_file_and_quotes() {
        for (value, expected) in [("'0'", Some(Duration::ZERO)), ("0", None), ("'5'", None)] {
            let text = format!("start_period: {value}\n");
            let node = Node::parse_compose(Path::new("c.yaml"), Path::new(""), &text).unwrap();
            let mut problems = Vec::new();
            let mapping = Mapping::Healthcheck;
            let mut fields = Fields::open_compose(&node, mapping, &mut problems).unwrap();
            let read = fields.duration("start_period", &mut problems);
            assert_eq!(read, expected, "{value}");
            assert_eq!(problems.is_empty(), expected.is_some(), "{value}");
        }
    }

    #[test]
    fn all_problems_of_a_mapping_are_reported_at_once() {
        let node = Node::parse(Path::new("f.yaml"), "level: [1]\nminuts: 5\nroadmap: x\n").unwrap();
        let mut problems = Vec::new();
        let mut fields = Fields::open(&node, Mapping::Lab, &mut problems).unwrap();
        fields.string("level", &mut problems);
        fields.integer("minutes", &mut problems);
        fields.strings("roadmap", &mut problems);
        fields.required("exercises", &node, &mut problems);
        fields.close(&mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            printed,
            [
                "f.yaml:1:8: `level` must be a string, not a list",
                "f.yaml:3:10: `roadmap` must be a list, not `x`",
                "f.yaml:1:1: missing key `exercises` in a lab",
                "f.yaml:2:1: unknown key `minuts` in a lab (did you mean `minutes`?)",
            ]
        );
    }

    #[track_caller]
    fn check_missing(yaml: &str, expected: &[&str]) {
        let node = Node::parse(Path::new("f.yaml"), yaml).unwrap();
        let mut problems = Vec::new();
        let mut fields = Fields::open(&node, Mapping::WrongAnswer, &mut problems).unwrap();
        fields.required("do", &node, &mut problems);
        fields.string("hint", &mut problems);
        let problem = Problem::new(text!("it is empty")).at(node.place());
        fields.exactly_one(&["query", "script"], problem, &mut problems);
        fields.close(&mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(printed, expected, "{yaml}");
    }

    #[test]
    fn a_missing_key_and_the_key_in_its_place_are_one_problem() {
        check_missing("{ do: a, query: b }", &[]);
        check_missing(
            "{ hint: a }",
            &[
                "f.yaml:1:1: missing key `do` in a wrong answer",
                "f.yaml:1:1: it is empty",
            ],
        );
        check_missing(
            "{ query: a, steps: b }",
            &["f.yaml:1:13: unknown key `steps` in a wrong answer (missing here: `do`)"],
        );
        check_missing(
            "{ do: a, command: b }",
            &[
                "f.yaml:1:10: unknown key `command` in a wrong answer (use one of `query`, `script`)",
            ],
        );
        check_missing(
            "{ do: a, qeury: b }",
            &["f.yaml:1:10: unknown key `qeury` in a wrong answer (did you mean `query`?)"],
        );
        // A misspelt key that may be left out explains nothing.
        check_missing(
            "{ query: a, hnt: b }",
            &[
                "f.yaml:1:1: missing key `do` in a wrong answer",
                "f.yaml:1:13: unknown key `hnt` in a wrong answer (did you mean `hint`?)",
            ],
        );
    }

    #[test]
    fn a_key_without_a_value_is_empty_and_not_missing() {
        check_missing("{ do: , query: a }", &["f.yaml:1:3: `do` is empty"]);
        check_missing("{ do: a, script: }", &["f.yaml:1:10: `script` is empty"]);
        check_missing("{ do: a, query: b, script: }", &["f.yaml:1:1: it is empty"]);
    }

    #[test]
    fn a_number_or_a_boolean_in_quotes_is_named_as_such() {
        let text = "port: '80'\nguard: 'true'\nlimit: '1.5'\n";
        let node = Node::parse(Path::new("f.yaml"), text).unwrap();
        let mut problems = Vec::new();
        let mut fields = Fields::open(&node, Mapping::Lab, &mut problems).unwrap();
        fields.integer("port", &mut problems);
        fields.boolean("guard", &mut problems);
        fields.integer("limit", &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            printed,
            [
                "f.yaml:1:7: `port` must be an integer, not `80` (write the value itself, without quotes)",
                "f.yaml:2:8: `guard` must be `true` or `false`, not `true` (write the value itself, without quotes)",
                "f.yaml:3:8: `limit` must be an integer, not `1.5`",
            ]
        );
    }

    #[test]
    fn a_misspelt_key_is_reported_however_many_extensions_stand_before_it() {
        let extensions: String = (0..30).map(|at| format!("x-{at}: 1\n")).collect();
        let node = Node::parse(Path::new("c.yaml"), &format!("{extensions}imge: x\n")).unwrap();
        let mut problems = Vec::new();
        let mut fields = Fields::open_compose(&node, Mapping::Service, &mut problems).unwrap();
        fields.get("image");
        fields.close(&mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected = "c.yaml:31:1: unknown key `imge` in a service (did you mean `image`?)";
        assert_eq!(printed, [expected]);
    }
}
