//! A program on a terminal of its own: keys go in, and the screen is what a person would see.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

struct Seen {
    screen: vt100::Parser,
    ended: bool,
}

impl Terminal {
    /// Runs a command on a terminal with so many rows and columns.
    pub(crate) fn run(command: &Command, rows: u16, columns: u16) -> Self {
        let pair = native_pty_system()
            .openpty(size(rows, columns))
            .expect("a terminal can be had");
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        builder.cwd(command.get_current_dir().expect("tests run in a folder"));
        let child = pair.slave.spawn_command(builder).expect("it can be run");
        let mut output = pair.master.try_clone_reader().expect("a terminal");
        let seen = Arc::new((
            Mutex::new(Seen {
                screen: vt100::Parser::new(rows, columns, 1000),
                ended: false,
            }),
            Condvar::new(),
        ));
        let shown = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let count = output.read(&mut bytes).unwrap_or(0);
                let mut seen = shown.0.lock().expect("nobody panics here");
                seen.screen.process(&bytes[..count]);
                seen.ended = count == 0;
                shown.1.notify_all();
                if seen.ended {
                    return;
                }
            }
        });
        Self {
            keys: pair.master.take_writer().expect("a terminal"),
            master: pair.master,
            child,
            seen,
        }
    }

    /// Waits until the screen is as it should be, and returns its text.
    #[track_caller]
    pub(crate) fn until(&self, holds: impl Fn(&vt100::Screen) -> bool) -> String {
        let (seen, changed) = &*self.seen;
        let seen = seen.lock().expect("nobody panics here");
        let waits = |seen: &mut Seen| !seen.ended && !holds(seen.screen.screen());
        let (seen, _) = changed
            .wait_timeout_while(seen, PATIENCE, waits)
            .expect("nobody panics here");
        let screen = seen.screen.screen();
        assert!(holds(screen), "the screen shows:\n{}", screen.contents());
        screen.contents()
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> String {
        self.until(|screen| screen.contents().contains(text))
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        let typed = self.keys.write_all(keys.as_bytes());
        typed.and_then(|()| self.keys.flush()).expect("a terminal");
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.master.resize(size(rows, columns)).expect("a terminal");
        let mut seen = self.seen.0.lock().expect("nobody panics here");
        seen.screen.screen_mut().set_size(rows, columns);
    }

    /// The process that the command itself has started.
    pub(crate) fn grandchild(&self) -> u32 {
        let id = self.child.process_id().expect("it runs");
        let path = format!("/proc/{id}/task/{id}/children");
        let children = std::fs::read_to_string(path).expect("the kernel tells");
        let first = children.split_whitespace().next();
        first
            .and_then(|id| id.parse().ok())
            .expect("it has started something")
    }

    /// Waits for the end of the command and returns its exit code.
    pub(crate) fn ended(mut self) -> u32 {
        self.child.wait().expect("it ends").exit_code()
    }
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}
