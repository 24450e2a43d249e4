//! Exit codes: documented, and given nowhere else.

use std::process::ExitCode;

use crate::engine::ErrorKind;
use crate::problem::{Problem, ProblemKind};
use crate::runner::Failure;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: what was asked was done.
    Success,
    /// 1: a check failed, or a lab did not prove itself.
    CheckFailed,
    /// 2: the request or a lab file is wrong.
    Usage,
    /// 3: no engine, no image, a port in use, no disk, a machine that is too small.
    Environment,
    /// 4: the lab asks for what the policy refuses.
    Refused,
    /// 5: a service never became ready.
    NotReady,
    /// 6: a fault while running.
    RuntimeError,
    /// 128 + the signal's number: 129 hang-up, 130 interrupt, 141 nobody reads any more, 143 terminate.
    Signal(u8),
    /// What a command run by `shell` ended with.
    Command(u8),
}

impl Exit {
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
            Failure::Step(_) | Failure::Other(_) => Exit::RuntimeError,
        }
    }
}

/// A refusal outweighs a mistake: mending the mistake would not help.
fn of_problems(problems: &[Problem]) -> Exit {
    match problems.iter().map(|problem| problem.kind).max() {
        Some(ProblemKind::Refused | ProblemKind::NeedsTrust) => Exit::Refused,
        Some(ProblemKind::Lab) | None => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_documentation() {
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
    fn a_refusal_outweighs_a_mistake() {
        let mistake = Problem::new("x");
        let refusal = Problem::new("y").kind(ProblemKind::Refused);
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
