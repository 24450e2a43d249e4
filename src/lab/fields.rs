//! Reading the fields of a YAML mapping: collects every problem instead of stopping at the first.

use std::time::Duration;

use crate::lab::yaml::{Kind, Node};
use crate::problem::{Problem, suggestion};

/// A mapping that is being read field by field. What nobody asked for is an unknown key.
pub(crate) struct Fields<'a> {
    noun: &'static str,
    entries: Vec<(&'a Node, &'a Node)>,
    asked: Vec<&'static str>,
}

/// How many unknown keys of one mapping are told.
const MOST_UNKNOWN: usize = 20;

/// All problems found so far.
pub(crate) type Problems = Vec<Problem>;

impl<'a> Fields<'a> {
    /// Opens a mapping; `noun` names it in problems ("service", "step"). Anything else is a problem and has no fields.
    pub(crate) fn open(
        node: &'a Node,
        noun: &'static str,
        problems: &mut Problems,
    ) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => {
                for (key, _) in entries {
                    if key.text().is_none() {
                        problems.push(Problem::new("a key must be a text").at(key.place()));
                    }
                }
                Some(Self {
                    noun,
                    entries: entries.iter().map(|(key, value)| (key, value)).collect(),
                    asked: Vec::new(),
                })
            }
            _ => {
                problems.push(mismatch(node, noun, "a mapping"));
                None
            }
        }
    }

    /// The value of a key, if it is there and not empty.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let (_, value) = self
            .entries
            .iter()
            .find(|(k, _)| k.text().as_deref() == Some(key))?;
        (!matches!(value.kind, Kind::Null)).then_some(*value)
    }

    /// Keys that are fine but not read here.
    pub(crate) fn ignore(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// Whether a key is there, even if it holds nothing.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries
            .iter()
            .any(|(k, _)| k.text().as_deref() == Some(key))
    }

    /// The node of a key itself, for problems that point at it.
    pub(crate) fn key(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .map(|(k, _)| *k)
            .find(|k| k.text().as_deref() == Some(key))
    }

    pub(crate) fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<String> {
        self.get(key).and_then(|node| text(node, key, problems))
    }

    pub(crate) fn bool(&mut self, key: &'static str, problems: &mut Problems) -> Option<bool> {
        self.get(key).and_then(|node| bool(node, key, problems))
    }

    pub(crate) fn integer(&mut self, key: &'static str, problems: &mut Problems) -> Option<i64> {
        let node = self.get(key)?;
        match &node.kind {
            Kind::Number(number, _) if number.as_i64().is_some() => number.as_i64(),
            _ => {
                problems.push(mismatch(node, key, "a whole number"));
                None
            }
        }
    }

    pub(crate) fn number(&mut self, key: &'static str, problems: &mut Problems) -> Option<f64> {
        let node = self.get(key)?;
        match &node.kind {
            Kind::Number(number, _) => number.as_f64(),
            _ => {
                problems.push(mismatch(node, key, "a number"));
                None
            }
        }
    }

    /// A time such as `500ms`, `2s`, `1m30s`.
    pub(crate) fn duration(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let node = self.get(key)?;
        let parsed = node.text().as_deref().and_then(parse_duration);
        if parsed.is_none() {
            problems.push(mismatch(node, key, "a time such as `500ms`, `2s` or `1m`"));
        }
        parsed
    }

    /// The items of a list.
    pub(crate) fn list(&mut self, key: &'static str, problems: &mut Problems) -> Vec<&'a Node> {
        self.get(key)
            .map(|node| list(node, key, problems))
            .unwrap_or_default()
    }

    /// A list of texts.
    pub(crate) fn texts(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Vec<String>> {
        let node = self.get(key)?;
        let items = list(node, key, problems);
        Some(
            items
                .into_iter()
                .filter_map(|item| text(item, key, problems))
                .collect(),
        )
    }

    /// One item or a list of items.
    pub(crate) fn one_or_many(&mut self, key: &'static str) -> Vec<&'a Node> {
        match self.get(key) {
            None => Vec::new(),
            Some(node) => match &node.kind {
                Kind::List(items) => items.iter().collect(),
                _ => vec![node],
            },
        }
    }

    /// A mapping of texts to texts; numbers and booleans are taken as written.
    pub(crate) fn text_map(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Vec<(String, String)> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        entries(node, key, problems)
            .into_iter()
            .filter_map(|(name, value)| Some((name, text(value, key, problems)?)))
            .collect()
    }

    /// Closes the mapping: every key that was never asked for is a problem.
    pub(crate) fn close(self, problems: &mut Problems) {
        #[cfg(test)]
        asked::note(self.noun, &self.asked);
        let known: std::collections::BTreeSet<&str> = self.asked.iter().copied().collect();
        let unknown = self.entries.iter().filter_map(|(key, _)| {
            let name = key.text()?;
            (!known.contains(name.as_str())).then_some((name, *key))
        });
        for (name, key) in unknown.take(MOST_UNKNOWN) {
            let what = format!("unknown key `{name}` in a {}", self.noun);
            let help = suggestion(&name, known.iter().copied());
            problems.push(Problem::new(what).at(key.place()).help(help));
        }
    }

    /// The value of a key that must be there; `owner` is where the problem points if it is not.
    pub(crate) fn required(
        &mut self,
        key: &'static str,
        owner: &Node,
        problems: &mut Problems,
    ) -> Option<&'a Node> {
        let value = self.get(key);
        if value.is_none() {
            let what = format!("a {} needs `{key}`", self.noun);
            problems.push(Problem::new(what).at(owner.place()));
        }
        value
    }
}

/// Which keys the readers ask for, so that the schema can be compared with them.
#[cfg(test)]
pub(crate) mod asked {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    pub(crate) type Asked = BTreeMap<&'static str, BTreeSet<&'static str>>;

    thread_local! {
        static ASKED: RefCell<Asked> = RefCell::default();
    }

    pub(super) fn note(noun: &'static str, keys: &[&'static str]) {
        ASKED.with_borrow_mut(|asked| asked.entry(noun).or_default().extend(keys));
    }

    /// All that this thread's readers asked for since the last call, by noun.
    pub(crate) fn take() -> Asked {
        ASKED.take()
    }
}

/// The entries of a mapping with free names.
pub(crate) fn entries<'a>(
    node: &'a Node,
    noun: &str,
    problems: &mut Problems,
) -> Vec<(String, &'a Node)> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .filter_map(|(key, value)| Some((key.text()?, value)))
            .collect(),
        Kind::Null => Vec::new(),
        _ => {
            problems.push(mismatch(node, noun, "a mapping"));
            Vec::new()
        }
    }
}

/// The items of a list.
pub(crate) fn list<'a>(node: &'a Node, noun: &str, problems: &mut Problems) -> Vec<&'a Node> {
    match &node.kind {
        Kind::List(items) => items.iter().collect(),
        _ => {
            problems.push(mismatch(node, noun, "a list"));
            Vec::new()
        }
    }
}

/// A scalar as text.
pub(crate) fn text(node: &Node, noun: &str, problems: &mut Problems) -> Option<String> {
    let text = node.text();
    if text.is_none() {
        problems.push(mismatch(node, noun, "a text"));
    }
    text
}

pub(crate) fn bool(node: &Node, noun: &str, problems: &mut Problems) -> Option<bool> {
    match node.kind {
        Kind::Bool(truth) => Some(truth),
        _ => {
            problems.push(mismatch(node, noun, "true or false"));
            None
        }
    }
}

/// "`ports` must be a list, this is a text".
pub(crate) fn mismatch(node: &Node, noun: &str, wanted: &str) -> Problem {
    Problem::new(format!(
        "`{noun}` must be {wanted}, this is {}",
        node.noun()
    ))
    .at(node.place())
}

/// Parses `500ms`, `2s`, `1m30s`, `1h` as the Compose Specification writes durations.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let seconds = match &rest[..unit_end] {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
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
    fn durations_are_read_as_compose_writes_them() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("4000000000000000h4000000000000000h"), None);
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        for wrong in ["", "5", "s", "5 s", "5x", "-1s", "9e999s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn all_problems_of_a_mapping_are_told_at_once() {
        let node = Node::parse(Path::new("f.yaml"), "level: [1]\nminuts: 5\nroadmap: x\n").unwrap();
        let mut problems = Vec::new();
        let mut fields = Fields::open(&node, "lab", &mut problems).unwrap();
        fields.text("level", &mut problems);
        fields.integer("minutes", &mut problems);
        fields.texts("roadmap", &mut problems);
        fields.required("exercises", &node, &mut problems);
        fields.close(&mut problems);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "f.yaml:1:8: `level` must be a text, this is a list",
                "f.yaml:3:10: `roadmap` must be a list, this is a text",
                "f.yaml:1:1: a lab needs `exercises`",
                "f.yaml:2:1: unknown key `minuts` in a lab (did you mean `minutes`?)",
            ]
        );
    }
}
