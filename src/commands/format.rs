//! Lines and words that several commands show alike.

use crate::app::{TypedSolution, WebPage};
use crate::commands::Context;
use crate::lab::{Exercise, Lab, Level};
use crate::report::{Paint, duration, markdown, sanitize, table};
use crate::runner::Live;
use crate::store::{ProgressAmount, now};
use crate::{localized, text_plural};

/// Returns the name of a level.
pub(super) fn level(level: Level) -> String {
    match level {
        Level::Beginner => localized!("beginner"),
        Level::Intermediate => localized!("intermediate"),
        Level::Advanced => localized!("advanced"),
    }
}

/// Returns a title with what the exercise is worth.
pub(super) fn with_points(exercise: &Exercise, title: &str) -> String {
    match exercise.points {
        None => title.to_owned(),
        Some(points) => {
            let points = text_plural!("{count} point", "{count} points", count = points);
            format!("{title} ({})", points.localized())
        }
    }
}

/// Returns when a run expires; `until` is in seconds since 1970.
pub(super) fn expiry(until: u64) -> String {
    match until.checked_sub(now()).filter(|left| *left > 0) {
        Some(left) => localized!("expires in {time}", time = duration(left * 1000)),
        None => localized!("expired; it is being removed"),
    }
}

/// Returns an amount of progress in words; `None` if there is none.
pub(super) fn progress_amount(amount: &ProgressAmount) -> Option<String> {
    let parts = [
        (amount.solved > 0).then(|| localized!("solved: {count}", count = amount.solved)),
        (amount.played > 0).then(|| localized!("solution played: {count}", count = amount.played)),
        (amount.answers > 0).then(|| localized!("quiz answers: {count}", count = amount.answers)),
        (amount.hints > 0).then(|| localized!("hints: {count}", count = amount.hints)),
        (amount.seconds > 0)
            .then(|| localized!("time: {time}", time = duration(amount.seconds * 1000))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Returns the lines of a solution: the guide's words, and what is typed where.
pub(super) fn solution_lines(context: &Context, solution: &TypedSolution) -> Vec<String> {
    let paint = context.paint;
    let mut lines = Vec::new();
    if let Some(prose) = &solution.prose {
        lines.push(markdown(prose, context.width(), paint));
    }
    for block in &solution.blocks {
        lines.push(format!(
            "  {}",
            paint.dim(&format!("# {}", sanitize(&block.place)))
        ));
        lines.extend(block.lines.iter().map(|line| match line.is_empty() {
            true => String::new(),
            false => format!("  {}", sanitize(line)),
        }));
    }
    if let Some(answer) = &solution.answer {
        let choice = sanitize(answer);
        lines.push(format!(
            "  {}",
            localized!("the answer is {choice}", choice)
        ));
    }
    lines
}

/// Returns a line for each address of a running lab, and one for the learner's folder.
pub(super) fn address_lines(paint: Paint, lab: &Lab, live: &Live) -> Vec<String> {
    let mut rows = Vec::new();
    let pages = WebPage::list(lab, &live.addresses);
    for (name, address) in &live.addresses {
        if let Some(url) = &address.url {
            rows.push(vec![format!("  {name}"), paint.link(&sanitize(url))]);
        }
        for page in pages.iter().filter(|page| page.service == *name) {
            let login = page.login.as_ref();
            let login = login.map(|login| format!("  ({})", sanitize(login)));
            rows.push(vec![
                format!("  {name}: {}", sanitize(&page.title)),
                format!(
                    "{}{}",
                    paint.link(&sanitize(&page.url)),
                    login.unwrap_or_default()
                ),
            ]);
        }
    }
    if let Some(workspace) = &live.workspace {
        rows.push(vec![
            format!("  {}", localized!("your files")),
            paint.link(&sanitize(&workspace.display().to_string())),
        ]);
    }
    table(&rows)
}
