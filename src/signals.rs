//! Signals that ask the program to stop, and what each of them means when it comes.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for interrupt, terminate and hang-up.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the next signal.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = self.hangup.recv() => 1,
        }
    }
}

/// Where the program is on its way to an end that a signal asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownState {
    /// Nobody asked it to stop.
    Running,
    /// A signal of this number came; what was being made is removed.
    CleaningUp(u8),
    /// It ends now, on account of this signal.
    Exiting(u8),
}

/// What happens on that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownEvent {
    Signal(u8),
    /// Removing has come to an end, well or not.
    CleanupFinished,
}

/// Whether there is something that must be gone before we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    NotNeeded,
    Needed,
}

impl ShutdownState {
    /// The first signal stops the work and removes what it made; the next one leaves at once, and the reaper finishes. The
    /// first one gives the exit code.
    pub fn after(self, news: ShutdownEvent, unfinished: Cleanup) -> Self {
        match (self, news, unfinished) {
            (ShutdownState::Running, ShutdownEvent::Signal(number), Cleanup::Needed) => {
                ShutdownState::CleaningUp(number)
            }
            (ShutdownState::Running, ShutdownEvent::Signal(number), Cleanup::NotNeeded) => {
                ShutdownState::Exiting(number)
            }
            (ShutdownState::Running, ShutdownEvent::CleanupFinished, _) => ShutdownState::Running,
            (
                ShutdownState::CleaningUp(first),
                ShutdownEvent::Signal(_) | ShutdownEvent::CleanupFinished,
                _,
            ) => ShutdownState::Exiting(first),
            (ShutdownState::Exiting(first), _, _) => ShutdownState::Exiting(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Cleanup::{Needed, NotNeeded};
    use ShutdownEvent::{CleanupFinished, Signal};

    const HANGUP: u8 = 1;
    const INTERRUPT: u8 = 2;
    const TERMINATE: u8 = 15;

    #[track_caller]
    fn check(unfinished: Cleanup, news: &[ShutdownEvent], expected: ShutdownState) {
        let course = |course: ShutdownState, news: &ShutdownEvent| course.after(*news, unfinished);
        assert_eq!(news.iter().fold(ShutdownState::Running, course), expected);
    }

    #[test]
    fn the_first_signal_stops_and_removes() {
        check(
            Needed,
            &[Signal(INTERRUPT)],
            ShutdownState::CleaningUp(INTERRUPT),
        );
        check(Needed, &[Signal(HANGUP)], ShutdownState::CleaningUp(HANGUP));
        check(
            Needed,
            &[Signal(TERMINATE), CleanupFinished],
            ShutdownState::Exiting(TERMINATE),
        );
    }

    #[test]
    fn with_nothing_to_remove_the_first_signal_leaves() {
        check(
            NotNeeded,
            &[Signal(TERMINATE)],
            ShutdownState::Exiting(TERMINATE),
        );
    }

    #[test]
    fn the_second_signal_leaves_at_once_with_the_code_of_the_first() {
        let twice = [Signal(INTERRUPT), Signal(INTERRUPT)];
        check(Needed, &twice, ShutdownState::Exiting(INTERRUPT));
        let another = [Signal(INTERRUPT), Signal(TERMINATE), Signal(HANGUP)];
        check(Needed, &another, ShutdownState::Exiting(INTERRUPT));
        check(
            Needed,
            &[Signal(HANGUP), CleanupFinished, Signal(TERMINATE)],
            ShutdownState::Exiting(HANGUP),
        );
    }
}
