//! The terminals of a server: programs in containers, which outlive the pages that show them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

use crate::app::{App, ShellTarget};
use crate::engine::docker::{Docker, RemoteTerminal, ShellExit, TerminalInput, TerminalSize};
use crate::engine::{ErrorKind, clock};
use crate::lab::{Lab, LabId, ServiceName};
use crate::localized;
use crate::runner::Failure;
use crate::text;
use crate::text::Language;
use crate::web::keys::{self, Key};
use crate::web::screen::{Frame, Screen};

/// The most terminals of a server.
const MAX_TERMINALS: usize = 24;

/// How much input may wait for a program that does not read: so many pieces of at most so many bytes, one MiB in all.
const INPUT_QUEUE: usize = 256;
const PIECE: usize = 4096;

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(12);

/// How long programs have to end when the server ends: a busy engine takes longer than the programs.
const ENDING: Duration = Duration::from_secs(15);

/// All terminals of a server.
#[derive(Default)]
pub(super) struct Terminals {
    all: RefCell<BTreeMap<u64, Rc<Terminal>>>,
    /// The number of those that are being opened.
    opening: Cell<usize>,
    last: Cell<u64>,
    /// Shows that a terminal was opened or has ended.
    changes: watch::Sender<u64>,
}

/// A program on a terminal.
pub(super) struct Terminal {
    lab: LabId,
    service: ServiceName,
    screen: RefCell<Screen>,
    input: mpsc::Sender<TerminalInput>,
    /// Notified when the terminal is closed, which ends the program.
    close: Notify,
    /// Why the program has ended.
    ended: RefCell<Option<String>>,
    frames: watch::Sender<u64>,
}

impl Terminals {
    /// Opens the client of a service and returns the number of its terminal.
    pub(super) async fn open(
        self: &Rc<Self>,
        app: &App,
        lab: &Lab,
        service: &ServiceName,
        size: TerminalSize,
    ) -> Result<u64, Failure> {
        let _place = Place::take(self)?;
        let engine = app.existing_engine().await?;
        let target = app.shell_target(&engine, lab, service, &[]).await?;
        let (input, typed) = mpsc::channel(INPUT_QUEUE);
        let mut screen = Screen::new(size);
        let size = screen.resize(size);
        let terminal = Rc::new(Terminal {
            lab: lab.id.clone(),
            service: service.clone(),
            screen: RefCell::new(screen),
            input,
            close: Notify::new(),
            ended: RefCell::default(),
            frames: watch::Sender::new(0),
        });
        let number = self.next_number();
        self.all.borrow_mut().insert(number, Rc::clone(&terminal));
        let terminals = Rc::clone(self);
        let language = Language::current();
        drop(spawn_local(async move {
            let ended = terminal.run(&engine, &target, size, typed).await;
            let why = language.scope(|| terminal.why_ended(ended));
            terminal.ended.replace(Some(why));
            terminal.frames.send_modify(|count| *count += 1);
            terminals.changed();
        }));
        self.changed();
        Ok(number)
    }

    /// Returns a number that no terminal has had before, not even one of a server that has ended: pages outlive servers.
    fn next_number(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let since_then = now.map_or(0, |now| now.as_secs() * 1000);
        self.last.set(since_then.max(self.last.get() + 1));
        self.last.get()
    }

    /// Returns a terminal of a lab.
    fn find(&self, lab: &LabId, number: u64) -> Option<Rc<Terminal>> {
        let all = self.all.borrow();
        let found = all.get(&number).filter(|terminal| terminal.lab == *lab);
        found.cloned()
    }

    /// Closes a terminal, which ends its program.
    fn close(&self, lab: &LabId, number: u64) {
        if let Some(terminal) = self.find(lab, number) {
            self.all.borrow_mut().remove(&number);
            terminal.close.notify_one();
            self.changed();
        }
    }

    /// Closes all terminals and waits until their programs have ended, at most a while.
    pub(super) async fn close_all(&self) {
        let all = std::mem::take(&mut *self.all.borrow_mut());
        all.values()
            .for_each(|terminal| terminal.close.notify_one());
        let mut changes = self.changes.subscribe();
        let ended = async {
            while all
                .values()
                .any(|terminal| terminal.ended.borrow().is_none())
            {
                // The sender is part of this.
                let _ = changes.changed().await;
            }
        };
        let _ = clock::timeout(ENDING, ended).await;
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Returns the terminals of a lab as a page lists them.
    fn list(&self, lab: &LabId) -> Value {
        let all = self.all.borrow();
        let of_lab = all.iter().filter(|(_, terminal)| terminal.lab == *lab);
        let list = of_lab.map(|(number, terminal)| {
            json!({ "terminal": number, "service": terminal.service.as_str() })
        });
        json!({ "terminals": list.collect::<Vec<_>>() })
    }
}

/// The place of a terminal that is being opened, until it is dropped.
struct Place<'a>(&'a Terminals);

impl<'a> Place<'a> {
    /// Takes a place. Fails if there is none.
    fn take(terminals: &'a Terminals) -> Result<Self, Failure> {
        let taken = terminals.all.borrow().len() + terminals.opening.get();
        if taken >= MAX_TERMINALS {
            return Err(Failure::Usage(text!(
                "{count} terminals are open; close one first",
                count = MAX_TERMINALS
            )));
        }
        terminals.opening.set(terminals.opening.get() + 1);
        Ok(Self(terminals))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.opening.set(self.0.opening.get() - 1);
    }
}

impl Terminal {
    /// Runs the program until it ends or the terminal is closed.
    async fn run(
        &self,
        engine: &Docker,
        target: &ShellTarget,
        size: TerminalSize,
        input: mpsc::Receiver<TerminalInput>,
    ) -> Result<Option<i64>, Failure> {
        let on_output = |bytes: &[u8]| {
            let answer = self.screen.borrow_mut().process(bytes);
            if !answer.is_empty() {
                self.send(TerminalInput::Bytes(answer));
            }
            self.frames.send_modify(|count| *count += 1);
        };
        let remote = RemoteTerminal {
            tag: &target.recorded.tag,
            size,
            input,
            close: &self.close,
        };
        let (argv, env) = (&target.command.argv, &target.command.env);
        let ended = engine
            .remote_shell(&target.container, argv, env, remote, &on_output)
            .await;
        // The program may have gone with its container.
        let gone = ended
            .as_ref()
            .is_err_and(|error| error.kind == ErrorKind::NotFound);
        if gone && target.has_stopped(engine, 0).await {
            return Ok(None);
        }
        let service = &self.service;
        let ended = ended.map_err(Failure::engine(text!(
            "cannot open a shell in `{service}`",
            service
        )))?;
        Ok(match ended {
            ShellExit::Ended(code) if target.has_stopped(engine, code).await => None,
            ShellExit::Ended(code) => Some(code),
            ShellExit::Stopped(_) | ShellExit::OutputError(_) => Some(0),
        })
    }

    fn why_ended(&self, ended: Result<Option<i64>, Failure>) -> String {
        match ended {
            Ok(None) => localized!(
                "the shell was closed: `{service}` was stopped or restarted",
                service = self.service
            ),
            Ok(Some(0)) => localized!("the program has ended"),
            Ok(Some(code)) => localized!("the program has ended with exit code {code}", code),
            Err(failure) => failure.to_string(),
        }
    }

    /// Sends something to the program. What it does not read for long is lost, as on any terminal, and nothing is sent in part.
    fn send(&self, input: TerminalInput) {
        match input {
            TerminalInput::Bytes(bytes) => {
                let pieces = bytes.chunks(PIECE);
                if pieces.len() > self.input.capacity() {
                    return;
                }
                for piece in pieces {
                    let _ = self.input.try_send(TerminalInput::Bytes(piece.to_vec()));
                }
            }
            resize => drop(self.input.try_send(resize)),
        }
    }

    fn key(&self, key: &Key) {
        let cursor_keys = self.screen.borrow().cursor_keys();
        if let Some(bytes) = keys::bytes(key, cursor_keys) {
            self.send(TerminalInput::Bytes(bytes));
        }
    }

    fn paste(&self, text: &str) {
        let bracketed = self.screen.borrow().is_bracketed_paste();
        self.send(TerminalInput::Bytes(keys::pasted(text, bracketed)));
    }

    fn resize(&self, size: TerminalSize) {
        let size = self.screen.borrow_mut().resize(size);
        self.send(TerminalInput::Resize(size));
        self.frames.send_modify(|count| *count += 1);
    }
}

/// The terminals that a page shows.
pub(super) struct PageTerminals {
    terminals: Rc<Terminals>,
    lab: LabId,
    updates: UnboundedSender<String>,
    shown: RefCell<BTreeMap<u64, Shown>>,
}

/// A terminal that a page shows.
struct Shown {
    view: Rc<View>,
    drawing: AbortHandle,
}

/// How a page shows a terminal.
#[derive(Default)]
struct View {
    /// The first line that the page shows, if it has scrolled back: it stays there while new lines come.
    first_line: Cell<Option<usize>>,
    scrolled: Notify,
    /// Notified when the page has drawn what it got last.
    drawn: Notify,
}

impl Drop for PageTerminals {
    fn drop(&mut self) {
        self.shown
            .borrow()
            .values()
            .for_each(|shown| shown.drawing.abort());
    }
}

impl PageTerminals {
    pub(super) fn new(
        terminals: Rc<Terminals>,
        lab: &LabId,
        updates: UnboundedSender<String>,
    ) -> Self {
        Self {
            terminals,
            lab: lab.clone(),
            updates,
            shown: RefCell::default(),
        }
    }

    /// Sends the list of terminals, now and whenever it changes.
    pub(super) async fn follow_list(&self) {
        let mut changes = self.terminals.changes.subscribe();
        let mut sent = Value::Null;
        loop {
            let list = self.terminals.list(&self.lab);
            if list != sent {
                let _ = self.updates.send(list.to_string());
                sent = list;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Sends the frames of a terminal from now on.
    pub(super) fn show(&self, number: u64, size: TerminalSize) {
        let Some(terminal) = self.terminals.find(&self.lab, number) else {
            return;
        };
        terminal.resize(size);
        let view = Rc::<View>::default();
        let drawing = draw(number, terminal, Rc::clone(&view), self.updates.clone());
        let drawing = spawn_local(drawing).abort_handle();
        let before = self
            .shown
            .borrow_mut()
            .insert(number, Shown { view, drawing });
        if let Some(before) = before {
            before.drawing.abort();
        }
    }

    /// Sends which terminal was opened at a request of this page.
    pub(super) fn opened(&self, request: u64, number: u64) {
        let opened = json!({ "opened": number, "request": request });
        let _ = self.updates.send(opened.to_string());
    }

    /// Sends why no terminal was opened at a request of this page.
    pub(super) fn refused(&self, request: u64, why: &str) {
        let refused = json!({ "refused": request, "why": why });
        let _ = self.updates.send(refused.to_string());
    }

    /// Ends the frames of a terminal, which stays open.
    pub(super) fn hide(&self, number: u64) {
        if let Some(shown) = self.shown.borrow_mut().remove(&number) {
            shown.drawing.abort();
        }
    }

    pub(super) fn close(&self, number: u64) {
        self.hide(number);
        self.terminals.close(&self.lab, number);
    }

    pub(super) fn drawn(&self, number: u64) {
        if let Some(shown) = self.shown.borrow().get(&number) {
            shown.view.drawn.notify_one();
        }
    }

    /// Scrolls by so many lines, downwards if positive.
    pub(super) fn scroll(&self, number: u64, lines: isize) {
        let Some(terminal) = self.terminals.find(&self.lab, number) else {
            return;
        };
        if let Some(Shown { view, .. }) = self.shown.borrow().get(&number) {
            let first_line = terminal
                .screen
                .borrow()
                .scroll(view.first_line.get(), lines);
            view.first_line.set(first_line);
            view.scrolled.notify_one();
        }
    }

    pub(super) fn key(&self, number: u64, key: &Key) {
        if let Some(terminal) = self.typed_into(number) {
            terminal.key(key);
        }
    }

    pub(super) fn text(&self, number: u64, text: &str) {
        if let Some(terminal) = self.typed_into(number) {
            terminal.send(TerminalInput::Bytes(keys::typed(text)));
        }
    }

    pub(super) fn paste(&self, number: u64, text: &str) {
        if let Some(terminal) = self.typed_into(number) {
            terminal.paste(text);
        }
    }

    pub(super) fn resize(&self, number: u64, size: TerminalSize) {
        if let Some(terminal) = self.terminals.find(&self.lab, number) {
            terminal.resize(size);
        }
    }

    /// Returns a terminal that something is typed into: the page then shows where that appears.
    fn typed_into(&self, number: u64) -> Option<Rc<Terminal>> {
        self.scroll(number, isize::MAX);
        self.terminals.find(&self.lab, number)
    }
}

/// Sends the frames of a terminal, one after the page has drawn the one before, so that nothing piles up.
async fn draw(
    number: u64,
    terminal: Rc<Terminal>,
    view: Rc<View>,
    updates: UnboundedSender<String>,
) {
    let mut frames = terminal.frames.subscribe();
    let mut before: Option<Frame> = None;
    let mut ended = None;
    loop {
        frames.mark_unchanged();
        let begun = Instant::now();
        let frame = terminal.screen.borrow_mut().frame(view.first_line.get());
        view.first_line.set(frame.first_line());
        let now_ended = terminal.ended.borrow().clone();
        let changes = frame.changes_since(before.as_ref());
        if changes.is_some() || ended != now_ended {
            let message = json!({ "screen": number, "frame": changes, "ended": now_ended });
            if updates.send(message.to_string()).is_err() {
                return;
            }
            // A page in the background draws when it is seen again.
            view.drawn.notified().await;
            (before, ended) = (Some(frame), now_ended);
        }
        sleep_until(begun + FRAME).await;
        tokio::select! {
            changed = frames.changed() => if changed.is_err() {
                return;
            },
            () = view.scrolled.notified() => {}
        }
    }
}
