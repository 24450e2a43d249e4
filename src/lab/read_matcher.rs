//! Reads matchers (`expect`, `when`) from YAML.

use regex::RegexBuilder;
use serde_json::Value;

use crate::expect::{Matcher, Rule, ValuePath};
use crate::lab::fields::{Fields, Problems, list};
use crate::lab::yaml::{Kind, Node};
use crate::problem::Problem;

/// The largest compiled regular expression, in bytes: a lab is a stranger's file.
const REGEX_LIMIT: usize = 256 << 10;

/// Reads one matcher; an empty one is a problem, because it would always hold.
pub(crate) fn matcher(node: &Node, problems: &mut Problems) -> Matcher {
    let Some(mut fields) = Fields::open(node, "matcher", problems) else {
        return Matcher::default();
    };
    let before = problems.len();
    let mut rules = Vec::new();
    let path = fields.text("path", problems).and_then(|text| {
        let at = fields.get("path")?.place();
        ValuePath::parse(&text)
            .map_err(|error| {
                problems.push(Problem::new(format!("`{text}` is not a JSONPath: {error}")).at(at))
            })
            .ok()
    });
    // Asked through `has`, because `equals: null` is an expectation too.
    let nullable = |fields: &mut Fields<'_>, key| {
        let value = fields.get(key).map(Node::to_json);
        value.or_else(|| fields.has(key).then_some(Value::Null))
    };
    rules.extend(nullable(&mut fields, "equals").map(Rule::Equals));
    rules.extend(nullable(&mut fields, "not_equals").map(Rule::NotEquals));
    rules.extend(values(&mut fields, "one_of", problems).map(Rule::OneOf));
    rules.extend(
        fields
            .get("contains")
            .map(|node| Rule::Contains(node.to_json())),
    );
    rules.extend(values(&mut fields, "same_items", problems).map(Rule::SameItems));
    if let Some(text) = fields.text("matches", problems) {
        let compiled = RegexBuilder::new(&text).size_limit(REGEX_LIMIT).build();
        match compiled {
            Ok(regex) => rules.push(Rule::Matches(regex)),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned();
                let place = fields.get("matches").unwrap_or(node).place();
                problems.push(
                    Problem::new(format!("`{text}` is not a regular expression: {reason}"))
                        .at(place),
                );
            }
        }
    }
    rules.extend(fields.number("at_least", problems).map(Rule::AtLeast));
    rules.extend(fields.number("at_most", problems).map(Rule::AtMost));
    rules.extend(
        fields
            .get("length")
            .map(|node| Rule::Length(Box::new(number_matcher(node, problems)))),
    );
    rules.extend(
        fields
            .bool("exists", problems)
            .map(|there| if there { Rule::Exists } else { Rule::Absent }),
    );
    rules.extend(
        fields
            .bool("absent", problems)
            .map(|gone| if gone { Rule::Absent } else { Rule::Exists }),
    );
    rules.extend(values(&mut fields, "rows", problems).map(Rule::Rows));
    rules.extend(values(&mut fields, "columns", problems).map(Rule::Columns));
    rules.extend(
        fields
            .get("status")
            .map(|node| Rule::Status(Box::new(number_matcher(node, problems)))),
    );
    rules.extend(fields.text("error", problems).map(Rule::Error));
    rules.extend(matchers(&mut fields, "all", problems).map(Rule::All));
    rules.extend(matchers(&mut fields, "any", problems).map(Rule::Any));
    rules.extend(
        fields
            .get("not")
            .map(|node| Rule::Not(Box::new(matcher(node, problems)))),
    );
    fields.close(problems);
    if rules.is_empty() && problems.len() == before {
        let what = "this matcher says nothing, so it would always hold";
        problems.push(
            Problem::new(what)
                .at(node.place())
                .help("for example `equals: PONG` or `exists: true`"),
        );
    }
    Matcher { path, rules }
}

/// A number stands for `equals: number`.
fn number_matcher(node: &Node, problems: &mut Problems) -> Matcher {
    match &node.kind {
        Kind::Number(..) => Matcher {
            path: None,
            rules: vec![Rule::Equals(node.to_json())],
        },
        _ => matcher(node, problems),
    }
}

fn values(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<Value>> {
    let node = fields.get(key)?;
    Some(
        list(node, key, problems)
            .into_iter()
            .map(Node::to_json)
            .collect(),
    )
}

fn matchers(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<Matcher>> {
    let node = fields.get(key)?;
    let items = list(node, key, problems);
    if items.is_empty() {
        problems.push(Problem::new(format!("`{key}` needs at least one matcher")).at(node.place()));
    }
    Some(
        items
            .into_iter()
            .map(|item| matcher(item, problems))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[track_caller]
    fn check(yaml: &str, expected: &str) {
        let node = Node::parse(Path::new("m.yaml"), yaml).unwrap();
        let mut problems = Vec::new();
        let read = matcher(&node, &mut problems);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let seen = if told.is_empty() {
            read.to_string()
        } else {
            told.join("\n")
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn matchers_read_as_they_are_written() {
        check(
            "{ at_least: 1, at_most: 3600 }",
            "at least 1 and at most 3600",
        );
        check("{ path: '$.a[0]', equals: null }", "$.a[0] null");
        check(
            "{ length: 3, status: { one_of: [200, 204] } }",
            "length 3 and status one of [200,204]",
        );
        check(
            "{ any: [ { equals: a }, { not: { contains: b } } ] }",
            "\"a\" or not (contains \"b\")",
        );
        check("{ exists: false }", "nothing there");
    }

    #[test]
    fn what_cannot_be_a_matcher_says_why() {
        check(
            "{}",
            "m.yaml:1:1: this matcher says nothing, so it would always hold (for example `equals: PONG` or `exists: true`)",
        );
        check(
            "{ eqals: 1 }",
            "m.yaml:1:3: unknown key `eqals` in a matcher (did you mean `equals`?)",
        );
        check(
            "{ matches: '[' }",
            "m.yaml:1:12: `[` is not a regular expression: unclosed character class",
        );
        check(
            "{ any: [] }",
            "m.yaml:1:8: `any` needs at least one matcher",
        );
    }
}
