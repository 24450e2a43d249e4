//! `roadlab down`: removes runs, and with `--forget` what the learner did there.

use std::time::Instant;

use serde_json::json;

use crate::app::{Belongings, DownReport, Forget, lab_name};
use crate::commands::confirmation::{Confirmation, confirm};
use crate::commands::{Context, bad_name, format, orphans};
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::LabId;
use crate::localized;
use crate::report::{self, duration, output, sanitize};
use crate::runner::{Failure, Removed};
use crate::text;

/// Which runs to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// This instance of the labs that are named.
    Named,
    /// Every run of this state folder.
    All,
    /// This instance of the labs that are named, of other state folders.
    Orphans,
}

/// Converts the option `--forget`.
pub(crate) fn forget(forget: bool) -> Forget {
    match forget {
        true => Forget::Yes,
        false => Forget::No,
    }
}

pub(crate) async fn down(
    context: &Context,
    names: &[String],
    which: Which,
    forget: Forget,
) -> Result<Exit, Failure> {
    if names.is_empty() && which != Which::All {
        return Err(Failure::Usage(text!(
            "specify a lab: `roadlab down LAB`, or `roadlab down --all`"
        )));
    }
    let begun = Instant::now();
    let labs = names
        .iter()
        .map(|lab| LabId::new(&lab_name(lab)).map_err(bad_name("lab")))
        .collect::<Result<Vec<_>, _>>()?;
    let engine = context.app.existing_engine().await?;
    if which == Which::Named {
        context.app.require_known_labs(&engine, names).await?;
    }
    if forget == Forget::Yes {
        let instances = match which {
            Which::All => context.app.instances(&engine).await?,
            Which::Named | Which::Orphans => {
                let labs = labs.iter().cloned();
                labs.map(|lab| (lab, context.app.instance.clone()))
                    .collect()
            }
        };
        let belongings = instances.iter();
        let belongings = belongings
            .map(|(lab, instance)| context.app.belongings(lab, instance))
            .collect::<Result<Vec<_>, _>>()?;
        if let Confirmation::Declined = confirm_forgetting(context, &belongings).await? {
            return Ok(Exit::Success);
        }
    }
    let report = match which {
        Which::Orphans => {
            let mut removed = Removed::default();
            let found = context
                .app
                .runs_of_other_state_folders(&engine, &labs)
                .await?;
            if !found.is_empty() {
                match orphans::confirm_removal(context, &found).await? {
                    Confirmation::Given => {
                        removed += context.app.remove_orphans(&engine, &found).await?;
                    }
                    Confirmation::Declined => {
                        context.reporter.finish();
                        output(&localized!("removal declined; nothing was removed"));
                        return Ok(Exit::Success);
                    }
                }
            }
            DownReport {
                removed,
                forgotten: Vec::new(),
            }
        }
        Which::All => context.app.down_all(&engine, forget).await?,
        Which::Named => context.app.down(&engine, &labs, forget).await?,
    };
    context.reporter.finish();
    let millis = begun.elapsed().as_millis() as u64;
    let removed = report.removed;
    if context.global.json {
        report::document(
            &json!({ "containers": removed.containers, "networks": removed.networks,
            "volumes": removed.volumes, "millis": millis, "forgotten": report.forgotten }),
        );
        return Ok(Exit::Success);
    }
    let nothing = removed == Removed::default();
    if !nothing {
        output(&localized!(
            "removed {what} in {time}",
            what = removed.summary(),
            time = duration(millis)
        ));
    }
    for belongings in &report.forgotten {
        for line in lines(belongings) {
            output(&localized!("forgotten: {line}", line));
        }
    }
    if !nothing {
        if forget == Forget::No {
            report_kept(context, which, &labs);
        }
        return Ok(Exit::Success);
    }
    if !report.forgotten.is_empty() {
        output(&localized!("no containers to remove"));
        return Ok(Exit::Success);
    }
    output(&localized!("nothing to remove"));
    if which == Which::Named {
        report_other_instances(context, &engine, &labs).await;
    }
    // What the user means may belong to another state folder.
    let only = match labs.as_slice() {
        [lab] => Some(lab),
        _ => None,
    };
    if which != Which::Orphans
        && let Ok(orphans) = context.app.orphan_runs(&engine, only).await
    {
        orphans::lines(&orphans, context.wording())
            .iter()
            .for_each(|line| output(line));
    }
    Ok(Exit::Success)
}

/// Shows what would be forgotten and asks whether it is; there is no question if there is nothing.
async fn confirm_forgetting(
    context: &Context,
    belongings: &[Belongings],
) -> Result<Confirmation, Failure> {
    let lines: Vec<String> = belongings.iter().flat_map(lines).collect();
    if lines.is_empty() {
        return Ok(Confirmation::Given);
    }
    let refused = text!("`--forget` removes your progress and files; confirm it with `--yes`");
    let question = localized!("Forget this permanently? [y/N]");
    let confirmed = confirm(context, &lines, &question, refused).await?;
    if confirmed == Confirmation::Declined {
        context.reporter.finish();
        output(&localized!(
            "declined; nothing was removed and nothing was forgotten"
        ));
    }
    Ok(confirmed)
}

/// Returns what a learner has in an instance, one line each.
fn lines(belongings: &Belongings) -> Vec<String> {
    let name = match belongings.instance.is_main() {
        true => belongings.lab.to_string(),
        false => format!("{} ({})", belongings.lab, belongings.instance),
    };
    let progress = format::progress_amount(&belongings.progress);
    let progress = progress.map(|amount| localized!("progress in {name}: {amount}", name, amount));
    let folder = belongings.workspace.as_ref();
    let folder = folder.map(|folder| {
        let folder = sanitize(&folder.display().to_string());
        localized!("files of {name}: {folder}", name, folder)
    });
    progress.into_iter().chain(folder).collect()
}

/// Names the instances of labs that run instead of the one that is not there.
async fn report_other_instances(context: &Context, engine: &impl Engine, labs: &[LabId]) {
    for lab in labs {
        for instance in context.app.other_instances(engine, lab).await {
            let option = match instance.is_main() {
                true => String::new(),
                false => format!(" --instance {instance}"),
            };
            output(&localized!(
                "instance `{instance}` of {lab} is running; remove it with `{command}`",
                instance,
                lab,
                command = format!("roadlab down {lab}{option}")
            ));
        }
    }
}

/// Says what stays, where there is something.
fn report_kept(context: &Context, which: Which, labs: &[LabId]) {
    if which != Which::Named {
        return;
    }
    for lab in labs {
        let Ok(belongings) = context.app.belongings(lab, &context.app.instance) else {
            continue;
        };
        if let Some(folder) = &belongings.workspace {
            let folder = sanitize(&folder.display().to_string());
            output(&localized!("your files stay in {folder}", folder));
        }
    }
}
