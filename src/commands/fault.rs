//! `roadlab fault`: causes a fault of a service of a running lab, or ends it.

use std::time::Instant;

use serde_json::json;

use crate::app::select_services;
use crate::cli::FaultAction;
use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::{Fault, FaultKind, Lab, RestartMode, ServiceName};
use crate::localized;
use crate::report::{self, duration, output};
use crate::runner::Failure;
use crate::text;

pub(crate) async fn fault(
    context: &Context,
    name: &str,
    action: FaultAction,
    service: Option<&str>,
    path: Option<&str>,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    let lab = context.lab(name)?;
    let names: Vec<String> = service.iter().map(|&service| service.to_owned()).collect();
    let services = select_services(&lab, &names)?;
    let fault = requested_fault(&lab, action, service.and(services.first()), path)?;
    let engine = context.app.existing_engine().await?;
    let services: Vec<ServiceName> = match &fault {
        Some(fault) => {
            context.app.cause_fault(&engine, &lab, fault).await?;
            services
        }
        None => {
            let healed = context.app.heal(&engine, &lab, &services).await?;
            healed.into_iter().collect()
        }
    };
    context.reporter.finish();
    let millis = started.elapsed().as_millis() as u64;
    let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
    if context.global.json {
        report::document(&json!({
            "lab": lab.id.as_str(),
            "action": action.name(),
            "services": names,
            "millis": millis,
        }));
        return Ok(Exit::Success);
    }
    let (services, time) = (names.join(", "), duration(millis));
    let lab = context.app.lab_argument(&lab.id);
    output(&match action {
        FaultAction::Cut => localized!(
            "{services} is cut off from the other services; you still reach it",
            services
        ),
        FaultAction::Pause => localized!("{services} is paused", services),
        FaultAction::Stop => localized!("{services} is stopped", services),
        FaultAction::Kill => localized!("{services} is killed", services),
        FaultAction::Fill => localized!("the disk of {services} is full", services),
        FaultAction::Heal if services.is_empty() => localized!("nothing to heal"),
        FaultAction::Heal => localized!("healed in {time}: {services}", time, services),
    });
    if action != FaultAction::Heal {
        output(&localized!(
            "end it with `roadlab fault {lab} heal {services}`",
            lab,
            services
        ));
    }
    Ok(Exit::Success)
}

/// Returns the fault that is requested; `None` if faults are to end.
fn requested_fault(
    lab: &Lab,
    action: FaultAction,
    service: Option<&ServiceName>,
    path: Option<&str>,
) -> Result<Option<Fault>, Failure> {
    let kind = match action {
        FaultAction::Heal => None,
        FaultAction::Cut => Some(FaultKind::Cut),
        FaultAction::Pause => Some(FaultKind::Pause),
        FaultAction::Stop => Some(FaultKind::Stop(RestartMode::Stop)),
        FaultAction::Kill => Some(FaultKind::Stop(RestartMode::Kill)),
        FaultAction::Fill => Some(FaultKind::FillDisk(disk(lab, service, path)?)),
    };
    if path.is_some() && action != FaultAction::Fill {
        return Err(Failure::Usage(text!(
            "`{action}` takes no path",
            action = action.name()
        )));
    }
    let Some(kind) = kind else { return Ok(None) };
    let service = service.cloned().ok_or_else(|| {
        Failure::Usage(text!(
            "`{action}` needs the name of a service",
            action = action.name()
        ))
    })?;
    Ok(Some(Fault { service, kind }))
}

/// Returns the disk to fill: the one that is named, else the only one of the service.
fn disk(lab: &Lab, service: Option<&ServiceName>, path: Option<&str>) -> Result<String, Failure> {
    let service = service.and_then(|name| lab.services.get(name));
    let disks: Vec<&str> = service
        .into_iter()
        .flat_map(|service| service.tmpfs.keys().map(String::as_str))
        .collect();
    match (path, disks.as_slice()) {
        (Some(path), disks) if disks.contains(&path) => Ok(path.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (_, []) => Err(Failure::Usage(text!(
            "only a `tmpfs` of a service can be filled, and this one has none"
        ))),
        (_, disks) => Err(Failure::Usage(text!(
            "name the disk to fill: {disks}",
            disks = disks.join(", ")
        ))),
    }
}
