//! What keys do in a session: hints, solutions, shells, pages, resets, moves.

use std::time::Instant;

use super::AfterSession;
use super::live::{ExerciseView, Navigation};
use super::menu::{Answer, Command, Picker, Question, answer, command_for_key};
use super::session::Session;
use crate::commands::open::{open_page, web_pages};
use crate::commands::shell::shells;
use crate::engine::docker::Docker;
use crate::lab::Exercise;
use crate::report::{Key, Screen, duration, sanitize, t};
use crate::runner::Failure;

impl Session<'_, '_, Docker> {
    pub(super) async fn key(
        &mut self,
        docker: &Docker,
        screen: &mut Screen,
        exercise: &Exercise,
        view: &mut ExerciseView,
        key: Key,
        after_session: AfterSession,
    ) -> Result<Option<Navigation>, Failure> {
        let asked = view.question.take();
        let command_for_key = match &asked {
            Some(question) => answer(key, question),
            None => command_for_key(key, exercise),
        };
        if asked.is_none() {
            view.note = None;
        }
        match command_for_key {
            Command::Nothing => view.question = asked,
            Command::Next => {
                let last = view.at + 1 == self.lab.exercises.len();
                return match last && after_session == AfterSession::Ask {
                    false => Ok(Some(Navigation::To(view.at + 1))),
                    true => {
                        view.question = Some(Question::Leave { keep: self.was_up });
                        Ok(None)
                    }
                };
            }
            Command::Back => return Ok(Some(Navigation::To(view.at.saturating_sub(1)))),
            Command::Hint => self.show_next_hint(&mut |text| screen.say(text), exercise)?,
            Command::Solution => view.question = Some(Question::PlaySolution),
            Command::Reset => view.question = Some(Question::ResetExercise),
            Command::Quit if after_session != AfterSession::Ask => {
                return Ok(Some(Navigation::Leave(after_session)));
            }
            Command::Quit => view.question = Some(Question::Leave { keep: self.was_up }),
            Command::Choice(choice) => {
                self.add_time(exercise, view);
                self.answered(&mut |text| screen.say(text), exercise, &choice)?;
            }
            Command::List => {
                self.list(&mut |text| screen.say(text), view.at);
                let count = self.lab.exercises.len();
                view.question = Some(Question::Which {
                    of: Picker::Exercises,
                    typed: String::new(),
                    count,
                });
            }
            Command::Shell => self.which(Picker::Shells, view, docker, screen).await?,
            Command::Open => self.which(Picker::Pages, view, docker, screen).await?,
            Command::Answer(answer) => {
                return self
                    .answer(docker, screen, exercise, view, asked, answer)
                    .await;
            }
        }
        Ok(None)
    }

    async fn answer(
        &mut self,
        docker: &Docker,
        screen: &mut Screen,
        exercise: &Exercise,
        view: &mut ExerciseView,
        asked: Option<Question>,
        answer: Answer,
    ) -> Result<Option<Navigation>, Failure> {
        match (asked, answer) {
            (_, Answer::No) | (None, _) => {}
            (_, Answer::Keep) => return Ok(Some(Navigation::Leave(AfterSession::Keep))),
            (_, Answer::Remove) => return Ok(Some(Navigation::Leave(AfterSession::TearDown))),
            (Some(Question::PlaySolution), _) => {
                self.add_time(exercise, view);
                screen.clear_panel();
                if let Err(failure) = self.solution(&mut |text| screen.say(text), exercise).await {
                    self.context.reporter.finish();
                    view.note = Some(failure.to_string());
                }
            }
            (Some(Question::ResetExercise), _) => {
                screen.clear_panel();
                let begun = Instant::now();
                view.note = match self.reset_exercise(exercise).await {
                    Ok(()) => {
                        let time = duration(begun.elapsed().as_millis() as u64);
                        Some(t!("session.begun_again", time = time).into_owned())
                    }
                    Err(failure) => Some(failure.to_string()),
                };
                self.context.reporter.finish();
                self.progress.done.remove(&exercise.id);
                view.solved = false;
                view.baseline = None;
                view.since = Instant::now();
            }
            (Some(Question::Which { of, count, .. }), Answer::Typed(typed)) => {
                view.question = Some(Question::Which { of, typed, count });
            }
            (Some(Question::Which { of, .. }), Answer::Chosen(at)) => match of {
                Picker::Exercises => return Ok(Some(Navigation::To(at))),
                Picker::Shells => self.shell(docker, screen, view, at).await?,
                Picker::Pages => self.open(view, at),
            },
            (Some(question), _) => view.question = Some(question),
        }
        Ok(None)
    }

    /// Opens the only shell or page, or asks which.
    async fn which(
        &mut self,
        of: Picker,
        view: &mut ExerciseView,
        docker: &Docker,
        screen: &mut Screen,
    ) -> Result<(), Failure> {
        let names: Vec<String> = match of {
            Picker::Shells => shells(self.lab)
                .map(|(service, _)| service.to_string())
                .collect(),
            _ => web_pages(self.lab, &self.live.addresses)
                .into_iter()
                .map(|page| format!("{}  {}", sanitize(&page.title), sanitize(&page.url)))
                .collect(),
        };
        match (names.len(), of) {
            (0, Picker::Shells) => view.note = Some(t!("session.no_shell").into_owned()),
            (0, _) => view.note = Some(t!("session.no_page").into_owned()),
            (1, Picker::Shells) => self.shell(docker, screen, view, 0).await?,
            (1, _) => self.open(view, 0),
            (count, of) => {
                screen.say("");
                for (at, name) in names.iter().enumerate() {
                    screen.say(&format!(
                        "  {}  {name}",
                        self.context.paint.bold(&(at + 1).to_string())
                    ));
                }
                view.question = Some(Question::Which {
                    of,
                    typed: String::new(),
                    count,
                });
            }
        }
        Ok(())
    }

    async fn shell(
        &mut self,
        docker: &Docker,
        screen: &mut Screen,
        view: &mut ExerciseView,
        at: usize,
    ) -> Result<(), Failure> {
        let Some((service, argv)) = shells(self.lab).nth(at) else {
            return Ok(());
        };
        let Some(container) = self.live.observed.container(&service) else {
            return Ok(());
        };
        screen.lend();
        // A signal ends the session, and this with it.
        let never = std::future::pending();
        let ended = docker.shell(&container.id, &argv, never).await;
        let gone = |error| Failure::Environment(format!("the terminal is gone: {error}"));
        screen.take_back().map_err(gone)?;
        view.note = ended.err().map(|error| error.to_string());
        Ok(())
    }

    fn open(&self, view: &mut ExerciseView, at: usize) {
        if let Some(page) = web_pages(self.lab, &self.live.addresses)
            .into_iter()
            .nth(at)
        {
            let opened = open_page(&page);
            view.note = Some(opened);
        }
    }
}
