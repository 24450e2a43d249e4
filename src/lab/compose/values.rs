//! Reads values that several keys of a service have: `KEY=value` pairs, sizes and command lines.

use crate::lab::compose::service_reader::ServiceReader;
use crate::lab::policy;
use crate::lab::size::parse_size;
use crate::lab::yaml::{Fields, Kind, Node, Problems, entries, list, mismatch, string};
use crate::problem::Problem;
use crate::text;

impl ServiceReader<'_> {
    /// Reads `environment`, `labels`, `args` or `sysctls`: a mapping, or a list of `KEY=value`. A `KEY` without a value takes
    /// that of the lab's variable. Without one it is refused, because Compose would take it from this machine.
    pub(crate) fn read_pairs(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
    ) -> Vec<(String, String)> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        let mut out: Vec<(String, Option<String>, &Node)> = Vec::new();
        match &node.kind {
            Kind::List(_) => {
                for item in list(node, key, self.problems) {
                    let Some(written) = string(item, key, self.problems) else {
                        continue;
                    };
                    match written.split_once('=') {
                        Some((name, value)) => {
                            out.push((name.to_owned(), Some(value.to_owned()), item));
                        }
                        None => out.push((written, None, item)),
                    }
                }
            }
            _ => {
                for (name, value) in entries(node, key, self.problems) {
                    match value.kind {
                        Kind::Null => out.push((name, None, value)),
                        _ => {
                            let written = string(value, key, self.problems);
                            out.extend(written.map(|written| (name, Some(written), value)));
                        }
                    }
                }
            }
        }
        let mut pairs = Vec::new();
        for (name, value, at) in out {
            let from_lab = || self.found.variables.get(&name).cloned();
            match (value, key) {
                (Some(value), _) => pairs.push((name, value)),
                // A label without a value has an empty one.
                (None, "labels") => pairs.push((name, String::new())),
                (None, _) => match from_lab() {
                    Some(value) => pairs.push((name, value)),
                    None => {
                        let what = text!(
                            "`{key}` requests `{name}` from the environment of this machine",
                            key,
                            name
                        );
                        let help = text!("write the value here, or in `vars` of lab.yaml");
                        self.problems.push(policy::refused(at, what).help(help));
                    }
                },
            }
        }
        pairs
    }
}

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
        problems.push(Problem::new(what).at(node.place()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::yaml::Mapping;
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
