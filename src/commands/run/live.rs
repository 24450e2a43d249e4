//! A session in a terminal: checks turn green as the services change, one key does what is wanted.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::Leaving;
use super::menu::{Answer, Of, Question, Wish, answer, menu, wish};
use super::session::Session;
use crate::commands::check::{hint_text, remember};
use crate::commands::open::pages;
use crate::commands::shell::clients;
use crate::engine::docker::Docker;
use crate::event::{CheckReport, Outcome};
use crate::exit::Exit;
use crate::expect::Verdict;
use crate::lab::{Exercise, Task};
use crate::report::{Input, Key, Panel, Screen, clean, duration, t, table};
use crate::runner::{Failure, Judged, Seen, Watch, check_exercises};
use crate::store::SolvedBy;

/// Where the session goes from an exercise.
enum Move {
    To(usize),
    Leave(Leaving),
}

/// One exercise as it is on the screen.
struct View {
    at: usize,
    judged: Option<Judged>,
    /// What the checks saw before anything was done: a hint about that would help nobody.
    untouched: Option<Vec<String>>,
    /// Its checks held, at least once while it was shown.
    solved: bool,
    note: Option<String>,
    question: Option<Question>,
    since: Instant,
}

/// What happens next on an exercise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Look,
    Wait,
}

enum Happened {
    Input(Input),
    Looked(Judged),
    Stirred,
}

impl Session<'_, '_, Docker> {
    /// Goes through the lab with a person until they leave. `leaving` other than `Ask` decides without asking.
    pub(super) async fn live(
        &mut self,
        docker: &Docker,
        begun: Instant,
        leaving: Leaving,
    ) -> Result<(Exit, Leaving), Failure> {
        let screen = Screen::enter().map_err(|error| {
            Failure::Environment(format!("the terminal cannot be used: {error}"))
        })?;
        let screen = RefCell::new(screen);
        let say = |text: &str| screen.borrow_mut().say(text);
        self.welcome(&say, begun);
        let mut at = self.first_open();
        if let Some(first) = self
            .lab
            .exercises
            .get(at)
            .filter(|_| at > 0 && !self.was_up)
        {
            // The services are new: what this exercise builds on was done in another life.
            say(&self
                .context
                .paint
                .dim(&t!("session.resumed", number = at + 1)));
            self.replay_needs(first).await?;
        }
        let decided = loop {
            let Some(exercise) = self.lab.exercises.get(at) else {
                say(&format!(
                    "\n{}",
                    self.context.paint.good(&t!("session.last"))
                ));
                break self.leave(&screen, leaving).await?;
            };
            let moved = self
                .exercise(docker, &screen, at, exercise, leaving)
                .await?;
            match moved {
                Move::To(next) => at = next,
                Move::Leave(decided) => break Some(decided),
            }
        };
        self.summary(&say);
        Ok((Exit::Fine, decided.unwrap_or(Leaving::TearDown)))
    }

    /// Asks what becomes of the lab, if that is not decided yet. `None`: the learner stays.
    async fn leave(
        &self,
        screen: &RefCell<Screen>,
        leaving: Leaving,
    ) -> Result<Option<Leaving>, Failure> {
        if leaving != Leaving::Ask {
            return Ok(Some(leaving));
        }
        let question = Question::Leave { keep: self.was_up };
        let last = self.lab.exercises.last().expect("a lab has exercises");
        loop {
            let panel = Panel {
                title: self.score(),
                note: Some(self.asked(&question)),
                menu: menu(last, true, Some(&question)),
                ..Panel::default()
            };
            self.draw(screen, &panel);
            match screen.borrow_mut().input().await {
                Input::Gone => {
                    return Ok(Some(if self.was_up {
                        Leaving::Keep
                    } else {
                        Leaving::TearDown
                    }));
                }
                Input::Redraw => {}
                Input::Key(key) => match answer(key, &question) {
                    Wish::Answer(Answer::Keep) => return Ok(Some(Leaving::Keep)),
                    Wish::Answer(Answer::Remove) => return Ok(Some(Leaving::TearDown)),
                    Wish::Answer(Answer::No) => return Ok(None),
                    _ => {}
                },
            }
        }
    }

    fn draw(&self, screen: &RefCell<Screen>, panel: &Panel) {
        let (columns, rows) = Screen::size();
        // A line for the cursor, and one that shows that there is text above.
        let lines = panel.lines(columns, rows.saturating_sub(2), self.context.paint);
        screen.borrow_mut().panel(lines);
    }

    async fn exercise(
        &mut self,
        docker: &Docker,
        screen: &RefCell<Screen>,
        at: usize,
        exercise: &Exercise,
        leaving: Leaving,
    ) -> Result<Move, Failure> {
        let say = |text: &str| screen.borrow_mut().say(text);
        self.task(&say, at, exercise);
        say("");
        let lacks = self.lacks(exercise);
        let mut view = View {
            at,
            judged: None,
            untouched: None,
            solved: false,
            note: lacks.clone(),
            question: None,
            since: Instant::now(),
        };
        let mut watch = Watch::new(&[exercise], &self.live);
        let mut next = if lacks.is_some() {
            Next::Wait
        } else {
            Next::Look
        };
        loop {
            self.draw(screen, &self.panel(exercise, &view));
            let happened = {
                let answers = &self.progress.answers;
                let mut screen = screen.borrow_mut();
                let doing = async {
                    match next {
                        Next::Wait if lacks.is_some() => std::future::pending().await,
                        Next::Wait => {
                            watch.stirred(self.runner, &self.live).await;
                            Happened::Stirred
                        }
                        Next::Look => {
                            let answer = |id: &_| answers.get(id).cloned();
                            let judged =
                                check_exercises(self.runner, &self.live, &[exercise], &answer)
                                    .await;
                            match judged.into_iter().next() {
                                Some(judged) => Happened::Looked(judged),
                                None => std::future::pending().await,
                            }
                        }
                    }
                };
                tokio::select! {
                    biased;
                    input = screen.input() => Happened::Input(input),
                    happened = doing => happened,
                }
            };
            let key = match happened {
                Happened::Stirred => {
                    next = Next::Look;
                    continue;
                }
                Happened::Looked(judged) => {
                    next = Next::Wait;
                    let seen = self.looked(&say, exercise, &mut view, judged)?;
                    watch.looked(self.runner, &self.live, seen).await;
                    continue;
                }
                Happened::Input(Input::Gone) => {
                    self.spend(exercise, &mut view);
                    let decided = if self.was_up {
                        Leaving::Keep
                    } else {
                        Leaving::TearDown
                    };
                    return Ok(Move::Leave(decided));
                }
                Happened::Input(Input::Redraw) => {
                    screen.borrow_mut().clear();
                    self.task(&say, at, exercise);
                    say("");
                    continue;
                }
                Happened::Input(Input::Key(key)) => key,
            };
            // After any key it is looked again at once: it costs milliseconds, and what is shown is never old.
            next = if lacks.is_some() {
                Next::Wait
            } else {
                Next::Look
            };
            if let Some(moved) = self
                .key(docker, screen, exercise, &mut view, key, leaving)
                .await?
            {
                self.spend(exercise, &mut view);
                return Ok(moved);
            }
        }
    }

    /// Notes what was seen; says what comes after an exercise the moment it is solved.
    fn looked(
        &mut self,
        say: super::session::Say<'_>,
        exercise: &Exercise,
        view: &mut View,
        judged: Judged,
    ) -> Result<Seen, Failure> {
        let outcomes = |judged: &Judged| -> Vec<bool> {
            judged
                .checks
                .iter()
                .map(|check| check.verdict.passed())
                .collect()
        };
        let same = view
            .judged
            .as_ref()
            .is_some_and(|before| outcomes(before) == outcomes(&judged));
        if judged.passed() && !view.solved {
            view.solved = true;
            self.spend(exercise, view);
            remember(std::slice::from_ref(&judged), &mut self.progress)?;
            self.progress.write()?;
            if matches!(exercise.task, Task::Deed { .. }) {
                self.after(say, exercise);
                say("");
            }
        }
        view.untouched.get_or_insert_with(|| actuals(&judged));
        view.judged = Some(judged);
        Ok(if same { Seen::Same } else { Seen::Change })
    }

    /// Adds the time since the last call to what the exercise took, until it is solved.
    fn spend(&mut self, exercise: &Exercise, view: &mut View) {
        if !self.progress.done.contains_key(&exercise.id) {
            let spent = view.since.elapsed().as_secs();
            *self
                .progress
                .seconds
                .entry(exercise.id.clone())
                .or_default() += spent;
        }
        view.since = Instant::now();
    }

    async fn key(
        &mut self,
        docker: &Docker,
        screen: &RefCell<Screen>,
        exercise: &Exercise,
        view: &mut View,
        key: Key,
        leaving: Leaving,
    ) -> Result<Option<Move>, Failure> {
        let say = |text: &str| screen.borrow_mut().say(text);
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
            Wish::Hint => self.next_hint(&say, exercise)?,
            Wish::Solution => view.question = Some(Question::PlaySolution),
            Wish::Reset => view.question = Some(Question::ResetExercise),
            Wish::Quit if leaving != Leaving::Ask => return Ok(Some(Move::Leave(leaving))),
            Wish::Quit => view.question = Some(Question::Leave { keep: self.was_up }),
            Wish::Choice(choice) => {
                self.spend(exercise, view);
                self.answered(&say, exercise, &choice)?;
            }
            Wish::List => {
                self.list(&say, view.at);
                let count = self.lab.exercises.len();
                view.question = Some(Question::Which {
                    of: Of::Exercises,
                    typed: String::new(),
                    count,
                });
            }
            Wish::Shell => self.which(&say, Of::Shells, view, docker, screen).await?,
            Wish::Open => self.which(&say, Of::Pages, view, docker, screen).await?,
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
        screen: &RefCell<Screen>,
        exercise: &Exercise,
        view: &mut View,
        asked: Option<Question>,
        answer: Answer,
    ) -> Result<Option<Move>, Failure> {
        let say = |text: &str| screen.borrow_mut().say(text);
        match (asked, answer) {
            (_, Answer::No) | (None, _) => {}
            (_, Answer::Keep) => return Ok(Some(Move::Leave(Leaving::Keep))),
            (_, Answer::Remove) => return Ok(Some(Move::Leave(Leaving::TearDown))),
            (Some(Question::PlaySolution), _) => {
                self.spend(exercise, view);
                screen.borrow_mut().clear_panel();
                if let Err(failure) = self.solution(&say, exercise).await {
                    self.context.reporter.finish();
                    view.note = Some(failure.to_string());
                }
            }
            (Some(Question::ResetExercise), _) => {
                screen.borrow_mut().clear_panel();
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
        say: super::session::Say<'_>,
        of: Of,
        view: &mut View,
        docker: &Docker,
        screen: &RefCell<Screen>,
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
                say("");
                for (at, name) in names.iter().enumerate() {
                    say(&format!(
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
        screen: &RefCell<Screen>,
        view: &mut View,
        at: usize,
    ) -> Result<(), Failure> {
        let Some((service, argv)) = clients(self.lab).nth(at) else {
            return Ok(());
        };
        let Some(container) = self.live.observed.container(&service) else {
            return Ok(());
        };
        screen.borrow_mut().lend();
        let ended = docker.shell(&container.id, &argv, None).await;
        let gone = |error| Failure::Environment(format!("the terminal is gone: {error}"));
        screen.borrow_mut().take_back().map_err(gone)?;
        view.note = ended.err().map(|error| error.message);
        Ok(())
    }

    fn open(&self, view: &mut View, at: usize) {
        if let Some(page) = pages(self.lab, &self.live.addresses).into_iter().nth(at) {
            let opened = crate::commands::open::open_page(&page);
            view.note = Some(opened);
        }
    }

    /// Every exercise with its state.
    fn list(&self, say: super::session::Say<'_>, at: usize) {
        let rows = self
            .lab
            .exercises
            .iter()
            .enumerate()
            .map(|(index, exercise)| {
                let done = self.progress.done.contains_key(&exercise.id);
                let mark = if done {
                    self.context.paint.good("✓")
                } else {
                    " ".to_owned()
                };
                let here = if index == at { "→" } else { " " };
                let title = clean(&self.section(exercise).title);
                vec![format!("{here} {mark} {:>2}", index + 1), title]
            });
        say("");
        table(&rows.collect::<Vec<_>>())
            .iter()
            .for_each(|line| say(line));
    }

    fn asked(&self, question: &Question) -> String {
        match question {
            Question::PlaySolution => t!("session.ask_solution"),
            Question::ResetExercise => t!("session.ask_reset"),
            Question::Leave { keep: true } => t!("session.ask_leave_keep", lab = self.lab.id),
            Question::Leave { keep: false } => t!("session.ask_leave", lab = self.lab.id),
            Question::Which {
                of: Of::Exercises,
                typed,
                ..
            } => t!("session.ask_exercise", typed = typed),
            Question::Which {
                of: Of::Shells,
                typed,
                ..
            } => t!("session.ask_shell", typed = typed),
            Question::Which {
                of: Of::Pages,
                typed,
                ..
            } => t!("session.ask_page", typed = typed),
        }
        .into_owned()
    }

    fn panel(&self, exercise: &Exercise, view: &View) -> Panel {
        let reports = match (&view.judged, &exercise.task) {
            (Some(judged), Task::Deed { .. }) => judged.reports(self.runner, &self.context.lang),
            _ => Vec::new(),
        };
        let passed = |report: &&CheckReport| report.outcome == Outcome::Pass;
        let (passed, all) = (reports.iter().filter(passed).count(), reports.len());
        let state = match (&exercise.task, view.solved, &view.judged) {
            (_, true, _) => t!("session.state_solved"),
            (Task::Quiz(_), false, _) => t!("session.state_quiz"),
            (Task::Deed { .. }, false, None) => t!("session.state_looking"),
            (Task::Deed { .. }, false, Some(_)) => {
                t!("session.state_watching", passed = passed, all = all)
            }
        };
        let touched = |judged: &&Judged| view.untouched.as_ref() != Some(&actuals(judged));
        let hint = match (view.judged.as_ref().filter(touched), &exercise.task) {
            (Some(judged), Task::Deed { .. }) => {
                hint_text(self.lab, &self.live, judged, &self.context.lang)
            }
            _ => None,
        };
        let question = view.question.as_ref();
        Panel {
            title: self.heading(view.at, exercise),
            state: state.into_owned(),
            checks: reports,
            hint,
            note: question
                .map(|question| self.asked(question))
                .or_else(|| view.note.clone()),
            menu: menu(exercise, view.solved, question),
        }
    }

    /// What was solved, with how many hints and in what time.
    fn summary(&self, say: super::session::Say<'_>) {
        let paint = self.context.paint;
        let mut rows = Vec::new();
        let mut whole = 0;
        for (at, exercise) in self.lab.exercises.iter().enumerate() {
            let done = self.progress.done.get(&exercise.id);
            let hints = self.progress.hints.get(&exercise.id).copied().unwrap_or(0);
            let seconds = self
                .progress
                .seconds
                .get(&exercise.id)
                .copied()
                .unwrap_or(0);
            whole += seconds;
            if done.is_none() && seconds == 0 && hints == 0 {
                continue;
            }
            let by = match done.map(|done| done.by) {
                None => t!("session.by_nobody"),
                Some(SolvedBy::Learner) => t!("session.by_you"),
                Some(SolvedBy::Solution) => t!("session.by_solution"),
            };
            let mark = if done.is_some() {
                paint.good("✓")
            } else {
                " ".to_owned()
            };
            let hints = match hints {
                0 => String::new(),
                _ => t!("session.hints_used", count = hints).into_owned(),
            };
            let time = duration(Duration::from_secs(seconds).as_millis() as u64);
            let title = clean(&self.section(exercise).title);
            rows.push(vec![
                format!("  {mark} {:>2}", at + 1),
                title,
                by.into_owned(),
                hints,
                time,
            ]);
        }
        say("");
        table(&rows).iter().for_each(|line| say(line));
        let whole = duration(Duration::from_secs(whole).as_millis() as u64);
        say(&format!(
            "{}  {}",
            paint.bold(&self.score()),
            paint.dim(&whole)
        ));
    }
}

/// What every check saw, in words.
fn actuals(judged: &Judged) -> Vec<String> {
    let seen = judged.checks.iter().map(|check| match &check.verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail { actual, .. } => actual.clone(),
        Verdict::Unseen { reason } => reason.clone(),
    });
    seen.collect()
}
