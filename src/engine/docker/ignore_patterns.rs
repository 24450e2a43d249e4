//! The patterns of `.dockerignore`.
//!
//! They are not those of `.gitignore`, which the `ignore` crate reads: a pattern begins at the root of the context, and `!`
//! takes a file back even from a folder that is ignored. The rules are those of moby's `patternmatcher`, which also turns each
//! pattern into a regular expression.

use regex::Regex;

/// The patterns of a file, in order. The last one that matches decides.
#[derive(Debug, Default)]
pub(super) struct IgnorePatterns(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    expression: Regex,
    /// Whether the pattern begins with `!`.
    exception: bool,
}

impl IgnorePatterns {
    /// Parses a file.
    ///
    /// # Errors
    /// The line and the text of the first pattern that is not valid.
    pub(super) fn parse(text: &str) -> Result<Self, (usize, &str)> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (exception, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line),
            };
            let clean = clean(pattern);
            if clean.is_empty() {
                continue;
            }
            let expression = expression(&clean).and_then(|text| Regex::new(&text).ok());
            let expression = expression.ok_or((at + 1, line))?;
            patterns.push(Pattern {
                expression,
                exception,
            });
        }
        Ok(Self(patterns))
    }

    /// Returns whether a path, relative to the context and with `/` between its parts, is ignored.
    pub(super) fn matches(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let paths: Vec<&str> = folders.chain([path]).collect();
        let matches =
            |pattern: &Pattern| paths.iter().any(|path| pattern.expression.is_match(path));
        let last = self.0.iter().rev().find(|pattern| matches(pattern));
        last.is_some_and(|pattern| !pattern.exception)
    }

    /// Returns whether a pattern begins with `!`, so that an ignored folder may contain files that are not.
    pub(super) fn has_exceptions(&self) -> bool {
        self.0.iter().any(|pattern| pattern.exception)
    }
}

/// Removes `.`, `..` and needless slashes, as Go's `filepath.Clean` does.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Returns the regular expression of a pattern; `None` if it is not valid.
fn expression(pattern: &str) -> Option<String> {
    let mut out = String::from("^");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                match chars.peek() {
                    // `**/` is any number of folders, also none.
                    Some('/') => {
                        chars.next();
                        out.push_str("(.*/)?");
                    }
                    Some(_) | None => out.push_str(".*"),
                }
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            '[' => {
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
                loop {
                    match chars.next()? {
                        ']' => break,
                        '-' => out.push('-'),
                        '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
                        c => out.push_str(&regex::escape(&c.to_string())),
                    }
                }
                out.push(']');
            }
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push('$');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &str, ignored: &[&str], kept: &[&str]) {
        let patterns = IgnorePatterns::parse(patterns).unwrap();
        for path in ignored {
            assert!(patterns.matches(path), "{path} is kept");
        }
        for path in kept {
            assert!(!patterns.matches(path), "{path} is ignored");
        }
    }

    #[test]
    fn patterns_follow_moby() {
        check("**/*.pyc", &["a.pyc", "x/y/a.pyc"], &["a.py"]);
        check("*.pyc", &["a.pyc"], &["x/a.pyc"]);
        check(
            "logs/*\r\n!logs/keep.log\r\n",
            &["logs/a", "logs/b/c"],
            &["logs/keep.log", "logs"],
        );
        check("logs\n!logs/keep.log", &["logs/a"], &["logs/keep.log"]);
        check("./a/\n/b", &["a", "a/x", "b"], &["x/a", "x/b"]);
        check(
            "a?c\n[x-z]1\n[^a]2",
            &["abc", "y1", "b2"],
            &["a/c", "a1", "a2"],
        );
        check("# c\n\n**\n!src/**", &["x", "y/z"], &["src/a", "src/b/c"]);
        check("a/**/b", &["a/b", "a/x/y/b"], &["b"]);
        check("\\*x", &["*x"], &["ax"]);
        check("a.b", &["a.b"], &["axb"]);
    }

    #[test]
    fn an_invalid_pattern_has_its_line() {
        assert_eq!(
            IgnorePatterns::parse("a\n[z-a]\n").unwrap_err(),
            (2, "[z-a]")
        );
        assert_eq!(IgnorePatterns::parse("a[\n").unwrap_err(), (1, "a["));
    }
}
