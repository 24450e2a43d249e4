//! `roadlab author`: keeps a lab up and tests what its author saves.

use crate::app::{AuthorEvent, AuthorOptions};
use crate::commands::error_output::problem_json;
use crate::commands::played_output::show_played;
use crate::commands::{Context, report_failure};
use crate::event::{JudgedExercise, ResultLine, TestProblem};
use crate::exit::Exit;
use crate::lab::{ExerciseId, Lab};
use crate::localized;
use crate::report::{self, duration, output, sanitize};
use crate::runner::Failure;
use crate::store::Lifetime;
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
    let show = |event: AuthorEvent<'_>| {
        context.reporter.finish();
        match context.global.json {
            true => show_json(context, event),
            false => show_text(context, event, keep),
        }
    };
    tokio::select! {
        ended = context.app.author(&engine, lab, &options, &show) => ended.map(|()| Exit::Success),
        () = report::output_closed() => Ok(Exit::Success),
    }
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
        AuthorEvent::Failed(failure) => report_failure(failure, context.paint, true),
        AuthorEvent::Up { .. } | AuthorEvent::Waiting { .. } => {}
    }
}

fn show_text(context: &Context, event: AuthorEvent<'_>, keep: bool) {
    let paint = context.paint;
    match event {
        AuthorEvent::Broken { problems, is_up } => {
            for problem in problems {
                output(&report::problem(problem, paint));
                output("");
            }
            let count = problems.len();
            let found = text_plural!("{count} problem", "{count} problems", count).localized();
            output(&paint.bad(&match is_up {
                true => localized!("{problems}; the lab stays as it was", problems = found),
                false => localized!(
                    "{problems}; waiting until they are mended",
                    problems = found
                ),
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
        AuthorEvent::Up { lab, millis } => show_up(context, lab, millis, keep),
        AuthorEvent::Played(played) => show_played(context, played),
        AuthorEvent::Verdict(judged) => show_judged(context, judged),
        AuthorEvent::Unavailable(exercise) => output(&paint.warn(&localized!(
            "{exercise} needs a service that is unavailable",
            exercise
        ))),
        AuthorEvent::Failed(failure) => report_failure(failure, paint, false),
        AuthorEvent::Waiting { lab } => {
            let folder = lab.map(|lab| lab.folder.display().to_string());
            output(&paint.dim(&match folder {
                Some(folder) => localized!(
                    "waiting for a change in {folder}",
                    folder = sanitize(&folder)
                ),
                None => localized!("waiting for a change"),
            }));
        }
    }
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

fn show_judged(context: &Context, judged: &JudgedExercise) {
    let paint = context.paint;
    for note in &judged.notes {
        output(&paint.dim(&format!(
            "  {}",
            localized!("note: {text}", text = line(note))
        )));
    }
    for problem in &judged.problems {
        output(&format!("  {}", paint.bad(&line(problem))));
    }
    let answers = text_plural!("{count} answer", "{count} answers", count = judged.answers);
    let time = duration(judged.millis);
    let exercise = &judged.exercise;
    output(&match judged.problems.len() {
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

/// `check `a` passes before anything was done (lab.yaml:12)`.
fn line(problem: &TestProblem) -> String {
    let place = problem.file.as_ref().zip(problem.line);
    let place = place.map_or(String::new(), |(file, line)| format!(" ({file}:{line})"));
    sanitize(&format!("{}{place}", problem.problem))
}
