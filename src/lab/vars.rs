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

/// Fills every text of the tree. Names in `later` are captures: known only when steps run, so they stay as they are.
pub(crate) fn fill(
    node: &Node,
    vars: &Vars,
    later: &BTreeSet<String>,
    dialect: Dialect,
    problems: &mut Problems,
) -> Node {
    let mut filled = node.clone();
    filled.kind = match &node.kind {
        Kind::Text(text) if text.contains('$') => {
            let known = vars.keys().chain(later).map(String::as_str);
            let result = expand(text, dialect, |name| match later.contains(name) {
                true => Some(format!("${{{name}}}")),
                false => vars.get(name).cloned(),
            });
            match result {
                Ok(text) => Kind::Text(text),
                Err(Bad::Unknown(name)) => {
                    let help = suggestion(&name, known.collect::<Vec<_>>().iter().copied());
                    let what = format!("`${{{name}}}` is not a variable of this lab");
                    problems.push(Problem::new(what).at(node.place()).help(help));
                    Kind::Text(text.clone())
                }
                Err(Bad::Form) => {
                    let what = format!("a `$` in `{text}` begins nothing that is known");
                    let help = "write `${name}`, `${name:-default}`, or `$$` for a dollar sign";
                    problems.push(Problem::new(what).at(node.place()).help(help));
                    Kind::Text(text.clone())
                }
            }
        }
        Kind::List(items) => Kind::List(
            items
                .iter()
                .map(|item| fill(item, vars, later, dialect, problems))
                .collect(),
        ),
        Kind::Map(entries) => Kind::Map(
            entries
                .iter()
                .map(|(k, v)| (k.clone(), fill(v, vars, later, dialect, problems)))
                .collect(),
        ),
        other => other.clone(),
    };
    filled
}

#[derive(Debug, PartialEq, Eq)]
enum Bad {
    Unknown(String),
    Form,
}

fn expand(
    text: &str,
    dialect: Dialect,
    value: impl Fn(&str) -> Option<String>,
) -> Result<String, Bad> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
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
    Ok(out)
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
        assert_eq!(expand(text, dialect, value), expected.map(str::to_owned));
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
}
