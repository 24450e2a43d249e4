//! A session that plays itself: the demo, and the proof that the lab works from end to end.

use std::time::Instant;

use super::session::Session;
use crate::commands::check::check_one;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::Task;
use crate::localized;
use crate::report::{duration, output, output_is_open, sanitize};
use crate::runner::{self, Failure};

/// SIGPIPE: a demo is there to be read, and nobody does any more.
const UNREAD: Exit = Exit::Signal(13);

impl<E: Engine> Session<'_, '_, E> {
    /// Plays everything: each text, the solution, the checks; then a reset.
    pub(super) async fn play_all(&mut self) -> Result<Exit, Failure> {
        let lab = self.lab;
        let paint = self.context.paint;
        let (mut played, mut failed) = (0, 0);
        for (at, exercise) in lab.exercises.iter().enumerate() {
            self.task(&mut output, at, exercise);
            output("");
            if !output_is_open() {
                return Ok(UNREAD);
            }
            if let Some(missing_services) = self.missing_services(exercise) {
                output(&paint.warn(&missing_services));
                continue;
            }
            played += 1;
            match &exercise.task {
                Task::Quiz(quiz) => {
                    let answer = localized!("answer: {choice}", choice = sanitize(&quiz.answer));
                    output(&paint.dim(&answer));
                    self.progress
                        .answers
                        .insert(exercise.id.clone(), quiz.answer.clone());
                }
                Task::Practical { solution, .. } => {
                    for step in solution {
                        let deed =
                            localized!("run: {step}", step = sanitize(&step.act.to_string()));
                        output(&paint.dim(&deed));
                    }
                    runner::solve(self.runner, &mut self.live, &[exercise]).await?;
                    self.context.reporter.finish();
                }
            }
            let judged = check_one(self.runner, &self.live, exercise, &mut self.progress).await?;
            self.verdicts(&mut output, &judged);
            match judged.passed() {
                true => self.after(&mut output, exercise),
                false => failed += 1,
            }
        }
        let begun = Instant::now();
        runner::reset(self.runner, &mut self.live, self.workspace.as_ref()).await?;
        self.context.reporter.finish();
        self.progress.restart(&[]);
        let time = duration(begun.elapsed().as_millis() as u64);
        let text = localized!(
            "{done} of {all} exercises solved; reset to the start in {time}",
            done = played - failed,
            all = played,
            time
        );
        output(&format!("\n{text}"));
        match failed {
            0 => Ok(Exit::Success),
            _ => Ok(Exit::CheckFailed),
        }
    }
}
