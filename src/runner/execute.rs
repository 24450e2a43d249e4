//! Performs a plan stage by stage, the operations of one stage concurrently.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::future::join_all;

use crate::engine::{Engine, EngineError, ErrorKind, is_port_free};
use crate::event::{Event, StartPart, Warning};
use crate::lab::{RestartMode, ServiceName};
use crate::plan::{
    ContainerSpec, HostPort, NetworkSpec, Operation, Plan, Subnet, candidates_after,
};
use crate::runner::container::grace;
use crate::runner::disks::free;
use crate::runner::failure::removed_externally;
use crate::runner::initial_data::{Filled, StartingData};
use crate::runner::ready::wait;
use crate::runner::{Failure, Live, Runner};
use crate::text;

/// How often a network is created or a container started before a taken address range or port is an error.
const ATTEMPTS: u32 = 8;

/// How many ports are tested for one that is free.
const CANDIDATES: usize = 2_000;

/// The containers that this plan created and later stages start.
#[derive(Default)]
struct CreatedContainers(RefCell<BTreeMap<ServiceName, (String, ContainerSpec)>>);

/// Performs a plan. A failure ends it after the stage; the caller keeps or removes what was created.
pub async fn execute<E: Engine>(
    runner: &Runner<'_, E>,
    plan: &Plan,
    workspace: Option<&std::path::Path>,
) -> Result<(), Failure> {
    execute_with_data(runner, plan, workspace, None).await
}

/// Performs a plan. New volumes are filled from `data` before a container starts.
pub(super) async fn execute_with_data<E: Engine>(
    runner: &Runner<'_, E>,
    plan: &Plan,
    workspace: Option<&std::path::Path>,
    data: Option<&StartingData<'_>>,
) -> Result<(), Failure> {
    let created = CreatedContainers::default();
    let mut data = data;
    for stage in &plan.stages {
        let starts = |operation: &Operation| matches!(operation, Operation::StartContainer { .. });
        if stage.iter().any(starts)
            && let Some(data) = data.take()
        {
            let begun = Instant::now();
            let container = |service: &ServiceName| created.0.borrow().get(service).cloned();
            let replace = |service: &ServiceName, id: String| {
                if let Some((known, _)) = created.0.borrow_mut().get_mut(service) {
                    *known = id;
                }
            };
            if data.fill(runner, &container, &replace).await? == Filled::Yes {
                runner.emit(Event::start_part_finished(StartPart::FillVolumes, begun));
            }
        }
        let waits = stage
            .iter()
            .any(|operation| matches!(operation, Operation::Wait { .. }));
        // A probe needs the ports, which are known when the container runs.
        let live = match waits {
            true => Some(Live::new(
                runner.lab,
                runner.observe().await?,
                workspace.map(Into::into),
            )),
            false => None,
        };
        let operations = stage
            .iter()
            .map(|operation| perform(runner, operation, &created, live.as_ref()));
        for result in join_all(operations).await {
            result?;
        }
    }
    Ok(())
}

async fn perform<E: Engine>(
    runner: &Runner<'_, E>,
    operation: &Operation,
    created: &CreatedContainers,
    live: Option<&Live>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let text = operation.to_string();
    runner.emit(Event::OperationStarted {
        operation: text.clone(),
    });
    let engine = runner.engine;
    let result = match operation {
        Operation::RemoveContainer { id, .. } => engine.remove_container(id).await,
        Operation::RemoveNetwork { id, name, .. } => {
            let disconnected = engine.remove_network(id).await;
            disconnected.map(|containers| warn_disconnected(runner, name, containers))
        }
        Operation::RemoveVolume { name } => engine.remove_volume(name).await,
        Operation::CreateNetwork(spec) => create_network(engine, spec).await,
        Operation::CreateVolume(spec) => engine.create_volume(spec).await,
        Operation::CreateContainer { service, spec, .. } => {
            engine.create_container(spec).await.map(|id| {
                let container = (id, (**spec).clone());
                created.0.borrow_mut().insert(service.clone(), container);
            })
        }
        Operation::ConnectNetwork {
            container,
            attachment,
            ..
        } => engine.connect_network(container, attachment).await,
        Operation::DisconnectNetwork {
            container, network, ..
        } => engine.disconnect_network(container, network).await,
        Operation::StartContainer { service, id, .. } => match id {
            Some(id) => engine.start(id).await,
            None => start_created(runner, service, created).await,
        },
        Operation::StopContainer { service, id } => {
            let grace = grace(runner.lab, service, RestartMode::Stop);
            engine.stop(id, grace).await
        }
        Operation::FreeDisk {
            container, path, ..
        } => free(engine, container, path).await,
        Operation::Wait { service, condition } => {
            if let Some(live) = live {
                wait(runner, live, service, *condition).await?;
            }
            Ok(())
        }
    };
    result.map_err(|error| {
        let context = text!("cannot {operation}", operation = operation.text());
        match error.kind {
            // Everything that a plan names existed when the plan began.
            ErrorKind::NotFound => removed_externally(context, error),
            _ => Failure::engine(context)(error),
        }
    })?;
    runner.emit(Event::OperationFinished {
        operation: text,
        millis: begun.elapsed().as_millis() as u64,
    });
    Ok(())
}

/// Warns about containers that were on a removed network and that this lab did not create.
fn warn_disconnected<E: Engine>(runner: &Runner<'_, E>, network: &str, containers: Vec<String>) {
    let is_of_lab = |name: &String| {
        let mut services = runner.lab.services.keys();
        services.any(|service| {
            let run = name.strip_suffix(&format!("-{service}"));
            run.is_some_and(|run| network.starts_with(&format!("{run}-")))
        })
    };
    for container in containers.into_iter().filter(|name| !is_of_lab(name)) {
        runner.emit(Event::Warning(Warning::ContainerDisconnected {
            container,
            network: network.to_owned(),
        }));
    }
}

/// Creates a network. If another lab takes the address range between the plan and this call, the next free one is tried.
async fn create_network<E: Engine>(engine: &E, spec: &NetworkSpec) -> Result<(), EngineError> {
    let mut spec = spec.clone();
    let mut result = engine.create_network(&spec).await;
    for attempt in 1..ATTEMPTS {
        match &result {
            Err(error) if error.kind == ErrorKind::SubnetTaken => {}
            _ => break,
        }
        let mut taken = engine.subnets().await?;
        taken.push(spec.subnet);
        // Processes that compete for a range continue at different places.
        let seed = std::process::id().wrapping_mul(attempt * 61);
        let Some(free) = Subnet::free(&taken, seed, 1).first().copied() else {
            break;
        };
        spec.subnet = free;
        result = engine.create_network(&spec).await;
    }
    result.map(drop)
}

/// Starts a container that this plan created. If another program takes a port that roadlab chose, the container is created
/// again with the next free one.
async fn start_created<E: Engine>(
    runner: &Runner<'_, E>,
    service: &ServiceName,
    created: &CreatedContainers,
) -> Result<(), EngineError> {
    let found = created.0.borrow().get(service).cloned();
    let Some((mut id, mut spec)) = found else {
        return Err(EngineError::new(
            ErrorKind::NotFound,
            text!("the container of `{service}` does not exist", service),
        ));
    };
    let mut result = runner.engine.start(&id).await;
    for _ in 1..ATTEMPTS {
        match &result {
            Err(error) if error.kind == ErrorKind::PortTaken => {}
            _ => break,
        }
        let used = runner.engine.published_ports().await?;
        if !choose_other_ports(&mut spec, &used).await? {
            break;
        }
        runner.engine.remove_container(&id).await?;
        id = runner.engine.create_container(&spec).await?;
        let container = (id.clone(), spec.clone());
        created.0.borrow_mut().insert(service.clone(), container);
        result = runner.engine.start(&id).await;
    }
    result
}

/// Replaces the ports that roadlab chose by the next free ones; `false` if there are none. Fails if a port that the lab file
/// names is in use. `used` are the ports that containers publish, with their names.
async fn choose_other_ports(
    spec: &mut ContainerSpec,
    used: &BTreeMap<u16, String>,
) -> Result<bool, EngineError> {
    let mut taken: BTreeSet<u16> = used.keys().copied().collect();
    for port in &spec.ports {
        let number = port.host.number();
        if matches!(port.host, HostPort::Fixed(_)) && !is_port_free(number).await {
            return Err(port_taken(number, used.get(&number)));
        }
        taken.insert(number);
    }
    let mut replaced = false;
    for port in &mut spec.ports {
        let HostPort::Chosen(number) = port.host else {
            continue;
        };
        let candidates = candidates_after(number).take(CANDIDATES);
        let Some(free) = first_free(candidates, &taken).await else {
            return Ok(false);
        };
        taken.insert(free);
        port.host = HostPort::Chosen(free);
        replaced = true;
    }
    Ok(replaced)
}

async fn first_free(candidates: impl Iterator<Item = u16>, taken: &BTreeSet<u16>) -> Option<u16> {
    for port in candidates.filter(|port| !taken.contains(port)) {
        if is_port_free(port).await {
            return Some(port);
        }
    }
    None
}

fn port_taken(port: u16, container: Option<&String>) -> EngineError {
    let message = match container {
        Some(container) => text!(
            "port {port} is used by container `{container}`; stop it, or let the lab choose a free port",
            port,
            container
        ),
        None => text!(
            "port {port} is used by another program; stop it, or let the lab choose a free port",
            port
        ),
    };
    EngineError::new(ErrorKind::PortTaken, message)
}
