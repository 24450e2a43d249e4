//! `roadlab reset`: resets the services of a running lab to their start, or to where an exercise begins.

use std::time::Instant;

use serde_json::{Value, json};

use crate::app::{ResetKind, ResetReport, find_exercise};
use crate::commands::confirmation::{Confirmation, confirm};
use crate::commands::{Context, format};
use crate::exit::Exit;
use crate::lab::{Exercise, Lab};
use crate::localized;
use crate::report::{self, duration, output};
use crate::runner::Failure;
use crate::store::{self, ProgressError};
use crate::text;

/// Whether the learner's progress is forgotten as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Keep,
    Forget,
}

pub(crate) async fn reset(
    context: &Context,
    name: &str,
    to: Option<&str>,
    kind: ResetKind,
    progress: Progress,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let to = to.map(|to| find_exercise(&lab, to)).transpose()?;
    if progress == Progress::Forget
        && let Confirmation::Declined = confirm_forgetting(context, &lab).await?
    {
        output(&localized!(
            "declined; nothing was reset and nothing was forgotten"
        ));
        return Ok(Exit::Success);
    }
    // Progress that cannot be read would end the reset.
    let set_aside = match progress {
        Progress::Forget => context.app.set_aside_progress(&lab.id)?,
        Progress::Keep => None,
    };
    if let Some(file) = set_aside.as_ref().filter(|_| !context.global.json) {
        output(&localized!(
            "the progress file could not be read and is kept as {file}; progress starts again",
            file = report::sanitize(&file.display().to_string())
        ));
    }
    let started = Instant::now();
    let engine = context.app.existing_engine().await?;
    let done = match context.app.reset(&engine, &lab, to, kind).await {
        Ok(done) => Some(done),
        // There is nothing to reset, and the progress can be forgotten all the same.
        Err(Failure::NotRunning(_)) if progress == Progress::Forget => None,
        Err(failure) => return Err(failure),
    };
    let forgotten = match progress {
        Progress::Forget => Some(context.app.forget_progress(&lab.id)?),
        Progress::Keep => None,
    };
    context.reporter.finish();
    let millis = started.elapsed().as_millis() as u64;
    if context.global.json {
        let kept = done.iter().flat_map(|done| &done.kept);
        let kept = kept.map(|file| {
            json!({ "file": report::json_path(&file.file), "kept": report::json_path(&file.kept) })
        });
        report::document(&json!({
            "lab": lab.id.as_str(),
            "hard": kind == ResetKind::Recreate,
            "played": done.as_ref().map_or(0, |done| done.solutions_run),
            "millis": millis,
            "reset": done.is_some(),
            "kept": kept.collect::<Vec<Value>>(),
            "forgotten": forgotten,
            "damaged_progress_kept": set_aside.as_deref().map(report::json_path),
        }));
        return Ok(Exit::Success);
    }
    match &done {
        Some(done) => report_reset(&lab, to, done, progress, millis),
        None => output(&localized!(
            "{lab} is not running; nothing was reset",
            lab = lab.id
        )),
    }
    if let Some(amount) = forgotten.as_ref().filter(|_| set_aside.is_none()) {
        output(&match format::progress_amount(amount) {
            Some(amount) => localized!("forgotten: {amount}", amount),
            None => localized!("there was no progress to forget"),
        });
    }
    Ok(Exit::Success)
}

fn report_reset(
    lab: &Lab,
    to: Option<&Exercise>,
    done: &ResetReport,
    progress: Progress,
    millis: u64,
) {
    let time = duration(millis);
    output(&match to {
        Some(to) => localized!(
            "{lab} is reset to the start of `{exercise}` after {time}; solutions played: {count}",
            lab = lab.id,
            exercise = to.id,
            time,
            count = done.solutions_run
        ),
        None => localized!(
            "{lab} is reset and healthy after {time}",
            lab = lab.id,
            time
        ),
    });
    if progress == Progress::Keep {
        output(&match lab.workspace.is_some() {
            true => localized!(
                "wiped: the data of the services; kept: your progress and your own files"
            ),
            false => localized!("wiped: the data of the services; kept: your progress"),
        });
    }
}

async fn confirm_forgetting(context: &Context, lab: &Lab) -> Result<Confirmation, Failure> {
    let name = context.app.lab_argument(&lab.id);
    let folder = context.app.paths.progress();
    let progress = match store::Progress::read(&folder, &lab.id, &context.app.instance) {
        Ok(progress) => progress,
        Err(error @ (ProgressError::Unreadable { .. } | ProgressError::Newer { .. })) => {
            let lines = [report::sanitize(&error.to_string())];
            let question = localized!("Keep the file under another name and start again? [y/N]");
            let refused = text!(
                "the progress file cannot be read; confirm with `--yes` that progress starts again"
            );
            return confirm(context, &lines, &question, refused).await;
        }
        Err(error) => return Err(error.into()),
    };
    let Some(amount) = format::progress_amount(&progress.amount()) else {
        return Ok(Confirmation::Given);
    };
    let lines = [localized!("progress in {name}: {amount}", name, amount)];
    let question = localized!("Forget this permanently? [y/N]");
    let refused = text!("`--progress` removes your progress; confirm it with `--yes`");
    confirm(context, &lines, &question, refused).await
}
