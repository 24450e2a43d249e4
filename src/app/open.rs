//! Opens labs and engines.

use std::collections::BTreeSet;

use crate::app::{App, trust};
use crate::diagnosis::{self, MissingImages, Need, Severity};
use crate::engine::SetupOutcome;
use crate::engine::docker::Docker;
use crate::event::Event;
use crate::lab::{Draw, Lab, LabId, load_drawn};
use crate::machine;
use crate::problem::Problem;
use crate::runner::{Failure, new_draw};
use crate::store::{Journal, RecordingFs};

/// A lab without problems.
pub struct OpenedLab {
    pub lab: Lab,
    /// What the person granted to the lab just now.
    pub granted: Vec<Problem>,
}

/// Which random values a lab gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrawOf {
    /// Those of this instance, if it runs.
    Run,
    /// Those of this instance, or new ones: it is about to start.
    NewRun,
    /// Those of a certain draw.
    Draw(Draw),
}

impl App {
    /// Reads a lab by its name or the path of its folder, with the random values of this instance. What the lab requests beyond
    /// the defaults is a problem unless it is granted; an optional service that requests it does not run then.
    pub fn open(&self, name: &str) -> Result<OpenedLab, Failure> {
        self.open_with(name, &DrawOf::Run)
    }

    /// Reads a lab like [`open`](Self::open), with other random values.
    pub fn open_with(&self, name: &str, draw: &DrawOf) -> Result<OpenedLab, Failure> {
        let folder = self
            .labs()?
            .folder(name)
            .map_err(|problem| Failure::Problems(vec![problem]))?;
        let files = RecordingFs::default();
        let draw = |lab: &LabId| match draw {
            DrawOf::Run => self.draw(lab),
            DrawOf::NewRun => Some(self.draw(lab).unwrap_or_else(new_draw)),
            DrawOf::Draw(draw) => Some(draw.clone()),
        };
        let mut loaded = load_drawn(&folder, &draw, &files)
            .map_err(|problems| Failure::Problems(trust::unresolved(self, problems)))?;
        let decision = trust::decide(self, &folder, &files, &mut loaded)?;
        match decision.problems.is_empty() {
            true => {
                // Progress that cannot be read is reported by what needs it.
                let _ = self.carry_renamed(&loaded.lab);
                Ok(OpenedLab {
                    lab: loaded.lab,
                    granted: decision.granted,
                })
            }
            false => Err(Failure::Problems(decision.problems)),
        }
    }

    /// Returns the draw of this instance of a lab, if its journal can be read.
    pub(super) fn draw(&self, lab: &LabId) -> Option<Draw> {
        let runs = BTreeSet::new();
        let journal = Journal::find(&self.paths.runs(), lab, &self.instance, &runs);
        Some(journal.ok()??.effective_draw())
    }

    /// Refuses a lab that needs more memory than this machine has.
    pub fn require_memory(&self, lab: &Lab) -> Result<(), Failure> {
        let found = diagnosis::memory(machine::memory(), &Need::of(lab, MissingImages::default()));
        match found.filter(|found| found.severity() == Severity::Problem) {
            Some(found) => Err(Failure::TooSmall(Box::new(found))),
            None => Ok(()),
        }
    }

    /// Connects to an engine, and installs and starts one first if there is none and the person agreed to that. Removes the
    /// runs of processes that died, and ends their programs.
    pub async fn engine(&self) -> Result<Docker, Failure> {
        let mut on_line = |line: &str| {
            self.emit(Event::engine_setup_line(line));
        };
        let outcome = self.setup().engine_or_install(&mut on_line).await;
        let docker = match outcome.map_err(Failure::NoEngine)? {
            SetupOutcome::Done((docker, _)) => docker,
            SetupOutcome::NeedsConsent(commands) => return Err(Failure::NeedsConsent(commands)),
        };
        self.collect_garbage(&docker).await;
        self.end_left_shells(&docker).await;
        Ok(docker)
    }

    /// Connects to the engine that is there, for what only reads or removes: nothing is installed or started. Removes the runs
    /// of processes that died, and ends their programs.
    pub async fn existing_engine(&self) -> Result<Docker, Failure> {
        let connected = self.setup().existing_engine().await;
        let (docker, _) = connected.map_err(Failure::NoEngine)?;
        self.collect_garbage(&docker).await;
        self.end_left_shells(&docker).await;
        Ok(docker)
    }
}
