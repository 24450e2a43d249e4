//! Reads matchers, such as `expect` and `when`, from YAML.

use regex::RegexBuilder;
use serde_json::{Value, json};

use crate::expect::{Decimal, Matcher, Rule, Typing, ValueType};
use crate::lab::steps::service_field::read_path;
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, explain_quotes, list, mismatch};
use crate::problem::{Problem, suggestion};
use crate::text;

/// The largest compiled regular expression, in bytes, because a lab may come from a stranger.
const MAX_REGEX_SIZE: usize = 256 << 10;

/// The value of `as`: a text that is a number is compared as that number.
const AS_NUMBER: &str = "number";

/// Reads a matcher. An empty one is a problem, because it would match anything.
pub(crate) fn read_matcher(node: &Node, problems: &mut Problems) -> Matcher {
    let Some(mut fields) = Fields::open(node, Mapping::Matcher, problems) else {
        return Matcher::default();
    };
    let before = problems.len();
    let mut rules = Vec::new();
    let path = fields.get("path");
    let path = path.and_then(|path| read_path(path, problems));
    let typing = fields.string("as", problems).and_then(|written| {
        if written == AS_NUMBER {
            return Some(Typing::TextOnly);
        }
        let place = fields.get("as")?.place();
        let what = text!("`as` must be `number`, not `{written}`", written);
        problems.push(Problem::new(what).at(place));
        None
    });
    // `get` treats null as missing, but `equals: null` is an expectation too.
    let nullable = |fields: &mut Fields<'_>, key| {
        let value = fields.get(key).map(exact_json);
        value.or_else(|| fields.contains(key).then_some(Value::Null))
    };
    rules.extend(nullable(&mut fields, "equals").map(Rule::Equals));
    rules.extend(nullable(&mut fields, "not_equals").map(Rule::NotEquals));
    rules.extend(read_values(&mut fields, "one_of", problems).map(Rule::OneOf));
    rules.extend(
        fields
            .get("contains")
            .map(|node| Rule::Contains(exact_json(node))),
    );
    rules.extend(read_values(&mut fields, "same_items", problems).map(Rule::SameItems));
    if let Some(text) = fields.string("matches", problems) {
        let compiled = RegexBuilder::new(&text).size_limit(MAX_REGEX_SIZE).build();
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
                let what = text!(
                    "invalid regular expression `{expression}`: {reason}",
                    expression = text,
                    reason
                );
                problems.push(Problem::new(what).at(place));
            }
        }
    }
    rules.extend(read_limit(&mut fields, "at_least", problems).map(Rule::AtLeast));
    rules.extend(read_limit(&mut fields, "at_most", problems).map(Rule::AtMost));
    rules.extend(
        fields
            .get("length")
            .map(|node| Rule::Length(Box::new(read_number_matcher(node, problems)))),
    );
    rules.extend(
        fields
            .boolean("exists", problems)
            .map(|there| if there { Rule::Exists } else { Rule::Absent }),
    );
    rules.extend(
        fields
            .boolean("absent", problems)
            .map(|gone| if gone { Rule::Absent } else { Rule::Exists }),
    );
    rules.extend(read_types(&mut fields, problems).map(Rule::Type));
    rules.extend(read_rows(&mut fields, problems).map(Rule::Rows));
    rules.extend(read_values(&mut fields, "columns", problems).map(Rule::Columns));
    rules.extend(
        fields
            .get("status")
            .map(|node| Rule::Status(Box::new(read_number_matcher(node, problems)))),
    );
    rules.extend(fields.string("error", problems).map(Rule::Error));
    rules.extend(read_matchers(&mut fields, "all", problems).map(Rule::All));
    rules.extend(read_matchers(&mut fields, "any", problems).map(Rule::Any));
    rules.extend(
        fields
            .get("not")
            .map(|node| Rule::Not(Box::new(read_matcher(node, problems)))),
    );
    fields.close(problems);
    if rules.is_empty() && problems.len() == before {
        let what = text!("this matcher is empty and would match anything");
        let help = text!("add an expectation, such as `equals: PONG` or `exists: true`");
        problems.push(Problem::new(what).at(node.place()).help(help));
    }
    Matcher {
        path,
        typing,
        rules,
    }
}

/// Reads a matcher; a number means `equals: number`.
fn read_number_matcher(node: &Node, problems: &mut Problems) -> Matcher {
    match &node.kind {
        Kind::Number(..) => Matcher {
            rules: vec![Rule::Equals(exact_json(node))],
            ..Matcher::default()
        },
        _ => read_matcher(node, problems),
    }
}

fn read_values(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<Value>> {
    let node = fields.get(key)?;
    Some(
        list(node, key, problems)
            .into_iter()
            .map(exact_json)
            .collect(),
    )
}

/// Reads `rows`, each of which is a list.
fn read_rows(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<Value>> {
    let rows = list(fields.get("rows")?, "rows", problems);
    let no_list = |row: &&&Node| !matches!(row.kind, Kind::List(_));
    for row in rows.iter().filter(no_list) {
        let expected = text!("a list of rows, each a list, such as `[[1, a], [2, b]]`");
        problems.push(mismatch(row, "rows", expected));
    }
    Some(rows.into_iter().map(exact_json).collect())
}

/// Converts a node to JSON. A number that JSON cannot hold exactly becomes a decimal of extended JSON.
pub(super) fn exact_json(node: &Node) -> Value {
    match &node.kind {
        Kind::Number(number, written) if number.is_f64() => {
            let exact = Decimal::parse(written);
            match exact.filter(|exact| Decimal::parse(&number.to_string()).as_ref() != Some(exact))
            {
                Some(exact) => json!({ "$numberDecimal": exact.as_str() }),
                None => Value::Number(number.clone()),
            }
        }
        Kind::List(items) => items.iter().map(exact_json).collect(),
        Kind::Map(entries) => {
            let entries = entries.iter();
            let entries = entries
                .map(|(key, value)| (key.as_string().unwrap_or_default(), exact_json(value)));
            Value::Object(entries.collect())
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => node.to_json(),
    }
}

/// Reads a number exactly as it is written.
fn read_limit(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Decimal> {
    let node = fields.get(key)?;
    let limit = match &node.kind {
        Kind::Number(number, written) => {
            Decimal::parse(written).or_else(|| Decimal::parse(&number.to_string()))
        }
        _ => None,
    };
    if limit.is_none() {
        let problem = mismatch(node, key, text!("a number"));
        let is_number = |written: &str| Decimal::parse(written).is_some();
        problems.push(explain_quotes(problem, node, is_number));
    }
    limit
}

/// Reads `type`: one or several types.
fn read_types(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<ValueType>> {
    // `type: null` names a type.
    let nodes = match fields.contains("type") && fields.get("type").is_none() {
        true => return Some(vec![ValueType::Null]),
        false => fields.one_or_many("type"),
    };
    let mut types = Vec::new();
    for node in &nodes {
        let name = match node.kind {
            Kind::Null => ValueType::Null.name().to_owned(),
            _ => node.as_string().unwrap_or_default(),
        };
        match name.parse() {
            Ok(of) => types.push(of),
            Err(()) => {
                let what = text!("no such type: {written}", written = node.describe());
                let help = suggestion(&name, ValueType::ALL.map(ValueType::name));
                problems.push(Problem::new(what).at(node.place()).help(help));
            }
        }
    }
    (!nodes.is_empty()).then_some(types)
}

fn read_matchers(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<Matcher>> {
    let node = fields.get(key)?;
    let items = list(node, key, problems);
    if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
        let what = text!("`{key}` needs at least one matcher", key);
        problems.push(Problem::new(what).at(node.place()));
    }
    Some(
        items
            .into_iter()
            .map(|item| read_matcher(item, problems))
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
        let read = read_matcher(&node, &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let actual = match printed.is_empty() {
            true => read.text().localized(),
            false => printed.join("\n"),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn matchers_are_read() {
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
        check("{ exists: false }", "no value");
        check("{ as: number, at_least: 1 }", "at least 1");
        check("{ type: integer }", "type integer");
        check(
            "{ type: [date, null, decimal] }",
            "type date | null | decimal",
        );
        check("{ type: ~ }", "type null");
        check(
            "{ at_least: 9007199254740993 }",
            "at least 9007199254740993",
        );
        check("{ at_most: 1e3 }", "at most 1e3");
    }

    #[test]
    fn numbers_that_json_rounds_are_read_as_decimals() {
        check("{ equals: 18446744073709551615 }", "18446744073709551615");
        check(
            "{ equals: [18446744073709551616, 0.1] }",
            r#"[{"$numberDecimal":"18446744073709551616"},0.1]"#,
        );
        check(
            "{ contains: { a: 0.12345678901234567890 } }",
            r#"contains {"a":{"$numberDecimal":"0.12345678901234567890"}}"#,
        );
        check(
            "{ equals: '18446744073709551616' }",
            r#""18446744073709551616""#,
        );
        check(
            "{ at_least: 18446744073709551616 }",
            "at least 18446744073709551616",
        );
    }

    #[test]
    fn invalid_matchers_are_problems() {
        check(
            "{}",
            "m.yaml:1:1: this matcher is empty and would match anything (add an expectation, such as `equals: PONG` or `exists: true`)",
        );
        check(
            "{ eqals: 1 }",
            "m.yaml:1:3: unknown key `eqals` in a matcher (did you mean `equals`?)",
        );
        check(
            "{ matches: '[' }",
            "m.yaml:1:12: invalid regular expression `[`: unclosed character class",
        );
        check(
            "{ type: strin }",
            "m.yaml:1:9: no such type: `strin` (did you mean `string`?)",
        );
        check(
            "{ at_least: '3' }",
            "m.yaml:1:13: `at_least` must be a number, not `3` (write the value itself, without quotes)",
        );
        check(
            "{ exists: 'true' }",
            "m.yaml:1:11: `exists` must be `true` or `false`, not `true` (write the value itself, without quotes)",
        );
        check(
            "{ path: how, equals: 1 }",
            "m.yaml:1:9: invalid JSONPath `how`: at position 0, parser error (begin with `$`, as in `$.name` or `$[0]`)",
        );
        check(
            "{ rows: [a, [1], { b: 2 }] }",
            "m.yaml:1:10: `rows` must be a list of rows, each a list, such as `[[1, a], [2, b]]`, not `a`\nm.yaml:1:18: `rows` must be a list of rows, each a list, such as `[[1, a], [2, b]]`, not a mapping",
        );
        check("{ rows: a }", "m.yaml:1:9: `rows` must be a list, not `a`");
        check(
            "{ any: { equals: 1 } }",
            "m.yaml:1:8: `any` must be a list, not a mapping",
        );
        check(
            "{ any: [] }",
            "m.yaml:1:8: `any` needs at least one matcher",
        );
    }
}
