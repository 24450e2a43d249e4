//! `roadlab author`: keeps a lab up and tests what its author saves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use crate::app::{AuthorEvent, AuthorOptions};
use crate::commands::error_output::problem_json;
use crate::commands::played_output::show_played;
use crate::commands::{Context, report_failure};
use crate::event::{JudgedExercise, Phase, ResultLine, TestProblem};
use crate::exit::Exit;
use crate::lab::{ExerciseId, Lab};
use crate::localized;
use crate::report::{self, OutputMode, duration, output, sanitize, wrap};
use crate::runner::Failure;
use crate::store::Lifetime;
use crate::text;
use crate::text::Text;
use crate::text_plural;

pub(crate) async fn author(
    context: &Context,
    lab: &str,
    exercises: Vec<String>,
    keep: bool,
) -> Result<Exit, Failure> {
    let engine = context.app.engine().await?;
    let options = AuthorOptions {
        exercises,
        lifetime: match keep {
            true => Lifetime::Persistent,
            false => Lifetime::Process,
        },
    };
    let report = Report {
        context,
        keep,
        has_tested: Cell::new(false),
        shown: RefCell::default(),
    };
    let show = |event: AuthorEvent<'_>| {
        context.reporter.finish();
        match context.global.json {
            true => show_json(context, event),
            false => {
                report.show(event);
                // The next spinner must not be drawn into what is still to be written.
                let _ = report::flush_blocking(Some(WRITE_DEADLINE));
            }
        }
    };
    tokio::select! {
        ended = context.app.author(&engine, lab, &options, &show) => ended.map(|()| Exit::Success),
        () = report::output_closed() => Ok(Exit::Success),
    }
}

/// How long a line may take to be written before the next spinner is drawn.
const WRITE_DEADLINE: Duration = Duration::from_secs(1);

/// What an author sees.
struct Report<'a> {
    context: &'a Context,
    /// Whether the lab stays up at the end.
    keep: bool,
    /// Whether any exercise was tested.
    has_tested: Cell<bool>,
    /// The problems that were shown with an answer of the exercise that is being tested, with their lines.
    shown: RefCell<BTreeSet<(String, Option<usize>)>>,
}

fn show_json(context: &Context, event: AuthorEvent<'_>) {
    let names = |exercises: Vec<ExerciseId>| exercises.iter().map(ToString::to_string).collect();
    match event {
        AuthorEvent::Broken { problems, .. } => report::line(&ResultLine::Broken {
            problems: problems.iter().map(problem_json).collect(),
        }),
        AuthorEvent::Saved { files, exercises } => report::line(&ResultLine::Saved {
            files: files.iter().map(|file| report::json_path(file)).collect(),
            exercises: names(exercises),
        }),
        AuthorEvent::Played(played) => {
            report::line(&ResultLine::Observed(Box::new(played.clone())));
        }
        AuthorEvent::Verdict(judged) => report::line(&ResultLine::Verdict(judged.clone())),
        AuthorEvent::Unavailable(exercise) => report::line(&ResultLine::Unavailable {
            exercise: exercise.to_string(),
            needs: Vec::new(),
        }),
        AuthorEvent::Failed(failure) => report_failure(failure, context.paint, OutputMode::Json),
        AuthorEvent::Up { .. } | AuthorEvent::Waiting { .. } => {}
    }
}

impl Report<'_> {
    fn show(&self, event: AuthorEvent<'_>) {
        let paint = self.context.paint;
        match event {
            AuthorEvent::Broken { problems, is_up } => {
                for problem in problems {
                    self.print(&report::problem_line(problem, paint), 2);
                }
                let count = problems.len();
                let found = text_plural!("{count} problem", "{count} problems", count).localized();
                output(&paint.bad(&match is_up {
                    true => localized!("{problems}; the lab stays as it was", problems = found),
                    false => {
                        localized!("{problems}; waiting until they are fixed", problems = found)
                    }
                }));
            }
            AuthorEvent::Saved { files, exercises } => {
                let files = files.iter().map(|file| file.display().to_string());
                let files = sanitize(&files.collect::<Vec<_>>().join(", "));
                let names: Vec<&str> = exercises.iter().map(ExerciseId::as_str).collect();
                output("");
                output(&paint.bold(&match names.is_empty() {
                    true => localized!("saved {files}: no exercise changed", files),
                    false => localized!(
                        "saved {files}: {exercises}",
                        files,
                        exercises = names.join(", ")
                    ),
                }));
            }
            AuthorEvent::Up { lab, millis } => show_up(self.context, lab, millis, self.keep),
            AuthorEvent::Played(played) => {
                self.has_tested.set(true);
                if let Some(problem) = &played.problem {
                    let shown = (problem.clone(), played.line);
                    self.shown.borrow_mut().insert(shown);
                }
                show_played(self.context, played);
            }
            AuthorEvent::Verdict(judged) => {
                self.has_tested.set(true);
                self.show_judged(judged);
            }
            AuthorEvent::Unavailable(exercise) => output(&paint.warn(&localized!(
                "{exercise} needs a service that is unavailable",
                exercise
            ))),
            AuthorEvent::Failed(failure) => report_failure(failure, paint, OutputMode::Text),
            AuthorEvent::Waiting { lab } => self.show_waiting(lab),
        }
    }

    fn show_waiting(&self, lab: Option<&Lab>) {
        let dim = |text: String| output(&self.context.paint.dim(&text));
        let Some(lab) = lab else {
            return dim(localized!("waiting for a change"));
        };
        dim(localized!(
            "waiting for a change in {folder}",
            folder = sanitize(&lab.folder.display().to_string())
        ));
        if !self.has_tested.replace(true) {
            dim(localized!(
                "an exercise is tested when you save a change of it; `roadlab author {lab} EXERCISE` tests that one right away, without a change",
                lab = sanitize(self.context.app.lab_argument(&lab.id).as_str())
            ));
        }
    }

    /// Prints a line, wrapped by word.
    fn print(&self, line: &str, indent: usize) {
        let lines = wrap(line, indent, self.context.width());
        lines.iter().for_each(|line| output(line));
    }

    fn show_judged(&self, judged: &JudgedExercise) {
        let paint = self.context.paint;
        for note in &judged.notes {
            let label = paint.dim(&localized!("note"));
            self.print(&format!("  {label}: {}", line(note)), 4);
        }
        let shown = self.shown.take();
        let is_new =
            |problem: &&TestProblem| !shown.contains(&(problem.problem.clone(), problem.line));
        for problem in judged.problems.iter().filter(is_new) {
            let place = problem.file.as_deref().zip(problem.line);
            let text = report::error_line(
                place,
                &problem.problem,
                fix(problem.phase).as_deref(),
                paint,
            );
            self.print(&format!("  {text}"), 4);
        }
        let answers = answers_text(judged);
        let time = duration(judged.millis);
        let exercise = &judged.exercise;
        output(&match judged.problems.len() {
            0 if judged.rest > 0 => paint.good(&localized!(
                "{exercise} has no problem so far: {answers}, {time}",
                exercise,
                answers,
                time
            )),
            0 => paint.good(&localized!(
                "{exercise} passes its test: {answers}, {time}",
                exercise,
                answers,
                time
            )),
            count => paint.bad(
                &text_plural!(
                    "{exercise} has {count} problem: {answers}, {time}",
                    "{exercise} has {count} problems: {answers}, {time}",
                    count,
                    exercise,
                    answers,
                    time
                )
                .localized(),
            ),
        });
    }
}

/// Returns which answers a verdict is about.
fn answers_text(judged: &JudgedExercise) -> Text {
    let answers = text_plural!("{count} answer", "{count} answers", count = judged.answers);
    match (judged.rest, judged.recalled) {
        (0, 0) => answers,
        (0, recalled) => text!(
            "{answers}, {recalled} of them not played again",
            answers,
            recalled
        ),
        (rest, _) => text!(
            "{answers} of `lab.yaml`, with {rest} of `trial.yaml` to follow",
            answers,
            rest
        ),
    }
}

/// Returns how a problem that a phase finds is mended; `None` where the problem itself says so.
fn fix(phase: Phase) -> Option<String> {
    let fix = match phase {
        Phase::Start => localized!("change the check, or what `start` leaves there"),
        Phase::Solution | Phase::SolutionAgain => localized!("change the solution or the check"),
        Phase::RightAnswer => localized!("widen the check, or remove the answer"),
        Phase::WrongAnswer => localized!("change the check, its hints or the answer"),
        Phase::Reset => localized!("let `start` undo it"),
        Phase::OpenTransaction => localized!("let `start` do without the lock"),
        Phase::Quiz => localized!("change `quiz` in lab.yaml"),
        Phase::LeftOut | Phase::Decides | Phase::Weakened | Phase::OtherDraw => return None,
    };
    Some(fix)
}

fn show_up(context: &Context, lab: &Lab, millis: u64, keep: bool) {
    let paint = context.paint;
    let argument = context.app.lab_argument(&lab.id);
    output(&localized!(
        "{lab} is up after {time}",
        lab = paint.bold(lab.id.as_str()),
        time = duration(millis)
    ));
    let end = match keep {
        true => localized!(
            "Ctrl-C ends this; the lab stays up until `roadlab down {lab}`",
            lab = argument
        ),
        false => localized!("Ctrl-C ends this and removes the lab, unless it was up before"),
    };
    output(&paint.dim(&localized!(
        "`roadlab shell {lab}` opens a client; {end}",
        lab = argument,
        end
    )));
}

/// `check `a` passes before anything was done (lab.yaml:12)`.
fn line(problem: &TestProblem) -> String {
    let place = problem.file.as_ref().zip(problem.line);
    let place = place.map_or(String::new(), |(file, line)| format!(" ({file}:{line})"));
    sanitize(&format!("{}{place}", problem.problem))
}
