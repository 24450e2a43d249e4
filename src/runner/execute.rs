//! Walks a plan: stage by stage, the operations of a stage side by side.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::engine::{Engine, EngineError, ErrorKind, is_port_free};
use crate::event::Event;
use crate::lab::ServiceName;
use crate::plan::{ContainerSpec, NetworkSpec, Operation, Plan, Subnet};
use crate::runner::ready::wait;
use crate::runner::{Failure, Live, Runner};
use crate::text::Text;

/// How often another port or address range is tried when somebody was quicker.
const TRIES: u32 = 8;

/// Containers made by this plan, which later stages start.
#[derive(Default)]
struct CreatedContainers(RefCell<BTreeMap<ServiceName, (String, ContainerSpec)>>);

/// Performs a plan. The first failure ends it after its stage; what was made stays for the caller to keep or tear down.
pub(crate) async fn execute<E: Engine>(
    runner: &Runner<'_, E>,
    plan: &Plan,
    workspace: Option<&std::path::Path>,
) -> Result<(), Failure> {
    let made = CreatedContainers::default();
    for stage in &plan.stages {
        let waits = stage
            .iter()
            .any(|operation| matches!(operation, Operation::Wait { .. }));
        // A wait looks at ports, which are known once a container runs.
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
            .map(|operation| perform(runner, operation, &made, live.as_ref()));
        for result in join_all(operations).await {
            result?;
        }
    }
    Ok(())
}

async fn perform<E: Engine>(
    runner: &Runner<'_, E>,
    operation: &Operation,
    made: &CreatedContainers,
    live: Option<&Live>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let text = operation.to_string();
    runner.emit(Event::OperationStarted {
        operation: text.clone(),
    });
    let engine = runner.engine;
    let done = match operation {
        Operation::RemoveContainer { id, .. } => engine.remove_container(id).await,
        Operation::RemoveNetwork { id, .. } => engine.remove_network(id).await.map(drop),
        Operation::RemoveVolume { name } => engine.remove_volume(name).await,
        Operation::CreateNetwork(spec) => create_network(engine, spec).await,
        Operation::CreateVolume(spec) => engine.create_volume(spec).await,
        Operation::CreateContainer { service, spec, .. } => {
            engine.create_container(spec).await.map(|id| {
                made.0
                    .borrow_mut()
                    .insert(service.clone(), (id, (**spec).clone()));
            })
        }
        Operation::StartContainer { service, id, .. } => match id {
            Some(id) => engine.start(id).await,
            None => start_made(runner, service, made).await,
        },
        Operation::Wait { service, condition } => {
            if let Some(live) = live {
                wait(runner, live, service, *condition).await?;
            }
            Ok(())
        }
    };
    done.map_err(|error| match error.kind {
        // Everything that is named here was there a moment ago.
        ErrorKind::NotFound => removed_externally(&format!("cannot {text}"), error),
        _ => Failure::engine(format!("cannot {text}"))(error),
    })?;
    runner.emit(Event::OperationFinished {
        operation: text,
        millis: begun.elapsed().as_millis() as u64,
    });
    Ok(())
}

/// What of this lab was there is not there any more.
pub(super) fn removed_externally(what: &str, error: EngineError) -> Failure {
    let who = "something removed this lab's containers or networks, as `docker system prune` does";
    Failure::engine(format!("{what}: {who}; try again when it is over"))(error)
}

/// Another lab may take the same range between our look and our call: then the next free one is tried.
async fn create_network<E: Engine>(engine: &E, spec: &NetworkSpec) -> Result<(), EngineError> {
    let mut spec = spec.clone();
    for attempt in 1.. {
        match engine.create_network(&spec).await {
            Err(error) if error.kind == ErrorKind::SubnetTaken && attempt < TRIES => {
                let mut taken = engine.subnets().await?;
                taken.push(spec.subnet);
                // Far from where the others look at this moment.
                let free = Subnet::free(&taken, std::process::id().wrapping_mul(attempt * 61), 1);
                spec.subnet = *free.first().ok_or(error)?;
            }
            other => return other.map(drop),
        }
    }
    unreachable!("the loop returns at the last attempt")
}

/// Starts a container of this plan. If somebody took a port that we chose, the container is made again with another.
async fn start_made<E: Engine>(
    runner: &Runner<'_, E>,
    service: &ServiceName,
    made: &CreatedContainers,
) -> Result<(), EngineError> {
    let found = made.0.borrow().get(service).cloned();
    let Some((mut id, mut spec)) = found else {
        return Err(EngineError::new(
            ErrorKind::Other,
            Text::verbatim(format!("`{service}` was never created")),
        ));
    };
    for attempt in 1.. {
        let error = match runner.engine.start(&id).await {
            Err(error) if error.kind == ErrorKind::PortTaken && attempt < TRIES => error,
            other => return other,
        };
        let fixed = |container: u16| {
            let ports = runner
                .lab
                .services
                .get(service)
                .map(|service| service.ports.as_slice())
                .unwrap_or_default();
            ports
                .iter()
                .any(|port| port.container == container && port.host.is_some())
        };
        let taken = runner.engine.published_ports().await?;
        for port in &spec.ports {
            if fixed(port.container) && !is_port_free(port.host).await {
                return Err(port_taken(port.host, taken.get(&port.host), &error));
            }
        }
        if spec.ports.iter().all(|port| fixed(port.container)) {
            return Err(error);
        }
        let mut taken: BTreeSet<u16> = taken.into_keys().collect();
        taken.extend(spec.ports.iter().map(|port| port.host));
        for port in spec.ports.iter_mut().filter(|port| !fixed(port.container)) {
            port.host = next_free(port.host, &taken)
                .await
                .ok_or_else(|| error.clone())?;
            taken.insert(port.host);
        }
        runner.engine.remove_container(&id).await?;
        id = runner.engine.create_container(&spec).await?;
        made.0
            .borrow_mut()
            .insert(service.clone(), (id.clone(), spec.clone()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    unreachable!("the loop returns at the last attempt")
}

fn port_taken(port: u16, holder: Option<&String>, error: &EngineError) -> EngineError {
    let holder = holder.map_or_else(
        || "another program".to_owned(),
        |name| format!("container {name}"),
    );
    EngineError::new(
        error.kind,
        Text::verbatim(format!(
            "port {port} is used by {holder}: stop it, or let the lab choose a free port"
        )),
    )
}

async fn next_free(after: u16, taken: &BTreeSet<u16>) -> Option<u16> {
    let candidates =
        (1..2_000u16).map(|step| 20_000 + (after.wrapping_sub(20_000).wrapping_add(step)) % 10_000);
    for port in candidates.filter(|port| !taken.contains(port)) {
        if is_port_free(port).await {
            return Some(port);
        }
    }
    None
}
