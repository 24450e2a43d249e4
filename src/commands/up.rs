//! `roadlab up`: starts a lab's services and waits until they answer.

use std::time::Instant;

use serde_json::json;

use crate::commands::{Context, trust};
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::Lab;
use crate::report::{self, clean, duration, output, table};
use crate::runner::{self, Failure, Images, Live, OnFailure, Runner, Up};
use crate::store::{Life, Remembered};

pub(crate) async fn up(
    context: &Context,
    name: &str,
    dry_run: bool,
    retain: bool,
) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let lab = context.lab(name)?;
    let engine = context.engine().await?;
    let _lock = context.lock(&lab.id)?;
    let tell = |event| context.tell(event);
    let runner = context.runner(&engine, &lab, &tell);
    let images = get_images(context, &runner).await?;
    let workspace = context.workspace(&lab);
    let up = Up {
        paths: &context.paths,
        images: &images,
        workspace: workspace.as_ref(),
        life: Life::Kept,
        on_failure: if retain {
            OnFailure::Retain
        } else {
            OnFailure::TearDown
        },
        active: &context.active,
    };
    if dry_run {
        let observed = runner.observe().await?;
        let (plan, _) = runner::plan_up(&runner, &up, &observed).await?;
        context.reporter.finish();
        match (context.global.json, plan.is_empty()) {
            (true, _) => report::document(
                &json!({ "plan": plan.to_string().lines().map(str::trim).collect::<Vec<_>>() }),
            ),
            (false, true) => output("nothing to do"),
            (false, false) => output(clean(&plan.to_string()).trim_end()),
        }
        return Ok(Exit::Fine);
    }
    let done = runner::up(&runner, &up).await?;
    context.reporter.finish();
    let millis = begun.elapsed().as_millis() as u64;
    let changed = done.plan.changes();
    if context.global.json {
        let services = addresses_json(&done.live);
        report::line(
            &json!({ "event": "up", "lab": lab.id.as_str(), "instance": context.instance.as_str(),
            "changed": changed, "millis": millis, "services": services, "workspace": done.live.workspace }),
        );
        return Ok(Exit::Fine);
    }
    match changed {
        true => output(&format!("{} is up after {}", lab.id, duration(millis))),
        false => output(&format!(
            "{} is up already, nothing to do ({})",
            lab.id,
            duration(millis)
        )),
    }
    for line in addresses(context, &lab, &done.live) {
        output(&line);
    }
    let instance = context.instance_option();
    let next = format!(
        "next: roadlab show {0} EXERCISE · check {0}{instance} · hint · shell · down {0}{instance}; or roadlab run {0}{instance} for all of it",
        lab.id
    );
    output(&context.paint.dim(&next));
    Ok(Exit::Fine)
}

/// An image for every service, with what was learnt about registries.
pub(crate) async fn get_images<E: Engine>(
    context: &Context,
    runner: &Runner<'_, E>,
) -> Result<Images, Failure> {
    trust::memory(context, runner.lab)?;
    let mut remembered = Remembered::read(&context.paths.state);
    let wish = context.image_wish();
    runner::get_images(runner, wish, &mut remembered, &context.image_making()).await
}

/// Where everything answers, in lines for people.
pub(crate) fn addresses(context: &Context, lab: &Lab, live: &Live) -> Vec<String> {
    let paint = context.paint;
    let mut rows = Vec::new();
    for (name, address) in &live.addresses {
        if let Some(url) = &address.url {
            rows.push(vec![format!("  {name}"), paint.link(&clean(url))]);
        }
        for web in lab
            .services
            .get(name)
            .into_iter()
            .flat_map(|service| &service.talk.web)
        {
            let Some(port) = address.port(Some(web.port)) else {
                continue;
            };
            let login = web
                .login
                .as_ref()
                .map(|login| format!("  ({})", clean(login)))
                .unwrap_or_default();
            let url = format!("http://127.0.0.1:{port}{}", web.path);
            rows.push(vec![
                format!("  {name}: {}", clean(&web.title)),
                format!("{}{login}", paint.link(&clean(&url))),
            ]);
        }
    }
    if let Some(workspace) = &live.workspace {
        rows.push(vec![
            "  your files".to_owned(),
            paint.link(&clean(&workspace.display().to_string())),
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
