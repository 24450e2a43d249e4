//! The way out: every foreign text is cleaned before it reaches a terminal, and a closed pipe is no panic.

use std::io::Write;

/// Shows control and bidirectional characters instead of obeying them; new lines and tabs stay.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if c.is_control() || is_invisible(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Characters that reorder or hide text: bidirectional controls, zero-width ones, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Prints a line of a result on standard output. The text is ours or was cleaned.
pub(crate) fn output(text: &str) {
    print(&mut std::io::stdout().lock(), text);
}

/// Prints a line of a result that has no end of its own; says whether anybody still reads.
pub(crate) fn heard(text: &str) -> bool {
    let mut to = std::io::stdout().lock();
    writeln!(to, "{text}").and_then(|()| to.flush()).is_ok()
}

/// Prints a line about progress or a problem on standard error. The text is ours or was cleaned.
pub(crate) fn error(text: &str) {
    print(&mut std::io::stderr().lock(), text);
}

fn print(to: &mut impl Write, text: &str) {
    // Whoever closed the pipe has read enough; the work itself goes on to its end.
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_is_shown_not_obeyed() {
        assert_eq!(clean("\u{1b}]52;c;aGk=\u{7}x"), "\\u{1b}]52;c;aGk=\\u{7}x");
        assert_eq!(clean("a\u{202e}b\u{9b}31m"), "a\\u{202e}b\\u{9b}31m");
        assert_eq!(clean("한국어 é\r\n\tok"), "한국어 é\n\tok");
    }
}
