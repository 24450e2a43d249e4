//! What the keys of a session do: hints, solutions, shells, web pages, resets and navigation.

use std::time::Instant;

use super::after_session::AfterSession;
use super::exercise_view::{ExerciseView, Navigation, PanelSize, following};
use super::menu::{Answer, Command, Picker, Question, answer, command_for_key};
use super::session::Session;
use super::view::ListFrom;
use crate::app::client_command;
use crate::commands::browser::open_in_browser;
use crate::engine::docker::Docker;
use crate::lab::{Exercise, Task};
use crate::localized;
use crate::report::{Key, Screen, duration, sanitize};
use crate::runner::Failure;
use crate::text;

impl Session<'_, Docker> {
    pub(super) async fn key(
        &mut self,
        docker: &Docker,
        screen: &mut Screen,
        exercise: &Exercise,
        view: &mut ExerciseView,
        key: Key,
        after_session: AfterSession,
    ) -> Result<Option<Navigation>, Failure> {
        let question = view.question.take();
        let command = match &question {
            Some(open) => answer(key, open),
            // The number before this Enter has chosen already.
            None if self.chosen_by_digit && key == Key::Enter => Command::Nothing,
            None => command_for_key(key, exercise),
        };
        self.chosen_by_digit = match (key, &command) {
            // Also a number that no choice has.
            (Key::Char(digit), _) if digit.is_ascii_digit() => true,
            (Key::Char(_), Command::Choice(_)) => true,
            _ => false,
        };
        if question.is_none() {
            view.note = None;
        }
        view.size = PanelSize::Whole;
        match command {
            Command::Nothing => view.question = question,
            Command::Next => {
                let count = self.running.lab.exercises.len();
                match following(view.at, &self.open_exercises()) {
                    Some(next) if next > view.at => return Ok(Some(Navigation::To(next))),
                    Some(open) => view.question = Some(Question::GoTo(open)),
                    None if after_session == AfterSession::Prompt => {
                        view.question = Some(Question::Leave);
                    }
                    None => return Ok(Some(Navigation::To(count))),
                }
            }
            Command::Back => return Ok(Some(Navigation::To(view.at.saturating_sub(1)))),
            Command::Task => self.show_task(screen, exercise, view),
            Command::ReadOn => {
                if !view.unread.is_empty() {
                    view.size = PanelSize::Reading;
                    self.show_page(screen, exercise, view);
                }
            }
            Command::Details => {
                if let Some(result) = &view.result {
                    screen.print_above("");
                    self.print_results(&mut |text| screen.print_above(text), result);
                    screen.print_above("");
                    view.size = PanelSize::Folded;
                }
            }
            Command::Hint => self.show_next_hint(&mut |text| screen.print_above(text), exercise)?,
            Command::Solution => {
                view.question = Some(match exercise.task {
                    Task::Quiz(_) => Question::ShowAnswer,
                    Task::Practical { .. } => Question::RunSolution,
                });
            }
            Command::Reset => view.question = Some(Question::ResetExercise),
            Command::Quit if after_session != AfterSession::Prompt => {
                return Ok(Some(Navigation::Leave(after_session)));
            }
            Command::Quit => view.question = Some(Question::Leave),
            Command::Choice(choice) => {
                self.add_time(exercise, view)?;
                self.answered(&mut |text| screen.print_above(text), exercise, &choice)?;
            }
            Command::Keys => {
                self.show_keys(&mut |text| screen.print_above(text), exercise);
                view.size = PanelSize::Folded;
            }
            Command::List => self.show_list(screen, view, ListFrom::Present),
            Command::Shell => self.which(Picker::Shells, view, docker, screen).await?,
            Command::Measure => {
                screen.clear_panel();
                self.measure(&mut |text| screen.print_above(text), exercise)
                    .await;
                screen.discard_typed();
            }
            Command::Open => self.which(Picker::Pages, view, docker, screen).await?,
            Command::Answer(answer) => {
                return self
                    .answer(docker, screen, exercise, view, question, answer)
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
        question: Option<Question>,
        answer: Answer,
    ) -> Result<Option<Navigation>, Failure> {
        match (question, answer) {
            (_, Answer::No) | (None, _) => {}
            (_, Answer::Keep) => return Ok(Some(Navigation::Leave(AfterSession::Keep))),
            (_, Answer::Remove) => return Ok(Some(Navigation::Leave(AfterSession::TearDown))),
            (Some(Question::RunSolution | Question::ShowAnswer), _) => {
                self.add_time(exercise, view)?;
                screen.clear_panel();
                let played = self
                    .solution(&mut |text| screen.print_above(text), exercise)
                    .await;
                match played {
                    Ok(None) => {}
                    Ok(Some(why)) => {
                        view.question = Some(Question::RunSolutionFromStart { why });
                    }
                    Err(failure) => view.note = Some(failure.to_string()),
                }
                self.context.reporter.finish();
                screen.discard_typed();
            }
            (Some(Question::RunSolutionFromStart { .. }), _) => {
                screen.clear_panel();
                let played = self.solution_from_start(exercise).await;
                view.note = Some(match played {
                    Ok(()) => localized!(
                        "the services were reset to the start of this exercise, and the solution was played there"
                    ),
                    Err(failure) => failure.to_string(),
                });
                self.context.reporter.finish();
                screen.discard_typed();
                view.since = Instant::now();
            }
            (Some(Question::ResetExercise), _) => {
                screen.clear_panel();
                let begun = Instant::now();
                view.note = match self.reset_exercise(exercise).await {
                    Ok(()) => Some(localized!(
                        "reset to the start of this exercise in {time}",
                        time = duration(begun.elapsed().as_millis() as u64)
                    )),
                    Err(failure) => Some(failure.to_string()),
                };
                screen.discard_typed();
                view.solved = false;
                view.since = Instant::now();
            }
            (Some(Question::GoTo(open)), Answer::Yes) => {
                return Ok(Some(Navigation::To(open)));
            }
            (Some(Question::Which { .. }), Answer::More(from)) => {
                self.show_list(screen, view, ListFrom::Index(from));
            }
            (
                Some(Question::Which {
                    of, count, rest, ..
                }),
                Answer::Typed(typed),
            ) => {
                let unknown = String::new();
                view.question = Some(Question::Which {
                    of,
                    typed,
                    unknown,
                    count,
                    rest,
                });
            }
            (
                Some(Question::Which {
                    of, count, rest, ..
                }),
                Answer::Unknown(unknown),
            ) => {
                view.question = Some(Question::Which {
                    of,
                    typed: String::new(),
                    unknown,
                    count,
                    rest,
                });
            }
            (Some(Question::Which { of, .. }), Answer::Chosen(at)) => match of {
                Picker::Exercises => return Ok(Some(Navigation::To(at))),
                Picker::Shells => self.shell(docker, screen, view, at).await?,
                Picker::Pages => self.open(view, at),
            },
            (Some(open), _) => view.question = Some(open),
        }
        Ok(None)
    }

    /// Opens the only shell or page, or prompts for which one.
    async fn which(
        &mut self,
        of: Picker,
        view: &mut ExerciseView,
        docker: &Docker,
        screen: &mut Screen,
    ) -> Result<(), Failure> {
        let names = self.names(of);
        match (names.len(), of) {
            (0, Picker::Shells) => {
                view.note = Some(localized!("no service of this lab has a client"));
            }
            (0, _) => view.note = Some(localized!("this lab has no web interface")),
            (1, Picker::Shells) => self.shell(docker, screen, view, 0).await?,
            (1, _) => self.open(view, 0),
            (count, of) => {
                self.show_names(screen, &names);
                view.question = Some(Question::Which {
                    of,
                    typed: String::new(),
                    unknown: String::new(),
                    count,
                    rest: None,
                });
            }
        }
        Ok(())
    }

    /// Returns the names of what a shell or a page can be opened of.
    fn names(&self, of: Picker) -> Vec<String> {
        match of {
            Picker::Shells => self
                .clients()
                .into_iter()
                .map(|(service, _)| service.to_string())
                .collect(),
            Picker::Exercises | Picker::Pages => self
                .pages()
                .into_iter()
                .map(|page| format!("{}  {}", sanitize(&page.title), sanitize(&page.url)))
                .collect(),
        }
    }

    /// Shows names with their numbers.
    fn show_names(&self, screen: &mut Screen, names: &[String]) {
        screen.print_above("");
        for (at, name) in names.iter().enumerate() {
            let number = self.context.paint.bold(&(at + 1).to_string());
            screen.print_above(&format!("  {number}  {name}"));
        }
    }

    /// Shows again what the open question offers, on a screen that was cleared. What is typed stays.
    pub(super) fn show_offered(&self, screen: &mut Screen, view: &mut ExerciseView) {
        match &mut view.question {
            Some(Question::Which {
                of: Picker::Exercises,
                rest,
                ..
            }) => {
                let (_, rows) = Screen::size();
                let print = &mut |text: &str| screen.print_above(text);
                *rest = self.list(print, view.at, ListFrom::Present, rows);
            }
            Some(Question::Which { of, .. }) => self.show_names(screen, &self.names(*of)),
            _ => {}
        }
    }

    /// Shows as many exercises as fit above the panel, and prompts for one.
    fn show_list(&self, screen: &mut Screen, view: &mut ExerciseView, from: ListFrom) {
        // Without the checks, which take the room of the list.
        screen.clear_panel();
        let (_, rows) = Screen::size();
        let print = &mut |text: &str| screen.print_above(text);
        let rest = self.list(print, view.at, from, rows);
        view.question = Some(Question::Which {
            of: Picker::Exercises,
            typed: String::new(),
            unknown: String::new(),
            count: self.running.lab.exercises.len(),
            rest,
        });
    }

    async fn shell(
        &mut self,
        docker: &Docker,
        screen: &mut Screen,
        view: &mut ExerciseView,
        at: usize,
    ) -> Result<(), Failure> {
        // Enter belongs to the client.
        self.chosen_by_digit = false;
        let Some((service, argv)) = self.clients().into_iter().nth(at) else {
            return Ok(());
        };
        let Some(container) = self.running.live.observed.container(service) else {
            return Ok(());
        };
        screen.suspend();
        // A signal ends the whole session.
        let never = std::future::pending();
        let url = self.running.live.addresses.get(service);
        let url = url.and_then(|address| address.url.as_deref());
        let definition = self.running.lab.services.get(service);
        let env = definition.map(|service| client_command(service, url, &[]).env);
        let recorded = self.running.app.record_shell(&container.id);
        let (env, tag) = (env.unwrap_or_default(), &recorded.tag);
        let ended = docker.shell(&container.id, argv, &env, tag, never).await;
        let gone =
            |error| Failure::Environment(text!("cannot use the terminal: {why}", why = error));
        screen.resume().map_err(gone)?;
        view.note = ended.err().map(|error| error.to_string());
        Ok(())
    }

    fn open(&self, view: &mut ExerciseView, at: usize) {
        if let Some(page) = self.pages().get(at) {
            let url = sanitize(&page.url);
            let login = page.login.as_deref().map(sanitize);
            let login = login.map(|login| format!("  {}", localized!("login: {login}", login)));
            let opened = open_in_browser(&page.url).describe();
            view.note = Some(format!("{url}{}  {opened}", login.unwrap_or_default()));
        }
    }
}
