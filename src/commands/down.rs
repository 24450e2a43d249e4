//! `roadlab down`: removes labs by their labels; the lab file is not needed.

use std::time::Instant;

use serde_json::json;

use crate::app::lab_name;
use crate::commands::{Context, bad_name};
use crate::exit::Exit;
use crate::lab::LabId;
use crate::plan::Scope;
use crate::report::{self, duration, output, t};
use crate::runner::{Failure, Removed, SweepMode, teardown};
use crate::store::{Journal, Progress, Workspace};

pub(crate) async fn down(
    context: &Context,
    labs: &[String],
    all: bool,
    forget: bool,
) -> Result<Exit, Failure> {
    if labs.is_empty() && !all {
        return Err(Failure::Usage(t!("down.which").into_owned()));
    }
    let begun = Instant::now();
    let ids = labs
        .iter()
        .map(|lab| LabId::new(lab_name(lab)).map_err(bad_name("lab")))
        .collect::<Result<Vec<_>, _>>()?;
    let engine = context.existing_engine().await?;
    let emit = |event| context.emit(event);
    let mut removed = Removed::default();
    let scopes: Vec<(Option<&LabId>, Scope)> = match all {
        true => vec![(None, Scope::owner(&context.owner))],
        false => ids
            .iter()
            .map(|id| {
                (
                    Some(id),
                    Scope::instance(&context.owner, id, &context.instance),
                )
            })
            .collect(),
    };
    for (lab, scope) in &scopes {
        let _lock = lab.map(|lab| context.lock_for_removal(lab)).transpose()?;
        let meant = |journal: &Journal| {
            lab.is_none_or(|lab| journal.lab == *lab && journal.instance == context.instance)
        };
        let journals = Journal::all(context.watch.folder()).into_iter();
        let journals: Vec<Journal> = journals.filter(meant).collect();
        journals
            .iter()
            .for_each(|journal| context.watch.end(journal));
        removed += teardown(&engine, scope, SweepMode::Once, &emit).await?;
        for journal in journals {
            if forget && let Some(path) = &journal.workspace {
                Workspace::at(path.clone(), path).remove()?;
            }
            context.watch.forget(&journal.run);
        }
        if forget && let Some(lab) = lab {
            Progress::remove(&context.paths.progress(), lab, &context.instance)?;
        }
    }
    context.reporter.finish();
    let millis = begun.elapsed().as_millis() as u64;
    if context.global.json {
        report::document(
            &json!({ "containers": removed.containers, "networks": removed.networks,
            "volumes": removed.volumes, "millis": millis }),
        );
        return Ok(Exit::Success);
    }
    match removed == Removed::default() {
        true => output(&t!("down.nothing")),
        false => {
            let time = duration(millis);
            output(&t!("down.removed", what = in_words(removed), time = time));
        }
    }
    Ok(Exit::Success)
}

/// `1 container, 1 network, 2 volumes`.
fn in_words(removed: Removed) -> String {
    let containers = match removed.containers {
        1 => t!("down.container"),
        count => t!("down.containers", count = count),
    };
    let networks = match removed.networks {
        1 => t!("down.network"),
        count => t!("down.networks", count = count),
    };
    let volumes = match removed.volumes {
        1 => t!("down.volume"),
        count => t!("down.volumes", count = count),
    };
    format!("{containers}, {networks}, {volumes}")
}
