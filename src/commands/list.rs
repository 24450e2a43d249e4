//! `roadlab list`: all labs, the learner's progress in each, and which are running.

use serde_json::{Value, json};

use crate::app::LabEntry;
use crate::commands::{Context, added_output, format};
use crate::exit::Exit;
use crate::lab::{Instance, Lang, Summary};
use crate::localized;
use crate::report::{self, error, memory, output, sanitize, sanitize_line, table, table_within};
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
    let rows = without_what_does_not_fit(rows.collect(), context.width());
    let title = rows.iter().map(Vec::len).max().unwrap_or(1) - 1;
    let mut entries = list.entries.iter();
    for line in table_within(&rows, title, context.width()) {
        // A title can have several lines.
        let entry = match line.starts_with(' ') {
            true => None,
            false => entries.next(),
        };
        match entry.map(|entry| (&entry.summary, &entry.folder)) {
            Some((Err(_), folder)) => {
                let folder = sanitize(&folder.display().to_string());
                let text = localized!("has problems: `roadlab validate {folder}`", folder);
                output(&format!("{line}  {text}"));
            }
            _ => output(&line),
        }
    }
    let added = list.entries.iter();
    let added = added.filter_map(|entry| Some((entry, entry.origin.as_ref()?)));
    for (at, (entry, origin)) in added.enumerate() {
        if at == 0 {
            output("");
        }
        let version = entry.summary.as_ref().ok();
        let version = version.and_then(|summary| summary.version.as_ref());
        let version = version.map(|version| format!(" {version}"));
        let lab = format!("{}{}", entry.name, version.unwrap_or_default());
        output(&sanitize_line(&localized!(
            "{lab} was added from {origin}",
            lab,
            origin
        )));
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

/// Leaves out the memory, the level and the time of the labs, in this order, while their titles have too little room.
fn without_what_does_not_fit(mut rows: Vec<Vec<String>>, width: Option<usize>) -> Vec<Vec<String>> {
    /// The columns after the name: level, time, memory.
    const LEFT_OUT: [usize; 3] = [3, 1, 1];
    const TITLE: usize = 28;
    let Some(width) = width else {
        return rows;
    };
    for column in LEFT_OUT {
        let without_titles = rows.iter().map(|row| row[..row.len() - 1].to_vec());
        let lines = table(&without_titles.collect::<Vec<_>>());
        let used = lines.iter().map(|line| console::measure_text_width(line));
        if used.max().unwrap_or(0) + 2 + TITLE <= width {
            break;
        }
        for row in rows.iter_mut().filter(|row| row.len() > 1) {
            row.remove(column);
        }
    }
    rows
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
        "after": summary.after,
        "exercises": summary.exercises.len(),
        "points": summary.points,
        "done": entry.done.as_ref().copied().unwrap_or(0),
        "solution_played": entry.played,
        "held_last": entry.holding,
        "up": entry.running,
        "paused": entry.paused,
        "languages": summary.texts.keys().map(Lang::as_str).collect::<Vec<_>>(),
        "folder": report::json_path(&entry.folder),
        "version": summary.version,
        "origin": entry.origin.as_ref().map(added_output::origin_json),
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
        let played = localized!("solution played {count}", count = entry.played);
        progress.push_str(&paint.dim(&format!(" · {played}")));
    }
    if entry.holding > 0 && !entry.running.is_empty() {
        let holding = localized!("passing {passed}", passed = entry.holding);
        progress.push_str(&paint.dim(&format!(" · {holding}")));
    }
    let mut cells = vec![
        format::level(summary.level),
        localized!("{minutes} min", minutes = summary.minutes),
        memory(summary.memory as u64),
        progress,
    ];
    if any_running {
        let joined = |instances: &[Instance]| {
            let names: Vec<&str> = instances.iter().map(Instance::as_str).collect();
            names.join(", ")
        };
        let running = match entry.running.as_slice() {
            [] => None,
            [only] if only.is_main() => Some(localized!("up")),
            several => Some(localized!("up: {instances}", instances = joined(several))),
        };
        let paused = match entry.paused.as_slice() {
            [] => None,
            [only] if only.is_main() => Some(localized!("paused")),
            several => Some(localized!(
                "paused: {instances}",
                instances = joined(several)
            )),
        };
        let running = running.map(|text| paint.good(&text));
        let paused = paused.map(|text| paint.warn(&text));
        let states: Vec<String> = running.into_iter().chain(paused).collect();
        cells.push(states.join(", "));
    }
    cells.push(sanitize(&summary.text(&context.app.lang).title));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_list_has_whole_titles_and_fewer_columns() {
        let row = |name: &str, up: &str| {
            let cells = [
                name,
                "intermediate",
                "150 min",
                "2.0 GiB",
                "0/13",
                up,
                "Airflow: the night shift of a shop",
            ];
            cells.map(str::to_owned).to_vec()
        };
        let rows = vec![row("airflow", ""), row("postgres-vs-mongodb", "up: a1")];
        assert_eq!(without_what_does_not_fit(rows.clone(), None), rows);
        assert_eq!(without_what_does_not_fit(rows.clone(), Some(120)), rows);
        let narrow = without_what_does_not_fit(rows.clone(), Some(80));
        assert_eq!(
            narrow[1].join("|"),
            "postgres-vs-mongodb|150 min|0/13|up: a1|Airflow: the night shift of a shop"
        );
        let narrowest = without_what_does_not_fit(rows, Some(40));
        assert_eq!(narrowest[1].len(), 4);
        // A lab with problems has only its name.
        let broken = vec![vec!["broken".to_owned()]];
        assert_eq!(without_what_does_not_fit(broken.clone(), Some(40)), broken);
    }
}
