//! The signals that end the program, and the state machine of a shutdown.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that asks the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownSignal {
    Hangup,
    Interrupt,
    Terminate,
}

impl ShutdownSignal {
    /// Returns the signal's number.
    pub fn number(self) -> u8 {
        match self {
            ShutdownSignal::Hangup => 1,
            ShutdownSignal::Interrupt => 2,
            ShutdownSignal::Terminate => 15,
        }
    }
}

/// Receives the signals that ask the program to end.
pub struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Replaces the default action of these signals, which is to end the process at once.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> ShutdownSignal {
        tokio::select! {
            _ = self.hangup.recv() => ShutdownSignal::Hangup,
            _ = self.interrupt.recv() => ShutdownSignal::Interrupt,
            _ = self.terminate.recv() => ShutdownSignal::Terminate,
        }
    }
}

/// How far the shutdown is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownState {
    /// No signal was received.
    Running,
    /// Unfinished runs are being removed because of this signal.
    CleaningUp(ShutdownSignal),
    /// The program ends because of this signal.
    Exiting(ShutdownSignal),
}

/// What moves a shutdown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownEvent {
    /// A signal was received.
    Signal(ShutdownSignal),
    /// The cleanup ended, with or without success.
    CleanupFinished,
}

/// Whether there are unfinished runs to remove before the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    NotNeeded,
    Needed,
}

impl ShutdownState {
    /// Returns the state after an event.
    ///
    /// The first signal starts the cleanup and decides the exit code. A second signal ends the program at once; the reaper
    /// then finishes the cleanup.
    pub fn after(self, event: ShutdownEvent, cleanup: Cleanup) -> Self {
        match (self, event, cleanup) {
            (ShutdownState::Running, ShutdownEvent::Signal(signal), Cleanup::Needed) => {
                ShutdownState::CleaningUp(signal)
            }
            (ShutdownState::Running, ShutdownEvent::Signal(signal), Cleanup::NotNeeded) => {
                ShutdownState::Exiting(signal)
            }
            (ShutdownState::Running, ShutdownEvent::CleanupFinished, _) => ShutdownState::Running,
            (ShutdownState::CleaningUp(first) | ShutdownState::Exiting(first), _, _) => {
                ShutdownState::Exiting(first)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Cleanup::{Needed, NotNeeded};
    use ShutdownEvent::{CleanupFinished, Signal};
    use ShutdownSignal::{Hangup, Interrupt, Terminate};
    use ShutdownState::{CleaningUp, Exiting};

    #[track_caller]
    fn check(cleanup: Cleanup, events: &[ShutdownEvent], expected: ShutdownState) {
        let state = events.iter().fold(ShutdownState::Running, |state, event| {
            state.after(*event, cleanup)
        });
        assert_eq!(state, expected);
    }

    #[test]
    fn first_signal_starts_the_cleanup() {
        check(Needed, &[Signal(Interrupt)], CleaningUp(Interrupt));
        check(Needed, &[Signal(Hangup)], CleaningUp(Hangup));
        check(
            Needed,
            &[Signal(Terminate), CleanupFinished],
            Exiting(Terminate),
        );
    }

    #[test]
    fn first_signal_ends_the_program_if_no_cleanup_is_needed() {
        check(NotNeeded, &[Signal(Terminate)], Exiting(Terminate));
    }

    #[test]
    fn second_signal_ends_the_program_with_the_exit_code_of_the_first() {
        let twice = [Signal(Interrupt), Signal(Interrupt)];
        check(Needed, &twice, Exiting(Interrupt));
        let three = [Signal(Interrupt), Signal(Terminate), Signal(Hangup)];
        check(Needed, &three, Exiting(Interrupt));
        check(
            Needed,
            &[Signal(Hangup), CleanupFinished, Signal(Terminate)],
            Exiting(Hangup),
        );
    }
}
