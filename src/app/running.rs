//! A lab that runs: its checks, solutions and restarts.

use std::collections::BTreeSet;

use crate::app::App;
use crate::engine::Engine;
use crate::event::CheckResult;
use crate::lab::{
    Exercise, ExerciseId, Instance, Lab, LabId, RestartMode, RunId, ServiceName, Step, Task,
};
use crate::plan::Scope;
use crate::runner::{
    self, ChangeWatcher, Changed, CheckContext, CheckStage, ExerciseResult, Failure, Live,
    NotRunning, Runner, Undecided, check_exercises, require_same_network,
};
use crate::store::{KeptFile, PlayReason, Progress, Workspace};
use crate::{localized, text};

/// A lab of this instance that runs on an engine.
pub struct RunningLab<'a, E> {
    pub app: &'a App,
    pub lab: &'a Lab,
    pub runner: Runner<'a, E>,
    /// The services as they were observed last.
    pub live: Live,
    pub workspace: Option<Workspace>,
}

impl App {
    /// Returns the running lab, whose addresses lead to it from this network namespace.
    pub async fn running<'a, E: Engine>(
        &'a self,
        engine: &'a E,
        lab: &'a Lab,
    ) -> Result<RunningLab<'a, E>, Failure> {
        let mut running = self.observe(engine, lab).await?;
        let journal = self.journal(&lab.id, &running.live.observed)?;
        self.require_not_paused(&running, journal.as_ref())?;
        require_same_network(&running.live.observed, journal.as_ref(), &running.runner)?;
        self.require_draw(lab)?;
        running.workspace = self.workspace(lab, journal.as_ref());
        let workspace = running.workspace.as_ref();
        running.live.workspace = workspace.map(|workspace| workspace.path.clone());
        running.end_interrupted_work()?;
        Ok(running)
    }

    /// Returns the running lab, without the learner's folder, for what does not connect to its services.
    pub async fn observe<'a, E: Engine>(
        &'a self,
        engine: &'a E,
        lab: &'a Lab,
    ) -> Result<RunningLab<'a, E>, Failure> {
        let runner = self.runner(engine, lab);
        let live = match runner.live(None).await {
            Err(Failure::NotRunning(why)) => {
                let others = self.other_instances(engine, &lab.id).await;
                return Err(Failure::NotRunning(NotRunning { others, ..why }));
            }
            live => live?,
        };
        Ok(RunningLab {
            app: self,
            lab,
            runner,
            live,
            workspace: None,
        })
    }
}

impl App {
    /// Refuses a lab that runs and whose random values are not known: its journal is gone.
    fn require_draw(&self, lab: &Lab) -> Result<(), Failure> {
        match lab.random.is_empty() || lab.random.draw.is_some() {
            true => Ok(()),
            false => Err(self.unknown_draw(lab)),
        }
    }

    pub(super) fn unknown_draw(&self, lab: &Lab) -> Failure {
        Failure::Environment(text!(
            "the random values of `{lab}` are not known, because the journal of the run is gone; run `roadlab down {argument}`, then `roadlab up {argument}`",
            lab = lab.id,
            argument = self.lab_argument(&lab.id)
        ))
    }

    /// Returns whether this instance of a lab has anything on the engine.
    pub async fn exists(&self, engine: &impl Engine, lab: &Lab) -> Result<bool, Failure> {
        Ok(!self.runner(engine, lab).observe().await?.is_empty())
    }

    /// Returns the other instances of a lab that run for this user; none if they cannot be listed.
    pub async fn other_instances(&self, engine: &impl Engine, lab: &LabId) -> Vec<Instance> {
        let observed = engine.observe(&Scope::owner(&self.owner)).await;
        let observed = observed.unwrap_or_default();
        let containers = observed
            .containers
            .iter()
            .map(|container| &container.run_labels);
        let here = containers.filter(|labels| labels.lab == *lab);
        let instances: BTreeSet<&Instance> = here.map(|labels| &labels.instance).collect();
        let others = instances.into_iter();
        others
            .filter(|one| **one != self.instance)
            .cloned()
            .collect()
    }
}

impl<'a, E: Engine> RunningLab<'a, E> {
    /// Returns the command that grants what one of these services needs; `None` if none waits for that.
    pub fn trust_command(&self, services: &[&ServiceName]) -> Option<String> {
        let mut withheld = self.lab.withheld_services();
        let waits = withheld.any(|service| services.contains(&&service.name));
        waits.then(|| self.app.trust_command(self.lab))
    }

    /// Reads the learner's progress in this lab.
    pub fn progress(&self) -> Result<Progress, Failure> {
        self.app.progress(&self.lab.id)
    }

    /// Checks exercises and records the solved ones in the learner's progress. An exercise that needs an unavailable service
    /// must not be among them.
    pub async fn check(&self, exercises: &[&Exercise]) -> Result<Vec<ExerciseResult>, Failure> {
        self.check_reporting(exercises, Undecided::Await, &|_, _| ())
            .await
    }

    /// Checks exercises like [`check`](Self::check) and reports the results of each exercise as soon as they are known: at
    /// once, and again after a wait.
    pub async fn check_reporting(
        &self,
        exercises: &[&Exercise],
        undecided: Undecided,
        report: &dyn Fn(CheckStage, &ExerciseResult),
    ) -> Result<Vec<ExerciseResult>, Failure> {
        let results = self.probe_reporting(exercises, undecided, report).await?;
        self.record_solved(&results)?;
        Ok(results)
    }

    /// Checks exercises without recording what is solved.
    pub async fn probe(
        &self,
        exercises: &[&Exercise],
        undecided: Undecided,
    ) -> Result<Vec<ExerciseResult>, Failure> {
        self.probe_reporting(exercises, undecided, &|_, _| ()).await
    }

    async fn probe_reporting(
        &self,
        exercises: &[&Exercise],
        undecided: Undecided,
        report: &dyn Fn(CheckStage, &ExerciseResult),
    ) -> Result<Vec<ExerciseResult>, Failure> {
        let progress = self.progress()?;
        let run = self.run();
        let answer = |id: &ExerciseId| progress.choice(self.lab.exercise(id)?, run.as_ref());
        let baselines = self.baselines_for(exercises).await?;
        // An exercise that begins because of what is checked now is not reported as one that has not begun.
        let later = |result: &ExerciseResult| {
            let exercise = self.lab.exercise(&result.exercise);
            exercise.is_some_and(|one| baselines.awaits_beginning(one))
        };
        let report_begun = |stage, result: &ExerciseResult| {
            if !later(result) {
                report(stage, result);
            }
        };
        let context = CheckContext {
            lang: &self.app.lang,
            answer: &answer,
            baselines: &baselines,
            undecided,
            report: &report_begun,
        };
        let mut results = check_exercises(&self.runner, &self.live, exercises, &context).await;
        self.keep_late_baselines(&baselines, &results)?;
        loop {
            let begun = self.begin_after(&results).await?;
            let exercises = exercises.iter().copied();
            let again: Vec<&Exercise> = exercises.filter(|one| begun.contains(&one.id)).collect();
            if again.is_empty() {
                break;
            }
            let baselines = self.baselines()?;
            let context = CheckContext {
                baselines: &baselines,
                report: &|_, _| (),
                ..context
            };
            let checked = check_exercises(&self.runner, &self.live, &again, &context).await;
            for result in checked {
                let mut known = results.iter_mut();
                if let Some(old) = known.find(|old| old.exercise == result.exercise) {
                    *old = result;
                }
            }
        }
        let held_back = results.iter().filter(|result| later(result));
        held_back.for_each(|result| report(CheckStage::Final, result));
        Ok(results)
    }

    /// Checks one exercise after its solution, a quiz with the right answer, without reading or changing the learner's progress.
    pub async fn check_solution(&self, exercise: &Exercise) -> ExerciseResult {
        let answer = |_: &_| match &exercise.task {
            Task::Quiz(quiz) => Some(quiz.answer.clone()),
            Task::Practical { .. } => None,
        };
        let context = CheckContext {
            lang: &self.app.lang,
            answer: &answer,
            baselines: &self.baselines_for(&[exercise]).await.unwrap_or_default(),
            undecided: Undecided::Await,
            report: &|_, _| (),
        };
        let results = check_exercises(&self.runner, &self.live, &[exercise], &context).await;
        results
            .into_iter()
            .next()
            .expect("one exercise gives one result")
    }

    /// Checks exercises like [`check`](Self::check) without waiting for those that may pass later, again and with new addresses
    /// if containers were created or removed since the lab was observed.
    pub async fn check_current(
        &mut self,
        exercises: &[&Exercise],
    ) -> Result<Vec<ExerciseResult>, Failure> {
        loop {
            let results = self.probe(exercises, Undecided::Return).await?;
            if results.iter().any(ExerciseResult::has_probe_error) {
                if let Ok(Changed::Yes) = self.live.refresh(&self.runner).await {
                    continue;
                }
                self.require_still_not_paused()?;
            }
            self.record_solved(&results)?;
            return Ok(results);
        }
    }

    /// Records which exercises pass. Those that pass by the learner's own work are solved by the learner; what a played solution
    /// did is not. Returns the exercises that are solved by that for the first time.
    pub fn record_solved(&self, results: &[ExerciseResult]) -> Result<Vec<ExerciseId>, Failure> {
        let run = self.run();
        let mut newly_solved = Vec::new();
        self.app.update_progress(&self.lab.id, |progress| {
            let before = progress.solved.clone();
            let results = results.iter();
            progress.record(
                results.map(|result| (&result.exercise, result.passed())),
                run.as_ref(),
            );
            for exercise in &self.lab.exercises {
                if !before.contains_key(&exercise.id) {
                    progress.record_draw(exercise, self.lab.random.draw.as_ref());
                }
            }
            let solved = progress.solved.keys();
            newly_solved = solved
                .filter(|id| !before.contains_key(*id))
                .cloned()
                .collect();
        })?;
        Ok(newly_solved)
    }

    /// Returns the id of the run.
    pub fn run(&self) -> Option<RunId> {
        let labels = self.live.observed.labels().next();
        labels.map(|labels| labels.run.clone())
    }

    /// Returns a watcher that waits for changes which the checks of these exercises may see.
    pub fn change_watcher(&self, exercises: &[&Exercise]) -> ChangeWatcher {
        ChangeWatcher::new(exercises, &self.live)
    }

    /// Runs the solutions of exercises that are available, in order, and leaves the progress as it is.
    pub async fn run_solutions(&mut self, exercises: &[&Exercise]) -> Result<(), Failure> {
        runner::solve(&self.runner, &mut self.live, exercises).await
    }

    /// Returns the available exercises that an exercise builds on, in order.
    pub(super) fn available_prerequisites(&self, exercise: &Exercise) -> Vec<&'a Exercise> {
        let needs = self.lab.prerequisites(&exercise.id).into_iter();
        needs.filter(|need| self.live.is_available(need)).collect()
    }

    /// Runs the solutions of the available exercises that an exercise builds on.
    pub async fn prepare(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let needs = self.available_prerequisites(exercise);
        self.play_solutions(&needs, PlayReason::Preparation).await?;
        self.begin_prepared(exercise).await?;
        self.begin_once_needs_pass(exercise).await
    }

    /// Runs the solutions of exercises that are available, in order, and records that they were played. What the learner has
    /// solved, answered and seen stays.
    pub(super) async fn play_solutions(
        &mut self,
        exercises: &[&Exercise],
        reason: PlayReason,
    ) -> Result<(), Failure> {
        let mut prepared = exercises
            .iter()
            .map(|exercise| !exercise.prepare.is_empty());
        if exercises.len() > 1 && prepared.any(|prepared| prepared) {
            // Each begins after the one before it, and only then.
            for exercise in exercises {
                Box::pin(self.play_solutions(&[exercise], reason)).await?;
            }
            return Ok(());
        }
        let Some(first) = exercises.first() else {
            return Ok(());
        };
        self.begin_prepared(first).await?;
        self.begin_once_needs_pass(first).await?;
        let before = self.snapshots().await;
        let ids: Vec<&ExerciseId> = exercises.iter().map(|exercise| &exercise.id).collect();
        self.keep_files_before(&solution_steps(exercises)).await?;
        let (lab, run) = (&self.lab.id, self.run());
        // Recorded first, so that checks that run meanwhile do not take it for the learner's work.
        self.app.update_progress(lab, |progress| {
            progress.begin_playing(&ids, run.as_ref(), reason);
        })?;
        let ended = self.run_solutions(exercises).await;
        self.app.update_progress(lab, |progress| {
            progress.finish_playing(&ids, run.as_ref(), reason);
        })?;
        // What a solution changed, the learner did not change.
        self.move_baselines(&before, &ids).await?;
        ended
    }

    /// Resets the services of the lab to their start, and the files that the lab brought. The learner's progress and own files
    /// stay; returns what was kept of changed files. If an exercise is to begin afterwards, the reset is unfinished until
    /// [`end_reset`](Self::end_reset).
    pub async fn reset_services(
        &mut self,
        then: Option<&Exercise>,
    ) -> Result<Vec<KeptFile>, Failure> {
        self.begin_reset(then)?;
        let kept = self.put_back_files().await?;
        self.app.report_kept(&kept);
        self.keep_files_before(&self.lab.start).await?;
        // Checks that run meanwhile must not take what the solutions left behind for the learner's work.
        let reset = match self.create_missing().await {
            Ok(_) => runner::reset(&self.runner, &mut self.live, None).await,
            Err(failure) => Err(failure),
        };
        self.app
            .update_progress(&self.lab.id, Progress::clear_run)?;
        reset.map_err(|failure| self.with_way_out(failure))?;
        self.record_baselines().await?;
        if then.is_none() {
            self.end_reset()?;
        }
        Ok(kept)
    }

    /// Adds what helps if the steps of `start` fail: the learner may have changed a user, its rights or a setting.
    fn with_way_out(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Step(why) => Failure::Step(text!(
                "{why}; `{command}` creates the services again, which wipes their data and keeps your progress",
                why,
                command = format!(
                    "roadlab reset {} --hard",
                    self.app.lab_argument(&self.lab.id)
                )
            )),
            other => other,
        }
    }

    /// Resets the lab to where an exercise begins. The learner's progress stays. Takes the lock of the instance.
    pub async fn reset_exercise(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let _lock = self.app.lock(self.runner.engine, &self.lab.id).await?;
        drop(self.reset_services(Some(exercise)).await?);
        self.prepare(exercise).await?;
        self.end_reset()
    }

    /// Returns a text of the guide with the addresses of the services in it.
    pub fn fill_in(&self, text: &str) -> String {
        let addresses = &self.live.addresses;
        self.app.fill_in_addresses(self.lab, text, addresses)
    }

    /// Returns the text of the hint for what the checks of an exercise found, unless they may still pass.
    pub fn conditional_hint(&self, result: &ExerciseResult) -> Option<String> {
        match result.undecided {
            Some(_) => None,
            None => self.hint_text(result, result.hint()?),
        }
    }

    /// Returns the most specific hint for a check that does not pass: the one for its actual value, else the first ordered
    /// hint of the exercise, else how a quiz is answered.
    pub fn hint_for(&self, result: &ExerciseResult, check: &CheckResult) -> Option<String> {
        if check.outcome.passed() {
            return None;
        }
        let named = check.outcome.hint();
        let named = named.and_then(|name| self.hint_text(result, name));
        named
            .or_else(|| {
                let section = self.lab.section(&result.exercise, &self.app.lang);
                let first = section.hints.first()?;
                Some(self.fill_in(&first.markdown))
            })
            .or_else(|| {
                let exercise = self.lab.exercise(&result.exercise)?;
                matches!(exercise.task, Task::Quiz(_)).then(|| {
                    localized!(
                        "answer with `roadlab answer {lab} {exercise} CHOICE`",
                        lab = self.app.lab_argument(&self.lab.id),
                        exercise = exercise.id
                    )
                })
            })
    }

    fn hint_text(&self, result: &ExerciseResult, name: &str) -> Option<String> {
        let section = self.lab.section(&result.exercise, &self.app.lang);
        let text = section.named_hints.get(name)?;
        Some(self.fill_in(&text.markdown))
    }
}

/// Returns the steps of the solutions of exercises; a quiz has none.
fn solution_steps(exercises: &[&Exercise]) -> Vec<Step> {
    let exercises = exercises.iter();
    let steps = exercises.flat_map(|exercise| match &exercise.task {
        Task::Practical { solution, .. } => solution.as_slice(),
        Task::Quiz(_) => &[],
    });
    steps.cloned().collect()
}

impl App {
    /// Restarts services of a running lab and keeps their data. Returns those that are available and were restarted.
    pub async fn restart<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        services: Vec<ServiceName>,
        mode: RestartMode,
    ) -> Result<Vec<ServiceName>, Failure> {
        let _lock = self.lock(engine, &lab.id).await?;
        let mut running = self.running(engine, lab).await?;
        let services: Vec<ServiceName> = services
            .into_iter()
            .filter(|name| running.live.addresses.contains_key(name))
            .collect();
        runner::restart(&running.runner, &mut running.live, &services, mode).await?;
        Ok(services)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::app::testing::app;
    use crate::app::{InitialData, UpOptions};
    use crate::engine::Fake;
    use crate::lab::testing::{COMPOSE, lab};
    use crate::lab::{ExerciseId, Quiz};
    use crate::runner::{Expiry, OnFailure};
    use crate::store::{Journals, Lifetime, QuizResult};

    const OPTIONS: UpOptions = UpOptions {
        lifetime: Lifetime::Persistent,
        expiry: Expiry::Unchanged,
        on_failure: OnFailure::TearDown,
        initial_data: InitialData::Copied,
    };

    #[tokio::test]
    async fn solutions_of_unavailable_prerequisites_do_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let engine = Fake::with_images(&["redis:8.0"]);
        let mut lab = lab(COMPOSE);
        let one = lab.exercises[0].clone();
        let unavailable = Exercise {
            id: ExerciseId::new("unavailable").unwrap(),
            needs_service: vec![ServiceName::new("absent").unwrap()],
            ..one.clone()
        };
        let last = Exercise {
            id: ExerciseId::new("last").unwrap(),
            needs: vec![one.id.clone(), unavailable.id.clone()],
            ..one.clone()
        };
        lab.exercises.extend([unavailable, last]);
        let started = app.up(&engine, &lab, OPTIONS).await.unwrap();
        let needs = started.running.available_prerequisites(&lab.exercises[2]);
        let names: Vec<&str> = needs.iter().map(|need| need.id.as_str()).collect();
        assert_eq!(names, [one.id.as_str()]);
    }

    #[tokio::test]
    async fn checking_a_solution_and_resetting_the_services_leave_the_progress_alone() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let engine = Fake::with_images(&["redis:8.0"]);
        let mut lab = lab(COMPOSE);
        lab.exercises[0].task = Task::Quiz(Quiz {
            choices: vec!["a".to_owned(), "b".to_owned()],
            answer: "b".to_owned(),
            hints: BTreeMap::new(),
        });
        let mut running = app.up(&engine, &lab, OPTIONS).await.unwrap().running;
        let exercise = &lab.exercises[0];
        assert!(running.check_solution(exercise).await.passed());
        assert_eq!(app.progress(&lab.id).unwrap(), Progress::default());
        let before = app.update_progress(&lab.id, |progress| {
            progress.answer(&exercise.id, "b", QuizResult::Correct);
        });
        drop(running.reset_services(None).await.unwrap());
        assert_eq!(app.progress(&lab.id).unwrap(), before.unwrap());
    }

    #[tokio::test]
    async fn an_unreadable_journal_is_reported_and_not_taken_for_a_missing_one() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let engine = Fake::with_images(&["redis:8.0"]);
        let lab = lab(COMPOSE);
        drop(app.up(&engine, &lab, OPTIONS).await.unwrap());
        let runs = app.paths.runs();
        let run = Journals::read(&runs).readable.remove(0).run;
        std::fs::write(runs.join(format!("{run}.json")), "{").unwrap();
        let failure = app.running(&engine, &lab).await.err().unwrap();
        let text = failure.to_string();
        assert!(text.starts_with("cannot read the journal"), "{text}");
        // Its log can be shown all the same.
        assert!(app.observe(&engine, &lab).await.is_ok());
    }
}
