//! Connects to the container engine, and installs and starts one if the user agrees.
//!
//! Commands that read or remove use [`EngineSetup::existing_engine`]; only commands that create something may use
//! [`EngineSetup::engine_or_install`].

use std::path::Path;

use crate::diagnosis::EngineUnavailable;
use crate::engine::docker::Docker;
use crate::engine::install::{DaemonSite, Goal, commands, observe, perform, plan};
use crate::engine::locate::{LocateError, connect_error, connect_fix, locate};
use crate::engine::{Endpoint, EngineError, ErrorKind, Result, System};
use crate::text;
use crate::text::Text;

/// Whether the user agreed that packages are installed and a daemon is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Given,
    NotGiven,
}

/// What came out of a change to this machine.
#[derive(Debug)]
pub enum SetupOutcome<T> {
    Done(T),
    /// The change needs these commands, and the user has not agreed to them.
    NeedsConsent(Vec<String>),
}

/// How to connect to an engine, and how this machine may be changed to get one.
#[derive(Debug, Clone)]
pub struct EngineSetup {
    /// The value of `--engine`.
    pub explicit: Option<String>,
    consent: Consent,
    site: DaemonSite,
}

impl EngineSetup {
    /// `state` is roadlab's state folder, for the log and the record of a daemon that roadlab starts.
    pub fn new(explicit: Option<String>, consent: Consent, state: &Path) -> Self {
        Self {
            explicit,
            consent,
            site: DaemonSite::system(state),
        }
    }

    /// Returns where the system's daemon listens.
    pub fn site(&self) -> &DaemonSite {
        &self.site
    }

    /// Connects to an engine that is already running. Never changes this machine.
    pub async fn existing_engine(&self) -> Result<(Docker, Endpoint)> {
        let located = locate(self.explicit.as_deref());
        let endpoint = located.map_err(|error| error.error())?;
        let docker = Docker::connect(&endpoint)?;
        match docker.ping().await {
            Ok(()) => Ok((docker, endpoint)),
            Err(error) => Err(connect_error(&endpoint, &error)),
        }
    }

    /// Connects to an engine; if none is running, installs and starts one with consent. `on_line` gets the output.
    ///
    /// An engine that the user named is never started.
    pub async fn engine_or_install(
        &self,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<SetupOutcome<(Docker, Endpoint)>> {
        let error = match self.existing_engine().await {
            Ok(found) => return Ok(SetupOutcome::Done(found)),
            Err(error) => error,
        };
        if error.kind != ErrorKind::Unreachable || !self.may_start() {
            return Err(error);
        }
        match self.reach(Goal::Running, self.consent, on_line).await? {
            SetupOutcome::Done(()) => Ok(SetupOutcome::Done(self.existing_engine().await?)),
            SetupOutcome::NeedsConsent(commands) => Ok(SetupOutcome::NeedsConsent(commands)),
        }
    }

    /// Installs `mmdebstrap` with consent, if it is missing.
    pub async fn install_base_tool(
        &self,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<SetupOutcome<()>> {
        self.reach(Goal::BaseTool, self.consent, on_line).await
    }

    /// Stops the engine that roadlab started. Fails if another program started it.
    ///
    /// Needs no consent: it never stops anything else.
    pub async fn stop_engine(&self, on_line: &mut dyn FnMut(&str)) -> Result<()> {
        self.reach(Goal::Stopped, Consent::Given, on_line)
            .await
            .map(|_| ())
    }

    /// Connects to an engine that is already running, or returns why there is none and the command that helps.
    pub async fn diagnose(&self) -> std::result::Result<(Docker, Endpoint), EngineUnavailable> {
        let located = locate(self.explicit.as_deref());
        let endpoint = located.map_err(|error| EngineUnavailable {
            fix: error.fix().to_owned(),
            why: Text::verbatim(error.error().to_string()),
        })?;
        self.existing_engine()
            .await
            .map_err(|error| EngineUnavailable {
                fix: connect_fix(&endpoint, error.kind).to_owned(),
                why: Text::verbatim(error.to_string()),
            })
    }

    /// Returns whether the engine in question is the system's.
    fn may_start(&self) -> bool {
        match locate(self.explicit.as_deref()) {
            Ok(endpoint) => endpoint.socket == self.site.socket,
            Err(error) => matches!(error, LocateError::NotFound { .. }),
        }
    }

    async fn reach(
        &self,
        goal: Goal,
        consent: Consent,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<SetupOutcome<()>> {
        let machine = observe(&self.site).await;
        let actions = plan(&machine, goal, &self.site)?;
        let commands = commands(&actions, &machine);
        match (commands.is_empty(), consent, machine.root) {
            (true, _, _) | (false, Consent::Given, true) => {
                perform(&actions, &self.site, on_line).await?;
                Ok(SetupOutcome::Done(()))
            }
            (false, Consent::NotGiven, _) => Ok(SetupOutcome::NeedsConsent(commands)),
            (false, Consent::Given, false) => Err(EngineError::new(
                ErrorKind::Denied,
                text!("changing this machine requires root"),
            )
            .help(text!(
                "run roadlab with `sudo`, or run these commands:\n{commands}",
                commands = indented(&commands)
            ))),
        }
    }
}

/// Returns lines as a block below a message.
fn indented(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}
