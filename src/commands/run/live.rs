//! A session in a terminal: checks turn green as the services change, one key does what is wanted.

use std::time::Instant;

use super::Leaving;
use super::menu::Question;
use super::session::{Say, Session};
use super::view::actuals;
use crate::commands::check::remember;
use crate::engine::docker::Docker;
use crate::exit::Exit;
use crate::lab::{Exercise, Task};
use crate::report::{Input, Screen, t};
use crate::runner::{Failure, Judged, Lookout, Seen, check_exercises};

/// Where the session goes from an exercise. Whoever is asked stays on the last one until it is decided.
pub(super) enum Move {
    To(usize),
    Leave(Leaving),
}

/// One exercise as it is on the screen.
pub(super) struct View {
    pub(super) at: usize,
    pub(super) judged: Option<Judged>,
    /// What the checks saw before anything was done: a hint about that would help nobody.
    pub(super) untouched: Option<Vec<String>>,
    /// Its checks held, at least once while it was shown.
    pub(super) solved: bool,
    pub(super) note: Option<String>,
    pub(super) question: Option<Question>,
    pub(super) since: Instant,
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
    Failed(Failure),
}

impl Session<'_, '_, Docker> {
    /// Goes through the lab with a person until they leave. `leaving` other than `Ask` decides without asking.
    pub(super) async fn live(
        &mut self,
        docker: &Docker,
        begun: Instant,
        leaving: Leaving,
    ) -> Result<(Exit, Leaving), Failure> {
        let mut screen = Screen::enter().map_err(|error| {
            Failure::Environment(format!("the terminal cannot be used: {error}"))
        })?;
        self.welcome(&mut |text| screen.say(text), begun);
        let mut at = self.first_open();
        if let Some(first) = self
            .lab
            .exercises
            .get(at)
            .filter(|_| at > 0 && !self.was_up)
        {
            // The services are new: what this exercise builds on was done in another life.
            screen.say(
                &self
                    .context
                    .paint
                    .dim(&t!("session.resumed", number = at + 1)),
            );
            self.replay_needs(first).await?;
        }
        let decided = loop {
            let Some(exercise) = self.lab.exercises.get(at) else {
                screen.say(&self.context.paint.good(&t!("session.last")));
                break leaving;
            };
            match self
                .exercise(docker, &mut screen, at, exercise, leaving)
                .await?
            {
                Move::To(next) => at = next,
                Move::Leave(decided) => break decided,
            }
        };
        self.summary(&mut |text| screen.say(text));
        Ok((Exit::Fine, decided))
    }

    async fn exercise(
        &mut self,
        docker: &Docker,
        screen: &mut Screen,
        at: usize,
        exercise: &Exercise,
        leaving: Leaving,
    ) -> Result<Move, Failure> {
        self.task(&mut |text| screen.say(text), at, exercise);
        screen.say("");
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
        let mut watch = Lookout::new(&[exercise], &self.live);
        let mut next = if lacks.is_some() {
            Next::Wait
        } else {
            Next::Look
        };
        loop {
            self.draw(screen, &self.panel(exercise, &view));
            let happened = {
                let answers = &self.progress.answers;
                let doing = async {
                    match next {
                        Next::Wait if lacks.is_some() => std::future::pending().await,
                        Next::Wait => {
                            let stirred = watch.stirred(self.runner, &self.live).await;
                            stirred.map_or_else(Happened::Failed, |()| Happened::Stirred)
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
                Happened::Failed(failure) => return Err(failure),
                Happened::Looked(judged) => {
                    if judged.unseen()
                        && let Ok(Seen::Change) = self.live.refresh(self.runner).await
                    {
                        continue;
                    }
                    next = Next::Wait;
                    let seen =
                        self.looked(&mut |text| screen.say(text), exercise, &mut view, judged)?;
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
                    screen.clear();
                    self.task(&mut |text| screen.say(text), at, exercise);
                    screen.say("");
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
        say: Say<'_>,
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
    pub(super) fn spend(&mut self, exercise: &Exercise, view: &mut View) {
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
}
