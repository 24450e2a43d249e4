//! A session that runs by itself: a demonstration of a lab from end to end.

use std::time::Instant;

use super::session::Session;
use crate::commands::format;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::Task;
use crate::localized;
use crate::report::{duration, flush, output, output_is_open, sanitize};
use crate::runner::Failure;

/// The exit of a program that SIGPIPE ends: without a reader, a demonstration has no purpose.
const BROKEN_PIPE: Exit = Exit::Signal(13);

impl<E: Engine> Session<'_, E> {
    /// Shows each text, runs each solution and checks it; then resets the services. The learner's progress stays as it is.
    pub(super) async fn run_all(&mut self) -> Result<Exit, Failure> {
        let kept = self.running.put_back_files().await?;
        if self.was_up {
            drop(self.running.reset_services(None).await?);
        }
        let ended = self.run_each().await;
        // The solutions changed the learner's files too.
        let put_back = self.running.put_back_files().await;
        self.running.move_back_files(&kept)?;
        put_back?;
        ended
    }

    async fn run_each(&mut self) -> Result<Exit, Failure> {
        let lab = self.running.lab;
        let paint = self.context.paint;
        let (mut played, mut failed) = (0, 0);
        for (at, exercise) in lab.exercises.iter().enumerate() {
            self.task(&mut output, at, exercise);
            output("");
            // Only a write shows that the reader is gone.
            flush().await;
            if !output_is_open() {
                return Ok(BROKEN_PIPE);
            }
            if let Some(missing) = self.missing_services(exercise) {
                output(&paint.warn(&missing));
                continue;
            }
            played += 1;
            match &exercise.task {
                Task::Quiz(quiz) => {
                    let choice = sanitize(&quiz.answer);
                    output(&paint.dim(&localized!("answer: {choice}", choice)));
                }
                Task::Practical { .. } => {
                    self.running.begin_prepared(exercise).await?;
                    let solution = self.running.typed_solution(exercise);
                    for line in format::solution_lines(self.context, &solution) {
                        output(&paint.dim(&line));
                    }
                    self.running.run_solutions(&[exercise]).await?;
                    self.context.reporter.finish();
                }
            }
            let result = self.running.check_solution(exercise).await;
            self.print_results(&mut output, &result);
            match result.passed() {
                true => self.after(&mut output, exercise),
                false => failed += 1,
            }
        }
        let begun = Instant::now();
        drop(self.running.reset_services(None).await?);
        self.context.reporter.finish();
        let text = localized!(
            "solutions that pass: {done} of {all}; reset to the start in {time}",
            done = played - failed,
            all = played,
            time = duration(begun.elapsed().as_millis() as u64)
        );
        output(&format!("\n{text}"));
        match failed {
            0 => Ok(Exit::Success),
            _ => Ok(Exit::CheckFailed),
        }
    }
}
