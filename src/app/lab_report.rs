//! The report of a lab: what a learner did, for an instructor.

use time::{OffsetDateTime, UtcOffset};

use crate::app::App;
use crate::lab::{ExerciseId, Instance, Lab, LabId, Task};
use crate::machine;
use crate::runner::Failure;
use crate::store::{Progress, Standing};

/// What a learner did in one instance of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabReport {
    pub lab: LabId,
    pub title: String,
    pub instance: Instance,
    /// The learner.
    pub who: String,
    pub exercises: Vec<ExerciseReport>,
}

/// What a learner did in one exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExerciseReport {
    pub exercise: ExerciseId,
    pub title: String,
    /// What it is worth; `None` for an exercise without points.
    pub points: Option<u32>,
    /// Who solved it.
    pub by: Option<SolvedBy>,
    /// When it was solved, in seconds since 1970.
    pub at: Option<u64>,
    /// When its solution was played last, in seconds since 1970.
    pub solution_at: Option<u64>,
    /// The ordered hints that were shown until it was solved.
    pub hints: usize,
    /// The choices in a quiz until it was solved; `None` for other exercises.
    pub attempts: Option<u32>,
    /// The seconds that a session showed it before it was solved.
    pub seconds: u64,
    /// The draw of the random values with which it was solved, if it uses any.
    pub draw: Option<String>,
}

/// Who solved an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SolvedBy {
    Learner,
    /// Only its solution was played.
    Solution,
}

impl SolvedBy {
    pub fn name(self) -> &'static str {
        match self {
            SolvedBy::Learner => "learner",
            SolvedBy::Solution => "solution",
        }
    }
}

impl ExerciseReport {
    /// Returns the points that the learner has: all of a solved exercise, none of one whose solution was played.
    pub fn earned(&self) -> u32 {
        match self.by {
            Some(SolvedBy::Learner) => self.points.unwrap_or(0),
            Some(SolvedBy::Solution) | None => 0,
        }
    }
}

impl LabReport {
    /// Returns the points of all exercises.
    pub fn points(&self) -> u32 {
        let points = self.exercises.iter().filter_map(|one| one.points);
        points.sum()
    }

    /// Returns the points that the learner has.
    pub fn earned(&self) -> u32 {
        self.exercises.iter().map(ExerciseReport::earned).sum()
    }

    /// Returns the number of exercises that have points.
    pub fn with_points(&self) -> usize {
        let exercises = self.exercises.iter();
        exercises.filter(|one| one.points.is_some()).count()
    }

    /// Returns the number of exercises that the learner solved.
    pub fn solved(&self) -> usize {
        let exercises = self.exercises.iter();
        exercises
            .filter(|one| one.by == Some(SolvedBy::Learner))
            .count()
    }

    /// Returns the report as comma-separated values (RFC 4180, with the line ends of Unix), with a line of names.
    pub fn csv(&self) -> String {
        let names = [
            "who",
            "lab",
            "instance",
            "exercise",
            "title",
            "points",
            "earned",
            "by",
            "solved_at",
            "solution_played_at",
            "hints",
            "attempts",
            "seconds",
            "draw",
        ];
        let mut lines = vec![names.map(str::to_owned).to_vec()];
        lines.extend(self.exercises.iter().map(|one| {
            let number = |number: Option<u32>| number.map_or_else(String::new, |it| it.to_string());
            vec![
                self.who.clone(),
                self.lab.to_string(),
                self.instance.to_string(),
                one.exercise.to_string(),
                one.title.clone(),
                number(one.points),
                number(one.points.map(|_| one.earned())),
                one.by.map_or("", SolvedBy::name).to_owned(),
                one.at.and_then(utc).unwrap_or_default(),
                one.solution_at.and_then(utc).unwrap_or_default(),
                one.hints.to_string(),
                number(one.attempts),
                one.seconds.to_string(),
                one.draw.clone().unwrap_or_default(),
            ]
        }));
        let lines = lines.iter().map(|cells| {
            let cells: Vec<String> = cells.iter().map(|cell| csv_cell(cell)).collect();
            cells.join(",") + "\n"
        });
        lines.collect()
    }
}

/// Returns a cell for a spreadsheet. A text that it would take for a formula has an apostrophe in front, as OWASP recommends
/// against CSV injection.
fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let text = match formula {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains(['"', ',', '\n', '\r', '\'', ';', '\t']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// Returns a time in seconds since 1970 as `2026-11-26T06:15:02Z`; `None` if it is out of range.
pub fn utc(seconds: u64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    ))
}

/// Returns a time in seconds since 1970 for people, in the zone of this machine, as `2026-11-26 15:15 +09:00`; `None` if it is
/// out of range. Where the zone is unknown, it is UTC.
pub fn local_time(seconds: u64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    let offset = UtcOffset::local_offset_at(time).unwrap_or(UtcOffset::UTC);
    Some(with_offset(time, offset))
}

fn with_offset(time: OffsetDateTime, offset: UtcOffset) -> String {
    let time = time.to_offset(offset);
    let sign = if offset.is_negative() { '-' } else { '+' };
    let (hours, minutes, _) = offset.as_hms();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02} {sign}{:02}:{:02}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        hours.unsigned_abs(),
        minutes.unsigned_abs()
    )
}

impl App {
    /// Reports what a learner did in this instance of a lab, from the learner's progress alone. Without a name, the learner is
    /// the user of this machine.
    pub fn report(&self, lab: &Lab, who: Option<String>) -> Result<LabReport, Failure> {
        let progress = self.progress(&lab.id)?;
        let guide = lab.guide(&self.lang);
        let exercises = lab.exercises.iter().map(|exercise| {
            let id = &exercise.id;
            let played = progress.requested_at(id);
            let (by, at) = match progress.standing(id) {
                Standing::Solved => (Some(SolvedBy::Learner), progress.solved.get(id).copied()),
                Standing::SolutionPlayed => (Some(SolvedBy::Solution), played),
                Standing::Unsolved => (None, None),
            };
            ExerciseReport {
                exercise: id.clone(),
                title: lab.section(id, &self.lang).title.clone(),
                points: exercise.points,
                by,
                at,
                solution_at: played,
                hints: progress.used_hints(id),
                attempts: match exercise.task {
                    Task::Quiz(_) => Some(attempts(&progress, id)),
                    Task::Practical { .. } => None,
                },
                seconds: progress.seconds.get(id).copied().unwrap_or(0),
                draw: progress.draws.get(id).map(|draw| draw.seed().to_owned()),
            }
        });
        Ok(LabReport {
            lab: lab.id.clone(),
            title: guide.title.clone(),
            instance: self.instance.clone(),
            who: who.unwrap_or_else(machine::user),
            exercises: exercises.collect(),
        })
    }
}

/// Returns the choices in a quiz. Progress of an earlier roadlab has no count, but the last choice.
fn attempts(progress: &Progress, quiz: &ExerciseId) -> u32 {
    let counted = progress.attempts.get(quiz).copied();
    counted.unwrap_or(u32::from(progress.answers.contains_key(quiz)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::app::testing::app;
    use crate::lab::testing::{COMPOSE, lab};
    use crate::lab::{Exercise, Quiz};
    use crate::store::{PlayReason, QuizResult};

    #[test]
    fn a_cell_is_never_a_formula_and_keeps_its_text() {
        for (text, cell) in [
            ("plain", "plain"),
            ("0", "0"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            (
                "=HYPERLINK(\"http://x\")",
                "\"'=HYPERLINK(\"\"http://x\"\")\"",
            ),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\tx", "\"'\tx\""),
            ("키 하나", "키 하나"),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }

    #[test]
    fn programs_read_times_in_utc_and_people_in_their_zone() {
        assert_eq!(utc(1_795_673_702).unwrap(), "2026-11-26T06:15:02Z");
        assert_eq!(utc(u64::MAX), None);
        assert_eq!(local_time(u64::MAX), None);
        let time = OffsetDateTime::from_unix_timestamp(1_795_673_702).unwrap();
        let at =
            |hours, minutes| with_offset(time, UtcOffset::from_hms(hours, minutes, 0).unwrap());
        assert_eq!(at(9, 0), "2026-11-26 15:15 +09:00");
        assert_eq!(at(0, 0), "2026-11-26 06:15 +00:00");
        assert_eq!(at(-9, -30), "2026-11-25 20:45 -09:30");
    }

    #[test]
    fn a_report_has_what_the_learner_did() {
        let folder = tempfile::tempdir().unwrap();
        let (app, mut lab) = (app(folder.path()), lab(COMPOSE));
        let first = lab.exercises[0].clone();
        lab.exercises[0].points = Some(3);
        let quiz = Exercise {
            points: Some(2),
            task: Task::Quiz(Quiz {
                choices: vec!["a".to_owned(), "b".to_owned()],
                answer: "b".to_owned(),
                hints: BTreeMap::new(),
            }),
            ..first.clone()
        };
        app.update_progress(&lab.id, |progress| {
            progress.hints.insert(first.id.clone(), 2);
            progress.finish_playing(&[&first.id], None, PlayReason::Requested);
            progress.seconds.insert(first.id.clone(), 61);
        })
        .unwrap();
        let report = app.report(&lab, Some("=cmd".to_owned())).unwrap();
        let one = &report.exercises[0];
        assert_eq!(one.by, Some(SolvedBy::Solution));
        assert_eq!(
            (report.points(), report.earned(), report.solved()),
            (3, 0, 0)
        );
        let all = report.exercises.len();
        assert_eq!(report.with_points(), all);
        let mut report_of_some = report.clone();
        report_of_some.exercises[0].points = None;
        assert_eq!(report_of_some.with_points(), all - 1);
        assert_eq!((one.hints, one.seconds, one.attempts), (2, 61, None));
        let csv = report.csv();
        let lines: Vec<&str> = csv.split('\n').collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].starts_with("\"'=cmd\",small,main,one,One,3,0,solution,"),
            "{csv}"
        );
        lab.exercises[0] = quiz;
        for result in [
            QuizResult::Incorrect,
            QuizResult::Correct,
            QuizResult::Correct,
        ] {
            app.update_progress(&lab.id, |progress| progress.answer(&first.id, "b", result))
                .unwrap();
        }
        // What is read of an exercise that is solved is no help any more.
        app.update_progress(&lab.id, |progress| {
            progress.show_hint(&first.id, 3);
        })
        .unwrap();
        let report = app.report(&lab, None).unwrap();
        let one = &report.exercises[0];
        assert_eq!((one.by, one.attempts), (Some(SolvedBy::Learner), Some(2)));
        assert_eq!(one.hints, 2);
        assert_eq!(
            (report.points(), report.earned(), report.solved()),
            (2, 2, 1)
        );
    }
}
