//! Gets an engine that answers: the one that is there, or, with consent, one that is installed and started.

use std::path::Path;

use crate::engine::docker::Docker;
use crate::engine::install::{Goal, Site, commands, observe, perform, plan};
use crate::engine::locate::{NoEngine, explain, fix, locate};
use crate::engine::{Endpoint, EngineError, ErrorKind, Result, System};
use crate::text::Text;

/// Whether the person agreed to packages being installed and a daemon being started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Given,
    NotGiven,
}

/// How this machine may be changed to get an engine.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The value of `--engine`.
    pub explicit: Option<String>,
    pub consent: Consent,
    site: Site,
}

impl Setup {
    /// `state` is a folder of ours, for the log and the record of a daemon that we start.
    pub fn new(explicit: Option<String>, consent: Consent, state: &Path) -> Self {
        Self {
            explicit,
            consent,
            site: Site::system(state),
        }
    }

    /// The same, with consent.
    pub fn with_consent(&self) -> Self {
        Self {
            consent: Consent::Given,
            ..self.clone()
        }
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    /// An engine that answers. `on_line` hears what is installed and started.
    pub async fn connect(&self, on_line: &mut dyn FnMut(&str)) -> Result<(Docker, Endpoint)> {
        let error = match self.connect_only().await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        if error.kind != ErrorKind::Unreachable
            || self.consent == Consent::NotGiven
            || !self.is_ours_to_start()
        {
            return Err(error);
        }
        self.make(Goal::Running, on_line).await?;
        self.connect_only().await
    }

    /// The engine that is there; nothing is installed or started.
    pub async fn connect_only(&self) -> Result<(Docker, Endpoint)> {
        let endpoint = locate(self.explicit.as_deref()).map_err(no_engine)?;
        let docker = Docker::connect(&endpoint)?;
        match docker.ping().await {
            Ok(()) => Ok((docker, endpoint)),
            Err(error) => Err(EngineError::new(
                error.kind,
                Text::verbatim(explain(&endpoint, &error)),
            )),
        }
    }

    /// The engine that is there, or why there is none and the command that helps.
    pub async fn look(&self) -> std::result::Result<(Docker, Endpoint), crate::plan::NoEngine> {
        let located = locate(self.explicit.as_deref());
        let endpoint = located.map_err(|none| crate::plan::NoEngine {
            fix: none.fix().to_owned(),
            why: none.to_string(),
        })?;
        self.connect_only()
            .await
            .map_err(|error| crate::plan::NoEngine {
                fix: fix(&endpoint, error.kind).to_owned(),
                why: error.to_string(),
            })
    }

    /// An engine that somebody named is theirs to start.
    fn is_ours_to_start(&self) -> bool {
        match locate(self.explicit.as_deref()) {
            Ok(endpoint) => endpoint.socket == self.site.socket,
            Err(NoEngine::NotFound { .. }) => true,
            Err(_) => false,
        }
    }

    /// Makes a wish true, or says which commands would.
    pub async fn make(&self, wish: Goal, on_line: &mut dyn FnMut(&str)) -> Result<()> {
        let situation = observe(&self.site).await;
        let actions = plan(&situation, wish, &self.site)?;
        let typed = commands(&actions, &situation);
        if self.consent == Consent::NotGiven && !typed.is_empty() {
            let list: Vec<String> = typed.iter().map(|line| format!("  {line}")).collect();
            let what = format!(
                "this would run the following; agree with `--yes`, or type it yourself:\n{}",
                list.join("\n")
            );
            return Err(EngineError::new(
                ErrorKind::Unreachable,
                Text::verbatim(what),
            ));
        }
        perform(&actions, &self.site, on_line).await
    }
}

fn no_engine(error: NoEngine) -> EngineError {
    EngineError::new(ErrorKind::Unreachable, Text::verbatim(error.to_string()))
}
