//! `roadlab report`: what a learner did in a lab, for an instructor.

use serde_json::{Value, json};

use crate::app::{ExerciseReport, LabReport, SolvedBy, local_time, utc};
use crate::commands::Context;
use crate::exit::Exit;
use crate::report::{self, cut, duration, output, sanitize, table};
use crate::runner::Failure;
use crate::{localized, text, text_plural};

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Csv,
}

pub(crate) fn report(
    context: &Context,
    name: &str,
    who: Option<String>,
    form: Form,
) -> Result<Exit, Failure> {
    let is_name = |who: &String| !who.trim().is_empty() && !who.chars().any(char::is_control);
    if who.as_ref().is_some_and(|who| !is_name(who)) {
        return Err(Failure::Usage(text!(
            "`--name` needs a name in one line, without control characters"
        )));
    }
    let lab = context.lab(name)?;
    let found = context.app.report(&lab, who)?;
    match (context.global.json, form) {
        (true, Form::Csv) => {
            return Err(Failure::Usage(text!(
                "`--csv` and `--json` exclude each other"
            )));
        }
        (true, Form::Text) => report::document(&as_json(&found)),
        (false, Form::Csv) => {
            for line in found.csv().split_terminator('\n') {
                report::output_unwrapped(line);
            }
        }
        (false, Form::Text) => show(context, &found),
    }
    Ok(Exit::Success)
}

fn as_json(report: &LabReport) -> Value {
    let exercises = report.exercises.iter().map(|one| {
        json!({
            "exercise": one.exercise.as_str(),
            "title": one.title,
            "points": one.points,
            "earned": one.earned(),
            "by": one.by.map(SolvedBy::name),
            "solved_at": one.at.and_then(utc),
            "solution_played_at": one.solution_at.and_then(utc),
            "hints": one.hints,
            "attempts": one.attempts,
            "seconds": one.seconds,
            "draw": one.draw,
        })
    });
    json!({
        "lab": report.lab,
        "title": report.title,
        "instance": report.instance,
        "who": report.who,
        "points": report.points(),
        "earned": report.earned(),
        "solved": report.solved(),
        "hints": hints(report),
        "seconds": seconds(report),
        "exercises": exercises.collect::<Vec<_>>(),
    })
}

fn hints(report: &LabReport) -> usize {
    report.exercises.iter().map(|one| one.hints).sum()
}

fn seconds(report: &LabReport) -> u64 {
    report.exercises.iter().map(|one| one.seconds).sum()
}

fn show(context: &Context, report: &LabReport) {
    let paint = context.paint;
    output(&paint.bold(&sanitize(&format!("{} · {}", report.title, report.who))));
    let rows = report.exercises.iter().map(|one| cells(context, one));
    for line in lines(rows.collect(), context.width()) {
        output(&line);
    }
    let mut totals = vec![localized!(
        "{solved} of {exercises} solved",
        solved = report.solved(),
        exercises = report.exercises.len()
    )];
    totals.extend(points(report));
    totals.push(hint_count(hints(report)));
    if seconds(report) > 0 {
        totals.push(duration(seconds(report) * 1000));
    }
    output(&format!("\n{}", totals.join(" · ")));
}

/// Returns the points that the learner has; `None` if no exercise has any. Where only some have points, that is said: it is no
/// mark for the whole lab.
fn points(report: &LabReport) -> Option<String> {
    let count = report.with_points();
    let (earned, points) = (report.earned(), report.points());
    let all = localized!("{earned} of {points} points", earned, points);
    if count == 0 || count == report.exercises.len() {
        return (count > 0).then_some(all);
    }
    let only = text_plural!(
        "only {count} exercise has points",
        "only {count} exercises have points",
        count
    );
    Some(format!("{all} ({})", only.localized()))
}

/// Returns a line for each exercise. Where there is no room, the titles are cut or left out, then the attempts.
fn lines(mut rows: Vec<Vec<String>>, width: Option<usize>) -> Vec<String> {
    /// The columns of the attempts and the titles.
    const ATTEMPTS: usize = 4;
    const TITLE: usize = 6;
    /// The least room in which titles are cut.
    const LEAST: usize = 20;
    let all = table(&without_empty_columns(rows.clone()));
    let widest = |lines: &[String]| {
        let widths = lines.iter().map(|line| console::measure_text_width(line));
        widths.max().unwrap_or(0)
    };
    let Some(width) = width.filter(|width| widest(&all) > *width) else {
        return all;
    };
    rows.iter_mut().for_each(|row| row[TITLE].clear());
    let without_titles = table(&without_empty_columns(rows.clone()));
    if widest(&without_titles) + 2 + LEAST <= width {
        return all.iter().map(|line| cut(line, width)).collect();
    }
    if widest(&without_titles) <= width {
        return without_titles;
    }
    rows.iter_mut().for_each(|row| row[ATTEMPTS].clear());
    table(&without_empty_columns(rows))
}

/// Leaves out the columns in which no row has anything.
fn without_empty_columns(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let used = |at: usize| rows.iter().any(|row| !row[at].is_empty());
    let columns = rows.first().map_or(0, Vec::len);
    let used: Vec<bool> = (0..columns).map(used).collect();
    let rows = rows.into_iter().map(|row| {
        let cells = row.into_iter().zip(&used);
        let cells = cells.filter_map(|(cell, used)| used.then_some(cell));
        cells.collect()
    });
    rows.collect()
}

fn hint_count(count: usize) -> String {
    text_plural!("{count} hint", "{count} hints", count).localized()
}

fn cells(context: &Context, one: &ExerciseReport) -> Vec<String> {
    let paint = context.paint;
    let (mark, at) = match one.by {
        Some(SolvedBy::Learner) => (
            paint.good("✓"),
            one.at.and_then(local_time).unwrap_or_default(),
        ),
        Some(SolvedBy::Solution) => (paint.warn("·"), localized!("solution played")),
        None => ("·".to_owned(), String::new()),
    };
    let points = one
        .points
        .map(|points| format!("{}/{points}", one.earned()));
    let hints = match one.hints {
        0 => String::new(),
        count => hint_count(count),
    };
    let attempts = match one.attempts {
        None | Some(0) => String::new(),
        Some(count) => text_plural!("{count} attempt", "{count} attempts", count).localized(),
    };
    let time = match one.seconds {
        0 => String::new(),
        seconds => duration(seconds * 1000),
    };
    vec![
        format!("  {mark} {}", one.exercise),
        points.unwrap_or_default(),
        at,
        hints,
        attempts,
        time,
        sanitize(&one.title),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_line_for_each_exercise() {
        let row = |exercise: &str, attempts: &str| {
            let cells = [
                exercise,
                "5/5",
                "2026-11-27 07:01 +00:00",
                "",
                attempts,
                "7 min 05 s",
                "Sessions that end by themselves",
            ];
            cells.map(str::to_owned).to_vec()
        };
        let rows = vec![row("  ✓ settings", ""), row("  ✓ when", "2 attempts")];
        let of = |width| lines(rows.clone(), width);
        let second = |width| of(width).remove(1);
        let whole = "  ✓ when      5/5  2026-11-27 07:01 +00:00  2 attempts  7 min 05 s  Sessions that end by themselves";
        assert_eq!(second(None), whole);
        assert_eq!(second(Some(120)), whole);
        assert_eq!(
            second(Some(90)),
            "  ✓ when      5/5  2026-11-27 07:01 +00:00  2 attempts  7 min 05 s  Sessions that end by …"
        );
        assert_eq!(
            second(Some(80)),
            "  ✓ when      5/5  2026-11-27 07:01 +00:00  2 attempts  7 min 05 s"
        );
        assert_eq!(
            second(Some(60)),
            "  ✓ when      5/5  2026-11-27 07:01 +00:00  7 min 05 s"
        );
    }
}
