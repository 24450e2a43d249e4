//! `roadlab restart`: restarts services, or kills and restarts them, and keeps their data.

use std::time::Instant;

use serde_json::json;

use crate::app::select_services;
use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::{RestartMode, ServiceName};
use crate::localized;
use crate::report::{self, duration, output};
use crate::runner::Failure;

pub(crate) async fn restart(
    context: &Context,
    name: &str,
    services: &[String],
    mode: RestartMode,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    let lab = context.lab(name)?;
    let services = select_services(&lab, services)?;
    let engine = context.app.existing_engine().await?;
    let services = context.app.restart(&engine, &lab, services, mode).await?;
    context.reporter.finish();
    let millis = started.elapsed().as_millis() as u64;
    let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
    if context.global.json {
        report::document(&json!({
            "lab": lab.id.as_str(),
            "restarted": names,
            "killed": mode == RestartMode::Kill,
            "millis": millis,
        }));
        return Ok(Exit::Success);
    }
    let (services, time) = (names.join(", "), duration(millis));
    output(&match mode {
        RestartMode::Stop => localized!("restarted {services} in {time}", services, time),
        RestartMode::Kill => {
            localized!("killed and restarted {services} in {time}", services, time)
        }
    });
    Ok(Exit::Success)
}
