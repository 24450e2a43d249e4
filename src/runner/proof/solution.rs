//! Plays the solution of an exercise, or judges what was seen when it was played before.

use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::event::Phase;
use crate::lab::{Exercise, Step};
use crate::proof::{Answer, AnswerKind, Finding, Recording, after, at_start};
use crate::runner::Failure;
use crate::runner::act::Captures;
use crate::runner::proof::player::Mode;
use crate::runner::proof::prover::{PhaseReport, Prover};
use crate::runner::proof::seen::Playing;
use crate::text;

/// What the checks saw while the solution was played.
struct SolutionRecordings {
    before: Recording,
    without_last: Option<Recording>,
    solved: Recording,
    again: Recording,
    /// How long each step took.
    took: Vec<Duration>,
}

impl<E: Engine> Prover<'_, '_, E> {
    /// Plays the solution twice and returns how long each of its steps took; `None` if it could not be played.
    pub(super) async fn solution(
        &mut self,
        exercise: &Exercise,
        answers: &[Answer<'_>],
        refused: &mut Vec<Recording>,
    ) -> Result<Option<Vec<Duration>>, Failure> {
        let (phase, started) = (Phase::Solution, Instant::now());
        let Some(solution) = answers.first() else {
            return Ok(None);
        };
        if let Some(recalled) = self.recalled_solution(exercise, answers) {
            return Ok(Some(
                self.judge_recalled(exercise, answers, recalled, refused),
            ));
        }
        let mut findings = Vec::new();
        let mut played = None;
        if let Some(problem) = self.player.prepare(exercise).await? {
            findings.push(problem.at(solution.place));
        } else {
            self.player.started(exercise, solution);
            let before = self.player.observe(exercise).await;
            self.keep(exercise, (Playing::Complete, &[]), &before, &[]);
            findings.extend(self.judge_before(exercise, before, refused));
            let (took, problem) = self.solve_once(exercise, answers, refused).await?;
            played = problem.is_none().then_some(took);
            if problem.is_some() {
                self.shown(exercise, Some(solution), None, problem.as_ref());
            }
            findings.extend(problem);
        }
        if let Some(took) = &played {
            let recording = self.player.observe(exercise).await;
            self.keep(
                exercise,
                (Playing::Complete, &solution.steps),
                &recording,
                took,
            );
            findings.extend(self.judge_solved(exercise, solution, &recording));
            findings.extend(self.measurements(exercise, phase).await);
        }
        self.report(PhaseReport {
            exercise: &exercise.id,
            phase,
            started,
            findings,
        });
        let Some(took) = played else {
            return Ok(None);
        };
        let (phase, started) = (Phase::SolutionAgain, Instant::now());
        let mut captures = Captures::new();
        let again = self
            .player
            .play(&solution.steps, &mut captures, Mode::Complete, phase);
        let (_, problem) = again.await?;
        let finding = match problem {
            Some(problem) => Some(problem),
            None => {
                let recording = self.player.observe(exercise).await;
                self.keep(exercise, (Playing::Twice, &solution.steps), &recording, &[]);
                after(&recording, solution, exercise.checks(), phase)
            }
        };
        self.report(PhaseReport {
            exercise: &exercise.id,
            phase,
            started,
            findings: finding.into_iter().collect(),
        });
        Ok(Some(took))
    }

    /// Plays the solution. Before its last step, what the checks see is the solution without that step.
    async fn solve_once(
        &mut self,
        exercise: &Exercise,
        answers: &[Answer<'_>],
        refused: &mut Vec<Recording>,
    ) -> Result<(Vec<Duration>, Option<Finding>), Failure> {
        let phase = Phase::Solution;
        let steps = &answers[0].steps;
        let Some((last, first)) = steps.split_last() else {
            return Ok((Vec::new(), None));
        };
        let mut captures = Captures::new();
        let played = self
            .player
            .play(first, &mut captures, Mode::Complete, phase);
        let (mut took, problem) = played.await?;
        if problem.is_some() {
            return Ok((took, problem));
        }
        if let Some(answer) = answers.iter().find(|answer| leaves_out_last(answer, steps)) {
            self.player.started(exercise, answer);
            let recording = self.player.observe(exercise).await;
            self.keep(
                exercise,
                (Playing::Complete, &answer.steps),
                &recording,
                &[],
            );
            self.judge_without_last(exercise, answer, recording, refused);
        }
        let (last, problem) = self
            .player
            .play(&[*last], &mut captures, Mode::Complete, phase)
            .await?;
        took.extend(last);
        Ok((took, problem))
    }

    /// Returns what the checks saw while the solution was played before, if everything of it is known.
    fn recalled_solution(
        &self,
        exercise: &Exercise,
        answers: &[Answer<'_>],
    ) -> Option<SolutionRecordings> {
        let solution = answers.first()?;
        // A measurement is taken while the exercise is solved.
        if !exercise.measure.is_empty() {
            return None;
        }
        let recalled = |steps: &[&Step]| self.recalled(exercise, (Playing::Complete, steps));
        let (solved, took) = recalled(&solution.steps)?;
        // It was seen as the answer with the same steps, of which the times are not known.
        if took.len() != solution.steps.len() {
            return None;
        }
        let without_last = answers
            .iter()
            .find(|answer| leaves_out_last(answer, &solution.steps));
        Some(SolutionRecordings {
            before: recalled(&[])?.0,
            without_last: match without_last {
                Some(answer) => Some(recalled(&answer.steps)?.0),
                None => None,
            },
            solved,
            again: self
                .recalled(exercise, (Playing::Twice, &solution.steps))?
                .0,
            took,
        })
    }

    /// Judges what the checks saw while the solution was played before, and returns how long each of its steps took.
    fn judge_recalled(
        &mut self,
        exercise: &Exercise,
        answers: &[Answer<'_>],
        recalled: SolutionRecordings,
        refused: &mut Vec<Recording>,
    ) -> Vec<Duration> {
        let started = Instant::now();
        let solution = &answers[0];
        self.proof.recalled += 1;
        let mut findings = Vec::new();
        findings.extend(self.judge_before(exercise, recalled.before, refused));
        let mut answers = answers.iter();
        let without_last = answers.find(|answer| leaves_out_last(answer, &solution.steps));
        if let Some((answer, recording)) = without_last.zip(recalled.without_last) {
            self.proof.recalled += 1;
            self.judge_without_last(exercise, answer, recording, refused);
        }
        findings.extend(self.judge_solved(exercise, solution, &recalled.solved));
        let phase = Phase::SolutionAgain;
        let again = after(&recalled.again, solution, exercise.checks(), phase);
        for (phase, findings) in [
            (Phase::Solution, findings),
            (phase, again.into_iter().collect()),
        ] {
            self.report(PhaseReport {
                exercise: &exercise.id,
                phase,
                started,
                findings,
            });
        }
        recalled.took
    }

    /// Judges and shows what the checks saw before anything was done.
    fn judge_before(
        &self,
        exercise: &Exercise,
        before: Recording,
        refused: &mut Vec<Recording>,
    ) -> Option<Finding> {
        let finding = at_start(&before, exercise.checks(), Phase::Solution);
        let finding = finding.map(|finding| Finding {
            reason: text!(
                "before the solution, after the exercises that it needs: {reason}",
                reason = finding.reason
            ),
            ..finding
        });
        self.shown(exercise, None, Some(&before), finding.as_ref());
        refused.push(before);
        finding
    }

    /// Judges, shows and reports what the checks saw before the last step of the solution.
    fn judge_without_last(
        &mut self,
        exercise: &Exercise,
        answer: &Answer<'_>,
        recording: Recording,
        refused: &mut Vec<Recording>,
    ) {
        let phase = Phase::LeftOut;
        self.proof.figures.left_out += 1;
        let finding = after(&recording, answer, exercise.checks(), phase);
        self.shown(exercise, Some(answer), Some(&recording), finding.as_ref());
        refused.push(recording);
        self.report(PhaseReport {
            exercise: &exercise.id,
            phase,
            started: Instant::now(),
            findings: finding.into_iter().collect(),
        });
    }

    /// Judges and shows what the checks saw after the solution.
    fn judge_solved(
        &self,
        exercise: &Exercise,
        solution: &Answer<'_>,
        recording: &Recording,
    ) -> Option<Finding> {
        let finding = after(recording, solution, exercise.checks(), Phase::Solution);
        self.shown(exercise, Some(solution), Some(recording), finding.as_ref());
        finding
    }
}

/// Returns whether an answer is the solution without its last step.
fn leaves_out_last(answer: &Answer<'_>, solution: &[&Step]) -> bool {
    matches!(answer.kind, AnswerKind::LeftOut { step } if step + 1 == solution.len())
}
