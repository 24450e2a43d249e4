//! `roadlab down`: removes runs by their labels. The files of the lab are not needed.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use crate::app::lab_name;
use crate::commands::orphans::Confirmation;
use crate::commands::{Context, bad_name, orphans};
use crate::engine::Engine;
use crate::event::{Event, Warning};
use crate::exit::Exit;
use crate::lab::{Instance, LabId};
use crate::localized;
use crate::plan::{Observed, Scope};
use crate::report::{self, duration, output};
use crate::runner::{Failure, Removed, SweepMode, teardown};
use crate::store::{Journals, Progress, UnreadableJournal, Workspace};
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
        .map(|lab| LabId::new(&lab_name(lab)).map_err(bad_name("lab")))
        .collect::<Result<Vec<_>, _>>()?;
    let engine = context.existing_engine().await?;
    let mut removed = Removed::default();
    match which {
        Which::Orphans => {
            let found = context.runs_of_other_state_folders(&engine, &labs).await?;
            if !found.is_empty() {
                match orphans::confirm_removal(context, &found).await? {
                    Confirmation::Given => {
                        removed += context.remove_orphans(&engine, &found).await?;
                    }
                    Confirmation::Declined => {
                        context.reporter.finish();
                        output(&localized!("removal declined; nothing was removed"));
                        return Ok(Exit::Success);
                    }
                }
            }
        }
        Which::All => removed += remove_all(context, &engine, forget).await?,
        Which::Named => {
            for lab in &labs {
                removed += remove(context, &engine, lab, &context.instance, forget).await?;
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

/// Removes every run of this state folder, each instance under its lock. An instance that another process is changing stays,
/// and fails the command once the others are removed.
async fn remove_all(
    context: &Context,
    engine: &impl Engine,
    forget: Forget,
) -> Result<Removed, Failure> {
    // Read before the engine, so that a journal whose run is not there has nothing left.
    let journals = Journals::read(context.run_guard.folder());
    let observed = observe(engine, &Scope::owner(&context.owner)).await?;
    let instances = instances(&journals, &observed);
    let removals = instances
        .iter()
        .map(|(lab, instance)| remove(context, engine, lab, instance, forget));
    let mut removed = Removed::default();
    let mut failed = None;
    for result in join_all(removals).await {
        match result {
            Ok(more) => removed += more,
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    let runs = observed.runs();
    let unnamed = journals.unreadable.iter().filter(|journal| {
        (journal.lab.is_none() || journal.instance.is_none()) && !runs.contains(&journal.run)
    });
    unnamed.for_each(|journal| remove_journal(context, journal));
    match failed {
        None => Ok(removed),
        Some(failure) => Err(failure),
    }
}

/// Returns the instances of labs that journals or the engine name.
fn instances(journals: &Journals, observed: &Observed) -> BTreeSet<(LabId, Instance)> {
    let readable = journals.readable.iter();
    let readable = readable.map(|journal| (journal.lab.clone(), journal.instance.clone()));
    let unreadable = journals.unreadable.iter();
    let unreadable =
        unreadable.filter_map(|journal| journal.lab.clone().zip(journal.instance.clone()));
    let labels = observed.labels();
    let labels = labels.map(|labels| (labels.lab.clone(), labels.instance.clone()));
    readable.chain(unreadable).chain(labels).collect()
}

/// Removes an instance of a lab.
async fn remove(
    context: &Context,
    engine: &impl Engine,
    lab: &LabId,
    instance: &Instance,
    forget: Forget,
) -> Result<Removed, Failure> {
    let emit = |event| context.emit(event);
    let scope = Scope::instance(&context.owner, lab, instance);
    let _lock = context.lock_for_removal(lab, instance)?;
    let Journals {
        mut readable,
        mut unreadable,
    } = Journals::read(context.run_guard.folder());
    readable.retain(|journal| journal.lab == *lab && journal.instance == *instance);
    readable
        .iter()
        .for_each(|journal| context.run_guard.end(journal));
    if !unreadable.is_empty() {
        let observed = observe(engine, &scope).await?;
        let runs = observed.runs();
        unreadable.retain(|journal| runs.contains(&journal.run) || journal.is_of(lab, instance));
    }
    let removed = teardown(engine, &scope, SweepMode::Once, &emit).await?;
    unreadable
        .iter()
        .for_each(|journal| remove_journal(context, journal));
    for journal in readable {
        if forget == Forget::Yes
            && let Some(path) = &journal.workspace
        {
            Workspace::at(path.clone(), path).remove()?;
        }
        context.run_guard.forget(&journal.run);
    }
    if forget == Forget::Yes {
        drop(Progress::remove(&context.paths.progress(), lab, instance)?);
    }
    Ok(removed)
}

/// Removes a journal that cannot be read, once nothing of its run is left, and says so.
fn remove_journal(context: &Context, journal: &UnreadableJournal) {
    if journal.remove() {
        context.emit(Event::Warning(Warning::UnreadableJournalRemoved {
            path: journal.path.display().to_string(),
            reason: journal.error.text(),
        }));
    }
}

async fn observe(engine: &impl Engine, scope: &Scope) -> Result<Observed, Failure> {
    let observed = engine.observe(scope).await;
    observed.map_err(Failure::engine(text!("cannot list the runs")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::RunId;
    use crate::plan::{ObservedVolume, Owner, RunLabels};

    #[test]
    fn all_instances_are_those_of_the_journals_and_of_the_engine() {
        let folder = tempfile::tempdir().unwrap();
        let lab = |name: &str| LabId::new(name).unwrap();
        let two = Instance::new("two").unwrap();
        for (run, content) in [
            ("01jd8w0zq3v5k8m2x4y6z7a9ba", "{"),
            (
                "01jd8w0zq3v5k8m2x4y6z7a9bb",
                r#"{"version":99,"lab":"newer","instance":"two"}"#,
            ),
            (
                "01jd8w0zq3v5k8m2x4y6z7a9bc",
                r#"{"version":1,"run":"01jd8w0zq3v5k8m2x4y6z7a9bc","lab":"redis","instance":"main",
                    "folder":"redis","workspace":null,"life":"kept"}"#,
            ),
        ] {
            std::fs::write(folder.path().join(format!("{run}.json")), content).unwrap();
        }
        let volume = ObservedVolume {
            name: "data".to_owned(),
            run_labels: RunLabels {
                run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bd").unwrap(),
                lab: lab("redis"),
                instance: two.clone(),
                owner: Owner {
                    id: "me".to_owned(),
                    user: None,
                    state_folder: None,
                },
                service: None,
                digest: None,
            },
        };
        let observed = Observed {
            volumes: vec![volume],
            ..Observed::default()
        };
        let expected = [
            (lab("newer"), two.clone()),
            (lab("redis"), Instance::main()),
            (lab("redis"), two),
        ];
        let journals = Journals::read(folder.path());
        assert_eq!(instances(&journals, &observed), BTreeSet::from(expected));
    }
}
