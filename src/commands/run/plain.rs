//! A session by lines: for a pipe, and for terminals that can only print.

use std::io::BufRead;

use super::session::Session;
use crate::commands::check::check_one;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::{Exercise, Task};
use crate::report::{is_read, output, t};
use crate::runner::Failure;

/// What a person wants next.
enum Wish {
    Check,
    Hint,
    Solution,
    Next,
    Quit,
    Answer(String),
}

impl<E: Engine> Session<'_, '_, E> {
    /// Goes through the lab line by line, from the first exercise that is not done. Ends well if all is solved.
    pub(super) async fn guide_by_lines(&mut self) -> Result<Exit, Failure> {
        let lab = self.lab;
        'exercises: for (at, exercise) in lab.exercises.iter().enumerate().skip(self.first_open()) {
            self.task(&mut output, at, exercise);
            if let Some(lacks) = self.lacks(exercise) {
                output(&self.context.paint.warn(&lacks));
                continue;
            }
            loop {
                match self.ask(exercise).await {
                    Wish::Quit => break 'exercises,
                    Wish::Next => break,
                    Wish::Hint => self.next_hint(&mut output, exercise)?,
                    Wish::Solution => {
                        self.solution(&mut output, exercise).await?;
                        output(&self.context.paint.dim(&t!("session.played")));
                    }
                    Wish::Answer(choice) => {
                        if self.answered(&mut output, exercise, &choice)? {
                            break;
                        }
                    }
                    Wish::Check => {
                        let judged =
                            check_one(self.runner, &self.live, exercise, &mut self.progress)
                                .await?;
                        self.verdicts(&mut output, &judged);
                        if judged.passed() {
                            self.after(&mut output, exercise);
                            break;
                        }
                    }
                }
            }
        }
        output(&format!("\n{}", self.score()));
        let all_done = lab.exercises.iter().all(|exercise| {
            self.progress.done.contains_key(&exercise.id) || self.lacks(exercise).is_some()
        });
        match all_done {
            true => Ok(Exit::Fine),
            false => Ok(Exit::CheckFailed),
        }
    }

    async fn ask(&self, exercise: &Exercise) -> Wish {
        let menu = match &exercise.task {
            Task::Quiz(quiz) => t!("session.line_menu_quiz", choices = quiz.choices.join("/")),
            Task::Deed { .. } => t!("session.line_menu"),
        };
        output(&format!("\n{}", self.context.paint.dim(&menu)));
        if !is_read() {
            return Wish::Quit;
        }
        // A thread of its own, so that Ctrl-C is heard while somebody thinks.
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .map(|read| (read > 0).then_some(line))
        });
        let Ok(Ok(Some(line))) = line.await else {
            return Wish::Quit;
        };
        let word = line.trim();
        match (&exercise.task, word) {
            (Task::Quiz(quiz), word) if quiz.choices.iter().any(|choice| choice == word) => {
                Wish::Answer(word.to_owned())
            }
            (_, "q" | "quit") => Wish::Quit,
            (_, "n" | "next") => Wish::Next,
            (_, "h" | "hint") | (Task::Quiz(_), _) => Wish::Hint,
            (Task::Deed { .. }, "s" | "solution") => Wish::Solution,
            (Task::Deed { .. }, _) => Wish::Check,
        }
    }
}
