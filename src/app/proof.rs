//! Proves labs, each in fresh instances that are removed afterwards.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::app::test_instance::{AtEnd, TestInstance};
use crate::app::{App, find_exercise};
use crate::engine::Engine;
use crate::event::{Event, InstanceEvent, Phase, Warning};
use crate::lab::{Draw, ExerciseId, Instance, Lab, LabId, Service, Trial, load_drawn, load_trial};
use crate::machine;
use crate::proof::{Finding, LabWork, Limits, Part, Schedule, WaitingPart};
use crate::runner::{
    Failure, Images, Live, OtherDraw, Proof, ProofRequest, Runner, Strictness, prove,
};
use crate::store::{OsFs, ProofTimes, Workspace};
use crate::text;

/// What a proof covers, how much of it is played at the same time, and what is left of it.
#[derive(Debug, Clone, Default)]
pub struct ProofOptions {
    /// The names of the exercises; all if there are none.
    pub only: Vec<String>,
    /// Whether the instance stays up afterwards. Each lab has only one then.
    pub keep: bool,
    pub jobs: Jobs,
    /// No part is started that would probably end after this time; the first labs are preferred.
    pub within: Option<Duration>,
}

/// The most instances of all labs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    Count(usize),
    /// As many as the machine has processors for.
    Auto,
}

impl Default for Jobs {
    fn default() -> Self {
        Jobs::Count(1)
    }
}

impl Jobs {
    /// A proof waits more than it computes, so that a processor has time for several.
    const PER_PROCESSOR: usize = 2;

    fn count(self) -> usize {
        match self {
            Jobs::Count(count) => count,
            Jobs::Auto => {
                let processors = std::thread::available_parallelism();
                Self::PER_PROCESSOR * processors.map_or(1, usize::from)
            }
        }
    }
}

/// The proof of one lab.
#[derive(Debug, Clone)]
pub struct ProofReport {
    pub proof: Proof,
    /// The exercises that were not started, because the time was over.
    pub out_of_time: Vec<ExerciseId>,
    /// The instance that was kept.
    pub kept: Option<Instance>,
    /// Milliseconds until the first instance was ready.
    pub ready_millis: u64,
    /// Milliseconds for everything.
    pub millis: u64,
}

/// A lab whose proof is being played.
struct TestedLab<'a> {
    lab: &'a Lab,
    trial: Trial,
    /// The lab with other random values, if it has any.
    other: Option<(Lab, Trial)>,
    only: BTreeSet<ExerciseId>,
    images: Images,
    /// How many answers were started in all instances together.
    answers: Cell<usize>,
    progress: RefCell<LabProgress>,
}

#[derive(Default)]
struct LabProgress {
    parts: Vec<Proof>,
    instances: usize,
    begun: Option<Instant>,
    ready_millis: Option<u64>,
    kept: Option<Instance>,
    failure: Option<Failure>,
}

/// What all instances share.
struct Test<'a, E> {
    app: &'a App,
    engine: &'a E,
    options: &'a ProofOptions,
    begun: Instant,
    schedule: RefCell<Schedule>,
    times: RefCell<ProofTimes>,
}

/// An instance of a lab in which parts are played.
struct PlayedInstance<'a, E> {
    runner: &'a Runner<'a, E>,
    live: Live,
    workspace: Option<&'a Workspace>,
}

impl App {
    /// Reads the answers of a lab's `trial.yaml`.
    pub fn trial(&self, lab: &Lab) -> Result<Trial, Failure> {
        load_trial(lab, &OsFs).map_err(Failure::Problems)
    }

    /// Proves labs in instances of their own and removes the instances, also if a proof fails, unless they are to be kept.
    /// `report` receives the result of each lab, in the order of the labs. A lab that cannot be started does not keep the
    /// others from being proven.
    ///
    /// # Errors
    /// Only what makes it impossible to prove any lab.
    pub async fn prove<E: Engine>(
        &self,
        engine: &E,
        labs: &[Lab],
        options: &ProofOptions,
        report: &dyn Fn(&Lab, Result<ProofReport, Failure>),
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let memory = machine::memory();
        let times = ProofTimes::read(&self.paths.state);
        let (mut tested, mut work) = (Vec::new(), Vec::new());
        for lab in labs {
            let lab = self.tested_lab(engine, lab, options).await?;
            work.push(lab.work(&times, options));
            tested.push(lab);
        }
        let limits = Limits {
            jobs: options.jobs.count(),
            memory,
            within: options.within,
        };
        let test = Test {
            app: self,
            engine,
            options,
            begun,
            schedule: RefCell::new(Schedule::new(work, limits)),
            times: RefCell::default(),
        };
        let played = test.play(&tested, report).await;
        test.times.into_inner().write(&self.paths.state);
        played
    }

    /// Prepares the proof of a lab: its images are there when the first instance starts.
    async fn tested_lab<'a, E: Engine>(
        &self,
        engine: &E,
        lab: &'a Lab,
        options: &ProofOptions,
    ) -> Result<TestedLab<'a>, Failure> {
        let only = options.only.iter();
        let only = only.map(|name| Ok(find_exercise(lab, name)?.id.clone()));
        let mut tested = TestedLab {
            lab,
            trial: self.trial(lab)?,
            other: self.with_other_draw(lab)?,
            only: only.collect::<Result<BTreeSet<ExerciseId>, Failure>>()?,
            images: Images::default(),
            answers: Cell::default(),
            progress: RefCell::default(),
        };
        let images = match self.require_trusted_memory(lab) {
            Ok(()) => self.get_images(&self.runner(engine, lab)).await,
            Err(failure) => Err(failure),
        };
        match images {
            Ok(images) => tested.images = images,
            Err(failure) => tested.progress.get_mut().failure = Some(failure),
        }
        Ok(tested)
    }

    /// Reads a lab again with other random values; `None` if it has none.
    pub(super) fn with_other_draw(&self, lab: &Lab) -> Result<Option<(Lab, Trial)>, Failure> {
        if lab.random.is_empty() {
            return Ok(None);
        }
        let loaded = load_drawn(&lab.folder, &|_| Some(Draw::second_of_test()), &OsFs);
        let mut other = loaded.map_err(Failure::Problems)?.lab;
        // What was granted to the lab.
        other.services.clone_from(&lab.services);
        let trial = self.trial(&other)?;
        Ok(Some((other, trial)))
    }
}

impl TestedLab<'_> {
    fn request(&self) -> ProofRequest<'_> {
        ProofRequest {
            trial: &self.trial,
            other: self
                .other
                .as_ref()
                .map(|(lab, trial)| OtherDraw { lab, trial }),
            only: &self.only,
            started: &self.answers,
        }
    }

    /// Returns what the schedule needs to know.
    fn work(&self, times: &ProofTimes, options: &ProofOptions) -> LabWork {
        let services = || self.lab.services.values();
        let runs = |one: &&Service| self.images.found.contains_key(&one.name) && !one.is_withheld();
        let there = services().filter(runs);
        let memory: i64 = there.filter_map(|service| service.limits.memory).sum();
        // Two instances cannot publish the same port.
        let has_fixed_port = services().any(|one| one.ports.iter().any(|port| port.host.is_some()));
        let parts = match self.progress.borrow().failure {
            Some(_) => Vec::new(),
            None => self.request().parts(self.lab),
        };
        let parts = parts.into_iter().map(|part| WaitingPart {
            known: times.get(&self.lab.id, &part.part),
            ..part
        });
        LabWork {
            parts: parts.collect(),
            most: match options.keep || has_fixed_port {
                true => 1,
                false => usize::MAX,
            },
            memory: memory.max(0).unsigned_abs(),
        }
    }

    /// Returns the exercise that has the problems of a part.
    fn exercise_of(&self, part: &Part) -> Option<ExerciseId> {
        match part {
            Part::Exercise(id) => Some(id.clone()),
            Part::Lab => {
                let mut exercises = self.lab.exercises.iter();
                let selected = |id: &ExerciseId| self.only.is_empty() || self.only.contains(id);
                exercises
                    .find(|one| selected(&one.id))
                    .map(|one| one.id.clone())
            }
        }
    }

    /// Returns the result when nothing of the lab is played any more. `rest` are the parts that were not started.
    fn result(&self, rest: Vec<WaitingPart>) -> Result<ProofReport, Failure> {
        let progress = self.progress.take();
        if let Some(failure) = progress.failure {
            return Err(failure);
        }
        let rest: BTreeSet<ExerciseId> = rest
            .into_iter()
            .filter_map(|waiting| match waiting.part {
                Part::Exercise(id) => Some(id),
                Part::Lab => None,
            })
            .collect();
        let exercises = self.lab.exercises.iter();
        let out_of_time = exercises.filter(|exercise| rest.contains(&exercise.id));
        let took = progress.begun.map(|begun| begun.elapsed());
        Ok(ProofReport {
            proof: Proof::of_parts(self.lab, progress.parts),
            out_of_time: out_of_time.map(|exercise| exercise.id.clone()).collect(),
            kept: progress.kept,
            ready_millis: progress.ready_millis.unwrap_or(0),
            millis: took.unwrap_or_default().as_millis() as u64,
        })
    }
}

impl<E: Engine> Test<'_, E> {
    /// Plays everything that waits, in as many instances as there may be.
    async fn play(
        &self,
        labs: &[TestedLab<'_>],
        report: &dyn Fn(&Lab, Result<ProofReport, Failure>),
    ) -> Result<(), Failure> {
        let mut instances = FuturesUnordered::new();
        let mut reported = 0;
        loop {
            let memory = machine::memory();
            let start = || {
                let mut schedule = self.schedule.borrow_mut();
                schedule.start_instance(self.begun.elapsed(), memory)
            };
            while let Some(at) = start() {
                let lab = &labs[at];
                instances.push(async move {
                    let ended = self.instance(at, lab).await;
                    self.schedule.borrow_mut().instance_removed(at);
                    ended
                });
                // It takes its first part before the next instance is considered.
                let first = futures_util::future::poll_immediate(instances.next()).await;
                if let Some(Some(ended)) = first {
                    ended?;
                }
            }
            while let Some(lab) = labs.get(reported) {
                if !self
                    .schedule
                    .borrow()
                    .is_done(reported, self.begun.elapsed())
                {
                    break;
                }
                let rest = self.schedule.borrow_mut().take_rest(reported);
                report(lab.lab, lab.result(rest));
                reported += 1;
            }
            match instances.next().await {
                Some(ended) => ended?,
                None if reported == labs.len() => return Ok(()),
                // Time passed between two decisions.
                None => {}
            }
        }
    }

    /// Starts an instance, plays parts in it as long as there are any, and removes it.
    async fn instance(&self, at: usize, tested: &TestedLab<'_>) -> Result<(), Failure> {
        let next = || {
            let mut schedule = self.schedule.borrow_mut();
            schedule.next(at, self.begun.elapsed())
        };
        let Some(first) = next() else {
            return Ok(());
        };
        let (app, lab) = (self.app, tested.lab);
        let number = {
            let mut progress = tested.progress.borrow_mut();
            progress.instances += 1;
            progress.begun.get_or_insert_with(Instant::now);
            progress.instances
        };
        let instance = app.test_instance_name(number)?;
        let exercise = RefCell::new(None);
        let emit = |event: Event| {
            app.emit(Event::OfInstance(InstanceEvent {
                lab: lab.id.to_string(),
                instance: instance.to_string(),
                exercise: exercise.borrow().clone(),
                event: Box::new(event),
            }));
        };
        let runner = Runner {
            instance: &instance,
            emit: &emit,
            ..app.runner(self.engine, lab)
        };
        let test = TestInstance::new(app, &runner, AtEnd::of(self.options.keep))?;
        let started = Instant::now();
        let done = match test.start(&tested.images).await {
            Ok(done) => done,
            Err(failure) => return self.not_started(at, tested, first, failure, &runner).await,
        };
        let ready_millis = started.elapsed().as_millis() as u64;
        tested
            .progress
            .borrow_mut()
            .ready_millis
            .get_or_insert(ready_millis);
        let mut playing = PlayedInstance {
            runner: &runner,
            live: done.live,
            workspace: test.workspace(),
        };
        let mut waiting = Some(first);
        while let Some(part) = waiting {
            *exercise.borrow_mut() = match &part.part {
                Part::Exercise(id) => Some(id.to_string()),
                Part::Lab => None,
            };
            waiting = match self.part(at, tested, &mut playing, &part).await? {
                Usable::Yes => next(),
                Usable::No => None,
            };
        }
        *exercise.borrow_mut() = None;
        match test.end(&done.journal).await {
            Ok(()) if self.options.keep => {
                tested.progress.borrow_mut().kept = Some(instance.clone());
            }
            Ok(()) => {}
            Err(failure) => tested.fail(failure),
        }
        Ok(())
    }

    /// Handles an instance that did not start: others play its part if there are any, and else it is a problem of the lab.
    async fn not_started(
        &self,
        at: usize,
        tested: &TestedLab<'_>,
        first: WaitingPart,
        failure: Failure,
        runner: &Runner<'_, E>,
    ) -> Result<(), Failure> {
        runner.check_engine().await?;
        let part = first.part.clone();
        let others = self.schedule.borrow_mut().give_back(at, first);
        if others {
            runner.emit(Event::Warning(Warning::TestInstanceFailed {
                lab: tested.lab.id.to_string(),
                reason: failure.to_string(),
            }));
        } else if tested.progress.borrow().parts.is_empty() {
            self.schedule.borrow_mut().take_rest(at);
            tested.fail(failure);
        } else {
            tested.fail_part(&part, &failure);
        }
        Ok(())
    }

    /// Plays a part and keeps its proof. A failure of the instance is a problem of the exercise.
    async fn part(
        &self,
        at: usize,
        tested: &TestedLab<'_>,
        playing: &mut PlayedInstance<'_, E>,
        part: &WaitingPart,
    ) -> Result<Usable, Failure> {
        let started = Instant::now();
        let PlayedInstance {
            runner,
            live,
            workspace,
        } = playing;
        let proved = prove(runner, live, *workspace, tested.request(), &part.part).await;
        let took = started.elapsed();
        let (answers, problems, usable) = match proved {
            Ok(proof) => {
                self.record_time(&tested.lab.id, &part.part, took);
                let mut schedule = self.schedule.borrow_mut();
                schedule.played(at, part, took);
                let counts = (
                    proof.figures.played,
                    proof.by_weight(Strictness::Normal).0.len(),
                );
                tested.progress.borrow_mut().parts.push(proof);
                (counts.0, counts.1, Usable::Yes)
            }
            Err(failure) => {
                runner.check_engine().await?;
                tested.fail_part(&part.part, &failure);
                (0, 1, Usable::No)
            }
        };
        runner.emit(Event::PartTested {
            exercise: match &part.part {
                Part::Exercise(id) => Some(id.to_string()),
                Part::Lab => None,
            },
            answers,
            problems,
            millis: took.as_millis() as u64,
        });
        Ok(usable)
    }

    fn record_time(&self, lab: &LabId, part: &Part, took: Duration) {
        self.times.borrow_mut().set(lab, part, took);
    }
}

/// Whether another part can be played in an instance.
#[derive(Clone, Copy)]
enum Usable {
    Yes,
    No,
}

impl TestedLab<'_> {
    /// Records why the lab could not be proven. The first reason counts.
    fn fail(&self, failure: Failure) {
        self.progress.borrow_mut().failure.get_or_insert(failure);
    }

    /// Records that an instance failed while it played a part.
    fn fail_part(&self, part: &Part, failure: &Failure) {
        let Some(exercise) = self.exercise_of(part) else {
            return;
        };
        let reason = text!("the instance failed: {reason}", reason = failure);
        let finding = Finding::problem(Phase::Start, reason);
        let mut progress = self.progress.borrow_mut();
        progress.parts.push(Proof::failed(&exercise, &finding));
    }
}
