//! The container engine itself: its status, and starting and stopping it.

use crate::app::App;
use crate::engine::install::{DaemonRecord, observe};
use crate::engine::locate::locate;
use crate::engine::{Endpoint, EngineError, SetupOutcome, System, SystemInfo};
use crate::event::Event;
use crate::runner::Failure;

/// What is known about the engine.
pub struct EngineStatus {
    /// Where the engine is; `None` if there is none.
    pub endpoint: Option<Endpoint>,
    /// Whether the engine answers.
    pub connected: Result<(), EngineError>,
    /// What the engine reports about itself.
    pub info: Option<SystemInfo>,
    /// The daemon that roadlab started, if it is this engine.
    pub started: Option<DaemonRecord>,
}

impl App {
    /// Returns the status of the engine. Never starts one.
    pub async fn engine_status(&self) -> EngineStatus {
        let setup = self.setup();
        let connected = setup.existing_engine().await;
        let located = || locate(setup.explicit.as_deref()).ok();
        let (endpoint, info, connected) = match connected {
            Ok((docker, endpoint)) => (Some(endpoint), docker.system_info().await.ok(), Ok(())),
            Err(error) => (located(), None, Err(error)),
        };
        let is_system = |endpoint: &Endpoint| endpoint.socket == setup.site().socket;
        let started = match &endpoint {
            Some(endpoint) if connected.is_ok() && is_system(endpoint) => {
                observe(setup.site()).await.started
            }
            _ => None,
        };
        EngineStatus {
            endpoint,
            connected,
            info,
            started,
        }
    }

    /// Connects to the engine, and installs and starts one first if there is none and the person agreed to that.
    pub async fn start_engine(&self) -> Result<(Endpoint, SystemInfo), Failure> {
        let mut on_line = |line: &str| self.emit(Event::engine_setup_line(line));
        let outcome = self.setup().engine_or_install(&mut on_line).await;
        let (docker, endpoint) = match outcome.map_err(Failure::NoEngine)? {
            SetupOutcome::Done(found) => found,
            SetupOutcome::NeedsConsent(commands) => return Err(Failure::NeedsConsent(commands)),
        };
        let info = docker.system_info().await.map_err(Failure::NoEngine)?;
        Ok((endpoint, info))
    }

    /// Stops the engine that roadlab started, and returns it; `None` if none was running.
    pub async fn stop_engine(&self) -> Result<Option<DaemonRecord>, Failure> {
        let setup = self.setup();
        let started = observe(setup.site()).await.started;
        let mut on_line = |line: &str| self.emit(Event::engine_setup_line(line));
        let stopped = setup.stop_engine(&mut on_line).await;
        stopped.map_err(Failure::NoEngine)?;
        Ok(started)
    }
}
