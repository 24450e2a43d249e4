//! `roadlab down`: removes runs by their labels. The files of the lab are not needed.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::json;

use crate::app::lab_name;
use crate::commands::{Context, bad_name, orphans};
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::{LabId, RunId};
use crate::localized;
use crate::plan::Scope;
use crate::report::{self, duration, output};
use crate::runner::{Failure, Removed, SweepMode, teardown};
use crate::store::{Journal, Journals, Progress, UnreadableJournal, Workspace};
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

impl Which {
    /// Converts the options `--all` and `--orphan`, of which at most one is given.
    pub(crate) fn of(all: bool, orphan: bool) -> Self {
        match (all, orphan) {
            (_, true) => Self::Orphans,
            (true, false) => Self::All,
            (false, false) => Self::Named,
        }
    }
}

/// Whether the learner's folder and progress are removed as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forget {
    Yes,
    No,
}

impl Forget {
    /// Converts the option `--forget`.
    pub(crate) fn of(forget: bool) -> Self {
        match forget {
            true => Self::Yes,
            false => Self::No,
        }
    }
}

pub(crate) async fn down(
    context: &Context,
    labs: &[String],
    which: Which,
    forget: Forget,
) -> Result<Exit, Failure> {
    if labs.is_empty() && which != Which::All {
        return Err(Failure::Usage(text!(
            "specify a lab: `roadlab down LAB`, or `roadlab down --all`"
        )));
    }
    let begun = Instant::now();
    let labs = labs
        .iter()
        .map(|lab| LabId::new(lab_name(lab)).map_err(bad_name("lab")))
        .collect::<Result<Vec<_>, _>>()?;
    let engine = context.existing_engine().await?;
    let mut removed = Removed::default();
    match which {
        Which::Orphans => {
            let found = context.runs_of_other_state_folders(&engine, &labs).await?;
            if !found.is_empty() && orphans::confirm_removal(context, &found).await? {
                removed += context.remove_orphans(&engine, &found).await?;
            }
        }
        Which::All => removed += remove(context, &engine, None, forget).await?,
        Which::Named => {
            for lab in &labs {
                removed += remove(context, &engine, Some(lab), forget).await?;
            }
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
    if removed != Removed::default() {
        output(&localized!(
            "removed {what} in {time}",
            what = removed.summary(),
            time = duration(millis)
        ));
        return Ok(Exit::Success);
    }
    output(&localized!("nothing to remove"));
    // What the user means may belong to another state folder.
    let only = match labs.as_slice() {
        [lab] => Some(lab),
        _ => None,
    };
    if which != Which::Orphans
        && let Ok(orphans) = context.orphan_runs(&engine, only).await
    {
        orphans::lines(&orphans)
            .iter()
            .for_each(|line| output(line));
    }
    Ok(Exit::Success)
}

/// Removes this instance of a lab, or every run of this state folder.
async fn remove(
    context: &Context,
    engine: &impl Engine,
    lab: Option<&LabId>,
    forget: Forget,
) -> Result<Removed, Failure> {
    let emit = |event| context.emit(event);
    let scope = match lab {
        Some(lab) => Scope::instance(&context.owner, lab, &context.instance),
        None => Scope::owner(&context.owner),
    };
    let _lock = lab.map(|lab| context.lock_for_removal(lab)).transpose()?;
    let Journals {
        mut readable,
        mut unreadable,
    } = Journals::read(context.run_guard.folder());
    let in_scope = |journal: &Journal| {
        lab.is_none_or(|lab| journal.lab == *lab && journal.instance == context.instance)
    };
    readable.retain(in_scope);
    readable
        .iter()
        .for_each(|journal| context.run_guard.end(journal));
    if lab.is_some() && !unreadable.is_empty() {
        let runs = runs_on_engine(engine, &scope).await?;
        unreadable.retain(|journal| {
            runs.contains(&journal.run)
                || journal.lab.as_ref() == lab
                    && journal.instance.as_ref() == Some(&context.instance)
        });
    }
    let removed = teardown(engine, &scope, SweepMode::Once, &emit).await?;
    unreadable.iter().for_each(UnreadableJournal::remove);
    for journal in readable {
        if forget == Forget::Yes
            && let Some(path) = &journal.workspace
        {
            Workspace::at(path.clone(), path).remove()?;
        }
        context.run_guard.forget(&journal.run);
    }
    if forget == Forget::Yes
        && let Some(lab) = lab
    {
        Progress::remove(&context.paths.progress(), lab, &context.instance)?;
    }
    Ok(removed)
}

async fn runs_on_engine(engine: &impl Engine, scope: &Scope) -> Result<BTreeSet<RunId>, Failure> {
    let observed = engine.observe(scope).await;
    let observed = observed.map_err(Failure::engine(text!("cannot list the runs")))?;
    Ok(observed.labels().map(|labels| labels.run.clone()).collect())
}
