//! What every kind of session does: says the guide with the real addresses in it, notes hints, plays solutions.

use std::time::Instant;

use crate::commands::Context;
use crate::commands::check::conditional_hint;
use crate::commands::up::addresses;
use crate::engine::Engine;
use crate::lab::{Exercise, Lab, Section, Task, render};
use crate::localized;
use crate::report::{check_lines, duration, markdown, sanitize};
use crate::runner::{self, ExerciseResult, Failure, Live, Runner, judge_quiz};
use crate::store::{Progress, SolvedBy, Workspace};

/// A learner in a running lab.
pub(super) struct Session<'a, 'b, E> {
    pub(super) context: &'a Context,
    pub(super) runner: &'a Runner<'b, E>,
    pub(super) lab: &'a Lab,
    pub(super) live: Live,
    pub(super) workspace: Option<Workspace>,
    pub(super) progress: Progress,
    /// The lab was up before the session.
    pub(super) was_up: bool,
}

/// Where text goes: to the pipe, or above the panel.
pub(super) type Output<'a> = &'a mut dyn FnMut(&str);

impl<E: Engine> Session<'_, '_, E> {
    pub(super) fn welcome(&self, say: Output<'_>, begun: Instant) {
        let guide = self.lab.guide(&self.context.lang);
        let paint = self.context.paint;
        say(&paint.bold(&sanitize(&guide.title)));
        let time = duration(begun.elapsed().as_millis() as u64);
        say(&paint.dim(&localized!("up after {time}", time)));
        for line in addresses(self.context, self.lab, &self.live) {
            say(&line);
        }
        say("");
        say(&self.rendered(&guide.intro.markdown));
    }

    /// A piece of the guide for the terminal, with the real addresses in it.
    pub(super) fn rendered(&self, text: &str) -> String {
        markdown(&self.filled(text), self.context.width(), self.context.paint)
    }

    pub(super) fn filled(&self, text: &str) -> String {
        render(text, self.lab, &self.live.addresses).unwrap_or_else(|_| text.to_owned())
    }

    pub(super) fn section(&self, exercise: &Exercise) -> &Section {
        self.lab.section(&exercise.id, &self.context.lang)
    }

    /// `3/16 Sessions that end`.
    pub(super) fn heading(&self, at: usize, exercise: &Exercise) -> String {
        let title = sanitize(&self.section(exercise).title);
        format!("{}/{} {title}", at + 1, self.lab.exercises.len())
    }

    pub(super) fn task(&self, say: Output<'_>, at: usize, exercise: &Exercise) {
        let heading = self.heading(at, exercise);
        say(&format!("\n{}\n", self.context.paint.bold(&heading)));
        let section = self.section(exercise);
        say(&self.rendered(&section.body.markdown));
        if let Task::Quiz(quiz) = &exercise.task {
            say("");
            for choice in &quiz.choices {
                let text = section.choices.get(choice).map(|text| self.filled(text));
                let text = sanitize(&text.unwrap_or_default());
                say(&format!("  {}  {text}", self.context.paint.bold(choice)));
            }
        }
    }

    /// The optional services that an exercise lacks, in words.
    pub(super) fn missing_services(&self, exercise: &Exercise) -> Option<String> {
        let missing = exercise
            .needs_service
            .iter()
            .filter(|name| !self.live.addresses.contains_key(name));
        let names: Vec<&str> = missing.map(|name| name.as_str()).collect();
        let text = || {
            localized!(
                "not available: it needs {services}",
                services = names.join(", ")
            )
        };
        (!names.is_empty()).then(text)
    }

    pub(super) fn after(&self, say: Output<'_>, exercise: &Exercise) {
        if let Some(after) = &self.section(exercise).after {
            say("");
            say(&self.rendered(&after.markdown));
        }
    }

    pub(super) fn verdicts(&self, say: Output<'_>, judged: &ExerciseResult) {
        for report in judged.reports(self.runner, &self.context.lang) {
            for line in check_lines(&report, self.context.paint) {
                say(&line);
            }
        }
        if let Some(text) = conditional_hint(self.lab, &self.live, judged, &self.context.lang) {
            say(&self.context.paint.warn(&localized!("hint")));
            say(&markdown(&text, self.context.width(), self.context.paint));
        }
    }

    /// The next ordered hint; the last one again once all were shown.
    pub(super) fn show_next_hint(
        &mut self,
        say: Output<'_>,
        exercise: &Exercise,
    ) -> Result<(), Failure> {
        let section = self.lab.section(&exercise.id, &self.context.lang);
        let all = section.hints.len();
        let rendered = self.progress.hints.get(&exercise.id).copied().unwrap_or(0);
        let number = (rendered + 1).min(all);
        let Some(hint) = number.checked_sub(1).and_then(|at| section.hints.get(at)) else {
            say(&localized!("this exercise has no hint"));
            return Ok(());
        };
        let title = localized!("Hint {number} of {all}", number, all);
        say(&format!("\n{}", self.context.paint.warn(&title)));
        say(&self.rendered(&hint.markdown));
        self.progress.hints.insert(exercise.id.clone(), number);
        Ok(self.progress.write()?)
    }

    /// Shows a solution and plays it.
    pub(super) async fn solution(
        &mut self,
        say: Output<'_>,
        exercise: &Exercise,
    ) -> Result<(), Failure> {
        let Task::Practical { solution, .. } = &exercise.task else {
            return Ok(());
        };
        say(&format!(
            "\n{}",
            self.context
                .paint
                .warn(&localized!("The solution, step by step"))
        ));
        for step in solution {
            say(&format!("  {}", sanitize(&step.act.to_string())));
        }
        let _lock = self.context.lock(self.runner.engine, &self.lab.id).await?;
        runner::solve(self.runner, &mut self.live, &[exercise]).await?;
        self.context.reporter.finish();
        self.progress.finish(&exercise.id, SolvedBy::Solution);
        Ok(self.progress.write()?)
    }

    /// Puts the lab to where an exercise begins: the start, and what the exercises it builds on left.
    pub(super) async fn reset_exercise(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let _lock = self.context.lock(self.runner.engine, &self.lab.id).await?;
        runner::reset(self.runner, &mut self.live, self.workspace.as_ref()).await?;
        self.replay_needs(exercise).await
    }

    /// Plays the solutions of what an exercise builds on.
    pub(super) async fn replay_needs(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let needs = self.lab.prerequisites(&exercise.id);
        let there: Vec<&Exercise> = needs
            .into_iter()
            .filter(|need| self.missing_services(need).is_none())
            .collect();
        runner::solve(self.runner, &mut self.live, &there).await?;
        self.context.reporter.finish();
        Ok(())
    }

    /// Notes a choice; true if it is the right one. A wrong one gets its hint.
    pub(super) fn answered(
        &mut self,
        say: Output<'_>,
        exercise: &Exercise,
        choice: &str,
    ) -> Result<bool, Failure> {
        let Task::Quiz(quiz) = &exercise.task else {
            return Ok(false);
        };
        let verdict = judge_quiz(quiz, Some(choice));
        self.progress
            .answers
            .insert(exercise.id.clone(), choice.to_owned());
        if verdict.passed() {
            self.progress.finish(&exercise.id, SolvedBy::Learner);
            self.progress.write()?;
            say(&self
                .context
                .paint
                .good(&localized!("{choice} is correct", choice)));
            self.after(say, exercise);
            return Ok(true);
        }
        self.progress.write()?;
        say(&self
            .context
            .paint
            .bad(&localized!("{choice} is not correct", choice)));
        let section = self.section(exercise);
        if let Some(hint) = verdict
            .hint()
            .and_then(|name| section.named_hints.get(name))
        {
            say(&self.rendered(&hint.markdown));
        }
        Ok(false)
    }

    /// The first exercise that is not done; the first of all once all are.
    pub(super) fn first_open(&self) -> usize {
        let open = |exercise: &Exercise| !self.progress.done.contains_key(&exercise.id);
        self.lab.exercises.iter().position(open).unwrap_or(0)
    }

    /// `3 of 16 exercises solved`.
    pub(super) fn score(&self) -> String {
        let done = |exercise: &&Exercise| self.progress.done.contains_key(&exercise.id);
        let (done, all) = (
            self.lab.exercises.iter().filter(done).count(),
            self.lab.exercises.len(),
        );
        localized!("{done} of {all} exercises solved", done, all)
    }
}
