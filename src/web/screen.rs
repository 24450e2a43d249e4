//! The screen of a terminal: what programs write becomes rows of characters, and rows become what a page draws.
//!
//! The terminal is `vt100`: it keeps scrollback, wide characters, both screens and the modes for keys and pasting, and it is
//! tested against other terminals. What it does not do is answer the queries of programs, such as where the cursor is.

use std::num::NonZeroU16;

use serde_json::{Value, json};
use vt100::{Callbacks, Cell, Color, Parser};

use crate::engine::docker::TerminalSize;
use crate::web::keys::CursorKeys;

/// The lines that can be scrolled back to, and the most characters in them: a wide terminal keeps fewer lines.
const SCROLLBACK: usize = 2000;
const SCROLLBACK_CELLS: usize = 200_000;

/// The largest size of a terminal: a page of 4K in small letters.
const LARGEST: TerminalSize = TerminalSize {
    rows: 300,
    columns: 600,
};

/// A terminal.
pub(super) struct Screen(Parser<Answers>);

/// A screen as a page draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Each row as JSON: runs of characters that look alike.
    rows: Vec<String>,
    columns: u16,
    /// The row and the column, unless the cursor is hidden.
    cursor: Option<(u16, u16)>,
    /// The lines above the screen, and how many of them are shown.
    history: (usize, usize),
    title: String,
}

impl Screen {
    pub(super) fn new(size: TerminalSize) -> Self {
        let (rows, columns) = possible(size);
        Self(Parser::new_with_callbacks(
            rows,
            columns,
            SCROLLBACK.min(SCROLLBACK_CELLS / usize::from(columns.get())),
            Answers::default(),
        ))
    }

    /// Draws what a program wrote, and returns what it must get as an answer.
    pub(super) fn process(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.process(bytes);
        std::mem::take(&mut self.0.callbacks_mut().answers)
    }

    /// Changes the size, and returns it as it is then.
    pub(super) fn resize(&mut self, size: TerminalSize) -> TerminalSize {
        let (rows, columns) = possible(size);
        self.0.set_size(rows, columns);
        TerminalSize {
            rows: rows.get(),
            columns: columns.get(),
        }
    }

    pub(super) fn cursor_keys(&self) -> CursorKeys {
        match self.0.screen().application_cursor() {
            true => CursorKeys::Application,
            false => CursorKeys::Normal,
        }
    }

    pub(super) fn is_bracketed_paste(&self) -> bool {
        self.0.screen().bracketed_paste()
    }

    /// Returns the screen, or what is so many lines above it.
    pub(super) fn frame(&mut self, lines_back: usize) -> Frame {
        let title = self.0.callbacks().title.clone();
        let screen = self.0.screen_mut();
        let all = screen.scrollback_len();
        screen.set_scrollback(lines_back);
        let back = screen.scrollback();
        let (rows, columns) = screen.size();
        let row = |row| {
            let cells = (0..columns.get()).filter_map(|column| screen.cell(row, column));
            runs(cells).to_string()
        };
        let lines = (0..rows.get()).map(row).collect();
        let visible = back == 0 && !screen.hide_cursor();
        let frame = Frame {
            rows: lines,
            columns: columns.get(),
            cursor: visible.then(|| screen.cursor_position()),
            history: (all, back),
            title,
        };
        screen.set_scrollback(0);
        frame
    }
}

impl Frame {
    /// Returns the number of lines above the screen.
    pub(super) fn history(&self) -> usize {
        self.history.0
    }

    /// Returns what changed since another frame was drawn, as JSON; `None` if nothing did.
    pub(super) fn changes_since(&self, before: Option<&Self>) -> Option<Value> {
        if before == Some(self) {
            return None;
        }
        let same_size =
            |one: &&Self| (one.rows.len(), one.columns) == (self.rows.len(), self.columns);
        let before = before.filter(same_size);
        let changed = self.rows.iter().enumerate().filter(|(at, row)| {
            let drawn = before.and_then(|before| before.rows.get(*at));
            drawn != Some(row)
        });
        let rows = changed.map(|(at, row)| {
            let runs: Value = serde_json::from_str(row).unwrap_or_default();
            json!([at, runs])
        });
        Some(json!({
            "size": [self.rows.len(), self.columns],
            "rows": rows.collect::<Vec<_>>(),
            "cursor": self.cursor,
            "history": [self.history.0, self.history.1],
            "title": self.title,
        }))
    }
}

/// Returns a size that a terminal can have.
fn possible(size: TerminalSize) -> (NonZeroU16, NonZeroU16) {
    let limit =
        |wanted: u16, largest: u16| NonZeroU16::new(wanted.min(largest)).unwrap_or(NonZeroU16::MIN);
    (
        limit(size.rows, LARGEST.rows),
        limit(size.columns.max(2), LARGEST.columns),
    )
}

/// Returns cells as runs: the text, both colors and the style. Each wide character is a run of its own, so that a page can give
/// it its two columns.
fn runs<'a>(cells: impl Iterator<Item = &'a Cell>) -> Value {
    let mut runs: Vec<(String, Value, Value, u8)> = Vec::new();
    for cell in cells.filter(|cell| !cell.is_wide_continuation()) {
        let text = match cell.has_contents() {
            true => cell.contents(),
            false => " ",
        };
        let (front, back, style) = (color(cell.fgcolor()), color(cell.bgcolor()), style(cell));
        match runs.last_mut() {
            Some(last)
                if last.3 & WIDE == 0 && (&last.1, &last.2, last.3) == (&front, &back, style) =>
            {
                last.0.push_str(text);
            }
            _ => runs.push((text.to_owned(), front, back, style)),
        }
    }
    // Spaces at the end that look like nothing are nothing.
    if let Some(last) = runs.last_mut()
        && last.2.is_null()
        && last.3 & (UNDERLINE | INVERSE) == 0
    {
        last.0.truncate(last.0.trim_end_matches(' ').len());
    }
    runs.retain(|run| !run.0.is_empty());
    let runs = runs.into_iter().map(|(text, front, back, style)| {
        match (front.is_null() && back.is_null(), style) {
            (true, 0) => json!([text]),
            _ => json!([text, front, back, style]),
        }
    });
    runs.collect()
}

const BOLD: u8 = 1;
const DIM: u8 = 2;
const ITALIC: u8 = 4;
const UNDERLINE: u8 = 8;
const INVERSE: u8 = 16;
const WIDE: u8 = 32;

fn style(cell: &Cell) -> u8 {
    let styles = [
        (cell.bold(), BOLD),
        (cell.dim(), DIM),
        (cell.italic(), ITALIC),
        (cell.underline(), UNDERLINE),
        (cell.inverse(), INVERSE),
        (cell.is_wide(), WIDE),
    ];
    let set = styles.into_iter().filter(|(is, _)| *is);
    set.fold(0, |all, (_, style)| all | style)
}

fn color(color: Color) -> Value {
    match color {
        Color::Default => Value::Null,
        Color::Idx(index) => index.into(),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}").into(),
    }
}

/// Answers the queries of programs, and keeps the title.
#[derive(Default)]
struct Answers {
    answers: Vec<u8>,
    title: String,
}

/// The longest title, in characters.
const LONGEST_TITLE: usize = 80;

impl Callbacks for Answers {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        let title = String::from_utf8_lossy(title);
        let visible = title.chars().filter(|c| !c.is_control());
        self.title = visible.take(LONGEST_TITLE).collect();
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        letter: char,
    ) {
        let parameter = parameters.first().and_then(|one| one.first()).copied();
        let answer = match (first, letter, parameter) {
            // Where the cursor is.
            (None, 'n', Some(6)) => {
                let (row, column) = screen.cursor_position();
                format!("\x1b[{};{}R", row + 1, column + 1)
            }
            // Whether the terminal works.
            (None, 'n', Some(5)) => "\x1b[0n".to_owned(),
            // What the terminal is: a VT220 with colors, as xterm says.
            (None, 'c', None | Some(0)) => "\x1b[?62;22c".to_owned(),
            (Some(b'>'), 'c', None | Some(0)) => "\x1b[>0;0;0c".to_owned(),
            _ => return,
        };
        self.answers.extend(answer.into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: TerminalSize = TerminalSize {
        rows: 3,
        columns: 10,
    };

    fn rows(screen: &mut Screen) -> String {
        screen.frame(0).rows.join("\n")
    }

    #[test]
    fn rows_are_runs_of_characters_of_one_style() {
        let mut screen = Screen::new(SIZE);
        assert_eq!(
            screen.process(b"plain\r\n\x1b[1;31mbold\x1b[0m  x\x1b[K"),
            b""
        );
        let expected = "[[\"plain\"]]\n[[\"bold\",1,null,1],[\"  x\"]]\n[]";
        assert_eq!(rows(&mut screen), expected);
        screen.process("\x1b[2J\x1b[H가a\x1b[48;2;1;2;3m \x1b[0m\x1b[7m \x1b[0m".as_bytes());
        let expected = "[[\"가\",null,null,32],[\"a\"],[\" \",null,\"#010203\",0],[\" \",null,null,16]]\n[]\n[]";
        assert_eq!(rows(&mut screen), expected);
    }

    #[test]
    fn a_page_gets_the_rows_that_changed() {
        let mut screen = Screen::new(SIZE);
        screen.process(b"one\r\ntwo");
        let first = screen.frame(0);
        let all = first.changes_since(None).unwrap();
        assert_eq!(all["rows"].as_array().map(Vec::len), Some(3));
        assert_eq!(first.changes_since(Some(&first)), None);
        screen.process(b"!");
        let second = screen.frame(0).changes_since(Some(&first)).unwrap();
        assert_eq!(second["rows"], json!([[1, [["two!"]]]]));
        assert_eq!(second["cursor"], json!([1, 4]));
        let size = screen.resize(TerminalSize {
            rows: 0,
            columns: 60_000,
        });
        assert_eq!((size.rows, size.columns), (1, 600));
        assert_eq!(screen.frame(0).rows.len(), 1);
    }

    #[test]
    fn lines_above_the_screen_are_kept_within_a_limit() {
        let mut screen = Screen::new(SIZE);
        for line in 0..SCROLLBACK + 100 {
            screen.process(format!("{line}\r\n").as_bytes());
        }
        let frame = screen.frame(2);
        assert_eq!(frame.history, (SCROLLBACK, 2));
        assert_eq!(frame.rows[0], format!("[[\"{}\"]]", SCROLLBACK + 96));
        assert_eq!(frame.cursor, None);
        assert_eq!(screen.frame(usize::MAX).history, (SCROLLBACK, SCROLLBACK));
        assert_eq!(
            screen.frame(0).rows[0],
            format!("[[\"{}\"]]", SCROLLBACK + 98)
        );
    }

    #[test]
    fn a_program_that_queries_the_terminal_gets_an_answer() {
        let mut screen = Screen::new(SIZE);
        assert_eq!(screen.process(b"ab\x1b[6n"), b"\x1b[1;3R");
        assert_eq!(
            screen.process(b"\x1b[5n\x1b[c\x1b[>c"),
            b"\x1b[0n\x1b[?62;22c\x1b[>0;0;0c"
        );
        screen.process(b"\x1b]2;a\x07\x1b]2;title \x07\x1b[?1h\x1b[?2004h");
        assert_eq!(screen.frame(0).title, "title ");
        assert_eq!(screen.cursor_keys(), CursorKeys::Application);
        assert!(screen.is_bracketed_paste());
    }

    #[test]
    fn what_no_terminal_knows_does_no_harm() {
        let mut screen = Screen::new(SIZE);
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.extend(
            "\x1b[999999999;99999999999H\x1b[-1;-1H\x1b]52;c;eA==\x07\x1bP+q\x1b\\".bytes(),
        );
        for start in 0..bytes.len() {
            screen.process(&bytes[start..]);
            let _ = screen.frame(start);
        }
    }
}
