//! `roadlab list`: which labs there are, how far the learner is with each, and which are up.

use std::collections::BTreeSet;

use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::{ExerciseId, LabId, Lang, Level, Summary};
use crate::report::{self, cut, memory, output, sanitize, t, table};
use crate::runner::Failure;
use crate::store::{Disposition, Journal, Lifetime, Summaries, now};

pub(crate) fn list(context: &Context) -> Result<Exit, Failure> {
    let labs = context.labs()?;
    let mut summaries = Summaries::read(&context.paths.cache);
    let journals = running(context);
    let any = !journals.is_empty();
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for (name, folder) in labs.all() {
        let summary = match summaries.of(folder) {
            Ok(summary) => summary,
            Err(problems) => {
                let folder = sanitize(&folder.display().to_string());
                let what = t!("list.broken", folder = folder);
                rows.push((context.paint.warn(&sanitize(name)), Err(what.into_owned())));
                documents.push(json!({ "lab": name, "problems": problems }));
                continue;
            }
        };
        let done = done(context, name, &summary);
        let up: Vec<&str> = journals
            .iter()
            .filter(|journal| journal.lab.as_str() == name)
            .map(|journal| journal.instance.as_str())
            .collect();
        let text = summary.text(&context.lang);
        rows.push((
            context.paint.bold(name),
            Ok(cells(context, &summary, done, any.then_some(&up))),
        ));
        documents.push(json!({
            "lab": name, "title": text.title, "summary": text.summary, "level": summary.level.name(),
            "minutes": summary.minutes, "memory": summary.memory, "roadmap": summary.roadmap,
            "exercises": summary.exercises.len(), "done": done, "up": up,
            "languages": summary.texts.keys().map(Lang::as_str).collect::<Vec<_>>(), "folder": folder,
        }));
    }
    summaries.write();
    if context.global.json {
        report::document(&documents);
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        output(&t!("list.none"));
        return Ok(Exit::Success);
    }
    let sound: Vec<Vec<String>> = rows
        .iter()
        .map(|(name, row)| {
            let cells = row.iter().flatten().cloned();
            std::iter::once(name.clone()).chain(cells).collect()
        })
        .collect();
    for (line, (_, row)) in table(&sound).iter().zip(&rows) {
        let line = match row {
            Ok(_) => line.clone(),
            Err(what) => format!("{line}  {what}"),
        };
        output(
            &context
                .width()
                .map_or(line.clone(), |width| cut(&line, width)),
        );
    }
    output(&format!("\n{}", context.paint.dim(&t!("list.next"))));
    Ok(Exit::Success)
}

/// What stands behind the name of a lab; `up` has its instances, or `None` if nothing at all is up.
fn cells(context: &Context, summary: &Summary, done: usize, up: Option<&[&str]>) -> Vec<String> {
    let paint = context.paint;
    let progress = format!("{done}/{}", summary.exercises.len());
    let progress = match done {
        0 => paint.dim(&progress),
        _ => paint.good(&progress),
    };
    let mut cells = vec![
        level(summary.level),
        t!("list.minutes", minutes = summary.minutes).into_owned(),
        memory(summary.memory as u64),
        progress,
    ];
    match up {
        None => {}
        Some([]) => cells.push(String::new()),
        Some(["main"]) => cells.push(paint.good(&t!("list.up"))),
        Some(several) => {
            let several = t!("list.up_several", instances = several.join(", "));
            cells.push(paint.good(&several));
        }
    }
    cells.push(sanitize(&summary.text(&context.lang).title));
    cells
}

/// How many exercises of a lab are done.
pub(crate) fn done(context: &Context, name: &str, summary: &Summary) -> usize {
    let progress = LabId::new(name)
        .ok()
        .and_then(|id| context.progress(&id).ok())
        .unwrap_or_default();
    let done: BTreeSet<&ExerciseId> = progress.done.keys().collect();
    let exercises = summary.exercises.iter();
    exercises.filter(|exercise| done.contains(exercise)).count()
}

/// Runs that are meant to be up. The engine is not asked.
fn running(context: &Context) -> Vec<Journal> {
    let mut journals = Journal::all(&context.paths.runs());
    // Of a run whose program is gone the reaper makes an end within seconds.
    journals.retain(|journal| {
        journal.life == Lifetime::Process || journal.disposition(now()) != Disposition::Remove
    });
    journals
}

pub(crate) fn level(level: Level) -> String {
    let word = match level {
        Level::Beginner => t!("list.beginner"),
        Level::Intermediate => t!("list.intermediate"),
        Level::Advanced => t!("list.advanced"),
    };
    word.into_owned()
}
