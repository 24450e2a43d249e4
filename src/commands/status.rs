//! `roadlab status`: what runs, where it answers, how far the learner is.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::commands::up::ends;
use crate::commands::{Context, bad_name};
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::{Instance, LabId, load};
use crate::plan::{Observed, ObservedContainer, Running, Scope};
use crate::report::{self, clean, memory, output, table};
use crate::runner::{Failure, Live};
use crate::store::{Disk, Journal, Progress};

pub(crate) async fn status(context: &Context, lab: Option<&str>) -> Result<Exit, Failure> {
    let wanted = lab
        .map(|lab| LabId::new(lab).map_err(bad_name("lab")))
        .transpose()?;
    let engine = context.engine().await?;
    let scope = Scope {
        lab: wanted.clone(),
        ..Scope::owner(&context.owner)
    };
    let observed = engine
        .observe(&scope)
        .await
        .map_err(Failure::engine("cannot see what runs"))?;
    let used = join_all(observed.containers.iter().map(
        async |container| match container.running {
            Running::Yes => engine.memory(&container.id).await.ok(),
            Running::No | Running::Paused => None,
        },
    ));
    let used = used.await;
    context.reporter.finish();
    let runs: BTreeSet<(LabId, Instance)> = observed
        .marks()
        .map(|mark| (mark.lab.clone(), mark.instance.clone()))
        .collect();
    let mut documents = Vec::new();
    for (lab, instance) in &runs {
        let services = services(context, &observed, &used, lab, instance);
        let progress = Progress::read(&context.paths.progress(), lab, instance).unwrap_or_default();
        let journal = Journal::find(context.watch.folder(), lab, instance);
        let until = journal.and_then(|journal| journal.until);
        if !context.global.json {
            say(context, lab, instance, &services, progress.done.len());
            if let Some(until) = until {
                output(&format!("  {}", context.paint.dim(&ends(until))));
            }
        }
        documents.push(json!({ "lab": lab.as_str(), "instance": instance.as_str(), "until": until, "done": progress.done.keys().collect::<Vec<_>>(),
            "services": services.iter().map(Row::to_json).collect::<Vec<_>>() }));
    }
    if context.global.json {
        report::document(&documents);
    } else if runs.is_empty() {
        output("nothing is up: `roadlab list` shows the labs");
    }
    Ok(Exit::Fine)
}

struct Row {
    service: String,
    state: String,
    url: Option<String>,
    memory: Option<u64>,
    limit: Option<u64>,
    running: bool,
    /// Seconds since 1970.
    created: i64,
}

impl Row {
    fn to_json(&self) -> serde_json::Value {
        json!({ "service": self.service, "state": self.state, "created": self.created, "running": self.running, "url": self.url,
            "memory": self.memory, "memory_limit": self.limit })
    }
}

/// The services of one instance. Addresses need the lab file; without it there are ports.
fn services(
    context: &Context,
    observed: &Observed,
    used: &[Option<u64>],
    lab: &LabId,
    instance: &Instance,
) -> Vec<Row> {
    let loaded = context
        .labs()
        .ok()
        .and_then(|labs| labs.folder(lab.as_str()).ok())
        .and_then(|folder| load(&folder, &Disk).0);
    let ours = |container: &&(usize, &ObservedContainer)| {
        container.1.mark.lab == *lab && container.1.mark.instance == *instance
    };
    let containers: Vec<(usize, &ObservedContainer)> =
        observed.containers.iter().enumerate().collect();
    let containers: Vec<&(usize, &ObservedContainer)> = containers.iter().filter(ours).collect();
    let mine = Observed {
        containers: containers
            .iter()
            .map(|(_, container)| (*container).clone())
            .collect(),
        ..Observed::default()
    };
    let live = loaded.as_ref().map(|loaded| Live::new(loaded, mine, None));
    let row = |(at, container): &&(usize, &ObservedContainer)| {
        let service = container.mark.service.as_ref();
        let address = live
            .as_ref()
            .zip(service)
            .and_then(|(live, service)| live.addresses.get(service));
        let port = container
            .ports
            .values()
            .next()
            .map(|port| format!("127.0.0.1:{port}"));
        let limit = loaded
            .as_ref()
            .zip(service)
            .and_then(|(lab, service)| lab.services.get(service)?.limits.memory);
        Row {
            service: service.map_or_else(|| container.name.clone(), ToString::to_string),
            state: container.state.clone(),
            url: address.and_then(|address| address.url.clone()).or(port),
            memory: used.get(*at).copied().flatten(),
            limit: limit.map(|limit| limit as u64),
            running: container.running == Running::Yes,
            created: container.created,
        }
    };
    containers.iter().map(row).collect()
}

fn say(context: &Context, lab: &LabId, instance: &Instance, services: &[Row], done: usize) {
    let paint = context.paint;
    let name = if instance.is_main() {
        lab.to_string()
    } else {
        format!("{lab} ({instance})")
    };
    output(&format!(
        "{}  {}",
        paint.bold(&name),
        paint.dim(&format!("{done} exercises done"))
    ));
    let rows = services.iter().map(|row| {
        let mark = if row.running {
            paint.good("●")
        } else {
            paint.bad("●")
        };
        let limit = row
            .limit
            .map(|limit| format!(" / {}", memory(limit)))
            .unwrap_or_default();
        let used = row
            .memory
            .map(|used| format!("{}{limit}", memory(used)))
            .unwrap_or_default();
        let url = row.url.as_deref().map(clean).unwrap_or_default();
        vec![
            format!("  {mark} {}", clean(&row.service)),
            clean(&row.state),
            used,
            paint.link(&url),
        ]
    });
    table(&rows.collect::<Vec<_>>())
        .iter()
        .for_each(|line| output(line));
}
