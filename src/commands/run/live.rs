//! A session in a terminal: checks turn green as the services change, one key does what is wanted.

use std::time::Instant;

use super::AfterSession;
use super::menu::Question;
use super::session::{Output, Session};
use super::view::actuals;
use crate::commands::check::record_solved;
use crate::engine::docker::Docker;
use crate::exit::Exit;
use crate::lab::{Exercise, Task};
use crate::report::{Input, Screen, t};
use crate::runner::{ChangeWatcher, Changed, ExerciseResult, Failure, check_exercises};

/// Where the session goes from an exercise. Whoever is asked stays on the last one until it is decided.
pub(super) enum Navigation {
    To(usize),
    Leave(AfterSession),
}

/// One exercise as it is on the screen.
pub(super) struct ExerciseView {
    pub(super) at: usize,
    pub(super) judged: Option<ExerciseResult>,
    /// What the checks saw before anything was done: a hint about that would help nobody.
    pub(super) baseline: Option<Vec<String>>,
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

enum SessionEvent {
    Input(Input),
    Looked(ExerciseResult),
    Stirred,
    Failed(Failure),
}

impl Session<'_, '_, Docker> {
    /// Goes through the lab with a person until they leave. `after_session` other than `Ask` decides without asking.
    pub(super) async fn live(
        &mut self,
        docker: &Docker,
        begun: Instant,
        after_session: AfterSession,
    ) -> Result<(Exit, AfterSession), Failure> {
        let mut screen = Screen::enter().map_err(|error| {
            Failure::Environment(crate::text::Text::verbatim(format!(
                "the terminal cannot be used: {error}"
            )))
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
                break after_session;
            };
            match self
                .exercise(docker, &mut screen, at, exercise, after_session)
                .await?
            {
                Navigation::To(next) => at = next,
                Navigation::Leave(decided) => break decided,
            }
        };
        self.summary(&mut |text| screen.say(text));
        Ok((Exit::Success, decided))
    }

    async fn exercise(
        &mut self,
        docker: &Docker,
        screen: &mut Screen,
        at: usize,
        exercise: &Exercise,
        after_session: AfterSession,
    ) -> Result<Navigation, Failure> {
        self.task(&mut |text| screen.say(text), at, exercise);
        screen.say("");
        let missing_services = self.missing_services(exercise);
        let mut view = ExerciseView {
            at,
            judged: None,
            baseline: None,
            solved: false,
            note: missing_services.clone(),
            question: None,
            since: Instant::now(),
        };
        let mut watch = ChangeWatcher::new(&[exercise], &self.live);
        let mut next = if missing_services.is_some() {
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
                        Next::Wait if missing_services.is_some() => std::future::pending().await,
                        Next::Wait => {
                            let wait_for_change =
                                watch.wait_for_change(self.runner, &self.live).await;
                            wait_for_change
                                .map_or_else(SessionEvent::Failed, |()| SessionEvent::Stirred)
                        }
                        Next::Look => {
                            let answer = |id: &_| answers.get(id).cloned();
                            let judged =
                                check_exercises(self.runner, &self.live, &[exercise], &answer)
                                    .await;
                            match judged.into_iter().next() {
                                Some(judged) => SessionEvent::Looked(judged),
                                None => std::future::pending().await,
                            }
                        }
                    }
                };
                tokio::select! {
                    biased;
                    input = screen.input() => SessionEvent::Input(input),
                    happened = doing => happened,
                }
            };
            let key = match happened {
                SessionEvent::Stirred => {
                    next = Next::Look;
                    continue;
                }
                SessionEvent::Failed(failure) => return Err(failure),
                SessionEvent::Looked(judged) => {
                    if judged.unseen()
                        && let Ok(Changed::Yes) = self.live.refresh(self.runner).await
                    {
                        continue;
                    }
                    next = Next::Wait;
                    let seen = self.record_check(
                        &mut |text| screen.say(text),
                        exercise,
                        &mut view,
                        judged,
                    )?;
                    watch.record_check(self.runner, &self.live, seen).await;
                    continue;
                }
                SessionEvent::Input(Input::Gone) => {
                    self.add_time(exercise, &mut view);
                    let decided = if self.was_up {
                        AfterSession::Keep
                    } else {
                        AfterSession::TearDown
                    };
                    return Ok(Navigation::Leave(decided));
                }
                SessionEvent::Input(Input::Redraw) => {
                    screen.clear();
                    self.task(&mut |text| screen.say(text), at, exercise);
                    screen.say("");
                    continue;
                }
                SessionEvent::Input(Input::Key(key)) => key,
            };
            // After any key it is looked again at once: it costs milliseconds, and what is shown is never old.
            next = if missing_services.is_some() {
                Next::Wait
            } else {
                Next::Look
            };
            if let Some(moved) = self
                .key(docker, screen, exercise, &mut view, key, after_session)
                .await?
            {
                self.add_time(exercise, &mut view);
                return Ok(moved);
            }
        }
    }

    /// Notes what was seen; says what comes after an exercise the moment it is solved.
    fn record_check(
        &mut self,
        say: Output<'_>,
        exercise: &Exercise,
        view: &mut ExerciseView,
        judged: ExerciseResult,
    ) -> Result<Changed, Failure> {
        let outcomes = |judged: &ExerciseResult| -> Vec<bool> {
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
            self.add_time(exercise, view);
            record_solved(std::slice::from_ref(&judged), &mut self.progress)?;
            self.progress.write()?;
            if matches!(exercise.task, Task::Practical { .. }) {
                self.after(say, exercise);
                say("");
            }
        }
        view.baseline.get_or_insert_with(|| actuals(&judged));
        view.judged = Some(judged);
        Ok(if same { Changed::No } else { Changed::Yes })
    }

    /// Adds the time since the last call to what the exercise took, until it is solved.
    pub(super) fn add_time(&mut self, exercise: &Exercise, view: &mut ExerciseView) {
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
