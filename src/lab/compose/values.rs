//! Reads values that several keys of a service have: sizes and command lines.

use crate::lab::size::parse_size;
use crate::lab::yaml::{Fields, Kind, Problems, mismatch};
use crate::problem::{Code, Problem};
use crate::text;

/// Reads a size such as `256m`, and returns bytes.
pub(crate) fn read_size(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<i64> {
    let node = fields.get(key)?;
    let parsed = node.as_string().as_deref().and_then(parse_size);
    if parsed.is_none() {
        problems.push(mismatch(node, key, text!("a size such as `256m` or `1g`")));
    }
    parsed
}

/// Reads `command` or `entrypoint`: a list of words, or a string that is split like in a shell.
pub(crate) fn read_words(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let node = fields.get(key)?;
    let Kind::String(written) = &node.kind else {
        return fields.strings(key, problems);
    };
    let words = shlex::split(written);
    if words.is_none() {
        let what = text!("`{key}` has an unclosed quote", key);
        problems.push(
            Problem::new(what)
                .code(Code::InvalidReference)
                .at(node.place()),
        );
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::yaml::{Mapping, Node};
    use std::path::Path;

    #[track_caller]
    fn check(command: &str, expected: Option<&[&str]>) {
        let yaml = format!("command: {}", serde_json::Value::from(command));
        let node = Node::parse(Path::new("c.yaml"), &yaml).unwrap();
        let mut problems = Vec::new();
        let mut fields = Fields::open(&node, Mapping::Service, &mut problems).unwrap();
        let words = read_words(&mut fields, "command", &mut problems);
        assert_eq!(words.is_none(), !problems.is_empty());
        let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(words, expected);
    }

    #[test]
    fn a_command_line_is_split_like_in_a_shell() {
        check(
            "redis-server --save ''",
            Some(&["redis-server", "--save", ""]),
        );
        check(
            r#"sh -c "echo \"a b\"; exit""#,
            Some(&["sh", "-c", "echo \"a b\"; exit"]),
        );
        check("echo 'a", None);
    }
}
