//! `roadlab add`: adds a lab from a file or a Git repository.

use crate::commands::{Context, added_output};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, output};
use crate::runner::Failure;

pub(crate) async fn add(
    context: &Context,
    source: &str,
    lab: Option<&str>,
) -> Result<Exit, Failure> {
    let added = context.app.add(source, lab).await?;
    context.reporter.finish();
    if context.global.json {
        report::document(&added_output::as_json(&added));
        return Ok(Exit::Success);
    }
    added_output::show(context, &added);
    let next = localized!(
        "next: `roadlab show {lab}`, `roadlab run {lab}`",
        lab = &added.lab
    );
    output(&context.paint.dim(&next));
    Ok(Exit::Success)
}
