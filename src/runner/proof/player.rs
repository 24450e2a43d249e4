//! Plays answers in a running lab and records what the checks saw. What is proven with them is in
//! [`crate::runner::proof::prover`].

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::event::{Event, Phase};
use crate::lab::{Exercise, ExerciseId, Step, Task};
use crate::probe::ProbeMode;
use crate::proof::{Answer, AnswerKind, Finding, Recording, after};
use crate::runner::act::{Captures, play_step};
use crate::runner::baseline::{begin_exercise, record_baselines};
use crate::runner::proof::recorder::record;
use crate::runner::reset::{prepare, reset, solve};
use crate::runner::{Failure, Live, Runner};
use crate::store::{Baseline, Baselines, Workspace};
use crate::text;

/// How long a step with `within` is waited for while a step of the solution is left out: this many times as long as it took in
/// the solution, and at least this long. It will often never hold, and the exercise must fail either way.
const PATIENCE: u32 = 3;
const SHORTEST: Duration = Duration::from_secs(1);

/// Plays answers in a running lab.
pub(super) struct Player<'a, 'b, E> {
    pub(super) runner: &'a Runner<'b, E>,
    pub(super) live: &'a mut Live,
    workspace: Option<&'a Workspace>,
    /// How many answers were started in all instances together.
    started: &'a Cell<usize>,
    /// The number of answers that the proof of the lab plays.
    pub(super) answers: usize,
    /// What the checks saw when the exercises began.
    baselines: Baselines,
    /// How many answers this instance played.
    pub(super) played: usize,
    /// How long each reset took, in milliseconds.
    pub(super) resets: Vec<u64>,
}

/// How long the parts of an answer took.
#[derive(Default)]
struct Times {
    prepare: Duration,
    steps: Duration,
    checks: Duration,
}

/// Whether an answer goes on after a step that fails.
#[derive(Clone, Copy)]
pub(super) enum Mode<'a> {
    /// It ends, and the step is a problem of the lab.
    Complete,
    /// It goes on, as a learner would who left a step out. The steps took so long in the solution.
    LeftOut(&'a [Duration]),
}

impl<'a, 'b, E: Engine> Player<'a, 'b, E> {
    /// `answers` is the number of answers of the whole proof, and `started` how many of them were started.
    pub(super) fn new(
        runner: &'a Runner<'b, E>,
        live: &'a mut Live,
        workspace: Option<&'a Workspace>,
        started: &'a Cell<usize>,
        answers: usize,
    ) -> Self {
        Self {
            runner,
            live,
            workspace,
            started,
            answers,
            baselines: Baselines::default(),
            played: 0,
            resets: Vec::new(),
        }
    }

    /// Resets the lab. A reset that fails is a problem of the exercise that comes next.
    pub(super) async fn reset(&mut self) -> Result<Option<Finding>, Failure> {
        let started = Instant::now();
        let done = self.reset_once().await;
        self.resets.push(started.elapsed().as_millis() as u64);
        self.problem_of(done, Phase::Reset).await
    }

    /// Resets the lab, without a record of how long that took.
    pub(super) async fn reset_once(&mut self) -> Result<(), Failure> {
        reset(self.runner, self.live, self.workspace).await
    }

    /// Runs the solutions of exercises.
    pub(super) async fn solve(&mut self, exercises: &[&Exercise]) -> Result<(), Failure> {
        for exercise in exercises {
            prepare(self.runner, self.live, exercise).await?;
            solve(self.runner, self.live, &[exercise]).await?;
        }
        Ok(())
    }

    /// Lets an exercise begin, unless it has begun, and runs its solution.
    pub(super) async fn begin_and_solve(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        if !exercise.prepare.is_empty() {
            prepare(self.runner, self.live, exercise).await?;
            self.begin(exercise).await;
        }
        solve(self.runner, self.live, &[exercise]).await
    }

    /// Returns a failure as a finding, if the proof can go on after it.
    pub(super) async fn problem_of(
        &self,
        done: Result<(), Failure>,
        phase: Phase,
    ) -> Result<Option<Finding>, Failure> {
        let failure = match done {
            Ok(()) => return Ok(None),
            Err(failure) => failure,
        };
        match failure {
            Failure::Step(_) | Failure::StepLocked(_) | Failure::NotReady(_) => {
                self.runner.check_engine().await?;
                let reason = text::Text::verbatim(failure.to_string());
                Ok(Some(Finding::problem(phase, reason)))
            }
            failure => Err(failure),
        }
    }

    /// Resets the lab and runs the solutions that an exercise builds on.
    pub(super) async fn prepare(
        &mut self,
        exercise: &Exercise,
    ) -> Result<Option<Finding>, Failure> {
        if let Some(problem) = self.reset().await? {
            return Ok(Some(problem));
        }
        let needs = self.runner.lab.prerequisites(&exercise.id);
        let done = match self.solve(&needs).await {
            Ok(()) => prepare(self.runner, self.live, exercise).await,
            failed => failed,
        };
        let problem = self.problem_of(done, Phase::Solution).await?;
        self.begin(exercise).await;
        Ok(problem)
    }

    /// Records what every check of an exercise sees now.
    pub(super) async fn observe(&self, exercise: &Exercise) -> Recording {
        record(self.runner, self.live, exercise, &self.baselines).await
    }

    /// Records what the checks of an exercise see when it begins.
    pub(super) async fn begin(&mut self, exercise: &Exercise) {
        let baseline = begin_exercise(self.runner, self.live, exercise, None).await;
        let exercises = &mut self.baselines.exercises;
        exercises.insert(exercise.id.clone(), baseline);
    }

    /// Records what the checks of all exercises see that can begin now and have not begun yet, as for a learner.
    pub(super) async fn begin_all(&mut self) {
        let lab = self.runner.lab;
        let is_quiz = |id: &ExerciseId| lab.exercise(id).is_some_and(|of| !is_practical(of));
        record_baselines(self.runner, self.live, &mut self.baselines, &is_quiz).await;
    }

    /// Returns what the checks of an exercise saw when it began.
    pub(super) fn baseline(&self, exercise: &Exercise) -> Option<&Baseline> {
        self.baselines.exercises.get(&exercise.id)
    }

    /// Lets every exercise begin again.
    pub(super) fn forget_baselines(&mut self) {
        self.baselines = Baselines::default();
    }

    /// Plays steps in order and returns how long each took, and what is wrong with the first that fails.
    pub(super) async fn play(
        &mut self,
        steps: &[&Step],
        captures: &mut Captures,
        mode: Mode<'_>,
        phase: Phase,
    ) -> Result<(Vec<Duration>, Option<Finding>), Failure> {
        let mut took = Vec::new();
        let mut found = None;
        for (at, step) in steps.iter().enumerate() {
            let started = Instant::now();
            let limited;
            let step = match mode {
                Mode::Complete => step,
                Mode::LeftOut(in_solution) => {
                    let usual = in_solution.get(at).copied().unwrap_or_default();
                    limited = impatient(step, usual);
                    &limited
                }
            };
            let played =
                play_step(self.runner, self.live, step, ProbeMode::ReadWrite, captures).await;
            took.push(started.elapsed());
            let problem = match played {
                Ok(problem) => problem.map(|problem| {
                    let reason = problem.reason;
                    let reason = text!("`{step}`: {reason}", step = step.act, reason);
                    Finding::problem(phase, reason)
                }),
                Err(failure) => self.problem_of(Err(failure), phase).await?,
            };
            match (mode, problem) {
                (Mode::Complete, Some(problem)) => {
                    found = Some(problem.at(Some(&step.place)));
                    break;
                }
                (Mode::Complete, None) | (Mode::LeftOut(_), _) => {}
            }
        }
        self.live.end_sql_sessions().await;
        Ok((took, found))
    }

    /// Reports that an answer is played now.
    pub(super) fn started(&mut self, exercise: &Exercise, answer: &Answer<'_>) {
        self.played += 1;
        self.started.set(self.started.get() + 1);
        self.runner.emit(Event::AnswerStarted {
            exercise: exercise.id.to_string(),
            answer: answer.name.localized(),
            number: self.started.get(),
            answers: self.answers,
        });
    }

    /// Plays one answer from the start of its exercise and judges it. There is no recording if it could not be played.
    pub(super) async fn answer(
        &mut self,
        exercise: &Exercise,
        answer: &Answer<'_>,
        in_solution: &[Duration],
        phase: Phase,
    ) -> Result<(Option<Recording>, Option<Finding>), Failure> {
        self.started(exercise, answer);
        let mut times = Times::default();
        let played = self.play_answer(exercise, answer, in_solution, phase, &mut times);
        let (recording, finding) = played.await?;
        self.runner.emit(Event::AnswerFinished {
            exercise: exercise.id.to_string(),
            answer: answer.name.localized(),
            passed: recording.as_ref().map(Recording::passed),
            prepare_millis: times.prepare.as_millis() as u64,
            steps_millis: times.steps.as_millis() as u64,
            checks_millis: times.checks.as_millis() as u64,
        });
        Ok((recording, finding))
    }

    async fn play_answer(
        &mut self,
        exercise: &Exercise,
        answer: &Answer<'_>,
        in_solution: &[Duration],
        phase: Phase,
        times: &mut Times,
    ) -> Result<(Option<Recording>, Option<Finding>), Failure> {
        let named = |finding: Finding| finding.at(answer.place).named(answer);
        let begun = Instant::now();
        let prepared = self.prepare(exercise).await?;
        times.prepare = begun.elapsed();
        if let Some(problem) = prepared {
            return Ok((None, Some(named(problem))));
        }
        let mut usual = in_solution.to_vec();
        let mode = match answer.kind {
            AnswerKind::LeftOut { step } => {
                if step < usual.len() {
                    usual.remove(step);
                }
                Mode::LeftOut(&usual)
            }
            // What it builds on may be missing with other random values.
            AnswerKind::OtherDraw => Mode::LeftOut(&[]),
            AnswerKind::Solution | AnswerKind::RightAnswer | AnswerKind::WrongAnswer => {
                Mode::Complete
            }
        };
        let mut captures = Captures::new();
        let begun = Instant::now();
        let played = self.play(&answer.steps, &mut captures, mode, phase).await?;
        times.steps = begun.elapsed();
        if let (_, Some(problem)) = played {
            return Ok((None, Some(named(problem))));
        }
        let begun = Instant::now();
        let recording = self.observe(exercise).await;
        times.checks = begun.elapsed();
        let finding = after(&recording, answer, exercise.checks(), phase);
        Ok((Some(recording), finding))
    }
}

pub(super) fn is_practical(exercise: &Exercise) -> bool {
    matches!(exercise.task, Task::Practical { .. })
}

/// Returns a step that is waited for at most a few times as long as it usually takes.
fn impatient(step: &Step, usual: Duration) -> Step {
    let limit = (usual * PATIENCE).max(SHORTEST);
    Step {
        within: step.within.map(|within| within.min(limit)),
        ..step.clone()
    }
}
