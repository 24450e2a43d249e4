//! Breaks text into lines at spaces, by the width that a terminal gives each character.

use console::measure_text_width;

/// Breaks a text at spaces into lines of a width. A word that is wider has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    wrapped_from(&text.join(" "), width, width)
}

/// Breaks a text at spaces: the first line has one width, the others another. Spaces within a line are kept.
pub(super) fn wrapped_from(text: &str, first: usize, others: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let wide = measure_text_width(word);
        let width = if lines.is_empty() { first } else { others };
        if used > 0 && used + 1 + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += wide;
    }
    lines.push(line);
    lines
}

/// Wraps the sentences of a text that are wider than a terminal. What is between backticks stays in one line where it fits, so
/// that a command can be copied. Indented lines, such as code and tables, stay as they are.
pub(crate) fn prose(text: &str, width: Option<usize>) -> String {
    const INDENT: usize = 2;
    let Some(width) = width.filter(|width| *width > 2 * INDENT) else {
        return text.to_owned();
    };
    let too_wide = |line: &str| {
        let text = console::strip_ansi_codes(line);
        // What begins with a sign in color is a help, not code.
        let indented = line.starts_with([' ', '\t', '│', '┃']) && !text.starts_with("  = ");
        !indented && measure_text_width(line) > width
    };
    if !text.lines().any(too_wide) {
        return text.to_owned();
    }
    let lines = text.split('\n').flat_map(|line| match too_wide(line) {
        true => wrap(&with_whole_code(line, width - INDENT), INDENT, Some(width)),
        false => vec![line.to_owned()],
    });
    lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace(UNBREAKABLE, " ")
}

/// Stands for a space at which a line is not broken.
const UNBREAKABLE: char = '\u{a0}';

/// Returns a line in which the spaces of code are unbreakable, where the code fits into a width.
fn with_whole_code(line: &str, width: usize) -> String {
    let parts = line.split('`').enumerate().map(|(at, part)| {
        match at % 2 == 1 && measure_text_width(part) + 3 < width {
            true => part.replace(' ', &UNBREAKABLE.to_string()),
            false => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Wraps a line by word; the lines after the first are indented.
pub(crate) fn wrap(line: &str, indent: usize, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|width| measure_text_width(line) > *width) else {
        return vec![line.to_owned()];
    };
    let text = line.trim_start_matches(' ');
    let first = line.len() - text.len();
    // Runs of spaces, such as those behind a label, are kept on the first line.
    let room = width.saturating_sub(indent).max(10);
    let mut lines = Vec::new();
    for (at, part) in wrapped_from(text, width.saturating_sub(first).max(10), room)
        .into_iter()
        .enumerate()
    {
        let indent = if at == 0 { first } else { indent };
        lines.push(format!("{}{part}", " ".repeat(indent)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_wrapped_by_word_and_code_stays_whole() {
        let text = "redis stays up; remove it with `roadlab down redis --instance a1`";
        assert_eq!(prose(text, None), text);
        assert_eq!(prose(text, Some(80)), text);
        assert_eq!(
            prose(text, Some(40)),
            "redis stays up; remove it with\n  `roadlab down redis --instance a1`"
        );
        let help = "  \u{1b}[2m=\u{1b}[0m add it to the variables";
        let wrapped = "  \u{1b}[2m=\u{1b}[0m add it to the\n  variables";
        assert_eq!(prose(help, Some(22)), wrapped);
        assert_eq!(
            prose("서비스를 이 연습의 처음으로 되돌립니다", Some(24)),
            "서비스를 이 연습의\n  처음으로 되돌립니다"
        );
        let code = "    a line of code that is wider than the terminal";
        assert_eq!(prose(code, Some(20)), code);
        for line in prose(text, Some(20)).lines().skip(1) {
            assert!(line.starts_with("  "), "{line:?}");
        }
    }
}
