//! The text that closes an exercise: what the learner has seen by solving it.

use crate::commands::Context;
use crate::lab::{Addresses, Exercise, Lab};
use crate::report::{markdown, sanitize};

/// Returns the closing text of an exercise as Markdown with the addresses in it, if the guide has one.
pub(super) fn closing_markdown(
    context: &Context,
    lab: &Lab,
    exercise: &Exercise,
    addresses: &Addresses,
) -> Option<String> {
    let after = lab
        .section(&exercise.id, &context.app.lang)
        .after
        .as_ref()?;
    Some(
        context
            .app
            .fill_in_addresses(lab, &after.markdown, addresses),
    )
}

/// Returns the closing text of an exercise for the terminal or a pipe, with its heading and an empty line before it.
pub(super) fn closing_lines(
    context: &Context,
    lab: &Lab,
    exercise: &Exercise,
    addresses: &Addresses,
) -> Option<String> {
    let text = closing_markdown(context, lab, exercise, addresses)?;
    let title = &lab.section(&exercise.id, &context.app.lang).after_title;
    let title = context.paint.good(&sanitize(title));
    let text = markdown(&text, context.width(), context.paint);
    Some(format!("\n{title}\n\n{text}"))
}
