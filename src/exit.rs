//! The documented exit codes. No other place chooses one.

use std::process::ExitCode;

use crate::engine::ErrorKind;
use crate::problem::{Problem, ProblemKind};
use crate::runner::Failure;

/// The exit code of a command.
///
/// Each paragraph of the comments below is a row of the documented table: the codes, a colon, and the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: success
    Success,
    /// 1: a check failed, or a lab failed its own test
    CheckFailed,
    /// 2: usage error, or an invalid lab file
    Usage,
    /// 3: environment: no container engine, no image, a lab that is not running, a port in use, not enough disk or memory, a
    /// file of roadlab's own that cannot be read, or a change of this machine to which you did not agree
    Environment,
    /// 4: the lab requests something that roadlab refuses, or that needs `--trust`
    Refused,
    /// 5: a service did not become ready
    NotReady,
    /// 6: any other runtime error, such as output that cannot be written
    RuntimeError,
    /// 129, 130, 143: stopped by a hangup, interrupt or terminate signal; unfinished work was removed first
    ///
    /// 141: the reader of the output of `shell` or `run --auto` closed the pipe
    Signal(u8),
    /// any: `roadlab shell LAB -- COMMAND` exits with the code of the command
    Command(u8),
}

impl Exit {
    /// Returns the code that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::CheckFailed => 1,
            Exit::Usage => 2,
            Exit::Environment => 3,
            Exit::Refused => 4,
            Exit::NotReady => 5,
            Exit::RuntimeError => 6,
            Exit::Signal(number) => 128 + number,
            Exit::Command(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<&Failure> for Exit {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Problems(problems) => of_problems(problems),
            Failure::Usage(_) => Exit::Usage,
            Failure::Environment(_)
            | Failure::NotRunning(_)
            | Failure::NeedsConsent(_)
            | Failure::NoEngine(_)
            | Failure::TooSmall(_)
            | Failure::Locked(_)
            | Failure::NoImage { .. } => Exit::Environment,
            Failure::Engine { error, .. } => match error.kind {
                ErrorKind::InvalidRecipe => Exit::Usage,
                ErrorKind::Unreachable
                | ErrorKind::StreamCut
                | ErrorKind::Denied
                | ErrorKind::Timeout
                | ErrorKind::PortTaken
                | ErrorKind::PortsNotLocal
                | ErrorKind::SubnetTaken
                | ErrorKind::DiskFull
                | ErrorKind::RegistryUnreachable
                | ErrorKind::NoBuilder
                | ErrorKind::NoSuchImage => Exit::Environment,
                ErrorKind::NotFound
                | ErrorKind::NameTaken
                | ErrorKind::Busy
                | ErrorKind::NotRunning
                | ErrorKind::Paused
                | ErrorKind::ContainerExited
                | ErrorKind::NoProgram
                | ErrorKind::CannotRun
                | ErrorKind::BuildFailed
                | ErrorKind::Other => Exit::RuntimeError,
            },
            Failure::NotReady(_) => Exit::NotReady,
            Failure::Step(_) | Failure::StepLocked(_) | Failure::Other(_) => Exit::RuntimeError,
        }
    }
}

/// A refusal takes precedence over other problems: correcting those would not help.
fn of_problems(problems: &[Problem]) -> Exit {
    match problems.iter().map(|problem| problem.kind).max() {
        Some(ProblemKind::Refused | ProblemKind::NeedsTrust) => Exit::Refused,
        Some(ProblemKind::Lab | ProblemKind::Note) | None => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    #[test]
    fn codes_are_as_documented() {
        let all = [
            Exit::Success,
            Exit::CheckFailed,
            Exit::Usage,
            Exit::Environment,
            Exit::Refused,
            Exit::NotReady,
            Exit::RuntimeError,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!([1, 2, 15].map(|n| Exit::Signal(n).code()), [129, 130, 143]);
    }

    #[test]
    fn refusal_takes_precedence_over_other_problems() {
        let mistake = Problem::new(Text::verbatim("x"));
        let refusal = Problem::new(Text::verbatim("y")).kind(ProblemKind::Refused);
        assert_eq!(
            Exit::from(&Failure::Problems(vec![mistake.clone()])),
            Exit::Usage
        );
        assert_eq!(
            Exit::from(&Failure::Problems(vec![refusal, mistake])),
            Exit::Refused
        );
    }
}
