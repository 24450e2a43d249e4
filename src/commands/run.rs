//! `roadlab run`: a lab from the first line of its guide to its removal, with a person or by itself (`--auto`).

use std::io::BufRead;
use std::time::{Duration, Instant};

use crate::commands::Context;
use crate::commands::check::{check_one, hint_text};
use crate::commands::up::{ends, get_images, say_addresses};
use crate::engine::Engine;
use crate::exit::Exit;
use crate::lab::{Addresses, Exercise, Lab, Section, Task, render};
use crate::plan::Scope;
use crate::report::{check_lines, clean, duration, markdown, output, plural, t};
use crate::runner::{
    self, Ends, Failure, Judged, Live, OnFailure, Runner, Sweep, Up, judge_quiz, teardown,
};
use crate::store::{Life, Progress, SolvedBy, Workspace};

pub(crate) async fn run(
    context: &Context,
    name: &str,
    auto: bool,
    keep: bool,
    ttl: Option<Duration>,
) -> Result<Exit, Failure> {
    if context.global.json {
        let what =
            "`run` is for reading: `check --json`, `test --json` and `up --json` are for programs";
        return Err(Failure::Usage(what.to_owned()));
    }
    let begun = Instant::now();
    let lab = context.lab(name)?;
    let engine = context.engine().await?;
    let _lock = context.lock(&engine, &lab.id).await?;
    let tell = |event| context.tell(event);
    let runner = context.runner(&engine, &lab, &tell);
    let images = get_images(context, &runner).await?;
    let workspace = context.workspace(&lab);
    // A lab that was up before is not ours to remove.
    let kept = keep || !runner.observe().await?.is_empty();
    let up = Up {
        images: &images,
        workspace: workspace.as_ref(),
        life: if kept { Life::Kept } else { Life::Process },
        on_failure: OnFailure::TearDown,
        ends: ttl.map_or(Ends::Unchanged, Ends::After),
        watch: &context.watch,
    };
    let done = runner::up(&runner, &up).await?;
    let (live, mut journal) = (done.live, done.journal);
    context.reporter.finish();
    let mut session = Session {
        context,
        runner: &runner,
        lab: &lab,
        live,
        workspace: workspace.clone(),
        progress: context.progress(&lab.id)?,
    };
    session.welcome(begun);
    let ended = match auto {
        true => session.play_all().await,
        false => session.guide().await,
    };
    session.progress.write()?;
    if kept {
        if ttl.is_some() {
            // The time counts from when the learner leaves.
            journal.until = up.ends.until(journal.until);
            context.watch.keep(&journal)?;
        }
        output(&format!(
            "\n{} stays up: `roadlab down {}{}` removes it",
            lab.id,
            lab.id,
            context.instance_option()
        ));
        if let Some(until) = journal.until {
            output(&ends(until));
        }
        return ended;
    }
    let begun = Instant::now();
    let scope = Scope::instance(&context.owner, &lab.id, &context.instance);
    let removed = teardown(&engine, &scope, Sweep::Once, &tell).await?;
    context.watch.forget(&journal.run);
    context.reporter.finish();
    output(&format!(
        "\nremoved {removed} in {}",
        duration(begun.elapsed().as_millis() as u64)
    ));
    ended
}

struct Session<'a, 'b, E> {
    context: &'a Context,
    runner: &'a Runner<'b, E>,
    lab: &'a Lab,
    live: Live,
    workspace: Option<Workspace>,
    progress: Progress,
}

/// What a person wants next.
enum Wish {
    Check,
    Hint,
    Solution,
    Next,
    Quit,
    Answer(String),
}

impl<E: Engine> Session<'_, '_, E> {
    fn welcome(&self, begun: Instant) {
        let guide = self.lab.guide(&self.context.lang);
        let paint = self.context.paint;
        output(&paint.bold(&clean(&guide.title)));
        output(&paint.dim(&format!(
            "up after {}",
            duration(begun.elapsed().as_millis() as u64)
        )));
        say_addresses(self.context, self.lab, &self.live);
        output("");
        self.say(&guide.intro.markdown);
    }

    /// A piece of the guide, with the real addresses in it.
    fn say(&self, text: &str) {
        let text = self.fill(text);
        output(&markdown(&text, self.context.width(), self.context.paint));
    }

    fn fill(&self, text: &str) -> String {
        let addresses: &Addresses = &self.live.addresses;
        render(text, self.lab, addresses).unwrap_or_else(|_| text.to_owned())
    }

    fn heading(&self, number: usize, section: &Section) {
        let title = format!(
            "{number}/{} {}",
            self.lab.exercises.len(),
            clean(&section.title)
        );
        output(&format!("\n{}\n", self.context.paint.bold(&title)));
    }

    fn task(&self, number: usize, exercise: &Exercise) {
        let section = self.lab.section(&exercise.id, &self.context.lang);
        self.heading(number, section);
        self.say(&section.body.markdown);
        if let Task::Quiz(quiz) = &exercise.task {
            output("");
            for choice in &quiz.choices {
                let text = section
                    .choices
                    .get(choice)
                    .map(|text| self.fill(text))
                    .unwrap_or_default();
                output(&format!(
                    "  {}  {}",
                    self.context.paint.bold(choice),
                    clean(&text)
                ));
            }
        }
    }

    /// The optional services that an exercise lacks.
    fn lacks(&self, exercise: &Exercise) -> Option<String> {
        let missing = exercise
            .needs_service
            .iter()
            .filter(|name| !self.live.addresses.contains_key(name));
        let names: Vec<&str> = missing.map(|name| name.as_str()).collect();
        (!names.is_empty()).then(|| format!("not available here: it needs {}", names.join(", ")))
    }

    fn after(&self, exercise: &Exercise) {
        if let Some(after) = &self.lab.section(&exercise.id, &self.context.lang).after {
            output("");
            self.say(&after.markdown);
        }
    }

    fn verdicts(&self, judged: &Judged) {
        for report in judged.reports(self.runner, &self.context.lang) {
            check_lines(&report, self.context.paint)
                .iter()
                .for_each(|line| output(line));
        }
        if let Some(text) = hint_text(self.lab, &self.live, judged, &self.context.lang) {
            output(&self.context.paint.warn("hint"));
            output(&markdown(&text, self.context.width(), self.context.paint));
        }
    }

    /// Plays everything: each text, the solution, the checks; then a reset, after which every check fails again.
    async fn play_all(&mut self) -> Result<Exit, Failure> {
        let lab = self.lab;
        let mut failed = 0;
        let mut played = 0;
        for (at, exercise) in lab.exercises.iter().enumerate() {
            self.task(at + 1, exercise);
            output("");
            if let Some(lacks) = self.lacks(exercise) {
                output(&self.context.paint.warn(&lacks));
                continue;
            }
            played += 1;
            match &exercise.task {
                Task::Quiz(quiz) => {
                    output(&format!(
                        "{} {}",
                        self.context.paint.dim("answer:"),
                        clean(&quiz.answer)
                    ));
                    self.progress
                        .answers
                        .insert(exercise.id.clone(), quiz.answer.clone());
                }
                Task::Deed { solution, .. } => {
                    for step in solution {
                        output(&format!(
                            "{} {}",
                            self.context.paint.dim("do:"),
                            clean(&step.act.to_string())
                        ));
                    }
                    runner::solve(self.runner, &mut self.live, &[exercise]).await?;
                    self.context.reporter.finish();
                }
            }
            let judged = check_one(self.runner, &self.live, exercise, &mut self.progress).await?;
            self.verdicts(&judged);
            match judged.passed() {
                true => self.after(exercise),
                false => failed += 1,
            }
        }
        let begun = Instant::now();
        runner::reset(self.runner, &mut self.live, self.workspace.as_ref()).await?;
        self.context.reporter.finish();
        self.progress.restart(&[]);
        let millis = begun.elapsed().as_millis() as u64;
        output(&format!(
            "\n{} of {} solved; reset to the start in {}",
            played - failed,
            plural(played, "exercise"),
            duration(millis)
        ));
        Ok(if failed == 0 {
            Exit::Fine
        } else {
            Exit::CheckFailed
        })
    }

    /// Goes through the lab with a person, from the first exercise that is not done.
    async fn guide(&mut self) -> Result<Exit, Failure> {
        let lab = self.lab;
        let first = lab
            .exercises
            .iter()
            .position(|exercise| !self.progress.done.contains_key(&exercise.id))
            .unwrap_or(0);
        for (at, exercise) in lab.exercises.iter().enumerate().skip(first) {
            self.task(at + 1, exercise);
            if let Some(lacks) = self.lacks(exercise) {
                output(&self.context.paint.warn(&lacks));
                continue;
            }
            loop {
                match self.ask(exercise).await {
                    Wish::Quit => return Ok(Exit::Fine),
                    Wish::Next => break,
                    Wish::Hint => self.next_hint(exercise)?,
                    Wish::Solution => self.solution(exercise).await?,
                    Wish::Answer(choice) => {
                        if self.answered(exercise, &choice)? {
                            break;
                        }
                    }
                    Wish::Check => {
                        let judged =
                            check_one(self.runner, &self.live, exercise, &mut self.progress)
                                .await?;
                        self.verdicts(&judged);
                        if judged.passed() {
                            self.after(exercise);
                            break;
                        }
                    }
                }
            }
        }
        let done = lab
            .exercises
            .iter()
            .filter(|exercise| self.progress.done.contains_key(&exercise.id))
            .count();
        let all = lab.exercises.len();
        output(&format!("\n{}", t!("session.done", done = done, all = all)));
        Ok(Exit::Fine)
    }

    async fn ask(&self, exercise: &Exercise) -> Wish {
        let menu = match &exercise.task {
            Task::Quiz(quiz) => format!("[{}] answer  [n]ext  [q]uit", quiz.choices.join("/")),
            Task::Deed { .. } => "[Enter] check  [h]int  [s]olution  [n]ext  [q]uit".to_owned(),
        };
        output(&format!("\n{}", self.context.paint.dim(&menu)));
        // A thread of its own, so that Ctrl-C is heard while somebody thinks.
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .map(|read| (read > 0).then_some(line))
        });
        let Ok(Ok(Some(line))) = line.await else {
            return Wish::Quit;
        };
        let word = line.trim();
        match (&exercise.task, word) {
            (_, "q" | "quit") => Wish::Quit,
            (_, "n" | "next") => Wish::Next,
            (Task::Quiz(quiz), word) if quiz.choices.iter().any(|choice| choice == word) => {
                Wish::Answer(word.to_owned())
            }
            (Task::Quiz(_), _) => Wish::Hint,
            (Task::Deed { .. }, "h" | "hint") => Wish::Hint,
            (Task::Deed { .. }, "s" | "solution") => Wish::Solution,
            (Task::Deed { .. }, _) => Wish::Check,
        }
    }

    fn next_hint(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let section = self.lab.section(&exercise.id, &self.context.lang);
        let at = self.progress.hints.get(&exercise.id).copied().unwrap_or(0);
        let Some(hint) = section
            .hints
            .get(at.min(section.hints.len().saturating_sub(1)))
        else {
            output("there is no hint here");
            return Ok(());
        };
        output(&self.context.paint.warn(&format!(
            "Hint {} of {}",
            (at + 1).min(section.hints.len()),
            section.hints.len()
        )));
        self.say(&hint.markdown);
        self.progress
            .hints
            .insert(exercise.id.clone(), (at + 1).min(section.hints.len()));
        Ok(self.progress.write()?)
    }

    async fn solution(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        if let Task::Deed { solution, .. } = &exercise.task {
            solution
                .iter()
                .for_each(|step| output(&format!("  {}", clean(&step.act.to_string()))));
            runner::solve(self.runner, &mut self.live, &[exercise]).await?;
            self.context.reporter.finish();
            self.progress.finish(&exercise.id, SolvedBy::Solution);
            self.progress.write()?;
            output(&self.context.paint.dim("played; Enter checks it"));
        }
        Ok(())
    }

    fn answered(&mut self, exercise: &Exercise, choice: &str) -> Result<bool, Failure> {
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
            output(&self.context.paint.good("right"));
            self.after(exercise);
            return Ok(true);
        }
        self.progress.write()?;
        output(&self.context.paint.bad("not this one"));
        let section = self.lab.section(&exercise.id, &self.context.lang);
        if let Some(hint) = verdict
            .hint()
            .and_then(|name| section.named_hints.get(name))
        {
            self.say(&hint.markdown);
        }
        Ok(false)
    }
}
