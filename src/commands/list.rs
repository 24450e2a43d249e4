//! `roadlab list`: all labs, the learner's progress in each, and which are running.

use serde_json::{Value, json};

use crate::app::LabEntry;
use crate::commands::{Context, format};
use crate::exit::Exit;
use crate::lab::{Lang, Summary};
use crate::localized;
use crate::report::{self, cut, error, memory, output, sanitize, table};
use crate::runner::Failure;

pub(crate) fn list(context: &Context) -> Result<Exit, Failure> {
    let list = context.app.list_labs()?;
    if context.global.json {
        let documents: Vec<Value> = list
            .entries
            .iter()
            .map(|entry| as_json(context, entry))
            .collect();
        report::document(&documents);
        return Ok(Exit::Success);
    }
    if list.entries.is_empty() {
        output(&localized!(
            "no labs found; list the labs of another folder with `roadlab --labs DIR list`"
        ));
        return Ok(Exit::Success);
    }
    let paint = context.paint;
    // A lab with problems has a text instead of cells.
    let rows = list.entries.iter().map(|entry| match &entry.summary {
        Ok(summary) => {
            let mut row = vec![paint.bold(&entry.name)];
            row.extend(cells(context, entry, summary, list.any_running));
            row
        }
        Err(_) => vec![paint.warn(&sanitize(&entry.name))],
    });
    for (line, entry) in table(&rows.collect::<Vec<_>>()).iter().zip(&list.entries) {
        let line = match &entry.summary {
            Ok(_) => line.clone(),
            Err(_) => {
                let folder = sanitize(&entry.folder.display().to_string());
                let text = localized!("has problems: `roadlab validate {folder}`", folder);
                format!("{line}  {text}")
            }
        };
        let width = context.width();
        output(&width.map_or(line.clone(), |width| cut(&line, width)));
    }
    let next = localized!("`roadlab show LAB` describes a lab, `roadlab run LAB` starts it");
    output(&format!("\n{}", paint.dim(&next)));
    for problem in list
        .entries
        .iter()
        .filter_map(|entry| entry.done.as_ref().err())
    {
        error(&sanitize(&problem.to_string()));
    }
    Ok(Exit::Success)
}

fn as_json(context: &Context, entry: &LabEntry) -> Value {
    let summary = match &entry.summary {
        Ok(summary) => summary,
        Err(problems) => return json!({ "lab": entry.name, "problems": problems }),
    };
    let words = summary.text(&context.app.lang);
    let mut document = json!({
        "lab": entry.name,
        "title": words.title,
        "summary": words.summary,
        "level": summary.level.name(),
        "minutes": summary.minutes,
        "memory": summary.memory,
        "roadmap": summary.roadmap,
        "exercises": summary.exercises.len(),
        "done": entry.done.as_ref().copied().unwrap_or(0),
        "solution_played": entry.played,
        "held_last": entry.holding,
        "up": entry.running,
        "languages": summary.texts.keys().map(Lang::as_str).collect::<Vec<_>>(),
        "folder": report::json_path(&entry.folder),
    });
    if let Err(problem) = &entry.done {
        document["progress_error"] = json!(problem.to_string());
    }
    document
}

/// Returns the cells of a lab without problems, with one for its running instances if anything is running.
fn cells(context: &Context, entry: &LabEntry, summary: &Summary, any_running: bool) -> Vec<String> {
    let paint = context.paint;
    let all = summary.exercises.len();
    let mut progress = match &entry.done {
        Ok(0) => paint.dim(&format!("0/{all}")),
        Ok(done) => paint.good(&format!("{done}/{all}")),
        Err(_) => paint.warn(&format!("?/{all}")),
    };
    if entry.played > 0 {
        let played = localized!("+{count} by solution", count = entry.played);
        progress.push_str(&paint.dim(&format!(" {played}")));
    }
    if entry.holding > 0 && !entry.running.is_empty() {
        let holding = localized!("hold now {passed}", passed = entry.holding);
        progress.push_str(&paint.dim(&format!(" · {holding}")));
    }
    let mut cells = vec![
        format::level(summary.level),
        localized!("{minutes} min", minutes = summary.minutes),
        memory(summary.memory as u64),
        progress,
    ];
    if any_running {
        cells.push(match entry.running.as_slice() {
            [] => String::new(),
            [only] if only.is_main() => paint.good(&localized!("up")),
            several => {
                let names = several.iter().map(|instance| instance.as_str());
                let instances = names.collect::<Vec<_>>().join(", ");
                paint.good(&localized!("up: {instances}", instances))
            }
        });
    }
    cells.push(sanitize(&summary.text(&context.app.lang).title));
    cells
}
