//! Keeps an open page up to date: the checks run whenever the services change, as in the session in the terminal.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use maud::html;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::app::{App, DrawOf, RunningLab};
use crate::engine::docker::Docker;
use crate::engine::{Engine, Events, clock};
use crate::lab::{Addresses, Exercise, ExerciseId, Lab, LabId, Task};
use crate::localized;
use crate::plan::Scope;
use crate::runner::{ChangeWatcher, Changed, CheckStage, ExerciseResult, Failure, Undecided};
use crate::store::Progress;
use crate::web::failures::failure_lines;
use crate::web::observation::stopped;
use crate::web::parts::{self, LabView, RunState, id};
use crate::web::site::Site;
use crate::web::update::{SentParts, Update};

/// How long a lab that does not run, or an engine that does not answer, is left alone at most.
const RETRY: Duration = Duration::from_secs(2);

/// A page that is open in a browser.
pub(super) struct LivePage<'a> {
    pub(super) site: &'a Site,
    pub(super) app: &'a App,
    pub(super) lab: &'a LabId,
    pub(super) exercise: Option<&'a ExerciseId>,
    /// The run whose addresses the texts of the page have; empty if there was none.
    pub(super) run: &'a str,
    pub(super) updates: UnboundedSender<String>,
    pub(super) attention: &'a Attention,
    /// The parts as they were sent last.
    pub(super) sent: RefCell<SentParts>,
}

/// Whether, and how long, a person can see a page.
pub(super) struct Attention {
    visible: Cell<bool>,
    since: Cell<Instant>,
    /// What was not taken yet.
    seen: Cell<Duration>,
    /// Notified when the page can be seen again.
    pub(super) shown: Notify,
}

impl Attention {
    /// A page that is seen from now on.
    pub(super) fn new() -> Self {
        Self {
            visible: Cell::new(true),
            since: Cell::new(Instant::now()),
            seen: Cell::default(),
            shown: Notify::new(),
        }
    }

    pub(super) fn set(&self, visible: bool) {
        self.count();
        let before = self.visible.replace(visible);
        if visible && !before {
            self.shown.notify_one();
        }
    }

    pub(super) fn is_visible(&self) -> bool {
        self.visible.get()
    }

    fn count(&self) {
        let now = Instant::now();
        let passed = now - self.since.replace(now);
        if self.visible.get() {
            self.seen.set(self.seen.get() + passed);
        }
    }

    /// Takes the whole seconds that the page was seen for and that were not taken before.
    fn take_seconds(&self) -> u64 {
        self.count();
        let seconds = self.seen.get().as_secs();
        self.seen
            .set(self.seen.get() - Duration::from_secs(seconds));
        seconds
    }
}

/// Why a page has to begin again with what it knows about its lab.
enum Ended {
    /// A job has begun, or the lab is gone.
    Changed,
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Ended::Failed(failure)
    }
}

impl LivePage<'_> {
    /// Sends what changes, until the page is closed.
    pub(super) async fn follow(&self) -> Infallible {
        let mut changes = self.site.changes();
        loop {
            changes.mark_unchanged();
            if let Some(job) = self.site.job(self.lab) {
                self.send_state(&RunState::Busy(job));
                self.send_job_progress();
                // The site stays as long as its pages.
                let _ = changes.changed().await;
                continue;
            }
            let Err(ended) = self.follow_run(&mut changes).await;
            if let Ended::Failed(failure) = ended {
                self.send_state(&stopped(&failure));
                tokio::select! {
                    () = self.started() => {}
                    _ = changes.changed() => {}
                }
            }
        }
    }

    /// Waits until something happens to the lab on the engine, at most a while.
    async fn started(&self) {
        let happened = async {
            let Ok(engine) = self.app.existing_engine().await else {
                return std::future::pending().await;
            };
            let scope = Scope::instance(&self.app.owner, self.lab, &self.app.instance);
            let event = Notify::new();
            let on_event = |_| event.notify_one();
            tokio::select! {
                _ = engine.events(&scope, SystemTime::now(), &on_event) => sleep(RETRY).await,
                () = event.notified() => {}
            }
        };
        let _ = clock::timeout(RETRY, happened).await;
    }

    /// Follows a run of the lab until it ends.
    async fn follow_run(&self, changes: &mut watch::Receiver<u64>) -> Result<Infallible, Ended> {
        // Read again, because the random values are those of the run.
        let lab = self.site.lab(self.app, self.lab, &DrawOf::Run)?;
        let engine = self.app.existing_engine().await?;
        let mut running = self.app.running(&engine, &lab).await?;
        let ended = self.follow_checks(&mut running, changes).await;
        running.live.connections.close().await;
        ended
    }

    async fn follow_checks(
        &self,
        running: &mut RunningLab<'_, Docker>,
        changes: &mut watch::Receiver<u64>,
    ) -> Result<Infallible, Ended> {
        let run = running.run().map(|run| run.to_string());
        if run.is_some_and(|run| run != self.run) {
            self.send(&Update::default().reload());
            return std::future::pending().await;
        }
        let lab = running.lab;
        let exercise = self.exercise.and_then(|id| lab.exercise(id));
        let available = exercise.filter(|exercise| running.live.is_available(exercise));
        let exercises: Vec<&Exercise> = available.into_iter().collect();
        let mut watcher = running.change_watcher(&exercises);
        let mut shown = Shown::default();
        if let (Some(exercise), None) = (exercise, available) {
            let missing = running.live.missing_services(exercise);
            let services: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
            let text = localized!(
                "not available: it needs {services}",
                services = services.join(", ")
            );
            self.send_parts(running, exercise, &shown, Vec::new(), Some(text))?;
        }
        loop {
            if self.site.job(self.lab).is_some() {
                return Err(Ended::Changed);
            }
            let changed = match available {
                Some(exercise) => {
                    self.check(running, exercise, &mut shown, &mut watcher)
                        .await?
                }
                None => {
                    self.send_overview(running, exercise)?;
                    Changed::No
                }
            };
            if let Changed::Yes = self.refresh(running, &shown).await? {
                continue;
            }
            watcher
                .record_check(&running.runner, &running.live, changed)
                .await;
            self.wait(running, &mut watcher, changes, exercise).await?;
        }
    }

    /// Waits until the checks should run again.
    async fn wait(
        &self,
        running: &RunningLab<'_, Docker>,
        watcher: &mut ChangeWatcher,
        changes: &mut watch::Receiver<u64>,
        exercise: Option<&Exercise>,
    ) -> Result<(), Ended> {
        let due = tokio::select! {
            due = watcher.wait_for_change(&running.runner, &running.live) => due,
            _ = changes.changed() => Ok(()),
        };
        if let Some(exercise) = exercise {
            self.add_time(exercise)?;
        }
        due.map_err(Ended::Failed)
    }

    /// Observes the services again if one did not answer. Ends if the lab is gone.
    async fn refresh(
        &self,
        running: &mut RunningLab<'_, Docker>,
        shown: &Shown,
    ) -> Result<Changed, Ended> {
        let failed = shown.result.as_ref().map(ExerciseResult::has_probe_error);
        if failed == Some(false) {
            return Ok(Changed::No);
        }
        let changed = running.live.refresh(&running.runner).await?;
        // Networks and volumes may be left of a lab whose containers were removed by hand.
        if running.live.observed.containers.is_empty() {
            return Err(Ended::Changed);
        }
        if failed == Some(true) {
            running.require_still_not_paused()?;
        }
        Ok(changed)
    }

    /// Runs the checks and sends their results; before that, what is known while some must hold for a while.
    async fn check(
        &self,
        running: &RunningLab<'_, Docker>,
        exercise: &Exercise,
        shown: &mut Shown,
        watcher: &mut ChangeWatcher,
    ) -> Result<Changed, Ended> {
        let before = shown.result.as_ref().map(ExerciseResult::outcomes);
        let first = RefCell::new(shown);
        let report = |stage, result: &ExerciseResult| {
            if stage == CheckStage::Final {
                return;
            }
            let mut shown = first.borrow_mut();
            shown.result = Some(result.clone());
            // What cannot be read now is reported with the final result.
            let _ = self.send_parts(running, exercise, &shown, Vec::new(), None);
        };
        let results = running
            .check_reporting(&[exercise], Undecided::Return, &report)
            .await;
        let shown = first.into_inner();
        let mut results = results?;
        let after = results.first().map(ExerciseResult::outcomes);
        let changed = match before == after {
            true => Changed::No,
            false => Changed::Yes,
        };
        watcher.decide(changed, &mut results);
        shown.result = results.into_iter().next();
        let passed = match (&exercise.task, before, &shown.result) {
            (Task::Practical { .. }, Some(before), Some(result)) => newly_passed(&before, result),
            _ => Vec::new(),
        };
        self.send_parts(running, exercise, shown, passed, None)?;
        Ok(changed)
    }

    /// Adds the time that the page was seen for since the last call to that of an exercise that is not solved.
    fn add_time(&self, exercise: &Exercise) -> Result<(), Failure> {
        let seen = self.attention.take_seconds();
        let spent = self.site.claim_time(self.lab, &exercise.id, seen);
        if spent == 0 || self.app.progress(self.lab)?.is_solved(&exercise.id) {
            return Ok(());
        }
        self.app.update_progress(self.lab, |progress| {
            let seconds = &mut progress.seconds;
            *seconds.entry(exercise.id.clone()).or_default() += spent;
        })?;
        Ok(())
    }

    /// Sends everything that depends on the checks of an exercise and on the learner's progress. `passed` are sentences about
    /// the checks that pass since a moment.
    fn send_parts(
        &self,
        running: &RunningLab<'_, Docker>,
        exercise: &Exercise,
        shown: &Shown,
        passed: Vec<String>,
        unavailable: Option<String>,
    ) -> Result<(), Failure> {
        let progress = running.progress()?;
        let view = view(running, &progress);
        let result = shown.result.as_ref();
        let hint = result.and_then(|result| running.conditional_hint(result));
        let checks = match unavailable {
            Some(text) => html! { p.state { (text) } },
            None => parts::checks(&view, exercise, result, hint.as_deref()),
        };
        let mut update = overview(&view, Some(exercise))
            .part(id::CHECKS, checks)
            .part(id::STATUS, parts::status(&view, exercise, result))
            .part(id::CLOSING, parts::closing(&view, exercise, result));
        update = match &exercise.task {
            Task::Quiz(quiz) => update.part(id::QUIZ, parts::quiz(&view, exercise, quiz)),
            Task::Practical { .. } => update.part(id::HINTS, parts::hints(&view, exercise)),
        };
        let mut sentences = passed;
        sentences.push(parts::state(&view, exercise, result));
        self.send(&update.announce(sentences.join(". ")));
        Ok(())
    }

    fn send_overview(
        &self,
        running: &RunningLab<'_, Docker>,
        exercise: Option<&Exercise>,
    ) -> Result<(), Failure> {
        let progress = running.progress()?;
        let view = view(running, &progress);
        self.send(&overview(&view, exercise).announce(parts::run_state(view.state)));
        Ok(())
    }

    /// Sends how far a job is, for a page that was opened after it began.
    fn send_job_progress(&self) {
        let Some(progress) = self.site.job_progress(self.lab) else {
            return;
        };
        let lines = progress.lines().cloned().collect();
        let update = Update::default().part(id::PROGRESS, progress.markup());
        self.send(&update.job_lines(lines));
    }

    /// Sends that the lab does not run.
    fn send_state(&self, state: &RunState) {
        let lab = self.site.lab(self.app, self.lab, &DrawOf::Run);
        let read = lab.and_then(|lab| Ok((lab, self.app.progress(self.lab)?)));
        match read {
            Ok((lab, progress)) => self.send(&self.stopped_update(&lab, &progress, state)),
            Err(failure) => {
                let update = Update::default().part(id::RUN, parts::unusable(&failure));
                self.send(&update.announce(failure_lines(&failure).join("\n")));
            }
        }
    }

    fn stopped_update(&self, lab: &Lab, progress: &Progress, state: &RunState) -> Update {
        let view = LabView {
            app: self.app,
            lab,
            progress,
            addresses: &Addresses::new(),
            run: None,
            state,
        };
        let exercise = self.exercise.and_then(|id| lab.exercise(id));
        let update = overview(&view, exercise).announce(parts::run_state(state));
        match exercise {
            Some(exercise) => update
                .part(id::CHECKS, parts::checks(&view, exercise, None, None))
                .part(id::STATUS, parts::status(&view, exercise, None)),
            None => update,
        }
    }

    /// Sends an update without what the page shows already.
    fn send(&self, update: &Update) {
        if let Some(update) = update.without_sent(&mut self.sent.borrow_mut()) {
            // The page is being closed if nothing receives it.
            let _ = self.updates.send(update.to_json().to_string());
        }
    }
}

/// What a page shows of an exercise.
#[derive(Default)]
struct Shown {
    result: Option<ExerciseResult>,
}

/// Returns a sentence about each check that passes now and did not before.
fn newly_passed(before: &[bool], result: &ExerciseResult) -> Vec<String> {
    let pairs = before.iter().zip(&result.checks);
    let new = pairs.filter(|(before, check)| !**before && check.outcome.passed());
    new.map(|(_, check)| parts::passes(check)).collect()
}

fn view<'v>(running: &'v RunningLab<'_, impl Engine>, progress: &'v Progress) -> LabView<'v> {
    LabView {
        app: running.app,
        lab: running.lab,
        progress,
        addresses: &running.live.addresses,
        run: running.run(),
        state: &RunState::Running,
    }
}

/// Returns what every page of a lab shows of it.
fn overview(view: &LabView<'_>, exercise: Option<&Exercise>) -> Update {
    Update::default()
        .part(id::OUTLINE, parts::outline(view, exercise))
        .part(id::SCORE, parts::score(view))
        .part(id::RUN, parts::run(view))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_page_that_is_seen_again_is_known_at_once() {
        let attention = Attention::new();
        let is_notified = || attention.shown.notified().now_or_never().is_some();
        attention.set(true);
        assert!(!is_notified());
        attention.set(false);
        attention.set(true);
        assert!(is_notified());
    }

    #[test]
    fn a_page_that_is_not_seen_takes_no_time() {
        let attention = Attention::new();
        let pass = |seconds| {
            attention
                .since
                .set(attention.since.get() - Duration::from_secs(seconds))
        };
        pass(3);
        attention.set(false);
        pass(100);
        attention.set(true);
        pass(2);
        assert_eq!(attention.take_seconds(), 5);
        assert_eq!(attention.take_seconds(), 0);
    }
}
