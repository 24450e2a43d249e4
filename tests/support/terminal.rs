//! A terminal that runs a shell: a test types keys and waits for what the screen shows.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use pty_process::Size;
use pty_process::blocking::{Command, Pty};

use crate::support::TIME_LIMIT;

pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    shown: Arc<(Mutex<vt100::Parser>, Condvar)>,
}

impl Terminal {
    /// Opens a terminal of this size with a shell that has the folder and the environment of a command.
    pub(crate) fn open(columns: u16, rows: u16, like: &std::process::Command) -> Self {
        let (pty, shell_side) = pty_process::blocking::open().expect("a terminal");
        pty.resize(Size::new(rows, columns)).expect("a terminal");
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_roadlab"));
        let folder = program.parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash")
            .args(["--norc", "--noprofile"])
            .current_dir(like.get_current_dir().expect("a folder"));
        for (name, value) in like.get_envs() {
            shell = match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            }
        }
        let shell = shell
            .env("PATH", format!("{folder}:{path}"))
            .env("TERM", "xterm-256color")
            .env("PS1", "ready> ");
        let child = shell.spawn(shell_side).expect("bash");
        let pty = Arc::new(pty);
        let output = Arc::clone(&pty);
        let parser = vt100::Parser::new(cells(rows), cells(columns), 2000);
        let shown = Arc::new((Mutex::new(parser), Condvar::new()));
        let screen = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            let mut end = Vec::new();
            while let Ok(count @ 1..) = (&*output).read(&mut bytes) {
                screen
                    .0
                    .lock()
                    .expect("no thread panics with this lock")
                    .process(&bytes[..count]);
                screen.1.notify_all();
                // Every terminal replies to a request for the position of the cursor, which may come in two pieces.
                end.extend_from_slice(&bytes[..count]);
                for _ in end.windows(4).filter(|part| *part == b"\x1b[6n") {
                    write(&output, "\u{1b}[1;1R");
                }
                end.drain(..end.len().saturating_sub(3));
            }
        });
        let mut terminal = Self { pty, child, shown };
        terminal.wait_for_prompt();
        terminal
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        write(&self.pty, keys);
    }

    pub(crate) fn screen(&self) -> String {
        self.shown
            .0
            .lock()
            .expect("no thread panics with this lock")
            .screen()
            .contents()
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.shown
            .0
            .lock()
            .expect("no thread panics with this lock")
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        let size = Size::new(rows, columns);
        self.pty.resize(size).expect("the terminal is there");
    }

    /// Waits until a condition on the text of the screen holds.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let start = Instant::now();
        let mut parser = self
            .shown
            .0
            .lock()
            .expect("no thread panics with this lock");
        loop {
            let screen = parser.screen().contents();
            if holds(&screen) {
                return;
            }
            let left = TIME_LIMIT.checked_sub(start.elapsed());
            let left = left.unwrap_or_else(|| panic!("no {what} on the screen:\n{screen}"));
            parser = self
                .shown
                .1
                .wait_timeout(parser, left)
                .expect("no thread panics with this lock")
                .0;
        }
    }

    /// Waits until the screen contains a text.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    /// Waits until the program that ran has ended and the shell reads the next command.
    #[track_caller]
    pub(crate) fn wait_for_prompt(&mut self) {
        self.wait("prompt", |screen| screen.trim_end().ends_with("ready>"));
    }

    /// Types a command when the shell reads one, on a screen without the output of those before.
    #[track_caller]
    pub(crate) fn start(&mut self, command: &str) {
        // A program that is about to end would get what is typed too early.
        self.wait_for_prompt();
        self.type_in("\u{c}");
        self.wait("clear screen", |screen| screen.trim() == "ready>");
        self.type_in(&format!("{command}\r"));
    }

    /// Runs a command to its end; returns the screen with its output.
    #[track_caller]
    pub(crate) fn run(&mut self, command: &str) -> String {
        self.start(&format!("{command}; echo do''ne"));
        self.wait(command, |screen| screen.contains("\ndone\n"));
        self.screen()
    }
}

fn write(mut pty: &Pty, text: &str) {
    // After the end of the shell this fails, and the next wait shows the screen.
    let _ = pty.write_all(text.as_bytes());
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has cells")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The hang-up that follows ends what the shell runs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
