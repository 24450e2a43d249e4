//! Removes runs by their labels, and forgets what the learner did there if that is wished. The files of the lab are not needed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::future::join_all;
use serde::Serialize;

use crate::app::{App, lab_name};
use crate::engine::Engine;
use crate::event::{Event, Warning};
use crate::lab::{Instance, LabId, load};
use crate::plan::{Observed, Scope};
use crate::problem::{Problem, nearest};
use crate::runner::{Failure, Removed, Runner, SweepMode, teardown};
use crate::store::{
    Journals, OsFs, Progress, ProgressAmount, UnreadableJournal, Workspace, WorkspaceError,
};
use crate::text;

/// Whether the learner's folder and progress are removed as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forget {
    Yes,
    No,
}

/// What the learner has in an instance of a lab, apart from the services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Belongings {
    pub lab: LabId,
    pub instance: Instance,
    /// How much progress there is.
    #[serde(flatten)]
    pub progress: ProgressAmount,
    /// The learner's folder, if there is one.
    #[serde(serialize_with = "as_text")]
    pub workspace: Option<PathBuf>,
}

fn as_text<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = path.as_ref().map(|path| path.display().to_string());
    text.serialize(serializer)
}

impl Belongings {
    /// Returns whether there is nothing to forget.
    pub fn is_empty(&self) -> bool {
        self.progress.is_empty() && self.workspace.is_none()
    }
}

/// What `down` did.
#[derive(Debug, Default)]
pub struct DownReport {
    pub removed: Removed,
    /// What was forgotten, for each instance that had something.
    pub forgotten: Vec<Belongings>,
}

impl App {
    /// Returns what the learner has in an instance of a lab, whether it runs or not.
    pub fn belongings(&self, lab: &LabId, instance: &Instance) -> Result<Belongings, Failure> {
        let progress = Progress::read(&self.paths.progress(), lab, instance)?;
        let journals = Journals::read(self.run_guard.folder());
        let of_run = journals.readable.into_iter().rev();
        let of_run = of_run
            .filter(|journal| journal.lab == *lab && journal.instance == *instance)
            .find_map(|journal| journal.workspace);
        let recorded = || progress.workspace.as_ref().map(PathBuf::from);
        let here = || {
            let folder = std::env::current_dir().ok()?;
            Some(Workspace::path_below(&folder, lab, instance))
        };
        let workspace = of_run.or_else(recorded).or_else(here);
        Ok(Belongings {
            lab: lab.clone(),
            instance: instance.clone(),
            progress: progress.amount(),
            workspace: workspace.filter(|path| Workspace::is_workspace(path)),
        })
    }

    /// Removes the progress of this instance of a lab and returns how much there was. What the services hold stays known.
    pub fn forget_progress(&self, lab: &LabId) -> Result<ProgressAmount, Failure> {
        let mut forgotten = ProgressAmount::default();
        self.update_progress(lab, |progress| {
            forgotten = progress.amount();
            progress.forget();
        })?;
        Ok(forgotten)
    }

    /// Moves a progress file that cannot be read to a dated name beside it and returns that name.
    pub fn set_aside_progress(&self, lab: &LabId) -> Result<Option<PathBuf>, Failure> {
        let folder = self.paths.progress();
        Ok(Progress::set_aside(&folder, lab, &self.instance)?)
    }

    /// Returns all instances of labs that this state folder records or that run for it.
    pub async fn instances(
        &self,
        engine: &impl Engine,
    ) -> Result<BTreeSet<(LabId, Instance)>, Failure> {
        let journals = Journals::read(self.run_guard.folder());
        let observed = observe(engine, &Scope::owner(&self.owner)).await?;
        Ok(instances(&journals, &observed))
    }

    /// Refuses names of labs that are nowhere: neither in a folder of labs, nor on the engine, nor in the learner's progress and
    /// files. A lab whose files are gone can still have something to remove.
    pub async fn require_known_labs(
        &self,
        engine: &impl Engine,
        typed: &[String],
    ) -> Result<(), Failure> {
        // Without the labs, nothing is known about names.
        let Ok(folders) = self.labs() else {
            return Ok(());
        };
        let names = typed.iter().filter(|typed| folders.folder(typed).is_err());
        let labs = names.filter_map(|typed| LabId::new(&lab_name(typed)).ok());
        let labs: Vec<LabId> = labs
            .filter(|lab| !folders.all().contains_key(lab.as_str()))
            .collect();
        if labs.is_empty() {
            return Ok(());
        }
        let runs = self.instances(engine).await?;
        let mut problems = Vec::new();
        for lab in labs {
            // What cannot be read is something.
            let has_belongings = || match self.belongings(&lab, &self.instance) {
                Ok(belongings) => !belongings.is_empty(),
                Err(_) => true,
            };
            if runs.iter().any(|(run, _)| *run == lab)
                || has_belongings()
                || !self.orphan_runs(engine, Some(&lab)).await?.is_empty()
            {
                continue;
            }
            let known = folders.all().keys().map(String::as_str);
            let known = known.chain(runs.iter().map(|(run, _)| run.as_str()));
            let help = match nearest(lab.as_str(), known) {
                Some(candidate) => text!("did you mean `{candidate}`?", candidate),
                None => text!("`roadlab list` shows the labs"),
            };
            problems.push(Problem::new(text!("no such lab: `{lab}`", lab)).help(help));
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Failure::Problems(problems)),
        }
    }

    /// Removes this instance of labs.
    pub async fn down(
        &self,
        engine: &impl Engine,
        labs: &[LabId],
        forget: Forget,
    ) -> Result<DownReport, Failure> {
        let mut report = DownReport::default();
        for lab in labs {
            report += self.remove(engine, lab, &self.instance, forget).await?;
        }
        Ok(report)
    }

    /// Removes every run of this state folder, each instance under its lock. An instance that another process is changing stays,
    /// and fails the operation once the others are removed.
    pub async fn down_all(
        &self,
        engine: &impl Engine,
        forget: Forget,
    ) -> Result<DownReport, Failure> {
        // Read before the engine, so that a journal whose run is not there has nothing left.
        let journals = Journals::read(self.run_guard.folder());
        let observed = observe(engine, &Scope::owner(&self.owner)).await?;
        let instances = instances(&journals, &observed);
        let removals = instances
            .iter()
            .map(|(lab, instance)| self.remove(engine, lab, instance, forget));
        let mut report = DownReport::default();
        let mut failed = None;
        for result in join_all(removals).await {
            match result {
                Ok(more) => report += more,
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        let runs = observed.runs();
        let unnamed = journals.unreadable.iter().filter(|journal| {
            (journal.lab.is_none() || journal.instance.is_none()) && !runs.contains(&journal.run)
        });
        unnamed.for_each(|journal| self.remove_journal(journal));
        match failed {
            None => Ok(report),
            Some(failure) => Err(failure),
        }
    }

    /// Removes an instance of a lab.
    async fn remove(
        &self,
        engine: &impl Engine,
        lab: &LabId,
        instance: &Instance,
        forget: Forget,
    ) -> Result<DownReport, Failure> {
        let emit = |event| self.emit(event);
        let scope = Scope::instance(&self.owner, lab, instance);
        let _lock = self.lock_for_removal(lab, instance)?;
        let belongings = match forget {
            // What cannot be read could not be forgotten after the services are removed.
            Forget::Yes => Some(self.belongings(lab, instance)?),
            Forget::No => None,
        };
        let Journals {
            mut readable,
            mut unreadable,
        } = Journals::read(self.run_guard.folder());
        readable.retain(|journal| journal.lab == *lab && journal.instance == *instance);
        readable
            .iter()
            .for_each(|journal| self.run_guard.end(journal));
        if !unreadable.is_empty() {
            let observed = observe(engine, &scope).await?;
            let runs = observed.runs();
            unreadable
                .retain(|journal| runs.contains(&journal.run) || journal.is_of(lab, instance));
        }
        let lab_folder = readable.first().map(|journal| journal.folder.clone());
        let removed = teardown(engine, &scope, SweepMode::Once, &emit).await?;
        unreadable
            .iter()
            .for_each(|journal| self.remove_journal(journal));
        for journal in readable {
            self.run_guard.forget(&journal.run);
        }
        let mut forgotten = Vec::new();
        if let Some(belongings) = belongings {
            if let Some(path) = &belongings.workspace {
                self.remove_workspace(engine, lab, instance, path, lab_folder)
                    .await?;
            }
            drop(Progress::remove(&self.paths.progress(), lab, instance)?);
            if !belongings.is_empty() {
                forgotten.push(belongings);
            }
        }
        Ok(DownReport { removed, forgotten })
    }

    /// Removes the learner's folder. Files that a container made as another user are given to the learner by the engine first.
    async fn remove_workspace(
        &self,
        engine: &impl Engine,
        lab: &LabId,
        instance: &Instance,
        path: &std::path::Path,
        lab_folder: Option<PathBuf>,
    ) -> Result<(), Failure> {
        let denied = match Workspace::remove(path) {
            Err(denied @ WorkspaceError::Denied { .. }) => denied,
            done => return Ok(done.map(drop)?),
        };
        let by_name = || self.labs().ok()?.folder(lab.as_str()).ok();
        let folder = lab_folder.or_else(by_name);
        let loaded = folder.and_then(|folder| load(&folder, &OsFs).ok());
        let workspace = loaded
            .as_ref()
            .and_then(|loaded| Workspace::at(path.to_owned(), &loaded.lab));
        let (Some(loaded), Some(workspace)) = (&loaded, workspace) else {
            return Err(denied.into());
        };
        let runner = Runner {
            engine,
            lab: &loaded.lab,
            instance,
            owner: &self.owner,
            labs: &self.labs_option,
            emit: &|event| self.emit(event),
        };
        let observed = Observed::default();
        let remove = |workspace: &Workspace| Workspace::remove(&workspace.path);
        self.with_own_files(&runner, &observed, &workspace, remove)
            .await?;
        Ok(())
    }

    /// Removes a journal that cannot be read, once nothing of its run is left, and reports that.
    fn remove_journal(&self, journal: &UnreadableJournal) {
        if journal.remove() {
            self.emit(Event::Warning(Warning::UnreadableJournalRemoved {
                path: journal.path.display().to_string(),
                reason: journal.error.text(),
            }));
        }
    }
}

impl std::ops::AddAssign for DownReport {
    fn add_assign(&mut self, more: Self) {
        self.removed += more.removed;
        self.forgotten.extend(more.forgotten);
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

async fn observe(engine: &impl Engine, scope: &Scope) -> Result<Observed, Failure> {
    let observed = engine.observe(scope).await;
    observed.map_err(Failure::engine(text!("cannot list the runs")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::app;
    use crate::engine::Fake;
    use crate::lab::RunId;
    use crate::plan::{ObservedVolume, Owner, RunLabels};

    #[test]
    fn a_name_that_is_neither_a_lab_nor_a_run_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let (app, engine) = (app(home.path()), Fake::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let problem = |name: &str| {
            let names = [name.to_owned()];
            let known = runtime.block_on(app.require_known_labs(&engine, &names));
            known.err().map(|failure| match failure {
                Failure::Problems(problems) => problems[0].to_string(),
                other => other.to_string(),
            })
        };
        let unknown = "no such lab: `nosuch` (`roadlab list` shows the labs)";
        assert_eq!(problem("nosuch").as_deref(), Some(unknown));
        let near = problem("rediss").unwrap();
        assert!(near.ends_with("(did you mean `redis`?)"), "{near}");
        assert_eq!(problem("redis"), None);
        // Its files are gone, but not what the learner did.
        let lab = LabId::new("nosuch").unwrap();
        let exercise = crate::lab::ExerciseId::new("one").unwrap();
        let solved = app.update_progress(&lab, |progress| progress.solve(&exercise));
        solved.unwrap();
        assert_eq!(problem("nosuch"), None);
    }

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
                mounted: None,
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
