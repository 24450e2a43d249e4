//! `roadlab list`: all labs, the learner's progress in each, and which are running.

use serde_json::{Value, json};

use crate::app::LabEntry;
use crate::commands::{Context, added_output, format};
use crate::exit::Exit;
use crate::lab::{Instance, Lang, Summary};
use crate::localized;
use crate::report::{
    self, cut, error, memory, output, rows_within, sanitize, sanitize_line, table,
};
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
    let rows = |columns: Columns| -> Vec<Vec<String>> {
        let rows = list.entries.iter().map(|entry| match &entry.summary {
            Ok(summary) => {
                let mut row = vec![paint.bold(&entry.name)];
                row.extend(cells(context, entry, summary, list.any_running, columns));
                row
            }
            Err(_) => vec![paint.warn(&sanitize(&entry.name))],
        });
        rows.collect()
    };
    let forms = Columns::FORMS.map(rows);
    for (entry, lines) in list.entries.iter().zip(fitting(&forms, context.width())) {
        match &entry.summary {
            Ok(_) => lines.iter().for_each(|line| output(line)),
            Err(_) => {
                let folder = sanitize(&entry.folder.display().to_string());
                let text = localized!("has problems: `roadlab validate {folder}`", folder);
                output(&format!("{}  {text}", lines.concat()));
            }
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
        .filter_map(|entry| entry.score.as_ref().err())
    {
        error(&sanitize(&problem.to_string()));
    }
    Ok(Exit::Success)
}

/// Which columns a list has beside the names, the progress, what runs and the titles.
#[derive(Debug, Clone, Copy)]
struct Columns {
    level: bool,
    minutes: bool,
    memory: bool,
    /// The progress in words, with the number of played solutions, in place of the bare number of solved exercises.
    details: bool,
}

impl Columns {
    /// From all to the fewest, for narrower and narrower terminals.
    const FORMS: [Self; 5] = {
        let all = Self {
            level: true,
            minutes: true,
            memory: true,
            details: true,
        };
        let without_memory = Self {
            memory: false,
            ..all
        };
        let without_level = Self {
            level: false,
            ..without_memory
        };
        let without_details = Self {
            details: false,
            ..without_level
        };
        let fewest = Self {
            minutes: false,
            ..without_details
        };
        [all, without_memory, without_level, without_details, fewest]
    };
}

/// Returns the lines of each row in the first form that has room for the titles, of which it may cut the longest. Only where
/// even the last form has next to no room for them, they are wrapped.
fn fitting(forms: &[Vec<Vec<String>>], width: Option<usize>) -> Vec<Vec<String>> {
    /// The room that titles should have, and the least in which they are cut.
    const TITLE: usize = 40;
    const LEAST: usize = 28;
    let one_each = |lines: Vec<String>| -> Vec<Vec<String>> {
        lines.into_iter().map(|line| vec![line]).collect()
    };
    let (Some(last), Some(width)) = (forms.last(), width) else {
        return forms
            .first()
            .map_or_else(Vec::new, |rows| one_each(table(rows)));
    };
    let has_room = |rows: &Vec<Vec<String>>, title: usize| {
        let without_titles = rows.iter().map(|row| row[..row.len() - 1].to_vec());
        let others = widest(&table(&without_titles.collect::<Vec<_>>()));
        let titles = rows.iter().filter(|row| row.len() > 1);
        let titles: Vec<String> = titles.filter_map(|row| row.last().cloned()).collect();
        others + 2 + title.min(widest(&titles)) <= width
    };
    let roomy = forms.iter().find(|rows| has_room(rows, TITLE));
    match roomy.or_else(|| Some(last).filter(|rows| has_room(rows, LEAST))) {
        Some(rows) => {
            let lines = table(rows).into_iter();
            one_each(lines.map(|line| cut(&line, width)).collect())
        }
        None => {
            let title = last.iter().map(Vec::len).max().unwrap_or(1) - 1;
            rows_within(last, title, Some(width))
        }
    }
}

fn widest(lines: &[String]) -> usize {
    let widths = lines.iter().map(|line| console::measure_text_width(line));
    widths.max().unwrap_or(0)
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
        "done": entry.score.as_ref().map_or(0, |score| score.solved),
        "solution_played": entry.score.as_ref().map_or(0, |score| score.by_solution),
        "held_last": entry.held_last,
        "up": entry.running,
        "paused": entry.paused,
        "languages": summary.texts.keys().map(Lang::as_str).collect::<Vec<_>>(),
        "folder": report::json_path(&entry.folder),
        "version": summary.version,
        "origin": entry.origin.as_ref().map(added_output::origin_json),
    });
    if let Err(problem) = &entry.score {
        document["progress_error"] = json!(problem.to_string());
    }
    document
}

/// Returns the cells of a lab without problems, with one for its running instances if anything is running.
fn cells(
    context: &Context,
    entry: &LabEntry,
    summary: &Summary,
    any_running: bool,
    columns: Columns,
) -> Vec<String> {
    let paint = context.paint;
    let all = summary.exercises.len();
    let progress = match (&entry.score, columns.details) {
        (Ok(score), true) => score.text(),
        (Ok(score), false) => format!("{}/{all}", score.solved),
        (Err(_), true) => localized!("progress unknown"),
        (Err(_), false) => format!("?/{all}"),
    };
    let progress = match &entry.score {
        Ok(score) if score.solved > 0 => paint.good(&progress),
        Ok(_) => paint.dim(&progress),
        Err(_) => paint.warn(&progress),
    };
    let level = columns.level.then(|| format::level(summary.level));
    let minutes = localized!("{minutes} min", minutes = summary.minutes);
    let minutes = columns.minutes.then_some(minutes);
    let memory = columns.memory.then(|| memory(summary.memory as u64));
    let mut cells: Vec<String> = level.into_iter().chain(minutes).chain(memory).collect();
    cells.push(progress);
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

    /// The rows of the forms of a list of two labs.
    fn forms(title: &str) -> Vec<Vec<Vec<String>>> {
        let row = |name: &str, up: &str, columns: Columns| {
            let progress = match columns.details {
                true => "solved 2 of 13",
                false => "2/13",
            };
            let cells = [
                Some(name),
                columns.level.then_some("intermediate"),
                columns.minutes.then_some("150 min"),
                columns.memory.then_some("2.0 GiB"),
                Some(progress),
                Some(up),
                Some(title),
            ];
            cells.into_iter().flatten().map(str::to_owned).collect()
        };
        let rows = |columns| {
            vec![
                row("airflow", "", columns),
                row("postgres-vs-mongodb", "up", columns),
            ]
        };
        Columns::FORMS.map(rows).to_vec()
    }

    #[track_caller]
    fn check(title: &str, width: Option<usize>, expected: &[&str]) {
        let lines = fitting(&forms(title), width).concat();
        assert_eq!(lines, expected);
        let width = width.unwrap_or(usize::MAX);
        assert!(widest(&lines) <= width);
    }

    #[test]
    fn a_list_has_a_line_for_each_lab_and_fewer_columns_where_there_is_no_room() {
        let title = "Airflow: the night shift of a stationery shop";
        let whole = [
            "airflow              intermediate  150 min  2.0 GiB  solved 2 of 13      Airflow: the night shift of a stationery shop",
            "postgres-vs-mongodb  intermediate  150 min  2.0 GiB  solved 2 of 13  up  Airflow: the night shift of a stationery shop",
        ];
        check(title, None, &whole);
        check(title, Some(200), &whole);
        check(
            title,
            Some(80),
            &[
                "airflow              150 min  2/13      Airflow: the night shift of a stationer…",
                "postgres-vs-mongodb  150 min  2/13  up  Airflow: the night shift of a stationer…",
            ],
        );
        check(
            title,
            Some(79),
            &[
                "airflow              2/13      Airflow: the night shift of a stationery shop",
                "postgres-vs-mongodb  2/13  up  Airflow: the night shift of a stationery shop",
            ],
        );
        check(
            title,
            Some(72),
            &[
                "airflow              2/13      Airflow: the night shift of a stationery…",
                "postgres-vs-mongodb  2/13  up  Airflow: the night shift of a stationery…",
            ],
        );
        check(
            "Airflow",
            Some(70),
            &[
                "airflow              150 min  solved 2 of 13      Airflow",
                "postgres-vs-mongodb  150 min  solved 2 of 13  up  Airflow",
            ],
        );
    }

    #[test]
    fn a_list_wraps_titles_only_in_a_very_narrow_terminal() {
        let lines = fitting(&forms("Airflow: the night shift"), Some(48));
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        // A lab with problems has only its name.
        let broken = vec![vec![vec!["broken".to_owned()]]; 5];
        assert_eq!(fitting(&broken, Some(40)), [["broken"]]);
    }
}
