//! Reads values that several keys of a service have: sizes and command lines.

use crate::lab::size::parse_size;
use crate::lab::yaml::{Fields, Kind, Node, Problems, mismatch};
use crate::problem::{Code, Problem, ProblemKind};
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

/// Checks a path in the container, on which something is mounted.
pub(crate) fn check_target(path: &str, node: &Node, problems: &mut Problems) -> bool {
    let what = match path.split('/').any(|part| part == "..") {
        true => text!(
            "`{path}` must be a path in the container without `..`",
            path
        ),
        false if path.starts_with('/') => return true,
        false => text!("`{path}` must be an absolute path in the container", path),
    };
    problems.push(Problem::new(what).at(node.place()));
    false
}

/// Reads `command` or `entrypoint`: a list of words, or a string that is split like in a shell.
pub(crate) fn read_words(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let node = fields.get(key)?;
    let written = match &node.kind {
        Kind::String(written) => written,
        Kind::List(_) => return fields.strings(key, problems),
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::Map(_) => {
            let problem = mismatch(node, key, text!("a string or a list"));
            problems.push(match node.as_string() {
                Some(_) => problem.help(text!("write it in quotes")),
                None => problem,
            });
            return None;
        }
    };
    let Some(line) = split_command(written) else {
        let what = text!(
            "`{key}` has an unclosed quote, or a parenthesis outside quotes",
            key
        );
        problems.push(
            Problem::new(what)
                .code(Code::InvalidReference)
                .at(node.place()),
        );
        return None;
    };
    if let Some(operator) = line.ended_at {
        let what = text!("`{key}` ends before `{operator}`", key, operator);
        let help = text!("no shell reads it: write `[sh, -c, \"…\"]`, or put it in quotes");
        let note = Problem::new(what).at(node.place()).kind(ProblemKind::Note);
        problems.push(note.help(help));
    }
    Some(line.words)
}

/// A command line, split into words.
struct CommandLine {
    words: Vec<String>,
    /// The operator of a shell at which Compose stops reading.
    ended_at: Option<char>,
}

/// Splits a command line as Compose does, by the rules of go-shellwords; `None` if it is not complete. They differ from those of
/// a shell: a backslash in double quotes always disappears, `#` begins no comment, and the first operator ends the line.
fn split_command(written: &str) -> Option<CommandLine> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    // The quote that is open; `(` stands for `$(`, up to its `)`.
    let mut quote: Option<char> = None;
    let mut ended_at = None;
    let mut characters = written.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', Some('\'')) => word.get_or_insert_default().push(c),
            ('\\', _) => word.get_or_insert_default().push(characters.next()?),
            (' ' | '\t' | '\r' | '\n', None) => words.extend(word.take()),
            ('\'' | '"', None) => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            ('\'' | '"', Some(open)) if open == c => quote = None,
            ('`', None) => {
                word.get_or_insert_default().push(c);
                quote = Some(c);
            }
            ('(', None) if word.as_deref().is_some_and(|word| word.ends_with('$')) => {
                word.get_or_insert_default().push(c);
                quote = Some(c);
            }
            ('(' | ')', None) | ('(', Some('(')) => return None,
            ('`', Some('`')) | (')', Some('(')) => {
                word.get_or_insert_default().push(c);
                quote = None;
            }
            (';' | '&' | '|' | '<' | '>', None) => {
                // The number of a file, as in `2>`, belongs to the operator.
                let is_number = |word: &String| word.starts_with(|c: char| c.is_ascii_digit());
                words.extend(word.take().filter(|word| c != '>' || !is_number(word)));
                ended_at = Some(c);
                break;
            }
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(CommandLine { words, ended_at })
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

    #[track_caller]
    fn check_ended(command: &str, expected: &[&str], operator: char) {
        let line = split_command(command).unwrap();
        assert_eq!(
            (line.words.as_slice(), line.ended_at),
            (
                &expected
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>()[..],
                Some(operator)
            )
        );
    }

    #[test]
    fn a_command_line_ends_at_an_operator_of_a_shell() {
        check_ended("a && b", &["a"], '&');
        check_ended("a;b", &["a"], ';');
        check_ended("curl http://x?a=1&b=2", &["curl", "http://x?a=1"], '&');
        check_ended("a 2>&1 b", &["a"], '>');
        check_ended("a | b", &["a"], '|');
    }

    #[test]
    fn backslashes_comments_and_parentheses_are_read_as_compose_reads_them() {
        check(r#""a\nb" 'c\d' e\ f"#, Some(&["anb", "c\\d", "e f"]));
        check("a #b", Some(&["a", "#b"]));
        check("$(x y) `c d` \"(e)\"", Some(&["$(x y)", "`c d`", "(e)"]));
        check("(a)", None);
        check("a)", None);
        check("a \\", None);
        check("", Some(&[]));
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
