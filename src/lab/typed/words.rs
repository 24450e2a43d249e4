//! Words of commands, and lines of commands that fit a terminal.

/// The longest line of a command that can be divided: with an indentation it fits 80 columns.
pub(super) const WIDTH: usize = 74;

/// Returns whether a text is a name in JavaScript and Python; `$` is none in Python, but names of fields there are quoted.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    characters.next().is_some_and(is_first) && characters.all(|c| is_first(c) || c.is_ascii_digit())
}

/// Returns a word as it is typed in a shell. `${name}`, which an earlier command captured, stays a variable.
pub(super) fn word(text: &str) -> String {
    if text.contains("${") {
        let escaped = text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('`', "\\`");
        return format!("\"{escaped}\"");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%_+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    // shlex changes between kinds of quotes within a word, which a person would not type.
    match text.contains('\'') && !text.contains(['"', '$', '`', '\\', '!']) {
        true => format!("\"{text}\""),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Returns a word as it is typed in redis-cli, where only spaces and quotes have a meaning.
pub(super) fn redis_word(text: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '"' && c != '\'';
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let has_escapes = text.contains(['\\', '"']) || text.chars().any(char::is_control);
    match has_escapes && !text.contains('\'') && !text.chars().any(char::is_control) {
        true => format!("'{text}'"),
        false => {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{}\"", escaped.replace('\n', "\\n"))
        }
    }
}

/// Returns a command as lines that are divided between words.
pub(super) fn command(words: &[String]) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|one| word(one)).collect();
    divided(&words)
}

/// Returns typed words as lines that end with a backslash where the command goes on.
pub(super) fn divided(words: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words {
        let last = line.rsplit('\n').next().unwrap_or_default();
        let first = word.split('\n').next().unwrap_or_default();
        let is_full = last.chars().count() + 1 + first.chars().count() > WIDTH;
        if !line.is_empty() && is_full {
            lines.push(format!("{line} \\"));
            line = "  ".to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
        .iter()
        .flat_map(|line| line.split('\n').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_divided_between_words() {
        let words: Vec<String> = (0..30).map(|number| format!("word-{number}")).collect();
        let lines = command(&words);
        assert!(lines.len() > 1);
        assert!(
            lines.iter().all(|line| line.len() <= WIDTH + 2),
            "{lines:?}"
        );
        let joined = lines.join(" ").replace('\\', " ");
        assert_eq!(joined.split_whitespace().collect::<Vec<_>>(), words);
    }

    #[test]
    fn words_are_quoted_for_redis_cli() {
        let check = |text: &str, expected: &str| assert_eq!(redis_word(text), expected);
        check("cart:{kim}", "cart:{kim}");
        check(">", ">");
        check("", "\"\"");
        check("Spring sale", "\"Spring sale\"");
        check("it's", "\"it's\"");
        check(r#"{"name":"Mango"}"#, r#"'{"name":"Mango"}'"#);
        check(r#"'a' "b" \c"#, r#""'a' \"b\" \\c""#);
        check("one\ntwo", r#""one\ntwo""#);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(word("session:42"), "session:42");
        assert_eq!(word("Spring sale"), "'Spring sale'");
        assert_eq!(word("don't"), r#""don't""#);
        assert_eq!(word("don't \\!"), r"'don'\''t \!'");
        assert_eq!(word(""), "''");
        assert_eq!(word("--dbname=lab"), "--dbname=lab");
        assert_eq!(word("Bearer ${token}"), r#""Bearer ${token}""#);
        assert_eq!(command(&["a".into(), "x\ny".into()]), ["a 'x", "y'"]);
    }
}
