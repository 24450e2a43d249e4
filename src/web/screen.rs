//! The screen of a terminal: what programs write becomes rows of characters, and rows become what a page draws.
//!
//! The terminal is `vt100`: it keeps scrollback, wide characters, both screens and the modes for keys and pasting, and it is
//! tested against other terminals. What it does not do is answer the queries of programs, such as where the cursor is.

use std::num::NonZeroU16;

use serde_json::{Value, json};
use vt100::capture::RowContents;
use vt100::{Callbacks, Cell, Parser};

use crate::engine::docker::TerminalSize;
use crate::web::colors::{self, Color, Emphasis, INK, PAPER, Rgb};
use crate::web::keys::CursorKeys;

/// The lines that can be scrolled back to: 19 MB if they are as long as the largest terminal is wide.
const SCROLLBACK: usize = 1000;

/// The largest size of a terminal: a page of 4K in small letters.
const LARGEST: TerminalSize = TerminalSize {
    rows: 300,
    columns: 600,
};

/// A terminal.
pub(super) struct Screen(Parser<Program>);

/// A screen as a page draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    rows: Vec<Row>,
    columns: u16,
    /// The row and the column, unless the cursor is hidden.
    cursor: Option<(u16, u16)>,
    /// The lines above the screen, and how many of them are shown.
    history: (usize, usize),
    /// The first line, if it is above the screen.
    first_line: Option<usize>,
    /// Whether a program uses the second screen, which has no lines above it.
    alternate: bool,
    title: String,
}

/// A row as a page draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// The characters as JSON: runs of those that look alike.
    runs: String,
    /// Whether the line goes on in the next row.
    wrapped: bool,
}

impl Screen {
    pub(super) fn new(size: TerminalSize) -> Self {
        let (rows, columns) = possible(size);
        Self(Parser::new_with_callbacks(
            rows,
            columns,
            SCROLLBACK,
            Program::default(),
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

    /// Returns the number of lines that have left the screen at its top, of which the last ones are kept.
    fn scrolled(&self) -> usize {
        self.0.callbacks().discarded + self.0.screen().scrollback_len()
    }

    /// Returns the first line of a view after it was scrolled by so many lines, downwards if positive; `None` if it shows the
    /// screen. Lines are counted from the first one that the program wrote.
    pub(super) fn scroll(&self, first_line: Option<usize>, lines: isize) -> Option<usize> {
        let end = self.scrolled();
        let first_line = first_line.unwrap_or(end).saturating_add_signed(lines);
        let first_line = first_line.max(self.0.callbacks().discarded);
        (first_line < end).then_some(first_line)
    }

    /// Returns the screen, or the rows from a line above it.
    pub(super) fn frame(&mut self, first_line: Option<usize>) -> Frame {
        let title = self.0.callbacks().title.clone();
        let end = self.scrolled();
        let screen = self.0.screen_mut();
        let all = screen.scrollback_len();
        screen.set_scrollback(first_line.map_or(0, |first_line| end.saturating_sub(first_line)));
        let back = screen.scrollback();
        let (rows, columns) = screen.size();
        let row = |row| {
            let cells = (0..columns.get()).filter_map(|column| screen.cell(row, column));
            let wrapped = screen.row_wrapped(row);
            Row {
                runs: runs(cells.collect(), wrapped).to_string(),
                wrapped,
            }
        };
        let lines = (0..rows.get()).map(row).collect();
        let visible = back == 0 && !screen.hide_cursor();
        let frame = Frame {
            rows: lines,
            columns: columns.get(),
            cursor: visible.then(|| screen.cursor_position()),
            history: (all, back),
            first_line: (back > 0).then(|| end - back),
            alternate: screen.alternate_screen(),
            title,
        };
        screen.set_scrollback(0);
        frame
    }
}

impl Frame {
    /// Returns the first line, if it is above the screen.
    pub(super) fn first_line(&self) -> Option<usize> {
        self.first_line
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
            let runs: Value = serde_json::from_str(&row.runs).unwrap_or_default();
            json!([at, runs, row.wrapped])
        });
        Some(json!({
            "size": [self.rows.len(), self.columns],
            "rows": rows.collect::<Vec<_>>(),
            "cursor": self.cursor,
            "history": [self.history.0, self.history.1],
            "alternate": self.alternate,
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

/// Returns the cells of a row as runs: the text, both colors and the style. Each wide character is a run of its own, so that a
/// page can give it its two columns.
fn runs(mut cells: Vec<&Cell>, wrapped: bool) -> Value {
    // Spaces at the end that look like nothing are nothing, unless the line goes on.
    while !wrapped && cells.pop_if(|cell| is_blank(cell)).is_some() {}
    let mut runs: Vec<(String, Appearance)> = Vec::new();
    for cell in cells.iter().filter(|cell| !cell.is_wide_continuation()) {
        let text = match cell.has_contents() {
            true => cell.contents(),
            false => " ",
        };
        let appearance = Appearance::of(cell);
        match runs.last_mut() {
            Some((run, same)) if appearance.style & WIDE == 0 && appearance == *same => {
                run.push_str(text)
            }
            _ => runs.push((text.to_owned(), appearance)),
        }
    }
    let runs = runs.into_iter().map(|(text, appearance)| {
        let (front, back) =
            colors::drawn(appearance.text, appearance.background, appearance.emphasis);
        let (front, back) = (hex(front, INK), hex(back, PAPER));
        match (front.is_null() && back.is_null(), appearance.style) {
            (true, 0) => json!([text]),
            (_, style) => json!([text, front, back, style]),
        }
    });
    runs.collect()
}

/// Returns whether a cell looks like nothing.
fn is_blank(cell: &Cell) -> bool {
    matches!(cell.contents(), "" | " ")
        && !cell.is_wide_continuation()
        && cell.bgcolor() == vt100::Color::Default
        && !cell.inverse()
        && !cell.underline()
}

/// Returns a color as a page takes it; null for the terminal's own.
fn hex(color: Rgb, own: Rgb) -> Value {
    match color {
        color if color == own => Value::Null,
        [red, green, blue] => format!("#{red:02x}{green:02x}{blue:02x}").into(),
    }
}

const BOLD: u8 = 1;
const ITALIC: u8 = 2;
const UNDERLINE: u8 = 4;
const WIDE: u8 = 8;

/// What cells of one run share.
#[derive(PartialEq, Eq)]
struct Appearance {
    text: Color,
    background: Color,
    emphasis: Emphasis,
    /// Bits, as the page knows them.
    style: u8,
}

impl Appearance {
    fn of(cell: &Cell) -> Self {
        let styles = [
            (cell.bold(), BOLD),
            (cell.italic(), ITALIC),
            (cell.underline(), UNDERLINE),
            (cell.is_wide(), WIDE),
        ];
        let set = styles.into_iter().filter(|(is, _)| *is);
        Self {
            text: color(cell.fgcolor()),
            background: color(cell.bgcolor()),
            emphasis: Emphasis {
                inverse: cell.inverse(),
                dim: cell.dim(),
            },
            style: set.fold(0, |all, (_, style)| all | style),
        }
    }
}

fn color(color: vt100::Color) -> Color {
    match color {
        vt100::Color::Default => Color::Default,
        vt100::Color::Idx(index) => Color::Index(index),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb([red, green, blue]),
    }
}

/// What a program does beside drawing: queries, which are answered, the title, and lines that are not kept any more.
#[derive(Default)]
struct Program {
    answers: Vec<u8>,
    title: String,
    discarded: usize,
}

/// The longest title, in characters.
const LONGEST_TITLE: usize = 80;

impl Callbacks for Program {
    fn on_scroll(&mut self, _: RowContents<'_>, alternate_screen: bool) {
        if !alternate_screen {
            self.discarded += 1;
        }
    }

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
        let frame = screen.frame(None);
        let rows: Vec<&str> = frame.rows.iter().map(|row| row.runs.as_str()).collect();
        rows.join("\n")
    }

    /// The rows of the view whose first line this is, and then this line.
    fn view(screen: &mut Screen, first_line: Option<usize>) -> (Vec<Row>, Option<usize>) {
        let frame = screen.frame(first_line);
        (frame.rows, frame.first_line)
    }

    #[test]
    fn rows_are_runs_of_characters_of_one_style() {
        let mut screen = Screen::new(SIZE);
        assert_eq!(
            screen.process(b"plain\r\n\x1b[1;31mbold\x1b[0m  x\x1b[K"),
            b""
        );
        let expected = "[[\"plain\"]]\n[[\"bold\",\"#ff8a80\",null,1],[\"  x\"]]\n[]";
        assert_eq!(rows(&mut screen), expected);
        screen.process("\x1b[2J\x1b[H가a\x1b[48;2;1;2;3m \x1b[0m\x1b[7m \x1b[0m".as_bytes());
        let expected = "[[\"가\",null,null,8],[\"a\"],[\" \",null,\"#010203\",0],[\" \",\"#14181d\",\"#e6e9ed\",0]]\n[]\n[]";
        assert_eq!(rows(&mut screen), expected);
    }

    #[test]
    fn a_page_gets_the_rows_that_changed() {
        let mut screen = Screen::new(SIZE);
        screen.process(b"one\r\ntwo");
        let first = screen.frame(None);
        let all = first.changes_since(None).unwrap();
        assert_eq!(all["rows"].as_array().map(Vec::len), Some(3));
        assert_eq!(first.changes_since(Some(&first)), None);
        screen.process(b"!");
        let second = screen.frame(None).changes_since(Some(&first)).unwrap();
        assert_eq!(second["rows"], json!([[1, [["two!"]], false]]));
        assert_eq!(second["cursor"], json!([1, 4]));
        let size = screen.resize(TerminalSize {
            rows: 0,
            columns: 60_000,
        });
        assert_eq!((size.rows, size.columns), (1, 600));
        assert_eq!(screen.frame(None).rows.len(), 1);
    }

    #[test]
    fn lines_above_the_screen_are_kept_within_a_limit() {
        let mut screen = Screen::new(SIZE);
        for line in 0..SCROLLBACK + 100 {
            screen.process(format!("{line}\r\n").as_bytes());
        }
        let frame = screen.frame(screen.scroll(None, -2));
        assert_eq!(frame.history, (SCROLLBACK, 2));
        assert_eq!(frame.rows[0].runs, format!("[[\"{}\"]]", SCROLLBACK + 96));
        assert_eq!(frame.cursor, None);
        for oldest in [Some(0), screen.scroll(None, isize::MIN)] {
            assert_eq!(screen.frame(oldest).history, (SCROLLBACK, SCROLLBACK));
        }
        let frame = screen.frame(None);
        assert_eq!(frame.rows[0].runs, format!("[[\"{}\"]]", SCROLLBACK + 98));
    }

    #[test]
    fn lines_that_are_scrolled_back_to_stay_while_new_ones_come() {
        let mut screen = Screen::new(SIZE);
        let write = |screen: &mut Screen, lines: std::ops::Range<usize>| {
            for line in lines {
                screen.process(format!("{line}\r\n").as_bytes());
            }
        };
        for kept in [500, 2500] {
            write(&mut screen, 0..kept);
            let first_line = screen.scroll(None, -100);
            let (before, first_line) = view(&mut screen, first_line);
            for _ in 0..5 {
                write(&mut screen, 0..10);
                assert_eq!(view(&mut screen, first_line).0, before, "{kept}");
            }
            // Many scrolls before a frame add up.
            let up = screen.scroll(screen.scroll(first_line, -3), -3);
            assert_eq!(screen.scroll(up, 6), first_line);
            assert_eq!(screen.scroll(first_line, 100 + 50), None);
        }
        // Lines that are gone make place for the oldest ones that are kept.
        let first_line = screen.scroll(None, -100);
        write(&mut screen, 0..SCROLLBACK);
        let (rows, first_line) = view(&mut screen, first_line);
        assert_eq!(rows[0].runs, "[[\"8\"]]");
        // Without lines above the screen, there is nothing to stay at.
        screen.process(b"\x1b[3J");
        let (_, first_line) = view(&mut screen, first_line);
        assert_eq!(first_line, None);
    }

    #[test]
    fn a_program_on_the_second_screen_has_no_lines_above_it() {
        let mut screen = Screen::new(SIZE);
        screen.process(b"1\r\n2\r\n3\r\n4\r\n");
        assert!(!screen.frame(None).alternate);
        screen.process(b"\x1b[?1049h");
        let frame = screen.frame(screen.scroll(None, -1));
        assert_eq!((frame.alternate, frame.history), (true, (0, 0)));
        screen.process(b"a\r\nb\r\nc\r\nd\r\n\x1b[?1049l");
        assert_eq!(screen.frame(None).history, (2, 0));
        assert_eq!(screen.scroll(None, -1), Some(1));
    }

    #[test]
    fn a_line_of_several_rows_is_one_line() {
        let mut screen = Screen::new(SIZE);
        screen.process("abcdefgh  xy\r\n12345678가나".as_bytes());
        let rows: Vec<_> = screen.frame(None).rows;
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.runs.as_str(), row.wrapped))
            .collect();
        assert_eq!(
            rows,
            [
                ("[[\"xy\"]]", false),
                ("[[\"12345678\"],[\"가\",null,null,8]]", true),
                ("[[\"나\",null,null,8]]", false)
            ]
        );
        let above = screen.frame(screen.scroll(None, -1));
        assert_eq!(above.rows[0].runs, "[[\"abcdefgh  \"]]");
        assert!(above.rows[0].wrapped);
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
        assert_eq!(screen.frame(None).title, "title ");
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
            let _ = screen.frame(Some(start));
        }
    }
}
