//! `roadlab doctor`: checks whether labs can run on this machine. Changes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::commands::{Context, orphans};
use crate::diagnosis::{
    Clock, ClockSource, EngineInfo, Finding, Folder, Machine, Message, Need, Proxies, Severity,
    findings,
};
use crate::engine::locate::url;
use crate::engine::{Endpoint, Engine, SystemInfo};
use crate::event::Event;
use crate::exit::Exit;
use crate::lab::Lab;
use crate::machine;
use crate::plan::Scope;
use crate::report::{self, finding_lines, output};
use crate::runner::{self, Failure, PullPolicy, Runner};
use crate::store::{Journals, UnreachableRegistries};
use crate::{localized, text_plural};

pub(crate) async fn doctor(context: &Context, names: &[String]) -> Result<Exit, Failure> {
    let (labs, mut found) = labs(context, names)?;
    let (machine, needs) = gather_facts(context, &labs).await;
    found.extend(findings(&machine, &needs));
    context.reporter.finish();
    let problems = found
        .iter()
        .filter(|f| f.severity() == Severity::Problem)
        .count();
    if context.global.json {
        let labs: Vec<&str> = labs.iter().map(|lab| lab.id.as_str()).collect();
        report::document(&json!({
            "fine": problems == 0,
            "labs": labs,
            "checks": found.iter().map(as_json).collect::<Vec<_>>(),
        }));
    } else {
        finding_lines(&found, context.paint)
            .iter()
            .for_each(|line| output(line));
        output(&match problems {
            0 => localized!("ready: all checked labs can run on this machine"),
            count => text_plural!(
                "not ready: {count} problem to solve first",
                "not ready: {count} problems to solve first",
                count
            )
            .localized(),
        });
    }
    Ok(match problems {
        0 => Exit::Success,
        _ => Exit::Environment,
    })
}

/// Loads the named labs, or all of them. Of all labs, one that cannot be loaded is a finding.
fn labs(context: &Context, names: &[String]) -> Result<(Vec<Lab>, Vec<Finding>), Failure> {
    if !names.is_empty() {
        let labs = names.iter().map(|name| context.lab(name));
        return Ok((labs.collect::<Result<_, _>>()?, Vec::new()));
    }
    let (mut labs, mut broken) = (Vec::new(), Vec::new());
    for (name, folder) in context.app.labs()?.all() {
        match context.lab(name) {
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
async fn gather_facts(context: &Context, labs: &[Lab]) -> (Machine, Vec<Need>) {
    let mut machine = Machine {
        memory: crate::machine::memory(),
        folders: folders(context, labs),
        ..Machine::default()
    };
    machine.proxies.shell = machine::proxy_variables();
    let journals = Journals::read(&context.app.paths.runs())
        .unreadable
        .into_iter();
    machine.unreadable_journals = journals.map(|journal| journal.path).collect();
    machine.proxies.systemd = machine::systemd();
    let mut needs: Vec<Need> = labs.iter().map(|lab| Need::of(lab, 0)).collect();
    match context.app.setup().diagnose().await {
        Ok((engine, endpoint)) => {
            add_engine(context, &engine, &endpoint, labs, &mut machine, &mut needs).await
        }
        Err(none) => machine.engine_unavailable = Some(none),
    }
    let ports: BTreeSet<u16> = needs.iter().flat_map(Need::ports).collect();
    machine.answering = machine::listening_ports(ports).await;
    let files = written(labs);
    let newest = machine::file_clock(files.iter().map(PathBuf::as_path), SystemTime::now());
    machine.clocks.extend(newest);
    if !context.global.offline {
        machine.clocks.extend(registry_clock(context, labs).await);
    }
    (machine, needs)
}

/// Adds what the engine reports about itself, about containers and about images.
async fn add_engine(
    context: &Context,
    engine: &impl Engine,
    endpoint: &Endpoint,
    labs: &[Lab],
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
        machine.engine = Some(engine_info(about, endpoint));
    }
    machine.published = engine.published_ports().await.unwrap_or_default();
    machine.orphan_runs = context
        .app
        .orphan_runs(engine, None)
        .await
        .unwrap_or_default();
    if let Ok(observed) = engine.observe(&Scope::owner(&context.app.owner)).await {
        let ports = observed
            .containers
            .iter()
            .flat_map(|container| container.ports.hosts());
        machine.own_ports = ports.collect();
    }
    let emit = |_: Event| {};
    let mut remembered = UnreachableRegistries::read(&context.app.paths.state);
    for (lab, need) in labs.iter().zip(needs) {
        let runner = Runner {
            emit: &emit,
            ..context.app.runner(engine, lab)
        };
        let making = context.app.image_builder();
        let images =
            runner::get_images(&runner, PullPolicy::LocalOnly, &mut remembered, &making).await;
        need.missing = images.map_or(0, |images| lab.services.len() - images.found.len());
    }
}

fn engine_info(about: SystemInfo, endpoint: &Endpoint) -> EngineInfo {
    EngineInfo {
        product: about.product,
        version: about.version,
        api: about.api,
        address: url(&endpoint.socket),
        source: endpoint.source.to_string(),
        cgroup: about.cgroup,
        unlimited: about.unlimited,
        warnings: about.warnings,
    }
}

/// Returns the folders that commands write to. The current one is among them if a lab keeps the learner's files there.
fn folders(context: &Context, labs: &[Lab]) -> Vec<Folder> {
    let paths = &context.app.paths;
    let mut folders = vec![paths.state.clone(), paths.cache.clone()];
    if labs.iter().any(|lab| lab.workspace.is_some()) {
        folders.extend(std::env::current_dir());
    }
    folders.into_iter().map(machine::folder).collect()
}

/// Returns files that were certainly written in the past.
fn written(labs: &[Lab]) -> Vec<PathBuf> {
    let program = std::env::current_exe().into_iter();
    program
        .chain(labs.iter().map(|lab| lab.folder.join("lab.yaml")))
        .collect()
}

/// Returns the clock of a registry that the labs' images come from, if one can be reached.
async fn registry_clock(context: &Context, labs: &[Lab]) -> Option<Clock> {
    let remembered = UnreachableRegistries::read(&context.app.paths.state);
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

fn as_json(finding: &Finding) -> Value {
    let Message { what, fix } = finding.message();
    let state = match finding.severity() {
        Severity::Ok => "ok",
        Severity::Note => "note",
        Severity::Problem => "problem",
    };
    json!({ "check": finding.name(), "state": state, "what": what.localized(),
        "fix": fix.map(|fix| fix.localized()), "seen": facts(finding) })
}

/// Returns the facts of a finding as data.
fn facts(finding: &Finding) -> Value {
    let path = |path: &Path| path.display().to_string();
    match finding {
        Finding::NoEngine(_) => Value::Null,
        Finding::Engine { engine, .. } => {
            json!({ "product": engine.product, "version": engine.version, "api": engine.api, "address": engine.address,
                "source": engine.source })
        }
        Finding::Limits {
            cgroup,
            unlimited,
            warnings,
        } => json!({ "cgroup": cgroup, "unlimited": unlimited, "warnings": warnings }),
        Finding::Memory {
            memory,
            lab,
            needed,
        } => {
            json!({ "total": memory.total, "available": memory.available, "lab": lab.as_str(), "needed": needed })
        }
        Finding::Disk {
            disk,
            missing,
            least,
            ..
        } => {
            json!({ "path": path(&disk.path), "free": disk.free, "missing_images": missing, "least": least })
        }
        Finding::PortInUse {
            port,
            services,
            process,
            container,
            needed_by,
        } => {
            json!({ "port": port, "services": services, "pid": process.as_ref().map(|process| process.pid),
                "program": process.as_ref().map(|process| &process.program), "container": container,
                "needed_by": needed_by.as_ref().map(|lab| lab.as_str()) })
        }
        Finding::PortsFree { ports } => json!({ "ports": ports }),
        Finding::Proxies { proxies, .. } => {
            json!({ "shell": proxies.shell, "engine": proxies.engine })
        }
        Finding::Clock {
            clock, compared, ..
        } => {
            let compared: Vec<String> = compared.iter().map(ToString::to_string).collect();
            json!({ "other": clock.source.to_string(), "ahead_seconds": clock.ahead, "compared": compared })
        }
        Finding::Folder(folder) => {
            json!({ "path": path(&folder.path), "problem": folder.problem })
        }
        Finding::OrphanRuns(orphans) => {
            json!({ "runs": orphans.iter().map(orphans::to_json).collect::<Vec<_>>() })
        }
        Finding::UnreadableJournals(files) => {
            json!({ "files": files.iter().map(|file| path(file)).collect::<Vec<_>>() })
        }
        Finding::BrokenLab { folder, problems } => {
            json!({ "path": path(folder), "problems": problems })
        }
    }
}
