//! `roadlab up`: starts a lab's services and waits until they answer.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::commands::{Context, trust};
use crate::engine::Engine;
use crate::event::Event;
use crate::exit::Exit;
use crate::lab::Lab;
use crate::localized;
use crate::report::{self, duration, output, sanitize, table};
use crate::runner::{self, Expiry, Failure, Images, Live, OnFailure, Runner, Up};
use crate::store::{Lifetime, UnreachableRegistries, now};

pub(crate) async fn up(
    context: &Context,
    name: &str,
    dry_run: bool,
    retain: bool,
    ttl: Option<Duration>,
) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let lab = context.lab(name)?;
    context.require_memory(&lab)?;
    let engine = context.engine().await?;
    let _lock = context.lock(&engine, &lab.id).await?;
    let emit = |event| context.emit(event);
    let runner = context.runner(&engine, &lab, &emit);
    let images = get_images(context, &runner).await?;
    let workspace = context.workspace(&lab);
    let up = Up {
        images: &images,
        workspace: workspace.as_ref(),
        life: Lifetime::Persistent,
        on_failure: if retain {
            OnFailure::Retain
        } else {
            OnFailure::TearDown
        },
        ends: ttl.map_or(Expiry::Unchanged, Expiry::After),
        watch: &context.watch,
    };
    if dry_run {
        let observed = runner.observe().await?;
        let (plan, _) = runner::plan_up(&runner, &up, &observed).await?;
        context.reporter.finish();
        match (context.global.json, plan.is_empty()) {
            (true, _) => report::document(
                &json!({ "plan": plan.to_string().lines().map(str::trim).collect::<Vec<_>>() }),
            ),
            (false, true) => output(&localized!("nothing to do")),
            (false, false) => output(sanitize(&plan.to_string()).trim_end()),
        }
        return Ok(Exit::Success);
    }
    let done = match runner::up(&runner, &up).await {
        Err(failure) if retain => {
            let name = format!("{}{}", lab.id, context.instance_option());
            let text = localized!(
                "the containers are retained: `roadlab status`, `roadlab logs {name}`; remove them with `roadlab down {name}`",
                name
            );
            context.emit(Event::Note { text });
            return Err(failure);
        }
        done => done?,
    };
    context.reporter.finish();
    let millis = begun.elapsed().as_millis() as u64;
    let changed = done.plan.changes();
    if context.global.json {
        let services = addresses_json(&done.live);
        report::line(
            &json!({ "event": "up", "lab": lab.id.as_str(), "instance": context.instance.as_str(),
            "changed": changed, "millis": millis, "services": services, "workspace": done.live.workspace, "until": done.journal.until }),
        );
        return Ok(Exit::Success);
    }
    match changed {
        true => output(&localized!(
            "{lab} is up after {time}",
            lab = lab.id,
            time = duration(millis)
        )),
        false => output(&localized!(
            "{lab} is already up, nothing to do ({time})",
            lab = lab.id,
            time = duration(millis)
        )),
    }
    for line in addresses(context, &lab, &done.live) {
        output(&line);
    }
    if let Some(until) = done.journal.until {
        output(&format!("  {}", ends(until)));
    }
    let instance = context.instance_option();
    let next = localized!(
        "next: `roadlab show {lab} EXERCISE`, `roadlab check {lab}{instance}`, `roadlab down {lab}{instance}`; or `roadlab run {lab}{instance}` for a guided session",
        lab = lab.id,
        instance
    );
    output(&context.paint.dim(&next));
    Ok(Exit::Success)
}

/// An image for every service, with what was learnt about registries.
pub(crate) async fn get_images<E: Engine>(
    context: &Context,
    runner: &Runner<'_, E>,
) -> Result<Images, Failure> {
    trust::memory(context, runner.lab)?;
    let mut remembered = UnreachableRegistries::read(&context.paths.state);
    let wish = context.pull_policy();
    runner::get_images(runner, wish, &mut remembered, &context.image_making()).await
}

/// When a lab ends by itself, for people; `until` is in seconds since 1970.
pub(crate) fn ends(until: u64) -> String {
    match until.checked_sub(now()).filter(|left| *left > 0) {
        Some(left) => localized!("expires in {time}", time = duration(left * 1000)),
        None => localized!("expired; it is being removed"),
    }
}

/// Where everything answers, in lines for people.
pub(crate) fn addresses(context: &Context, lab: &Lab, live: &Live) -> Vec<String> {
    let paint = context.paint;
    let mut rows = Vec::new();
    for (name, address) in &live.addresses {
        if let Some(url) = &address.url {
            rows.push(vec![format!("  {name}"), paint.link(&sanitize(url))]);
        }
        for web in lab
            .services
            .get(name)
            .into_iter()
            .flat_map(|service| &service.interface.web)
        {
            let Some(port) = address.port(Some(web.port)) else {
                continue;
            };
            let login = web
                .login
                .as_ref()
                .map(|login| format!("  ({})", sanitize(login)))
                .unwrap_or_default();
            let url = format!("http://127.0.0.1:{port}{}", web.path);
            rows.push(vec![
                format!("  {name}: {}", sanitize(&web.title)),
                format!("{}{login}", paint.link(&sanitize(&url))),
            ]);
        }
    }
    if let Some(workspace) = &live.workspace {
        rows.push(vec![
            format!("  {}", localized!("your files")),
            paint.link(&sanitize(&workspace.display().to_string())),
        ]);
    }
    table(&rows)
}

/// Where everything answers, as data.
pub(crate) fn addresses_json(live: &Live) -> serde_json::Value {
    let services = live.addresses.iter().map(|(name, address)| {
        json!({ "service": name.as_str(), "url": address.url, "host": address.host, "ports": address.ports,
            "container": address.container })
    });
    services.collect()
}
