//! References such as `${name}` in YAML, which the lab's own variables replace, never the process environment.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::yaml::{Kind, Node, Problems};
use crate::problem::{Problem, suggestion};
use crate::text;

/// The values of a lab's variables, by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// The syntax of references in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// lab.yaml: `${name}` only. Any other `$` is literal, as in JSONPath and SQL, and `$${` is a literal `${`.
    Lab,
    /// compose.yaml: `$name`, `${name}`, `${name:-default}` and `$$`, as in the Compose Specification.
    Compose,
}

/// The most bytes that the strings of a file may have after replacement: a short reference can have a long value many
/// times.
const MAX_EXPANDED_SIZE: usize = 4 << 20;

/// Replaces the references in every string of a tree. References to `captures` stay, because their values are known only
/// when steps run.
pub(crate) fn expand_all(
    node: &Node,
    variables: &Variables,
    captures: &BTreeSet<String>,
    dialect: Dialect,
    problems: &mut Problems,
) -> Node {
    let mut expander = Expander {
        variables,
        captures,
        dialect,
        left: Some(MAX_EXPANDED_SIZE),
        problems,
    };
    expander.node(node)
}

struct Expander<'a> {
    variables: &'a Variables,
    captures: &'a BTreeSet<String>,
    dialect: Dialect,
    /// The bytes that may still be added; `None` after the limit was reached, which is reported once.
    left: Option<usize>,
    problems: &'a mut Problems,
}

impl Expander<'_> {
    fn node(&mut self, node: &Node) -> Node {
        let mut expanded = node.clone_empty();
        expanded.kind = match &node.kind {
            Kind::String(string) if string.contains('$') => Kind::String(self.string(node, string)),
            Kind::List(items) => Kind::List(items.iter().map(|item| self.node(item)).collect()),
            Kind::Map(entries) => {
                let entries = entries.iter();
                Kind::Map(
                    entries
                        .map(|(key, value)| (key.clone(), self.node(value)))
                        .collect(),
                )
            }
            other => other.clone(),
        };
        expanded
    }

    fn string(&mut self, node: &Node, string: &str) -> String {
        let Some(left) = self.left else {
            return string.to_owned();
        };
        let result = expand(string, self.dialect, left, |name| {
            match self.captures.contains(name) {
                true => Some(format!("${{{name}}}")),
                false => self.variables.get(name).cloned(),
            }
        });
        let problem = match result {
            Ok(expanded) => {
                self.left = Some(left.saturating_sub(expanded.len()));
                return expanded;
            }
            Err(ExpandError::Unknown(name)) => {
                let known = self.variables.keys().chain(self.captures);
                let help = suggestion(&name, known.map(String::as_str));
                Problem::new(text!("undefined variable `${{{name}}}`", name)).help(help)
            }
            Err(ExpandError::Syntax) => {
                Problem::new(text!("invalid reference in `{string}`", string)).help(text!(
                    "write `${{name}}`, `${{name:-default}}`, or `$$` for a dollar sign"
                ))
            }
            Err(ExpandError::TooLong) => {
                self.left = None;
                Problem::new(text!(
                    "this file exceeds {limit} bytes after its variables are replaced",
                    limit = MAX_EXPANDED_SIZE
                ))
            }
        };
        self.problems.push(problem.at(node.place()));
        string.to_owned()
    }
}

/// The reason why references cannot be replaced.
#[derive(Debug, PartialEq, Eq)]
enum ExpandError {
    Unknown(String),
    Syntax,
    /// The result would be longer than the limit.
    TooLong,
}

/// Replaces the references of one string.
fn expand(
    text: &str,
    dialect: Dialect,
    max: usize,
    value: impl Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        if out.len() > max {
            return Err(ExpandError::TooLong);
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
            let end = inner.find('}').ok_or(ExpandError::Syntax)?;
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
            return Err(ExpandError::Syntax);
        }
        out.push_str(&value(name).ok_or_else(|| ExpandError::Unknown(name.to_owned()))?);
        rest = &after[end..];
    }
    out.push_str(rest);
    match out.len() > max {
        true => Err(ExpandError::TooLong),
        false => Ok(out),
    }
}

/// Returns the value of the reference between `${` and `}`.
fn reference(
    inner: &str,
    dialect: Dialect,
    value: &impl Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let end = inner.find(|c: char| !is_name(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    if name.is_empty() {
        return Err(ExpandError::Syntax);
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
        _ => return Err(ExpandError::Syntax),
    };
    found
        .or(default)
        .ok_or_else(|| ExpandError::Unknown(name.to_owned()))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, text: &str, expected: Result<&str, ExpandError>) {
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
    fn compose_references_follow_the_compose_specification() {
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
            Err(ExpandError::Unknown("HOME".into())),
        );
        check(Dialect::Compose, "5$", Err(ExpandError::Syntax));
        check(Dialect::Compose, "${user", Err(ExpandError::Syntax));
        check(Dialect::Compose, "${user:?no}", Err(ExpandError::Syntax));
    }

    #[test]
    fn a_dollar_sign_in_lab_yaml_is_literal_unless_it_begins_a_reference() {
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
        check(
            Dialect::Lab,
            "${usr}",
            Err(ExpandError::Unknown("usr".into())),
        );
    }

    #[test]
    fn short_references_to_long_values_do_not_exhaust_the_memory() {
        let value = |_: &str| Some("x".repeat(1000));
        let text = "${a}".repeat(1000);
        assert_eq!(
            expand(&text, Dialect::Compose, 10_000, value),
            Err(ExpandError::TooLong)
        );
        assert_eq!(
            expand("x${a}", Dialect::Compose, 1000, value),
            Err(ExpandError::TooLong)
        );
    }
}
