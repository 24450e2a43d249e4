//! `roadlab next`: which lab fits next, and how long it takes.

use serde_json::json;

use crate::app::{NextLab, NextReason};
use crate::commands::{Context, next_output};
use crate::exit::Exit;
use crate::lab::LabId;
use crate::localized;
use crate::report::{self, error, output, rows_within, sanitize};
use crate::runner::Failure;

pub(crate) fn next(context: &Context) -> Result<Exit, Failure> {
    let found = context.app.next_labs()?;
    for problem in &found.problems {
        error(&sanitize(&problem.to_string()));
    }
    let next = &found.labs;
    if context.global.json {
        let labs = next.iter().map(|next| {
            json!({
                "lab": next.lab,
                "title": next.summary.text(&context.app.lang).title,
                "reason": match next.reason {
                    NextReason::Begun => "begun",
                    NextReason::Fits => "fits",
                    NextReason::Later => "later",
                },
                "left": next.left,
                "exercises": next.summary.exercises.len(),
                "minutes": next.minutes,
                "after": next.after,
            })
        });
        report::document(&labs.collect::<Vec<_>>());
        return Ok(Exit::Success);
    }
    let Some(first) = next.first() else {
        output(&match found.any {
            true => {
                localized!("every exercise of every lab is solved; `roadlab list` shows the labs")
            }
            false => localized!("no labs found; `roadlab list --help` says in which folders"),
        });
        return Ok(Exit::Success);
    };
    let rows: Vec<Vec<String>> = next.iter().map(|next| row(context, next)).collect();
    let mut before = None;
    for (next, lines) in next.iter().zip(rows_within(&rows, 2, context.width())) {
        if before != Some(next.reason) {
            let heading = match next.reason {
                NextReason::Begun => localized!("begun"),
                NextReason::Fits => localized!("fits next"),
                NextReason::Later => localized!("later"),
            };
            let gap = if before.is_some() { "\n" } else { "" };
            output(&format!("{gap}{}", context.paint.bold(&heading)));
            before = Some(next.reason);
        }
        lines.iter().for_each(|line| output(line));
    }
    let lab = match LabId::new(&first.lab) {
        Ok(lab) => context.app.lab_argument(&lab),
        Err(_) => sanitize(&first.lab),
    };
    let command = localized!("next: `roadlab run {lab}`", lab);
    output(&format!("\n{}", context.paint.dim(&command)));
    Ok(Exit::Success)
}

/// Returns the columns of a lab: its name, what is left of it, its title, and which labs come first.
fn row(context: &Context, next: &NextLab) -> Vec<String> {
    let mut title = sanitize(&next.summary.text(&context.app.lang).title);
    if !next.after.is_empty() {
        let labs = sanitize(&next.after.join(", "));
        title = localized!("{title} (after {labs})", title, labs);
    }
    vec![
        format!("  {}", context.paint.link(&sanitize(&next.lab))),
        next_output::amount(next),
        title,
    ]
}
