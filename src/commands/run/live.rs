//! A session in a terminal: checks run whenever the services change, and each key runs a command.

use std::time::Instant;

use super::after_session::AfterSession;
use super::exercise_view::{ExerciseView, Navigation, PanelSize};
use super::session::Session;
use crate::engine::docker::Docker;
use crate::exit::Exit;
use crate::lab::{Exercise, Task};
use crate::localized;
use crate::report::{Input, Screen};
use crate::runner::{Changed, ExerciseResult, Failure, Undecided};
use crate::text;

/// What the session does next beside reading keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Check,
    WaitForChange,
}

enum SessionEvent {
    Input(Input),
    Checked(Vec<ExerciseResult>),
    /// The services changed.
    Changed,
    Failed(Failure),
}

impl Session<'_, Docker> {
    /// Goes through the lab with a person until they leave. They decide what happens to the lab if `after_session` is `Prompt`.
    pub(super) async fn live(
        &mut self,
        docker: &Docker,
        begun: Instant,
        after_session: AfterSession,
    ) -> Result<(Exit, AfterSession), Failure> {
        let mut screen = Screen::enter().map_err(|error| {
            Failure::Environment(text!("cannot use the terminal: {why}", why = error))
        })?;
        self.welcome(&mut |text| screen.print_above(text), begun);
        let mut at = self.first_open();
        let lab = self.running.lab;
        let resumed = lab.exercises.get(at);
        if let Some(first) = resumed.filter(|_| at > 0 && !self.was_up) {
            // The containers are new, so what this exercise builds on is not there yet.
            let text = localized!(
                "resuming at exercise {number}; the solutions before it are in place",
                number = at + 1
            );
            screen.print_above(&self.context.paint.dim(&text));
            self.running.prepare(first).await?;
            self.context.reporter.finish();
            screen.discard_typed();
        }
        let decided = loop {
            let Some(exercise) = lab.exercises.get(at) else {
                let text = localized!("That was the last exercise.");
                screen.print_above(&self.context.paint.good(&text));
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
        self.summary(&mut |text| screen.print_above(text));
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
        let mut view = ExerciseView {
            at,
            result: None,
            solved: false,
            printed_hint: None,
            note: self.missing_services(exercise),
            question: None,
            size: PanelSize::Whole,
            unread: Vec::new(),
            since: Instant::now(),
        };
        self.show_task(screen, exercise, &mut view);
        let mut watcher = self.running.change_watcher(&[exercise]);
        let available = view.note.is_none();
        let check_next = if available {
            Next::Check
        } else {
            Next::WaitForChange
        };
        let mut next = check_next;
        // What was typed while an exercise was prepared, which is not cut off.
        let mut typed = None;
        loop {
            self.draw(screen, &self.panel(exercise, &view));
            let event = if let Some(input) = typed.take() {
                SessionEvent::Input(input)
            } else {
                let running = &self.running;
                let work = async {
                    match next {
                        Next::WaitForChange if !available => std::future::pending().await,
                        Next::WaitForChange => {
                            let changed = watcher.wait_for_change(&running.runner, &running.live);
                            changed
                                .await
                                .map_or_else(SessionEvent::Failed, |()| SessionEvent::Changed)
                        }
                        Next::Check => match running.probe(&[exercise], Undecided::Return).await {
                            Ok(results) => SessionEvent::Checked(results),
                            Err(failure) => SessionEvent::Failed(failure),
                        },
                    }
                };
                tokio::pin!(work);
                loop {
                    tokio::select! {
                        biased;
                        input = screen.input(), if typed.is_none() => {
                            if !self.context.app.is_preparing() {
                                break SessionEvent::Input(input);
                            }
                            typed = Some(input);
                        }
                        event = &mut work => break event,
                    }
                }
            };
            let key = match event {
                SessionEvent::Changed => {
                    next = Next::Check;
                    continue;
                }
                SessionEvent::Failed(failure) => return Err(failure),
                SessionEvent::Checked(mut results) => {
                    if results.iter().any(ExerciseResult::has_probe_error)
                        && let Ok(Changed::Yes) =
                            self.running.live.refresh(&self.running.runner).await
                    {
                        continue;
                    }
                    if results.iter().any(ExerciseResult::has_probe_error) {
                        self.running.require_still_not_paused()?;
                    }
                    next = Next::WaitForChange;
                    let changed = view.changed(&results);
                    watcher.decide(changed, &mut results);
                    self.show_results(screen, exercise, &mut view, results)?;
                    let running = &self.running;
                    watcher
                        .record_check(&running.runner, &running.live, changed)
                        .await;
                    continue;
                }
                SessionEvent::Input(Input::Gone) => {
                    self.add_time(exercise, &mut view)?;
                    let decided = after_session.without_prompt(self.was_up);
                    return Ok(Navigation::Leave(decided));
                }
                SessionEvent::Input(Input::Redraw) => {
                    screen.clear();
                    self.show_task_again(screen, exercise, &mut view);
                    // The one that was printed is gone.
                    view.printed_hint = None;
                    self.print_wide_hint(&mut |text| screen.print_above(text), &mut view);
                    self.show_offered(screen, &mut view);
                    continue;
                }
                SessionEvent::Input(Input::Key(key)) => key,
            };
            // A check takes milliseconds, so after any key what is shown is up to date.
            next = check_next;
            if let Some(navigation) = self
                .key(docker, screen, exercise, &mut view, key, after_session)
                .await?
            {
                self.add_time(exercise, &mut view)?;
                return Ok(navigation);
            }
        }
    }

    /// Records the results, and shows what follows an exercise when it is solved.
    fn show_results(
        &mut self,
        screen: &mut Screen,
        exercise: &Exercise,
        view: &mut ExerciseView,
        results: Vec<ExerciseResult>,
    ) -> Result<(), Failure> {
        self.read_progress()?;
        if view.must_show(&results) {
            view.size = PanelSize::Whole;
        }
        if results.iter().all(ExerciseResult::passed) && !view.solved {
            view.solved = true;
            self.add_time(exercise, view)?;
            self.running.record_solved(&results)?;
            self.read_progress()?;
            if matches!(exercise.task, Task::Practical { .. }) {
                let mut texts = Vec::new();
                self.after(&mut |text| texts.push(text.to_owned()), exercise);
                texts.push(String::new());
                self.show_below_task(screen, view, &texts);
            }
        }
        view.result = results.into_iter().next();
        self.print_wide_hint(&mut |text| screen.print_above(text), view);
        Ok(())
    }

    /// Adds the time since the last call to that of an exercise that is not solved.
    pub(super) fn add_time(
        &mut self,
        exercise: &Exercise,
        view: &mut ExerciseView,
    ) -> Result<(), Failure> {
        let spent = view.since.elapsed().as_secs();
        view.since = Instant::now();
        let lab = &self.running.lab.id;
        self.progress = self.context.app.update_progress(lab, |progress| {
            if spent > 0 && !progress.is_solved(&exercise.id) {
                let seconds = &mut progress.seconds;
                *seconds.entry(exercise.id.clone()).or_default() += spent;
            }
        })?;
        Ok(())
    }
}
