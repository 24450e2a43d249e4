//! How labs that were added are shown.

use serde_json::{Value, json};

use crate::app::{AddReport, ExerciseChanges, LabChange, LabUpdate};
use crate::commands::Context;
use crate::lab::{ExerciseId, LabId};
use crate::localized;
use crate::report::{self, output, sanitize_line};
use crate::store::{LabOrigin, Manifest};

/// Returns the name of a lab with its version.
pub(super) fn name(lab: &LabId, manifest: &Manifest) -> String {
    match &manifest.version {
        Some(version) => format!("{lab} {}", sanitize_line(version)),
        None => lab.to_string(),
    }
}

/// Shows that a lab was added, or what changed.
pub(super) fn show(context: &Context, added: &AddReport) {
    let lab = name(&added.lab, &added.manifest);
    let origin = sanitize_line(&added.origin.to_string());
    match &added.change {
        LabChange::Added => output(&localized!("added {lab} from {origin}", lab, origin)),
        LabChange::Unchanged => output(&localized!("{lab} is up to date", lab)),
        LabChange::Updated(update) => {
            output(&match update.before.as_deref() {
                Some(before) if Some(before) != added.manifest.version.as_deref() => localized!(
                    "updated {lab} (before: {before})",
                    lab,
                    before = sanitize_line(before)
                ),
                _ => localized!("updated {lab}", lab),
            });
            changes(update).iter().for_each(|line| output(line));
            for instance in &update.running {
                let option = match instance.is_main() {
                    true => String::new(),
                    false => format!(" --instance {instance}"),
                };
                output(&localized!(
                    "  it is running; `{command}` starts it with the new files",
                    command = format!("roadlab reset {}{option} --hard", added.lab)
                ));
            }
        }
    }
    output(&localized!(
        "  digest {digest}",
        digest = added.manifest.digest()
    ));
    if added.needs_trust && !matches!(added.change, LabChange::Unchanged) {
        output(&context.paint.warn(&localized!(
            "  it requests more than labs usually do; `roadlab show {lab}` lists it",
            lab = &added.lab
        )));
    }
    if let Some(folder) = &added.shadowed_by {
        output(&context.paint.warn(&localized!(
            "  the lab in {folder} has the same name and is used instead",
            folder = sanitize_line(&folder.display().to_string())
        )));
    }
}

/// Returns what changed, a line for each kind.
fn changes(update: &LabUpdate) -> Vec<String> {
    let ExerciseChanges {
        added,
        changed,
        removed,
        renamed,
    } = &update.exercises;
    let join = |ids: &[ExerciseId]| {
        let ids = ids.iter().map(ExerciseId::as_str);
        ids.collect::<Vec<_>>().join(", ")
    };
    let mut lines = Vec::new();
    if !added.is_empty() {
        lines.push(localized!("  new exercises: {names}", names = join(added)));
    }
    if !changed.is_empty() {
        lines.push(localized!(
            "  changed exercises: {names}",
            names = join(changed)
        ));
    }
    if !removed.is_empty() {
        lines.push(localized!(
            "  removed exercises: {names}",
            names = join(removed)
        ));
    }
    for (before, now) in renamed {
        lines.push(localized!(
            "  renamed exercise: {before} is now {now}, with your progress",
            before,
            now
        ));
    }
    if !update.images.is_empty() {
        let names = update.images.iter().map(|service| service.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        lines.push(localized!("  other images: {names}", names));
    }
    lines.push(localized!(
        "  changed files: {count}",
        count = update.files.len()
    ));
    lines
}

/// Returns where a lab comes from.
pub(super) fn origin_json(origin: &LabOrigin) -> Value {
    match origin {
        LabOrigin::File { path } => json!({ "kind": "file", "path": report::json_path(path) }),
        LabOrigin::Git {
            address,
            reference,
            commit,
        } => json!({
            "kind": "git",
            "address": address,
            "reference": reference,
            "commit": commit,
        }),
    }
}

/// Returns the images of a package by service.
pub(super) fn images_json(manifest: &Manifest) -> Value {
    let images = manifest.images.iter();
    let services = images.flat_map(|images| &images.services);
    let services = services.map(|(service, image)| {
        json!({ "service": service.as_str(), "image": image.name, "original": image.original })
    });
    services.collect()
}

/// Returns the document of a lab that was added or updated.
pub(super) fn as_json(added: &AddReport) -> Value {
    let (change, update) = match &added.change {
        LabChange::Added => ("added", None),
        LabChange::Unchanged => ("unchanged", None),
        LabChange::Updated(update) => ("updated", Some(update)),
    };
    let update = update.map(|update| {
        let exercises = &update.exercises;
        json!({
            "version_before": update.before,
            "files": update.files,
            "images": update.images,
            "exercises_added": exercises.added,
            "exercises_changed": exercises.changed,
            "exercises_removed": exercises.removed,
            "exercises_renamed": exercises.renamed.iter().map(|(before, now)| json!({ "before": before, "now": now })).collect::<Vec<_>>(),
            "running": update.running,
        })
    });
    json!({
        "lab": added.lab.as_str(),
        "version": added.manifest.version,
        "digest": added.manifest.digest(),
        "origin": origin_json(&added.origin),
        "folder": report::json_path(&added.folder),
        "change": change,
        "update": update,
        "needs_trust": added.needs_trust,
        "shadowed_by": added.shadowed_by.as_deref().map(report::json_path),
    })
}
