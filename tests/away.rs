//! An engine that hangs or goes away in the middle: the program says so and ends, and what is left goes when it is back.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/running.rs"]
mod running;

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::engine::EngineLab;
use crate::running::Running;

/// What an engine that is well never needs: how long a stream waits before it looks whether it may go on.
const PAUSE: Duration = Duration::from_millis(5);

/// The engine, by a socket of our own that can hang, be closed and come back.
struct Between {
    path: String,
    engine: String,
    hangs: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
}

impl Between {
    fn open(real: &EngineLab) -> Self {
        let between = Self {
            path: real.copy.path("engine.sock").display().to_string(),
            engine: real.socket.clone(),
            hangs: Arc::default(),
            closed: Arc::default(),
        };
        between.listen();
        between
    }

    fn listen(&self) {
        let listener = UnixListener::bind(&self.path).expect("a path of ours");
        let (engine, hangs, closed) =
            (self.engine.clone(), self.hangs.clone(), self.closed.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let server = UnixStream::connect(&engine).expect("the engine listens");
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone(), to.try_clone());
                    let (from, to) = (from.expect("a socket"), to.expect("a socket"));
                    let (hangs, closed) = (hangs.clone(), closed.clone());
                    thread::spawn(move || carry(from, to, &hangs, &closed));
                }
            }
        });
    }

    fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    /// Nobody listens any more, and what was open is cut.
    fn close(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // The listener looks up.
        let _ = UnixStream::connect(&self.path);
        std::fs::remove_file(&self.path).expect("a socket of ours");
    }

    fn come_back(&mut self) {
        self.closed = Arc::default();
        self.listen();
    }
}

/// Carries bytes one way until one end is closed or the engine is away.
fn carry(mut from: UnixStream, mut to: UnixStream, hangs: &AtomicBool, closed: &AtomicBool) {
    from.set_read_timeout(Some(PAUSE)).expect("a socket");
    let mut bytes = [0; 65536];
    while !closed.load(Ordering::SeqCst) {
        if hangs.load(Ordering::SeqCst) {
            thread::sleep(PAUSE);
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => {
                if to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
    if closed.load(Ordering::SeqCst) {
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    }
}

/// A lab that starts and never answers.
fn stuck() -> EngineLab {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let from = "service: redis }\n";
    let to = format!("{from}    command: [sleep, infinity]\n");
    real.copy.change("compose.yaml", from, &to);
    real
}

fn log(real: &EngineLab) -> String {
    std::fs::read_to_string(real.copy.path("state/roadlab/reaper.log")).unwrap_or_default()
}

#[track_caller]
fn gone(real: &EngineLab) {
    let gone = real.soon(|| real.left().is_empty() && real.processes().is_empty());
    assert!(
        gone,
        "{:?} {:?} {}",
        real.left(),
        real.processes(),
        log(real)
    );
    let gc = real.run("gc", 0);
    let nothing = ("nothing was left behind\n", "");
    assert_eq!((gc.stdout.as_str(), gc.stderr.as_str()), nothing);
}

#[test]
fn an_engine_that_hangs_while_we_are_killed_is_waited_for() {
    let real = stuck();
    let between = Between::open(&real);
    let mut running = Running::begin(&real, &format!("--engine {} up LAB --json", between.path));
    running.until("\"waiting\"");
    between.hang(true);
    running.send(Signal::KILL);
    running.end();
    assert!(
        real.soon(|| log(&real).contains("removing")),
        "{}",
        log(&real)
    );
    assert_eq!(real.left().len(), 3);
    between.hang(false);
    gone(&real);
}

#[test]
fn an_engine_that_goes_away_is_told_and_cleaned_up_when_it_is_back() {
    let real = stuck();
    let mut between = Between::open(&real);
    let mut running = Running::begin(&real, &format!("--engine {} up LAB --json", between.path));
    running.until("\"waiting\"");
    between.close();
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(
        said.contains("not everything is removed yet, which goes on in the background"),
        "{said}"
    );
    assert!(
        real.soon(|| log(&real).contains("not yet: ")),
        "{}",
        log(&real)
    );
    assert_eq!(real.left().len(), 3);
    between.come_back();
    gone(&real);
}
