//! A terminal with a shell in it, as a learner has one: keys go in, and what stands on the screen can be waited for.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Nothing that is waited for takes this long, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);

type Keys = Arc<Mutex<Box<dyn Write + Send>>>;

pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Keys,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<(Mutex<vt100::Parser>, Condvar)>,
}

impl Terminal {
    /// A shell in a terminal of this size, with the environment and folder of a command.
    pub(crate) fn open(columns: u16, rows: u16, like: &std::process::Command) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut shell = CommandBuilder::new("bash");
        shell.args(["--norc", "--noprofile"]);
        shell.cwd(like.get_current_dir().expect("a folder"));
        for (name, value) in like.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            }
        }
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_roadlab"));
        let folder = program.parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{folder}:{path}"));
        shell.env("TERM", "xterm-256color");
        shell.env("PS1", "ready> ");
        let child = pair.slave.spawn_command(shell).expect("bash");
        let mut output = pair.master.try_clone_reader().expect("a terminal");
        let parser = vt100::Parser::new(cells(rows), cells(columns), 2000);
        let shown = Arc::new((Mutex::new(parser), Condvar::new()));
        let seen = Arc::clone(&shown);
        let keys: Keys = Arc::new(Mutex::new(pair.master.take_writer().expect("a terminal")));
        let answers = Arc::clone(&keys);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                seen.0
                    .lock()
                    .expect("no test panics here")
                    .process(&bytes[..count]);
                seen.1.notify_all();
                // A program that asks where the cursor is waits for an answer, as every terminal gives one.
                if bytes[..count].windows(4).any(|asked| asked == b"\x1b[6n") {
                    write(&answers, "\u{1b}[1;1R");
                }
            }
        });
        let mut terminal = Self {
            keys,
            master: pair.master,
            child,
            shown,
        };
        terminal.wait("a prompt", |screen| screen.contains("ready>"));
        terminal
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        write(&self.keys, keys);
    }

    pub(crate) fn screen(&self) -> String {
        self.shown
            .0
            .lock()
            .expect("no test panics here")
            .screen()
            .contents()
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.shown
            .0
            .lock()
            .expect("no test panics here")
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).expect("the terminal is there");
    }

    /// Waits until the screen is so; returns how long it took.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, so: impl Fn(&str) -> bool) -> Duration {
        let begun = Instant::now();
        let mut parser = self.shown.0.lock().expect("no test panics here");
        loop {
            let screen = parser.screen().contents();
            if so(&screen) {
                return begun.elapsed();
            }
            let left = LONGEST.checked_sub(begun.elapsed());
            let left = left.unwrap_or_else(|| panic!("no {what} on the screen:\n{screen}"));
            parser = self
                .shown
                .1
                .wait_timeout(parser, left)
                .expect("no test panics here")
                .0;
        }
    }

    /// Waits for a text.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> Duration {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Types a command and waits until the prompt is there again; what it printed stays on the screen.
    #[track_caller]
    pub(crate) fn run(&mut self, command: &str) -> String {
        self.type_in("\u{c}");
        self.wait("clear screen", |screen| screen.trim() == "ready>");
        self.type_in(&format!("{command}; echo do''ne\r"));
        self.wait(command, |screen| screen.contains("\ndone\n"));
        self.screen()
    }
}

fn write(keys: &Keys, text: &str) {
    let mut keys = keys.lock().expect("no test panics here");
    // A terminal whose shell has ended takes no keys; what is waited for says so.
    let _ = keys.write_all(text.as_bytes()).and_then(|()| keys.flush());
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has cells")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The shell goes, and the hang-up ends what runs in it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
