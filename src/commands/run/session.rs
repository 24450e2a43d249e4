//! What every kind of session does: shows the guide with the real addresses, shows hints, runs solutions.

use std::time::Instant;

use crate::app::{RunningLab, Score, SolveFrom, SolveOutcome};
use crate::commands::closing::closing_lines;
use crate::commands::format::with_points;
use crate::commands::measure_output::{explanation, report_lines};
use crate::commands::{Context, check_output, format, quiz_output};
use crate::engine::Engine;
use crate::lab::{Exercise, Section, Task};
use crate::localized;
use crate::report::{check_lines, duration, markdown, sanitize};
use crate::runner::{ExerciseResult, Failure};
use crate::store::Progress;

/// A learner in a running lab.
pub(super) struct Session<'a, E> {
    pub(super) context: &'a Context,
    pub(super) running: RunningLab<'a, E>,
    /// The progress as it was read last, only for what is shown.
    pub(super) progress: Progress,
    /// Whether the lab was running before the session.
    pub(super) was_up: bool,
    /// Whether the last key chose from a list or answered a quiz, after which Enter means nothing.
    pub(super) chosen_by_digit: bool,
}

/// Where text goes: to the pipe, or above the panel.
pub(super) type Output<'a> = &'a mut dyn FnMut(&str);

impl<E: Engine> Session<'_, E> {
    pub(super) fn welcome(&self, print: Output<'_>, begun: Instant) {
        let guide = self.running.lab.guide(&self.context.app.lang);
        let paint = self.context.paint;
        print(&paint.bold(&sanitize(&guide.title)));
        let time = duration(begun.elapsed().as_millis() as u64);
        print(&paint.dim(&localized!("up after {time}", time)));
        for line in format::address_lines(paint, self.running.lab, &self.running.live) {
            print(&line);
        }
        print("");
        print(&self.rendered(&guide.intro.markdown));
    }

    /// Reads the progress again, which another terminal may have changed.
    pub(super) fn read_progress(&mut self) -> Result<(), Failure> {
        self.progress = self.running.progress()?;
        Ok(())
    }

    /// Returns a text of the guide for the terminal, with the real addresses in it.
    pub(super) fn rendered(&self, text: &str) -> String {
        self.shown(&self.running.fill_in(text))
    }

    /// Returns Markdown for the terminal.
    pub(super) fn shown(&self, text: &str) -> String {
        markdown(text, self.context.width(), self.context.paint)
    }

    pub(super) fn section(&self, exercise: &Exercise) -> &Section {
        self.running
            .lab
            .section(&exercise.id, &self.context.app.lang)
    }

    /// `3/16 Sessions that end`.
    pub(super) fn heading(&self, at: usize, exercise: &Exercise) -> String {
        let title = with_points(exercise, &sanitize(&self.section(exercise).title));
        format!("{}/{} {title}", at + 1, self.running.lab.exercises.len())
    }

    pub(super) fn task(&self, print: Output<'_>, at: usize, exercise: &Exercise) {
        let heading = self.heading(at, exercise);
        print(&format!("\n{}\n", self.context.paint.bold(&heading)));
        let section = self.section(exercise);
        print(&self.rendered(&section.body.markdown));
        if let Task::Quiz(quiz) = &exercise.task {
            print("");
            let (width, paint) = (self.context.width(), self.context.paint);
            print(&quiz_output::choices(quiz, section, width, paint));
        }
    }

    /// Returns which unavailable services an exercise needs, in words.
    pub(super) fn missing_services(&self, exercise: &Exercise) -> Option<String> {
        check_output::missing_services(&self.running, exercise)
    }

    pub(super) fn after(&self, print: Output<'_>, exercise: &Exercise) {
        let addresses = &self.running.live.addresses;
        if let Some(text) = closing_lines(self.context, self.running.lab, exercise, addresses) {
            print(&text);
        }
    }

    pub(super) fn print_results(&self, print: Output<'_>, result: &ExerciseResult) {
        let paint = self.context.paint;
        let (wording, width) = (self.context.wording(), self.context.width());
        for line in result
            .checks
            .iter()
            .flat_map(|check| check_lines(check, wording, width, paint))
        {
            print(&line);
        }
        if let Some(text) = self.running.conditional_hint(result) {
            print(&paint.warn(&localized!("hint")));
            print(&self.shown(&text));
        }
    }

    /// Checks one exercise and records it if it is solved.
    pub(super) async fn check(&mut self, exercise: &Exercise) -> Result<ExerciseResult, Failure> {
        let mut results = self.running.check(&[exercise]).await?;
        self.read_progress()?;
        Ok(results.pop().expect("one exercise gives one result"))
    }

    /// Shows the next ordered hint, or the last one again.
    pub(super) fn show_next_hint(
        &mut self,
        print: Output<'_>,
        exercise: &Exercise,
    ) -> Result<(), Failure> {
        if let Some(choice) = self.context.app.right_choice(self.running.lab, exercise)? {
            print(&localized!(
                "this quiz is answered: `{choice}` is correct",
                choice
            ));
            return Ok(());
        }
        let addresses = &self.running.live.addresses;
        let hint = self
            .context
            .app
            .next_hint(self.running.lab, exercise, addresses)?;
        self.read_progress()?;
        let Some(hint) = hint else {
            print(&match exercise.task {
                Task::Quiz(_) => {
                    localized!(
                        "a quiz has no hints: press the number of a choice; a wrong one says why it is wrong"
                    )
                }
                Task::Practical { .. } => localized!("this exercise has no hint"),
            });
            return Ok(());
        };
        let title = localized!(
            "Hint {number} of {all}",
            number = hint.number,
            all = hint.of
        );
        print(&format!("\n{}", self.context.paint.warn(&title)));
        print(&self.shown(&hint.markdown));
        if hint.repeated {
            let text = localized!("there is no further hint; `s` shows the solution");
            print(&self.context.paint.dim(&text));
        }
        Ok(())
    }

    /// Shows a solution and runs it. Returns why it does not work from the present state; nothing was reset then.
    pub(super) async fn solution(
        &mut self,
        print: Output<'_>,
        exercise: &Exercise,
    ) -> Result<Option<String>, Failure> {
        let title = match exercise.task {
            Task::Quiz(_) => localized!("The right answer"),
            Task::Practical { .. } => localized!("The solution, step by step"),
        };
        print(&format!("\n{}", self.context.paint.warn(&title)));
        let solution = self.running.typed_solution(exercise);
        for line in format::solution_lines(self.context, &solution) {
            print(&line);
        }
        let outcome = self
            .running
            .play_solution(exercise, SolveFrom::PresentState)
            .await;
        self.context.reporter.finish();
        if let SolveOutcome::Stuck(why) = outcome? {
            self.read_progress()?;
            return Ok(Some(sanitize(&why.sentence.localized())));
        }
        if let Task::Quiz(_) = exercise.task {
            self.after(print, exercise);
            print("");
        }
        self.read_progress()?;
        Ok(None)
    }

    /// Resets the services to the start of an exercise and plays its solution there.
    pub(super) async fn solution_from_start(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let outcome = self
            .running
            .play_solution(exercise, SolveFrom::StartOfExercise)
            .await;
        self.context.reporter.finish();
        match outcome? {
            SolveOutcome::Solved(_) => self.read_progress(),
            SolveOutcome::Stuck(why) => Err(Failure::Step(why.detail)),
        }
    }

    /// Runs the measurements of an exercise and shows each as soon as it is known.
    pub(super) async fn measure(&self, print: Output<'_>, exercise: &Exercise) {
        const ROUNDS: usize = 20;
        let (context, lab) = (self.context, self.running.lab);
        let mut reports = Vec::new();
        for measurement in &exercise.measure {
            let question = context
                .app
                .side_name(lab, exercise, measurement.id.as_str());
            print(&format!("\n{}", context.paint.bold(&sanitize(&question))));
            let report = self
                .running
                .measure_one(exercise, measurement, ROUNDS)
                .await;
            for line in report_lines(context, lab, exercise, &report) {
                print(&line);
            }
            reports.push(report);
        }
        print("");
        for line in explanation(context, &reports) {
            print(&line);
        }
        print("");
    }

    /// Resets the lab to where an exercise begins.
    pub(super) async fn reset_exercise(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let reset = self.running.reset_exercise(exercise).await;
        self.context.reporter.finish();
        reset?;
        self.read_progress()
    }

    /// Records a choice and returns whether it is right. A wrong one shows its hint.
    pub(super) fn answered(
        &mut self,
        print: Output<'_>,
        exercise: &Exercise,
        choice: &str,
    ) -> Result<bool, Failure> {
        let addresses = &self.running.live.addresses;
        let answer = self
            .context
            .app
            .answer(self.running.lab, exercise, choice, addresses)?;
        self.read_progress()?;
        let (paint, choice) = (self.context.paint, &answer.choice);
        if answer.correct {
            print(&paint.good(&localized!("{choice} is correct", choice)));
        } else {
            print(&paint.bad(&localized!("{choice} is not correct", choice)));
        }
        if let Some(text) = &answer.text {
            print("");
            print(&self.shown(text));
            print("");
        }
        Ok(answer.correct)
    }

    /// Returns the index of the exercise that the learner is at, or of the first one if all are solved.
    pub(super) fn first_open(&self) -> usize {
        let (exercises, run) = (&self.running.lab.exercises, self.running.run());
        let present = self.progress.present_exercise(exercises, run.as_ref());
        present.unwrap_or(0)
    }

    /// Returns whether each exercise can still be solved.
    pub(super) fn open_exercises(&self) -> Vec<bool> {
        let is_open = |exercise: &Exercise| {
            self.running.live.is_available(exercise) && !self.progress.is_solved(&exercise.id)
        };
        self.running.lab.exercises.iter().map(is_open).collect()
    }

    /// Returns whether the services hold what the solution of an exercise did.
    pub(super) fn stands_by_solution(&self, exercise: &Exercise) -> bool {
        let run = self.running.run();
        self.progress.stands_by_solution(&exercise.id, run.as_ref())
    }

    /// `solved 3 of 16`.
    pub(super) fn score(&self) -> String {
        Score::new(self.running.lab, &self.progress).text()
    }
}
