//! The self-proof: every check fails at the start, every wrong answer fails with its hint, every solution passes, passes
//! twice, and after a reset every check fails again.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::engine::Engine;
use crate::event::{Event, Phase};
use crate::expect::Verdict;
use crate::lab::{CheckRole, Exercise, ExerciseId, Quiz, Task, WrongAnswer};
use crate::runner::act::play;
use crate::runner::check::{ExerciseResult, check_exercises, judge_quiz};
use crate::runner::reset::{reset, solve};
use crate::runner::{Failure, Live, Runner};
use crate::store::Workspace;

/// What a self-proof came to.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    pub exercises: usize,
    pub checks: usize,
    pub wrong_answers: usize,
    pub resets: Vec<u64>,
    /// Exercise, phase and why.
    pub problems: Vec<(String, Phase, String)>,
}

/// Everything the phases share.
struct Prover<'a, 'b, E> {
    runner: &'a Runner<'b, E>,
    live: &'a mut Live,
    workspace: Option<&'a Workspace>,
    proof: Proof,
}

/// Proves a lab that is up and at its start. Exercises that need a service which is left out are not proven.
pub async fn prove<E: Engine>(
    runner: &Runner<'_, E>,
    live: &mut Live,
    workspace: Option<&Workspace>,
) -> Result<Proof, Failure> {
    let available = |exercise: &&Exercise| {
        exercise
            .needs_service
            .iter()
            .all(|name| live.addresses.contains_key(name))
    };
    let exercises: Vec<&Exercise> = runner.lab.exercises.iter().filter(available).collect();
    let mut prover = Prover {
        runner,
        live,
        workspace,
        proof: Proof::default(),
    };
    prover.all_fail(&exercises, Phase::Start).await;
    for exercise in &exercises {
        prover.proof.exercises += 1;
        match &exercise.task {
            Task::Practical {
                checks,
                solution: _,
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
        let begun = Instant::now();
        reset(self.runner, self.live, self.workspace).await?;
        self.proof.resets.push(begun.elapsed().as_millis() as u64);
        Ok(())
    }

    /// The start, with the solutions that an exercise builds on.
    async fn before(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        self.reset().await?;
        let needs = self.runner.lab.prerequisites(&exercise.id);
        solve(self.runner, self.live, &needs).await
    }

    async fn judge(&self, exercises: &[&Exercise]) -> Vec<ExerciseResult> {
        check_exercises(self.runner, self.live, exercises, &|_: &ExerciseId| None).await
    }

    async fn judge_one(&self, exercise: &Exercise) -> ExerciseResult {
        let mut judged = self.judge(&[exercise]).await;
        judged.pop().expect("one exercise gives one judgement")
    }

    fn ended(&mut self, exercise: &str, phase: Phase, problem: Option<String>, begun: Instant) {
        let millis = begun.elapsed().as_millis() as u64;
        if let Some(problem) = &problem {
            self.proof
                .problems
                .push((exercise.to_owned(), phase, problem.clone()));
        }
        self.runner.emit(Event::ProofPhaseFinished {
            exercise: exercise.to_owned(),
            phase,
            problem,
            millis,
        });
    }

    /// At the start every goal fails and every guard holds.
    async fn all_fail(&mut self, exercises: &[&Exercise], phase: Phase) {
        let begun = Instant::now();
        let deeds: Vec<&Exercise> = exercises
            .iter()
            .copied()
            .filter(|e| matches!(e.task, Task::Practical { .. }))
            .collect();
        for judged in self.judge(&deeds).await {
            self.ended(
                judged.exercise.as_str(),
                phase,
                problem_at_start(&judged),
                begun,
            );
        }
    }

    async fn wrong_answers(
        &mut self,
        exercise: &Exercise,
        wrong: &[WrongAnswer],
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut problem = None;
        let mut broken = BTreeSet::new();
        for (at, wrong) in wrong.iter().enumerate() {
            self.before(exercise).await?;
            let what = format!("wrong answer {} of `{}`", at + 1, exercise.id);
            play(self.runner, self.live, &wrong.steps, &what).await?;
            let judged = self.judge_one(exercise).await;
            self.proof.wrong_answers += 1;
            problem = problem.or_else(|| {
                problem_with_wrong_answer(&judged, wrong)
                    .map(|why| format!("wrong answer {}: {why}", at + 1))
            });
            let failed = judged.checks.iter().filter(|check| !check.verdict.passed());
            broken.extend(failed.map(|check| check.id.clone()));
        }
        let guards = exercise
            .checks()
            .iter()
            .filter(|check| check.role == CheckRole::Guard);
        let unbroken = guards
            .map(|check| check.id.to_string())
            .find(|id| !broken.contains(id));
        problem = problem
            .or_else(|| unbroken.map(|id| format!("no wrong answer breaks the guard `{id}`")));
        self.ended(exercise.id.as_str(), Phase::Wrong, problem, begun);
        Ok(())
    }

    async fn solution(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let begun = Instant::now();
        self.before(exercise).await?;
        let before = self.judge_one(exercise).await;
        let problem = problem_at_start(&before)
            .map(|why| format!("before the solution, with what it needs: {why}"));
        solve(self.runner, self.live, &[exercise]).await?;
        let judged = self.judge_one(exercise).await;
        self.ended(
            exercise.id.as_str(),
            Phase::Solution,
            problem.or_else(|| problem_after_solution(&judged)),
            begun,
        );
        let begun = Instant::now();
        solve(self.runner, self.live, &[exercise]).await?;
        let judged = self.judge_one(exercise).await;
        self.ended(
            exercise.id.as_str(),
            Phase::SolutionAgain,
            problem_after_solution(&judged),
            begun,
        );
        Ok(())
    }

    fn quiz(&mut self, exercise: &Exercise, quiz: &Quiz) {
        let begun = Instant::now();
        let wrong = |choice: &&String| **choice != quiz.answer;
        let problem = quiz.choices.iter().filter(wrong).find_map(|choice| {
            let verdict = judge_quiz(quiz, Some(choice));
            match verdict {
                Verdict::Pass => Some(format!("choice `{choice}` counts as right")),
                Verdict::Fail { .. } | Verdict::ProbeError { .. } => verdict
                    .hint()
                    .is_none()
                    .then(|| format!("wrong choice `{choice}` gets no hint")),
            }
        });
        self.proof.checks += 1;
        self.proof.wrong_answers += quiz.choices.len() - 1;
        let right = (!judge_quiz(quiz, Some(&quiz.answer)).passed())
            .then(|| "the right choice fails".to_owned());
        self.ended(exercise.id.as_str(), Phase::Quiz, problem.or(right), begun);
    }

    /// All solutions in a row, as a learner goes through the lab; then a reset, and everything fails again.
    async fn in_sequence(&mut self, exercises: &[&Exercise]) -> Result<(), Failure> {
        self.reset().await?;
        for exercise in exercises {
            let begun = Instant::now();
            solve(self.runner, self.live, &[exercise]).await?;
            if let Task::Practical { .. } = exercise.task {
                let judged = self.judge_one(exercise).await;
                let problem =
                    problem_after_solution(&judged).map(|why| format!("played in a row: {why}"));
                self.ended(exercise.id.as_str(), Phase::Solution, problem, begun);
            }
        }
        self.reset().await?;
        self.all_fail(exercises, Phase::Reset).await;
        Ok(())
    }
}

fn problem_at_start(judged: &ExerciseResult) -> Option<String> {
    judged
        .checks
        .iter()
        .find_map(|check| match (check.role, &check.verdict) {
            (CheckRole::Goal, Verdict::Pass) => Some(format!(
                "check `{}` passes before anything was done",
                check.id
            )),
            (CheckRole::Goal, Verdict::Fail { .. }) | (CheckRole::Guard, Verdict::Pass) => None,
            (_, Verdict::ProbeError { reason }) => {
                Some(format!("check `{}` cannot look: {reason}", check.id))
            }
            (
                CheckRole::Guard,
                Verdict::Fail {
                    expected, actual, ..
                },
            ) => Some(format!(
                "guard `{}` does not hold: expected {expected}, saw {actual}",
                check.id
            )),
        })
}

fn problem_after_solution(judged: &ExerciseResult) -> Option<String> {
    judged.checks.iter().find_map(|check| match &check.verdict {
        Verdict::Pass => None,
        Verdict::Fail {
            expected, actual, ..
        } => Some(format!(
            "check `{}` fails: expected {expected}, saw {actual}",
            check.id
        )),
        Verdict::ProbeError { reason } => {
            Some(format!("check `{}` cannot look: {reason}", check.id))
        }
    })
}

fn problem_with_wrong_answer(judged: &ExerciseResult, wrong: &WrongAnswer) -> Option<String> {
    if judged.passed() {
        return Some("every check passes".to_owned());
    }
    let wanted = wrong.check.as_deref();
    let failed = judged.checks.iter().filter(|check| !check.verdict.passed());
    let mut failed = failed
        .filter(|check| wanted.is_none_or(|wanted| check.id == wanted))
        .peekable();
    if failed.peek().is_none() {
        return Some(format!("check `{}` passes", wanted.unwrap_or_default()));
    }
    if judged
        .checks
        .iter()
        .all(|check| matches!(check.verdict, Verdict::Pass | Verdict::ProbeError { .. }))
    {
        return Some(format!(
            "only fails because nothing could be seen: {}",
            actual_values(judged)
        ));
    }
    let hint = wrong.hint.as_deref()?;
    // A learner reads the hint of the first check that fails and has one: that must be the one.
    let shown = judged.hint();
    (shown != Some(hint)).then(|| match shown {
        Some(other) => format!("gets hint `{other}`, not `{hint}`"),
        None => format!("gets no hint, not `{hint}`; saw {}", actual_values(judged)),
    })
}

fn actual_values(judged: &ExerciseResult) -> String {
    let seen = judged
        .checks
        .iter()
        .filter_map(|check| match &check.verdict {
            Verdict::Pass => None,
            Verdict::Fail { actual, .. } => Some(format!("`{}` {actual}", check.id)),
            Verdict::ProbeError { reason } => Some(format!("`{}` {reason}", check.id)),
        });
    seen.collect::<Vec<_>>().join(", ")
}
