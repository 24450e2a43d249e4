//! Writes to standard output and standard error, each in a thread of its own: a reader that stops reading never stops the
//! program, so that signals, deadlines and the engine's answers are still handled.
//!
//! Texts appear in the order in which they were given, over both streams, unless one of them is stuck.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::pin::pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// One of the two standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Error,
}

impl Stream {
    fn other(self) -> Self {
        match self {
            Stream::Output => Stream::Error,
            Stream::Error => Stream::Output,
        }
    }
}

/// What is known of the reader of a stream.
#[derive(Debug)]
enum Reader {
    Open,
    /// It closed its pipe, which is its good right.
    Gone,
    /// A full disk, a closed device.
    Failed(io::Error),
}

struct Queue {
    /// Texts with their numbers; the first one may be being written.
    texts: VecDeque<(u64, Vec<u8>)>,
    reader: Reader,
    thread: Thread,
    /// The number of a text that the other stream does not wait for any more.
    stuck: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Thread {
    NotStarted,
    Started,
}

impl Queue {
    const fn new() -> Self {
        Self {
            texts: VecDeque::new(),
            reader: Reader::Open,
            thread: Thread::NotStarted,
            stuck: None,
        }
    }

    fn first(&self) -> Option<u64> {
        self.texts.front().map(|(number, _)| *number)
    }
}

struct State {
    /// The number of the next text.
    next: u64,
    output: Queue,
    error: Queue,
}

impl State {
    fn queue(&mut self, stream: Stream) -> &mut Queue {
        match stream {
            Stream::Output => &mut self.output,
            Stream::Error => &mut self.error,
        }
    }

    /// Whether everything before this number is written.
    fn is_written(&self, number: u64) -> bool {
        let before = |queue: &Queue| queue.first().is_none_or(|first| first >= number);
        before(&self.output) && before(&self.error)
    }
}

static STATE: Mutex<State> = Mutex::new(State {
    next: 0,
    output: Queue::new(),
    error: Queue::new(),
});

/// Wakes the threads: a text was given, or is written.
static CHANGED: Condvar = Condvar::new();

/// Wakes the tasks that wait in [`flush`].
static WRITTEN: Notify = Notify::const_new();

/// How long a text waits for an earlier one of the other stream.
const PATIENCE: Duration = Duration::from_millis(300);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a text to a stream and returns at once. A stream whose reader is gone or that failed takes no more.
pub(super) fn write(stream: Stream, text: Vec<u8>) {
    let mut state = state();
    let number = state.next;
    state.next += 1;
    let queue = state.queue(stream);
    if !matches!(queue.reader, Reader::Open) {
        return;
    }
    queue.texts.push_back((number, text));
    if queue.thread == Thread::NotStarted {
        queue.thread = Thread::Started;
        let spawned = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || write_all(stream));
        if let Err(error) = spawned {
            queue.texts.clear();
            queue.reader = Reader::Failed(error);
        }
    }
    CHANGED.notify_all();
}

/// Whether a stream still takes texts, as far as its writes have shown.
pub(super) fn is_open(stream: Stream) -> bool {
    matches!(state().queue(stream).reader, Reader::Open)
}

/// Returns why standard output could not be written, unless its reader just closed it.
pub(super) fn output_error() -> Option<String> {
    match &state().output.reader {
        Reader::Failed(error) => Some(error.to_string()),
        Reader::Open | Reader::Gone => None,
    }
}

/// Waits until everything given so far is written, without blocking the thread.
pub(super) async fn flush() {
    let number = state().next;
    written_until(|state| state.is_written(number)).await;
}

/// Waits until standard output takes no more: its reader closed it, or a write failed.
pub(super) async fn output_closed() {
    written_until(|state| !matches!(state.output.reader, Reader::Open)).await;
}

async fn written_until(condition: impl Fn(&State) -> bool) {
    loop {
        let written = WRITTEN.notified();
        tokio::pin!(written);
        // Registered before the condition is read, so that no wake-up is missed.
        written.as_mut().enable();
        if condition(&state()) {
            return;
        }
        written.await;
    }
}

/// Does the work, but pauses it while more text waits to be written than is worth keeping in memory.
pub(super) async fn with_backpressure<T>(work: impl Future<Output = T>) -> T {
    const MOST_TEXTS: usize = 1000;
    let mut work = pin!(work);
    let mut drained = None;
    poll_fn(|context| {
        if drained.is_some() || state().output.texts.len() > MOST_TEXTS {
            let flush = drained.get_or_insert_with(|| Box::pin(flush()));
            if flush.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            drained = None;
        }
        work.as_mut().poll(context)
    })
    .await
}

/// Waits until everything given so far is written, at most until the deadline, and blocks the thread.
pub(super) fn flush_blocking(deadline: Option<Duration>) {
    block_until(deadline, State::is_written);
}

/// Waits until everything given so far to standard error is written, and blocks the thread.
pub(super) fn flush_error_blocking() {
    block_until(None, |state, number| {
        state.error.first().is_none_or(|first| first >= number)
    });
}

fn block_until(deadline: Option<Duration>, is_written: impl Fn(&State, u64) -> bool) {
    let started = Instant::now();
    let mut state = state();
    let number = state.next;
    while !is_written(&state, number) {
        let left = deadline.map(|deadline| deadline.saturating_sub(started.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return;
        }
        state = wait(state, left.unwrap_or(Duration::from_secs(3600)));
    }
}

fn wait(state: MutexGuard<'static, State>, at_most: Duration) -> MutexGuard<'static, State> {
    CHANGED
        .wait_timeout(state, at_most)
        .unwrap_or_else(PoisonError::into_inner)
        .0
}

/// The thread of a stream.
fn write_all(stream: Stream) {
    loop {
        let text = next_text(stream);
        let result = match stream {
            Stream::Output => write_to(&mut io::stdout().lock(), &text),
            Stream::Error => write_to(&mut io::stderr().lock(), &text),
        };
        let mut state = state();
        let queue = state.queue(stream);
        queue.texts.pop_front();
        if let Err(error) = result {
            queue.texts.clear();
            queue.reader = match error.kind() {
                ErrorKind::BrokenPipe => Reader::Gone,
                _ => Reader::Failed(error),
            };
        }
        drop(state);
        CHANGED.notify_all();
        WRITTEN.notify_waiters();
    }
}

fn write_to(to: &mut impl Write, text: &[u8]) -> io::Result<()> {
    to.write_all(text).and_then(|()| to.flush())
}

/// Waits for the next text of a stream, and for earlier ones of the other stream. The text stays in the queue until it is
/// written, so that the other stream waits for it.
fn next_text(stream: Stream) -> Vec<u8> {
    let mut state = state();
    let mut waited = None;
    loop {
        let Some(number) = state.queue(stream).first() else {
            state = wait(state, Duration::from_secs(3600));
            continue;
        };
        let other = state.queue(stream.other());
        let earlier = other
            .first()
            .filter(|first| *first < number && other.stuck != Some(*first));
        match (earlier, waited) {
            (None, _) => {
                let front = state.queue(stream).texts.front_mut();
                return front
                    .map(|(_, text)| std::mem::take(text))
                    .unwrap_or_default();
            }
            (Some(first), Some((waited_for, since)))
                if first == waited_for && Instant::now() >= since + PATIENCE =>
            {
                other.stuck = Some(first);
            }
            (Some(first), waiting) => {
                if waiting.is_none_or(|(waited_for, _)| waited_for != first) {
                    waited = Some((first, Instant::now()));
                }
                state = wait(state, PATIENCE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_of(output: &[u64], error: &[u64]) -> State {
        let queue = |numbers: &[u64]| Queue {
            texts: numbers.iter().map(|number| (*number, Vec::new())).collect(),
            ..Queue::new()
        };
        State {
            next: 10,
            output: queue(output),
            error: queue(error),
        }
    }

    #[test]
    fn a_flush_waits_for_both_streams() {
        assert!(state_of(&[], &[]).is_written(10));
        assert!(!state_of(&[9], &[]).is_written(10));
        assert!(!state_of(&[], &[3]).is_written(10));
    }

    #[test]
    fn a_flush_does_not_wait_for_what_is_given_later() {
        assert!(state_of(&[10], &[11]).is_written(10));
    }
}
