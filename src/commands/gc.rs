//! `roadlab gc`: removes the runs whose process was killed. Runs that are in use or kept are left alone. With `--everything`, all
//! that roadlab put on this machine.

use serde_json::json;

use crate::app::{Everything, EverythingReport, GarbageReport};
use crate::commands::confirmation::{Confirmation, confirm};
use crate::commands::{Context, orphans};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, error, memory, output, sanitize};
use crate::runner::Failure;
use crate::{text, text_plural};

pub(crate) async fn gc(context: &Context) -> Result<Exit, Failure> {
    // Every command cleans up when it connects to the engine; this one does nothing else.
    let report = context.app.report_garbage().await?;
    context.reporter.finish();
    let GarbageReport {
        removed,
        left,
        journals,
        orphans,
    } = report;
    if context.global.json {
        let runs = journals
            .readable
            .iter()
            .map(|journal| journal.run.to_string());
        let unreadable = journals.unreadable.iter().map(|journal| {
            json!({ "run": journal.run, "file": journal.path, "problem": journal.text().localized() })
        });
        report::document(&json!({
            "orphans": removed,
            "left": runs.collect::<Vec<_>>(),
            "unreadable": unreadable.collect::<Vec<_>>(),
            "orphan_runs": orphans.iter().map(orphans::to_json).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Success);
    }
    if left > 0 {
        output(&localized!(
            "runs that are in use or being removed, left untouched: {count}",
            count = left
        ));
    } else if removed == 0 {
        output(&localized!("no leftovers"));
    }
    for journal in &journals.unreadable {
        output(&sanitize(&journal.text().localized()));
    }
    orphans::lines(&orphans, context.wording())
        .iter()
        .for_each(|line| output(line));
    Ok(Exit::Success)
}

/// Removes what no lab needs any more: images, and copies of volumes.
pub(crate) async fn images(context: &Context) -> Result<Exit, Failure> {
    let engine = context.app.existing_engine().await?;
    let report = context.app.remove_unused(&engine).await?;
    context.reporter.finish();
    if context.global.json {
        report::document(&json!({
            "images": report.images,
            "image_bytes": report.image_bytes,
            "copy_bytes": report.copy_bytes,
        }));
        return Ok(Exit::Success);
    }
    if report.images.is_empty() && report.copy_bytes == 0 {
        output(&localized!("nothing to remove"));
        return Ok(Exit::Success);
    }
    for image in &report.images {
        output(&localized!("removed {image}", image = sanitize(image)));
    }
    output(&localized!(
        "freed: images, at most {images}; copies of initial data, {copies}",
        images = memory(report.image_bytes),
        copies = memory(report.copy_bytes)
    ));
    Ok(Exit::Success)
}

/// Removes all that roadlab put on this machine, but not what the learner did.
pub(crate) async fn everything(context: &Context) -> Result<Exit, Failure> {
    if !context.app.instance.is_main() {
        return Err(Failure::Usage(text!(
            "`--everything` removes every instance; leave `--instance` out"
        )));
    }
    let engine = context.app.existing_engine().await?;
    let found = context.app.everything(&engine).await?;
    let mut report = EverythingReport::default();
    if !found.is_empty() {
        let refused = text!(
            "`--everything` removes all labs, images and caches of roadlab; confirm it with `--yes`"
        );
        let question = localized!("Remove all of it? [y/N]");
        let lines = found_lines(&found);
        if confirm(context, &lines, &question, refused).await? == Confirmation::Declined {
            output(&localized!("removal declined; nothing was removed"));
            return Ok(Exit::Success);
        }
        report = context.app.remove_everything(&engine, &found).await?;
    }
    context.reporter.finish();
    let removed = report.removed;
    if context.global.json {
        report::document(&json!({
            "containers": removed.containers,
            "networks": removed.networks,
            "volumes": removed.volumes,
            "images": report.images,
            "in_use": report.in_use,
            "failed": report.failed.iter().map(Failure::to_string).collect::<Vec<_>>(),
            "cache": found.cache.as_ref().map(|(folder, _)| report::json_path(folder)),
            "kept_labs": found.added,
        }));
        return Ok(exit(&report));
    }
    match found.is_empty() {
        true => output(&localized!("nothing to remove")),
        false => {
            let count = report.images.len();
            let images = text_plural!("{count} image", "{count} images", count);
            output(&localized!(
                "removed {what}, {images}",
                what = removed.summary(),
                images = images.localized()
            ));
        }
    }
    for image in &report.in_use {
        output(&localized!(
            "image {image} stays: a container uses it that is not of this state folder",
            image = sanitize(image)
        ));
    }
    kept_lines(&found).iter().for_each(|line| output(line));
    for failure in &report.failed {
        error(&sanitize(&failure.to_string()));
    }
    Ok(exit(&report))
}

fn exit(report: &EverythingReport) -> Exit {
    match report.failed.is_empty() {
        true => Exit::Success,
        false => Exit::RuntimeError,
    }
}

/// Returns what would be removed, one line each.
fn found_lines(found: &Everything) -> Vec<String> {
    let mut lines = vec![localized!("roadlab put this on the machine:")];
    for (lab, instance) in &found.instances {
        let name = match instance.is_main() {
            true => lab.to_string(),
            false => format!("{lab} ({instance})"),
        };
        lines.push(localized!("  the services of {name} and their data", name));
    }
    if !found.images.is_empty() {
        let count = found.images.len();
        let images = text_plural!("{count} image", "{count} images", count);
        lines.push(localized!(
            "  {images} that it built, loaded or pulled, at most {size}",
            images = images.localized(),
            size = memory(found.image_bytes())
        ));
        let names = found.images.iter().map(|image| image.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        lines.push(format!("    {}", sanitize(&names)));
    }
    if let Some((folder, bytes)) = &found.cache {
        lines.push(localized!(
            "  the cache {folder}, {size}",
            folder = sanitize(&folder.display().to_string()),
            size = memory(*bytes)
        ));
    }
    lines.extend(kept_lines(found));
    lines
}

/// Returns what stays, one line each.
fn kept_lines(found: &Everything) -> Vec<String> {
    let mut lines = vec![localized!(
        "your progress and your files stay, and the container engine"
    )];
    for lab in &found.added {
        lines.push(localized!(
            "the lab {lab}, which you added, stays; `roadlab remove {lab}` removes it",
            lab
        ));
    }
    lines
}
