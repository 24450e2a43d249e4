//! Faults of services, and their repair.

use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::lab::{Condition, Fault, FaultKind, RestartMode, ServiceName};
use crate::plan::{
    NoFreeSubnet, Operation, Plan, Reason, Repair, Running, changed_services, cut, repair,
};
use crate::runner::container::{container_id, grace};
use crate::runner::disks::{fill, free, observe_disks};
use crate::runner::execute::execute;
use crate::runner::subnets::{no_free_subnet, used_subnets};
use crate::runner::{Failure, Live, Runner};
use crate::text;
use crate::text::Text;

/// Causes a fault of a service, or ends it. A service that is started or connected again is waited for.
pub async fn apply_fault<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    fault: &Fault,
) -> Result<(), Failure> {
    let service = &fault.service;
    live.renew(runner).await?;
    let id = container_id(runner, live, service)?;
    let plan = match &fault.kind {
        FaultKind::Cut => {
            let taken = used_subnets(runner).await?;
            let plan = cut(runner.lab, service, &live.observed, &taken);
            plan.map_err(|NoFreeSubnet| no_free_subnet())?
        }
        FaultKind::Reconnect => repair(runner.lab, &[service], Repair::Networks, &live.observed),
        FaultKind::Start => start(service, id),
        FaultKind::Pause => {
            let paused = runner.engine.pause(&id).await;
            paused.map_err(Failure::engine(text!("cannot pause `{service}`", service)))?;
            return live.renew(runner).await;
        }
        FaultKind::Stop(how) => return stop(runner, live, service, &id, *how).await,
        FaultKind::FillDisk(path) => {
            let container = live.observed.container(service);
            let running = container.map_or(Running::No, |container| container.running);
            if let Some(reason) = why_not_filled(running) {
                return Err(Failure::Step(text!(
                    "cannot fill `{path}` of `{service}`: {reason}; `roadlab fault {lab} heal {service}` starts it again",
                    path,
                    service,
                    reason,
                    lab = runner.lab.id
                )));
            }
            return fill(runner, service, &id, path).await;
        }
        FaultKind::FreeDisk(path) => {
            let context = text!("cannot free `{path}` of `{service}`", path, service);
            let freed = free(runner.engine, &id, path).await;
            return freed.map_err(Failure::engine(context));
        }
    };
    execute(runner, &plan, live.workspace.as_deref()).await?;
    live.renew(runner).await
}

/// Ends every fault of services that have a container, and waits for those that were started or connected again. Returns the
/// services that had any.
pub async fn repair_services<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    services: &[&ServiceName],
) -> Result<BTreeSet<ServiceName>, Failure> {
    live.renew(runner).await?;
    observe_disks(runner.engine, runner.lab, &mut live.observed).await;
    let plan = repair(runner.lab, services, Repair::Everything, &live.observed);
    if !plan.is_empty() {
        execute(runner, &plan, live.workspace.as_deref()).await?;
        live.renew(runner).await?;
    }
    Ok(changed_services(&plan))
}

/// Returns why the disk of a service cannot be filled now.
fn why_not_filled(running: Running) -> Option<Text> {
    match running {
        Running::Yes => None,
        Running::Paused => Some(text!("the service is paused, so nothing can write to it")),
        Running::No => Some(text!(
            "the service is stopped, and a file system in memory is empty then"
        )),
    }
}

fn start(service: &ServiceName, id: String) -> Plan {
    Plan::new([
        vec![Operation::StartContainer {
            service: service.clone(),
            id: Some(id),
            reason: Reason::Requested,
        }],
        vec![Operation::Wait {
            service: service.clone(),
            condition: Condition::Healthy,
        }],
    ])
}

async fn stop<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    service: &ServiceName,
    id: &str,
    how: RestartMode,
) -> Result<(), Failure> {
    let grace = grace(runner.lab, service, how);
    let stopped = runner.engine.stop(id, grace).await;
    stopped.map_err(Failure::engine(text!("cannot stop `{service}`", service)))?;
    live.renew(runner).await
}
