//! `roadlab restart`: stops or kills services and starts them again; their data stays.

use std::time::Instant;

use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::{Lab, RestartMode, ServiceName};
use crate::problem::{Problem, suggestion};
use crate::report::{self, duration, output, t};
use crate::runner::{self, Failure};
use crate::text;

pub(crate) async fn restart(
    context: &Context,
    name: &str,
    services: &[String],
    kill: bool,
) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let lab = context.lab(name)?;
    let services = select_services(&lab, services)?;
    let engine = context.engine().await?;
    let _lock = context.lock(&engine, &lab.id).await?;
    let emit = |event| context.emit(event);
    let runner = context.runner(&engine, &lab, &emit);
    let mut live = context.live(&runner).await?;
    let services: Vec<ServiceName> = services
        .into_iter()
        .filter(|name| live.addresses.contains_key(name))
        .collect();
    let how = if kill {
        RestartMode::Kill
    } else {
        RestartMode::Stop
    };
    runner::restart(&runner, &mut live, &services, how).await?;
    context.reporter.finish();
    let millis = begun.elapsed().as_millis() as u64;
    let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
    if context.global.json {
        report::document(
            &json!({ "lab": lab.id.as_str(), "restarted": names, "killed": kill, "millis": millis }),
        );
        return Ok(Exit::Success);
    }
    let (names, time) = (names.join(", "), duration(millis));
    output(&match kill {
        true => t!("restart.killed", services = names, time = time),
        false => t!("restart.restarted", services = names, time = time),
    });
    Ok(Exit::Success)
}

/// The services named, or all of the lab.
pub(crate) fn select_services(lab: &Lab, names: &[String]) -> Result<Vec<ServiceName>, Failure> {
    if names.is_empty() {
        return Ok(lab.services.keys().cloned().collect());
    }
    let find = |name: &String| {
        let found = lab
            .services
            .keys()
            .find(|known| known.as_str() == name)
            .cloned();
        found.ok_or_else(|| {
            let known = lab.services.keys().map(ServiceName::as_str);
            let problem = Problem::new(text!(
                "no such service in lab `{lab}`: `{name}`",
                lab = lab.id,
                name
            ));
            Failure::Problems(vec![problem.help(suggestion(name, known))])
        })
    };
    names.iter().map(find).collect()
}
