//! All labs with the learner's progress, from files alone.

use std::path::PathBuf;

use crate::app::{App, Score};
use crate::lab::{ExerciseId, Instance, LabId, Summary};
use crate::runner::Failure;
use crate::store::{
    Disposition, Journal, LabOrigin, Lifetime, Progress, ProgressError, Summaries, now,
};

/// All labs that can be found, by name.
#[derive(Debug)]
pub struct LabList {
    pub entries: Vec<LabEntry>,
    /// Whether any lab is running, listed here or not.
    pub any_running: bool,
}

/// One lab of the list.
#[derive(Debug)]
pub struct LabEntry {
    pub name: String,
    pub folder: PathBuf,
    /// The summary, or the number of problems of a lab that cannot be read.
    pub summary: Result<Summary, usize>,
    /// How far the learner is, or why it is unknown. No checks run for it.
    pub score: Result<Score, ProgressError>,
    /// The number of exercises whose checks passed when they ran last in the present run, which is not known to hold now.
    pub held_last: usize,
    /// The instances that are running according to their journals.
    pub running: Vec<Instance>,
    /// Those that are paused.
    pub paused: Vec<Instance>,
    /// Where a lab comes from that was added.
    pub origin: Option<LabOrigin>,
}

impl App {
    /// Lists all labs without an engine.
    pub fn list_labs(&self) -> Result<LabList, Failure> {
        let labs = self.labs()?;
        let mut summaries = Summaries::read(&self.paths.cache);
        let journals = self.running_journals();
        let added = self.added_labs();
        let entries = labs.all().iter().map(|(name, folder)| {
            let summary = summaries.of(folder);
            let counts = match &summary {
                Ok(summary) => self.count_exercises(name, summary),
                Err(_) => Ok((Score::default(), 0)),
            };
            let (score, held_last) = match counts {
                Ok((score, held_last)) => (Ok(score), held_last),
                Err(error) => (Err(error), 0),
            };
            let of_lab = journals.iter();
            let of_lab = of_lab.filter(|journal| journal.lab.as_str() == name);
            let (paused, running): (Vec<&Journal>, Vec<&Journal>) =
                of_lab.partition(|journal| journal.paused.is_some());
            let instances = |journals: Vec<&Journal>| {
                let instances = journals.iter().map(|journal| journal.instance.clone());
                instances.collect()
            };
            LabEntry {
                name: name.clone(),
                folder: folder.clone(),
                summary,
                score,
                held_last,
                running: instances(running),
                paused: instances(paused),
                origin: added.of_folder(folder).map(|lab| lab.origin),
            }
        });
        let entries = entries.collect();
        summaries.write();
        Ok(LabList {
            entries,
            any_running: !journals.is_empty(),
        })
    }

    /// Returns the labs that have an exercise of this name.
    pub fn labs_with_exercise(&self, name: &str) -> Result<Vec<LabId>, Failure> {
        let Ok(exercise) = ExerciseId::new(name) else {
            return Ok(Vec::new());
        };
        let labs = self.labs()?;
        let mut summaries = Summaries::read(&self.paths.cache);
        let found = labs.all().iter().filter_map(|(lab, folder)| {
            let summary = summaries.of(folder).ok()?;
            let has_it = summary.exercises.contains(&exercise);
            has_it.then(|| LabId::new(lab).ok()).flatten()
        });
        Ok(found.collect())
    }

    /// Counts the exercises of a lab, and those whose checks passed when they ran last: in any instance, or in the one that
    /// `--instance` names.
    fn count_exercises(
        &self,
        name: &str,
        summary: &Summary,
    ) -> Result<(Score, usize), ProgressError> {
        let Ok(lab) = LabId::new(name) else {
            return Ok((Score::default(), 0));
        };
        let folder = self.paths.progress();
        let instances = match self.instance.is_main() {
            true => Progress::instances(&folder, &lab),
            false => vec![self.instance.clone()],
        };
        let read = instances
            .iter()
            .map(|instance| Progress::read(&folder, &lab, instance));
        let all = read.collect::<Result<Vec<Progress>, ProgressError>>()?;
        let exercises = summary.exercises.iter();
        let held_last = exercises
            .filter(|exercise| all.iter().any(|progress| progress.held_last(exercise)))
            .count();
        Ok((Score::best_of(&summary.exercises, &all), held_last))
    }

    /// Returns the journals of the runs that are not due for removal.
    fn running_journals(&self) -> Vec<Journal> {
        let mut journals = Journal::all(&self.paths.runs());
        // The reaper removes a run whose process died within seconds.
        journals.retain(|journal| {
            journal.life == Lifetime::Process || journal.disposition(now()) != Disposition::Remove
        });
        journals
    }
}
