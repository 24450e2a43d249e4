//! What keys do in a session: hints, solutions, shells, pages, resets, moves.

use std::time::Instant;

use super::Leaving;
use super::live::{Move, View};
use super::menu::{Answer, Of, Question, Wish, answer, wish};
use super::session::Session;
use crate::commands::open::{open_page, pages};
use crate::commands::shell::clients;
use crate::engine::docker::Docker;
use crate::lab::Exercise;
use crate::report::{Key, Screen, clean, duration, t};
use crate::runner::Failure;

impl Session<'_, '_, Docker> {
    pub(super) async fn key(
        &mut self,
        docker: &Docker,
        screen: &mut Screen,
        exercise: &Exercise,
        view: &mut View,
        key: Key,
        leaving: Leaving,
    ) -> Result<Option<Move>, Failure> {
        let asked = view.question.take();
        let wish = match &asked {
            Some(question) => answer(key, question),
            None => wish(key, exercise),
        };
        if asked.is_none() {
            view.note = None;
        }
        match wish {
            Wish::Nothing => view.question = asked,
            Wish::Next => {
                let last = view.at + 1 == self.lab.exercises.len();
                return match last && leaving == Leaving::Ask {
                    false => Ok(Some(Move::To(view.at + 1))),
                    true => {
                        view.question = Some(Question::Leave { keep: self.was_up });
                        Ok(None)
                    }
                };
            }
            Wish::Back => return Ok(Some(Move::To(view.at.saturating_sub(1)))),
            Wish::Hint => self.next_hint(&mut |text| screen.say(text), exercise)?,
            Wish::Solution => view.question = Some(Question::PlaySolution),
            Wish::Reset => view.question = Some(Question::ResetExercise),
            Wish::Quit if leaving != Leaving::Ask => return Ok(Some(Move::Leave(leaving))),
            Wish::Quit => view.question = Some(Question::Leave { keep: self.was_up }),
            Wish::Choice(choice) => {
                self.spend(exercise, view);
                self.answered(&mut |text| screen.say(text), exercise, &choice)?;
            }
            Wish::List => {
                self.list(&mut |text| screen.say(text), view.at);
                let count = self.lab.exercises.len();
                view.question = Some(Question::Which {
                    of: Of::Exercises,
                    typed: String::new(),
                    count,
                });
            }
            Wish::Shell => self.which(Of::Shells, view, docker, screen).await?,
            Wish::Open => self.which(Of::Pages, view, docker, screen).await?,
            Wish::Answer(answer) => {
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
        view: &mut View,
        asked: Option<Question>,
        answer: Answer,
    ) -> Result<Option<Move>, Failure> {
        match (asked, answer) {
            (_, Answer::No) | (None, _) => {}
            (_, Answer::Keep) => return Ok(Some(Move::Leave(Leaving::Keep))),
            (_, Answer::Remove) => return Ok(Some(Move::Leave(Leaving::TearDown))),
            (Some(Question::PlaySolution), _) => {
                self.spend(exercise, view);
                screen.clear_panel();
                if let Err(failure) = self.solution(&mut |text| screen.say(text), exercise).await {
                    self.context.reporter.finish();
                    view.note = Some(failure.to_string());
                }
            }
            (Some(Question::ResetExercise), _) => {
                screen.clear_panel();
                let begun = Instant::now();
                view.note = match self.begin_again(exercise).await {
                    Ok(()) => {
                        let time = duration(begun.elapsed().as_millis() as u64);
                        Some(t!("session.begun_again", time = time).into_owned())
                    }
                    Err(failure) => Some(failure.to_string()),
                };
                self.context.reporter.finish();
                self.progress.done.remove(&exercise.id);
                view.solved = false;
                view.untouched = None;
                view.since = Instant::now();
            }
            (Some(Question::Which { of, count, .. }), Answer::Typed(typed)) => {
                view.question = Some(Question::Which { of, typed, count });
            }
            (Some(Question::Which { of, .. }), Answer::Chosen(at)) => match of {
                Of::Exercises => return Ok(Some(Move::To(at))),
                Of::Shells => self.shell(docker, screen, view, at).await?,
                Of::Pages => self.open(view, at),
            },
            (Some(question), _) => view.question = Some(question),
        }
        Ok(None)
    }

    /// Opens the only shell or page, or asks which.
    async fn which(
        &mut self,
        of: Of,
        view: &mut View,
        docker: &Docker,
        screen: &mut Screen,
    ) -> Result<(), Failure> {
        let names: Vec<String> = match of {
            Of::Shells => clients(self.lab)
                .map(|(service, _)| service.to_string())
                .collect(),
            _ => pages(self.lab, &self.live.addresses)
                .into_iter()
                .map(|page| format!("{}  {}", clean(&page.title), clean(&page.url)))
                .collect(),
        };
        match (names.len(), of) {
            (0, Of::Shells) => view.note = Some(t!("session.no_shell").into_owned()),
            (0, _) => view.note = Some(t!("session.no_page").into_owned()),
            (1, Of::Shells) => self.shell(docker, screen, view, 0).await?,
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
        view: &mut View,
        at: usize,
    ) -> Result<(), Failure> {
        let Some((service, argv)) = clients(self.lab).nth(at) else {
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
        view.note = ended.err().map(|error| error.message);
        Ok(())
    }

    fn open(&self, view: &mut View, at: usize) {
        if let Some(page) = pages(self.lab, &self.live.addresses).into_iter().nth(at) {
            let opened = open_page(&page);
            view.note = Some(opened);
        }
    }
}
