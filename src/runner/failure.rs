//! Why something could not be done, told apart as far as exit codes and reports need it.

use crate::engine::EngineError;
use crate::event::NotReady;
use crate::lab::ServiceName;
use crate::localized;
use crate::plan::Finding;
use crate::problem::{Problem, ProblemKind};
use crate::store::{LockError, ProgressError};

/// Why a command ends without having done what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The lab file or the request is wrong.
    #[error("{}", first(.0))]
    Problems(Vec<Problem>),
    /// The request cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// This machine lacks something: an engine, memory, a port, a tool.
    #[error("{0}")]
    Environment(String),
    /// The lab has no containers.
    #[error("{0}")]
    NotRunning(String),
    /// This machine cannot hold the lab.
    #[error("{}", too_small(.0))]
    TooSmall(Box<Finding>),
    #[error(transparent)]
    Locked(#[from] LockError),
    #[error("{context}: {error}")]
    Engine { context: String, error: EngineError },
    /// The commands that would install or start an engine; the user has not agreed to them.
    #[error("{}", needs_consent(.0))]
    NeedsConsent(Vec<String>),
    /// There is no engine to do it with.
    #[error("{0}")]
    NoEngine(EngineError),
    /// No way to get an image worked.
    #[error("no image for service `{service}`\n{}", list(.tried))]
    NoImage {
        service: ServiceName,
        tried: Vec<String>,
    },
    #[error("{}", not_ready(.0))]
    NotReady(Box<NotReady>),
    /// A step of `start`, `health` or a solution did not do what it must.
    #[error("{0}")]
    Step(String),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl Failure {
    /// Adds what was being done to an engine's error.
    pub fn engine(context: impl Into<String>) -> impl FnOnce(EngineError) -> Self {
        let context = context.into();
        move |error| Failure::Engine { context, error }
    }

    /// What programs tell it by; a code once given keeps its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Problems(problems) => {
                match problems.iter().map(|problem| problem.kind).max() {
                    Some(ProblemKind::Refused) => "refused",
                    Some(ProblemKind::NeedsTrust) => "needs_trust",
                    Some(ProblemKind::Lab) | None => "problems",
                }
            }
            Failure::Usage(_) => "usage",
            Failure::Environment(_) | Failure::NotRunning(_) => "environment",
            Failure::TooSmall(_) => "too_small",
            Failure::Locked(_) => "locked",
            Failure::NeedsConsent(_) => "needs_consent",
            Failure::Engine { error, .. } | Failure::NoEngine(error) => error.kind.code(),
            Failure::NoImage { .. } => "no_image",
            Failure::NotReady(_) => "not_ready",
            Failure::Step(_) => "step",
            Failure::Other(_) => "fault",
        }
    }
}

impl From<ProgressError> for Failure {
    fn from(error: ProgressError) -> Self {
        Failure::Other(error.into())
    }
}

fn first(problems: &[Problem]) -> String {
    let first = problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        more => format!("{first} (and {} more problems)", more - 1),
    }
}

fn too_small(finding: &Finding) -> String {
    match finding {
        Finding::Memory { lab, needed, .. } => {
            format!("there is not enough memory for lab `{lab}`, which may use {needed} bytes")
        }
        Finding::Disk { disk, least, .. } => {
            format!(
                "there is not enough room at {}: at least {least} bytes are needed",
                disk.path.display()
            )
        }
        other => format!("this machine cannot run the lab: {}", other.name()),
    }
}

fn needs_consent(commands: &[String]) -> String {
    let lines: Vec<String> = commands.iter().map(|line| format!("  {line}")).collect();
    localized!(
        "no container engine is running; to install and start one, add `--yes` to the command, or run:\n{commands}",
        commands = lines.join("\n")
    )
}

fn list(tried: &[String]) -> String {
    tried
        .iter()
        .map(|line| format!("  - {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// In one line, for the proof of a lab; reports say it all.
fn not_ready(why: &NotReady) -> String {
    let seconds = why.waited.as_secs_f64();
    let (service, last) = (&why.service, &why.last);
    match &why.container {
        Some(end) if end.out_of_memory => format!("service `{service}` ran out of memory"),
        Some(end) if !end.running => {
            format!(
                "service `{service}` ended by itself (exit {}); last seen: {last}",
                end.exit_code
            )
        }
        Some(_) | None => {
            format!("service `{service}` did not answer within {seconds:.1} s; last seen: {last}")
        }
    }
}
