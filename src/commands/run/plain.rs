//! A session by lines: for a pipe, and for terminals that can only print.

use std::io::BufRead;

use super::session::Session;
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::{Exercise, Task};
use crate::localized;
use crate::report::{output, output_is_open};
use crate::runner::Failure;

/// What a typed line means.
enum Command {
    Check,
    Hint,
    Solution,
    Next,
    Quit,
    Answer(String),
    /// A line in a quiz that is no choice and no command.
    NoChoice(String),
}

impl<E: Engine> Session<'_, E> {
    /// Goes through the lab line by line, from the first exercise that is not solved. Succeeds if all are solved then.
    pub(super) async fn guide_by_lines(&mut self) -> Result<Exit, Failure> {
        let lab = self.running.lab;
        let exercises = lab.exercises.iter().enumerate();
        'exercises: for (at, exercise) in exercises.skip(self.first_open()) {
            self.task(&mut output, at, exercise);
            if let Some(missing) = self.missing_services(exercise) {
                output(&self.context.paint.warn(&missing));
                continue;
            }
            loop {
                match self.read_command(exercise).await {
                    Command::Quit => break 'exercises,
                    Command::Next => break,
                    Command::Hint => self.show_next_hint(&mut output, exercise)?,
                    Command::Solution => {
                        let stuck = self.solution(&mut output, exercise).await?;
                        let text = match stuck {
                            None => localized!("solution played; press Enter to check"),
                            Some(why) => localized!(
                                "the solution does not work from the present state: {why}; `{command}` resets the services to the start of this exercise, which wipes their data",
                                why,
                                command = format!(
                                    "roadlab reset {} --to {}",
                                    self.context.app.lab_argument(&lab.id),
                                    exercise.id
                                )
                            ),
                        };
                        output(&self.context.paint.dim(&text));
                    }
                    Command::NoChoice(typed) => {
                        let typed = typed.escape_debug();
                        let text = localized!(
                            "`{typed}` is not a choice; type the number of a choice",
                            typed
                        );
                        output(&self.context.paint.warn(&text));
                    }
                    Command::Answer(choice) => {
                        if self.answered(&mut output, exercise, &choice)? {
                            break;
                        }
                    }
                    Command::Check => {
                        let result = self.check(exercise).await?;
                        self.print_results(&mut output, &result);
                        if result.passed() {
                            self.after(&mut output, exercise);
                            break;
                        }
                    }
                }
            }
        }
        output(&format!("\n{}", self.score()));
        let all_done = lab.exercises.iter().all(|exercise| {
            self.progress.is_solved(&exercise.id) || !self.running.live.is_available(exercise)
        });
        match all_done {
            true => Ok(Exit::Success),
            false => Ok(Exit::CheckFailed),
        }
    }

    async fn read_command(&self, exercise: &Exercise) -> Command {
        let menu = match &exercise.task {
            Task::Quiz(quiz) => localized!(
                "[1-{count}] answer  [n]ext  [q]uit",
                count = quiz.choices.len()
            ),
            Task::Practical { .. } => {
                localized!("[Enter] check  [h]int  [s]olution  [n]ext  [q]uit")
            }
        };
        output(&format!("\n{}", self.context.paint.dim(&menu)));
        if !output_is_open() {
            return Command::Quit;
        }
        // Reading blocks, and Ctrl-C must work meanwhile.
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .map(|read| (read > 0).then_some(line))
        });
        let Ok(Ok(Some(line))) = line.await else {
            return Command::Quit;
        };
        let word = line.trim();
        match (&exercise.task, word) {
            (Task::Quiz(quiz), word) if quiz.choice(word).is_some() => {
                Command::Answer(word.to_owned())
            }
            (_, "q" | "quit") => Command::Quit,
            (_, "n" | "next") => Command::Next,
            (_, "h" | "hint") => Command::Hint,
            (Task::Quiz(_), word) => Command::NoChoice(word.to_owned()),
            (Task::Practical { .. }, "s" | "solution") => Command::Solution,
            (Task::Practical { .. }, _) => Command::Check,
        }
    }
}
