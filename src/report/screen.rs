//! The learner's terminal during a session: a panel at the bottom that is redrawn in place, text above it that stays, and
//! single keys. Ctrl-C and Ctrl-Z stay what they are everywhere. Dropping it gives the terminal back as it was.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, MoveUp, Show};
use crossterm::terminal::{Clear, ClearType};
use rustix::process::{Signal as Number, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report::sink::{flush_blocking, output_raw};

/// Around what must be shown at once (synchronized output, DEC mode 2026); terminals that do not know it ignore it.
const SYNC_BEGIN: &str = "\u{1b}[?2026h";
const SYNC_END: &str = "\u{1b}[?2026l";

/// How long the terminal may take to show what is written before another program gets it.
const LENDING: Duration = Duration::from_secs(1);

/// What comes from the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Key(Key),
    /// Everything must be drawn anew: the size changed, or the program was stopped and goes on.
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

/// A terminal that shows a session.
pub(crate) struct Screen {
    mode: Mode,
    keyboard: pipe::Receiver,
    pending: VecDeque<Key>,
    half: Vec<u8>,
    resized: Signal,
    stop: Signal,
    /// The lines of the panel as they are on the screen now.
    drawn: Vec<String>,
}

impl Screen {
    /// Whether there is a terminal that can show a session.
    pub(crate) fn possible() -> bool {
        io::stdin().is_terminal()
            && io::stdout().is_terminal()
            && std::env::var("TERM").is_ok_and(|term| term != "dumb")
    }

    /// Takes the terminal over. Errors: it is not one, or is gone.
    pub(crate) fn enter() -> io::Result<Self> {
        Ok(Self {
            keyboard: keyboard()?,
            pending: VecDeque::new(),
            half: Vec::new(),
            resized: signal(SignalKind::window_change())?,
            stop: signal(SignalKind::from_raw(Number::TSTP.as_raw()))?,
            drawn: Vec::new(),
            mode: Mode::enter()?,
        })
    }

    /// Columns and rows.
    pub(crate) fn size() -> (usize, usize) {
        let (rows, columns) = console::Term::stdout().size();
        (usize::from(columns.max(20)), usize::from(rows.max(6)))
    }

    /// Prints text that stays, above the panel.
    pub(crate) fn say(&mut self, text: &str) {
        let text = format!("{}{text}\n", self.erased());
        self.drawn.clear();
        write(&text);
    }

    /// Shows the panel; nothing is written if it is there already.
    pub(crate) fn panel(&mut self, lines: Vec<String>) {
        let (columns, rows) = Self::size();
        let fit = |line: &String| {
            console::truncate_str(line, columns.saturating_sub(1), "…").into_owned()
        };
        let lines: Vec<String> = lines.iter().take(rows.saturating_sub(1)).map(fit).collect();
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
        self.drawn = lines;
    }

    /// Takes the panel away.
    pub(crate) fn clear_panel(&mut self) {
        write(&self.erased());
        self.drawn.clear();
    }

    /// Empties the whole screen, as after a resize that broke all lines anew.
    pub(crate) fn clear(&mut self) {
        write(&format!("{}{}", Clear(ClearType::All), MoveTo(0, 0)));
        self.drawn.clear();
    }

    /// Gives the terminal back for a while, as to a program of its own.
    pub(crate) fn lend(&mut self) {
        self.clear_panel();
        self.mode.leave();
        flush_blocking(Some(LENDING));
    }

    /// Takes it over again. Errors: it is gone.
    pub(crate) fn take_back(&mut self) -> io::Result<()> {
        self.pending.clear();
        self.half.clear();
        self.mode = Mode::enter()?;
        Ok(())
    }

    /// The next thing that comes from the terminal. May be dropped at any time without losing a key.
    pub(crate) async fn input(&mut self) -> Input {
        loop {
            if let Some(key) = self.pending.pop_front() {
                return Input::Key(key);
            }
            let mut typed = [0; 64];
            tokio::select! {
                read = self.keyboard.read(&mut typed) => match read {
                    Ok(0) | Err(_) => return Input::Gone,
                    Ok(count) => {
                        self.half.extend_from_slice(&typed[..count]);
                        self.pending.extend(keys(&mut self.half));
                    }
                },
                _ = self.resized.recv() => return Input::Redraw,
                _ = self.stop.recv() => {
                    self.lend();
                    // Stops here, as any program does on Ctrl-Z, until the shell lets it go on.
                    let _ = kill_process(getpid(), Number::STOP);
                    return match self.take_back() {
                        Ok(()) => Input::Redraw,
                        Err(_) => Input::Gone,
                    };
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

/// A terminal that is gone is noticed by its keys.
fn write(text: &str) {
    output_raw(text);
}

/// The terminal, opened once more to be read without blocking: making standard input itself non-blocking would change it
/// for everybody who shares it.
fn keyboard() -> io::Result<pipe::Receiver> {
    pipe::OpenOptions::new()
        .unchecked(true)
        .open_receiver("/dev/tty")
}

/// Keys come one by one and are not shown; the cursor is hidden. Dropping it undoes that.
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
        tcsetattr(io::stdin(), OptionalActions::Now, &mode)?;
        write(&Hide.to_string());
        Ok(Self {
            before: Some(before),
        })
    }

    fn leave(&mut self) {
        if let Some(before) = self.before.take() {
            // A terminal that is gone needs nothing back.
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

/// Takes the keys out of what was typed; what is not whole yet stays. Arrows and function keys are nothing here.
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

/// The bytes of an escape sequence: `ESC [ 1 ; 5 A`, `ESC O P`, or the key itself.
fn escape_length(typed: &[u8]) -> usize {
    match typed.get(1) {
        Some(b'[') => {
            let end = typed
                .iter()
                .skip(2)
                .position(|byte| (0x40..=0x7e).contains(byte));
            end.map_or(typed.len(), |at| at + 3)
        }
        Some(b'O') => 3,
        _ => 1,
    }
}

/// The letter on the same key of a Korean keyboard, so that nobody must switch it for one key.
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
    fn arrows_and_function_keys_are_nothing() {
        check(
            b"\x1b[A\x1b[1;5Bn\x1bOPq",
            &[Key::Char('n'), Key::Char('q')],
            b"",
        );
    }

    #[test]
    fn a_korean_keyboard_needs_no_switching_and_a_half_letter_waits() {
        check("ㅜㅂ".as_bytes(), &[Key::Char('n'), Key::Char('q')], b"");
        let whole = "ㅜ".as_bytes();
        check(&whole[..2], &[], &whole[..2]);
    }
}
