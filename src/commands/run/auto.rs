//! A session that runs by itself: a demonstration of a lab from end to end.

use std::time::Instant;

use super::session::Session;
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
                Task::Practical { solution, .. } => {
                    for step in solution {
                        let step = sanitize(&step.act.to_string());
                        output(&paint.dim(&localized!("run: {step}", step)));
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
        self.running.reset_services().await?;
        self.context.reporter.finish();
        let text = localized!(
            "{done} of {all} exercises solved; reset to the start in {time}",
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
