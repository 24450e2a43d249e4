//! What the tests of probes share: an engine that gives prepared answers, and a lab of one service `db`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{
    ContainerExec, ContainerFiles, EngineError, ErrorKind, Exec, ExecOutput, LogLine, LogOptions,
    Logs, Result,
};
use crate::expect::Actual;
use crate::lab::{
    Addresses, Lab, LabId, Level, RandomValues, ServiceAddress, ServiceName, StepKind,
};
use crate::probe::{Connections, ProbeError, ProbeMode, Target, probe};
use crate::text;

/// An engine with the roles that probes need, with prepared answers.
#[derive(Default)]
pub(super) struct Double {
    pub(super) exec: Option<Result<ExecOutput>>,
    pub(super) log: String,
    pub(super) files: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(super) calls: RefCell<Vec<String>>,
}

/// The error of a call that a test did not expect.
fn unexpected<T>() -> Result<T> {
    Err(EngineError::new(ErrorKind::Other, text!("unexpected call")))
}

impl Logs for Double {
    async fn logs(&self, _: &str, tail: u32) -> Result<String> {
        let lines: Vec<&str> = self.log.lines().collect();
        let tail = usize::try_from(tail).unwrap();
        Ok(lines[lines.len().saturating_sub(tail)..].join("\n"))
    }

    async fn stream_log(&self, _: &str, _: &LogOptions, _: &dyn Fn(LogLine)) -> Result<()> {
        unexpected()
    }
}

impl ContainerExec for Double {
    async fn exec(&self, _: &str, exec: &Exec, _: Duration) -> Result<ExecOutput> {
        let words = exec.run.join(" ");
        self.calls.borrow_mut().push(format!("exec {words}"));
        self.exec.clone().unwrap_or_else(unexpected)
    }
}

impl ContainerFiles for Double {
    async fn read_file(&self, _: &str, path: &str) -> Result<Option<Vec<u8>>> {
        self.calls.borrow_mut().push(format!("read {path}"));
        Ok(self.files.borrow().get(path).cloned())
    }

    async fn write_file(&self, _: &str, path: &str, content: &[u8]) -> Result<()> {
        self.calls.borrow_mut().push(format!("write {path}"));
        let mut files = self.files.borrow_mut();
        files.insert(path.to_owned(), content.to_vec());
        Ok(())
    }
}

/// A running lab with one service.
pub(super) struct Scene {
    pub(super) engine: Double,
    pub(super) lab: Lab,
    pub(super) addresses: Addresses,
    pub(super) workspace: Option<PathBuf>,
    pub(super) connections: Connections,
}

impl Scene {
    /// Makes a lab whose service listens at a port of this machine.
    pub(super) fn new(engine: Double, port: u16) -> Self {
        let address = ServiceAddress {
            host: "127.0.0.1".to_owned(),
            ports: BTreeMap::from([(1, port)]),
            first: Some(1),
            url: None,
            container: "hlp-probe-db".to_owned(),
        };
        Self {
            engine,
            lab: Lab {
                id: LabId::new("scene").unwrap(),
                folder: PathBuf::from("."),
                level: Level::Beginner,
                minutes: 1,
                roadmap: Vec::new(),
                after: Vec::new(),
                vars: BTreeMap::new(),
                random: RandomValues::default(),
                workspace: None,
                inactive: BTreeMap::new(),
                services: BTreeMap::new(),
                networks: BTreeMap::new(),
                start: Vec::new(),
                health: Vec::new(),
                exercises: Vec::new(),
                guides: BTreeMap::new(),
                about: crate::lab::About::default(),
                renamed: BTreeMap::new(),
            },
            addresses: BTreeMap::from([(Self::service(), address)]),
            workspace: None,
            connections: Connections::default(),
        }
    }

    /// Makes a lab whose service has a url; `PORT` in it is replaced by the port.
    pub(super) fn with_url(port: u16, url: &str) -> Self {
        let mut scene = Self::new(Double::default(), port);
        let address = scene.addresses.get_mut(&Self::service()).unwrap();
        address.url = Some(url.replace("PORT", &port.to_string()));
        scene
    }

    /// Returns the name of the only service.
    pub(super) fn service() -> ServiceName {
        ServiceName::new("db").unwrap()
    }

    pub(super) async fn probe(&self, act: &StepKind) -> std::result::Result<Actual, ProbeError> {
        self.probe_within(act, Duration::from_secs(10)).await
    }

    pub(super) async fn probe_within(
        &self,
        act: &StepKind,
        timeout: Duration,
    ) -> std::result::Result<Actual, ProbeError> {
        probe(
            act,
            ProbeMode::ReadWrite,
            &self.target(),
            &self.connections,
            timeout,
        )
        .await
    }

    pub(super) fn target(&self) -> Target<'_, Double> {
        Target {
            engine: &self.engine,
            lab: &self.lab,
            up: "roadlab up scene".to_owned(),
            addresses: &self.addresses,
            workspace: self.workspace.as_deref(),
        }
    }
}
