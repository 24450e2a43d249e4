//! Collects the state of every run on the engine at one moment.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;

use crate::app::{App, Holding, RunningLab, Score};
use crate::engine::clock::{self, timeout};
use crate::engine::{ContainerState, Engine};
use crate::event::Event;
use crate::lab::{
    Exercise, ExerciseId, Instance, Lab, LabId, Presence, RunId, Service, Task, load_drawn,
};
use crate::localized;
use crate::plan::{
    CutOff, Observed, ObservedContainer, OrphanKind, OrphanRun, Running, Scope, completes, cut_off,
    orphan_runs,
};
use crate::runner::{
    CheckContext, ExerciseResult, Failure, Live, Runner, ServiceHealth, Undecided, check_exercises,
    full_disks, health, health_of_engine,
};
use crate::store::{Baselines, Journal, Journals, OsFs, Progress, UnreadableJournal};
use crate::text;

/// How long one service may take to answer; the others do not wait longer.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the checks of all exercises may take together.
const CHECKS_TIMEOUT: Duration = Duration::from_secs(20);

/// How often the checks of exercises run while the status is watched.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Everything that `status` shows.
pub struct Status {
    /// The runs of this state folder.
    pub runs: Vec<Run>,
    /// Journals that cannot be read and whose run has nothing on the engine.
    pub unreadable: Vec<UnreadableJournal>,
    /// The runs of other state folders.
    pub orphans: Vec<OrphanRun>,
}

/// One instance of a lab on the engine.
pub struct Run {
    pub lab: LabId,
    pub instance: Instance,
    pub run: Option<RunId>,
    /// The exercises that the learner solved.
    pub solved: Vec<ExerciseId>,
    /// The exercises whose solutions were played.
    pub played: Vec<ExerciseId>,
    /// The exercises whose checks pass now; `None` if the checks did not run.
    pub holding: Option<Vec<ExerciseId>>,
    /// How far the learner is, with the exercises of `holding`.
    pub score: Score,
    /// The points of all exercises; `None` if none has any.
    pub points: Option<u32>,
    /// The points of those that the learner solved.
    pub earned: u32,
    pub services: Vec<Row>,
    /// When the run expires, in seconds since 1970.
    pub until: Option<u64>,
    /// When the learner paused the lab, in seconds since 1970, if it is paused.
    pub paused: Option<u64>,
    pub journal: RunJournal,
    /// Why the learner's progress cannot be read, and what to do.
    pub progress_problem: Option<String>,
}

/// The journal of a run.
pub enum RunJournal {
    Readable,
    Missing,
    /// With what is wrong and what to do.
    Unreadable(String),
}

/// One service of a run.
pub struct Row {
    pub service: String,
    pub running: Running,
    /// The state in the engine's words.
    pub state: String,
    /// `None` if it runs, has no container, or the engine does not answer.
    pub stopped: Option<Stopped>,
    pub health: ServiceHealth,
    pub url: Option<String>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Bytes.
    pub limit: Option<u64>,
    /// Seconds since the container was started.
    pub uptime: Option<u64>,
    /// When the container was created, in seconds since 1970.
    pub created: i64,
    /// What is broken, if the lab's files are there to compare with.
    pub faults: Vec<ServiceFault>,
}

/// Why a container does not run. `ago` is in seconds, if the engine says when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    NeverStarted,
    /// It did its work, as a one-shot does.
    Finished {
        ago: Option<u64>,
    },
    Ended {
        code: i64,
        ago: Option<u64>,
    },
}

impl Row {
    /// Returns the state of a service that does not run, in words; `age` formats seconds.
    pub fn stopped_text(&self, age: impl Fn(u64) -> String) -> String {
        match self.stopped {
            Some(Stopped::NeverStarted) => localized!("not started"),
            Some(Stopped::Finished { ago: None }) => localized!("finished"),
            Some(Stopped::Finished { ago: Some(ago) }) => {
                localized!("finished {age} ago", age = age(ago))
            }
            Some(Stopped::Ended { code, ago: None }) => localized!("ended, exit code {code}", code),
            Some(Stopped::Ended {
                code,
                ago: Some(ago),
            }) => localized!("ended {age} ago, exit code {code}", age = age(ago), code),
            None => self.state.clone(),
        }
    }
}

/// What is broken of a service. `roadlab fault LAB heal`, `reset` and `up` repair it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceFault {
    /// It lacks a network of the lab.
    CutOff,
    /// A program that cut it off, or ended that, was ended in the middle.
    PartlyCutOff,
    Paused,
    Stopped,
    /// It has no container.
    Removed,
    /// A file system in memory is full.
    DiskFull,
}

/// The exercises whose checks pass; `None` if the checks did not end in time.
type Passing = Option<Vec<ExerciseId>>;

/// A lab, if it can be loaded.
type LoadedLab = Option<Rc<Lab>>;

/// Collects the status as often as wanted. The files of a lab are read once.
pub struct StatusCollector<'a, E> {
    app: &'a App,
    engine: &'a E,
    wanted: Option<LabId>,
    labs: RefCell<BTreeMap<(LabId, Instance), LoadedLab>>,
    /// The exercises that held when the checks ran last, and when that was.
    holding: RefCell<BTreeMap<(LabId, Instance), (Instant, Passing)>>,
}

impl<'a, E: Engine> StatusCollector<'a, E> {
    /// Collects the runs of one lab, or of all.
    pub fn new(app: &'a App, engine: &'a E, wanted: Option<LabId>) -> Self {
        Self {
            app,
            engine,
            wanted,
            labs: RefCell::default(),
            holding: RefCell::default(),
        }
    }

    pub async fn collect(&self) -> Result<Status, Failure> {
        let scope = Scope {
            lab: self.wanted.clone(),
            ..Scope::default()
        };
        let mut observed = self
            .engine
            .observe(&scope)
            .await
            .map_err(Failure::engine(text!("cannot list the runs")))?;
        let mut journals = Journals::read(&self.app.paths.runs());
        let readable = journals.readable.iter().map(|journal| &journal.run);
        let unreadable = journals.unreadable.iter().map(|journal| &journal.run);
        let recorded: BTreeSet<RunId> = readable.chain(unreadable).cloned().collect();
        let owner = &self.app.owner;
        let mut orphans = orphan_runs(&observed, owner, &recorded);
        orphans.retain(|orphan| orphan.kind == OrphanKind::OtherStateFolder);
        observed
            .containers
            .retain(|one| one.run_labels.owner.id == *owner);
        observed
            .networks
            .retain(|one| one.run_labels.owner.id == *owner);
        observed
            .volumes
            .retain(|one| one.run_labels.owner.id == *owner);
        let instances: BTreeSet<(LabId, Instance)> = observed
            .labels()
            .map(|labels| (labels.lab.clone(), labels.instance.clone()))
            .collect();
        let runs = instances
            .into_iter()
            .map(async |(lab, instance)| self.instance(&observed, &journals, lab, instance).await);
        let runs = join_all(runs).await;
        journals.unreadable.retain(|journal| {
            let is_wanted = self.wanted.is_none() || journal.lab == self.wanted;
            is_wanted && !observed.labels().any(|labels| labels.run == journal.run)
        });
        Ok(Status {
            runs,
            unreadable: journals.unreadable,
            orphans,
        })
    }

    /// Returns the state of each service of a running lab of this instance. No checks run.
    pub async fn services(&self, running: &RunningLab<'_, E>) -> Vec<Row> {
        let observed = &running.live.observed;
        let live = (running.lab, Live::new(running.lab, observed.clone(), None));
        let rows = observed.containers.iter();
        let rows = rows.map(async |container| {
            let instance = &self.app.instance;
            self.service(container, Some(&live), instance).await
        });
        let mut rows = join_all(rows).await;
        live.1.connections.close().await;
        rows.extend(removed_services(running.lab, observed));
        rows
    }

    async fn instance(
        &self,
        observed: &Observed,
        journals: &Journals,
        lab: LabId,
        instance: Instance,
    ) -> Run {
        let in_instance = |container: &&ObservedContainer| {
            container.run_labels.lab == lab && container.run_labels.instance == instance
        };
        let mine = Observed {
            containers: observed
                .containers
                .iter()
                .filter(in_instance)
                .cloned()
                .collect(),
            ..Observed::default()
        };
        let run = observed
            .labels()
            .find(|labels| labels.lab == lab && labels.instance == instance)
            .map(|labels| labels.run.clone());
        let journal = journals
            .readable
            .iter()
            .rfind(|journal| journal.lab == lab && journal.instance == instance);
        let unreadable = journals
            .unreadable
            .iter()
            .find(|journal| run.as_ref() == Some(&journal.run));
        let loaded = self.lab(&lab, &instance, journal);
        let live = loaded
            .as_deref()
            .map(|lab| (lab, Live::new(lab, mine.clone(), None)));
        let rows = mine
            .containers
            .iter()
            .map(async |container| self.service(container, live.as_ref(), &instance).await);
        let mut services = join_all(rows).await;
        let containers = &mine.containers;
        let rests = containers.iter().all(|one| one.running == Running::No);
        let paused = journal.and_then(|journal| journal.paused);
        let paused = paused.filter(|_| rests && !containers.is_empty());
        if paused.is_some() {
            // They are stopped because the learner wanted it.
            let stopped = |fault: &ServiceFault| *fault == ServiceFault::Stopped;
            let rows = services.iter_mut();
            rows.for_each(|row| row.faults.retain(|fault| !stopped(fault)));
        }
        if let Some(lab) = loaded.as_deref().filter(|_| !services.is_empty()) {
            services.extend(removed_services(lab, &mine));
        }
        let folder = self.app.paths.progress();
        let (progress, progress_problem) = match Progress::read(&folder, &lab, &instance) {
            Ok(progress) => (progress, None),
            Err(error) => (Progress::default(), Some(error.text().localized())),
        };
        let holding = match &live {
            Some((lab, live)) if paused.is_none() => {
                let workspace = journal.and_then(|journal| journal.workspace.clone());
                self.holding(lab, live, workspace, &instance, run.as_ref(), &progress)
                    .await
            }
            Some(_) | None => None,
        };
        let score = match loaded.as_deref() {
            Some(lab) => Score::new(lab, &progress),
            None => Score::without_lab(&progress),
        };
        let played = progress.requested_solutions().cloned().collect();
        let solved: Vec<ExerciseId> = progress.solved.into_keys().collect();
        Run {
            played,
            score: Score {
                holding: match &holding {
                    Some(holding) => Holding::OfAll(holding.len()),
                    None => Holding::NotChecked,
                },
                ..score
            },
            holding,
            points: loaded.as_deref().and_then(Lab::points),
            earned: loaded.as_deref().map_or(0, |lab| earned(lab, &solved)),
            solved,
            lab,
            instance,
            run,
            services,
            until: journal.and_then(|journal| journal.until),
            paused,
            journal: match (unreadable, journal) {
                (Some(unreadable), _) => RunJournal::Unreadable(unreadable.text().localized()),
                (None, Some(_)) => RunJournal::Readable,
                (None, None) => RunJournal::Missing,
            },
            progress_problem,
        }
    }

    /// Returns the exercises whose checks pass now. While the status is watched, they run from time to time only.
    async fn holding(
        &self,
        lab: &Lab,
        live: &Live,
        workspace: Option<PathBuf>,
        instance: &Instance,
        run: Option<&RunId>,
        progress: &Progress,
    ) -> Option<Vec<ExerciseId>> {
        let key = (lab.id.clone(), instance.clone());
        if let Some((at, known)) = self.holding.borrow().get(&key)
            && clock::since(*at) < CHECK_INTERVAL
        {
            return known.clone();
        }
        let live = Live::new(lab, live.observed.clone(), workspace);
        let exercises: Vec<Exercise> = lab
            .exercises
            .iter()
            .filter(|exercise| live.is_available(exercise))
            .map(without_waiting)
            .collect();
        let emit = |_: Event| {};
        let runner = Runner {
            engine: self.engine,
            lab,
            instance,
            owner: &self.app.owner,
            labs: &self.app.labs_option,
            emit: &emit,
        };
        let answer = |id: &ExerciseId| {
            let exercise = lab.exercise(id)?;
            progress.choice(exercise, run)
        };
        let exercises: Vec<&Exercise> = exercises.iter().collect();
        let baselines = run.and_then(|run| Baselines::read(&self.app.paths.runs(), run).ok());
        let context = CheckContext {
            lang: &self.app.lang,
            answer: &answer,
            baselines: &baselines.unwrap_or_default(),
            undecided: Undecided::Return,
            report: &|_, _| (),
        };
        let checks = check_exercises(&runner, &live, &exercises, &context);
        let results = timeout(CHECKS_TIMEOUT, checks).await.ok();
        live.connections.close().await;
        let holding = results.map(|results| {
            let passed = results.into_iter().filter(ExerciseResult::passed);
            passed.map(|result| result.exercise).collect::<Vec<_>>()
        });
        let known = (clock::now(), holding.clone());
        self.holding.borrow_mut().insert(key, known);
        holding
    }

    async fn service(
        &self,
        container: &ObservedContainer,
        live: Option<&(&Lab, Live)>,
        instance: &Instance,
    ) -> Row {
        let id = &container.id;
        let state = timeout(SERVICE_TIMEOUT, self.engine.inspect(id));
        let usage = timeout(SERVICE_TIMEOUT, self.engine.memory_usage(id));
        let service = container.run_labels.service.as_ref();
        let known = live.zip(service);
        let defined =
            known.and_then(|((lab, _), service)| Some((*lab, lab.services.get(service)?)));
        let disks = async {
            let full = full_disks(self.engine, defined?.1, container);
            timeout(SERVICE_TIMEOUT, full).await.ok()
        };
        let (state, usage, full_disks) = futures_util::join!(state, usage, disks);
        let state = state.ok().and_then(Result::ok);
        let usage = usage.ok().and_then(Result::ok);
        let health = match (&state, known) {
            (None, _) => ServiceHealth::Unknown,
            (Some(state), None) => health_of_engine(state),
            (Some(state), Some(((lab, live), service))) => {
                let emit = |_: Event| {};
                let runner = Runner {
                    engine: self.engine,
                    lab,
                    instance,
                    owner: &self.app.owner,
                    labs: &self.app.labs_option,
                    emit: &emit,
                };
                let health = timeout(SERVICE_TIMEOUT, health(&runner, live, service, state)).await;
                health.unwrap_or_else(|_| {
                    ServiceHealth::Unhealthy(localized!(
                        "no answer within {seconds} s",
                        seconds = SERVICE_TIMEOUT.as_secs()
                    ))
                })
            }
        };
        let url = known.and_then(|((_, live), service)| live.addresses.get(service)?.url.clone());
        let port = container.ports.hosts().next();
        let exit_code = state.as_ref().map(|state| state.exit_code);
        let full = full_disks.is_some_and(|disks| !disks.is_empty());
        let faults = defined.map(|(lab, service)| {
            let full = full.then_some(ServiceFault::DiskFull);
            let faults = fault(lab, service, container, exit_code).into_iter();
            faults.chain(full).collect()
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let has_finished =
            defined.is_some_and(|(lab, service)| has_finished(lab, service, exit_code));
        let stopped = state.as_ref();
        let stopped = stopped.and_then(|state| stopped_state(state, has_finished, now));
        let started = state.filter(|state| state.running).and_then(|s| s.started);
        let uptime = started.zip(now).map(|(at, now)| now.saturating_sub(at));
        Row {
            service: service.map_or_else(|| container.name.clone(), ToString::to_string),
            running: container.running,
            state: container.state.clone(),
            stopped,
            health,
            url: url.or_else(|| port.map(|port| format!("127.0.0.1:{port}"))),
            memory: usage.map(|usage| usage.memory),
            limit: usage.and_then(|usage| usage.limit),
            uptime: uptime.map(|uptime| uptime.as_secs()),
            created: container.created,
            faults: faults.unwrap_or_default(),
        }
    }

    /// Returns the lab from the folder that it was started from, else from where it is found by name.
    fn lab(&self, lab: &LabId, instance: &Instance, journal: Option<&Journal>) -> Option<Rc<Lab>> {
        let key = (lab.clone(), instance.clone());
        if let Some(known) = self.labs.borrow().get(&key) {
            return known.clone();
        }
        let draw = |_: &LabId| journal.map(Journal::effective_draw);
        let started = journal.and_then(|journal| load_drawn(&journal.folder, &draw, &OsFs).ok());
        let by_name = || {
            let folder = self.app.labs().ok()?.folder(lab.as_str()).ok()?;
            load_drawn(&folder, &draw, &OsFs).ok()
        };
        let found = started.or_else(by_name).map(|loaded| Rc::new(loaded.lab));
        self.labs.borrow_mut().insert(key, found.clone());
        found
    }
}

/// Returns the points of the exercises that are solved.
fn earned(lab: &Lab, solved: &[ExerciseId]) -> u32 {
    let solved = lab.exercises.iter().filter(|one| solved.contains(&one.id));
    solved.filter_map(|exercise| exercise.points).sum()
}

/// Returns what is broken of a service that has a container, but for its disks.
fn fault(
    lab: &Lab,
    service: &Service,
    container: &ObservedContainer,
    exit_code: Option<i64>,
) -> Option<ServiceFault> {
    match container.running {
        Running::Paused => Some(ServiceFault::Paused),
        // A program that did its work is no service that was stopped.
        Running::No if !has_finished(lab, service, exit_code) => Some(ServiceFault::Stopped),
        Running::No => None,
        Running::Yes => match cut_off(service, container) {
            CutOff::No => None,
            CutOff::Partly => Some(ServiceFault::PartlyCutOff),
            CutOff::Yes => Some(ServiceFault::CutOff),
        },
    }
}

/// Returns whether the program of a service that does not run did its work.
fn has_finished(lab: &Lab, service: &Service, exit_code: Option<i64>) -> bool {
    completes(lab, &service.name) || service.interface.ready.is_empty() && exit_code == Some(0)
}

/// Returns why a container does not run; `None` if it does.
fn stopped_state(
    state: &ContainerState,
    has_finished: bool,
    now: Option<Duration>,
) -> Option<Stopped> {
    if state.running {
        return None;
    }
    if state.status == "created" {
        return Some(Stopped::NeverStarted);
    }
    let ago = state.ended.zip(now);
    let ago = ago.map(|(at, now)| now.saturating_sub(at).as_secs());
    Some(match (has_finished, state.exit_code) {
        (true, 0) => Stopped::Finished { ago },
        (_, code) => Stopped::Ended { code, ago },
    })
}

/// Returns a row for each service that should have a container and has none.
fn removed_services(lab: &Lab, observed: &Observed) -> Vec<Row> {
    let services = lab.services.values();
    let removed = services.filter(|service| {
        service.interface.presence == Presence::Required
            && observed.container(&service.name).is_none()
    });
    let row = |service: &Service| Row {
        service: service.name.to_string(),
        running: Running::No,
        state: localized!("removed"),
        stopped: None,
        health: ServiceHealth::Unknown,
        url: None,
        memory: None,
        limit: None,
        uptime: None,
        created: 0,
        faults: vec![ServiceFault::Removed],
    };
    removed.map(row).collect()
}

/// Returns an exercise whose checks run once, without waiting for what may come.
fn without_waiting(exercise: &Exercise) -> Exercise {
    let mut exercise = exercise.clone();
    if let Task::Practical { checks, .. } = &mut exercise.task {
        for check in checks {
            check.step.within = None;
            check.step.holds_for = None;
        }
    }
    exercise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_did_its_work_has_finished_and_another_has_ended() {
        let exited = |code| ContainerState {
            status: "exited".to_owned(),
            exit_code: code,
            ended: Some(Duration::from_secs(10)),
            ..ContainerState::default()
        };
        let stopped = |state: &ContainerState, has_finished| {
            stopped_state(state, has_finished, Some(Duration::from_secs(190)))
        };
        let ago = Some(180);
        let (finished, ended) = (Stopped::Finished { ago }, |code| Stopped::Ended {
            code,
            ago,
        });
        assert_eq!(stopped(&exited(0), true), Some(finished));
        assert_eq!(stopped(&exited(0), false), Some(ended(0)));
        assert_eq!(stopped(&exited(1), true), Some(ended(1)));
        let created = ContainerState {
            status: "created".to_owned(),
            ..ContainerState::default()
        };
        assert_eq!(stopped(&created, true), Some(Stopped::NeverStarted));
        let running = ContainerState {
            running: true,
            ..exited(0)
        };
        assert_eq!(stopped(&running, true), None);
    }
}
