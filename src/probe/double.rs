//! A stand-in for an engine, and a scene of one service `db` to look at, for tests.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::engine::{
    Build, ContainerEvent, ContainerState, Engine, EngineError, ErrorKind, Exec, ExecOutput,
    ImageInfo, LogLine, LogOptions, MemoryUsage, PullProgress, Result, SystemInfo,
};
use crate::expect::Actual;
use crate::lab::{Addresses, ImageName, Lab, LabId, Level, ServiceAddress, ServiceName, StepKind};
use crate::plan::{ContainerSpec, NetworkSpec, Observed, Scope, Subnet, VolumeSpec};
use crate::probe::{Connections, ProbeError, Target, probe};

/// Answers the calls that probes make, as told; all other calls fail.
#[derive(Default)]
pub(super) struct Double {
    pub(super) exec: Option<Result<ExecOutput>>,
    pub(super) log: String,
    pub(super) running: bool,
    pub(super) files: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(super) calls: RefCell<Vec<String>>,
}

fn no<T>() -> Result<T> {
    Err(EngineError::new(ErrorKind::Other, "no such call"))
}

impl Engine for Double {
    async fn logs(&self, _: &str, tail: u32) -> Result<String> {
        let lines: Vec<&str> = self.log.lines().collect();
        let tail = usize::try_from(tail).unwrap();
        Ok(lines[lines.len().saturating_sub(tail)..].join("\n"))
    }

    async fn exec(&self, _: &str, exec: &Exec, _: Duration) -> Result<ExecOutput> {
        let words = exec.run.join(" ");
        self.calls.borrow_mut().push(format!("exec {words}"));
        self.exec.clone().unwrap_or_else(no)
    }

    async fn inspect(&self, _: &str) -> Result<ContainerState> {
        Ok(ContainerState {
            running: self.running,
            paused: false,
            status: String::new(),
            exit_code: 0,
            out_of_memory: false,
            error: String::new(),
            health: None,
            started: None,
            ports: BTreeMap::new(),
        })
    }

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

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn about(&self) -> Result<SystemInfo> {
        no()
    }

    async fn observe(&self, _: &Scope) -> Result<Observed> {
        no()
    }

    async fn subnets(&self) -> Result<Vec<Subnet>> {
        no()
    }

    async fn published_ports(&self) -> Result<BTreeMap<u16, String>> {
        no()
    }

    async fn image(&self, _: &str) -> Result<Option<ImageInfo>> {
        no()
    }

    async fn pull(&self, _: &ImageName, _: &dyn Fn(PullProgress)) -> Result<()> {
        no()
    }

    async fn build(&self, _: &Build, _: &dyn Fn(crate::engine::BuildProgress<'_>)) -> Result<()> {
        no()
    }

    async fn import(&self, _: &Path, _: &str) -> Result<()> {
        no()
    }

    async fn save(&self, _: &[&str], _: File, _: &dyn Fn(u64)) -> Result<()> {
        no()
    }

    async fn load(&self, _: &Path, _: &dyn Fn(u64)) -> Result<Vec<String>> {
        no()
    }

    async fn remove_image(&self, _: &str) -> Result<()> {
        no()
    }

    async fn create_network(&self, _: &NetworkSpec) -> Result<String> {
        no()
    }

    async fn create_volume(&self, _: &VolumeSpec) -> Result<()> {
        no()
    }

    async fn create_container(&self, _: &ContainerSpec) -> Result<String> {
        no()
    }

    async fn start(&self, _: &str) -> Result<()> {
        no()
    }

    async fn stop(&self, _: &str, _: Option<Duration>) -> Result<()> {
        no()
    }

    async fn remove_container(&self, _: &str) -> Result<()> {
        no()
    }

    async fn remove_network(&self, _: &str) -> Result<Vec<String>> {
        no()
    }

    async fn remove_volume(&self, _: &str) -> Result<()> {
        no()
    }

    async fn stream_log(&self, _: &str, _: &LogOptions, _: &dyn Fn(LogLine)) -> Result<()> {
        no()
    }

    async fn events(&self, _: &Scope, _: SystemTime, _: &dyn Fn(ContainerEvent)) -> Result<()> {
        no()
    }

    async fn received_bytes(&self, _: &str) -> Result<u64> {
        no()
    }

    async fn memory_usage(&self, _: &str) -> Result<MemoryUsage> {
        no()
    }
}

/// A running lab of one service.
pub(super) struct Scene {
    pub(super) engine: Double,
    pub(super) lab: Lab,
    pub(super) addresses: Addresses,
    pub(super) workspace: Option<PathBuf>,
    pub(super) connections: Connections,
}

impl Scene {
    /// The scene's only service, which answers at a port of this machine.
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
                vars: BTreeMap::new(),
                workspace: None,
                services: BTreeMap::new(),
                networks: BTreeMap::new(),
                start: Vec::new(),
                health: Vec::new(),
                exercises: Vec::new(),
                guides: BTreeMap::new(),
            },
            addresses: BTreeMap::from([(Self::service(), address)]),
            workspace: None,
            connections: Connections::default(),
        }
    }

    /// The same with a url, in which `PORT` stands for the port.
    pub(super) fn with_url(port: u16, url: &str) -> Self {
        let mut scene = Self::new(Double::default(), port);
        let address = scene.addresses.get_mut(&Self::service()).unwrap();
        address.url = Some(url.replace("PORT", &port.to_string()));
        scene
    }

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
        probe(act, &self.target(), &self.connections, timeout).await
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
