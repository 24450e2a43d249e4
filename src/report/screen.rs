//! The terminal during a session: a panel at the bottom that is redrawn in place, permanent text above it, and single keys.
//! Ctrl-C and Ctrl-Z keep their meaning. Dropping the screen restores the terminal.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, MoveUp, Show};
use crossterm::terminal::{Clear, ClearType};
use rustix::process::{Signal as Number, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcsetattr,
};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report::sink::{flush_blocking, output_raw};
use crate::report::wrapping::prose;

/// Synchronized output (DEC mode 2026); other terminals ignore it.
const SYNC_BEGIN: &str = "\u{1b}[?2026h";
const SYNC_END: &str = "\u{1b}[?2026l";

/// How long the terminal may take to show what is written before another program gets it.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The bytes that a terminal keeps for its reader: read at once, no key is in two parts.
const TYPED_BYTES: usize = 4096;

/// Input from the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Key(Key),
    /// The screen must be redrawn: its size changed, or the program was stopped and continues.
    Redraw,
    /// The terminal is gone.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Enter,
    Escape,
    Backspace,
    Char(char),
}

/// What happens in the terminal.
#[derive(Debug)]
enum TerminalEvent {
    /// The program was stopped and continues.
    Continued,
    Resized,
    /// The next of the keys that were read before.
    Pressed(Key),
    /// So many bytes were read.
    Typed(io::Result<usize>),
    /// Ctrl-Z.
    Stopped,
}

/// Waits for an event. Of those that are there, the first is returned: a key that was pressed after a resize is for the screen as
/// it is then, and what it prints must not be cleared. Cancel safe if the futures are.
async fn next_event(
    continued: impl Future<Output = Option<()>>,
    resized: impl Future<Output = Option<()>>,
    pressed: Option<Key>,
    typed: impl Future<Output = io::Result<usize>>,
    stopped: impl Future<Output = Option<()>>,
) -> TerminalEvent {
    tokio::select! {
        biased;
        _ = continued => TerminalEvent::Continued,
        _ = resized => TerminalEvent::Resized,
        Some(key) = std::future::ready(pressed) => TerminalEvent::Pressed(key),
        read = typed => TerminalEvent::Typed(read),
        _ = stopped => TerminalEvent::Stopped,
    }
}

/// A terminal that shows a session.
pub(crate) struct Screen {
    mode: Mode,
    keyboard: pipe::Receiver,
    pending: VecDeque<Key>,
    half: Vec<u8>,
    continued: Signal,
    resized: Signal,
    stop: Signal,
    /// The lines of the panel on the screen.
    drawn: Vec<String>,
    /// The rows of the last panel that nothing was printed on since.
    room: usize,
}

impl Screen {
    /// Whether the terminal can show a session.
    pub(crate) fn possible() -> bool {
        io::stdin().is_terminal()
            && io::stdout().is_terminal()
            && std::env::var("TERM").is_ok_and(|term| term != "dumb")
    }

    /// Takes over the terminal. Fails if there is none.
    pub(crate) fn enter() -> io::Result<Self> {
        Ok(Self {
            keyboard: keyboard()?,
            pending: VecDeque::new(),
            half: Vec::new(),
            continued: signal(SignalKind::from_raw(Number::CONT.as_raw()))?,
            resized: signal(SignalKind::window_change())?,
            stop: signal(SignalKind::from_raw(Number::TSTP.as_raw()))?,
            drawn: Vec::new(),
            room: 0,
            mode: Mode::enter()?,
        })
    }

    /// Returns columns and rows.
    pub(crate) fn size() -> (usize, usize) {
        let (rows, columns) = console::Term::stdout().size();
        (usize::from(columns.max(20)), usize::from(rows.max(6)))
    }

    /// Returns the rows that a text takes above the panel.
    pub(crate) fn rows_of(text: &str) -> usize {
        let columns = Self::size().0;
        rows_of(&prose(text, Some(columns)), columns)
    }

    /// Prints permanent text above the panel.
    pub(crate) fn print_above(&mut self, text: &str) {
        let text = prose(text, Some(Self::size().0));
        self.room = self.room.saturating_sub(Self::rows_of(&text));
        let text = format!("{}{text}\n", self.erased());
        self.drawn.clear();
        write(&text);
    }

    /// Draws the panel if it has changed.
    pub(crate) fn panel(&mut self, lines: Vec<String>) {
        self.draw(lines, 0);
    }

    /// Draws the panel like [`panel`](Self::panel). One that is shorter than the last one ends in the same row.
    pub(crate) fn panel_at_bottom(&mut self, lines: Vec<String>) {
        self.draw(lines, self.room);
    }

    /// Draws the panel if it has changed, in so many rows at least.
    fn draw(&mut self, lines: Vec<String>, least: usize) {
        let (columns, rows) = Self::size();
        let fit = |line: &String| {
            console::truncate_str(line, columns.saturating_sub(1), "…").into_owned()
        };
        let lines: Vec<String> = lines.iter().take(rows.saturating_sub(1)).map(fit).collect();
        let lines = lowered(lines, least.min(rows.saturating_sub(1)));
        if lines == self.drawn {
            return;
        }
        let mut text = format!("{SYNC_BEGIN}{}", self.erased());
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(SYNC_END);
        write(&text);
        self.room = lines.len();
        self.drawn = lines;
    }

    /// Removes the panel.
    pub(crate) fn clear_panel(&mut self) {
        write(&self.erased());
        self.drawn.clear();
    }

    /// Clears the whole screen, as after a resize that wrapped its lines.
    pub(crate) fn clear(&mut self) {
        write(&format!("{}{}", Clear(ClearType::All), MoveTo(0, 0)));
        self.drawn.clear();
        self.room = 0;
    }

    /// Gives the terminal to another program.
    pub(crate) fn suspend(&mut self) {
        self.clear_panel();
        self.room = 0;
        self.mode.leave();
        flush_blocking(Some(FLUSH_TIMEOUT));
    }

    /// Takes over the terminal again. Fails if it is gone.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        self.pending.clear();
        self.half.clear();
        // A shell changes the mode of a program that was stopped without notice.
        self.mode.leave();
        self.mode = Mode::enter()?;
        Ok(())
    }

    /// Forgets what was typed while something else was going on: it was not meant for what is on the screen now.
    pub(crate) fn discard_typed(&mut self) {
        self.pending.clear();
        self.half.clear();
        // A terminal that is gone is noticed by its keys.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    }

    /// Returns the next input. Cancel safe: no key is lost.
    pub(crate) async fn input(&mut self) -> Input {
        loop {
            // Keys are read at once, and a signal is noticed only when the runtime asks the kernel what has happened.
            tokio::task::yield_now().await;
            let mut typed = [0; TYPED_BYTES];
            let event = next_event(
                self.continued.recv(),
                self.resized.recv(),
                self.pending.front().copied(),
                self.keyboard.read(&mut typed),
                self.stop.recv(),
            );
            match event.await {
                TerminalEvent::Continued => {
                    return match self.resume() {
                        Ok(()) => Input::Redraw,
                        Err(_) => Input::Gone,
                    };
                }
                TerminalEvent::Resized => return Input::Redraw,
                TerminalEvent::Pressed(key) => {
                    self.pending.pop_front();
                    return Input::Key(key);
                }
                TerminalEvent::Typed(Ok(0) | Err(_)) => return Input::Gone,
                TerminalEvent::Typed(Ok(count)) => {
                    self.half.extend_from_slice(&typed[..count]);
                    self.pending.extend(keys(&mut self.half));
                }
                TerminalEvent::Stopped => {
                    self.suspend();
                    // Stops here, as every program on Ctrl-Z, until the shell continues it.
                    let _ = kill_process(getpid(), Number::STOP);
                }
            }
        }
    }

    fn erased(&self) -> String {
        match u16::try_from(self.drawn.len()).unwrap_or(u16::MAX) {
            0 => String::new(),
            lines => format!("{}\r{}", MoveUp(lines), Clear(ClearType::FromCursorDown)),
        }
    }
}

/// Returns the lines with as many empty ones before them as fill so many rows.
fn lowered(lines: Vec<String>, rows: usize) -> Vec<String> {
    let empty = rows.saturating_sub(lines.len());
    let empty = std::iter::repeat_n(String::new(), empty);
    empty.chain(lines).collect()
}

/// Returns the rows that a text takes in a terminal of so many columns. A wide character that does not fit into a row is in the
/// next one.
fn rows_of(text: &str, columns: usize) -> usize {
    let rows = |line: &str| {
        let (mut rows, mut used) = (1, 0);
        for c in console::strip_ansi_codes(line).chars() {
            let width = console::measure_text_width(c.encode_utf8(&mut [0; 4]));
            if used + width > columns {
                (rows, used) = (rows + 1, 0);
            }
            used += width;
        }
        rows
    };
    text.split('\n').map(rows).sum()
}

/// A terminal that is gone is noticed by its keys.
fn write(text: &str) {
    output_raw(text);
}

/// Opens the terminal again to read it without blocking: a non-blocking standard input would be non-blocking for every
/// program that shares it.
fn keyboard() -> io::Result<pipe::Receiver> {
    pipe::OpenOptions::new()
        .unchecked(true)
        .open_receiver("/dev/tty")
}

/// Reads single keys without echo and hides the cursor. Dropping it restores the terminal.
struct Mode {
    before: Option<Termios>,
}

impl Mode {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut mode = before.clone();
        mode.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        mode.special_codes[SpecialCodeIndex::VMIN] = 1;
        mode.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before the first prompt answers none.
        tcsetattr(io::stdin(), OptionalActions::Flush, &mode)?;
        write(&Hide.to_string());
        Ok(Self {
            before: Some(before),
        })
    }

    fn leave(&mut self) {
        if let Some(before) = self.before.take() {
            // A terminal that is gone needs no mode.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            write(&Show.to_string());
        }
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Takes the keys out of the bytes that were typed; an incomplete key stays. Arrows and function keys are ignored.
fn keys(typed: &mut Vec<u8>) -> Vec<Key> {
    let mut found = Vec::new();
    while let Some(&first) = typed.first() {
        let length = match first {
            0x1b => escape_length(typed),
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        if typed.len() < length {
            break;
        }
        let bytes: Vec<u8> = typed.drain(..length).collect();
        match bytes.as_slice() {
            [b'\r' | b'\n'] => found.push(Key::Enter),
            [0x1b] => found.push(Key::Escape),
            [0x7f | 0x08] => found.push(Key::Backspace),
            [0x1b, ..] => {}
            bytes => {
                let text = std::str::from_utf8(bytes)
                    .ok()
                    .and_then(|text| text.chars().next());
                found.extend(
                    text.filter(|c| !c.is_control())
                        .map(|c| Key::Char(latin(c))),
                );
            }
        }
    }
    found
}

/// Returns the length of an escape sequence (`ESC [ 1 ; 5 A`, `ESC O P`) or of the Escape key. It is more than there is of one
/// that is incomplete.
fn escape_length(typed: &[u8]) -> usize {
    match typed.get(1) {
        Some(b'[') => {
            let end = typed
                .iter()
                .skip(2)
                .position(|byte| (0x40..=0x7e).contains(byte));
            end.map_or(typed.len() + 1, |at| at + 3)
        }
        Some(b'O') => 3,
        _ => 1,
    }
}

/// Returns the Latin letter on the key of a Korean letter, so that the keyboard layout need not be switched.
fn latin(c: char) -> char {
    const PAIRS: [(char, char); 26] = [
        ('ㅁ', 'a'),
        ('ㅠ', 'b'),
        ('ㅊ', 'c'),
        ('ㅇ', 'd'),
        ('ㄷ', 'e'),
        ('ㄹ', 'f'),
        ('ㅎ', 'g'),
        ('ㅗ', 'h'),
        ('ㅑ', 'i'),
        ('ㅓ', 'j'),
        ('ㅏ', 'k'),
        ('ㅣ', 'l'),
        ('ㅡ', 'm'),
        ('ㅜ', 'n'),
        ('ㅐ', 'o'),
        ('ㅔ', 'p'),
        ('ㅂ', 'q'),
        ('ㄱ', 'r'),
        ('ㄴ', 's'),
        ('ㅅ', 't'),
        ('ㅕ', 'u'),
        ('ㅍ', 'v'),
        ('ㅈ', 'w'),
        ('ㅌ', 'x'),
        ('ㅛ', 'y'),
        ('ㅋ', 'z'),
    ];
    let found = PAIRS.iter().find(|(korean, _)| *korean == c);
    found.map_or(c, |(_, latin)| *latin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &[u8], expected: &[Key], rest: &[u8]) {
        let mut typed = typed.to_vec();
        assert_eq!(keys(&mut typed), expected);
        assert_eq!(typed, rest);
    }

    #[test]
    fn a_shorter_panel_ends_where_the_last_one_did() {
        let lines = |lines: &[&str]| -> Vec<String> {
            lines.iter().map(|line| (*line).to_owned()).collect()
        };
        assert_eq!(lowered(lines(&["a", "b"]), 4), ["", "", "a", "b"]);
        assert_eq!(lowered(lines(&["a", "b"]), 1), ["a", "b"]);
    }

    #[test]
    fn a_text_takes_a_row_for_each_line_and_more_for_one_that_is_too_wide() {
        assert_eq!(rows_of("", 10), 1);
        assert_eq!(rows_of("one\n\nthree", 10), 3);
        assert_eq!(rows_of("0123456789", 10), 1);
        assert_eq!(
            rows_of("0123456789a\n\u{1b}[1m한국어한국어\u{1b}[0m", 10),
            4
        );
        // The ninth column has room for half a character only.
        assert_eq!(rows_of("한국어한국어한국어", 9), 3);
    }

    #[tokio::test]
    async fn of_events_at_the_same_time_a_resize_precedes_keys() {
        let ready = || std::future::ready(Some(()));
        let never = std::future::pending::<Option<()>>;
        let typed = || std::future::ready(io::Result::Ok(1));
        let pressed = Some(Key::Enter);
        // An order by chance would be another one in some round.
        for _ in 0..100 {
            let event = next_event(ready(), ready(), pressed, typed(), ready()).await;
            assert_eq!(format!("{event:?}"), "Continued");
            let event = next_event(never(), ready(), pressed, typed(), ready()).await;
            assert_eq!(format!("{event:?}"), "Resized");
            let event = next_event(never(), never(), pressed, typed(), ready()).await;
            assert_eq!(format!("{event:?}"), "Pressed(Enter)");
            let event = next_event(never(), never(), None, typed(), ready()).await;
            assert_eq!(format!("{event:?}"), "Typed(Ok(1))");
            let typed = std::future::pending();
            let event = next_event(never(), never(), None, typed, ready()).await;
            assert_eq!(format!("{event:?}"), "Stopped");
        }
    }

    #[test]
    fn keys_are_read_one_by_one() {
        check(b"n\r", &[Key::Char('n'), Key::Enter], b"");
        check(
            b"1\x7f2\n",
            &[Key::Char('1'), Key::Backspace, Key::Char('2'), Key::Enter],
            b"",
        );
        check(b"\x1b", &[Key::Escape], b"");
    }

    #[test]
    fn arrows_and_function_keys_are_ignored() {
        check(
            b"\x1b[A\x1b[1;5Bn\x1bOPq",
            &[Key::Char('n'), Key::Char('q')],
            b"",
        );
        // The rest of an arrow is no letter: `a` would answer a quiz.
        check(b"n\x1b[1;5", &[Key::Char('n')], b"\x1b[1;5");
        check(b"\x1b[", &[], b"\x1b[");
    }

    #[test]
    fn korean_letters_are_their_keys_and_incomplete_ones_wait() {
        check("ㅜㅂ".as_bytes(), &[Key::Char('n'), Key::Char('q')], b"");
        let whole = "ㅜ".as_bytes();
        check(&whole[..2], &[], &whole[..2]);
    }
}
