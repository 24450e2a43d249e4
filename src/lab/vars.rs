//! `${name}` in YAML: filled from the lab's own variables, never from the process environment.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::fields::Problems;
use crate::lab::yaml::{Kind, Node};
use crate::problem::{Problem, suggestion};

/// The lab's variables by name.
pub(crate) type Vars = BTreeMap<String, String>;

/// How a file writes its references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// lab.yaml: only `${name}`; a lone `$` is itself (JSONPath, SQL), `$${` is `${`.
    Lab,
    /// compose.yaml: `$name`, `${name}`, `${name:-default}`, `$$`, as the Compose Specification says.
    Compose,
}

/// The most bytes that a file's texts may become: a short reference can stand for a long value, many times.
const MOST_FILLED: usize = 4 << 20;

/// Fills every text of the tree. Names in `later` are captures: known only when steps run, so they stay as they are.
pub(crate) fn fill(
    node: &Node,
    vars: &Vars,
    later: &BTreeSet<String>,
    dialect: Dialect,
    problems: &mut Problems,
) -> Node {
    let mut filler = Filler {
        vars,
        later,
        dialect,
        left: Some(MOST_FILLED),
        problems,
    };
    filler.fill(node)
}

struct Filler<'a> {
    vars: &'a Vars,
    later: &'a BTreeSet<String>,
    dialect: Dialect,
    /// Bytes that may still be filled in; `None` once they were too few, which is told once.
    left: Option<usize>,
    problems: &'a mut Problems,
}

impl Filler<'_> {
    fn fill(&mut self, node: &Node) -> Node {
        let mut filled = node.clone_empty();
        filled.kind = match &node.kind {
            Kind::Text(text) if text.contains('$') => Kind::Text(self.text(node, text)),
            Kind::List(items) => Kind::List(items.iter().map(|item| self.fill(item)).collect()),
            Kind::Map(entries) => {
                let entries = entries.iter();
                Kind::Map(
                    entries
                        .map(|(key, value)| (key.clone(), self.fill(value)))
                        .collect(),
                )
            }
            other => other.clone(),
        };
        filled
    }

    fn text(&mut self, node: &Node, text: &str) -> String {
        let Some(left) = self.left else {
            return text.to_owned();
        };
        let result = expand(text, self.dialect, left, |name| {
            match self.later.contains(name) {
                true => Some(format!("${{{name}}}")),
                false => self.vars.get(name).cloned(),
            }
        });
        let problem = match result {
            Ok(filled) => {
                self.left = Some(left.saturating_sub(filled.len()));
                return filled;
            }
            Err(Bad::Unknown(name)) => {
                let known: Vec<&str> = self
                    .vars
                    .keys()
                    .chain(self.later)
                    .map(String::as_str)
                    .collect();
                let help = suggestion(&name, known.iter().copied());
                Problem::new(format!("`${{{name}}}` is not a variable of this lab")).help(help)
            }
            Err(Bad::Form) => {
                let help = "write `${name}`, `${name:-default}`, or `$$` for a dollar sign";
                Problem::new(format!("a `$` in `{text}` begins nothing that is known")).help(help)
            }
            Err(Bad::Long) => {
                self.left = None;
                let what = format!(
                    "with its variables filled in, this file is longer than {MOST_FILLED} bytes"
                );
                Problem::new(what)
            }
        };
        self.problems.push(problem.at(node.place()));
        text.to_owned()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Bad {
    Unknown(String),
    Form,
    /// It would become longer than it may.
    Long,
}

fn expand(
    text: &str,
    dialect: Dialect,
    most: usize,
    value: impl Fn(&str) -> Option<String>,
) -> Result<String, Bad> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        if out.len() > most {
            return Err(Bad::Long);
        }
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if dialect == Dialect::Lab && after.starts_with("${") {
            out.push_str("${");
            rest = &after[2..];
            continue;
        }
        if dialect == Dialect::Compose && after.starts_with('$') {
            out.push('$');
            rest = &after[1..];
            continue;
        }
        if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find('}').ok_or(Bad::Form)?;
            out.push_str(&reference(&inner[..end], dialect, &value)?);
            rest = &inner[end + 1..];
            continue;
        }
        if dialect == Dialect::Lab {
            out.push('$');
            rest = after;
            continue;
        }
        let end = after.find(|c: char| !is_name(c)).unwrap_or(after.len());
        let name = &after[..end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Bad::Form);
        }
        out.push_str(&value(name).ok_or_else(|| Bad::Unknown(name.to_owned()))?);
        rest = &after[end..];
    }
    out.push_str(rest);
    match out.len() > most {
        true => Err(Bad::Long),
        false => Ok(out),
    }
}

fn reference(
    inner: &str,
    dialect: Dialect,
    value: &impl Fn(&str) -> Option<String>,
) -> Result<String, Bad> {
    let end = inner.find(|c: char| !is_name(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    if name.is_empty() {
        return Err(Bad::Form);
    }
    let found = value(name);
    let default = match (rest, dialect) {
        ("", _) => None,
        (rest, _) if rest.starts_with(":-") => {
            // The Compose Specification: `:-` also replaces an empty value.
            return Ok(found
                .filter(|v| !v.is_empty())
                .unwrap_or_else(|| rest[2..].to_owned()));
        }
        (rest, Dialect::Compose) if rest.starts_with('-') => Some(rest[1..].to_owned()),
        _ => return Err(Bad::Form),
    };
    found
        .or(default)
        .ok_or_else(|| Bad::Unknown(name.to_owned()))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, text: &str, expected: Result<&str, Bad>) {
        let value = |name: &str| match name {
            "user" => Some("kim".to_owned()),
            "empty" => Some(String::new()),
            _ => None,
        };
        assert_eq!(
            expand(text, dialect, 1000, value),
            expected.map(str::to_owned)
        );
    }

    #[test]
    fn compose_references_follow_the_specification() {
        check(Dialect::Compose, "a-$user-${user}", Ok("a-kim-kim"));
        check(
            Dialect::Compose,
            "${port:-6379}${empty:-x}${empty-y}",
            Ok("6379x"),
        );
        check(Dialect::Compose, "$$user costs 5$$", Ok("$user costs 5$"));
        check(
            Dialect::Compose,
            "${HOME}",
            Err(Bad::Unknown("HOME".into())),
        );
        check(Dialect::Compose, "5$", Err(Bad::Form));
        check(Dialect::Compose, "${user", Err(Bad::Form));
        check(Dialect::Compose, "${user:?no}", Err(Bad::Form));
    }

    #[test]
    fn a_dollar_in_a_lab_is_itself_unless_it_opens_a_reference() {
        check(
            Dialect::Lab,
            "$.a[0] $$ DO $$ ${user}",
            Ok("$.a[0] $$ DO $$ kim"),
        );
        check(
            Dialect::Lab,
            "echo $${HOME} $HOME",
            Ok("echo ${HOME} $HOME"),
        );
        check(Dialect::Lab, "${usr}", Err(Bad::Unknown("usr".into())));
    }

    #[test]
    fn short_references_to_long_values_do_not_fill_the_memory() {
        let value = |_: &str| Some("x".repeat(1000));
        let text = "${a}".repeat(1000);
        assert_eq!(
            expand(&text, Dialect::Compose, 10_000, value),
            Err(Bad::Long)
        );
        assert_eq!(
            expand("x${a}", Dialect::Compose, 1000, value),
            Err(Bad::Long)
        );
    }
}
