//! Faults of services, and their repair.

use std::time::Duration;

use crate::engine::{Engine, ErrorKind, Exec};
use crate::lab::{Condition, Fault, FaultKind, RestartMode, ServiceName};
use crate::plan::{NoFreeSubnet, Operation, Plan, Reason, Repair, cut, repair};
use crate::runner::container::{container_id, grace};
use crate::runner::execute::execute;
use crate::runner::subnets::{no_free_subnet, used_subnets};
use crate::runner::{Failure, Live, Runner};
use crate::text;

/// How long filling a disk or removing what fills it may take.
const DISK_TIMEOUT: Duration = Duration::from_secs(30);

/// The file that fills a disk.
const FILLING: &str = ".roadlab-fill";

/// Fills the disk that `$1` is on. The shell reports that it is full, which is what was wanted.
const FILL: &str = "cat /dev/zero > \"$1\" 2>/dev/null; test -e \"$1\"";

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
            return paused.map_err(Failure::engine(text!("cannot pause `{service}`", service)));
        }
        FaultKind::Stop(how) => return stop(runner, live, service, &id, *how).await,
        FaultKind::FillDisk(path) => return fill(runner, service, &id, path).await,
        FaultKind::FreeDisk(path) => return free(runner, &id, [path]).await,
    };
    execute(runner, &plan, live.workspace.as_deref()).await?;
    live.renew(runner).await
}

/// Ends every fault of services that have a container, and waits for those that were started or connected again.
pub async fn repair_services<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    services: &[&ServiceName],
) -> Result<(), Failure> {
    live.renew_for_reset(runner).await?;
    let plan = repair(runner.lab, services, Repair::Everything, &live.observed);
    if !plan.is_empty() {
        execute(runner, &plan, live.workspace.as_deref()).await?;
        live.renew(runner).await?;
    }
    for service in services {
        let disks = runner.lab.services.get(*service);
        let disks: Vec<&String> = disks.into_iter().flat_map(|one| one.tmpfs.keys()).collect();
        if !disks.is_empty() && live.runs(service) {
            let id = container_id(runner, live, service)?;
            free(runner, &id, disks).await?;
        }
    }
    Ok(())
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

async fn fill<E: Engine>(
    runner: &Runner<'_, E>,
    service: &ServiceName,
    id: &str,
    path: &str,
) -> Result<(), Failure> {
    let exec = Exec {
        run: ["sh", "-c", FILL, "sh"]
            .map(str::to_owned)
            .into_iter()
            .chain([filling(path)])
            .collect(),
        user: Some("0".to_owned()),
        workdir: None,
        env: Vec::new(),
    };
    let context = || text!("cannot fill `{path}` of `{service}`", path, service);
    let output = runner.engine.exec(id, &exec, DISK_TIMEOUT).await;
    let output = output.map_err(Failure::engine(context()))?;
    match output.exit_code {
        0 => Ok(()),
        _ => Err(Failure::Step(text!(
            "cannot fill `{path}` of `{service}`: {reason}",
            path,
            service,
            reason = output.stderr.trim()
        ))),
    }
}

/// Removes what fills disks of a container. Without the program, nothing could have filled them.
async fn free<E: Engine>(
    runner: &Runner<'_, E>,
    id: &str,
    paths: impl IntoIterator<Item = &String>,
) -> Result<(), Failure> {
    let files = paths.into_iter().map(|path| filling(path));
    let exec = Exec {
        run: ["rm", "-f"]
            .map(str::to_owned)
            .into_iter()
            .chain(files)
            .collect(),
        user: Some("0".to_owned()),
        workdir: None,
        env: Vec::new(),
    };
    match runner.engine.exec(id, &exec, DISK_TIMEOUT).await {
        Err(error) if !matches!(error.kind, ErrorKind::NoProgram | ErrorKind::CannotRun) => {
            Err(Failure::engine(text!("cannot free the disks"))(error))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn filling(path: &str) -> String {
    format!("{}/{FILLING}", path.trim_end_matches('/'))
}
