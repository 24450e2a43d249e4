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
pub enum Course {
    /// Nobody asked it to stop.
    Working,
    /// A signal of this number came; what was being made is removed.
    Stopping(u8),
    /// It ends now, on account of this signal.
    Leaving(u8),
}

/// What happens on that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Signal(u8),
    /// Removing has come to an end, well or not.
    Removed,
}

/// Whether there is something that must be gone before we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    Nothing,
    Runs,
}

impl Course {
    /// The first signal stops the work and removes what it made; the next one leaves at once, and the reaper finishes. The
    /// first one gives the exit code.
    pub fn after(self, news: News, unfinished: Unfinished) -> Self {
        match (self, news, unfinished) {
            (Course::Working, News::Signal(number), Unfinished::Runs) => Course::Stopping(number),
            (Course::Working, News::Signal(number), Unfinished::Nothing) => Course::Leaving(number),
            (Course::Working, News::Removed, _) => Course::Working,
            (Course::Stopping(first), News::Signal(_) | News::Removed, _) => Course::Leaving(first),
            (Course::Leaving(first), _, _) => Course::Leaving(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use News::{Removed, Signal};
    use Unfinished::{Nothing, Runs};

    const HANGUP: u8 = 1;
    const INTERRUPT: u8 = 2;
    const TERMINATE: u8 = 15;

    #[track_caller]
    fn check(unfinished: Unfinished, news: &[News], expected: Course) {
        let course = |course: Course, news: &News| course.after(*news, unfinished);
        assert_eq!(news.iter().fold(Course::Working, course), expected);
    }

    #[test]
    fn the_first_signal_stops_and_removes() {
        check(Runs, &[Signal(INTERRUPT)], Course::Stopping(INTERRUPT));
        check(Runs, &[Signal(HANGUP)], Course::Stopping(HANGUP));
        check(
            Runs,
            &[Signal(TERMINATE), Removed],
            Course::Leaving(TERMINATE),
        );
    }

    #[test]
    fn with_nothing_to_remove_the_first_signal_leaves() {
        check(Nothing, &[Signal(TERMINATE)], Course::Leaving(TERMINATE));
    }

    #[test]
    fn the_second_signal_leaves_at_once_with_the_code_of_the_first() {
        let twice = [Signal(INTERRUPT), Signal(INTERRUPT)];
        check(Runs, &twice, Course::Leaving(INTERRUPT));
        let another = [Signal(INTERRUPT), Signal(TERMINATE), Signal(HANGUP)];
        check(Runs, &another, Course::Leaving(INTERRUPT));
        check(
            Runs,
            &[Signal(HANGUP), Removed, Signal(TERMINATE)],
            Course::Leaving(HANGUP),
        );
    }
}
