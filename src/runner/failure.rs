//! Why a command failed, as far as exit codes and reports tell failures apart.

use std::io;
use std::path::Path;

use crate::diagnosis::Finding;
use crate::engine::EngineError;
use crate::event::NotReady;
use crate::lab::{Instance, LabId, ServiceName};
use crate::problem::{Problem, ProblemKind};
use crate::store::{LockError, ProgressError, UnreadableJournal, WorkspaceError};
use crate::text;
use crate::text::Text;

/// Why a command failed. Shown in the language of the process.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The lab has problems.
    #[error("{}", first(.0).localized())]
    Problems(Vec<Problem>),
    /// Usage error.
    #[error("{}", .0.localized())]
    Usage(Text),
    /// The machine lacks something: an engine, memory, a port, a program.
    #[error("{}", .0.localized())]
    Environment(Text),
    /// The lab has no containers.
    #[error("{}", .0.text().localized())]
    NotRunning(NotRunning),
    /// The memory or the disk of the machine is too small for the lab.
    #[error("{}", .0.message().what.localized())]
    TooSmall(Box<Finding>),
    #[error(transparent)]
    Locked(#[from] LockError),
    /// A call to the engine failed.
    #[error("{}: {}", .context.localized(), .error.cause().localized())]
    Engine { context: Text, error: EngineError },
    /// The commands that would install or start an engine; the user has not agreed to them.
    #[error("{}", needs_consent(.0).localized())]
    NeedsConsent(Vec<String>),
    /// No engine answers.
    #[error("{0}")]
    NoEngine(EngineError),
    /// Every way to get an image failed.
    #[error("{}", no_image(.service, .tried))]
    NoImage {
        service: ServiceName,
        tried: Vec<Text>,
    },
    #[error("{}", not_ready(.0).localized())]
    NotReady(Box<NotReady>),
    /// A step of `start`, `health` or a solution failed.
    #[error("{}", .0.localized())]
    Step(Text),
    /// A step could not run, because another session holds a lock.
    #[error("{}", .0.localized())]
    StepLocked(Text),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// An instance of a lab that has no containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRunning {
    pub lab: LabId,
    pub instance: Instance,
    /// The command that starts it.
    pub up: String,
    /// The instances of the lab that run instead.
    pub others: Vec<Instance>,
}

impl NotRunning {
    /// Returns what is not running, what is, and how to start it.
    pub fn text(&self) -> Text {
        let (lab, command) = (&self.lab, &self.up);
        let others = self.others.iter();
        let others = others.map(|other| format!("`{other}`")).collect::<Vec<_>>();
        match (others.is_empty(), self.instance.is_main()) {
            (true, true) => text!(
                "lab `{lab}` is not running: start it with `{command}`",
                lab,
                command
            ),
            (true, false) => text!(
                "instance `{instance}` of lab `{lab}` is not running: start it with `{command}`",
                instance = self.instance,
                lab,
                command
            ),
            (false, _) => text!(
                "instance `{instance}` of lab `{lab}` is not running, but {others} is: select it with `--instance`, or start another one with `{command}`",
                instance = self.instance,
                lab,
                others = others.join(", "),
                command
            ),
        }
    }
}

impl Failure {
    /// Returns a function that adds to an engine's error what was being done.
    pub fn engine(context: Text) -> impl FnOnce(EngineError) -> Self {
        move |error| Failure::Engine { context, error }
    }

    /// Returns the failure for a file that cannot be written: a full disk is a runtime error, any other reason a usage error.
    pub fn cannot_write(path: &Path, error: &io::Error) -> Self {
        let what = text!(
            "cannot write {file}: {reason}",
            file = path.display(),
            reason = error
        );
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::WriteZero => Failure::Other(anyhow::anyhow!(what.localized())),
            _ => Failure::Usage(what),
        }
    }

    /// Returns the code in `--json`. A code never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Problems(problems) => {
                match problems.iter().map(|problem| problem.kind).max() {
                    Some(ProblemKind::Refused) => "refused",
                    Some(ProblemKind::NeedsTrust) => "needs_trust",
                    Some(ProblemKind::Lab | ProblemKind::Note) | None => "problems",
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
            Failure::Step(_) | Failure::StepLocked(_) => "step",
            Failure::Other(_) => "fault",
        }
    }
}

impl From<ProgressError> for Failure {
    fn from(error: ProgressError) -> Self {
        Failure::Environment(error.text())
    }
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        Failure::Environment(error.text())
    }
}

impl From<Box<UnreadableJournal>> for Failure {
    fn from(journal: Box<UnreadableJournal>) -> Self {
        Failure::Environment(journal.text())
    }
}

/// A container or network that existed a moment ago is gone.
pub(super) fn removed_externally(context: Text, error: EngineError) -> Failure {
    let error = error.help(text!(
        "containers or networks of this lab were removed outside roadlab, for example by `docker system prune`; try again"
    ));
    Failure::Engine { context, error }
}

fn first(problems: &[Problem]) -> Text {
    match problems {
        [] => text!("the lab has problems"),
        [only] => Text::verbatim(only.to_string()),
        [first, more @ ..] => text!(
            "{first} (and {count} more problems)",
            first,
            count = more.len()
        ),
    }
}

fn no_image(service: &ServiceName, tried: &[Text]) -> String {
    let first = text!("no image for service `{service}`", service);
    let tried = tried.iter().map(|why| format!("\n  - {}", why.localized()));
    std::iter::once(first.localized()).chain(tried).collect()
}

fn needs_consent(commands: &[String]) -> Text {
    let lines: Vec<String> = commands.iter().map(|line| format!("  {line}")).collect();
    text!(
        "no container engine is running; to install and start one, add `--yes` to the command, or run:\n{commands}",
        commands = lines.join("\n")
    )
}

/// One line, for the proof of a lab. Reports show everything that is known.
fn not_ready(why: &NotReady) -> Text {
    let seconds = format!("{:.1}", why.waited.as_secs_f64());
    let (service, last) = (&why.service, &why.last);
    match &why.container {
        Some(end) if end.out_of_memory => text!("service `{service}` ran out of memory", service),
        Some(end) if !end.running => text!(
            "service `{service}` exited with code {code}; last probe: {last}",
            service,
            code = end.exit_code,
            last
        ),
        Some(_) | None => text!(
            "service `{service}` was not ready within {seconds} s; last probe: {last}",
            service,
            seconds,
            last
        ),
    }
}
