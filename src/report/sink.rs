//! Standard output and standard error: control characters are made visible before they reach a terminal.

use std::time::Duration;

use crate::report::wrapping::prose;
use crate::report::writer::{self, Stream};
use crate::text;
use crate::text::Text;

/// Makes control and bidirectional characters visible; line breaks and tabs stay.
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

/// Makes line breaks and tabs visible too, for what a stranger wrote and must stay in its line.
pub(crate) fn sanitize_line(text: &str) -> String {
    let text = sanitize(text);
    text.replace('\n', "\\n").replace('\t', "\\t")
}

/// Characters that reorder or hide text: bidirectional controls, zero-width ones, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Prints a line of a result on standard output, without waiting for it to be written. On a terminal, a sentence that is too long
/// is wrapped by word.
pub(crate) fn output(text: &str) {
    print(
        Stream::Output,
        &prose(text, width_of(&console::Term::stdout())),
    );
}

/// Prints a line on standard output with its breaks as they are, such as JSON or the log of a service.
pub(crate) fn output_unwrapped(text: &str) {
    print(Stream::Output, text);
}

/// Prints text as it is on standard output, such as a screen with the codes that draw it.
pub(super) fn output_raw(text: &str) {
    writer::write(Stream::Output, text.as_bytes().to_vec());
}

/// Prints the candidates of a completion as they are, apart from control characters within one. In bash, a vertical tab
/// separates them.
pub(crate) fn output_candidates(text: &str) {
    const SEPARATOR: &str = "\u{b}";
    let candidates = text.split(SEPARATOR).map(sanitize);
    let text = candidates.collect::<Vec<_>>().join(SEPARATOR);
    output_raw(&format!("{text}\n"));
}

/// Whether standard output still takes text: its reader has not closed it, and no write failed so far.
pub(crate) fn output_is_open() -> bool {
    writer::is_open(Stream::Output)
}

/// Prints a line of an endless result and waits until it is written. Returns whether standard output takes more.
pub(crate) async fn try_output(text: &str) -> bool {
    writer::write(Stream::Output, format!("{text}\n").into_bytes());
    writer::flush().await;
    output_is_open()
}

/// Prints a line about progress or a problem on standard error, without waiting for it to be written.
pub(crate) fn error(text: &str) {
    print(
        Stream::Error,
        &prose(text, width_of(&console::Term::stderr())),
    );
}

/// Prints a line about progress or a problem on standard error and waits until it is written, as between two drawings of
/// progress bars.
pub(super) fn error_now(text: &str) {
    error(text);
    writer::flush_error_blocking();
}

/// Waits until standard output takes no more text: its reader closed it, or a write failed.
pub(crate) async fn output_closed() {
    writer::output_closed().await;
}

/// Does the work of a command, but pauses it while its output is not read: memory stays bounded, and signals are handled.
pub(crate) async fn with_backpressure<T>(work: impl Future<Output = T>) -> T {
    writer::with_backpressure(work).await
}

/// Waits until everything printed so far is written. Signals are handled meanwhile.
pub(crate) async fn flush() {
    writer::flush().await;
}

/// Waits until everything printed so far is written, at most until the deadline. Returns why standard output could not be
/// written; a reader that closed it is no error.
pub(crate) fn flush_blocking(deadline: Option<Duration>) -> Option<Text> {
    writer::flush_blocking(deadline);
    let reason = writer::output_error()?;
    Some(text!("cannot write to standard output: {reason}", reason))
}

/// Returns the width of a terminal; `None` if it is none.
fn width_of(terminal: &console::Term) -> Option<usize> {
    terminal.is_term().then(|| terminal.size().1.into())
}

fn print(stream: Stream, text: &str) {
    writer::write(stream, format!("{}\n", only_colors(text)).into_bytes());
}

/// Removes every escape sequence but colors, for text that a caller did not sanitize.
fn only_colors(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&sanitize(&rest[..at]));
        let color = color_length(&rest[at..]);
        match color {
            0 => out.push_str("\\u{1b}"),
            length => out.push_str(&rest[at..at + length]),
        }
        rest = &rest[at + color.max(1)..];
    }
    out.push_str(&sanitize(rest));
    out
}

/// The length of `ESC [ 1 ; 31 m` at the beginning of a text, 0 if there is none.
fn color_length(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';');
    match end {
        Some(end) if rest[end..].starts_with('m') => 2 + end + 1,
        _ => 0,
    }
}

/// Escapes control and bidirectional characters as JSON does.
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
    fn what_a_stranger_wrote_stays_in_its_line() {
        assert_eq!(sanitize_line("1.2\n\u{1b}[31m\tx"), "1.2\\n\\u{1b}[31m\\tx");
    }

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(
            sanitize("\u{1b}]52;c;aGk=\u{7}x"),
            "\\u{1b}]52;c;aGk=\\u{7}x"
        );
        assert_eq!(sanitize("a\u{202e}b\u{9b}31m"), "a\\u{202e}b\\u{9b}31m");
        assert_eq!(sanitize("한국어 é\r\n\tok"), "한국어 é\n\tok");
    }

    #[test]
    fn only_colors_pass() {
        let color = "\u{1b}[1;31mred\u{1b}[0m";
        assert_eq!(only_colors(color), color);
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
            let shown = only_colors(bad);
            assert!(
                !shown.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}']),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn json_keeps_its_value_without_control_characters() {
        let text = "\u{1b}[2J \u{9b} \u{202e} \u{e0041} 한국 \u{7f}";
        let json = sanitize_json(&serde_json::to_string(text).unwrap());
        assert!(
            json.chars().all(|c| !c.is_control() && !is_invisible(c)),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
