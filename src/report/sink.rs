//! The way out: every foreign text is cleaned before it reaches a terminal, and a closed pipe is no panic.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Shows control and bidirectional characters instead of obeying them; new lines and tabs stay.
pub(crate) fn sanitize(text: &str) -> String {
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
        '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whoever read standard output has closed it.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// Prints a line of a result on standard output. The text is ours or was cleaned.
pub(crate) fn output(text: &str) {
    if !print(&mut std::io::stdout().lock(), text) {
        UNREAD.store(true, Ordering::Relaxed);
    }
}

/// Whether somebody still reads what [`output`] prints, as far as that has shown.
pub(crate) fn output_is_open() -> bool {
    !UNREAD.load(Ordering::Relaxed)
}

/// Prints a line of a result that has no end of its own; says whether anybody still reads.
pub(crate) fn try_output(text: &str) -> bool {
    let mut to = std::io::stdout().lock();
    writeln!(to, "{text}").and_then(|()| to.flush()).is_ok()
}

/// Prints a line about progress or a problem on standard error. The text is ours or was cleaned.
pub(crate) fn error(text: &str) {
    // It is no result that anybody waits for.
    let _ = print(&mut std::io::stderr().lock(), text);
}

/// Whoever closed the pipe has read enough; work that is not only to be read goes on to its end.
fn print(to: &mut impl Write, text: &str) -> bool {
    let text = only_colours(text);
    let printed = writeln!(to, "{text}").and_then(|()| to.flush());
    !printed.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Whatever a caller forgot to clean: of all escape sequences only colours reach a terminal.
fn only_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&sanitize(&rest[..at]));
        let colour = colour_length(&rest[at..]);
        match colour {
            0 => out.push_str("\\u{1b}"),
            length => out.push_str(&rest[at..at + length]),
        }
        rest = &rest[at + colour.max(1)..];
    }
    out.push_str(&sanitize(rest));
    out
}

/// The length of `ESC [ 1 ; 31 m` at the beginning of a text, 0 if there is none.
fn colour_length(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';');
    match end {
        Some(end) if rest[end..].starts_with('m') => 2 + end + 1,
        _ => 0,
    }
}

/// The same for JSON: what could steer a terminal is written as JSON writes it.
pub(crate) fn sanitize_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !(c.is_control() || is_invisible(c)) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_is_shown_not_obeyed() {
        assert_eq!(
            sanitize("\u{1b}]52;c;aGk=\u{7}x"),
            "\\u{1b}]52;c;aGk=\\u{7}x"
        );
        assert_eq!(sanitize("a\u{202e}b\u{9b}31m"), "a\\u{202e}b\\u{9b}31m");
        assert_eq!(sanitize("한국어 é\r\n\tok"), "한국어 é\n\tok");
    }

    #[test]
    fn only_colours_pass_whoever_forgot_to_clean() {
        let colour = "\u{1b}[1;31mred\u{1b}[0m";
        assert_eq!(only_colours(colour), colour);
        for bad in [
            "\u{1b}]0;title\u{7}",
            "\u{1b}[2J",
            "\u{1b}[",
            "\u{1b}",
            "\u{1b}[1;31",
            "\u{1b}[31\u{1b}m",
            "\u{9b}31m",
            "a\u{202e}b",
        ] {
            let shown = only_colours(bad);
            assert!(
                !shown.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}']),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn json_says_the_same_without_what_steers_a_terminal() {
        let text = "\u{1b}[2J \u{9b} \u{202e} \u{e0041} 한국 \u{7f}";
        let json = sanitize_json(&serde_json::to_string(text).unwrap());
        assert!(
            json.chars().all(|c| !c.is_control() && !is_invisible(c)),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
