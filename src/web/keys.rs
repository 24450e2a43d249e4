//! What keys send to a program on a terminal, as xterm does it. Pure.

use serde::Deserialize;

/// A key with its modifiers, as a browser names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Key {
    /// `KeyboardEvent.key`, such as `a`, `Enter` or `ArrowUp`.
    pub(super) key: String,
    #[serde(default)]
    pub(super) ctrl: bool,
    #[serde(default)]
    pub(super) alt: bool,
    #[serde(default)]
    pub(super) shift: bool,
}

/// What the arrow keys send, which the program chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CursorKeys {
    Normal,
    Application,
}

/// Returns the bytes of a key; `None` for one that sends nothing, such as a modifier alone.
pub(super) fn bytes(key: &Key, cursor_keys: CursorKeys) -> Option<Vec<u8>> {
    let modifiers = 1 + u8::from(key.shift) + 2 * u8::from(key.alt) + 4 * u8::from(key.ctrl);
    let plain = modifiers == 1;
    let cursor = |letter: char| match (plain, cursor_keys) {
        (true, CursorKeys::Application) => format!("\x1bO{letter}"),
        (true, CursorKeys::Normal) => format!("\x1b[{letter}"),
        (false, _) => format!("\x1b[1;{modifiers}{letter}"),
    };
    let numbered = |number: u8| match plain {
        true => format!("\x1b[{number}~"),
        false => format!("\x1b[{number};{modifiers}~"),
    };
    let function = |letter: char| match plain {
        true => format!("\x1bO{letter}"),
        false => format!("\x1b[1;{modifiers}{letter}"),
    };
    let escaped = |text: &str| match key.alt {
        true => format!("\x1b{text}"),
        false => text.to_owned(),
    };
    let text = match key.key.as_str() {
        "ArrowUp" => cursor('A'),
        "ArrowDown" => cursor('B'),
        "ArrowRight" => cursor('C'),
        "ArrowLeft" => cursor('D'),
        "Home" => cursor('H'),
        "End" => cursor('F'),
        "Insert" => numbered(2),
        "Delete" => numbered(3),
        "PageUp" => numbered(5),
        "PageDown" => numbered(6),
        "F1" => function('P'),
        "F2" => function('Q'),
        "F3" => function('R'),
        "F4" => function('S'),
        "F5" => numbered(15),
        "F6" => numbered(17),
        "F7" => numbered(18),
        "F8" => numbered(19),
        "F9" => numbered(20),
        "F10" => numbered(21),
        "F11" => numbered(23),
        "F12" => numbered(24),
        "Enter" => escaped("\r"),
        "Backspace" if key.ctrl => escaped("\x08"),
        "Backspace" => escaped("\x7f"),
        "Tab" if key.shift => "\x1b[Z".to_owned(),
        "Tab" => escaped("\t"),
        "Escape" => escaped("\x1b"),
        single => {
            let mut chars = single.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if key.ctrl => escaped(&control(c)?.to_string()),
                (Some(_), None) => escaped(single),
                _ => return None,
            }
        }
    };
    Some(text.into_bytes())
}

/// Returns the control character of a key with Ctrl.
fn control(c: char) -> Option<char> {
    let code = match c.to_ascii_lowercase() {
        letter @ 'a'..='z' => letter as u8 - b'a' + 1,
        ' ' | '@' | '2' => 0,
        '[' | '3' => 0x1b,
        '\\' | '4' => 0x1c,
        ']' | '5' => 0x1d,
        '^' | '6' => 0x1e,
        '_' | '/' | '7' | '-' => 0x1f,
        '?' | '8' => 0x7f,
        _ => return None,
    };
    Some(char::from(code))
}

/// Returns the bytes of text that was typed at once, such as what was composed: each line ends as Enter does.
pub(super) fn typed(text: &str) -> Vec<u8> {
    with_enter(text).into_bytes()
}

fn with_enter(text: &str) -> String {
    text.replace("\r\n", "\r").replace('\n', "\r")
}

/// Returns the bytes of text that was pasted. A program that knows of pasting gets it between two marks, which the text itself
/// cannot contain; otherwise each line ends as Enter does.
pub(super) fn pasted(text: &str, bracketed: bool) -> Vec<u8> {
    let mut text = with_enter(text);
    // What control characters do is the key's to decide, not that of a page from which text was copied.
    text.retain(|c| !c.is_control() || matches!(c, '\r' | '\t'));
    match bracketed {
        true => format!("\x1b[200~{text}\x1b[201~").into_bytes(),
        false => text.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys such as `C-c`, `M-b`, `S-Tab` or `ArrowUp`.
    #[track_caller]
    fn check(typed: &str, expected: &str) {
        let (mut key, mut rest) = (
            Key {
                key: String::new(),
                ctrl: false,
                alt: false,
                shift: false,
            },
            typed,
        );
        while let Some((modifier, after)) = rest.split_once('-').filter(|(one, _)| one.len() == 1) {
            match modifier {
                "C" => key.ctrl = true,
                "M" => key.alt = true,
                _ => key.shift = true,
            }
            rest = after;
        }
        key.key = rest.to_owned();
        let sent = bytes(&key, CursorKeys::Normal);
        let sent = sent.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(sent.as_deref().unwrap_or("nothing"), expected, "{typed}");
    }

    #[test]
    fn keys_send_what_xterm_sends() {
        check("a", "a");
        check("한", "한");
        check("Enter", "\r");
        check("Backspace", "\x7f");
        check("C-c", "\x03");
        check("C-C", "\x03");
        check("C-d", "\x04");
        check("C-[", "\x1b");
        check("C-\\", "\x1c");
        check("C- ", "\0");
        check("M-b", "\x1bb");
        check("ArrowUp", "\x1b[A");
        check("C-ArrowRight", "\x1b[1;5C");
        check("S-Tab", "\x1b[Z");
        check("PageDown", "\x1b[6~");
        check("S-PageDown", "\x1b[6;2~");
        check("F1", "\x1bOP");
        check("F12", "\x1b[24~");
        check("Shift", "nothing");
        check("Dead", "nothing");
        let up = Key {
            key: "ArrowUp".to_owned(),
            ctrl: false,
            alt: false,
            shift: false,
        };
        let sent = bytes(&up, CursorKeys::Application);
        assert_eq!(sent.as_deref(), Some(b"\x1bOA".as_slice()));
    }

    #[test]
    fn typed_lines_end_as_enter_does() {
        assert_eq!(typed("한\n"), "한\r".as_bytes());
        assert_eq!(typed("a\r\nb"), b"a\rb");
    }

    #[test]
    fn pasted_text_cannot_end_by_itself_what_frames_it() {
        assert_eq!(pasted("a\nb\r\nc", false), b"a\rb\rc");
        assert_eq!(pasted("a\tb", true), b"\x1b[200~a\tb\x1b[201~");
        let attack = "x\x1b[201~\nrm -rf /\n\x03\u{9b}201~";
        assert_eq!(
            pasted(attack, true),
            b"\x1b[200~x[201~\rrm -rf /\r201~\x1b[201~"
        );
    }
}
