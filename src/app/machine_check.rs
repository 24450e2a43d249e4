//! Checks whether labs can run on this machine. Changes nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::app::{App, OpenedLab};
use crate::diagnosis::{
    Clock, ClockSource, EngineInfo, Finding, Folder, Host, Machine, MissingImages, Need, Proxies,
    Severity, findings,
};
use crate::engine::locate::url;
use crate::engine::{Endpoint, Engine, SystemInfo};
use crate::event::Event;
use crate::lab::Lab;
use crate::machine;
use crate::plan::Scope;
use crate::runner::{self, Failure, PullPolicy, Runner};
use crate::store::{Journals, UnreachableRegistries};

/// What is right and wrong with this machine, for some labs.
pub struct MachineReport {
    /// The labs that were opened.
    pub labs: Vec<OpenedLab>,
    pub findings: Vec<Finding>,
}

impl MachineReport {
    /// Counts the findings that keep a lab from running.
    pub fn problems(&self) -> usize {
        let findings = self.findings.iter();
        let problems = findings.filter(|finding| finding.severity() == Severity::Problem);
        problems.count()
    }
}

impl App {
    /// Checks whether the named labs, or all labs, can run on this machine. An engine that is not running is a finding.
    pub async fn check_machine(&self, names: &[String]) -> Result<MachineReport, Failure> {
        let (opened, mut found) = labs(self, names)?;
        let labs: Vec<&Lab> = opened.iter().map(|opened| &opened.lab).collect();
        let (machine, needs) = gather_facts(self, &labs).await;
        found.extend(findings(&machine, &needs));
        Ok(MachineReport {
            labs: opened,
            findings: found,
        })
    }
}

/// Opens the named labs, or all of them. Of all labs, one that cannot be opened is a finding.
fn labs(app: &App, names: &[String]) -> Result<(Vec<OpenedLab>, Vec<Finding>), Failure> {
    if !names.is_empty() {
        let labs = names.iter().map(|name| app.open(name));
        return Ok((labs.collect::<Result<_, _>>()?, Vec::new()));
    }
    let (mut labs, mut broken) = (Vec::new(), Vec::new());
    for (name, folder) in app.labs()?.all() {
        match app.open(name) {
            Ok(lab) => labs.push(lab),
            Err(Failure::Problems(problems)) => broken.push(Finding::BrokenLab {
                folder: folder.clone(),
                problems: problems.len(),
            }),
            Err(other) => return Err(other),
        }
    }
    Ok((labs, broken))
}

/// Gathers the facts about this machine and the needs of the labs. What cannot be found out is left out.
async fn gather_facts(app: &App, labs: &[&Lab]) -> (Machine, Vec<Need>) {
    let mut machine = Machine {
        memory: crate::machine::memory(),
        folders: folders(app, labs),
        ..Machine::default()
    };
    machine.proxies.shell = machine::proxy_variables();
    let journals = Journals::read(&app.paths.runs()).unreadable.into_iter();
    machine.unreadable_journals = journals.map(|journal| journal.path).collect();
    machine.proxies.systemd = machine::systemd();
    let mut needs: Vec<Need> = labs
        .iter()
        .map(|lab| Need::of(lab, MissingImages::default()))
        .collect();
    match app.setup().diagnose().await {
        Ok((engine, endpoint)) => {
            add_engine(app, &engine, &endpoint, labs, &mut machine, &mut needs).await
        }
        Err(none) => machine.engine_unavailable = Some(none),
    }
    let ports: BTreeSet<u16> = needs.iter().flat_map(Need::ports).collect();
    machine.answering = machine::listening_ports(ports).await;
    let files = written(labs);
    let newest = machine::file_clock(files.iter().map(PathBuf::as_path), SystemTime::now());
    machine.clocks.extend(newest);
    if app.options.pull_policy != PullPolicy::Offline {
        machine.clocks.extend(registry_clock(app, labs).await);
    }
    (machine, needs)
}

/// Adds what the engine reports about itself, about containers and about images.
async fn add_engine(
    app: &App,
    engine: &impl Engine,
    endpoint: &Endpoint,
    labs: &[&Lab],
    machine: &mut Machine,
    needs: &mut [Need],
) {
    if let Ok(about) = engine.system_info().await {
        let now = SystemTime::now();
        if let Some(memory) = machine.memory.as_mut().filter(|_| about.memory > 0) {
            // An engine in a virtual machine has less than this machine.
            memory.total = memory.total.min(about.memory);
        }
        let time = about.time.as_deref();
        machine.clocks.extend(time.and_then(|time| {
            Some(Clock {
                source: ClockSource::Host(about.product.clone()),
                ahead: machine::ahead(time, now)?,
            })
        }));
        machine.disk = machine::disk(&about.root);
        machine.proxies = Proxies {
            engine: about
                .proxies
                .iter()
                .map(|p| machine::redact_credentials(p))
                .collect(),
            ..std::mem::take(&mut machine.proxies)
        };
        machine.host = Some(host(&about));
        machine.engine = Some(engine_info(about, endpoint));
    }
    machine.published = engine.published_ports().await.unwrap_or_default();
    machine.orphan_runs = app.orphan_runs(engine, None).await.unwrap_or_default();
    if let Ok(observed) = engine.observe(&Scope::owner(&app.owner)).await {
        let ports = observed
            .containers
            .iter()
            .flat_map(|container| container.ports.hosts());
        machine.own_ports = ports.collect();
    }
    let emit = |_: Event| {};
    let mut remembered = UnreachableRegistries::read(&app.paths.state);
    for (lab, need) in labs.iter().zip(needs) {
        let runner = Runner {
            emit: &emit,
            ..app.runner(engine, lab)
        };
        let making = app.image_builder(lab);
        let images =
            runner::get_images(&runner, PullPolicy::LocalOnly, &mut remembered, &making).await;
        if let Ok(images) = images {
            let services = lab.services.values();
            let missing = services.filter(|service| !images.found.contains_key(&service.name));
            need.missing = MissingImages::of(missing);
        }
    }
}

fn host(about: &SystemInfo) -> Host {
    let processor = about
        .platform
        .split_once('/')
        .map(|(_, processor)| processor);
    Host {
        os: std::env::consts::OS.to_owned(),
        wsl: machine::wsl(),
        processor: processor.unwrap_or_default().to_owned(),
        podman: about.product == "Podman",
        rootless: about.rootless,
        desktop: about.desktop,
    }
}

fn engine_info(about: SystemInfo, endpoint: &Endpoint) -> EngineInfo {
    EngineInfo {
        product: about.product,
        version: about.version,
        api: about.api,
        address: url(&endpoint.socket),
        source: endpoint.source.to_string(),
        source_text: endpoint.source.text(),
        cgroup: about.cgroup,
        unlimited: about.unlimited,
        warnings: about.warnings,
    }
}

/// Returns the folders that commands write to. The current one is among them if a lab keeps the learner's files there.
fn folders(app: &App, labs: &[&Lab]) -> Vec<Folder> {
    let paths = &app.paths;
    let mut folders = vec![paths.state.clone(), paths.cache.clone()];
    if labs.iter().any(|lab| lab.workspace.is_some()) {
        folders.extend(std::env::current_dir());
    }
    folders.into_iter().map(machine::folder).collect()
}

/// Returns files that were certainly written in the past.
fn written(labs: &[&Lab]) -> Vec<PathBuf> {
    let program = std::env::current_exe().into_iter();
    program
        .chain(labs.iter().map(|lab| lab.folder.join("lab.yaml")))
        .collect()
}

/// Returns the clock of a registry that the labs' images come from, if one can be reached.
async fn registry_clock(app: &App, labs: &[&Lab]) -> Option<Clock> {
    let remembered = UnreachableRegistries::read(&app.paths.state);
    let images = labs.iter().flat_map(|lab| lab.services.values());
    let registry = images
        .filter_map(|service| service.image.as_ref())
        .map(|image| image.registry())
        .find(|registry| !remembered.is_unreachable(registry))?;
    let (host, port) = match registry.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (registry, 80),
    };
    machine::http_clock(host, port).await
}
