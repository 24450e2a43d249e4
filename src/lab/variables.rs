//! References such as `${name}` in YAML, which the lab's own variables replace, never the process environment.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::yaml::{Kind, Node, Problems};
use crate::problem::{Code, Place, Problem, nearest};
use crate::text;

/// The values of a lab's variables, by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// The syntax of references in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// lab.yaml: `${name}` and `${name:-default}`. Any other `$` is literal, as in JSONPath and SQL, and `$${` is a literal `${`.
    Lab,
    /// Compose files and their `env_file`: `$name`, `${name}`, the operators `:-`, `-`, `:+`, `+`, `:?` and `?` with
    /// references inside, and `$$`, as Compose reads them. A `$` that begins nothing of that is literal.
    Compose,
}

/// The most bytes that the strings of a file may have after replacement: a short reference can have a long value many
/// times.
const MAX_EXPANDED_SIZE: usize = 4 << 20;

/// Returns whether references such as `${name}` can have this name.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| is_name(c) && !c.is_ascii_digit()) && name.chars().all(is_name)
}

/// Replaces the references in every string of a tree. References to `captures` stay, because their values are known only
/// when steps run. Each undefined variable is one problem.
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
        undefined: BTreeMap::new(),
        problems,
    };
    let expanded = expander.node(node);
    let undefined = std::mem::take(&mut expander.undefined).into_values();
    problems.extend(undefined.map(|(problem, places)| problem.at_first_of(places)));
    expanded
}

struct Expander<'a> {
    variables: &'a Variables,
    captures: &'a BTreeSet<String>,
    dialect: Dialect,
    /// The bytes that may still be added; `None` after the limit was reached, which is reported once.
    left: Option<usize>,
    /// The problem and the places of each variable that has no value.
    undefined: BTreeMap<String, (Problem, Vec<Place>)>,
    problems: &'a mut Problems,
}

impl Expander<'_> {
    fn node(&mut self, node: &Node) -> Node {
        // Its problem is reported.
        if node.is_broken() {
            return node.clone();
        }
        let mut expanded = node.clone_empty();
        expanded.kind = match &node.kind {
            Kind::String(string) if string.contains('$') => match self.string(node, string) {
                Some(string) => Kind::String(string),
                None => return node.broken(),
            },
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

    /// Returns the string with its references replaced; `None` after a problem.
    fn string(&mut self, node: &Node, string: &str) -> Option<String> {
        let left = self.left?;
        let result = expand(
            string,
            self.dialect,
            left,
            &|name| match self.captures.contains(name) {
                true => Some(format!("${{{name}}}")),
                false => self.variables.get(name).cloned(),
            },
        );
        let error = match result {
            Ok(expanded) => {
                self.left = Some(left.saturating_sub(expanded.len()));
                return Some(expanded);
            }
            Err(error) => error,
        };
        if error == ExpandError::TooLong {
            self.left = None;
        }
        let known = self.variables.keys().chain(self.captures);
        let known = known
            .map(String::as_str)
            .filter(|name| *name != "WORKSPACE");
        let undefined = match &error {
            ExpandError::Unknown(name) => Some(name.clone()),
            _ => None,
        };
        let problem = error.problem(string, self.dialect, known);
        match undefined {
            Some(name) => {
                let (_, places) = self.undefined.entry(name).or_insert((problem, Vec::new()));
                places.push(node.place());
            }
            None => self.problems.push(problem.at(node.place())),
        }
        None
    }
}

/// The reason why references cannot be replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ExpandError {
    Unknown(String),
    /// A reference with `:?` or `?` to a variable that has no value, and the message of the file.
    Required(String, String),
    Syntax,
    /// The result would be longer than the limit.
    TooLong,
}

impl ExpandError {
    /// Returns the error as a problem without a place. `known` are the variables that have values.
    pub(crate) fn problem<'a>(
        self,
        string: &str,
        dialect: Dialect,
        known: impl Iterator<Item = &'a str>,
    ) -> Problem {
        match self {
            ExpandError::Unknown(name) => {
                let help = match (nearest(&name, known), dialect) {
                    (Some(candidate), _) => text!("did you mean `{candidate}`?", candidate),
                    (None, Dialect::Lab) => {
                        text!(
                            "add `{name}` to `vars` in lab.yaml, or write `$${{` for the characters themselves",
                            name
                        )
                    }
                    (None, Dialect::Compose) => {
                        text!(
                            "give it a value under `vars` in lab.yaml or in the file `.env`, or write `$$` for a dollar sign"
                        )
                    }
                };
                Problem::new(text!("undefined variable `${{{name}}}`", name))
                    .code(Code::UndefinedVariable)
                    .help(help)
            }
            ExpandError::Required(name, message) => {
                let what = match message.is_empty() {
                    true => text!("the variable `${{{name}}}` needs a value", name),
                    false => text!(
                        "the variable `${{{name}}}` needs a value: {message}",
                        name,
                        message
                    ),
                };
                let help = text!("give it a value under `vars` in lab.yaml or in the file `.env`");
                Problem::new(what).code(Code::UndefinedVariable).help(help)
            }
            ExpandError::Syntax => {
                let help = match dialect {
                    Dialect::Lab => {
                        text!("write `${{name}}`, or `$${{` for the characters themselves")
                    }
                    Dialect::Compose => {
                        text!("write `${{name}}`, `${{name:-default}}`, or `$$` for a dollar sign")
                    }
                };
                Problem::new(text!("invalid reference in `{string}`", string))
                    .code(Code::InvalidReference)
                    .help(help)
            }
            ExpandError::TooLong => Problem::new(text!(
                "this file exceeds {limit} bytes after its variables are replaced",
                limit = MAX_EXPANDED_SIZE
            ))
            .code(Code::Limit),
        }
    }
}

/// The deepest nesting of references in the operands of others.
const MAX_NESTING: usize = 16;

/// Replaces the references of one string.
pub(crate) fn expand(
    text: &str,
    dialect: Dialect,
    max: usize,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    match dialect {
        Dialect::Lab => expand_lab(text, max, value),
        Dialect::Compose => expand_compose(text, max, MAX_NESTING, value),
    }
}

fn expand_lab(
    text: &str,
    max: usize,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix("${") {
            out.push_str("${");
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find('}').ok_or(ExpandError::Syntax)?;
            let (name, default) = match inner[..end].split_once(":-") {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (&inner[..end], None),
            };
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(ExpandError::Syntax);
            }
            let found = match &default {
                Some(_) => value(name).filter(|value| !value.is_empty()),
                None => value(name),
            };
            let found = found.or(default);
            out.push_str(&found.ok_or_else(|| ExpandError::Unknown(name.to_owned()))?);
            rest = &inner[end + 1..];
        } else {
            out.push('$');
        }
        within(&out, max)?;
    }
    out.push_str(rest);
    within(&out, max)?;
    Ok(out)
}

fn within(text: &str, max: usize) -> Result<(), ExpandError> {
    match text.len() > max {
        true => Err(ExpandError::TooLong),
        false => Ok(()),
    }
}

/// Follows compose-go's `template.Substitute`; unlike there, a variable without a value is an error and not an empty text.
fn expand_compose(
    text: &str,
    max: usize,
    nesting: usize,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('{') {
            // Where no brace closes it, compose-go takes all to the last brace of the line, such as `${CONFIG:-{}}`.
            let line = inner.split('\n').next().unwrap_or_default();
            let end = closing_brace(inner).or_else(|| line.rfind('}'));
            let end = end.ok_or(ExpandError::Syntax)?;
            out.push_str(&reference(&inner[..end], max, nesting, value)?);
            rest = &inner[end + 1..];
        } else {
            let name = leading_name(rest);
            match name {
                "" => out.push('$'),
                name => {
                    let found = value(name);
                    out.push_str(&found.ok_or_else(|| ExpandError::Unknown(name.to_owned()))?);
                }
            }
            rest = &rest[name.len()..];
        }
        within(&out, max)?;
    }
    out.push_str(rest);
    within(&out, max)?;
    Ok(out)
}

/// Returns the position of the brace that closes a reference, after `${`. As in compose-go, the character after an opening brace
/// is skipped, so that `{}` opens one more.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1;
    let mut skipped = true;
    for (at, byte) in text.bytes().enumerate() {
        if std::mem::take(&mut skipped) {
            continue;
        }
        match byte {
            b'{' => {
                open += 1;
                skipped = true;
            }
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// Returns the name at the beginning of a text, which may be empty.
fn leading_name(text: &str) -> &str {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    &text[..end]
}

/// Returns the value of the reference between `${` and `}`.
fn reference(
    inner: &str,
    max: usize,
    nesting: usize,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let name = leading_name(inner);
    let rest = &inner[name.len()..];
    if name.is_empty() || nesting == 0 {
        return Err(ExpandError::Syntax);
    }
    let found = value(name);
    // With a colon, an empty value counts as none.
    let (operator, found) = match rest.strip_prefix(':') {
        Some(operator) => (operator, found.filter(|value| !value.is_empty())),
        None => (rest, found),
    };
    let operand = |operand: &str| expand_compose(operand, max, nesting - 1, value);
    match (operator.chars().next(), found) {
        (None, Some(found)) if rest.is_empty() => Ok(found),
        (None, None) if rest.is_empty() => Err(ExpandError::Unknown(name.to_owned())),
        (Some('?'), Some(found)) => Ok(found),
        (Some('-'), Some(found)) => unless_required(operand(&operator[1..]), found),
        (Some('-'), None) => operand(&operator[1..]),
        (Some('+'), Some(_)) => operand(&operator[1..]),
        (Some('+'), None) => unless_required(operand(&operator[1..]), String::new()),
        (Some('?'), None) => Err(ExpandError::Required(
            name.to_owned(),
            operand(&operator[1..])?,
        )),
        _ => Err(ExpandError::Syntax),
    }
}

/// Returns a value, unless the operand beside it requires a variable. Compose replaces references in it even if it is not used.
fn unless_required(
    operand: Result<String, ExpandError>,
    value: String,
) -> Result<String, ExpandError> {
    match operand {
        Err(error @ ExpandError::Required(..)) => Err(error),
        _ => Ok(value),
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn an_undefined_variable_is_one_problem() {
        let yaml = "a: ${x}\nb: [ '${y}', '${x} ${y}' ]\nc: ${x}\n";
        let node = Node::parse(Path::new("v.yaml"), yaml).unwrap();
        let mut problems = Vec::new();
        let none = BTreeSet::new();
        expand_all(&node, &Variables::new(), &none, Dialect::Lab, &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            printed,
            [
                "v.yaml:1:4: undefined variable `${x}`, on 3 lines (add `x` to `vars` in lab.yaml, or write `$${` for the characters themselves)",
                "v.yaml:2:6: undefined variable `${y}` (add `y` to `vars` in lab.yaml, or write `$${` for the characters themselves)",
            ]
        );
    }

    #[test]
    fn a_variable_has_a_name_that_references_can_have() {
        for (name, valid) in [
            ("a", true),
            ("_b2", true),
            ("a-b", false),
            ("2a", false),
            ("", false),
        ] {
            assert_eq!(is_variable_name(name), valid, "{name:?}");
        }
    }

    #[track_caller]
    fn check(dialect: Dialect, text: &str, expected: Result<&str, ExpandError>) {
        let value = |name: &str| match name {
            "user" => Some("kim".to_owned()),
            "empty" => Some(String::new()),
            _ => None,
        };
        assert_eq!(
            expand(text, dialect, 1000, &value),
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
        check(Dialect::Compose, "${user", Err(ExpandError::Syntax));
        check(Dialect::Compose, "${user:x}", Err(ExpandError::Syntax));
        check(Dialect::Compose, "${}", Err(ExpandError::Syntax));
        check(Dialect::Compose, "5$ $.a $1", Ok("5$ $.a $1"));
    }

    #[test]
    fn operators_of_compose_references_nest() {
        let compose = |text: &str, expected: &str| check(Dialect::Compose, text, Ok(expected));
        compose(
            "${a:-${b:-${user}}}/${a-$user}/${empty:-${a:-x}y}",
            "kim/kim/xy",
        );
        compose("${user:-${undefined}}", "kim");
        compose(
            "${user:+is ${user}}|${empty:+x}|${empty+x}|${a+x}|${a:+x}",
            "is kim||x||",
        );
        compose("${user:?no} ${user?no}|${empty?no}", "kim kim|");
        compose("${a:-{\"k\": \"${user}\"}}", "{\"k\": \"kim\"}");
        compose("${a:-5$$}", "5$");
        for text in ["${a:?set a for ${user}}", "${a?set a for $user}"] {
            let expected = ExpandError::Required("a".into(), "set a for kim".into());
            check(Dialect::Compose, text, Err(expected));
        }
        for text in ["${user:-${a:?no}}", "${a:+${a:?no}}"] {
            let expected = ExpandError::Required("a".into(), "no".into());
            check(Dialect::Compose, text, Err(expected));
        }
        let expected = ExpandError::Required("empty".into(), String::new());
        check(Dialect::Compose, "${empty:?}", Err(expected));
        let deep = format!("{}x{}", "${a:-".repeat(100), "}".repeat(100));
        check(Dialect::Compose, &deep, Err(ExpandError::Syntax));
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
            expand(&text, Dialect::Compose, 10_000, &value),
            Err(ExpandError::TooLong)
        );
        assert_eq!(
            expand("x${a}", Dialect::Compose, 1000, &value),
            Err(ExpandError::TooLong)
        );
    }
}
