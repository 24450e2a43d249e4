//! Parses `env_file` and `.env` files as Compose does.
//!
//! The grammar is that of compose-go's `dotenv` package. The crates for such files differ from it: `dotenvy` takes
//! references from the environment of the process, knows no operators such as `:-`, and ends at a name without a value.

use crate::lab::variables::{Dialect, ExpandError, expand};
use crate::problem::{Code, Problem};
use crate::text;

/// The largest file, in bytes, before and after its references are replaced.
pub(crate) const MAX_ENV_FILE_SIZE: usize = 64 << 10;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnvFormat {
    /// Quotes, escapes, comments and references.
    Compose,
    /// Each value is the rest of its line, as it is.
    Raw,
}

/// A variable of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnvEntry {
    pub name: String,
    /// `None` for a name alone, which takes its value from elsewhere.
    pub value: Option<String>,
    /// Counted from 1.
    pub line: usize,
}

/// Where references take their values from, beside the file itself.
#[derive(Clone, Copy)]
pub(crate) struct Lookups<'a> {
    /// Wins over what the file says before.
    pub outer: &'a dyn Fn(&str) -> Option<String>,
    /// What earlier files say, over which the file wins.
    pub earlier: &'a dyn Fn(&str) -> Option<String>,
}

/// A line that cannot be read.
#[derive(Debug)]
pub(crate) struct EnvFileError {
    pub line: usize,
    pub problem: Problem,
}

/// Parses a file. References are replaced by `lookups`, or by an earlier variable of the file.
///
/// # Errors
/// The first line that Compose would not read, or whose references have no value.
pub(crate) fn parse_env_file(
    text: &str,
    format: EnvFormat,
    lookups: &Lookups<'_>,
) -> Result<Vec<EnvEntry>, EnvFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        EnvFormat::Raw => parse_raw(text),
        EnvFormat::Compose => {
            let mut parser = Parser {
                text,
                at: 0,
                lookups: *lookups,
                found: Vec::new(),
                left: MAX_ENV_FILE_SIZE,
            };
            while parser.statement()? {}
            Ok(parser.found)
        }
    }
}

fn parse_raw(text: &str) -> Result<Vec<EnvEntry>, EnvFileError> {
    let lines = text.lines().map(str::trim_start).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let entries = lines.map(|(at, line)| {
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line, None),
        };
        match name.is_empty() || name.contains(is_blank) {
            true => Err(EnvFileError {
                line: at + 1,
                problem: no_variable(line),
            }),
            false => Ok(EnvEntry {
                name: name.to_owned(),
                value,
                line: at + 1,
            }),
        }
    });
    entries.collect()
}

fn no_variable(written: &str) -> Problem {
    let what = text!("`{written}` is not of the form `NAME=value`", written);
    Problem::new(what).code(Code::InvalidReference)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    lookups: Lookups<'a>,
    found: Vec<EnvEntry>,
    /// The bytes that values may still have.
    left: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn line(&self) -> usize {
        self.text[..self.at].matches('\n').count() + 1
    }

    fn error(&self, problem: Problem) -> EnvFileError {
        EnvFileError {
            line: self.line(),
            problem,
        }
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(skipped);
        self.at += rest.len() - trimmed.len();
    }

    /// Parses one variable; returns whether there was one.
    fn statement(&mut self) -> Result<bool, EnvFileError> {
        loop {
            self.skip(char::is_whitespace);
            if !self.rest().starts_with('#') {
                break;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
        if self.rest().is_empty() {
            return Ok(false);
        }
        let after_export = self.rest().strip_prefix("export");
        if after_export.is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
            self.at += "export".len();
            self.skip(is_blank);
        }
        let line = self.line();
        let rest = self.rest();
        let end = rest.find(['=', ':', '\n']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        let is_known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
        if name.is_empty() || !name.chars().all(is_known) {
            let written = rest.lines().next().unwrap_or_default();
            return Err(self.error(no_variable(written)));
        }
        let separator = rest[end..].chars().next();
        self.at += end + usize::from(separator.is_some());
        let value = match separator {
            Some('=' | ':') => {
                self.skip(is_blank);
                Some(self.value()?)
            }
            _ => None,
        };
        self.found.push(EnvEntry {
            name: name.to_owned(),
            value,
            line,
        });
        Ok(true)
    }

    /// Parses a value, at whose first character the parser stands.
    fn value(&mut self) -> Result<String, EnvFileError> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let Some(quote) = quote else {
            let line = rest.split('\n').next().unwrap_or_default();
            let value = line.split(" #").next().unwrap_or_default().trim_end();
            let expanded = self.expand(value)?;
            self.at += line.len();
            return Ok(expanded);
        };
        let mut value = String::new();
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                c if c == quote && !escaped => {
                    let expanded = match quote {
                        '"' => self.expand(&unescape(&value))?,
                        _ => value,
                    };
                    self.at += at + 1;
                    return Ok(expanded);
                }
                '\\' if !escaped => escaped = true,
                c => {
                    // An escaped quote loses its backslash; other escapes keep it for now.
                    if escaped && c != quote {
                        value.push('\\');
                    }
                    escaped = false;
                    value.push(c);
                }
            }
        }
        let what = text!("this quote is not closed");
        Err(self.error(Problem::new(what).code(Code::InvalidReference)))
    }

    fn expand(&mut self, value: &str) -> Result<String, EnvFileError> {
        let own = |name: &str| {
            let found = self.found.iter().rev().find(|entry| entry.name == name);
            found.and_then(|entry| entry.value.clone())
        };
        let Lookups { outer, earlier } = self.lookups;
        let lookup = |name: &str| outer(name).or_else(|| own(name)).or_else(|| earlier(name));
        match expand(value, Dialect::Compose, self.left, &lookup) {
            Ok(expanded) => {
                self.left = self.left.saturating_sub(expanded.len());
                Ok(expanded)
            }
            Err(error) => Err(self.expand_error(error, value)),
        }
    }

    fn expand_error(&self, error: ExpandError, value: &str) -> EnvFileError {
        let known = self.found.iter().map(|entry| entry.name.as_str());
        self.error(error.problem(value, Dialect::Compose, known))
    }
}

/// Returns whether a character is a blank but no line break.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

/// Replaces the escapes of a value in double quotes. `\$` becomes `$$`, so that it begins no reference.
fn unescape(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (replaced, length) = match after.chars().next() {
            Some('a') => ("\u{7}".to_owned(), 1),
            Some('b') => ("\u{8}".to_owned(), 1),
            Some('f') => ("\u{c}".to_owned(), 1),
            Some('n') => ("\n".to_owned(), 1),
            Some('r') => ("\r".to_owned(), 1),
            Some('t') => ("\t".to_owned(), 1),
            Some('v') => ("\u{b}".to_owned(), 1),
            Some('\\') => ("\\".to_owned(), 1),
            Some('"') => ("\"".to_owned(), 1),
            Some('$') => ("$$".to_owned(), 1),
            Some('0') => octal(&after[1..]),
            _ => ("\\".to_owned(), 0),
        };
        out.push_str(&replaced);
        rest = &after[length..];
    }
    out.push_str(rest);
    out
}

/// Returns the character of `\0` and three octal digits, and their length; anything else stays as it is.
fn octal(digits: &str) -> (String, usize) {
    let three = digits
        .get(..3)
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let byte = three.and_then(|digits| u8::from_str_radix(digits, 8).ok());
    match byte {
        Some(byte) => (char::from(byte).to_string(), 4),
        None => ("\\".to_owned(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Entries = Vec<(String, Option<String>)>;

    fn parse(text: &str) -> Result<Entries, (usize, String)> {
        let lookup = |name: &str| (name == "user").then(|| "kim".to_owned());
        let lookups = Lookups {
            outer: &lookup,
            earlier: &|name| (name == "before").then(|| "file".to_owned()),
        };
        let entries = parse_env_file(text, EnvFormat::Compose, &lookups)
            .map_err(|error| (error.line, error.problem.to_string()))?;
        Ok(entries
            .into_iter()
            .map(|entry| (entry.name, entry.value))
            .collect())
    }

    #[track_caller]
    fn check(text: &str, name: &str, expected: &str) {
        let found = parse(text).unwrap();
        let last = found.last().unwrap();
        assert_eq!(
            (last.0.as_str(), last.1.as_deref()),
            (name, Some(expected)),
            "{text:?}"
        );
    }

    #[test]
    fn a_raw_file_has_its_values_as_they_are() {
        let nothing = |_: &str| None;
        let lookups = Lookups {
            outer: &nothing,
            earlier: &nothing,
        };
        let parse = |text: &str| parse_env_file(text, EnvFormat::Raw, &lookups);
        let found = parse("  A= \"1\" # all\n\t# none\n\nB\n").unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|entry| (entry.name.as_str(), entry.value.as_deref(), entry.line))
            .collect();
        assert_eq!(found, [("A", Some(" \"1\" # all"), 1), ("B", None, 4)]);
        for wrong in ["=1", "A B=1", "A\tB"] {
            let error = parse(&format!("A=1\n{wrong}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{wrong}");
        }
    }

    #[test]
    fn values_are_read_as_compose_reads_them() {
        check("PORT=5434   # host port", "PORT", "5434");
        check("A=x#y", "A", "x#y");
        check("QC=\"hello world\" # note", "QC", "hello world");
        check("APOS=\"O'Brien'\"", "APOS", "O'Brien'");
        check("export EXPORTED=yes", "EXPORTED", "yes");
        check("export\tA = b ", "A", "b");
        check("YAML: style", "YAML", "style");
        check("NL=\"a\\nb\\tc\\\\d\\\"e\\q\"", "NL", "a\nb\tc\\d\"e\\q");
        check("S='a\\nb $user \\' c'", "S", "a\\nb $user ' c");
        check("KEY=\"line1\nline2\"", "KEY", "line1\nline2");
        check("A=1\r\nB=2\r\n", "B", "2");
        check("\u{feff}A=1", "A", "1");
        check("E=", "E", "");
        check("E=\nF=1", "F", "1");
        check(
            "P=5434\nREF=http://x:${P}/${user}/${no:-d}",
            "REF",
            "http://x:5434/kim/d",
        );
        check("A=\"\\$user $$user \\0101\"", "A", "$user $user A");
        check("# c\n\n  # d\nA='x'\nA=y", "A", "y");
        check("A=a=b:c", "A", "a=b:c");
        check("A=$before", "A", "file");
        check("before=own\nuser=own\nA=$before-$user", "A", "own-kim");
    }

    #[test]
    fn a_name_alone_has_no_value() {
        let expected = vec![
            ("BARE".to_owned(), None),
            ("A".to_owned(), Some("1".to_owned())),
        ];
        assert_eq!(parse("BARE\nA=1").unwrap(), expected);
        assert_eq!(parse("BARE\r\nA=1").unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_read_has_its_line() {
        let line = |text: &str| parse(text).unwrap_err().0;
        assert_eq!(line("A=1\nB=\"open\n"), 2);
        assert_eq!(line("A=1\n\n# c\nB C=2\n"), 4);
        assert_eq!(line("A=1\n=2\n"), 2);
        assert_eq!(line("A=1\nB=${nobody}\n"), 2);
        assert_eq!(line("A=${user\n"), 1);
    }

    #[test]
    fn a_raw_file_has_no_quotes_and_references() {
        let none = |_: &str| None;
        let lookups = Lookups {
            outer: &none,
            earlier: &none,
        };
        let entries = parse_env_file("A=\"$x\" # c\nB\n", EnvFormat::Raw, &lookups).unwrap();
        let values: Vec<_> = entries.into_iter().map(|entry| entry.value).collect();
        assert_eq!(values, [Some("\"$x\" # c".to_owned()), None]);
    }
}
