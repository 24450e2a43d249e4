//! The documented exit codes. No other place chooses one.

use std::process::ExitCode;

use crate::engine::ErrorKind;
use crate::problem::{Problem, ProblemKind};
use crate::runner::Failure;

/// The exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: the command succeeded.
    Success,
    /// 1: a check failed, or the test of a lab failed.
    CheckFailed,
    /// 2: the command line or a lab file is invalid.
    Usage,
    /// 3: the environment is not ready: no engine, no image, a port in use, a full disk, a machine that is too small, or the
    /// user has not agreed to a change of the machine.
    Environment,
    /// 4: the policy refuses what the lab asks for.
    Refused,
    /// 5: a service did not become ready.
    NotReady,
    /// 6: an error at run time. This includes output that could not be written, unless its reader closed the pipe.
    RuntimeError,
    /// 128 + the signal's number: 129 hangup, 130 interrupt, 141 closed pipe, 143 terminate.
    Signal(u8),
    /// The exit code of the command that `shell` ran.
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
