//! The proof of a lab: every check fails at the start, every wrong answer fails with its hint, every solution passes, passes
//! again when it is repeated, and after a reset every check fails again.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::engine::Engine;
use crate::event::{CheckResult, Event, Outcome, Phase};
use crate::lab::{CheckRole, Exercise, ExerciseId, Lang, Quiz, Task, WrongAnswer};
use crate::localized;
use crate::runner::act::run_steps;
use crate::runner::baseline::begin_exercise;
use crate::runner::check::{CheckContext, ExerciseResult, check_answer, check_exercises};
use crate::runner::reset::{reset, solve};
use crate::runner::{Failure, Live, Runner};
use crate::store::{Baselines, Workspace};

/// The result of the proof of a lab.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// The number of exercises, checks and wrong answers that were proven.
    pub exercises: usize,
    pub checks: usize,
    pub wrong_answers: usize,
    /// The duration of each reset, in milliseconds.
    pub resets: Vec<u64>,
    pub problems: Vec<ProofProblem>,
}

/// A statement of the proof that does not hold.
#[derive(Debug, Clone)]
pub struct ProofProblem {
    pub exercise: ExerciseId,
    pub phase: Phase,
    /// Why it does not hold.
    pub reason: String,
}

/// What all phases need.
struct Prover<'a, 'b, E> {
    runner: &'a Runner<'b, E>,
    live: &'a mut Live,
    workspace: Option<&'a Workspace>,
    baselines: Baselines,
    proof: Proof,
}

/// Proves a lab that is up and at its start, except the exercises that need an unavailable service.
pub async fn prove<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    workspace: Option<&Workspace>,
) -> Result<Proof, Failure> {
    let exercises = runner.lab.exercises.iter();
    let exercises: Vec<&Exercise> = exercises
        .filter(|exercise| live.is_available(exercise))
        .collect();
    let mut prover = Prover {
        runner,
        live,
        workspace,
        baselines: Baselines::default(),
        proof: Proof::default(),
    };
    prover.all_fail(&exercises, Phase::Start).await;
    for exercise in &exercises {
        prover.proof.exercises += 1;
        match &exercise.task {
            Task::Practical {
                checks,
                solution: _,
                right: _,
                wrong,
            } => {
                prover.proof.checks += checks.len();
                prover.wrong_answers(exercise, wrong).await?;
                prover.solution(exercise).await?;
            }
            Task::Quiz(quiz) => prover.quiz(exercise, quiz),
        }
    }
    prover.in_sequence(&exercises).await?;
    let proof = prover.proof;
    live.connections.close().await;
    Ok(proof)
}

impl<E: Engine> Prover<'_, '_, E> {
    async fn reset(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        reset(self.runner, self.live, self.workspace).await?;
        self.proof.resets.push(started.elapsed().as_millis() as u64);
        Ok(())
    }

    /// Resets the lab and runs the solutions that an exercise builds on.
    async fn prepare(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        self.reset().await?;
        let needs = self.runner.lab.prerequisites(&exercise.id);
        solve(self.runner, self.live, &needs).await?;
        self.begin(&[exercise]).await;
        Ok(())
    }

    /// Records what the checks of exercises see now, when the exercises begin.
    async fn begin(&mut self, exercises: &[&Exercise]) {
        for exercise in exercises {
            let baseline = begin_exercise(self.runner, self.live, exercise, None).await;
            self.baselines
                .exercises
                .insert(exercise.id.clone(), baseline);
        }
    }

    async fn check(&self, exercises: &[&Exercise]) -> Vec<ExerciseResult> {
        let no_answer = |_: &ExerciseId| None;
        let context = CheckContext {
            lang: &Lang::english(),
            answer: &no_answer,
            baselines: &self.baselines,
            report: &|_, _| (),
        };
        check_exercises(self.runner, self.live, exercises, &context).await
    }

    async fn check_one(&self, exercise: &Exercise) -> ExerciseResult {
        let mut results = self.check(&[exercise]).await;
        results.pop().expect("one exercise gives one result")
    }

    fn finish_phase(
        &mut self,
        exercise: &ExerciseId,
        phase: Phase,
        problem: Option<String>,
        started: Instant,
    ) {
        let problems = problem.iter().map(|reason| ProofProblem {
            exercise: exercise.clone(),
            phase,
            reason: reason.clone(),
        });
        self.proof.problems.extend(problems);
        self.runner.emit(Event::ProofPhaseFinished {
            exercise: exercise.to_string(),
            phase,
            problem,
            millis: started.elapsed().as_millis() as u64,
        });
    }

    /// Proves that every goal fails and every guard passes before anything was done.
    async fn all_fail(&mut self, exercises: &[&Exercise], phase: Phase) {
        let started = Instant::now();
        let practical: Vec<&Exercise> = exercises
            .iter()
            .copied()
            .filter(|exercise| matches!(exercise.task, Task::Practical { .. }))
            .collect();
        self.begin(&practical).await;
        for result in self.check(&practical).await {
            let problem = problem_at_start(&result);
            self.finish_phase(&result.exercise, phase, problem, started);
        }
    }

    async fn wrong_answers(
        &mut self,
        exercise: &Exercise,
        wrong: &[WrongAnswer],
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let mut problem = None;
        let mut broken = BTreeSet::new();
        for (at, wrong) in wrong.iter().enumerate() {
            self.prepare(exercise).await?;
            let what = localized!(
                "wrong answer {number} of `{exercise}`",
                number = at + 1,
                exercise = exercise.id
            );
            run_steps(self.runner, self.live, &wrong.steps, &what).await?;
            let result = self.check_one(exercise).await;
            self.proof.wrong_answers += 1;
            problem = problem.or_else(|| {
                let reason = problem_with_wrong_answer(&result, wrong)?;
                Some(localized!(
                    "wrong answer {number}: {reason}",
                    number = at + 1,
                    reason
                ))
            });
            broken.extend(failed_checks(&result).map(|check| check.check.clone()));
        }
        let guards = exercise
            .checks()
            .iter()
            .filter(|check| check.role == CheckRole::Guard);
        let unbroken = guards
            .map(|check| check.id.to_string())
            .find(|id| !broken.contains(id));
        problem = problem.or_else(|| {
            unbroken.map(|guard| localized!("no wrong answer breaks the guard `{guard}`", guard))
        });
        self.finish_phase(&exercise.id, Phase::WrongAnswer, problem, started);
        Ok(())
    }

    async fn solution(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let started = Instant::now();
        self.prepare(exercise).await?;
        let before = self.check_one(exercise).await;
        let problem = problem_at_start(&before).map(|reason| {
            localized!(
                "before the solution, after the exercises that it needs: {reason}",
                reason
            )
        });
        solve(self.runner, self.live, &[exercise]).await?;
        let result = self.check_one(exercise).await;
        let problem = problem.or_else(|| problem_after_solution(&result));
        self.finish_phase(&exercise.id, Phase::Solution, problem, started);
        let started = Instant::now();
        solve(self.runner, self.live, &[exercise]).await?;
        let result = self.check_one(exercise).await;
        let problem = problem_after_solution(&result);
        self.finish_phase(&exercise.id, Phase::SolutionAgain, problem, started);
        Ok(())
    }

    fn quiz(&mut self, exercise: &Exercise, quiz: &Quiz) {
        let started = Instant::now();
        let wrong = |choice: &&String| **choice != quiz.answer;
        let problem = quiz.choices.iter().filter(wrong).find_map(|choice| {
            let outcome = check_answer(quiz, Some(choice));
            if outcome.passed() {
                return Some(localized!("choice `{choice}` counts as right", choice));
            }
            let no_hint = || localized!("wrong choice `{choice}` has no hint", choice);
            outcome.hint().is_none().then(no_hint)
        });
        self.proof.checks += 1;
        self.proof.wrong_answers += quiz.choices.len() - 1;
        let right = check_answer(quiz, Some(&quiz.answer)).passed();
        let problem =
            problem.or_else(|| (!right).then(|| localized!("the right choice does not count")));
        self.finish_phase(&exercise.id, Phase::Quiz, problem, started);
    }

    /// Proves all solutions one after the other without a reset between, then a reset that makes every check fail.
    async fn in_sequence(&mut self, exercises: &[&Exercise]) -> Result<(), Failure> {
        self.reset().await?;
        for exercise in exercises {
            let started = Instant::now();
            self.begin(&[exercise]).await;
            solve(self.runner, self.live, &[exercise]).await?;
            if let Task::Practical { .. } = exercise.task {
                let result = self.check_one(exercise).await;
                let problem = problem_after_solution(&result)
                    .map(|reason| localized!("after all earlier solutions: {reason}", reason));
                self.finish_phase(&exercise.id, Phase::Solution, problem, started);
            }
        }
        self.reset().await?;
        self.all_fail(exercises, Phase::Reset).await;
        Ok(())
    }
}

fn failed_checks(result: &ExerciseResult) -> impl Iterator<Item = &CheckResult> {
    let checks = result.checks.iter();
    checks.filter(|check| !check.outcome.passed())
}

fn problem_at_start(result: &ExerciseResult) -> Option<String> {
    result.checks.iter().find_map(|result| {
        let check = &result.check;
        match (result.role, &result.outcome) {
            (CheckRole::Goal, Outcome::Fail { .. }) | (CheckRole::Guard, Outcome::Pass) => None,
            (CheckRole::Goal, Outcome::Pass) => Some(localized!(
                "check `{check}` passes before anything was done",
                check
            )),
            (_, Outcome::ProbeError { reason }) => Some(localized!(
                "check `{check}` cannot run: {reason}",
                check,
                reason
            )),
            (
                CheckRole::Guard,
                Outcome::Fail {
                    expected, actual, ..
                },
            ) => Some(localized!(
                "guard `{check}` fails: expected {expected}, got {actual}",
                check,
                expected,
                actual
            )),
        }
    })
}

fn problem_after_solution(result: &ExerciseResult) -> Option<String> {
    result.checks.iter().find_map(|result| {
        let check = &result.check;
        match &result.outcome {
            Outcome::Pass => None,
            Outcome::Fail {
                expected, actual, ..
            } => Some(localized!(
                "check `{check}` fails: expected {expected}, got {actual}",
                check,
                expected,
                actual
            )),
            Outcome::ProbeError { reason } => Some(localized!(
                "check `{check}` cannot run: {reason}",
                check,
                reason
            )),
        }
    })
}

fn problem_with_wrong_answer(result: &ExerciseResult, wrong: &WrongAnswer) -> Option<String> {
    if result.passed() {
        return Some(localized!("every check passes"));
    }
    if let Some(check) = &wrong.check
        && !failed_checks(result).any(|failed| failed.check == *check)
    {
        return Some(localized!("check `{check}` passes", check));
    }
    let failed = |check: &CheckResult| matches!(check.outcome, Outcome::Fail { .. });
    if !result.checks.iter().any(failed) {
        return Some(localized!(
            "fails only because its probes cannot run: {actual}",
            actual = actual_values(result)
        ));
    }
    let hint = wrong.hint.as_deref()?;
    // A learner reads the hint of the first check that fails.
    match result.hint() {
        Some(shown) if shown == hint => None,
        Some(other) => Some(localized!(
            "shows hint `{other}` instead of `{hint}`",
            other,
            hint
        )),
        None => Some(localized!(
            "shows no hint instead of `{hint}`; got {actual}",
            hint,
            actual = actual_values(result)
        )),
    }
}

/// Returns the actual values of the checks that do not pass.
fn actual_values(result: &ExerciseResult) -> String {
    let values = failed_checks(result).filter_map(|check| {
        let actual = check.outcome.actual()?;
        Some(format!("`{}` {actual}", check.check))
    });
    values.collect::<Vec<_>>().join(", ")
}
