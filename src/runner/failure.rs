//! Why something could not be done, told apart as far as exit codes and reports need it.

use std::time::Duration;

use crate::engine::EngineError;
use crate::lab::ServiceName;
use crate::problem::Problem;
use crate::store::LockError;

/// Why a command ends without having done what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The lab file or the request is wrong.
    #[error("{}", first(.0))]
    Problems(Vec<Problem>),
    /// The request cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// This machine lacks something: an engine, memory, a port, a tool.
    #[error("{0}")]
    Environment(String),
    #[error(transparent)]
    Locked(#[from] LockError),
    #[error("{context}: {error}")]
    Engine { context: String, error: EngineError },
    /// No way to get an image worked.
    #[error("no image for service `{service}`\n{}", list(.tried))]
    NoImage {
        service: ServiceName,
        tried: Vec<String>,
    },
    #[error("{0}")]
    NotReady(Box<NotReady>),
    /// A step of `start`, `health` or a solution did not do what it must.
    #[error("{0}")]
    Step(String),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// A service that never answered: everything that helps to see why.
#[derive(Debug, Clone)]
pub(crate) struct NotReady {
    pub(crate) lab: String,
    pub(crate) service: ServiceName,
    pub(crate) waited: Duration,
    /// What was looked for.
    pub(crate) probe: String,
    pub(crate) attempts: u32,
    /// What the last look saw.
    pub(crate) last: String,
    /// What became of the container, if it does not run any more.
    pub(crate) ended: Option<String>,
    /// The last lines of its log.
    pub(crate) log: Vec<String>,
}

impl Failure {
    /// Adds what was being done to an engine's error.
    pub(crate) fn engine(context: impl Into<String>) -> impl FnOnce(EngineError) -> Self {
        let context = context.into();
        move |error| Failure::Engine { context, error }
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

fn list(tried: &[String]) -> String {
    tried
        .iter()
        .map(|line| format!("  - {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

impl std::fmt::Display for NotReady {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.waited.as_secs_f64();
        match &self.ended {
            Some(ended) => writeln!(f, "service `{}` {ended} after {seconds:.1} s", self.service)?,
            None => writeln!(
                f,
                "service `{}` did not answer within {seconds:.1} s",
                self.service
            )?,
        }
        writeln!(f, "  looked for: {} ({} times)", self.probe, self.attempts)?;
        writeln!(f, "  last seen:  {}", self.last)?;
        if !self.log.is_empty() {
            writeln!(f, "  last lines of its log:")?;
            for line in &self.log {
                writeln!(f, "    {line}")?;
            }
        }
        write!(
            f,
            "  next: `roadlab up {} --retain` keeps it for a look with `roadlab logs {} {}`",
            self.lab, self.lab, self.service
        )
    }
}
