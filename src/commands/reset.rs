//! `roadlab reset`: resets a running lab to its start, or to where an exercise begins.

use std::time::Instant;

use serde_json::json;

use crate::app::{ResetKind, find_exercise};
use crate::commands::Context;
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, duration, output};
use crate::runner::Failure;

pub(crate) async fn reset(
    context: &Context,
    name: &str,
    to: Option<&str>,
    kind: ResetKind,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    let lab = context.lab(name)?;
    let to = to.map(|to| find_exercise(&lab, to)).transpose()?;
    let engine = context.existing_engine().await?;
    let done = context.reset(&engine, &lab, to, kind).await?;
    context.reporter.finish();
    let millis = started.elapsed().as_millis() as u64;
    if context.global.json {
        report::document(&json!({
            "lab": lab.id.as_str(),
            "hard": kind == ResetKind::Recreate,
            "played": done.solutions_run,
            "millis": millis,
        }));
        return Ok(Exit::Success);
    }
    let time = duration(millis);
    output(&match to {
        Some(to) => localized!(
            "{lab} is reset to the start of `{exercise}` after {time}; solutions run: {count}",
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
    Ok(Exit::Success)
}
