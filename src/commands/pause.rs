//! `roadlab pause`: stops the services of a lab and keeps everything, so that the learner goes on another day.

use std::time::Instant;

use serde_json::json;

use crate::commands::Context;
use crate::commands::format::expiry;
use crate::exit::Exit;
use crate::lab::ServiceName;
use crate::localized;
use crate::report::{self, duration, output};
use crate::runner::Failure;

pub(crate) async fn pause(context: &Context, name: &str) -> Result<Exit, Failure> {
    let started = Instant::now();
    let lab = context.lab(name)?;
    let engine = context.app.existing_engine().await?;
    let report = context.app.pause(&engine, &lab).await?;
    context.reporter.finish();
    let millis = started.elapsed().as_millis() as u64;
    let names: Vec<&str> = report.stopped.iter().map(ServiceName::as_str).collect();
    let lost = report.lost.iter();
    if context.global.json {
        let lost = lost.map(|(service, path)| json!({ "service": service, "path": path }));
        report::document(&json!({
            "lab": lab.id.as_str(),
            "paused": names,
            "lost": lost.collect::<Vec<_>>(),
            "until": report.until,
            "millis": millis,
        }));
        return Ok(Exit::Success);
    }
    let argument = context.app.lab_argument(&lab.id);
    output(&match report.was_paused {
        true => localized!("{lab} is paused already", lab = argument),
        false => localized!(
            "{lab} is paused after {time}; kept: the data of the services, your progress and files",
            lab = argument,
            time = duration(millis)
        ),
    });
    for (service, path) in lost {
        output(&localized!(
            "lost: what {service} had in {path}, which is a disk in memory",
            service,
            path
        ));
    }
    output(&localized!(
        "continue with `roadlab up {lab}` or `roadlab run {lab}`",
        lab = argument
    ));
    if let Some(until) = report.until {
        output(&expiry(until));
        output(&localized!(
            "the time goes on while the lab is paused; at its end the lab and the data of its services are removed, and your progress and files stay"
        ));
    }
    Ok(Exit::Success)
}
